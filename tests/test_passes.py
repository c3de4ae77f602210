"""Passes: the before/after pair of each docstring, the hazards by name, and random programs."""

from __future__ import annotations

import importlib
import re
from textwrap import dedent

import pytest

from llad.ir.core import Function
from llad.ir.parse import parse
from llad.ir.rewrite import copy_function
from llad.ir.text import show
from llad.passes.checks import checks
from llad.passes.cse import cse
from llad.passes.dce import dce
from llad.passes.fold import fold
from llad.passes.licm import licm
from llad.passes.simplify import simplify

PASSES = {p.__name__: p for p in (fold, simplify, cse, checks, licm, dce)}


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
