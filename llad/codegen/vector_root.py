"""Roots: cbrt, hypot.

x = m·2ʲ·8^q with m in [√½, √2) and j of -1, 0, 1. An interpolant of m^(-⅓) at Chebyshev nodes, times 2^(-j/3), is good
to 2⁻¹⁷; a step of third order makes y = (m·2ʲ)^(-⅓) good to 2⁻⁴⁵, without a division. So is c = m·2ʲ·y² as a cube
root, and c - (c³ - m·2ʲ)·y²/3, where c³ is carried in two parts, to all its places.
"""

from __future__ import annotations

import math

from llad.codegen.vector_log import scaled, split
from llad.codegen.vector_text import Body

_P = (
    1.995341481913526,
    -2.4668647417873153,
    2.754857752141042,
    -1.8620663942011886,
    0.683577431562695,
    -0.10484262703707782,
)
_THIRD = 0.3333333333333333
_ROOT_OF_TWO = 1.2599210498948732


def cbrt() -> str:
    b = Body("%x")
    a, tiny = scaled(b, b.magnitude("%x"))
    c, square, x, bits = rough_cbrt(b, a, tiny)
    two, two_low = b.product(c, c)
    three, three_low = b.product(two, c)
    excess = b.add(b.sub(three, x), b.muladd(two_low, c, three_low))
    root = b.mul(b.muladd(b.mul(excess, square), -_THIRD, c), b.exponent(bits))
    return b.define("cbrt", end_cbrt(b, b.magnitude("%x"), root, "%x"))


def rough_cbrt(b: Body, a: str, tiny: str | None) -> tuple[str, str, str, str]:
    """c, y² and x = m·2ʲ, and q with the bias of exponents in the bits; where `tiny` holds, `a` was scaled."""
    k, m = split(b, a, tiny)
    rounder = b.format.rounder + b.format.bias
    shifted = b.muladd(k, _THIRD, rounder)
    j = b.muladd(b.sub(shifted, rounder), -3.0, k)
    less, more = b.compare("olt", j, 0.0), b.compare("ogt", j, 0.0)
    x = b.mul(m, b.select(less, 0.5, b.select(more, 2.0, 1.0)))
    start = b.select(less, _ROOT_OF_TWO, b.select(more, 1 / _ROOT_OF_TWO, 1.0))
    y = b.mul(b.polynomial(_P, m), start)
    e = b.sub(1.0, b.mul(b.mul(y, y), b.mul(y, x)))
    y = b.muladd(b.mul(y, e), b.muladd(e, 2 / 9, _THIRD), y)
    square = b.mul(y, y)
    return b.mul(x, square), square, x, b.bits(shifted)


def end_cbrt(b: Body, a: str, root: str, x: str) -> str:
    """`root` where `a`, |`x`|, is positive and finite."""
    ends = b.logic("or", b.compare("oeq", a, 0.0), b.compare("uge", a, math.inf))
    return b.copysign(b.select(ends, a, root), x)


def hypot() -> str:
    """√(x² + y²), scaled by a power of two where the squares may be out of range."""
    b = Body("%x", "%y")
    x, y = b.magnitude("%x"), b.magnitude("%y")
    steep = b.compare("ogt", y, x)
    s, l = b.select(steep, x, y), b.select(steep, y, x)
    up, down = b.compare("olt", l, 2.0**-400), b.compare("ogt", l, 2.0**400)
    by = b.select(up, 2.0**700, b.select(down, 2.0**-700, 1.0))
    back = b.select(up, 2.0**-700, b.select(down, 2.0**700, 1.0))
    s, l = b.mul(s, by), b.mul(l, by)
    root = b.mul(b.root(b.muladd(l, l, b.mul(s, s))), back)
    endless = b.logic("or", b.compare("oeq", x, math.inf), b.compare("oeq", y, math.inf))
    return b.define("hypot", b.select(endless, math.inf, root))
