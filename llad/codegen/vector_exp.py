"""The exponential and what is made of it: exp, exp2, expm1, tanh, sinh, cosh.

x = k·ln 2 + r with an integer k and |r| ≤ ln 2 / 2, so eˣ = 2ᵏ·eʳ. Adding 1.5·2⁵² to x / ln 2 rounds to the nearest
integer and leaves it in the low bits of the sum, whence an exponent is made by a shift. ln 2 is split so that k times
its upper part is exact. eʳ = 1 + r + r²·g(r), where g is the interpolant at Chebyshev nodes of degree 10 (off by 2⁻⁵⁹).
"""

from __future__ import annotations

from dataclasses import dataclass

from llad.codegen.vector_text import Body, Operand
from llad.ir.types import F32, F64, ScalarType

# ln 2 in two parts. The first has 33 bits of 53, and 9 of 24.
LN2_PARTS = {F64: (6.93147180369123816490e-01, 1.90821492927058770002e-10), F32: (0.693359375, -2.1219444e-4)}
_LN2 = {F64: (0.6931471805599453, 2.3190468138462996e-17), F32: (0.6931472, -1.9046542e-9)}  # and what was rounded off
LOG2_E = 1.4426950408889634
_G = {
    F64: (
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
    ),
    F32: (0.5, 0.16666576, 0.041666556, 0.008363179, 0.0013926184),
}
_TANH_NEAR = 0.6
_TANH = {
    F64: (
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
    ),
    F32: (-0.3333333, 0.13332915, -0.05387395, 0.02111096, -0.0062691197),
}
_SINH_NEAR = 1.0
_SINH = {
    F64: (
        0.16666666666666666,
        0.008333333333333333,
        0.00019841269841269773,
        2.755731922404034e-06,
        2.505210836405804e-08,
        1.6059048396350562e-10,
        7.646625361656657e-13,
        2.8445264169895285e-15,
    ),
    F32: (0.16666667, 0.008333339, 0.00019838102, 2.8062802e-06),
}


@dataclass(frozen=True, slots=True)
class _Ends:
    """Beyond which arguments a function has reached its limit, as far as rounding goes."""

    least: float  # eˣ is 0
    most: float  # eˣ is infinite
    half: float  # eˣ / 2 is infinite
    least2: float
    most2: float  # the same of 2ˣ
    less: float  # eˣ - 1 is -1
    flat: float  # tanh is 1
    tiny: float  # eˣ - 1 is x


_ENDS = {
    F64: _Ends(-746.0, 710.0, 712.0, -1080.0, 1025.0, -40.0, 22.0, 2.0**-54),
    F32: _Ends(-104.0, 89.0, 90.0, -152.0, 129.0, -20.0, 10.0, 2.0**-25),
}


@dataclass(frozen=True, slots=True)
class Reduced:
    """eˣ = 2ᵏ·(1 + (r + w)). The low bits of `bits` hold k plus what the reduction was asked to add."""

    bits: str
    r: str
    w: str


def reduce_exp(b: Body, x: str, bias: int, below: Operand = 0.0) -> Reduced:
    """Of e to the `x` - `below`, where `below` is tiny. `bias` is added to k in the bits."""
    rounder = b.format.rounder + bias
    ln2, ln2_low = LN2_PARTS[b.kind]
    shifted = b.muladd(x, LOG2_E, rounder)
    k = b.sub(shifted, rounder)
    high = b.muladd(k, -ln2, x)
    low = b.mul(k, ln2_low)
    if below:
        low = b.add(low, below)
    r = b.sub(high, low)
    rest = b.sub(b.sub(high, r), low)  # what the difference was rounded by
    w = b.muladd(b.mul(r, r), b.polynomial(_G[b.kind], r), rest)
    return Reduced(b.bits(shifted), r, w)


def power_of_two(b: Body, reduced: Reduced) -> str:
    """2ᵏ, of a reduction with the bias of exponents."""
    return b.exponent(reduced.bits)


def scale(b: Body, x: str, bits: str) -> str:
    """`x`·2ᵏ in two steps, since 2ᵏ may be beyond either end; the bits are those of a reduction with bias 2046."""
    half = b.integer("lshr", bits, 1)
    other = b.integer("sub", bits, half)
    return b.mul(b.mul(x, b.exponent(half)), b.exponent(other))


def exp(kind: ScalarType) -> str:
    b = Body("%x", kind=kind)
    e = reduce_exp(b, b.most(b.least("%x", _ENDS[kind].least), _ENDS[kind].most), 2 * b.format.bias)
    return b.define("exp", scale(b, b.add(b.add(e.r, e.w), 1.0), e.bits))


def exp2(kind: ScalarType) -> str:
    """2ᵏ·e^(f·ln 2) with f = x - k, which is exact."""
    b = Body("%x", kind=kind)
    x = b.most(b.least("%x", _ENDS[kind].least2), _ENDS[kind].most2)
    rounder = b.format.rounder + 2 * b.format.bias
    ln2, ln2_rest = _LN2[kind]
    shifted = b.add(x, rounder)
    f = b.sub(x, b.sub(shifted, rounder))
    r, rest = b.product(f, ln2)
    rest = b.muladd(f, ln2_rest, rest)
    w = b.muladd(b.mul(r, r), b.polynomial(_G[b.kind], r), rest)
    return b.define("exp2", scale(b, b.add(b.add(r, w), 1.0), b.bits(shifted)))


def expm1(kind: ScalarType) -> str:
    """2ᵏ·w + (2ᵏ·r + (2ᵏ - 1)), all of it halved, so that 2¹⁰²⁴ is in range."""
    b = Body("%x", kind=kind)
    e = reduce_exp(b, b.most(b.least("%x", _ENDS[kind].less), _ENDS[kind].most), b.format.bias - 1)
    s = power_of_two(b, e)
    half = b.muladd(s, e.w, b.muladd(s, e.r, b.sub(s, 0.5)))
    tiny = b.compare("olt", b.magnitude("%x"), _ENDS[kind].tiny)
    return b.define("expm1", b.select(tiny, "%x", b.add(half, half)))


def tanh(kind: ScalarType) -> str:
    """1 - 2 / (e²ˣ + 1), and near 0 x + x³·p(x²)."""
    b = Body("%x", kind=kind)
    x = b.most(b.magnitude("%x"), _ENDS[kind].flat)
    e = reduce_exp(b, b.add(x, x), b.format.bias)
    s = power_of_two(b, e)
    far = b.sub(1.0, b.div(2.0, b.muladd(s, b.add(e.r, e.w), b.add(s, 1.0))))
    z = b.mul(x, x)
    near = b.muladd(b.mul(x, z), b.polynomial(_TANH[kind], z), x)
    return b.define("tanh", b.copysign(b.select(b.compare("olt", x, _TANH_NEAR), near, far), "%x"))


def _half_exp(b: Body, x: str) -> str:
    """e to the `x`, halved, which is in range as long as sinh and cosh are."""
    e = reduce_exp(b, b.most(x, _ENDS[b.kind].half), 2 * b.format.bias - 1)
    return scale(b, b.add(b.add(e.r, e.w), 1.0), e.bits)


def cosh(kind: ScalarType) -> str:
    b = Body("%x", kind=kind)
    half = _half_exp(b, b.magnitude("%x"))
    return b.define("cosh", b.add(half, b.div(0.25, half)))


def sinh(kind: ScalarType) -> str:
    """(eˣ - e⁻ˣ) / 2, and near 0 x + x³·p(x²)."""
    b = Body("%x", kind=kind)
    x = b.magnitude("%x")
    half = _half_exp(b, x)
    far = b.sub(half, b.div(0.25, half))
    z = b.mul(x, x)
    near = b.muladd(b.mul(x, z), b.polynomial(_SINH[kind], z), x)
    return b.define("sinh", b.copysign(b.select(b.compare("olt", x, _SINH_NEAR), near, far), "%x"))
