"""The exponential and what is made of it: exp, exp2, expm1, tanh, sinh, cosh.

x = k·ln 2 + r with an integer k and |r| ≤ ln 2 / 2, so eˣ = 2ᵏ·eʳ. Adding 1.5·2⁵² to x / ln 2 rounds to the nearest
integer and leaves it in the low bits of the sum, whence an exponent is made by a shift. ln 2 is split so that k times
its upper part is exact. eʳ = 1 + r + r²·g(r), where g is the interpolant at Chebyshev nodes of degree 9 (off by 2⁻⁵³ of
a term below 7 %).
"""

from __future__ import annotations

from llad.codegen.late import EIGHTH_SHIFT
from llad.codegen.vector_text import Body, Operand
from llad.dataclass import dataclass
from llad.ir.types import F32, F64, ScalarType

# ln 2 in two parts. The first has 33 bits of 53, and 9 of 24.
LN2_PARTS = {F64: (6.93147180369123816490e-01, 1.90821492927058770002e-10), F32: (0.693359375, -2.1219444e-4)}
_LN2 = {F64: (0.6931471805599453, 2.3190468138462996e-17), F32: (0.6931472, -1.9046542e-9)}  # and what was rounded off
LOG2_E = 1.4426950408889634
_G = {
    F64: (
        0.5000000000000001,
        0.16666666666666669,
        0.041666666666624164,
        0.008333333333330065,
        0.0013888888917196719,
        0.00019841269863040545,
        2.4801521322368692e-05,
        2.7557268480310024e-06,
        2.7620075879983367e-07,
        2.5100375832561234e-08,
    ),
    F32: (0.5, 0.16666576, 0.041666556, 0.008363179, 0.0013926184),
}
_G_EIGHTH = (
    0.5000000000000051,
    0.16666666666666724,
    0.04166666661752646,
    0.00833333332787334,
    0.0013889587108239542,
    0.00019842045637239258,
)
_TANH_NEAR = 0.625
_TANH = {
    F64: (-1614.0662099613849, -99.25762899383604, -0.9643874001455819),
    F32: (-21.068132, -0.9336546),
}
_TANH_OVER = {
    F64: (4842.198629884155, 2234.652338935151, 112.77908150809851, 1.0),
    F32: (63.204395, 28.082722, 1.0),
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
    """eˣ = 2ᵏ·(1 + (r + w)). The low bits of `bits` hold the integer k plus what the reduction was asked to add."""

    k: str
    bits: str
    r: str
    w: str


def reduce_exp(b: Body, x: str, bias: int, below: Operand = 0.0, whole: bool = False) -> Reduced:
    """Of e to the `x` - `below`, where `below` is tiny. `bias` is added to k in the bits.

    `whole`: w has what r was rounded by, too, which is at most a quarter of a unit of eʳ.
    """
    k, bits, high = _whole_part(b, x, bias)
    ln2_low = LN2_PARTS[b.kind][1]
    low = b.muladd(k, ln2_low, below) if below else b.mul(k, ln2_low)
    r = b.sub(high, low)
    square, g = b.mul(r, r), b.polynomial(_G[b.kind], r)
    w = b.muladd(square, g, b.sub(b.sub(high, r), low)) if whole else b.mul(square, g)
    return Reduced(k, bits, r, w)


def _whole_part(b: Body, x: str, bias: int) -> tuple[str, str, str]:
    """k, its bits, and x less k times the upper part of ln 2."""
    rounder = b.format.rounder + bias
    shifted = b.muladd(x, LOG2_E, rounder)
    k = b.sub(shifted, rounder)
    return k, b.bits(shifted), b.muladd(k, -LN2_PARTS[b.kind][0], x)


@dataclass(frozen=True, slots=True)
class _Short:
    """eˣ = 2ᵏ·(1 + s), for what needs no more than the sum of r and w. k may be in eighths."""

    k: str
    bits: str
    s: str


def _reduce_shortly(b: Body, x: str, bias: int) -> _Short:
    k, bits, high = _whole_part(b, x, bias)
    return _Short(k, bits, _rest(b, k, high, _G[b.kind]))


def _reduce_to_eighths(b: Body, x: str) -> _Short:
    """The last bits of `bits` are 8k."""
    rounder = b.format.rounder / 8
    shifted = b.muladd(x, LOG2_E, rounder)
    k = b.sub(shifted, rounder)
    return _Short(k, b.bits(shifted), _rest(b, k, b.muladd(k, -LN2_PARTS[b.kind][0], x), _G_EIGHTH))


def _rest(b: Body, k: str, high: str, g: tuple[float, ...]) -> str:
    """eʳ - 1, where r is what k times the lower part of ln 2 leaves of `high`."""
    r = b.muladd(k, -LN2_PARTS[b.kind][1], high)
    return b.muladd(b.mul(r, r), b.polynomial(g, r), r)


def exp(kind: ScalarType) -> str:
    b = Body("%x", kind=kind)
    x = b.most(b.least("%x", _ENDS[kind].least), _ENDS[kind].most)
    if b.has_tables():
        e = _reduce_to_eighths(b, x)
        root = b.eighth(e.bits)
        return b.define("exp", b.scale(b.muladd(root, e.s, root), e.k, e.bits))
    e = _reduce_shortly(b, x, 2 * b.format.bias)
    return b.define("exp", b.scale(b.add(e.s, 1.0), e.k, e.bits))


def exp2(kind: ScalarType) -> str:
    """2ᵏ·e^(f·ln 2) with f = x - k, which is exact."""
    b = Body("%x", kind=kind)
    x = b.most(b.least("%x", _ENDS[kind].least2), _ENDS[kind].most2)
    rounder = b.format.rounder + 2 * b.format.bias
    ln2, ln2_rest = _LN2[kind]
    shifted = b.add(x, rounder)
    k = b.sub(shifted, rounder)
    f = b.sub(x, k)
    r, rest = b.product(f, ln2)
    rest = b.muladd(f, ln2_rest, rest)
    w = b.muladd(b.mul(r, r), b.polynomial(_G[b.kind], r), rest)
    return b.define("exp2", b.scale(b.add(b.add(r, w), 1.0), k, b.bits(shifted)))


def expm1(kind: ScalarType) -> str:
    """2ᵏ·w + (2ᵏ·r + (2ᵏ - 1)), all of it halved, so that 2¹⁰²⁴ is in range."""
    b = Body("%x", kind=kind)
    e = reduce_exp(b, b.most(b.least("%x", _ENDS[kind].less), _ENDS[kind].most), b.format.bias - 1, whole=True)
    s = b.exponent(e.bits)
    half = b.muladd(s, e.w, b.muladd(s, e.r, b.sub(s, 0.5)))
    tiny = b.compare("olt", b.magnitude("%x"), _ENDS[kind].tiny)
    return b.define("expm1", b.select(tiny, "%x", b.add(half, half)))


def tanh(kind: ScalarType) -> str:
    """1 - 2 / (e²ˣ + 1), and near 0 x + x³·p(x²) / q(x²), by one division."""
    b = Body("%x", kind=kind)
    x = b.most(b.magnitude("%x"), _ENDS[kind].flat)
    if b.has_tables():
        e = _reduce_to_eighths(b, b.add(x, x))
        power = b.of_bits(b.integer("add", b.eighth_bits(e.bits), b.integer("shl", e.bits, EIGHTH_SHIFT)))
    else:
        e = _reduce_shortly(b, b.add(x, x), b.format.bias)
        power = b.exponent(e.bits)
    grown = b.muladd(power, e.s, b.add(power, 1.0))
    z = b.mul(x, x)
    above, below = b.mul(b.mul(x, z), b.polynomial(_TANH[kind], z)), b.polynomial(_TANH_OVER[kind], z)
    near = b.compare("olt", x, _TANH_NEAR)
    quotient = b.div(b.select(near, above, -2.0), b.select(near, below, grown))
    return b.define("tanh", b.copysign(b.add(b.select(near, x, 1.0), quotient), "%x"))


def _half_exp(b: Body, x: str) -> str:
    """e to the `x`, halved, which is in range as long as sinh and cosh are."""
    e = reduce_exp(b, b.most(x, _ENDS[b.kind].half), 2 * b.format.bias)
    return b.scale(b.muladd(b.add(e.r, e.w), 0.5, 0.5), e.k, e.bits)


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
