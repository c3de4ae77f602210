"""Which type two operands meet in: NumPy's promotion (NEP 50), over `f64 f32 i64 i32 bool`.

A number that came from Python is *weak*: `x * 0.1` with an f32 array `x` stays f32, while an f64 array would make
it f64. A weak number only raises the kind (bool < int < float), and then to the default width, 64 bits.

Invariant: arithmetic on two scalars never ends in `i32`: such a number widens to `i64`, where overflow is checked.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeGuard

import numpy as np

from llad.frontend.signature import DTYPES
from llad.frontend.values import Array, Context, Scalar, describe
from llad.ir.types import BOOL, F32, F64, I32, I64, ScalarType, is_float, is_int

Static = bool | int | float | np.generic
Number = Scalar | Array | Static

NUMPY: dict[ScalarType, np.dtype[np.generic]] = {type: dtype for dtype, type in DTYPES.items()}


def is_static_number(x: object) -> TypeGuard[Static]:
    """Whether `x` is a Python or NumPy number known at trace time (`complex` is not one here)."""
    return isinstance(x, (bool, int, float, np.bool_, np.integer, np.floating))


def plain(x: Static) -> bool | int | float:
    """The number as a Python object."""
    if isinstance(x, np.generic):
        value: bool | int | float = x.item()
        return value
    return x


def is_number(x: object) -> TypeGuard[Number]:
    return isinstance(x, (Scalar, Array)) or is_static_number(x)


def kind_of(ctx: Context, x: object) -> tuple[ScalarType, bool]:
    """The (element) type of an operand, and whether it is weak."""
    if isinstance(x, Scalar):
        return x.type, x.weak
    if isinstance(x, Array):
        return x.dtype, False
    if isinstance(x, np.generic):
        found = DTYPES.get(x.dtype)
        return (found, False) if found is not None else ctx.refuse("dtype", dtype=x.dtype)
    if isinstance(x, bool):
        return BOOL, True
    if isinstance(x, int):
        return I64, True
    if isinstance(x, float):
        return F64, True
    ctx.refuse("operand", got=describe(x))


def example(value: Scalar) -> bool | int | float | np.generic:
    """A number of the Python type that the value has in Python."""
    if value.weak:
        return False if value.type == BOOL else 0.0 if is_float(value.type) else 0
    return NUMPY[value.type].type(0)


def rank_of(type: ScalarType) -> int:
    """The kind of a type: bool 0, int 1, float 2."""
    return 2 if is_float(type) else 1 if is_int(type) else 0


def _meet(a: ScalarType, b: ScalarType) -> ScalarType:
    if a == b:
        return a
    floats, ints = {a, b} & {F64, F32}, {a, b} & {I64, I32}
    if floats:
        return F64 if F64 in floats or ints else F32
    return I64 if I64 in ints else I32


def promote(kinds: Iterable[tuple[ScalarType, bool]], arrays: bool) -> tuple[ScalarType, bool]:
    """The common type, and whether it is weak (every operand was). `arrays`: some operand is an array."""
    strong: ScalarType | None = None
    weak = BOOL
    for type, is_weak in kinds:
        if is_weak:
            weak = type if rank_of(type) > rank_of(weak) else weak
        else:
            strong = type if strong is None else _meet(strong, type)
    if strong is None:
        return weak, True
    result = strong if rank_of(weak) <= rank_of(strong) else weak
    return (I64 if result == I32 and not arrays else result), False


def dtype_of(ctx: Context, dtype: object) -> ScalarType:
    """The element type that a `dtype=` argument names."""
    try:
        found = DTYPES.get(np.dtype(dtype))  # type: ignore[call-overload]
    except TypeError:
        found = None
    return found if found is not None else ctx.refuse("dtype", dtype=dtype)
