"""Extents that checks and loops make known: loops over equal axes are one, and what may broadcast still does."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from outcomes import outcome

from llad import jit, jit_grad
from llad.testing import assert_close, check_gradient

pytestmark = pytest.mark.usefixtures("scalar_code")


def wave(c, u, n):
    v = np.zeros_like(u)
    u = u.copy()
    for _ in range(n):
        curved = np.zeros_like(u)
        curved[1:-1] = u[2:] - 2.0 * u[1:-1] + u[:-2]
        v = v + 0.1 * c * curved
        u = u + 0.1 * v
    return u


def lorenz(p, y, n):
    for _ in range(n):
        slope = np.array([p[0] * (y[1] - y[0]), y[0] * (p[1] - y[2]) - y[1], y[0] * y[1] - p[2] * y[2]])
        y = y + 0.01 * slope
    return y


def shortened(a, b, n):
    for k in range(n):
        a = a * b
        if k == 1:
            b = b[:1]
            a = a[:1]
    return a + b


def grown(a, b, n):
    total = a[:1]
    for _ in range(n):
        total = total + a * b
    return total * b


def checked_in_a_branch(a, b, n):
    out = np.zeros(len(a))
    if n > 1:
        out = out + a * b
    return out + np.sum(b * 2.0) + (a + out)


def checked_in_some_iterations(a, b, n):
    out = a
    for k in range(n):
        if k % 2:
            out = out + a * b
        else:
            out = out * 2.0 + np.sum(b)
    return out


def left_early(a, b, n):
    out = b
    for k in range(n):
        if k == 2:
            break
        out = a * out
    return out + a


def while_it_is_short(a, b, n):
    while n > 0:
        a, b = b, a * b
        n -= 1
    return a - b


def inner(a, b, n):
    for _ in range(n):
        row = a
        for _ in range(2):
            row = row * b
            a = a + row
    return a


def in_two_arms(a, b, n):
    return (a * b if n > 1 else a) + (b if n > 2 else a)


def chosen_in_a_function(a, b, n):
    def scaled(x, y):
        for _ in range(n):
            x = x + y * x
        return x

    return scaled(a, b) * scaled(b, a)


def pair_handed_on(a, b, n):
    state = a, b
    for _ in range(n):
        x, y = state
        state = (x * y, y + 1.0)
    return state[0] + state[1]


def dict_of_which_one_is_shortened(a, b, n):
    state = {"a": a, "inner": [a * 2.0, b]}
    for k in range(n):
        x, y = state["inner"]
        state = {"a": state["a"] * y, "inner": [x[:1] if k == 1 else x, y * 0.5]}
    return state["a"] + state["inner"][0] * state["inner"][1]


def pair_from_a_branch(a, b, n):
    for k in range(n):
        x, y = (a, a * b) if k % 2 else (b, b)
        a = x + y
    return a * b


def complex_handed_on(a, b, n):
    z = a + 1j * b
    for _ in range(n):
        z = z * (0.5 + 0.25j) + b
    return z.real * a + z.imag


def rows_that_are_joined(a, b, n):
    rows = [a, a * 2.0]
    for _ in range(n):
        rows = [row * b for row in rows]
    return rows[0] + b


PROGRAMS: list[Callable[..., Any]] = [
    shortened, grown, checked_in_a_branch, checked_in_some_iterations, left_early, while_it_is_short, inner,
    in_two_arms, chosen_in_a_function, pair_handed_on, dict_of_which_one_is_shortened, pair_from_a_branch,
    complex_handed_on, rows_that_are_joined,
]  # fmt: skip


@pytest.mark.parametrize("function", PROGRAMS)
def test_whatever_the_lengths_numpy_is_followed(function: Callable[..., Any]) -> None:
    compiled = jit(function)
    for first, second, n in itertools.product((0, 1, 2, 4), (0, 1, 2, 4), (0, 1, 2, 4)):
        a, b = np.linspace(0.5, 1.5, first), np.linspace(-1.0, 1.0, second)
        expected, found = outcome(function, a, b, n), outcome(compiled, a, b, n)
        if isinstance(expected, type):
            assert found is expected, (first, second, n)
        else:
            assert_close(found, expected, rtol=1e-13)


def layers(phase, n):
    m = np.eye(2) + 0j
    for p in phase:
        s = 1j * np.sin(p)
        m = m @ np.array([[np.cos(p), s / n], [s * n, np.cos(p)]])
    return np.abs(m[0, 0] + 1.5 * m[0, 1])


def rotations(angles, scale):
    state = {"frame": np.eye(2), "at": np.zeros(2)}
    for angle in angles:
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        frame = state["frame"] @ turn
        state = {"frame": frame, "at": state["at"] + frame @ np.array([scale, 0.0])}
    return state["at"][0] * state["at"][1]


@pytest.mark.parametrize("function", [layers, rotations])
def test_small_arrays_in_what_a_loop_hands_on_are_numbers(function: Callable[..., Any]) -> None:
    args = np.linspace(0.1, 0.9, 5), 1.5
    assert not re.search(r"carry \(.*buffer", jit(function).dump_ir(*args))
    assert_close(jit(function)(*args), function(*args), rtol=1e-14)
    check_gradient(jit_grad(function), *args)


@pytest.mark.parametrize("function, args", [
    (wave, (np.linspace(0.5, 1.5, 7), np.linspace(-1.0, 2.0, 7) ** 2, 3)),
    (lorenz, (np.array([10.0, 28.0, 2.5]), np.array([1.0, 1.5, 0.5]), 3)),
])  # fmt: skip
def test_no_index_of_an_array_that_is_handed_on_has_a_factor(function: Callable[..., Any], args: Any) -> None:
    text = jit(function).dump_ir(*args)
    assert "= cast" not in text and "= ne" not in text
    assert_close(jit(function)(*args), function(*args), rtol=1e-14)
    check_gradient(jit_grad(lambda *a: np.sum(function(*a) ** 2)), *args)


def test_loops_over_equal_axes_become_one() -> None:
    text = jit(wave).dump_ir(np.ones(7), np.ones(7), 3)
    inside = text[text.index("carry") :]
    assert inside.count("= for ") == 3  # the rim's zeros, the inner cells, and both updates


@pytest.mark.parametrize("lengths", [(7, 6), (7, 1), (1, 7), (2, 3)])
def test_what_differs_is_told_as_numpy_tells_it(lengths: tuple[int, int]) -> None:
    args = np.ones(lengths[0]), np.ones(lengths[1]), 2
    if 1 in lengths:
        assert_close(jit(wave)(*args), wave(*args))
        return
    with pytest.raises(ValueError, match="broadcast") as expected:
        wave(*args)
    with pytest.raises(ValueError, match="broadcast") as found:
        jit(wave)(*args)
    assert str(found.value).split("\n")[0].startswith(str(expected.value).strip())
