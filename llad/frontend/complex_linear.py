"""Linear algebra of complex matrices, by that of real ones of twice as many rows; norms, by absolute values."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from llad.frontend import complex_values as cv
from llad.frontend.complex_values import Part, made, pair
from llad.frontend.core import Tracer
from llad.frontend.values import Array
from llad.traced import complex_matrices as written

_SPECTRAL = (2, -2, "nuc")  # orders of norms of matrices that are made of singular values


def _solve(t: Tracer, a: Any, b: Any) -> Any:
    return _made(t, t.call(written.solve, [part.value for z in (a, b) for part in pair(t, z)], {}))


def _inv(t: Tracer, a: Any) -> Any:
    return _made(t, t.call(written.inv, [part.value for part in pair(t, a)], {}))


def _made(t: Tracer, parts: tuple[Any, Any]) -> Any:
    return made(t, *(Part(t, part) for part in parts))


def _norm(t: Tracer, x: Any, ord: Any = None, axis: Any = None, keepdims: Any = False) -> Any:
    sizes = cv.modulus(pair(t, x)).value
    of_matrix = (isinstance(sizes, Array) and sizes.rank == 2) if axis is None else isinstance(axis, tuple)
    if of_matrix and ord in _SPECTRAL:
        t.refuse("complex", name=f"norm(…, {ord!r})")
    return t.call(np.linalg.norm, [sizes, ord, axis, keepdims], {})


TABLE: dict[Any, Callable[..., Any]] = {np.linalg.solve: _solve, np.linalg.inv: _inv, np.linalg.norm: _norm}
