"""What a `print` op writes: its text with Python's form of each value in the place of a `{}`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from llad.ir.types import F32, BufferType, ScalarType, Type, is_float


def as_python(value: Any, type: Type) -> Any:
    """The object that Python prints as it prints a value of this type. Arrays are `np.ndarray`s already."""
    if isinstance(type, BufferType):
        return value
    assert isinstance(type, ScalarType)
    if type == F32:
        return np.float32(value)
    if is_float(type):
        return float(value)
    return bool(value) if type.name == "bool" else int(value)


def write(text: str, values: Sequence[Any]) -> None:
    """Print to what `sys.stdout` is now."""
    print(text.format(*values), end="")
