"""Elements taken out of arrays and put into them, and arrays put together from blocks."""

import numpy as np


def delete(arr, obj, axis=None):
    """A copy without the elements, or the rows along an axis, at indices, at a slice, or where a mask is true."""
    rows = np.ravel(arr) if axis is None else np.moveaxis(np.asarray(arr), axis, 0)
    kept = np.ones(len(rows), np.bool_)
    if not isinstance(obj, (list, tuple)):
        kept[obj] = False
    elif len(obj) > 0:
        kept[np.asarray(obj)] = False
    return rows[kept] if axis is None else np.moveaxis(rows[kept], 0, axis)


def insert(arr, obj, values, axis=None):
    """A copy with more elements, or rows along an axis: before one index all of `values`, before several one each."""
    rows = np.ravel(arr) if axis is None else np.moveaxis(np.asarray(arr), axis, 0)
    n = len(rows)
    if isinstance(obj, slice):
        obj = np.arange(n)[obj]
    elif np.ndim(obj) == 1 and np.asarray(obj).dtype == np.bool_:
        obj = np.flatnonzero(obj)
    single = np.ndim(obj) == 0 or (isinstance(obj, (list, tuple)) and len(obj) == 1)
    more = np.asarray(values)
    more = np.expand_dims(more, tuple(range(rows.ndim - more.ndim))) if more.ndim < rows.ndim else more
    if axis is not None and np.ndim(obj) > 0:
        more = np.moveaxis(more, axis, 0)
    if single:
        place = obj if np.ndim(obj) == 0 else obj[0]
        at = np.full(len(more), _place(place, n, 0 if axis is None else axis))
    elif isinstance(obj, (list, tuple)):
        at = np.array([_place(k, n, 0 if axis is None else axis) for k in obj])
    else:
        at = _places(obj, n)
    order = np.argsort(at)
    at[order] += np.arange(len(at))
    old = np.ones(n + len(at), np.bool_)
    old[at] = False
    out = np.empty((n + len(at), *rows.shape[1:]), rows.dtype)
    out[at] = more
    out[old] = rows
    return out if axis is None else np.moveaxis(out, 0, axis)


def _place(index, n, axis):
    """The index counted from the front: from 0 up to `n`."""
    if index < -n or index > n:
        raise IndexError(f"an index to insert at is out of bounds for axis {axis}")
    return index + n if index < 0 else index


def _places(indices, n):
    found = np.empty(len(indices), np.int64)
    for k in range(len(indices)):
        found[k] = _place(indices[k], n, 0)
    return found


def block(arrays):
    """An array of nested lists of blocks: the innermost lists are joined along the last axis."""
    depth = _depth(arrays)
    return _block(arrays, depth, max(depth, _rank(arrays)))


def _depth(arrays):
    return 1 + _depth(arrays[0]) if isinstance(arrays, list) else 0


def _rank(arrays):
    return max([_rank(part) for part in arrays]) if isinstance(arrays, list) else np.ndim(arrays)


def _block(arrays, depth, rank):
    if isinstance(arrays, list) != (depth > 0):
        raise ValueError("List depths are mismatched.")
    if depth == 0:
        part = np.asarray(arrays)
        return np.expand_dims(part, tuple(range(rank - part.ndim))) if part.ndim < rank else part * 1
    return np.concatenate([_block(part, depth - 1, rank) for part in arrays], axis=-depth)
