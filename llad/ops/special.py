"""Special functions: the error functions, gamma and its logarithmic derivatives."""

from __future__ import annotations

import math

from llad.ops.elementary import ieee
from llad.ops.expr import op
from llad.ops.record import OpRecord, no_rule, same_float

TWO_OVER_ROOT_PI = 2.0 / math.sqrt(math.pi)

# B₂ₖ/(2k): ψ(x) ~ log x - 1/(2x) - Σ B₂ₖ/(2k x²ᵏ), good to the last place from x = SHIFT on
SHIFT = 10.0
PSI_SERIES = (1 / 12, -1 / 120, 1 / 252, -1 / 240, 1 / 132, -691 / 32760, 1 / 12)
# B₂ₖ: ψ'(x) ~ 1/x + 1/(2x²) + Σ B₂ₖ/x²ᵏ⁺¹
PSI1_SERIES = (1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6)


def _gamma(x: float) -> float:
    if x == 0:
        return math.copysign(math.inf, x)
    return ieee(math.gamma, overflow=lambda x: math.copysign(math.inf, x))(x)


def _lgamma(x: float) -> float:
    try:
        return math.lgamma(x)
    except (ValueError, OverflowError):  # the poles at 0, -1, …, and beyond the largest float
        return math.inf


def _horner(coefficients: tuple[float, ...], z: float) -> float:
    total = 0.0
    for c in reversed(coefficients):
        total = total * z + c
    return total


def digamma(x: float) -> float:
    """ψ(x) = Γ'(x)/Γ(x). NaN at the negative integers, ∓inf at ±0."""
    if x == 0:
        return -math.copysign(math.inf, x)
    if x < 0:
        nearest = float(round(x)) if x > -(2.0**52) else x
        if x == nearest:
            return math.nan
        # ψ(1-x) - ψ(x) = π/tan(πx), which has period 1
        return digamma(1.0 - x) - math.pi / math.tan(math.pi * (x - nearest))
    shifted = 0.0
    while x < SHIFT:
        shifted += 1.0 / x
        x += 1.0
    z = 1.0 / x / x
    return ieee(math.log)(x) - 0.5 / x - z * _horner(PSI_SERIES, z) - shifted


def trigamma(x: float) -> float:
    """ψ'(x), the derivative of digamma. inf at 0, -1, -2, …"""
    if x <= 0:
        nearest = float(round(x)) if x > -(2.0**52) else x
        if x == nearest:
            return math.nan if math.isinf(x) else math.inf
        # ψ'(1-x) + ψ'(x) = (π/sin(πx))²
        root = math.pi / math.sin(math.pi * (x - nearest))
        return root * root - trigamma(1.0 - x)
    shifted = 0.0
    while x < SHIFT:
        shifted += 1.0 / x / x
        x += 1.0
    z = 1.0 / x / x
    return 1.0 / x + 0.5 * z + z / x * _horner(PSI1_SERIES, z) + shifted


def gauss(x: float) -> float:
    """e^(-x²). Where x² is large it is split, since what it is rounded by counts."""
    if not abs(x) < 30:
        return math.exp(-abs(x)) * 0.0
    high = round(x * 2.0**20) / 2.0**20
    return math.exp(-high * high) * math.exp((high - x) * (high + x))


RECORDS = (
    OpRecord(
        "gauss", same_float(1), gauss, {"f": "@llad.gauss"},
        partial=lambda d, r, x: (d * (-2.0 * (x * r)),), domain=((-3, 3),),
    ),
    OpRecord(
        "erf", same_float(1), math.erf, {"f": "@erf"},
        partial=lambda d, r, x: (d * (TWO_OVER_ROOT_PI * op("gauss", x)),),
        spellings=("math.erf",), domain=((-3, 3),),
    ),
    OpRecord(
        "erfc", same_float(1), math.erfc, {"f": "@erfc"},
        partial=lambda d, r, x: (d * (-TWO_OVER_ROOT_PI * op("gauss", x)),),
        spellings=("math.erfc",), domain=((-3, 3),),
    ),
    OpRecord(
        "gamma", same_float(1), _gamma, {"f": "@tgamma"},
        partial=lambda d, r, x: (d * (r * op("digamma", x)),), singular=True,
        spellings=("math.gamma",), domain=((0.3, 4),),
    ),
    OpRecord(
        "lgamma", same_float(1), _lgamma, {"f": "@lgamma"},
        partial=lambda d, r, x: (d * op("digamma", x),), singular=True,
        spellings=("math.lgamma",), domain=((0.3, 4),),
    ),
    OpRecord(
        "digamma", same_float(1), digamma, {"f": "@llad.digamma"},
        partial=lambda d, r, x: (d * op("trigamma", x),), singular=True, domain=((0.3, 4),),
    ),
    OpRecord(
        "trigamma", same_float(1), trigamma, {"f": "@llad.trigamma"},
        partial=no_rule("the derivative of `trigamma` (the third one of `lgamma`) is not implemented"),
        domain=((0.3, 4),),
    ),
)  # fmt: skip
