"""Differences were taken with a table of indices that the call before had written: each call wants its own."""

import numpy as np


def f(x, y, m, a, b, n, k):
    x[k[-1]], y[k[1]] = y[k[1]], x[k[-1]]
    k[-1] = n % 3
    return a + b + 0.7 * x[-3] + 1.3 * y[-1]


ARGUMENTS = (
    np.array([1.3, 1.5, -0.6]),
    np.array([0.6, 0.2, -1.3]),
    np.array([[1.4, 1.5, -1.0], [0.6, 0.2, -0.6]]),
    -1.0,
    0.2,
    1,
    np.array([1, 0, 0]),
)
