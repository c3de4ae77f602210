"""The promises of docs/conventions.md: its table row by row, in both modes, and the rules that are not values."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import llad
from llad.testing import assert_close

TABLE = Path(__file__).parents[1] / "docs" / "conventions.md"
ROW = re.compile(r"^\| `(.+)` \| `(.+)` \| `(.+)` \|$", re.MULTILINE)
EVERYWHERE, FORWARD = TABLE.read_text().split("by forward mode")
ROWS = ROW.findall(EVERYWHERE)
DIFFERENT = {(function, at): value for function, at, value in ROW.findall(FORWARD)}

HEAD = """
import math
import numpy as np
import llad

def square_of_log(x):
    return math.log(x) ** 2
"""


def parameters(function: str) -> list[str]:
    return [name for name in ("x", "y", "a") if re.search(rf"\b{name}\b", function)]


@pytest.fixture(scope="module")
def functions(tmp_path_factory: pytest.TempPathFactory) -> list[Callable[..., Any]]:
    """The functions of the table, in a file, since tracing reads source."""
    file = tmp_path_factory.mktemp("conventions") / "rows.py"
    rows = [f"def row{k}({', '.join(parameters(f))}):\n    return {f}" for k, (f, _, _) in enumerate(ROWS)]
    file.write_text(HEAD + "\n\n".join(rows))
    spec = importlib.util.spec_from_file_location("rows", file)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return [getattr(module, f"row{k}") for k in range(len(ROWS))]


def number(text: str) -> Any:
    """A Python literal of the table: a number, several, or a list for an array."""
    value = eval(text, {"inf": np.inf, "nan": np.nan})
    return np.array(value) if isinstance(value, list) else value


@pytest.mark.parametrize("k", range(len(ROWS)), ids=[f"{f} at {at}" for f, at, _ in ROWS])
def test_derivative(k: int, functions: list[Callable[..., Any]]) -> None:
    function, at, expected = ROWS[k]
    point, wanted = number(at), number(expected)
    args = point if isinstance(point, tuple) else (point,)
    f = llad.jit_grad(functions[k])
    assert_close(f.grad(*args), wanted, rtol=1e-14, equal_nan=True, what="reverse")
    wanted = number(DIFFERENT.get((function, at), expected))
    pushed = [f.jvp(args, direction)[1] for direction in directions(args)]
    forward = pushed if isinstance(wanted, tuple | np.ndarray) else pushed[0]
    assert_close(np.array(forward), np.array(wanted), rtol=1e-14, equal_nan=True, what="forward")


def directions(args: tuple[Any, ...]) -> list[tuple[Any, ...]]:
    """The unit directions of numbers or of one array."""
    if isinstance(args[0], np.ndarray):
        return [(row,) for row in np.eye(len(args[0]))]
    return [tuple(map(float, row)) for row in np.eye(len(args))]


def test_the_table_is_read() -> None:
    assert len(ROWS) == EVERYWHERE.count("\n| `") > 25
    assert len(DIFFERENT) == FORWARD.count("\n| `") > 0
    assert DIFFERENT.keys() <= {(function, at) for function, at, _ in ROWS}


def test_arguments_that_are_written_are_given_back() -> None:
    """Rule 6: the call shows the write, the gradient does not."""

    @llad.jit_grad
    def f(a, x):
        a[0] = a[0] * x
        return a[0] * a[1]

    a = np.array([2.0, 3.0])
    assert_close(f.grad(a, 5.0), (np.array([15.0, 10.0]), 6.0))
    assert_close(a, np.array([2.0, 3.0]))
    assert f(a, 5.0) == 30.0
    assert_close(a, np.array([10.0, 3.0]))


def test_zero_for_what_does_not_matter_and_none_for_what_cannot() -> None:
    """Rule 5."""

    @llad.jit_grad
    def f(x, unused, n, label, indices):
        return x**n

    gradient = f.grad(3.0, 1.0, 2, "name", np.array([1, 2]))
    assert_close(gradient, (6.0, 0.0, None, None, None))


def test_calls_are_independent() -> None:
    """Rule 7."""

    @llad.jit_grad
    def f(a):
        return np.sum(a * a)

    a = np.array([1.0, 2.0])
    first = f.grad(a)
    first_copy = first.copy()
    first[:] = 0.0
    assert_close(f.grad(a), first_copy)
    assert not np.shares_memory(f.grad(a), f.grad(a))


def test_a_guarded_division_is_not_hoisted() -> None:
    """Rule 3."""

    @llad.jit_grad
    def f(a, x):
        total = 0.0
        for i in range(len(a)):
            if x != 0.0:
                total += a[i] / x
            else:
                total += a[i]
        return total

    assert_close(f.grad(np.array([1.0, 2.0]), 0.0), (np.array([1.0, 1.0]), 0.0))
