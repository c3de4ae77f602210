"""Elements that nothing stores over any more: factors of a matrix, which are read while others are still being made.

An array that is filled column by column is written in every iteration, but not where an earlier iteration wrote: a
load of `f[i, m]` with m < j in iteration j meets no later store, if these go to `f[·, j']` with j' >= j. What is to be
shown is that on some axis the index of the load and that of each later store differ, whatever the loops inside do.

Soundness: indices are sums modulo 2⁶⁴ (`elements.py`). Two whose difference is shown to lie strictly between 0 and 2⁶⁴
name different elements; so bounds are used only where they are sums that do not wrap, of numbers that are not
negative.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from llad.ir.affine import GREATEST, LONGEST, Affine, Knowledge
from llad.ir.alias import Aliases
from llad.ir.core import Function, Makers, Op, Value, accessed, makers, walk
from llad.ir.elements import Elements, Place
from llad.ir.types import I64

_FAR = 2**62  # sums that stay below do not wrap


class Settled:
    """Questions about loads of one function."""

    def __init__(self, fn: Function, aliases: Aliases) -> None:
        self._aliases = aliases
        self._elements = Elements(fn)
        self._made = makers(fn.body)
        self._loops = {op.regions[0].args[0]: op for op in walk(fn.body) if op.name == "for"}

    def spared_by(self, load: Op, ops: Iterable[Op]) -> bool:
        """Whether `ops`, which run after the load in the same iteration of the loops around both, store elsewhere."""
        stores = self._stores(load, ops)
        return stores is not None and all(self._apart(load, s, None) for s in stores)

    def spared_later(self, load: Op, loop: Op) -> bool:
        """Whether all iterations of a `for` around the load that come after the present one store elsewhere."""
        if loop.name != "for" or self._elements.constant(loop.operands[2]) is None:
            return False
        stores = self._stores(load, loop.regions[0].ops)
        return stores is not None and all(self._apart(load, s, loop) for s in stores)

    def _stores(self, load: Op, ops: Iterable[Op]) -> list[Op] | None:
        """The stores among `ops` to the allocation that is loaded from; None if something else may write there."""
        roots = self._aliases.roots(load.operands[0])
        base, _ = self._place(load)
        made = self._made.get(base)
        if roots != {base} or made is None or made.name != "alloc":
            return None
        found = []
        for op in ops:
            for inner in (op, *(i for r in op.regions for i in walk(r))):
                if inner is made:
                    return None
                if inner.regions or base not in self._aliases.written(inner):
                    continue
                if inner.name != "store" or self._place(inner)[0] is not base:
                    return None
                found.append(inner)
        return found

    def _place(self, op: Op) -> tuple[Value, Place]:
        handle, *indices = accessed(op)
        return self._elements.place(handle, indices)

    def _apart(self, load: Op, store: Op, loop: Op | None) -> bool:
        """Whether the two never meet; with a `loop`, if the store is in a later iteration of it."""
        facts = _Facts(self._elements, self._made, self._loops)
        later = {} if loop is None else facts.later(loop)
        for here, there in zip(self._place(load)[1], self._place(store)[1], strict=True):
            if here is None or there is None:
                continue
            difference = _renamed(there, later).plus(here, -1)
            signs = difference.shifted(-1), difference.times(-1).shifted(-1)
            if facts.is_small(difference) and any(map(facts.knowledge.holds, signs)):
                return True
        return False


def _renamed(form: Affine, names: Mapping[Value, Value]) -> Affine:
    return Affine(form.const, {names.get(atom, atom): c for atom, c in form.terms.items()})


class _Facts:
    """What is known of the indices of loops, of extents, and of least and greatest numbers.

    `names`: what the values of a later iteration are called, by those of the present one.
    """

    def __init__(self, elements: Elements, made: Makers, loops: dict[Value, Op]) -> None:
        self.knowledge = Knowledge()
        self._elements, self._made, self._loops = elements, made, loops
        self._natural: dict[Value, bool] = {}  # whether a number is known not to be negative
        self._most: dict[Value, int] = {}  # what it is at most, where it is bounded by extents

    def later(self, loop: Op) -> dict[Value, Value]:
        """Names for what a later iteration of `loop` makes; its index is known to come after the present one."""
        body = loop.regions[0]
        inside = [
            *body.args,
            *(v for op in walk(body) for v in (*op.results, *(a for r in op.regions for a in r.args))),
        ]
        names = {value: Value(I64, value.name) for value in inside if value.type == I64}
        index, step = body.args[0], self._elements.constant(loop.operands[2])
        for value, name in names.items():
            self._learn(value, name, names)
        if step and self._natural.get(names[index]):
            after = Affine(step, {index: 1})
            self.learn_index(loop, names[index], {}, after)
            self.natural(index)
        return names

    def natural(self, atom: Value) -> bool:
        """Whether a number of the present iteration is known not to be negative."""
        if atom not in self._natural:
            self._natural[atom] = False  # should it depend on itself
            self._learn(atom, atom, {})
        return self._natural[atom]

    def is_small(self, form: Affine) -> bool:
        """Whether a sum of numbers lies strictly between -2⁶⁴ and 2⁶⁴."""
        if not all(map(self.natural, form.terms)):
            return False
        few = sorted(form.terms.values()) in ([], [-1], [1], [-1, 1]) and abs(form.const) < _FAR
        return few or self._magnitude(form) is not None

    def _magnitude(self, form: Affine) -> int | None:
        """What the sum, and all of it that adds up to it, is at most, if that is far from wrapping."""
        if not all(atom in self._most for atom in form.terms):
            return None
        total = abs(form.const) + sum(abs(c) * self._most[atom] for atom, c in form.terms.items())
        return total if total < _FAR else None

    def _learn(self, atom: Value, name: Value, names: Mapping[Value, Value]) -> None:
        op = self._made.get(atom)
        natural, most = False, None
        if atom in self._loops:
            natural, most = self.learn_index(self._loops[atom], name, names)
        elif op is not None and op.name == "dim":
            natural, most = True, LONGEST
            self.knowledge.describe(name, (0, LONGEST))
        elif op is not None and op.name in ("min", "max") and op.result.type == I64:
            natural, most = self._learn_extremum(op, name, names)
        self._natural[name] = natural
        if most is not None:
            self._most[name] = most

    def learn_index(
        self, loop: Op, name: Value, names: Mapping[Value, Value], after: Affine | None = None
    ) -> tuple[bool, int | None]:
        """The index runs between its bounds; in later iterations, from `after` on."""
        low, high = (self._exact(o, names) for o in loop.operands[:2])
        step = self._elements.constant(loop.operands[2])
        if not step:
            return False, None
        if step < 0:
            low, high = None if high is None else high.shifted(1), None if low is None else low.shifted(1)
        if low is None or not self.knowledge.holds(low):
            return False, None
        lowers, uppers = [low], [] if high is None else [high.shifted(-1)]
        if after is not None:
            (lowers if step > 0 else uppers).append(after)
        self.knowledge.describe(name, (0, GREATEST), lowers, uppers)
        return True, None if high is None else self._magnitude(high)

    def _learn_extremum(self, op: Op, name: Value, names: Mapping[Value, Value]) -> tuple[bool, int | None]:
        forms = [f for o in op.operands if (f := self._exact(o, names)) is not None]
        if len(forms) < 2 or not all(map(self.knowledge.holds, forms)):
            return False, None
        least = op.name == "min"
        self.knowledge.describe(name, (0, GREATEST), *([], forms) if least else (forms, []))
        self.knowledge.describe_extremum(name, least, forms)
        sizes = [self._magnitude(form) for form in forms]
        return True, None if None in sizes else max(size for size in sizes if size is not None)

    def _exact(self, value: Value, names: Mapping[Value, Value]) -> Affine | None:
        """The number as a sum that does not wrap, if it is known to be one."""
        form = _renamed(self._elements.form(value), names)
        for atom in form.terms:
            if atom not in names.values():
                self.natural(atom)
        if not form.terms or (not form.const and list(form.terms.values()) == [1]):
            return form
        return form if self._magnitude(form) is not None or self._follows_index(value) else None

    def _follows_index(self, value: Value) -> bool:
        """Whether it is the index of a loop that goes up to some end, and 1: that is at most the end."""
        form = self._elements.form(value)
        (atom,) = form.terms if len(form.terms) == 1 else (value,)
        loop = self._loops.get(atom)
        if loop is None or form.const != 1 or form.terms[atom] != 1:
            return False
        return (self._elements.constant(loop.operands[2]) or 0) > 0
