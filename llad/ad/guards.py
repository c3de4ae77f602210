"""When a cotangent is zero because a choice went the other way.

`min`, `max` and `select` give the operand that was not taken a cotangent that is exactly zero. What it would flow
through need not run. The conditions are those of the choices, never `d == 0`, so that the derivative of the reverse
sweep is right too (a cotangent may be zero at a point only).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from llad.ir.build import Builder
from llad.ir.core import Op, Value
from llad.ir.types import BOOL

_DEPTH = 8  # of the ops between a choice and the cotangent


def unless_zero(b: Builder, bar: Value, made: Mapping[Value, Op], depth: int = _DEPTH) -> Value | None:
    """A condition that holds unless `bar` is zero by choice; None if that is not known. `made`: the ops at hand."""
    op = made.get(bar)
    if op is None or depth == 0:
        return None
    match op.name:
        case "const" if _is_zero(op):
            return b.const(False, BOOL)
        case "neg" | "mulz" | "cast":
            return unless_zero(b, op.operands[0], made, depth - 1)
        case "mul":
            first = unless_zero(b, op.operands[0], made, depth - 1)
            return unless_zero(b, op.operands[1], made, depth - 1) if first is None else first
        case "add" | "sub":
            parts = [unless_zero(b, o, made, depth - 1) for o in op.operands]
            return None if None in parts else either(b, parts)
        case "if":
            k = op.results.index(bar)
            inner = {r: o for region in op.regions for o in region.ops for r in o.results}
            zero = [_is_zero(inner.get(region.terminator.operands[k])) for region in op.regions]
            if zero == [False, True]:
                return op.operands[0]
            return b.op("not", op.operands[0]) if zero == [True, False] else None
        case "select":
            condition = op.operands[0]
            yes, no = (unless_zero(b, o, made, depth - 1) for o in op.operands[1:])
            if yes is None and no is None:
                return None
            taken = condition if yes is None else b.op("and", condition, yes)
            refused = b.op("not", condition)
            return b.op("or", taken, refused if no is None else b.op("and", refused, no))
    return None


def _is_zero(op: Op | None) -> bool:
    return op is not None and op.name == "const" and bool(op.attrs["value"] == 0.0)


def either(b: Builder, conditions: Sequence[Value | None]) -> Value:
    """Whether any of the conditions holds."""
    found = b.const(False, BOOL)
    for condition in conditions:
        assert condition is not None
        found = b.op("or", found, condition)
    return found
