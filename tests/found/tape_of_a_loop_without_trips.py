"""The bound of an inner loop was moved before the outer one; where that made no trip, nothing sized a tape there."""

import numpy as np


def f(x, y, m, a, b, n, k):
    for _ in range(1, n):
        for _ in range(n % 2, 0, -1):
            x[1] -= x[2] * b
    return x[1]


ARGUMENTS = (np.array([1.1, 0.2]), np.array([-1.0, -0.5]), np.array([[-0.5, -0.2]]), 0.5, 0.5, 0, np.array([0, 0]))
