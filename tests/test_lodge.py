"""Tapes in the arrays that replace them: where that is, where it must not be, and that derivatives stay right."""

from __future__ import annotations

import math
import re
from textwrap import dedent
from typing import Any

import numpy as np
import pytest

import llad
from llad.ir.interp import run
from llad.ir.parse import parse
from llad.ir.verify import verify
from llad.passes import lodge as module
from llad.passes.lodge import lodge
from llad.testing import check_gradient

BEFORE = dedent(re.search(r"^    func @f.*?^    }\n", module.__doc__ or "", re.M | re.S)[0])  # type: ignore[index]
LAST = "store %q, %y[%i]"
LOOP = "%trips: i64 = for %i in %zero..%n step %one {"


@pytest.mark.parametrize("length", [0, 3, 4, 6])
def test_the_parameter_holds_the_tape_where_the_lengths_are_equal(length: int) -> None:
    x = np.array([0.5, -1.0, 2.0, 0.0])
    found = []
    for fn in (parse(BEFORE), verify(lodge(parse(BEFORE)))):
        y = np.full(length, math.nan)
        try:
            run(fn, [x, y])
        except AssertionError:  # the interpreter's: an index that is out of bounds
            assert length < len(x)
        found.append(y)
    assert np.array_equal(*found, equal_nan=True)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("{'blank': (1,)}", "{'blank': ()}"),
        ("{'blank': (1,)}", "{'blank': (1,), 'may_alias': True}"),
        ("{'blank': (1,)}", "{'blank': (0,)}"),
        (LAST, "%j: i64 = sub %filled, %i\n    store %q, %y[%j]"),
        (LAST, "store %q, %y[%i]\n    %a: f64 = load %tape[%i]"),
        (LAST, "store %q, %y[%i]\n    store %q, %tape[%i]"),
        (LAST, "store %q, %y[%i]\n    %a: f64 = load %tape[%zero]"),
        (LOOP, f"%w: buffer<f64, 1, C> = view %tape[full]\n  {LOOP}\n    %a: f64 = load %w[%zero]"),
        (LOOP, f"%w: buffer<f64, 1, C> = view %y[full]\n  {LOOP}\n    store %sum, %w[%zero]"),
        ("  return", "  %a: f64 = load %tape[%zero]\n  return"),
        ("store %e, %tape[%i]", "store %e, %tape[%i]\n    %a: f64 = load %y[%zero]"),
        ("%size: i64 = max %n, %zero", "%size: i64 = max %n, %one"),
        ("%size: i64 = max %n, %zero", "%size: i64 = add %n, %one"),
        ("eq %n, %extent", "le %n, %extent"),
        ("alloc(%size)", "alloc(%size) {'zero': True}"),
    ],
)
def test_a_tape_stays_where_it_is_if_something_else_is_in_its_way(old: str, new: str) -> None:
    assert old in BEFORE
    fn = verify(parse(BEFORE.replace(old, new)))
    assert lodge(fn) is fn


def normalised(x: Any) -> Any:
    total = 0.0
    for i in range(len(x)):
        total += math.exp(x[i])
    return math.log(total)


def test_a_gradient_that_normalises_makes_no_memory_and_is_right(quick_code: None) -> None:
    gradient = llad.jit_grad(normalised)
    x = np.linspace(-1.0, 1.0, 11)
    np.testing.assert_allclose(gradient.grad(x), np.exp(x) / np.exp(x).sum(), rtol=1e-14)
    fn = parse(gradient.dump_ir(x, of="gradient"))
    assert not any(op.name == "alloc" and op.attrs.get("storage") != "stack" for op in fn.body.ops)
    assert any(op.name == "if" and op.regions[1].ops[0].name == "alloc" for op in fn.body.ops)  # for other lengths


def read_under_another_name(x: Any, a: Any) -> Any:
    """Each row of `a` reads all of what `np.roll` has made, and a row of the gradient of `x` is stored behind it."""
    turned = np.roll(x, 1)
    u = x
    for _ in range(2):
        u = x + np.sum(a, axis=1)
    return np.sum(np.sin(u)) + np.sum(np.tanh(a) * turned)


def test_a_tape_that_is_read_through_a_window_later_stays_where_it_is(quick_code: None) -> None:
    x, a = np.linspace(-0.5, 1.5, 4), np.linspace(-1.0, 1.0, 16).reshape(4, 4)
    check_gradient(llad.jit_grad(read_under_another_name, argnums=(0, 1)), x, a)
