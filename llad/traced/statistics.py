"""Statistics of all elements, or along axes."""

import numpy as np


def var(a, axis=None, dtype=None, *, ddof=0, keepdims=False):
    """The mean of the squared distances from the mean; `ddof` is subtracted from the number of elements."""
    a = np.asarray(a, dtype)
    d = a - np.mean(a, axis=axis, keepdims=True)
    return np.true_divide(np.sum(d * d, axis=axis, keepdims=keepdims), np.float64(max(_count(a, axis) - ddof, 0)))


def std(a, axis=None, dtype=None, *, ddof=0, keepdims=False):
    """The square root of `var`. Where that is zero, the derivative is not finite."""
    return np.sqrt(var(a, axis=axis, dtype=dtype, ddof=ddof, keepdims=keepdims))


def _count(a, axis):
    if axis is None:
        return np.size(a)
    if isinstance(axis, tuple):
        count = 1
        for k in axis:
            count *= a.shape[k]
        return count
    return a.shape[axis]


def ptp(a, axis=None, *, keepdims=False):
    """The greatest element minus the least."""
    a = np.asarray(a)
    return np.max(a, axis=axis, keepdims=keepdims) - np.min(a, axis=axis, keepdims=keepdims)


def count_nonzero(a, axis=None, *, keepdims=False):
    """How many elements are not zero. An integer: no derivative passes."""
    return np.sum(np.asarray(a) != 0, axis=axis, keepdims=keepdims)


def average(a, axis=None, weights=None, *, keepdims=False):
    """The mean, or the mean with weights of the same shape, or one for each place along an axis."""
    a = np.asarray(a)
    if weights is None:
        return np.mean(a, axis=axis, keepdims=keepdims)
    w = np.asarray(weights)
    if w.ndim != a.ndim:
        w = np.expand_dims(w, tuple([k for k in range(a.ndim) if k != axis % a.ndim])) + np.zeros_like(a)
    total = np.sum(w, axis=axis, keepdims=keepdims)
    return np.sum(a * w, axis=axis, keepdims=keepdims) / total


def nansum(a, axis=None, *, keepdims=False):
    """The sum of what is not nan."""
    a = np.asarray(a)
    return np.sum(np.where(np.isnan(a), np.zeros_like(a), a), axis=axis, keepdims=keepdims)


def nanmean(a, axis=None, *, keepdims=False):
    """The mean of what is not nan."""
    a = np.asarray(a)
    known = np.sum(np.where(np.isnan(a), np.zeros_like(a), np.ones_like(a)), axis=axis, keepdims=keepdims)
    return nansum(a, axis=axis, keepdims=keepdims) / known


def cov(m, *, rowvar=True, ddof=1):
    """The covariances of the rows (without `rowvar`: the columns) of a matrix."""
    m = np.asarray(m)
    if not rowvar:
        m = m.T
    d = m - np.mean(m, axis=1, keepdims=True)
    return (d @ d.T) / np.float64(max(m.shape[1] - ddof, 0))


def corrcoef(x, *, rowvar=True):
    """The correlations of the rows (without `rowvar`: the columns) of a matrix."""
    c = cov(x, rowvar=rowvar)
    d = np.sqrt(c.diagonal())
    return c / d[:, None] / d[None, :]
