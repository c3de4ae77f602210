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
