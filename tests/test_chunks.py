"""Where parallel loops are cut: enough chunks for many threads, few enough to cost little, each with as much to do."""

from __future__ import annotations

import itertools
import types
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import llad
from llad.ir.core import Function, Op, Region, walk
from llad.ir.interp import run
from llad.passes import chunks_plan
from llad.passes.chunks_plan import MOST
from llad.program import Program
from llad.testing import assert_close


def cut(fn: Function, args: Sequence[Any]) -> list[int]:
    """Where the chunks of the only loop that is cut begin, and where the last ends."""
    ops = fn.body.ops
    found = ((k, each) for k, op in enumerate(ops) for each in (op, *(o for r in op.regions for o in walk(r))))
    ((place, call),) = ((k, op) for k, op in found if op.attrs.get("chunks"))
    count = call.operands[0]
    (bounds,) = (v for v in call.operands if v.name == "bounds")
    body = Region(fn.body.args, [*ops[:place], Op("return", (count, bounds))])
    number, begins = run(replace(fn, body=body, functions={}), args)
    return [int(begins[k]) for k in range(number + 1)]


def chunks(f: Callable[..., Any], *args: Any) -> list[int]:
    """The bounds of the chunks of the primal."""
    return cut(Program(f).stage(args).function("primal"), args)


def light(x: Any) -> Any:
    s = 0.0
    for i in llad.prange(len(x)):
        s += x[i]
    return s


def rows(x: Any) -> Any:
    s = 0.0
    for i in llad.prange(x.shape[0]):
        for j in range(x.shape[1]):
            s += x[i, j]
    return s


def below(x: Any) -> Any:
    s = 0.0
    for i in llad.prange(len(x)):
        for j in range(i):
            s += x[i] * x[j]
    return s


def above(x: Any) -> Any:
    s = 0.0
    for i in llad.prange(len(x)):
        for j in range(i + 1, len(x)):
            s += x[i] * x[j]
    return s


def backwards(x: Any) -> Any:
    s = 0.0
    for i in llad.prange(len(x) - 1, -1, -1):
        for j in range(i):
            s += x[i] * x[j]
    return s


def deep(x: Any) -> Any:
    s = 0.0
    for i in llad.prange(len(x)):
        for j in range(i):
            for k in range(j):
                s += x[i] * x[j] * x[k]
    return s


def test_what_is_short_is_one_chunk() -> None:
    assert chunks(light, np.ones(2000)) == [0, 2000]
    assert chunks(light, np.ones(0)) == [0, 0]


def test_lengths_of_inner_loops_count() -> None:
    assert len(chunks(rows, np.ones((100, 10)))) == 2
    assert len(chunks(rows, np.ones((100, 10_000)))) > 16
    assert len(chunks(rows, np.ones((100_000, 0)))) < len(chunks(rows, np.ones((100_000, 30)))) == MOST + 1


@pytest.mark.parametrize("trips", [512, 1000, 1023, 40_000])
def test_chunks_are_as_long_as_each_other_and_whole_groups(trips: int) -> None:
    bounds = chunks(rows, np.zeros((trips, 5000)))  # memory that nobody touches
    assert bounds[0] == 0 and bounds[-1] == trips and len(bounds) == MOST + 1
    lengths = np.diff(bounds)
    assert np.all(lengths[:-1] % 8 == 0) and max(lengths) - min(lengths) <= 8 + 7


@pytest.mark.parametrize("f", [below, above, backwards, deep], ids=lambda f: f.__name__)
def test_each_chunk_does_as_much(f: Callable[..., Any]) -> None:
    n = 3000
    bounds = chunks(f, np.ones(n))
    index = np.arange(n)
    each = {"below": index, "above": n - 1 - index, "backwards": index, "deep": index * (index - 1) // 2}[f.__name__]
    step = -1 if f is backwards else 1
    work = np.array([sum(each[i] for i in range(a, b, step)) for a, b in itertools.pairwise(bounds)])
    assert sum(abs(b - a) for a, b in itertools.pairwise(bounds)) == n and len(bounds) == MOST + 1
    assert np.sum(work) == np.sum(each)
    if f is deep:  # whose work grows faster than evenly
        assert max(work) < 4 * np.mean(work)
    else:
        assert max(work) < 1.5 * np.mean(work)
    assert len(work) % 4 == 0


def shares(x: Any, w: Any) -> Any:
    s = 0.0
    for i in llad.prange(x.shape[0]):
        z = 0.0
        for j in range(len(w)):
            z += w[j] * x[i, j]
        s += z * z
    return s


def test_what_each_chunk_has_of_its_own_makes_them_fewer() -> None:
    found = []
    for trips in (10, 100, 1000, 10_000, 100_000):
        x, w = np.ones((trips, 100)), np.ones(100)
        made = Program(shares).stage((x, w))
        gradient = made.function("gradient", (1,))
        found.append(len(cut(gradient, (x, w, np.zeros(100)))) - 1)
    assert found == sorted(found) and found[0] == 1 and 1 < found[2] < found[4] == MOST


def scattered(x: Any, k: Any, h: Any) -> Any:
    s = 0.0
    for i in llad.prange(len(x)):
        h[k[i], 1] += x[i] * x[i]
        s += x[i] * h.shape[0]
    return s


@pytest.mark.usefixtures("quick_code")
@pytest.mark.parametrize("trips", [0, 1, 3, 50])
@pytest.mark.parametrize("f", [rows, below, shares, scattered], ids=lambda f: f.__name__)
def test_machine_code_is_what_the_interpreter_says(
    f: Callable[..., Any], trips: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of loops that are in many chunks, however short."""
    for name, value in {"LEAST": 0, "_CHUNK": 1, "_PRIVATE": 1e-3}.items():
        monkeypatch.setattr(chunks_plan, name, value)
    rng = np.random.default_rng(trips)
    x, k = rng.normal(size=trips), rng.integers(0, 4, size=trips)
    flat = (x, k, np.zeros((4, 2)))
    args = {rows: (x[:, None] * [1.0, 2.0],), below: (x,), shares: (x[:, None] * [1.0, 2.0], np.ones(2))}.get(f, flat)
    compiled = llad.jit_grad(types.FunctionType(f.__code__, f.__globals__, f.__name__))
    made = Program(f).stage(args)
    wrt = tuple(k for k, a in enumerate(args) if a.dtype == np.float64)
    shadows = [np.zeros_like(args[k]) for k in wrt]
    copies = [a.copy() for a in args]
    value, *_ = run(made.function("gradient", wrt), (*copies, *shadows))
    found, gradient = compiled.value_and_grad(*(a.copy() for a in args))
    assert_close(found, value, rtol=1e-12)
    gradients = [g for g in (gradient if isinstance(gradient, tuple) else (gradient,)) if g is not None]
    for one, other in zip(gradients, shadows, strict=True):
        assert_close(one, other, rtol=1e-12)
    assert trips < 50 or len(cut(made.function("gradient", wrt), (*args, *shadows))) > 4
