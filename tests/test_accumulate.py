"""Accumulations at neighbours that are carried from one iteration to the next."""

from __future__ import annotations

from textwrap import dedent

import numpy as np
import pytest
from optimising import loop_of, names, optimised

from llad.ir.interp import run
from llad.ir.parse import parse
from llad.ir.verify import verify
from llad.passes.accumulate import accumulate


@pytest.mark.parametrize("step", [1, -1])
@pytest.mark.parametrize("trips", [0, 1, 2, 5])
def test_accumulations_at_neighbours_in_any_direction(step: int, trips: int):
    text = """
        func @f(%a: buffer<f64, 1, C>, %x: buffer<f64, 1, C>, %lo: i64, %hi: i64) {
          %one: i64 = const 1
          %step: i64 = const STEP
          %s: i64 = for %i in %lo..%hi step %step {
            %d: f64 = load %x[%i]
            %e: f64 = mul %d, %d
            %p: i64 = add %i, %one
            %m: i64 = sub %i, %one
            %u: f64 = load %a[%p]
            %v: f64 = add %u, %d {'reassoc': True}
            store %v, %a[%p]
            %w: f64 = load %a[%m]
            %y: f64 = sub %w, %e {'reassoc': True}
            store %y, %a[%m]
            %q: f64 = load %a[%i]
            %r: f64 = add %q, %e {'reassoc': True}
            store %r, %a[%i]
            yield
          }
          return
        }
    """
    fn = verify(parse(dedent(text.replace("STEP", str(step)))))
    after = verify(accumulate(fn))
    assert names(loop_of(after).regions[0]).count("store") == 1
    x = np.arange(1.0, 9.0)
    lo, hi = (1, 1 + trips) if step == 1 else (trips, 0)
    outcomes = []
    for program_ in (fn, after):
        a = np.zeros(9)
        run(program_, [a, x, lo, hi])
        outcomes.append(a)
    assert np.allclose(*outcomes)


def test_an_accumulation_beside_a_plain_read_stays():
    text = """
        func @f(%a: buffer<f64, 1, C>, %n: i64, %x: f64) {
          %zero: i64 = const 0
          %one: i64 = const 1
          %s: f64, %t: i64 = for %i in %zero..%n step %one carry (%c: f64 = %x) {
            %p: i64 = add %i, %one
            %u: f64 = load %a[%p]
            %v: f64 = add %u, %x {'reassoc': True}
            store %v, %a[%p]
            %q: f64 = load %a[%i]
            %r: f64 = add %q, %x {'reassoc': True}
            store %r, %a[%i]
            %z: f64 = load %a[%i]
            %y: f64 = add %c, %z
            yield %y
          }
          return %s
        }
    """
    assert names(loop_of(optimised(text, accumulate)).regions[0]).count("store") == 2
