"""What ufuncs do beside being called: `np.maximum.accumulate`, `np.subtract.outer` and their like."""

import numpy as np


def outer(ufunc, a, b):
    """The ufunc of every element of `a` with every one of `b`."""
    a, b = np.asarray(a), np.asarray(b)
    return ufunc(np.expand_dims(a, tuple(range(a.ndim, a.ndim + b.ndim))), b)


def accumulate(ufunc, array, axis=0):
    """Along an axis, the ufunc of what came before with each element."""
    rows = np.moveaxis(np.asarray(array), axis, 0)
    out = np.empty(rows.shape, ufunc(rows[:1], rows[:1]).dtype)
    if len(rows) > 0:
        out[0] = rows[0]
    for k in range(1, len(rows)):
        out[k] = ufunc(out[k - 1], rows[k])
    return np.moveaxis(out, 0, axis)


def reduce(ufunc, array, axis=0, keepdims=False, empty=None):
    """The last of what `accumulate` gives, and `empty` for no elements, for which most ufuncs have no value."""
    a = np.asarray(array)
    rows = np.ravel(a) if axis is None else np.moveaxis(a, axis, 0)
    if empty is None and len(rows) == 0:
        raise ValueError(f"zero-size array to reduction operation {ufunc.__name__} which has no identity")
    if rows.ndim == 1:
        total = rows[0] if empty is None or len(rows) > 0 else ufunc(empty, rows.dtype.type(empty))
        for k in range(1, len(rows)):
            total = ufunc(total, rows[k])
        return np.full((1,) * a.ndim, total) if keepdims else total
    out = np.full(rows.shape[1:], 0 if empty is None else empty, ufunc(rows[:1], rows[:1]).dtype)
    if len(rows) > 0:
        out[...] = rows[0]
    for k in range(1, len(rows)):
        out[...] = ufunc(out, rows[k])
    return np.expand_dims(out, axis) if keepdims else out


def log_sum_exp(array, axis=0, keepdims=False):
    """`np.logaddexp.reduce`, with the greatest element taken out: minus infinity for no elements."""
    a = np.multiply(array, 1.0)
    top = np.max(a, axis=axis, keepdims=True, initial=-np.inf)
    top = np.where(np.isfinite(top), top, 0.0)
    out = np.log(np.sum(np.exp(a - top), axis=axis, keepdims=True)) + top
    return out if keepdims else np.squeeze(out, tuple(range(a.ndim)) if axis is None else axis)[()]


def apply_at(ufunc, m, indices, values):
    """In place and one after the other: where an index repeats, the next one meets what the last one stored."""
    flat = [np.ravel(index) for index in indices]
    n = len(flat[0])
    if np.ndim(values) == 0:
        for p in range(n):
            place = tuple([index[p] for index in flat])
            m[place] = ufunc(m[place], values)
    else:
        rows = values.reshape((n, *m.shape[len(indices) :]))
        for p in range(n):
            place = tuple([index[p] for index in flat])
            m[place] = ufunc(m[place], rows[p])
