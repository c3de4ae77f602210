"""Functions with `yield`."""
# ruff: noqa

import itertools

import numpy as np

from language.case import case

A = np.array([0.5, 1.5, -2.0, 0.25])
M = np.arange(6.0).reshape(2, 3) + 0.5


def powers(x, n):
    for k in range(n):
        yield k, x**k


def euler(y, h, n):
    for i in range(n):
        yield i * h, y
        y = y - h * y * y


def states(u, n):
    for _ in range(n):
        u = u + 0.1 * np.sin(u)
        yield u


def halves(x):
    while abs(x) > 0.1:
        yield x
        x = 0.5 * x


def pairs(n):
    for i in range(n):
        for j in range(i):
            yield i, j


def few(a):
    yield a[0]
    yield a[1] * 2.0


def until(a, n):
    for k, v in enumerate(a):
        if k == n:
            return
        yield v


def leaves(tree):
    if isinstance(tree, (list, tuple)):
        for part in tree:
            yield from leaves(part)
    else:
        yield tree


def rows(m):
    for i in range(len(m)):
        yield m[i]


@case(0.5, 6)
def consumed(x, n):
    total = sum(v / (k + 1) for k, v in powers(x, n)) + max(halves(3.0 * x)) + len(list(powers(x, n)))
    return total + sum(sorted(halves(x))) + sum([v * k for k, v in powers(x, 3)])


@case(A, 1.5, 7)
def gone_over(a, y, n):
    total = 0.0
    for t, v in euler(y, 0.1, n):
        total += t * v
    for u in states(a, n):
        total += np.sum(u * u)
    for u in states(a, 3):
        total += u[0] * u[1]
    for v in halves(y):
        if v < 0.5:
            continue
        total = total * 0.5 + v
    for i, j in pairs(len(a)):
        total += a[i] * a[j]
    return total


@case(A, M)
def of_known_length(a, m):
    first, second = few(a)
    total = first * second + sum(v * i for i, v in enumerate(few(a), 1))
    total += sum(v * w for v, w in zip(few(a), few(a[::-1])))
    for v in few(a):
        total = total * v
    seen = []
    for r in rows(m):
        seen.append(r @ r)
    for v, w in itertools.pairwise(leaves([a[0], (a[1], [a[2], first])])):
        total += v * w
    return total + sum(seen)


@case(A, 2)
def left_early(a, n):
    for k, v in powers(a[1], n + 1):
        if v > 2.0:
            return v * sum(until(a, k))
    return sum(until(a, n)) + any(v > 1.0 for _, v in powers(a[1], 3)) * a[0]


def both(a):
    yield from a
    yield from (v * v for v in a)
    yield from few(a)
    yield 1.0


@case(A, 1.5)
def inside_and_of_others(a, x):
    scale = x * 2.0

    def scaled(values):
        for v in values:
            yield v * scale

    def nested():
        for v in a:
            for w in halves(v):
                yield v * w

    total = sum(both(a)) + sum(nested())
    for v in scaled(a):
        total += v * v
    out = np.zeros(4)
    for k in range(3):
        for i, v in enumerate(scaled(a * k)):
            out[i] += v
    return total + out @ out


class Path:
    def __init__(self, points, step):
        self.points, self.step = points, step

    def __iter__(self):
        for p in self.points:
            yield p * self.step

    def weighted(self):
        for k, p in enumerate(self):
            yield k, p


@case(A, 0.5)
def methods(a, x):
    path, total = Path(a, x), 0.0
    for v in path:
        total += v * v
    return total + sum(path) + sum(k * p for k, p in path.weighted())
