"""Elementary functions: roots, exponentials, logarithms, trigonometry, hyperbolics, rounding, signs.

Each rule takes the form that loses no digits: `1/√((1-x)(1+x))` rather than `1/√(1-x²)`, `x/r` for `hypot`.
Rules reuse the result where it is as accurate as a fresh evaluation, since the result is already at hand.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from llad.ops.expr import Expr, op
from llad.ops.record import OpRecord, float_predicate, same_float

LN2 = math.log(2.0)
LN10 = math.log(10.0)
Rule = tuple[Expr | None, ...]


def ieee(
    f: Callable[[float], float],
    pole: float | None = None,
    at_pole: float = -math.inf,
    overflow: Callable[[float], float] = lambda x: math.inf,
) -> Callable[[float], float]:
    """`f` of the `math` module without its exceptions: `at_pole` at `pole`, NaN outside the domain,
    infinities.
    """

    def eval(x: float) -> float:
        if x == pole:
            return at_pole
        try:
            return f(x)
        except ValueError:
            return math.nan
        except OverflowError:
            return overflow(x)

    return eval


def _signed_infinity(x: float) -> float:
    return math.copysign(math.inf, x)


def _atanh(x: float) -> float:
    if abs(x) == 1:
        return _signed_infinity(x)
    return math.atanh(x) if abs(x) < 1 else math.nan


def _to_integer(f: Callable[[float], int]) -> Callable[[float], float]:
    """A rounding of `math` with a float result: infinities and NaN stay, and so does the sign of a zero."""

    def eval(x: float) -> float:
        return math.copysign(float(f(x)), x) if math.isfinite(x) else x

    return eval


def _signed_unit(x: Expr) -> Expr:
    return op("copysign", 1.0, x)


def _inverse_root(x: Expr) -> Expr:
    # 1/√(1-x²), without cancellation near ±1
    return 1.0 / op("sqrt", (1.0 - x) * (1.0 + x))


def _hypot_rule(d: Expr, r: Expr, x: Expr, y: Expr) -> Rule:
    at_origin = op("eq", r, 0.0)
    return d * op("select", at_origin, 0.0, x / r), d * op("select", at_origin, 0.0, y / r)


def _atan2_rule(d: Expr, r: Expr, y: Expr, x: Expr) -> Rule:
    # (x, -y)/h² with h = hypot(x, y), divided twice so that h² neither over- nor underflows
    h = op("hypot", x, y)
    at_origin = op("eq", h, 0.0)
    return d * op("select", at_origin, 0.0, x / h / h), d * op("select", at_origin, 0.0, -y / h / h)


ROUNDING = tuple(
    OpRecord(name, same_float(1), _to_integer(f), {"f": f"@llvm.{name}"}, spellings=spellings, domain=((-9, 9),))
    for name, f, spellings in (
        ("floor", math.floor, ("numpy.floor",)),  # math.floor gives an int: another op
        ("ceil", math.ceil, ("numpy.ceil",)),
        ("trunc", math.trunc, ("numpy.trunc",)),
        ("rint", round, ("numpy.rint",)),
    )
)

PREDICATES = tuple(
    OpRecord(name, float_predicate, f, {"f": f"@llad.{name}"}, spellings=(f"math.{name}", f"numpy.{name}"),
             domain=((-3, 3),))
    for name, f in (("isnan", math.isnan), ("isinf", math.isinf), ("isfinite", math.isfinite))
)  # fmt: skip

RECORDS = (
    OpRecord(
        "sqrt", same_float(1), ieee(math.sqrt), {"f": "@llvm.sqrt"},
        partial=lambda d, r, x: (d * (0.5 * (1.0 / r)),), singular=True,  # 1/√x is often asked for
        spellings=("math.sqrt", "numpy.sqrt"), domain=((0.1, 4),),
    ),
    OpRecord(
        "cbrt", same_float(1), math.cbrt, {"f": "@cbrt"},
        partial=lambda d, r, x: (d * (1.0 / (3.0 * r * r)),), singular=True,
        spellings=("math.cbrt", "numpy.cbrt"), domain=((0.1, 4),),
    ),
    OpRecord(
        "exp", same_float(1), ieee(math.exp), {"f": "@llvm.exp"},
        partial=lambda d, r, x: (d * r,), singular=True,
        spellings=("math.exp", "numpy.exp"), domain=((-3, 3),),
    ),
    OpRecord(
        "exp2", same_float(1), ieee(math.exp2), {"f": "@llvm.exp2"},
        partial=lambda d, r, x: (d * (LN2 * r),), singular=True,
        spellings=("math.exp2", "numpy.exp2"), domain=((-3, 3),),
    ),
    OpRecord(
        "expm1", same_float(1), ieee(math.expm1), {"f": "@expm1"},
        # not r + 1, which has no digits left where r is near -1
        partial=lambda d, r, x: (d * op("exp", x),), singular=True,
        spellings=("math.expm1", "numpy.expm1"), domain=((-3, 3),),
    ),
    OpRecord(
        "log", same_float(1), ieee(math.log, 0.0), {"f": "@llvm.log"},
        partial=lambda d, r, x: (d / x,), singular=True,
        spellings=("math.log", "numpy.log"), domain=((0.1, 4),),
    ),
    OpRecord(
        "log2", same_float(1), ieee(math.log2, 0.0), {"f": "@llvm.log2"},
        partial=lambda d, r, x: (d / (LN2 * x),), singular=True,
        spellings=("math.log2", "numpy.log2"), domain=((0.1, 4),),
    ),
    OpRecord(
        "log10", same_float(1), ieee(math.log10, 0.0), {"f": "@llvm.log10"},
        partial=lambda d, r, x: (d / (LN10 * x),), singular=True,
        spellings=("math.log10", "numpy.log10"), domain=((0.1, 4),),
    ),
    OpRecord(
        "log1p", same_float(1), ieee(math.log1p, -1.0), {"f": "@log1p"},
        partial=lambda d, r, x: (d / (1.0 + x),), singular=True,
        spellings=("math.log1p", "numpy.log1p"), domain=((-0.8, 3),),
    ),
    OpRecord(
        "sin", same_float(1), ieee(math.sin), {"f": "@llvm.sin"},
        partial=lambda d, r, x: (d * op("cos", x),),
        spellings=("math.sin", "numpy.sin"), domain=((-3, 3),),
    ),
    OpRecord(
        "cos", same_float(1), ieee(math.cos), {"f": "@llvm.cos"},
        partial=lambda d, r, x: (-d * op("sin", x),),
        spellings=("math.cos", "numpy.cos"), domain=((-3, 3),),
    ),
    OpRecord(
        "tan", same_float(1), ieee(math.tan), {"f": "@tan"},
        partial=lambda d, r, x: (d * (1.0 + r * r),),
        spellings=("math.tan", "numpy.tan"), domain=((-1.2, 1.2),),
    ),
    OpRecord(
        "asin", same_float(1), ieee(math.asin), {"f": "@asin"},
        partial=lambda d, r, x: (d * _inverse_root(x),), singular=True,
        spellings=("math.asin", "numpy.arcsin"), domain=((-0.9, 0.9),),
    ),
    OpRecord(
        "acos", same_float(1), ieee(math.acos), {"f": "@acos"},
        partial=lambda d, r, x: (-d * _inverse_root(x),), singular=True,
        spellings=("math.acos", "numpy.arccos"), domain=((-0.9, 0.9),),
    ),
    OpRecord(
        "atan", same_float(1), math.atan, {"f": "@atan"},
        partial=lambda d, r, x: (d * (1.0 / (1.0 + x * x)),),
        spellings=("math.atan", "numpy.arctan"), domain=((-3, 3),),
    ),
    OpRecord(
        "atan2", same_float(2), math.atan2, {"f": "@atan2"},
        partial=_atan2_rule, singular=True,
        spellings=("math.atan2", "numpy.arctan2"), domain=((-3, 3), (0.3, 3)),
    ),
    OpRecord(
        "sinh", same_float(1), ieee(math.sinh, overflow=_signed_infinity), {"f": "@sinh"},
        partial=lambda d, r, x: (d * op("cosh", x),), singular=True,
        spellings=("math.sinh", "numpy.sinh"), domain=((-3, 3),),
    ),
    OpRecord(
        "cosh", same_float(1), ieee(math.cosh), {"f": "@cosh"},
        partial=lambda d, r, x: (d * op("sinh", x),), singular=True,
        spellings=("math.cosh", "numpy.cosh"), domain=((-3, 3),),
    ),
    OpRecord(
        "tanh", same_float(1), math.tanh, {"f": "@tanh"},
        # The error is at most that of one rounding of r, absolutely. Relative accuracy deep in saturation
        # would cost a second exponential (1/cosh²); at ±1 this is 0, and never NaN.
        partial=lambda d, r, x: (d * (1.0 - r * r),),
        spellings=("math.tanh", "numpy.tanh"), domain=((-3, 3),),
    ),
    OpRecord(
        "asinh", same_float(1), math.asinh, {"f": "@asinh"},
        partial=lambda d, r, x: (d * (1.0 / op("hypot", 1.0, x)),),
        spellings=("math.asinh", "numpy.arcsinh"), domain=((-3, 3),),
    ),
    OpRecord(
        "acosh", same_float(1), ieee(math.acosh), {"f": "@acosh"},
        # two roots: their product neither overflows nor turns two negative factors into a positive one
        partial=lambda d, r, x: (d * (1.0 / (op("sqrt", x - 1.0) * op("sqrt", x + 1.0))),), singular=True,
        spellings=("math.acosh", "numpy.arccosh"), domain=((1.3, 4),),
    ),
    OpRecord(
        "atanh", same_float(1), _atanh, {"f": "@atanh"},
        partial=lambda d, r, x: (d * (1.0 / ((1.0 - x) * (1.0 + x))),), singular=True,
        spellings=("math.atanh", "numpy.arctanh"), domain=((-0.9, 0.9),),
    ),
    OpRecord(
        "hypot", same_float(2), math.hypot, {"f": "@hypot"},
        partial=_hypot_rule,
        spellings=("math.hypot", "numpy.hypot"), domain=((-3, 3), (0.3, 3)), commutative=True,
    ),
    OpRecord(
        "copysign", same_float(2), math.copysign, {"f": "@llvm.copysign"},
        # |x|·sgn(y), hence 0 at x = 0 as for abs
        partial=lambda d, r, x, y: (d * (op("sign", x) * _signed_unit(y)), None),
        spellings=("math.copysign", "numpy.copysign"), domain=((-3, 3), (-3, 3)),
    ),
    *ROUNDING,
    *PREDICATES,
)  # fmt: skip
