"""What is loaded again and again and overwritten later: kept once, whatever the loops are, and found in every order."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import llad
from llad import jit_grad
from llad.ir.core import Function, Op, walk
from llad.program import Program
from llad.testing import assert_close, check_gradient

pytestmark = pytest.mark.usefixtures("quick_code")


def layers(w, x):
    h = x * 1.0
    for k in range(w.shape[0]):
        h = np.tanh(h @ w[k])
    return np.sum(h * h)


def covariances(f, p):
    for _ in range(4):
        p = f @ p @ f.T + 0.1
    return np.trace(p)


def in_place(a, x):
    """Written over in place, row by row, by loops as in C."""
    b = a * 1.0
    c = np.zeros(a.shape)
    n = a.shape[0]
    for _ in range(3):
        for i in range(n):
            for j in range(n):
                s = 0.0
                for k in range(n):
                    s += b[i, k] * b[k, j]
                c[i, j] = s * x[i]
        for i in range(n):
            for j in range(n):
                b[i, j] = 0.5 * b[i, j] + c[i, j]
    return np.sum(b)


def in_turns(a, x):
    """Each step is made of the one before, in the memory of the one before that."""
    b = a * 1.0
    c = np.zeros(a.shape)
    n = a.shape[0]
    for _ in range(n):
        for i in range(n):
            for j in range(n):
                s = 0.0
                for k in range(n):
                    s += b[i, k] * b[k, j]
                c[i, j] = s * x[i]
        b, c = c, b
    return np.sum(b)


def in_rotation(a, x):
    """Three arrays take turns; the nest is smaller each time, empty at last, and skipped once."""
    b = a * 1.0
    c = a * 0.5
    d = np.zeros(a.shape)
    n = a.shape[0]
    for t in range(n + 1):
        if t != 1:
            for i in range(n - t):
                for j in range(t, n):
                    s = 0.0
                    for k in range(n):
                        s += b[i, k] * c[k, j]
                    d[i, j] = s * x[i]
        b, c, d = c, d, b
    return np.sum(b * c) + np.sum(d)


def but_its_own(a, x):
    """Of each row an element is left out."""
    n = len(x)
    y, z = np.zeros(n), np.zeros(n)
    for _ in range(4):
        for i in range(n):
            s = x[i]
            for j in range(n):
                if j != i:
                    s -= a[i, j] * y[j]
            z[i] = s * a[i, i]
        for i in range(n):
            y[i] = z[i]
    return np.sum(y * y)


def if_there_is_one(a, x):
    """A condition keeps indices in range, and whole loops from running."""
    n = len(x)
    y = np.zeros(n)
    for k in range(3):
        for i in range(n):
            s = x[i]
            if i != k:
                for j in range(n):
                    if j > 0 and x[j] > 0.4:
                        s += a[i, j] * y[j - 1] * y[j]
            y[i] = 0.5 * s + y[i] * y[i]
    return np.sum(y * x)


def until(a, x):
    """Nobody knows how often; and each time along other rows."""
    y = x * 1.0
    size, k = 0.0, 0
    while size < 6.0:
        for i in range(k % 2, len(y)):
            for j in range(1, len(y)):
                size += 0.1 * y[j] * a[i, j] * y[i] + 0.3
        y[0] = y[0] * 0.9 + 0.1 * size
        k += 1
    return size * y[0]


def windows(a, x):
    y = x * 1.0
    total = 0.0
    for t in range(3):
        part = y[t:]
        for i in range(a.shape[0]):
            for k in range(len(part)):
                total += a[i, k] * part[len(part) - 1 - k] ** 2
        y[1:] = y[1:] * total * 0.01
    return total


def only_one_factor(a, x):
    """Of products with constants, nothing is needed but these, which nobody writes."""
    y = x * 1.0
    for _ in range(3):
        z = np.zeros(len(y))
        for i in range(len(y)):
            for k in range(len(y)):
                z[i] += y[k] * 0.5
        y = z + a[0]
    return np.sum(y)


def row_by_row(f, p0):
    """Two products in one loop over rows: what each loads is a row of a tape."""
    n = f.shape[0]
    p = p0 * 1.0
    half = np.zeros((n, n))
    whole = np.zeros((n, n))
    total = 0.0
    for _ in range(3):
        for i in range(n):
            for j in range(n):
                s = 0.0
                for k in range(n):
                    s += f[i, k] * p[k, j]
                half[i, j] = s
        for i in range(n):
            for j in range(n):
                s = 0.1
                for k in range(n):
                    s += half[i, k] * f[j, k]
                whole[i, j] = s
        for i in range(n):
            for j in range(n):
                p[i, j] = whole[i, j] * (1.0 + 0.5 * i + 0.2 * j)
        total += p[0, 1]
    return total


PROGRAMS = [
    layers, covariances, in_place, in_turns, in_rotation, but_its_own, if_there_is_one, until, windows,
    only_one_factor, row_by_row,
]  # fmt: skip


def arguments(f: Callable[..., Any]) -> tuple[Any, ...]:
    r = np.random.default_rng(1)
    square = ((3, 3), (3, 3))
    shapes = {layers: ((2, 3, 3), (2, 3)), covariances: square, row_by_row: square}.get(f, ((3, 3), (3,)))
    return tuple(r.uniform(0.2, 0.9, shape) for shape in shapes)


@pytest.mark.parametrize("f", PROGRAMS, ids=lambda f: f.__name__)
def test_gradients(f: Callable[..., Any], request: pytest.FixtureRequest) -> None:
    """By all of LLVM's passes in one sweep; forward mode and the sweeps apart, which consist of the like, without."""
    args = arguments(f)
    compiled = jit_grad(f)
    compiled.value_and_grad(*args)
    request.getfixturevalue("scalar_code")
    check_gradient(compiled, *args)
    _, pullback = llad.vjp(f, *args)
    once, again = pullback(1.0), pullback(1.0)
    for one, two, wanted in zip(once, again, llad.grad(f, argnums=(0, 1))(*args), strict=True):
        assert np.array_equal(one, two)
        assert_close(one, wanted, rtol=1e-12)


def test_second_derivatives() -> None:
    args = arguments(layers)
    check_gradient(jit_grad(lambda w, x: np.sum(llad.grad(layers)(w, x) * np.arange(18.0).reshape(2, 3, 3))), *args)


def gradient(f: Callable[..., Any]) -> Function:
    args = arguments(f)
    stage = Program(f).stage(args)
    return stage.function("gradient", stage.differentiable, last=False)


def kept_by_each_product(fn: Function) -> list[Op]:
    """What the innermost of three loops pushes or stores for itself alone."""
    found: list[Op] = []

    def visit(ops: list[Op], depth: int) -> None:
        for op in ops:
            own = op.name == "push" or (op.name == "store" and len(op.operands) - 2 > 3)
            found.extend([op] if own and depth > 3 else [])
            for region in op.regions:
                visit(region.ops, depth + (op.name in ("for", "while")))

    visit(fn.body.ops, 0)
    return found


@pytest.mark.parametrize("f", [layers, covariances, in_place, in_turns, in_rotation], ids=lambda f: f.__name__)
def test_no_product_keeps_its_factors(f: Callable[..., Any]) -> None:
    assert not kept_by_each_product(gradient(f))


def test_a_condition_on_products_makes_no_difference() -> None:
    ranks = [op.result.type.rank for op in walk(gradient(but_its_own).body) if op.name == "alloc"]
    assert max(ranks) == 1  # as many as a row has, not as there are products


def test_what_nobody_needs_is_not_kept() -> None:
    made = {op.result.name for op in walk(gradient(only_one_factor).body) if op.name == "alloc"}
    assert not any("tape" in name for name in made), made


def test_elements_are_copied_only_if_some_loop_would_load_them() -> None:
    """Without columns, no row is looked at: there may be fewer than one would think."""

    def f(a, x, rows, columns):
        y = x * 1.0
        total = 0.0
        for _ in range(2):
            for i in range(rows):
                for _ in range(columns):
                    total += y[i] * y[i] * a[0]
            y[0] = y[0] * 0.5 + total
        return total + y[0]

    compiled, args = jit_grad(f, argnums=(0, 1)), (np.array([0.3]), np.array([0.5, 0.7]))
    assert_close(compiled.grad(*args, 10**7, 0)[1], np.array([0.25, 0.0]))
    with pytest.raises(IndexError):
        compiled.grad(*args, 3, 1)
    check_gradient(jit_grad(lambda a, x: f(a, x, 2, 3)), *args)


def test_they_take_no_memory_if_no_loop_would_load_them() -> None:
    def f(a, x, runs, rows):
        y = x * 1.0
        total = 0.0
        for _ in range(2):
            for k in range(runs):
                for i in range(rows):
                    total += y[i] * a[k, i]
            y[0] = y[0] * 0.5 + total
        return total + y[0]

    compiled, args = jit_grad(f, argnums=(0, 1)), (np.ones((3, 2)), np.array([0.5, 0.7]))
    for rows in (10**13, 2**63 - 1):
        assert_close(compiled.grad(*args, 0, rows)[1], np.array([0.25, 0.0]))
    check_gradient(jit_grad(lambda a, x: f(a, x, 3, 2)), *args)


def test_explain_tells_what_they_take() -> None:
    text = jit_grad(layers).explain(*arguments(layers))
    assert "`h_tape`" in text and "each iteration anew" in text
