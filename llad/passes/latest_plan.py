"""The recurrences of a loop: through which numbers an iteration waits for the one before it, and by what way.

Numbers are handed on in carries (elements that were stored, too: `onward.py`). Those that depend on each other, over
however many iterations, are one recurrence. What is on its way depends on what was handed on, and what will be handed
on depends on it. When it is there is counted in cycles, about, from when the last number of the iteration before was:
some were there long before.

A carry to which is only added is no recurrence, nor is a product: the order of its terms is free. And where there is so
much else to do that the processor is busy meanwhile, it does not matter what a recurrence waits for.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import reduce
from operator import or_

from llad.dataclass import dataclass
from llad.ir.core import Op, Region, Value, loop_carries, loop_yields, walk
from llad.ir.cycles import cycles
from llad.ir.types import is_float
from llad.ops.cost import DEAR

STEP = 4.0  # cycles of a sum, of a product, and of both at once
LONG_AGO = -1e9  # of what does not wait
_CYCLES = {"div": 13.0, "sqrt": 20.0, "load": 5.0, "select": 1.0, **dict.fromkeys(DEAR, 40.0)}
_NESTED = 60.0  # of a loop, who knows
_PURE = {"add", "sub", "select", "if"}, {"mul", "select", "if"}  # what only adds up, and what only multiplies
_AT_ONCE = 2.0  # operations of a cycle
_MOST = 64  # numbers that are handed on


@dataclass(frozen=True, slots=True)
class Recurrence:
    """`way`: the ops on its way. `waits`: the values that depend on it. `time`: when values are there."""

    way: list[Op]
    waits: set[Value]
    time: dict[Value, float]


def recurrences(loop: Op) -> list[Recurrence]:
    """The recurrences of the innermost iterations of a loop: of what is in its body, but in no other loop."""
    carried = zip(loop_carries(loop), loop_yields(loop), strict=True)
    handed = [(before, after) for before, after in carried if is_float(before.type)]
    if not 0 < len(handed) <= _MOST:
        return []
    flow = _Flow(loop.regions[-1], handed)
    return [found for members in flow.cycles() if (found := flow.recurrence(members)).way]


class _Flow:
    """What is computed in the body of a loop from the numbers that it carries, each of which has a bit.

    `handed`: these numbers, as an iteration finds them and as it leaves them.
    """

    def __init__(self, body: Region, handed: list[tuple[Value, Value]]) -> None:
        self._body, self._handed = body, handed
        self._from = {before: 1 << k for k, (before, _) in enumerate(handed)}  # what each value depends on
        for op in _ops(body):
            bits = reduce(or_, [self._from.get(value, 0) for value in _used(op)], 0)
            if bits:
                self._from.update(dict.fromkeys(op.results, bits))

    def _times(self, starts: list[float]) -> dict[Value, float]:
        """When what depends on the numbers is there, if they are at `starts`."""
        found = {before: start for (before, _), start in zip(self._handed, starts, strict=True)}
        for op in _ops(self._body):
            if not self._from.keys().isdisjoint(op.results):
                time = max(found[value] for value in _used(op) if value in found) + _cycles(op)
                found.update(dict.fromkeys(op.results, time))
        return found

    def cycles(self) -> list[list[int]]:
        """What is handed on and depends on itself: the members of each recurrence."""
        reached = [self._from.get(after, 0) for _, after in self._handed]
        numbers = range(len(reached))
        return cycles({k: {j for j in numbers if reached[j] >> k & 1} for k in numbers})

    def recurrence(self, members: list[int]) -> Recurrence:
        """That of these `members`: without a way if that is only added up, or multiplied, or all else takes longer."""
        ends, mask = [self._handed[k][1] for k in members], sum(1 << k for k in members)
        waits = {value for value, bits in self._from.items() if bits & mask}
        way = self._way(ends, waits)
        if self._is_pure(way, waits):
            return Recurrence([], waits, {})
        times = self._times([0.0] * len(self._handed))
        last = max(times[end] for end in ends)
        if sum(is_float(r.type) for op in _ops(self._body) for r in op.results) > _AT_ONCE * last:
            return Recurrence([], waits, {})
        return Recurrence(way, waits, self._times([times.get(after, 0.0) - last for _, after in self._handed]))

    def _way(self, ends: list[Value], waits: set[Value]) -> list[Op]:
        """The ops, in their order, that depend on what was handed on, and that what will be depends on."""
        needed = waits.intersection(ends)
        found = []
        for op in reversed(list(_ops(self._body))):
            if needed.isdisjoint(op.results) or waits.isdisjoint(op.results):
                continue
            found.append(op)
            needed.update(waits.intersection(op.operands))
            for inner in op.regions if op.name == "if" else ():
                needed.update(waits.intersection(inner.terminator.operands))
        return found[::-1]

    def _is_pure(self, way: list[Op], waits: set[Value]) -> bool:
        """Whether a recurrence is a sum or a product: through each op of it goes one operand."""
        names = {op.name for op in way}
        one = all(op.name in ("select", "if") or sum(o in waits for o in op.operands) == 1 for op in way)
        choices = [op.operands[0] for op in way if op.name in ("select", "if")]
        return one and any(names <= pure for pure in _PURE) and waits.isdisjoint(choices)


def _ops(region: Region) -> Iterator[Op]:
    """The ops of a body, and of the branches in it: branches before what chooses between them."""
    for op in region.ops:
        if op.name == "if":
            for inner in op.regions:
                yield from _ops(inner)
        yield op


def _used(op: Op) -> Iterator[Value]:
    """What the results of an op depend on: for a branch what is yielded, for a loop all that is in it."""
    yield from op.operands
    for inner in op.regions:
        for each in [inner.terminator] if op.name == "if" else walk(inner):
            yield from each.operands


def _cycles(op: Op) -> float:
    """How long a result takes."""
    if op.regions:
        return 0.0 if op.name == "if" else _NESTED
    return _CYCLES.get(op.name, STEP if op.results and is_float(op.results[0].type) else 1.0)
