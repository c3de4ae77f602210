"""Loops over matrices from end to end as one: what is taken and what not, what comes out."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import llad
from llad.ir import interp
from llad.ir.core import walk
from llad.ir.parse import parse
from llad.ir.verify import verify
from llad.passes.flat import flat
from llad.program import Program
from llad.testing import check_gradient

pytestmark = pytest.mark.usefixtures("quick_code")


def weighted(x, y):
    return np.sum(np.exp(x) * y)


def by_hand(x, y):
    """What each element becomes stays, and counts."""
    total, most = 0.0, -math.inf
    z = np.zeros(x.shape)
    for i in range(x.shape[0]):
        for j in range(x.shape[1]):
            z[i, j] = math.sin(x[i, j]) * y[i, j]
            if z[i, j] > 0.0:
                total += z[i, j] * z[i, j]
            most = max(most, z[i, j])
    return total + most


def centred(x, y):
    """Each row meets the same one."""
    return np.sum(np.tanh(x - y[0]) * np.mean(y, axis=0))


@pytest.mark.parametrize("function", [weighted, by_hand, centred])
def test_values_and_gradients_of_rows_of_any_length(function: Any) -> None:
    f, r = llad.jit_grad(function), np.random.default_rng(0)
    for shape in ((7, 3), (1, 1), (5, 8), (300, 2), (64, 3), (65, 16), (70, 17)):
        x, y = r.normal(size=shape), r.normal(size=shape)
        np.testing.assert_allclose(f(x, y), function(x, y), rtol=1e-11)
        if x.size < 50 or shape == (64, 3):
            check_gradient(f, x, y)
        out = np.full(shape, np.nan), np.full(shape, np.nan)
        f.grad(x, y, out=out)
        for mine, other in zip(out, f.grad(x, y), strict=True):
            np.testing.assert_array_equal(mine, other)
    for empty in ((0, 3), (4, 0)) if function is not centred else ():
        assert f(np.zeros(empty), np.zeros(empty)) == function(np.zeros(empty), np.zeros(empty))


def test_gradients_go_through_memory_without_rows() -> None:
    """Those of a gradient are as long as those of the argument."""
    x = np.ones((4, 3))
    fn = Program(weighted).stage((x, x)).function("gradient", (0, 1))
    loops = [op for op in walk(fn.body) if op.name == "for"]
    assert loops and not any(op.name == "for" for loop in loops[-1:] for op in walk(loop.regions[0]))
    assert any(op.name == "exp" for op in walk(loops[-1].regions[0]))


NEST = """
    func @f(%x: buffer<f64, 2, LAYOUT>, %y: buffer<f64, 2, C>, %z: buffer<f64, 1, C>, %k: i64) {
      %zero: i64 = const 0
      %one: i64 = const 1
      %none: f64 = const 0.5
      %n: i64 = dim %x, 0
      %d: i64 = dim %x, 1
      %m: i64 = dim %y, 1
      %same: bool = eq %d, %m
      CHECK
      %s: f64, %t: i64 = for %i in LO..%n step %one carry (%a: f64 = %none) {
        ABOVE
        %r: f64, %u: i64 = for %j in %zero..LENGTH step %one carry (%b: f64 = %a) {
          %c: f64 = load %x[%i, %j]
          %e: f64 = load %y[AT]
          %g: f64 = mul %c, %e
          %h: f64 = add %b, %g
          store %h, %y[%i, %j]
          yield %h
        }
        yield %r
      }
      return %s
    }
"""
PLAIN = {
    "LAYOUT": "C",
    "CHECK": 'check %same, ValueError "no"',
    "LO": "%zero",
    "ABOVE": "",
    "LENGTH": "%d",
    "AT": "%i, %j",
}


def nest(**changes: str) -> str:
    text = NEST
    for name, part in (PLAIN | changes).items():
        text = text.replace(name, part)
    return text


@pytest.mark.parametrize("length", ["%d", "%m"])
def test_one_loop_is_left(length: str) -> None:
    fn = verify(parse(nest(LENGTH=length)))
    made, r = verify(flat(fn)), np.random.default_rng(1)
    assert sum(op.name == "for" for op in walk(made.body)) == 1
    for shape in ((4, 3), (0, 3), (3, 0), (1, 5)):
        args = [r.normal(size=shape), r.normal(size=shape), np.zeros(3), 2]
        others = [a.copy() if isinstance(a, np.ndarray) else a for a in args]
        assert interp.run(made, args) == interp.run(fn, others)
        np.testing.assert_array_equal(args[1], others[1])


@pytest.mark.parametrize("width", [1, 3, 5, 16, 17])
def test_rows_that_meet_the_same_one_go_in_strips(width: int) -> None:
    text = nest(AT="%zero, %j").replace("store %h, %y[%i, %j]", "store %h, %x[%i, %j]")
    fn = verify(parse(text))
    made, r = verify(flat(fn)), np.random.default_rng(1)
    assert sum(op.name == "if" for op in walk(made.body)) == 1
    for rows in (0, 1, 64, 100):
        args = [r.normal(size=(rows, width)), r.normal(size=(2, width)), np.zeros(3), 2]
        others = [a.copy() if isinstance(a, np.ndarray) else a for a in args]
        assert interp.run(made, args) == interp.run(fn, others)
        np.testing.assert_array_equal(args[0], others[0])


@pytest.mark.parametrize(
    "change",
    [
        {"LAYOUT": "strided"},  # rows may lie apart
        {"CHECK": ""},  # rows of y may be longer than the loop
        {"LENGTH": "%k"},
        {"LO": "%one"},
        {"AT": "%j, %i"},
        {"AT": "%zero, %j"},  # the same row each time
        {"ABOVE": "store %a, %z[%zero]"},  # something is done between rows
    ],
)
def test_left_as_they_are(change: dict[str, str]) -> None:
    fn = verify(parse(nest(**change)))
    assert flat(fn) is fn
