"""Integers that are the same number because a check says so: extents of arrays that are used together."""

from __future__ import annotations

from llad.ir.core import Makers, Op, Value
from llad.ir.elements import Elements
from llad.ir.types import I64


class Equal:
    """What the checks before a place have told. (A copy is for a region: what its checks tell holds in it only.)"""

    def __init__(self, made: Makers, elements: Elements) -> None:
        self._made, self._elements = made, elements
        self._same: dict[Value, Value | int] = {}

    def copy(self) -> Equal:
        other = Equal(self._made, self._elements)
        other._same = dict(self._same)
        return other

    def learn(self, condition: Value) -> None:
        """A check found `condition` true."""
        op: Op | None = self._made.get(condition)
        if op is not None and op.name == "and":
            for operand in op.operands:
                self.learn(operand)
        elif op is not None and op.name == "eq" and op.operands[0].type == I64:
            a, b = map(self.__call__, op.operands)
            if isinstance(b, int):
                a, b = b, a
            if isinstance(b, Value) and a is not b:
                self._same[b] = a

    def __call__(self, value: Value) -> Value | int:
        """What equal numbers have in common."""
        found: Value | int = value
        while isinstance(found, Value) and found in self._same:
            found = self._same[found]
        constant = self._elements.constant(found) if isinstance(found, Value) else None
        return found if constant is None else constant
