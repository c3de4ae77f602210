"""Products of matrices: the op, the nests of loops that are taken apart for it, and what they compute."""

from __future__ import annotations

import random
from collections import Counter
from typing import Any

import numpy as np
import pytest
from native import Native
from random_products import TYPES, arguments, program

import llad
from llad.api import program_of
from llad.ir import interp
from llad.ir.build import Builder
from llad.ir.core import Function, Value, walk
from llad.ir.types import F32, F64, BufferType, ScalarType
from llad.ir.verify import verify
from llad.passes import products as products_pass
from llad.passes import products_parts
from llad.passes.cse import cse
from llad.passes.dce import dce
from llad.passes.products import products
from llad.testing import assert_close, check_gradient

# -- the op

SHAPES = [
    (1, 1, 1),
    (8, 24, 5),
    (9, 25, 130),
    (3, 7, 300),
    (17, 50, 129),
    (0, 3, 2),
    (3, 0, 2),
    (4, 5, 0),
    (50, 33, 257),
]


def both(dtype: ScalarType) -> Function:
    """`c += a b` and `d = a b`, of matrices of any strides."""
    b = Builder()
    params = [Value(BufferType(dtype, 2, "strided"), name) for name in "abcd"]
    b.matmul(params[0], params[1], params[2])
    b.matmul(params[0], params[1], params[3], fresh=True)
    b.return_()
    return verify(b.function("both", params))


@pytest.mark.parametrize("dtype", [F64, F32], ids=str)
def test_matrices_of_any_extents_and_strides(dtype: ScalarType) -> None:
    native, kind, r = Native(both(dtype)), {F64: np.float64, F32: np.float32}[dtype], np.random.default_rng(0)

    def matrix(rows: int, columns: int) -> np.ndarray[Any, Any]:
        wide = r.normal(size=(2 * rows, 3 * columns)).astype(kind)
        return [wide[:rows, :columns], wide[::2, ::-3], wide[::-1][:rows, 1 : 2 * columns : 2]][r.integers(3)]

    for m, n, k in SHAPES:
        for turned in range(8):
            shapes = (m, k), (k, n), (m, n)
            made = [matrix(*s[::-1]).T if turned >> at & 1 else matrix(*s) for at, s in enumerate(shapes)]
            a, b, c = made
            before, fresh = c.copy(), np.full((n, m), np.nan, kind).T
            native(a, b, c, fresh)
            exact = a.astype(float) @ b.astype(float)
            tolerance = {F64: 1e-13, F32: 1e-5}[dtype] * max(k, 1)
            np.testing.assert_allclose(fresh, exact, rtol=0, atol=tolerance)
            np.testing.assert_allclose(c, before + exact, rtol=0, atol=2 * tolerance)


def test_elements_do_not_depend_on_where_they_are() -> None:
    """The same row and column give the same number, to the bit."""
    native, r = Native(both(F64)), np.random.default_rng(1)
    a, b, c, d = r.normal(size=(21, 150)), r.normal(size=(150, 27)), np.zeros((21, 27)), np.zeros((27, 21)).T
    a[:], b[:] = a[:1], b[:, :1]
    native(a, b, c, d)
    assert np.unique(c).size == 1 and np.array_equal(c, d)


# -- nests in parts


def outcome(fn: Function, args: list[Any]) -> list[Any] | None:
    """The results, and memory afterwards; None if poison is read."""
    args = [a.copy() for a in args]
    try:
        return [*interp.run(fn, args), *args]
    except AssertionError:
        return None


def test_random_nests_keep_their_meaning(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also small ones, in short strips."""
    for module, names in ((products_pass, ("_ROWS", "_WIDTH")), (products_parts, ("_SHORTEST", "_STRIP"))):
        for number, name in enumerate(names):
            monkeypatch.setattr(module, name, 0 if module is products_pass else 3 + number)
    met: Counter[str] = Counter()
    for seed in range(200):
        rng = random.Random(seed)
        fn = dce(cse(dce(verify(program(rng)))))
        made = verify(products(fn))
        count = sum(op.name == "matmul" for op in walk(made.body))
        for k in range(2 if count else 0):
            args = arguments(7 * seed + k, *[rng.choice((0, 1, 2, 3, 5, 9)) for _ in range(3)])
            expected = outcome(fn, args)
            if expected is None:
                break
            assert_close(outcome(made, args), expected, rtol=1e-9, atol=1e-9, what=f"program {seed}")
            met["compared"] += 1
        met["products"] += count
    assert met["compared"] > 250 and met["products"] > 250
    assert len(TYPES) == len(arguments(0, 1, 1, 1))


def count(function: Any, *args: Any, gradient: bool = False, fastmath: bool = False) -> int:
    """How many products of matrices there are in what is made of a function."""
    stage = program_of(function, fastmath).stage(args)
    fn = stage.function("gradient", (0, 1)) if gradient else stage.function("primal")
    return sum(op.name == "matmul" for op in walk(fn.body))


def by_hand(a, b):
    out = np.zeros((a.shape[0], b.shape[1]))
    for i in range(a.shape[0]):
        for j in range(b.shape[1]):
            for k in range(a.shape[1]):
                out[i, j] += a[i, k] * b[k, j]
    return np.sum(out**2)


def test_which_are_taken() -> None:
    a, b, s = np.ones((3, 4)), np.ones((4, 5)), np.ones((2, 3, 4))
    assert count(lambda a, b: a @ b, a, b) == 1
    assert count(lambda a, b: np.sum(np.tanh(a @ b)), a, b, gradient=True) == 3
    assert count(lambda a, b: np.einsum("ik,kj->ji", a, b), a, b) == 1
    assert count(lambda a, b: np.tensordot(a, b, 1), s, b) == 1
    assert count(lambda a, b: a @ b, s, s.transpose(0, 2, 1)) == 1
    assert count(by_hand, a, b, fastmath=True) == 1
    assert count(by_hand, a, b, gradient=True) == 2  # cotangents may be added up in any order


@pytest.mark.parametrize("of", ["primal", "gradient"])
def test_a_few_large_products_are_large_and_a_few_rows_are_not(of: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A loop over a stack of matrices may be short: its iterations are no rows of a product."""
    run, done = interp.matmul, []
    monkeypatch.setattr(interp, "matmul", lambda op, env: (done.append(op), run(op, env)))

    def products_done(function: Any, *shapes: tuple[int, ...]) -> int:
        args = [np.ones(shape) for shape in shapes]
        fn = program_of(function, False).stage(tuple(args)).function(of, (0, 1))
        done.clear()
        interp.run(fn, [*args, *map(np.zeros_like, args)] if of == "gradient" else args)
        return len(done)

    def stack(a: Any, b: Any) -> Any:
        return np.sum(np.tanh(np.einsum("hik,hjk->hij", a, b)))

    assert products_done(stack, (2, 16, 16), (2, 16, 16)) >= 2
    assert products_done(stack, (20, 16, 5), (20, 16, 5)) == 0
    assert products_done(lambda a, b: np.sum(np.tanh(a @ b)), (4, 16), (16, 16)) == 0


@pytest.mark.parametrize(
    "layer",
    [
        lambda a, b: np.sum(np.maximum(a @ b, 0.0) ** 2),
        lambda a, b: np.sum(np.minimum(np.maximum(a @ b, -1.0), 1.0)),
        lambda a, b: np.sum(np.where(a @ b > 0.2, a @ b, 0.1)),
    ],
)
def test_what_a_choice_leaves_out_of_a_product_is_multiplied_with_the_others(layer: Any) -> None:
    """As a branch, each element would be a row of its own. Its cotangent is zero either way."""
    rng = np.random.default_rng(5)
    assert count(layer, np.ones((3, 4)), np.ones((4, 5)), gradient=True) >= 3
    check_gradient(llad.jit_grad(layer), rng.normal(size=(20, 30)), rng.normal(size=(30, 25)))


def nearest_of_many(a, b):
    total = 0.0
    for i in range(a.shape[0]):
        nearest, second = np.inf, np.inf
        for j in range(b.shape[1]):
            s = 0.0
            for k in range(a.shape[1]):
                s += a[i, k] * b[k, j]
            second = min(second, max(nearest, s))
            nearest = min(nearest, s)
        total += nearest * second
    return total


def test_one_chosen_among_many_is_reversed_alone() -> None:
    assert count(nearest_of_many, np.ones((3, 4)), np.ones((4, 5)), gradient=True, fastmath=True) <= 1


def test_which_are_left() -> None:
    a, b = np.ones((3, 4)), np.ones((4, 5))
    assert count(by_hand, a, b) == 0  # Python's order
    assert count(lambda a, b: a @ np.ones((4, 3)), a, b) == 0  # three columns
    assert count(lambda a, b: a @ b, a, b[:, 0]) == 0  # a vector
    assert count(lambda a, b: a @ b, a.astype(int), b.astype(int)) == 0


# -- what they compute


def perceptron(w1, b1, w2, b2, x, y):
    hidden = np.tanh(x @ w1 + b1)
    scores = hidden @ w2 + b2
    return np.sum((scores - y) ** 2)


def test_gradient_of_a_perceptron() -> None:
    """In strips, the last of them short, against the formula; also for few rows, which stay loops."""
    r, n = np.random.default_rng(2), 300
    w1, b1, w2, b2 = (r.normal(size=s) / 4 for s in ((20, 30), (30,), (30, 5), (5,)))
    x, y = r.normal(size=(n, 20)), r.normal(size=(n, 5))
    gradient = llad.jit_grad(perceptron, argnums=(0, 1, 2, 3))
    for rows in (n, 7):
        value, found = gradient.value_and_grad(w1, b1, w2, b2, x[:rows], y[:rows])
        hidden = np.tanh(x[:rows] @ w1 + b1)
        scores_bar = 2 * (hidden @ w2 + b2 - y[:rows])
        hidden_bar = (scores_bar @ w2.T) * (1 - hidden**2)
        expected = x[:rows].T @ hidden_bar, hidden_bar.sum(0), hidden.T @ scores_bar, scores_bar.sum(0)
        assert_close(value, np.sum(scores_bar**2) / 4, rtol=1e-12)
        assert_close(found, expected, rtol=1e-10, atol=1e-10)


def test_second_derivatives() -> None:
    """Products of what is gathered and computed, forward over reverse, against differences of the gradient."""

    def loss(w, x, rows):
        return np.sum(np.sin(x[rows] @ w) ** 2)

    def slope(w, d, x, rows):
        return np.sum(llad.grad(loss, argnums=0)(w, x, rows) * d)

    r = np.random.default_rng(3)
    w, d, x, rows = r.normal(size=(17, 19)), r.normal(size=(17, 19)), r.normal(size=(9, 17)), r.integers(9, size=40)
    first, second = llad.jit_grad(loss, argnums=0), llad.jit_grad(slope, argnums=0)
    assert count(slope, w, d, x, rows, gradient=True) > 3
    step = 1e-5
    expected = (first.grad(w + step * d, x, rows) - first.grad(w - step * d, x, rows)) / (2 * step)
    assert_close(second.grad(w, d, x, rows), expected, rtol=1e-6, atol=1e-6)


def weighted(a, b):
    """A factor of a row of `b` that the outermost loop does not change, and one of `a` that the second does not."""
    total = 0.0
    for i in range(a.shape[0]):
        shift = np.cos(a[i, 0])
        for j in range(2, b.shape[0]):
            weight = np.exp(b[j, 0])
            s = 0.0
            for k in range(a.shape[1]):
                s += (a[i, k] + shift) * (b[j, k] * weight)
            total += np.tanh(0.01 * s) * shift
    return total


def test_what_one_of_the_loops_does_not_change_is_read_outside_of_it() -> None:
    a, b = np.random.default_rng(8).normal(size=(40, 17)), np.random.default_rng(9).normal(size=(33, 17))
    assert count(weighted, a, b, fastmath=True) == 1
    compiled = llad.jit_grad(weighted, argnums=(0, 1), fastmath=True)
    value, slopes = compiled.value_and_grad(a, b)
    assert_close(value, weighted(a, b))
    _, along = llad.jvp(weighted, (a, b), (a[::-1], b[::-1]))
    assert_close(np.sum(slopes[0] * a[::-1]) + np.sum(slopes[1] * b[::-1]), along)
