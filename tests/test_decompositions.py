"""Decompositions of matrices: values are NumPy's, derivatives those of differences, in both modes and of second order.

A row is one program, which gives all of that for matrices of several shapes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import llad
from llad.diagnostics import DerivativeError, LladError
from llad.testing import assert_close

RANDOM = np.random.default_rng(5)


def check(f: Callable[[Any], Any], points: list[Any], rtol: float = 1e-11) -> None:
    """The value of `f` at each point, its derivative in reverse and in forward mode, and the derivative of that."""
    both = llad.jit(lambda a, d: llad.jvp(llad.value_and_grad(f), (a,), (d,)))
    for a in points:
        d = RANDOM.normal(size=a.shape)
        kept = a.copy()
        (value, gradient), (slope, curvature) = both(a, d)
        np.testing.assert_array_equal(a, kept)
        assert_close(value, f(a), rtol=rtol)
        assert_close(np.sum(gradient * d), slope, rtol=1e-9, atol=1e-11)
        h = 1e-5
        assert_close(slope, (f(a + h * d) - f(a - h * d)) / (2 * h), rtol=2e-6, atol=1e-8)
        (_, high), (_, low) = both(a + h * d, d)[0], both(a - h * d, d)[0]
        assert_close(curvature, (high - low) / (2 * h), rtol=2e-6, atol=1e-6)


# -- QR


def sum_of_qr(a: Any) -> Any:
    """What depends neither on the signs of the columns of q, nor on how the last ones are turned among themselves."""
    q, r = np.linalg.qr(a, mode="complete")
    weights = np.where(np.arange(len(a)) < a.shape[1], 1.0 + np.arange(len(a)), 0.0)
    return np.sum(np.sin((q * weights) @ q.T)) + np.sum(np.cos(r * r))


def test_qr() -> None:
    """No column of a triangle is reflected, which is no reason for the derivative not to see what is below."""
    shapes = [(3, 3), (5, 3), (3, 4)]
    check(sum_of_qr, [*[RANDOM.normal(size=shape) for shape in shapes], np.triu(RANDOM.normal(size=(4, 3)))])


def test_the_factors_of_qr_have_the_signs_of_numpys() -> None:
    both = llad.jit(lambda a: (np.linalg.qr(a), np.linalg.qr(a, "complete")))
    matrices = [RANDOM.normal(size=shape) for shape in ((4, 4), (6, 3), (3, 6), (1, 3), (3, 1), (0, 3), (3, 0), (0, 0))]
    matrices += [np.eye(3), np.zeros((3, 2)), 1e200 * matrices[1], 1e-200 * matrices[1]]
    for a in matrices:
        reduced, complete = both(a)
        scale = max(1e-300, np.max(np.abs(a), initial=0.0))
        for got, expected in ((reduced, np.linalg.qr(a)), (complete, np.linalg.qr(a, "complete"))):
            assert type(got) is type(expected)
            assert_close(got.Q, expected.Q, atol=1e-14)
            assert_close(got.R / scale, expected.R / scale, atol=1e-14)


# -- eigenvalues


def sum_of_eigh(a: Any) -> Any:
    """What does not depend on the signs of the eigenvectors."""
    w, v = np.linalg.eigh(a)
    return np.sum(np.sin(w)) + np.sum(np.cos((v * np.sin(w)) @ v.T) * np.arange(len(w)))


def test_eigh() -> None:
    check(sum_of_eigh, [RANDOM.normal(size=(n, n)) for n in (3, 5)])


MATRICES = [np.zeros((0, 0)), np.zeros((3, 3)), np.eye(3), np.ones((4, 4)), np.array([[0.0, 1.0], [1.0, 0.0]])]
MATRICES += [np.diag([3.0, 1.0, 2.0]), np.diag(10.0 ** np.arange(8)) + 1e-3, RANDOM.normal(size=(24, 24))]
MATRICES += [s * RANDOM.normal(size=(3, 3)) for s in (1.0, 1e200, 1e-200)]


def test_eigenvalues_are_numpys_and_vectors_fit_them() -> None:
    both = llad.jit(lambda a: (np.linalg.eigh(a), np.linalg.eigvalsh(a.T, "U")))
    for a in MATRICES:
        (w, v), again = both(a)
        scale = max(1e-300, np.max(np.abs(a), initial=0.0))
        assert type(np.linalg.eigh(a)) is type(both(a)[0])
        assert_close(w / scale, np.linalg.eigvalsh(a) / scale, rtol=1e-13, atol=1e-13)
        assert_close(again / scale, w / scale, rtol=1e-13, atol=1e-13)
        assert_close(v.T @ v, np.eye(len(a)), atol=1e-13)
        assert_close((v * (w / scale)) @ v.T, (np.tril(a) + np.tril(a, -1).T) / scale, rtol=1e-13, atol=1e-13)
    with pytest.raises(np.linalg.LinAlgError, match="Eigenvalues did not converge"):
        both(np.full((3, 3), np.nan))


def test_where_eigenvalues_are_equal() -> None:
    """Their sum has a derivative, and so has the vector of another one; their vectors have none."""

    def loss(a: Any, c: Any) -> Any:
        w, v = np.linalg.eigh(a)
        return c[0] * (w[0] + w[1] + w[2] * v[0, 2] * v[2, 2]) + c[1] * v[0, 0] * v[0, 1]

    a, d = np.diag([1.0, 1.0, 3.0]), np.array([[0.3, 0.0, 0.0], [0.1, -0.2, 0.0], [0.4, 0.5, 0.7]])
    gradient = llad.jit_grad(loss, argnums=0).grad
    first, second = np.array([1.0, 0.0]), np.array([0.0, 1.0])
    difference = (loss(a + 1e-6 * d, first) - loss(a - 1e-6 * d, first)) / 2e-6
    assert_close(np.sum(gradient(a, first) * d), difference, rtol=1e-7)
    assert not np.all(np.isfinite(gradient(a, second)))


# -- singular values


def sum_of_svd(a: Any) -> Any:
    """What depends neither on signs, nor on how the last vectors are turned among themselves."""
    u, s, vh = np.linalg.svd(a)
    k = len(s)
    left = np.where(np.arange(len(u)) < k, 1.0 + np.arange(len(u)), 0.5)
    right = np.where(np.arange(len(vh)) < k, 1.0 + np.arange(len(vh)), 0.5)
    parts = (u[:, :k] * np.sin(s)) @ vh[:k]
    return np.sum(np.sin(s)) + np.sum(np.cos(parts)) + np.sum(np.sin((u * left) @ u.T)) + np.sum((vh.T * right) @ vh)


def test_svd() -> None:
    check(sum_of_svd, [RANDOM.normal(size=shape) for shape in ((3, 3), (5, 3), (2, 4))])


def test_singular_values_are_numpys_and_vectors_fit_them() -> None:
    ours = llad.jit(lambda a: np.linalg.svd(a, full_matrices=False))
    for a in [*MATRICES, *[RANDOM.normal(size=shape) for shape in ((6, 2), (2, 6), (0, 2), (2, 0), (1, 3))]]:
        (u, s, vh), expected = ours(a), np.linalg.svd(a, full_matrices=False)
        scale = max(1e-300, np.max(np.abs(a), initial=0.0))
        assert (u.shape, vh.shape) == (expected.U.shape, expected.Vh.shape)
        assert_close(s / scale, expected.S / scale, rtol=1e-13, atol=1e-13)
        assert_close((u.T @ u, vh @ vh.T), (np.eye(len(s)), np.eye(len(s))), atol=1e-13)
        assert_close((u * (s / scale)) @ vh, a / scale, rtol=1e-13, atol=1e-13)
    with pytest.raises(np.linalg.LinAlgError, match="SVD did not converge"):
        ours(np.full((3, 3), np.nan))


# -- least squares


def sum_of_lstsq(c: Any) -> Any:
    """The rank is at most the number of columns of `c`, whatever they are."""
    x, squares, rank, _ = np.linalg.lstsq(c[1:] @ c[:4].T, np.cos(c[1:, :2]), 1e-10)
    return np.sum(np.sin(x)) + np.sum(np.cos(squares)) + rank


def test_lstsq() -> None:
    """More rows than columns, as many, fewer, and dependent ones."""
    points = []
    for shape in ((6, 4), (5, 4), (4, 5), (6, 2)):
        drawn = (RANDOM.normal(size=shape) for _ in range(1000))
        points.append(next(c for c in drawn if np.max(np.abs(np.linalg.pinv(c[1:] @ c[:4].T, 1e-10))) < 2.0))
    check(sum_of_lstsq, points, rtol=1e-9)


def test_lstsq_and_pinv_give_what_numpys_give() -> None:
    def both(a: Any, b: Any) -> Any:
        return np.linalg.lstsq(a, b), np.linalg.pinv(a, rtol=None)

    ours = llad.jit(both)
    for m, n in ((3, 3), (5, 3), (3, 5), (1, 2), (2, 1), (2, 0), (0, 2)):
        a, b = RANDOM.normal(size=(m, n)), RANDOM.normal(size=m)
        found, expected = ours(a, b), both(a, b)
        assert [x.shape for x in found[0][:2]] == [x.shape for x in expected[0][:2]]
        assert_close(found, expected, rtol=1e-10, atol=1e-11)
    with pytest.raises(np.linalg.LinAlgError, match="Incompatible dimensions"):
        ours(np.eye(3), np.ones(2))


# -- stacks of matrices


def sum_over_stacks(a: Any) -> Any:
    symmetric = a @ np.swapaxes(a, -1, -2) + 2.0 * np.eye(3)
    total = np.sum(np.sin(np.linalg.solve(symmetric, a[0]))) + np.sum(np.cos(np.linalg.cholesky(symmetric)))
    return total + np.sum(np.linalg.slogdet(a)[1]) + np.sum(np.linalg.eigvalsh(a) ** 2)


def test_derivatives_of_stacks() -> None:
    check(sum_over_stacks, [RANDOM.normal(size=(2, 2, 3, 3)) + 2.0 * np.eye(3)], rtol=1e-10)


def test_values_of_stacks() -> None:
    def of_square(a: Any, v: Any, b: Any) -> Any:
        sign, log = np.linalg.slogdet(a)
        solutions = np.linalg.solve(a, v), np.linalg.solve(a, b), np.linalg.solve(a[0], b), np.linalg.solve(a, a[:1])
        return solutions, sign, log, np.linalg.det(a), np.linalg.inv(a), np.linalg.matrix_power(a, -2)

    ours = llad.jit(of_square)
    for count in (0, 3):
        arguments = RANDOM.normal(size=(count + 1, 3, 3))[:3], RANDOM.normal(size=3), RANDOM.normal(size=(1, 3, 2))
        assert_close(ours(*arguments), of_square(*arguments), rtol=1e-9, atol=1e-12)
    with pytest.raises(np.linalg.LinAlgError, match="must be square"):
        ours(np.ones((2, 3, 2)), np.ones(3), np.ones((1, 3, 2)))

    def of_any(a: Any) -> Any:
        return np.linalg.svdvals(a), np.linalg.pinv(a), np.linalg.qr(a)[1]

    a = RANDOM.normal(size=(2, 3, 2))
    assert_close(llad.jit(of_any)(a), of_any(a), rtol=1e-10)


# -- the exponential


def test_expm() -> None:
    scipy_linalg = pytest.importorskip("scipy.linalg")
    expm = scipy_linalg.expm
    check(lambda a: np.sum(np.sin(expm(a))), [s * RANDOM.normal(size=(3, 3)) for s in (0.2, 4.0)], rtol=1e-9)
    ours = llad.jit(lambda a: expm(a))
    for n in (0, 1, 2, 7):
        a = RANDOM.normal(size=(n, n))
        assert_close(ours(a), expm(a), rtol=1e-13, atol=1e-13)
        assert_close(ours(np.diag(np.arange(n) - 60.0)), np.diag(np.exp(np.arange(n) - 60.0)), rtol=1e-12)
    assert np.all(np.isnan(ours(np.full((2, 2), np.nan))))


# -- what is refused

REFUSED: list[tuple[str, Any]] = [
    ("hermitian", lambda a: np.linalg.svd(a, hermitian=True)),
    ('"L" and "U" are there', lambda a: np.linalg.eigh(a, "l")),
    ('"reduced", "complete" and "r" are there', lambda a: np.linalg.qr(a, "raw")),
]


@pytest.mark.parametrize("case", range(len(REFUSED)))
def test_refusals(case: int) -> None:
    text, f = REFUSED[case]
    with pytest.raises(LladError) as caught:
        llad.jit(f)(np.eye(2))
    assert text in str(caught.value)
    assert "test_decompositions.py" in str(caught.value)


def test_there_are_two_derivatives() -> None:
    third = llad.jit_grad(llad.grad(llad.grad(lambda x: np.linalg.qr(np.ones((2, 1)) * x, "r")[0, 0])))
    with pytest.raises(DerivativeError, match="third derivative of a decomposition"):
        third.grad(1.0)
