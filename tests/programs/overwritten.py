"""Values overwritten before the reverse sweep reads them."""

import math

import numpy as np

from programs.case import program


@program(lambda r: (r.normal(size=5),), second=True)
def square_in_place(x):
    y = x.copy()
    for i in range(len(y)):
        y[i] = y[i] * y[i]
    s = 0.0
    for i in range(len(y)):
        s += y[i] * x[i]
    return s


@program(lambda r: (r.normal(size=5), 1.7), second=True)
def scale_argument(x, a):
    x *= a
    return np.sum(x * x * x)


@program(lambda r: (r.normal(size=4), 5), second=True)
def repeated_in_place(x, n):
    y = x.copy()
    for _ in range(n):
        for i in range(len(y)):
            y[i] = math.sin(y[i]) * y[i] + 0.5
    return np.sum(y)


@program(lambda r: (r.uniform(0.5, 1.5, 5),))
def accumulate_into_first(x):
    for i in range(1, len(x)):
        x[0] *= x[i]
    return x[0]


@program(lambda r: (r.normal(size=4), r.uniform(1.0, 2.0, size=4)))
def chain_of_updates(x, w):
    y = x.copy()
    y *= w
    y += y
    y -= 0.25 * w
    y /= 1.0 + y * y
    return np.sum(y * w)


@program(lambda r: (r.normal(size=5),), second=True)
def overwritten_by_constant(x):
    s = 0.0
    for i in range(len(x)):
        s += x[i] * x[i]
        x[i] = 0.0
        s += 3.0 * x[i]
        x[i] = 1.0
    return s * x[0]


@program(lambda r: (0.7, 6), second=True)
def logistic_map(x, n):
    for _ in range(n):
        x = 3.1 * x * (1.0 - x)
    return x


@program(lambda r: (r.normal(size=(3, 4)), r.normal(size=4)))
def row_of_argument(a, b):
    a[1] = b * b
    a[2, 1:3] = a[1, 1:3] * a[0, 1:3]
    return np.sum(a * a)


@program(lambda r: (r.normal(size=6),))
def smooth_in_place(x):
    for i in range(1, len(x)):
        x[i] = 0.5 * x[i] + 0.5 * x[i - 1] * x[i]
    s = 0.0
    for v in x:
        s += v * v
    return s


@program(lambda r: (r.normal(size=4), 0.3))
def overwritten_scalar(x, a):
    t = a
    s = 0.0
    for i in range(len(x)):
        t = t * x[i]
        s += math.exp(t)
        t = s * a
    return t


@program(lambda r: (r.normal(size=4),))
def written_after_use_in_condition(x):
    s = 0.0
    for i in range(len(x)):
        if x[i] > 0.0:
            x[i] = -x[i] * x[i]
        s += math.tanh(x[i])
    return s


@program(lambda r: (r.normal(size=(4, 4)), r.normal(size=4)), second=True)
def triangle_of_rows_of_their_own(a, w):
    """The rows are independent, but each keeps as many numbers as it is long."""
    n = len(w)
    t = np.zeros((n, n))
    s = 0.0
    for k in range(2):
        v = 0.0
        for i in range(n):
            for j in range(i + 1):
                t[i, j] = w[i] * (k + 1)
            for j in range(i + 1):
                v += t[i, j] * a[i, j]
        for i in range(n):
            for j in range(n):
                t[i, j] = v
        s += v
    return s


@program(lambda r: (r.normal(size=(4, 4)), r.normal(size=4)))
def rows_of_their_own_left_early(a, w):
    n = len(w)
    t = np.zeros((n, n))
    s = 0.0
    for i in range(n):
        for j in range(n):
            t[i, j] = w[i] * w[j]
    for i in range(n):
        for j in range(n):
            s += t[i, j] * a[i, j]
            if a[i, j] > 0.5:
                break
        j = 0
        while j < n and a[i, j] < 0.7:
            s -= t[i, j] * a[i, j] * 0.5
            j += 1
    for i in range(n):
        for j in range(n):
            t[i, j] = s
    return s + t[0, 1]
