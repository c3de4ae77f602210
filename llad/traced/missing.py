"""Of what is not nan: the functions whose names begin with nan."""

import numpy as np

from llad.traced.statistics import _between, _require_parts, _type_of_quantiles


def nansum(a, axis=None, *, keepdims=False):
    """The sum of what is not nan."""
    return np.sum(_but(a, 0), axis=axis, keepdims=keepdims)


def nanprod(a, axis=None, *, keepdims=False):
    """The product of what is not nan."""
    return np.prod(_but(a, 1), axis=axis, keepdims=keepdims)


def nancumsum(a, axis=None):
    """The sums up to each element of what is not nan."""
    return np.cumsum(_but(a, 0), axis=axis)


def nancumprod(a, axis=None):
    """The products up to each element of what is not nan."""
    return np.cumprod(_but(a, 1), axis=axis)


def _but(a, value):
    """The array with `value` in place of nan."""
    a = np.asarray(a)
    if a.dtype == np.float64 or a.dtype == np.float32:
        return np.where(np.isnan(a), value, a)
    return a


def _known(a, axis, keepdims):
    """How many elements are not nan."""
    return np.sum(np.where(np.isnan(a), np.zeros_like(a), np.ones_like(a)), axis=axis, keepdims=keepdims)


def nanmean(a, axis=None, *, keepdims=False):
    """The mean of what is not nan."""
    return nansum(a, axis=axis, keepdims=keepdims) / _known(np.asarray(a), axis, keepdims)


def nanvar(a, axis=None, *, ddof=0, keepdims=False):
    """The variance of what is not nan."""
    a = np.asarray(a)
    d = _but(a - nanmean(a, axis=axis, keepdims=True), 0.0)
    count = _known(a, axis, keepdims) - ddof
    return np.sum(d * d, axis=axis, keepdims=keepdims) / np.where(count > 0.0, count, np.nan)


def nanstd(a, axis=None, *, ddof=0, keepdims=False):
    """The square root of `nanvar`."""
    square = nanvar(a, axis=axis, ddof=ddof, keepdims=keepdims)
    return np.where(square == 0.0, 0.0 * square, np.sqrt(square))


def nanmax(a, axis=None, *, keepdims=False):
    """The greatest of what is not nan; nan where there is nothing else."""
    return _unless_none(np.max(_but(a, -np.inf), axis=axis, keepdims=keepdims), a, axis, keepdims)


def nanmin(a, axis=None, *, keepdims=False):
    """The least of what is not nan; nan where there is nothing else."""
    return _unless_none(np.min(_but(a, np.inf), axis=axis, keepdims=keepdims), a, axis, keepdims)


def _unless_none(found, a, axis, keepdims):
    a = np.asarray(a)
    if a.dtype == np.float64 or a.dtype == np.float32:
        return np.where(np.all(np.isnan(a), axis=axis, keepdims=keepdims), np.nan, found)
    return found


def nanargmax(a, axis=None, *, keepdims=False):
    """Where the greatest of what is not nan stands. An integer: no derivative passes."""
    _require_some(a, axis)
    return np.argmax(_but(a, -np.inf), axis=axis, keepdims=keepdims)


def nanargmin(a, axis=None, *, keepdims=False):
    """Where the least of what is not nan stands. An integer: no derivative passes."""
    _require_some(a, axis)
    return np.argmin(_but(a, np.inf), axis=axis, keepdims=keepdims)


def _require_some(a, axis):
    if np.any(np.all(np.isnan(a), axis=axis)):
        raise ValueError("All-NaN slice encountered")


def nanmedian(a, axis=None, *, keepdims=False):
    """The median of what is not nan."""
    a = np.asarray(a)
    if isinstance(axis, tuple):
        return nanquantile(a, 0.5, axis, keepdims=keepdims)
    if axis is None:
        middle = _middle(np.sort(np.ravel(a)))
        return np.full((1,) * a.ndim, middle) if keepdims else middle
    lines = np.moveaxis(np.sort(a, axis), axis, -1)
    out = np.empty(lines.shape[:-1], (a[:0] * 1.0).dtype)
    if a.ndim == 1:
        out[...] = _middle(lines)
    else:
        _middles(lines, out)
    return np.expand_dims(out, axis) if keepdims else out[()]


def _middles(lines, out):
    for k in range(len(lines)):
        if out.ndim == 1:
            out[k] = _middle(lines[k])
        else:
            _middles(lines[k], out[k])


def _middle(line):
    """The median of a sorted vector that ends in the nan that it has."""
    known = len(line) - np.sum(np.isnan(line))
    if known == 0:
        return np.nan
    return 0.5 * (line[(known - 1) // 2] + line[known // 2])


def nanquantile(a, q, axis=None, *, method="linear", keepdims=False):
    """`quantile` of what is not nan."""
    _require_parts(q, 1.0)
    a = np.asarray(a)
    axes = tuple(range(a.ndim)) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    lines = np.moveaxis(a, axes, tuple(range(a.ndim - len(axes), a.ndim)))
    shape = lines.shape[: a.ndim - len(axes)]
    rows, count = 1, 1
    for length in shape:
        rows *= length
    for k in axes:
        count *= a.shape[k]
    lines = np.sort(lines.reshape((rows, count)))
    parts = np.ravel(q)
    kind = _type_of_quantiles(np.ravel(lines), q if np.ndim(q) == 0 else parts, method)
    out = np.empty((len(parts), rows), kind)
    for j in range(len(lines)):
        known = count - np.sum(np.isnan(lines[j]))
        for k in range(len(parts)):
            out[k, j] = _between(lines[j][:known], parts[k], method) if known > 0 else np.nan
    out = out.reshape((*np.shape(q), *shape))
    if keepdims:
        return np.expand_dims(out, tuple([np.ndim(q) + k % a.ndim for k in axes]))
    return out[()]


def nanpercentile(a, q, axis=None, *, method="linear", keepdims=False):
    """`nanquantile` of parts in hundredths."""
    _require_parts(q, 100.0)
    part = np.asarray(q) / 100.0 if np.ndim(q) > 0 else q / 100.0
    return nanquantile(a, part, axis, method=method, keepdims=keepdims)
