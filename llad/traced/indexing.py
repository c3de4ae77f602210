"""Elements by arrays of indices, by masks, and where things are.

Indices and masks have no derivative; those of elements go where the elements come from. A repeated index is stored to
once and again, as NumPy does it, and added to once by `a[i] += v`; `np.add.at` adds each time.
"""

import numpy as np

from llad.traced.rearranging import broadcast_to


def _gather(m, indices):
    """The rows of `m` at places told by an index array for each of its first axes."""
    flat = [np.ravel(index) for index in indices]
    n = len(flat[0])
    out = np.empty((n, *m.shape[len(indices) :]), m.dtype)
    for p in range(n):
        out[p] = m[tuple([index[p] for index in flat])]
    return out.reshape((*indices[0].shape, *out.shape[1:]))


def _scatter(m, indices, values):
    """Store `values`, a number or an array of the shape of what is stored to, in rows of `m`."""
    flat = [np.ravel(index) for index in indices]
    n = len(flat[0])
    if np.ndim(values) == 0:
        for p in range(n):
            m[tuple([index[p] for index in flat])] = values
    else:
        rows = values.reshape((n, *m.shape[len(indices) :]))
        for p in range(n):
            m[tuple([index[p] for index in flat])] = rows[p]


def _add_at(m, indices, values):
    flat = [np.ravel(index) for index in indices]
    n = len(flat[0])
    if np.ndim(values) == 0:
        for p in range(n):
            m[tuple([index[p] for index in flat])] += values
    else:
        rows = values.reshape((n, *m.shape[len(indices) :]))
        for p in range(n):
            m[tuple([index[p] for index in flat])] += rows[p]


def nonzero(a):
    """Where elements are not zero: for each axis an array of indices, in C order."""
    a = np.asarray(a)
    if a.ndim == 0:
        raise ValueError("Calling nonzero on 0d arrays is not allowed. Use np.atleast_1d(scalar).nonzero()")
    flat = np.ravel(a) != 0
    count = np.sum(flat)
    out = [np.empty(count, np.int64) for _ in range(a.ndim)]
    found = 0
    for p in range(len(flat)):
        if flat[p]:
            rest = p
            for axis in reversed(range(a.ndim)):
                out[axis][found] = rest % a.shape[axis] if axis > 0 else rest
                rest = rest // a.shape[axis]
            found += 1
    return tuple(out)


def flatnonzero(a):
    """Where elements are not zero, in C order."""
    return nonzero(np.ravel(a))[0]


def argwhere(a):
    """Where elements are not zero: a row of indices for each."""
    return np.stack(nonzero(a), axis=1)


def take(a, indices, axis=None):
    """The elements, or the rows along an axis, at indices."""
    if axis is None:
        return np.ravel(a)[indices]
    if np.ndim(indices) == 0:
        return np.array(np.moveaxis(np.asarray(a), axis, 0)[indices])[()]
    indices = np.asarray(indices)
    out = np.moveaxis(np.asarray(a), axis, 0)[indices]
    here = axis % np.ndim(a)
    return np.moveaxis(out, tuple(range(indices.ndim)), tuple(range(here, here + indices.ndim)))


def take_along_axis(arr, indices, axis=-1):
    """The elements at indices along an axis, for each place of the other axes its own."""
    a, i = np.moveaxis(np.asarray(arr), axis, -1), np.moveaxis(np.asarray(indices), axis, -1)
    out = np.empty(i.shape, a.dtype)
    _take_lines(a, i, out)
    return np.moveaxis(out, -1, axis)


def _take_lines(a, i, out):
    if i.ndim == 1:
        for k in range(len(i)):
            out[k] = a[i[k]]
    else:
        for k in range(len(i)):
            _take_lines(a[k], i[k], out[k])


def put_along_axis(arr, indices, values, axis):
    """Store at indices along an axis, for each place of the other axes its own."""
    a, i = np.moveaxis(arr, axis, -1), np.moveaxis(np.asarray(indices), axis, -1)
    _put_lines(a, i, np.moveaxis(broadcast_to(values, np.shape(indices)), axis, -1))


def _put_lines(a, i, values):
    if i.ndim == 1:
        for k in range(len(i)):
            a[i[k]] = values[k]
    else:
        for k in range(len(i)):
            _put_lines(a[k], i[k], values[k])


def copyto(dst, src, *, where=True):
    """Store in an array what is broadcast to it, where a condition holds."""
    dst[...] = np.where(where, src, dst)


def fill_diagonal(a, val):
    """Store a number, or the elements of a vector, on the diagonal."""
    if a.ndim < 2:
        raise ValueError("array must be at least 2-d")
    if a.ndim > 2:
        _require_equal(a.shape)
    for k in range(min(a.shape)):
        a[(k,) * a.ndim] = val if np.ndim(val) == 0 else val[k % len(val)]


def _require_equal(shape):
    if any(length != shape[0] for length in shape):
        raise ValueError("All dimensions of input must be of equal length")


def ix_(*args):
    """Index arrays that select all combinations of vectors of indices, or of masks."""
    out = []
    for axis, places in enumerate(args):
        places = np.asarray(places)
        if places.ndim != 1:
            raise ValueError("Cross index must be 1 dimensional")
        if places.dtype == np.bool_:
            places = nonzero(places)[0]
        out.append(np.expand_dims(places, tuple([k for k in range(len(args)) if k != axis])))
    return tuple(out)


def triu_indices(n, k=0, m=None):
    """Where the elements on and above diagonal `k` of a matrix stand."""
    return nonzero(np.tri(n, m, k - 1) == 0.0)


def tril_indices(n, k=0, m=None):
    """Where the elements on and below diagonal `k` of a matrix stand."""
    return nonzero(np.tri(n, m, k))


def triu_indices_from(arr, k=0):
    """`triu_indices` of the shape of a matrix."""
    if arr.ndim != 2:
        raise ValueError("input array must be 2-d")
    return triu_indices(arr.shape[0], k, arr.shape[1])


def tril_indices_from(arr, k=0):
    """`tril_indices` of the shape of a matrix."""
    if arr.ndim != 2:
        raise ValueError("input array must be 2-d")
    return tril_indices(arr.shape[0], k, arr.shape[1])


def diag_indices(n, ndim=2):
    """Where the elements of a diagonal stand."""
    return (np.arange(n),) * ndim


def diag_indices_from(arr):
    """`diag_indices` of the shape of an array."""
    if arr.ndim < 2:
        raise ValueError("input array must be at least 2-d")
    _require_equal(arr.shape)
    return diag_indices(arr.shape[0], arr.ndim)


def compress(condition, a, axis=None):
    """The elements, or the rows along an axis, for which a condition holds."""
    return take(a, nonzero(condition)[0], axis)


def _compress_method(a, condition, axis=None):
    return compress(condition, a, axis)


def extract(condition, arr):
    """The elements for which a condition holds, in C order."""
    return np.ravel(arr)[flatnonzero(condition)]


def isin(element, test_elements):
    """Whether each element is among others."""
    return np.any(np.expand_dims(np.asarray(element), -1) == np.ravel(test_elements), axis=-1)


def put(a, ind, v):
    """Store at indices that count all elements in C order, values over and over."""
    places, values = np.ravel(ind), np.ravel(v)
    for k in range(len(places)):
        place = places[k] + a.size if places[k] < 0 else places[k]
        if place < 0 or place >= a.size:
            raise IndexError("an index is out of bounds for the size of the array")
        at = []
        for length in reversed(a.shape):
            at.append(place % length)
            place = place // length
        a[tuple(reversed(at))] = values[k % len(values)]


def choose(a, choices):
    """Per element, the choice that it counts."""
    out = choices[len(choices) - 1]
    for k in reversed(range(len(choices) - 1)):
        out = np.where(np.equal(a, k), choices[k], out)
    if np.any(np.asarray(a) < 0) or np.any(np.asarray(a) >= len(choices)):
        raise ValueError("invalid entry in choice array")
    return out


def unravel_index(indices, shape):
    """The indices of all axes, of indices that count in C order."""
    out = []
    for length in reversed(shape if isinstance(shape, tuple) else (shape,)):
        out.append(np.remainder(indices, length))
        indices = np.floor_divide(indices, length)
    if np.any(indices != 0):
        raise ValueError("index is out of bounds for array")
    return tuple(reversed(out))


def ravel_multi_index(multi_index, dims):
    """The indices that count in C order, of those of all axes."""
    out = 0
    for index, length in zip(multi_index, dims, strict=True):
        if np.any(np.asarray(index) < 0) or np.any(np.asarray(index) >= length):
            raise ValueError("invalid entry in coordinates array")
        out = np.add(np.multiply(out, length), index)
    return out
