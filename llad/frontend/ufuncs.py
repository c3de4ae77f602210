"""NumPy's ufuncs, and functions made of them, on numbers and arrays.

They work in the type that promotion leads to (integers become f64 where the op is one of floats) and give NumPy's
numbers, which are strong. Most are made from the records of the op table; the rest are short compositions.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from llad.frontend.arguments import bind
from llad.frontend.arithmetic import Operand
from llad.frontend.arrays import copy, elementwise
from llad.frontend.comparisons import compare
from llad.frontend.creation import lifted
from llad.frontend.numbers import binary, operand, truth, unary
from llad.frontend.operands import Handler, known
from llad.frontend.promotion import is_number, kind_of, promote
from llad.frontend.values import Array, Context, Scalar, describe
from llad.ir.build import Builder
from llad.ir.core import Value
from llad.ir.types import BOOL, F64, ScalarType, is_float, is_int
from llad.ops.record import OpRecord
from llad.ops.table import OPS


def strong(x: Any) -> Any:
    """A number as NumPy returns it."""
    return Scalar(x.value) if isinstance(x, Scalar) else x


def operand_of_ufunc(ctx: Context, name: str, x: Any) -> Any:
    x = lifted(ctx, x)
    return x if is_number(x) else ctx.refuse("not-a-number", name=name, got=describe(x))


def operator_ufunc(function: Callable[..., Any], name: str, op: str, numpy: bool) -> Handler:
    """One of Python's operators as a function: `operator.add`, or (`numpy`) a ufunc, `np.add`."""
    apply: Callable[..., Any] = binary
    if op in ("lt", "le", "gt", "ge", "eq", "ne"):
        apply = compare
    elif op in ("neg", "not", "pos"):
        apply = unary
        op = "invert" if op == "not" else op
    usage = f"{name}(x)" if apply is unary else f"{name}(x, y)"

    def handle(ctx: Context, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        operands = [operand_of_ufunc(ctx, name, x) for x in bind(ctx, usage, args, kwargs)]
        if (result := known(function, operands)) is not None:
            return result
        value = apply(ctx, op, *operands)
        return strong(value) if numpy else value

    return handle


def float_ufunc(record: OpRecord, function: Callable[..., Any], name: str) -> Handler:
    """A ufunc that is one op on floats: integers are converted first, except where rounding leaves them."""
    arity = len(record.domain)
    usage = f"{name}({', '.join('xyz'[:arity])})"

    def handle(ctx: Context, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        operands = [operand_of_ufunc(ctx, name, x) for x in bind(ctx, usage, args, kwargs)]
        if (result := known(function, operands)) is not None:
            return result
        type = common_type(ctx, operands)
        op, type = _op_on(record.name, type)
        if op == "":
            return copy(ctx, operands[0]) if isinstance(operands[0], Array) else strong(operands[0])
        result_type = OPS[op].typing((type,) * arity)
        assert isinstance(result_type, ScalarType)
        return spread(ctx, operands, type, result_type, lambda xs: ctx.builder.op(op, *[x.value for x in xs]))

    return handle


def common_type(ctx: Context, operands: Sequence[Any]) -> ScalarType:
    return promote([kind_of(ctx, x) for x in operands], any(isinstance(x, Array) for x in operands))[0]


def _op_on(op: str, type: ScalarType) -> tuple[str, ScalarType]:
    """The op, and the type in which it is done, for operands of `type`; no op at all if it changes nothing."""
    if is_float(type):
        return op, type
    if op in ("floor", "ceil", "trunc"):
        return "", type
    if op in ("minimum", "maximum"):
        return (op[:3], type) if is_int(type) else ("and" if op == "minimum" else "or", type)
    if op == "sign" and is_int(type):
        return op, type
    return op, F64


def spread(
    ctx: Context,
    operands: Sequence[Any],
    type: ScalarType,
    result: ScalarType,
    body: Callable[[list[Operand]], Value],
) -> Scalar | Array:
    """`body` on the operands as `type`: on numbers at once, on arrays element by element."""
    arrays = [x for x in operands if isinstance(x, Array)]
    fixed = [None if isinstance(x, Array) else operand(ctx, x, type) for x in operands]

    def at(values: list[Value]) -> Value:
        rest = iter(values)
        return body([Operand(ctx.builder.cast(next(rest), type)) if f is None else f for f in fixed])

    return elementwise(ctx, arrays, result, at) if arrays else Scalar(at([]))


# -- compositions


def composed(name: str, arity: int, floats: bool, compose: Callable[..., Value]) -> Handler:
    """A ufunc made of several ops: `compose(builder, *values)`; with `floats`, integers become f64 first."""
    usage = f"{name}({', '.join('xyz'[:arity])})"

    def handle(ctx: Context, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        operands = [operand_of_ufunc(ctx, name, x) for x in bind(ctx, usage, args, kwargs)]
        type = common_type(ctx, operands)
        type = F64 if floats and not is_float(type) else type
        return spread(ctx, operands, type, type, lambda xs: compose(ctx.builder, *[x.value for x in xs]))

    return handle


def _log_add_exp(b: Builder, x: Value, y: Value) -> Value:
    """log(eˣ + eʸ) = max(x, y) + log1p(exp(-|x - y|)); two equal infinities have no difference."""
    assert isinstance(x.type, ScalarType)
    top = b.op("maximum", x, y)
    distance = b.op("abs", b.op("sub", x, y))
    result = b.op("add", top, b.op("log1p", b.op("exp", b.op("neg", distance))))
    endless = b.op("and", b.op("eq", x, y), b.op("isinf", x))
    return b.op("select", endless, x, result)


def _scaled(factor: float) -> Callable[[Builder, Value], Value]:
    def scale(b: Builder, x: Value) -> Value:
        assert isinstance(x.type, ScalarType)
        return b.op("mul", x, b.const(factor, x.type))

    return scale


def square(ctx: Context, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    (x,) = bind(ctx, "np.square(x)", args, kwargs)
    x = operand_of_ufunc(ctx, "np.square", x)
    return strong(binary(ctx, "mul", x, x))


def reciprocal(ctx: Context, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    (x,) = bind(ctx, "np.reciprocal(x)", args, kwargs)
    x = operand_of_ufunc(ctx, "np.reciprocal", x)
    if not is_float(kind_of(ctx, x)[0]):
        ctx.refuse("not-a-number", name="np.reciprocal", got=describe(x))
    return strong(binary(ctx, "div", 1.0, x))


def clip(ctx: Context, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    """`np.clip`, and the method, whose bounds are `min` and `max`: at a bound the derivative is that of `x`, 1."""
    names = {short: long for short, long in (("min", "a_min"), ("max", "a_max")) if long not in kwargs}
    kwargs = {names.get(name, name): value for name, value in kwargs.items()}
    x, low, high = bind(ctx, "np.clip(a, a_min, a_max)", args, kwargs, [None, None])
    x = operand_of_ufunc(ctx, "np.clip", x)
    for bound, op in ((low, "lt"), (high, "gt")):
        if bound is not None:
            bound = operand_of_ufunc(ctx, "np.clip", bound)
            type = common_type(ctx, [x, bound])
            x = spread(ctx, [x, bound], type, type, _clipper(ctx, op))
    if low is None and high is None and isinstance(x, Array):
        return copy(ctx, x)
    return strong(x)


def _clipper(ctx: Context, op: str) -> Callable[[list[Operand]], Value]:
    def one(xs: list[Operand]) -> Value:
        b = ctx.builder
        x, bound = (o.value for o in xs)
        outside = b.op(op, x, bound)
        if is_float(bound.type) and xs[1].known is None:
            outside = b.op("or", outside, b.op("isnan", bound))
        return b.op("select", outside, bound, x)

    return one


def where(ctx: Context, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    """`np.where(condition, x, y)`, or the indices of what is true."""
    if len(args) == 1 and not kwargs:
        return ctx.call(np.nonzero, args, {})
    operands = [operand_of_ufunc(ctx, "np.where", x) for x in bind(ctx, "np.where(condition, x, y)", args, kwargs)]
    condition, *choices = operands
    type = common_type(ctx, choices)
    arrays = [x for x in operands if isinstance(x, Array)]
    if not arrays:
        true = truth(ctx, condition)
        if isinstance(true, bool):
            return Scalar(operand(ctx, choices[0 if true else 1], type).value)
        values = [operand(ctx, x, type).value for x in choices]
        return Scalar(ctx.builder.op("select", true.value, *values))
    types = [BOOL, type, type]
    if not isinstance(condition, Array):
        condition = truth(ctx, condition)
    fixed = [
        None if isinstance(x, Array) else operand(ctx, x, t).value
        for x, t in zip([condition, *choices], types, strict=True)
    ]

    def at(values: list[Value]) -> Value:
        rest = iter(values)
        parts = [ctx.builder.cast(next(rest), t) if f is None else f for f, t in zip(fixed, types, strict=True)]
        return ctx.builder.op("select", *parts)

    return elementwise(ctx, arrays, type, at)


def logical(op: str, name: str) -> Handler:
    """`np.logical_and` and its like: on truths, element by element."""
    usage = f"{name}(x)" if op == "not" else f"{name}(x, y)"

    def handle(ctx: Context, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        operands = [operand_of_ufunc(ctx, name, x) for x in bind(ctx, usage, args, kwargs)]
        true = [x if isinstance(x, Array) else truth(ctx, x) for x in operands]
        return spread(ctx, true, BOOL, BOOL, lambda xs: ctx.builder.op(op, *[x.value for x in xs]))

    return handle


COMPOSED: dict[str, Handler] = {
    "logaddexp": composed("np.logaddexp", 2, True, _log_add_exp),
    "deg2rad": composed("np.deg2rad", 1, True, _scaled(math.pi / 180.0)),
    "radians": composed("np.radians", 1, True, _scaled(math.pi / 180.0)),
    "rad2deg": composed("np.rad2deg", 1, True, _scaled(180.0 / math.pi)),
    "degrees": composed("np.degrees", 1, True, _scaled(180.0 / math.pi)),
    "square": square,
    "reciprocal": reciprocal,
    "clip": clip,
    "where": where,
    "logical_and": logical("and", "np.logical_and"),
    "logical_or": logical("or", "np.logical_or"),
    "logical_xor": logical("xor", "np.logical_xor"),
    "logical_not": logical("not", "np.logical_not"),
}
