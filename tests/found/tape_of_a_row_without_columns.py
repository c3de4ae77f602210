"""finished: nobody stored what a row without columns would have needed, and its product was computed all the same.

Only what is seen of it may not be undefined.
"""

import math

import numpy as np


def f(x, y, m, a, b, n, k):
    s = 0.1
    w = np.zeros(2 * len(x))
    for j in range(len(x) - 1):
        for i in range(j):
            w[i] -= math.exp(-abs(x[i] * y[i]))
        for i in range(min(j + 4, len(x))):
            c = 0.0
            for l in range(m.shape[1] - i):
                c += m[i, l] * x[i]
            s += c * 0.1
    return s + np.sum(w * 0.5)


ARGUMENTS = (
    np.array([0.7, -0.3, 0.4, -1.1, 0.2]),
    np.array([-1.0, -0.5, 0.9, 0.3, 1.2]),
    np.array([[-0.5, -0.2, 0.1], [0.3, 0.8, -0.4], [1.1, -0.6, 0.5], [0.2, 0.7, -0.9], [0.4, 0.1, 0.6]]),
    0.5, 0.5, 2, np.array([0, 0]),
)  # fmt: skip
