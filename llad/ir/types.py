"""The types of IR values.

Scalars, mutable memory (`buffer<dtype, rank, layout>`) and the LIFO on which a forward sweep leaves records for
its reverse sweep. Extents are never part of a type: one compilation serves every size (I1).
"""

from __future__ import annotations

from typing import Any, Literal

from llad.dataclass import dataclass

Layout = Literal["C", "strided"]


@dataclass(frozen=True, slots=True, eq=False)
class ScalarType:
    """A number in a register: `f64 f32 i64 i32 bool`. Each is one object, so they compare by identity."""

    name: str
    bytes: int

    def __str__(self) -> str:
        return self.name

    def __reduce__(self) -> tuple[Any, ...]:
        return _scalar, (self.name,)


def _scalar(name: str) -> ScalarType:
    return SCALARS[name]


F64 = ScalarType("f64", 8)
F32 = ScalarType("f32", 4)
I64 = ScalarType("i64", 8)
I32 = ScalarType("i32", 4)
BOOL = ScalarType("bool", 1)

SCALARS = {t.name: t for t in (F64, F32, I64, I32, BOOL)}
FLOATS = (F64, F32)
INTS = (I64, I32)


@dataclass(frozen=True, slots=True)
class BufferType:
    """Mutable memory of `rank` extents, known at run time. `C`: contiguous, last axis fastest; else strided."""

    dtype: ScalarType
    rank: int
    layout: Layout = "C"

    def __str__(self) -> str:
        return f"buffer<{self.dtype}, {self.rank}, {self.layout}>"


@dataclass(frozen=True, slots=True)
class LifoType:
    """A stack of records, each holding one value per field."""

    fields: tuple[Type, ...]

    def __str__(self) -> str:
        return f"lifo<{', '.join(map(str, self.fields))}>"


Type = ScalarType | BufferType | LifoType


def is_float(type: Type) -> bool:
    return type is F64 or type is F32


def is_int(type: Type) -> bool:
    return type is I64 or type is I32


def derivative_type(type: Type) -> Type:
    """The type of a tangent, a cotangent or a seed: that of the number, or of a C-contiguous buffer."""
    return BufferType(type.dtype, type.rank, "C") if isinstance(type, BufferType) else type


def carries_derivative(type: Type) -> bool:
    """Whether a value of this type can hold something that is differentiated."""
    match type:
        case ScalarType():
            return is_float(type)
        case BufferType(dtype=dtype):
            return is_float(dtype)
        case LifoType(fields=fields):
            return any(carries_derivative(f) for f in fields)
