"""What of a loop decides whether one of its checks fails, so that this can be found out before the loop.

Some checks of a loop stand in branches. Where none of them fails in any iteration, taken or not, they may go
(`checks.py`). Otherwise a *scout* runs first: the loop with nothing in it but these checks, the branches and loops
around them, and what these depend on. It raises what the loop would have raised, and if it raises nothing, the loop
needs none of these checks.

When: what the checks depend on is no carry, and computed of numbers and of memory that the loop does not write.
"""

from __future__ import annotations

from collections.abc import Set

from llad.ir.alias import Aliases, Roots
from llad.ir.core import Op, Region, Value, mentioned, walk
from llad.passes.effects import only_computes
from llad.passes.strips import ORDERED


class _Stranger(Exception):
    """Something that no scout does is needed."""


def scout(loop: Op, checks: Set[Op], aliases: Aliases) -> Op | None:
    """What finds out if one of the checks in a `for` fails, to be copied; None if it is more than a scout can do."""
    try:
        return _Slice(checks, aliases, aliases.written(loop)).loop(loop, set())
    except _Stranger:
        return None


def without(region: Region, gone: Set[Op]) -> Region:
    """The region without some ops in it or in the regions inside."""
    ops = []
    for op in region.ops:
        if op not in gone:
            regions = tuple([without(r, gone) for r in op.regions])
            same = regions == op.regions
            ops.append(op if same else Op(op.name, op.operands, op.results, op.attrs, regions, op.span))
    return region if ops == region.ops else Region(region.args, ops)


class _Slice:
    """`needed`, as it is handed on, are the values that are asked for further up."""

    def __init__(self, checks: Set[Op], aliases: Aliases, written: Roots) -> None:
        self._checks = checks
        self._aliases = aliases
        self._written = written

    def loop(self, op: Op, needed: set[Value]) -> Op:
        region = op.regions[0]
        body = self._region(Region(region.args[:1], region.ops), needed)
        if op.attrs["exits"] or not needed.isdisjoint(region.args[1:]):
            raise _Stranger
        needed.update(op.operands[:3])
        return Op("for", op.operands[:3], (op.results[-1],), {**ORDERED, "rare": True}, (body,), op.span)

    def _region(self, region: Region, needed: set[Value]) -> Region:
        ops = [Op("yield", span=region.terminator.span)]
        for op in reversed(region.ops[:-1]):
            if any(inner in self._checks for r in op.regions for inner in walk(r)):
                ops.append(self._around(op, needed))
            elif op in self._checks:
                needed.update(op.operands)
                ops.append(op)
            elif not needed.isdisjoint(op.results):
                if not self._only_computes(op):
                    raise _Stranger
                needed.update(mentioned(op))
                ops.append(op)
        return Region(region.args, ops[::-1])

    def _around(self, op: Op, needed: set[Value]) -> Op:
        """A branch or loop that holds checks, with no more than them, and without results."""
        if not needed.isdisjoint(op.results):
            raise _Stranger
        if op.name == "for":
            return self.loop(op, needed)
        if op.name != "if":
            raise _Stranger
        regions = tuple([self._region(r, needed) for r in op.regions])
        needed.add(op.operands[0])
        return Op("if", op.operands, (), op.attrs, regions, op.span)

    def _only_computes(self, op: Op) -> bool:
        return only_computes(op) and self._written.isdisjoint(self._aliases.read(op))
