"""Functions of `math` on integers that are known at run time only, and the two parts of a float."""

import math

import numpy as np


def gcd(*integers):
    """The greatest common divisor."""
    found = 0
    for other in integers:
        found = _common(found, _integer(other))
    return found


def lcm(*integers):
    """The least common multiple."""
    found = 1
    for other in integers:
        n = _integer(other)
        found = 0 if n == 0 or found == 0 else abs(found // _common(found, n) * n)
    return found


def _counts(n, k):
    """Two integers that count something."""
    n, k = _integer(n), _integer(k)
    if n < 0:
        raise ValueError("n must be a non-negative integer")
    if k < 0:
        raise ValueError("k must be a non-negative integer")
    return n, k


def comb(n, k):
    """How many ways there are to choose `k` of `n` things."""
    n, k = _counts(n, k)
    if k > n:
        return 0
    found = 1
    for i in range(1, min(k, n - k) + 1):
        shared = _common(found, i)  # so that nothing overflows but what is too large itself
        found = found // shared * ((n - i + 1) // (i // shared))
    return found


def perm(n, k=None):
    """How many ways there are to choose `k` of `n` things, one after the other."""
    n, k = _counts(n, n if k is None else k)
    if k > n:
        return 0
    found = 1
    for i in range(k):
        found *= n - i
    return found


def factorial(x):
    """The product of the integers up to one."""
    n = _integer(x)
    if n < 0:
        raise ValueError("factorial() not defined for negative values")
    found = 1
    for i in range(2, n + 1):
        found *= i
    return found


def modf(x):
    """The part behind the point, of which the derivative is 1, and the whole part."""
    x = float(x)
    if math.isinf(x):
        return math.copysign(0.0, x), x
    whole = float(math.trunc(x)) if abs(x) < 4503599627370496.0 else x
    if math.copysign(1.0, x) > 0.0:
        return x - whole, whole
    return -(whole - x), whole * 1.0 if whole != 0.0 else -0.0


def _integer(x):
    if not isinstance(x, (int, np.integer)):
        raise TypeError("an integer is wanted")
    return int(x)


def _common(a, b):
    a, b = abs(a), abs(b)
    while b != 0:
        a, b = b, a % b
    return a
