"""Inner loops that go down columns, along rows: random nests, what is taken and what not, what comes out."""

from __future__ import annotations

import math
import random
from collections import Counter
from typing import Any

import numpy as np
import pytest
from random_columns import program
from random_nests import outcome

import llad
from llad.ir.verify import verify
from llad.passes import across as across_pass
from llad.passes import across_plan, strips
from llad.passes import interchange as interchange_pass
from llad.passes.across import across
from llad.passes.across_plan import plans
from llad.passes.interchange_plan import Plans
from llad.program import Program
from llad.testing import check_gradient

pytestmark = pytest.mark.usefixtures("quick_code")


def test_random_nests_keep_their_meaning(monkeypatch: pytest.MonkeyPatch) -> None:
    """To the bit: each iteration does what it does in its own order. In short strips."""
    for module, name, value in (
        (across_plan, "ENOUGH", 2), (across_pass, "ENOUGH", 2), (strips, "STRIP", 4), (across_pass, "STRIP", 4),
    ):  # fmt: skip
        monkeypatch.setattr(module, name, value)
    met: Counter[str] = Counter()
    for seed in range(300):
        fn = verify(program(random.Random(seed)))
        found = plans(fn)
        met["left"] += not found
        for plan in found.values():
            columns = [part.column for part in plan.parts if part.column is not None]
            met["taken"] += 1
            met["several"] += len(columns) > 1
            met["carried"] += any(len(c.loop.results) > 1 for c in columns)
            met["guarded"] += any(c.guard is not None for c in columns)
            met["kept"] += bool(plan.kept)
            met["totals"] += len(plan.parts[plan.carrying].ops) > 0
        if not found:
            continue
        changed, r = verify(across(fn)), np.random.default_rng(seed)
        for d, n in ((3, 5), (int(r.integers(6)), int(r.integers(1, 11)))):
            args: list[Any] = [r.normal(size=shape) for shape in ((d, n), (d, n), n, d, n)]
            args.append(r.integers(max(d, 1), size=n))
            assert outcome(changed, args) == outcome(fn, args), f"program {seed}, {d, n}"
    assert min(met.values()) >= 25, met


def standardised(x):
    return np.sum(np.abs((x - np.mean(x, axis=0)) / np.std(x, axis=0)) ** 1.5)


def shares(x):
    e = np.exp(x - np.max(x, axis=0))
    return np.sum((e / np.sum(e, axis=0)) ** 2)


def running(x):
    y = np.zeros(x.shape)
    for j in range(x.shape[1]):
        s = 0.0
        for i in range(x.shape[0]):
            s = 0.9 * s + math.sin(x[i, j])
            y[i, j] = s * s
    return np.sum(y)


def taken(function: Any, of: Any, monkeypatch: pytest.MonkeyPatch) -> int:
    """How many loops go along rows, in machine code for the function or its gradient: by this pass, or as sums."""
    found: list[int] = []
    monkeypatch.setattr(across_pass, "plans", lambda fn: found.append(len(plans(fn))) or plans(fn))
    monkeypatch.setattr(interchange_pass, "Plans", lambda fn: found.append(len(Plans(fn).sums)) or Plans(fn))
    Program(function).stage((np.ones((30, 20)),)).function(of, (0,))
    return sum(found)


@pytest.mark.parametrize(("function", "least"), [(standardised, 4), (shares, 3), (running, 1)])
def test_reductions_over_the_first_axis(function: Any, least: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of few columns and of many, which are gone through as they lie in memory."""
    f, r = llad.jit_grad(function), np.random.default_rng(0)
    for shape in ((5, 3), (4, 140), (3, 16)):
        x = r.normal(size=shape)
        np.testing.assert_allclose(f(x), function(x), rtol=1e-12)
        check_gradient(f, x)
    assert taken(function, "gradient", monkeypatch) >= least


def one_after_another(x):
    """A column begins with what the last one came to."""
    s = 0.0
    for j in range(x.shape[1]):
        for i in range(x.shape[0]):
            s = s * x[i, j] + 1.0
    return s


def shifted(x):
    """A column uses the one before, as it has become."""
    y = x.copy()
    for j in range(1, x.shape[1]):
        for i in range(x.shape[0]):
            y[i, j] = y[i, j] * y[i, j - 1]
    return np.sum(y)


def triangle(x):
    y = np.zeros(x.shape)
    for j in range(x.shape[1]):
        for i in range(j, x.shape[0]):
            y[i, j] = 2.0 * x[i, j]
    return np.sum(y)


def rows(x):
    """What the inner loop goes along lies side by side already."""
    y = np.zeros(x.shape)
    for i in range(x.shape[0]):
        s = 0.0
        for j in range(x.shape[1]):
            s = s * x[i, j] + 1.0
            y[i, j] = s
    return np.sum(y)


@pytest.mark.parametrize("function", [one_after_another, shifted, triangle, rows])
def test_what_is_left(function: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    assert taken(function, "primal", monkeypatch) == 0
