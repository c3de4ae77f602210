"""Additions that may meet, made in loops of their own: random loops, what is taken and what not, what comes out."""

from __future__ import annotations

import random
from collections import Counter

import numpy as np
import pytest
from building import M, V, build, loop
from random_nests import outcome

import llad
from llad.ir.build import Builder
from llad.ir.core import Function, Value, walk
from llad.ir.parse import parse
from llad.ir.types import F64, I64, BufferType
from llad.ir.verify import verify
from llad.passes.singly import singly

N = 6  # iterations; how far elements are apart is less


def program(rng: random.Random) -> Function:
    """Of `(x, g, m<2>, i, p of i64, k: i64, l: i64)`: additions to `g` and to a row of `m`, and what else there may be.

    Numbers are small integers, so that sums are the same in any order.
    """

    def body(b: Builder, x: Value, g: Value, m: Value, i: Value, p: Value, k: Value, l: Value) -> Value:
        def place(t: Value) -> tuple[Value, list[Value]]:
            """Of an element that may be another one in each iteration, or the same, or may lie anywhere."""
            roll = rng.random()
            at = b.op("sub", b.i64(2 * N), t) if roll < 0.1 else b.load(p, t) if roll < 0.15 else t
            for distance in (k, l):
                at = b.op("add", at, distance) if rng.random() < 0.4 else at
            at = b.op("add", at, b.i64(rng.randrange(3))) if rng.random() < 0.3 else at
            if rng.random() < 0.6:
                return g, [at]
            return m, [at, i] if rng.random() < 0.1 else [i, at]

        def term(t: Value, total: Value) -> Value:
            found = b.load(x, t)
            for _ in range(rng.randrange(3)):
                roll = rng.random()
                array, at = (x, [b.op("add", t, rng.choice((k, l)))]) if roll < 0.9 else place(t)
                other = total if 0.6 < roll < 0.63 else b.load(array, *at)
                found = b.op("min", b.op(rng.choice(("add", "mul")), found, other), b.f64(4.0))
            return found

        def addition(t: Value, total: Value, depth: int = 0) -> None:
            array, at = place(t)
            old = b.load(array, *at)
            added = term(t, total)
            if depth == 0 and rng.random() < 0.1:
                addition(t, total, 1)
            attrs = {"reassoc": True} if rng.random() < 0.97 else {}
            operands = [old, added] if rng.random() < 0.7 else [added, old]
            sum = b.emit(rng.choice(("add", "add", "sub")), operands, [F64], attrs).result
            b.store(sum, array, *at)

        def step(t: Value, total: Value) -> list[Value]:
            for _ in range(rng.randrange(2, 5)):
                addition(t, total)
            if rng.random() < 0.1:
                b.store(total, *((g, t) if rng.random() < 0.5 else (m, i, t)))
            return [b.op("min", b.op("add", total, term(t, total)), b.f64(3.0))]

        down = rng.random() < 0.3
        bounds = (N - 1, -1, -1) if down else (0, N, 1)
        total, _ = loop(b, *bounds[:2], [b.f64(0.0)], step, bounds[2])
        return total

    return build([V, V, M, I64, BufferType(I64, 1), I64, I64], body)


def test_random_loops_keep_their_meaning() -> None:
    met: Counter[str] = Counter()
    for seed in range(500):
        fn = verify(program(random.Random(seed)))
        changed = verify(singly(fn))
        met["left" if changed is fn else "taken"] += 1
        loops = sum(op.name == "for" for op in walk(changed.body))
        met["several"] += loops > 2
        for k, l in ((0, 0), (1, 2), (3, 3), (2, 0)) if changed is not fn else ():
            r = np.random.default_rng(seed)
            x, g, m = (r.integers(-2, 3, shape).astype(float) for shape in (4 * N, 4 * N, (4 * N, 4 * N)))
            args = [x, g, m, 1, r.integers(0, N, N), k, l]
            assert outcome(changed, args) == outcome(fn, args), f"program {seed}, {k, l}"
    assert min(met.values()) >= 25, met


LOOP = """
func @f(%x: buffer<f64, 1, C>, %y: buffer<f64, 1, C>, %n: i64, %k: i64) {
  %zero: i64 = const 0
  %one: i64 = const 1
  %u: i64 = for %t in %zero..%n step %one {
    %i: i64 = add %t, %k
    %a: f64 = load %x[%t]
    %b: f64 = load %x[%i]
    %c: f64 = load %y[%t]
    %d: f64 = add %c, %b {'reassoc': True}
    store %d, %y[%t]
    %e: f64 = load %y[%i]
    %g: f64 = add %e, %a {'reassoc': True}
    store %g, %y[%i]
    yield
  }
  return
}
"""
LEFT = {
    "sums whose order counts": (" {'reassoc': True}", ""),
    "elements that are so many apart": ("add %t, %k", "add %t, %one"),
    "elements whose sum was loaded before": (
        "store %d, %y[%t]\n    %e: f64 = load %y[%i]", "%e: f64 = load %y[%i]\n    store %d, %y[%t]"
    ),
    "something else is done with the array": ("load %x[%t]", "load %y[%t]"),
    "a term is dear": ("%a: f64 = load %x[%t]", "%m: f64 = load %x[%t]\n    %a: f64 = exp %m"),
    "another step": ("add %t, %k", "mul %t, %k"),
}  # fmt: skip


def test_what_is_taken() -> None:
    assert sum(op.name == "for" for op in walk(singly(verify(parse(LOOP))).body)) == 2


@pytest.mark.parametrize("why", LEFT)
def test_what_is_left(why: str) -> None:
    old, new = LEFT[why]
    assert old in LOOP
    fn = verify(parse(LOOP.replace(old, new)))
    assert singly(fn) is fn


def returns(p, k):
    total = 0.0
    for t in range(k, len(p)):
        r = p[t] / p[t - k] - 1.0
        total += r * r * r
    return total


@pytest.mark.parametrize("fastmath", [False, True])
@pytest.mark.parametrize("k", [0, 1, 3, 20, 99, 100])
def test_gradients_by_what_was_long_ago(k: int, fastmath: bool) -> None:
    p = np.random.default_rng(0).uniform(1.0, 2.0, 100)
    gradient = llad.jit_grad(returns, argnums=0, fastmath=fastmath).grad(p, k)
    now, then = p[k:], p[: len(p) - k]
    slope = 3.0 * (now / then - 1.0) ** 2
    expected = np.zeros_like(p)
    expected[k:] += slope / then
    expected[: len(p) - k] -= slope * now / then**2
    np.testing.assert_allclose(gradient, expected, rtol=1e-11, atol=1e-13)
