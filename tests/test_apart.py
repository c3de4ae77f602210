"""The two sweeps of a pullback as functions of their own: one forward sweep, then reverse sweeps from its tape.

On the reference interpreter, against `vjp`, which runs both for each seed.
"""

from __future__ import annotations

import re
import textwrap
from functools import lru_cache
from typing import Any

import numpy as np
import pytest
import test_vjp
from numpy.testing import assert_array_equal
from programs.case import Program
from reference import runtime_leaves
from test_programs import every_program

from llad.ad import cut as cut_module
from llad.ad.cut import cut
from llad.ad.expand import expand
from llad.ad.reverse import vjp, vjp_apart
from llad.ad.strategies import Preference, always, cheapest
from llad.compile import run_passes
from llad.frontend.signature import Traced, spec_of
from llad.frontend.trace import trace
from llad.ir.core import Function
from llad.ir.interp import run
from llad.ir.parse import parse
from llad.ir.text import show
from llad.ir.types import BufferType, carries_derivative
from llad.ir.verify import verify
from llad.testing import assert_close, copy_arguments

pytestmark = pytest.mark.usefixtures("quick_code")


def seeds_like(results: Any, fn: Function, random: np.random.Generator) -> list[Any]:
    """A seed for each result that carries a derivative."""
    return [
        random.normal(size=r.shape).astype(r.dtype) if isinstance(r, np.ndarray) else random.normal()
        for r, v in zip(results, fn.results, strict=True)
        if carries_derivative(v.type)
    ]


@lru_cache(maxsize=1)
def traced_at(function: Any, specs: tuple[Any, ...]) -> Traced:
    """The trace, which is the same for every way to go on."""
    traced = trace(function, specs)
    verify(traced.function)
    return traced


def check_sweeps_apart(function: Any, args: tuple[Any, ...], optimise: Any, *ways: Preference) -> None:
    """Several reverse sweeps from one tape give what `vjp` gives, for each of the ways in which they differ."""
    traced = traced_at(function, tuple(map(spec_of, args)))
    fn = optimise(expand(traced.function, optimise))
    wrt = tuple(k for k, p in enumerate(fn.params) if carries_derivative(p.type))
    seen: set[str] = set()
    for prefer in (cheapest, *ways):
        made, count = vjp_apart(fn, wrt, prefer)
        if (text := show(made)) not in seen:
            leaves = [*runtime_leaves(copy_arguments(args)), *traced.captured]
            together = optimise(verify(vjp(fn, wrt, prefer)))
            check_cut(fn, wrt, made, count, together, optimise, leaves)
        seen.add(text)


def check_cut(
    fn: Function, wrt: tuple[int, ...], made: Function, count: int, together: Function, optimise: Any, leaves: list[Any]
) -> None:
    """The sweeps of `made`, whose first `count` ops are the forward sweep, against `together`, which runs both."""
    late = range(len(fn.params), len(made.params))
    parts = cut(verify(made), count, late, range(len(fn.results)))
    forward, reverse = (optimise(verify(part)) for part in parts)

    results = run(forward, leaves)
    values, tape = results[: len(fn.results)], results[len(fn.results) :]
    random = np.random.default_rng(5)
    first, second = seeds_like(values, fn, random), seeds_like(values, fn, random)
    found = []
    for seeds in (first, second, first):
        pulled = [np.zeros(leaves[k].shape, leaves[k].dtype) for k in wrt if isinstance(fn.params[k].type, BufferType)]
        bars = run(reverse, [*leaves, *seeds, *pulled, *tape])
        found.append((*bars, *pulled))
    for seeds, ours in zip((first, second), found, strict=False):
        wanted = [np.zeros_like(bar) for bar in pulled]
        truth = run(together, [*leaves, *seeds, *wanted])[len(values) :]
        size = max([1.0, *(float(np.max(np.abs(w), initial=0.0)) for w in (*truth, *wanted))])
        assert_close(ours, (*truth, *wanted), rtol=1e-10, atol=1e-12 * size, equal_nan=True)
    for a, b in zip(found[0], found[2], strict=True):  # to the bit: a sweep leaves nothing behind
        assert_array_equal(a, b)


@every_program
def test_one_tape_serves_several_seeds(program: Program):
    args = program.draw()
    check_sweeps_apart(program.function, args, verify)
    check_sweeps_apart(program.function, args, run_passes, always("recomputed"))


def rows_of_what_was_made(m, w):
    seen = np.tanh(m)
    total = 0.0
    for i in range(m.shape[0]):
        row = seen[i]
        total += row @ w
    return total + np.sum(seen**2)


def test_shadows_of_windows_are_there_before_loops_that_are_fused() -> None:
    """Also where the shadow of the array itself is made in the other sweep."""
    random = np.random.default_rng(3)
    for optimise in (verify, run_passes):
        args = random.normal(size=(5, 4)), random.normal(size=4)
        check_sweeps_apart(rows_of_what_was_made, args, optimise, always("recomputed"), always("fused"))


@pytest.mark.parametrize("function", test_vjp.PROGRAMS, ids=lambda f: f.__name__)
def test_results_of_any_kind(function: Any):
    for optimise in (verify, run_passes):
        check_sweeps_apart(function, (test_vjp.X.copy(), test_vjp.S), optimise)


def test_the_example_of_the_module_is_right():
    shown = [textwrap.dedent(part) for part in re.findall(r"((?:^    .*\n)+)", cut_module.__doc__ or "", re.MULTILINE)]
    whole, parts = parse(shown[0]), re.split(r"(?<=\})\n(?=func)", shown[1].strip())
    assert [show(part).strip() for part in cut(whole, 2, [1], [0])] == [
        part.replace("{\n", f"{{'{word}': 1}} {{\n", 1) for part, word in zip(parts, ("keeps", "takes"), strict=True)
    ]
