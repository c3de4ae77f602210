"""Values and gradients of the problems as one writes them by hand, with loops, for Numba.

Each takes what the objective takes and returns the value and the derivatives, by the formulas that a person finds:
what the value has computed is used again, and what is simple is not taken apart. They are not tuned to a machine.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np


def log_sum_exp(x: Any) -> Any:
    top = x[0]
    for k in range(1, len(x)):
        top = max(top, x[k])
    gradient = np.empty(len(x))
    total = 0.0
    for k in range(len(x)):
        gradient[k] = math.exp(x[k] - top)
        total += gradient[k]
    for k in range(len(x)):
        gradient[k] /= total
    return top + math.log(total), gradient


def rosenbrock(x: Any) -> Any:
    gradient = np.zeros(len(x))
    total = 0.0
    for i in range(len(x) - 1):
        rise = x[i + 1] - x[i] ** 2
        total += 100.0 * rise**2 + (1.0 - x[i]) ** 2
        gradient[i] += -400.0 * rise * x[i] - 2.0 * (1.0 - x[i])
        gradient[i + 1] += 200.0 * rise
    return total, gradient


def regression(slope: Any, intercept: Any, x: Any, y: Any) -> Any:
    total = 0.0
    by_slope = 0.0
    by_intercept = 0.0
    for i in range(len(x)):
        residual = slope * x[i] + intercept - y[i]
        total += residual * residual
        by_slope += residual * x[i]
        by_intercept += residual
    return total / len(x), 2.0 * by_slope / len(x), 2.0 * by_intercept / len(x)


def mixture(alphas: Any, means: Any, q: Any, l: Any, x: Any) -> Any:
    n, d = x.shape
    count = len(alphas)
    by_alphas, by_means, by_q, by_l = np.zeros(count), np.zeros((count, d)), np.zeros(q.shape), np.zeros(l.shape)
    diagonal = np.exp(q)
    log_det = np.sum(q, axis=1)
    centred, scaled = np.zeros((count, d)), np.zeros((count, d))
    scores, slope = np.zeros(count), np.zeros(d)
    total = 0.0
    for i in range(n):
        for k in range(count):
            for j in range(d):
                centred[k, j] = x[i, j] - means[k, j]
                scaled[k, j] = diagonal[k, j] * centred[k, j]
            below = 0
            for column in range(d):
                for row in range(column + 1, d):
                    scaled[k, row] += l[k, below] * centred[k, column]
                    below += 1
            distance = 0.0
            for j in range(d):
                distance += scaled[k, j] ** 2
            scores[k] = alphas[k] + log_det[k] - 0.5 * distance
        top = np.max(scores)
        partition = 0.0
        for k in range(count):
            scores[k] = math.exp(scores[k] - top)
            partition += scores[k]
        total += top + math.log(partition)
        for k in range(count):
            share = scores[k] / partition
            by_alphas[k] += share
            for j in range(d):
                slope[j] = -share * scaled[k, j] * diagonal[k, j]
                by_q[k, j] += share + slope[j] * centred[k, j]
            below = 0
            for column in range(d):
                for row in range(column + 1, d):
                    by_l[k, below] -= share * scaled[k, row] * centred[k, column]
                    slope[column] -= share * scaled[k, row] * l[k, below]
                    below += 1
            for j in range(d):
                by_means[k, j] -= slope[j]
    return total, by_alphas, by_means, by_q, by_l


def n_body(r: Any, m: Any, gravity: Any, softening: Any) -> Any:
    gradient = np.zeros(r.shape)
    energy = 0.0
    for i in range(len(m)):
        for j in range(i + 1, len(m)):
            x, y, z = r[i, 0] - r[j, 0], r[i, 1] - r[j, 1], r[i, 2] - r[j, 2]
            square = softening * softening + x * x + y * y + z * z
            pair = gravity * m[i] * m[j] / math.sqrt(square)
            energy -= pair
            pull = pair / square
            gradient[i, 0] += pull * x
            gradient[i, 1] += pull * y
            gradient[i, 2] += pull * z
            gradient[j, 0] -= pull * x
            gradient[j, 1] -= pull * y
            gradient[j, 2] -= pull * z
    return energy, gradient


def black_scholes(spot: Any, strike: Any, time: Any, sigma: Any, rate: Any) -> Any:
    """What traders call delta, the derivative by the strike, theta, vega and rho."""
    n = len(spot)
    delta, by_strike, theta, vega, rho = np.empty(n), np.empty(n), np.empty(n), np.empty(n), 0.0
    total = 0.0
    for i in range(n):
        root = math.sqrt(time[i])
        spread = sigma[i] * root
        up = (math.log(spot[i] / strike[i]) + rate * time[i]) / spread + 0.5 * spread
        likely_up = 0.5 * math.erfc(-up / math.sqrt(2.0))
        likely_down = 0.5 * math.erfc((spread - up) / math.sqrt(2.0))
        discount = math.exp(-rate * time[i])
        due = strike[i] * discount * likely_down
        dense = spot[i] * math.exp(-0.5 * up * up) / math.sqrt(2.0 * math.pi)
        total += spot[i] * likely_up - due
        delta[i] = likely_up
        by_strike[i] = -discount * likely_down
        theta[i] = 0.5 * dense * sigma[i] / root + rate * due
        vega[i] = dense * root
        rho += time[i] * due
    return total, delta, by_strike, theta, vega, rho


def k_means(points: Any, centres: Any) -> Any:
    gradient = np.zeros(centres.shape)
    total = 0.0
    for i in range(points.shape[0]):
        least = 0
        nearest = 0.0
        for k in range(centres.shape[0]):
            square = 0.0
            for j in range(points.shape[1]):
                square += (points[i, j] - centres[k, j]) ** 2
            if k == 0 or square < nearest:
                nearest, least = square, k
        total += nearest
        for j in range(points.shape[1]):
            gradient[least, j] -= 2.0 * (points[i, j] - centres[least, j])
    return total, gradient


def newton_sqrt(a: Any) -> Any:
    """The root's derivative is known, however it was found."""
    x = 0.5 * (1.0 + a)
    while abs(x * x - a) > 1e-13 * a:
        x = 0.5 * (x + a / x)
    return x, 0.5 / x


def perceptron(w1: Any, b1: Any, w2: Any, b2: Any, images: Any, labels: Any, batch: Any, decay: Any) -> Any:
    by_w1, by_b1, by_w2, by_b2 = decay * w1, np.zeros(len(b1)), decay * w2, np.zeros(len(b2))
    hidden, scores = np.zeros(len(b1)), np.zeros(len(b2))
    total = 0.0
    for n in range(len(batch)):
        pixels = images[batch[n]]
        for j in range(len(b1)):
            hidden[j] = b1[j]
            for i in range(len(pixels)):
                hidden[j] += w1[j, i] * pixels[i]
            hidden[j] = math.tanh(hidden[j])
        for k in range(len(b2)):
            scores[k] = b2[k]
            for j in range(len(b1)):
                scores[k] += w2[k, j] * hidden[j]
        label = labels[batch[n]]
        top = np.max(scores)
        right = scores[label]
        partition = 0.0
        for k in range(len(b2)):
            scores[k] = math.exp(scores[k] - top)
            partition += scores[k]
        total += math.log(partition) + top - right
        for k in range(len(b2)):
            scores[k] = (scores[k] / partition - (1.0 if k == label else 0.0)) / len(batch)
            by_b2[k] += scores[k]
        for j in range(len(b1)):
            slope = 0.0
            for k in range(len(b2)):
                by_w2[k, j] += scores[k] * hidden[j]
                slope += scores[k] * w2[k, j]
            slope *= 1.0 - hidden[j] * hidden[j]
            by_b1[j] += slope
            for i in range(len(pixels)):
                by_w1[j, i] += slope * pixels[i]
    penalty = np.sum(w1 * w1) + np.sum(w2 * w2)
    return total / len(batch) + 0.5 * decay * penalty, by_w1, by_b1, by_w2, by_b2
