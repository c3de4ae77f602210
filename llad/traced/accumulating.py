"""Running sums and products, differences, integrals and convolutions."""

import numpy as np


def cumsum(a, axis=None, dtype=None):
    """The sums of the elements up to each one, along an axis or of all in C order."""
    out = np.array(np.ravel(a) if axis is None else a, dtype)
    if dtype is None and (out.dtype == np.bool_ or out.dtype == np.int32):
        out = out.astype(np.int64)
    rows = np.moveaxis(out, 0 if axis is None else axis, 0)
    for k in range(1, len(rows)):
        rows[k] += rows[k - 1]
    return out


def cumprod(a, axis=None, dtype=None):
    """The products of the elements up to each one, along an axis or of all in C order."""
    out = np.array(np.ravel(a) if axis is None else a, dtype)
    if dtype is None and (out.dtype == np.bool_ or out.dtype == np.int32):
        out = out.astype(np.int64)
    rows = np.moveaxis(out, 0 if axis is None else axis, 0)
    for k in range(1, len(rows)):
        rows[k] *= rows[k - 1]
    return out


def diff(a, n=1, axis=-1, prepend=None, append=None):
    """The differences of neighbours along an axis, `n` times, of the array with more elements at its ends."""
    a = np.asarray(a)
    if n < 0:
        raise ValueError(f"order must be non-negative but got {n}")
    before = () if prepend is None else (_row(prepend, a, axis),)
    after = () if append is None else (_row(append, a, axis),)
    if len(before) + len(after) > 0:
        a = np.concatenate((*before, a, *after), axis)
    for _ in range(n):
        rows = np.moveaxis(a, axis, 0)
        a = np.moveaxis(rows[1:] != rows[:-1] if a.dtype == np.bool_ else rows[1:] - rows[:-1], 0, axis)
    return a


def _row(part, a, axis):
    """What stands before or after an array: a number as one row."""
    if np.ndim(part) > 0:
        return part
    row = np.moveaxis(np.moveaxis(a, axis, 0)[:1], 0, axis)
    return np.broadcast_to(part, tuple([1 if k == axis % a.ndim else row.shape[k] for k in range(a.ndim)]))


def ediff1d(ary):
    """The differences of neighbours, of all elements in C order."""
    flat = np.ravel(ary)
    return flat[1:] - flat[:-1]


def trapezoid(y, x=None, dx=1.0, axis=-1):
    """The integral along an axis by trapezoids, over places `x` or steps of `dx`."""
    rows = np.moveaxis(np.asarray(y), axis, 0)
    middle = 0.5 * (rows[1:] + rows[:-1])
    if x is None:
        return np.sum(middle * dx, axis=0)
    x = np.asarray(x)
    if x.ndim == 1:
        steps = x[1:] - x[:-1]
        return np.sum(middle * np.expand_dims(steps, tuple(range(1, rows.ndim))), axis=0)
    places = np.moveaxis(x, axis, 0)
    return np.sum(middle * (places[1:] - places[:-1]), axis=0)


def gradient(f, *varargs, axis=None, edge_order=1):
    """Central differences along each axis, or those given, over steps or places; one-sided at the ends."""
    f = np.asarray(f)
    axes = tuple(range(f.ndim)) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    steps = (1.0,) * len(axes) if len(varargs) == 0 else varargs * len(axes) if len(varargs) == 1 else varargs
    if len(steps) != len(axes):
        raise TypeError("invalid number of arguments")
    out = tuple([_slope(f, k, step, edge_order) for k, step in zip(axes, steps, strict=True)])
    return out if len(out) > 1 else out[0]


def _slope(f, axis, step, edge_order):
    if edge_order > 2:
        raise ValueError("'edge_order' greater than 2 not supported")
    rows = np.moveaxis(f, axis, 0)
    if len(rows) < edge_order + 1:
        raise ValueError(
            "Shape of array too small to calculate a numerical gradient, "
            "at least (edge_order + 1) elements are required."
        )
    out = np.empty(rows.shape, (rows[:1] * 1.0).dtype)
    if np.ndim(step) == 0:
        out[1:-1] = (rows[2:] - rows[:-2]) / (2.0 * step)
        if edge_order == 1:
            out[0] = (rows[1] - rows[0]) / step
            out[-1] = (rows[-1] - rows[-2]) / step
        else:
            out[0] = (-1.5 * rows[0] + 2.0 * rows[1] - 0.5 * rows[2]) / step
            out[-1] = (0.5 * rows[-3] - 2.0 * rows[-2] + 1.5 * rows[-1]) / step
    else:
        if len(step) != len(rows):
            raise ValueError("when 1d, distances must match the length of the corresponding dimension")
        gaps = h = np.diff(step)
        h = np.expand_dims(h, tuple(range(1, rows.ndim)))
        behind, ahead = h[:-1], h[1:]
        out[1:-1] = (
            -ahead / (behind * (behind + ahead)) * rows[:-2]
            + (ahead - behind) / (behind * ahead) * rows[1:-1]
            + behind / (ahead * (behind + ahead)) * rows[2:]
        )
        if edge_order == 1:
            out[0] = (rows[1] - rows[0]) / gaps[0]
            out[-1] = (rows[-1] - rows[-2]) / gaps[-1]
        else:
            out[0] = _slope_at_end(rows[0], rows[1], rows[2], gaps[0], gaps[1])
            out[-1] = -_slope_at_end(rows[-1], rows[-2], rows[-3], gaps[-1], gaps[-2])
    return np.moveaxis(out, 0, axis)


def _slope_at_end(a, b, c, near, far):
    """The slope at `a` of the parabola through it and through what stands `near`, and `far` from there, ahead of it."""
    both = near + far
    return -(near + both) / (near * both) * a + both / (near * far) * b - near / (far * both) * c


def convolve(a, v, mode="full"):
    """The discrete convolution of two vectors, "full", "same" or "valid"."""
    a, v = _vector(a), _vector(v)
    n, m = len(a), len(v)
    full = np.zeros(n + m - 1, (a[:1] * v[:1]).dtype)
    for i in range(n):
        full[i : i + m] += a[i] * v
    if mode == "full":
        return full
    if mode == "same":
        start = (min(n, m) - 1) // 2
        return full[start : start + max(n, m)]
    return full[min(n, m) - 1 : max(n, m)]


def _vector(a):
    a = np.asarray(a)
    if a.ndim > 1:
        raise ValueError("object too deep for desired array")
    return a if a.ndim == 1 else a[None]


def correlate(a, v, mode="valid"):
    """The cross-correlation of two vectors: of `a` with `v` moved along it."""
    a, v = _vector(a), _vector(v)
    if mode == "same" and len(a) < len(v):  # NumPy lets the shorter one move, and turns the result
        return np.conj(correlate(v, a, mode)[::-1])
    return convolve(a, np.conj(v[::-1]), mode)


def interp(x, xp, fp, left=None, right=None):
    """Values between points by straight lines; beyond the ends those of the ends, or `left` and `right`."""
    x, xp, fp = np.multiply(x, np.float64(1.0)), np.asarray(xp, np.float64), np.asarray(fp, np.float64)
    if len(xp) == 0:
        raise ValueError("array of sample points is empty")
    if len(xp) != len(fp):
        raise ValueError("fp and xp are not of the same length.")
    if np.ndim(x) == 0:
        return _interpolated(x, xp, fp, left, right)
    flat = np.ravel(x)
    out = np.empty(len(flat))
    for k in range(len(flat)):
        out[k] = _interpolated(flat[k], xp, fp, left, right)
    return out.reshape(np.shape(x))


def _interpolated(x, xp, fp, left, right):
    n = len(xp)
    if x < xp[0]:
        return fp[0] if left is None else left + 0.0 * x
    if n == 1 or x >= xp[n - 1]:
        return fp[n - 1] if right is None or x == xp[n - 1] else right + 0.0 * x
    low, high = 0, n - 1
    while high - low > 1:
        middle = (low + high) // 2
        if xp[middle] <= x:
            low = middle
        else:
            high = middle
    return fp[low] + (fp[low + 1] - fp[low]) / (xp[low + 1] - xp[low]) * (x - xp[low])


def cumulative_sum(x, *, axis=None, dtype=None, include_initial=False):
    """`cumsum` of a vector, or along an axis, after a zero if the initial value is to be there."""
    x = np.asarray(x)
    k = _only_axis(x, axis)
    return _with_initial(cumsum(x, k, dtype), k, include_initial, 0)


def cumulative_prod(x, *, axis=None, dtype=None, include_initial=False):
    """`cumprod` of a vector, or along an axis, after a one if the initial value is to be there."""
    x = np.asarray(x)
    k = _only_axis(x, axis)
    return _with_initial(cumprod(x, k, dtype), k, include_initial, 1)


def _only_axis(x, axis):
    """The axis, or that of a vector."""
    if axis is None and x.ndim > 1:
        raise ValueError("For arrays which have more than one dimension ``axis`` argument is required.")
    return 0 if axis is None else axis


def _with_initial(out, axis, included, value):
    if not included:
        return out
    row = np.moveaxis(np.moveaxis(out, axis, 0)[:1], 0, axis)
    shape = tuple([1 if k == axis % out.ndim else out.shape[k] for k in range(out.ndim)])
    return np.concatenate([np.full(shape, value, row.dtype), out], axis)


def unwrap(p, discont=None, axis=-1, *, period=6.283185307179586):
    """Angles along an axis with whole periods added, so that neighbours are at most half a period apart."""
    p = np.asarray(p)
    steps = np.diff(p, axis=axis)
    half = 0.5 * period
    wrapped = np.remainder(steps + half, period) - half
    wrapped = np.where((wrapped == -half) & (steps > 0.0), half, wrapped)
    change = np.where(np.abs(steps) < (half if discont is None else max(discont, half)), 0.0, wrapped - steps)
    out = np.array(p * 1.0)
    np.moveaxis(out, axis, 0)[1:] += np.moveaxis(np.cumsum(change, axis=axis), axis, 0)
    return out
