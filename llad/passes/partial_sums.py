"""Numbers to which a loop only adds: carries, and elements of arrays that it loads, adds to and stores.

A *partial sum* begins as a carry or as an element that was loaded. What is added to it is one again; so is the result
of an inner loop that starts from it and adds to it, and that of an `if` of which both sides are one. All that may
become of it is the next carry, or the same element.

Soundness: each partial sum belongs to one beginning, and on each path just one operand of a sum is partial, so what
arrives is what it began as plus something that does not depend on it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from llad.dataclass import dataclass
from llad.ir.affine import Affine
from llad.ir.core import Op, Region, Value, loop_yields, walk
from llad.ir.types import BOOL

_OVERFLOW = frozenset({"add_overflows", "sub_overflows"})  # of integers: may be asked of a part as of the whole
_LOGIC = frozenset({"not", "and", "or"})


@dataclass(frozen=True, slots=True)
class Chain:
    """The partial sums of one beginning, a carry or what a load yields, and the ops in which they end."""

    start: Value
    sums: set[Value]
    ends: list[Op]


class PartialSums:
    """Follows the partial sums of one loop; `chains` are those that were found to be such."""

    def __init__(self, loop: Op) -> None:
        self._body = loop.regions[0]
        self._uses: dict[Value, list[tuple[Op, int, Region]]] = {}
        self._owner: dict[Region, Op] = {}
        self._taken: set[Value] = set()
        self.chains: list[Chain] = []
        self._enter(self._body)

    def _enter(self, region: Region) -> None:
        for op in region.ops:
            for k, operand in enumerate(op.operands):
                self._uses.setdefault(operand, []).append((op, k, region))
            for inner in op.regions:
                self._owner[inner] = op
                self._enter(inner)

    def carry(self, number: int) -> bool:
        """Whether the loop only adds to this carry."""
        carry = self._body.args[1 + number]
        found = self._follow(carry)
        if found is None:
            return False
        sums, ends = found
        yielded = self._body.terminator.operands
        own = all(op is self._body.terminator and k == number for op, k in ends)
        return own and yielded[number] in sums

    def memory(self, accesses: Sequence[Op], form: Callable[[Value], Affine]) -> bool:
        """Whether these loads and stores of one buffer do no more than add to its elements."""
        stored: set[Op] = set()
        for load in accesses:
            if load.name != "load":
                continue
            found = self._follow(load.result)
            if found is None:
                return False
            for op, _ in found[1]:
                if op.name != "store" or op.operands[1] is not load.operands[0]:
                    return False
                places = zip(op.operands[2:], load.operands[1:], strict=True)
                if not all(form(a).plus(form(b), -1).number == 0 for a, b in places):
                    return False
                stored.add(op)
        return all(op in stored for op in accesses if op.name == "store")

    def _follow(self, start: Value) -> tuple[set[Value], list[tuple[Op, int]]] | None:
        """The partial sums that begin as `start`, and where they end; None if more is done with them than adding."""
        if start.type == BOOL:  # carried along, it is added to by nothing, but is no number either
            return None
        sums, pending, ends = {start}, [start], []
        while pending:
            for op, k, region in self._uses.get(pending.pop(), ()):
                if (op.name == "store" and k == 0) or op is self._body.terminator:
                    ends.append((op, k))
                    continue
                following = self._following(op, k, region)
                if following is None:
                    return None
                pending += [v for v in following if v not in sums]
                sums.update(following)
        if not self._taken.isdisjoint(sums) or not self._consistent(sums):
            return None
        self._taken |= sums
        self.chains.append(Chain(start, sums, [op for op, _ in ends]))
        return sums, ends

    def _following(self, op: Op, k: int, region: Region) -> list[Value] | None:
        if op.name == "add" or (op.name == "sub" and k == 0):
            return [op.result]
        if op.name in _OVERFLOW and (op.name == "add_overflows" or k == 0):
            return [] if self._only_checked(op.result) else None
        if op.name == "for" and k >= 3:
            return [op.results[k - 3], op.regions[0].args[k - 2]]
        if op.name != "yield":
            return None
        owner = self._owner[region]
        if owner.name == "if":
            return [owner.results[k]]
        k -= bool(owner.attrs["exits"])
        return [owner.results[k], owner.regions[0].args[1 + k]] if owner.name == "for" and k >= 0 else None

    def _only_checked(self, flag: Value) -> bool:
        """Whether all that the flag decides is whether an error is raised."""
        return all(
            op.name == "check" or (op.name in _LOGIC and self._only_checked(op.result))
            for op, _, _ in self._uses.get(flag, ())
        )

    def _consistent(self, sums: set[Value]) -> bool:
        """Whether on every path exactly one operand is a partial sum."""
        for op in walk(self._body):
            for k, result in enumerate(op.results):
                if result not in sums:
                    continue
                match op.name:
                    case "add" | "sub":
                        if (op.operands[0] in sums) == (op.operands[1] in sums):
                            return False
                    case "if":
                        if any(r.terminator.operands[k] not in sums for r in op.regions):
                            return False
                    case "for":
                        if op.operands[3 + k] not in sums or loop_yields(op)[k] not in sums:
                            return False
        return True
