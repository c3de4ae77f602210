"""Ordered sums in blocks: Python's sum to the last bit, whatever the length, and the terms several at a time."""

from __future__ import annotations

import math
import re
from typing import Any

import numpy as np
import pytest

import llad
from llad.ir.core import walk
from llad.ir.parse import parse
from llad.passes.blocks import blocks


def one_sum(x, w):
    total = 0.5
    for i in range(len(x)):
        total += math.exp(x[i]) * w
    return total


def two_terms_of_one_sum(x, w):
    total = w
    for i in range(len(x)):
        total += math.sin(x[i])
        total -= math.cos(x[i]) * w
    return total


def two_sums(x, w):
    up = 0.0
    down = w
    for i in range(len(x)):
        e = math.exp(w * x[i])
        up += e
        down -= 1.0 / (1.0 + e)
    return up * down


def shifted_range(x, w):
    total = 0.0
    for i in range(3, len(x) - 1):
        total += (x[i + 1] - x[i - 1] ** 2) ** 2 / (1.0 + x[i] * x[i]) + w
    return total


def sums_of_rows(x, w):
    total = 0.0
    for k in range(3):
        for i in range(len(x)):
            total += math.tanh(x[i] * k) * w
    return total


def narrow(x, w):
    total = np.float32(0.0)
    for i in range(len(x)):
        total += np.float32(x[i]) * np.float32(x[i]) / (np.float32(1.0) + np.float32(w))
    return float(total)


def the_last_index(x, w):
    total = 0.0
    last = -1
    for i in range(len(x)):
        total += x[i] / (w + x[i] * x[i]) - x[i] / (w + 1.0 + x[i])
        last = i
    return total + last


def seen_on_the_way(x, w):
    total = 0.0
    largest = -math.inf
    for i in range(len(x)):
        total += math.exp(x[i])
        largest = max(largest, total)
    return total + largest * w


def with_branches(x, w):
    total = 0.0
    for i in range(len(x)):
        z = math.log(x[i] + w)
        ratio = z / (x[i] - 0.7) if abs(x[i] - 0.7) > 0.2 else w
        if z > -0.2:
            ratio += z * w
        total += ratio * ratio
    return total


def a_branch_adds(x, w):
    total = 0.0
    for i in range(len(x)):
        z = math.log(x[i] + w)
        if z > -0.2:
            total += z * w
    return total


PROGRAMS = [
    one_sum, two_terms_of_one_sum, two_sums, shifted_range, sums_of_rows, narrow, the_last_index, seen_on_the_way,
    with_branches, a_branch_adds,
]  # fmt: skip


@pytest.mark.parametrize("program", PROGRAMS)
def test_the_sum_is_pythons_and_the_gradient_right_for_every_length(program: Any):
    f = llad.jit_grad(program, argnums=(0, 1))
    random = np.random.default_rng(1)
    for n in (0, 1, 4, 5, 31, 32, 127, 128, 129, 256, 300):
        x = random.uniform(0.1, 1.0, n)
        # Terms by exp and its like may differ from C by an ulp, so this is no test of the order: that is below.
        assert f(x, 0.3) == pytest.approx(program(x, 0.3), rel=1e-13 if program is not narrow else 1e-6, abs=1e-13)
        by_x, by_w = f.grad(x, 0.3)
        seed = random.normal(size=n)
        along = f.jvp((x, 0.3), (seed, 0.7))[1]
        assert along == pytest.approx(by_x @ seed + 0.7 * by_w, rel=1e-12 if program is not narrow else 1e-4, abs=1e-10)


@pytest.mark.parametrize("n", [3, 33, 128, 1000, 1025])
def test_terms_that_cancel_are_added_in_pythons_order(n: int):
    def f(x, w):
        total = 0.0
        for i in range(len(x)):
            a = x[i] * w
            total += a * a * a - (a + 1.0) * (a - 1.0) * a + a / (1.0 + a * a) - a
        return total

    x = np.random.default_rng(n).normal(size=n) * 10.0 ** np.random.default_rng(n).integers(-12, 12, n)
    assert llad.jit(f)(x, 1.5) == f(x, 1.5)
    assert llad.jit_grad(f).value_and_grad(x, 1.5)[0] == f(x, 1.5)


@pytest.mark.parametrize("of", ["primal", "gradient"])
def test_terms_are_computed_several_at_a_time(of: str):
    code = llad.jit_grad(one_sum).dump_asm(np.ones(8), 0.3, of=of)
    assert re.search(r"v?mulpd|v?fmadd\w*pd", code)


@pytest.mark.parametrize(("program", "branches"), [(with_branches, False), (a_branch_adds, True)])
@pytest.mark.parametrize("of", ["primal", "gradient"])
def test_branches_that_only_choose_a_term_are_none(program: Any, branches: bool, of: str):
    fn = parse(llad.jit_grad(program, argnums=(0, 1)).dump_ir(np.ones(8), 0.3, of=of))
    loops = [op for op in walk(fn.body) if op.name == "for" and any(o.name == "log" for o in op.regions[0].ops)]
    assert loops and all(any(o.name == "if" for o in loop.regions[0].ops) == branches for loop in loops)


def dear(x, w):
    total = 0.0
    for i in range(len(x)):
        total += math.erf(x[i]) * math.exp(x[i] * w) + math.log(2.0 + x[i])
    return total


@pytest.mark.parametrize(("program", "is_narrow"), [(one_sum, True), (two_terms_of_one_sum, True), (dear, False)])
def test_terms_are_narrow_unless_they_take_longer_than_their_sum(program: Any, is_narrow: bool):
    assert ("'narrow': True" in llad.jit(program).dump_ir(np.ones(3), 0.5)) == is_narrow


def test_terms_that_are_to_stay_alone_are_left_where_they_are():
    """To ask LLVM for vectors of them is in vain, and it says so on the user's screen."""
    text = """func @f(%x: buffer<f64, 1, C>, %n: i64) {
      %zero: i64 = const 0
      %one: i64 = const 1
      %z: f64 = const 0.0
      %s: f64, %trips: i64 = for %i in %zero..%n step %one carry (%a: f64 = %z) {'apart': True} {
        %u: f64 = load %x[%i]
        %e: f64 = add %u, %u ATTRS
        %d: f64 = exp %e
        %b: f64 = add %a, %d
        yield %b
      }
      return %s
    }
    """
    usual, alone = parse(text.replace("ATTRS", "")), parse(text.replace("ATTRS", "{'alone': True}"))
    assert blocks(usual) is not usual
    assert blocks(alone) is alone
