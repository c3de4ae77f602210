"""Checks that go, or move before their loop, and what is known of integers there."""

from __future__ import annotations

import re
from textwrap import dedent

import numpy as np
import pytest
from optimising import loop_of, names, optimised

from llad.ir.core import Function, walk
from llad.ir.interp import run
from llad.ir.parse import parse
from llad.ir.text import show
from llad.ir.verify import verify
from llad.passes.checks import checks

CHECK_IN_LOOP = """
    func @f(%x: buffer<f64, 1, C>, %m: i64) {
      %zero: f64 = const 0.0
      %lo: i64 = const 0
      %step: i64 = const STEP
      %n: i64 = dim %x, 0
      FIRST
      %s: f64, %trips: i64 = for %i in LO..HI step %step carry (%a: f64 = %zero)EXITS {
        MORE
        %c: bool = lt %i, %n
        check %c, %i, %n, IndexError "index {} of {}"
        %v: f64 = load %x[%i]
        %t: f64 = add %a, %v
        yield LEAVE%t
      }
      return %s
    }
"""


def check_in_loop(**parts: str) -> str:
    defaults = {"STEP": "1", "LO": "%lo", "HI": "%m", "FIRST": "", "EXITS": "", "MORE": "", "LEAVE": ""}
    text = CHECK_IN_LOOP
    for key, value in {**defaults, **parts}.items():
        text = re.sub(rf"\b{key}", value, text) if key != "LEAVE" else text.replace(key, value)
    return text


def test_a_moved_check_names_the_first_iteration_that_fails():
    fn = optimised(check_in_loop())
    assert "check" in names(fn.body) and "check" not in names(loop_of(fn).regions[0])
    assert run(fn, [np.ones(3), 3]) == (3.0,) and run(fn, [np.ones(3), -5]) == (0.0,)
    with pytest.raises(IndexError, match=r"^index 3 of 3$"):
        run(fn, [np.ones(3), 9])


def test_a_check_does_not_leave_a_loop_that_may_exit_before_it_fails():
    more = "%e: bool = eq %i, %step"
    fn = optimised(check_in_loop(EXITS=" exits", MORE=more, LEAVE="%e, "))
    assert "check" in names(loop_of(fn).regions[0])
    assert run(fn, [np.ones(2), 100]) == (2.0,)


def test_a_check_does_not_overtake_one_of_another_class():
    more = '%d: bool = ne %i, %step\n        check %d, ZeroDivisionError "zero"'
    fn = optimised(check_in_loop(MORE=more))
    with pytest.raises(ZeroDivisionError):
        run(fn, [np.ones(3), 9])


def test_a_check_under_a_condition_stays_there():
    fn = optimised("""
        func @f(%x: buffer<f64, 1, C>, %m: i64, %p: bool) {
          %zero: f64 = const 0.0
          %lo: i64 = const 0
          %step: i64 = const 1
          %n: i64 = dim %x, 0
          %s: f64, %trips: i64 = for %i in %lo..%m step %step carry (%a: f64 = %zero) {
            %r: f64 = if %p {
              %c: bool = lt %i, %n
              check %c, IndexError "no"
              %v: f64 = load %x[%i]
              yield %v
            } else {
              yield %zero
            }
            %t: f64 = add %a, %r
            yield %t
          }
          return %s
        }
    """)
    assert run(fn, [np.ones(1), 5, False]) == (0.0,)


def test_a_sum_that_may_wrap_proves_nothing():
    fn = optimised("""
        func @f(%k: i64) {
          %one: i64 = const 1
          %m: i64 = add %k, %one
          %c: bool = gt %m, %k
          check %c, OverflowError "wrapped"
          return %m
        }
    """)
    with pytest.raises(OverflowError):
        run(fn, [2**63 - 1])


TRIANGLE = """
    func @f(%a: buffer<f64, 1, C>, %start: i64, %n: i64) {
      %zero: i64 = const 0
      %one: i64 = const 1
      %z: f64 = const 0.0
      %m: i64 = dim %a, 0
      %s: f64, %k: i64, %outer: i64 = for %i in %zero..%n step %one carry (%t: f64 = %z, %j: i64 = %start) {
        %lo: i64 = add %i, %one
        %u: f64, %l: i64, %inner: i64 = for %c in %lo..%n step %one carry (%v: f64 = %t, %at: i64 = %j) {
          %low: bool = ge %at, %zero
          %high: bool = lt %at, %m
          %ok: bool = and %low, %high
          check %ok, %at, %m, IndexError "index {} is out of bounds for axis 0 with size {}"
          %e: f64 = load %a[%at]
          %w: f64 = add %v, %e
          %wraps: bool = add_overflows %at, %one
          %fits: bool = not %wraps
          check %fits, OverflowError "too far"
          %next: i64 = add %at, %one
          yield %w, %next
        }
        yield %u, %l
      }
      return %s, %k
    }
"""


def test_a_counter_that_runs_through_a_triangle_is_checked_once_a_row():
    fn = optimised(TRIANGLE)
    inner = next(op for op in walk(loop_of(fn).regions[0]) if op.name == "for")
    assert "check" not in names(inner.regions[0]) and len(inner.results) == 2


@pytest.mark.parametrize("start", [0, 2, 3, 4, -1, -(2**63), 2**63 - 3, 2**63 - 1])
@pytest.mark.parametrize("n", [0, 1, 2, 4, 5])
def test_a_counter_that_runs_through_a_triangle_stays_in_range(start: int, n: int):
    fn = parse(dedent(TRIANGLE))

    def outcome(fn: Function) -> object:
        try:
            return run(fn, [np.arange(9.0), start, n])
        except (IndexError, OverflowError) as error:
            return type(error)

    assert outcome(optimised(TRIANGLE)) == outcome(fn)


@pytest.mark.parametrize(
    "extremum, asked, kept", [("min", "gt %m, %one", 1), ("min", "gt %m, %three", 2), ("max", "lt %m, %far", 1)]
)
def test_what_holds_of_both_holds_of_the_lesser(extremum: str, asked: str, kept: int):
    near = "gt %n, %three" if extremum == "min" else "lt %n, %far"
    fn = optimised(f"""
        func @f(%x: buffer<f64, 1, C>, %n: i64) {{
          %one: i64 = const 1
          %three: i64 = const 3
          %far: i64 = const 9
          %near: bool = {near}
          check %near, IndexError "out of bounds"
          %m: i64 = {extremum} %three, %n
          %ok: bool = {asked}
          check %ok, IndexError "out of bounds"
          return %m
        }}
    """)
    assert names(fn.body).count("check") == kept


def test_what_is_less_is_known_where_a_loop_runs():
    """The bounds of a slice, clamped to an array, are numbers inside a loop that goes along it, and only there."""
    fn = verify(
        parse(
            dedent("""
        func @f(%x: buffer<f64, 1, C>, %m: i64) {
          %zero: i64 = const 0
          %one: i64 = const 1
          %two: i64 = const 2
          %n: i64 = dim %x, 0
          %begin: i64 = min %two, %n
          %other: i64 = min %m, %n
          %less: i64 = sub %n, %two
          %trips: i64 = max %less, %zero
          %t: i64 = for %i in %zero..%trips step %one {
            %at: i64 = add %begin, %i
            %e: f64 = load %x[%at]
            %there: i64 = sub %at, %other
            store %e, %x[%there]
            yield
          }
          %sum: i64 = add %begin, %trips
          return %sum
        }
    """)
        )
    )
    text = show(checks(fn))
    assert "%at: i64 = add %two, %i" in text and "%there: i64 = sub %at, %other" in text
    assert "%sum: i64 = add %begin, %trips" in text
