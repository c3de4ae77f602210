"""Loops whose first or last iterations are taken off, and what is chosen there."""

from __future__ import annotations

from textwrap import dedent

import numpy as np
import pytest
from optimising import names

from llad.ir.core import walk
from llad.ir.interp import run
from llad.ir.parse import parse
from llad.ir.verify import verify
from llad.passes.checks import checks
from llad.passes.peel import peel

LEAST, GREATEST = -(2**63), 2**63 - 1


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
          %third: i64 = add %second, %one
          %fourth: i64 = add %third, %one
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


@pytest.mark.parametrize("condition", ["gt %i, %fourth", "lt %i, %lo", "ge %i, %lo", "lt %i, %hi", "eq %i, %fourth"])
def test_what_changes_elsewhere_is_not_peeled(condition: str):
    fn = verify(parse(dedent(ring(condition, condition))))
    assert sum(op.name == "for" for op in walk(peel(fn).body)) == 1


def branches(first: str, last: str) -> str:
    return f"""
        func @f(%x: buffer<f64, 1, C>) {{
          %lo: i64 = const 0
          %hi: i64 = dim %x, 0
          %one: i64 = const 1
          %z: f64 = const 0.5
          %last: i64 = sub %hi, %one
          %s: f64, %t: i64 = for %i in %lo..%hi step %one carry (%a: f64 = %z) {{
            %e: f64 = load %x[%i]
            %c: bool = {first}
            %g: f64 = if %c {{
              %m: i64 = sub %i, %one
              %l: f64 = load %x[%m]
              %d: bool = {last}
              %h: f64 = if %d {{
                %p: i64 = add %i, %one
                %r: f64 = load %x[%p]
                %q: f64 = mul %l, %r
                yield %q
              }} else {{
                yield %l
              }}
              yield %h
            }} else {{
              yield %e
            }}
            %b: f64 = add %a, %g
            yield %b
          }}
          return %s, %t
        }}
    """


@pytest.mark.parametrize("first", ["gt %i, %lo", "ne %i, %lo"])
@pytest.mark.parametrize("last", ["lt %i, %last", "ne %i, %last"])
def test_ends_at_which_branches_go_another_way_are_peeled(first: str, last: str):
    fn = verify(parse(dedent(branches(first, last))))
    after = verify(checks(peel(fn)))
    loops = [op for op in walk(after.body) if op.name == "for"]
    assert len(loops) == 3 and "if" not in names(loops[1].regions[0])
    for n in range(6):
        x = np.arange(1.0, 1.0 + n)
        assert run(fn, [x]) == run(after, [x])


def periodic(distances: tuple[int, ...], span: int) -> str:
    """A sum over a ring of products of elements so far away, and which mean little at its ends: `span` to the left."""
    lines = []
    for k, distance in enumerate(distances):
        lines += [f"%d{k}: i64 = const {distance}", f"%p{k}: i64 = add %i, %d{k}", f"%m{k}: i64 = mod %p{k}, %n"]
        lines += [f"%e{k}: f64 = load %x[%m{k}]", f"%a{k + 1}: f64 = add %a{k}, %e{k}"]
    body = "\n".join(lines)
    return f"""
        func @f(%x: buffer<f64, 1, C>) {{
          %n: i64 = dim %x, 0
          %zero: i64 = const 0
          %one: i64 = const 1
          %far: i64 = const {span}
          %z: f64 = const 0.0
          %s: f64, %t: i64 = for %i in %zero..%n step %one carry (%a: f64 = %z) {{
            %q: i64 = sub %i, %far
            %c: bool = lt %q, %zero
            %w: i64 = select %c, %i, %q
            %g: f64 = load %x[%w]
            %a0: f64 = mul %a, %g
            {body}
            yield %a{len(distances)}
          }}
          return %s, %t
        }}
    """


@pytest.mark.parametrize("distances", [(1,), (-1,), (1, -1), (0, 1), (2,), (-2, 3), (-4,)])
@pytest.mark.parametrize("span", [1, 2, 3, 4])
def test_neighbours_on_a_ring_need_no_division_and_no_choice(distances: tuple[int, ...], span: int):
    """Where they are known to be on it once round: a ring may have one place."""
    fn = verify(parse(dedent(periodic(distances, span))))
    after = verify(checks(peel(checks(fn))))
    found = [names(op.regions[0]) for op in walk(after.body) if op.name == "for"]
    assert any("mod" in name for name in found) == any(abs(d) > 1 for d in distances)
    assert span > 3 or any("select" not in name for name in found)
    for n in range(10):
        x = np.arange(1.0, 1.0 + n)
        assert run(fn, [x]) == run(after, [x])
