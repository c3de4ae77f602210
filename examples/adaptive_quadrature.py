"""Adaptive Simpson's rule, written as the recursion that it is, and differentiated by the integrand's parameters.

    python examples/adaptive_quadrature.py [--tolerance T] [--width W] [--slow S] [--output FILE]

An interval is halved as long as Simpson's rule on its halves differs from the rule on the whole (W. M. McKeeman,
Comm. ACM 5, 1962), so how deep the recursion goes depends on the numbers. Two integrals:

    ∫ dx / ((x - centre)² + width²)   from 0 to 1: a peak that a fixed grid would miss
    4 ∫ dt / √(1 - k² sin² t)         from 0 to π/2: the period of a pendulum that swings to the angle 2 asin k

A clock maker asks for the swing at which a pendulum is slow by a given part; Newton's method answers, with the
derivative of the adaptive integral.
"""

from __future__ import annotations

import argparse
import math

import numpy as np

import llad


def peak(x, p, q):
    """A resonance at p of half width q."""
    return 1.0 / ((x - p) ** 2 + q * q)


def swing(t, k, _):
    """The time that a pendulum of unit frequency takes, by a variable that runs from 0 to π/2 in a quarter swing."""
    return 1.0 / math.sqrt(1.0 - (k * math.sin(t)) ** 2)


def refine(f, a, fa, m, fm, b, fb, whole, tolerance, depth, p, q):
    """The integral from a to b, m being the middle, and at how many points it evaluates f."""
    h = 0.25 * (b - a)
    left = a + h
    right = b - h
    fl = f(left, p, q)
    fr = f(right, p, q)
    first = h / 3.0 * (fa + 4.0 * fl + fm)
    second = h / 3.0 * (fm + 4.0 * fr + fb)
    error = (first + second - whole) / 15.0
    if depth <= 0 or abs(error) < tolerance:
        return first + second + error, 2
    half = 0.5 * tolerance
    first, n = refine(f, a, fa, left, fl, m, fm, first, half, depth - 1, p, q)
    second, k = refine(f, m, fm, right, fr, b, fb, second, half, depth - 1, p, q)
    return first + second, n + k + 2


def integrate(f, a, b, p, q, tolerance):
    """The integral of f(x, p, q) by x from a to b, and at how many points it evaluates f."""
    m = 0.5 * (a + b)
    fa = f(a, p, q)
    fm = f(m, p, q)
    fb = f(b, p, q)
    whole = (b - a) / 6.0 * (fa + 4.0 * fm + fb)
    integral, count = refine(f, a, fa, m, fm, b, fb, whole, tolerance, 40, p, q)
    return integral, count + 3


@llad.jit_grad(argnums=(0, 1))
def peak_area(centre, width, tolerance):
    return integrate(peak, 0.0, 1.0, centre, width, tolerance)[0]


@llad.jit_grad(argnums=0)
def period(k, tolerance):
    return 4.0 * integrate(swing, 0.0, 0.5 * math.pi, k, 0.0, tolerance)[0]


@llad.jit
def peak_count(centre, width, tolerance):
    return integrate(peak, 0.0, 1.0, centre, width, tolerance)[1]


def peak_area_in_closed_form(centre: float, width: float) -> tuple[float, float, float]:
    """The area under the peak, and its derivatives by centre and width."""
    right, left = 1.0 - centre, centre
    area = (math.atan(right / width) + math.atan(left / width)) / width
    by_centre = 1.0 / (left**2 + width**2) - 1.0 / (right**2 + width**2)
    by_width = -(area + right / (right**2 + width**2) + left / (left**2 + width**2)) / width
    return area, by_centre, by_width


def swing_for(slow: float, tolerance: float) -> float:
    """The modulus k at which the period is 1 + slow times that of small swings."""
    k = 2.0 * math.sqrt(slow)  # as the period is 2π (1 + k²/4 + …)
    for _ in range(20):
        value, slope = period.value_and_grad(k, tolerance)
        step = (value - 2.0 * math.pi * (1.0 + slow)) / slope
        k -= step
        if abs(step) < 1e-14:
            break
    return k


def picture(tolerances: np.ndarray, width: float, file: str) -> None:
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    centre = 0.3
    exact = peak_area_in_closed_form(centre, width)
    rows = []
    for tolerance in tolerances:
        value, gradient = peak_area.value_and_grad(centre, width, tolerance)
        found = (value, *gradient)
        errors = [abs(x / y - 1.0) for x, y in zip(found, exact, strict=True)]
        rows.append((peak_count(centre, width, tolerance), *errors))
    counts, *columns = zip(*rows, strict=True)
    figure, axes = pyplot.subplots(layout="constrained", figsize=(6, 4))
    for name, errors in zip(("area", "by centre", "by width"), columns, strict=True):
        axes.loglog(counts, np.maximum(errors, 1e-16), "o-", label=name, markersize=3)
    axes.set(xlabel="points of evaluation", ylabel="relative error", title=f"Area of a peak of half width {width}")
    axes.legend()
    figure.savefig(file, dpi=120)
    pyplot.close(figure)


def main(argv: list[str] | None = None) -> tuple[float, float, float, float]:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tolerance", type=float, default=1e-9, help="the error that an integral may have")
    parser.add_argument("--width", type=float, default=0.01, help="half width of the peak")
    parser.add_argument("--slow", type=float, default=1e-3, help="by which part the pendulum is to be slow")
    parser.add_argument("--output", metavar="FILE", help="a picture of the errors against the work")
    args = parser.parse_args(argv)

    value, (by_centre, by_width) = peak_area.value_and_grad(0.3, args.width, args.tolerance)
    exact = peak_area_in_closed_form(0.3, args.width)
    count = peak_count(0.3, args.width, args.tolerance)
    print(f"a peak of half width {args.width} at 0.3, from {count} evaluations:")
    for name, found, true in zip(("area", "by centre", "by width"), (value, by_centre, by_width), exact, strict=True):
        print(f"  {name:10} {found:18.10f}   exact {true:18.10f}")
    k = swing_for(args.slow, args.tolerance)
    angle = math.degrees(2.0 * math.asin(k))
    print(f"a pendulum is slow by {args.slow:g} of its period when it swings to {angle:.6f}°")
    if args.output:
        picture(np.logspace(0, -11, 23), args.width, args.output)
        print(f"wrote {args.output}")
    return value, by_centre, by_width, k


if __name__ == "__main__":
    main()
