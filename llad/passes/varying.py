"""What differs between iterations of a loop that shares nothing but sums (`sharing.py`), and what is the same in all.

The same are numbers that come neither from the index nor from what an iteration has to itself: the bounds of an inner
loop, its index, what it loads from arrays that nobody writes. Scratch memory is the same, too, if every iteration
writes the same numbers to the same places of it. What stands in a branch or loop which not every iteration enters
alike is *alone*: of it each iteration needs its own.
"""

from __future__ import annotations

from collections.abc import Set

from llad.ir.alias import Aliases
from llad.ir.core import Op, Region, Value, accessed, walk
from llad.ir.types import BufferType


class Varying:
    """Of one loop, `scratch` being the allocations that each of its iterations has to itself, `added` what all add to.

    Optimistic: all is the same until something says otherwise.
    """

    def __init__(self, loop: Op, scratch: Set[Value], added: Set[Value], aliases: Aliases) -> None:
        body = loop.regions[0]
        self._aliases = aliases
        self._own = scratch | {r for op in walk(body) if op.name == "alloc" for r in op.results}
        self._added = frozenset().union(*map(aliases.roots, added))
        self._values: set[Value] = set(body.args)
        self._memory: set[Value] = set()
        self._alone: set[Op] = set()
        before = -1
        while before != (before := len(self._values) + len(self._memory) + len(self._alone)):
            self._region(body, False)

    def __call__(self, value: Value) -> bool:
        """Whether iterations see different numbers, or memory of their own."""
        if value in self._values:
            return True
        return isinstance(value.type, BufferType) and not self._memory.isdisjoint(self._aliases.roots(value))

    def alone(self, op: Op) -> bool:
        """Whether it is a branch or loop that each iteration needs for itself."""
        return op in self._alone

    def is_sum(self, op: Op) -> bool:
        """Whether it is a load or store of memory that iterations add to."""
        if op.name not in ("load", "store"):
            return False
        return not self._added.isdisjoint(self._aliases.roots(accessed(op)[0]))

    def _region(self, region: Region, alone: bool) -> None:
        for op in region.ops:
            self._op(op, alone)

    def _op(self, op: Op, alone: bool) -> None:
        varies = alone or any(map(self, op.operands))
        match op.name:
            case "store":
                roots = self._aliases.roots(op.operands[1])
                if varies and roots <= self._own:
                    self._memory |= roots
            case "for":
                self._for(op, alone)
            case "if":
                self._if(op, alone)
            case "while":
                self._set_alone(op)
            case _:
                if varies or self.is_sum(op):
                    self._values.update(op.results)

    def _set_alone(self, op: Op) -> None:
        self._alone.add(op)
        self._values.update(op.results)
        for region in op.regions:
            self._values.update(region.args)
            self._region(region, True)

    def _for(self, op: Op, alone: bool) -> None:
        if alone or op.attrs["exits"] or any(map(self, op.operands[:3])):
            self._set_alone(op)
            return
        body = op.regions[0]
        passed = zip(op.operands[3:], body.args[1:], body.terminator.operands, op.results[:-1], strict=True)
        for init, arg, following, result in passed:
            if self(init) or self(following):
                self._values.update((arg, result))
        self._region(body, False)

    def _if(self, op: Op, alone: bool) -> None:
        if alone or self(op.operands[0]):
            self._set_alone(op)
            return
        for region in op.regions:
            self._region(region, False)
        for k, result in enumerate(op.results):
            if any(self(region.terminator.operands[k]) for region in op.regions):
                self._values.add(result)
