"""Functions of `math` on floats that take more than an op: parts, powers of two, sums that are rounded once."""

import math

import numpy as np

from llad.traced.derived import underived, with_derivative

_MOST_PARTS = 64  # of floats that share no bits there are at most 2098 / 53


def modf(x):
    """The part behind the point, of which the derivative is 1, and the whole part."""
    x = float(x)
    if math.isinf(x):
        return math.copysign(0.0, x), x
    whole = float(math.trunc(x)) if abs(x) < 4503599627370496.0 else x
    if math.copysign(1.0, x) > 0.0:
        return x - whole, whole
    return -(whole - x), whole * 1.0 if whole != 0.0 else -0.0


def ldexp(x, i):
    """`x * 2**i`, rounded once. The powers are products, so they are exact."""
    if not isinstance(i, (int, np.integer)):
        raise TypeError("Expected an int as second argument to ldexp.")
    scaled = float(x)
    i = max(-2200, min(2200, int(i)))
    for _ in range(2):
        if i > 1023:
            scaled *= 8.98846567431158e307
            i -= 1023
        elif i < -1022:  # by so much less that only the last product rounds
            scaled *= 2.004168360008973e-292
            i += 969
    i = max(-1022, min(1023, i))
    power, bits = 1.0, abs(i)
    for k in range(10):
        if (bits >> k) & 1 == 1:
            power *= 2.0 ** (1 << k) if i > 0 else 0.5 ** (1 << k)
    return scaled * power


def fsum(seq):
    """The sum, rounded once."""
    terms = np.array(seq, dtype=np.float64)
    return with_derivative(_rounded_sum(underived(terms)), np.sum(terms))


def _rounded_sum(terms):
    """Shewchuk, Adaptive precision floating-point arithmetic, 1997: parts that share no bits, the smallest first."""
    parts, count, special = np.zeros(_MOST_PARTS), 0, 0.0
    for term in terms:
        x, kept = term, 0
        for k in range(count):
            x, rest = _two_sum(x, parts[k])
            if rest != 0.0:
                parts[kept] = rest
                kept += 1
        if math.isfinite(x):
            parts[kept] = x
            count = kept + 1 if x != 0.0 else kept
        elif math.isfinite(term):
            raise OverflowError("intermediate overflow in fsum")
        else:
            special += term
            count = 0
    return _rounded(parts, count) if special == 0.0 else special


def _two_sum(x, y):
    """The sum as rounded, and what that lacks."""
    total = x + y
    of_y = total - x
    return total, (x - (total - of_y)) + (y - of_y)


def _rounded(parts, count):
    """The sum of parts: half a bit goes to the even neighbour unless something smaller decides."""
    if count == 0:
        return 0.0
    k = count - 1
    total, rest = parts[k], 0.0
    while k > 0 and rest == 0.0:
        k -= 1
        total, rest = _two_sum(total, parts[k])
    if k > 0 and ((rest < 0.0 and parts[k - 1] < 0.0) or (rest > 0.0 and parts[k - 1] > 0.0)):
        other = total + 2.0 * rest
        if 2.0 * rest == other - total:
            return other
    return total
