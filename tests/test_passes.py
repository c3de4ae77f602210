"""Passes: the before/after pair of each docstring, the hazards by name, and random programs."""

from __future__ import annotations

import importlib
import random
import re
from textwrap import dedent

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from random_ir import program

from llad.ir.core import Function
from llad.ir.interp import run
from llad.ir.parse import parse
from llad.ir.rewrite import copy_function
from llad.ir.text import show
from llad.ir.verify import verify
from llad.passes.checks import checks
from llad.passes.cse import cse
from llad.passes.dce import dce
from llad.passes.fold import fold
from llad.passes.licm import licm
from llad.passes.ownership import ownership
from llad.passes.simplify import simplify

PASSES = {p.__name__: p for p in (fold, simplify, cse, checks, licm, dce, ownership)}


def nameless(fn: Function) -> str:
    """The text of `fn` with every name replaced by a number."""
    copied, mapping = copy_function(fn)
    for value in mapping.values():
        value.name = ""
    return show(copied)


@pytest.mark.parametrize("name", PASSES)
def test_the_docstring_shows_what_the_pass_does(name: str):
    document = importlib.import_module(f"llad.passes.{name}").__doc__ or ""
    blocks = [dedent(block) for block in re.findall(r"^    func @f.*?^    }\n", document, re.M | re.S)]
    before, after = map(parse, blocks)
    untouched = show(before)
    result = PASSES[name](before)
    for cleaner in re.findall(r"`(\w+)`", re.search(r"^After(.*):$", document, re.M)[1]):
        result = PASSES[cleaner](result)
    assert nameless(result) == nameless(after)
    assert show(before) == untouched


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


PIPELINE = (fold, simplify, cse, licm, checks, fold, licm, cse, dce)


@settings(max_examples=150, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.randoms(use_true_random=False), st.integers(-3, 6), st.integers(-3, 6), st.integers(0, 4), st.integers(0, 4))
def test_random_programs_keep_their_meaning(rng: random.Random, m: int, k: int, first: int, second: int):
    fn = verify(program(rng))
    try:
        expected = outcome(fn, 0.75, m, k, (first, second))
    except AssertionError:
        assume(False)
    for step in PASSES.values():
        assert outcome(verify(step(fn)), 0.75, m, k, (first, second)) == expected, (step.__name__, show(fn))
    for step in (*PIPELINE, *PIPELINE, ownership):
        fn = verify(step(fn))
    assert outcome(fn, 0.75, m, k, (first, second)) == expected, show(fn)
