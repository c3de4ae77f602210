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


def check(f: Callable[[Any], Any], points: list[Any], rtol: float = 1e-11) -> Any:
    """The value of `f` at each point, its derivative in reverse and in forward mode, and the derivative of that.

    Returns the program: `((value, gradient), (slope, curvature)) = program(a, d)`.
    """
    random = np.random.default_rng(7)
    both = llad.jit(lambda a, d: llad.jvp(llad.value_and_grad(f), (a,), (d,)))
    for a in points:
        d = random.normal(size=a.shape)
        kept = a.copy()
        (value, gradient), (slope, curvature) = both(a, d)
        np.testing.assert_array_equal(a, kept)
        assert_close(value, f(a), rtol=rtol)
        assert_close(np.sum(gradient * d), slope, rtol=1e-9, atol=1e-11)
        h = 1e-5
        assert_close(slope, (f(a + h * d) - f(a - h * d)) / (2 * h), rtol=2e-6, atol=1e-8)
        (_, high), (_, low) = both(a + h * d, d)[0], both(a - h * d, d)[0]
        assert_close(curvature, (high - low) / (2 * h), rtol=2e-6, atol=1e-6)
    return both


# -- QR


def sum_of_qr(a: Any) -> Any:
    """What depends neither on the signs of the columns of q, nor on how the last ones are turned among themselves."""
    q, r = np.linalg.qr(a, mode="complete")
    weights = np.where(np.arange(len(a)) < a.shape[1], 1.0 + np.arange(len(a)), 0.0)
    return np.sum(np.sin((q * weights) @ q.T)) + np.sum(np.cos(r * r))


@pytest.mark.usefixtures("scalar_code")
def test_qr() -> None:
    """No column of a triangle is reflected, which is no reason for the derivative not to see what is below."""
    random = np.random.default_rng(5)
    shapes = [(3, 3), (5, 3), (3, 4)]
    check(sum_of_qr, [*[random.normal(size=shape) for shape in shapes], np.triu(random.normal(size=(4, 3)))])


def test_the_factors_of_qr_have_the_signs_of_numpys() -> None:
    random = np.random.default_rng(5)
    ours = llad.jit(lambda a: np.linalg.qr(a))
    matrices = [random.normal(size=shape) for shape in ((4, 4), (6, 3), (3, 6), (1, 3), (3, 1), (0, 3), (3, 0), (0, 0))]
    matrices += [np.eye(3), np.zeros((3, 2)), 1e200 * matrices[1], 1e-200 * matrices[1]]
    for a in matrices:
        found, expected = ours(a), np.linalg.qr(a)
        scale = max(1e-300, np.max(np.abs(a), initial=0.0))
        assert type(found) is type(expected)
        assert_close(found.Q, expected.Q, atol=1e-14)
        assert_close(found.R / scale, expected.R / scale, atol=1e-14)


# -- eigenvalues

pytestmark = pytest.mark.usefixtures("quick_code")

RANDOM = np.random.default_rng(5)
MATRICES = [np.zeros((0, 0)), np.zeros((3, 3)), np.eye(3), np.ones((4, 4)), np.array([[0.0, 1.0], [1.0, 0.0]])]
MATRICES += [np.diag([3.0, 1.0, 2.0]), np.diag(10.0 ** np.arange(8)) + 1e-3, RANDOM.normal(size=(24, 24))]
MATRICES += [s * RANDOM.normal(size=(3, 3)) for s in (1e200, 1e-200)]


def sum_of_eigh(a: Any) -> Any:
    """What does not depend on the signs of the eigenvectors. The last row says how much of what is summed."""
    w, v = np.linalg.eigh(a[:-1])
    f = np.arctan(w)
    total = a[-1, 0] * (np.sum(f) + np.sum(np.cos((v * f) @ v.T) * np.arange(len(w))))
    if len(w) == 3:
        total += a[-1, 1] * (w[0] + w[1] + w[2] * v[0, 2] * v[2, 2]) + a[-1, 2] * v[0, 0] * v[1, 0]
    return total


def weighted(a: Any, *weights: float) -> Any:
    return np.concatenate([a, np.resize(weights, (1, max(1, a.shape[1])))[:, : a.shape[1]]])


def test_eigh() -> None:
    """Where eigenvalues are equal, their sum and the vector of another one have a derivative, their vectors none."""
    random = np.random.default_rng(5)
    both = check(sum_of_eigh, [weighted(random.normal(size=(n, n)), 1.0, 0.5, 0.2) for n in (3, 5)])
    for a in MATRICES[1:]:
        a = weighted(a, 1.0, 0.0, 0.0)
        assert_close(both(a, a)[0][0], sum_of_eigh(a), rtol=1e-11)
    a, d = weighted(np.diag([1.0, 1.0, 3.0]), 0.0, 1.0, 0.0), np.zeros((4, 3))
    d[:3] = [[0.3, 0.0, 0.0], [0.1, -0.2, 0.0], [0.4, 0.5, 0.7]]
    difference = (sum_of_eigh(a + 1e-6 * d) - sum_of_eigh(a - 1e-6 * d)) / 2e-6
    assert_close(np.sum(both(a, d)[0][1] * d), difference, rtol=1e-7)
    assert not np.all(np.isfinite(both(weighted(np.diag([1.0, 1.0, 3.0]), 0.0, 0.0, 1.0), d)[0][1]))
    with pytest.raises(np.linalg.LinAlgError, match="Eigenvalues did not converge"):
        both(np.full((4, 3), np.nan), d)


# -- singular values


def sum_of_svd(a: Any) -> Any:
    """What depends neither on signs, nor on how vectors with equal values, or without any, are turned."""
    u, s, vh = np.linalg.svd(a)
    k = len(s)
    f = np.arctan(s)
    left, right = np.full(len(u), 0.3), np.full(len(vh), 0.3)
    left[:k], right[:k] = f * f, f * f
    parts = np.sum(np.sin((u * left) @ u.T)) + np.sum(np.cos((vh.T * right) @ vh) * np.arange(len(vh)))
    return np.sum(f) + np.sum(np.cos((u[:, :k] * f) @ vh[:k])) + parts


@pytest.mark.usefixtures("scalar_code")
def test_svd() -> None:
    random = np.random.default_rng(5)
    both = check(sum_of_svd, [random.normal(size=shape) for shape in ((3, 3), (5, 3), (2, 4))])
    for a in [*MATRICES, *[random.normal(size=shape) for shape in ((6, 2), (0, 2), (2, 0), (1, 3))]]:
        assert_close(both(a, a)[0][0], sum_of_svd(a), rtol=1e-11, atol=1e-12)
    with pytest.raises(np.linalg.LinAlgError, match="SVD did not converge"):
        both(np.full((3, 3), np.nan), np.eye(3))


# -- least squares


def sum_of_lstsq(c: Any) -> Any:
    """The rank is at most the number of columns of `c`, whatever they are."""
    x, squares, rank, _ = np.linalg.lstsq(c[1:] @ c[:4].T, np.cos(c[1:, :2]), 1e-10)
    return np.sum(np.sin(x)) + np.sum(np.cos(squares)) + rank + 10.0 * len(squares)


@pytest.mark.usefixtures("scalar_code")
def test_lstsq() -> None:
    """More rows than columns, as many, fewer, and dependent ones."""
    random = np.random.default_rng(5)
    points = []
    for shape in ((6, 4), (5, 4), (4, 5), (6, 2)):
        drawn = (random.normal(size=shape) for _ in range(1000))
        points.append(next(c for c in drawn if np.max(np.abs(np.linalg.pinv(c[1:] @ c[:4].T, 1e-10))) < 2.0))
    both = check(sum_of_lstsq, points, rtol=1e-9)
    with pytest.raises(np.linalg.LinAlgError, match="SVD did not converge"):
        both(np.full((6, 4), np.inf), np.ones((6, 4)))


# -- stacks of matrices


def sum_over_stacks(a: Any) -> Any:
    return np.sum(np.sin(np.linalg.solve(a, a[0] + 1.0))) + np.sum(np.cos(np.linalg.pinv(a[..., 1:], rtol=None)))


@pytest.mark.usefixtures("scalar_code")
def test_derivatives_of_stacks() -> None:
    random = np.random.default_rng(5)
    check(sum_over_stacks, [random.normal(size=(2, 2, 3, 3)) + 3.0 * np.eye(3)], rtol=1e-10)


@pytest.mark.usefixtures("scalar_code")
def test_values_of_stacks() -> None:
    random = np.random.default_rng(5)

    def values(a: Any, v: Any, b: Any) -> Any:
        solutions = np.linalg.solve(a, v), np.linalg.solve(a, b), np.linalg.solve(a[0], b)
        return solutions, np.linalg.det(a), np.linalg.eigvalsh(a, "U")

    ours = llad.jit(values)
    for count in (1, 3):
        arguments = random.normal(size=(count, 3, 3)), random.normal(size=3), random.normal(size=(1, 3, 2))
        assert_close(ours(*arguments), values(*arguments), rtol=1e-9, atol=1e-12)
    with pytest.raises(np.linalg.LinAlgError, match="must be square"):
        ours(np.ones((2, 3, 2)), np.ones(3), np.ones((1, 3, 2)))


# -- the exponential


@pytest.mark.usefixtures("scalar_code")
def test_expm() -> None:
    random = np.random.default_rng(5)
    expm = pytest.importorskip("scipy.linalg").expm
    both = check(lambda a: np.sum(np.arctan(expm(a))), [s * random.normal(size=(3, 3)) for s in (0.2, 4.0)], rtol=1e-11)
    for a in (np.zeros((0, 0)), random.normal(size=(2, 2)), random.normal(size=(7, 7)), np.diag([-60.0, 1e-9, 60.0])):
        assert_close(both(a, a)[0][0], np.sum(np.arctan(expm(a))), rtol=1e-12)
    assert np.isnan(both(np.full((2, 2), np.nan), np.eye(2))[0][0])
    assert_close(both(np.array([[-1e300]]), np.eye(1))[0][0], 0.0)
    with pytest.raises(ValueError, match="smaller entries would be lost"):
        both(np.diag([-1e17, 1.0]), np.eye(2))


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
