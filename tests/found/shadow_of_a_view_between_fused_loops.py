"""A fused loop used the shadow of a view of what an earlier fused loop had a shadow made for: it was made too late."""

import numpy as np


def f(x, y, m, a, b, n, k):
    m[0] *= y
    y[:] = 0
    x = m[0]
    v = x[::-1]
    return np.dot(v, v)


ARGUMENTS = (np.array([0.4, -1.1]), np.array([-1.2, -1.3]), np.array([[1.1, 0.1]]), 0.5, 0.5, 0, np.array([0, 0]))
