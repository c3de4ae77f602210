"""The examples' objectives as cases for `benchmarks.gradients`, each also in array style and, where short, by hand."""

from __future__ import annotations

import importlib
import math
from typing import Any

import numpy as np

from benchmarks.peers import Case
from examples import digits, gaussian_mixture, goldstein_price, linear_regression, predator_prey, rosenbrock
from llad.demo import five_wells


def cases() -> list[Case]:
    """All cases, with data drawn from fixed seeds: nothing but NumPy is needed to make them."""
    random = np.random.default_rng(0)
    return [
        Case("five wells", five_wells, (0.5, -0.5), (0, 1), scalars(five_wells)),
        Case(
            "goldstein price",
            goldstein_price.goldstein_price,
            (2.5, 3.5),
            (0, 1),
            scalars(goldstein_price.goldstein_price),
        ),
        Case(
            "rosenbrock n=1000",
            rosenbrock.rosenbrock,
            (random.uniform(-1.0, 1.0, 1000),),
            (0,),
            rosenbrock_arrays,
            by_hand=rosenbrock_by_hand,
        ),
        Case(
            "regression n=10000",
            linear_regression.squared_error,
            (1.0, 0.5, *linear_regression.measurements(10_000)),
            (0, 1),
            regression_arrays,
            by_hand=regression_by_hand,
        ),
        Case("digits batch=32", digits.loss, perceptron(random), (0, 1, 2, 3), digits_arrays),
        Case(
            "predator prey",
            predator_prey.misfit,
            (np.log(predator_prey.GUESS), predator_prey.HARE, predator_prey.LYNX, 10),
            (0,),
            predator_prey_arrays,
            jax=predator_prey_jax,
        ),
        Case("mixture n=1000 d=5 K=5", gaussian_mixture.log_posterior, mixture(random), (0, 1, 2), mixture_arrays),
    ]


def scalars(function: Any) -> Any:
    """A function of scalars is the same in every package."""
    return lambda _, *args: function.py_func(*args)


def perceptron(random: np.random.Generator) -> tuple[Any, ...]:
    images = random.uniform(-1.0, 1.0, (1437, 64))
    labels = random.integers(0, 10, 1437)
    return (*digits.initial(48), images, labels, random.permutation(1437)[:32], 1e-3)


def mixture(random: np.random.Generator, n: int = 1000, d: int = 5, k: int = 5) -> tuple[Any, ...]:
    sizes = ((k,), (k, d), (k, d * (d + 1) // 2), (n, d))
    return (*(random.normal(size=size) for size in sizes), 1.0, 0)


# -- array style: `np` is jax.numpy or autograd.numpy


def rosenbrock_arrays(np: Any, x: Any) -> Any:
    return np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)


def regression_arrays(np: Any, slope: Any, intercept: Any, x: Any, y: Any) -> Any:
    return np.mean((slope * x + intercept - y) ** 2)


def logsumexp(np: Any, x: Any) -> Any:
    """Over the last axis."""
    top = np.max(x, axis=-1, keepdims=True)
    return np.log(np.sum(np.exp(x - top), axis=-1)) + top[..., 0]


def digits_arrays(
    np: Any, w1: Any, b1: Any, w2: Any, b2: Any, images: Any, labels: Any, batch: Any, decay: Any
) -> Any:
    hidden = np.tanh(images[batch] @ w1.T + b1)
    scores = hidden @ w2.T + b2
    right = scores[np.arange(len(batch)), labels[batch]]
    return np.mean(logsumexp(np, scores) - right) + 0.5 * decay * (np.sum(w1**2) + np.sum(w2**2))


def predator_prey_arrays(np: Any, log_parameters: Any, hare: Any, lynx: Any, steps: int) -> Any:
    alpha, beta, gamma, delta, u, v = (np.exp(log_parameters[k]) for k in range(6))
    total = 0.0
    for year in range(len(hare)):
        if year > 0:
            for _ in range(steps):
                u, v = predator_prey.runge_kutta(u, v, 1.0 / steps, alpha, beta, gamma, delta)
        total = total + (np.log(u) - np.log(hare[year])) ** 2 + (np.log(v) - np.log(lynx[year])) ** 2
    return total


def predator_prey_jax(np: Any, log_parameters: Any, hare: Any, lynx: Any, steps: int) -> Any:
    """The same with `lax.scan`, as JAX unrolls Python's loops."""
    lax = importlib.import_module("jax.lax")
    *parameters, u, v = (np.exp(log_parameters[k]) for k in range(6))

    def step(state: Any, _: Any) -> Any:
        return predator_prey.runge_kutta(*state, 1.0 / steps, *parameters), None

    def year(state: Any, _: Any) -> Any:
        after, _ = lax.scan(step, state, None, length=steps)
        return after, state

    _, (us, vs) = lax.scan(year, (u, v), None, length=len(hare))
    return np.sum((np.log(us) - np.log(hare)) ** 2 + (np.log(vs) - np.log(lynx)) ** 2)


def mixture_arrays(np: Any, alphas: Any, means: Any, icf: Any, x: Any, gamma: Any, m: int) -> Any:
    n, d = x.shape
    k = len(alphas)
    log_dets = np.sum(icf[:, :d], axis=1)
    data = np.sum(logsumexp(np, mixture_scores(np, alphas, means, icf, x)))
    data = data - n * logsumexp(np, alphas) - 0.5 * n * d * math.log(2 * math.pi)
    squares = np.sum(np.exp(icf[:, :d]) ** 2) + np.sum(icf[:, d:] ** 2)
    degrees = d + m + 1
    log_gamma = 0.25 * d * (d - 1) * math.log(math.pi)
    log_gamma += sum(math.lgamma(0.5 * degrees - 0.5 * j) for j in range(d))
    normaliser = degrees * d * (np.log(gamma) - 0.5 * math.log(2.0)) - log_gamma
    return data - (0.5 * gamma**2 * squares - m * np.sum(log_dets) - k * normaliser)


def mixture_scores(np: Any, alphas: Any, means: Any, icf: Any, x: Any) -> Any:
    """The log densities of the rows of x in each component, f64[n, k], without what they have in common."""
    d = x.shape[1]
    place, below = lower_triangle(d)
    diagonal = np.exp(icf[:, :d])
    q = icf[:, place] * below + diagonal[:, :, None] * np.eye(d)
    scaled = np.einsum("kij,nkj->nki", q, x[:, None, :] - means[None, :, :])
    return alphas + np.sum(icf[:, :d], axis=1) - 0.5 * np.sum(scaled**2, axis=2)


def lower_triangle(d: int) -> tuple[Any, Any]:
    """For a d × d matrix whose columns below the diagonal follow its diagonal: each entry's place, and a mask."""
    place = np.zeros((d, d), dtype=np.int64)
    place.T[np.triu_indices(d, 1)] = np.arange(d, d * (d + 1) // 2)
    return place, np.tril(np.ones((d, d)), -1)


# -- gradients by hand, for Numba


def rosenbrock_by_hand(x: Any) -> Any:
    gradient = np.zeros(len(x))
    for i in range(len(x) - 1):
        rise = x[i + 1] - x[i] ** 2
        gradient[i] += -400.0 * rise * x[i] - 2.0 * (1.0 - x[i])
        gradient[i + 1] += 200.0 * rise
    return gradient


def regression_by_hand(slope: Any, intercept: Any, x: Any, y: Any) -> Any:
    by_slope = 0.0
    by_intercept = 0.0
    for i in range(len(x)):
        residual = slope * x[i] + intercept - y[i]
        by_slope += residual * x[i]
        by_intercept += residual
    return 2.0 * by_slope / len(x), 2.0 * by_intercept / len(x)
