"""Operands that may have single elements: nests over them keep their meaning, whichever there are, and are vectors."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from random_nests import outcome

import llad
from llad.api import program_of
from llad.ir.core import walk
from llad.ir.parse import parse
from llad.ir.verify import verify
from llad.passes.singles import singles
from llad.testing import assert_close, check_gradient

NEST = """
func @f(%x: buffer<f64, 2, C>, %y: buffer<f64, 2, C>, %n: i64, %m: i64, %p: i64, %q: i64) {
  %zero: i64 = const 0
  %one: i64 = const 1
  %none: f64 = const 0.0
  %rows: bool = ne %p, %one
  %row: i64 = cast %rows
  %columns: bool = ne %q, %one
  %column: i64 = cast %columns
  %s: f64, %t: i64 = for %i in %zero..%n step %one carry (%a: f64 = %none) {
    %k: i64 = mul %i, %row
    %r: f64, %u: i64 = for %j in %zero..%m step %one carry (%b: f64 = %a) {
      %l: i64 = mul %column, %j
      %twice: i64 = mul %l, %row
      %e: f64 = load %x[%k, %l]
      %g: f64 = load %x[%k, %twice]
      %d: f64 = add %b, %e
      %h: f64 = mul %d, %g
      store %h, %y[%i, %j]
      yield %d
    }
    yield %r
  }
  return %s
}
"""


def test_a_nest_keeps_its_meaning_whichever_operands_have_single_elements() -> None:
    fn = parse(NEST)
    made = verify(singles(fn))
    assert sum(op.name == "if" for op in walk(made.body)) == 1
    usual = next(op for op in walk(made.body) if op.name == "if").regions[0]
    assert not any(op.name == "mul" and op.result.type.name == "i64" for op in walk(usual))  # type: ignore[union-attr]
    rng = np.random.default_rng(0)
    for n, m, p, q in itertools.product((0, 1, 4), (0, 1, 5), (1, 4), (1, 5)):
        args = rng.normal(size=(5, 6)), np.zeros((5, 6)), n, m, p, q
        assert outcome(made, args) == outcome(fn, args)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("%row: i64 = cast %rows", "%row: i64 = add %p, %q"),  # not a factor of 0 or 1
        ("%e: f64 = load", "%own: buffer<f64, 1, C> = alloc(%n)\n      %e: f64 = load"),  # makes memory
    ],
)
def test_other_nests_stay(old: str, new: str) -> None:
    fn = parse(NEST.replace(old, new).replace("%column: i64 = cast %columns", "%column: i64 = add %p, %q"))
    assert singles(fn) is fn


def by_slices(x: Any, w: Any) -> Any:
    n, m = x.shape
    y = np.zeros((n - 2, m - 2))
    for i in range(3):
        for j in range(3):
            y = y + w[i, j] * x[i : n - 2 + i, j : m - 2 + j]
    return np.sum(np.sin(y))


CONVOLUTION = llad.jit_grad(by_slices)  # one for all shapes


@pytest.mark.parametrize("shape", [(3, 3), (3, 9), (9, 3), (2, 5), (12, 11)])
def test_a_convolution_by_slices(shape: tuple[int, int]) -> None:
    rng = np.random.default_rng(2)
    x, w = rng.normal(size=shape), rng.normal(size=(3, 3))
    assert_close(CONVOLUTION(x, w), by_slices(x, w), rtol=1e-13)
    check_gradient(CONVOLUTION, x, w)


def test_its_usual_nests_have_no_factors() -> None:
    x, w = np.ones((9, 9)), np.ones((3, 3))
    fn = program_of(by_slices, False).stage((x, w)).function("gradient", (0, 1))
    for op in walk(fn.body):
        if op.name == "for" and not op.attrs.get("rare"):
            made = [o for o in walk(op.regions[0]) if o.name == "mul" and str(o.result.type) == "i64"]
            assert not made
