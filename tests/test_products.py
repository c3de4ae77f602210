"""Products of arrays: values, types, memory order and errors as NumPy's, and derivatives in both modes."""

from __future__ import annotations

from traceback import extract_tb
from typing import Any

import numpy as np
import pytest

import llad
from llad.diagnostics import LladError
from llad.testing import assert_close, check_gradient

pytestmark = pytest.mark.usefixtures("quick_code")

RANDOM = np.random.default_rng(7)


def drawn(*shape: int) -> np.ndarray[Any, Any]:
    return RANDOM.normal(size=shape)


U, V, A, B, C, S, T = drawn(3), drawn(3), drawn(3, 4), drawn(4, 3), drawn(2, 3, 4), drawn(3, 3), drawn(2, 4, 3)
K = drawn(1, 4, 2)

CASES: dict[str, tuple[Any, tuple[Any, ...]]] = {
    "stack @ matrix": (lambda a, b: a @ b, (C, B)),
    "matrix @ stack": (lambda a, b: a @ b, (A, T)),
    "stack @ stack": (lambda a, b: a @ b, (C, T)),
    "stack @ one": (lambda a, b: a @ b, (C, K)),
    "stack @ vector": (lambda a, b: a @ b, (T, U)),
    "vector @ stack": (lambda a, b: a @ b, (U, C)),
    "deep stacks": (lambda a, b: np.matmul(a[:, None], b[None]), (C, T)),
    "computed one": (lambda a, b: (a * 2.0) @ (b + 1.0), (C, K)),
    "transposed": (lambda a, b: a.T @ b.T, (A, B)),
    "both strided": (lambda a, b: a[::2] @ b[:, ::-1], (A, B)),
    "vector @ matrix": (lambda u, a: u @ a, (U, A)),
    "known extents": (lambda u, a: np.array([[1.0, 2.0, 3.0]]) @ (a * u[0]), (U, A)),
    "dot of a stack": (lambda a, b: np.dot(a, b), (C, B)),
    "dot of stacks": (lambda a, b: a.dot(b), (C, T)),
    "dot with a vector": (lambda a, u: np.dot(a, u), (T, U)),
    "inner": (lambda a, b: np.inner(a, b), (A, C)),
    "inner of vectors": (lambda u, v: np.inner(u, v), (U, V)),
    "inner with a vector": (lambda a, u: np.inner(a, u), (S, U)),
    "vdot": (lambda a, b: np.vdot(a, b), (A, B)),
    "vdot alike": (lambda a, b: np.vdot(a * 2.0, np.sin(a)) * b[0], (A, U)),
    "outer": (lambda a, u: np.outer(a, u), (A, U)),
    "outer of vectors": (lambda u, v: np.outer(u, v), (U, V)),
    "tensordot": (lambda a, b: np.tensordot(a, b), (C, drawn(3, 4, 2))),
    "tensordot 1": (lambda a, b: np.tensordot(a, b, 1), (C, B)),
    "tensordot 0": (lambda a, b: np.tensordot(a, b, axes=0), (U, B)),
    "tensordot pairs": (lambda a, b: np.tensordot(a, b, axes=([0, 2], [0, 1])), (C, T)),
    "tensordot numbers": (lambda a, b: np.tensordot(a, b, axes=(-1, 1)), (C, T)),
    "kron": (lambda a, b: np.kron(a, b), (A, B)),
    "kron of ranks": (lambda u, b: np.kron(u, b), (U, B)),
    "kron of vectors": (lambda u, v: np.kron(u, v), (U, V)),
    "cross": (lambda u, v: np.cross(u, v), (U, V)),
    "cross of rows": (lambda b, s: np.cross(b, s[0]), (B, S)),
    "cross of tables": (lambda b, s: np.cross(b[:3], s), (B, S)),
    "einsum": (lambda a, b: np.einsum("ij,jk->ik", a, b), (A, B)),
    "einsum implied": (lambda a, b: np.einsum("ij,jk", a, b), (A, B)),
    "einsum implied order": (lambda a, b: np.einsum("ba, cb", a, b), (A, B)),
    "einsum transposes": (lambda a, u: np.einsum("ij->ji", a) * u, (A, U)),
    "einsum trace": (lambda s, u: np.einsum("ii", s) * u, (S, U)),
    "einsum diagonal": (lambda s, u: np.einsum("ii->i", s) * u, (S, U)),
    "einsum of a diagonal": (lambda s, a: np.einsum("ii,ij->j", s, a), (S, A)),
    "einsum diagonal summed": (lambda s, a: np.einsum("kk,ij->ij", s, a), (S, A)),
    "einsum sums": (lambda a, u: np.einsum("ij->j", a)[0] * u, (A, U)),
    "einsum whole": (lambda a, b: np.einsum("ij,ji->", a, b), (A, B)),
    "einsum batch": (lambda c, t: np.einsum("bij,bjk->bik", c, t), (C, T)),
    "einsum of three": (lambda u, s: np.einsum("i,ij,j->", u, s, u), (U, S)),
    "einsum of four": (lambda u, a: np.einsum("i,ij,kj,k", u, a, a, u, optimize=True), (U, A)),
    "einsum outer": (lambda u, v: np.einsum("i,j,k->kij", u, v, u), (U, V)),
    "einsum ellipsis": (lambda c, b: np.einsum("...ij,jk->...ik", c, b), (C, B)),
    "einsum ellipses": (lambda c, t: np.einsum("...ij,...jk", c, t), (C, T)),
    "einsum broadcasts": (lambda c, k: np.einsum("bij,bjk->bik", c, k), (C, K)),
    "einsum broadcast sums": (lambda a, k: np.einsum("ij,j->i", a, k[0, :1, 0]), (A, K)),
    "chained": (lambda a, b: np.tanh(a @ b) @ a @ b, (A, B)),
    "chained in place": (lambda s, u: power(s, 3) @ u, (S, U)),
}


def power(s: Any, n: int) -> Any:
    p = s.copy()
    for _ in range(n):
        p = p @ s
    return p


def odd(x: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """The elements in single precision, in memory that is strided along the last axis."""
    return np.repeat(x.astype(np.float32), 2, axis=-1)[..., ::2]


@pytest.mark.parametrize("name", CASES)
def test_values_are_numpys(name: str, request: pytest.FixtureRequest) -> None:
    """The same loops of single precision, and in strides, without LLVM's passes."""
    f, arguments = CASES[name]
    compiled = llad.jit(f)
    for given, tolerance in (arguments, 1e-12), (tuple(map(odd, arguments)), 1e-4):
        expected, got = f(*given), compiled(*given)
        request.getfixturevalue("scalar_code")
        if isinstance(got, np.ndarray):
            assert got.dtype == expected.dtype
        assert_close(np.asarray(got), np.asarray(expected), rtol=tolerance, atol=tolerance)


@pytest.mark.usefixtures("scalar_code")
@pytest.mark.parametrize("name", CASES)
def test_derivatives(name: str) -> None:
    f, arguments = CASES[name]

    def loss(a: Any, b: Any) -> Any:
        return np.sum(np.sin(f(a, b)))

    check_gradient(llad.jit_grad(loss, argnums=(0, 1)), *arguments)


MISFITS: list[tuple[Any, tuple[int, ...], tuple[int, ...]]] = [
    (lambda a, b: a @ b, (3, 4), (3, 4)),
    (lambda a, b: a @ b, (2, 3, 4), (2, 3, 4)),
    (lambda a, b: np.dot(a, b), (4,), (3,)),
    (lambda a, b: np.inner(a, b), (4,), (2, 3)),
    (lambda a, b: np.vdot(a, b), (4,), (2, 3)),
    (lambda a, b: np.tensordot(a, b, 1), (3, 4), (3, 4)),
    (lambda a, b: np.einsum("ii,j", a, b), (3, 4), (4,)),
    (lambda a, b: np.einsum("ij,j", a, b), (3, 4), (3,)),
    (lambda a, b: np.cross(a, b), (4,), (3,)),
]


@pytest.mark.parametrize("case", range(len(MISFITS)))
def test_extents_that_do_not_fit_raise_what_numpy_raises(case: int) -> None:
    f, *shapes = MISFITS[case]
    a, b = (np.ones(shape) for shape in shapes)
    with pytest.raises(ValueError) as numpys:
        f(a, b)
    with pytest.raises(ValueError) as mine:
        llad.jit(f)(a, b)
    start = str(numpys.value).split(" [")[0].splitlines()[0].split(":")[0]
    assert str(mine.value).startswith(start)
    last = extract_tb(mine.value.__traceback__)[-1]
    assert (last.filename, last.lineno) == (f.__code__.co_filename, f.__code__.co_firstlineno)


def test_stacks_that_do_not_broadcast() -> None:
    with pytest.raises(ValueError, match="operands could not be broadcast together with remapped shapes"):
        llad.jit(lambda a, b: a @ b)(np.ones((2, 3, 4)), np.ones((3, 4, 5)))
    known = r"\(2,3,4\)->\(2,newaxis,newaxis\) \(3,4,5\)->\(3,newaxis,newaxis\)  and requested shape \(3,5\)"
    with pytest.raises(ValueError, match=known):
        llad.jit(lambda x: np.ones((2, 3, 4)) @ np.zeros((3, 4, 5)) * x)(1.0)


REFUSED: list[tuple[str, Any]] = [
    ("more operands provided", lambda a: np.einsum("ij", a, a)),
    ("fewer operands provided", lambda a: np.einsum("ij,ij", a)),
    ("too many subscripts for operand 0", lambda a: np.einsum("ijk", a)),
    ("no '...' ellipsis", lambda a: np.einsum("i", a)),
    ("'i' multiple times", lambda a: np.einsum("ij->ii", a)),
    ("'z' which never appeared", lambda a: np.einsum("ij->iz", a)),
    ("invalid subscript '1'", lambda a: np.einsum("i1", a)),
    ("it lacks the `...`", lambda a: np.einsum("...j->j", a)),
    ("without a string of subscripts", lambda a: np.einsum(a, [0, 1])),
    ("shape-mismatch for sum", lambda a: np.tensordot(a, a, 3)),
    ("shape-mismatch for sum", lambda a: np.tensordot(a, a, ([0, 0], [0, 1]))),
    ("the axis", lambda a: np.tensordot(a, a, ([0], [2]))),
    ("the axis", lambda a: np.cross(a, a, axis=0)),
    ("multiply by a number", lambda a: np.matmul(np.array(2.0), a)),
    ("on NumPy bools", lambda a: (a > 0.0) @ (a > 0.0).T),
]


@pytest.mark.parametrize("case", range(len(REFUSED)))
def test_refusals(case: int) -> None:
    text, f = REFUSED[case]
    with pytest.raises(LladError) as caught:
        llad.jit(f)(A)
    assert text in str(caught.value)
    assert "test_products.py" in str(caught.value)


def test_products_of_nothing() -> None:
    f = llad.jit(lambda a, b: (a @ b, np.einsum("ij,jk->", a, b), np.kron(a, b), np.inner(a, b.T)))
    for shapes in [((0, 4), (4, 3)), ((3, 0), (0, 2)), ((0, 0), (0, 0))]:
        a, b = (np.ones(shape) for shape in shapes)
        assert_close(f(a, b), (a @ b, 0.0, np.kron(a, b), np.inner(a, b.T)), atol=1e-12)


def test_integers_stay_integers() -> None:
    a, b = np.arange(6).reshape(2, 3), np.arange(3, dtype=np.int32)
    f = lambda a, b: (a @ b, np.outer(b, b), np.einsum("ij,j->i", a, b), np.vdot(b, b), np.cross(a, b))  # noqa: E731
    for got, expected in zip(llad.jit(f)(a, b), f(a, b), strict=True):
        np.testing.assert_array_equal(got, expected)


def test_second_derivatives_agree() -> None:
    def loss(a: Any, b: Any) -> Any:
        return np.sum(np.tanh(np.einsum("bij,bjk->ik", a, b)) @ np.cross(b[0], b[1])[:3, :2])

    seed = drawn(*C.shape)
    twice = llad.jit_grad(lambda a, b: np.sum(llad.grad(loss)(a, b) * seed), argnums=0).grad(C, T)
    across = llad.jit(lambda a, b: llad.jvp(lambda a: llad.grad(loss)(a, b), (a,), (seed,))[1])(C, T)
    assert_close(twice, across, rtol=1e-10, atol=1e-12)
