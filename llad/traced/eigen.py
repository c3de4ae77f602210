"""Eigenvalues and eigenvectors of symmetric matrices: reflections to three diagonals, then implicit steps of QR.

Golub & Van Loan, Matrix Computations, 4th ed., 8.3 (the shift is Wilkinson's). The steps are not differentiated; the
differential of the result is written down (`derived.py`): with M = Vᵀ dA V, from A V = V W and Vᵀ dV antisymmetric,

    dw_j = M_jj,    dV = V G,    G_ij = M_ij / (w_j - w_i), and 0 on the diagonal

(Giles 2008, 3.1). Eigenvectors are rows here, so that memory runs along them.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.linalg import LinAlgError

from llad.traced.derived import dots, held_mul, held_mulz, underived, with_derivative
from llad.traced.factorisations import size
from llad.traced.orthogonal import reflection, scaling

_MOST_STEPS = 50  # for an eigenvalue; three are usual


def eigh(a: Any, lower: bool) -> Any:
    """`(w, v)`: the eigenvalues, growing, and the eigenvectors as columns. One triangle of `a` is read."""
    size(a)
    s = np.tril(a) + np.tril(a, -1).T if lower else np.triu(a) + np.triu(a, 1).T
    w0, v0 = _found(underived(s))
    m = dots(v0, s)
    w1, v1 = with_derivative(w0, _diagonal(v0, m)), with_derivative(v0, _turned(v0, w0, m))
    m = dots(v1, s)
    return with_derivative(w0, _diagonal(v1, m)), with_derivative(v0, _turned(v1, w1, m)).T


def _found(a: Any) -> Any:
    scale = scaling(a)
    d, e, v = _three_diagonals(a * scale)
    _diagonalise(d, e, v)
    order = np.argsort(d)
    return d[order] / scale, v[order]


def _three_diagonals(a: Any) -> Any:
    """`(d, e, v)`: `v @ a @ v.T` has the diagonal d, and e beside it."""
    n = len(a)
    d, e, v = np.zeros(n, a.dtype), np.zeros(n, a.dtype), np.zeros_like(a)
    mirrors, taus = np.zeros_like(a), np.zeros(n, a.dtype)
    for k in range(n):
        d[k] = a[k, k]
        if k < n - 1:
            u, tau, beta = reflection(a[k, k + 1 :])
            e[k] = beta
            taus[k] = tau
            mirrors[k, k + 1 :] = u
            for i in range(k + 1, n):
                v[0, i] = tau * np.dot(a[i, k + 1 :], u)
            p = v[0, k + 1 :] - 0.5 * tau * np.dot(v[0, k + 1 :], u) * u
            for i in range(k + 1, n):
                a[i, k + 1 :] -= u[i - k - 1] * p + p[i - k - 1] * u
    for i in range(n):
        v[i] = 0.0
        v[i, i] = 1.0
        for c in range(i):
            j = i - 1 - c
            v[i, j + 1 :] -= taus[j] * np.dot(mirrors[j, j + 1 :], v[i, j + 1 :]) * mirrors[j, j + 1 :]
    return d, e, v


def _diagonalise(d: Any, e: Any, v: Any) -> None:
    """Put the eigenvalues in place of the diagonal, the eigenvectors in place of `v`."""
    info = np.finfo(d.dtype)
    last, steps = len(d) - 1, 0
    while last > 0:
        first = last
        while first > 0 and not abs(e[first - 1]) <= info.eps * (abs(d[first - 1]) + abs(d[first])) + info.tiny:
            first -= 1
        if first == last:
            last -= 1
            steps = 0
        else:
            steps += 1
            if steps > _MOST_STEPS:
                raise LinAlgError("Eigenvalues did not converge")
            _step(d, e, v, first, last)


def _step(d: Any, e: Any, v: Any, first: Any, last: Any) -> None:
    """A step of QR on the rows from `first` to `last`, by rotations of neighbours."""
    half, beside = 0.5 * (d[last - 1] - d[last]), e[last - 1]
    x = d[first] - d[last] + beside * (beside / (half + np.copysign(np.hypot(half, beside), half)))
    z = e[first]
    for k in range(first, last):
        r = np.hypot(x, z)
        c, s = (x / r, z / r) if r != 0.0 else (1.0 + x, z)
        if k > first:
            e[k - 1] = r
        one, two, both = d[k], d[k + 1], e[k]
        d[k] = c * c * one + s * s * two + 2.0 * c * s * both
        d[k + 1] = s * s * one + c * c * two - 2.0 * c * s * both
        e[k] = c * s * (two - one) + (c * c - s * s) * both
        if k < last - 1:
            x, z = e[k], s * e[k + 1]
            e[k + 1] = c * e[k + 1]
        for i in range(v.shape[1]):
            upper, under = v[k, i], v[k + 1, i]
            v[k, i] = c * upper + s * under
            v[k + 1, i] = c * under - s * upper


def _diagonal(v: Any, moved: Any) -> Any:
    """What has the differential of the eigenvalues."""
    return np.sum(held_mul(v, moved), axis=1)


def _turned(v: Any, w: Any, moved: Any) -> Any:
    """What has the differential of the eigenvectors."""
    n = len(w)
    out = np.zeros_like(v)
    for j in range(n):
        for i in range(n):
            if i != j:
                out[j] += held_mul(v[i], held_mulz(1.0 / (w[j] - w[i]), np.sum(held_mul(v[j], moved[i]))))
    return out
