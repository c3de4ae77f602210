"""Takes nests of loops apart that hold products of matrices, if they come apart (`products.py`).

They do if no iteration of the loops on the way to a product needs another one: they share nothing but sums
(`sharing.py`). Then all iterations may do one part before the first does the next.
"""

from __future__ import annotations

from collections.abc import Iterator

from llad.ir.core import Op, Region, Value, defined, walk
from llad.ir.types import I64, ScalarType, is_float
from llad.ops.table import OPS
from llad.passes.products_plan import Part, Path, Plan, Refused
from llad.passes.products_terms import Known, Terms

_AGAIN = frozenset({"const", "dim", "view"})  # what each part makes for itself
_STRAIGHT = frozenset({"load", "store", "const", "cast", "view"})  # what an innermost loop may hold, and arithmetic
_COUNTS = frozenset({"add", "sub", "mul"})  # and so are these, of indices


def is_promising(loop: Op, free: bool) -> bool:
    """Whether it may hold a product: an innermost loop, in two others, that adds products of floats in any order.

    `free`: all sums may be taken in any order. The bounds of these loops are the same in all iterations.
    """
    if loop.name != "for" or not any(op.name == "for" for op in loop.regions[0].ops):
        return False
    moving = defined(loop.regions[0])
    moving.difference_update([r for op in walk(loop.regions[0]) if op.name == "const" for r in op.results])

    def depth(op: Op) -> int:
        if op.name != "for" or not moving.isdisjoint(op.operands[:2]):
            return 0
        ops = op.regions[0].ops
        if any(o.name == "for" for o in ops):
            deepest = max(map(depth, ops))
            return deepest + 1 if deepest else 0
        adds = any(o.name in ("add", "sub") and (free or o.attrs.get("reassoc")) and _is_of_floats(o) for o in ops)
        multiplies = any(o.name == "mul" and _is_of_floats(o) for o in ops)
        return int(adds and multiplies and not any(o.regions for o in ops))

    return depth(loop) >= 3


def _is_of_floats(op: Op) -> bool:
    return is_float(op.result.type)


def plan(known: Known, loop: Op) -> Plan | None:
    """How the nest of `loop` comes apart, if it holds products of matrices of some size."""
    try:
        return _Nest(known, loop).plan
    except Refused:
        return None


class _Nest(Terms):
    """The plan of one nest, or `Refused`."""

    def __init__(self, known: Known, loop: Op) -> None:
        super().__init__(known, loop)
        self.plan = Plan(spread=self._spread)
        parts = self._parts(loop, ())
        if parts is None:
            raise Refused
        self.plan.parts = parts
        self._settle()

    # -- taking apart

    def _parts(self, loop: Op, path: Path) -> list[Part] | None:
        """The parts of a loop in their order; None if it does not come apart or holds no product."""
        if not self._comes_apart(loop, bool(path)):
            return None
        body, path = loop.regions[0], (*path, loop)
        self._depth[body] = len(path)
        self._numbers[body.args[0]] = len(path) - 1
        parts: list[Part] = []
        run: list[Op] = []
        for op in body.ops[:-1] if len(path) > 1 else self._checks_first(body):
            inner = None
            if op.name == "for":
                innermost = not any(o.regions for o in op.regions[0].ops)
                inner = self._innermost(op, path) if innermost else self._parts(op, path)
            if inner is None:
                run.append(op)
                continue
            if run:
                parts.append(Part(path, run))
                run = []
            parts += inner
        if run:
            parts.append(Part(path, run))
        return parts if any(part.product is not None for part in parts) else None

    def _checks_first(self, body: Region) -> list[Op]:
        """The ops of an iteration; checks, and what they need, come first if they need nothing that the nest writes."""
        needed: set[Value] = set()
        first: set[Op] = set()
        for op in reversed(body.ops[:-1]):
            if op.name != "check" and needed.isdisjoint(op.results):
                continue
            pure = op.name in OPS or op.name in ("check", "const", "cast", "dim", "view")
            if not pure and (op.name != "load" or not self._is_constant_memory(op)):
                return body.ops[:-1]
            first.add(op)
            needed.update(op.operands)
        return sorted(body.ops[:-1], key=lambda op: op not in first)

    def _comes_apart(self, loop: Op, inner: bool) -> bool:
        """Whether all its iterations may do one thing before the first does the next."""
        bounds = loop.operands[:2]
        by_ones = self._p.constant(loop.operands[2]) in (1, -1)
        if loop.attrs["exits"] or not by_ones or self._p.uses.get(loop.results[-1]):
            return False
        if any(b in self._inside and self._p.constant(b) is None for b in bounds):
            return False
        shares = self._p.sharing(loop)
        if shares.why or (inner and shares.scratch):
            return False
        if not inner:
            self.plan.spread.update(dict.fromkeys(shares.scratch, 1))
            self.plan.paths.update(dict.fromkeys(shares.scratch, (loop,)))
        return True

    def _innermost(self, loop: Op, path: Path) -> list[Part] | None:
        """The products of an innermost loop, and what else it does, as parts."""
        body = loop.regions[0]
        if len(path) < 2 or not self._comes_apart(loop, True):
            return None
        if any(op.name not in OPS and op.name not in _STRAIGHT for op in body.ops[:-1]):
            return None
        around, path = path, (*path, loop)
        self._depth[body] = len(path)
        self._numbers[body.args[0]] = len(path) - 1
        products: list[Part] = []
        rest: set[Op] = set()
        results: dict[Value, Part] = {}
        for k in range(len(body.args) - 1):
            product = self._sum(loop, k, path)
            if product is None:
                rest.add(self._p.made.get(body.terminator.operands[k], body.terminator))
                continue
            products.append(Part(path, [], product))
            results[loop.results[k]] = products[-1]
        for op in body.ops:
            if op.name == "store":
                product = self._update(loop, op, path)
                if product is None:
                    rest.add(op)
                else:
                    products.append(Part(path, [], product))
        if not products or body.terminator in rest:
            return None
        self.plan.home.update({r: (part, len(around)) for r, part in results.items()})
        return [*self._remaining(body, path, rest), *products]

    def _remaining(self, body: Region, path: Path, rest: set[Op]) -> list[Part]:
        """What else an innermost loop does than to add products."""
        if not rest:
            return []
        needed = {o for op in rest for o in op.operands}
        for op in reversed(body.ops[:-1]):
            if op not in rest and op.name != "store" and not needed.isdisjoint(op.results):
                rest.add(op)
            if op in rest:
                needed.update(op.operands)
        return [Part(path, [op for op in body.ops if op in rest])]

    # -- what parts hand on

    def _settle(self) -> None:
        """Find what each part needs of others, and whether sums keep their order."""
        plan = self.plan
        for part in plan.parts:
            for op in part.ops:
                plan.home.update({r: (part, len(part.path)) for r in op.results})
        loops = {loop for part in plan.parts for loop in part.path}
        for part in plan.parts:
            for depth, loop in enumerate(part.path):
                for k in range(len(loop.operands) - 3):
                    if loop.results[k] not in plan.home:
                        self._carry(loop, k, depth, loops)
        plan.dropped.update(part.product.stored for part in plan.products if part.product and part.product.stored)
        checked = [part for part in plan.parts if any(op.name == "check" for o in part.ops for op in _with(o))]
        if len(checked) > 1 or (checked and self._p.descends(self._loop)):
            raise Refused
        for part in plan.parts:
            plan.needs[part] = self._needs(part)
            for value in plan.needs[part]:
                self._needed(value, part)
            product = part.product
            if product is not None and product.target.window is None:
                self._keep(product.target.value, len(part.path) - 1, part.path)
        self._keep_order(loops)
        self._sink()

    def _carry(self, loop: Op, k: int, depth: int, loops: set[Op]) -> Part:
        """The part that adds to a carry, which is all that uses it."""
        plan = self.plan
        if (loop, k) in plan.carriers:
            return plan.carriers[loop, k]
        body = loop.regions[0]
        arg, total = body.args[1 + k], body.terminator.operands[k]
        op, uses = self._p.made.get(total), self._p.uses.get(arg, [])
        if op in loops and total not in plan.home:
            j = op.results.index(total)
            part = self._carry(op, j, depth + 1, loops)
            fine = op.operands[3 + j] is arg and uses == [op]
        elif total in plan.home:
            part = plan.home[total][0]
            own = {o for each in part.ops for o in _with(each)}
            fine = own.issuperset(uses)
        else:
            raise Refused
        if not fine:
            raise Refused
        plan.carriers[loop, k] = part
        if loop is not self._loop:
            plan.home[loop.results[k]] = part, depth
        return part

    def _needs(self, part: Part) -> list[Value]:
        """What a part uses that it does not make, of what the nest makes."""
        product = part.product
        used: list[Value] = []
        own: set[Value] = set()
        if product is None:
            ops = [op for op in part.ops if op not in self.plan.dropped]
            carried = [(loop, k) for (loop, k), carrier in self.plan.carriers.items() if carrier is part]
            used += [loop.operands[3 + k] for loop, k in carried if loop is not self._loop]
            own |= {loop.regions[0].args[1 + k] for loop, k in carried} | {loop.results[k] for loop, k in carried}
        else:
            ops = []
            factors = (product.left, product.right, product.target)
            for factor in factors:
                ops += factor.ops
                if factor.window is not None:
                    used += [factor.window.base, *(a for form in factor.window.at for a in form.terms)]
                elif not factor.ops and factor is not product.target:  # it is kept
                    used.append(factor.value)
            if product.start is not None:
                used.append(product.start)
        for op in ops:
            for inner in _with(op):
                used += inner.operands
                own.update(inner.results)
                own |= {a for region in inner.regions for a in region.args}
        indices = {loop.regions[0].args[0] for loop in part.path}
        wanted = [v for v in dict.fromkeys(used) if v not in own and v not in indices]
        return [v for v in wanted if v in self._inside or v in self.plan.spread]

    def _needed(self, value: Value, part: Part) -> None:
        """See that a part gets what it needs: it makes it again, or finds it in memory."""
        plan = self.plan
        if value in plan.spread:
            return
        op = self._p.made.get(value)
        if op is None or value not in plan.home:
            raise Refused
        home, depth = plan.home[value]
        if home is part:
            return
        if self.is_again(op):
            for operand in op.operands:
                if (operand in self._inside and operand not in self._numbers) or operand in plan.spread:
                    self._needed(operand, part)
        elif op.name == "alloc":
            if any(e in self._inside and self._p.constant(e) is None for e in op.operands):
                raise Refused
            plan.spread[value] = depth
            plan.paths[value] = home.path[:depth]
        elif isinstance(value.type, ScalarType):
            self._keep(value, depth, home.path)
        else:
            raise Refused

    def is_again(self, op: Op) -> bool:
        """Whether each part makes the result for itself."""
        if op.name in _AGAIN:
            return True
        return op.name in _COUNTS and op.result.type == I64 and all(self._is_index(o) for o in op.operands)

    def _is_index(self, value: Value) -> bool:
        if value not in self._inside or value in self._numbers:
            return True
        op = self._p.made.get(value)
        return op is not None and (op.name in ("const", "dim") or (op.name in _COUNTS and self.is_again(op)))

    def _keep(self, value: Value, depth: int, path: Path) -> None:
        if value not in self.plan.kept:
            self.plan.kept.append(value)
            self.plan.paths[value] = path[:depth]

    def _sink(self) -> None:
        """Find the copies that only the nest needs as it was."""
        ops = [o for part in self.plan.parts for each in part.ops for o in _with(each)]
        for part in self.plan.products:
            if product := part.product:
                ops += [*product.left.ops, *product.right.ops]
        used = {o for op in ops for o in op.operands}
        for array, copy in self._copies.items():
            made = self._p.copies.maker(copy, self._loop)
            if made is not None and array not in used:
                self.plan.sunk += [made, copy.nest]

    def _keep_order(self, loops: set[Op]) -> None:
        """Sums whose order counts must be added up in one part; and nothing that is half added up leaves its part."""
        owner = {op: part for part in self.plan.parts for each in part.ops for op in _with(each)}
        for loop in loops:
            shares = self._p.sharing(loop)
            ops = list(walk(loop.regions[0]))
            sums = [[o for o in ops if not chain.sums.isdisjoint(o.results)] for chain in shares.chains]
            for base in shares.added:
                stores = [o for o in ops if o.name == "store" and self._p.aliases.may_alias(o.operands[1], base)]
                sums.append([o for o in ops for s in stores if s.operands[0] in o.results])
            for adding in sums:
                adds = [o for o in adding if o.name in ("add", "sub")]
                turned = loop is self._loop and self._p.descends(loop)  # its parts go up
                if not all(map(self._p.relaxed, adds)) and (turned or len({owner.get(o) for o in adds}) > 1):
                    raise Refused
            if any(not chain.sums.isdisjoint(self.plan.kept) for chain in shares.chains):
                raise Refused


def _with(op: Op) -> Iterator[Op]:
    """The op and all in it."""
    yield op
    for region in op.regions:
        yield from walk(region)
