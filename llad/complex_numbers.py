"""Complex numbers, and arrays of them, as what they are made of: a real and an imaginary part.

A cotangent `c` of a complex number stands for ∂/∂x - i ∂/∂y, as it does for JAX: the gradient of a real function of
complex numbers is the conjugate of the direction in which the function grows.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from llad.dataclass import dataclass


@dataclass(frozen=True, slots=True, eq=False)
class Complex:
    """A complex number of two real ones, or an array of two arrays of one shape: what traced code sees."""

    re: Any
    im: Any


def is_complex(value: object) -> bool:
    """Whether a value is a complex number of Python or NumPy, or an array of such."""
    if isinstance(value, np.ndarray):
        return bool(value.dtype.kind == "c")
    return isinstance(value, (complex, np.complexfloating))


def parts(value: Any, conjugate: bool) -> tuple[Any, Any] | None:
    """The real and the imaginary part, of an array as windows on it; of the `conjugate`, as fresh numbers.

    `None` for anything but complex numbers and arrays.
    """
    if not is_complex(value):
        return None
    return value.real, -value.imag if conjugate else value.imag


def joined(re: Any, im: Any, conjugate: bool) -> Any:
    """The complex number or fresh array of these parts, or its conjugate; `None` without parts."""
    if re is None or im is None:
        return None
    im = -im if conjugate else im
    if not isinstance(re, np.ndarray):
        return complex(re, im)
    made = np.empty(re.shape, np.result_type(re, np.complex64))
    made.real, made.imag = re, im
    return made
