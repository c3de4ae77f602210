"""Sequences, arrays and loops over them."""
# ruff: noqa

import functools
import itertools
import math

import numpy as np

from language.case import case

A = np.array([0.5, 1.5, 2.0])
M = np.arange(6.0).reshape(2, 3) + 0.5
T = np.arange(24.0).reshape(2, 3, 4)
K = np.array([3, 1, 2])


@case(A)
def enum_start(a):
    s = 0.0
    for i, v in enumerate(a, 2):
        s += i * v
    return s


@case(A, K)
def zip3(a, k):
    s = 0.0
    for i, (v, w) in enumerate(zip(a, k)):
        s += i * v * w
    return s


@case(M)
def rows(m):
    s = 0.0
    for r in m:
        for v in r:
            s += v * v
    return s


@case(T)
def rows3(t):
    for m in t:
        for r in m:
            r *= 2.0
    return t[1, 2, 3]


@case(A)
def rev(a):
    s = 0.0
    for v in reversed(a):
        s = s * 0.5 + v
    return s


@case(M)
def rev_rows(m):
    s = 0.0
    for r in reversed(m):
        s = s * 0.5 + r[1]
    return s


@case(1.5)
def sortedstatic(x):
    s = x
    for v in sorted((3.0, 1.0, 2.0), reverse=True):
        s = s * v + 1
    return s


@case(1.5)
def sortedkey(x):
    s = x
    for v in sorted((-3.0, 1.0, 2.0), key=abs):
        s = s * v + 1
    return s


@case(1.5)
def compr(x):
    v = [x * i for i in range(3)]
    return sum(v)


@case(1.5)
def genexp(x):
    return sum(x * i for i in range(1, 4)) + max(x * i for i in (1, 2))


@case(1.5)
def nested(x):
    return sum(x * i * j for i in range(3) for j in range(i) if i != 2)


@case(M)
def newaxis(m):
    b = m[:, np.newaxis, :]
    c = m[None]
    d = m[..., 0]
    e = m[..., None]
    f = m[1, ...]
    g = m[...]
    return np.sum(b * 2) + c[0, 1, 2] + d[1] + e[1, 2, 0] + f[1] + g[0, 0]


@case(A)
def starindex(a):
    i = (1,)
    return a[*i] if True else 0


@case(A)
def whilearr(a):
    n = len(a)
    s = 0.0
    while n:
        n -= 1
        s += a[n]
    return s


@case(M)
def shapes(m):
    r, c = m.shape
    return m.shape[0] * m.size * m.ndim * r * c * len(m.shape)


@case(1.5)
def itert(x):
    s = 0.0
    for i, j in itertools.product(range(2), range(3)):
        s += x * i * j
    for i, j in itertools.combinations((1, 2, 3), 2):
        s += x * i * j
    for i, v in itertools.chain(((1, 2),), ((3, 4),)):
        s += i * v
    return s


@case(A)
def enumnest(a):
    s = 0.0
    for i, (v, w) in enumerate(zip(a[1:], a)):
        s += i * (v - w)
    return s


@case(1.5)
def reduced(x):
    return functools.reduce(lambda p, q: p * q + 1.0, (x, 2.0, x)) + functools.reduce(lambda p, q: p - q, [x], 3.0)


@case(1.5, 4)
def traced_items(x, n):
    pairs = [(i, x * i) for i in range(3)]
    table = {i: v for i, v in pairs}
    return (
        sum(v for _, v in pairs) + table[2] * len({i % 2 for i, _ in pairs}) + sum([x for _ in pairs if n != 0 or True])
    )


@case(A, 3)
def generators_at_run_time(a, n):
    i = 7.0
    total = sum(a[i] * j * j for i in range(n) if a[i] > 0.7 for j in range(i + 1))
    total += sum(v * w for v, w in zip(a, a[::-1])) + sum((v for v in a), 2.0) + math.prod(v + 1 for v in a)
    if all(v > 0 for v in a) and not any(v > 3 for v in a[1:]):
        total = total * sum(1 for v in a if v > 1)
    return total + i


@case(A)
def nested_generators(a):
    return sum(sum(v * w for w in a if w > v) for v in a)


@case(A, 2)
def recursion_in_a_generator(a, n):
    def f(k):
        return a[0] if k == 0 else sum(f(k - 1) * v for v in a)

    return f(n)


@case(2.0)
def evaluated_once(x):
    pairs = [(x, 2.0), (x, 3.0)]
    return sum(v for v in pairs.pop()) + len(pairs) + len(min("ab", "cde")) + max({1: 2, 3: 4})
