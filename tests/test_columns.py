"""Columns in memory of their own: where nests of loops get them, where they must not, and that nothing else changes."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from llad import jit_grad, prange
from llad.ir.core import walk
from llad.program import Program

pytestmark = pytest.mark.usefixtures("quick_code")


def energy(r, m):
    e = 0.0
    for i in range(r.shape[0]):
        for j in range(i + 1, r.shape[0]):
            dx = r[i, 0] - r[j, 0]
            dy = r[i, 1] - r[j, 1]
            e += m[i] * m[j] / math.sqrt(dx * dx + dy * dy + 0.1)
    return e


def far_columns(r, m):
    s = 0.0
    for i in range(len(m)):
        for j in range(r.shape[0]):
            s += math.sin(r[j, 4] * m[i]) * r[j, 1]
    return s


def in_steps(r, m):
    s = 0.0
    for t in range(3):
        for i in range(len(m)):
            for j in range(r.shape[0]):
                s += r[j, 0] * m[i] * r[j, 2] + t
        for j in range(r.shape[0]):
            r[j, 0] = r[j, 2] * 0.5
    return s


def written(r, m):
    s = 0.0
    for i in range(len(m)):
        for j in range(r.shape[0]):
            s += r[j, 0] * r[j, 1]
            r[j, 1] = s * 0.01 + m[i]
    return s


def near_the_end(r, m):
    s = 0.0
    for i in range(len(m)):
        for j in range(r.shape[0] - 1, r.shape[0]):
            s += r[j, 0] * m[i]
    return s


def read_of_it(r, m):
    """What is added to is looked at."""
    out = np.zeros((r.shape[0], 2))
    s = 0.0
    for i in range(len(m)):
        for j in range(r.shape[0]):
            out[j, 0] += r[j, 0] * m[i]
            s += out[j, 0]
    return s


def made(f: Any, *args: Any) -> tuple[int, int]:
    """How many columns the primal and the gradient get."""
    stage = Program(f, fastmath=True).stage(args)
    functions = stage.function("primal"), stage.function("gradient", stage.differentiable)
    return tuple(sum(r.name == "column" for op in walk(fn.body) for r in op.results) for fn in functions)  # type: ignore[return-value]


def arguments(n: int, width: int = 5) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(n)
    return rng.uniform(0.5, 1.5, (n, width)), rng.uniform(0.5, 1.5, n)


PROGRAMS = [
    (energy, (2, 4)), (far_columns, (2, 4)), (in_steps, (6, 15)), (written, (0, 0)), (near_the_end, (0, 0)),
    (read_of_it, (1, 1)),
]  # fmt: skip


@pytest.mark.parametrize(("f", "count"), PROGRAMS, ids=[f.__name__ for f, _ in PROGRAMS])
def test_who_gets_columns(f, count):
    assert made(f, *arguments(3)) == count


@pytest.mark.parametrize("f", [f for f, _ in PROGRAMS], ids=[f.__name__ for f, _ in PROGRAMS])
def test_values_and_gradients_do_not_depend_on_it(f):
    strict, fast = jit_grad(f), jit_grad(f, fastmath=True)
    for n in (0, 1, 3, 4, 5, 9):
        r, m = arguments(n)
        np.testing.assert_allclose(fast(r.copy(), m), f(r.copy(), m), rtol=1e-12)
        for one, two in zip(strict.grad(r.copy(), m), fast.grad(r.copy(), m), strict=True):
            np.testing.assert_allclose(one, two, rtol=1e-10, atol=1e-12)
        if n:
            step, direction = 1e-6, np.cos(np.arange(r.size)).reshape(r.shape)
            difference = f(r + step * direction, m) - f(r - step * direction, m)
            slope = np.sum(fast.grad(r.copy(), m)[0] * direction)
            np.testing.assert_allclose(slope, difference / (2 * step), rtol=1e-6)


def test_a_column_that_is_not_there_is_an_error():
    r, m = arguments(5, width=3)
    for f in (jit_grad(far_columns), jit_grad(far_columns).grad):
        with pytest.raises(IndexError, match="index 4 is out of bounds for axis 1 with size 3"):
            f(r, m)


def pushed(G, x, p):
    for i in range(len(p)):
        for k in range(len(x)):
            for j in range(G.shape[0]):
                G[j, 0] += x[k] * x[p[i]]
                G[j, 1] -= x[k]
    return G[0, 0]


@pytest.mark.parametrize("fastmath", [False, True])
def test_what_was_added_before_an_error_is_there(fastmath):
    f, x, p = jit_grad(pushed, fastmath=fastmath), np.linspace(0.1, 1.0, 6), np.array([0, 1, 2, 3, 4, 99])
    found, expected = np.zeros((8, 2)), np.zeros((8, 2))
    for function, array in ((f, found), (pushed, expected)):
        with pytest.raises(IndexError):
            function(array, x, p)
    assert np.any(expected) and np.allclose(found, expected, rtol=1e-12)


def shared_rows(G, x, n):
    total = np.zeros(G.shape)
    for i in prange(n):
        t = 1.0 + i
        while t < 100.0:
            t *= 1.5
        for k in range(len(x)):
            for j in range(G.shape[0]):
                if x[j] > 0.0:
                    total[j, 0] += x[k] * t
                total[j, 1] -= G[j, 1]
    return np.sum(total)


def test_a_chunk_adds_to_columns_of_what_it_has_for_itself():
    stage = Program(shared_rows, fastmath=True).stage((np.zeros((16, 2)), np.ones(9), 2))
    (chunk,) = [c for name, c in stage.function("primal").functions.items() if name.startswith("chunk")]
    made = [op for op in walk(chunk.body) if op.name == "alloc" and op.result.name == "column"]
    assert any(op.attrs["zero"] for op in made)
