"""Linear algebra: values and errors as NumPy's and SciPy's; derivatives in both modes, also where it is singular."""

from __future__ import annotations

from traceback import extract_tb
from typing import Any

import numpy as np
import pytest

import llad
from llad.diagnostics import LladError
from llad.testing import assert_close, check_gradient

pytestmark = pytest.mark.usefixtures("quick_code")

scipy_linalg = pytest.importorskip("scipy.linalg")

RANDOM = np.random.default_rng(11)
A = RANDOM.normal(size=(4, 4))
P = A @ A.T + 4.0 * np.eye(4)
V = RANDOM.normal(size=4)
B = RANDOM.normal(size=(4, 3))

CASES: dict[str, tuple[Any, Any, Any]] = {
    "solve": (lambda a, b: np.linalg.solve(a, b), A, V),
    "solve for columns": (lambda a, b: np.linalg.solve(a.T, b[::-1]), A, B),
    "solve known": (lambda a, b: np.linalg.solve(np.array([[2.0, 1.0], [1.0, 3.0]]) * a[0, 0], b[:2]), A, V),
    "inv": (lambda a, b: np.linalg.inv(a) * b, A, V),
    "det": (lambda a, b: np.linalg.det(a) * b, A, V),
    "slogdet": (lambda a, b: np.linalg.slogdet(a)[1] * b + np.linalg.slogdet(a).sign, A, V),
    "cholesky": (lambda a, b: np.linalg.cholesky(a) * b, P, V),
    "gaussian": (lambda a, b: b @ np.linalg.solve(a, b) + np.linalg.slogdet(a)[1], P, V),
    "triangular": (lambda a, b: scipy_linalg.solve_triangular(a, b), P, V),
    "triangular, lower": (lambda a, b: scipy_linalg.solve_triangular(a, b, lower=True, unit_diagonal=True), A, B),
    "triangular, transposed": (lambda a, b: scipy_linalg.solve_triangular(a, b, trans="T", lower=True), P, B),
    "cho_solve": (lambda a, b: scipy_linalg.cho_solve(scipy_linalg.cho_factor(a, lower=True), b), P, V),
    "cho_solve, upper": (lambda a, b: scipy_linalg.cho_solve(scipy_linalg.cho_factor(a), b), P, B),
    "of scipy": (
        lambda a, b: scipy_linalg.solve(a, b) + scipy_linalg.inv(a) @ b * scipy_linalg.det(a),
        A,
        V,
    ),
    "cholesky of scipy": (lambda a, b: scipy_linalg.cholesky(a) @ b + scipy_linalg.cholesky(a, lower=True) @ b, P, V),
    "power": (lambda a, b: np.linalg.matrix_power(a, 5) @ b, A, V),
    "power 1": (lambda a, b: np.linalg.matrix_power(a, 1) @ b, A, V),
    "power 0": (lambda a, b: np.linalg.matrix_power(a, 0) * b, A, V),
    "power -3": (lambda a, b: np.linalg.matrix_power(a, -3) @ b, P, V),
    "norm": (lambda a, b: np.linalg.norm(a) * np.linalg.norm(b), A, V),
    "norms": (
        lambda a, b: np.linalg.norm(a, "fro") + np.array([np.linalg.norm(b, k) for k in (1, 3, 0.5, np.inf, -np.inf)]),
        A,
        V,
    ),
    "norms of matrices": (lambda a, b: b[0] * np.array([np.linalg.norm(a, k) for k in (1, "fro", np.inf, -2)]), A, V),
    "norms of rows": (lambda a, b: np.linalg.norm(a, axis=1) + np.linalg.norm(a - b, 1, axis=0, keepdims=True), A, V),
}


@pytest.mark.usefixtures("scalar_code")
@pytest.mark.parametrize("name", CASES)
def test_values_and_derivatives(name: str) -> None:
    f, a, b = CASES[name]
    assert_close(np.asarray(llad.jit(f)(a, b)), np.asarray(f(a, b)), rtol=1e-10, atol=1e-11)

    def loss(a: Any, b: Any) -> Any:
        return np.sum(np.sin(f(a, b)))

    check_gradient(llad.jit_grad(loss, argnums=(0, 1)), a, b)


def test_single_precision_and_integers() -> None:
    f = lambda a, b: (np.linalg.solve(a, b), np.linalg.inv(a), np.linalg.cholesky(a))  # noqa: E731
    single = (P.astype(np.float32), V.astype(np.float32))
    for got, expected in zip(llad.jit(f)(*single), f(*single), strict=True):
        assert got.dtype == expected.dtype == np.float32
        assert_close(got, expected, rtol=1e-4, atol=1e-5)
    whole = (np.array([[4, 1], [1, 3]]), np.array([1, 2]))
    for got, expected in zip(llad.jit(f)(*whole), f(*whole), strict=True):
        assert_close(got, expected, rtol=1e-14)


def test_many_sizes() -> None:
    f = llad.jit(lambda a, b: (np.linalg.solve(a, b), np.linalg.det(a), np.linalg.slogdet(a), np.linalg.cholesky(a)))
    for n in (0, 1, 2, 3, 7, 30):
        a = RANDOM.normal(size=(n, n))
        a, b = a @ a.T + np.eye(n), RANDOM.normal(size=n)
        x, det, both, factor = f(a, b)
        assert_close(x, np.linalg.solve(a, b), rtol=1e-8, atol=1e-9)
        assert_close((det, tuple(both)), (np.linalg.det(a), tuple(np.linalg.slogdet(a))), rtol=1e-9, atol=1e-12)
        assert_close(factor, np.linalg.cholesky(a), rtol=1e-9, atol=1e-12)


SINGULAR = [
    np.zeros((1, 1)),
    np.array([[1.0, 2.0], [2.0, 4.0]]),
    np.array([[0.0, 1.0], [0.0, 5.0]]),
    np.array([[0.0, 1.0, 2.0], [0.0, 3.0, 4.0], [0.0, 5.0, 7.0]]),
    np.array([[1.0, 2.0, 3.0], [2.0, 4.0, 6.0], [1.0, 1.0, 1.0]]),
    np.array([[1.0, 2.0, 3.0], [2.0, 4.0, 6.0], [3.0, 6.0, 9.0]]),
    np.zeros((3, 3)),
]


def cofactors(a: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    n = len(a)
    minor = lambda i, j: np.delete(np.delete(a, i, 0), j, 1)  # noqa: E731
    return np.array([[(-1) ** (i + j) * np.linalg.det(minor(i, j)) for j in range(n)] for i in range(n)])


determinant = llad.jit_grad(lambda a: np.linalg.det(a))


@pytest.mark.parametrize("case", range(len(SINGULAR)))
def test_the_derivative_of_a_determinant_is_its_cofactors_also_where_it_is_zero(case: int) -> None:
    a = SINGULAR[case]
    value, gradient = determinant.value_and_grad(a)
    assert value == pytest.approx(0.0, abs=1e-15)
    assert_close(gradient, cofactors(a), atol=1e-12)


def test_second_derivatives_of_a_determinant_at_zero() -> None:
    hessian = llad.jit(lambda a, d: llad.jvp(llad.grad(lambda a: np.linalg.det(a)), (a,), (d,))[1])
    assert_close(hessian(np.zeros((2, 2)), np.array([[1.0, 2.0], [3.0, 4.0]])), np.array([[4.0, -3.0], [-2.0, 1.0]]))


def test_singular_matrices() -> None:
    sign, log = llad.jit(lambda a: np.linalg.slogdet(a))(SINGULAR[1])
    assert (sign, log) == (0.0, -np.inf)


ERRORS: list[tuple[Any, tuple[Any, ...]]] = [
    (lambda a, b: np.linalg.solve(a, b), (SINGULAR[2], np.ones(2))),
    (lambda a, b: np.linalg.inv(a), (SINGULAR[1], 0.0)),
    (lambda a, b: np.linalg.matrix_power(a, -1), (SINGULAR[1], 0.0)),
    (lambda a, b: np.linalg.cholesky(a), (-np.eye(2), 0.0)),
    (lambda a, b: np.linalg.det(a), (np.ones((2, 3)), 0.0)),
    (lambda a, b: np.linalg.solve(a, b), (np.ones((2, 3)), np.ones(2))),
    (lambda a, b: np.linalg.solve(a, b), (np.eye(2), np.ones(3))),
    (lambda a, b: np.linalg.solve(a, b), (np.eye(2), np.ones((3, 2)))),
    (lambda a, b: scipy_linalg.solve_triangular(a, b), (np.zeros((2, 2)), np.ones(2))),
]


@pytest.mark.parametrize("case", range(len(ERRORS)))
def test_errors_are_numpys_and_name_the_line_of_the_call(case: int) -> None:
    f, arguments = ERRORS[case]
    for call in (llad.jit(f), f):
        try:
            call(*arguments)
        except ValueError as error:
            if call is not f:
                mine = error
            else:
                numpys = error
    assert type(mine) is type(numpys)
    assert str(mine).startswith(str(numpys).split(":")[0])
    assert extract_tb(mine.__traceback__)[-1][:2] == (f.__code__.co_filename, f.__code__.co_firstlineno)


def test_a_program_may_raise_it_itself() -> None:
    def f(x: float) -> float:
        if x < 0.0:
            raise np.linalg.LinAlgError("not today")
        return x

    with pytest.raises(np.linalg.LinAlgError, match="not today"):
        llad.jit(f)(-1.0)


def test_the_norm_of_zeros_has_derivative_zero() -> None:
    zero = np.zeros(3)
    for f in (
        lambda x: np.linalg.norm(x),
        lambda x: np.sum(np.linalg.norm(x * np.ones((2, 1)), axis=1)),
        lambda x: np.linalg.norm(x, 3),
    ):
        value, gradient = llad.jit_grad(f).value_and_grad(zero)
        assert value == 0.0
        assert_close(gradient, zero)
    assert np.isnan(llad.jit(lambda x: np.linalg.norm(x))(np.array([1.0, np.nan])))


REFUSED: list[tuple[str, Any]] = [
    ("of `np.linalg` there are", lambda a: np.linalg.eig(a)),
    ("lapack_driver", lambda a: np.linalg.lstsq(a, a, lapack_driver="gelsy")),
    ("one matrix", lambda a: np.linalg.lstsq(a * np.ones((2, 1, 1)), a)),
    ("one matrix", lambda a: np.linalg.solve(a[0], a)),
    ("one matrix", lambda a: np.linalg.inv(a[0])),
    ("give a constant", lambda a: np.linalg.matrix_power(a, a[0, 0])),
    ("the norm of order 3", lambda a: np.linalg.norm(a, 3)),
    ("the norm of order 0", lambda a: np.linalg.norm(a[None], 0, axis=(0, 1))),
    ("overwrite_b", lambda a: scipy_linalg.solve_triangular(a, a, overwrite_b=True)),
]


@pytest.mark.parametrize("case", range(len(REFUSED)))
def test_refusals(case: int) -> None:
    text, f = REFUSED[case]
    with pytest.raises(LladError) as caught:
        llad.jit(f)(A)
    assert text in str(caught.value)
    assert "test_linalg.py" in str(caught.value)


def test_second_derivatives_agree() -> None:
    def loss(a: Any) -> Any:
        return V @ np.linalg.solve(a, V)

    seed = RANDOM.normal(size=(4, 4))
    twice = llad.jit_grad(lambda a: np.sum(llad.grad(loss)(a) * seed)).grad(P)
    across = llad.jit(lambda a: llad.jvp(llad.grad(loss), (a,), (seed,))[1])(P)
    assert_close(twice, across, rtol=1e-9, atol=1e-11)
