"""Run-time arithmetic that no single LLVM instruction does: Python's `//` and `%`, integer powers, ψ and ψ'.

Each function means what the `eval` of its op's record means, and none traps, so LLVM may hoist a call past the check
that guards it. Those of f32 go through f64, as the reference does.

`digamma` and `trigamma` (Abramowitz & Stegun 6.3, 6.4): the recurrence raises x to 10, where the asymptotic series with
seven terms is good to the last place; reflection for negative x, its angle reduced exactly by the nearest integer.
"""

from __future__ import annotations

from llad.codegen.constants import number
from llad.ir.types import F64
from llad.ops.special import PSI1_SERIES, PSI_SERIES, SHIFT

_PURE = "memory(none) nounwind willreturn"

# CPython's float_floor_div and float_rem (Objects/floatobject.c), with IEEE results for a zero divisor.
_FLOAT_MODULUS = f"""
define internal double @llad.mod.f64(double %x, double %y) {_PURE} {{
  %r = frem double %x, %y
  %some = fcmp une double %r, 0.0
  %r.below = fcmp olt double %r, 0.0
  %y.below = fcmp olt double %y, 0.0
  %differ = xor i1 %r.below, %y.below
  %sum = fadd double %r, %y
  %moved = select i1 %differ, double %sum, double %r
  %zero = call double @llvm.copysign.f64(double 0.0, double %y)
  %result = select i1 %some, double %moved, double %zero
  ret double %result
}}
"""
_FLOAT_QUOTIENT = f"""
define internal double @llad.floordiv.f64(double %x, double %y) {_PURE} {{
  %r = frem double %x, %y
  %difference = fsub double %x, %r
  %exact = fdiv double %difference, %y
  %some = fcmp une double %r, 0.0
  %r.below = fcmp olt double %r, 0.0
  %y.below = fcmp olt double %y, 0.0
  %differ = xor i1 %r.below, %y.below
  %down = and i1 %some, %differ
  %less = fsub double %exact, 1.0
  %q = select i1 %down, double %less, double %exact
  %floor = call double @llvm.floor.f64(double %q)
  %off = fsub double %q, %floor
  %high = fcmp ogt double %off, 0.5
  %next = fadd double %floor, 1.0
  %rounded = select i1 %high, double %next, double %floor
  %ratio = fdiv double %x, %y
  %zero = call double @llvm.copysign.f64(double 0.0, double %ratio)
  %any = fcmp une double %q, 0.0
  %finite = select i1 %any, double %rounded, double %zero
  %pole = fcmp oeq double %y, 0.0
  %result = select i1 %pole, double %ratio, double %finite
  ret double %result
}}
"""


def _quotient(type: str) -> str:
    """`x // y`; by 0 (which a check excludes) something, by the divisor -1 the wrapped negation."""
    return f"""
define internal {type} @llad.floordiv.{type}({type} %x, {type} %y) alwaysinline {_PURE} {{
  %above = add {type} %y, 1
  %special = icmp ult {type} %above, 2
  %divisor = select i1 %special, {type} 1, {type} %y
  %q = sdiv {type} %x, %divisor
  %back = mul {type} %q, %divisor
  %r = sub {type} %x, %back
  %some = icmp ne {type} %r, 0
  %signs = xor {type} %r, %divisor
  %differ = icmp slt {type} %signs, 0
  %down = and i1 %some, %differ
  %one = zext i1 %down to {type}
  %floor = sub {type} %q, %one
  %negated = sub {type} 0, %x
  %result = select i1 %special, {type} %negated, {type} %floor
  ret {type} %result
}}
"""


def _modulus(type: str) -> str:
    """`x % y`, with the sign of y; by 0 (which a check excludes) something."""
    return f"""
define internal {type} @llad.mod.{type}({type} %x, {type} %y) alwaysinline {_PURE} {{
  %above = add {type} %y, 1
  %special = icmp ult {type} %above, 2
  %divisor = select i1 %special, {type} 1, {type} %y
  %r = srem {type} %x, %divisor
  %some = icmp ne {type} %r, 0
  %signs = xor {type} %r, %divisor
  %differ = icmp slt {type} %signs, 0
  %move = and i1 %some, %differ
  %moved = add {type} %r, %divisor
  %result = select i1 %move, {type} %moved, {type} %r
  ret {type} %result
}}
"""


def _integer_power(type: str) -> str:
    return f"""
define internal {type} @llad.ipow.{type}({type} %x, {type} %n) {_PURE} {{
entry:
  %some = icmp sgt {type} %n, 0
  br i1 %some, label %next, label %done
next:
  %power = phi {type} [1, %entry], [%multiplied, %next]
  %base = phi {type} [%x, %entry], [%square, %next]
  %left = phi {type} [%n, %entry], [%half, %next]
  %odd = trunc {type} %left to i1
  %product = mul {type} %power, %base
  %multiplied = select i1 %odd, {type} %product, {type} %power
  %square = mul {type} %base, %base
  %half = lshr {type} %left, 1
  %more = icmp ne {type} %half, 0
  br i1 %more, label %next, label %done
done:
  %result = phi {type} [1, %entry], [%multiplied, %next]
  ret {type} %result
}}
"""


# Beyond |x| = 1 every factor at least doubles the result, so an overflow of a needed square is one of the result.
_POWER_OVERFLOWS = f"""
define internal i1 @llad.ipow_overflows.i64(i64 %x, i64 %n) {_PURE} {{
entry:
  %above = add i64 %x, 1
  %unit = icmp ult i64 %above, 3
  %none = icmp slt i64 %n, 1
  %fits = or i1 %unit, %none
  br i1 %fits, label %no, label %large
large:
  %long = icmp sgt i64 %n, 63
  br i1 %long, label %yes, label %next
next:
  %power = phi i64 [1, %large], [%multiplied, %squared]
  %base = phi i64 [%x, %large], [%square, %squared]
  %left = phi i64 [%n, %large], [%half, %squared]
  %odd = trunc i64 %left to i1
  %product.o = call {{i64, i1}} @llvm.smul.with.overflow.i64(i64 %power, i64 %base)
  %product = extractvalue {{i64, i1}} %product.o, 0
  %wraps = extractvalue {{i64, i1}} %product.o, 1
  %multiplied = select i1 %odd, i64 %product, i64 %power
  %beyond = and i1 %odd, %wraps
  br i1 %beyond, label %yes, label %ahead
ahead:
  %half = lshr i64 %left, 1
  %more = icmp ne i64 %half, 0
  br i1 %more, label %squared, label %no
squared:
  %square.o = call {{i64, i1}} @llvm.smul.with.overflow.i64(i64 %base, i64 %base)
  %square = extractvalue {{i64, i1}} %square.o, 0
  %square.wraps = extractvalue {{i64, i1}} %square.o, 1
  br i1 %square.wraps, label %yes, label %next
yes:
  ret i1 true
no:
  ret i1 false
}}
"""


def _series(coefficients: tuple[float, ...], z: str) -> tuple[str, str]:
    """Horner's rule: its lines, and the name of the sum."""
    lines, total = [], number(coefficients[-1], F64)
    for k, c in reversed(list(enumerate(coefficients[:-1]))):
        lines.append(f"  %times{k} = fmul double {total}, {z}")
        lines.append(f"  %sum{k} = fadd double %times{k}, {number(c, F64)}")
        total = f"%sum{k}"
    return "\n".join(lines), total


def _polygamma(name: str, pole: str, reflected: str, step: str, asymptotic: str, series: tuple[float, ...]) -> str:
    """The frame both share: poles, reflection of x < 0, recurrence up to SHIFT, asymptotic series."""
    lines, total = _series(series, "%z")
    return f"""
define internal double @llad.{name}.f64(double %x) noinline {_PURE} {{
entry:
  %low = fcmp ole double %x, 0.0
  br i1 %low, label %reflect, label %start
reflect:
  %nearest = call double @llvm.rint.f64(double %x)
  %whole = fcmp oeq double %x, %nearest
  br i1 %whole, label %pole, label %between
pole:
{pole}
between:
  %rest = fsub double %x, %nearest
  %angle = fmul double %rest, 0x400921FB54442D18
{reflected}
  %other = fsub double 1.0, %x
  br label %start
start:
  %above = phi double [%x, %entry], [%other, %between]
  %turned = phi double [0.0, %entry], [%mirror, %between]
  %few = fcmp olt double %above, {number(SHIFT, F64)}
  br i1 %few, label %raise, label %far
raise:
  %at = phi double [%above, %start], [%next, %raise]
  %so.far = phi double [0.0, %start], [%more, %raise]
  %inverse.at = fdiv double 1.0, %at
  %square.at = fdiv double %inverse.at, %at
  %more = fadd double %so.far, {step}
  %next = fadd double %at, 1.0
  %again = fcmp olt double %next, {number(SHIFT, F64)}
  br i1 %again, label %raise, label %far
far:
  %big = phi double [%above, %start], [%next, %raise]
  %shifted = phi double [0.0, %start], [%more, %raise]
  %inverse = fdiv double 1.0, %big
  %z = fdiv double %inverse, %big
{lines}
{asymptotic.replace("SERIES", total)}
}}
"""


_DIGAMMA = _polygamma(
    "digamma",
    pole="""  %at.zero = fcmp oeq double %x, 0.0
  %side = call double @llvm.copysign.f64(double 0x7FF0000000000000, double %x)
  %infinite = fneg double %side
  %limit = select i1 %at.zero, double %infinite, double 0x7FF8000000000000
  ret double %limit""",
    reflected="""  %tangent = call double @tan(double %angle)
  %mirror = fdiv double 0x400921FB54442D18, %tangent""",
    step="%inverse.at",
    asymptotic="""  %log = call double @llvm.log.f64(double %big)
  %half = fmul double %inverse, 0.5
  %a = fsub double %log, %half
  %b = fmul double %z, SERIES
  %c = fsub double %a, %b
  %d = fsub double %c, %shifted
  %result = fsub double %d, %turned
  ret double %result""",
    series=PSI_SERIES,
)

_TRIGAMMA = _polygamma(
    "trigamma",
    pole="""  %finite = fcmp one double %x, 0xFFF0000000000000
  %limit = select i1 %finite, double 0x7FF0000000000000, double 0x7FF8000000000000
  ret double %limit""",
    reflected="""  %sine = call double @llvm.sin.f64(double %angle)
  %root = fdiv double 0x400921FB54442D18, %sine
  %mirror = fmul double %root, %root""",
    step="%square.at",
    asymptotic="""  %half = fmul double %z, 0.5
  %a = fadd double %inverse, %half
  %scale = fdiv double %z, %big
  %b = fmul double %scale, SERIES
  %c = fadd double %a, %b
  %value = fadd double %c, %shifted
  %reflected = fsub double %turned, %value
  %result = select i1 %low, double %reflected, double %value
  ret double %result""",
    series=PSI1_SERIES,
)


def _through_f64(name: str, arity: int) -> str:
    parameters = ", ".join(f"float %x{k}" for k in range(arity))
    wide = "\n".join(f"  %w{k} = fpext float %x{k} to double" for k in range(arity))
    arguments = ", ".join(f"double %w{k}" for k in range(arity))
    return f"""
define internal float @llad.{name}.f32({parameters}) {_PURE} {{
{wide}
  %r = call double @llad.{name}.f64({arguments})
  %n = fptrunc double %r to float
  ret float %n
}}
"""


MATH = {
    "llad.mod.f64": _FLOAT_MODULUS,
    "llad.floordiv.f64": _FLOAT_QUOTIENT,
    "llad.digamma.f64": _DIGAMMA,
    "llad.trigamma.f64": _TRIGAMMA,
    "llad.ipow_overflows.i64": _POWER_OVERFLOWS,
    **{f"llad.floordiv.{t}": _quotient(t) for t in ("i64", "i32")},
    **{f"llad.mod.{t}": _modulus(t) for t in ("i64", "i32")},
    **{f"llad.ipow.{t}": _integer_power(t) for t in ("i64", "i32")},
    **{
        f"llad.{name}.f32": _through_f64(name, arity)
        for name, arity in (("mod", 2), ("floordiv", 2), ("digamma", 1), ("trigamma", 1))
    },
}
