"""Sine, cosine and tangent.

x = k·π/2 + (r + t) with an integer k, |r| ≤ π/4 and t what r was rounded by. π/2 is split so that k times each of its
first three parts, of 33 bits, is exact as long as |k| < 2²⁰; their sum with the last is good to 150 bits, which is
enough for the doubles that lie nearest to a multiple of π/2. sin r = r + r³·p(r²), cos r = 1 - r²/2 + r⁴·q(r²).

Where |x| is larger, C's function is asked. In a vectorised loop this is one call for all lanes, told which need it: the
attribute of the call tells LLVM of these functions of vectors. They ask whether any lane does, and are inlined when the
vectoriser has gone, as those of `late.py` are: nothing is called where none does, nor kept out of the registers.
"""

from __future__ import annotations

from llad.codegen.vector_text import INTRINSICS, PURE, Body
from llad.dataclass import dataclass

_LIMIT = 1e6
FAR = ("sin", "cos", "tan")
_LANES = (2, 4, 8)
_TWO_OVER_PI = 0.6366197723675814
_HALF_PI = (1.5707963267341256, 6.077100506303966e-11, 2.0222662487111665e-21, 8.4784276603689e-32)
_SIN = (
    -0.16666666666666666,
    0.008333333333330943,
    -0.00019841269836749306,
    2.755731609774643e-06,
    -2.5051130843612892e-08,
    1.591805716713196e-10,
)
_COS = (
    0.041666666666666664,
    -0.0013888888888887393,
    2.480158729875989e-05,
    -2.755731726872324e-07,
    2.087614564194615e-09,
    -1.1382587303030458e-11,
)


def sin() -> str:
    b = Body("%x")
    size = b.magnitude("%x")
    value = _turned(b, "%x", 0)
    return b.define("sin", with_far(b, "sin", size, b.select(b.compare("olt", size, 2.0**-27), "%x", value)))


def cos() -> str:
    b = Body("%x")
    return b.define("cos", with_far(b, "cos", b.magnitude("%x"), _turned(b, "%x", 1)))


def tan() -> str:
    """sin r / cos r or its negative inverse, with numerator and denominator each in two parts."""
    b = Body("%x")
    size = b.magnitude("%x")
    turn = _reduce(b, "%x")
    sine, cosine = b.sum(*_sine(b, turn)), b.sum(*_cosine(b, turn))
    odd = b.new(f"trunc i64 {turn.bits} to i1")
    above, above_low, below, below_low = (
        b.select(odd, yes, no) for yes, no in zip((*cosine, *sine), (*sine, *cosine), strict=True)
    )
    inverse = b.div(1.0, below)
    q = b.mul(above, inverse)
    left = b.add(b.remainder(above, q, below), b.sub(above_low, b.mul(q, below_low)))
    value = b.muladd(left, inverse, q)
    value = b.of_bits(b.integer("xor", b.bits(value), b.integer("shl", turn.bits, 63)))
    return b.define("tan", with_far(b, "tan", size, b.select(b.compare("olt", size, 2.0**-27), "%x", value)))


@dataclass(frozen=True, slots=True)
class _Turn:
    """x = k·π/2 + (r + t); the low bits of `bits` are those of k. `z` is r²."""

    bits: str
    r: str
    t: str
    z: str


def _reduce(b: Body, x: str) -> _Turn:
    shifted = b.muladd(x, _TWO_OVER_PI, b.format.rounder)
    k = b.sub(shifted, b.format.rounder)
    first, second, third, last = _HALF_PI
    start = b.muladd(k, -first, x)
    middle, lost = _less(b, start, b.mul(k, second))
    end, more = _less(b, middle, b.mul(k, third))
    tail = b.sub(b.add(lost, more), b.mul(k, last))
    r = b.add(end, tail)
    t = b.add(b.sub(end, r), tail)
    return _Turn(b.bits(shifted), r, t, b.mul(r, r))


def _sine(b: Body, turn: _Turn) -> tuple[str, str]:
    """r, and what the sine is more."""
    z = turn.z
    rest = b.sub(1.0, b.mul(z, 0.5))
    return turn.r, b.muladd(b.mul(z, turn.r), b.polynomial(_SIN, z), b.mul(turn.t, rest))


def _cosine(b: Body, turn: _Turn) -> tuple[str, str]:
    """1 - r²/2, rounded, and what the cosine is more."""
    z = turn.z
    half = b.mul(z, 0.5)
    rest = b.sub(1.0, half)
    low = b.sub(b.sub(b.sub(1.0, rest), half), b.mul(turn.r, turn.t))
    return rest, b.muladd(b.mul(z, z), b.polynomial(_COS, z), low)


def _turned(b: Body, x: str, quarters: int) -> str:
    """sin(`x` + `quarters`·π/2)."""
    turn = _reduce(b, x)
    sine, cosine = b.add(*_sine(b, turn)), b.add(*_cosine(b, turn))
    turns = b.integer("add", turn.bits, quarters)
    odd = b.new(f"trunc i64 {turns} to i1")
    sign = b.integer("and", b.integer("shl", turns, 62), -(2**63))
    return b.of_bits(b.integer("xor", b.bits(b.select(odd, cosine, sine)), sign))


def _less(b: Body, x: str, y: str) -> tuple[str, str]:
    """`x` - `y`, and what it was rounded by; |x| is larger, or the difference is exact."""
    difference = b.sub(x, y)
    return difference, b.sub(b.sub(x, difference), y)


def with_far(b: Body, name: str, size: str, value: str) -> str:
    """The result of the function that is `value` up to the limit, and beyond it C's."""
    variants = ",".join(f"_ZGV_LLVM_M{n}v_llad.far_{name}(llad.far_{name}.{n})" for n in _LANES)
    far = b.compare("ogt", size, _LIMIT)
    b.lines += [
        "  br label %near",
        "near:",
        f"  br i1 {far}, label %far, label %done",
        "far:",
        f'  %called = call double @llad.far_{name}(double %x) "vector-function-abi-variant"="{variants}"',
        "  br label %done",
        "done:",
    ]
    return b.new(f"phi double [{value}, %near], [%called, %far]")


def far_names(name: str) -> tuple[str, ...]:
    """The functions of `far_text`."""
    return f"llad.far_{name}", *(f"llad.{kind}_{name}.{n}" for n in _LANES for kind in ("far", "lanes"))


def far_text(name: str) -> str:
    """C's function of a huge argument, and of vectors of some."""
    head = f"define double @llad.far_{name}(double %x) noinline {PURE} {{"
    lines = [head, f"  %result = call double @llvm.{name}.f64(double %x)", "  ret double %result", "}"]
    vectors = (f"{_if_any(name, n)}\n{_lanewise(name, n)}" for n in _LANES)
    return "\n".join([*lines, *vectors, ""])


def far_inlined(text: str) -> str:
    """The functions of vectors that are to be inlined where a module calls those of numbers."""
    named = [name for name in FAR if f"@llad.far_{name}(" in text]
    lines = [INTRINSICS[f"llvm.vector.reduce.or.v{n}i1"] for n in _LANES if named]
    for name in named:
        for n in _LANES:
            lines += [f"declare {_head(f'lanes_{name}', n)}", _if_any(name, n, "available_externally ")]
    return "".join(f"{line}\n" for line in lines)


def _head(name: str, n: int) -> str:
    return f"<{n} x double> @llad.{name}.{n}(<{n} x double> %x, <{n} x i1> %mask) {PURE}"


def _if_any(name: str, n: int, linkage: str = "") -> str:
    """Of vectors, in the lanes of a mask. Not internal, since nothing names it but an attribute."""
    return f"""define {linkage}{_head(f"far_{name}", n)} alwaysinline {{
entry:
  %any = call i1 @llvm.vector.reduce.or.v{n}i1(<{n} x i1> %mask)
  br i1 %any, label %some, label %done
some:
  %computed = call <{n} x double> @llad.lanes_{name}.{n}(<{n} x double> %x, <{n} x i1> %mask) cold
  br label %done
done:
  %result = phi <{n} x double> [zeroinitializer, %entry], [%computed, %some]
  ret <{n} x double> %result
}}"""


def _lanewise(name: str, n: int) -> str:
    """The same, where there is a lane."""
    return f"""define {_head(f"lanes_{name}", n)} noinline {{
entry:
  br label %lane
lane:
  %i = phi i64 [0, %entry], [%next, %passed]
  %old = phi <{n} x double> [zeroinitializer, %entry], [%new, %passed]
  %wanted = extractelement <{n} x i1> %mask, i64 %i
  br i1 %wanted, label %compute, label %passed
compute:
  %argument = extractelement <{n} x double> %x, i64 %i
  %value = call double @llvm.{name}.f64(double %argument)
  %with = insertelement <{n} x double> %old, double %value, i64 %i
  br label %passed
passed:
  %new = phi <{n} x double> [%old, %lane], [%with, %compute]
  %next = add nuw i64 %i, 1
  %more = icmp ult i64 %next, {n}
  br i1 %more, label %lane, label %done
done:
  ret <{n} x double> %new
}}"""
