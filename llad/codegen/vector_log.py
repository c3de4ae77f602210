"""Logarithms: log, log1p.

x = 2ᵏ·m with m in [√½, √2), f = m - 1, s = f / (2 + f). Then log m = log((1 + s) / (1 - s)) = 2s + s·R, where
R = s²·(2/3 + …) is s² times a polynomial in s², the interpolant at Chebyshev nodes (off by 2⁻⁵¹ of a term below 1 %).
Since 2s = f - s·f, and s·f = f²/2 - s·f²/2, log m = f - (f²/2 - s·(f²/2 + R)), in which nothing cancels.
"""

from __future__ import annotations

from llad.codegen.vector_exp import LN2_HIGH, LN2_LOW
from llad.codegen.vector_text import Body, Operand

_R = (
    0.666666666666667,
    0.39999999999899444,
    0.2857142862600327,
    0.22222211130259878,
    0.18182889455674947,
    0.15331710618210773,
    0.14616585424888623,
)
_ROOT_HALF = 0x3FE6A09E667F3BCD
_ONE = 0x3FF0000000000000
_MANTISSA = 0x000FFFFFFFFFFFFF
SMALLEST_NORMAL = 2.0**-1022
_INTEGER = 0x4330000000000000  # 2⁵², whose low bits count


def split(b: Body, x: str, scaled: str | None = None) -> tuple[str, str]:
    """k and m of `x` > 0; if `scaled` holds, `x` has been multiplied by 2⁵⁴."""
    moved = b.integer("add", b.bits(x), _ONE - _ROOT_HALF)
    exponent = b.double(b.integer("or", b.integer("lshr", moved, 52), _INTEGER))
    bias: Operand = 2.0**52 + 1023
    if scaled:
        bias = b.select(scaled, 2.0**52 + 1023 + 54, bias)
    m = b.double(b.integer("add", b.integer("and", moved, _MANTISSA), _ROOT_HALF))
    return b.sub(exponent, bias), m


def _log_of(b: Body, k: str, f: str, low: Operand = 0.0) -> str:
    """k·ln 2 + log(1 + f) + `low`."""
    square = b.mul(b.mul(f, 0.5), f)
    s = b.div(f, b.add(f, 2.0))
    z = b.mul(s, s)
    rest = b.muladd(z, b.polynomial(_R, z), square)
    rest = b.muladd(k, LN2_LOW, b.muladd(s, rest, low))
    return b.muladd(k, LN2_HIGH, b.add(b.sub(rest, square), f))


def log() -> str:
    b = Body("%x")
    tiny = b.compare("olt", "%x", SMALLEST_NORMAL)
    k, m = split(b, b.select(tiny, b.mul("%x", 2.0**54), "%x"), tiny)
    return b.define("llad.log.f64", end_log(b, _log_of(b, k, b.sub(m, 1.0)), "%x"))


def end_log(b: Body, result: str, x: str) -> str:
    """`result` where `x` is positive and finite."""
    result = b.select(b.compare("oeq", x, 0.0), float("-inf"), result)
    result = b.select(b.compare("oeq", x, float("inf")), x, result)
    return b.select(b.compare("ult", x, 0.0), float("nan"), result)


def log1p() -> str:
    """log u of the rounded u = 1 + x, plus c / u where c is what u was rounded by; near 0 log(1 + x) with f = x."""
    b = Body("%x")
    u = b.add("%x", 1.0)
    back = b.sub(u, 1.0)
    lost = b.add(b.sub(1.0, b.sub(u, back)), b.sub("%x", back))
    k, m = split(b, u)
    near = b.compare("oeq", k, 0.0)
    f = b.select(near, "%x", b.sub(m, 1.0))
    low = b.select(near, 0.0, b.div(lost, u))
    result = end_log(b, _log_of(b, k, f, low), u)
    zero = b.compare("oeq", "%x", 0.0)
    return b.define("llad.log1p.f64", b.select(zero, "%x", result))
