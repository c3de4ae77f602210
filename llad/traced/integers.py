"""Functions of `math` on integers that are known at run time only."""

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


def isqrt(n):
    """The largest integer whose square is not above `n`."""
    n = _integer(n)
    if n < 0:
        raise ValueError("isqrt() argument must be nonnegative")
    root = int(math.sqrt(n))
    if root * root > n:
        return root - 1
    return root + 1 if n - root * root > 2 * root else root


def _integer(x):
    if not isinstance(x, (int, np.integer)):
        raise TypeError("an integer is wanted")
    return int(x)


def _common(a, b):
    a, b = abs(a), abs(b)
    while b != 0:
        a, b = b, a % b
    return a
