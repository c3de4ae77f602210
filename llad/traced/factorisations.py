"""Factorisations of matrices and triangular systems as plain Python, which is traced as a user's code is.

Sizes are run-time values, and what is known and small is written out. The first derivative of a solution is written
down (`derived.py`), dx = a⁻¹ (db − da x), and so are those of an inverse and of the logarithm of a determinant: they
take but the factors. All others, forward and in reverse, follow from the loops. Each element of a factor is computed
once, from a dot product over what is already there (Golub & Van Loan, Matrix Computations, 4th ed., 3.2 and 4.2: the
forms of Doolittle and Cholesky), so the reverse sweep reads the factors themselves and keeps nothing else of an inner
loop.

Rows are never moved: a permutation says which row comes when.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.linalg import LinAlgError

from llad.traced.derived import held_mul, left_product, right_product, with_derivative


def size(a: Any) -> Any:
    """The number of rows, if there are as many columns: of a matrix, or of each of a stack."""
    if a.shape[-2] != a.shape[-1]:
        raise LinAlgError("Last 2 dimensions of the array must be square")
    return a.shape[-1]


def lu(a: Any) -> Any:
    """`(lower, upper, rows, sign, zeros)`: `a[rows[k], j]` = Σ lower[rows[k], m] upper[j, m] over m < k, + upper[j, k].

    `lower` lacks the ones of its diagonal; `upper` is transposed, so memory runs along what is summed over. `sign` is
    that of the permutation; `zeros` is how many pivots are zero.
    """
    n = size(a)
    lower, upper = np.zeros_like(a), np.zeros_like(a)
    column = np.zeros(n, dtype=a.dtype)
    rows = np.arange(n)
    sign = 1.0
    zeros = 0
    for j in range(n):
        for k in range(j):
            row = rows[k]
            upper[j, k] = a[row, j] - np.dot(lower[row, :k], upper[j, :k])
        largest = -1.0
        place = j
        for i in range(j, n):
            row = rows[i]
            rest = a[row, j] - np.dot(lower[row, :j], upper[j, :j])
            column[row] = rest
            if abs(rest) > largest:
                largest = abs(rest)
                place = i
        if place != j:
            sign = -sign
        first = rows[place]
        rows[place] = rows[j]
        rows[j] = first
        pivot = column[first]
        upper[j, j] = pivot
        if pivot == 0.0:
            zeros += 1
        else:
            for i in range(j + 1, n):
                lower[rows[i], j] = column[rows[i]] / pivot
    return lower, upper, rows, sign, zeros


def cholesky(a: Any) -> Any:
    """The lower triangle whose product with its transpose is `a`, of which the lower triangle is read."""
    n = size(a)
    factor = np.zeros_like(a)
    for j in range(n):
        square = a[j, j] - np.dot(factor[j, :j], factor[j, :j])
        if square <= 0.0:
            raise LinAlgError("Matrix is not positive definite")
        root = np.sqrt(square)
        factor[j, j] = root
        for i in range(j + 1, n):
            factor[i, j] = (a[i, j] - np.dot(factor[i, :j], factor[j, :j])) / root
    return factor


def solve(a: Any, b: Any) -> Any:
    """The solution of `a @ x = b`, for a vector or the columns of a matrix."""
    factors = nonsingular(a)
    x = substitute(b, *factors)
    return with_derivative(x, _change(b - _held_product(a, x), *factors))


def _held_product(a: Any, x: Any) -> Any:
    """`a @ x` by `a`."""
    if x.ndim == 2:
        return right_product(a, x)
    out = np.zeros_like(x)
    for i in range(len(a)):
        out[i] = np.sum(held_mul(x, a[i]))
    return out


def _change(b: Any, lower: Any, upper: Any, rows: Any) -> Any:
    """`substitute` by `b`."""
    n = len(b)
    x = np.zeros_like(b)
    for k in range(n):
        row = rows[k]
        x[k] = b[row]
        for m in range(k):
            x[k] -= held_mul(lower[row, m], x[m])
    y = np.zeros_like(b)
    for j in range(n):
        k = n - 1 - j
        rest = x[k] + 0.0
        for m in range(k + 1, n):
            rest -= held_mul(upper[m, k], y[m])
        y[k] = held_mul(1.0 / upper[k, k], rest)
    return y


def nonsingular(a: Any) -> Any:
    """`(lower, upper, rows)` of `lu`."""
    lower, upper, rows, _, zeros = lu(a)
    if zeros > 0:
        raise LinAlgError("Singular matrix")
    return lower, upper, rows


def substitute(b: Any, lower: Any, upper: Any, rows: Any) -> Any:
    """The solution of `a @ x = b` by the factors of `a`."""
    x = np.zeros_like(b)
    n = len(b)
    for k in range(n):
        row = rows[k]
        x[k] = b[row] - np.dot(lower[row, :k], x[:k])
    y = np.zeros_like(b)
    for j in range(n):
        k = n - 1 - j
        y[k] = (x[k] - np.dot(upper[k + 1 :, k], y[k + 1 :])) / upper[k, k]
    return y


def unit(a: Any) -> Any:
    """The unit matrix of the size of a matrix, and of its type."""
    one = np.zeros_like(a)
    for i in range(size(a)):
        one[i, i] = 1
    return one


def inverse(a: Any) -> Any:
    """The inverse matrix."""
    return _inverted(a, *nonsingular(a))


def _inverted(a: Any, lower: Any, upper: Any, rows: Any) -> Any:
    """The inverse by the factors, with d(a⁻¹) = −a⁻¹ da a⁻¹."""
    x = substitute(unit(a), lower, upper, rows)
    return with_derivative(x, -right_product(left_product(x, a), x))


def determinant(a: Any) -> Any:
    """The product of the pivots, with the sign of the permutation.

    A zero pivot that is not the last ends the elimination though other minors need not be zero, so there its
    derivatives would not be those of the determinant: then it is computed without division.
    """
    _, upper, _, sign, zeros = lu(a)
    n = len(a)
    if zeros > 1 or (zeros == 1 and upper[n - 1, n - 1] != 0.0):
        return _determinant_without_division(a)
    product = a.dtype.type(sign)
    for k in range(n):
        product = product * upper[k, k]
    return product


def _determinant_without_division(a: Any) -> Any:
    """Bird's algorithm: n - 1 times, keep what is right of the diagonal, put sums of what was below on it, multiply.

    R. S. Bird, A simple division-free algorithm for computing determinants, Information Processing Letters 111 (2011).
    """
    n = len(a)
    f = a.copy()
    for _ in range(n - 1):
        above = np.zeros_like(a)
        below = a.dtype.type(0.0)
        for j in range(n):
            i = n - 1 - j
            above[i, i] = -below
            above[i, i + 1 :] = f[i, i + 1 :]
            below = below + f[i, i]
        f = above @ a
    return f[0, 0] if n % 2 == 1 else -f[0, 0]


def sign_and_log(a: Any) -> Any:
    """The sign of the determinant, and the logarithm of its absolute value: 0 and -inf for a singular matrix."""
    lower, upper, rows, sign, zeros = lu(a)
    total = a.dtype.type(0.0)
    turned = a.dtype.type(sign)
    for k in range(len(a)):
        pivot = upper[k, k]
        total = total + np.log(abs(pivot))
        if pivot < 0.0:
            turned = -turned
    if zeros > 0:
        turned = a.dtype.type(0.0)
    return turned, with_derivative(total, np.sum(held_mul(_inverted(a, lower, upper, rows).T, a)))


def triangular(a: Any, b: Any, lower: bool, unit: bool) -> Any:
    """The solution of `a @ x = b`, where one triangle of `a` is read, and its diagonal unless that is `unit`."""
    n = size(a)
    if b.shape[0] != n:
        raise ValueError("incompatible dimensions")
    x = np.zeros_like(b)
    for j in range(n):
        k = j if lower else n - 1 - j
        known = np.dot(a[k, :k], x[:k]) if lower else np.dot(a[k, k + 1 :], x[k + 1 :])
        if unit:
            x[k] = b[k] - known
        else:
            if a[k, k] == 0.0:
                raise LinAlgError("singular matrix")
            x[k] = (b[k] - known) / a[k, k]
    return x
