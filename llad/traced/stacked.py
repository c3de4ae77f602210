"""Products of stacks of vectors and matrices."""

import numpy as np


def vecdot(x1, x2, axis=-1):
    """The scalar products of vectors along an axis, the first ones conjugated."""
    a, b = np.moveaxis(np.asarray(x1), axis, -1), np.moveaxis(np.asarray(x2), axis, -1)
    return np.matmul(np.conj(a)[..., None, :], b[..., None])[..., 0, 0]


def matvec(x1, x2):
    """The products of matrices and vectors."""
    if np.ndim(x1) < 2:
        raise ValueError("matvec: Input operand 0 does not have enough dimensions")
    return np.matmul(x1, np.asarray(x2)[..., None])[..., 0]


def vecmat(x1, x2):
    """The products of vectors, conjugated, and matrices."""
    if np.ndim(x2) < 2:
        raise ValueError("vecmat: Input operand 1 does not have enough dimensions")
    return np.matmul(np.conj(np.asarray(x1))[..., None, :], x2)[..., 0, :]


def matrix_transpose(x):
    """The array with its last two axes exchanged: a view."""
    return np.swapaxes(x, -1, -2)
