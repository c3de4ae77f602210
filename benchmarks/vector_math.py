"""Elementary functions in loops: units in the last place against exact values, and time per element against NumPy.

    python -m benchmarks.vector_math [POINTS] [--write]

POINTS (10,000,000) in all per function, over all its regimes. The reference is C's `long double` functions, where those
have 64 bits of significand; a sample of their values is compared with mpmath first. `--write` puts the table into
`docs/vector-math.md`.
"""

from __future__ import annotations

import math
import re
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

import llad
from benchmarks.extended import HAS_EXTENDED, exact, ulps

PAGE = Path(__file__).parents[1] / "docs" / "vector-math.md"
BATCH = 250_000
SAMPLE = 200
TIMED = 4096

Draw = Callable[[np.random.Generator, int], Any]


def uniform(low: float, high: float) -> Draw:
    return lambda rng, n: rng.uniform(low, high, n)


def spread(low: float, high: float) -> Draw:
    """Of either sign, evenly on a logarithmic scale."""
    return lambda rng, n: np.exp(rng.uniform(math.log(low), math.log(high), n)) * rng.choice([-1.0, 1.0], n)


def _positive(rng: np.random.Generator, n: int) -> Any:
    return np.abs(spread(1e-323, 1.7e308)(rng, n))


def _near_one(rng: np.random.Generator, n: int) -> Any:
    return 1 + spread(1e-16, 1e-3)(rng, n)


def _above_minus_one(rng: np.random.Generator, n: int) -> Any:
    return -1 + np.abs(spread(1e-16, 0.1)(rng, n))


def _quarters(rng: np.random.Generator, n: int) -> Any:
    """The doubles nearest to multiples of π/2, where what is left of a reduction is smallest."""
    return np.round(rng.uniform(-7e5, 7e5, n)) * (math.pi / 2)


def _whole(low: float, high: float) -> Draw:
    return lambda rng, n: np.round(rng.uniform(low, high, n))


UNIT, TINY = uniform(-1, 1), spread(1e-323, 1)
_ANGLES = [UNIT, TINY, uniform(-100, 100), spread(1, 1e6), spread(1e5, 1e308), _quarters, _whole(-1e6, 1e6)]

# Per function the regimes it is measured in: how each operand is drawn.
REGIMES: dict[str, list[tuple[Draw, ...]]] = {
    **{
        name: [(draw,) for draw in draws]
        for name, draws in {
            "exp": [UNIT, TINY, uniform(-746, -708), uniform(-708, 709.7), uniform(709, 711)],
            "expm1": [UNIT, TINY, uniform(-60, -30), uniform(-40, 709.7), uniform(709, 711)],
            "exp2": [UNIT, TINY, uniform(-1075, -1020), uniform(-1022, 1024), _whole(-1074, 1023)],
            "sinh": [UNIT, TINY, uniform(-709, 709), uniform(709, 711)],
            "cosh": [UNIT, TINY, uniform(-709, 709), uniform(709, 711)],
            "tanh": [UNIT, TINY, uniform(-25, 25), uniform(0.5, 0.7)],
            "log": [uniform(0.5, 2), _near_one, _positive],
            "log2": [uniform(0.5, 2), _near_one, _positive],
            "log10": [uniform(0.5, 2), _near_one, _positive],
            "log1p": [uniform(-0.999, 2), TINY, _positive, _above_minus_one],
            "sin": _ANGLES,
            "cos": _ANGLES,
            "tan": _ANGLES,
            "asin": [UNIT, TINY, uniform(0.45, 0.55), _near_one],
            "acos": [UNIT, TINY, uniform(-0.55, 0.55), _near_one],
            "atan": [UNIT, TINY, uniform(-5, 5), spread(1, 1e308)],
            "cbrt": [uniform(-8, 8), TINY, spread(1, 1.7e308)],
            "erf": [UNIT, TINY, uniform(-7, 7)],
            "gauss": [UNIT, TINY, uniform(-26.5, 26.5), uniform(26.5, 28)],
            "erfc": [UNIT, TINY, uniform(-7, 5), uniform(0.5, 26.5), uniform(26.5, 28)],
        }.items()
    },
    "atan2": [
        (UNIT, UNIT),
        (uniform(0.4, 0.45), uniform(-1, 1)),
        (TINY, TINY),
        (spread(1e-300, 1e300), spread(1e-300, 1e300)),
        (spread(1e-323, 1e-300), spread(1e-323, 1e-300)),
    ],
    "hypot": [
        (UNIT, UNIT),
        (TINY, TINY),
        (spread(1e150, 1e308), spread(1e150, 1e308)),
        (spread(1e-323, 1e-300), spread(1e-323, 1e-300)),
    ],
    "pow": [
        (uniform(0.5, 2), uniform(-500, 500)),
        (uniform(0, 10), uniform(-5, 5)),
        (_near_one, spread(1, 1e8)),
        (_positive, uniform(-2, 2)),
        (uniform(-10, 0), _whole(-300, 300)),
    ],
}


_NUMPY: dict[str, Any] = {
    "pow": np.power,
    "erf": None,
    "erfc": None,
    **{name: getattr(np, name.replace("a", "arc", 1)) for name in ("asin", "acos", "atan", "atan2")},
}


def ufunc(name: str) -> Any:
    return _NUMPY.get(name, getattr(np, name, None))


def mapped(name: str, dtype: Any = np.float64) -> Callable[..., Any]:
    """y[i] = name(x[i], …), compiled by llad. NumPy's functions keep to a dtype, those of `math` are of doubles."""
    f = getattr(math, name) if dtype == np.float64 else ufunc(name)
    if len(REGIMES[name][0]) == 2:

        def fill_from_two(x: Any, z: Any, y: Any) -> None:
            for i in range(len(x)):
                y[i] = f(x[i], z[i])

        return llad.jit(fill_from_two)

    def fill(x: Any, y: Any) -> None:
        for i in range(len(x)):
            y[i] = f(x[i])

    return llad.jit(fill)


def batches(name: str, points: int) -> Iterator[list[Any]]:
    rng = np.random.default_rng(11)
    each = max(1, points // len(REGIMES[name]))
    for regime in REGIMES[name]:
        for start in range(0, each, BATCH):
            yield [draw(rng, min(BATCH, each - start)) for draw in regime]


def worst(name: str, points: int, dtype: Any = np.float64) -> tuple[float, list[float]]:
    """The largest error in units of the last place of the type, and where."""
    f, most = mapped(name, dtype), (0.0, [0.0])
    for xs in batches(name, points):
        with np.errstate(over="ignore"):
            xs = [x.astype(dtype) for x in xs]
        y = np.empty(len(xs[0]), dtype)
        f(*xs, y)
        error = ulps(y, exact(name, *xs))
        k = int(np.argmax(error))
        if error[k] > most[0]:
            most = float(error[k]), [float(x[k]) for x in xs]
    return most


def off_from_mpmath(name: str) -> float:
    """Units of a double by which the reference is off from mpmath, at most, over a sample of every regime."""
    import mpmath

    most = 0.0
    special = {"pow": mpmath.power, "exp2": lambda x: mpmath.power(2, x), "log2": lambda x: mpmath.log(x, 2)}
    f = special.get(name) or getattr(mpmath, name)
    rng = np.random.default_rng(5)
    with mpmath.workprec(2400):  # for sines of huge angles, and erfc's tail
        for regime in REGIMES[name]:
            xs = [draw(rng, SAMPLE) for draw in regime]
            for *x, got in zip(*xs, exact(name, *xs), strict=True):
                want = f(*(mpmath.mpf(float(v)) for v in x))
                if not isinstance(want, mpmath.mpf) or not mpmath.isfinite(want) or not 1e-300 < abs(want) < 1e300:
                    continue
                high = float(got)
                given = mpmath.mpf(high) + mpmath.mpf(float(got - np.longdouble(high)))
                unit = mpmath.mpf(2) ** (math.frexp(float(want))[1] - 53)
                most = max(most, float(abs(given - want) / unit))
    return most


def nanoseconds(call: Callable[[], Any]) -> float:
    times = []
    for _ in range(300):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return min(times) / TIMED * 1e9


def times(name: str, dtype: Any) -> str:
    """Two cells: nanoseconds an element of llad, and of NumPy."""
    xs = [draw(np.random.default_rng(3), TIMED).astype(dtype) for draw in REGIMES[name][0]]
    y, f, g = np.empty(TIMED, dtype), mapped(name, dtype), ufunc(name)
    own = nanoseconds(lambda: f(*xs, y))
    other = f"{nanoseconds(lambda: g(*xs, out=y)):.2f}" if g else "–"
    return f"{own:.2f} | {other}"


def row(name: str, points: int) -> str:
    error, where = worst(name, points)
    at = ", ".join(f"{x:.6g}" for x in where)
    single = "– | – | –"
    if ufunc(name):  # Python has no others of float32
        single = f"{worst(name, points, np.float32)[0]:.2f} | {times(name, np.float32)}"
    return f"| `{name}` | {error:.2f} | {at} | {off_from_mpmath(name):.4f} | {times(name, np.float64)} | {single} |"


def main() -> None:
    numbers = [a for a in sys.argv[1:] if a.isdecimal()]
    points = int(numbers[0]) if numbers else 10_000_000
    assert HAS_EXTENDED, "the long double of this platform is no better than a double"
    head = (
        "| function | ULP, at most | at | reference off by | ns, llad | ns, NumPy "
        "| ULP of `float32` | ns, llad | ns, NumPy |\n"
        "|---|---|---|---|---|---|---|---|---|"
    )
    print(head)
    rows = []
    for name in filter(partial(hasattr, math), REGIMES):  # the rest comes only out of derivatives
        rows.append(row(name, points))
        print(rows[-1], flush=True)
    if "--write" in sys.argv:
        lines = ["<!-- measured -->", f"{points:,} points a function.", "", head, *rows, "<!-- until here -->"]
        table = "\n".join(lines)
        PAGE.write_text(re.sub(r"<!-- measured -->.*?<!-- until here -->", table, PAGE.read_text(), flags=re.DOTALL))


if __name__ == "__main__":
    main()
