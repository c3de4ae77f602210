"""The error functions, erf and erfc, and gauss x = e^(-x²), which is their derivative but for a factor.

Near 0, erf x = x + x·p(x²) and erfc x = (1 - x) - x·p(x²). Beyond, with a = |x|:

    erfc a = e^(-a²)·q(t) / (1 + 2a),    erfc(-a) = 2 - erfc a,    erf a = 1 - erfc a

where q = (1 + 2a)·e^(a²)·erfc a is near 1.25, and t = (a - 4) / (a + 4) maps the whole range to a bounded interval
(Shepherd & Laframboise 1981). Each of a², q, 1 + 2a and the quotient is carried in two parts, so the tail has its last
places too. p and q - 1.25 are interpolants at Chebyshev nodes (off by 2⁻⁶⁰, 2⁻⁵⁸).

e^(-a²) is written alike in all three, so LLVM computes it once for a function and its derivative.
"""

from __future__ import annotations

from llad.codegen.vector_exp import reduce_exp
from llad.codegen.vector_text import Body
from llad.dataclass import dataclass

_NEAR = 0.6
_BOUND = 28.0
_MIDPOINT = 4.0
_MIDDLE = 1.25  # of q, which lacks no bit of it
_P = (
    0.1283791670955126,
    -0.37612638903183704,
    0.1128379167095059,
    -0.0268661706435161,
    0.005223977596212891,
    -0.0008548323981793935,
    0.00012055139954657011,
    -1.4918046220845441e-05,
    1.628002129733572e-06,
    -1.3916404409140413e-07,
)
_Q = (
    -0.01700488137444749,
    -0.1396211168405625,
    0.015379652102619197,
    0.06809705425468976,
    -0.10103906603626447,
    0.09373283499848578,
    -0.0663303658133472,
    0.03716751553461585,
    -0.01619773404144882,
    0.0050319700109777085,
    -0.0007577734263730778,
    -0.00019925692368491795,
    0.00015062240027856935,
    -2.4398200974862196e-05,
    -1.1224483290293945e-05,
    5.70680330146241e-06,
    2.9916389801571923e-07,
    -8.199108241799188e-07,
    6.736908902850731e-08,
    1.0354665059497723e-07,
    -1.2351894350065249e-08,
    -9.740442824306908e-09,
)


@dataclass(frozen=True, slots=True)
class _Gauss:
    """e^(-a²) = 2ᵏ·(1 + (r + w)), with k and `bits` for `scale`. a is |x|, at most the bound."""

    a: str
    k: str
    bits: str
    r: str
    w: str


def _gauss(b: Body, x: str) -> _Gauss:
    a = b.most(b.magnitude(x), _BOUND)
    square = b.mul(a, a)
    e = reduce_exp(b, b.sub(0.0, square), 2046, b.product_error(a, a, square))
    return _Gauss(a, e.k, e.bits, e.r, e.w)


def gauss() -> str:
    b = Body("%x")
    e = _gauss(b, "%x")
    return b.define("gauss", b.scale(b.add(b.add(e.r, e.w), 1.0), e.k, e.bits))


def _tail(b: Body, e: _Gauss) -> str:
    """erfc a beyond _NEAR. The quotients share a division: in t its error does not matter, in d it is made good."""
    plus, minus = b.add(e.a, _MIDPOINT), b.sub(e.a, _MIDPOINT)
    twice = b.add(e.a, e.a)
    divisor, divisor_low = b.sum(1.0, twice)
    inverse = b.div(1.0, b.mul(plus, divisor))
    t = b.mul(b.mul(minus, divisor), inverse)
    per = b.mul(plus, inverse)
    q, q_low = b.sum(_MIDDLE, b.polynomial(_Q, t))
    d = b.mul(q, per)
    left = b.add(b.remainder(q, d, divisor), b.sub(q_low, b.mul(d, divisor_low)))
    d, d_low = b.sum(d, b.mul(left, per))
    return b.scale(b.add(b.whole_product(d, e.r, b.muladd(d, e.w, d_low)), d), e.k, e.bits)


def _near(b: Body, x: str) -> str:
    """`x`·p(`x`²)."""
    return b.mul(x, b.polynomial(_P, b.mul(x, x)))


def erfc() -> str:
    b = Body("%x")
    e = _gauss(b, "%x")
    tail = _tail(b, e)
    far = b.select(b.compare("olt", "%x", 0.0), b.sub(2.0, tail), tail)
    near = b.sub(b.sub(1.0, "%x"), _near(b, "%x"))
    return b.define("erfc", b.select(b.compare("olt", e.a, _NEAR), near, far))


def erf() -> str:
    b = Body("%x")
    e = _gauss(b, "%x")
    near = b.add(e.a, _near(b, e.a))
    far = b.sub(1.0, _tail(b, e))
    return b.define("erf", b.copysign(b.select(b.compare("olt", e.a, _NEAR), near, far), "%x"))
