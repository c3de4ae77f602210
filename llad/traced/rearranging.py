"""Arrays repeated, padded, rolled and cut; parts of matrices."""

import numpy as np


def flatten(a, order="C"):
    """A copy of all elements, in C order or with the first axes changing fastest."""
    return np.array(np.ravel(a, order))


def broadcast_to(array, shape):
    """The array with the axes that broadcasting gives it; a copy, where NumPy gives a window that cannot be written."""
    a = np.asarray(array)
    out = np.empty(shape, a.dtype)
    if a.ndim > out.ndim:
        raise ValueError("input operand has more dimensions than allowed by the axis remapping")
    out[...] = a
    return out


def tile(A, reps):
    """The array, so many times along each axis."""
    a, reps = np.asarray(A), reps if isinstance(reps, (tuple, list)) else (reps,)
    reps = (1,) * (a.ndim - len(reps)) + tuple(reps)
    return _tiled(np.expand_dims(a, tuple(range(len(reps) - a.ndim))), reps, 0)


def _tiled(a, reps, axis):
    if axis == len(reps):
        return a
    rows = np.moveaxis(a, axis, 0)
    n, count = len(rows), reps[axis]
    out = np.empty((n * count, *rows.shape[1:]), a.dtype)
    for k in range(count):
        out[k * n : (k + 1) * n] = rows
    return _tiled(np.moveaxis(out, 0, axis), reps, axis + 1)


def repeat(a, repeats, axis=None):
    """Each element, or each row along an axis, so many times: as often as all others, or its own number."""
    rows = np.ravel(a) if axis is None else np.moveaxis(np.asarray(a), axis, 0)
    if np.ndim(repeats) > 0:
        out = _each_repeated(rows, np.asarray(repeats) + np.zeros(len(rows), np.int64))
        return out if axis is None else np.moveaxis(out, 0, axis)
    out = np.empty((len(rows) * repeats, *rows.shape[1:]), rows.dtype)
    for k in range(len(rows)):
        for j in range(repeats):
            out[k * repeats + j] = rows[k]
    return out if axis is None else np.moveaxis(out, 0, axis)


def _each_repeated(rows, repeats):
    out = np.empty((np.sum(repeats), *rows.shape[1:]), rows.dtype)
    place = 0
    for k in range(len(rows)):
        for _ in range(repeats[k]):
            out[place] = rows[k]
            place += 1
    return out


def roll(a, shift, axis=None):
    """The elements moved along an axis, what leaves at one end coming in at the other."""
    a = np.asarray(a)
    if axis is None:
        total = sum(shift) if isinstance(shift, tuple) else shift
        return roll(np.ravel(a), total, 0).reshape(a.shape)
    if isinstance(axis, tuple) or isinstance(shift, tuple):
        axes = axis if isinstance(axis, tuple) else (axis,) * len(shift)
        for k, by in zip(axes, shift if isinstance(shift, tuple) else (shift,) * len(axes), strict=True):
            a = roll(a, by, k)
        return a
    n = len(np.moveaxis(a, axis, 0))  # or there is no such axis
    out = np.empty(a.shape, a.dtype)
    if n > 0:
        _roll_into(out, a, shift, axis if axis >= 0 else axis + a.ndim)
    return out


def _roll_into(out, a, shift, axis):
    """Along an inner axis, row by row, so that neighbours in memory come one after the other."""
    n = len(a)
    if axis > 0:
        for k in range(n):
            _roll_into(out[k], a[k], shift, axis - 1)
    elif a.ndim == 1 and shift == 1:  # such that loops over the neighbours of each become one
        for k in range(n):
            out[k] = a[k - 1 if k > 0 else n - 1]
    elif a.ndim == 1 and shift == -1:
        for k in range(n):
            out[k] = a[k + 1 if k < n - 1 else 0]
    else:
        by = shift % n
        for k in range(n - by):
            out[by + k] = a[k]
        for k in range(by):
            out[k] = a[n - by + k]


def pad(array, pad_width, mode="constant", *, constant_values=0):
    """More elements at the ends: "constant", "edge", "wrap", "reflect" or "symmetric"."""
    a = np.asarray(array)
    widths = _pairs(pad_width, a.ndim)
    if len(widths) != a.ndim:
        raise ValueError("operands could not be broadcast together: np.pad wants a pair of widths for each axis")
    constants = _pairs(constant_values, a.ndim)
    for axis, (before, after) in enumerate(widths):
        rows = np.moveaxis(a, axis, 0)
        n = len(rows)
        if mode != "constant" and n == 0 and before + after > 0:
            raise ValueError(f"can't extend empty axis {axis} using modes other than 'constant' or 'empty'")
        out = np.empty((before + n + after, *rows.shape[1:]), a.dtype)
        out[before : before + n] = rows
        for k in range(before):
            out[before - 1 - k] = _beyond(rows, k, n, mode, constants[axis][0], True)
        for k in range(after):
            out[before + n + k] = _beyond(rows, k, n, mode, constants[axis][1], False)
        a = np.moveaxis(out, 0, axis)
    return a


def _pairs(values, rank):
    """A value for the beginning of each axis, and one for its end."""
    if not isinstance(values, (tuple, list)):
        return ((values, values),) * rank
    if not isinstance(values[0], (tuple, list)):
        return ((values[0], values[-1]),) * rank
    return tuple(values) * (rank if len(values) == 1 else 1)


def _beyond(rows, k, n, mode, constant, first):
    """The row that stands `k` places beyond an end."""
    if mode == "constant":
        return constant
    if mode == "edge":
        return rows[0] if first else rows[n - 1]
    if mode == "wrap":
        return rows[(n - 1 - k) % n] if first else rows[k % n]
    if mode == "symmetric":
        at = k % (2 * n)
        at = at if at < n else 2 * n - 1 - at
        return rows[at] if first else rows[n - 1 - at]
    if mode == "reflect":
        at = (k + 1) % max(2 * n - 2, 1)
        at = at if at < n else 2 * n - 2 - at
        return rows[at] if first else rows[n - 1 - at]
    raise NotImplementedError("np.pad with this mode; supported are constant, edge, wrap, reflect, symmetric")


def split(ary, indices_or_sections, axis=0):
    """Views of equal parts along an axis, or of those between the given places."""
    a = np.asarray(ary)
    if isinstance(indices_or_sections, int):
        count, n = indices_or_sections, a.shape[axis]
        if n % count != 0:
            raise ValueError("array split does not result in an equal division")
        places = [k * (n // count) for k in range(count + 1)]
    else:
        places = [0, *indices_or_sections, a.shape[axis]]
    return _parts(a, places, axis)


def array_split(ary, indices_or_sections, axis=0):
    """Views of parts along an axis, the first ones longer by one where they cannot be equal."""
    a = np.asarray(ary)
    if isinstance(indices_or_sections, int):
        count, n = indices_or_sections, a.shape[axis]
        places = [k * (n // count) + min(k, n % count) for k in range(count + 1)]
    else:
        places = [0, *indices_or_sections, a.shape[axis]]
    return _parts(a, places, axis)


def _parts(a, places, axis):
    rows = np.moveaxis(a, axis, 0)
    return [np.moveaxis(rows[places[k] : places[k + 1]], 0, axis) for k in range(len(places) - 1)]


def hsplit(ary, indices_or_sections):
    """`split` along the second axis, or the only one."""
    return split(ary, indices_or_sections, 1 if np.ndim(ary) > 1 else 0)


def vsplit(ary, indices_or_sections):
    """`split` along the first axis."""
    if np.ndim(ary) < 2:
        raise ValueError("vsplit only works on arrays of 2 or more dimensions")
    return split(ary, indices_or_sections, 0)


def dsplit(ary, indices_or_sections):
    """`split` along the third axis."""
    if np.ndim(ary) < 3:
        raise ValueError("dsplit only works on arrays of 3 or more dimensions")
    return split(ary, indices_or_sections, 2)


def meshgrid(*xi, indexing="xy", sparse=False):
    """The coordinates of all points of a grid, an array for each axis; of one line each, if `sparse`."""
    count = len(xi)
    shape = [np.size(x) for x in xi]
    axes = list(range(count))
    if indexing == "xy" and count > 1:
        shape[0], shape[1] = shape[1], shape[0]
        axes[0], axes[1] = 1, 0
    out = []
    for x, axis in zip(xi, axes, strict=True):
        line = np.expand_dims(np.array(np.ravel(x)), tuple([k for k in range(count) if k != axis]))
        if sparse:
            out.append(line)
        else:
            grid = np.empty(tuple(shape), line.dtype)
            grid[...] = line
            out.append(grid)
    return tuple(out)


def triu(m, k=0):
    """A copy with zeros below diagonal `k`."""
    return _triangle(np.asarray(m), k, False)


def tril(m, k=0):
    """A copy with zeros above diagonal `k`."""
    return _triangle(np.asarray(m), k, True)


def _triangle(m, k, lower):
    if m.ndim < 2:
        m = m + np.zeros((m.shape[0], m.shape[0]), m.dtype)
    rows, columns = np.arange(m.shape[-2]), np.arange(m.shape[-1])
    ahead = columns[None, :] - rows[:, None]
    return np.where(ahead <= k if lower else ahead >= k, m, np.zeros_like(m))


def eye(N, M=None, k=0, dtype=float):
    """Ones on diagonal `k`, zeros elsewhere."""
    columns = N if M is None else M
    out = np.zeros((N, columns), dtype)
    for j in range(max(-k, 0), min(N, columns - k)):
        out[j, j + k] = 1
    return out


def identity(n, dtype=float):
    """Ones on the diagonal of a square matrix, zeros elsewhere."""
    return eye(n, dtype=dtype)


def tri(N, M=None, k=0):
    """Ones at and below diagonal `k`, zeros above."""
    ahead = np.arange(N if M is None else M)[None, :] - np.arange(N)[:, None]
    return np.where(ahead <= k, 1.0, 0.0)


def diagonal(a, offset=0, axis1=0, axis2=1):
    """The elements of a diagonal, as a copy, where NumPy gives a window that cannot be written."""
    m = np.moveaxis(np.asarray(a), (axis1, axis2), (0, 1))
    first, second = max(-offset, 0), max(offset, 0)
    n = max(min(m.shape[0] - first, m.shape[1] - second), 0)
    out = np.empty((n, *m.shape[2:]), m.dtype)
    for k in range(n):
        out[k] = m[first + k, second + k]
    return np.moveaxis(out, 0, -1)


def diag(v, k=0):
    """The matrix with a diagonal, or the diagonal of a matrix."""
    v = np.asarray(v)
    if v.ndim == 2:
        return diagonal(v, k)
    n = len(v) + abs(k)
    out = np.zeros((n, n), v.dtype)
    for j in range(len(v)):
        out[j + max(-k, 0), j + max(k, 0)] = v[j]
    return out


def diagflat(v, k=0):
    """The matrix with all elements, in C order, on a diagonal."""
    return diag(np.ravel(v), k)


def trace(a, offset=0, axis1=0, axis2=1):
    """The sum of a diagonal."""
    return np.sum(diagonal(a, offset, axis1, axis2), axis=-1)


def fliplr(m):
    """The columns in reverse: a view."""
    return np.asarray(m)[:, ::-1]


def flipud(m):
    """The rows in reverse: a view."""
    return np.asarray(m)[::-1]


def rot90(m, k=1, axes=(0, 1)):
    """The array turned by so many right angles, from one axis to another: a view."""
    m, k = np.asarray(m), k % 4
    if m.ndim < 2 or axes[0] % m.ndim == axes[1] % m.ndim:
        raise ValueError("Axes must be different.")
    if k == 0:
        return m[:]
    if k == 2:
        return np.flip(m, axes)
    return np.swapaxes(np.flip(m, axes[1]), *axes) if k == 1 else np.flip(np.swapaxes(m, *axes), axes[1])


def atleast_1d(a):
    """The array, or an array of one element."""
    a = np.asarray(a)
    return a if a.ndim > 0 else np.full(1, a)


def atleast_2d(a):
    """The array with at least two axes."""
    a = atleast_1d(a)
    return a if a.ndim > 1 else a[None]


def atleast_3d(a):
    """The array with at least three axes: a vector is a row, and what two axes stand for are numbers."""
    a = np.asarray(a)
    return atleast_2d(a)[..., None] if a.ndim < 3 else a


def dstack(tup):
    """Arrays joined along a third axis."""
    return np.concatenate([atleast_3d(x) for x in tup], axis=2)


def vander(x, N=None, increasing=False):
    """The powers of the elements, a row for each."""
    x = np.asarray(x)
    if x.ndim != 1:
        raise ValueError("x must be a one-dimensional array or sequence.")
    n = len(x) if N is None else N
    out = np.ones((len(x), n), (x[:1] * np.ones(1, np.int64)).dtype)
    for k in range(1, n):
        out[:, k] = out[:, k - 1] * x
    return out if increasing else out[:, ::-1]


def resize(a, new_shape):
    """The elements in C order, over and over, in another shape."""
    flat = np.ravel(a)
    out = np.empty(new_shape, flat.dtype)
    line = out.reshape(-1)
    for k in range(len(line)):
        line[k] = flat[k % len(flat)]
    return out


def broadcast_arrays(*args):
    """The arrays with their common shape: copies, where NumPy gives windows that are not to be written."""
    arrays = [np.asarray(x) for x in args]
    shape = arrays[0].shape
    for k in range(1, len(arrays)):
        shape = (np.zeros(shape, np.bool_) | np.zeros(arrays[k].shape, np.bool_)).shape
    return tuple([broadcast_to(a, shape) for a in arrays])


def apply_along_axis(func1d, axis, arr, *args):
    """What a function gives for each line along an axis, which takes its place."""
    lines = np.moveaxis(np.asarray(arr), axis, -1)
    lead = lines.shape[:-1]
    flat = np.array(lines).reshape((-1, lines.shape[-1]))
    if len(flat) == 0:
        raise ValueError("Cannot apply_along_axis when any iteration dimensions are 0")
    first = np.asarray(func1d(flat[0], *args))
    out = np.empty((len(flat), *first.shape), first.dtype)
    out[0] = first
    for k in range(1, len(flat)):
        out[k] = func1d(flat[k], *args)
    out = out.reshape((*lead, *first.shape))
    axes = tuple(range(len(lead), len(lead) + first.ndim))
    return np.moveaxis(out, axes, tuple([axis % np.ndim(arr) + k for k in range(first.ndim)]))
