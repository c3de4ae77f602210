"""Checks in branches leave their loops where nothing can fail, and fail as they would have where something does."""

from __future__ import annotations

import random
from collections.abc import Callable

import numpy as np
import pytest
from optimising import names
from random_branches import program

import llad
from llad.compile import PASSES, run_passes
from llad.ir.core import Function, Region, walk
from llad.ir.interp import run
from llad.ir.parse import parse
from llad.ir.verify import verify
from llad.passes.checks import checks
from llad.passes.cse import cse
from llad.passes.dce import dce
from llad.passes.fold import fold

pytestmark = pytest.mark.usefixtures("quick_code")


def without_diagonal(a, x):
    s = 0.0
    for i in range(len(x)):
        for j in range(len(x)):
            if j != i:
                s += a[i, j] * x[j]
    return s


def masked(a, x):
    s = 0.0
    for i in range(a.shape[0]):
        if a[i, 0] > 0.0:
            s += x[i + 1]
    return s


def masked_by_what_changes(a, x):
    s = 0.0
    for _ in range(len(x) - 1):
        for i in range(a.shape[0]):
            if a[i, 0] > 0.0:
                s += x[i]
        a[0, 0] -= 1.0
    return s


def masked_by_the_sum(a, x):
    s = 0.0
    for i in range(a.shape[0]):
        if s < 2.0:
            s += x[i]
    return s


def rows_of_a_branch(a, x):
    s = 0.0
    for i in range(a.shape[0]):
        if a[i, 0] > 0.0:
            for j in range(i + 1):
                s += x[j] * a[i, j]
    return s


PROGRAMS = (without_diagonal, masked, masked_by_what_changes, masked_by_the_sum, rows_of_a_branch)
ALWAYS, FIRST, NEVER = np.full((4, 4), 5.0), np.diag([1.5, 0.0, 0.0, 0.0]), np.zeros((4, 4))


def outcome(f: Callable[..., float], *args: np.ndarray) -> tuple[str, object]:
    try:
        return "value", f(*[a.copy() for a in args])
    except IndexError as error:
        return "error", str(error).split(" (")[0]


@pytest.mark.parametrize("f", PROGRAMS, ids=lambda f: f.__name__)
def test_the_error_is_that_of_the_first_check_that_fails_or_there_is_none(f: Callable[..., float]):
    compiled = llad.jit_grad(f)
    for a in (ALWAYS, FIRST, NEVER, ALWAYS[:3, :2], FIRST[:1], NEVER[:0]):
        for n in range(6):
            x = np.arange(0.5, n)
            wanted = outcome(f, a, x)
            assert outcome(compiled, a, x) == wanted
            value, *_ = [outcome(lambda *args: compiled.value_and_grad(*args)[0], a, x)]
            assert value == wanted


def loops_with_checks(fn: Function) -> list[bool]:
    """For each loop that is not rare, whether it holds a check."""
    loops = [op for op in walk(fn.body) if op.name == "for" and not op.attrs.get("rare")]
    return [any(inner.name == "check" for inner in walk(op.regions[0])) for op in loops]


def optimised_ir(f: Callable[..., float], *args: np.ndarray) -> Function:
    return run_passes(parse(llad.jit(f).dump_ir(*args, of="primal")), PASSES)


@pytest.mark.parametrize("f", [without_diagonal, masked, rows_of_a_branch], ids=lambda f: f.__name__)
def test_loops_are_left_without_checks(f: Callable[..., float]):
    fn = optimised_ir(f, ALWAYS, ALWAYS[0])
    assert not any(loops_with_checks(fn))
    assert names(fn.body).count("for") == 1, "the scout goes ahead of the outermost loop"


def test_a_check_stays_where_what_is_asked_before_it_is_not_known_before_the_loop():
    assert any(loops_with_checks(optimised_ir(masked_by_the_sum, ALWAYS, ALWAYS[0])))


def test_a_scout_waits_for_what_an_outer_loop_changes():
    fn = optimised_ir(masked_by_what_changes, ALWAYS, ALWAYS[0])
    outer, *inner = [op for op in walk(fn.body) if op.name == "for" and not op.attrs.get("rare")]
    assert any(op.attrs.get("rare") for op in walk(outer.regions[0]))
    assert not any(op.name == "check" for loop in inner for op in walk(loop.regions[0]))


def test_a_check_of_another_class_keeps_all_of_them():
    def divided(a, x, m):
        s = 0.0
        for i in range(a.shape[0]):
            if a[i, 0] > 0.0:
                s += x[7 // m] + x[i]
        return s

    with pytest.raises(ZeroDivisionError):
        llad.jit(divided)(ALWAYS, ALWAYS[0, :0], 0)
    with pytest.raises(IndexError):
        llad.jit(divided)(ALWAYS, ALWAYS[0, :0], 1)


def test_a_loop_is_scouted_once():
    fn = optimised_ir(without_diagonal, ALWAYS, ALWAYS[0])
    again = run_passes(fn, PASSES)
    assert len([*walk(again.body)]) == len([*walk(fn.body)])


def test_what_holds_while_an_inner_loop_runs_is_not_known_where_it_does_not():
    def sums(x, m):
        s = 0.0
        for i in range(1, m):
            for j in range(1, len(x)):
                s += x[j] * x[i]
            s += x[i]
        return s

    with pytest.raises(IndexError, match="index 1 is out of bounds for axis 0 with size 1"):
        llad.jit(sums)(np.ones(1), 2)


# -- random programs


def found(fn: Function, x: np.ndarray, asked: np.ndarray, k: int, m: int) -> tuple[str, float]:
    sums = np.zeros(1)
    try:
        run(fn, [x.copy(), asked.copy(), sums, k, m])
    except (IndexError, OverflowError):
        return "out of bounds", 0.0
    return "value", float(sums[0])


def scouts(body: Region) -> int:
    return sum(op.name == "for" and bool(op.attrs.get("rare")) for op in walk(body))


@pytest.mark.parametrize("first", range(0, 200, 50))
def test_random_branches_fail_as_they_did(first: int):
    scouted = failed = 0
    for seed in range(first, first + 50):
        rng = random.Random(seed)
        fn = verify(program(rng, straight=seed % 2 == 0))
        once = verify(dce(checks(cse(fold(fn)))))
        twice = verify(dce(checks(cse(fold(once)))))
        scouted += scouts(once.body) > 0
        for _ in range(6):
            x, asked = (np.array([rng.choice([-1.0, 1.0]) for _ in range(rng.randrange(5))]) for _ in range(2))
            numbers = rng.choice([-(2**63), -1, 0, 1, 2, 3, 4, 5]), rng.randrange(-1, 5)
            wanted = found(fn, x, asked, *numbers)
            failed += wanted[0] != "value"
            assert [found(f, x, asked, *numbers) for f in (once, twice)] == [wanted, wanted], seed
    assert scouted > 15 and 60 < failed < 240, "these programs test nothing"
