"""The Goldstein-Price function: a value, its gradient, and the minimum from many starts.

    python examples/goldstein_price.py [--point X Y] [--starts N]

Goldstein and Price (1971) made this polynomial of degree eight to be hard for optimisers: its values span six
orders of magnitude on [-2, 2]², and of its four local minima only (0, -1), where it is 3, is global.
Derivatives by hand would fill a page; here the function is written once, as the book prints it.
"""

from __future__ import annotations

import argparse

import llad


@llad.jit_grad
def goldstein_price(x, y):
    a = 1 + (x + y + 1) ** 2 * (19 - 14 * x + 3 * x**2 - 14 * y + 6 * x * y + 3 * y**2)
    b = 30 + (2 * x - 3 * y) ** 2 * (18 - 32 * x + 12 * x**2 + 48 * y - 36 * x * y + 27 * y**2)
    return a * b


def descend(x: float, y: float, steps: int = 2000) -> tuple[float, float, float]:
    """The end of a gradient descent from (x, y), and the value there.

    The step is found anew each time by Armijo's rule: halve it until the function falls by at least a
    tenth of what the slope promises, and try twice the last step next time.
    """
    step = 1.0
    value = goldstein_price(x, y)
    for _ in range(steps):
        gx, gy = goldstein_price.grad(x, y)
        slope = gx * gx + gy * gy
        if slope < 1e-16:
            break
        while step > 1e-16:
            trial = goldstein_price(x - step * gx, y - step * gy)
            if trial <= value - 0.1 * step * slope:
                break
            step *= 0.5
        else:
            break
        x, y, value = x - step * gx, y - step * gy, trial
        step *= 2.0
    return x, y, value


def search(starts: int) -> list[tuple[float, float, float]]:
    """Descents from a grid of starts² points on [-2, 2]², the lowest end first."""
    side = [-2.0 + 4.0 * (k + 0.5) / starts for k in range(starts)]
    return sorted((descend(x, y) for x in side for y in side), key=lambda end: end[2])


def main(argv: list[str] | None = None) -> list[tuple[float, float, float]]:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--point", nargs=2, type=float, default=(2.5, 3.5), metavar=("X", "Y"), help="where to print")
    parser.add_argument("--starts", type=int, default=8, help="starts along each side of the grid")
    args = parser.parse_args(argv)

    x, y = args.point
    value, (gx, gy) = goldstein_price.value_and_grad(x, y)
    print(f"f({x}, {y}) = {value:.9e}, gradient ({gx:.9e}, {gy:.9e})")

    ends = search(args.starts)
    print(f"the lowest of {len(ends)} descents: f({ends[0][0]:.6f}, {ends[0][1]:.6f}) = {ends[0][2]:.9f}")
    minima = sorted({(round(value, 1), round(x, 1) + 0.0, round(y, 1) + 0.0) for x, y, value in ends})
    print("where the descents ended, the lowest four:")
    for value, x, y in minima[:4]:
        print(f"  {value:8.1f}  at ({x:4.1f}, {y:4.1f})")
    return ends


if __name__ == "__main__":
    main()
