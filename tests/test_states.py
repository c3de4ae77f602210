"""Small arrays that loops hand on: which become numbers, and that every program means what it meant."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from outcomes import outcome

import llad
from llad import jit, jit_grad
from llad.ir.core import walk
from llad.ir.types import BufferType
from llad.program import Program
from llad.testing import assert_close, check_gradient

pytestmark = pytest.mark.usefixtures("scalar_code")


def euler(p, y, n):
    for _ in range(n):
        y = y + p[0] * np.array([y[1], -p[1] * y[0]])
    return y


def heun(p, y, n):
    def slope(y):
        return np.array([p[0] * (y[1] - y[0]), y[0] * (p[1] - y[2]) - y[1], y[0] * y[1] - p[2] * y[2]])

    for _ in range(n):
        first = slope(y)
        y = y + 0.01 * (first + slope(y + 0.02 * first))
    return y


def matrices(p, y, n):
    moved, spread = y[:2] * 1.0, np.eye(2) * p[0]
    step = np.array([[1.0, 0.1], [0.0, 1.0]])
    for k in range(n):
        moved = step @ moved
        spread = step @ spread @ step.T + p[1] * np.eye(2)
        gain = spread[:, 0] / (spread[0, 0] + p[2])
        moved = moved + gain * (k - moved[0])
        spread = spread - np.outer(gain, spread[0])
    return moved * spread[1, 1]


def changing_length(p, y, n):
    for _ in range(n):
        y = np.array([y[0] + p[0], y[1] * p[1], y[0] * y[1]])
    return y


def chosen(p, y, n):
    for k in range(n):
        y = np.array([y[1] * p[0], y[0]]) if k % 2 else np.array([y[1], y[0] + p[1]])
    return y


def two_that_change_places(p, y, n):
    before, now = y[:2] * 1.0, y[:2] * 2.0
    for _ in range(n):
        before, now = now, np.array([now[0] - p[0] * before[1], before[0]])
    return now + before


def seen_by_an_index(p, y, n):
    for k in range(n):
        y = np.array([y[k % 2], p[0] * y[0]])
    return y


def written_in_place(p, y, n):
    y = y[:2].copy()
    for k in range(n):
        y = np.array([y[1], y[0] * p[0]])
        y[k % 2] += 1.0
    return y


def start_is_written(p, y, n):
    start = y[:2].copy()
    now = start
    for k in range(n):
        start[0] = 10.0 + k
        now = np.array([now[1], now[0] * p[0]])
    return now + start


def written_behind(p, y, n):
    first = y[:2] * 1.0
    for _ in range(n):
        first = np.array([first[1] + p[0], first[0]])
    last = first
    last[0] = 7.0
    return first + last


def one_element(p, y, n):
    for _ in range(n):
        y = np.array([y[0] * p[0]])
    return np.sum(y) * y


def inner_loops(p, y, n):
    for _ in range(n):
        for _ in range(n):
            y = np.array([y[1] - p[0], y[0] * p[1]])
        y = np.array([y[0] + 1.0, y[1]])
    return y


def whole_numbers(p, y, n):
    count = np.array([1, 0])
    for _ in range(n):
        count = np.array([count[0] + count[1], count[0]])
    return y[0] * count


PROGRAMS: list[Callable[..., Any]] = [
    euler, heun, matrices, changing_length, chosen, two_that_change_places, seen_by_an_index, written_in_place,
    start_is_written, written_behind, one_element, inner_loops, whole_numbers,
]  # fmt: skip
NUMBERS = (euler, written_behind, heun, matrices, changing_length, one_element, whole_numbers)
P = np.array([0.9, 1.1, 0.4])


@pytest.mark.parametrize("function", PROGRAMS)
def test_whatever_it_starts_from_numpy_is_followed(function: Callable[..., Any]) -> None:
    compiled = jit(function)
    for length, n in itertools.product((0, 1, 2, 3, 5), (0, 1, 2, 5)):
        y = np.linspace(0.5, 1.5, length)
        expected, found = outcome(function, P, y.copy(), n), outcome(compiled, P, y, n)
        if isinstance(expected, type):
            assert found is expected, (length, n)
        else:
            assert_close(found, expected, rtol=1e-13)


@pytest.mark.parametrize("function", PROGRAMS)
def test_gradients_are_right(function: Callable[..., Any]) -> None:
    length = 3 if function is heun else 1 if function is one_element else 2
    y = np.linspace(0.5, 1.5, length)
    for n in (0, 1, 4):
        check_gradient(jit_grad(lambda p, y, n=n: np.sum(function(p, y, n) ** 2)), P, y)


def carried(function: Callable[..., Any], y: np.ndarray[Any, Any]) -> list[object]:
    fn = Program(function).stage((P, y, 4)).function("primal")
    return [r.type for op in walk(fn.body) if op.name == "for" for r in op.results if isinstance(r.type, BufferType)]


@pytest.mark.parametrize("function", PROGRAMS)
def test_states_of_fixed_elements_are_numbers(function: Callable[..., Any]) -> None:
    assert (not carried(function, np.ones(3))) == (function in NUMBERS)


def test_a_second_derivative_and_a_checkpointed_loop_have_them_too() -> None:
    def energy(p, y):
        for _ in llad.checkpoint(range(6), slots=2):
            y = np.array([y[1], y[0] * p[0] - 0.1 * y[1]])
        return np.sum(y * y)

    y = np.array([0.5, 1.5])
    check_gradient(jit_grad(energy), P, y)
    second = jit(lambda p: llad.grad(lambda q: np.sum(llad.grad(energy)(q, y) ** 2))(p))
    step = 1e-5 * np.array([1.0, 0.0, 0.0])
    first = jit_grad(energy)
    ahead, behind = (np.sum(first.grad(q, y)[0] ** 2) for q in (P + step, P - step))
    assert_close(second(P)[0], (ahead - behind) / 2e-5, rtol=1e-6)
