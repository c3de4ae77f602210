"""`f.explain`: which loop is reversed how, and why."""

from __future__ import annotations

import math

import numpy as np
import pytest

import llad


@llad.jit_grad(argnums=0)
def likelihood(x, y, n):
    total = 0.0
    for i in range(len(x)):
        total += math.exp(x[i]) * y[i]
    count = 0
    for i in range(n):
        count += i * i % 3
    u = x[0]
    for _ in range(n):
        u = math.sin(u * x[0])
    return total * u + count


def test_each_loop_has_a_line_in_program_order():
    lines = likelihood.explain(np.ones(3), np.ones(3), 4).splitlines()
    assert [line.split()[0].split(":")[0] for line in lines] == ["test_explain.py"] * 3
    numbers = [int(line.split()[0].split(":")[1]) for line in lines]
    assert numbers == sorted(numbers) and len(set(numbers)) == 3
    assert "for i in range(len(x)):" in lines[0] and "taped" in lines[0] and "known behind it only" in lines[0]
    assert "not reversed" in lines[1]
    assert "keeps 8 bytes an iteration (`u`), 8·n in all" in lines[2] and "`u` is more than a sum" in lines[2]


def test_a_sum_is_fused_and_needs_no_excuse():
    @llad.jit_grad
    def f(x):
        total = 0.0
        for i in range(len(x)):
            total += x[i] * x[i]
        return 3.0 * total

    assert f.explain(np.ones(3)).endswith("for i in range(len(x)):  fused")
    f.grad(np.ones(3))
    assert f.explain().endswith("fused")  # the one specialisation there is


def test_lines_that_became_one_loop_are_named():
    @llad.jit_grad
    def f(x, y):
        scaled = np.exp(x) * y
        shifted = scaled - x
        return np.sum(shifted * y)

    (line,) = f.explain(np.ones(3), np.ones(3)).splitlines()
    number = int(line.split()[0].split(":")[1])
    assert f"return np.sum(shifted * y) (with lines {number - 2}, {number - 1})" in line and line.endswith("fused")


def test_sizes_are_formulas_of_what_the_caller_knows():
    @llad.jit_grad(argnums=0)
    def f(x, n, w):
        made = np.zeros((len(x) - 1, 2 * n))
        for i in range(1, len(x)):
            row = x[i] * w[:, 1]
            for k in range(0, 2 * n, 2):
                made[i - 1, k] = math.sin(made[i - 1, k] + row[0])
        for t in range(n):
            for i in range(t, len(x)):
                x[i] = math.exp(-x[i])
        while x[0] > 1.0:
            x[0] = math.sqrt(x[0])
        return np.sum(made) + x[0]

    text = f.explain(np.ones(3), 2, np.ones((4, 5)))
    lines = {line.split(":")[1].split()[0]: line for line in text.splitlines() if "bytes" in line}
    first = f.py_func.__code__.co_firstlineno
    sizes = {int(number) - first: line for number, line in lines.items()}
    assert "`made`" in sizes[2] and sizes[2].endswith("a temporary of 8·(x.shape[0] - 1)·(2·n) bytes")
    assert sizes[4].endswith("8·w.shape[0] bytes, each iteration anew") or 4 not in sizes
    assert "8·(x.shape[0] - 1)·((2·n) // 2) in all" in sizes[5]
    assert "8·n·(x.shape[0] - t) in all" in sizes[8]
    assert f"8·(iterations of line {first + 10}) in all" in sizes[10]


def test_without_loops():
    assert llad.jit_grad(lambda x: x * x).explain(1.0) == "no loops"


def test_what_has_no_gradient_says_so():
    with pytest.raises(llad.DerivativeError):
        llad.jit_grad(lambda x: x * 2.0).explain(np.ones(3))


def test_a_checkpointed_loop_says_what_its_copies_hold():
    @llad.jit_grad(argnums=0)
    def f(u, n):
        s = 0.0
        for _ in llad.checkpoint(range(n), slots=20):
            u = np.sin(u)
            s = s * u[0] + 1.0
        return np.sum(u) + s

    (line,) = [line for line in f.explain(np.ones(3), 9).splitlines() if "checkpointed" in line]
    assert line.endswith("checkpointed; keeps at most 20 copies of `u` (8 bytes an element), `s` (8 bytes)")


def test_what_the_stretches_of_a_checkpointed_loop_keep_is_spelled_out() -> None:
    @llad.jit_grad
    def f(u, n):
        for _ in llad.checkpoint(range(n), slots=3):
            u = u + 0.1 * np.sin(u)
        return np.sum(u)

    kept = [line for line in f.explain(np.ones(3), 9).splitlines() if "keeps" in line and "in all" in line]
    assert kept and all("?" not in line and "min(length, " in line for line in kept)
