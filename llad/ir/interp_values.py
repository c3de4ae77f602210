"""What the reference interpreter has for values: Python numbers, windows on memory, and poison."""

from __future__ import annotations

import ctypes
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from llad.dataclass import dataclass
from llad.ir.core import Value
from llad.ir.types import BOOL, F32, F64, I32, I64, ScalarType

DTYPES: dict[ScalarType, type[np.generic]] = {
    F64: np.float64,
    F32: np.float32,
    I64: np.int64,
    I32: np.int32,
    BOOL: np.bool_,
}


class _Poison:
    def __repr__(self) -> str:
        return "poison"


POISON = _Poison()
# What each value is; under `None`, the table.
Env = dict[Value | None, Any]


@dataclass(slots=True, eq=False)
class Allocation:
    """What `alloc` made; every view of it shares this record."""

    freed: bool = False


@dataclass(slots=True, eq=False)
class Buffer:
    """A window on memory. `written` marks the elements that hold a value; None for the caller's arrays."""

    data: np.ndarray[Any, Any]
    written: np.ndarray[Any, Any] | None = None
    allocation: Allocation | None = None


def round_f32(x: float) -> float:
    """The nearest f32, as a Python float."""
    return float(ctypes.c_float(x).value)


def wrap_i64(x: int) -> int:
    return ((x + 2**63) & (2**64 - 1)) - 2**63


def wrap_i32(x: int) -> int:
    return ((x + 2**31) & (2**32 - 1)) - 2**31


NORMALISE: dict[ScalarType, Callable[[Any], Any]] = {
    F64: float,
    F32: round_f32,
    I64: wrap_i64,
    I32: wrap_i32,
    BOOL: bool,
}


def normal(value: Any, type: ScalarType) -> Any:
    """A Python number as a value of `type`: f32 rounded, ints wrapped."""
    return NORMALISE[type](value)


def cast(x: Any, source: ScalarType, target: ScalarType) -> Any:
    if target == BOOL:
        return x != 0
    if target in (F64, F32):
        if target == F32 and source == I64:
            return float(np.int64(x).astype(np.float32))  # rounded once, not by way of f64
        return NORMALISE[target](x)
    if source in (F64, F32):
        assert math.isfinite(x), f"cast of {x} to {target}"
        whole = int(x)
        assert NORMALISE[target](whole) == whole, f"cast of {x} is out of the range of {target}"
        return whole
    return NORMALISE[target](int(x))


def read(value: Value, env: Env) -> Any:
    got = env[value]
    assert got is not POISON, f"poison read: {value}"
    return got


def live(buffer: Buffer) -> Buffer:
    assert buffer.allocation is None or not buffer.allocation.freed, "use after free"
    return buffer
