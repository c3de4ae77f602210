"""Newton's fractal: which root of a polynomial does Newton's method find, and after how many steps?

    python examples/newton_fractal.py [--size N] [--a A] [--output FILE]

The polynomial is z³ - a, by its real and imaginary part as functions of x and y. Newton's method wants its complex
derivative: an analytic function changes along any direction by that derivative times the direction, so one forward
derivative along the real axis, `llad.jvp` inside the compiled `while`, is all of it. The whole iteration is
differentiated too: how a root moves with a.
"""

from __future__ import annotations

import argparse
import math

import numpy as np

import llad


def polynomial(x, y, a):
    """Real and imaginary part of z³ - a at z = x + i y."""
    return x * x * x - 3.0 * x * y * y - a, 3.0 * x * x * y - y * y * y


def newton(x, y, a, limit):
    """Where Newton's method from x + i y ends, and after how many steps: it stops when a step is tiny."""
    steps = 0
    moved = 1.0
    while moved > 1e-12 and steps < limit:
        (u, v), (du, dv) = llad.jvp(polynomial, (x, y, a), (1.0, 0.0, 0.0))
        square = du * du + dv * dv
        if square == 0.0:
            break
        step_x = (u * du + v * dv) / square
        step_y = (v * du - u * dv) / square
        x -= step_x
        y -= step_y
        moved = math.hypot(step_x, step_y)
        steps += 1
    return x, y, steps


@llad.jit_grad(argnums=(0, 1, 2))
def root(x, y, a, limit):
    """The real part of the root that is found."""
    return newton(x, y, a, limit)[0]


@llad.jit
def basins(side, a, limit):
    """For each point of the grid side × side its root, numbered by argument, and how many steps it took."""
    roots = np.zeros((len(side), len(side)))
    counts = np.zeros((len(side), len(side)))
    for row in range(len(side)):
        for column in range(len(side)):
            x, y, counts[row, column] = newton(side[column], side[row], a, limit)
            roots[row, column] = round(1.5 * math.atan2(y, x) / math.pi) % 3
    return roots, counts


def picture(side: np.ndarray, roots: np.ndarray, counts: np.ndarray, file: str) -> None:
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    colours = np.array([[0.95, 0.55, 0.25], [0.25, 0.60, 0.85], [0.45, 0.75, 0.40]])
    shade = np.clip(1.2 / (1.0 + 0.08 * counts), 0.0, 1.0)
    image = colours[roots.astype(int)] * shade[:, :, None]
    figure, axes = pyplot.subplots(layout="constrained", figsize=(6, 6))
    axes.imshow(image, extent=(side[0], side[-1], side[0], side[-1]), origin="lower")
    axes.set(xlabel="Re z", ylabel="Im z", title="The root that Newton's method finds; darker is slower")
    figure.savefig(file, dpi=120)
    pyplot.close(figure)


def main(argv: list[str] | None = None) -> tuple[np.ndarray, np.ndarray]:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", type=int, default=400, help="points along each side of the grid")
    parser.add_argument("--a", type=float, default=1.0, help="the roots are those of z³ = a")
    parser.add_argument("--output", metavar="FILE", help="a picture of the basins")
    args = parser.parse_args(argv)

    value, (by_x, _, by_a) = root.value_and_grad(1.3 * args.a, 0.4, args.a, 100)
    print(f"a root of z³ = {args.a}: {value:.12f}; its derivative by a {by_a:.12f}, by the start {by_x:.1g}")
    side = np.linspace(-1.5, 1.5, args.size)
    roots, counts = basins(side, args.a, 100)
    for k in range(3):
        print(f"  root {k}: {np.mean(roots == k):6.1%} of the square")
    print(f"{counts.mean():.1f} steps on average, {counts.max():.0f} at most")
    if args.output:
        picture(side, roots, counts, args.output)
        print(f"wrote {args.output}")
    return roots, counts


if __name__ == "__main__":
    main()
