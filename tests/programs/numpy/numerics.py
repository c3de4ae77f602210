"""Interpolation, integrals, linear algebra."""

import numpy as np

from programs.numpy.example import example


def symmetric(r, n):
    a = r.normal(size=(n, n))
    return a + a.T


@example(
    lambda r, n: (np.sort(r.uniform(0, 1, n + 2)) + np.arange(n + 2), r.normal(size=n + 2), r.uniform(1, n, size=6)),
    step=1e-4,
)
def cubic_spline(x, y, xs):
    n = len(x)
    h = np.diff(x)
    A = np.zeros((n, n))
    A[0, 0] = A[-1, -1] = 1
    i = np.arange(1, n - 1)
    A[i, i - 1] = h[:-1]
    A[i, i] = 2 * (h[:-1] + h[1:])
    A[i, i + 1] = h[1:]
    rhs = np.zeros(n)
    rhs[1:-1] = 3 * np.diff(np.diff(y) / h)
    c = np.linalg.solve(A, rhs)
    b = np.diff(y) / h - h * (2 * c[:-1] + c[1:]) / 3
    d = np.diff(c) / (3 * h)
    k = np.clip(np.searchsorted(x, xs) - 1, 0, n - 2)
    t = xs - x[k]
    return np.sum(y[k] + t * (b[k] + t * (c[k] + t * d[k])))


@example(lambda r, n: (symmetric(r, n), r.normal(size=n)))
def spectral_radius(A, v, iterations=6):
    for _ in range(iterations):
        v = A @ v
        v /= np.linalg.norm(v)
    return v @ A @ v


@example(lambda r, n: (r.normal(size=3), 0.5))
def trapezoid_integral(coefficients, upper):
    x = np.linspace(0, upper, 21)
    y = np.polyval(coefficients, x) * np.exp(-x)
    return np.trapezoid(y, x)


@example(lambda r, n: (r.normal(size=(n, 3)), r.normal(size=(4, 3)), r.normal(size=(5, 3)), r.normal(size=(n, 4, 5))))
def tensor_decomposition(A, B, C, T):
    model = np.einsum("ir,jr,kr->ijk", A, B, C)
    return 0.5 * np.sum((T - model) ** 2) + np.einsum("ir,ir", A, A)


@example(lambda r, n: (r.normal(size=(3, n)), r.uniform(0.1, 1.0, size=3), r.uniform(0.1, 1.0, size=n)))
def sinkhorn(cost, a, b, eps=0.5, iterations=5):
    a = a / a.sum()
    b = b / b.sum()
    K = np.exp(-np.abs(cost) / eps)
    u = np.ones_like(a)
    for _ in range(iterations):
        v = b / (K.T @ u)
        u = a / (K @ v)
    plan = u[:, None] * K * v[None, :]
    return (plan * np.abs(cost)).sum()


@example(lambda r, n: (r.normal(size=n), r.uniform(-1, 1, size=2 * n)))
def chebyshev_series(c, x):
    T = [np.ones_like(x), x]
    for _ in range(2, 5):
        T.append(2 * x * T[-1] - T[-2])
    return np.sum((np.array(T[:4]).T @ c[:4]) ** 2)


@example(lambda r, n: (r.normal(size=2 * n), r.normal(size=2 * n)))
def centred_kernel_alignment(x, y):
    n = x.shape[0]
    K = np.exp(-(np.subtract.outer(x, x) ** 2))
    L = np.exp(-(np.subtract.outer(y, y) ** 2))
    H = np.eye(n) - np.ones((n, n)) / n
    Kc, Lc = H @ K @ H, H @ L @ H
    return np.vdot(Kc, Lc) / (np.linalg.norm(Kc) * np.linalg.norm(Lc))
