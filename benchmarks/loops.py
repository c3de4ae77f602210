"""Objectives as plain loops, for `benchmarks`: what the functions of benchmarks/reference compute.

Where an example has the same objective, that one is timed, and what one shares is taken from it.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from examples.gaussian_mixture import logsumexp
from examples.predator_prey import runge_kutta


def mixture(alphas: Any, means: Any, q: Any, l: Any, x: Any) -> Any:
    """Σ_i logsumexp_k(alphas[k] + Σ q[k] - |Q_k (x_i - means[k])|² / 2).

    The diagonal of the lower triangular Q_k is exp(q[k]), and l[k] holds the columns below it.
    """
    d = x.shape[1]
    scores = np.zeros(len(alphas))
    centred = np.zeros(d)
    scaled = np.zeros(d)
    total = 0.0
    for i in range(x.shape[0]):
        for k in range(len(alphas)):
            log_det = 0.0
            for j in range(d):
                centred[j] = x[i, j] - means[k, j]
                scaled[j] = math.exp(q[k, j]) * centred[j]
                log_det += q[k, j]
            below = 0
            for column in range(d):
                for row in range(column + 1, d):
                    scaled[row] += l[k, below] * centred[column]
                    below += 1
            distance = 0.0
            for j in range(d):
                distance += scaled[j] * scaled[j]
            scores[k] = alphas[k] + log_det - 0.5 * distance
        total += logsumexp(scores)
    return total


def normal_cdf(x: Any) -> Any:
    return 0.5 * math.erfc(-x / math.sqrt(2.0))


def black_scholes(spot: Any, strike: Any, time: Any, sigma: Any, rate: Any) -> Any:
    """The price of calls, summed."""
    total = 0.0
    for i in range(len(spot)):
        spread = sigma[i] * math.sqrt(time[i])
        up = (math.log(spot[i] / strike[i]) + rate * time[i]) / spread + 0.5 * spread
        down = up - spread
        total += spot[i] * normal_cdf(up) - strike[i] * math.exp(-rate * time[i]) * normal_cdf(down)
    return total


def heat(start: Any, target: Any, alpha: Any, steps: Any) -> Any:
    """Half the squared distance to the target after so many explicit steps, on cells with zeros around them."""
    n = start.shape[0]
    m = start.shape[1]
    u = np.zeros((n + 2, m + 2))
    new = np.zeros((n + 2, m + 2))
    for i in range(n):
        for j in range(m):
            u[i + 1, j + 1] = start[i, j]
    for _ in range(steps):
        for i in range(1, n + 1):
            for j in range(1, m + 1):
                flow = u[i - 1, j] + u[i + 1, j] + u[i, j - 1] + u[i, j + 1] - 4.0 * u[i, j]
                new[i, j] = u[i, j] + alpha * flow
        u, new = new, u
    total = 0.0
    for i in range(n):
        for j in range(m):
            total += (u[i + 1, j + 1] - target[i, j]) ** 2
    return 0.5 * total


def brusselator(u0: Any, v0: Any, a: Any, b: Any, du: Any, dv: Any, h: Any, steps: Any) -> Any:
    """Σ u² + v² after so many of Euler's steps of length h, on a ring of cells."""
    n = len(u0)
    u = u0.copy()
    v = v0.copy()
    new_u = np.zeros(n)
    new_v = np.zeros(n)
    for _ in range(steps):
        for i in range(n):
            left = i - 1 if i > 0 else n - 1
            right = i + 1 if i < n - 1 else 0
            reaction = u[i] * u[i] * v[i]
            new_u[i] = u[i] + h * (a + reaction - (b + 1.0) * u[i] + du * (u[left] + u[right] - 2.0 * u[i]))
            new_v[i] = v[i] + h * (b * u[i] - reaction + dv * (v[left] + v[right] - 2.0 * v[i]))
        u, new_u = new_u, u
        v, new_v = new_v, v
    total = 0.0
    for i in range(n):
        total += u[i] * u[i] + v[i] * v[i]
    return total


def lotka_volterra(rates: Any, start: Any, h: Any, steps: Any) -> Any:
    """x² + y² of hares and lynxes after so many classical Runge-Kutta steps of length h."""
    x = start[0]
    y = start[1]
    for _ in range(steps):
        x, y = runge_kutta(x, y, h, rates[0], rates[1], rates[2], rates[3])
    return x * x + y * y


def k_means(points: Any, centres: Any) -> Any:
    """The squared distances from each point to its nearest centre, summed."""
    total = 0.0
    for i in range(points.shape[0]):
        nearest = math.inf
        for k in range(centres.shape[0]):
            square = 0.0
            for j in range(points.shape[1]):
                apart = points[i, j] - centres[k, j]
                square += apart * apart
            nearest = min(nearest, square)
        total += nearest
    return total


def newton_sqrt(a: Any) -> Any:
    x = 0.5 * (1.0 + a)
    while abs(x * x - a) > 1e-13 * a:
        x = 0.5 * (x + a / x)
    return x
