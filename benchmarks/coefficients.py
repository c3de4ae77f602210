"""Derives the polynomials of llad's elementary functions, and says by how much those in the code are off.

    python -m benchmarks.coefficients [NAME]

A polynomial is the interpolant of its function at the Chebyshev nodes of an interval, computed with mpmath to 120
digits and rounded. With a NAME (`vector_exp._G`) its coefficients are printed as well. The figures are errors of the
polynomial alone: the term in which it stands is smaller than the result. A quotient of two polynomials, the lower one
with 1 before its highest power, is the interpolant at as many nodes as there are other coefficients.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from mpmath import mp

from llad.ir.types import F32, F64, ScalarType

Function = Callable[[Any], Any]
BITS = 400


def odd(f: Function) -> Function:
    """p of f(x) = x + x³·p(x²)."""
    return lambda z: (f(mp.sqrt(z)) / mp.sqrt(z) - 1) / z


def exponential(r: Any) -> Any:
    """g of eʳ = 1 + r + r²·g(r)."""
    return (mp.exp(r) - 1 - r) / r**2


def logarithm(z: Any) -> Any:
    """R / s² of log((1 + s) / (1 - s)) = 2s + s·R with s² = z."""
    s = mp.sqrt(z)
    return (mp.log((1 + s) / (1 - s)) / s - 2) / z


def tail(midpoint: float, less: float) -> Function:
    """(1 + 2a)·e^(a²)·erfc a - `less`, of t = (a - midpoint) / (a + midpoint)."""

    def q(t: Any) -> Any:
        a = midpoint * (1 + t) / (1 - t)
        return (1 + 2 * a) * mp.exp(a * a) * mp.erfc(a) - less

    return q


def bounded(a: float, midpoint: float) -> Any:
    return (mp.mpf(a) - midpoint) / (mp.mpf(a) + midpoint)


def nodes_of(interval: tuple[Any, Any], n: int) -> list[Any]:
    low, high = interval
    nodes = [(low + high + (high - low) * mp.cos(mp.pi * (2 * k + 1) / (2 * n))) / 2 for k in range(n)]
    return [x if abs(x) > 1e-30 else mp.mpf(10) ** -30 for x in nodes]  # at a removable point


def value(coefficients: Sequence[float], x: Any) -> Any:
    return mp.polyval([mp.mpf(c) for c in reversed(coefficients)], x)


@dataclass(frozen=True)
class Polynomial:
    """`function` on an interval is what the coefficients `place` in the code are for. They may be of two types.

    `over`: of what is below the line, if that is a polynomial, too.
    """

    place: str
    function: Function
    interval: tuple[Any, Any]
    kind: ScalarType | None = None
    over: str | None = None

    def in_code(self) -> list[tuple[float, ...]]:
        found = []
        for place in filter(None, (self.place, self.over)):
            module, _, name = place.partition(".")
            given = getattr(importlib.import_module(f"llad.codegen.{module}"), name)
            found.append(given[self.kind] if self.kind else given)
        return found

    def derived(self, degrees: Sequence[int]) -> list[list[float]]:
        above, below = degrees[0] + 1, degrees[1] if self.over else 0
        nodes = nodes_of(self.interval, above + below)
        matrix = mp.matrix(
            [[x**k for k in range(above)] + [-self.function(x) * x**k for k in range(below)] for x in nodes]
        )
        solution = mp.lu_solve(matrix, mp.matrix([self.function(x) * x**below for x in nodes]))
        precise = [float(c) for c in solution] + [1.0]
        rounded = [float(str(np.float32(c))) for c in precise] if self.kind == F32 else precise
        return [rounded[:above], rounded[above:]][: len(degrees)]

    def off(self, coefficients: Sequence[Sequence[float]]) -> float:
        """The largest error on the interval, as a power of two."""
        low, high = self.interval
        points = [low + (high - low) * (mp.mpf(k) + 0.3) / 200 for k in range(200)]
        above, below = (*coefficients, (1.0,))[:2]
        return float(mp.log(max(abs(value(above, x) / value(below, x) - self.function(x)) for x in points), 2))


def polynomials() -> list[Polynomial]:
    half, eighth, quarter = mp.log(2) / 2, mp.tan(mp.pi / 8) ** 2, (mp.pi / 4) ** 2
    root = ((mp.sqrt(2) - 1) / (mp.sqrt(2) + 1)) ** 2
    near = (mp.mpf(0), mp.mpf("0.36"))
    both = {
        "vector_exp._G": (exponential, (-half, half)),
        "vector_exp._TANH": (odd(mp.tanh), (mp.mpf(0), mp.mpf("0.4")), "vector_exp._TANH_OVER"),
        "vector_exp._SINH": (odd(mp.sinh), (mp.mpf(0), mp.mpf(1))),
        "vector_log._R": (logarithm, (mp.mpf(0), root)),
    }
    rest = {
        "vector_exp._G_EIGHTH": (exponential, (-half / 8, half / 8)),
        "vector_pow._P": (lambda z: (logarithm(z) - mp.mpf(2) / 3) / z, (mp.mpf(0), root)),
        "vector_trig._SIN": (odd(mp.sin), (mp.mpf(0), quarter)),
        "vector_trig._COS": (lambda z: (mp.cos(mp.sqrt(z)) - 1 + z / 2) / z**2, (mp.mpf(0), quarter)),
        "vector_arc._P": (odd(mp.atan), (mp.mpf(0), eighth)),
        "vector_arc._Q": (odd(mp.asin), (mp.mpf(0), mp.mpf("0.25"))),
        "vector_root._P": (lambda m: m ** (-mp.mpf(1) / 3), (mp.sqrt(mp.mpf("0.5")), mp.sqrt(2))),
        "vector_error._P": (lambda z: mp.erf(mp.sqrt(z)) / mp.sqrt(z) - 1, near),
        "vector_error._Q": (tail(4, 1.25), (bounded(0.6, 4), bounded(28, 4))),
        "vector_single._SIN": (odd(mp.sin), (mp.mpf(0), quarter)),
        "vector_single._COS": (lambda z: (mp.cos(mp.sqrt(z)) - 1) / z, (mp.mpf(0), quarter)),
        "vector_single._EXP": (exponential, (-half, half)),
        "vector_single._LOG": (logarithm, (mp.mpf(0), root)),
        "vector_single._ATAN": (odd(mp.atan), (mp.mpf(0), eighth)),
        "vector_single._ASIN": (odd(mp.asin), (mp.mpf(0), mp.mpf("0.25"))),
        "vector_single._ERF": (lambda z: mp.erf(mp.sqrt(z)) / mp.sqrt(z) - 1, near),
        "vector_single._ERFC": (tail(2.5, 0), (mp.mpf(-1), bounded(10.5, 2.5))),
    }
    found = [Polynomial(place, *given[:2], kind, *given[2:]) for place, given in both.items() for kind in (F64, F32)]
    return found + [Polynomial(place, *given) for place, given in rest.items()]


def main() -> None:
    mp.prec = BITS
    wanted = sys.argv[1:]
    print(f"{'polynomial':22}{'type':>5}{'degree':>8}{'interpolant off by':>20}{'in the code':>14}")
    for p in polynomials():
        if wanted and p.place not in wanted:
            continue
        given = p.in_code()
        degrees = [len(g) - 1 for g in given]
        coefficients = p.derived(degrees)
        kind = p.kind.name if p.kind else ""
        off, in_code = (f"2^{p.off(c):.1f}" for c in (coefficients, given))
        print(f"{p.place:22}{kind:>5}{'/'.join(map(str, degrees)):>8}{off:>20}{in_code:>14}", flush=True)
        for c in (c for each in coefficients if wanted for c in each):
            print(f"    {c!r},")


if __name__ == "__main__":
    main()
