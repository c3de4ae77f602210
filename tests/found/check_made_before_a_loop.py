"""A check that is made before a loop leaves unwritten what the loop would have written, and this is no failure."""

import numpy as np


def f(x, y, m, a, b, n, k):
    for _ in range(n):
        y[1] = 0
        a += m[3, 0]
    return a


ARGUMENTS = (
    np.array([0.4, 0.1]),
    np.array([0.2, 0.1]),
    np.array([[0.0, 1.3], [-1.2, -0.2], [1.0, -0.3]]),
    0.5,
    0.5,
    1,
    np.array([0, 0]),
)
