"""Arithmetic of complex numbers in traced code: a `Record` of `Complex`, whose two parts are numbers or arrays.

Every operation is written with real ones on the parts, so it works on numbers and arrays alike, and derivatives follow.

Sources: R. L. Smith, "Algorithm 116: Complex division", CACM 5(8), 1962 · W. Kahan, "Branch cuts for complex elementary
functions", in The State of the Art in Numerical Analysis, 1987 (square root, tangents).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from llad.complex_numbers import Complex, is_complex
from llad.dataclass import dataclass
from llad.frontend import comparisons, numbers
from llad.frontend.arithmetic import SYMBOLS
from llad.frontend.core import Tracer
from llad.frontend.promotion import is_number, is_static_number, plain
from llad.frontend.values import Array, Record, describe
from llad.ir.types import F32

_MOST = 64  # a whole exponent up to this is done by multiplying


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """A real number or array with operators: what formulas are written with."""

    t: Tracer
    value: Any

    def _with(self, op: str, other: Part | float, swapped: bool = False) -> Part:
        pair = self.value, other.value if isinstance(other, Part) else other
        return Part(self.t, numbers.binary(self.t, op, *(pair[::-1] if swapped else pair)))

    def __add__(self, other: Part | float) -> Part:
        return self._with("add", other)

    def __radd__(self, other: float) -> Part:
        return self._with("add", other, swapped=True)

    def __sub__(self, other: Part | float) -> Part:
        return self._with("sub", other)

    def __rsub__(self, other: float) -> Part:
        return self._with("sub", other, swapped=True)

    def __mul__(self, other: Part | float) -> Part:
        return self._with("mul", other)

    def __rmul__(self, other: float) -> Part:
        return self._with("mul", other, swapped=True)

    def __truediv__(self, other: Part | float) -> Part:
        return self._with("div", other)

    def __rtruediv__(self, other: float) -> Part:
        return self._with("div", other, swapped=True)

    def __matmul__(self, other: Part) -> Part:
        return self._with("matmul", other)

    def __neg__(self) -> Part:
        return Part(self.t, numbers.unary(self.t, "neg", self.value))

    def compared(self, op: str, other: Part | float) -> Part:
        given = other.value if isinstance(other, Part) else other
        return Part(self.t, comparisons.compare(self.t, op, self.value, given))

    def through(self, function: Callable[..., Any], *others: Part | float) -> Part:
        """What a function of NumPy makes of it."""
        given = [o.value if isinstance(o, Part) else o for o in others]
        return Part(self.t, self.t.call(function, [self.value, *given], {}))

    def chosen(self, then: Part | float, otherwise: Part | float) -> Part:
        """`then` where it is true."""
        return self.through(np.where, then, otherwise)


Pair = tuple[Part, Part]


def is_complex_value(value: Any) -> bool:
    """Whether a value in traced code is a complex number or array."""
    return (isinstance(value, Record) and value.cls is Complex) or is_complex(value)


def pair(t: Tracer, value: Any) -> Pair:
    """The parts of a number or array, of a real one too, of which the imaginary part is zero."""
    if isinstance(value, Record) and value.cls is Complex:
        return Part(t, value.fields["re"]), Part(t, value.fields["im"])
    if is_complex(value):
        return Part(t, value.real), Part(t, value.imag)
    value = t.lift(value)
    if isinstance(value, (tuple, list)):
        value = t.call(np.array, [value], {})
    if not is_number(value):
        t.refuse("operand", got=describe(value))
    re = Part(t, value)
    return re, re.through(np.zeros_like) if isinstance(value, Array) else Part(t, 0.0)


def made(t: Tracer, re: Part, im: Part) -> Record:
    """The complex number of two parts; of arrays both have the shape that they have together."""
    x, y = re.value, im.value
    if isinstance(x, Array) != isinstance(y, Array) or (isinstance(x, Array) and x.rank != y.rank):
        x, y = (re + 0.0 * im).value, (im + 0.0 * re).value
    record: Record = t.give(Record(Complex, {"re": _float(t, x), "im": _float(t, y)}))
    return record


def _float(t: Tracer, x: Any) -> Any:
    """A part is a float, as in Python."""
    if isinstance(x, Array):
        return x if x.dtype.name[0] == "f" else t.call(np.asarray, [x, np.float64], {})
    if is_static_number(x):
        return float(plain(x)) if isinstance(x, (bool, int)) else x
    return x if x.type.name[0] == "f" else t.call(float, [x], {})


# -- operators


def binary(t: Tracer, op: str, a: Any, b: Any) -> Any:
    """`a op b`, where one of the two is complex."""
    if (is_complex(a) and (is_complex(b) or is_static_number(b))) or (is_static_number(a) and is_complex(b)):
        return _known(t, op, a, b)
    if op not in _BINARY:
        t.refuse("operator", op=SYMBOLS[op], left=describe(a), right=describe(b))
    return made(t, *_BINARY[op](t, a, b))


def _known(t: Tracer, op: str, a: Any, b: Any) -> Any:
    try:
        return numbers.PYTHON[op](a, b)
    except (ArithmeticError, TypeError) as error:
        t.refuse("static-error", error=error)


def _add(t: Tracer, a: Any, b: Any) -> Pair:
    (x, y), (u, v) = pair(t, a), pair(t, b)
    return x + u, v if not is_complex_value(a) and not isinstance(a, Array) else y + v


def _sub(t: Tracer, a: Any, b: Any) -> Pair:
    (x, y), (u, v) = pair(t, a), pair(t, b)
    return x - u, 0.0 - v if not is_complex_value(a) and not isinstance(a, Array) else y - v


def _mul(t: Tracer, a: Any, b: Any) -> Pair:
    if not is_complex_value(a):
        a, b = b, a
    x, y = pair(t, a)
    if not is_complex_value(b):
        u = pair(t, b)[0]
        return x * u, y * u
    return product((x, y), pair(t, b))


def product(a: Pair, b: Pair) -> Pair:
    (x, y), (u, v) = a, b
    return x * u - y * v, x * v + y * u


def _div(t: Tracer, a: Any, b: Any) -> Pair:
    x, y = pair(t, a)
    if not is_complex_value(b):
        u = pair(t, b)[0]
        return x / u, y / u
    return quotient((x, y), pair(t, b))


def quotient(a: Pair, b: Pair) -> Pair:
    """By Smith's method: nothing is squared, so nothing overflows that need not."""
    (x, y), (u, v) = a, b
    large = u.through(np.abs).compared("ge", v.through(np.abs))
    p, q = large.chosen(u, v), large.chosen(v, u)
    r = q / p
    d = p + q * r
    first, second = large.chosen(x, y), large.chosen(y, x)
    return (first + second * r) / d, large.chosen(y - x * r, y * r - x) / d


def _pow(t: Tracer, a: Any, b: Any) -> Pair:
    if is_static_number(b) and plain(b) == int(plain(b)) and abs(plain(b)) <= _MOST:
        power = _whole_power(t, pair(t, a), abs(int(plain(b))))
        return power if plain(b) >= 0 else quotient((Part(t, 1.0), Part(t, 0.0)), power)
    base = pair(t, a)
    nothing = base[0].compared("eq", 0.0)._with("and", base[1].compared("eq", 0.0))
    safe = nothing.chosen(1.0, base[0]), base[1]
    re, im = exp(product(log(safe), pair(t, b)))
    return nothing.chosen(0.0, re), nothing.chosen(0.0, im)


def _whole_power(t: Tracer, base: Pair, n: int) -> Pair:
    result: Pair | None = None
    while n:
        if n & 1:
            result = base if result is None else product(result, base)
        n >>= 1
        base = product(base, base) if n else base
    one = base[0].through(np.ones_like) if isinstance(base[0].value, Array) else Part(t, 1.0)
    return result or (one, one * 0.0)


def _matmul(t: Tracer, a: Any, b: Any) -> Pair:
    if not is_complex_value(b):
        (x, y), u = pair(t, a), pair(t, b)[0]
        return x @ u, y @ u
    if not is_complex_value(a):
        x, (u, v) = pair(t, a)[0], pair(t, b)
        return x @ u, x @ v
    (x, y), (u, v) = pair(t, a), pair(t, b)
    return x @ u - y @ v, x @ v + y @ u


_BINARY: dict[str, Callable[[Tracer, Any, Any], Pair]] = {
    "add": _add, "sub": _sub, "mul": _mul, "div": _div, "pow": _pow, "matmul": _matmul,
}  # fmt: skip


def unary(t: Tracer, op: str, a: Any) -> Any:
    """`-a` or `+a` of a complex number."""
    if is_complex(a) and op in ("neg", "pos"):
        return numbers.PYTHON[op](a)
    x, y = pair(t, a)
    return made(t, -x, -y) if op == "neg" else a if op == "pos" else t.refuse("operand", got=describe(a))


def compare(t: Tracer, op: str, a: Any, b: Any) -> Any:
    """`a == b` or `a != b`, where one of the two is complex; others have no order."""
    if op not in ("eq", "ne"):
        t.refuse("comparison", left=describe(a), right=describe(b))
    (x, y), (u, v) = pair(t, a), pair(t, b)
    return x.compared(op, u)._with("and" if op == "eq" else "or", y.compared(op, v)).value


# -- functions of one number


def modulus(z: Pair) -> Part:
    return z[0].through(np.hypot, z[1])


def argument(z: Pair) -> Part:
    return z[1].through(np.arctan2, z[0])


def exp(z: Pair) -> Pair:
    size = z[0].through(np.exp)
    return size * z[1].through(np.cos), size * z[1].through(np.sin)


def log(z: Pair) -> Pair:
    return modulus(z).through(np.log), argument(z)


def square_root(z: Pair) -> Pair:
    """The root with a real part that is not negative; at zero it is zero."""
    x, y = z
    s = ((x.through(np.abs) + modulus(z)) * 0.5).through(np.sqrt)
    nothing = s.compared("eq", 0.0)
    other = nothing.chosen(0.0, y / (nothing.chosen(1.0, s) * 2.0))
    right = x.compared("ge", 0.0)
    return right.chosen(s, other.through(np.abs)), right.chosen(other, s.through(np.copysign, y))


def sine(z: Pair) -> Pair:
    x, y = z
    return x.through(np.sin) * y.through(np.cosh), x.through(np.cos) * y.through(np.sinh)


def cosine(z: Pair) -> Pair:
    x, y = z
    return x.through(np.cos) * y.through(np.cosh), -(x.through(np.sin) * y.through(np.sinh))


def hyperbolic_sine(z: Pair) -> Pair:
    x, y = z
    return x.through(np.sinh) * y.through(np.cos), x.through(np.cosh) * y.through(np.sin)


def hyperbolic_cosine(z: Pair) -> Pair:
    x, y = z
    return x.through(np.cosh) * y.through(np.cos), x.through(np.sinh) * y.through(np.sin)


def hyperbolic_tangent(z: Pair) -> Pair:
    """With t = tan y and s = sinh x; of a large x no square overflows, and there tanh is ±1."""
    x, y = z
    t, s = y.through(np.tan), x.through(np.clip, -_far(x), _far(x)).through(np.sinh)
    beta = 1.0 + t * t
    d = 1.0 + beta * s * s
    return beta * (1.0 + s * s).through(np.sqrt) * s / d, t / d


def _far(x: Part) -> float:
    """Beyond it tanh is ±1 to the last bit, and within it the square of sinh is far from overflow."""
    kind = getattr(x.value, "dtype", getattr(x.value, "type", None))
    return 20.0 if kind == F32 else 175.0


def tangent(z: Pair) -> Pair:
    re, im = hyperbolic_tangent((-z[1], z[0]))
    return im, -re
