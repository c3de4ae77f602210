"""Rows in registers while columns go by: random nests keep their meaning, to the bit; which nests are taken."""

from __future__ import annotations

import random
import re
from collections import Counter
from typing import Any

import numpy as np
import pytest
from random_nests import outcome

import llad
from llad.ir.parse import parse
from llad.ir.verify import verify
from llad.passes import panels as panels_pass
from llad.passes.panels import panels
from llad.passes.panels_plan import Plans
from llad.testing import assert_close

HEAD = """
func @f(%l: buffer<f64, 1, C>, %x: buffer<f64, 1, C>, %s: buffer<f64, 1, C>, %t: buffer<f64, 1, C>, %w: buffer<f64, 2, C>, %k: buffer<i64, 1, C>, %m: buffer<f64, 1, C>, %d: i64, %p: i64) {
  %zero: i64 = const 0
  %one: i64 = const 1
  %two: i64 = const 2
  %half: f64 = const 0.5
  %e: i64 = sub %d, %p
"""  # noqa: E501


def nest(rng: random.Random) -> str:
    """A loop over columns, with one over rows. Some of what is drawn makes it one that must be left alone."""

    def rarely(what: str, usual: str = "") -> str:
        return what if rng.random() < 0.06 else usual

    lo, hi, step = rng.choice(("%zero", "%one", "%p")), rng.choice(("%d", "%d", "%p")), rarely("%two", "%one")
    start, end = rng.choice(("%c", "%after", "%after_p", "%zero", "%p")), rarely("%c", rng.choice(("%d", "%d", "%e")))
    source = rarely("%s[%row]", rng.choice(("%l[%j]", "%l[%row]", "%w[%c, %row]")))
    updates = ""
    for array in ("%s[%row]", "%t[%moved]", rarely("%w[%two, %row]"))[: rng.randrange(1, 4)]:
        place = rarely(array.replace("%row", "%c"), array)
        number = len(updates)
        if place:
            updates += f"""
    %o{number}: f64 = load {place}
    %g{number}: f64 = {rng.choice(("add", "sub", "mul", "max"))} %o{number}, %ab
    %h{number}: f64 = mul %g{number}, %half
    {rarely(f"store %a, {place}")}
    store {rng.choice(("%g", "%h"))}{number}, {place}
    {rarely(f"%after{number}: f64 = load {place}")}"""
    text = f"""
  %r: i64, %u: i64 = for %c in {lo}..{hi} step {step} carry (%below: i64 = %zero) {{
    %after: i64 = add %c, %one
    %after_p: i64 = add %c, %p
    %a: f64 = load %x[%c]
    %few: bool = lt %c, %e
    {'check %few, %c, %d, IndexError "column {} of {}"' if rng.random() < 0.3 else ""}
    {rarely("%q: f64 = load %s[%c]")}
    %v: i64 = for %row in {start}..{end} step %one {{
      %i: i64 = sub %row, {start}
      %moved: i64 = add %row, %p
      %j: i64 = add %below, %i
      %b: f64 = load {source}
      %ab: f64 = mul %a, %b{updates}
      yield
    }}
    %more: i64 = add %below, %v
    {rng.choice(("", "store %more, %k[%c]", "store %below, %k[%c]", "store %below, %k[%zero]"))}
    {rng.choice(("", "store %a, %m[%c]", "store %a, %m[%after_p]", "store %a, %m[%zero]"))}
    {rarely("store %a, %l[%c]")}
    yield %more
  }}"""
    if rng.random() < 0.5:
        text = in_copies(text)
    head = HEAD.replace("%p: i64) {", "%p: i64) {'wide': True} {") if rng.random() < 0.4 else HEAD
    return f"""{head}{text}
  return %r
}}
"""


def in_copies(text: str) -> str:
    """With rows in memory that nobody else sees, into which and out of which they are copied."""
    for array in "st":
        text = f"""
  %size_{array}: i64 = dim %{array}, 0
  %own_{array}: buffer<f64, 1, C> = alloc(%size_{array})
  %to_{array}: i64 = for %q in %zero..%size_{array} step %one {{
    %old_{array}: f64 = load %{array}[%q]
    store %old_{array}, %own_{array}[%q]
    yield
  }}{text.replace(f"%{array}[", f"%own_{array}[")}
  %from_{array}: i64 = for %q in %zero..%size_{array} step %one {{
    %new_{array}: f64 = load %own_{array}[%q]
    store %new_{array}, %{array}[%q]
    yield
  }}"""
    return text


def arguments(seed: int, d: int, p: int) -> list[Any]:
    r = np.random.default_rng(seed)
    numbers = [r.normal(size=n) for n in (d * d + p, d + p, d, d + p)]
    numbers += [r.normal(size=(max(d + p, 3), d + p)), r.integers(0, 9, size=d + p), r.normal(size=d + p + 1)]
    return [*numbers, d, p]


def test_random_nests_keep_their_meaning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(panels_pass, "FEWEST_COLUMNS", 1)
    monkeypatch.setattr(panels_pass, "FEWEST_ROWS", 1)
    met: Counter[str] = Counter()
    for seed in range(200):
        rng = random.Random(seed)
        fn = verify(parse(nest(rng)))
        plans = list(Plans(fn).found.values())
        met["taken" if plans else "left"] += 1
        met["slanting"] += any(plan.slants for plan in plans)
        met["stored"] += any(plan.stored for plan in plans)
        met["private"] += any(plan.slants and plan.private for plan in plans)
        if not plans:
            continue
        made = verify(panels(fn))
        for d, p in ((0, 0), (7, 1), (8, 0), (9, 1), (12, 2), (25, 0)):
            args = arguments(seed, d, p)
            want = outcome(fn, args)
            met["raised" if "Error" in want else "ran"] += not want.startswith("unsound")
            assert want.startswith("unsound") or outcome(made, args) == want, f"program {seed}, {d}, {p}"
    assert met["taken"] > 30 and met["left"] > 30 and met["slanting"] > 15 and met["ran"] > 100, met
    assert met["private"] > 7 and met["stored"] > 15, met


THREADS = """
func @f(%l: buffer<f64, 1, C>, %x: buffer<f64, 1, C>, %s: buffer<f64, 1, C>, %d: i64) {
  %zero: i64 = const 0
  %one: i64 = const 1
  OUTSIDE
  %n: i64 = for %block in %zero..%d step %one {'threads': 'asked'} {
    INSIDE
    %u: i64 = for %c in %zero..%d step %one {
      %a: f64 = load %x[%c]
      %first: i64 = add %c, %block
      %v: i64 = for %row in %first..%d step %one {
        %b: f64 = load %l[%row]
        %e: f64 = load %t[%row]
        %g: f64 = mul %a, %b
        %h: f64 = add %e, %g
        store %h, %t[%row]
        %j: f64 = load %other[%row]
        %k: f64 = add %j, %g
        store %k, %other[%row]
        yield
      }
      yield
    }
    yield
  }
  return
}
"""


@pytest.mark.parametrize("private", [False, True])
def test_rows_that_others_may_see_are_not_stored_in_vain(private: bool) -> None:
    """Nor are those of the caller, who may have another thread, too."""
    made = "%t: buffer<f64, 1, C> = alloc(%d)", "%other: buffer<f64, 1, C> = alloc(%d)"
    here, there = ("\n".join(made), "") if private else (made[1], made[0])
    (plan,) = Plans(parse(THREADS.replace("INSIDE", here).replace("OUTSIDE", there))).found.values()
    assert plan.slants and plan.private == private
    of_caller = THREADS.replace("INSIDE", made[1]).replace("OUTSIDE", "").replace("%t[", "%s[")
    assert not any(plan.private for plan in Plans(parse(of_caller)).found.values())


def two_sides(l: Any, x: Any, y: Any) -> Any:
    """Two products with a triangular matrix whose columns lie one after the other."""
    d = len(x)
    s = np.zeros(d)
    t = np.ones(d)
    below = 0
    for column in range(d):
        for row in range(column + 1, d):
            s[row] += l[below] * x[column]
            t[row] -= l[below] * y[column]
            below += 1
    total = 0.0
    for row in range(d):
        total += s[row] * t[row] * (row + 1.0)
    return total


def transposed(a: Any, x: Any, y: Any) -> Any:
    """Products with the columns of a matrix that lies by rows."""
    s = np.zeros(a.shape[1])
    t = np.zeros(a.shape[1])
    for k in range(a.shape[0]):
        for row in range(a.shape[1]):
            s[row] += a[k, row] * x[k]
            t[row] += a[k, row] * y[k]
    total = 0.0
    for row in range(a.shape[1]):
        total += s[row] * t[row]
    return total


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_values_and_gradients(dtype: Any) -> None:
    """Of one row, of whole and of broken panels, and of more columns than there is room for."""
    f, g = llad.jit_grad(two_sides, argnums=(0, 1)), llad.jit_grad(transposed, argnums=(0, 1, 2))
    tolerance = 1e-12 if dtype == np.float64 else 2e-4
    for d in (1, 2, 15, 16, 17, 24, 31, 64, 130):
        r = np.random.default_rng(d)
        l, x, y = (r.uniform(-0.1, 0.1, n).astype(dtype) for n in (d * (d - 1) // 2, d, d))
        value, (of_l, of_x) = f.value_and_grad(l, x, y)
        matrix = np.zeros((d, d))
        matrix.T[np.triu_indices(d, 1)] = l
        s, t, weights = matrix @ x, 1.0 - matrix @ y, np.arange(1.0, d + 1.0)
        bar_s, bar_t = weights * t, weights * s
        assert_close(value, np.sum(weights * s * t), rtol=tolerance, atol=tolerance)
        assert_close(of_x, bar_s @ matrix, rtol=tolerance, atol=tolerance)
        of_matrix = np.outer(bar_s, x) - np.outer(bar_t, y)
        assert_close(of_l, of_matrix.T[np.triu_indices(d, 1)], rtol=tolerance, atol=tolerance)
        a = r.uniform(-0.1, 0.1, (d + 7, d)).astype(dtype)
        x, y = (r.uniform(-0.1, 0.1, d + 7).astype(dtype) for _ in range(2))
        value, (of_a, of_x, of_y) = g.value_and_grad(a, x, y)
        s, t = x @ a.astype(float), y @ a.astype(float)
        assert_close(value, s @ t, rtol=tolerance, atol=tolerance)
        assert_close(of_a, np.outer(x, t) + np.outer(y, s), rtol=tolerance, atol=tolerance)
        assert_close(of_x, a @ t, rtol=tolerance, atol=tolerance)
        assert_close(of_y, a @ s, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("function", [two_sides, transposed])
def test_rows_stay_in_registers(function: Any) -> None:
    """Some block of machine code goes around with sums in vectors, and stores none."""
    f = llad.jit(function)
    args = np.ones((20, 20)) if function is transposed else np.ones(190), np.ones(20), np.ones(20)
    f(*args)
    blocks = re.split(r"^\S.*:.*$", f.dump_llvm(*args), flags=re.M)
    assert any("= phi <" in b and " load <" in b and "masked" not in b and "store" not in b for b in blocks)
    assert function is transposed or any("= phi <" in b and "masked.load" in b and "store" not in b for b in blocks)


def between(x: Any, lo: Any, hi: Any) -> Any:
    d = len(x)
    s, t = np.zeros(d), np.ones(d)
    for column in range(max(lo, 0), hi):
        for row in range(d):
            s[row] += x[row] * x[column]
            t[row] -= x[column] + x[d - 1 - row]
    return np.sum(s * t)


@pytest.mark.parametrize("lo, hi", [(0, 40), (40, 3), (2**63 - 1, 20 - 2**63), (2**62, 8 - 2**62)])
def test_there_are_no_columns_however_far_their_end_lies_behind(lo: int, hi: int) -> None:
    x = np.linspace(0.1, 0.4, 40)
    assert_close(llad.jit(between)(x, lo, hi), between(x, lo, hi), rtol=1e-12, atol=1e-12)
