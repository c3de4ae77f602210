"""The inverse trigonometric functions: atan, atan2, asin, acos.

The angle of (l, s) with 0 ≤ s ≤ l is atan t with t = s / l, or π/4 + atan t with t = (s - l) / (s + l) beyond π/8. So
|t| ≤ tan π/8, and atan t = t + t³·p(t²). The other octants are mirror images. t is carried in two parts, and so are
the multiples of π/4, whose upper part leaves room for a factor of three.

asin x = x + x³·q(x²) up to ½; beyond, π/2 - 2·asin √((1 - x) / 2). p and q are interpolants at Chebyshev nodes (off by
2⁻⁵⁴ and 2⁻⁵⁵ of terms of at most 6 % and 4 %).
"""

from __future__ import annotations

import math

from llad.codegen.vector_text import Body

_TAN_EIGHTH = 0.41421356237309503
_P = (
    -0.3333333333333333,
    0.1999999999999552,
    -0.14285714284666542,
    0.11111111015256223,
    -0.09090904578118268,
    0.07692183190695215,
    -0.0666451144553849,
    0.05858148896788035,
    -0.050854496541382486,
    0.039231655874580044,
    -0.019176884154115826,
)
_Q = (
    0.16666666666666669,
    0.07499999999998433,
    0.04464285714635545,
    0.030381944138529803,
    0.022372172942209625,
    0.017352392719417624,
    0.01397121299584485,
    0.01147917719077423,
    0.010322815852320064,
    0.005457500096744011,
    0.017400897906395946,
    -0.01485191657576524,
    0.0287578719503479,
)
_PI = 3.141592653589793  # of which the last three bits are 0
_PI_LOW = 1.2246467991473532e-16


def atan() -> str:
    b = Body("%x")
    a = b.most(b.magnitude("%x"), 2.0**60)
    steep = b.compare("ogt", a, 1.0)
    angle = _angle(b, b.select(steep, 1.0, a), b.select(steep, a, 1.0), steep)
    return b.define("atan", b.copysign(angle, "%x"))


def atan2() -> str:
    """The angle of (x, y), scaled by a power of two: the larger is then near 2⁵⁰⁰, or less if both are tiny.

    So nothing overflows, and what a quotient was rounded by is found even if the quotient is subnormal.
    """
    b = Body("%y", "%x")
    steep, s, l = shorter_and_longer(b, "%x", "%y")
    exponent = b.integer("lshr", b.bits(b.least(l, 2.0**-400)), 52)
    by = b.exponent(b.integer("sub", 2546, exponent))
    s, l = b.mul(s, by), b.mul(l, by)
    behind = b.new(f"icmp slt i64 {b.bits('%x')}, 0")
    angle = b.copysign(_angle(b, s, l, steep, behind), "%y")
    return b.define("atan2", b.select(b.compare("uno", "%x", "%y"), math.nan, angle))


def shorter_and_longer(b: Body, x: str, y: str) -> tuple[str, str, str]:
    """Whether |`y`| > |`x`|; the smaller and the larger of these, or 0 and 1 or 1 and 1 with the same quotient."""
    x, y = b.magnitude(x), b.magnitude(y)
    steep = b.compare("ogt", y, x)
    s, l = b.select(steep, x, y), b.select(steep, y, x)
    endless = b.compare("oeq", l, math.inf)
    s = b.select(endless, b.select(b.compare("oeq", s, math.inf), 1.0, 0.0), s)
    return steep, s, b.select(b.logic("or", endless, b.compare("oeq", l, 0.0)), 1.0, l)


def _angle(b: Body, s: str, l: str, steep: str, behind: str | None = None) -> str:
    """The angle of (`l`, `s`), or of (`s`, `l`) if `steep`, or of the mirror image on the left if `behind`."""
    beyond = b.compare("ogt", s, b.mul(l, _TAN_EIGHTH))
    less, less_low = b.sum(b.sub(0.0, l), s)
    more, more_low = b.sum(l, s)
    above, above_low = b.select(beyond, less, s), b.select(beyond, less_low, 0.0)
    below, below_low = b.select(beyond, more, l), b.select(beyond, more_low, 0.0)
    inverse = b.div(1.0, below)
    t = b.mul(above, inverse)
    left = b.add(b.remainder(above, t, below), b.sub(above_low, b.mul(t, below_low)))
    z = b.mul(t, t)
    tail = b.muladd(b.mul(t, z), b.polynomial(_P, z), b.mul(left, inverse))
    base = b.select(beyond, _PI / 4, 0.0)
    base = b.select(steep, b.sub(_PI / 2, base), base)
    backwards = steep
    if behind:
        base = b.select(behind, b.sub(_PI, base), base)
        backwards = b.logic("xor", steep, behind)
    t, tail = (b.select(backwards, b.negative(v), v) for v in (t, tail))
    angle, low = b.sum(base, t)
    return b.add(b.add(low, b.muladd(base, _PI_LOW / _PI, tail)), angle)


def asin() -> str:
    b = Body("%x")
    a = b.magnitude("%x")
    far, r, tail = _half(b, a)
    rest, low = b.sum(_PI / 2, b.mul(r, -2.0))
    turned = b.add(b.muladd(tail, -2.0, b.add(low, _PI_LOW / 2)), rest)
    return b.define("asin", b.copysign(b.select(far, turned, b.add(r, tail)), "%x"))


def acos() -> str:
    """π/2 - asin x near 0, and beyond ½ 2·asin √((1 - |x|) / 2) from 0 or from π."""
    b = Body("%x")
    far, r, tail = _half(b, b.magnitude("%x"))
    negative = b.compare("olt", "%x", 0.0)
    factor = b.select(far, 2.0, -1.0)
    factor = b.select(negative, b.sub(0.0, factor), factor)
    base, base_low = (b.select(far, b.select(negative, pi, 0.0), pi / 2) for pi in (_PI, _PI_LOW))
    angle, low = b.sum(base, b.mul(r, factor))
    return b.define("acos", b.add(b.muladd(tail, factor, b.add(low, base_low)), angle))


def _half(b: Body, a: str) -> tuple[str, str, str]:
    """Whether `a` > ½; asin `a` in two parts up to there, beyond it that of √((1 - `a`) / 2)."""
    far = b.compare("ogt", a, 0.5)
    w = b.mul(b.sub(1.0, a), 0.5)
    z = b.select(far, w, b.mul(a, a))
    r = b.select(far, b.root(w), a)
    return far, r, b.mul(b.mul(r, z), b.polynomial(_Q, z))
