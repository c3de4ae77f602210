"""Handles that are never the same memory at the same time, although their roots do not tell."""

from __future__ import annotations

from textwrap import dedent
from typing import Any

import numpy as np
import pytest

from llad import jit_grad
from llad.ir.alias import Aliases
from llad.ir.core import Value, walk
from llad.ir.distinct import Distinct
from llad.ir.parse import parse
from llad.ir.verify import verify
from llad.testing import assert_close, check_gradient

pytestmark = pytest.mark.usefixtures("quick_code")


def handles(text: str) -> tuple[Distinct, dict[str, Value]]:
    fn = verify(parse(dedent(text)))
    values = [*fn.params, *(v for op in walk(fn.body) for v in (*op.results, *(a for r in op.regions for a in r.args)))]
    return Distinct(fn, Aliases(fn)), {v.name: v for v in values}


def test_memory_that_an_iteration_makes_is_none_that_was_there() -> None:
    distinct, at = handles("""
        func @f(%n: i64, %some: bool) {
          %zero: i64 = const 0
          %one: i64 = const 1
          %first: buffer<f64, 1, C> = alloc(%n) zero
          %last: buffer<f64, 1, C>, %t: i64 = for %i in %zero..%n step %one carry (%old: buffer<f64, 1, C> = %first) {
            %before: buffer<f64, 1, C> = view %old[full]
            %chosen: buffer<f64, 1, C> = if %some {
              yield %old
            } else {
              yield %before
            }
            %new: buffer<f64, 1, C> = alloc(%n) zero
            %window: buffer<f64, 1, C> = view %new[full]
            %after: buffer<f64, 1, C> = if %some {
              yield %new
            } else {
              yield %old
            }
            yield %after
          }
          return
        }
    """)
    for older in ("old", "before", "chosen"):
        for newer in ("new", "window"):
            assert distinct(at[older], at[newer]) and distinct(at[newer], at[older])
    assert not distinct(at["after"], at["new"])
    assert not distinct(at["after"], at["old"])
    assert not distinct(at["last"], at["new"])
    assert not distinct(at["window"], at["new"])


def test_carries_that_go_round_are_distinct_only_as_long_as_they_differ() -> None:
    loop = """
        func @f(%x: buffer<f64, 1, C>, %y: buffer<f64, 1, C>, %n: i64) {
          %zero: i64 = const 0
          %one: i64 = const 1
          %p: buffer<f64, 1, C>, %q: buffer<f64, 1, C>, %t: i64 = for %i in %zero..%n step %one
              carry (%a: buffer<f64, 1, C> = %x, %b: buffer<f64, 1, C> = START) {
            yield %b, NEXT
          }
          return
        }
    """.replace("%one\n              carry", "%one carry")
    for start, following, differ in (("%y", "%a", True), ("%x", "%a", False), ("%y", "%b", False)):
        distinct, at = handles(loop.replace("START", start).replace("NEXT", following))
        assert distinct(at["a"], at["b"]) is differ and distinct(at["p"], at["q"]) is differ


def steps(c: Any, u: Any, count: Any) -> Any:
    """A wave in a row of springs, in array style: each step makes an array, and the last two are kept."""
    a, b = u.copy(), u.copy()
    for _ in range(count):
        new = np.zeros_like(b)
        new[1:-1] = 2.0 * b[1:-1] - a[1:-1] + c[1:-1] ** 2 * (b[2:] - 2.0 * b[1:-1] + b[:-2])
        a, b = b, new
    return np.sum(b * b)


def test_what_a_step_makes_takes_one_loop() -> None:
    function = jit_grad(steps)
    args = np.linspace(0.3, 0.5, 9), np.linspace(-1.0, 1.0, 9), 4
    assert_close(function(*args), steps(*args))
    check_gradient(function, *args)
    lines = function.dump_ir(*args, of="primal").splitlines()
    begin = next(k for k, line in enumerate(lines) if "carry (%a" in line)
    margin = lines[begin][: len(lines[begin]) - len(lines[begin].lstrip())]
    body = lines[begin + 1 : lines.index(margin + "}", begin)]
    assert sum(" = for " in line for line in body) == 2, "zeros, and all the rest"


def averages(u: Any, count: Any) -> Any:
    """What is made is kept beside what it was made of, which is written afterwards."""
    old, kept = u.copy(), u.copy()
    for k in range(count):
        new = 0.5 * (old + kept)
        old[:-1] = new[1:] * 0.9
        kept = new if k % 2 else old
        old = new
    return np.sum(old * kept)


def test_what_is_handed_on_by_two_names_is_one_array() -> None:
    function = jit_grad(averages)
    for count in range(5):
        args = np.linspace(0.2, 1.4, 7), count
        assert_close(function(*args), averages(*args))
        check_gradient(function, *args)
