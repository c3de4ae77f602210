"""Polynomials, whose coefficients stand with the highest power first."""

import numpy as np


def polyval(p, x):
    """The polynomial with coefficients `p`, the highest first, by Horner's scheme."""
    p = np.asarray(p)
    total = np.zeros_like(x) if np.ndim(x) else np.zeros_like(np.asarray(x))[()]
    if p.ndim > 1:
        total = total + np.zeros(p.shape[1:], p.dtype)
    for k in range(len(p)):
        total = total * x + p[k]
    return total


def polyfit(x, y, deg, *, w=None):
    """The coefficients of the polynomial of degree `deg` that is nearest to points, by (weighted) least squares."""
    x, y = np.multiply(x, np.float64(1.0)), np.multiply(y, np.float64(1.0))
    if deg < 0:
        raise ValueError("expected deg >= 0")
    if x.ndim != 1 or y.ndim < 1 or y.ndim > 2:
        raise TypeError("expected 1D vector for x, and 1D or 2D array for y")
    if len(x) == 0:
        raise TypeError("expected non-empty vector for x")
    if len(x) != len(y):
        raise TypeError("expected x and y to have same length")
    powers = np.vander(x, deg + 1)
    if w is not None:
        w = np.asarray(w)
        powers = powers * w[:, None]
        y = y * (w if y.ndim == 1 else w[:, None])
    scale = np.sqrt(np.sum(powers * powers, axis=0))
    found = np.linalg.lstsq(powers / scale, y, rcond=len(x) * 2.220446049250313e-16)[0]
    return found / (scale if y.ndim == 1 else scale[:, None])


def polyder(p, m=1):
    """The coefficients of the derivative, of order `m`."""
    p = np.asarray(p)
    for _ in range(m):
        p = p[:-1] * np.arange(len(p) - 1, 0, -1)
    return p


def polyint(p, m=1):
    """The coefficients of the integral, of order `m`, which is zero at zero."""
    p = np.asarray(p)
    for _ in range(m):
        p = np.concatenate([p / np.arange(len(p), 0, -1), np.zeros(1, p.dtype)])
    return p


def polyadd(a1, a2):
    """The coefficients of the sum."""
    a, b = np.atleast_1d(a1), np.atleast_1d(a2)
    n = max(len(a), len(b))
    return np.concatenate([np.zeros(n - len(a), a.dtype), a]) + np.concatenate([np.zeros(n - len(b), b.dtype), b])


def polysub(a1, a2):
    """The coefficients of the difference."""
    return polyadd(a1, -np.atleast_1d(a2))


def polymul(a1, a2):
    """The coefficients of the product; what begins with zeros goes without."""
    return np.convolve(_trimmed(a1), _trimmed(a2))


def _trimmed(p):
    p = np.atleast_1d(p)
    first = 0
    while first < len(p) - 1 and p[first] == 0.0:
        first += 1
    return p[first:]
