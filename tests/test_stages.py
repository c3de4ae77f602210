"""Chains of functions in stages: which loops get them, that each order that counts is kept, all lengths of strips."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator

import numpy as np
import pytest

from llad import jit, jit_grad
from llad.ir.core import Function, Op, walk
from llad.ir.interp import run
from llad.ir.parse import parse
from llad.ir.verify import verify
from llad.passes.stages import stages
from llad.program import Program

FUNCTIONS = ("sin", "exp", "tanh", "erf", "cos")


def body_of(rng: random.Random) -> Iterator[str]:
    """The lines of a loop that computes, loads, stores and adds up; its last names `%sum1` and `%sum2`."""
    floats, bools, ints = ["%p"], [], ["%i"]
    for k in range(rng.randint(12, 30)):
        a, b = rng.choice(floats[-6:]), rng.choice(floats[-6:])
        match rng.randrange(9):
            case 0 | 1 | 2:
                yield f"%v{k}: f64 = {rng.choice(FUNCTIONS)} {a}"
            case 3 | 4:
                yield f"%v{k}: f64 = {rng.choice(('add', 'sub', 'mul'))} {a}, {b}"
            case 5:
                yield f"%v{k}: f64 = load %{rng.choice('xy')}[{rng.choice(ints)}]"
            case 6:
                yield f"store {a}, %y[{rng.choice(ints)}]"
                continue
            case 7:
                yield f"%b{k}: bool = lt {a}, {b}"
                bools.append(f"%b{k}")
                continue
            case _:
                if not bools:
                    yield f"%j{k}: i64 = add {rng.choice(ints)}, %zero"
                    ints.append(f"%j{k}")
                    continue
                yield f"%v{k}: f64 = select {rng.choice(bools)}, {a}, {b}"
        floats.append(f"%v{k}")
    yield f"%sum1: f64 = add %s, {rng.choice(floats)} {{'reassoc': True}}"
    yield f"%mid: f64 = sub %t, {rng.choice(floats)} {{'reassoc': True}}"
    yield f"%sum2: f64 = add {rng.choice(floats)}, %mid {{'reassoc': True}}"


def program(lines: Iterator[str]) -> Function:
    head = [
        "func @f(%x: buffer<f64, 1, C>, %y: buffer<f64, 1, C>, %lo: i64, %n: i64, %p: f64) {",
        "%zero: i64 = const 0",
        "%one: i64 = const 1",
        "%u: f64, %v: f64, %r: i64 = for %i in %lo..%n step %one carry (%s: f64 = %p, %t: f64 = %p) {'apart': True} {",
    ]
    return verify(parse("\n".join([*head, *lines, "yield %sum1, %sum2", "}", "return %u, %v, %r", "}"])))


def outermost(fn: Function) -> list[Op]:
    return [op for op in fn.body.ops if op.name == "for"]


def in_stages(fn: Function) -> bool:
    return sum(op.name == "for" for op in walk(fn.body)) > 1


def test_random_loops_keep_their_meaning():
    changed = 0
    for seed in range(60):
        fn = program(body_of(random.Random(seed)))
        staged = verify(stages(fn))
        changed += in_stages(staged)
        for lo, n in ((0, 0), (0, 5), (2, 140), (3, 1)) if in_stages(staged) else ():
            both = []
            for each in (fn, staged):
                x, y = np.linspace(0.1, 1.0, 140), np.linspace(-1.0, 1.0, 140)
                both.append((run(each, [x, y, lo, n, 0.3]), y.tolist()))
            assert both[0] == both[1], (seed, lo, n)
    assert changed > 20


def chain(x, y):
    s = 0.0
    for i in range(len(x)):
        u = math.log(x[i]) * math.exp(-x[i])
        v = math.sin(u) + math.tanh(u + x[i])
        y[i] = v * u
        s += v
    return s


def test_all_lengths_of_strips():
    staged = jit_grad(chain, argnums=0, fastmath=True)
    for n in (0, 1, 7, 8, 127, 128, 129, 256, 300):
        x, y, z = np.linspace(0.5, 2.0, n), np.zeros(n), np.zeros(n)
        np.testing.assert_allclose(staged(x, y), chain(x, z), rtol=1e-13)
        np.testing.assert_allclose(y, z, rtol=1e-13)
        u, du = np.log(x) * np.exp(-x), np.exp(-x) / x - np.log(x) * np.exp(-x)
        want = np.cos(u) * du + (du + 1.0) / np.cosh(u + x) ** 2
        np.testing.assert_allclose(staged.grad(x, y), want, rtol=1e-11, atol=1e-13)
    x = np.linspace(0.5, 2.0, 300)
    fn = Program(chain, fastmath=True).stage((x, x)).function("primal")
    assert len(outermost(fn)) == 1 and in_stages(fn)


def test_single_precision_and_values_that_are_no_floats():
    def mixed(x, k):
        s = 0
        for i in range(len(x)):
            u = math.sin(x[i]) + math.cos(x[i])
            large = u > 1.0
            v = math.exp(u) + math.tanh(u)
            if large and k[i] > 2:
                k[i] = i
            s += int(v > 2.0) + k[i]
        return s

    x, k = np.linspace(0.0, 3.0, 150, dtype=np.float32), np.arange(150) % 5
    other = k.copy()
    assert jit(mixed)(x, k) == mixed(x, other)
    assert k.tolist() == other.tolist()


@pytest.mark.parametrize("name", ["carried", "few", "inner"])
def test_other_loops_stay_as_they_are(name):
    def carried(x, y):
        u = 0.0
        for i in range(len(x)):
            u = math.sin(math.exp(math.cos(math.tanh(u + x[i]))))
        return u

    def few(x, y):
        s = 0.0
        for i in range(len(x)):
            s += math.sin(math.exp(x[i]))
        return s

    def inner(x, y):
        s = 0.0
        for i in range(len(x)):
            for j in range(len(x)):
                u = math.log(x[i] + x[j]) * math.exp(-x[j])
                s += math.sin(u) + math.tanh(u)
        return s

    function = {"carried": carried, "few": few, "inner": inner}[name]
    x = np.ones(3)
    fn = Program(function, fastmath=True).stage((x, x)).function("primal")
    assert not any(op.attrs.get("storage") == "stack" for op in walk(fn.body))
