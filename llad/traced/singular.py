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

from llad.traced.derived import dots, held_mul, held_mulz, left_product, underived, with_derivative
from llad.traced.orthogonal import reflected, scaling

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
    if not np.all(np.isfinite(a)):
        raise LinAlgError("SVD did not converge")
    scale = scaling(a)
    rows = np.zeros((k, long + k), a.dtype)
    for i in range(m):
        for j in range(n):
            if m < n:
                rows[i, j] = a[i, j] * scale
            else:
                rows[j, i] = a[i, j] * scale
    for i in range(k):
        rows[i, long + i] = 1.0
    _orthogonalise(rows, long)
    sizes = -np.sqrt(np.sum(rows[:, :long] ** 2, axis=1))
    order = np.argsort(sizes)
    rows = rows[order]
    q, r = reflected(rows[:, :long].T, full)
    for j in range(k):
        if r[j, j] < 0.0:
            q[j] = -q[j]
    u = np.zeros((m if full else k, m), a.dtype)
    v = np.zeros((n if full else k, n), a.dtype)
    if m < n:
        u[...] = rows[:, long:]
        v[...] = q
    else:
        u[...] = q
        v[...] = rows[:, long:]
    return u, -sizes[order] / scale, v


def _orthogonalise(rows: Any, long: Any) -> None:
    """Rotate the rows until their first `long` elements are orthogonal."""
    k, eps = len(rows), np.finfo(rows.dtype).eps
    bound = eps * np.sqrt(rows.dtype.type(long))
    least = eps * eps * np.max(np.abs(rows[:, :long])) ** 2 if k > 0 else bound
    sweeps, moved = 0, True
    while moved:
        moved = False
        sweeps += 1
        if sweeps > _MOST_SWEEPS:
            raise LinAlgError("SVD did not converge")
        for p in range(k - 1):
            for q in range(p + 1, k):
                x, y = rows[p, :long], rows[q, :long]
                one, two, both = np.dot(x, x), np.dot(y, y), np.dot(x, y)
                if abs(both) > bound * np.sqrt(one) * np.sqrt(two) and abs(both) > least:
                    moved = True
                    ratio = 0.5 * (two - one) / both
                    t = np.copysign(1.0 / (abs(ratio) + np.hypot(1.0, ratio)), ratio)
                    c = 1.0 / np.sqrt(1.0 + t * t)
                    s = c * t
                    for i in range(rows.shape[1]):
                        first, second = rows[p, i], rows[q, i]
                        rows[p, i] = c * first - s * second
                        rows[q, i] = s * first + c * second


def _derived(a: Any, u0: Any, s0: Any, v0: Any, u: Any, s: Any, v: Any) -> Any:
    """The values of `u0`, `s0` and `v0`, with the differential that `u`, `s` and `v` give them."""
    k = len(s)
    right, left = dots(v[:k], a), left_product(u[:k], a)
    p, back = dots(u, right), dots(v, left)
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
