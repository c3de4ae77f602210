"""Comparisons of traced values: numbers, arrays, tuples, and what is known at trace time.

Python compares an int with a float exactly, where converting the int first would round it. So does this, for numbers
that are Python's. Let f be n rounded to a float. Rounding is monotone, hence f < x implies n < x and f > x implies
n > x; only where f = x do n and x have to be compared as integers, and there x is one.
"""

from __future__ import annotations

from typing import Any

from llad.frontend.arithmetic import Operand
from llad.frontend.numbers import PYTHON, as_operands, operand, pairwise, truth, unary
from llad.frontend.promotion import is_number, is_static_number, kind_of, plain, promote
from llad.frontend.values import Array, Context, Rows, Scalar, Table, describe
from llad.ir.core import Value
from llad.ir.types import BOOL, F64, I64, is_float

_EXACT = 2**53  # integers up to here are floats
_MIRRORED = {"lt": "gt", "le": "ge", "gt": "lt", "ge": "le", "eq": "eq", "ne": "ne"}


def compare(ctx: Context, op: str, a: Any, b: Any) -> Any:
    """`a op b` for `lt le gt ge eq ne`: a bool, or an array of them."""
    if is_static_number(a) and is_static_number(b):
        return PYTHON[op](a, b)
    a, b = as_operands(ctx, a, b)
    if not (is_number(a) and is_number(b)):
        return _compare_structures(ctx, op, a, b)
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
            return _int_with_float(ctx, _MIRRORED[op], b, a)
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


def _compare_structures(ctx: Context, op: str, a: Any, b: Any) -> Any:
    """Tuples are equal if their items are; what no number is differs from every number."""
    if isinstance(a, (Rows, Table)) or isinstance(b, (Rows, Table)):
        ctx.refuse("comparison", left=describe(a), right=describe(b))
    sequences = isinstance(a, (tuple, list)) and type(a) is type(b)
    if op in ("eq", "ne") and sequences:
        same: Any = len(a) == len(b)
        if same:
            for x, y in zip(a, b, strict=True):
                same = _conjunction(ctx, same, truth(ctx, compare(ctx, "eq", x, y)))
        return same if op == "eq" else unary(ctx, "not", same)
    if sequences and _in_order_of_items(type(a)):
        return _by_items(ctx, op, a, b)
    if not sequences and not any(isinstance(x, (Scalar, Array, tuple, list)) for x in (a, b)):
        return PYTHON[op](a, b)
    if op in ("eq", "ne") and not any(isinstance(x, Array) for x in (a, b)):
        return op == "ne"
    return ctx.refuse("comparison", left=describe(a), right=describe(b))


def _in_order_of_items(kind: type) -> bool:
    """Whether objects of a class are compared as tuples and lists are."""
    return kind is list or (issubclass(kind, tuple) and kind.__lt__ is tuple.__lt__)


def _by_items(ctx: Context, op: str, a: Any, b: Any) -> Any:
    """`lt le gt ge` of two sequences: the first items that differ decide, or the lengths."""
    if not a or not b:
        return PYTHON[op](len(a), len(b))
    x, y = a[0], b[0]
    one = x is y or (isinstance(x, Scalar) and isinstance(y, Scalar) and x.value is y.value)
    same = True if one else truth(ctx, compare(ctx, "eq", x, y))
    if same is True:
        return _by_items(ctx, op, a[1:], b[1:])
    first = truth(ctx, compare(ctx, op, x, y))
    if not isinstance(same, Scalar):
        return first
    flags = [
        flag.value if isinstance(flag, Scalar) else ctx.builder.const(flag, BOOL)
        for flag in (truth(ctx, _by_items(ctx, op, a[1:], b[1:])), first)
    ]
    return Scalar(ctx.builder.op("select", same.value, *flags), weak=True)


def _conjunction(ctx: Context, a: Any, b: Any) -> Any:
    if isinstance(a, bool):
        return b if a else False
    if isinstance(b, bool):
        return a if b else False
    return Scalar(ctx.builder.op("and", a.value, b.value), a.weak and b.weak)
