"""Names that change places: swaps, ping-pong buffers, permutations."""

import math

import numpy as np

from programs.case import program


@program(lambda r: (r.normal(size=6), 5), second=True, f32=False)
def ping_pong(u, steps):
    a = u.copy()
    b = np.zeros(len(u))
    for _ in range(steps):
        for i in range(len(u)):
            left = a[i - 1] if i > 0 else 0.0
            right = a[i + 1] if i + 1 < len(u) else 0.0
            b[i] = a[i] + 0.2 * (left - 2.0 * a[i] + right) + 0.1 * a[i] * a[i]
        a, b = b, a
    return np.sum(a * a)


@program(lambda r: (0.3, 0.8, 7))
def fibonacci(a, b, n):
    for _ in range(n):
        a, b = b, math.sin(a) + b
    return a * b


@program(lambda r: (r.normal(size=6),), second=True)
def conditional_scalar_swap(x):
    lo, hi = x[0], x[1]
    for i in range(2, len(x)):
        if lo > hi:
            lo, hi = hi, lo
        lo = lo + 0.5 * x[i] * hi
    return lo * hi


@program(lambda r: (r.normal(size=5),), f32=False)
def conditional_buffer_swap(x):
    a = x.copy()
    b = x * 2.0
    for i in range(len(x)):
        if a[i] < 0.3:
            a, b = b, a
        a[i] = a[i] * b[i]
        b[0] += a[i]
    return np.sum(a) + 2.0 * np.sum(b)


@program(lambda r: (r.normal(size=4), 4), f32=False)
def three_buffers(x, n):
    a = x.copy()
    b = x * x
    c = np.zeros(len(x))
    for k in range(n):
        for i in range(len(x)):
            c[i] = a[i] * b[i] + 0.1 * k
        a, b, c = b, c, a
    return np.sum(a * b) + np.sum(c)


@program(lambda r: (r.normal(size=5), np.arange(1.0, 6.0)), second=True)
def bubble_sort(x, w):
    n = len(x)
    for i in range(n):
        for j in range(n - 1 - i):
            if x[j] > x[j + 1]:
                x[j], x[j + 1] = x[j + 1], x[j]
    s = 0.0
    for i in range(n):
        s += w[i] * x[i] * x[i]
    return s


@program(lambda r: (r.normal(size=5), 6))
def trial_accepted(x, n):
    best = x.copy()
    cost = np.sum(best * best)
    for k in range(n):
        trial = best * (1.1 - 0.05 * k * k)
        c = np.sum(trial * trial)
        if c < cost + 0.1:
            best = trial
            cost = c
    return cost + np.sum(best)


@program(lambda r: (r.normal(size=6),))
def reversed_in_place(x):
    i, j = 0, len(x) - 1
    while i < j:
        x[i], x[j] = x[j] * 2.0, x[i]
        i += 1
        j -= 1
    s = 0.0
    for k in range(len(x)):
        s += (k + 1) * x[k] ** 2
    return s


@program(lambda r: (r.normal(size=(3, 4)), np.array([2, 0, 1])))
def rows_permuted(a, p):
    s = 0.0
    row = a[0]
    for i in range(len(p)):
        previous = row
        row = a[p[i]]
        s += np.dot(row, previous) * (i + 1)
    return s


@program(lambda r: (r.normal(size=4), r.normal(size=4)), second=True)
def read_first_here_then_there(x, y):
    """The iterations are independent, and each reads the array that the one before hands on."""
    s = 0.0
    u = x * y
    for i in range(len(x)):
        s += math.sin(u[i]) * i
        u = x
        for j in range(len(y)):
            s += math.cos(u[j]) * i
            u = y
        u = x
    return s
