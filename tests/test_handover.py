"""How arrays come back: as memory of their own, as the caller's arrays, or as windows on either; none leaks."""

from __future__ import annotations

import gc
import os
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from leaks import left_behind

import llad
from llad import specialise as pipeline
from llad.testing import assert_close

pytestmark = pytest.mark.usefixtures("quick_code")

LARGE = 100_000
Returned = Callable[..., Any]


def stepper(y, n):
    for _ in range(n):
        y = y + 0.5 * y
    return y


def tail(a):
    return a[1:]


def backwards(a):
    return a[::-2]


def chosen(a, c):
    b = a if c else a * 3.0
    return b, b[1:]


def three_windows(a):
    b = a * 2.0
    return b, b[1:], b[::-1]


@pytest.fixture(params=["entry", "foreign"])
def returned(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Returned:
    """Gives the result of a function, by its entry point or by ctypes."""

    def call(function: Any, *args: Any) -> Any:
        compiled = llad.jit(function)
        if request.param == "entry":
            return compiled(*args)
        specialisation, fitted = compiled.dispatcher._prepare(args, {}, None)
        return specialisation.call(fitted)

    if request.param == "foreign":
        monkeypatch.setattr(pipeline, "LAYOUT", None)
    return call


sizes = pytest.mark.parametrize("size", [5, LARGE])


@sizes
def test_a_loop_without_iterations_returns_the_argument_itself(size: int, returned: Returned) -> None:
    y = np.ones(size)
    assert returned(stepper, y, 0) is y
    result = returned(stepper, y, 2)
    assert_close(result, np.full(size, 2.25))
    assert not np.shares_memory(result, y)


@pytest.mark.parametrize("function", [tail, backwards])
def test_a_window_on_an_argument_is_a_view_of_it(function: Any, returned: Returned) -> None:
    for a in (np.arange(7.0), np.arange(21.0)[::3], np.arange(7.0)[::-1]):
        view, expected = returned(function, a), function(a)
        assert_close(view, expected)
        assert (view.ctypes.data, view.strides) == (expected.ctypes.data, expected.strides)
        view[0] = 50.0
        assert expected[0] == 50.0


def test_a_view_keeps_the_argument_alive_and_its_protection(returned: Returned) -> None:
    a = np.arange(float(LARGE))
    a.flags.writeable = False
    view = returned(tail, a)
    assert not view.flags.writeable
    del a
    gc.collect()
    assert view[-1] == LARGE - 1


@sizes
def test_what_two_results_share_in_python_they_share(size: int, returned: Returned) -> None:
    a = np.arange(float(size))
    first, second, third = returned(three_windows, a)
    for mine, expected in zip((first, second, third), three_windows(a), strict=True):
        assert_close(mine, expected)
    second[0] = -1.0
    assert first[1] == third[-2] == -1.0
    first, second = returned(chosen, a, True)
    assert first is a and np.shares_memory(second, a)
    first, second = returned(chosen, a, False)
    assert not np.shares_memory(first, a) and np.shares_memory(first, second)


@sizes
def test_results_live_as_long_as_one_of_them(size: int) -> None:
    compiled = llad.jit(three_windows)
    a = np.arange(float(size))
    last = compiled(a)[2]
    gc.collect()
    junk = [compiled(a + 1.0) for _ in range(4)]
    assert_close(last, three_windows(a)[2])
    del junk


def test_results_without_elements_have_their_shape(returned: Returned) -> None:
    a = np.zeros((0, 3))
    for view, expected in zip(returned(lambda a: (a[:, 1:], a * 2.0, a[::-1]), a), (a[:, 1:], a, a), strict=True):
        assert view.shape == expected.shape


def test_tangents_of_windows_are_arrays_of_their_own() -> None:
    a, v = np.arange(6.0), np.ones(6)
    (b, c), (b_dot, c_dot) = llad.jvp(llad.jit(chosen), (a, True), (v, None))
    assert_close((b, c, b_dot, c_dot), (a, a[1:], v, v[1:]))
    assert not any(np.shares_memory(x, y) for x in (b, b_dot) for y in (a, v, c, c_dot))


def test_a_nested_gradient_has_windows() -> None:
    f = llad.jit(lambda x: llad.grad(lambda y: np.sum(y * y * y))(x)[1:])
    assert_close(f(np.arange(4.0)), np.array([3.0, 12.0, 27.0]))


def fails_late(a, n):
    b = a * 2.0
    c = b
    for _ in range(3):
        c = c + a[n] * b
    return b, c[1:], a[n:]


def test_calls_leave_nothing_behind() -> None:
    a, n = np.arange(float(LARGE)), LARGE + 5
    compiled = [llad.jit(f) for f in (tail, three_windows)]
    choose, late, steps = llad.jit(chosen), llad.jit(fails_late), llad.jit(stepper)

    def once() -> None:
        for f in compiled:
            f(a)
        choose(a, True), choose(a, False), steps(a, 0), steps(a, 3), late(a, 3)
        with pytest.raises(IndexError):
            late(a, n)
        with pytest.raises(IndexError):
            llad.jvp(late, (a, n), (a, None))

    def work() -> None:
        for _ in range(10):
            once()

    references, grown = left_behind(work, [a, *compiled])
    assert all(abs(r) < 10 for r in references) and grown < 10_000, (references, grown)


def resident() -> int:
    """The pages of this process that are in memory."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1])


@pytest.mark.skipif(not os.path.exists("/proc/self/statm"), reason="asks Linux")
def test_handed_over_memory_is_freed_with_its_array() -> None:
    compiled, a = llad.jit(three_windows), np.ones(1_000_000)
    compiled(a)
    before = resident()
    for _ in range(50):
        compiled(a)
    assert resident() - before < 8192  # one result has 2000 pages
