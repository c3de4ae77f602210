"""Lynx and hare: the Lotka-Volterra equations fitted to the furs of the Hudson's Bay Company, 1900 to 1920.

    python examples/predator_prey.py [--steps N] [--output FILE]

Hares u multiply and are eaten, lynxes v starve and eat:

    u' = (α - β v) u        v' = (δ u - γ) v

The solver is a classical Runge-Kutta step in a loop; the misfit is the sum of squared differences of
logarithms at the years counted (a log-normal error). Differentiating it by α, β, γ, δ and the populations of
1900 means running the loop backwards through every Runge-Kutta step, which is llad's work and not ours.

Data: pelts in thousands from the records of the Hudson's Bay Company (C. G. Hewitt, The Conservation of the Wild
Life of Canada, 1921; C. S. Elton and M. Nicholson, J. Anim. Ecol. 11, 1942), as tabulated by P. Howard, Modeling
Basics (2009), and fitted with the same model by B. Carpenter, Predator-Prey Population Dynamics: the
Lotka-Volterra model in Stan (2018), who finds α 0.55, β 0.028, γ 0.80, δ 0.024.
"""

from __future__ import annotations

import argparse
import math

import numpy as np

import llad

YEARS = np.arange(1900, 1921)
HARE = np.array(
    [30, 47.2, 70.2, 77.4, 36.3, 20.6, 18.1, 21.4, 22, 25.4, 27.1,
     40.3, 57, 76.6, 52.3, 19.5, 11.2, 7.6, 14.6, 16.2, 24.7]
)  # fmt: skip
LYNX = np.array(
    [4, 6.1, 9.8, 35.2, 59.4, 41.7, 19, 13, 8.3, 9.1, 7.4,
     8, 12.3, 19.5, 45.7, 51.1, 29.7, 15.8, 9.7, 10.1, 8.6]
)  # fmt: skip

NAMES = ("α", "β", "γ", "δ", "hares in 1900", "lynxes in 1900")
GUESS = np.array([0.5, 0.02, 1.0, 0.02, 30.0, 4.0])


def rates(u, v, alpha, beta, gamma, delta):
    return (alpha - beta * v) * u, (delta * u - gamma) * v


def runge_kutta(u, v, h, alpha, beta, gamma, delta):
    """One classical step of length h."""
    u1, v1 = rates(u, v, alpha, beta, gamma, delta)
    u2, v2 = rates(u + 0.5 * h * u1, v + 0.5 * h * v1, alpha, beta, gamma, delta)
    u3, v3 = rates(u + 0.5 * h * u2, v + 0.5 * h * v2, alpha, beta, gamma, delta)
    u4, v4 = rates(u + h * u3, v + h * v3, alpha, beta, gamma, delta)
    return u + h / 6.0 * (u1 + 2.0 * u2 + 2.0 * u3 + u4), v + h / 6.0 * (v1 + 2.0 * v2 + 2.0 * v3 + v4)


@llad.jit_grad(argnums=0)
def misfit(log_parameters, hare, lynx, steps):
    """Sum over the years of squared log differences. Parameters come as logarithms and so stay positive."""
    alpha = math.exp(log_parameters[0])
    beta = math.exp(log_parameters[1])
    gamma = math.exp(log_parameters[2])
    delta = math.exp(log_parameters[3])
    u = math.exp(log_parameters[4])
    v = math.exp(log_parameters[5])
    total = 0.0
    for year in range(len(hare)):
        if year > 0:
            for _ in range(steps):
                u, v = runge_kutta(u, v, 1.0 / steps, alpha, beta, gamma, delta)
        total += (math.log(u) - math.log(hare[year])) ** 2 + (math.log(v) - math.log(lynx[year])) ** 2
    return total


@llad.jit
def populations(parameters, years, steps):
    """Hares and lynxes every 1/steps of a year: f64[years * steps + 1, 2]."""
    path = np.zeros((years * steps + 1, 2))
    u = parameters[4]
    v = parameters[5]
    path[0, 0] = u
    path[0, 1] = v
    for i in range(years * steps):
        u, v = runge_kutta(u, v, 1.0 / steps, parameters[0], parameters[1], parameters[2], parameters[3])
        path[i + 1, 0] = u
        path[i + 1, 1] = v
    return path


def fit(steps: int) -> tuple[np.ndarray, float]:
    """The best parameters and their misfit, by SciPy's BFGS with the native gradient."""
    from scipy.optimize import minimize

    best = minimize(misfit.value_and_grad, np.log(GUESS), args=(HARE, LYNX, steps), jac=True, method="BFGS")
    return np.exp(best.x), float(best.fun)


def picture(parameters: np.ndarray, steps: int, file: str) -> None:
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    path = populations(parameters, len(YEARS) - 1, steps)
    time = YEARS[0] + np.arange(len(path)) / steps
    figure, axes = pyplot.subplots(layout="constrained", figsize=(8, 4))
    for column, (counts, name) in enumerate(((HARE, "hare"), (LYNX, "lynx"))):
        (line,) = axes.plot(time, path[:, column], label=f"{name}, model")
        axes.plot(YEARS, counts, "o", color=line.get_color(), label=f"{name}, counted")
    axes.set_ylabel("pelts, thousands")
    axes.set_xticks(YEARS[::4])
    axes.legend()
    figure.savefig(file, dpi=120)
    pyplot.close(figure)


def main(argv: list[str] | None = None) -> tuple[np.ndarray, float]:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=50, help="Runge-Kutta steps a year")
    parser.add_argument("--output", metavar="FILE", help="a picture of the counts and the fitted curves")
    args = parser.parse_args(argv)

    before = misfit(np.log(GUESS), HARE, LYNX, args.steps)
    parameters, after = fit(args.steps)
    print(f"misfit {before:.4f} → {after:.4f}")
    for name, value in zip(NAMES, parameters, strict=True):
        print(f"  {name:15} {value:.4f}")
    spread = math.sqrt(after / (2 * len(YEARS)))
    print(f"the counts scatter about the curves by a factor of {math.exp(spread):.2f} (one standard deviation)")
    if args.output:
        picture(parameters, args.steps, args.output)
        print(f"wrote {args.output}")
    return parameters, after


if __name__ == "__main__":
    main()
