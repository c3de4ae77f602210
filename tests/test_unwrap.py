"""Loops whose indices may count from the end, written for when they do not: random loops, and what comes out."""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from building import V, build, loop
from random_nests import outcome

import llad
from llad.ir.build import Builder
from llad.ir.core import Function, Value
from llad.ir.types import I64
from llad.ir.verify import verify
from llad.passes.unwrap import unwrap


def program(rng: random.Random) -> Function:
    """Of `(x, y, k: i64, lo: i64, hi: i64)`: a loop that loads from `x` and stores to `y`, and perhaps a second one.

    The second one need not ask again what is in the arrays. What they add up is returned.
    """

    def body(b: Builder, x: Value, y: Value, k: Value, lo: Value, hi: Value) -> Value:
        zero, one = b.i64(0), b.i64(1)

        def element(array: Value, at: Value, asks: bool) -> Value:
            """The index of an element, as Python counts."""
            length = b.dim(array, 0)
            where = b.op("select", b.op("lt", at, zero), b.op("add", at, length), at)
            if asks:
                inside = b.op("and", b.op("ge", where, zero), b.op("lt", where, length))
                b.check(inside, "IndexError", "index {} is out of bounds for axis 0 with size {}", at, length)
            return where

        def place(rng: random.Random, t: Value) -> Value:
            roll = rng.random()
            at = b.op("sub", k, t) if roll < 0.25 else b.op("mul", t, k) if roll < 0.3 else b.op("add", t, k)
            return b.op("add", at, b.i64(rng.randrange(-2, 3))) if rng.random() < 0.4 else at

        def step(t: Value, total: Value, rng: random.Random, asks: bool) -> list[Value]:
            for _ in range(rng.randrange(1, 4)):
                value = b.load(x, element(x, place(rng, t), asks))
                if rng.random() < 0.2:
                    b.store(value, y, element(y, place(rng, t), asks))
                total = b.op("add", b.op("mul", total, b.f64(0.5)), value)
            if asks and rng.random() < 0.1:
                b.check(b.op("lt", total, b.f64(1.5)), "ValueError", "too large")
            return [total]

        down, same, total = rng.random() < 0.3, rng.random(), b.f64(0.0)
        first, last, by = (b.op("sub", hi, one), b.op("sub", lo, one), -1) if down else (lo, hi, 1)
        for asks in (True, False)[: rng.randrange(1, 3)]:
            total, _ = loop(b, first, last, [total], lambda t, s, a=asks: step(t, s, random.Random(same), a), by)
        return total

    return build([V, V, I64, I64, I64], body)


RANGES = ((6, 0, 4, 2), (6, 1, 6, -1), (5, 0, 5, 0), (5, 2, 2, 9), (0, 0, 1, 0), (7, 0, 4, 4), (7, 1, 5, -4))


def test_random_loops_keep_their_meaning() -> None:
    """Also the errors, and what was stored before them."""
    met: Counter[str] = Counter()
    for seed in range(400):
        fn = verify(program(random.Random(seed)))
        changed = verify(unwrap(fn))
        met["left" if changed is fn else "taken"] += 1
        for n, lo, hi, k in RANGES if changed is not fn else ():
            r = np.random.default_rng(seed)
            args = [r.normal(size=n), r.normal(size=n), k, lo, hi]
            found, expected = outcome(changed, args), outcome(fn, args)
            met["raises" if "Error" in expected else "ends"] += 1
            assert found == expected, f"program {seed}, {n, lo, hi, k}"
    assert min(met.values()) >= 50, met


def lagged(x, k):
    total = 0.0
    for t in range(len(x) - k):
        d = x[t + k] - x[t]
        total += d * d
    return total


def shifted(x, k):
    """Behind the end for a positive `k`, from the end on for a negative one."""
    out = np.zeros(len(x))
    for t in range(len(x)):
        out[t + k] += x[t + k] * x[t]
    return out


@pytest.mark.parametrize("fastmath", [False, True])
@pytest.mark.parametrize("k", [0, 3, 19, 20, 25, -1, -20])
def test_lags_are_those_of_python(k: int, fastmath: bool) -> None:
    x = np.random.default_rng(0).normal(size=20)
    compiled = llad.jit(lagged, fastmath=fastmath), llad.jit_grad(lagged, argnums=0, fastmath=fastmath).grad
    value, gradient = (outcome_of(f, x, k) for f in compiled)
    expected = outcome_of(lagged, x, k)
    if isinstance(expected, str):
        assert value == gradient == expected
        return
    np.testing.assert_allclose(value, expected, rtol=1e-12)
    by_hand = np.zeros(20)
    for t in range(20 - k):
        by_hand[t + k] += 2.0 * (x[t + k] - x[t])
        by_hand[t] -= 2.0 * (x[t + k] - x[t])
    np.testing.assert_allclose(gradient, by_hand, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("k", [0, 1, -1, -7, -19, -20, -21])
def test_stores_that_count_from_the_end(k: int) -> None:
    x = np.random.default_rng(0).normal(size=20)
    found, expected = (outcome_of(f, x, k) for f in (llad.jit(shifted), shifted))
    np.testing.assert_array_equal(found, expected)


def outcome_of(f: Callable[..., Any], *args: Any) -> Any:
    try:
        return f(*args)
    except IndexError as error:
        return str(error).split(" (")[0]  # where it was


def test_loops_of_lags_are_loops_of_vectors() -> None:
    text = llad.jit(lagged, fastmath=True).dump_llvm(np.ones(40), 3)
    assert re.search(r"fmul .*<\d+ x double>", text)


def around(x):
    total = 0.0
    for i in range(len(x)):
        total += x[i] * x[i - 1]
    return total


def test_a_loop_that_counts_from_the_end_for_sure_stays() -> None:
    assert "'rare'" in llad.jit(lagged).dump_ir(np.ones(40), 3)
    assert "'rare'" not in llad.jit(around).dump_ir(np.ones(40))
