"""Values whose derivative is written down: what is computed by an iteration is not differentiated step by step.

A decomposition `y` of a matrix `a` is computed from `underived(a)`, and its differential is written as an expression
that is linear in what varies, `dy = L(y) da` (Giles, An extended collection of matrix derivative results for forward
and reverse mode algorithmic differentiation, Oxford NA-08/01, 2008). With products that hold their first factor,

    y1 = with_derivative(y0, L(y0)·a)    the first derivative of `y1` is L(y0) ȧ: right
    y2 = with_derivative(y0, L(y1)·a)    its first derivative is L(y1) ȧ, and so its second one L'(y1) y1' ȧ + …: right

so each step makes one more order right, and a derivative beyond that reaches `underived`, which refuses. All have the
value `y0`. What a derivative does not ask for is dead code: a value runs just the iteration, a first derivative
one `L`, a second derivative two.

Run as plain Python these functions give their values. In traced code they are ops (`llad/ops/held.py`).
"""

from __future__ import annotations

from typing import Any

import numpy as np


def held_mul(p: Any, x: Any) -> Any:
    """`p * x` with the derivative `p * dx`. In that, `p` is a value as others are."""
    return p * x


def held_mulz(p: Any, x: Any) -> Any:
    """The same, where a `dx` of zero gives zero even if `p` is not finite."""
    return p * x


def with_derivative(y: Any, x: Any) -> Any:
    """The value of `y` with the derivative of `x`."""
    return y


def underived(x: Any) -> Any:
    """`x`, by which there is no derivative: asking for one is an error."""
    return x


def dots(p: Any, x: Any) -> Any:
    """The product `p @ x.T` by `x`: of each row of `p` with each row of `x`."""
    out = np.zeros((len(p), len(x)), p.dtype)
    for i in range(len(p)):
        for j in range(len(x)):
            out[i, j] = np.sum(held_mul(p[i], x[j]))
    return out


def left_product(p: Any, x: Any) -> Any:
    """The product `p @ x` by `x`."""
    out = np.zeros((p.shape[0], x.shape[1]), p.dtype)
    for i in range(len(p)):
        for k in range(len(x)):
            out[i] += held_mul(p[i, k], x[k])
    return out


def right_product(x: Any, p: Any) -> Any:
    """The product `x @ p` by `x`."""
    out = np.zeros((x.shape[0], p.shape[1]), p.dtype)
    for i in range(len(x)):
        for k in range(len(p)):
            out[i] += held_mul(p[k], x[i, k])
    return out


FUNCTIONS = (held_mul, held_mulz, with_derivative, underived)
