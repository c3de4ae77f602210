"""Items that run-time indices choose, and names that take the rest of an array."""
# ruff: noqa

import operator

import numpy as np

from language.case import case

A = np.array([0.5, 1.5, 2.0, -0.7])
M = np.arange(12.0).reshape(4, 3) / 7 + 0.5
W = [1.0, 2, 4.0]
PAIRS = [[0.5, 1.0], [2.0, 3.0], [0.25, 4.0]]
MATRICES = (np.eye(3), np.arange(9.0).reshape(3, 3))


@case(A)
def rest_behind(a):
    *beta, scale = a
    return scale * beta[0] + len(beta) + sum(beta)


@case(A)
def rest_between(a):
    first, *rest, last = a
    a[1] = 3.0
    return first * np.sum(rest) * last + np.dot(rest, rest)


@case(M)
def rest_of_rows(m):
    first, *rest, last = m
    m[1, 0] = 7.0
    rest[0][1] *= 2
    return float(first @ rest[0] + sum(r @ last for r in rest) + np.sum(m))


@case(A)
def rest_of_lists(a):
    x, *y = [v * v for v in a]
    p, q, *r = [u * 2 for u in y]
    return x * sum(y) + p * q + sum(r)


@case(A[:1])
def rest_of_nothing(a):
    x, *y = a
    return x + sum(y) + len(y)


@case(A)
def rest_in_a_loop(a):
    total = 0.0
    for i in range(len(a) - 1):
        x, *y = a[i:]
        total += x * y[0] * len(y)
    return total


@case(A)
def rest_of_a_known_length(a):
    beta = np.zeros(3)
    beta[0], beta[1] = a[0], a[1] * a[2]
    *b, s = beta
    b.append(2.0)
    return sum(b) * s + b[1]


@case(0.5, 2)
def numbers(x, n):
    return W[n] * x + W[-n] * x * x + W[n // 2] + (n, 2 * n)[n - 1] * x


@case(0.5, 3)
def numbers_at_run_time(x, n):
    w = (x, x * x, 4.0)
    total = 0.0
    for i in range(n):
        total += w[i] * w[i]
    return total


@case(A, np.array([0, 2, 1, 1]))
def lists(a, k):
    total = 0.0
    for v, i in zip(a, k):
        total += v * PAIRS[i][1] + PAIRS[i][k[0]]
        low, high = PAIRS[i - 1]
        total += low * high * v
    return total


@case(A[:3], 1)
def arrays(a, k):
    v = MATRICES[k] @ a
    layers = [MATRICES[0] * a[0], MATRICES[1] * a[1]]
    layers[k][0, 0] = a[2]
    return float(v @ MATRICES[1 - k] @ a + np.sum(layers[1] * layers[0]) + layers[k - 1][0, 0])


@case(A, 1)
def structures(a, k):
    bodies = [{"m": 1.0, "r": a[0]}, {"m": 2.0, "r": a[1]}]
    body = bodies[k]
    return body["m"] * body["r"] ** 2


@case(0.5, 2)
def in_a_while(x, n):
    powers = [x, x**2, x**3, x**4]
    i = 0
    while i < n:
        x += powers[i + 1] * powers[-1 - i]
        i += 1
    return x


@case(0.5)
def in_a_loop_that_is_known(x):
    total = 0.0
    for i in range(40):
        total += W[i % 3] * x**i
    return total


@case(A, M, 1)
def by_functions(a, m, k):
    return operator.matmul(a, a) + operator.getitem(a, k) * operator.getitem(W, k) + np.sum(operator.matmul(a, m))
