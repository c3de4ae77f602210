"""With `fastmath`, what an iteration waits for keeps its order; what it does not wait for, and plain sums, need not."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from llad import jit
from llad.ir.cycles import cycles
from llad.testing import assert_close


def filtered(x, a, b):
    y1, y2, s = 0.0, 0.0, 0.0
    for i in range(len(x)):
        y = b * x[i] - a * y1 - 0.2 * y2
        y1, y2 = y, y1
        s += y * y
    return s


def through_memory(x, a, b):
    e = np.zeros(len(x))
    for t in range(1, len(x)):
        e[t] = x[t] - b * x[t - 1] - a * e[t - 1]
    return e[-1]


def in_a_branch(x, a, b):
    h = 1.0
    for t in range(len(x)):
        h = b + a * h * h if x[t] > 0.0 else h - x[t]
    return h


def while_it_lasts(x, a, b):
    h, n = 1.0, 0
    while n < len(x):
        h = x[n] + b - a * h
        n += 1
    return h


def summed(x, a, b):
    s, p = 0.0, 1.0
    for i in range(len(x)):
        s = s + x[i] * a - b
        p *= x[i]
    return s + p


def in_place(x, a, b):
    h = np.zeros(4)
    for i in range(len(x)):
        h[i % 4] += x[i] * a
    return np.sum(h) * b


def newton(x, a, b):
    y = x[0]
    for _ in range(5):
        y = y - (y * y * y + a * y) / (3.0 * y * y + a)
    return y + b


def ordered(function: Callable[..., Any], args: tuple[Any, ...]) -> tuple[int, int]:
    """How many sums and differences of floats may not, and may, be reassociated."""
    text = jit(function, fastmath=True).dump_llvm(*args, stage="before")
    flags = re.findall(r"= f(?:add|sub) ([a-z ]*)double", text)
    return sum("reassoc" not in f for f in flags), sum("reassoc" in f for f in flags)


ARGS = np.linspace(0.5, 1.5, 9), 0.3, 0.7


@pytest.mark.parametrize("function, waits", [
    (filtered, 2), (through_memory, 1), (in_a_branch, 2), (while_it_lasts, 1), (summed, 0), (in_place, 0), (newton, 3),
])  # fmt: skip
def test_only_sums_that_an_iteration_waits_for_keep_their_order(function: Callable[..., Any], waits: int) -> None:
    assert ordered(function, ARGS)[0] == waits
    assert_close(jit(function, fastmath=True)(*ARGS), function(*ARGS), rtol=1e-13)


def test_what_is_known_before_may_be_reassociated_though_a_recurrence_uses_it() -> None:
    def loaded(x, a, b):
        y = 0.0
        for i in range(len(x)):
            y = (x[i] + a + b) - a * y
        return y

    waits, free = ordered(loaded, ARGS)
    assert waits == 1 and free == 2


def test_cycles_are_what_reaches_itself() -> None:
    rng = np.random.default_rng(0)
    for n in range(1, 9):
        for share in (0.1, 0.2, 0.4):
            edges = rng.random((n, n)) < share
            reach = edges.copy()
            for k in range(n):
                reach |= reach[:, k : k + 1] & reach[k]
            after = {i: set(np.flatnonzero(edges[i]).tolist()) for i in range(n)}
            expected = {frozenset(j for j in range(n) if reach[i, j] and reach[j, i]) for i in range(n) if reach[i, i]}
            assert {frozenset(c) for c in cycles(after)} == expected


def test_a_long_chain_of_ops_is_no_deep_recursion() -> None:
    after = {k: {k + 1} for k in range(20000)} | {20000: {0}}
    (cycle,) = cycles(after)
    assert len(cycle) == 20001
