"""What the reverse sweep keeps of the forward sweep, and what it computes again: a minimum cut.

A value that the reverse sweep is to have costs nothing if it is at hand (in scope, a loop's index, a constant). Any
other is either *kept*, which moves its bytes twice in every run of its region, or *computed again* there from its
operands, which are to be had then, too. Cheapest over the whole function, with what is shared paid once, is a minimum
cut (Moses & Churavy 2020 cut likewise, by the number of values). Each value is two nodes:

    source → made      what it costs to compute it again          cut: it is computed again
    made → had         what it costs to keep it                   cut: it is kept
    had(operand) → made(user)  uncuttable                         what is computed again has its operands
    had → sink         uncuttable, if the reverse sweep mentions it

A value ends up on the side of the sink where the reverse sweep has it. What cannot be computed again (a carry, what a
branch chose, memory that is overwritten, a transcendental function, which is never evaluated twice) has no edge from
the source. So a value that many others are derived from is kept in their place, one of an outer loop in place of those
of the loops inside, and a number that is narrower than what it is made of in place of that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from math import prod
from typing import Literal

from llad.ad.network import Network
from llad.ad.structure import LOOPS, Structure
from llad.ir.core import Op, Region, Value
from llad.ir.types import ScalarType

Choice = Literal["keep", "recompute"]

# What it costs to compute an op again, in additions of a vector loop. Ops that are not here are computed once.
COSTS = {
    **dict.fromkeys(("const", "dim", "cast", "view"), 0),
    **dict.fromkeys(("add", "sub", "mul", "neg", "abs", "fma", "mulz", "select", "copysign"), 1),
    **dict.fromkeys(("min", "max", "minimum", "maximum", "floor", "ceil", "trunc", "rint", "sign"), 1),
    **dict.fromkeys(("lt", "le", "gt", "ge", "eq", "ne", "isnan", "isinf", "isfinite"), 1),
    **dict.fromkeys(("and", "or", "xor", "not", "shl", "shr"), 1),
    "load": 4,
    **dict.fromkeys(("div", "sqrt", "floordiv", "mod"), 8),
}
BYTE = 2  # to keep a byte, written in the one sweep and read in the other: less in cache, more from memory
NARROWEST = 4  # bytes: what is narrower is not found and stored any sooner
HANDLE = 1 << 20  # to keep a handle, with the memory behind it
TRIPS = 16  # of a loop, if not known
MOST = 1 << 24  # runs that still count


class Keeper:
    """Chooses for one function. `at_hand` says of a value whether it costs nothing, `repeatable` of an op whether it
    computes the same in the reverse sweep, `lasts` of a value whether memory keeps it anyway, `spared` of a value on
    which of the loops around it what is kept of it does not depend."""

    def __init__(
        self,
        structure: Structure,
        at_hand: Callable[[Value], bool],
        repeatable: Callable[[Op], bool],
        lasts: Callable[[Value], bool],
        spared: Callable[[Value], Sequence[Op]],
    ) -> None:
        self._structure = structure
        self._lasts = lasts
        self._spared = spared
        self._at_hand = at_hand
        self._repeatable = repeatable
        self._trips: dict[Region, int] = {}

    def choose(self, needed: Iterable[Value]) -> dict[Value, Choice]:
        """What is to be done with the values in `needed` and those that they are computed from, in program order."""
        wanted = set(needed)
        makers = self._makers(wanted)
        chosen: dict[Value, Choice] = {}
        prices: dict[Value, tuple[int, Choice]] = {}  # of what is not needed, but could be had without anything else
        open_: list[Value] = []
        for value in sorted(makers, key=self._structure.position.__getitem__):
            op = makers[value]
            waits = op is not None and any(o in makers and o not in chosen for o in op.operands)
            if waits:
                open_.append(value)
                continue
            price = self._cheaper(value, op)
            if value in wanted:
                chosen[value] = price[1]
            else:
                prices[value] = price
        if any(v in wanted for v in open_):
            chosen |= self._cut(open_, prices, makers, wanted)
        return {v: chosen[v] for v in sorted(chosen, key=self._structure.position.__getitem__)}

    def _makers(self, needed: set[Value]) -> dict[Value, Op | None]:
        """The values that have to be thought of, each with the op that may compute it again."""
        makers: dict[Value, Op | None] = {}
        pending = list(needed)
        while pending:
            value = pending.pop()
            if value in makers or self._at_hand(value):
                continue
            op = self._structure.op_of.get(value)
            if op is None or op.name not in COSTS or not self._repeatable(op):
                makers[value] = None
                continue
            makers[value] = op
            pending += op.operands
        return makers

    def _cheaper(self, value: Value, op: Op | None) -> tuple[int, Choice]:
        keep = self._keeping(value)
        again = keep + 1 if op is None else self._again(op)
        return (again, "recompute") if again <= keep else (keep, "keep")

    def _cut(
        self,
        open_: list[Value],
        prices: dict[Value, tuple[int, Choice]],
        makers: dict[Value, Op | None],
        wanted: set[Value],
    ) -> dict[Value, Choice]:
        """The choice for values that depend on whether others, which have prices or are open too, are had."""
        network = Network()
        had = {value: network.node() for value in prices}
        for value, (price, _) in prices.items():
            network.edge(network.source, had[value], price)
        made: dict[Value, int] = {}
        for value in open_:
            op = makers[value]
            assert op is not None
            made[value], had[value] = network.node(), network.node()
            network.edge(network.source, made[value], self._again(op))
            network.edge(made[value], had[value], self._keeping(value))
            for operand in dict.fromkeys(op.operands):
                if operand in had:
                    network.edge(had[operand], made[value])
            if value in wanted:
                network.edge(had[value], network.sink)
        _, near = network.cut()
        found = {v: how for v, (_, how) in prices.items() if had[v] not in near}
        for value in open_:
            if had[value] not in near:
                found[value] = "keep" if made[value] in near else "recompute"
        return found

    # -- costs

    def _again(self, op: Op) -> int:
        return COSTS[op.name] * self._runs(self._structure.region_of[op.result])

    def _keeping(self, value: Value) -> int:
        each = BYTE * max(value.type.bytes, NARROWEST) if isinstance(value.type, ScalarType) else HANDLE
        runs, spared = self._runs(self._structure.region_of[value]), self._spared(value)
        if self._lasts(value):
            return COSTS["load"] * runs
        if not spared:
            return each * runs
        return COSTS["load"] * runs + each * runs // prod(map(self._known_trips, spared))  # found as often as loaded

    def _runs(self, region: Region) -> int:
        """About how often a region is run."""
        if region not in self._trips:
            trips = [self._known_trips(op) for op, _ in self._structure.outward(region) if op.name in LOOPS]
            self._trips[region] = min(prod(trips), MOST)
        return self._trips[region]

    def _known_trips(self, loop: Op) -> int:
        lo, hi, step = map(self._structure.constant, loop.operands[:3]) if loop.name == "for" else (None,) * 3
        if not (isinstance(lo, int) and isinstance(hi, int) and isinstance(step, int) and step):
            return TRIPS
        return max(1, (hi - lo) // step)
