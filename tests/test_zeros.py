"""Memory that begins as zeros: where they are neither written nor read, where they must be, and that all is exact."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scratch import NOT_RENEWED, RENEWED

from llad import jit, jit_grad
from llad.ir.core import ZEROED, Function, constant, makers, walk
from llad.ir.interp import run
from llad.program import Program, Stage

pytestmark = pytest.mark.usefixtures("quick_code")

X = np.array([0.5, -0.0, 2.0, np.inf, -3.0])
NONE = np.empty(0)


def added(x, lo, hi):
    out = np.zeros(len(x))
    for i in range(max(lo, 0), hi):
        out[i] += x[i]
    return out


def stored(x, lo, hi):
    out = np.zeros(hi - lo)
    for i in range(lo, hi):
        out[i - lo] = x[i] + 1.0
    return out


def backwards(x, lo, hi):
    out = np.zeros(len(x))
    for i in range(hi - 1, max(lo, 0) - 1, -1):
        out[i] -= x[i]
    return out


def nested(x, lo, hi):
    out = np.zeros((len(x), 3))
    for i in range(max(lo, 0), hi):
        for j in range(3):
            for k in range(2):
                out[i, j] += x[i] * k
    return out


def twice(x, lo, hi):
    out = np.zeros(len(x))
    for i in range(max(lo, 0), hi):
        out[i] += x[i]
    for i in range(len(x)):
        out[i] += 1.0
    return out


COVERED = [added, stored, backwards, nested, twice]
RANGES = [(0, 5), (1, 4), (3, 3), (0, 0), (2, 5), (5, 5), (4, 1)]


def repeated(x, lo, hi):
    out = np.zeros(len(x))
    for i in range(lo, hi):
        for _ in range(2):
            out[i] += x[i]
    return out


def gathered(x, lo, hi):
    out = np.zeros(len(x))
    for i in range(lo, hi):
        out[i // 2] += x[i]
    return out


def neighbours(x, lo, hi):
    out = np.zeros(len(x) + 1)
    for i in range(lo, hi):
        out[i] += x[i]
        out[i + 1] += 2.0
    return out


def sometimes(x, lo, hi):
    out = np.zeros(len(x))
    for i in range(lo, hi):
        if x[i] > 0.0:
            out[i] += x[i]
    return out


def until(x, lo, hi):
    out = np.zeros(len(x))
    for i in range(lo, hi):
        out[i] += x[i]
        if x[i] > 1.0:
            break
    return out


def every_other(x, lo, hi):
    out = np.zeros(len(x))
    for i in range(lo, hi, 2):
        out[i] += x[i]
    return out


def read_before(x, lo, hi):
    out = np.zeros(len(x))
    s = 0.0
    for i in range(len(x)):
        s += out[i]
    for i in range(lo, hi):
        out[i] += x[i] + s
    return out


def read_behind(x, lo, hi):
    out = np.zeros(len(x))
    for i in range(lo, hi):
        out[i] = x[i] + out[i - 1]
    return out


def chosen(x, lo, hi):
    out = np.zeros(len(x))
    if lo > 0:
        for i in range(lo, hi):
            out[i] += x[i]
    return out


def swapped(x, lo, hi):
    a, b = np.zeros(len(x)), np.zeros(len(x))
    for i in range(lo, hi):
        a[i] += x[i]
        a, b = b, a
    return a + 2.0 * b


OTHERS = [repeated, gathered, neighbours, sometimes, until, every_other, read_before, read_behind, chosen, swapped]


def stage_of(function: Any, *args: Any) -> Stage:
    return Program(function).stage(args)


def zeroed(fn: Function) -> int:
    """How many allocations are zeroed."""
    return sum(op.name == "alloc" and op.attrs["zero"] for op in walk(fn.body))


def zeros_stored(fn: Function) -> int:
    """How many ops store zero."""
    made = makers(fn.body)
    return sum(op.name == "store" and repr(constant(op.operands[0], made)) == "0.0" for op in walk(fn.body))


@pytest.mark.parametrize("function", COVERED + OTHERS + RENEWED + NOT_RENEWED)
def test_values_are_those_of_python(function: Any):
    fn, compiled = stage_of(function, X, 0, 5).function("primal"), jit(function)
    for lo, hi in RANGES:
        if function is stored and hi < lo:
            continue
        with np.errstate(all="ignore"):
            want = function(X, lo, hi)
            (shown,) = run(fn, [X, lo, hi])
        for got in (shown, compiled(X, lo, hi)):
            assert [v.hex() for v in got.ravel().tolist()] == [v.hex() for v in want.ravel().tolist()], (lo, hi)


@pytest.mark.parametrize("function", COVERED)
def test_memory_that_a_loop_covers_is_not_zeroed(function: Any):
    assert zeroed(stage_of(function, X, 0, 5).function("primal")) == 0


@pytest.mark.parametrize("function", RENEWED)
def test_memory_that_each_iteration_covers_is_not_zeroed_again(function: Any):
    fn = stage_of(function, X, 0, 5).function("primal")
    assert zeroed(fn) == 1
    assert zeros_stored(fn) == 0


@pytest.mark.parametrize("function", NOT_RENEWED)
def test_memory_of_which_an_iteration_needs_zeros_is_zeroed_again(function: Any):
    fn = stage_of(function, X, 0, 5).function("primal")
    assert zeros_stored(fn) > 0


@pytest.mark.parametrize("function", [f for f in OTHERS if f is not chosen])
def test_memory_that_a_loop_may_leave_as_it_was_is_zeroed(function: Any):
    assert zeroed(stage_of(function, X, 0, 5).function("primal")) > 0


def test_bounds_that_wrap_cover_nothing():
    def shifted(x, lo, hi):
        out = np.zeros(len(x))
        for i in range(lo, hi):
            out[i - lo] += x[i - lo]
        return out

    least, greatest = -(2**63), 2**63 - 1
    compiled = jit(shifted)
    assert compiled(np.ones(8), 2, 10).tolist() == [1.0] * 8
    assert compiled(np.ones(8), greatest, least + 7).tolist() == [0.0] * 8


def loss(x, y):
    s = 0.0
    for i in range(len(x)):
        s += x[i] * x[i] * y[i]
    return s


def over_some(x, y):
    s = 0.0
    for i in range(1, len(x) - 1):
        s += x[i] * x[i] * y[i]
    return s


def over_rows(x, y):
    s = 0.0
    for i in range(x.shape[0]):
        for j in range(x.shape[1]):
            s += x[i, j] * x[i, j] * y[i, j]
    return s


def by_arrays(x, y):
    return np.sum(np.exp(x) * y)


@pytest.mark.parametrize("function", [loss, over_rows, by_arrays])
def test_gradients_are_stored_into_whatever_memory_there_is(function: Any):
    shape = (3, 2) if function is over_rows else (5,)
    x, y = np.linspace(0.1, 2.0, np.prod(shape)).reshape(shape), np.linspace(1.0, 3.0, np.prod(shape)).reshape(shape)
    fn = stage_of(function, x, y).function("gradient", (0, 1))
    assert not fn.attrs[ZEROED]
    want = jit_grad(function, argnums=(0, 1)).grad(x, y)
    shadows = [np.full(shape, np.nan) for _ in "xy"]
    run(fn, [x, y, *shadows])
    received = tuple(np.full(shape, np.nan) for _ in "xy")
    jit_grad(function, argnums=(0, 1)).grad(x, y, out=received)
    for got in (shadows, received):
        np.testing.assert_allclose(got, want, rtol=1e-14)


def test_elements_of_a_gradient_that_no_loop_reaches_are_zero():
    x, y = np.arange(1.0, 6.0), np.arange(2.0, 9.0)  # y is longer
    gradient = jit_grad(loss, argnums=(0, 1))
    for _ in range(3):
        received = (np.full(5, np.nan), np.full(7, np.nan))
        for found in (gradient.grad(x, y), gradient.grad(x, y, out=received)):
            assert found[0].tolist() == (2 * x * y[:5]).tolist()
            assert found[1].tolist() == [*(x * x), 0.0, 0.0]
    assert stage_of(over_some, x, y).function("gradient", (0, 1)).attrs[ZEROED] == (2, 3)
    assert jit_grad(over_some).grad(x, y)[0].tolist() == [0.0, 12.0, 24.0, 40.0, 0.0]
    assert jit_grad(loss).grad(NONE, NONE)[0].tolist() == []


def test_a_check_that_fails_in_the_loop_leaves_nothing_behind():
    gradient = jit_grad(loss, argnums=(0, 1))
    for _ in range(3):
        with pytest.raises(IndexError):
            gradient.grad(np.ones(5), np.ones(3))
    assert gradient.grad(np.ones(2), np.ones(2))[0].tolist() == [2.0, 2.0]
