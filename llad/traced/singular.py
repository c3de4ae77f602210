"""The singular value decomposition by rotations of pairs of rows until all are orthogonal (Hestenes' method).

Golub & Van Loan, Matrix Computations, 4th ed., 8.6.3; small singular values come out as accurate as large ones. The
rotations are not differentiated; the differential of the result is written down (`derived.py`): with P = Uᵀ dA V, from
A = U S Vᵀ and Uᵀ dU, Vᵀ dV antisymmetric,

    ds_j = P_jj,    Uᵀ dU = (E + D) off the diagonal,    Vᵀ dV = (E - D),
    E_ij = (P_ij + P_ji) / 2 (s_j - s_i),    D_ij = (P_ij - P_ji) / 2 (s_j + s_i),

which is what Giles (2008, 3.2) has with s_j² - s_i², without the difference of squares. If A has more rows than
columns, dU has a part outside of U, too, (1 - U Uᵀ) dA V S⁻¹; further columns of a full U complement the others and
turn with them, not among themselves. With more columns it is V's.

Singular vectors are rows here, so that memory runs along them.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.linalg import LinAlgError

from llad.traced.derived import held_mul, held_mulz, underived, with_derivative
from llad.traced.factorisations import unit
from llad.traced.orthogonal import length, reflected

_MOST_SWEEPS = 60  # ten are many


def svd(a: Any, full: bool) -> Any:
    """`(u, s, vh)`: singular values, falling, and vectors, as many as there are values or (`full`) as make a basis."""
    u0, s0, v0 = found(underived(a), full)
    u2, s2, v2 = vary(a, u0, s0, v0)
    return u2.T, s2, v2


def vary(a: Any, u0: Any, s0: Any, v0: Any) -> Any:
    """What was found, with its derivatives."""
    u1, s1, v1 = _derived(a, u0, s0, v0, u0, s0, v0)
    return _derived(a, u0, s0, v0, u1, s1, v1)


def found(a: Any, full: bool) -> Any:
    """`(u, s, v)`, the vectors as rows, by which there is no derivative."""
    m, n = a.shape
    k, long = min(m, n), max(m, n)
    largest = np.max(np.abs(a)) if k > 0 else a.dtype.type(0.0)
    if not np.isfinite(largest):
        raise LinAlgError("SVD did not converge")
    scale = largest if largest > 0.0 else largest + a.dtype.type(1.0)
    x = np.zeros((k, long), a.dtype)
    for i in range(m):
        for j in range(n):
            if m < n:
                x[i, j] = a[i, j] / scale
            else:
                x[j, i] = a[i, j] / scale
    y = unit(np.zeros((k, k), a.dtype))
    _orthogonal(x, y)
    sizes = np.zeros(k, a.dtype)
    for j in range(k):
        sizes[j] = -length(x[j])
    order = np.argsort(sizes)
    x, y = x[order], y[order]
    q, r = reflected(x.T, full)
    for j in range(k):
        if r[j, j] < 0.0:
            q[j] = -q[j]
    u = np.zeros((m if full else k, m), a.dtype)
    v = np.zeros((n if full else k, n), a.dtype)
    if m < n:
        u[...] = y
        v[...] = q
    else:
        u[...] = q
        v[...] = y
    return u, -sizes[order] * scale, v


def _orthogonal(x: Any, y: Any) -> None:
    """Rotate the rows of `x` until they are orthogonal, and those of `y` with them."""
    k, long = x.shape
    eps = np.finfo(x.dtype).eps
    bound = eps * np.sqrt(x.dtype.type(long))
    sweeps, moved = 0, True
    while moved:
        moved = False
        sweeps += 1
        if sweeps > _MOST_SWEEPS:
            raise LinAlgError("SVD did not converge")
        for p in range(k - 1):
            for q in range(p + 1, k):
                one, two, both = np.dot(x[p], x[p]), np.dot(x[q], x[q]), np.dot(x[p], x[q])
                if abs(both) > bound * np.sqrt(one) * np.sqrt(two) and abs(both) > eps * eps:
                    moved = True
                    ratio = 0.5 * (two - one) / both
                    t = np.copysign(1.0 / (abs(ratio) + np.hypot(1.0, ratio)), ratio)
                    c = 1.0 / np.sqrt(1.0 + t * t)
                    _rotate(x, p, q, c, c * t)
                    _rotate(y, p, q, c, c * t)


def _rotate(x: Any, p: Any, q: Any, c: Any, s: Any) -> None:
    for i in range(x.shape[1]):
        one, two = x[p, i], x[q, i]
        x[p, i] = c * one - s * two
        x[q, i] = s * one + c * two


def _derived(a: Any, u0: Any, s0: Any, v0: Any, u: Any, s: Any, v: Any) -> Any:
    """The values of `u0`, `s0` and `v0`, with the differential that `u`, `s` and `v` give them."""
    k = len(s)
    right, left = _moved(v[:k], a), _moved(u[:k], a.T)
    p, back = _products(u, right), _products(v, left)
    slopes = np.zeros_like(s)
    turn, other = np.zeros((k, k), s.dtype), np.zeros((k, k), s.dtype)
    for j in range(k):
        slopes[j] = p[j, j]
        for i in range(k):
            if i != j:
                even = held_mulz(0.5 / (s[j] - s[i]), p[i, j] + p[j, i])
                odd = held_mulz(0.5 / (s[j] + s[i]), p[i, j] - p[j, i])
                turn[i, j] = even + odd
                other[i, j] = even - odd
    return (
        with_derivative(u0, _turned(u, right, s, p, turn)),
        with_derivative(s0, slopes),
        with_derivative(v0, _turned(v, left, s, back, other)),
    )


def _moved(rows: Any, a: Any) -> Any:
    """The products of `a` with the rows."""
    out = np.zeros((len(rows), len(a)), a.dtype)
    for j in range(len(rows)):
        for i in range(len(a)):
            out[j, i] = np.sum(held_mul(rows[j], a[i]))
    return out


def _products(rows: Any, moved: Any) -> Any:
    out = np.zeros((len(rows), len(moved)), rows.dtype)
    for i in range(len(rows)):
        for j in range(len(moved)):
            out[i, j] = np.sum(held_mul(rows[i], moved[j]))
    return out


def _turned(rows: Any, moved: Any, s: Any, p: Any, turn: Any) -> Any:
    """What has the differential of singular vectors: `turn` among themselves, and what there is outside of them."""
    k = len(s)
    out = np.zeros_like(rows)
    for j in range(k):
        for i in range(k):
            out[j] += held_mul(rows[i], turn[i, j])
        if rows.shape[1] > k:
            rest = moved[j].copy()
            for i in range(k):
                rest -= held_mul(rows[i], p[i, j])
            out[j] += held_mulz(1.0 / s[j], rest)
            for i in range(k, len(rows)):
                out[i] -= held_mul(rows[j], held_mulz(1.0 / s[j], p[i, j]))
    return out
