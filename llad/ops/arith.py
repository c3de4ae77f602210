"""Arithmetic: `+ - * / // % **`, absolute value, extrema, fused and strong-zero products.

Where Python and C disagree the op is Python's: `floordiv` and `mod` round down (the remainder has the
divisor's sign), `min(x, y)` is `y if y < x else x`. `maximum` and `minimum` are NumPy's: NaN if either
operand is.
"""

from __future__ import annotations

import math
from fractions import Fraction

from llad.ops.expr import Expr, op
from llad.ops.record import OpRecord, Partial, same_float, same_number

Rule = tuple[Expr | None, ...]


def divide(x: float, y: float) -> float:
    """IEEE `x / y`."""
    if y != 0:
        return x / y
    if x == 0 or math.isnan(x):
        return math.nan
    return math.copysign(math.inf, x) * math.copysign(1.0, y)


def _floordiv(x: float, y: float) -> float:
    if isinstance(x, float) and y == 0:
        return divide(x, y)
    return x // y


def _mod(x: float, y: float) -> float:
    if isinstance(x, float) and y == 0:
        return math.nan
    return x % y


def _fmod(x: float, y: float) -> float:
    if y == 0 or math.isinf(x) or math.isnan(y):
        return math.nan
    return math.fmod(x, y)


def _remainder(x: float, y: float) -> float:
    if y == 0 or math.isinf(x) or math.isnan(y):
        return math.nan
    return math.remainder(x, y)


def _maximum(x: float, y: float) -> float:
    if x != x or y != y:
        return math.nan
    if x == y:
        return x if math.copysign(1.0, x) > 0 else y
    return x if x > y else y


def _minimum(x: float, y: float) -> float:
    return -_maximum(-x, -y)


def _fma(x: float, y: float, z: float) -> float:
    """`x * y + z`, rounded once."""
    if x == 0 or y == 0 or not (math.isfinite(x) and math.isfinite(y)):
        return x * y + z
    if not math.isfinite(z):
        return z
    exact = Fraction(x) * Fraction(y) + Fraction(z)
    try:
        return float(exact)
    except OverflowError:
        return math.inf if exact > 0 else -math.inf


def power(x: float, y: float) -> float:
    """C's `pow`."""
    try:
        return math.pow(x, y)
    except OverflowError:
        return -math.inf if x < 0 and _is_odd(y) else math.inf
    except ValueError:
        if x == 0:  # and y < 0: a pole, whose sign shows only for odd y
            return math.copysign(math.inf, x) if _is_odd(y) else math.inf
        return math.nan


def _is_odd(y: float) -> bool:
    return math.fmod(y, 2.0) in (1.0, -1.0)


def _sign(x: float) -> float:
    return type(x)(x > 0) - type(x)(x < 0) if x == x else x


def _pow_rule(d: Expr, r: Expr, x: Expr, y: Expr) -> Rule:
    # ∂x: y·x^(y-1), which at y = 0 is 0·x^(-1) and must be 0 at x = 0 too.
    # ∂y: x^y·log x; along x = 0 the function is constant for y > 0, and 0 is the value chosen at (0, 0).
    by_x = op("select", op("eq", y, 0.0), 0.0, y * op("pow", x, y - 1.0))
    flat = op("and", op("eq", x, 0.0), y >= 0.0)
    return d * by_x, d * op("select", flat, 0.0, r * op("log", x))


def _abs_rule(d: Expr, r: Expr, x: Expr) -> Rule:
    return (op("select", x < 0.0, -d, op("select", op("eq", x, 0.0), 0.0, d)),)


def _extremum_rule(beats: str) -> Partial:
    """The winner takes `d`, a tie is halved. The result is NaN just if an operand is: then that one takes `d`, of two
    the first, as NumPy says which NaN it returns.
    """

    def rule(d: Expr, r: Expr, x: Expr, y: Expr) -> Rule:
        tie, first = op("select", op("eq", x, y), 0.5 * d, d), op("isnan", x)
        second = op("select", first, 0.0, op("select", op("isnan", y), d, 0.0))
        return (
            op("select", op(beats, x, y), tie, op("select", first, d, 0.0)),
            op("select", op(beats, y, x), tie, second),
        )

    return rule


def _python_extremum_rule(beats: str) -> Partial:
    """As above, but with Python's order: unless `y` beats `x`, the result is `x` (also when either is NaN).
    """

    def rule(d: Expr, r: Expr, x: Expr, y: Expr) -> Rule:
        wins, tie, half = op(beats, y, x), op("eq", x, y), 0.5 * d
        return (
            op("select", wins, 0.0, op("select", tie, half, d)),
            op("select", wins, d, op("select", tie, half, 0.0)),
        )

    return rule


def _fmax_rule(beats: str) -> Partial:
    """As above, but the result is a NaN only if both are: an operand that is a NaN gets nothing."""

    def rule(d: Expr, r: Expr, x: Expr, y: Expr) -> Rule:
        wins, tie, half = op("or", op(beats, y, x), op("isnan", x)), op("eq", x, y), 0.5 * d
        return (
            op("select", wins, 0.0, op("select", tie, half, d)),
            op("select", wins, d, op("select", tie, half, 0.0)),
        )

    return rule


def _div_rule(d: Expr, r: Expr, x: Expr, y: Expr) -> Rule:
    t = d / y
    return t, -t * r


def _rounded_quotient(r: Expr, x: Expr, y: Expr) -> Expr:
    # `x - r` is a whole multiple of y up to rounding, so this is the quotient that was subtracted, also where
    # x/y itself rounds across an integer.
    return op("rint", (x - r) / y)


RECORDS = (
    OpRecord(
        "add", same_number(2), lambda x, y: x + y, {"f": "fadd", "i": "add"},
        partial=lambda d, r, x, y: (d, d),
        spellings=("operator.add", "numpy.add"), domain=((-3, 3), (-3, 3)), commutative=True,
    ),
    OpRecord(
        "sub", same_number(2), lambda x, y: x - y, {"f": "fsub", "i": "sub"},
        partial=lambda d, r, x, y: (d, -d),
        spellings=("operator.sub", "numpy.subtract"), domain=((-3, 3), (-3, 3)),
    ),
    OpRecord(
        "mul", same_number(2), lambda x, y: x * y, {"f": "fmul", "i": "mul"},
        partial=lambda d, r, x, y: (d * y, d * x),
        spellings=("operator.mul", "numpy.multiply"), domain=((-3, 3), (-3, 3)), commutative=True,
    ),
    OpRecord(
        "div", same_float(2), divide, {"f": "fdiv"},
        partial=_div_rule, singular=True,
        spellings=("operator.truediv", "numpy.divide"), domain=((-3, 3), (0.5, 3)),
    ),
    OpRecord(
        "neg", same_number(1), lambda x: -x, {"f": "fneg", "i": "@llad.neg"},
        partial=lambda d, r, x: (-d,),
        spellings=("operator.neg", "numpy.negative"), domain=((-3, 3),),
    ),
    OpRecord(
        "abs", same_number(1), abs, {"f": "@llvm.fabs", "i": "@llad.abs"},
        partial=_abs_rule,
        spellings=("builtins.abs", "operator.abs", "math.fabs", "numpy.absolute", "numpy.fabs"),
        domain=((-3, 3),),
    ),
    OpRecord(
        "sign", same_number(1), _sign, {"f": "@llad.sign", "i": "@llad.sign"},
        spellings=("numpy.sign",), domain=((-3, 3),),
    ),
    OpRecord(
        "min", same_number(2), lambda x, y: y if y < x else x, {"f": "@llad.min", "i": "@llvm.smin"},
        partial=_python_extremum_rule("lt"),
        spellings=("builtins.min",), domain=((-3, 3), (-3, 3)),
    ),
    OpRecord(
        "max", same_number(2), lambda x, y: y if y > x else x, {"f": "@llad.max", "i": "@llvm.smax"},
        partial=_python_extremum_rule("gt"),
        spellings=("builtins.max",), domain=((-3, 3), (-3, 3)),
    ),
    OpRecord(
        "minimum", same_float(2), _minimum, {"f": "@llvm.minimum"},
        partial=_extremum_rule("le"),
        spellings=("numpy.minimum",), domain=((-3, 3), (-3, 3)), commutative=True,
    ),
    OpRecord(
        "maximum", same_float(2), _maximum, {"f": "@llvm.maximum"},
        partial=_extremum_rule("ge"),
        spellings=("numpy.maximum",), domain=((-3, 3), (-3, 3)), commutative=True,
    ),
    OpRecord(
        "fmin", same_float(2), lambda x, y: y if y < x or x != x else x, {"f": "@llvm.minnum"},
        partial=_fmax_rule("lt"),
        spellings=("numpy.fmin",), domain=((-3, 3), (-3, 3)),
    ),
    OpRecord(
        "fmax", same_float(2), lambda x, y: y if y > x or x != x else x, {"f": "@llvm.maxnum"},
        partial=_fmax_rule("gt"),
        spellings=("numpy.fmax",), domain=((-3, 3), (-3, 3)),
    ),
    OpRecord(
        "floordiv", same_number(2), _floordiv, {"f": "@llad.floordiv", "i": "@llad.floordiv"},
        spellings=("operator.floordiv", "numpy.floor_divide"), domain=((-9, 9), (1, 3)),
    ),
    OpRecord(
        "mod", same_number(2), _mod, {"f": "@llad.mod", "i": "@llad.mod"},
        partial=lambda d, r, x, y: (d, -d * op("floordiv", x, y)), singular=True,
        spellings=("operator.mod", "numpy.remainder"), domain=((-9, 9), (1, 3)),
    ),
    OpRecord(
        "fmod", same_float(2), _fmod, {"f": "frem"},
        partial=lambda d, r, x, y: (d, -d * _rounded_quotient(r, x, y)), singular=True,
        spellings=("math.fmod", "numpy.fmod"), domain=((-9, 9), (1, 3)),
    ),
    OpRecord(
        "remainder", same_float(2), _remainder, {"f": "@remainder"},
        partial=lambda d, r, x, y: (d, -d * _rounded_quotient(r, x, y)), singular=True,
        spellings=("math.remainder",), domain=((-9, 9), (1, 3)),
    ),
    OpRecord(
        "pow", same_float(2), power, {"f": "@llvm.pow"},
        partial=_pow_rule, singular=True,
        spellings=("operator.pow", "math.pow", "numpy.power", "numpy.float_power"),
        domain=((0.2, 3), (-3, 3)),
    ),
    OpRecord(
        "fma", same_float(3), _fma, {"f": "@llvm.fma"},
        partial=lambda d, r, x, y, z: (d * y, d * x, d),
        spellings=("math.fma",), domain=((-3, 3), (-3, 3), (-3, 3)),
    ),
    OpRecord(
        "mulz", same_float(2), lambda d, p: 0.0 if d == 0 else d * p, {"f": "@llad.mulz"},
        partial=lambda d_, r, d, p: (op("mulz", d_, p), op("mulz", d, d_)), domain=((-3, 3), (-3, 3)),
    ),
)  # fmt: skip
