"""Order: sorting, the median, places in sorted arrays. Which element stands where does not change in between, so
derivatives go with the elements."""

import numpy as np


def argsort(a, axis=-1):
    """The indices that sort along an axis, stably; nan last. Integers: no derivative passes."""
    a = np.asarray(a)
    if axis is None:
        return argsort(np.ravel(a))
    out = np.empty(a.shape, np.int64)
    _each_line(np.moveaxis(a, axis, -1), np.moveaxis(out, axis, -1))
    return out


def _each_line(a, out):
    if a.ndim == 1:
        _merge_sort(a, out)
    else:
        for k in range(len(a)):
            _each_line(a[k], out[k])


def _merge_sort(a, order):
    """Bottom-up, of indices: lines of 1, 2, 4, … that are sorted become pairs."""
    n = len(a)
    for k in range(n):
        order[k] = k
    work = np.empty(n, np.int64)
    width = 1
    while width < n:
        start = 0
        while start < n:
            middle, end = min(start + width, n), min(start + 2 * width, n)
            left, right = start, middle
            for k in range(start, end):
                first = left < middle
                if first and right < end:
                    x, y = a[order[left]], a[order[right]]
                    first = not (y < x or (x != x and y == y))
                if first:
                    work[k] = order[left]
                    left += 1
                else:
                    work[k] = order[right]
                    right += 1
            start = end
        for k in range(n):
            order[k] = work[k]
        width *= 2


def sort(a, axis=-1):
    """A sorted copy along an axis, nan last."""
    a = np.asarray(a)
    if axis is None:
        return sort(np.ravel(a))
    out = np.empty(a.shape, a.dtype)
    _sort_lines(np.moveaxis(a, axis, -1), np.moveaxis(out, axis, -1))
    return out


def _sort_in_place(a, axis=-1):
    a[...] = sort(a, axis)


def _sort_lines(a, out):
    if a.ndim == 1:
        order = np.empty(len(a), np.int64)
        _merge_sort(a, order)
        for k in range(len(a)):
            out[k] = a[order[k]]
    else:
        for k in range(len(a)):
            _sort_lines(a[k], out[k])


def median(a, axis=None, *, keepdims=False):
    """The middle element, or the mean of the two in the middle."""
    a = np.asarray(a)
    if axis is None:
        middle = _middle(sort(np.ravel(a)))
        return np.full((1,) * a.ndim, middle) if keepdims else middle
    if isinstance(axis, tuple):
        lines = np.moveaxis(a, axis, tuple(range(len(axis))))
        middle = median(lines.reshape((-1, *lines.shape[len(axis) :])), 0)
        return np.expand_dims(middle, axis) if keepdims else middle
    middle = _middle(np.moveaxis(sort(a, axis), axis, 0))
    return np.expand_dims(middle, axis) if keepdims else middle


def _middle(rows):
    n = len(rows)
    if n == 0:
        return np.mean(rows, axis=0)
    if rows.dtype != np.float64 and rows.dtype != np.float32:
        rows = rows.astype(np.float64)
    high = rows[n // 2]
    middle = 0.5 * (rows[(n - 1) // 2] + high)
    return np.where(np.isnan(rows[n - 1]), np.nan, middle)


def partition(a, kth, axis=-1):
    """A copy along an axis with the elements at `kth` where sorting puts them, the less before them: sorted."""
    return sort(a, axis)


def argpartition(a, kth, axis=-1):
    """The indices of `partition`. Integers: no derivative passes."""
    return argsort(a, axis)


def unique(ar, return_index=False, return_inverse=False, return_counts=False):
    """The different elements in order, and where each stands first, where each went, how often it occurs."""
    flat = np.ravel(ar)
    n = len(flat)
    order = argsort(flat)
    groups = np.empty(n, np.int64)
    count = 0
    for k in range(n):
        x = flat[order[k]]
        if k > 0:
            y = flat[order[k - 1]]
            count += int(x != y and (x == x or y == y))
        groups[k] = count
    size = min(count + 1, n)
    first, counts, inverse = np.zeros(size, np.int64), np.zeros(size, np.int64), np.empty(n, np.int64)
    for k in range(n):
        group = groups[k]
        if counts[group] == 0:
            first[group] = order[k]
        counts[group] += 1
        inverse[order[k]] = group
    out = (flat[first],)
    if return_index:
        out = (*out, first)
    if return_inverse:
        out = (*out, inverse.reshape(np.shape(ar)))
    if return_counts:
        out = (*out, counts)
    return out if len(out) > 1 else out[0]


def searchsorted(a, v, side="left"):
    """Where elements would have to stand in a sorted vector. Integers: no derivative passes."""
    a = np.asarray(a)
    if np.ndim(v) == 0:
        return _place(a, v, side == "right")
    flat = np.ravel(v)
    out = np.empty(len(flat), np.int64)
    for k in range(len(flat)):
        out[k] = _place(a, flat[k], side == "right")
    return out.reshape(np.shape(v))


def _place(a, v, right):
    low, high = 0, len(a)
    while low < high:
        middle = (low + high) // 2
        here = a[middle]
        if here < v or (v != v and here == here) or (right and (here == v or (here != here and v != v))):
            low = middle + 1
        else:
            high = middle
    return low


def digitize(x, bins, right=False):
    """In which of the bins, whose edges grow or fall, elements lie."""
    bins = np.asarray(bins)
    side = "left" if right else "right"
    if len(bins) > 1 and bins[0] > bins[-1]:
        return len(bins) - searchsorted(bins[::-1], x, side)
    return searchsorted(bins, x, side)


def bincount(x, weights=None, minlength=0):
    """How often each number from 0 to the greatest occurs, or the sum of its weights."""
    x = np.asarray(x)
    size = max(minlength, np.max(x) + 1) if len(x) > 0 else minlength
    if weights is None:
        counts = np.zeros(size, np.int64)
        for k in range(len(x)):
            counts[x[k]] += 1
        return counts
    weights = np.asarray(weights)
    sums = np.zeros(size)
    for k in range(len(x)):
        sums[x[k]] += weights[k]
    return sums


def lexsort(keys, axis=-1):
    """The indices that sort by the last key, where that is equal by the one before, and so on."""
    if len(keys) == 0:
        raise TypeError("need sequence of keys with len > 0 in lexsort")
    order = np.argsort(np.asarray(keys[0]), axis)
    for k in range(1, len(keys)):
        key = np.take_along_axis(np.asarray(keys[k]), order, axis)
        order = np.take_along_axis(order, np.argsort(key, axis), axis)
    return order


def union1d(ar1, ar2):
    """The different elements of two arrays, in order."""
    return unique(np.concatenate([np.ravel(ar1), np.ravel(ar2)]))


def intersect1d(ar1, ar2):
    """The different elements that both arrays have, in order."""
    first = unique(ar1)
    return first[np.isin(first, ar2)]


def setdiff1d(ar1, ar2):
    """The different elements that only the first array has, in order."""
    first = unique(ar1)
    return first[np.logical_not(np.isin(first, ar2))]
