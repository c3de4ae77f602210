"""A straight line through points: the squared error as a loop, its gradient, and descent to the best line.

    python examples/linear_regression.py [--points N] [--steps N] [--output FILE]

The error is written as one would write it in C. The gradient has a number for the slope, a number for the
intercept, and `argnums` says that the data need none.
"""

from __future__ import annotations

import argparse

import numpy as np

import llad


@llad.jit_grad(argnums=(0, 1))
def squared_error(slope, intercept, x, y):
    total = 0.0
    for i in range(len(x)):
        residual = slope * x[i] + intercept - y[i]
        total += residual * residual
    return total / len(x)


def measurements(points: int) -> tuple[np.ndarray, np.ndarray]:
    """Points about y = 2.5 x - 1 with noise of standard deviation 0.5."""
    random = np.random.default_rng(7)
    x = random.uniform(-2.0, 2.0, points)
    return x, 2.5 * x - 1.0 + random.normal(0.0, 0.5, points)


def fit(x: np.ndarray, y: np.ndarray, steps: int, rate: float = 0.2) -> tuple[float, float]:
    """Slope and intercept after gradient descent from (0, 0)."""
    slope = intercept = 0.0
    for _ in range(steps):
        by_slope, by_intercept = squared_error.grad(slope, intercept, x, y)
        slope -= rate * by_slope
        intercept -= rate * by_intercept
    return slope, intercept


def closed_form(x: np.ndarray, y: np.ndarray) -> tuple[float, float]:
    """The same line from the normal equations: covariance over variance."""
    slope = np.dot(x - x.mean(), y - y.mean()) / np.dot(x - x.mean(), x - x.mean())
    return float(slope), float(y.mean() - slope * x.mean())


def picture(x: np.ndarray, y: np.ndarray, slope: float, intercept: float, file: str) -> None:
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(layout="constrained", figsize=(6, 4))
    axes.plot(x, y, ".", markersize=2, label="measurements")
    ends = np.array([x.min(), x.max()])
    axes.plot(ends, slope * ends + intercept, label=f"y = {slope:.3f} x {intercept:+.3f}")
    axes.legend()
    figure.savefig(file, dpi=120)
    pyplot.close(figure)


def main(argv: list[str] | None = None) -> tuple[float, float]:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--points", type=int, default=1_000, help="how many points are drawn")
    parser.add_argument("--steps", type=int, default=100, help="how many steps of gradient descent")
    parser.add_argument("--output", metavar="FILE", help="a picture of the points and the line")
    args = parser.parse_args(argv)

    x, y = measurements(args.points)
    slope, intercept = fit(x, y, args.steps)
    print(f"gradient descent: y = {slope:.9f} x {intercept:+.9f}")
    print("normal equations: y = {:.9f} x {:+.9f}".format(*closed_form(x, y)))
    print(f"mean squared error {squared_error(slope, intercept, x, y):.6f}; the noise has variance 0.25")
    if args.output:
        picture(x, y, slope, intercept, args.output)
        print(f"wrote {args.output}")
    return slope, intercept


if __name__ == "__main__":
    main()
