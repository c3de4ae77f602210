"""The reverse ops before a fused loop at the top were moved before one inside a rerun iteration, out of scope."""

import numpy as np


def f(x, y, m, a, b, n, k):
    for _ in range(len(x), 0, 2):
        for _ in range(len(x)):
            a += 1
        b *= 1
    return a + b + np.dot(x, x)


ARGUMENTS = (np.array([0.1, -1.1]), np.array([1.5, 0.6]), np.array([[0.0, 1.2]]), 0.5, 0.5, 0, np.array([0, 0]))
