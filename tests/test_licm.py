"""Loop-invariant code: what leaves a loop, and what must not."""

from __future__ import annotations

from textwrap import dedent

import numpy as np
import pytest
from optimising import loop_of, names, optimised

from llad.compile import PASSES as PIPELINE
from llad.ir.core import walk
from llad.ir.interp import run
from llad.ir.parse import parse
from llad.ir.verify import verify
from llad.passes.licm import licm


def test_a_guarded_division_stays_behind_its_guard():
    fn = optimised("""
        func @f(%x: f64, %n: i64) {
          %zero: f64 = const 0.0
          %one: f64 = const 1.0
          %lo: i64 = const 0
          %step: i64 = const 1
          %s: f64, %trips: i64 = for %i in %lo..%n step %step carry (%a: f64 = %zero) {
            %c: bool = gt %x, %zero
            %r: f64 = if %c {
              %q: f64 = div %one, %x
              yield %q
            } else {
              yield %one
            }
            %t: f64 = add %a, %r
            yield %t
          }
          return %s
        }
    """)
    (owner,) = [op for op in walk(fn.body) if op.name == "if" and "div" in names(op.regions[0])]
    assert "gt" in [o.name for o in walk(fn.body) if o.results and o.results[0] is owner.operands[0]]


def test_a_division_leaves_a_loop_only_if_the_loop_runs():
    fn = optimised("""
        func @f(%x: f64, %n: i64) {
          %one: f64 = const 1.0
          %lo: i64 = const 0
          %step: i64 = const 1
          %s: f64, %trips: i64 = for %i in %lo..%n step %step carry (%a: f64 = %one) {
            %q: f64 = div %one, %x
            %t: f64 = mul %a, %q
            yield %t
          }
          return %s
        }
    """)
    assert "div" not in names(fn.body) and "div" not in names(loop_of(fn).regions[0])
    assert run(fn, [0.0, 0]) == (1.0,) and run(fn, [2.0, 2]) == (0.25,)


READS_IN_LOOP = """
    func @f(%x: buffer<f64, 1, C>, %y: buffer<f64, 1, C>, %n: i64, %k: i64) {
      %zero: f64 = const 0.0
      %lo: i64 = const 0
      %step: i64 = const 1
      %s: f64, %trips: i64 = for %i in %lo..%n step %step carry (%a: f64 = %zero) {
        BEFORE
        %v: f64 = load %x[%k]
        %t: f64 = add %a, %v
        store %t, TARGET[%lo]
        yield %t
      }
      return %s
    }
"""


@pytest.mark.parametrize(("target", "stays"), [("%x", True), ("%y", False)])
def test_a_load_does_not_pass_a_store_to_the_same_memory(target: str, stays: bool):
    fn = optimised(READS_IN_LOOP.replace("TARGET", target).replace("BEFORE\n", ""))
    assert ("load" in names(loop_of(fn).regions[0])) is stays
    x, y = np.array([1.0]), np.zeros(1)
    assert run(fn, [x, y, 3, 0]) == ((4.0,) if stays else (3.0,))


def test_with_overlapping_arguments_every_store_may_hit_every_load():
    fn = verify(parse(dedent(READS_IN_LOOP.replace("TARGET", "%y").replace("BEFORE\n", ""))))
    fn.attrs["may_alias"] = True
    for step in PIPELINE:
        fn = step(fn)
    x = np.array([1.0])
    assert run(fn, [x, x, 3, 0]) == (4.0,)


def test_a_load_out_of_range_is_not_made_for_a_loop_of_no_iteration():
    fn = optimised(READS_IN_LOOP.replace("TARGET", "%y").replace("BEFORE\n", ""))
    assert run(fn, [np.zeros(0), np.zeros(0), 0, 7]) == (0.0,)


def test_a_load_does_not_pass_the_check_that_guards_it():
    check = '%c: bool = lt %k, %n\n        check %c, IndexError "no"'
    fn = optimised(READS_IN_LOOP.replace("TARGET", "%y").replace("BEFORE", check), licm)
    assert "load" in names(loop_of(fn).regions[0])
    with pytest.raises(IndexError):
        run(fn, [np.zeros(1), np.zeros(1), 2, 5])


CHECKS_IN_LOOP = """
    func @f(%x: buffer<f64, 1, C>, %at: buffer<i64, 1, C>, %y: buffer<f64, 1, C>, %n: i64) {
      %zero: i64 = const 0
      %one: i64 = const 1
      %none: f64 = const 0.0
      %size: i64 = dim %x, 0
      %s: f64, %trips: i64 = for %i in %zero..%n step %one carry (%a: f64 = %none) {
        BEFORE
        %j: i64 = load %at[%zero]
        %ok: bool = lt %j, %size
        check %ok, %j, IndexError "no {}"
        %v: f64 = load %x[%j]
        %t: f64 = add %a, %v
        store %t, %y[%i]
        yield %t
      }
      return %s
    }
"""


def test_a_check_of_what_was_loaded_moves_along_with_what_it_guards():
    """It is made only if the loop runs, and before it stores anything."""
    fn = optimised(CHECKS_IN_LOOP.replace("BEFORE\n", ""), licm)
    assert {"load", "check", "if"}.isdisjoint(names(loop_of(fn).regions[0]))
    x, y = np.array([1.0, 2.0]), np.zeros(3)
    assert run(fn, [x, np.array([1]), y, 3]) == (6.0,)
    assert run(fn, [x, np.zeros(0, int), y, 0]) == (0.0,) and run(fn, [x, np.array([2]), y, 0]) == (0.0,)
    y[:] = 7.0
    with pytest.raises(IndexError, match="no 2"):
        run(fn, [x, np.array([2]), y, 3])
    assert y.tolist() == [7.0, 7.0, 7.0]


@pytest.mark.parametrize(
    "before",
    [
        '%c: bool = lt %i, %one\n        check %c, ValueError "first"',  # it would be made first
        "%w: i64 = load %at[%i]\n        store %w, %at[%zero]",  # what it asks about changes
    ],
)
def test_a_check_does_not_pass_another_one_nor_a_store_to_what_it_asks_about(before: str):
    fn = optimised(CHECKS_IN_LOOP.replace("BEFORE", before), licm)
    assert {"load", "check"} <= {*names(loop_of(fn).regions[0])}
    error = ValueError if "ValueError" in before else IndexError
    with pytest.raises(error):
        run(fn, [np.array([1.0, 2.0]), np.array([1, 2, 2]), np.zeros(3), 3])


def test_poison_is_not_read_before_the_program_reads_it():
    fn = optimised("""
        func @f(%p: bool, %x: f64, %n: i64) {
          %u: f64 = if %p {
            yield %x
          } else {
            %w: f64 = undef
            yield %w
          }
          %lo: i64 = const 0
          %step: i64 = const 1
          %s: f64, %trips: i64 = for %i in %lo..%n step %step carry (%a: f64 = %x) {
            %d: f64 = add %u, %x
            %t: f64 = mul %a, %d
            yield %t
          }
          return %s
        }
    """)
    assert run(fn, [False, 2.0, 0]) == (2.0,) and run(fn, [True, 2.0, 1]) == (8.0,)


def test_a_loop_that_may_not_end_is_kept():
    fn = optimised("""
        func @f(%x: f64) {
          %s: f64, %trips: i64 = while carry (%a: f64 = %x) {
            %c: bool = gt %a, %x
            yield %c
          } do (%b: f64) {
            yield %b
          }
          return %x
        }
    """)
    assert "while" in names(fn.body)


@pytest.mark.parametrize(
    ("source", "free"),
    [("%x[%i]", True), ("%z[%i]", True), ("%blank[%i]", False), ("%x[%next]", False), ("%y[%i]", False)],
)
def test_a_load_that_is_within_its_array_needs_no_guard(source: str, free: bool):
    """That of a loop around, from 0 to the array's own extent, where all elements are known: no `if` stands for it."""
    fn = optimised(
        """
        func @f(%x: buffer<f64, 1, C>, %y: buffer<f64, 1, C>, %m: i64) {
          %zero: i64 = const 0
          %one: i64 = const 1
          %none: f64 = const 0.0
          %n: i64 = dim %x, 0
          %z: buffer<f64, 1, C> = alloc(%n) zero
          %blank: buffer<f64, 1, C> = alloc(%n)
          %sum: f64, %t: i64 = for %i in %zero..%n step %one carry (%a: f64 = %none) {
            %next: i64 = add %i, %one
            %s: f64, %u: i64 = for %j in %zero..%m step %one carry (%b: f64 = %a) {
              %e: f64 = load SOURCE
              %c: f64 = add %b, %e
              yield %c
            }
            yield %s
          }
          return %sum
        }
        """.replace("SOURCE", source),
        licm,
    )
    body = loop_of(fn).regions[0]
    assert ("load" in names(body)) is free and ("if" in names(body)) is not free
    assert run(fn, [np.ones(3), np.ones(0), 0]) == (0.0,)
