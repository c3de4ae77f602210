"""Trip counts: zero, backwards, triangular, dependent on data."""

import math

import numpy as np

from programs.case import program


@program(lambda r: (1.3, 0), second=True)
def zero_trips(x, n):
    s = x
    for i in range(n):
        s = s * x + i
    return s * s


@program(lambda r: (r.normal(size=4), 0))
def zero_inner_trips(x, n):
    s = 0.0
    for i in range(len(x)):
        p = x[i]
        for j in range(n, 0):
            p *= x[j]
        s += p * p
    return s


@program(lambda r: (r.normal(size=0), 0.4))
def empty_array(x, a):
    s = a
    for i in range(len(x)):
        s *= x[i]
    return s + np.sum(x) + a * a


@program(lambda r: (r.normal(size=6), 0.5), second=True)
def backwards(c, x):
    s = 0.0
    for i in range(len(c) - 1, -1, -1):
        s = s * x + c[i]
    return s


@program(lambda r: (r.normal(size=7),))
def strides_of_range(x):
    s = 0.0
    for i in range(1, len(x), 3):
        s += x[i] * x[i - 1]
    for i in range(len(x) - 1, 0, -2):
        s *= 1.0 + 0.1 * x[i]
    return s


@program(lambda r: (r.normal(size=(4, 4)),), second=True)
def triangle(a):
    s = 0.0
    for i in range(len(a)):
        t = 1.0
        for j in range(i):
            t *= a[i, j]
            for k in range(j, i):
                t += a[j, k] * a[k, j]
        s += t * t
    return s


@program(lambda r: (r.uniform(0.2, 1.0, 5), np.array([3, 0, 1, 5, 2])))
def trips_from_array(x, counts):
    s = 0.0
    for i in range(len(x)):
        p = 1.0
        for _ in range(counts[i]):
            p *= x[i]
        s += p
    return s


@program(lambda r: (7.3,), f32=False, second=True)
def newton_sqrt(a):
    x = a
    while abs(x * x - a) > 1e-10:
        x = 0.5 * (x + a / x)
    return x


@program(lambda r: (0.1, 2.3, 2.1), step=1e-5, f32=False)
def bisection(lo, hi, target):
    for _ in range(6):
        mid = 0.5 * (lo + hi)
        if mid * mid * mid > target:
            hi = mid
        else:
            lo = mid
    return 0.5 * (lo + hi)


@program(lambda r: (1.2, 11))
def collatz(x, n):
    steps = 0
    while n != 1:
        if n % 2 == 0:
            n = n // 2
            x = math.sin(x) + 0.4
        else:
            n = 3 * n + 1
            x = x * 0.9 + 0.2
        steps += 1
    return x * steps


@program(lambda r: (0.37, 1.2), second=True)
def while_on_floats(x, a):
    n = 0
    while x < 50.0:
        x = x * x + a
        n += 1
    return math.log(x) * n


@program(lambda r: (0.6,))
def while_never(x):
    while x > 1.0:
        x = x * 0.5
    return x * x


@program(lambda r: (0.9, 3.0, 20))
def while_two_conditions(x, bound, most):
    k = 0
    s = x
    while s < bound and k < most:
        s += x * math.cos(s)
        k += 1
    return s * x


@program(lambda r: (0.8, 9), f32=False)
def series_to_tolerance(x, digits):
    tolerance = 10.0**-digits
    term = x
    s = x
    k = 1
    while abs(term) > tolerance:
        term = -term * x * x / ((2 * k) * (2 * k + 1))
        s += term
        k += 1
    return s


@program(lambda r: (r.uniform(0.5, 2.0, 4),), f32=False)
def newton_of_each(x):
    s = 0.0
    for i in range(len(x)):
        y = 1.0
        while abs(y * y * y - x[i]) > 1e-9:
            y = y - (y * y * y - x[i]) / (3.0 * y * y)
        s += y * x[i]
    return s
