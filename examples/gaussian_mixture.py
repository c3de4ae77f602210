"""A mixture of Gaussians with a Wishart prior, fitted to Fisher's irises by L-BFGS on native gradients.

    python examples/gaussian_mixture.py [--components K] [--starts N] [--output FILE]

The objective is that of ADBench (F. Srajer, Z. Kukelova, A. Fitzgibbon, Optim. Methods Softw. 33, 2018),
written with loops. Component k of a mixture in d dimensions has a weight ∝ exp(alphas[k]), a mean, and an inverse
covariance QᵀQ with Q lower triangular: `icf[k]` holds the logarithms of Q's diagonal, then the columns below
the diagonal. So no parameter is constrained, and log det Q is a sum.

    log posterior = Σ_i logsumexp_k(alphas[k] + tr log Q_k - ‖Q_k (x_i - mean_k)‖² / 2)
                    - n logsumexp(alphas) - n d log(2π) / 2 - penalty

    penalty       = Σ_k (γ² ‖Q_k‖² / 2 - m log det Q_k) - K C,       C normalises the Wishart density

ADBench adds the penalty where a density subtracts it, which makes no difference to a timing of gradients; here
the mixture is really fitted, so it is subtracted.
"""

from __future__ import annotations

import argparse
import itertools
import math

import numpy as np

import llad


def logsumexp(x):
    top = x[0]
    for k in range(1, len(x)):
        top = max(top, x[k])
    total = 0.0
    for k in range(len(x)):
        total += math.exp(x[k] - top)
    return top + math.log(total)


def log_likelihood(alphas, means, icf, x):
    """Of the rows of x: f64[n, d], given alphas: f64[K], means: f64[K, d], icf: f64[K, d (d + 1) / 2]."""
    n = x.shape[0]
    d = x.shape[1]
    scores = np.zeros(len(alphas))
    centred = np.zeros(d)
    scaled = np.zeros(d)
    total = 0.0
    for i in range(n):
        for k in range(len(alphas)):
            log_det = 0.0
            for j in range(d):
                centred[j] = x[i, j] - means[k, j]
                scaled[j] = math.exp(icf[k, j]) * centred[j]
                log_det += icf[k, j]
            below = d
            for column in range(d):
                for row in range(column + 1, d):
                    scaled[row] += icf[k, below] * centred[column]
                    below += 1
            distance = 0.0
            for j in range(d):
                distance += scaled[j] * scaled[j]
            scores[k] = alphas[k] + log_det - 0.5 * distance
        total += logsumexp(scores)
    return total - n * logsumexp(alphas) - 0.5 * n * d * math.log(2.0 * math.pi)


def wishart_penalty(icf, d, gamma, m):
    """Minus the log densities of the inverse covariances, Wishart with d + m + 1 degrees of freedom."""
    degrees = d + m + 1
    log_gamma = 0.25 * d * (d - 1) * math.log(math.pi)
    for j in range(d):
        log_gamma += math.lgamma(0.5 * degrees - 0.5 * j)
    normaliser = degrees * d * (math.log(gamma) - 0.5 * math.log(2.0)) - log_gamma
    total = 0.0
    for k in range(icf.shape[0]):
        squares = 0.0
        log_det = 0.0
        for j in range(icf.shape[1]):
            if j < d:
                squares += math.exp(icf[k, j]) ** 2
                log_det += icf[k, j]
            else:
                squares += icf[k, j] ** 2
        total += 0.5 * gamma * gamma * squares - m * log_det - normaliser
    return total


@llad.jit_grad(argnums=(0, 1, 2))
def log_posterior(alphas, means, icf, x, gamma, m):
    return log_likelihood(alphas, means, icf, x) - wishart_penalty(icf, x.shape[1], gamma, m)


@llad.jit
def assign(alphas, means, icf, x):
    """The likeliest component of each row of x, as floats."""
    best = np.zeros(x.shape[0])
    for i in range(x.shape[0]):
        highest = -math.inf
        for k in range(len(alphas)):
            score = alphas[k]  # the likelihood of a mixture of this one component has no weight in it
            score += log_likelihood(alphas[k : k + 1], means[k : k + 1], icf[k : k + 1], x[i : i + 1])
            if score > highest:
                highest = score
                best[i] = k
    return best


def fit(x: np.ndarray, components: int, gamma: float = 0.1, m: int = 0, seed: int = 0):
    """alphas, means, icf of a local maximum of the posterior, its value, and how many gradients it took."""
    from scipy.optimize import minimize

    d = x.shape[1]
    shapes = [(components,), (components, d), (components, d * (d + 1) // 2)]
    ends = np.cumsum([math.prod(shape) for shape in shapes])

    def unpack(flat):
        parts = np.split(flat, ends[:-1])
        return [part.reshape(shape) for part, shape in zip(parts, shapes, strict=True)]

    def objective(flat):
        value, gradients = log_posterior.value_and_grad(*unpack(flat), x, gamma, m)
        return -value, -np.concatenate([g.ravel() for g in gradients])

    random = np.random.default_rng(seed)
    icf = np.zeros(shapes[2])
    icf[:, :d] = -np.log(x.std(axis=0))
    start = [np.zeros(components), x[random.choice(len(x), components, replace=False)], icf]
    flat = np.concatenate([part.ravel() for part in start])
    best = minimize(objective, flat, jac=True, method="L-BFGS-B", options={"maxiter": 1000})
    return (*unpack(best.x), -float(best.fun), int(best.nfev))


def agreement(found: np.ndarray, species: np.ndarray, components: int) -> float:
    """The share of flowers whose component is their species, under the best naming of the components."""
    counts = np.zeros((components, components), dtype=int)
    np.add.at(counts, (found.astype(int), species), 1)
    names = itertools.permutations(range(components))
    return max(sum(counts[k, name[k]] for k in range(components)) for name in names) / len(species)


def picture(x: np.ndarray, found: np.ndarray, means: np.ndarray, file: str) -> None:
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(layout="constrained", figsize=(6, 4))
    axes.scatter(x[:, 2], x[:, 3], c=found, s=12)
    axes.plot(means[:, 2], means[:, 3], "k+", markersize=12)
    axes.set(xlabel="petal length, cm", ylabel="petal width, cm", title="Irises by likeliest component")
    figure.savefig(file, dpi=120)
    pyplot.close(figure)


def main(argv: list[str] | None = None) -> tuple[float, float]:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--components", type=int, default=3, help="how many Gaussians")
    parser.add_argument("--starts", type=int, default=5, help="random starts, of which the best is kept")
    parser.add_argument("--output", metavar="FILE", help="a picture of the flowers and the means")
    args = parser.parse_args(argv)

    from sklearn.datasets import load_iris

    x, species = load_iris(return_X_y=True)
    fits = [fit(x, args.components, seed=seed) for seed in range(args.starts)]
    alphas, means, icf, value, _ = max(fits, key=lambda one: one[3])
    found = assign(alphas, means, icf, x)
    gradients = sum(one[4] for one in fits)
    print(f"the best log posterior of {args.starts} starts is {value:.4f}; {gradients} gradients were taken")
    weights = np.exp(alphas - alphas.max())
    for weight, mean in zip(weights / weights.sum(), means, strict=True):
        print(f"  weight {weight:.3f}  mean " + " ".join(f"{c:6.3f}" for c in mean))
    share = math.nan
    if args.components == 3:
        share = agreement(found, species, 3)
        print(f"{share:.1%} of the flowers lie in the component of their species")
    if args.output:
        picture(x, found, means, args.output)
        print(f"wrote {args.output}")
    return value, share


if __name__ == "__main__":
    main()
