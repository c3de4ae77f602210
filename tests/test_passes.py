"""Passes: the before/after pair of each docstring, the hazards by name, and random programs."""

from __future__ import annotations

import importlib
import itertools
import pkgutil
import random
import re
from collections.abc import Callable, Iterator
from textwrap import dedent

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, assume, given, settings
from hypothesis import strategies as st
from random_ir import program

from llad import passes
from llad.compile import PASSES as PIPELINE
from llad.ir.core import Function, Op, Region, walk
from llad.ir.interp import run
from llad.ir.parse import parse
from llad.ir.rewrite import copy_function
from llad.ir.text import show
from llad.ir.verify import verify
from llad.passes.accumulate import accumulate
from llad.passes.ascend import ascend
from llad.passes.checks import checks
from llad.passes.cse import cse
from llad.passes.independent import independent
from llad.passes.licm import licm
from llad.passes.overwritten import overwritten
from llad.passes.ownership import ownership
from llad.passes.peel import peel
from llad.passes.postpone import postpone
from llad.passes.reuse import reuse
from llad.passes.sooner import sooner
from llad.passes.tabulate import tabulate


def found() -> Iterator[tuple[str, Callable[[Function], Function]]]:
    """The passes: functions of the names of their files."""
    for module in pkgutil.iter_modules(passes.__path__):
        made = getattr(importlib.import_module(f"llad.passes.{module.name}"), module.name, None)
        if made is not None:
            yield module.name, made


# What the others leave behind is a table of functions: `test_chunks.py`, `test_halves.py`, `test_parts.py` look at it.
PASSES = {name: made for name, made in found() if name not in ("chunks", "halves", "parts")}


def documented(name: str) -> str:
    return importlib.import_module(f"llad.passes.{name}").__doc__ or ""


def examples(document: str) -> list[str]:
    return [dedent(block) for block in re.findall(r"^    func @f.*?^    }\n", document, re.M | re.S)]


def nameless(fn: Function) -> str:
    """The text of `fn` with every name replaced by a number."""
    copied, mapping = copy_function(fn)
    for value in mapping.values():
        value.name = ""
    return show(copied)


@pytest.mark.parametrize("name", PASSES)
def test_the_docstring_shows_what_the_pass_does(name: str):
    document = documented(name)
    shown = examples(document)
    if other := re.search(r"^Before: as in `(\w+)\.py`\.$", document, re.M):
        shown = [examples(documented(other[1]))[0], *shown]
    before, after = map(parse, shown)
    untouched = show(before)
    result = PASSES[name](before)
    for cleaner in re.findall(r"`(\w+)`", re.search(r"^After(.*):$", document, re.M)[1]):
        result = PASSES[cleaner](result)
    assert nameless(result) == nameless(after)
    assert show(before) == untouched


@pytest.mark.parametrize("name", PASSES)
def test_what_a_pass_leaves_alone_stands_in_its_output(name: str):
    fn = parse(
        """
        func @f(%x: f64, %y: f64) {
          %0: bool = gt %x, %y
          %1: f64 = if %0 {
            %2: f64 = sqrt %x
            yield %2
          } else {
            %3: f64 = sin %y
            yield %3
          }
          return %1
        }
        """
    )
    assert PASSES[name](fn) is fn


# -- random programs


def outcome(fn: Function, x: float, m: int, k: int, sizes: tuple[int, int]) -> object:
    """What running `fn` does: results and memory afterwards, or the class of its error."""
    arrays = [np.arange(1.0, n + 1.0) / 2 for n in sizes]
    if fn.attrs.get("may_alias"):
        arrays[1] = arrays[0]
    try:
        with np.errstate(all="ignore"):
            results = run(fn, [x, -1.5, m, k, *arrays])
    except (IndexError, OverflowError, ZeroDivisionError) as error:
        return type(error)
    return [repr(r.tolist() if isinstance(r, np.ndarray) else r) for r in (*results, *arrays)]


# A program does not shrink: what fails is printed as it is.
@settings(
    max_examples=100,
    derandomize=True,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
@given(st.randoms(use_true_random=False), st.integers(-3, 6), st.integers(-3, 6), st.integers(0, 4), st.integers(0, 4))
def test_random_programs_keep_their_meaning(rng: random.Random, m: int, k: int, first: int, second: int):
    fn = verify(program(rng))
    try:
        expected = outcome(fn, 0.75, m, k, (first, second))
    except AssertionError:
        assume(False)
    untouched = show(fn)
    for step in PASSES.values():
        if (made := step(fn)) is not fn:
            assert outcome(verify(made), 0.75, m, k, (first, second)) == expected, (step.__name__, untouched)
    assert show(fn) == untouched
    for step in (*PIPELINE, *PIPELINE, ownership):
        fn = fn if (made := step(fn)) is fn else verify(made)
    assert outcome(fn, 0.75, m, k, (first, second)) == expected, show(fn)


# -- hazards, by name


def optimised(text: str, *steps: object) -> Function:
    fn = verify(parse(dedent(text)))
    for step in steps or (*PIPELINE, ownership):
        fn = verify(step(fn))  # type: ignore[operator]
    return fn


def names(region: Region) -> list[str]:
    """The ops of a region, without those inside them."""
    return [op.name for op in region.ops]


def loop_of(fn: Function) -> Op:
    return next(op for op in walk(fn.body) if op.name in ("for", "while"))


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


@pytest.mark.parametrize("x", [0.0, -0.0])
def test_signed_zeros_survive(x: float):
    fn = optimised("""
        func @f(%x: f64) {
          %plus: f64 = const 0.0
          %minus: f64 = const -0.0
          %a: f64 = add %x, %plus
          %b: f64 = add %x, %minus
          %c: f64 = sub %x, %plus
          %d: f64 = mulz %x, %c
          return %a, %b, %c, %d
        }
    """)
    assert repr(run(fn, [x])) == repr((0.0, x, x, 0.0))


def test_a_loop_that_replaces_a_buffer_sweeps():
    fn = optimised("""
        func @f(%y: buffer<f64, 1, C>, %n: i64) {
          %lo: i64 = const 0
          %step: i64 = const 1
          %m: i64 = dim %y, 0
          %limit: i64 = add %n, %lo
          %z: buffer<f64, 1, C>, %k: i64, %trips: i64 = while carry (%a: buffer<f64, 1, C> = %y, %i: i64 = %lo) {
            %c: bool = lt %i, %limit
            yield %c
          } do (%b: buffer<f64, 1, C>, %j: i64) {
            %v: f64 = load %b[%lo]
            %w: f64 = add %v, %v
            %t: buffer<f64, 1, C> = alloc(%m) zero
            store %w, %t[%lo]
            %j1: i64 = add %j, %step
            yield %t, %j1
          }
          %e: f64 = load %z[%lo]
          return %e
        }
    """)
    assert [op.attrs["sweep"] for op in walk(fn.body) if op.name == "while"] == [True]
    for trips, value in ((0, 1.0), (1, 2.0), (4, 16.0)):
        assert run(fn, [np.ones(2), trips]) == (value,)


def test_a_buffer_kept_under_another_name_is_not_freed():
    fn = optimised("""
        func @f(%y: buffer<f64, 1, C>, %n: i64) {
          %lo: i64 = const 0
          %step: i64 = const 1
          %m: i64 = dim %y, 0
          %z: buffer<f64, 1, C>, %o: buffer<f64, 1, C>, %trips: i64 = for %i in %lo..%n step %step carry ( \
%a: buffer<f64, 1, C> = %y, %b: buffer<f64, 1, C> = %y) {
            %v: f64 = load %b[%lo]
            %w: f64 = add %v, %v
            %t: buffer<f64, 1, C> = alloc(%m) zero
            store %w, %t[%lo]
            yield %t, %a
          }
          %e: f64 = load %z[%lo]
          %g: f64 = load %o[%lo]
          return %e, %g
        }
    """)
    assert "free" not in [op.name for op in walk(fn.body)]
    assert run(fn, [np.ones(2), 5]) == (8.0, 4.0)


def test_a_load_is_not_remembered_across_a_loop_or_branch_that_stores():
    fn = optimised("""
        func @f(%x: buffer<f64, 1, C>, %n: i64, %p: bool) {
          %lo: i64 = const 0
          %step: i64 = const 1
          %u: f64 = load %x[%lo]
          %trips: i64 = for %i in %lo..%n step %step {
            %v: f64 = load %x[%lo]
            %w: f64 = add %v, %v
            store %w, %x[%lo]
            yield
          }
          %r: f64 = load %x[%lo]
          if %p {
            store %u, %x[%lo]
            yield
          } else {
            yield
          }
          %s: f64 = load %x[%lo]
          return %u, %r, %s
        }
    """)
    assert run(fn, [np.ones(1), 3, True]) == (1.0, 8.0, 1.0)
    assert run(fn, [np.ones(1), 3, False]) == (1.0, 8.0, 8.0)


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


def kinds(*lines: str) -> list[bool]:
    """For a loop `for %i in 0..%n` of these lines over three buffers: whether it is marked `apart`."""
    text = """
        func @f(%a: buffer<f64, 1, C>, %b: buffer<f64, 2, C>, %c: buffer<f64, 1, C>, %n: i64, %k: i64, %x: f64) {
          %zero: i64 = const 0
          %one: i64 = const 1
          %two: i64 = const 2
          %trips: i64 = for %i in %zero..%n step %one {
            %j: i64 = add %i, %one
            %l: i64 = add %k, %one
            LINES
            yield
          }
          return
        }
    """
    fn = optimised(text.replace("LINES", "\n".join(lines)), independent)
    return [bool(op.attrs.get("apart")) for op in walk(fn.body) if op.name == "for"]


@pytest.mark.parametrize(
    "lines",
    [
        ["store %x, %a[%i]"],
        ["%u: f64 = load %a[%i]", "store %u, %c[%j]"],
        ["%u: f64 = load %b[%k, %j]", "store %u, %b[%l, %i]"],
        ["%u: f64 = load %b[%i, %k]", "store %u, %b[%i, %l]"],
        ["%m: i64 = sub %k, %i", "store %x, %a[%m]"],
        ["%m: f64 = const inf", "%u: f64 = min %m, %x", "store %u, %a[%i]"],
    ],
)
def test_iterations_that_never_meet_are_apart(lines: list[str]):
    assert kinds(*lines) == [True]


@pytest.mark.parametrize(
    "lines",
    [
        ["store %x, %a[%k]"],
        ["%u: f64 = load %a[%i]", "store %u, %a[%j]"],
        ["%u: f64 = load %a[%k]", "store %u, %a[%i]"],
        ["%m: i64 = mul %i, %two", "store %x, %a[%m]"],
        ["%m: i64 = mul %i, %k", "store %x, %a[%m]"],
        ["%u: f64 = load %b[%j, %k]", "store %u, %b[%i, %l]", "store %u, %b[%i, %k]"],
        ["%u: f64 = load %b[%k, %j]", "store %u, %b[%k, %i]"],
        ["%m: i64 = max %i, %k", "store %x, %a[%m]"],
    ],
)
def test_iterations_that_may_meet_are_not(lines: list[str]):
    assert kinds(*lines) == [False]


SWAPPED = """
    func @f(%n: i64, %m: i64, %flag: bool) {
      %zero: i64 = const 0
      %one: i64 = const 1
      %x: f64 = const 1.5
      %p: buffer<f64, 1, C> = alloc(%m)
      %q: buffer<f64, 1, C> = alloc(%m)
      %a: BUFFER, %b: BUFFER, %t: i64 = for %i in %zero..%n step %one carry (%c: BUFFER = %p, %d: BUFFER = %q) {
        %trips: i64 = for %j in %zero..%m step %one {
          %k: i64 = add %j, %one
          %u: f64 = load %c[%j]
          store %u, %d[%j]
          yield
        }
        yield NEXT
      }
      return %a
    }
"""


@pytest.mark.parametrize("following, apart", [("%d, %c", True), ("%c, %d", True), ("%d, %d", False), ("%c, %c", False)])
def test_buffers_that_change_places_stay_distinct(following: str, apart: bool):
    fn = independent(verify(parse(dedent(SWAPPED.replace("NEXT", following).replace("BUFFER", "buffer<f64, 1, C>")))))
    inner = [op for op in walk(fn.body) if op.name == "for"][1]
    assert bool(inner.attrs.get("apart")) == apart


def test_buffers_that_the_loop_itself_exchanges_may_meet():
    """What one iteration calls `%d`, the next one calls `%c`."""
    text = """
        func @f(%n: i64, %m: i64) {
          %zero: i64 = const 0
          %one: i64 = const 1
          %p: BUFFER = alloc(%m) zero
          %q: BUFFER = alloc(%m) zero
          %a: BUFFER, %b: BUFFER, %t: i64 = for %i in %one..%n step %one carry (%c: BUFFER = %p, %d: BUFFER = %q) {
            %k: i64 = sub %i, %one
            %u: f64 = load %c[%k]
            store %u, %d[%i]
            yield %d, %c
          }
          return
        }
    """
    fn = verify(parse(dedent(text.replace("BUFFER", "buffer<f64, 1, C>"))))
    assert "apart" not in loop_of(independent(fn)).attrs


def test_indices_that_differ_by_a_whole_turn_are_one():
    text = """
        func @f(%x: buffer<f64, 1, C>, %k: i64, %n: i64) {
          %zero: i64 = const 0
          %one: i64 = const 1
          %half: i64 = const 9223372036854775807
          %trips: i64 = for %i in %zero..%n step %one {
            %a: i64 = add %k, %half
            %b: i64 = add %a, %half
            %c: i64 = add %b, %one
            %d: i64 = add %c, %one
            %u: f64 = load %x[%d]
            %v: f64 = add %u, %u
            store %v, %x[%k]
            yield
          }
          return
        }
    """
    assert "apart" not in loop_of(independent(verify(parse(dedent(text))))).attrs


@pytest.mark.parametrize("extent", [True, False])
@pytest.mark.parametrize("ends", [-1, 0, 1])
@pytest.mark.parametrize("begins", [0, 1])
def test_elements_as_far_apart_as_a_range_is_long_are_of_one_iteration(begins: int, ends: int, extent: bool):
    """For `%i in begins..w + ends`: `%x[%i + m w + b]` and `%x[%i + l w]`, against all pairs of iterations."""

    def marked(m: int, l: int, b: int) -> bool:
        text = f"""
            func @f(%x: buffer<f64, 1, C>, %y: buffer<f64, 1, C>, %n: i64) {{
              %w: i64 = {"dim %y, 0" if extent else "add %n, %n"}
              %one: i64 = const 1
              %lo: i64 = const {begins}
              %ends: i64 = const {ends}
              %hi: i64 = add %w, %ends
              %m: i64 = const {m}
              %l: i64 = const {l}
              %b: i64 = const {b}
              %mw: i64 = mul %w, %m
              %lw: i64 = mul %l, %w
              %trips: i64 = for %i in %lo..%hi step %one {{
                %j: i64 = add %i, %mw
                %k: i64 = add %j, %b
                %o: i64 = add %lw, %i
                %u: f64 = load %x[%o]
                store %u, %x[%k]
                yield
              }}
              return
            }}
        """
        return "apart" in loop_of(independent(verify(parse(dedent(text))))).attrs

    def meet(m: int, l: int, b: int, w: int) -> bool:
        indices = range(begins, w + ends)
        return any(i != j and i + m * w + b == j + l * w for i in indices for j in indices)

    for m, l, b in itertools.product((-2, 0, 1, 3), (0, 1), (-1, 0, 1)):
        assert marked(m, l, b) == (extent and not any(meet(m, l, b, w) for w in range(20))), (m, l, b)


@pytest.mark.parametrize(("distance", "apart"), [(3, False), (4, True), (-4, True), (5, True)])
def test_a_constant_range_is_as_long_as_it_says(distance: int, apart: bool):
    text = f"""
        func @f(%x: buffer<f64, 1, C>) {{
          %lo: i64 = const 5
          %hi: i64 = const 9
          %one: i64 = const 1
          %far: i64 = const {distance}
          %trips: i64 = for %i in %lo..%hi step %one {{
            %j: i64 = add %i, %far
            %u: f64 = load %x[%j]
            store %u, %x[%i]
            yield
          }}
          return
        }}
    """
    assert ("apart" in loop_of(independent(verify(parse(dedent(text))))).attrs) == apart


@pytest.mark.parametrize(("row", "known"), [("%below", True), ("%other", False)])
def test_a_store_beside_an_element_does_not_make_it_unknown(row: str, known: bool):
    text = f"""
        func @f(%n: i64, %k: i64, %other: i64, %u: f64) {{
          %one: i64 = const 1
          %x: buffer<f64, 2, C> = alloc(%n, %n) zero
          %below: i64 = add %k, %one
          store %u, %x[%k, %k]
          %v: f64 = load %x[{row}, %k]
          %w: f64 = mul %v, %u
          store %w, %x[{row}, %k]
          %a: f64 = load %x[%k, %k]
          %b: f64 = add %a, %w
          store %b, %x[%k, %k]
          %c: f64 = load %x[{row}, %k]
          return %c
        }}
    """
    fn = optimised(text, cse, overwritten)
    assert [op.name for op in walk(fn.body)].count("load") == (1 if known else 3)
    assert [op.name for op in walk(fn.body)].count("store") == (2 if known else 3)


@pytest.mark.parametrize(
    ("body", "order"),
    [
        ("%a: f64 = exp %s; %u: f64 = load %x[%i]; %b: f64 = tanh %u; RESULT", "tanh exp"),
        ("%u: f64 = load %x[%i]; %b: f64 = tanh %u; %a: f64 = exp %s; RESULT", "tanh exp"),
        ("%a: f64 = exp %s; %b: f64 = tanh %a; RESULT", "exp tanh"),
        ("%a: f64 = exp %s; store %a, %x[%i]; %u: f64 = load %x[%i]; %b: f64 = tanh %u; RESULT", "exp tanh"),
        ("%a: f64 = exp %s; %u: f64 = load %x[%zero]; %b: f64 = tanh %u; store %b, %x[%i]; RESULT", "exp tanh"),
    ],
)
@pytest.mark.parametrize("around", [False, True])
def test_functions_that_wait_for_nothing_come_first(around: bool, body: str, order: str):
    """The last of them reads, if there is a loop around, what that stored."""
    lines = body.replace("RESULT", "%r: f64 = mul %a, %b; yield %r").split("; ")
    loop = "%t: f64, %n: i64 = for %i in %zero..%m step %one carry (%s: f64 = %c) {\n" + "\n".join(lines) + "\n}\n"
    text = "func @f(%x: buffer<f64, 1, C>, %m: i64, %c: f64) {\n%zero: i64 = const 0\n%one: i64 = const 1\n"
    text += "%k: i64 = for %j in %zero..%m step %one {\n" + loop + "yield\n}\n" if around else loop
    made = optimised(text + "return\n}\n", sooner)
    found = " ".join(op.name for op in walk(made.body) if op.name in ("exp", "tanh"))
    assert found == ("tanh exp" if "[%zero]" in body and not around else order)


def test_what_is_stored_at_the_end_is_not_read_before():
    """Accumulations at `%x[%i]` and `%x[%i + m w + b]`, for `%i in 0..w`."""

    def postponed(m: int, b: int) -> bool:
        text = f"""
            func @f(%x: buffer<f64, 1, C>, %y: buffer<f64, 1, C>) {{'wide': True}} {{
              %w: i64 = dim %y, 0
              %zero: i64 = const 0
              %one: i64 = const 1
              %m: i64 = const {m}
              %b: i64 = const {b}
              %mw: i64 = mul %w, %m
              %trips: i64 = for %i in %zero..%w step %one {{'apart': True}} {{
                %j: i64 = add %i, %mw
                %k: i64 = add %j, %b
                %d: f64 = load %y[%i]
                %u: f64 = load %x[%i]
                %v: f64 = add %u, %d
                store %v, %x[%i]
                %s: f64 = load %x[%k]
                %t: f64 = add %s, %d
                store %t, %x[%k]
                yield
              }}
              return
            }}
        """
        made = postpone(verify(parse(dedent(text))))
        return names(loop_of(made).regions[0])[-3:] == ["store", "store", "yield"]

    found = {(m, b) for m in (-2, -1, 0, 1, 2) for b in (-2, -1, 0, 1, 2) if postponed(m, b)}
    assert not any(m * w + b == 0 for m, b in found for w in range(1, 9))
    assert {(1, 0), (-1, 0), (2, -1), (-2, 1), (0, 1)} <= found


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


def tables(inner: str, before: str = "", bound: str = "%m") -> int:
    """How many tables a nest `for i: (before) for j: (inner, which makes %e)` gets; its meaning is kept."""
    text = f"""
        func @f(%x: buffer<f64, 1, C>, %q: buffer<f64, 1, C>, %n: i64, %m: i64) {{
          %zero: i64 = const 0
          %one: i64 = const 1
          %z: f64 = const 0.5
          %many: i64 = dim %q, 0
          %s: f64, %trips: i64 = for %i in %zero..%n step %one carry (%a: f64 = %z) {{
            {before}
            %t: f64, %inner: i64 = for %j in %zero..{bound} step %one carry (%b: f64 = %a) {{
              {inner}
              %c: f64 = add %b, %e
              yield %c
            }}
            yield %t
          }}
          return %s
        }}
    """
    fn = verify(parse(dedent(text)))
    after = verify(tabulate(fn))
    for n, m in ((0, 3), (1, 0), (2, 3), (3, 1)):
        x, q = np.arange(1.0, 5.0), np.arange(2.0, 6.0) / 4
        memory = [[x.copy(), q.copy()], [x.copy(), q.copy()]]
        assert run(fn, [*memory[0], n, m]) == run(after, [*memory[1], n, m])
        assert np.array_equal(memory[0], memory[1])
    return sum(op.name == "alloc" for op in walk(after.body))


TABULATED = "%v: f64 = load %q[%j]\n%e: f64 = exp %v"


def test_a_dear_function_of_the_inner_index_gets_a_table():
    assert tables(TABULATED) == 1
    assert tables("%u: f64 = load %q[%j]\n%d: f64 = sin %u\n%v: f64 = add %d, %u\n%e: f64 = log %v") == 2


@pytest.mark.parametrize(
    "inner, before, bound",
    [
        ("%v: f64 = load %q[%i]\n%e: f64 = exp %v", "", "%m"),
        ("%u: f64 = load %q[%j]\n%w: f64 = load %x[%i]\n%v: f64 = mul %u, %w\n%e: f64 = exp %v", "", "%m"),
        ("%v: f64 = sin %b\n%e: f64 = exp %v", "", "%m"),
        (TABULATED + "\nstore %e, %q[%j]", "", "%m"),
        (TABULATED, "%w: f64 = load %x[%i]\nstore %w, %q[%zero]", "%m"),
        (TABULATED, '%ok: bool = ge %many, %m\ncheck %ok, IndexError "too far"', "%m"),
        (TABULATED, "", "%i"),
        ("%v: f64 = cast %j\n%e: f64 = exp %v", "", "%m"),
    ],
)
def test_what_must_not_get_a_table(inner: str, before: str, bound: str):
    assert tables(inner, before, bound) == 0


@pytest.mark.parametrize("outer, inner", [("%k", "%many"), ("%many", "%k")])
def test_a_table_is_filled_only_if_all_loops_around_its_function_run(outer: str, inner: str):
    text = f"""
        func @f(%q: buffer<f64, 1, C>, %r: buffer<f64, 1, C>, %n: i64, %k: i64, %many: i64) {{
          %zero: i64 = const 0
          %one: i64 = const 1
          %trips: i64 = for %i in %zero..%n step %one {{
            %some: i64 = for %j in %zero..{outer} step %one {{
              %more: i64 = for %l in %zero..{inner} step %one {{
                %v: f64 = load %q[{"%l" if inner == "%many" else "%j"}]
                %e: f64 = exp %v
                store %e, %r[%zero]
                yield
              }}
              yield
            }}
            yield
          }}
          return
        }}
    """
    after = verify(tabulate(verify(parse(dedent(text)))))
    assert "alloc" in names(after.body)
    for n, k, many in ((1, 0, 50), (0, 1, 2**60), (0, 0, -(2**63)), (1, 1, -(2**63))):
        run(after, [np.ones(3), np.ones(1), n, k, many])


def test_a_dear_function_in_a_branch_gets_no_table():
    branch = """%yes: bool = lt %j, %one
              %e: f64 = if %yes {
                %v: f64 = load %q[%j]
                %w: f64 = exp %v
                yield %w
              } else {
                yield %z
              }"""
    assert tables(branch) == 0


def ring(left: str, right: str) -> str:
    return f"""
        func @f(%x: buffer<f64, 1, C>) {{
          %lo: i64 = const 1
          %hi: i64 = dim %x, 0
          %one: i64 = const 1
          %two: i64 = const 2
          %z: f64 = const 0.0
          %last: i64 = sub %hi, %one
          %before: i64 = sub %hi, %two
          %second: i64 = add %lo, %one
          %s: f64, %t: i64 = for %i in %lo..%hi step %one carry (%a: f64 = %z) {{
            %c: bool = {left}
            %m: i64 = sub %i, %one
            %l: i64 = select %c, %m, %last
            %d: bool = {right}
            %p: i64 = add %i, %one
            %r: i64 = select %d, %p, %lo
            %e: f64 = load %x[%l]
            %g: f64 = load %x[%r]
            %h: f64 = mul %e, %g
            %b: f64 = add %h, %a
            yield %b
          }}
          return %s, %t
        }}
    """


@pytest.mark.parametrize("left", ["gt %i, %lo", "ge %i, %second", "ne %i, %lo", "lt %lo, %i", "le %second, %i"])
@pytest.mark.parametrize("right", ["lt %i, %last", "le %i, %before", "ne %i, %last", "gt %last, %i"])
def test_the_ends_of_a_ring_are_peeled(left: str, right: str):
    fn = verify(parse(dedent(ring(left, right))))
    after = verify(checks(peel(fn)))
    loops = [op for op in walk(after.body) if op.name == "for"]
    assert len(loops) == 3 and "select" not in names(loops[1].regions[0])
    for n in range(6):
        x = np.arange(1.0, 1.0 + n)
        assert run(fn, [x]) == run(after, [x])


@pytest.mark.parametrize("zero", ["", " zero"])
def test_iterations_that_come_to_share_scratch_are_not_independent(zero: str):
    text = f"""
        func @f(%x: buffer<f64, 1, C>, %n: i64) {{
          %zero: i64 = const 0
          %one: i64 = const 1
          %trips: i64 = for %i in %zero..%n step %one parallel {{
            %t: buffer<f64, 1, C> = alloc(%one){zero}
            %u: f64 = load %x[%i]
            store %u, %t[%zero]
            %v: f64 = load %t[%zero]
            store %v, %x[%i]
            yield
          }}
          return
        }}
    """
    assert loop_of(reuse(verify(parse(dedent(text))))).attrs["kind"] == "sequential"


LEAST, GREATEST = -(2**63), 2**63 - 1


@pytest.mark.parametrize("lo, hi", [(0, LEAST), (LEAST, LEAST), (GREATEST, 0), (GREATEST, GREATEST), (GREATEST, LEAST)])
def test_loops_at_the_ends_of_the_numbers_have_ends(lo: int, hi: int):
    """`hi - 1` and `lo + 1` may wrap around; the loops that they would bound have no iteration."""
    text = """
        func @f(%lo: i64, %hi: i64) {
          %one: i64 = const 1
          %never: bool = const False
          %last: i64 = sub %hi, %one
          %trips: i64 = for %i in %lo..%hi step %one {
            %c: bool = gt %i, %lo
            %l: i64 = select %c, %i, %hi
            %d: bool = lt %i, %last
            %r: i64 = select %d, %i, %l
            check %never, IndexError "an iteration"
            yield
          }
          return %trips
        }
    """
    fn = verify(parse(dedent(text)))
    after = verify(peel(fn))
    assert names(after.body).count("for") == 3
    assert run(fn, [lo, hi]) == run(after, [lo, hi]) == (0,)


def downwards(body: str, flags: str, apart: str = "{'apart': True}") -> str:
    """A loop that steps down, sums what it loads, and does what `body` says."""
    return f"""
        func @f(%a: buffer<f64, 1, C>, %from: i64, %to: i64, %never: bool) {{
          %minus: i64 = const -1
          %z: f64 = const 0.0
          %s: f64, %trips: i64 = for %i in %from..%to step %minus carry (%t: f64 = %z) {apart} {{
            %e: f64 = load %a[%i]
            {body}
            %u: f64 = add %t, %e {flags}
            yield %u
          }}
          return %s, %trips
        }}
    """


@pytest.mark.parametrize(
    "body, flags, apart, step",
    [
        ("%x: f64 = mul %e, %e", "{'reassoc': True}", "{'apart': True}", 1),
        ("%x: f64 = mul %e, %e", "", "{'apart': True}", -1),
        ("%x: f64 = mul %t, %e", "{'reassoc': True}", "{'apart': True}", -1),
        ('check %never, %i, IndexError "{}"', "{'reassoc': True}", "{'apart': True}", -1),
        ("%x: f64 = mul %e, %e", "{'reassoc': True}", "", -1),
    ],
)
def test_only_loops_whose_order_makes_no_difference_turn(body: str, flags: str, apart: str, step: int):
    fn = ascend(verify(parse(dedent(downwards(body, flags, apart)))))
    made = {op.results[0]: op.attrs["value"] for op in fn.body.ops if op.name == "const"}
    assert made[loop_of(fn).operands[2]] == step


@pytest.mark.parametrize("hi, lo", [(4, 0), (3, -1), (0, 0), (0, 4), (LEAST, GREATEST), (GREATEST, GREATEST)])
def test_loops_that_turn_meet_the_same_elements(hi: int, lo: int):
    fn = verify(parse(dedent(downwards("store %t, %a[%i]", "{'reassoc': True}").replace("store %t", "store %z"))))
    turned = verify(ascend(fn))
    given = [np.arange(1.0, 6.0), np.arange(1.0, 6.0)]
    assert run(fn, [given[0], hi, lo, True]) == run(turned, [given[1], hi, lo, True])
    assert given[0].tolist() == given[1].tolist()


@pytest.mark.parametrize("condition", ["gt %i, %second", "lt %i, %lo", "ge %i, %lo", "lt %i, %hi", "eq %i, %second"])
def test_what_changes_elsewhere_is_not_peeled(condition: str):
    fn = verify(parse(dedent(ring(condition, condition))))
    assert sum(op.name == "for" for op in walk(peel(fn).body)) == 1


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
