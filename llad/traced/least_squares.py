"""The pseudoinverse, and solutions of least squares by it: from singular values above a bound, which count as the rank.

Where the rank is constant, the pseudoinverse P of A has the differential

    dP = -P dA P + P Pᵀ dAᵀ (1 - A P) + (1 - P A) dAᵀ Pᵀ P

(Golub & Pereyra, The differentiation of pseudo-inverses and nonlinear least squares problems whose variables separate,
SIAM J. Numer. Anal. 10 (1973), 4.12). It is written down (`derived.py`), without the terms that vanish where the rank
is full. A solution has the derivative of the product P b.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.linalg import LinAlgError

from llad.traced.derived import left_product, right_product, underived, with_derivative
from llad.traced.singular import found, vary


def pinv(a: Any, bound: Any) -> Any:
    """The pseudoinverse; singular values up to `bound` times the largest count as zero (None: see `_rank`)."""
    u, s, v = found(underived(a), False)
    return _inverse(a, u, s, v, _rank(a, s, bound))


def lstsq(a: Any, b: Any, bound: Any) -> Any:
    """`(x, residuals, rank, s)` as NumPy has them."""
    m, n = a.shape
    if len(b) != m:
        raise LinAlgError("Incompatible dimensions")
    u, s, v = found(underived(a), False)
    rank = _rank(a, s, bound)
    best = np.zeros((n, *b.shape[1:]), a.dtype)
    for j in range(rank):
        along = np.dot(u[j], b) / s[j]
        for i in range(n):
            best[i] += v[j, i] * along
    x = with_derivative(best, _inverse(a, u, s, v, rank) @ b)
    count = (1 if b.ndim == 1 else b.shape[1]) if rank == n and m > n else 0
    squares = np.zeros(count, a.dtype)
    for j in range(count):
        rest = b - a @ x if b.ndim == 1 else b[:, j] - a @ x[:, j]
        squares[j] = np.sum(rest * rest)
    return x, squares, rank, vary(a, u, s, v)[1]


def _rank(a: Any, s: Any, bound: Any) -> Any:
    """How many singular values count. `bound`: None is the precision times the greater extent, -1 the precision."""
    eps = np.finfo(a.dtype).eps
    bound = eps * max(a.shape[0], a.shape[1]) if bound is None else eps if bound < 0 else bound
    rank = 0
    for j in range(len(s)):
        if s[j] > bound * s[0]:
            rank += 1
    return rank


def _inverse(a: Any, u: Any, s: Any, v: Any, rank: Any) -> Any:
    p0 = np.zeros((a.shape[1], a.shape[0]), a.dtype)
    for j in range(rank):
        for i in range(len(p0)):
            p0[i] += v[j, i] / s[j] * u[j]
    p1 = with_derivative(p0, _change(p0, a, rank))
    return with_derivative(p0, _change(p1, a, rank))


def _change(p: Any, a: Any, rank: Any) -> Any:
    """What has the differential of the pseudoinverse."""
    m, n = a.shape
    inside = left_product(p, a)
    turn = -inside
    out = np.zeros_like(p)
    if rank < n:
        turn += inside.T - left_product(p @ a, inside.T)
    if rank < m:
        out += left_product(p @ p.T, a.T)
        turn -= right_product(out, a)
    return out + right_product(turn, p)
