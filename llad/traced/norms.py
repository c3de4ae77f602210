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


def of_lines(x: Any, axis: int, largest: bool) -> Any:
    """The largest, or smallest, of the sums of absolute values along an axis of a matrix."""
    sums = np.sum(np.abs(x), axis=axis)
    return np.max(sums) if largest else np.min(sums)


def along(x: Any, order: Any, axis: int) -> Any:
    """The norm of each line along an axis, of an order as `np.linalg.norm` names it."""
    if order is None or order == 2:
        return _rooted(np.sum(x * x, axis=axis), 0.5)
    if order == 1:
        return np.sum(np.abs(x), axis=axis)
    if order == np.inf:
        return np.max(np.abs(x), axis=axis)
    if order == -np.inf:
        return np.min(np.abs(x), axis=axis)
    if order == 0:
        return np.sum(np.where(x == 0.0, 0.0 * x, 0.0 * x + 1.0), axis=axis)
    return _rooted(np.sum(np.abs(x) ** order, axis=axis), 1.0 / order)


def _rooted(total: Any, exponent: float) -> Any:
    root = np.sqrt(total) if exponent == 0.5 else total**exponent
    return np.where(total == 0.0, 0.0 * total, root) if exponent > 0.0 else root
