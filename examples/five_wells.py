"""The five wells of Pavlyukevich: which one does a descent from each point fall into?

    python examples/five_wells.py [--size N] [--output FILE]

`llad.demo.five_wells` is the potential on which Pavlyukevich tried Lévy flights (J. Comput. Phys. 226, 2007).
Here a whole descent is compiled: `llad.grad` stands inside the traced loop, so that one native call takes a
point to the bottom of its well, and another paints the basins of all points of a grid.
"""

from __future__ import annotations

import argparse
import math

import numpy as np

import llad
from llad.demo import five_wells


def settle(x, y, steps):
    """Where gradient descent by Armijo's rule ends; its steps are at most half a unit long."""
    step = 1.0
    for _ in range(steps):
        value, (gx, gy) = llad.value_and_grad(five_wells, (0, 1))(x, y)
        slope = math.hypot(gx, gy)
        if slope < 1e-7:
            break
        step = min(2.0 * step, 0.5 / slope)
        while five_wells(x - step * gx, y - step * gy) > value - 0.1 * step * slope**2 and step > 1e-9:
            step *= 0.5
        x -= step * gx
        y -= step * gy
    return x, y


descend = llad.jit(settle)


@llad.jit
def basins(side, bottoms, steps):
    """For each point of the grid side × side, the row of `bottoms` nearest to where it settles."""
    image = np.zeros((len(side), len(side)))
    for row in range(len(side)):
        for column in range(len(side)):
            x, y = settle(side[column], side[row], steps)
            nearest = 0
            least = 1e300
            for k in range(len(bottoms)):
                distance = (x - bottoms[k, 0]) ** 2 + (y - bottoms[k, 1]) ** 2
                if distance < least:
                    least = distance
                    nearest = k
            image[row, column] = nearest
    return image


# Where the formula puts the wells; their bottoms lie close by.
CENTRES = ((0.0, 10.0), (10.0, 0.0), (-10.0, 0.0), (5.0, -10.0), (-5.0, -10.0))


def bottoms() -> np.ndarray:
    """The five local minima, one a row, deepest first."""
    points = [descend(x, y, 2_000) for x, y in CENTRES]
    return np.array(sorted(points, key=lambda point: five_wells(*point)))


def picture(side: np.ndarray, image: np.ndarray, wells: np.ndarray, file: str) -> None:
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(layout="constrained", figsize=(6, 6))
    axes.imshow(image, extent=(side[0], side[-1], side[0], side[-1]), origin="lower", cmap="Pastel1", vmax=8)
    height = [[five_wells(float(x), float(y)) for x in side] for y in side]
    axes.contour(side, side, height, levels=20, colors="grey", linewidths=0.5)
    axes.plot(wells[:, 0], wells[:, 1], "k+")
    axes.set_title("The well into which a descent falls")
    figure.savefig(file, dpi=120)
    pyplot.close(figure)


def main(argv: list[str] | None = None) -> tuple[np.ndarray, np.ndarray]:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", type=int, default=100, help="points along each side of the grid")
    parser.add_argument("--output", metavar="FILE", help="a picture of the basins")
    args = parser.parse_args(argv)

    wells = bottoms()
    side = np.linspace(-15.0, 15.0, args.size)
    image = basins(side, wells, 500)
    print("the wells, deepest first, and the part of [-15, 15]² that falls into each:")
    for k, (x, y) in enumerate(wells):
        share = np.mean(image == k)
        print(f"  f({x:9.6f}, {y:10.6f}) = {five_wells(x, y):.9f}   {share:6.1%}")
    if args.output:
        picture(side, image, wells, args.output)
        print(f"wrote {args.output}")
    return wells, image


if __name__ == "__main__":
    main()
