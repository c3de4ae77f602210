"""Rosenbrock's valley by gradient descent, and Newton's method by differentiating twice.

    python examples/rosenbrock.py [--size N] [--steps N]

The valley is a function of an array, written with a loop; `value_and_grad` returns the value and a new array.
Newton's method needs the second derivative of x⁴ - 2x²: `llad.grad` of `llad.grad`, inside a compiled loop.
"""

from __future__ import annotations

import argparse
import time

import numpy as np

import llad


@llad.jit_grad
def rosenbrock(x):
    total = 0.0
    for i in range(len(x) - 1):
        total += 100.0 * (x[i + 1] - x[i] ** 2) ** 2 + (1.0 - x[i]) ** 2
    return total


def descend(x: np.ndarray, steps: int) -> np.ndarray:
    """The point after gradient descent with momentum (Nesterov 1983).

    A fixed step must stay below about 1 over the largest curvature, which at the minimum is 1000 in two
    variables and 1800 in many; the floor of the valley is 2500 times flatter, so it takes momentum.
    """
    step = 5e-4
    previous = x
    for k in range(steps):
        ahead = x + (k / (k + 3)) * (x - previous)
        gradient = rosenbrock.grad(ahead)
        previous, x = x, ahead - step * gradient
        if gradient.dot(x - previous) > 0.0:  # uphill: forget the speed
            previous = x
    return x


def quartic(x):
    return x**4 - 2.0 * x**2


@llad.jit
def newton(x, steps):
    """Newton's iteration for a point where quartic' = 4x³ - 4x is 0; quartic'' = 12x² - 4."""
    for _ in range(steps):
        x = x - llad.grad(quartic)(x) / llad.grad(llad.grad(quartic))(x)
    return x


def main(argv: list[str] | None = None) -> tuple[np.ndarray, list[float]]:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", type=int, default=2, help="how many variables")
    parser.add_argument("--steps", type=int, default=5_000, help="how many steps of gradient descent")
    args = parser.parse_args(argv)

    start = np.where(np.arange(args.size) % 2 == 0, -1.2, 1.0)
    rosenbrock.grad(start)  # compiles, so that what is timed next is the descent
    begin = time.perf_counter()
    end = descend(start, args.steps)
    seconds = time.perf_counter() - begin
    print(f"Rosenbrock in {args.size} variables, from f = {rosenbrock(start):.3f}")
    print(f"  {args.steps} steps in {seconds * 1e3:.0f} ms: f = {rosenbrock(end):.3e}")
    print(f"  farthest from the minimum (1, …, 1): {np.abs(end - 1.0).max():.3e}")

    print("Newton on x⁴ - 2x², minima at ±1, a maximum at 0")
    roots = []
    for x in (2.0, -2.0, 0.3):
        path = [newton(x, steps) for steps in range(6)]
        roots.append(newton(x, 20))
        print("  " + " → ".join(f"{p:.6f}" for p in path) + f" … {roots[-1] + 0.0:.12f}")
    return end, roots


if __name__ == "__main__":
    main()
