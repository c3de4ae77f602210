"""Special functions that SciPy has: their machine code is SciPy's own, called through `scipy.special.cython_special`.

Derivatives: Abramowitz & Stegun, Handbook of Mathematical Functions, 9.1.28 and 9.1.30 (J), 9.6.27 and 9.6.28 (I);
those of `erfinv`, `ndtri` and `log_ndtr` are of the inverse and the logarithm of known integrals.
"""

from __future__ import annotations

import importlib
import math
from collections.abc import Callable

from llad.ops.expr import Expr, op
from llad.ops.record import OpRecord, same_float

ROOT_PI = math.sqrt(math.pi)
ROOT_TWO_PI = math.sqrt(2.0 * math.pi)


def _scipy(name: str) -> Callable[[float], float]:
    def evaluate(x: float) -> float:
        return float(getattr(importlib.import_module("scipy.special"), name)(x))

    return evaluate


def _over(y: Expr, x: Expr) -> Expr:
    """y/x, of a function that is x/2 near zero."""
    nothing = op("eq", x, 0.0)
    return op("select", nothing, 0.5, y / op("select", nothing, 1.0, x))


RECORDS = tuple(
    OpRecord(
        name, same_float(1), _scipy(name), {"f": f"@scipy.{name}"}, partial=partial, singular=singular,
        domain=(domain,),
    )
    for name, partial, singular, domain in (
        ("erfinv", lambda d, r, x: (d * (0.5 * ROOT_PI * op("exp", r * r)),), True, (-0.9, 0.9)),
        ("ndtri", lambda d, r, x: (d * (ROOT_TWO_PI * op("exp", 0.5 * r * r)),), True, (0.1, 0.9)),
        ("log_ndtr", lambda d, r, x: (d * (op("exp", -0.5 * x * x - r) / ROOT_TWO_PI),), True, (-3.0, 3.0)),
        ("i0", lambda d, r, x: (d * op("i1", x),), True, (-3.0, 3.0)),
        ("i1", lambda d, r, x: (d * (op("i0", x) - _over(r, x)),), True, (-3.0, 3.0)),
        ("i0e", lambda d, r, x: (d * (op("i1e", x) - op("sign", x) * r),), False, (0.5, 3.0)),
        ("i1e", lambda d, r, x: (d * (op("i0e", x) - op("sign", x) * r - _over(r, x)),), False, (0.5, 3.0)),
        ("j0", lambda d, r, x: (d * -op("j1", x),), False, (-3.0, 3.0)),
        ("j1", lambda d, r, x: (d * (op("j0", x) - _over(r, x)),), False, (-3.0, 3.0)),
    )
)  # fmt: skip
