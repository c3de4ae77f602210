"""Which ways of reversing a loop are legal, and that each gives the gradient; the hazards of each, by name."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest
from reference import Reference

import llad
from llad.ad.reverse import gradient
from llad.ad.strategies import always, cheapest
from llad.ad.structure import Strategy
from llad.ir.core import walk
from llad.testing import assert_close, directions_for, finite_differences, flatten

pytestmark = pytest.mark.usefixtures("quick_code")

Legal = list[list[Strategy]]
POINT = (np.array([0.3, -0.7, 1.1, 0.4]), np.array([0.9, 0.2, -0.5, 1.35]))


def legal(function: Callable[..., Any], args: tuple[Any, ...] = POINT) -> Legal:
    """The legal strategies of each loop that was asked about, last loop first; every one of them is tried."""
    truth = finite_differences(function, args, list(np.eye(flatten(args).size)), 1e-6)[:, 0]
    for strategy in ("taped", "recomputed", "fused"):
        for optimised in (False, True):
            _, bars = Reference(function, args, optimised, prefer=always(strategy)).gradient()
            assert_close(bars, truth, rtol=1e-6, atol=1e-8, what=strategy)
    found: Legal = []

    def prefer(options: list[Strategy], large: bool) -> Strategy:
        found.append(options)
        return cheapest(options, large)

    Reference(function, args, True, prefer=prefer).gradient()
    return found


def a_sum(x, y):
    total = 0.0
    for i in range(len(x)):
        total += math.exp(x[i]) * y[i]
    return 3.0 * total


def a_sum_scaled_behind_the_loop(x, y):
    first = y[0]
    total = 0.0
    for i in range(len(x)):
        total -= math.exp(x[i]) * y[i]
    return (math.sin(first) + 1.0) * total - y[1]


def a_sum_that_goes_on(x, y):
    total = 0.0
    for i in range(len(x)):
        total += math.exp(x[i])
    for i in range(len(y)):
        total += math.sin(y[i])
    return total


def a_sum_in_branches_and_loops(x, y):
    total = 0.0
    for i in range(len(x)):
        if x[i] > 0.0:
            total += math.exp(x[i])
        else:
            for j in range(i):
                total += x[i] * y[j]
    return total


@pytest.mark.parametrize("function", [a_sum, a_sum_scaled_behind_the_loop, a_sum_in_branches_and_loops])
def test_a_sum_that_flows_linearly_is_fused(function: Callable[..., Any]):
    assert legal(function)[0] == ["fused", "recomputed"]


def test_a_sum_that_goes_on_is_fused_twice():
    assert legal(a_sum_that_goes_on) == [["fused", "recomputed"]] * 2


def a_logarithm_of_a_sum(x, y):
    total = 0.0
    for i in range(len(x)):
        total += math.exp(x[i]) * y[i]
    return math.log(total * total)


def a_product(x, y):
    product = 1.0
    for i in range(len(x)):
        product *= x[i] + y[i]
    return product


def a_sum_that_is_read(x, y):
    total = 0.0
    for i in range(len(x)):
        total += math.sin(total) * y[i] + x[i]
    return total


def a_sum_on_one_side(x, y):
    total = 0.0
    for i in range(len(x)):
        total = total + x[i] if y[i] > 0.0 else x[i] * x[i]
    return total


def two_sums_that_change_places(x, y):
    first = 0.0
    second = 1.0
    for i in range(len(x)):
        first, second = second + x[i], first + x[i] * y[i]
    return first * 2.0 + second


def a_sum_doubled(x, y):
    total = 1.0
    for i in range(len(x)):
        total = total + (total + x[i] * y[i])
    return total


NO_SUMS = (a_product, a_sum_that_is_read, a_sum_on_one_side, two_sums_that_change_places, a_sum_doubled)


@pytest.mark.parametrize("function", [a_logarithm_of_a_sum, *NO_SUMS])
def test_what_is_no_sum_or_does_not_flow_linearly_is_not_fused(function: Callable[..., Any]):
    assert legal(function)[0] == ["recomputed"]


def scratch(x, y):
    t = np.zeros(len(y))
    total = 0.0
    for i in range(len(x)):
        for j in range(len(y)):
            t[j] = x[i] * y[j]
        for j in range(1, len(y)):
            total += math.sin(t[j] * t[j - 1])
    return total


def small_scratch(x, y):
    t = np.zeros(2)
    total = 0.0
    for i in range(len(x)):
        t[0] = x[i] * y[i]
        t[1] = t[0] + y[0]
        total += t[0] * t[1]
    return total


def scratch_of_the_iteration(x, y):
    total = 0.0
    for i in range(len(x)):
        t = np.zeros(len(y))
        for j in range(1, len(y)):
            t[j] = x[i] * y[j] + t[j - 1] * t[j - 1]
        total += t[len(y) - 1]
    return total


@pytest.mark.parametrize("function", [scratch, small_scratch, scratch_of_the_iteration])
def test_scratch_that_every_iteration_writes_first_is_its_own(function: Callable[..., Any]):
    assert legal(function)[0] == ["fused", "recomputed"]


def scratch_partly_written(x, y):
    t = np.zeros(len(y))
    total = 0.0
    for i in range(len(x)):
        for j in range(1, len(y)):
            t[j] = x[i] * y[j]
        total += t[1] * t[2]
        t[0] = x[i]
        total += t[0] * t[0]
    for i in range(len(x)):
        t[i] = t[i] + x[i] * x[i]
    return total + t[1]


def scratch_written_in_a_branch(x, y):
    t = np.zeros(len(y))
    total = 0.0
    for i in range(len(x)):
        if x[i] > 0.0:
            for j in range(len(y)):
                t[j] = x[i] * y[j]
        total += t[1] * t[2]
    return total


def scratch_that_is_read_behind_the_loop(x, y):
    t = np.zeros(len(y))
    total = 0.0
    for i in range(len(x)):
        for j in range(len(y)):
            t[j] = x[i] * y[j]
        total += t[1] * t[2]
    return total + t[0] * t[3]


def accumulated(x, y):
    t = np.zeros(len(y))
    total = 0.0
    for i in range(len(x)):
        for j in range(len(y)):
            t[j] += x[i] * y[j]
        total += t[1] * t[2]
    return total


@pytest.mark.parametrize("function", [scratch_written_in_a_branch, accumulated])
def test_memory_that_passes_from_iteration_to_iteration_forbids_both(function: Callable[..., Any]):
    assert legal(function)[0] == []


def test_memory_that_is_read_behind_the_loop_forbids_to_fuse():
    assert legal(scratch_that_is_read_behind_the_loop)[0] == []
    assert [] in legal(scratch_partly_written)


def input_written_behind_the_loop(x, y):
    t = x * 1.0
    total = 0.0
    for i in range(len(t)):
        total += math.exp(t[i]) * y[i]
    t[1] = y[0] * y[0]
    return total + t[1] * t[2]


def input_written_before_the_loop(x, y):
    t = x * 1.0
    t[1] = y[0] * y[0]
    total = 0.0
    for i in range(len(t)):
        total += math.exp(t[i]) * y[i]
    return total + t[1] * t[2]


def test_input_that_is_written_behind_the_loop_forbids_both():
    assert legal(input_written_behind_the_loop)[0] == []
    assert legal(input_written_before_the_loop)[0] == ["fused", "recomputed"]


def written_and_read_later(x, y):
    t = np.zeros(len(x))
    for i in range(len(x)):
        for _ in range(2):
            t[i] = math.exp(x[i]) * y[i]
    total = 0.0
    for i in range(len(x)):
        total += t[i] * t[i]
    return math.sqrt(total)


def test_a_rerun_does_not_write_what_it_does_not_read():
    assert legal(written_and_read_later) == [["recomputed"], ["recomputed"]]


def a_rerun_in_a_fused_loop(x, y):
    t = np.zeros(len(y))
    total = 0.0
    for i in range(len(x)):
        product = x[i]
        for j in range(len(y)):
            s = 0.0
            for k in range(len(y)):
                s += math.sin(x[i] * y[k])
            product *= 1.0 + s * y[j]
            t[j] = product * product
        for j in range(len(y)):
            total += math.cos(t[j])
    return total


def test_a_loop_in_a_loop_may_be_rerun():
    assert ["recomputed"] in legal(a_rerun_in_a_fused_loop)


def nearest(x, y):
    total = 0.0
    for i in range(len(x)):
        best = math.inf
        for k in range(len(y)):
            distance = 0.0
            for j in range(len(y)):
                distance += (x[i] - y[k]) ** 2 / (1.0 + j)
            best = min(best, distance)
        total += best
    return total


def farthest(x, y):
    total = 0.0
    for i in range(len(x)):
        worst = y[0]
        for k in range(len(y)):
            distance = 0.0
            for j in range(len(y)):
                distance += (x[i] - y[k]) ** 2 / (1.0 + j)
            worst = max(distance, worst)
        total += worst * worst
    return total


def chosen(x, y):
    total = 0.0
    for i in range(len(x)):
        a = 0.0
        b = 0.0
        for k in range(len(y)):
            a += x[i] * y[k]
            b += math.sin(x[i] * y[k])
        total += min(a, b) + (a if x[i] > 0.5 else 2.0 * b)
    return total


@pytest.mark.parametrize("function", [nearest, farthest, chosen])
def test_what_was_not_chosen_is_not_reversed(function: Callable[..., Any]):
    legal(function)
    reference = Reference(function, POINT, True)
    fn = gradient(reference.primal, reference.wrt)
    branches = [op for op in walk(fn.body) if op.name == "if"]
    assert any(inner.name == "for" for op in branches for region in op.regions for inner in region.ops)


def test_a_tie_is_shared_behind_the_branch():
    """Equal distances from 1 to 3, -1 and 3: each `min` of equals halves what the later ones left."""
    x, y = np.array([1.0]), np.array([3.0, -1.0, 3.0])
    _, bars = Reference(nearest, (x, y), True).gradient()
    slope = 4.0 * (1.0 + 1.0 / 2.0 + 1.0 / 3.0)
    assert_close(bars, slope * np.array([-0.25 + 0.25 - 0.5, 0.25, -0.25, 0.5]), rtol=1e-12)


def best_of_nan(x, y):
    best = y[0]
    for i in range(len(x)):
        best = min(best, x[i])
    return best + max(x[1], best)


def test_nan_takes_no_part_in_a_choice():
    x, y = np.array([np.nan, 2.0, np.nan]), np.array([5.0])
    _, bars = Reference(best_of_nan, (x, y), True).gradient()
    assert_close(bars, np.array([0.0, 2.0, 0.0, 0.0]))


def a_sum_from_anywhere(x, lo, hi):
    total = 0.0
    for i in range(lo, hi):
        total += math.exp(x[i - lo])
    return total * total


def a_product_from_anywhere(x, lo, hi):
    product = 1.0
    for i in range(lo, hi):
        for j in range(1, 3):
            product *= math.sin(product * x[i - lo] + j)
    return product


def a_product_by_any_step(x, lo, hi, step):
    product = 1.0
    for i in range(lo, hi, step):
        product *= math.sin(product * x[(i - lo) // step] + 1.0)
    return product


LEAST, GREATEST = -(2**63), 2**63 - 1


@pytest.mark.parametrize("strategy", ["taped", "recomputed", "fused"])
@pytest.mark.parametrize("function", [a_sum_from_anywhere, a_product_from_anywhere])
def test_a_reversed_loop_knows_the_ends_of_the_numbers(function: Callable[..., Any], strategy: Strategy):
    x = np.array([0.3, -0.7, 1.1])
    _, usual = Reference(function, (x, 0, 3), False).gradient()
    for lo, hi in ((LEAST, LEAST + 3), (GREATEST - 3, GREATEST)):
        for optimised in (False, True):
            _, bars = Reference(function, (x, lo, hi), optimised, prefer=always(strategy)).gradient()
            assert_close(bars, usual, rtol=1e-12)
    for lo, hi in ((0, LEAST), (5, LEAST), (LEAST, LEAST), (GREATEST, LEAST), (GREATEST, 0), (GREATEST, GREATEST)):
        for optimised in (False, True):
            _, bars = Reference(function, (x, lo, hi), optimised, prefer=always(strategy)).gradient()
            assert_close(bars, np.zeros(3))


@pytest.mark.parametrize("step", [2, -2, GREATEST, LEAST + 1])
def test_a_tape_is_as_long_as_the_loop_of_any_step(step: int):
    x = np.array([0.3, -0.7, 1.1])
    up = step > 0
    near = [(0, 3 * step if abs(step) < 9 else step), (5, LEAST if up else GREATEST), (7, 7)]
    ends = (LEAST, LEAST + 5) if up else (GREATEST, GREATEST - 5)
    for lo, hi in (*near, ends):
        objective = partial(a_product_by_any_step, lo=lo, hi=hi, step=step)
        truth = finite_differences(objective, (x,), list(np.eye(3)), 1e-6)
        for optimised in (False, True):
            _, bars = Reference(a_product_by_any_step, (x, lo, hi, step), optimised).gradient()
            assert_close(bars, truth[:, 0], rtol=1e-6, atol=1e-8)


def extrema(x, y):
    top = x[0]
    for i in range(1, len(x)):
        top = max(top, x[i] * y[i])
    low = y[0]
    for i in range(len(y)):
        low = min(y[i] - x[0], low)
    return top * top + low * math.sin(low)


@pytest.mark.parametrize(
    "x, y",
    [
        ([1.0, 2.0, 3.0], [1.0, 1.5, 0.5]),  # one winner in each
        ([1.0, 2.0, 2.0], [1.0, 1.0, 1.0]),  # two that tie
        ([3.0, 1.0, 3.0], [1.0, 1.0, 1.0]),  # the start ties
        ([9.0, 1.0, 2.0], [-9.5, 1.0, 1.0]),  # nothing beats the start
        ([0.0, -0.0, 0.0], [0.0, 1.0, -1.0]),  # zeros of either sign
        ([np.nan, 1.0, 2.0], [1.0, 1.0, 1.0]),  # a start that is not a number
        ([1.0, np.nan, 2.0], [1.0, 1.0, 3.0]),  # an element that is not
        ([1.0], [2.0]),  # no trips
        ([2.0, np.inf, 1.0], [1.0, 1.0, 1.0]),
    ],
)
def test_extrema_are_read_where_they_stand(x: list[float], y: list[float]):
    args = (np.array(x), np.array(y))
    f = llad.jit_grad(extrema)
    value, gradient = f.value_and_grad(*args)
    assert_close(value, extrema(*args), rtol=1e-14, equal_nan=True)
    _, chain = Reference(extrema, args, True).gradient()  # which follows the choices one by one
    assert_close(flatten(gradient), chain, rtol=1e-13, equal_nan=True)
    assert "fmax" in f.dump_ir(*args, of="gradient")


def scaled_rows(x, w):
    y = np.empty_like(x)
    for i in range(x.shape[0]):
        for j in range(x.shape[1]):
            y[i, j] = w * x[i, j] * x[i, j]
    return y[0, 0] * y[1, 2]


def running_row(x, w):
    y = np.empty_like(x)
    y[0, 0] = w
    for j in range(1, x.shape[1]):
        y[0, j] = w * y[0, j - 1] + x[0, j]
    return y[0, x.shape[1] - 1] ** 2


@pytest.mark.parametrize(("program", "backwards"), [(scaled_rows, 0), (running_row, 1)])
def test_loops_are_reversed_forwards_if_their_iterations_are_apart(program, backwards):
    f = llad.jit_grad(program, argnums=(0, 1))
    x = np.random.default_rng(3).normal(size=(5, 7))
    gradient = f.dump_ir(x, 0.7, of="gradient")
    down = re.findall(r"(%\S+): i64 = const -1\n", gradient)
    assert sum(gradient.count(f" step {name} ") for name in down) == backwards
    directions = directions_for(x.size + 1)
    got = np.array([[direction @ flatten(f.grad(x, 0.7))] for direction in directions])
    assert_close(got, finite_differences(program, (x, 0.7), directions), rtol=1e-7, atol=1e-8)


def a_state_by_any_step(mark, x, lo, hi, step):
    state = 0.5
    for i in mark(range(lo, hi, step)):
        state = math.sin(state * x[i % 3] + x[0])
    return state


FAR = [
    (LEAST, GREATEST, GREATEST), (GREATEST, LEAST, LEAST), (GREATEST, LEAST, LEAST + 1), (LEAST, GREATEST, 2**61 + 3),
    (GREATEST, LEAST, 7 - 2**62), (GREATEST - 5, LEAST + 6, -(2**60) - 1), (-3, GREATEST, 2**61), (2, LEAST, -(2**62)),
]  # fmt: skip


@pytest.mark.parametrize("known", [False, True])
@pytest.mark.parametrize("mark", [lambda items: items, lambda items: llad.checkpoint(items, slots=2)])
def test_a_loop_whose_ends_are_too_far_apart_for_a_number_has_as_many_trips(mark, known, quick_code):
    x = np.array([0.3, -0.7, 1.1])
    f = llad.jit_grad(lambda x, lo, hi, step: a_state_by_any_step(mark, x, lo, hi, step), argnums=0)
    for lo, hi, step in FAR:
        plain = partial(a_state_by_any_step, lambda items: items, lo=lo, hi=hi, step=step)
        truth = finite_differences(plain, (x,), list(np.eye(3)), 1e-6)[:, 0]
        if known:
            ends = llad.jit_grad(lambda x, k=(lo, hi, step): a_state_by_any_step(mark, x, *k), argnums=0)
            assert_close(ends.grad(x), truth, rtol=1e-6, atol=1e-8)
        else:
            assert_close(f.grad(x, lo, hi, step), truth, rtol=1e-6, atol=1e-8)


def test_a_tape_for_more_trips_than_numbers_is_refused(quick_code):
    f = llad.jit_grad(lambda x, lo, hi, step: a_state_by_any_step(lambda items: items, x, lo, hi, step), argnums=0)
    for span in ((LEAST, GREATEST, 1), (LEAST, GREATEST, 2), (GREATEST, LEAST, -1), (GREATEST, LEAST, -2)):
        with pytest.raises(MemoryError):
            f.grad(np.ones(3), *span)
