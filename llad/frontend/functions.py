"""Functions of numbers, as `math` and the builtins spell them.

`math.*` works in f64 and gives Python floats; where it would raise a domain error, the result is IEEE's inf or nan.
What is one op is made from its record; what is more (`math.log(x, base)`, `round`) stands here.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from llad.frontend import reductions
from llad.frontend.arguments import bind
from llad.frontend.arrays import copy, element, elementwise
from llad.frontend.casts import float_to_int, value_of
from llad.frontend.extents import check, compare, extents_of, measure
from llad.frontend.indexing import window
from llad.frontend.numbers import binary, check_not_least, truth
from llad.frontend.operands import Handler, as_f64, known, number
from llad.frontend.promotion import is_number, is_static_number, kind_of, promote
from llad.frontend.rounding import rounding
from llad.frontend.values import Array, Context, Dim, Less, Rows, Scalar, Table, describe, is_static
from llad.ir.types import BOOL, F64, I64, ScalarType, is_float, is_int
from llad.ops.record import OpRecord

# -- math


def math_function(record: OpRecord, function: Callable[..., Any], name: str) -> Handler:
    """The handler of a function of `math` that is one op."""
    arity = len(record.domain)
    usage = f"{name}({', '.join('xyz'[:arity])})"

    def handle(ctx: Context, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        operands = bind(ctx, usage, args, kwargs)
        if (result := known(function, operands)) is not None:
            return result
        return Scalar(ctx.builder.op(record.name, *[as_f64(ctx, name, x) for x in operands]), True)

    return handle


def math_log(ctx: Context, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    """`math.log(x)` and `math.log(x, base)`."""
    if (result := known(math.log, args)) is not None:
        return result
    x, base = bind(ctx, "math.log(x, base)", args, kwargs, [None])
    b = ctx.builder
    result = b.op("log", as_f64(ctx, "math.log", x))
    if base is not None:
        result = b.op("div", result, b.op("log", as_f64(ctx, "math.log", base)))
    return Scalar(result, True)


def math_hypot(ctx: Context, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    """`math.hypot` of any number of coordinates."""
    if kwargs or not args:
        ctx.refuse("arguments", name="math.hypot", count=len(args), usage="math.hypot(x, y)")
    if (result := known(math.hypot, args)) is not None:
        return result
    b = ctx.builder
    values = [as_f64(ctx, "math.hypot", x) for x in args]
    total = b.op("abs", values[0])
    for k, value in enumerate(values[1:]):
        total = b.op("hypot", values[0] if k == 0 else total, value)
    return Scalar(total, True)


def math_pow(ctx: Context, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    x, y = (number(ctx, "math.pow", a) for a in bind(ctx, "math.pow(x, y)", args, kwargs))
    base = Scalar(value_of(ctx, x, F64), True)
    return binary(ctx, "pow", base, float(y) if is_static_number(y) else Scalar(value_of(ctx, y, F64), True))


def scaled(function: Callable[..., Any], name: str, factor: float) -> Handler:
    """`math.radians` and `math.degrees`."""

    def handle(ctx: Context, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        (x,) = bind(ctx, f"{name}(x)", args, kwargs)
        if (result := known(function, [x])) is not None:
            return result
        return Scalar(ctx.builder.op("mul", as_f64(ctx, name, x), ctx.builder.f64(factor)), True)

    return handle


# -- builtins


def to_int(ctx: Context, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    """`int(x)`."""
    if not kwargs and is_static(tuple(args)) and (result := _constructed(int, args)) is not None:
        return result
    return rounding("trunc", "int")(ctx, args, kwargs)


def to_float(ctx: Context, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    """`float(x)`."""
    if not kwargs and is_static(tuple(args)) and (result := _constructed(float, args)) is not None:
        return result
    (x,) = bind(ctx, "float(x)", args, kwargs)
    return Scalar(as_f64(ctx, "float", x), True)


def _constructed(type: Callable[..., Any], args: Sequence[Any]) -> Any:
    try:
        return type(*args)
    except (ArithmeticError, ValueError, TypeError):
        return None


def to_bool(ctx: Context, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    (x,) = bind(ctx, "bool(x)", args, kwargs, [False])
    true = truth(ctx, x)
    return Scalar(true.value, True) if isinstance(true, Scalar) else true


def to_numpy(scalar: type[np.generic], type: ScalarType) -> Handler:
    """`np.float64(x)` and its like."""

    def handle(ctx: Context, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        name = f"np.{scalar.__name__}"
        (x,) = bind(ctx, f"{name}(x)", args, kwargs)
        if (result := known(scalar, [x])) is not None:
            return result
        x = number(ctx, name, x)
        if type == BOOL:
            true = truth(ctx, x)
            return Scalar(true.value) if isinstance(true, Scalar) else np.bool_(true)
        value = value_of(ctx, x)
        if is_int(type) and is_float(value.type):
            return Scalar(float_to_int(ctx, value, type))
        return Scalar(value_of(ctx, x, type))

    return handle


def absolute(ctx: Context, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    """`abs(x)`, `np.abs(x)`."""
    (x,) = bind(ctx, "abs(x)", args, kwargs)
    x = ctx.lift(x)
    if (result := known(abs, [x])) is not None:
        return result
    if not is_number(x):
        ctx.refuse("not-a-number", name="abs", got=describe(x))
    type, weak = kind_of(ctx, x)
    b = ctx.builder
    if type == BOOL and not weak:
        return copy(ctx, x) if isinstance(x, Array) else x
    if isinstance(x, Array):
        return elementwise(ctx, [x], type, lambda xs: b.op("abs", xs[0]))
    value = value_of(ctx, x, type if is_float(type) else I64)
    if not is_float(type):
        check_not_least(ctx, value, "abs")
    return Scalar(b.op("abs", value), weak)


def extreme(op: str) -> Handler:
    """The builtins `min` and `max` of numbers, or of one tuple, list or vector of them."""
    python = {"min": min, "max": max}[op]

    def handle(ctx: Context, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        for keyword in kwargs:
            ctx.refuse("keyword", keyword=keyword, name=op)
        items = args[0] if len(args) == 1 and isinstance(args[0], (tuple, list)) else args
        if (result := known(python, items)) is not None:
            return result
        if len(args) == 1 and isinstance(args[0], Rows) and args[0].items.rank == 1:
            return args[0].item(_extreme_of(ctx, op, args[0].items))
        if len(args) == 1 and isinstance(array := ctx.lift(args[0]), Array):
            return _extreme_of(ctx, op, array)
        if not items:
            ctx.refuse("arguments", name=op, count=len(args), usage=f"{op}(x, y)")
        numbers = [number(ctx, op, x) for x in items]
        type, weak = promote([kind_of(ctx, x) for x in numbers], arrays=False)
        type = I64 if type == BOOL else type
        values = [value_of(ctx, x, type) for x in numbers]
        best = values[0]
        for value in values[1:]:
            best = ctx.builder.op(op, best, value)
        return Scalar(best, weak)

    return handle


def _extreme_of(ctx: Context, op: str, array: Array) -> Scalar:
    """The first of the least, or of the greatest, elements of a vector, as Python finds it."""
    if array.rank != 1 or array.dtype == BOOL:
        ctx.refuse("no-array", name=op, got=describe(array))
    there = compare(ctx, "ge", measure(ctx, extents_of(array)[0]), 1)
    check(ctx, there, "ValueError", f"{op}() arg is an empty sequence")
    first = element(ctx, array, [ctx.builder.i64(0)]).value
    rest = window(ctx, array, [slice(1, None)])
    return Scalar(reductions.fold(ctx, rest, first, lambda s, e: ctx.builder.op(op, s, e), "sequential"))


def length(ctx: Context, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    """`len(x)`: a Python int, which remembers the axis."""
    (x,) = bind(ctx, "len(x)", args, kwargs)
    x = x.first.items if isinstance(x, (Rows, Table)) else ctx.lift(x)
    if isinstance(x, Array) and x.rank:
        return dimension(ctx, x, 0)
    if isinstance(x, (Scalar, Array)) or not hasattr(x, "__len__"):
        ctx.refuse("no-length", got=describe(x))
    return len(x)


def dimension(ctx: Context, array: Array, axis: int) -> int | Scalar:
    """An extent as a Python int."""
    extent = extents_of(array)[axis]
    size = measure(ctx, extent)
    if isinstance(size, int):
        return size
    return Scalar(size, True, extent if isinstance(extent, (Dim, Less)) else None)
