"""Statistics of all elements, or along axes."""

import numpy as np


def _mean_where(a, axis=None, dtype=None, keepdims=False, *, where=True):
    """The mean of the elements for which a condition holds."""
    a = _in_floats(a, dtype)
    total = np.sum(a, axis=axis, keepdims=keepdims, where=where)
    return np.true_divide(total, np.sum(np.ones_like(a), axis=axis, keepdims=keepdims, where=where))


def _in_floats(a, dtype):
    """The elements in a type that is asked for, in which a fraction has a place."""
    if dtype is not None and np.dtype(dtype).kind not in "fc":
        raise TypeError(f"a mean or variance in {np.dtype(dtype)}: compute it in floats, then convert")
    return np.asarray(a, dtype)


def _square(d):
    """The squares of absolute values."""
    return d.real * d.real + d.imag * d.imag if np.iscomplexobj(d) else d * d


def var(a, axis=None, dtype=None, *, ddof=0, keepdims=False, where=True, mean=None):
    """The mean of the squared distances from the mean; `ddof` is subtracted from the number of elements.

    `mean`: the mean with the axes kept, if it is known."""
    a = _in_floats(a, dtype)
    if not isinstance(where, bool) or not where:
        middle = _mean_where(a, axis=axis, keepdims=True, where=where) if mean is None else mean
        d = np.where(where, a - middle, 0.0)
        count = np.sum(np.ones_like(d), axis=axis, keepdims=keepdims, where=where)
        return np.true_divide(np.sum(_square(d), axis=axis, keepdims=keepdims), np.maximum(count - ddof, 0.0))
    d = a - (np.mean(a, axis=axis, keepdims=True) if mean is None else mean)
    return np.true_divide(np.sum(_square(d), axis=axis, keepdims=keepdims), float(max(_count(a, axis) - ddof, 0)))


def std(a, axis=None, dtype=None, *, ddof=0, keepdims=False, where=True, mean=None):
    """The square root of `var`. Where that is zero, so is the derivative."""
    square = var(a, axis=axis, dtype=dtype, ddof=ddof, keepdims=keepdims, where=where, mean=mean)
    return np.where(square == 0.0, 0.0 * square, np.sqrt(square))


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


def average(a, axis=None, weights=None, returned=False, *, keepdims=False):
    """The mean, or the mean with weights of the same shape, or one for each place along axes.

    With `returned` the sum of the weights, too."""
    a = np.asarray(a)
    if weights is None:
        found = np.mean(a, axis=axis, keepdims=keepdims)
        return (found, 0.0 * found + _count(a, axis)) if returned else found
    w = np.asarray(weights)
    if axis is None or w.ndim == a.ndim:
        if w.shape != a.shape:
            raise TypeError("Axis must be specified when shapes of a and weights differ.")
    else:
        axes = [k % a.ndim for k in (axis if isinstance(axis, tuple) else (axis,))]
        if w.ndim != len(axes) or w.shape != tuple([a.shape[k] for k in axes]):
            raise ValueError("Shape of weights must be consistent with shape of a along specified axis.")
        w = np.transpose(w, sorted(range(len(axes)), key=lambda k: axes[k]))
        w = np.expand_dims(w, tuple([k for k in range(a.ndim) if k not in axes])) + np.zeros_like(a)
    total = np.sum(w, axis=axis, keepdims=keepdims)
    if np.any(total == 0.0):
        raise ZeroDivisionError("Weights sum to zero, can't be normalized")
    found = np.sum(a * w, axis=axis, keepdims=keepdims) / total
    return (found, total + 0.0 * found) if returned else found


def quantile(a, q, axis=None, *, method="linear", keepdims=False):
    """What a part `q` of the elements lies below, between neighbours in order as the `method` says: all that are
    continuous, "lower", "higher", "nearest" and "midpoint"."""
    _require_parts(q, 1.0)
    return _quantile(np.asarray(a), q, axis, method, keepdims)


def _quantile(a, q, axis, method, keepdims):
    if isinstance(axis, tuple):
        lines = np.moveaxis(a, axis, tuple(range(len(axis))))
        out = _quantile(lines.reshape((-1, *lines.shape[len(axis) :])), q, 0, method, False)
        ahead = np.ndim(q)
        return np.expand_dims(out, tuple([ahead + k % a.ndim for k in axis])) if keepdims else out
    rows = np.sort(np.ravel(a)) if axis is None else np.moveaxis(np.sort(a, axis), axis, 0)
    if np.ndim(q) == 0:
        out = _between(rows, q, method)
    else:
        parts = np.ravel(q)
        out = np.empty((len(parts), *rows.shape[1:]), _type_of_quantiles(rows, parts, method))
        for k in range(len(parts)):
            out[k] = _between(rows, parts[k], method)
        out = out.reshape((*np.shape(q), *rows.shape[1:]))
    if not keepdims:
        return out
    if axis is None:
        return np.expand_dims(np.asarray(out), tuple(range(np.ndim(q), np.ndim(q) + a.ndim)))
    return np.expand_dims(out, np.ndim(q) + axis % a.ndim)


def _require_parts(q, whole):
    """Raises: ValueError, for what is no part of the whole."""
    if np.any(np.asarray(q) < 0.0) or np.any(np.asarray(q) > whole):
        name = "Quantiles" if whole == 1.0 else "Percentiles"
        raise ValueError(f"{name} must be in the range [0, {int(whole)}]")


def _type_of_quantiles(rows, q, method):
    """The type of elements of what has that of `rows`, or of what lies between."""
    if method in _PICKED:
        return rows.dtype
    return (rows[:1] * 1.0 * q if np.ndim(q) == 0 else rows[:1] * np.true_divide(q[:1], 1.0)).dtype


_PICKED = ("lower", "higher", "nearest")  # of these methods the result is one of the elements


def _between(rows, q, method):
    n = len(rows)
    place = _place(n, q, method)
    low = min(int(place), n - 1)
    if method in _PICKED:
        if rows.dtype != np.float64 and rows.dtype != np.float32:
            return rows[low]
        return np.where(np.isnan(rows[n - 1]), np.nan, rows[low])
    first, last = rows[low], rows[min(low + 1, n - 1)]
    return np.where(np.isnan(rows[n - 1]), np.nan, first + (place - low) * (last - first))


def _place(n, q, method):
    """Where among n elements the part q stands, counted from 0."""
    place = q * (n - 1)
    if method == "linear":
        return place
    if method == "lower":
        return np.floor(place)
    if method == "higher":
        return np.ceil(place)
    if method == "nearest":
        return np.rint(place)
    if method == "midpoint":
        return 0.5 * (np.floor(place) + np.ceil(place))
    if method == "weibull":
        alpha = 0.0
    elif method == "hazen":
        alpha = 0.5
    elif method == "median_unbiased":
        alpha = 1.0 / 3.0
    elif method == "normal_unbiased":
        alpha = 0.375
    else:
        raise NotImplementedError("np.quantile with this method; supported are those that have no steps")
    return min(max(n * q + (alpha + q * (1.0 - 2.0 * alpha)) - 1.0, 0.0), n - 1.0)


def percentile(a, q, axis=None, *, method="linear", keepdims=False):
    """`quantile` of parts in hundredths."""
    _require_parts(q, 100.0)
    part = np.asarray(q) / 100.0 if np.ndim(q) > 0 else q / 100.0
    return _quantile(np.asarray(a), part, axis, method, keepdims)


def histogram(a, bins=10, range=None, density=None, weights=None):
    """How many elements, or the sum of which `weights`, lie between edges, and the edges. Counts have no derivative."""
    flat = np.ravel(a)
    edges = _edges(flat, bins, range) if np.ndim(bins) == 0 else np.asarray(bins)
    n = len(edges) - 1
    known = None if weights is None else np.ravel(weights)
    counts = np.zeros(n, np.int64 if weights is None else known.dtype)
    _fill(flat, edges, known, counts)
    if density:
        return counts / np.diff(edges) / np.sum(counts), edges
    return counts, edges


def _fill(flat, edges, weights, counts):
    n = len(counts)
    for k in range(len(flat)):
        place = n - 1 if flat[k] == edges[n] else np.searchsorted(edges, flat[k], "right") - 1
        if place >= 0 and place < n:
            counts[place] += 1 if weights is None else weights[k]


def _edges(flat, bins, range):
    if range is not None:
        low, high = 1.0 * range[0], 1.0 * range[1]
    elif len(flat) == 0:
        low, high = 0.0, 1.0
    else:
        low, high = 1.0 * np.min(flat), 1.0 * np.max(flat)
    if low == high:
        low, high = low - 0.5, high + 0.5
    edges = np.linspace(low, high, bins + 1)
    return edges.astype(np.float32) if flat.dtype == np.float32 else edges


def cov(m, y=None, rowvar=True, bias=False, ddof=None):
    """The covariances of the rows (without `rowvar`: the columns) of a matrix, and of `y`."""
    rows = _variables(m, rowvar)
    if y is not None:
        rows = np.concatenate([rows, _variables(y, rowvar)])
    d = rows - np.mean(rows, axis=1, keepdims=True)
    fewer = (0 if bias else 1) if ddof is None else ddof
    c = (d @ d.T) / np.float64(max(rows.shape[1] - fewer, 0))
    return np.squeeze(c) if np.ndim(m) == 2 or y is not None else c[0, 0]


def _variables(m, rowvar):
    m = np.asarray(m)
    if m.ndim > 2:
        raise ValueError("m has more than 2 dimensions")
    m = m if m.dtype == np.float64 else m.astype(np.float64)
    if m.ndim < 2:
        return np.reshape(m, (1, -1))
    return m if rowvar else m.T


def corrcoef(x, y=None, rowvar=True):
    """The correlations of the rows (without `rowvar`: the columns) of a matrix, and of `y`."""
    c = cov(x, y, rowvar)
    if np.ndim(c) == 0:
        return c / c
    d = np.sqrt(c.diagonal())
    return c / d[:, None] / d[None, :]
