"""Functions of f32 that are best done in doubles, of which half as many fit into a vector, with short polynomials.

The reductions that cost most in f64 are trivial here: in a double, k·π/2 or y·log x of floats loses nothing that
matters, and the powers of two that scale a result are all in range. The polynomials are interpolants at Chebyshev
nodes, off by 2⁻³⁰ or less of the result; the last step rounds to f32.
"""

from __future__ import annotations

import math

from llad.codegen.vector_arc import shorter_and_longer
from llad.codegen.vector_exp import LOG2_E
from llad.codegen.vector_log import end_log, split
from llad.codegen.vector_pow import end_pow
from llad.codegen.vector_root import end_cbrt, rough_cbrt
from llad.codegen.vector_text import Body
from llad.codegen.vector_trig import with_far

_BOUND = 10.5  # of what erfc x is 0 beyond, as far as rounding goes
_MIDPOINT = 2.5
_TAN_EIGHTH = 0.41421356237309503
_TWO_OVER_PI = 0.6366197723675814
_HALF_PI = (1.5707963267341256, 6.077100506506192e-11)
_SIN = (
    -0.1666666666385529,
    0.008333331874710208,
    -0.00019840086735384846,
    2.724992580305979e-06,
)
_COS = (
    -0.49999999969119313,
    0.04166665064451703,
    -0.0013887589155600576,
    2.4463788293265746e-05,
)
_EXP = (
    0.500000001346581,
    0.16666666681623232,
    0.041666464925285904,
    0.0083333109254809,
    0.0013933649996309251,
    0.00019890990824673654,
)
_LOG = (
    0.6666666666666208,
    0.40000000011206505,
    0.2857142413832416,
    0.22222862280108716,
    0.18140193802865992,
    0.16621817152858928,
)

_ATAN = (
    -0.333333332792548,
    0.19999977258688387,
    -0.14284151193628614,
    0.11071365021884794,
    -0.08624676145249494,
    0.050481385120797445,
)
_ASIN = (
    0.16666666686085643,
    0.07499992404401838,
    0.04464766388813485,
    0.030269138728589183,
    0.023611817008891752,
    0.010574415516912909,
    0.030974540371355073,
)
_ERF = (
    0.12837916698330248,
    -0.37612636657572524,
    0.11283718660132876,
    -0.02685745926718462,
    0.0051767076427402465,
    -0.0007348930583088685,
)
_ERFC = (
    1.2648381836598026,
    -0.12235676560333464,
    -0.09902445583230858,
    0.15763001832138365,
    -0.10296864515727595,
    0.03275939353330919,
    0.00094269496988645,
    -0.004371316806862651,
    0.00046053188818384464,
    0.0005959831006604814,
    -5.302751139367648e-05,
    -6.203140805523349e-05,
)  # of (1 + 2a)·e^(a²)·erfc a, in (a - 2.5) / (a + 2.5)


def _turn(b: Body) -> tuple[str, str, str]:
    """The bits of k in x = k·π/2 + r, sin r and cos r."""
    shifted = b.muladd("%x", _TWO_OVER_PI, b.format.rounder)
    k = b.sub(shifted, b.format.rounder)
    r = b.muladd(k, -_HALF_PI[1], b.muladd(k, -_HALF_PI[0], "%x"))
    z = b.mul(r, r)
    sine = b.mul(r, b.muladd(z, b.polynomial(_SIN, z), 1.0))
    return b.bits(shifted), sine, b.muladd(z, b.polynomial(_COS, z), 1.0)


def _turned(name: str, quarters: int) -> str:
    """sin(x + `quarters`·π/2)."""
    b = Body("%x")
    bits, sine, cosine = _turn(b)
    turns = b.integer("add", bits, quarters)
    odd = b.new(f"trunc i64 {turns} to i1")
    sign = b.integer("and", b.integer("shl", turns, 62), b.format.sign)
    value = b.of_bits(b.integer("xor", b.bits(b.select(odd, cosine, sine)), sign))
    return b.define_single(name, with_far(b, name, b.magnitude("%x"), value))


def sin() -> str:
    return _turned("sin", 0)


def cos() -> str:
    return _turned("cos", 1)


def tan() -> str:
    b = Body("%x")
    bits, sine, cosine = _turn(b)
    odd = b.new(f"trunc i64 {bits} to i1")
    value = b.div(b.select(odd, cosine, sine), b.select(odd, b.negative(sine), cosine))
    return b.define_single("tan", with_far(b, "tan", b.magnitude("%x"), value))


def _log(b: Body, x: str) -> str:
    """Of `x` > 0, of which none is subnormal as a double."""
    k, m = split(b, x)
    s = b.div(b.sub(m, 1.0), b.add(m, 1.0))
    z = b.mul(s, s)
    log = b.muladd(b.mul(s, z), b.polynomial(_LOG, z), b.add(s, s))
    return b.muladd(k, math.log(2.0), log)


def _to_base(name: str, base: float) -> str:
    b = Body("%x")
    return b.define_single(name, end_log(b, b.mul(_log(b, "%x"), 1.0 / math.log(base)), "%x"))


def log2() -> str:
    return _to_base("log2", 2.0)


def log10() -> str:
    return _to_base("log10", 10.0)


def pow() -> str:
    b = Body("%x", "%y")
    size = b.magnitude("%x")
    e = b.most(b.least(b.mul("%y", _log(b, size)), -120.0), 100.0)
    return b.define_single("pow", end_pow(b, size, _exp(b, e)))


def _exp(b: Body, e: str) -> str:
    """Of |e| < 700."""
    rounder = b.format.rounder + b.format.bias
    shifted = b.muladd(e, LOG2_E, rounder)
    r = b.muladd(b.sub(shifted, rounder), -math.log(2.0), e)
    grown = b.muladd(b.mul(r, r), b.polynomial(_EXP, r), b.add(r, 1.0))
    return b.mul(grown, b.exponent(b.bits(shifted)))


def hypot() -> str:
    b = Body("%x", "%y")
    root = b.root(b.muladd("%x", "%x", b.mul("%y", "%y")))
    x, y = b.magnitude("%x"), b.magnitude("%y")
    endless = b.logic("or", b.compare("oeq", x, math.inf), b.compare("oeq", y, math.inf))
    return b.define_single("hypot", b.select(endless, math.inf, root))


def cbrt() -> str:
    """Good to 2⁻⁴⁵ without the last step that f64 takes."""
    b = Body("%x")
    a = b.magnitude("%x")
    root, _, _, bits = rough_cbrt(b, a, None)
    return b.define_single("cbrt", end_cbrt(b, a, b.mul(root, b.exponent(bits)), "%x"))


def atan() -> str:
    b = Body("%x")
    a = b.magnitude("%x")
    steep = b.compare("ogt", a, 1.0)
    endless = b.compare("oeq", a, math.inf)
    s = b.select(endless, 0.0, b.select(steep, 1.0, a))
    angle = _angle(b, s, b.select(endless, 1.0, b.select(steep, a, 1.0)), steep)
    return b.define_single("atan", b.copysign(angle, "%x"))


def atan2() -> str:
    b = Body("%y", "%x")
    steep, s, l = shorter_and_longer(b, "%x", "%y")
    behind = b.new(f"icmp slt i64 {b.bits('%x')}, 0")
    angle = b.copysign(_angle(b, s, l, steep, behind), "%y")
    return b.define_single("atan2", b.select(b.compare("uno", "%x", "%y"), math.nan, angle))


def _angle(b: Body, s: str, l: str, steep: str, behind: str | None = None) -> str:
    """As in `vector_arc.py`."""
    beyond = b.compare("ogt", s, b.mul(l, _TAN_EIGHTH))
    t = b.div(b.select(beyond, b.sub(s, l), s), b.select(beyond, b.add(s, l), l))
    z = b.mul(t, t)
    angle = b.muladd(b.mul(t, z), b.polynomial(_ATAN, z), t)
    angle = b.add(angle, b.select(beyond, math.pi / 4, 0.0))
    angle = b.select(steep, b.sub(math.pi / 2, angle), angle)
    return b.select(behind, b.sub(math.pi, angle), angle) if behind else angle


def asin() -> str:
    b = Body("%x")
    far, half = _half(b, b.magnitude("%x"))
    return b.define_single("asin", b.copysign(b.select(far, b.muladd(half, -2.0, math.pi / 2), half), "%x"))


def acos() -> str:
    b = Body("%x")
    far, half = _half(b, b.magnitude("%x"))
    double = b.add(half, half)
    turned = b.select(b.compare("olt", "%x", 0.0), b.sub(math.pi, double), double)
    return b.define_single("acos", b.select(far, turned, b.sub(math.pi / 2, b.copysign(half, "%x"))))


def _half(b: Body, a: str) -> tuple[str, str]:
    """Whether `a` > ½; asin `a` up to there, beyond it that of √((1 - `a`) / 2)."""
    far = b.compare("ogt", a, 0.5)
    w = b.mul(b.sub(1.0, a), 0.5)
    z, r = b.select(far, w, b.mul(a, a)), b.select(far, b.root(w), a)
    return far, b.muladd(b.mul(r, z), b.polynomial(_ASIN, z), r)


def gauss() -> str:
    b = Body("%x")
    return b.define_single("gauss", _gauss(b, b.most(b.magnitude("%x"), _BOUND)))


def _gauss(b: Body, a: str) -> str:
    return _exp(b, b.negative(b.mul(a, a)))


def _tail(b: Body, a: str) -> str:
    """erfc `a` from 0 to the bound."""
    plus, divisor = b.add(a, _MIDPOINT), b.muladd(a, 2.0, 1.0)
    inverse = b.div(1.0, b.mul(plus, divisor))
    t = b.mul(b.mul(b.sub(a, _MIDPOINT), divisor), inverse)
    return b.mul(b.mul(b.polynomial(_ERFC, t), b.mul(plus, inverse)), _gauss(b, a))


def erfc() -> str:
    b = Body("%x")
    tail = _tail(b, b.most(b.magnitude("%x"), _BOUND))
    return b.define_single("erfc", b.select(b.compare("olt", "%x", 0.0), b.sub(2.0, tail), tail))


def erf() -> str:
    b = Body("%x")
    a = b.most(b.magnitude("%x"), _BOUND)
    near = b.muladd(a, b.polynomial(_ERF, b.mul(a, a)), a)
    value = b.select(b.compare("olt", a, 0.6), near, b.sub(1.0, _tail(b, a)))
    return b.define_single("erf", b.copysign(value, "%x"))
