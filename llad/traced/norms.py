"""Norms as plain Python, which is traced as a user's code is.

The derivative of a norm of zeros is zero: the branch that is executed there is a constant.
"""

from __future__ import annotations

from typing import Any

import numpy as np


def length(x: Any) -> Any:
    """The square root of the sum of the squares of all elements."""
    square = np.sum(x * x)
    return square if square == 0.0 else np.sqrt(square)


def of_matrices(x: Any, order: Any, axes: tuple[int, int]) -> Any:
    """The norm of each matrix that two axes make, of an order as `np.linalg.norm` names it."""
    rows, columns = axes
    if order is None or order == "fro":
        return _rooted(np.sum(x * x, axis=axes), 0.5)
    if order == "nuc" or order == 2 or order == -2:
        values = np.linalg.svdvals(np.moveaxis(x, axes, (-2, -1)))
        if order == "nuc":
            return np.sum(values, axis=-1)
        return np.max(values, axis=-1, initial=0.0) if order == 2 else np.min(values, axis=-1)
    along, across = (rows, columns) if abs(order) == 1 else (columns, rows)
    sums = np.sum(np.abs(x), axis=along)
    across -= across > along
    return np.max(sums, axis=across, initial=0.0) if order > 0 else np.min(sums, axis=across)


def along(x: Any, order: Any, axis: int) -> Any:
    """The norm of each line along an axis, of an order as `np.linalg.norm` names it."""
    if order is None or order == 2:
        return _rooted(np.sum(x * x, axis=axis), 0.5)
    if order == 1:
        return np.sum(np.abs(x), axis=axis)
    if order == np.inf:
        return np.max(np.abs(x), axis=axis, initial=0.0)
    if order == -np.inf:
        return np.min(np.abs(x), axis=axis)
    if order == 0:
        return np.sum(np.where(x == 0.0, 0.0 * x, 0.0 * x + 1.0), axis=axis)
    return _rooted(np.sum(np.abs(x) ** order, axis=axis), 1.0 / order)


def _rooted(total: Any, exponent: float) -> Any:
    root = np.sqrt(total) if exponent == 0.5 else total**exponent
    return np.where(total == 0.0, 0.0 * total, root) if exponent > 0.0 else root


def of_vectors(x: Any, axis: Any, keepdims: bool, order: Any) -> Any:
    """The norm of what several axes, or all, make together."""
    x = np.asarray(x)
    axes = tuple(range(x.ndim)) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    rest = x.ndim - len(axes)
    lines = np.moveaxis(x, axes, tuple(range(rest, x.ndim)))
    out = np.linalg.norm(lines.reshape((*lines.shape[:rest], -1)), order, axis=-1)
    return np.expand_dims(out, axes) if keepdims else out


def cond(x: Any, p: Any = None) -> Any:
    """The greatest singular value by the least, or the norm by that of the inverse."""
    x = np.asarray(x)
    if p is None or p == 2 or p == -2:
        values = np.linalg.svdvals(x)
        return values[..., -1] / values[..., 0] if p == -2 else values[..., 0] / values[..., -1]
    return np.linalg.norm(x, p, axis=(-2, -1)) * np.linalg.norm(np.linalg.inv(x), p, axis=(-2, -1))


def matrix_rank(A: Any, tol: Any = None) -> Any:
    """How many singular values are greater than a bound: by default rounding, for the size of the matrix."""
    A = np.asarray(A)
    if A.ndim < 2:
        return np.where(np.any(A != 0), 1, 0)
    values = np.linalg.svdvals(A)
    epsilon = 1.1920928955078125e-07 if values.dtype == np.float32 else 2.220446049250313e-16
    least = np.max(values, axis=-1, keepdims=True, initial=0.0) * (max(A.shape[-2], A.shape[-1]) * epsilon)
    return np.sum(values > (least if tol is None else np.asarray(tol)[..., None]), axis=-1)


def diagonal(x: Any, *, offset: int = 0) -> Any:
    return np.diagonal(x, offset, -2, -1)


def trace(x: Any, *, offset: int = 0) -> Any:
    return np.trace(x, offset, -2, -1)


def outer(x1: Any, x2: Any) -> Any:
    if np.ndim(x1) != 1 or np.ndim(x2) != 1:
        raise ValueError("Input arrays must be one-dimensional")
    return np.outer(x1, x2)


def tensordot(x1: Any, x2: Any, *, axes: Any = 2) -> Any:
    return np.tensordot(x1, x2, axes)
