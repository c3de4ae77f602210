"""Changes of type as Python and NumPy make them: what does not fit raises, it never wraps or becomes garbage.

The IR's `cast` from float to int demands an operand in range; the checks that guarantee it stand here.
"""

from __future__ import annotations

import math
from typing import Any

from llad.frontend.promotion import Static, is_static_number, kind_of, plain
from llad.frontend.values import Context, Scalar, describe
from llad.ir.core import Value
from llad.ir.types import F64, I32, I64, ScalarType, is_float, is_int

LIMITS = {I64: (-(2**63), 2**63 - 1), I32: (-(2**31), 2**31 - 1)}


def constant(ctx: Context, x: Static, type: ScalarType) -> Value:
    """A number known at trace time, as a constant of `type`, to which promotion has led it."""
    number = plain(x)
    if is_int(type):
        low, high = LIMITS[type]
        if not low <= number <= high:
            ctx.refuse("big-int", value=number, type=type)
    if is_float(type) and not isinstance(number, float) and abs(number) >= 2**1023:
        ctx.refuse("big-int", value=number, type=type)
    return ctx.builder.const(number, type)


def value_of(ctx: Context, x: Scalar | Static, type: ScalarType | None = None) -> Value:
    """The operand as an IR value of `type` (its own when `None`), where promotion has chosen `type`."""
    if not isinstance(x, Scalar):
        return constant(ctx, x, type or kind_of(ctx, x)[0])
    if type == I32 and x.type == I64 and x.weak:
        return narrow(ctx, x.value)
    return x.value if type is None else ctx.builder.cast(x.value, type)


def narrow(ctx: Context, value: Value) -> Value:
    """An i64 as i32, checked: NumPy's OverflowError when it does not fit."""
    b = ctx.builder
    low, high = LIMITS[I32]
    fits = b.op("and", b.op("ge", value, b.i64(low)), b.op("le", value, b.i64(high)))
    b.check(fits, "OverflowError", "Python integer {} out of bounds for int32", value)
    return b.cast(value, I32)


def float_to_int(ctx: Context, value: Value, type: ScalarType = I64) -> Value:
    """`int(x)`: truncated; nan raises ValueError, inf and what is out of range OverflowError."""
    b = ctx.builder
    low, high = LIMITS[type]
    wide = b.cast(value, F64)
    b.check(b.op("not", b.op("isnan", wide)), "ValueError", "cannot convert float NaN to integer")
    b.check(b.op("not", b.op("isinf", wide)), "OverflowError", "cannot convert float infinity to integer")
    # Both bounds are exact in f64; truncation makes the open interval (low - 1, high + 1) fit, where low - 1 is
    # not a double for i64, hence `ge`.
    above = b.op("ge", wide, b.f64(float(low))) if type == I64 else b.op("gt", wide, b.f64(low - 1.0))
    fits = b.op("and", above, b.op("lt", wide, b.f64(high + 1.0)))
    b.check(fits, "OverflowError", f"float too large to convert to a {type.bytes * 8}-bit integer")
    return b.cast(value, type)


def to_element(ctx: Context, value: Value, dtype: ScalarType, wrap: bool) -> Value:
    """A value as an element of `dtype`, as assignment converts it: float → int truncates, f64 → f32 rounds.

    i64 → i32 wraps between arrays (`wrap`), and is checked for a scalar.
    """
    type = value.type
    assert isinstance(type, ScalarType)
    if is_float(type) and is_int(dtype):
        return float_to_int(ctx, value, dtype)
    if type == I64 and dtype == I32 and not wrap:
        return narrow(ctx, value)
    return ctx.builder.cast(value, dtype)


def stored(ctx: Context, value: Any, dtype: ScalarType) -> Value:
    """A number as an element of `dtype`: what does not fit raises, floats are truncated to ints."""
    if is_static_number(value):
        number = plain(value)
        if is_int(dtype) and math.isfinite(number):
            low, high = LIMITS[dtype]
            if low <= int(number) <= high:
                return ctx.builder.const(int(number), dtype)
    elif not isinstance(value, Scalar):
        ctx.refuse("store-value", got=describe(value))
    return to_element(ctx, value_of(ctx, value), dtype, wrap=False)
