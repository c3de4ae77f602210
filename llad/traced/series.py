"""Sums of polynomials of a family, whose coefficients stand with the lowest degree first: those of `np.polynomial`.

Values come from the recurrence of the family, run backwards (C. W. Clenshaw, MTAC 9, 1955).
"""

import numpy as np


def polyval(x, c, tensor=True):
    """The sum of c[k] xᵏ; of each column of coefficients, all points, or with `tensor=False` one."""
    c, x = _prepared(x, c, tensor)
    total = c[-1] + _nothing(x)
    for k in range(len(c) - 1):
        total = c[len(c) - 2 - k] + total * x
    return total


def chebval(x, c, tensor=True):
    """The sum of Chebyshev polynomials of the first kind."""
    return _clenshaw(x, c, tensor, _chebyshev)


def legval(x, c, tensor=True):
    """The sum of Legendre polynomials."""
    return _clenshaw(x, c, tensor, _legendre)


def hermval(x, c, tensor=True):
    """The sum of Hermite polynomials, of weight exp(-x²)."""
    return _clenshaw(x, c, tensor, _hermite)


def hermeval(x, c, tensor=True):
    """The sum of Hermite polynomials, of weight exp(-x²/2)."""
    return _clenshaw(x, c, tensor, _probabilists)


def lagval(x, c, tensor=True):
    """The sum of Laguerre polynomials."""
    return _clenshaw(x, c, tensor, _laguerre)


def polyvander(x, deg):
    """The powers of each point up to a degree, along a new last axis."""
    x = np.atleast_1d(x) + 0.0
    return np.stack([x**k for k in range(deg + 1)], axis=-1)


def chebvander(x, deg):
    """The Chebyshev polynomials up to a degree at each point, along a new last axis."""
    return _vander(x, deg, _chebyshev)


def legvander(x, deg):
    """The Legendre polynomials up to a degree at each point, along a new last axis."""
    return _vander(x, deg, _legendre)


def polyfromroots(roots):
    """The coefficients of the polynomial with these zeros whose highest one is 1."""
    roots = np.asarray(roots)
    c = np.ones(1)
    for root in roots:
        c = np.concatenate([np.zeros(1), c]) - root * np.concatenate([c, np.zeros(1)])
    return c


# -- recurrences: p[n + 1] = (a x + b) p[n] + d p[n - 1] with a, b and d by n; p[0] = 1


def _chebyshev(n):
    return (1.0 if n == 0 else 2.0), 0.0, -1.0


def _legendre(n):
    return (2 * n + 1) / (n + 1), 0.0, -n / (n + 1)


def _hermite(n):
    return 2.0, 0.0, -2.0 * n


def _probabilists(n):
    return 1.0, 0.0, -1.0 * n


def _laguerre(n):
    return -1.0 / (n + 1), (2 * n + 1) / (n + 1), -n / (n + 1)


def _prepared(x, c, tensor):
    c = np.atleast_1d(c) + 0.0
    x = (np.asarray(x) if isinstance(x, (tuple, list)) else x) + 0.0
    if tensor and np.ndim(x):
        c = c.reshape(c.shape + (1,) * np.ndim(x))
    return c, x


def _nothing(x):
    return np.zeros_like(x) if np.ndim(x) else 0.0


def _clenshaw(x, c, tensor, recurrence):
    """s[n] = c[n] + (a x + b) s[n + 1] + d' s[n + 2], where d' is that of n + 1; s[0] is the sum."""
    c, x = _prepared(x, c, tensor)
    one = c[-1] + _nothing(x)
    two = 0.0 * c[-1] + _nothing(x)
    for k in range(len(c) - 1):
        n = len(c) - 2 - k
        a, b, _ = recurrence(n)
        _, _, d = recurrence(n + 1)
        one, two = c[n] + (a * (one * x) + b * one) + d * two, one
    return one


def _vander(x, deg, recurrence):
    x = np.atleast_1d(x) + 0.0
    found = [np.ones_like(x)]
    for n in range(deg):
        a, b, d = recurrence(n)
        found.append((a * x + b) * found[n] + (d * found[n - 1] if n else 0.0))
    return np.stack(found, axis=-1)


# -- objects of NumPy's classes


def _value_of(self, arg):
    """What such an object gives at a point, or at several: the domain goes to the window first."""
    (low, high), (first, last) = self.domain, self.window
    scale = (last - first) / (high - low)
    offset = (high * first - low * last) / (high - low)
    return self._val(offset + scale * (np.asarray(arg) if isinstance(arg, (tuple, list)) else arg), self.coef)


class Power:
    """`np.polynomial.Polynomial` of coefficients, the lowest first, without a domain."""

    def __init__(self, coef):
        self.coef = np.atleast_1d(coef) + 0.0
        if len(self.coef) == 0:
            raise ValueError("Coefficient array is empty")

    def __call__(self, arg):
        return polyval(arg, self.coef)

    def degree(self):
        return len(self.coef) - 1

    def deriv(self, m=1):
        c = self.coef
        for _ in range(m):
            c = c[1:] * np.arange(1, len(c)) if len(c) > 1 else np.zeros(1)
        return Power(c)

    def integ(self, m=1):
        c = self.coef
        for _ in range(m):
            c = np.concatenate([np.zeros(1), c / np.arange(1, len(c) + 1)])
        return Power(c)
