"""Elements in strides that an iteration stores and comes back to: LLVM is not told that such loops are independent."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import llad
from llad.ir.core import walk
from llad.ir.parse import parse
from llad.ir.revisits import Revisits

# -- values


def chosen_then_read(a, c):
    for i in range(len(c)):
        t = a[i, 1]
        if t > 0.0:
            a[i, 0] = 2.0 * t
        c[i] = a[i, 0] + t


def on_threads(a, c):
    for i in llad.prange(len(c)):
        t = a[i, 1]
        if t > 0.0:
            a[i, 0] = 2.0 * t
        c[i] = a[i, 0] + t


def in_a_window(a, c):
    windows = a.reshape(-1)
    first, second = windows[::2], windows[1::2]
    for i in range(len(c)):
        t = second[i]
        if t > 0.0:
            first[i] = 2.0 * t
        c[i] = a[i, 0] + t


@pytest.mark.parametrize("fastmath", [False, True])
@pytest.mark.parametrize("program", [chosen_then_read, on_threads, in_a_window])
def test_what_is_stored_is_found_again(program: Any, fastmath: bool):
    a, c = np.random.default_rng(0).normal(size=(50, 2)), np.zeros(50)
    expected = a.copy(), c.copy()
    program(*expected)
    llad.jit(program, fastmath=fastmath)(a, c)
    np.testing.assert_array_equal(a, expected[0])
    np.testing.assert_array_equal(c, expected[1])


# -- which loops

LOOP = """func @f(%a: buffer<f64, 2, LAYOUT>, %b: buffer<f64, 2, C>, %k: i64, %l: i64, %n: i64) {
  %zero: i64 = const 0
  %one: i64 = const 1
  %x: f64 = const 2.0
  %trips: i64 = for %i in %zero..%n step %one parallel {
    BODY
    yield
  }
  return
}
"""
INNER = """%t: i64 = for %j in %zero..%k step %one {
      FIRST
      yield
    }
    """
COMES_BACK = {
    "the same column": "store %x, %a[%i, %zero]\n %y: f64 = load %a[%i, %zero]",
    "columns that may be the same": "store %x, %a[%i, %k]\n %y: f64 = load %a[%i, %l]",
    "stored twice": "store %x, %a[%i, %k]\n store %x, %a[%i, %l]",
    "the next run of a loop": INNER.replace("FIRST", "%y: f64 = load %a[%i, %zero]\n store %x, %a[%i, %j]"),
    "a column for each run": INNER.replace(
        "FIRST", "%y: f64 = load %a[%i, %j]\n %m: i64 = add %j, %one\n store %x, %a[%i, %m]"
    ),
    "two loops": INNER.replace("FIRST", "store %x, %a[%i, %j]")
    + INNER.replace("FIRST", "%y: f64 = load %a[%i, %h]").replace("%t", "%u").replace("%j", "%h"),
    "a window": "%w: buffer<f64, 1, strided> = view %a[full, %k]\n store %x, %w[%i]\n %y: f64 = load %a[%i, %zero]",
}
GOES_ON = {
    "loaded before": "%y: f64 = load %a[%i, %zero]\n store %y, %a[%i, %zero]",
    "different columns": "store %x, %a[%i, %zero]\n %y: f64 = load %a[%i, %one]",
    "neighbours": "store %x, %a[%zero, %i]\n %y: f64 = load %a[%zero, %i]",
    "two arrays": "store %x, %a[%i, %zero]\n %y: f64 = load %b[%i, %zero]",
    "a column for each run": INNER.replace("FIRST", "%y: f64 = load %a[%i, %j]\n store %y, %a[%i, %j]"),
}


def comes_back(body: str, layout: str = "C") -> bool:
    fn = parse(LOOP.replace("BODY", body).replace("LAYOUT", layout))
    (loop, *_) = (op for op in walk(fn.body) if op.name == "for")
    return loop in Revisits(fn)


@pytest.mark.parametrize("name", COMES_BACK)
def test_an_iteration_may_come_back(name: str):
    assert comes_back(COMES_BACK[name])


@pytest.mark.parametrize("name", GOES_ON)
def test_an_iteration_does_not_come_back(name: str):
    assert not comes_back(GOES_ON[name])


def test_rows_of_an_array_that_is_not_contiguous_may_be_strides():
    assert comes_back(GOES_ON["neighbours"], "strided")
