"""Extrema of what takes loops to evaluate: nearest points, with ties, with nothing nearer than the start, with NaN."""

from __future__ import annotations

import math

import numpy as np
import pytest

import llad


@llad.jit_grad(argnums=(0, 1))
def nearest(points, centres, start):
    """Per point the square of the distance to the nearest centre, if less than `start`, and to the farthest but one."""
    total = 0.0
    for i in range(points.shape[0]):
        least = start
        greatest = 0.0
        for k in range(centres.shape[0]):
            square = 0.0
            for j in range(points.shape[1]):
                square += (points[i, j] - centres[k, j]) ** 2
            least = min(least, square)
        for k in range(1, centres.shape[0]):
            near = 0.0
            for j in range(points.shape[1]):
                near += abs(points[i, j] - centres[k, j])
            greatest = max(near, greatest)
        total += least + 0.5 * greatest
    return total


def by_hand(points, centres, start):
    """The derivatives by points and centres; of two alike each later one takes half of what is left."""
    p_bar, c_bar = np.zeros_like(points), np.zeros_like(centres)
    for i, p in enumerate(points):
        squares, sums = ((p - centres) ** 2).sum(axis=1), abs(p - centres).sum(axis=1)
        least, shares = start, {}
        for k, square in enumerate(squares):
            if square < least:
                least, shares = square, {k: 1.0}
            elif square == least:
                shares = {q: s / 2 for q, s in shares.items()} | {k: 0.5}
        for k, share in shares.items():
            p_bar[i] += share * 2 * (p - centres[k])
            c_bar[k] -= share * 2 * (p - centres[k])
        greatest, shares = 0.0, {}
        for k, total in list(enumerate(sums))[1:]:
            if total > greatest:
                greatest, shares = total, {k: 1.0}
            elif total == greatest:
                shares = {q: s / 2 for q, s in shares.items()} | {k: 0.5}
        for k, share in shares.items():
            p_bar[i] += share * 0.5 * np.sign(p - centres[k])
            c_bar[k] -= share * 0.5 * np.sign(p - centres[k])
    return p_bar, c_bar


@pytest.mark.parametrize(
    ("points", "centres", "start"),
    [
        (np.random.default_rng(0).normal(size=(9, 3)), np.random.default_rng(1).normal(size=(7, 3)), math.inf),
        (np.random.default_rng(0).normal(size=(9, 3)), np.random.default_rng(1).normal(size=(7, 3)), 1.0),
        (np.zeros((6, 2)), np.array([[1.0, 0.0], [0.0, 1.0], [2.0, 2.0], [-1.0, 0.0], [0.0, -1.0]]), math.inf),
        (np.zeros((6, 2)), np.array([[1.0, 0.0], [0.0, 3.0], [0.0, 3.0]]), 1.0),  # the start is as near
        (np.ones((5, 4)), np.zeros((1, 4)), math.inf),
        (np.ones((5, 4)), np.zeros((0, 4)), 3.0),
        (np.ones((0, 4)), np.zeros((2, 4)), 3.0),
    ],
)
def test_the_winner_takes_the_derivative(points, centres, start):
    value, gradient = nearest.value_and_grad(points, centres, start)
    assert value == pytest.approx(nearest.py_func(points, centres, start), rel=1e-14)
    ties_of_start = centres.shape == (3, 2)
    if ties_of_start:  # half goes to the start, which is nobody's
        expected = by_hand(points, centres, math.inf)
        one = np.tile([-1.0, 0.0], (len(points), 1))
        expected[0][:] -= one
        expected[1][0] += one.sum(axis=0)
    else:
        expected = by_hand(points, centres, start)
    for found, wanted in zip(gradient, expected, strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-13, atol=1e-14)


def test_a_point_that_is_no_number_has_no_winner():
    points, centres = np.random.default_rng(2).normal(size=(4, 3)), np.random.default_rng(3).normal(size=(5, 3))
    points[1, 1] = math.nan
    value, (p_bar, _) = nearest.value_and_grad(points, centres, 2.0)
    assert value == pytest.approx(nearest.py_func(points, centres, 2.0), rel=1e-14, nan_ok=True)
    rest = [0, 2, 3]
    np.testing.assert_allclose(p_bar[rest], by_hand(points[rest], centres, 2.0)[0], rtol=1e-13)


@llad.jit_grad
def farthest(x, start):
    greatest = start
    for i in range(len(x)):
        greatest = max(x[i] * x[i], greatest)
    return greatest


def test_an_element_that_is_no_number_takes_the_place_of_those_before_it_where_python_lets_it():
    nan = math.nan
    for x in ([1.0, nan], [2.0, nan, 1.0], [nan, 3.0, 2.0], [nan, nan, 3.0, nan], [nan], [0.1, nan, 3.0], [2.0, 3.0]):
        for start in (0.5, nan):
            value, slope = farthest.value_and_grad(np.array(x), start)[0], farthest.grad(np.array(x), start)[0]
            wanted = farthest.py_func(np.array(x), start)
            assert value == pytest.approx(wanted, rel=1e-15, nan_ok=True), x
            if wanted > 1.0:
                assert sum(slope) == 2 * math.sqrt(wanted), x
