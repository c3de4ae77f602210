"""Functions of f32 that are best done in doubles, of which half as many fit into a vector, with short polynomials.

The reductions that cost most in f64 are trivial here: in a double, k·π/2 or y·log x of floats loses nothing that
matters, and the powers of two that scale a result are all in range. The polynomials are interpolants at Chebyshev
nodes, off by 2⁻³⁰ or less of the result; the last step rounds to f32.
"""

from __future__ import annotations

import math

from llad.codegen.vector_exp import LOG2_E
from llad.codegen.vector_log import end_log, split
from llad.codegen.vector_pow import end_pow
from llad.codegen.vector_text import Body
from llad.codegen.vector_trig import with_far

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
    rounder = b.format.rounder + b.format.bias
    shifted = b.muladd(e, LOG2_E, rounder)
    r = b.muladd(b.sub(shifted, rounder), -math.log(2.0), e)
    grown = b.muladd(b.mul(r, r), b.polynomial(_EXP, r), b.add(r, 1.0))
    return b.define_single("pow", end_pow(b, size, b.mul(grown, b.exponent(b.bits(shifted)))))


def hypot() -> str:
    b = Body("%x", "%y")
    root = b.root(b.muladd("%x", "%x", b.mul("%y", "%y")))
    x, y = b.magnitude("%x"), b.magnitude("%y")
    endless = b.logic("or", b.compare("oeq", x, math.inf), b.compare("oeq", y, math.inf))
    return b.define_single("hypot", b.select(endless, math.inf, root))
