"""Comparisons of numbers and arrays.

Python compares an int with a float exactly, where converting the int first would round it. So does this, for numbers
that are Python's. Let f be n rounded to a float. Rounding is monotone, hence f < x implies n < x and f > x implies
n > x; only where f = x do n and x have to be compared as integers, and there x is one.
"""

from __future__ import annotations

from typing import Any

from llad.frontend.arithmetic import Operand
from llad.frontend.numbers import PYTHON, as_operands, operand, pairwise
from llad.frontend.promotion import is_number, is_static_number, kind_of, plain, promote
from llad.frontend.values import Array, Context, Scalar, describe
from llad.ir.core import Value
from llad.ir.types import BOOL, F64, I64, is_float

_EXACT = 2**53  # integers up to here are floats
MIRRORED = {"lt": "gt", "le": "ge", "gt": "lt", "ge": "le", "eq": "eq", "ne": "ne"}


def compare(ctx: Context, op: str, a: Any, b: Any) -> Any:
    """`a op b` for `lt le gt ge eq ne`: a bool, or an array of them."""
    if is_static_number(a) and is_static_number(b):
        return PYTHON[op](a, b)
    a, b = as_operands(ctx, a, b)
    if not (is_number(a) and is_number(b)):
        ctx.refuse("comparison", left=describe(a), right=describe(b))
    arrays = isinstance(a, Array) or isinstance(b, Array)
    kinds = kind_of(ctx, a), kind_of(ctx, b)
    type, weak = promote(kinds, arrays)
    type = I64 if type == BOOL else type

    def body(x: Operand, y: Operand) -> Value:
        return ctx.builder.op(op, x.value, y.value)

    if isinstance(a, Array) or isinstance(b, Array):
        return pairwise(ctx, a, b, type, BOOL, body)
    if weak and type == F64 and not (is_float(kinds[0][0]) and is_float(kinds[1][0])):
        if is_float(kinds[0][0]):
            return _int_with_float(ctx, MIRRORED[op], b, a)
        return _int_with_float(ctx, op, a, b)
    return Scalar(body(operand(ctx, a, type), operand(ctx, b, type)), weak)


def _int_with_float(ctx: Context, op: str, n: Any, x: Any) -> Scalar:
    """`n op x` of a Python int and a Python float, one of them known only at run time."""
    b = ctx.builder
    if not isinstance(n, Scalar):
        return Scalar(_known_int(ctx, op, int(plain(n)), x.value), weak=True)
    rounded, float_ = b.cast(n.value, F64), operand(ctx, x, F64).value
    simple = b.op(op, rounded, float_)
    if n.type == BOOL or (not isinstance(x, Scalar) and not _EXACT <= abs(plain(x)) <= 2.0**63):
        return Scalar(simple, weak=True)
    small = b.op("and", b.op("ge", n.value, b.i64(-_EXACT)), b.op("le", n.value, b.i64(_EXACT)))
    fits = b.op("lt", float_, b.f64(2.0**63))  # if not, n is less
    equal = b.op("eq", rounded, float_)
    whole = b.cast(b.op("select", b.op("and", fits, equal), float_, b.f64(0.0)), I64)
    tie = b.op("select", fits, b.op(op, n.value, whole), b.const(op in ("lt", "le", "ne"), BOOL))
    exact = b.op("select", equal, tie, simple)
    return Scalar(b.op("select", small, simple, exact), weak=True)


def _known_int(ctx: Context, op: str, n: int, x: Value) -> Value:
    """`n op x` for an int known at trace time: where no float is n, no x equals it."""
    b = ctx.builder
    try:
        near = float(n)
    except OverflowError:
        near = float("inf") if n > 0 else float("-inf")
    if near != n:
        if op in ("eq", "ne"):
            return b.const(op == "ne", BOOL)
        # A float above n is one from `near` on if that is above n, else one beyond it.
        op = {"lt": "le", "le": "le", "gt": "gt", "ge": "gt"}[op] if near > n else (
            {"lt": "lt", "le": "lt", "gt": "ge", "ge": "ge"}[op]
        )
    return b.op(op, b.f64(near), x)
