"""Numbers: Python's integers and bools, comparisons, rounding, constants, `min` and `max`."""
# ruff: noqa

import cmath
import math
import sys

import numpy as np

from language.case import case

A = np.array([0.5, 1.5, 2.0])


@case(1.5)
def consts(x):
    return (
        x * math.pi
        + np.pi * x
        + math.e
        + np.e
        + cmath.pi
        + math.tau
        + np.euler_gamma
        + sys.float_info.epsilon
        + np.finfo(float).eps
        + np.finfo(np.float64).max * 0
        + cmath.e
    )


@case(1.5)
def infs(x):
    if x < math.inf and x < np.inf and not x > -np.inf:
        return 0.0
    return x


@case(1.5)
def nans(x):
    return math.nan if x > 2 else x * np.float64(2.0)


@case(7, 2)
def ints1(n, k):
    return (
        n // k,
        n % k,
        -n // k,
        -n % k,
        n // -k,
        n % -k,
        n**k,
        n << k,
        n >> k,
        -n >> k,
        n & k,
        n | k,
        n ^ k,
        ~n,
        abs(-n),
        +n,
    )


@case(7, 2)
def divm(n, k):
    return divmod(n, k) + divmod(-n, k) + divmod(7.5, k)


@case(2, -1)
def powneg(n, k):
    return n**-1


@case(2, 3)
def powpos2(n, k):
    return n**k


@case(1, 70)
def shiftr(n, k):
    return (n >> k, -n >> k, 0 << k)


@case(2**53 + 1, float(2**53))
def cmpif(n, x):
    return (n == x, n > x, n < x, n >= x, n <= x, n != x)


@case(2**53 - 1, float(2**53))
def cmpif2(n, x):
    return (n == x, n > x, n < x, x >= n, x <= n, n != x)


@case(2**63 - 1, 2.0**63)
def cmpif3(n, x):
    return (n == x, n > x, n < x, x >= n, x <= n, n != x)


@case(-(2**63), -(2.0**63))
def cmpif4(n, x):
    return (n == x, n > x, n < x, x >= n, x <= n, n != x, n < math.inf, n > float("-inf"), n == math.nan, n < math.nan)


@case(True, False, 3)
def boolarith(c, d, n):
    return (
        c + c,
        c - d,
        c * n,
        c / 2,
        c // 1,
        c % 2,
        -c,
        +c,
        ~n,
        c & d,
        c | d,
        c ^ d,
        c < d,
        c == 1,
        c << 2,
        c**2,
        2**c,
        abs(c),
        int(c),
        float(c),
        not c,
    )


@case(True, 1.0, A)
def anyall(c, x, a):
    s = 0
    if any([c, x > 3]):
        s += 1
    if all((c, x > 3)):
        s += 2
    if any(v > 1 for v in (x, 2 * x)):
        s += 4
    if all([]):
        s += 8
    if any(a > 1):
        s += 16
    if all(a > 1):
        s += 32
    return s * x


@case(1.5, 2.5, 3)
def minmax(x, y, n):
    return (
        min((x, y)),
        max([x, y, 1]),
        max((), default=x),
        min([y], default=0),
        min(n, x),
        max(n, 2),
        max(x, y, key=lambda v: -v),
        min((x, y), key=abs),
    )


@case(2.34567)
def rounds(x):
    return (
        round(x, 2),
        round(x, 0),
        round(x, None),
        round(x),
        round(-2.5),
        round(x * 1e3, -2),
        round(0.125, 2),
        round(2.675, 2),
    )


@case(12345)
def roundi(n):
    return (round(n, -2), round(n, 2), round(n), round(n, -9), round(15, -1), round(n, None))


@case(5)
def ranges(n):
    r = range(1, n, 2)
    q = range(10, 0, -3)
    return (len(q), q[1], q[-1], len(range(n)), len(r), r[1], r[0])


@case(5)
def rangein(n):
    return (n in range(10), 3 in range(5), n in (1, 5), n in [2])


@case(1.5)
def mathstat(x):
    return (
        x * math.prod((1, 2, 3))
        + math.fsum((0.1, 0.2))
        + math.dist((0.0, 0.0), (3.0, 4.0))
        + math.isclose(1.0, 1.0 + 1e-12)
        + math.comb(5, 2)
        + math.factorial(4)
        + math.gcd(12, 18)
        + math.perm(5, 2)
        + math.isqrt(17)
    )


@case(1.5, 2.5)
def mathdyn(x, y):
    return (
        math.prod((x, y, 2)),
        math.dist((x, y), (0.0, 1.0)),
        math.hypot(x, y, 3.0),
        math.isclose(x, y),
        math.isclose(x, x + 1e-12),
        math.hypot(x),
        math.isclose(x, y, rel_tol=0.9),
        math.isclose(x, y, abs_tol=2.0),
    )


@case(-3, 2.5)
def absints(n, x):
    return (abs(n), abs(-x), abs(True))


@case(1.5)
def npconst(x):
    return x * np.float64(3) + np.int64(2) * x + float("2.5") + int("3") + float(True) + np.sqrt(2)


@case(2)
def intpowfloat(n):
    return (n**0.5, n**2.0, 2.0**n, 2**n, n**0)


@case(-8.0)
def negbase(x):
    return abs(x) ** (1 / 3)


@case(np.array([0.1, 0.2, 1e3, -1.7]), 3)
def summed_and_scaled(x, n):
    total = math.fsum(x) + math.fsum(v * v for v in x[:2]) + math.fsum([x[0], 2, n * x[1]])
    return math.ldexp(total, n) + math.ldexp(n, -2) + math.isqrt(n * 6) * x[0] + math.isqrt(len(x))


@case(-37, 2.5, True)
def methods_of_numbers(n, x, flag):
    whole = (x.is_integer(), (x * 2).is_integer(), (x - x).is_integer())
    return n.bit_length(), n.bit_count(), n.conjugate(), x.conjugate(), flag.bit_length(), flag.conjugate(), whole


@case(np.array([1.5, -2.0]), np.array([3, 5]))
def methods_of_elements(x, n):
    total = x[0].item() * n[1].item() + x.sum().item() ** 2 + x[1].copy().conj() * n[0].conjugate()
    return x.sum() if x[0].is_integer() else total * (x > 0.0)[0].item()
