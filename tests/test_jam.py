"""Iterations side by side: random nests keep their meaning; which loops are taken and which not; what sums come to."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from random_nests import program

from llad.ir import interp
from llad.ir.alias import Aliases
from llad.ir.core import Function, Op, Region, Value, walk
from llad.ir.overwrites import Overwrites
from llad.ir.verify import verify
from llad.passes import jam_plan
from llad.passes.dce import dce
from llad.passes.jam import jam
from llad.passes.jam_plan import plans

# -- random nests


def arguments(seed: int, rows: int, columns: int, ordered: bool) -> list[Any]:
    """Numbers of any kind if sums keep their order; else small integers, both zeros, and what is no number."""
    r = np.random.default_rng(seed)

    def numbers(*shape: int) -> np.ndarray[Any, Any]:
        if ordered:
            return r.normal(size=shape)
        made = r.integers(-3, 4, size=shape).astype(float)
        if made.size and r.random() < 0.1:
            made.flat[r.integers(made.size)] = r.choice([np.inf, np.nan, -np.inf])
        return np.where((made == 0) & (r.random(shape) < 0.5), -0.0, made)

    shapes = [(rows, columns), (rows,), (rows,), *[(columns,)] * 3, (columns, columns)]
    whole = r.integers(0, max(columns, 1), size=rows)
    return [float(numbers(1)[0]), int(r.integers(4)), *[numbers(*shape) for shape in shapes], whole]


def outcome(fn: Function, args: list[Any]) -> str:
    """The error, or the results and what is in memory afterwards, to the bit; `unsound` if poison is read."""
    args = [a.copy() if isinstance(a, np.ndarray) else a for a in args]
    try:
        with np.errstate(all="ignore"):
            results = interp.run(fn, args)
    except (ValueError, IndexError, KeyError) as error:
        return repr(error)
    except AssertionError as error:
        return f"unsound: {error}"
    return repr([*results, *[a.tolist() for a in args if isinstance(a, np.ndarray)]])


def nests(count: int) -> Iterator[tuple[int, Function, list[list[Any]]]]:
    """Random programs, and for each some arguments."""
    for seed in range(count):
        rng = random.Random(seed)
        ordered = seed % 4 == 0
        fn = dce(verify(program(rng, ordered)))
        sizes = [(n, rng.choice((0, 1, 2, 3, 5))) for n in rng.sample(range(10), 3)]
        yield seed, fn, [arguments(seed * 7 + k, *size, ordered) for k, size in enumerate(sizes)]


def test_random_nests_keep_their_meaning(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also those for which it does not pay. Each kind of sharing is met often enough."""
    monkeypatch.setattr(jam_plan.Plan, "pays", True)
    met: Counter[str] = Counter()
    for seed, fn, many in nests(1200):
        found = plans(fn)
        met["taken"] += bool(found)
        for plan in found.values():
            varying = plan.varying
            met["own"] += bool(plan.own)
            met["in turn"] += bool(plan.in_turn)
            met["alone"] += any(map(varying.alone, walk(fn.body)))
            met["added"] += any(map(varying.is_sum, walk(fn.body)))
        if not found:
            continue
        jammed = verify(jam(fn))
        for args in many:
            want = outcome(fn, args)
            assert want.startswith("unsound") or outcome(jammed, args) == want, f"program {seed}, {args}"
            met["raised"] += "Error" in want
    expected = {"taken": 300, "own": 15, "in turn": 40, "alone": 60, "added": 120, "raised": 40}
    assert all(met[kind] >= least for kind, least in expected.items()), met


class Watch:
    """While the interpreter runs: what an iteration leaves in private memory is lost, and what rests is zero."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.private: dict[Region | Op, list[Value]] = {}
        self.resting: dict[Region | Op, list[Value]] = {}
        region, loop = interp._region, interp._for

        def watched_region(entered: Region, env: interp.Env) -> list[Any]:
            self.look(entered, env)
            return region(entered, env)

        def watched_loop(op: Op, env: interp.Env) -> None:
            loop(op, env)
            self.look(op, env)

        monkeypatch.setattr(interp, "_region", watched_region)
        monkeypatch.setattr(interp, "_for", watched_loop)

    def look(self, at: Region | Op, env: interp.Env) -> None:
        for root in self.private.get(at, ()):
            if root in env:
                env[root].written[...] = False
        for root in self.resting.get(at, ()):
            if root in env:
                assert env[root].written.all() and not env[root].data.any(), "not at rest"


def test_what_is_private_is_read_by_nobody_later_and_what_rests_is_zero(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every judgement about every loop of random nests, held against what the loop does."""
    watch = Watch(monkeypatch)
    met: Counter[str] = Counter()
    for seed, fn, many in nests(1200):
        aliases = Aliases(fn)
        overwrites = Overwrites(fn, aliases)
        allocs = [op.result for op in walk(fn.body) if op.name == "alloc"]
        loops = [op for op in walk(fn.body) if op.name == "for"]
        wanted = None
        for kind, judge in (("private", overwrites.private), ("resting", overwrites.rests)):
            places: dict[Region | Op, list[Value]] = {}
            for loop in loops:
                inside = set(walk(loop.regions[0]))
                outer = [v for v in allocs if not any(v in op.results for op in inside)]
                found = [v for v in outer if v in aliases.written(loop) and judge(v, loop)]
                places |= {at: found for at in (loop.regions[0], loop) if found}
                met[kind] += len(found)
            if not places:
                continue
            wanted = wanted or [outcome(fn, args) for args in many]
            setattr(watch, kind, places)
            for args, want in zip(many, wanted, strict=True):
                assert want.startswith("unsound") or outcome(fn, args) == want, f"program {seed}, {kind}, {args}"
            setattr(watch, kind, {})
    assert met["private"] >= 60 and met["resting"] >= 60, met
