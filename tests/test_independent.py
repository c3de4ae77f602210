"""Loops whose iterations never meet in memory, and such as may."""

from __future__ import annotations

import itertools
from textwrap import dedent

import pytest
from optimising import loop_of, optimised

from llad.ir.core import walk
from llad.ir.parse import parse
from llad.ir.verify import verify
from llad.passes.independent import independent
from llad.passes.reuse import reuse


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
