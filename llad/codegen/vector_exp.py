"""The exponential and what is made of it: exp, exp2, expm1, tanh, sinh, cosh.

x = k·ln 2 + r with an integer k and |r| ≤ ln 2 / 2, so eˣ = 2ᵏ·eʳ. Adding 1.5·2⁵² to x / ln 2 rounds to the nearest
integer and leaves it in the low bits of the sum, whence an exponent is made by a shift. ln 2 is split so that k times
its upper part is exact. eʳ = 1 + r + r²·g(r), where g is the interpolant at Chebyshev nodes of degree 10 (off by 2⁻⁵⁹).
"""

from __future__ import annotations

from dataclasses import dataclass

from llad.codegen.vector_text import Body, Operand

LN2_HIGH = 6.93147180369123816490e-01  # the upper 33 bits of ln 2
LN2_LOW = 1.90821492927058770002e-10
LN2 = 0.6931471805599453  # rounded
LN2_REST = 2.3190468138462996e-17
LOG2_E = 1.4426950408889634
_G = (
    0.5,
    0.1666666666666667,
    0.04166666666666667,
    0.00833333333332614,
    0.0013888888888883752,
    0.00019841269874804214,
    2.4801587325536023e-05,
    2.7557255421023506e-06,
    2.7557273657975953e-07,
    2.5105208339987698e-08,
    2.0914680780540263e-09,
)
_TANH_NEAR = 0.6
_TANH = (
    -0.33333333333333326,
    0.13333333333330197,
    -0.05396825396475762,
    0.02186948838378093,
    -0.008863232113541474,
    0.0035920831663434575,
    -0.001455464802800745,
    0.0005880541548418729,
    -0.0002322510406793851,
    8.154737806525365e-05,
    -1.833596211003942e-05,
)
_SINH_NEAR = 1.0
_SINH = (
    0.16666666666666666,
    0.008333333333333333,
    0.00019841269841269773,
    2.755731922404034e-06,
    2.505210836405804e-08,
    1.6059048396350562e-10,
    7.646625361656657e-13,
    2.8445264169895285e-15,
)
_ROUNDER = 6755399441055744.0  # 1.5·2⁵²
_BIAS = 1023


@dataclass(frozen=True, slots=True)
class Reduced:
    """eˣ = 2ᵏ·(1 + (r + w)). The low bits of `bits` hold k plus what the reduction was asked to add."""

    bits: str
    r: str
    w: str


def reduce_exp(b: Body, x: str, bias: int, below: Operand = 0.0) -> Reduced:
    """Of e to the `x` - `below`, where `below` is tiny. `bias` is added to k in the bits."""
    rounder = _ROUNDER + bias
    shifted = b.muladd(x, LOG2_E, rounder)
    k = b.sub(shifted, rounder)
    high = b.muladd(k, -LN2_HIGH, x)
    low = b.mul(k, LN2_LOW)
    if below:
        low = b.add(low, below)
    r = b.sub(high, low)
    rest = b.sub(b.sub(high, r), low)  # what the difference was rounded by
    w = b.muladd(b.mul(r, r), b.polynomial(_G, r), rest)
    return Reduced(b.bits(shifted), r, w)


def power_of_two(b: Body, reduced: Reduced) -> str:
    """2ᵏ, of a reduction with the bias of exponents."""
    return b.double(b.integer("shl", reduced.bits, 52))


def scale(b: Body, x: str, bits: str) -> str:
    """`x`·2ᵏ in two steps, since 2ᵏ may be beyond either end; the bits are those of a reduction with bias 2046."""
    half = b.integer("lshr", bits, 1)
    other = b.integer("sub", bits, half)
    first, second = (b.double(b.integer("shl", h, 52)) for h in (half, other))
    return b.mul(b.mul(x, first), second)


def exp() -> str:
    b = Body("%x")
    e = reduce_exp(b, b.most(b.least("%x", -746.0), 710.0), 2 * _BIAS)
    return b.define("llad.exp.f64", scale(b, b.add(b.add(e.r, e.w), 1.0), e.bits))


def exp2() -> str:
    """2ᵏ·e^(f·ln 2) with f = x - k, which is exact."""
    b = Body("%x")
    x = b.most(b.least("%x", -1080.0), 1025.0)
    shifted = b.add(x, _ROUNDER + 2 * _BIAS)
    f = b.sub(x, b.sub(shifted, _ROUNDER + 2 * _BIAS))
    r = b.mul(f, LN2)
    rest = b.muladd(f, LN2_REST, b.product_error(f, LN2, r))
    w = b.muladd(b.mul(r, r), b.polynomial(_G, r), rest)
    return b.define("llad.exp2.f64", scale(b, b.add(b.add(r, w), 1.0), b.bits(shifted)))


def expm1() -> str:
    """2ᵏ·w + (2ᵏ·r + (2ᵏ - 1)), all of it halved, so that 2¹⁰²⁴ is in range."""
    b = Body("%x")
    e = reduce_exp(b, b.most(b.least("%x", -40.0), 710.0), _BIAS - 1)
    s = power_of_two(b, e)
    half = b.muladd(s, e.w, b.muladd(s, e.r, b.sub(s, 0.5)))
    tiny = b.compare("olt", b.magnitude("%x"), 2.0**-54)
    return b.define("llad.expm1.f64", b.select(tiny, "%x", b.add(half, half)))


def tanh() -> str:
    """1 - 2 / (e²ˣ + 1), and near 0 x + x³·p(x²)."""
    b = Body("%x")
    x = b.most(b.magnitude("%x"), 22.0)
    e = reduce_exp(b, b.add(x, x), _BIAS)
    s = power_of_two(b, e)
    far = b.sub(1.0, b.div(2.0, b.muladd(s, b.add(e.r, e.w), b.add(s, 1.0))))
    z = b.mul(x, x)
    near = b.muladd(b.mul(x, z), b.polynomial(_TANH, z), x)
    return b.define("llad.tanh.f64", b.copysign(b.select(b.compare("olt", x, _TANH_NEAR), near, far), "%x"))


def _half_exp(b: Body, x: str) -> str:
    """e to the `x`, halved, which is in range as long as sinh and cosh are."""
    e = reduce_exp(b, b.most(x, 712.0), 2 * _BIAS - 1)
    return scale(b, b.add(b.add(e.r, e.w), 1.0), e.bits)


def cosh() -> str:
    b = Body("%x")
    half = _half_exp(b, b.magnitude("%x"))
    return b.define("llad.cosh.f64", b.add(half, b.div(0.25, half)))


def sinh() -> str:
    """(eˣ - e⁻ˣ) / 2, and near 0 x + x³·p(x²)."""
    b = Body("%x")
    x = b.magnitude("%x")
    half = _half_exp(b, x)
    far = b.sub(half, b.div(0.25, half))
    z = b.mul(x, x)
    near = b.muladd(b.mul(x, z), b.polynomial(_SINH, z), x)
    return b.define("llad.sinh.f64", b.copysign(b.select(b.compare("olt", x, _SINH_NEAR), near, far), "%x"))
