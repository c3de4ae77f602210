"""Lists that grow in loops: random programs give Python's numbers or are refused; the room costs what an array does.

Programs as people write them stand in `programs/growing_lists.py`, what is refused in `refused/growing.py`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from growing_programs import (
    compiled,
    of_arrays,
    of_changing,
    of_meeting,
    of_moving,
    of_numbers,
    of_ordering,
    of_rows,
    of_structures,
)

import llad
from llad.diagnostics import UnsupportedError
from llad.testing import assert_close, check_gradient, copy_arguments

pytestmark = pytest.mark.usefixtures("scalar_code")

A, M = np.array([0.33, -0.8, 1.1, 0.27]), np.array([[0.3, -0.8, 1.1], [0.2, 0.9, -0.4], [1.3, 0.1, 0.6]])


def outcome(function: Callable[..., Any], args: tuple[Any, ...]) -> Any:
    """What a call gives, or the class of what it raises."""
    try:
        return function(*copy_arguments(args))
    except (AttributeError, IndexError, ValueError) as error:
        return type(error)


def agrees(text: str, array: np.ndarray) -> bool:
    """Whether a program is compiled; if so, its values are Python's, and its derivatives agree."""
    function = compiled(text)
    ours = llad.jit_grad(function)
    for n in (3, 0, 1):
        args = (0.4, array, n)
        expected = outcome(function, args)
        try:
            got = outcome(ours, args)
        except UnsupportedError:
            return False
        if got is ValueError and expected is not ValueError:  # as is documented, of items of several lengths
            with pytest.raises(ValueError, match="has items of"):
                ours(*copy_arguments(args))
        elif isinstance(expected, type):
            assert got is expected, text
        else:
            assert_close(got, expected, rtol=1e-12, atol=1e-12, what=f"the value of {text}")
            check_gradient(ours, *args)
    return True


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize(
    ("write", "array", "least"),
    [
        (of_numbers, A, 4),
        (of_changing, A, 11),
        (of_arrays, M, 4),
        (of_structures, M, 4),
        (of_rows, A, 1),
        (of_meeting, A, 2),
        (of_moving, A, 6),
        (of_ordering, A, 6),
    ],
)
def test_random_programs_give_python_s_numbers_or_are_refused(write, array, least, seed):
    assert sum(agrees(write(k), array) for k in range(13 * seed, 13 * seed + 13)) >= least


def filtered(x, u, n):
    xs = [x]
    for t in range(n):
        xs.append(0.5 * xs[-1] + u[t])
    return xs[-1] * sum(xs)


def test_a_list_that_always_grows_costs_what_an_array_does():
    text = llad.jit(filtered).dump_ir(0.3, A, 4)
    loop = text[text.index("for %t") : text.index("yield")]
    assert "carry" not in loop and "check" not in loop and "if" not in loop, text


def listed(x, n):
    xs, ys = [x], []
    for k in range(50):
        xs.append(xs[-1] * 0.5)
        ys.append((x * k, xs[0]))
    if n > 2:
        xs.append(x)
    else:
        xs.append(3.0)
    return xs, ys


def test_a_list_of_a_length_that_is_known_is_returned_as_one():
    for n in (1, 3):
        assert llad.jit(listed)(0.4, n) == listed(0.4, n)
    assert [type(v) for v in llad.jit(listed)(0.4, 1)[1]] == [tuple] * 50


def chosen(u):
    xs = []
    for v in u:
        if v > 0.0:
            xs.append(v * v)
    return sum(xs)


def test_a_list_that_grows_now_and_then_carries_how_long_it_is():
    text = llad.jit(chosen).dump_ir(A)
    loop = text[text.index("for %i") : text.index("for %i_1")]
    assert loop.count("carry (%xs_1: i64") == 1 and "check" not in loop, text


def mean_of_what_is_chosen(u, least):
    xs = [v for v in u if v > least]
    return sum(xs) / len(xs)


def test_the_mean_of_no_floats_is_nan_as_is_any_float_zero_by_zero():
    mean = llad.jit(mean_of_what_is_chosen)
    assert_close(mean(A, 0.0), mean_of_what_is_chosen(A, 0.0), rtol=1e-14)
    assert np.isnan(mean(A, 9.0))
    with pytest.raises(ZeroDivisionError):
        mean_of_what_is_chosen(A, 9.0)


def far(n, x):
    xs = []
    for _ in range(n):
        for _ in range(n):
            xs.append(x)
        if len(xs) > 3:
            break
    return len(xs)


def test_a_list_that_no_memory_has_room_for_raises():
    assert llad.jit(far)(2, 1.0) == 4
    for n, error in ((2**32, OverflowError), (2**31, MemoryError), (2**62, OverflowError)):
        with pytest.raises(error):
            llad.jit(far)(n, 1.0)


def endless(x):
    xs = [x]
    for v in xs:
        xs.append(v)
    return xs[0]


def test_a_known_list_that_grows_for_ever_is_refused():
    with pytest.raises(UnsupportedError, match="iterated over meanwhile"):
        llad.jit(endless)(1.0)


def held_by_a_callee(a, n):
    def loss(w):
        u = np.zeros(3)
        seen = []
        for k in range(n):
            u[0] = w * k
            seen.append(u)
        return np.sum(np.array(seen))

    return llad.grad(loss)(a[0])


def test_writes_are_seen_in_functions_that_are_differentiated():
    with pytest.raises(UnsupportedError, match="a write to it after that"):
        llad.jit(held_by_a_callee)(A, 3)


def overlapping(x, y, n):
    seen = []
    for _ in range(n):
        seen.append(x)
    y[0] = 5.0
    return np.sum(np.array(seen))


def test_arguments_may_be_windows_on_one_another():
    with pytest.raises(UnsupportedError, match="a write to it after that"):
        llad.jit(overlapping)(A, A[1:], 3)


@pytest.mark.parametrize(
    ("statement", "text"),
    [("out.pop(n)", "pop index out of range"), ("del out[n]", "list assignment index out of range")],
)
def test_an_item_that_is_not_there_is_not_taken_out(statement, text):
    function = compiled(f"def f(a, n):\n    out = [v for v in a]\n    {statement}\n    return sum(out)\n")
    ours = llad.jit(function)
    for n in (0, 2, -1, -3):
        assert ours(A[:3], n) == function(A[:3], n)
    for n in (3, -4):
        with pytest.raises(IndexError, match=text):
            ours(A[:3], n)


CALLS = ["out.remove(v)", "k = out.index(v)", "k = out.index(v, 1)", "k = out.index(v, 0, -1)"]


@pytest.mark.parametrize("call", CALLS)
def test_a_value_that_is_not_in_the_list_is_not_found(call):
    function = compiled(f"def f(a, v):\n    out, k = [u for u in a], 0\n    {call}\n    return k + out[0]\n")
    found = [outcome(llad.jit(function), (A, v)) for v in (*A, 9.0, math.nan)]
    assert found == [outcome(function, (A, v)) for v in (*A, 9.0, math.nan)]
    assert ValueError in found and ValueError not in found[1:3]


def test_what_only_objects_tell_apart_is_not_counted():
    ours = llad.jit(compiled("def f(a, v):\n    return [u for u in a].count(v)\n"))
    assert ours(A, A[2]) == 1 and ours(A, 9.0) == 0
    with pytest.raises(ValueError, match="counts objects"):
        ours(A, math.nan)


def in_descending_order(a):
    xs = list(a)
    xs.sort(reverse=True)
    return 2.0 * xs[0] + xs[1] + sorted(a, reverse=True)[0]


def test_equal_items_keep_their_order_when_the_greatest_comes_first():
    assert list(llad.grad(in_descending_order)(np.array([0.2, 0.5, 0.5]))) == [0.0, 3.0, 1.0]
