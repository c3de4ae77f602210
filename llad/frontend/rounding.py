"""Rounding to integers and to decimal digits: `math.floor`, `int`, `round` and their like. None has a derivative.

`round(x, n)` is the float nearest to the decimal number that is nearest to x. Let t be the power of ten and p + e the
exact product x * t (Dekker 1971), p its rounded value. Below 2**52, p - floor(p) is a multiple of the spacing of
floats there and e at most half of it, so e decides only where p lies exactly between two integers. The integer found,
divided by t, is rounded once. Above, p is that integer; from 2**53 on, x itself is the answer.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from llad.frontend.arguments import bind
from llad.frontend.arithmetic import Operand, apply
from llad.frontend.casts import float_to_int, value_of
from llad.frontend.operands import Handler, known, number
from llad.frontend.promotion import is_static_number, plain
from llad.frontend.values import Context, Scalar
from llad.ir.core import Value
from llad.ir.types import I64, is_float

_MOST_DIGITS = 22  # powers of ten up to here are floats
_HALF = 5 * 10**18  # what rounds to 0 in units of 10**19

_ROUNDING: dict[str, Callable[..., Any]] = {"floor": math.floor, "ceil": math.ceil, "trunc": int, "rint": round}


def rounding(op: str, name: str) -> Handler:
    """`math.floor`, `math.ceil`, `math.trunc`, `int` and `round`: a Python int, checked to be one."""

    def handle(ctx: Context, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        (x,) = bind(ctx, f"{name}(x)", args, kwargs)
        x = number(ctx, name, x)
        if (result := known(_ROUNDING[op], [x])) is not None:
            return result
        value = value_of(ctx, x)
        if not is_float(value.type):
            return Scalar(ctx.builder.cast(value, I64), True)
        return Scalar(float_to_int(ctx, value if op == "trunc" else ctx.builder.op(op, value)), True)

    return handle


def round_(ctx: Context, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    """`round(x)`: half to even, an int. `round(x, n)`: of x's own type."""
    x, digits = bind(ctx, "round(x, ndigits)", args, kwargs, [None])
    if digits is None:
        return rounding("rint", "round")(ctx, [x], {})
    if not isinstance(digits, int):
        ctx.refuse("round-digits", got="known only at run time")
    x = number(ctx, "round", x)
    if is_static_number(x):
        return round(plain(x), digits)
    if not is_float(x.type):
        return Scalar(_whole(ctx, value_of(ctx, x, I64), digits), x.weak)
    if abs(digits) > _MOST_DIGITS:
        ctx.refuse("round-digits", got=f"beyond {_MOST_DIGITS}")
    if not x.weak:
        return Scalar(_scaled(ctx, x.value, digits))
    return Scalar(_decimal(ctx, x.value, digits), weak=True)


def _scaled(ctx: Context, x: Value, digits: int) -> Value:
    """As NumPy rounds: scaled, rounded to an integer, scaled back."""
    b = ctx.builder
    power = b.const(10.0 ** abs(digits), x.type)  # type: ignore[arg-type]
    there, back = ("mul", "div") if digits >= 0 else ("div", "mul")
    return b.op(back, b.op("rint", b.op(there, x, power)), power)


def _decimal(ctx: Context, x: Value, digits: int) -> Value:
    """As Python rounds floats."""
    b = ctx.builder
    power = b.f64(10.0 ** abs(digits))
    if digits >= 0:
        p, rest = _product(ctx, x, power)
    else:
        p = b.op("div", x, power)
        back, lost = _product(ctx, p, power)
        rest = b.op("sub", b.op("sub", x, back), lost)
    zero, below = b.f64(0.0), b.op("floor", p)
    between = b.op("eq", b.op("sub", p, below), b.f64(0.5))
    side = b.op("select", b.op("gt", rest, zero), b.op("add", below, b.f64(1.0)), below)
    tie = b.op("select", b.op("eq", rest, zero), b.op("rint", p), side)
    whole = b.op("select", between, tie, b.op("rint", p))
    result = b.op("copysign", b.op("div" if digits >= 0 else "mul", whole, power), x)
    if digits < 0:
        fine = b.op("or", b.op("isfinite", result), b.op("not", b.op("isfinite", x)))
        b.check(fine, "OverflowError", "rounded value too large to represent")
    kept = b.op("lt", b.op("abs", p), b.f64(2.0**53))
    return b.op("select", kept, result, _flat(ctx, x))


def _flat(ctx: Context, x: Value) -> Value:
    """x, at least 2**-21 in size, without its derivative: `rint` of what is a whole number, perhaps after scaling."""
    b = ctx.builder
    far = b.op("not", b.op("lt", b.op("abs", x), b.f64(2.0**53)))
    scaled = b.op("mul", b.op("rint", b.op("mul", x, b.f64(2.0**80))), b.f64(2.0**-80))
    return b.op("select", far, b.op("rint", x), scaled)


def _product(ctx: Context, x: Value, y: Value) -> tuple[Value, Value]:
    """The rounded product and its error."""
    b = ctx.builder
    product = b.op("mul", x, y)
    (x1, x0), (y1, y0) = _halves(ctx, x), _halves(ctx, y)
    error = b.op("sub", b.op("mul", x1, y1), product)
    for left, right in ((x1, y0), (x0, y1), (x0, y0)):
        error = b.op("add", error, b.op("mul", left, right))
    return product, error


def _halves(ctx: Context, x: Value) -> tuple[Value, Value]:
    """Two floats of half the digits whose sum is x."""
    b = ctx.builder
    scaled = b.op("mul", x, b.f64(2.0**27 + 1.0))
    high = b.op("sub", scaled, b.op("sub", scaled, x))
    return high, b.op("sub", x, high)


def _whole(ctx: Context, n: Value, digits: int) -> Value:
    """An integer, rounded half to even to a multiple of a power of ten."""
    if digits >= 0:
        return n
    b = ctx.builder
    if digits < -18:
        if digits == -19:
            fits = b.op("and", b.op("ge", n, b.i64(-_HALF)), b.op("le", n, b.i64(_HALF)))
            b.check(fits, "OverflowError", "the result of `round` does not fit in 64 bits")
        return b.i64(0)
    unit = 10**-digits
    step = b.i64(unit)
    down, rest = b.op("floordiv", n, step), b.op("mod", n, step)
    half = b.i64(unit // 2)
    odd = b.op("eq", b.op("and", down, b.i64(1)), b.i64(1))
    up = b.op("or", b.op("gt", rest, half), b.op("and", b.op("eq", rest, half), odd))
    count = b.op("add", down, b.op("select", up, b.i64(1), b.i64(0)))
    return apply(ctx, "mul", Operand(count), Operand(step, unit), checked=True)
