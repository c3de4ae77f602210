"""Losses of linear models and of robust ones."""

import numpy as np

from programs.numpy.example import example


def design(r, n, p=3):
    return r.normal(size=(2 * n, p))


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


@example(lambda r, n: (r.normal(size=3), design(r, n), r.integers(0, 2, 2 * n), 0.1))
def logistic_regression(w, X, y, lam):
    p = sigmoid(X.dot(w))
    return -(y * np.log(p) + (1 - y) * np.log(1 - p)).mean() + 0.5 * lam * (w**2).sum()


@example(lambda r, n: (r.normal(size=(3, 4)), r.normal(size=4), design(r, n), r.integers(0, 4, 2 * n)))
def softmax_regression(W, b, X, labels):
    scores = X @ W + b
    scores -= scores.max(axis=1, keepdims=True)
    log_probs = scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))
    return -np.mean(log_probs[np.arange(len(labels)), labels])


@example(lambda r, n: (r.normal(size=3), design(r, n), r.normal(size=2 * n), 0.3))
def ridge(w, X, y, alpha):
    residuals = y - X @ w
    return residuals @ residuals + alpha * np.linalg.norm(w) ** 2


@example(lambda r, n: (r.normal(size=3), design(r, n), 3.0 * r.normal(size=2 * n)), step=1e-4)
def huber(w, X, y, delta=1.0):
    r = np.abs(X @ w - y)
    quadratic = np.minimum(r, delta)
    linear = r - quadratic
    return np.sum(0.5 * quadratic**2 + delta * linear)


@example(lambda r, n: (r.normal(size=3), design(r, n), r.normal(size=2 * n)), step=1e-4)
def quantile(w, X, y, tau=0.9):
    e = y - X @ w
    return np.mean(np.maximum(tau * e, (tau - 1) * e))


@example(lambda r, n: (r.normal(size=3) / 3, design(r, n), r.poisson(2.0, 2 * n)))
def poisson_regression(beta, X, counts):
    eta = X @ beta
    return np.sum(np.exp(eta) - counts * eta)


@example(lambda r, n: (r.normal(size=3), design(r, n), r.choice([-1.0, 1.0], 2 * n)), step=1e-4)
def hinge(w, X, y, C=2.0):
    margins = 1 - y * (X @ w)
    margins[margins < 0] = 0
    return 0.5 * np.dot(w, w) + C * np.sum(margins)


@example(lambda r, n: (r.normal(size=(2, 3)), r.normal(size=(n, 2)), r.random((n, 3)) < 0.7, r.normal(size=(n, 3))))
def masked_factorisation(V, U, observed, ratings):
    error = (ratings - U @ V)[observed]
    return (error**2).sum() / observed.sum() + 0.01 * (np.sum(U**2) + np.sum(V**2))
