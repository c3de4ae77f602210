"""The exponential of a matrix: Padé's approximant of order 13 of a power-of-two part of it, squared back.

N. J. Higham, The scaling and squaring method for the matrix exponential revisited, SIAM J. Matrix Anal. Appl. 26
(2005): up to a 1-norm of 5.37 the error of the approximant is below rounding in double precision. It is a product of
finitely many matrices, and how often the argument is halved is constant in between, so it is differentiated as it
stands. Where the norm is so large that numbers near one are less than rounding beside it, they would be lost: an error.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from llad.traced.factorisations import size, solve, unit

_LARGEST = 5.371920351148152
# The coefficients of the numerator; odd ones change their sign in the denominator.
_PADE = (
    64764752532480000.0, 32382376266240000.0, 7771770303897600.0, 1187353796428800.0, 129060195264000.0,
    10559470521600.0, 670442572800.0, 33522128640.0, 1323241920.0, 40840800.0, 960960.0, 16380.0, 182.0, 1.0,
)  # fmt: skip


def expm(a: Any) -> Any:
    """The exponential of a square matrix."""
    n = size(a)
    if n == 0:
        return a.copy()
    if n == 1:
        return np.exp(a)
    norm = np.max(np.sum(np.abs(a), axis=0))
    if np.isfinite(norm) and norm * np.finfo(a.dtype).eps > 1.0:
        raise ValueError("expm of a matrix whose norm is so large that smaller entries would be lost beside it")
    halvings = 0
    scale = a.dtype.type(1.0)
    while norm * scale > _LARGEST and np.isfinite(norm):
        scale = scale * a.dtype.type(0.5)
        halvings += 1
    one, part, c = unit(a), a * scale, _PADE
    two = part @ part
    four = two @ two
    six = four @ two
    odd = six @ (c[13] * six + c[11] * four + c[9] * two) + c[7] * six + c[5] * four + c[3] * two + c[1] * one
    even = six @ (c[12] * six + c[10] * four + c[8] * two) + c[6] * six + c[4] * four + c[2] * two + c[0] * one
    odd = part @ odd
    power = solve(even - odd, even + odd)
    for _ in range(halvings):
        power = power @ power
    return power
