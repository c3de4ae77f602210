"""The QR factorisation by Householder's reflections, with LAPACK's signs.

The reflections are not differentiated: where what is below the diagonal is zero none takes place, though the
derivative of one would. The differential of the factors is written down instead (`derived.py`): with D = dA R⁻¹ and
C = Qᵀ D, from dA = dQ R + Q dR and Qᵀ dQ antisymmetric,

    dQ = D - Q G,    G = C + Cᵀ above the diagonal, C on it, 0 below

(Walter & Lehmann, Algorithmic differentiation of linear algebra functions, 2010, 3.3). R = Qᵀ A has the derivative of
this product. If there are more columns than rows, the first ones make Q. Further columns of a full Q complement
the others and turn with them, not among themselves: dQ₂ = -Q Dᵀ Q₂.

Matrices are kept transposed, so that memory runs along columns.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from llad.traced.derived import held_mul, held_mulz, underived, with_derivative


def qr(a: Any, full: bool) -> Any:
    """`(q, r)` of a matrix of m rows and n columns: q has m columns if `full`, else the lesser of m and n."""
    qt0, r0 = reflected(underived(a), full)
    qt1 = with_derivative(qt0, _turned(qt0, r0, a))
    r1 = with_derivative(r0, np.triu(qt1 @ a))
    qt2 = with_derivative(qt0, _turned(qt1, r1, a))
    return qt2.T, with_derivative(r0, np.triu(qt2 @ a))


def scaling(a: Any) -> Any:
    """A power of two, times which the squares of the greatest elements neither overflow nor underflow: 1, mostly."""
    wide = np.finfo(a.dtype).eps < 1e-10
    far, factor = (2.0**400, 2.0**600) if wide else (2.0**50, 2.0**75)
    largest = np.max(np.abs(a)) if a.shape[0] > 0 and a.shape[1] > 0 else a.dtype.type(1.0)
    return a.dtype.type(1.0 / factor if largest > far else factor if 0.0 < largest < 1.0 / far else 1.0)


def reflection(x: Any) -> Any:
    """`(v, tau, beta)`: (1 - tau v vᵀ) x = (beta, 0, …), v[0] = 1; nothing is reflected if that is so already."""
    v = x.copy()
    v[0] = 1.0
    first = x[0]
    rest = np.dot(x[1:], x[1:])
    tau, beta = 0.0 * first, first
    if rest != 0.0:
        beta = -np.copysign(np.sqrt(first * first + rest), first)
        tau = (beta - first) / beta
        v[1:] = x[1:] / (first - beta)
    return v, tau, beta


def reflected(a: Any, full: bool) -> Any:
    m, n = a.shape
    k = min(m, n)
    scale = scaling(a)
    columns = a.T * scale
    vs = np.zeros((k, m), a.dtype)
    taus = np.zeros(k, a.dtype)
    for j in range(k):
        v, tau, beta = reflection(columns[j, j:])
        vs[j, j:] = v
        taus[j] = tau
        columns[j, j] = beta
        for c in range(j + 1, n):
            columns[c, j:] -= tau * np.dot(v, columns[c, j:]) * v
    rows = m if full else k
    r = np.zeros((rows, n), a.dtype)
    for j in range(n):
        for i in range(min(j + 1, k)):
            r[i, j] = columns[j, i] / scale
    qt = np.zeros((rows, m), a.dtype)
    for i in range(rows):
        qt[i, i] = 1.0
        for c in range(min(i + 1, k)):
            j = min(i, k - 1) - c
            qt[i, j:] -= taus[j] * np.dot(vs[j, j:], qt[i, j:]) * vs[j, j:]
    return qt, r


def _turned(qt: Any, r: Any, a: Any) -> Any:
    """What has the differential of Qᵀ."""
    m, n = a.shape
    k = min(m, n)
    d = np.zeros((k, m), a.dtype)
    for j in range(k):
        d[j] = a[:, j]
        for i in range(j):
            d[j] -= held_mul(r[i, j], d[i])
        d[j] = held_mulz(1.0 / r[j, j], d[j])
    out = np.zeros_like(qt)
    for j in range(len(qt)):
        if j < k:
            out[j] = d[j]
        for i in range(min(j + 1, k)):
            g = np.sum(held_mul(qt[j], d[i]))
            if i < j < k:
                g += np.sum(held_mul(qt[i], d[j]))
            out[j] -= held_mul(qt[i], g)
    return out
