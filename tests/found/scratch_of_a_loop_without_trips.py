"""Scratch was allocated before a loop that makes no trip, with an extent that has a value in its body only."""

import numpy as np


def f(x, y, m, a, b, n, k):
    for _ in range(int(1.5 / abs(y[n])), 2):
        for _ in range(n, n % 2, 1):
            b -= 0 / max(k[0], abs(b))
    for i in range(n):
        w = np.zeros(n - 1)
        w[:] = x[i] * b
        a += np.sum(w)
    return b + a


ARGUMENTS = (
    np.array([0.2, -1.3, 0.5]),
    np.array([-0.3, 0.6, 0.4]),
    np.array([[-1.4, 1.3, -1.3], [-0.6, -1.3, -0.2]]),
    0.5,
    0.5,
    0,
    np.array([0, 0, 0]),
)
