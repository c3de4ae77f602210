"""The products that innermost loops add up: their factors, where these lie, and the loops on which they depend.

A product adds `left · right` to a target. The index of each loop around it must be in two of these three, or in all of
them. A loop of one kind each (left and target, right and target, left and right) becomes part of the product of
matrices. Any further loop of such a kind, and any whose index is in all three, stays outside of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from llad.ir.alias import Aliases
from llad.ir.core import Function, Op, Region, Value, accessed, constant, defined, makers, users, walk
from llad.ir.elements import Elements
from llad.ir.types import is_float
from llad.ops.table import OPS
from llad.passes.copies import Copies, Copy
from llad.passes.products_plan import Factor, Kind, Path, Product, Refused, Window
from llad.passes.sharing import sharing_of

_FEW = 4  # rows, columns or terms for which no product of matrices pays
_LARGEST = 400  # ops of a nest that is worth having twice


class Known:
    """What the passes ask about one function."""

    def __init__(self, fn: Function) -> None:
        self._free = bool(fn.attrs.get("fastmath"))
        self.elements = Elements(fn)
        self.aliases = Aliases(fn)
        self.sharing = sharing_of(fn)
        self.made = makers(fn.body)
        self.uses = users(fn.body)
        self.copies = Copies(fn, self.aliases, self.elements, self.uses)

    def constant(self, value: Value) -> int | None:
        return self.elements.constant(value)

    def descends(self, loop: Op) -> bool:
        """Whether a loop that goes by ones goes down."""
        return self.constant(loop.operands[2]) == -1

    def least(self, loop: Op) -> int | None:
        """The least index of a loop that goes by ones, if it is known."""
        first = self.constant(loop.operands[self.descends(loop)])
        return None if first is None else first + self.descends(loop)

    def relaxed(self, op: Op) -> bool:
        """Whether the order of a sum is free."""
        return self._free or bool(op.attrs.get("reassoc"))


class Terms:
    """Finds the products in the nest of `loop`. Raises: Refused if that is too long."""

    def __init__(self, known: Known, loop: Op) -> None:
        self._p = known
        self._loop = loop
        body = loop.regions[0]
        ops = list(walk(body))
        if len(ops) > _LARGEST:
            raise Refused
        self._inside = defined(body)
        self._written = known.aliases.written(loop)
        self._depth: dict[Region, int] = {}
        self._numbers: dict[Value, int] = {}
        self._copies: dict[Value, Copy] = {}
        self._spread: dict[Value, int] = {}  # allocations of which iterations need their own, and in how many loops

    def _sum(self, loop: Op, k: int, path: Path) -> Product | None:
        """The product that an innermost loop adds to carry `k`."""
        body = loop.regions[0]
        carry, total = body.args[1 + k], body.terminator.operands[k]
        add = self._p.made.get(total)
        if add is None or self._p.uses.get(carry) != [add] or self._p.uses[total] != [body.terminator]:
            return None
        start = loop.operands[3 + k]
        if not self._is_plain(start):
            return None
        zero = constant(start, self._p.made) == 0.0
        everywhere = frozenset(range(len(path) - 1))
        product = self._of(add, carry, Factor(loop.results[k], everywhere, None), path)
        if product is not None:
            product.start, product.fresh = None if zero else start, zero
            if zero:
                self._redirect(product, path)
        return product

    def _is_plain(self, start: Value) -> bool:
        """Whether it is no carry of the nest."""
        return start not in self._inside or start in self._p.made

    def _redirect(self, product: Product, path: Path) -> None:
        """Let a sum end where it is stored, if that is all that becomes of it."""
        uses = self._p.uses.get(product.target.value, [])
        if len(uses) != 1 or uses[0].name != "store" or uses[0] not in path[-2].regions[0].ops:
            return
        (store,) = uses
        value, handle, *indices = store.operands
        roots = self._p.aliases.roots(handle)
        touching = [op for op in self._touching(walk(self._loop.regions[0]), roots) if op is not store]
        if value is product.target.value and not touching:
            found = self._place(handle, indices, product)
            if found is not None:
                product.target, product.stored = Factor(value, product.target.loops, found), store

    def _place(self, handle: Value, indices: Sequence[Value], product: Product) -> Window | None:
        """A window for the result of a product."""
        window = self._window(handle, indices)
        loops = None if window is None else self._of_window(window)
        fits = loops == product.target.loops and self._is_matrix(window, product.rows, product.columns)
        return window if fits else None

    def _touching(self, ops: Iterable[Op], roots: Iterable[Value]) -> list[Op]:
        accesses = [op for op in ops if op.name in ("load", "store")]
        return [op for op in accesses if not self._p.aliases.roots(accessed(op)[0]).isdisjoint(roots)]

    def _update(self, loop: Op, store: Op, path: Path) -> Product | None:
        """The product that an innermost loop adds to elements of an array."""
        body = loop.regions[0]
        value, handle, *indices = store.operands
        add = self._p.made.get(value)
        if add is None or add not in body.ops or self._p.uses[value] != [store]:
            return None
        old = next((o for o in add.operands if self._loads(o, handle, indices) and self._p.uses[o] == [add]), None)
        roots = self._p.aliases.roots(handle)
        if old is None or len(self._touching(body.ops, roots)) > 2:
            return None
        window = self._window(handle, indices)
        loops = None if window is None else self._of_window(window)
        if window is None or loops is None:
            return None
        return self._of(add, old, Factor(handle, loops, window), path)

    def _loads(self, value: Value, handle: Value, indices: Sequence[Value]) -> bool:
        """Whether a value is the element that is stored to."""
        op = self._p.made.get(value)
        if op is None or op.name != "load" or op.operands[0] is not handle:
            return False
        pairs, form = zip(op.operands[1:], indices, strict=True), self._p.elements.form
        return all(form(a).plus(form(b), -1).number == 0 for a, b in pairs)

    def _of(self, add: Op, old: Value, target: Factor, path: Path) -> Product | None:
        """The product that `add` adds to `old`."""
        body = path[-1].regions[0]
        if add.name not in ("add", "sub") or add not in body.ops or not self._p.relaxed(add):
            return None
        if not is_float(old.type) or (add.name == "sub" and add.operands[0] is not old):
            return None
        term = add.operands[1] if add.operands[0] is old else add.operands[0]
        mul = self._p.made.get(term)
        if term is old or mul is None or mul.name != "mul" or mul not in body.ops:
            return None
        factors = [self._factor(o, body) for o in mul.operands]
        left, right = factors
        if left is None or right is None:
            return None
        kinds = [tuple(n in f.loops for f in (left, right, target)) for n in range(len(path))]
        if any(sum(kind) < 2 for kind in kinds):
            return None
        chosen = [self._chosen(kinds, kind) for kind in ((True, False, True), (False, True, True), (True, True, False))]
        rows, columns, inner = chosen
        if rows is None or columns is None or inner is None or self._is_small(path, chosen):
            return None
        product = Product(left, right, target, add.name == "sub", rows, columns, inner)
        if target.window is not None and not self._is_matrix(target.window, rows, columns):
            return None
        if product.negative or (left.window is not None and not self._is_matrix(left.window, rows, inner)):
            product.left = self._copied(left, body, product.negative)
        if right.window is not None and not self._is_matrix(right.window, inner, columns):
            product.right = self._copied(right, body)
        return product

    def _chosen(self, kinds: Sequence[tuple[bool, ...]], wanted: tuple[bool, ...]) -> int | None:
        """The loop of a kind that runs inside of the product: the one that is cut in strips, or the last."""
        numbers = [n for n, kind in enumerate(kinds) if kind == wanted]
        return None if not numbers else 0 if numbers[0] == 0 else numbers[-1]

    def _is_small(self, path: Path, chosen: Sequence[int | None]) -> bool:
        """Whether it is known that the product has few rows, columns or terms."""
        bounds = [path[n].operands[:2] for n in chosen if n is not None]
        known = [(self._p.constant(lo), self._p.constant(hi)) for lo, hi in bounds]
        return any(lo is not None and hi is not None and abs(hi - lo) < _FEW for lo, hi in known)

    # -- factors

    def _factor(self, value: Value, body: Region) -> Factor | None:
        loops = self._loops(value)
        if loops is None:
            return None
        op = self._p.made.get(value)
        own = op is not None and op in body.ops
        if op is not None and op.name == "load" and (own or self._is_constant_memory(op)):
            if not self._p.aliases.roots(op.operands[0]).isdisjoint(self._stored(body)):
                return None
            window = self._window(op.operands[0], op.operands[1:])
            if window is not None:
                return Factor(value, loops, window)
        factor = Factor(value, loops, None)
        return self._copied(factor, body) if own else factor

    def _stored(self, body: Region) -> set[Value]:
        """The memory that an innermost loop stores to."""
        return {root for op in body.ops if op.name == "store" for root in self._p.aliases.roots(op.operands[1])}

    def _copied(self, factor: Factor, body: Region, anyway: bool = False) -> Factor:
        """The factor with the ops of an innermost loop that compute it, if they do; copied `anyway` if not."""
        needed, found = {factor.value}, []
        stored = self._stored(body)
        for op in reversed(body.ops[:-1]):
            if needed.isdisjoint(op.results):
                continue
            if op.name == "load" and not self._p.aliases.roots(op.operands[0]).isdisjoint(stored):
                raise Refused
            found.append(op)
            needed.update(op.operands)
        return Factor(factor.value, factor.loops, None, anyway or bool(found), tuple(found[::-1]))

    def _is_constant_memory(self, load: Op) -> bool:
        """Whether nothing in the nest writes what is loaded."""
        return self._p.aliases.roots(load.operands[0]).isdisjoint(self._written)

    def _window(self, handle: Value, indices: Sequence[Value]) -> Window | None:
        """The elements as those of a buffer from outside the nest, or of one that the nest makes."""
        base, at = self._p.elements.place(handle, indices, self._inside)
        found = tuple(form for form in at if form is not None)
        made = self._p.made.get(base)
        if len(found) < len(at) or (base in self._inside and (made is None or made.name != "alloc")):
            return None
        if (copy := self._p.copies.of(base, self._loop)) is not None:
            self._copies[base] = copy
            return Window(copy.base, copy.place(found))
        return Window(base, found)

    def _is_matrix(self, window: Window | None, first: int, second: int) -> bool:
        """Whether two axes of a window run with the two loops, one each, or its buffer is spread over such a loop."""
        if window is None:
            return False
        own = set(range(self._spread_over(window.base)))
        axes: list[set[int]] = [{n} for n in own]
        for form in window.at:
            direct = {self._numbers[a] for a in form.terms if a in self._numbers}
            hidden = [self._loops(a) for a in form.terms if a not in self._numbers]
            if any(h is None or h & {first, second} for h in hidden):
                return False
            axes.append(direct)
        running = [axis & {first, second} for axis in axes if axis & {first, second}]
        return sorted(map(sorted, running)) == sorted([[first], [second]])

    def _spread_over(self, base: Value) -> int:
        """In how many loops each iteration has an array of its own."""
        if base in self._spread:
            return self._spread[base]
        made = self._p.made.get(base)
        return self._home_depth(made) if base in self._inside and made is not None else 0

    # -- what depends on which loops

    def _home_depth(self, op: Op) -> int:
        for region, depth in self._depth.items():
            if op in region.ops:
                return depth
        raise Refused

    def _loops(self, value: Value) -> Kind | None:
        """The loops on which a value depends; None if a loop carries it."""
        if value not in self._inside:
            return frozenset(range(self._spread.get(value, 0)))
        if value in self._numbers:
            return frozenset({self._numbers[value]})
        op = self._p.made.get(value)
        if op is None:
            return None
        depth = self._home_depth(op)
        pure = op.name in OPS or op.name in ("const", "cast", "dim", "view")
        inner = not any(o.regions for o in self._region_of(op).ops)
        if pure or (op.name == "load" and (inner or self._is_constant_memory(op))):
            return self._loops_of_any(op.operands)
        return frozenset(range(depth))

    def _loops_of_any(self, values: Iterable[Value]) -> Kind | None:
        """The loops on which some of the values depend; None if a loop carries one of them."""
        found: set[int] = set()
        for value in values:
            loops = self._loops(value)
            if loops is None:
                return None
            found |= loops
        return frozenset(found)

    def _region_of(self, op: Op) -> Region:
        return next(region for region in self._depth if op in region.ops)

    def _of_window(self, window: Window) -> Kind | None:
        loops = self._loops_of_any(atom for form in window.at for atom in form.terms)
        return None if loops is None else loops.union(range(self._spread_over(window.base)))
