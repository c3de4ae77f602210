"""Handles that are never the same memory at the same time, although they may come from the same roots.

After `a, b = b, a` in a loop, both names have both buffers as roots. But a loop that hands its carries round as a
permutation, and starts from buffers that differ, always has buffers that differ: such carries, and the results of the
loop, are a *group* of distinct handles. So are handles popped together, if whatever was pushed is.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

from llad.ir.alias import Aliases
from llad.ir.core import Function, Op, Value, walk
from llad.ir.types import BufferType


class Distinct:
    """The groups of one function."""

    def __init__(self, fn: Function, aliases: Aliases) -> None:
        self._aliases = aliases
        self._group: dict[Value, int] = {}
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
        return a is not b and group is not None and group == self._group.get(b)

    def _loop(self, op: Op) -> None:
        body = op.regions[-1]
        inits = op.operands[3:] if op.name == "for" else op.operands
        args = body.args[1:] if op.name == "for" else body.args
        yielded = body.terminator.operands[bool(op.attrs["exits"]) :]
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
