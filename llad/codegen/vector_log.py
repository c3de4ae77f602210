"""Logarithms: log, log1p.

x = 2ᵏ·m with m in [√½, √2), f = m - 1, s = f / (2 + f). Then log m = log((1 + s) / (1 - s)) = 2s + s·R, where
R = s²·(2/3 + …) is s² times a polynomial in s², the interpolant at Chebyshev nodes (off by 2⁻⁵¹ of a term below 1 %).
Since 2s = f - s·f, and s·f = f²/2 - s·f²/2, log m = f - (f²/2 - s·(f²/2 + R)), in which nothing cancels.
"""

from __future__ import annotations

from llad.codegen.vector_exp import LN2_PARTS
from llad.codegen.vector_text import Body, Operand
from llad.dataclass import dataclass
from llad.ir.types import F32, F64, ScalarType

_R = {
    F64: (
        0.666666666666667,
        0.39999999999899444,
        0.2857142862600327,
        0.22222211130259878,
        0.18182889455674947,
        0.15331710618210773,
        0.14616585424888623,
    ),
    F32: (0.66666687, 0.3998878, 0.2957995),
}


@dataclass(frozen=True, slots=True)
class _Bits:
    """Of numbers: √½, 1, the mask of a significand, and 2ⁿ with n places, whose low bits count."""

    root_half: int
    one: int
    significand: int
    integer: int


_BITS = {
    F64: _Bits(0x3FE6A09E667F3BCD, 0x3FF0000000000000, 0x000FFFFFFFFFFFFF, 0x4330000000000000),
    F32: _Bits(0x3F3504F3, 0x3F800000, 0x007FFFFF, 0x4B000000),
}


def scaled(b: Body, x: str) -> tuple[str, str]:
    """`x`, if it is subnormal times a power of two that makes it normal; and whether it was."""
    tiny = b.compare("olt", x, b.format.smallest)
    return b.select(tiny, b.mul(x, 2.0 ** (b.format.places + 2)), x), tiny


def split(b: Body, x: str, tiny: str | None = None) -> tuple[str, str]:
    """k and m of `x` > 0; where `tiny` holds, `x` was scaled."""
    bits, places = _BITS[b.kind], b.format.places
    moved = b.integer("add", b.bits(x), bits.one - bits.root_half)
    exponent = b.of_bits(b.integer("or", b.integer("lshr", moved, places), bits.integer))
    bias: Operand = 2.0**places + b.format.bias
    if tiny:
        bias = b.select(tiny, 2.0**places + b.format.bias + places + 2, bias)
    m = b.of_bits(b.integer("add", b.integer("and", moved, bits.significand), bits.root_half))
    return b.sub(exponent, bias), m


def _log_of(b: Body, k: str, f: str, low: Operand = 0.0) -> str:
    """k·ln 2 + log(1 + f) + `low`."""
    square = b.mul(b.mul(f, 0.5), f)
    s = b.div(f, b.add(f, 2.0))
    z = b.mul(s, s)
    rest = b.muladd(z, b.polynomial(_R[b.kind], z), square)
    ln2, ln2_low = LN2_PARTS[b.kind]
    rest = b.muladd(k, ln2_low, b.muladd(s, rest, low))
    return b.muladd(k, ln2, b.add(b.sub(rest, square), f))


def log(kind: ScalarType) -> str:
    b = Body("%x", kind=kind)
    k, m = split(b, *scaled(b, "%x"))
    return b.define("log", end_log(b, _log_of(b, k, b.sub(m, 1.0)), "%x"))


def end_log(b: Body, result: str, x: str) -> str:
    """`result` where `x` is positive and finite."""
    result = b.select(b.compare("oeq", x, 0.0), float("-inf"), result)
    result = b.select(b.compare("oeq", x, float("inf")), x, result)
    return b.select(b.compare("ult", x, 0.0), float("nan"), result)


def log1p(kind: ScalarType) -> str:
    """log u of the rounded u = 1 + x, plus c / u where c is what u was rounded by; near 0 log(1 + x) with f = x."""
    b = Body("%x", kind=kind)
    u = b.add("%x", 1.0)
    back = b.sub(u, 1.0)
    lost = b.add(b.sub(1.0, b.sub(u, back)), b.sub("%x", back))
    k, m = split(b, u)
    near = b.compare("oeq", k, 0.0)
    f = b.select(near, "%x", b.sub(m, 1.0))
    low = b.select(near, 0.0, b.div(lost, u))
    result = end_log(b, _log_of(b, k, f, low), u)
    zero = b.compare("oeq", "%x", 0.0)
    return b.define("log1p", b.select(zero, "%x", result))
