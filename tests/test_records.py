"""Loops over observations of records (a camera, a point): the derivatives of each, several observations at once."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import llad
from llad.testing import assert_close


def seen(camera, point):
    """Where a camera with an angle, a place and a focal length sees the point, which is not turned if need not be."""
    x, y, z = point[0] - camera[1], point[1] - camera[2], point[2] - camera[3]
    if camera[0] != 0.0:
        sine, cosine = math.sin(camera[0]) / camera[0], math.cos(camera[0])
        x, y = cosine * x - sine * camera[0] * y, sine * camera[0] * x + cosine * y
    return camera[4] * x / z, camera[4] * y / z


def blocks(cameras, points, pairs, out):
    for i in range(len(pairs)):
        camera, point = cameras[pairs[i, 0]], points[pairs[i, 1]]
        _, pullback = llad.vjp(seen, camera, point)
        for row in range(2):
            by_camera, by_point = pullback((1.0 - row, 0.0 + row))
            out[i, row, :5] = by_camera
            out[i, row, 5:] = by_point


def scene(count: int = 37, width: int = 5) -> tuple[Any, ...]:
    random = np.random.default_rng(0)
    cameras = random.normal(size=(4, width))
    cameras[1, 0] = 0.0
    points = random.uniform(2.0, 3.0, (6, 3)) + np.array([0.0, 0.0, 5.0])
    pairs = np.column_stack([random.integers(-4, 4, count), random.integers(-6, 6, count)])
    return cameras, points, pairs, np.zeros((count, 2, 8))


def differences(cameras, points, pairs, out, step: float = 1e-6) -> None:
    for i, (camera, point) in enumerate(pairs):
        x = np.concatenate([cameras[camera], points[point]])
        for k in range(8):
            ends = []
            for moved in (x[k] + step, x[k] - step):
                y = x.copy()
                y[k] = moved
                ends.append(np.array(seen(y[:5], y[5:])))
            out[i, :, k] = (ends[0] - ends[1]) / (2.0 * step)


@pytest.mark.parametrize("fastmath", [False, True])
def test_blocks_are_right_also_where_a_branch_is_not_taken(fastmath: bool) -> None:
    cameras, points, pairs, out = scene()
    llad.jit(blocks, fastmath=fastmath)(cameras, points, pairs, out)
    expected = np.zeros_like(out)
    differences(cameras, points, pairs, expected)
    straight = cameras[pairs[:, 0], 0] == 0.0
    assert straight.any() and not straight.all()
    expected[straight, :, 0] = 0.0  # the executed branch does not know the angle
    assert_close(out, expected, rtol=1e-6, atol=1e-6)


def seen_in_array_style(camera, point):
    x = point - camera[1:4]
    if camera[0] != 0.0:
        sine, cosine = math.sin(camera[0]), math.cos(camera[0])
        turned = np.array([cosine * x[0] - sine * x[1], sine * x[0] + cosine * x[1], x[2]])
    else:
        turned = x * 1.0
    return camera[4] * turned[:2] / turned[2]


def blocks_in_array_style(cameras, points, pairs, out):
    for i in range(len(pairs)):
        camera, point = cameras[pairs[i, 0]], points[pairs[i, 1]]
        by_camera, by_point = llad.jacrev(seen_in_array_style, argnums=(0, 1))(camera, point)
        out[i, :, :5] = by_camera
        out[i, :, 5:] = by_point


@pytest.mark.parametrize("function", [blocks, blocks_in_array_style])
def test_observations_are_worked_on_several_at_a_time(function: Any) -> None:
    compiled, (*args, out) = llad.jit(function), scene()
    expected = out.copy()
    assert "fdiv <" in compiled.dump_llvm(*args, out)
    compiled(*args, out)
    differences(*args, expected)
    expected[args[0][args[2][:, 0], 0] == 0.0, :, 0] = 0.0
    assert_close(out, expected, rtol=1e-6, atol=1e-6)


def test_rows_are_stored_in_pieces_over_whole_blocks_and_what_is_left() -> None:
    def powers(x, out):
        for i in range(len(x)):
            a, b, c = x[i], 2.0 * x[i], x[i] ** 2
            out[i, 1, 0], out[i, 1, 1], out[i, 1, 2], out[i, 1, 3] = a, b, c, a * c
            out[i, 1, 4], out[i, 1, 5], out[i, 1, 6] = -a, -b, -c
            out[i, 0, 0], out[i, 0, 5] = a, b

    function = llad.jit(powers)
    for count in (0, 1, 63, 64, 65, 200):
        x, found = np.arange(1.0, count + 1.0), np.full((count, 2, 9), 0.5)
        expected = found.copy()
        function(x, found)
        powers(x, expected)
        assert_close(found, expected, rtol=0.0)
    text = function.dump_ir(x, found)
    assert "alloc" in text and text.count("store") == 8 + 2 + 4  # two pieces, what is in none, and two copies each way
    x, found = x[::2], np.full((200, 2, 18), 0.5)[::2, :, ::2]  # strides
    expected = found.copy()
    function(x, found)
    powers(x, expected)
    assert_close(found, expected, rtol=0.0)


def test_a_wrong_index_raises_where_it_stands() -> None:
    cameras, points, pairs, out = scene()
    expected = out.copy()
    function = llad.jit(blocks)
    function(cameras, points, pairs, expected)
    expected[20:] = 0.0
    for column, wrong in ((0, 4), (0, -5), (1, 6), (1, 1 << 40)):
        bad = pairs.copy()
        bad[20, column] = wrong
        bad[25, 0] = 99
        out[:] = 0.0
        with pytest.raises(IndexError, match=f"index {wrong} is out of bounds for axis 0"):
            function(cameras, points, bad, out)
        assert_close(out, expected, rtol=0.0)


def test_other_lengths_of_records_are_as_good() -> None:
    cameras, points, pairs, out = scene()
    expected = out.copy()
    llad.jit(blocks)(cameras, points, pairs, expected)

    def wider(cameras, points, pairs, out):
        for i in range(len(pairs)):
            camera, point = cameras[pairs[i, 0]], points[pairs[i, 1]]
            _, pullback = llad.vjp(seen, camera, point)
            for row in range(2):
                by_camera, by_point = pullback((1.0 - row, 0.0 + row))
                out[i, row, : len(camera)] = by_camera
                out[i, row, len(camera) :] = by_point

    more = np.hstack([cameras, np.ones((4, 2))])
    found = np.ones((len(pairs), 2, 10))
    function = llad.jit(wider)
    function(more, points, pairs, found)
    assert_close(found[:, :, :5], expected[:, :, :5])
    assert_close(found[:, :, 7:], expected[:, :, 5:])
    assert not found[:, :, 5:7].any()
    function(cameras, points, pairs, out)
    assert_close(out, expected)
    with pytest.raises(IndexError):
        function(cameras[:, :4], points, pairs, np.zeros((len(pairs), 2, 7)))


def test_arguments_that_overlap_are_seen() -> None:
    """What an observation writes, the next one reads."""

    def scaled(x, out):
        for i in range(len(out)):
            row = x[i]
            out[i, 0] = math.sin(row[0]) * math.cos(row[1]) * math.exp(row[2]) * math.sin(row[1] * row[2])
            out[i, 1] = math.cos(row[0] * row[1])
            out[i, 2] = math.exp(-(row[2] ** 2))

    x = np.random.default_rng(1).normal(size=(20, 3))
    mine, theirs = x.copy(), x.copy()
    llad.jit(scaled)(mine[:-1], mine[1:])
    scaled(theirs[:-1], theirs[1:])
    assert_close(mine, theirs)
