"""Which inner loops only add to memory, so that they may go around what was around them (`afterwards.py`)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from llad.dataclass import dataclass
from llad.ir.alias import Aliases, Roots
from llad.ir.core import TAPE, Function, Op, Region, Value, accessed, defined, makers, uses, walk
from llad.ir.elements import Elements
from llad.ir.types import BufferType, is_float
from llad.passes.additions import Addition, Additions
from llad.passes.effects import computes
from llad.passes.strips import SPECIAL, made_of_index

ENOUGH = 16  # iterations that are worth being vectors
_LARGEST = 40  # ops of a nest
_STRANGERS = TAPE | {"call", "check", "derivative", "free", "matmul", "print", "while"}


@dataclass(frozen=True, slots=True)
class Update:
    """A nest of loops that does nothing but add to memory.

    `levels`: its loops, the outermost first. `totals`: those of the additions that are to the same element in each
    iteration of the outer loop. `varying`: the ops in them that depend on the outer index. `needs`: the
    numbers that an iteration of the outer loop computes for it; `again`: how integers are made that it needs.
    """

    levels: tuple[Op, ...]
    additions: tuple[Addition, ...]
    totals: tuple[Addition, ...]
    varying: frozenset[Op]
    needs: tuple[Value, ...]
    again: tuple[Op, ...]

    @property
    def nest(self) -> Op:
        return self.levels[0]


class Plans:
    """`updates`: per outer loop the nests that go around it."""

    def __init__(self, fn: Function) -> None:
        self.updates: dict[Op, list[Update]] = {}
        self._elements, self._aliases = Elements(fn), Aliases(fn)
        self._additions = Additions(fn)
        self._made = makers(fn.body)
        self._uses = uses(fn.body)
        if not fn.attrs.get("may_alias"):
            self._region(fn.body)

    def _region(self, region: Region) -> None:
        for op in region.ops:
            if op.name == "for" and (found := self._among(op)):
                self.updates[op] = found
                continue
            for inner in op.regions:
                self._region(inner)

    def _among(self, loop: Op) -> list[Update]:
        body = loop.regions[0]
        if not any(op.name == "for" for op in body.ops) or any(op.name in _STRANGERS for op in walk(body)):
            return []
        lo, hi, step = map(self._elements.constant, loop.operands[:3])
        known_few = lo is not None and hi is not None and hi - lo < ENOUGH
        if any(map(loop.attrs.get, SPECIAL)) or step != 1 or known_few:
            return []
        inside = defined(body)
        found = [u for op in body.ops if op.name == "for" and (u := self._update(op, loop, inside))]
        while met := [u for u in found if not self._is_alone(u, found, body)]:
            found = [u for u in found if u not in met]
        return found

    def _is_alone(self, update: Update, others: Sequence[Update], body: Region) -> bool:
        """Whether nothing else than additions touches what a nest adds to, and nothing changes what it reads."""
        nests = {u.nest for u in others}
        rest = [op for op in body.ops if op not in nests]
        added = frozenset().union(*(self._added(u) for u in others))
        sums = [sum for op in rest if op.name == "store" and (sum := self._additions.of(op, body))]
        adding = {op for sum in sums for op in (sum.load, sum.store)}
        touched = frozenset().union(*(self._aliases.touched(op) for op in rest if op not in adding))
        if not self._added(update).isdisjoint(touched):
            return False
        own = {addition.load for addition in update.additions}
        loads = [op for op in walk(update.levels[0].regions[0]) if op.name == "load" and op not in own]
        read = frozenset().union(*map(self._aliases.read, loads))
        return read.isdisjoint(added | frozenset().union(*map(self._aliases.written, rest)))

    def _added(self, update: Update) -> Roots:
        return frozenset().union(*(self._aliases.roots(a.store.operands[1]) for a in update.additions))

    # -- one nest

    def _update(self, nest: Op, outer: Op, inside: set[Value]) -> Update | None:
        levels = tuple(self._levels(nest))
        ops = [op for level in levels for op in level.regions[0].ops[:-1] if op not in levels]
        own = defined(nest.regions[0])
        stores = [op for op in ops if op.name == "store"]
        if not stores or len(ops) > _LARGEST or not all(computes(op) or op in stores for op in ops):
            return None
        index = outer.regions[0].args[0]
        beside = inside - own - {index}
        asked = [o for each in (*levels, *ops) for o in each.operands if o in beside]
        again: dict[Op, None] = {}
        needs = [v for v in dict.fromkeys(asked) if not made_of_index(v, outer, inside, self._made, again)]
        moving = {index, *needs}
        varying = []
        for op in (*again, *ops):
            if not moving.isdisjoint(op.operands):
                varying.append(op)
                moving.update(op.results)
        if not all(is_float(v.type) for v in needs) or stores[0] not in levels[-1].regions[0].ops:
            return None
        if any(not moving.isdisjoint(o.operands) for o in levels):
            return None
        additions = self._added_by(levels[-1].regions[0], moving, index)
        loads = {addition.load for addition in additions}
        ways = [self._way(op, moving, index) for op in varying if op.name == "load" and op not in loads]
        if not additions or None in ways or not (any(ways) or any(additions.values())):
            return None
        totals = tuple([addition for addition, moves in additions.items() if not moves])
        return Update(levels, tuple(additions), totals, frozenset(varying), tuple(needs), tuple(again))

    def _levels(self, loop: Op) -> Iterator[Op]:
        """The loops of a nest, as far as it is one: each holds one loop, and carries nothing."""
        while len(loop.results) == 1 and not any(map(loop.attrs.get, SPECIAL)) and not self._uses.get(loop.results[0]):
            yield loop
            inner = [op for op in loop.regions[0].ops if op.regions]
            if len(inner) != 1 or inner[0].name != "for":
                return
            (loop,) = inner

    def _added_by(self, body: Region, moving: set[Value], index: Value) -> dict[Addition, bool]:
        """What the innermost loop adds to memory, and whether to another element in each iteration of the outer one.

        Nothing, if it does something else with memory that it writes.
        """
        found: dict[Addition, bool] = {}
        for store in body.ops:
            if store.name != "store":
                continue
            addition, moves = self._additions.of(store, body), self._way(store, moving, index)
            if addition is None or moves is None or not (moves or moving.isdisjoint(store.operands[1:])):
                return {}
            if moves and any(found[other] and self._meet(other, addition) for other in found):
                return {}
            found[addition] = moves
        return found

    def _meet(self, one: Addition, other: Addition) -> bool:
        return self._aliases.may_alias(one.store.operands[1], other.store.operands[1])

    def _way(self, op: Op, moving: set[Value], index: Value) -> bool | None:
        """Whether the outer index leads a load or store along a row; `None`, if it leads elsewhere."""
        array, *indices = accessed(op)
        forms = [self._elements.form(i) for i in indices]
        assert isinstance(array.type, BufferType)
        if array in moving or any(atom in moving and atom is not index for form in forms for atom in form.terms):
            return None
        steps = [form.terms.get(index, 0) for form in forms]
        if any(steps[:-1]) or steps[-1:] not in ([0], [1]) or array.type.layout != "C":
            return False if not any(steps) else None
        return steps[-1] == 1
