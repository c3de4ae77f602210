"""What a branch guards: divisions, logarithms, infinities, zeros, ties."""

import math

import numpy as np

from programs.case import program


@program(
    lambda r: (np.array([0.0, 0.5, -2.0, 0.0, 4.0]),),
    exact=(np.array([0.0, -14.0, -0.875, 0.0, -0.21875]),),
    second=True,
)
def guarded_reciprocal(x):
    s = 0.0
    for i in range(len(x)):
        if x[i] != 0.0:
            s += 1.0 / x[i]
    return s * s


@program(lambda r: (0.0, np.array([1.0, 2.0, 3.0])), exact=(0.0, np.array([2.0, 4.0, 6.0])))
def guarded_invariant_reciprocal(a, x):
    s = 0.0
    for i in range(len(x)):
        if a != 0.0:
            s += x[i] / a
        else:
            s += x[i] * x[i]
    return s


@program(lambda r: (np.array([-1.0, 0.0, 0.5, 2.0]),), exact=(np.array([1.0, 1.0, 2.0, 0.5]),))
def guarded_log(x):
    s = 0.0
    for v in x:
        s += math.log(v) if v > 0.0 else v
    return s


@program(lambda r: (-0.5, 2.0), second=True)
def guarded_sqrt_chain(x, y):
    if x > 0.0 and math.sqrt(x) < y:
        return math.sqrt(x) * y
    return x * y


@program(lambda r: (np.array([0.0, 2.0, 0.0, 3.0]), r.normal(size=4)), second=True)
def products_with_zero(x, w):
    s = 0.0
    for i in range(len(x)):
        p = w[i]
        for j in range(len(x)):
            if j != i:
                p *= x[j] + 0.0 * w[j]
        s += p
    return s + x[0] * x[2] * w[0]


@program(lambda r: (0.0, 1.5))
def power_products(x, y):
    return x * x * y + x**2 * math.exp(y) + y**3 + x * math.sin(y)


@program(lambda r: (1.0, 0.7))
def saturated(x, a):
    big = math.exp(-1000.0 * x)
    return math.tanh(1000.0 * x) * a + big + math.erf(30.0 * x) * a * a


@program(lambda r: (np.array([0.5, -0.5, 2.0, -3.0]), 0.1))
def leaky(x, slope):
    s = 0.0
    for i in range(len(x)):
        s += max(x[i], 0.0) + slope * min(x[i], 0.0)
        s += abs(x[i]) * slope
    return s


@program(lambda r: (r.normal(size=6), 0.2, 0.7))
def clamped(x, lo, hi):
    s = 0.0
    for i in range(len(x)):
        c = min(max(x[i], lo), hi)
        s += c * c * (i + 1)
    return s


@program(lambda r: (0.3, 0.6, 0.9))
def chained_comparison(x, y, z):
    if 0.0 < x < y <= z < 1.0:
        s = x * y
    elif not x < y:
        s = y * z
    else:
        s = z * x
    if x < y or z > 100.0:
        s = s * x if x < 0.5 < z else s * z
    return s


@program(lambda r: (r.normal(size=6),))
def huber(x):
    s = 0.0
    for i in range(len(x)):
        r = abs(x[i])
        s += 0.5 * r * r if r < 1.0 else r - 0.5
    return s


@program(lambda r: (2.0, 2.0, 3.0), exact=(24.0, 12.0, 8.0))
def branch_on_equality(x, y, a):
    if x == 2.0:
        x = x * x * a
    if y != 2.0:
        y = y * a
    return x * y


@program(lambda r: (0.7, 1.0e200, 1.0e200), f32=False)
def untaken_overflow(x, a, b):
    huge = a * b if x > 1.0 else x
    return huge * x


@program(lambda r: (r.uniform(0.5, 2.0, 5),))
def minimum_of_candidates(x):
    best = x[0] * x[0]
    for i in range(1, len(x)):
        candidate = x[i] * x[i - 1]
        if candidate < best:
            best = candidate
    return best + max(x[0], x[1], x[2])


@program(lambda r: (1.3, -0.4))
def normalised_angle(x, y):
    r = math.sqrt(x * x + y * y)
    if r < 1e-12:
        return 0.0
    a = math.atan2(y, x)
    if a < 0.0:
        a += 2.0 * math.pi
    return a * r
