"""A loop hands an array that has no derivative on to where it may be one that has: there was no shadow to go along."""

import numpy as np


def g(x, y, m, n):
    while True:
        if n:
            break
        if n != n:
            return x, np.zeros(1)
    return m[0], y


def f(x, y, m, a, b, n, k):
    return np.sum(g(x, y, m, n)[1])


ARGUMENTS = (np.array([-0.6]), np.array([0.7]), np.array([[-1.5]]), 0.5, 0.5, 1, np.array([0]))
