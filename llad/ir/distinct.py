"""Handles that are never the same memory at the same time, although they may come from the same roots.

After `a, b = b, a` in a loop, both names have both buffers as roots. But a loop that hands its carries round as a
permutation, and starts from buffers that differ, always has buffers that differ: such carries, and the results of the
loop, are a *group* of distinct handles. So are handles popped together, if whatever was pushed is.

Memory that an iteration makes may be what the next one is handed, so both have the same root; but it is none that was
there when it was made.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

from llad.ir.alias import Aliases
from llad.ir.core import Function, Op, Region, Value, loop_carries, loop_inits, loop_yields, makers, viewed, walk
from llad.ir.types import BufferType


class Distinct:
    """The groups of one function."""

    def __init__(self, fn: Function, aliases: Aliases) -> None:
        self._aliases = aliases
        self._group: dict[Value, int] = {}
        self._made = makers(fn.body)
        # When ops begin and end, and block arguments come to be, in the order of the program.
        self._span: dict[Op, tuple[int, int]] = {}
        self._entered: dict[Value, Op] = {}
        self._number(fn.body, 0)
        ops = list(walk(fn.body))
        self._pushes = [op for op in ops if op.name == "push"]
        for op in ops:
            if op.name in ("for", "while"):
                self._loop(op)
            elif op.name == "pop":
                self._pop(op)

    def __call__(self, a: Value, b: Value) -> bool:
        """Whether no element of `a` is an element of `b` while both are in scope."""
        if not self._aliases.may_alias(a, b):
            return True
        group = self._group.get(a)
        together = a is not b and group is not None and group == self._group.get(b)
        return together or self._was_there(a, b) or self._was_there(b, a)

    def _number(self, region: Region, next: int) -> int:
        for op in region.ops:
            begin = next
            for inner in op.regions:
                self._entered.update(dict.fromkeys(inner.args, op))
                next = self._number(inner, next + 1)
            self._span[op] = begin, next
            next += 1
        return next

    def _was_there(self, older: Value, newer: Value) -> bool:
        """Whether a handle, or what it is a view of, was there already when memory is made for the other one."""
        older, newer = viewed(older, self._made), viewed(newer, self._made)
        made = self._made.get(newer)
        if made is None or made.name != "alloc":
            return False
        begin, _ = self._span[made]
        if (before := self._made.get(older)) is not None:
            return self._span[before][1] < begin
        around = self._entered.get(older)
        return around is not None and self._span[around][0] < begin <= self._span[around][1]

    def _loop(self, op: Op) -> None:
        inits, args, yielded = loop_inits(op), loop_carries(op), loop_yields(op)
        carried = {k for k, a in enumerate(args) if isinstance(a.type, BufferType)}
        before = -1
        while before != (before := len(carried)):
            inside = {args[k] for k in carried}
            carried = {k for k in carried if yielded[k] in inside}
        chosen = sorted(carried)
        if len({yielded[k] for k in chosen}) == len(chosen) and self._differ([inits[k] for k in chosen]):
            self._join([args[k] for k in chosen])
            self._join([op.results[k] for k in chosen])

    def _pop(self, op: Op) -> None:
        fields = [k for k, r in enumerate(op.results) if isinstance(r.type, BufferType)]
        pushes = [p for p in self._pushes if self._aliases.may_alias(p.operands[0], op.operands[0])]
        if pushes and all(self._differ([p.operands[1 + k] for k in fields]) for p in pushes):
            self._join([op.results[k] for k in fields])

    def _differ(self, buffers: Sequence[Value]) -> bool:
        return all(self(a, b) for a, b in combinations(buffers, 2))

    def _join(self, buffers: Sequence[Value]) -> None:
        if len(buffers) > 1:
            number = len(self._group)
            self._group.update(dict.fromkeys(buffers, number))
