"""Integers beside floats: counters that become floats, //, %, **, flags, bits."""

import math

import numpy as np

from programs.case import program


@program(lambda r: (r.normal(size=5),))
def counter_becomes_float(x):
    s = 0
    for i in range(len(x)):
        s += x[i] * i
    return s * s


@program(lambda r: (r.normal(size=5), 0.5))
def integer_then_float(x, a):
    t = 1
    for i in range(len(x)):
        if x[i] > 0.0:
            t = t * x[i] + a
        else:
            t = 2
    return t * a


@program(lambda r: (0.8, 5))
def product_of_ints(x, n):
    k = 1
    s = 0.0
    for i in range(1, n + 1):
        k = k * i
        s += x**i / k
    return s


@program(lambda r: (1.3, 17, 5))
def integer_arithmetic(x, m, n):
    q = m // n
    r = m % n
    e = (-m) // n + (-m) % n
    p = n**2 - 2**r
    return x * q + x * x * r + math.sin(x) * e + x / p


@program(lambda r: (1.3, 2))
def powers(x, n):
    return x**n + x**-1 + x**0.5 + 2.0**x + (-x) ** 3 + x**0


@program(lambda r: (5.5, 2.0))
def float_floor_division(x, y):
    return (x // y) * x + (x % y) * y + math.fmod(x, y)


@program(lambda r: (-5.7, 2.2))
def float_modulo_of_negative(x, y):
    return (x % y) * x + (-x % y) + (x % -y) * y


@program(lambda r: (r.normal(size=8), 3))
def counted_average(x, least):
    n = 0
    s = 0.0
    for i in range(len(x)):
        if x[i] > -0.5:
            s += x[i] * x[i]
            n += 1
    if n < least:
        return 0.0
    return s / n


@program(lambda r: (r.normal(size=6),))
def flag(x):
    found = False
    s = 0.0
    for i in range(len(x)):
        if not found and x[i] > 0.0:
            found = True
            s += 10.0 * x[i]
        elif found:
            s += x[i] * x[i]
    return s if found else -1.0


@program(lambda r: (2.7, 1.4))
def truncations(x, y):
    k = int(x)
    return k * y + math.floor(y * 3.0) * x + math.ceil(x) * y * y + round(x) * x + float(k) * x


@program(lambda r: (r.normal(size=4), np.array([2, -1, 0, 3])))
def integer_array(x, k):
    s = 0.0
    for i in range(len(x)):
        s += x[i] * k[i] + x[i] ** 2 / (1 + k[i] * k[i])
    return s


@program(lambda r: (r.normal(size=4), np.array([True, False, True, True])))
def bool_array(x, mask):
    s = 0.0
    for i in range(len(x)):
        if mask[i]:
            s += x[i] * x[i]
        s += x[i] * mask[i]
    return s


@program(lambda r: (1.1, 13), second=True)
def power_by_squaring(x, n):
    result = 1.0
    base = x
    while n > 0:
        if n % 2 == 1:
            result = result * base
        base = base * base
        n = n // 2
    return result


@program(lambda r: (r.normal(size=8),))
def halves(x):
    n = len(x)
    t = x.copy()
    while n > 1:
        n = n // 2
        for i in range(n):
            t[i] = t[2 * i] * t[2 * i + 1] + t[i]
    return t[0]


@program(lambda r: (1.3, 13, -7))
def bits(x, n, m):
    k = (n & 6) | (n >> 1) ^ (n << 2)
    j = (m & 12) + (m | 5) + (~m ^ n) + (m >> 1)
    return x * k + x * x * j + (n & 3) * x**3
