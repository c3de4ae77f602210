"""What Python's operators mean on traced values: numbers, arrays, and what is known at trace time.

The tracer calls these for every operator it meets. Operands that are all known are computed by Python itself;
scalars and array elements go through `arithmetic.apply`, after promotion (`promotion.py`) has chosen their type.

Invariant: a result is weak exactly if Python's would be a Python number: every operand was one.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from llad.frontend.arithmetic import SYMBOLS, Operand, apply
from llad.frontend.arrays import elementwise
from llad.frontend.casts import LIMITS, constant, value_of
from llad.frontend.contractions import matmul
from llad.frontend.creation import array_of
from llad.frontend.promotion import (
    Number,
    Static,
    is_number,
    is_static_number,
    kind_of,
    plain,
    promote,
    rank_of,
)
from llad.frontend.signature import ArraySpec, ScalarSpec
from llad.frontend.values import Array, Context, NoJoin, Scalar, describe
from llad.ir.core import Value
from llad.ir.types import BOOL, F64, I64, Layout, ScalarType, is_float, is_int

PYTHON: dict[str, Callable[..., Any]] = {
    "add": operator.add, "sub": operator.sub, "mul": operator.mul, "div": operator.truediv,
    "floordiv": operator.floordiv, "mod": operator.mod, "pow": operator.pow, "matmul": operator.matmul,
    "and": operator.and_, "or": operator.or_, "xor": operator.xor, "shl": operator.lshift, "shr": operator.rshift,
    "lt": operator.lt, "le": operator.le, "gt": operator.gt, "ge": operator.ge, "eq": operator.eq, "ne": operator.ne,
    "neg": operator.neg, "pos": operator.pos, "invert": operator.invert,
}  # fmt: skip


def binary(ctx: Context, op: str, a: Any, b: Any) -> Any:
    """`a op b` for `add sub mul div floordiv mod pow matmul and or xor shl shr`."""
    if is_static_number(a) and is_static_number(b):
        known = _python(op, a, b)
        if known is not None:
            return known
    a, b = as_operands(ctx, a, b)
    if not (is_number(a) and is_number(b)):
        return _sequences(ctx, op, a, b)
    if op == "matmul":
        if not (isinstance(a, Array) and isinstance(b, Array)):
            ctx.refuse("operator", op="@", left=describe(a), right=describe(b))
        return matmul(ctx, a, b)
    if isinstance(a, Array) or isinstance(b, Array):
        return _arrays(ctx, op, a, b)
    return _scalars(ctx, op, a, b)


def _python(op: str, *operands: Any) -> Any:
    """What Python itself says of known numbers; `None` where it raises or leaves the reals.

    The run-time path then decides: what raises, raises when it is executed, and floats follow IEEE.
    """
    try:
        with np.errstate(all="ignore"):
            result = PYTHON[op](*operands)
    except (ArithmeticError, ValueError):
        return None
    return None if isinstance(result, complex) else result


def as_operands(ctx: Context, a: Any, b: Any) -> tuple[Any, Any]:
    """Beside an array, a tuple or list is an array too."""
    if isinstance(a, Array) and isinstance(b, (tuple, list)):
        return a, array_of(ctx, b, None)
    if isinstance(b, Array) and isinstance(a, (tuple, list)):
        return array_of(ctx, a, None), b
    return a, b


def _sequences(ctx: Context, op: str, a: Any, b: Any) -> Any:
    """`+` and `*` of tuples, lists and strings, as far as Python can do them at trace time."""
    if not isinstance(a, (Scalar, Array)) and not isinstance(b, (Scalar, Array)):
        try:
            return PYTHON[op](a, b)
        except TypeError:
            pass
    return ctx.refuse("operator", op=SYMBOLS[op], left=describe(a), right=describe(b))


def operand(ctx: Context, x: Scalar | Static, type: ScalarType) -> Operand:
    """The operand as `type`, to which promotion has led."""
    if isinstance(x, Scalar):
        return Operand(value_of(ctx, x, type))
    return Operand(constant(ctx, x, type), plain(x))


def _scalars(ctx: Context, op: str, a: Scalar | Static, b: Scalar | Static) -> Scalar:
    type, weak = promote([kind_of(ctx, a), kind_of(ctx, b)], arrays=False)
    if type == BOOL and weak and op not in ("and", "or", "xor"):
        type = I64
    if not is_float(type) and op == "div":
        _check_divisor(ctx, b, weak, "division by zero")
        type = F64
    if is_int(type) and op == "pow" and weak and is_static_number(b) and plain(b) < 0:
        _check_divisor(ctx, a, weak, "0.0 cannot be raised to a negative power")
        type = F64
    return Scalar(apply(ctx, op, operand(ctx, a, type), operand(ctx, b, type), checked=True), weak)


def _check_divisor(ctx: Context, x: Scalar | Static, weak: bool, message: str) -> None:
    """Python's ints refuse to become a division by zero; NumPy's give inf."""
    if not weak or (not isinstance(x, Scalar) and plain(x) != 0):
        return
    builder = ctx.builder
    nonzero = builder.op("ne", value_of(ctx, x, I64), builder.i64(0))
    builder.check(nonzero, "ZeroDivisionError", message)


def _arrays(ctx: Context, op: str, a: Number, b: Number) -> Scalar | Array:
    type, _ = promote([kind_of(ctx, a), kind_of(ctx, b)], arrays=True)
    if not is_float(type) and op == "div":
        type = F64
    if is_int(type) and op == "pow" and is_static_number(b) and plain(b) < 0:
        ctx.refuse("negative-power")
    return pairwise(ctx, a, b, type, type, lambda x, y: apply(ctx, op, x, y, checked=False))


def pairwise(
    ctx: Context,
    a: Number,
    b: Number,
    type: ScalarType,
    result: ScalarType,
    body: Callable[[Operand, Operand], Value],
) -> Scalar | Array:
    """`body` on the elements of `a` and `b` as `type`, broadcast; some operand is an array."""
    arrays = [x for x in (a, b) if isinstance(x, Array)]
    fixed = [None if isinstance(x, Array) else operand(ctx, x, type) for x in (a, b)]

    def element(values: list[Value]) -> Value:
        rest = iter(values)
        x, y = (Operand(ctx.builder.cast(next(rest), type)) if f is None else f for f in fixed)
        return body(x, y)

    return elementwise(ctx, arrays, result, element)


def unary(ctx: Context, op: str, a: Any) -> Any:
    """`op a` for `neg pos invert not`."""
    if op == "not":
        true = truth(ctx, a)
        return Scalar(ctx.builder.op("not", true.value), True) if isinstance(true, Scalar) else not true
    if is_static_number(a):
        return PYTHON[op](a)
    if not is_number(a):
        return ctx.refuse("operand", got=describe(a))
    type, weak = kind_of(ctx, a)
    if op == "invert" and is_float(type):
        ctx.refuse("float-bits", op="~")
    if op == "neg" and type == BOOL and not weak:
        ctx.refuse("bool-arithmetic", op="-")
    if isinstance(a, Array):
        return elementwise(ctx, [a], type, lambda xs: _unary(ctx, op, xs[0], checked=False))
    assert isinstance(a, Scalar)
    widens = is_int(type) or (type == BOOL and weak)
    value = ctx.builder.cast(a.value, I64) if widens else a.value
    return Scalar(_unary(ctx, op, value, checked=True), weak)


def _unary(ctx: Context, op: str, x: Value, checked: bool) -> Value:
    if op == "pos":
        return x
    if op == "invert":
        return ctx.builder.op("not", x)
    if checked and is_int(x.type):
        check_not_least(ctx, x, "-")
    return ctx.builder.op("neg", x)


def check_not_least(ctx: Context, x: Value, symbol: str) -> None:
    """The least i64 has no opposite."""
    b = ctx.builder
    fine = b.op("ne", x, b.i64(LIMITS[I64][0]))
    b.check(fine, "OverflowError", f"the result of `{symbol}` does not fit in 64 bits")


def truth(ctx: Context, a: Any) -> Scalar | bool:
    """`bool(a)`: a bool where it is known. A number is true unless it is zero (nan is)."""
    if isinstance(a, Array):
        ctx.refuse("array-truth")
    if not isinstance(a, Scalar):
        return bool(a)
    if a.type == BOOL:
        return a
    b = ctx.builder
    return Scalar(b.op("ne", a.value, b.const(0, a.type)), True)


# -- merges


def join(ctx: Context, a: Any, b: Any) -> ScalarSpec | ArraySpec:
    """The abstract type of a value that is `a` on one path and `b` on another.

    Raises: NoJoin when there is none.
    """
    if isinstance(a, Array) and isinstance(b, Array):
        if a.dtype != b.dtype or a.rank != b.rank:
            raise NoJoin
        both_c = a.type.layout == b.type.layout == "C"
        layout: Layout = "C" if both_c else "strided"
        return ArraySpec(a.dtype, a.rank, layout, loose=a.loose or b.loose, turned=a.turned or b.turned)
    if isinstance(a, Array) or isinstance(b, Array) or not (is_number(a) and is_number(b)):
        raise NoJoin
    kinds = kind_of(ctx, a), kind_of(ctx, b)
    if kinds[0] == kinds[1]:
        return ScalarSpec(*kinds[0])
    return ScalarSpec(*promote(kinds, arrays=False))


def convert(ctx: Context, x: Any, target: ScalarSpec | ArraySpec) -> Scalar | Array:
    """`x` as a run-time value of the abstract type `target`, which is the join of its own with others."""
    if isinstance(target, ScalarSpec):
        assert isinstance(x, Scalar) or is_static_number(x), x
        kind = kind_of(ctx, x)[0]
        assert rank_of(kind) <= rank_of(target.type), (x, target)
        if isinstance(x, Scalar) and x.type == target.type and x.weak == target.weak:
            return x
        return Scalar(value_of(ctx, x, target.type), target.weak)
    assert isinstance(x, Array) and x.dtype == target.dtype and x.rank == target.rank, (x, target)
    if x.type.layout == target.layout:
        return x
    return replace(x, value=ctx.builder.strided(x.value))
