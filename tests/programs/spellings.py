"""Ways of saying it: iteration, comprehensions, walrus, builtins over sequences, ranges as objects."""

import functools
import math

import numpy as np

from programs.case import program


@program(lambda r: (r.uniform(0.5, 1.5, (3, 4)), r.uniform(0.5, 1.5, 4)), second=True)
def rows_and_columns(a, w):
    s = 0.0
    for i, row in enumerate(a, 1):
        for v, u in zip(row, reversed(w), strict=True):
            s += i * v * u * u
        row[1:] *= row[0]
    for row in reversed(a):
        s = s * 0.5 + row[-1]
    return s


@program(lambda r: (r.uniform(0.5, 1.5, 6), 0.7), second=True)
def walrus_in_conditions(x, b):
    i = 0
    s = b
    while (v := x[i] * s) < 2.0:
        s += v * v
        if (i := i + 1) == len(x):
            break
    return s * v if (t := s - b) > 0.1 else t


@program(lambda r: (1.3, 0.4), second=True)
def comprehensions_of_traced_values(x, b):
    powers = [x**k for k in range(4)]
    table = {k: p * b for k, p in enumerate(powers)}
    pairs = [(p, q) for p in powers[1:] for q in table.values()]
    total = sum(p * q for p, q in pairs if p is not None)
    first, *middle, last = powers
    return total + first * last + functools.reduce(lambda p, q: p * q + b, middle) + math.prod(powers)


@program(lambda r: (r.uniform(0.5, 1.5, 5), 0.9), second=True)
def extremes_and_quantifiers(x, b):
    low, high = min(x[0], x[1], b), max((x[2], x[3]), key=lambda v: (v - b) * (v - b))
    s = low * high + max((), default=b)
    if all(x > 0.1) and any(v > b for v in (x[0], x[4])):
        s = s * x[4]
    if not any((s > 1e6, x[1] < 0.0)):
        s += math.dist((s, b), (x[1], x[2]))
    return s + round(s, 2) * 0.0


@program(lambda r: (r.uniform(0.5, 1.5, 7), 5), second=True)
def ranges_as_objects(x, n):
    steps = range(1, n, 2)
    s = x[steps[-1]] * len(steps)
    for k in range(len(x)):
        if k in steps:
            s = s * x[k]
        elif k in range(0, 7, 3):
            s += x[k] * x[k]
    return s * steps[0]


@program(lambda r: (r.uniform(0.5, 1.5, (2, 3)), 2.0), second=True)
def unpacked_arrays(a, b):
    (p, q, r), second = a
    u, v, w = second * b
    first, *rest = (p * u, q * v, r * w)
    i = (1, 2)
    return first * sum(rest) + a[*i] * a[..., None][0, 1, 0] + np.sum(a[:, np.newaxis, 1:] * b)


@program(lambda r: (1.2, 3, True), second=True, f32=False)
def numbers_of_each_kind(x, n, flag):
    q, m = divmod(n * 7, 4)
    s = x * (q - m) + (flag + flag) * x**2 + (n << 2) % 5 * x
    if isinstance(x, float) and type(n) is int and n == 3.0:
        s *= x if flag & (n > 2) else -x
    return s + abs(-n) * x + x * (n // -2) + x**-n + (x > n) * x


@program(lambda r: (np.array([0.6, 1.7, -0.4]), 4), second=True)
def names_of_several_lives(x, n):
    y = n
    y = y * x[0]
    scale = lambda v, by=2.0: v * by * y  # noqa: E731
    for y in x:
        if y < 0.0:
            continue
        y = scale(y)
    z: float = y
    a = b = z * z
    b += a
    del z
    return a * b + scale(x[1], by=3.0)


@program(lambda r: (r.uniform(0.5, 1.5, 5), 4), second=True)
def sums_of_generators(x, n):
    norm = math.sqrt(sum(v * v for v in x))
    pairs = sum(x[i] * x[j] for i in range(n) for j in range(i) if x[i] * x[j] > 0.4)
    if any(v * n > 2.0 for v in x) and all(v < 9.0 for v in x):
        norm = norm * math.prod(1.0 + v / n for v in x[1:])
    return norm * pairs + sum((v * norm for v in x), pairs)
