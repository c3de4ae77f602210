"""xʸ = e^(y·log x), with the logarithm carried in two parts, of 65 bits together; and log2, log10.

x = 2ᵏ·m with m in [√½, √2), s = (m - 1) / (m + 1): log m = 2s + s³·(2/3 + s²·p(s²)), where p is the interpolant at
Chebyshev nodes (off by 2⁻⁵⁸). s, s², 2/3 + … and their products are each carried as a rounded value and what it was
rounded by.
"""

from __future__ import annotations

import math

from llad.codegen.vector_exp import LN2_PARTS, reduce_exp
from llad.codegen.vector_log import end_log, scaled, split
from llad.codegen.vector_text import Body

Pair = tuple[str, str]
_TWO_THIRDS = 0.6666666666666666
_TWO_THIRDS_LOW = 3.700743415417188e-17
_P = (
    0.4,
    0.28571428571429364,
    0.22222222221655885,
    0.18181818335392802,
    0.1538459496251843,
    0.1333480469384731,
    0.11706236339491206,
    0.11723178623876518,
)
_PER_LN2 = (1.4426950408889634, 2.0355273740931033e-17)
_PER_LN10 = (0.4342944819032518, 1.098319650216765e-17)
_INTEGERS = 2.0**52  # from where every double is an integer


def pow() -> str:
    b = Body("%x", "%y")
    size = b.magnitude("%x")
    log, log_low = log_in_two(b, size)
    e = b.mul("%y", log)
    low = b.add(b.product_error("%y", log, e), b.mul("%y", log_low))
    low = b.select(b.compare("olt", b.magnitude(e), 750.0), low, 0.0)
    reduced = reduce_exp(b, b.most(b.least(e, -750.0), 711.0), 2046, b.sub(0.0, low))
    value = b.scale(b.add(b.add(reduced.r, reduced.w), 1.0), reduced.k, reduced.bits)
    return b.define("pow", end_pow(b, size, value))


def log_in_two(b: Body, x: str) -> Pair:
    """The logarithm of `x` > 0. The second part is up to 2⁻²¹ of the first."""
    k, m = split(b, *scaled(b, x))
    f = b.sub(m, 1.0)
    divisor = b.add(m, 1.0)
    divisor_low = b.sub(m, b.sub(divisor, 1.0))
    inverse = b.div(1.0, divisor)
    s = b.mul(f, inverse)
    left = b.sub(b.remainder(f, s, divisor), b.mul(s, divisor_low))
    s_low = b.mul(left, inverse)
    z, z_low = b.product(s, s)
    z_low = b.muladd(b.add(s, s), s_low, z_low)
    cube, cube_low = b.product(s, z)
    cube_low = b.add(b.muladd(s, z_low, b.mul(s_low, z)), cube_low)
    varies = b.mul(z, b.polynomial(_P, z))
    factor, factor_low = b.sum(_TWO_THIRDS, varies)
    factor_low = b.add(factor_low, _TWO_THIRDS_LOW)
    rest, rest_low = b.product(cube, factor)
    rest_low = b.add(b.muladd(cube, factor_low, b.mul(cube_low, factor)), rest_low)
    ln2, ln2_low = LN2_PARTS[b.kind]
    first, lost = b.sum(b.mul(k, ln2), b.add(s, s))
    log, more = b.sum(first, rest)
    low = b.add(b.muladd(k, ln2_low, b.add(s_low, s_low)), rest_low)
    return log, b.add(b.add(lost, more), low)


def _to_base(name: str, inverse: tuple[float, float]) -> str:
    b = Body("%x")
    log, low = log_in_two(b, "%x")
    result = b.mul(log, inverse[0])
    rest = b.muladd(log, inverse[1], b.product_error(log, inverse[0], result))
    result = b.add(b.muladd(low, inverse[0], rest), result)
    return b.define(name, end_log(b, result, "%x"))


def log2() -> str:
    return _to_base("log2", _PER_LN2)


def log10() -> str:
    return _to_base("log10", _PER_LN10)


def end_pow(b: Body, size: str, value: str) -> str:
    """What C99 (F.9.4.4) wants, where `value` is that of |x| > 0 and both are finite."""
    below = b.compare("olt", "%y", 0.0)
    value = b.select(b.compare("oeq", size, 0.0), b.select(below, math.inf, 0.0), value)
    value = b.select(b.compare("oeq", size, math.inf), b.select(below, 0.0, math.inf), value)
    y = b.magnitude("%y")
    whole = _is_integer(b, y)
    even = _is_integer(b, b.mul(y, 0.5))
    finite = b.compare("olt", size, math.inf)
    negative = b.logic("and", b.compare("olt", "%x", 0.0), finite)
    value = b.select(negative, b.select(whole, value, math.nan), value)
    odd = b.logic("and", whole, b.logic("xor", even, "true"))
    value = b.select(odd, b.copysign(value, "%x"), value)
    value = b.select(b.compare("uno", "%x", "%y"), math.nan, value)
    one = b.logic("or", b.compare("oeq", "%x", 1.0), b.compare("oeq", "%y", 0.0))
    unit = b.logic("and", b.compare("oeq", size, 1.0), b.compare("oeq", y, math.inf))
    return b.select(b.logic("or", one, unit), 1.0, value)


def _is_integer(b: Body, x: str) -> str:
    """Of `x` ≥ 0."""
    rounded = b.sub(b.add(x, _INTEGERS), _INTEGERS)
    return b.logic("or", b.compare("oeq", rounded, x), b.compare("oge", x, _INTEGERS))
