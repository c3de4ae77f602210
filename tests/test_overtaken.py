"""What is loaded under a condition is what was there before the stores that follow, where loops become vectors, too."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest
from growing_programs import compiled

import llad
from llad.testing import assert_close

N = 37


def emptied(x: Any, y: Any, out: Any) -> None:
    for i in range(len(x)):
        if y[i] > 0.0:
            taken = x[i]
            x[i] = 0.0
        else:
            taken = 2.0 * y[i]
        out[i] = taken


def emptied_otherwise(x: Any, y: Any, out: Any) -> None:
    for i in range(len(x)):
        if y[i] > 0.0:
            taken = y[i]
        else:
            taken = x[i]
            x[i] = y[i]
        out[i] = taken


def swapped(x: Any, y: Any, out: Any) -> None:
    for i in range(len(x)):
        if x[i] < y[i]:
            x[i], y[i] = y[i], x[i]
            last = x[i]
        else:
            last = -1.0
        out[i] = last


def nested(x: Any, y: Any, out: Any) -> None:
    for i in range(len(x)):
        taken = 0.5
        if y[i] > 0.0:
            if out[i] > 0.0:
                taken = x[i]
                x[i] = 7.0
            else:
                taken = out[i]
                out[i] = 3.0
        y[i] = taken


def ahead(x: Any, y: Any, out: Any) -> None:
    """The other branch stores what the next iteration but one has loaded."""
    for i in range(len(x) - 1):
        if y[i] > 0.0:
            taken = x[i + 1]
        else:
            taken = -1.0
            x[i] = 9.0
        out[i] = taken


@pytest.mark.parametrize("function", [emptied, emptied_otherwise, swapped, nested, ahead])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("fastmath", [False, True])
def test_loads_in_branches(function: Any, dtype: Any, fastmath: bool) -> None:
    native = llad.jit(function, fastmath=fastmath)
    given = np.random.default_rng(0).normal(size=(3, N)).astype(dtype)
    expected, found = given.copy(), given.copy()
    function(*expected)
    native(*found)
    assert_close(found, expected)


def random_program(rng: random.Random) -> str:
    """A loop of branches that load and store, of which each hands on a number."""
    lines = ["def f(x, y, m, w):", "    s = 0.0", "    for i in range(1, len(x) - 1):"]
    for k in range(rng.randint(1, 3)):
        places = [f"{a}[{i}]" for a in "xym" for i in ("i", "i", "i", "i + 1", "i - 1")]
        lines.append(f"        if {rng.choice(places)} {rng.choice('<>')} {rng.choice(['0.1', 'w', 'y[i]'])}:")
        for branch in range(2):
            if branch:
                lines.append("        else:")
            moves = [f"t{k} = {rng.choice(places)}"]
            for _ in range(rng.randint(0, 2)):
                value = rng.choice([f"t{k}", "0.0", "w", "0.5 * " + rng.choice(places), rng.choice(places)])
                moves.append(f"{rng.choice(places)} = {value}")
            lines += [f"            {move}" for move in moves]
        lines.append(f"        {rng.choice(['x[i]', 'y[i]', 'm[i]', 's'])} {rng.choice(['=', '+='])} t{k}")
        if rng.random() < 0.5:
            lines.append(f"        s += {rng.choice(['w', '0.3'])} * t{k}")
    return "\n".join([*lines, "    return s + x @ y + 0.5 * np.sum(m)"])


@pytest.mark.parametrize("seed", range(12))
def test_random_branches(seed: int) -> None:
    """Values as Python has them; gradients as forward mode has them."""
    rng = random.Random(seed)
    for number in range(2):
        text = random_program(rng)
        function = compiled(text)
        native = llad.jit_grad(function, fastmath=number > 0)
        numbers = np.random.default_rng(seed)
        x, y, m = numbers.normal(size=(3, N))
        expected = function(x.copy(), y.copy(), m.copy(), 0.3)
        assert_close(native(x.copy(), y.copy(), m.copy(), 0.3), expected, what=text)
        found = native.grad(x.copy(), y.copy(), m.copy(), 0.3)
        tangents = (*numbers.normal(size=(3, N)), 0.7)
        along = native.jvp((x.copy(), y.copy(), m.copy(), 0.3), tangents)[1]
        by_reverse = sum(map(np.vdot, found, tangents))
        assert by_reverse == pytest.approx(along, rel=1e-9, abs=1e-9), text
