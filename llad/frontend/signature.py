"""What a trace is keyed by and what it gives: argument types, the traced function, its results and its guards.

An `ArgSpec` is the type of an argument as the compiler sees it. Extents are not part of it: one trace serves every
size (I1). Scalars and arrays double as the abstract types of values inside a trace (`numbers.join`).

Invariant: specs are hashable and compare by value; arguments of equal specs share a trace as long as every guard
of that trace holds.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import CellType
from typing import Any

import numpy as np

from llad.diagnostics import ArgumentError
from llad.ir.core import Function
from llad.ir.types import BOOL, F32, F64, I32, I64, BufferType, Layout, ScalarType


@dataclass(frozen=True, slots=True)
class ScalarSpec:
    """A run-time number. `weak`: a Python number, which takes the type of what it meets (NEP 50)."""

    type: ScalarType
    weak: bool = False

    def __str__(self) -> str:
        return str(self.type)


@dataclass(frozen=True, slots=True)
class ArraySpec:
    """A run-time array."""

    dtype: ScalarType
    rank: int
    layout: Layout = "C"

    @property
    def type(self) -> BufferType:
        return BufferType(self.dtype, self.rank, self.layout)

    def __str__(self) -> str:
        return f"array of {self.dtype} with {self.rank} {'axis' if self.rank == 1 else 'axes'}"


@dataclass(frozen=True, slots=True)
class TupleSpec:
    """A tuple of arguments."""

    items: tuple[ArgSpec, ...]

    def __str__(self) -> str:
        return f"({', '.join(map(str, self.items))})"


@dataclass(frozen=True, slots=True)
class StaticSpec:
    """What is constant for a trace: `None`, a string, a function… compared by value."""

    value: Any

    def __str__(self) -> str:
        return repr(self.value)


ArgSpec = ScalarSpec | ArraySpec | TupleSpec | StaticSpec

DTYPES: dict[np.dtype[Any], ScalarType] = {
    np.dtype(np.float64): F64,
    np.dtype(np.float32): F32,
    np.dtype(np.int64): I64,
    np.dtype(np.int32): I32,
    np.dtype(np.bool_): BOOL,
}

_WEAK = {float: ScalarSpec(F64, True), int: ScalarSpec(I64, True), bool: ScalarSpec(BOOL, True)}


def spec_of(value: object) -> ArgSpec:
    """The spec of an argument.

    Raises: ArgumentError when nothing can be compiled for such an argument.
    """
    if (weak := _WEAK.get(type(value))) is not None:
        return weak
    if isinstance(value, np.ndarray):
        return _array_spec(value)
    if isinstance(value, np.generic):
        if value.dtype not in DTYPES:
            raise ArgumentError(f"a NumPy scalar of dtype {value.dtype}", hint=_DTYPE_HINT)
        return ScalarSpec(DTYPES[value.dtype])
    if type(value) is tuple:
        return TupleSpec(tuple(map(spec_of, value)))
    if isinstance(value, (list, dict, set, bytearray)):
        hint = "pass a NumPy array, e.g. `np.array(values)`, or a tuple"
        raise ArgumentError(f"an argument of type {type(value).__name__}", hint=hint)
    if isinstance(value, complex):
        raise ArgumentError("a complex argument", hint="pass the real and the imaginary part")
    try:
        hash(value)
    except TypeError:
        hint = "pass numbers, NumPy arrays and tuples of them"
        raise ArgumentError(f"an argument of type {type(value).__name__}", hint=hint) from None
    return StaticSpec(value)


_DTYPE_HINT = "convert it to float64, float32, int64, int32 or bool"


def _array_spec(array: np.ndarray[Any, Any]) -> ArraySpec:
    if array.dtype not in DTYPES or not array.dtype.isnative:
        raise ArgumentError(f"an array of dtype {array.dtype}", hint=_DTYPE_HINT)
    if type(array) is not np.ndarray and type(array) is not np.memmap:
        raise ArgumentError(f"an array of type {type(array).__name__}", hint="pass `np.asarray(x)`")
    return ArraySpec(DTYPES[array.dtype], array.ndim, "C" if array.flags.c_contiguous else "strided")


def leaves(spec: ArgSpec) -> Iterator[ScalarSpec | ArraySpec]:
    """The run-time leaves of a spec, left to right: the parameters of the traced function."""
    match spec:
        case ScalarSpec() | ArraySpec():
            yield spec
        case TupleSpec(items=items):
            for item in items:
                yield from leaves(item)
        case StaticSpec():
            pass


@dataclass(frozen=True, slots=True)
class ResultValue:
    """Result number `index` of the function; `spec` says how Python sees it (weak: a Python number)."""

    index: int
    spec: ScalarSpec | ArraySpec


@dataclass(frozen=True, slots=True)
class ResultArgument:
    """The very array object that was passed as run-time leaf number `leaf` of the arguments."""

    leaf: int


@dataclass(frozen=True, slots=True)
class ResultConst:
    """An object known at trace time."""

    value: Any


@dataclass(frozen=True, slots=True)
class ResultTuple:
    """A tuple of results."""

    items: tuple[ResultTree, ...]


ResultTree = ResultValue | ResultArgument | ResultConst | ResultTuple


@dataclass(frozen=True, slots=True, eq=False)
class Guard:
    """The trace stands only while `name` of `holder` is this very object.

    `holder` is a cell (its contents count), a namespace (`globals()`, a module's or an object's `__dict__`), or,
    for `__code__`, `__defaults__` and `__kwdefaults__`, a function. `Missing` as `value`: the name is not there.
    """

    holder: CellType | Mapping[str, Any] | Any
    name: str
    value: object

    def holds(self) -> bool:
        """Whether what was found at trace time is still there."""
        holder = self.holder
        if isinstance(holder, CellType):
            try:
                return holder.cell_contents is self.value
            except ValueError:
                return False
        if isinstance(holder, Mapping):
            return holder.get(self.name, Missing) is self.value
        return getattr(holder, self.name, Missing) is self.value


class _Missing:
    def __repr__(self) -> str:
        return "Missing"


Missing = _Missing()


@dataclass(frozen=True, slots=True, eq=False)
class Traced:
    """A Python function as IR: parameters are the run-time leaves of the arguments, then the captured arrays."""

    function: Function
    result: ResultTree
    captured: tuple[np.ndarray[Any, Any], ...]
    guards: tuple[Guard, ...]
