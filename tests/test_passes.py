"""Passes: the before/after pair of each docstring, random programs, and what has no file of tests of its own."""

from __future__ import annotations

import importlib
import pkgutil
import random
import re
from collections.abc import Callable, Iterator
from textwrap import dedent

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, assume, given, settings
from hypothesis import strategies as st
from optimising import loop_of, names, optimised
from random_ir import program

from llad import passes
from llad.compile import PASSES as PIPELINE
from llad.ir.core import Function, walk
from llad.ir.interp import run
from llad.ir.parse import parse
from llad.ir.rewrite import copy_function
from llad.ir.text import show
from llad.ir.verify import verify
from llad.passes.cse import cse
from llad.passes.overwritten import overwritten
from llad.passes.ownership import ownership
from llad.passes.postpone import postpone
from llad.passes.sooner import sooner


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


# -- hazards of passes that have no tests of their own


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
