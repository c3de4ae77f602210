"""Additions of nests made for many iterations at once: random programs, what is taken and what not, what comes out."""

from __future__ import annotations

import random
import re
from collections import Counter

import numpy as np
import pytest
from random_nests import outcome
from random_updates import arguments, program

import llad
from llad.ir.parse import parse
from llad.ir.verify import verify
from llad.passes import afterwards as afterwards_pass
from llad.passes import afterwards_plan, strips
from llad.passes.afterwards import afterwards
from llad.passes.afterwards_plan import Plans


@pytest.fixture
def short_strips(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (afterwards_plan, afterwards_pass):
        monkeypatch.setattr(module, "ENOUGH", 2)
    monkeypatch.setattr(strips, "STRIP", 4)


@pytest.mark.usefixtures("short_strips")
def test_random_programs_keep_their_meaning() -> None:
    met: Counter[str] = Counter()
    for seed in range(600):
        fn = verify(program(random.Random(seed)))
        updates = [u for found in Plans(fn).updates.values() for u in found]
        met["left"] += not updates
        met["taken"] += len(updates)
        met["deep"] += sum(len(u.levels) == 2 for u in updates)
        met["total"] += sum(len(u.totals) for u in updates)
        met["moves"] += sum(len(u.additions) - len(u.totals) for u in updates)
        met["several"] += sum(len(u.additions) > 1 for u in updates)
        met["again"] += any(u.again for u in updates)
        met["one array"] += sum(len({a.store.operands[1] for a in u.additions}) < len(u.additions) for u in updates)
        if not updates:
            continue
        changed = verify(afterwards(fn))
        for n, window in ((7, (2, 3)), (1, (1, 2)), (9, (seed % 3, 1))):
            args = arguments(seed, n, window)
            assert outcome(changed, args) == outcome(fn, args), f"program {seed}, {n, window}"
    assert min(met.values()) >= 25, met


LOOP = """
func @f(%x: buffer<f64, 2, C>, %y: buffer<f64, 2, C>, %z: buffer<f64, 1, C>, %i: i64, %n: i64, %d: i64) {
  %zero: i64 = const 0
  %one: i64 = const 1
  %t: i64 = for %j in %zero..%n step %one {
    %a: f64 = load %x[%i, %j]
    %b: f64 = mul %a, %a
    %u: i64 = for %k in %zero..%d step %one {
      %c: i64 = add %j, %k
      %e: f64 = load %z[%k]
      %g: f64 = mul %b, %e
      %h: f64 = load %y[%i, %c]
      %l: f64 = add %h, %g {'reassoc': True}
      store %l, %y[%i, %c]
      yield
    }
    yield
  }
  return
}
"""
FORBIDDEN = {
    "a sum whose order counts": (" {'reassoc': True}", ""),
    "an index that leads down a column": ("%y[%i, %c]", "%y[%c, %i]"),
    "another step along the row": ("%c: i64 = add %j, %k", "%m: i64 = add %j, %j\n %c: i64 = add %m, %k"),
    "an index out of memory": ("%c: i64 = add %j, %k", "%m: i64 = cast %b\n %c: i64 = add %m, %k"),
    "what is added to is read by the next iteration": ("load %x[%i, %j]", "load %y[%i, %j]"),
    "what is added to is read beside": ("load %z[%k]", "load %y[%i, %k]"),
    "what is read changes": ("%b: f64 = mul %a, %a", "%b: f64 = mul %a, %a\n store %b, %z[%j]"),
    "something else is stored": ("store %l", "store %g, %z[%k]\n store %l"),
    "the number of additions differs": ("%zero..%d step %one {\n      %c", "%zero..%j step %one {\n      %c"),
    "an iteration may end the loop": ("%b: f64", '%q: bool = lt %j, %d\n check %q, IndexError ""\n %b: f64'),
    "the loop is short": ("%zero..%n", "%zero..%one"),
}


def test_what_is_taken() -> None:
    fn = verify(parse(LOOP))
    (update,) = (u for found in Plans(fn).updates.values() for u in found)
    assert [v.name for v in update.needs] == ["b"] and len(update.additions) == 1 and not update.totals


@pytest.mark.parametrize("why", FORBIDDEN)
def test_what_is_left(why: str) -> None:
    old, new = FORBIDDEN[why]
    assert old in LOOP
    fn = verify(parse(LOOP.replace(old, new)))
    assert not Plans(fn).updates and afterwards(fn) is fn


def convolved(image, kernel):
    total = 0.0
    for i in range(image.shape[0] - kernel.shape[0] + 1):
        for j in range(image.shape[1] - kernel.shape[1] + 1):
            s = 0.0
            for a in range(kernel.shape[0]):
                for b in range(kernel.shape[1]):
                    s += image[i + a, j + b] * kernel[a, b]
            total += s * s
    return total


def filtered(h, x):
    total = 0.0
    for t in range(len(h), len(x)):
        s = 0.0
        for k in range(len(h)):
            s += h[k] * x[t - k]
        total += s * s
    return total


@pytest.mark.parametrize("fastmath", [False, True])
@pytest.mark.parametrize("columns", [3, 10, 19, 20, 140])
def test_gradients_by_windows(columns: int, fastmath: bool) -> None:
    r = np.random.default_rng(columns)
    image, kernel = r.normal(size=(6, columns)), r.normal(size=(3, 2))
    by_image, by_kernel = llad.jit_grad(convolved, argnums=(0, 1), fastmath=fastmath).grad(image, kernel)
    windows = np.lib.stride_tricks.sliding_window_view(image, kernel.shape)
    doubled = 2.0 * np.einsum("ijab,ab->ij", windows, kernel)
    expected = np.zeros_like(image)
    for a, b in np.ndindex(*kernel.shape):
        expected[a : a + doubled.shape[0], b : b + doubled.shape[1]] += doubled * kernel[a, b]
    np.testing.assert_allclose(by_image, expected, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(by_kernel, np.einsum("ij,ijab->ab", doubled, windows), rtol=1e-12)


@pytest.mark.parametrize("length", [5, 21, 22, 150])
def test_gradients_by_filters(length: int) -> None:
    r = np.random.default_rng(length)
    h, x = r.normal(size=5), r.normal(size=length)
    by_h, by_x = llad.jit_grad(filtered, argnums=(0, 1)).grad(h, x)
    doubled = 2.0 * np.convolve(x, h)[5:length]
    ahead = [np.dot(doubled, x[5 - k : length - k]) for k in range(5)]
    expected = np.zeros_like(x)
    for k in range(5):
        expected[5 - k : length - k] += doubled * h[k]
    np.testing.assert_allclose(by_h, ahead, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(by_x, expected, rtol=1e-12, atol=1e-12)


def test_gradients_by_windows_have_their_nests_outside() -> None:
    gradient = llad.jit_grad(convolved, argnums=(0, 1))
    text = gradient.dump_ir(np.ones((6, 40)), np.ones((3, 2)), of="gradient")
    strip = r"for %j\S* in %from\S* step \S+ carry .* \{'apart': True\} \{"
    assert re.search(strip + r"\n( .*\n){,9}? *store \S+ %image_bar", text)
