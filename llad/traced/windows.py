"""Windows: weights that fall to the ends, and pieces of arrays."""

import numpy as np


def bartlett(M):
    """A triangle of `M` weights."""
    return 1.0 - np.abs(_places(M))


def hanning(M):
    """0.5 + 0.5 cos, over half a period to each side."""
    return 0.5 + 0.5 * np.cos(np.pi * _places(M))


def hamming(M):
    """0.54 + 0.46 cos, over half a period to each side."""
    return 0.54 + 0.46 * np.cos(np.pi * _places(M))


def blackman(M):
    """0.42 + 0.5 cos + 0.08 cos of twice that, over half a period to each side."""
    x = np.pi * _places(M)
    return 0.42 + 0.5 * np.cos(x) + 0.08 * np.cos(2.0 * x)


def _places(M):
    """From -1 to 1; one place is in the middle."""
    count = max(M, 0)
    return np.arange(1 - count, count, 2) / max(count - 1, 1)


def sliding_window_view(x, window_shape, axis=None):
    """Of `np.lib.stride_tricks`: all windows of a length along an axis, or of lengths along several, which stand along
    new axes at the end; a copy, where NumPy gives a view that cannot be written."""
    x = np.asarray(x)
    lengths = window_shape if isinstance(window_shape, (tuple, list)) else (window_shape,)
    axes = tuple(range(x.ndim)) if axis is None else axis if isinstance(axis, (tuple, list)) else (axis,)
    if len(lengths) != len(axes):
        raise ValueError("Must provide matching length window_shape and axis")
    rank = x.ndim
    for length, k in zip(lengths, axes, strict=True):
        rows = np.moveaxis(x, k % rank, 0)
        count = len(rows) - length + 1
        if count < 1:
            raise ValueError("window shape cannot be larger than input array shape")
        out = np.empty((count, *rows.shape[1:], length), x.dtype)
        for i in range(count):
            out[i] = np.moveaxis(rows[i : i + length], 0, -1)
        x = np.moveaxis(out, 0, k % rank)
    return x
