"""Loops that go on past checks which fail mean what they meant: sums, errors, and nothing is touched in vain."""

from __future__ import annotations

import random

import numpy as np
import pytest
from native import Native
from random_presumed import arguments, program

from llad.compile import FAST, run_passes
from llad.ir import interp
from llad.ir.core import Function, walk
from llad.ir.parse import parse
from llad.ir.verify import verify
from llad.passes import presume as presumption
from llad.passes.cse import cse
from llad.passes.dce import dce
from llad.passes.flatten import flatten
from llad.passes.presume import presume

pytestmark = pytest.mark.usefixtures("quick_code")

ERRORS = (IndexError, ValueError, OverflowError, ZeroDivisionError)
KINDS = ("fine", "fine", "wrong", "wrong", "empty")


def outcome(call: object, args: list[object]) -> str:
    """What is returned, to the last bit, or the text of the error."""
    try:
        with np.errstate(all="ignore"):
            return repr(tuple(float(v) for v in call(args)))  # type: ignore[operator]
    except ERRORS as error:
        return f"{type(error).__name__}: {error}"


def interpreted(fn: Function) -> object:
    return lambda args: interp.run(fn, args)


@pytest.mark.parametrize("first", range(0, 400, 50))
def test_loops_that_go_on_past_checks_mean_the_same(first: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(presumption, "_SHORTEST", 3 if first % 100 else 0)
    changed, ends = 0, set()
    for seed in range(first, first + 50):
        fn = verify(program(random.Random(seed)))
        made = verify(presume(fn))
        changed += made is not fn
        later = verify(dce(cse(flatten(made))))
        for number, kind in enumerate(KINDS):
            args = arguments(np.random.default_rng([seed, number]), kind)
            expected = outcome(interpreted(fn), args)
            ends.add(expected.split(":")[0][:1])
            assert outcome(interpreted(made), args) == expected, seed
            assert outcome(interpreted(later), args) == expected, seed
    assert changed > 25 and len(ends) > 3


@pytest.mark.parametrize("seed", range(12))
def test_machine_code_of_loops_that_go_on_past_checks_is_right(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(presumption, "_SHORTEST", 0)
    fn = verify(program(random.Random(seed)))
    native = Native(run_passes(fn, FAST))
    for number, kind in enumerate(KINDS * 2):
        args = arguments(np.random.default_rng([seed, number]), kind)
        assert outcome(lambda a: native(*a), args) == outcome(interpreted(fn), args)


@pytest.mark.parametrize(("place", "bounded"), [("%x[%i]", True), ("%x[%around]", False)])
def test_a_range_that_no_array_bounds_is_not_gone_through_to_its_end(place: str, bounded: bool) -> None:
    """The program may never come there, and nobody would wait for it."""
    fn = verify(parse(f"""
        func @f(%x: buffer<f64, 1, C>, %n: i64, %m: i64) {{'wide': True, 'fastmath': True}} {{
          %lo: i64 = const 0
          %one: i64 = const 1
          %z: f64 = const 0.0
          %s: f64, %trips: i64 = for %i in %lo..%n step %one carry (%a: f64 = %z) {{'apart': True}} {{
            %around: i64 = mod %i, %m
            %u: f64 = load {place}
            %fits: bool = le %u, %u
            check %fits, ValueError "not a number"
            %b: f64 = add %a, %u
            yield %b
          }}
          return %s
        }}
    """))
    made = verify(presume(fn))
    limits = [op for op in walk(made.body) if op.name == "const" and op.attrs["value"] == presumption._LONGEST]
    assert made is not fn and bool(limits) is not bounded
