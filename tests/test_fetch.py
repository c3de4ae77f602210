"""Rows asked for ahead of the loops that read them: which are, in which direction, and that nothing else changes."""

from __future__ import annotations

from textwrap import dedent
from typing import Any

import numpy as np
import pytest
from native import DTYPES, Native

from llad import jit_grad
from llad.ir.core import Function, walk
from llad.ir.interp import run
from llad.ir.parse import parse
from llad.ir.types import SCALARS
from llad.ir.verify import verify
from llad.passes import fetch as fetching
from llad.passes import large_rows
from llad.passes.fetch import fetch
from llad.testing import check_gradient

pytestmark = pytest.mark.usefixtures("quick_code")

DOWN = "%i in %last..%less step %less"
UP = "%i in %zero..%n step %one"


def read(load: str, around: str = DOWN, within: str = "", type: str = "f64", step: str = "%one") -> Function:
    """A function that keeps `x` moved by a column, and then sums its rows, times what `load` finds, in one order."""
    return verify(parse(dedent(f"""
        func @f(%x: buffer<{type}, 2, C>) {{
          %zero: i64 = const 0
          %one: i64 = const 1
          %two: i64 = const 2
          %less: i64 = const -1
          %start: {type} = const 0.0
          %n: i64 = dim %x, 0
          %m: i64 = dim %x, 1
          %wide: i64 = add %m, %one
          %last: i64 = sub %n, %one
          %kept: buffer<{type}, 2, C> = alloc(%n, %wide) zero
          %turned: buffer<{type}, 2, C> = alloc(%wide, %n) zero
          %sums: buffer<{type}, 1, C> = alloc(%n) zero
          %t: i64 = for {UP} {{
            %u: i64 = for %j in %zero..%m step %one {{
              %e: {type} = load %x[%i, %j]
              %at: i64 = add %j, %one
              store %e, %kept[%i, %at] {{'streams': True}}
              store %e, %turned[%at, %i] {{'streams': True}}
              yield
            }}
            yield
          }}
          %v: i64 = for {around} {{
            {within}
            %s: {type}, %w: i64 = for %j in %zero..%m step {step} carry (%a: {type} = %start) {{
              %at: i64 = add %j, %one
              {load}
              %b: {type} = add %a, %e
              yield %b
            }}
            store %s, %sums[%i]
            yield
          }}
          return %sums
        }}
    """)))


ROW = "%e: f64 = load %kept[%i, %at]"


def directions(fn: Function) -> list[int]:
    return [op.attrs["fetches"] for op in walk(fn.body) if "fetches" in op.attrs]


@pytest.fixture
def everywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """Arrays are large with more than 40 bytes, rows long enough with three elements and too long with ten."""
    for name, value in {"LARGE": 40, "LEAST": 3, "ROW": 9}.items():
        monkeypatch.setattr(large_rows, name, value)


@pytest.mark.parametrize("around, direction", [(DOWN, -1), (UP, 1)])
def test_the_next_row_is_asked_for(around: str, direction: int) -> None:
    assert directions(fetch(read(ROW, around))) == [direction]


def test_the_loop_that_goes_from_row_to_row_says_where_the_next_one_is() -> None:
    """It may go in strips."""
    fn = verify(parse(dedent("""
        func @f(%x: buffer<f64, 2, C>, %n: i64, %m: i64) {
          %zero: i64 = const 0
          %one: i64 = const 1
          %less: i64 = const -1
          %eight: i64 = const 8
          %strip: i64 = const -8
          %last: i64 = sub %n, %one
          %kept: buffer<f64, 3, C> = alloc(%n, %n, %m) zero
          %start: f64 = const 0.0
          store %start, %kept[%zero, %zero, %zero] {'streams': True}
          %t: i64 = for %k in %zero..%n step %one {
            %u: i64 = for %i in %last..%less step %strip {
              %end: i64 = sub %i, %eight
              %v: i64 = for %row in %i..%end step %less {
                %w: i64 = for %j in %zero..%m step %one {
                  %e: f64 = load %kept[%k, %row, %j]
                  store %e, %x[%row, %j]
                  yield
                }
                yield
              }
              yield
            }
            yield
          }
          return
        }
    """)))
    assert directions(fetch(fn)) == [-1]


@pytest.mark.parametrize(
    "load, within",
    [
        ("%e: f64 = load %x[%i, %j]", ""),
        ("%e: f64 = load %turned[%at, %i]", ""),
        ("%e: f64 = load %kept[%zero, %at]", ""),
        ("%e: f64 = load %sums[%i]", ""),
        ("%again: i64 = sub %n, %m\n              %e: f64 = load %kept[%again, %at]", ""),
        (ROW, "store %start, %kept[%i, %zero]"),
        (ROW, "%copy: buffer<f64, 1, C> = view %kept[%i, full]"),
    ],
)
def test_what_is_no_kept_row_is_left_to_the_processor(load: str, within: str) -> None:
    fn = read(load, within=within)
    assert fetch(fn) is fn


def test_rows_that_are_read_again_are_not_asked_for() -> None:
    again = """%s: f64 = load %sums[%i]
            %c: i64 = for %again in %zero..%n step %one {
              %d: i64 = for %j in %zero..%m step %one {
                %e: f64 = load %kept[%i, %j]
                store %e, %sums[%i]
                yield
              }
              yield
            }"""
    assert directions(fetch(read(ROW, within=again))) == [-1]


def test_columns_that_are_left_out_are_not_asked_for() -> None:
    fn = read(ROW, step="%two")
    assert fetch(fn) is fn


def test_a_row_is_asked_for_once_and_so_many_at_most(monkeypatch: pytest.MonkeyPatch) -> None:
    twice = "%p: f64 = load %kept[%i, %j]\n              %e: f64 = load %kept[%i, %at]"
    other = "%p: f64 = load %kept[%zero, %j]\n              %e: f64 = load %kept[%i, %at]"
    assert directions(fetch(read(twice))) == [-1]
    assert directions(fetch(read(other))) == [-1]
    monkeypatch.setattr(fetching, "_MOST", 0)
    assert directions(fetch(read(ROW))) == []


def test_each_outermost_loop_asks_for_its_own_arrays() -> None:
    """What one in a branch has asked, or made, is not there for others."""
    loop = """%t: i64 = for %i in %zero..%n step %one {
              %u: i64 = for %j in %zero..%m step %one {
                %e: f64 = load KEPT[%i, %j]
                store %e, %x[%i, %j]
                yield
              }
              yield
            }"""
    fn = verify(parse(dedent(f"""
        func @f(%x: buffer<f64, 2, C>, %n: i64, %m: i64, %first: bool) {{
          %zero: i64 = const 0
          %one: i64 = const 1
          %start: f64 = const 0.0
          %kept: buffer<f64, 2, C> = alloc(%n, %m) zero
          store %start, %kept[%zero, %zero] {{'streams': True}}
          if %first {{
            %own: buffer<f64, 2, C> = alloc(%n, %m) zero
            store %start, %own[%zero, %zero] {{'streams': True}}
            {loop.replace("KEPT", "%kept")}
            {loop.replace("KEPT", "%own")}
            yield
          }} else {{
            yield
          }}
          {loop.replace("KEPT", "%kept")}
          return
        }}
    """)))
    assert directions(verify(fetch(fn))) == [1, 1, 1]


def test_what_was_not_written_past_the_caches_may_be_in_them() -> None:
    fn = read(ROW)
    for op in walk(fn.body):
        op.attrs.pop("streams", None)
    assert fetch(fn) is fn


@pytest.mark.parametrize("type", ["f64", "f32"])
def test_results_are_the_same_whatever_the_extents(type: str, everywhere: None) -> None:
    fn = read(ROW.replace("f64", type), type=type)
    made = verify(fetch(fn))
    native = Native(made)
    for shape in [(0, 4), (4, 0), (1, 3), (2, 2), (3, 3), (5, 8), (3, 9), (2, 12)]:
        x = np.arange(1.0, 1.0 + shape[0] * shape[1]).reshape(shape).astype(DTYPES[SCALARS[type]])
        expected = run(fn, [x.copy()])
        for call in (lambda *args: run(made, args), native):
            np.testing.assert_array_equal(call(x.copy())[0], expected[0])


def steps(u: Any, a: Any, count: Any, lo: Any, hi: Any) -> Any:
    """A nonlinear recurrence in time, whose reverse sweep needs every step, last one first."""
    u, new = u.copy(), np.zeros(len(u))
    for _ in range(count):
        for i in range(max(lo, 0), hi):
            new[i] = u[i] + a * u[i] * u[i]
        u, new = new, u
    return np.sum(u * u)


@pytest.mark.parametrize("lo, hi", [(0, 8), (2, 7), (7, 2), (2**63 - 1, -(2**63)), (2**63 - 3, 5 - 2**63)])
def test_the_reverse_sweep_asks_for_what_the_forward_one_kept(lo: int, hi: int, everywhere: None) -> None:
    function = jit_grad(steps)
    args = np.linspace(0.5, 1.5, 8), 0.1, 4, lo, hi
    assert "'fetches': -1" in function.dump_ir(*args, of="gradient")
    assert "call void @llad.fetch" in function.dump_llvm(*args, of="gradient", stage="before")
    check_gradient(function, *args)
