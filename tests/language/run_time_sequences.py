"""Builtins over arrays and lists of run-time length, and functions of `math` on run-time integers."""
# ruff: noqa

import collections
import functools
import itertools
import math
import operator

import numpy as np

from language.case import case

A = np.array([0.5, 1.5, 2.0, -0.7])
K = np.array([3, 1, 2, 1])


@case(A)
def reduced(a):
    return functools.reduce(lambda s, v: s * v + 1, a) + functools.reduce(operator.mul, [v * v for v in a], 2.0)


@case(A)
def extreme_by_a_key(a):
    return max(a, key=lambda v: v * (1 - v)) * min(a, key=abs) + max([v - 1 for v in a], key=lambda v: -v)


@case(A)
def extreme_or_a_default(a):
    grown = []
    for v in a:
        if v > 1:
            grown.append(v * v)
    there = max(a, default=9.0) * min(grown, default=7.0) + max(a, key=abs, default=5.0)
    none = max((v for v in a if v > 100), default=-1.0) * min(a[4:], default=3) + min(a[:0], key=abs, default=0.25)
    return there * none + max(map(abs, a), default=0.0), min((i for i in range(len(a)) if a[i] < 0), default=-1)


@case(A)
def in_order(a):
    x, y = sorted(a), sorted([v * v for v in a], reverse=True)
    return x[0] * 5 + x[1] * y[1] + x[-1] * y[3] ** 2 + len(x)


@case(A, K)
def in_the_order_of_keys(a, k):
    up = sorted(k, key=lambda v: v % 2)
    down = sorted(k, key=lambda v: v % 2, reverse=True)
    by = sorted(a, key=lambda v: v * v, reverse=True)
    return up[0] + 10 * up[1] + 100 * up[3] + 1000 * down[0] + 10000 * down[3] + by[0] * by[1] + by[3]


@case(A, K)
def in_the_order_of_tuples(a, k):
    pairs = sorted(zip(k, a))
    back = sorted([(v % 2, w, i) for i, (v, w) in enumerate(zip(k, a))], reverse=True)
    by = sorted(a, key=lambda v: (v > 1, -v))
    far = sorted(zip(k, a), key=lambda p: (p[0], -p[1]), reverse=True)
    grown = []
    for v, w in zip(k, a):
        grown.append((w, v))
    grown.sort(key=lambda p: (p[1], p[0]))
    found = pairs[0][1] * pairs[1][1] + back[0][1] * back[1][1] + far[1][1] + 10 * far[3][1] + 100 * grown[0][0]
    return found * 1.0, by[0] * by[1], by[2] * by[3], [back[k][2] for k in range(4)], pairs[1][0], grown[1][0] * far[0][1]


@case(0.5, -2.0, 3)
def few_in_order(x, y, n):
    low, middle, high = sorted((x, y, n))
    by = sorted([(x, 1), (y, 2), (x * y, 3)], key=lambda p: -p[0])
    nearest = sorted([[x, 2.0], [y, 1.0], [0.5, 4.0]], key=lambda p: (p[0] > 0, p[1]), reverse=True)
    made = sorted([x, y])
    made.append(7.0)
    return (high - middle) / low, by[0], nearest[0][1], made, sorted(range(3), key=lambda k: (x, y, n)[k])[0]


@case(A)
def arrays_of_known_length(a):
    u = np.array([a[1], a[0], a[3]])
    total = functools.reduce(lambda s, v: 2 * s + v, u) + functools.reduce(operator.mul, u, 3.0)
    pairs = [x * y for x, y in itertools.permutations(u, 2)]
    joined = sum(i * v for i, v in enumerate(itertools.chain(u, [a[2]], u[:2])))
    up, down = sorted(u), sorted(u, key=lambda v: -v)
    return total, sum(pairs[1:4]), joined, max(u, key=abs), up[0] * up[1], down[0] - up[0], min(u, default=1.0) * pairs[0]


@case(A, K)
def as_lists(a, k):
    total = 0.0
    for v in a.tolist():
        total += v * v
    return total * k.tolist()[0] + sum(v for v, big in zip(a.tolist(), (a > 1).tolist()) if big)


@case(12, 18)
def divisors(n, m):
    return math.gcd(n, m), math.gcd(-n, m, 4), math.lcm(n, m), math.gcd(n - 12, m), math.lcm(n, 0), math.gcd(n)


@case(30, 13)
def counts(n, k):
    return math.comb(n, k), math.comb(n + 32, 31), math.comb(k, n), math.perm(k, 4), math.factorial(k), math.perm(k)


@case(5)
def one_known(n):
    return math.comb(n, 2), math.comb(7, n), math.factorial(n - 5), math.perm(n, 2)


@case(-2.75)
def parts_of_a_float(x):
    part, whole = math.modf(x)
    return part * part + x * whole


@case(-2.0, 0.25, -0.25, 1e300)
def further_parts(x, y, z, w):
    return math.modf(x), math.modf(y), math.modf(z), math.modf(w), math.modf(-y * 0.0), math.modf(math.inf * y)


@case(A, 3)
def accumulated(a, n):
    total = sum(itertools.accumulate(a)) + len(list(itertools.accumulate(a[:0])))
    for k, v in enumerate(itertools.accumulate([v * v for v in a], lambda s, v: s * 0.5 + v, initial=a[1])):
        total += k * v
    known = list(itertools.accumulate([a[0], 2.0, n], operator.mul))
    return total + known[-1] * known[1] + np.sum(np.array(list(itertools.accumulate(range(n)))) * a[:n])


@case(A)
def spread_over_a_maximum(a):
    return max(*a) * min(*[v * v for v in a], 0.1) + max(*a[:1], 0.2, a[1] * 0.1)


Point = collections.namedtuple("Point", "x y")
SECOND = operator.itemgetter(1)


@case(A, 3)
def got_by_key(a, n):
    rows = [(v * v, v, k) for k, v in enumerate(a)]
    points = [Point(a[k], a[k + 1] * k) for k in range(3)]
    best = max(rows, key=operator.itemgetter(0))
    x, z = operator.itemgetter(0, 2)(rows[n - 1])
    total = SECOND(best) * best[2] + x * z + min(points, key=operator.attrgetter("y")).x + SECOND(a)
    return total + sum(map(operator.attrgetter("x"), points)) + sum(itertools.starmap(lambda u, v: u * v, zip(a, a[::-1])))


@np.vectorize
def wave(x, y):
    return x * y if x > 0 else y


@np.vectorize
def series(v):
    s = 0.0
    for k in range(3):
        s = s * v + k
    return s


@case(A, A.reshape(2, 2) + 0.1)
def vectorised(a, m):
    square, both = np.vectorize(lambda v: v * v if v > 0 else 0.0), np.vectorize(lambda u, v=2: (u * v, u + 1))
    p, q = both(m)
    signs = np.vectorize(lambda v: v > 0.6)(a)
    none = np.vectorize(series, otypes=[float])(m[:0])
    total = np.sum(square(a) * wave(a, 2.0)) + np.sum(wave(m, m[0]) * series(m.T)) + np.sum(p * q) + np.sum(none)
    return float(total + np.sum(np.where(signs, a, 0.0)) + np.vectorize(series, otypes=[float])(m[0, 0])) + none.shape[1]
