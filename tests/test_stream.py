"""Rows written past the caches: which stores are, and that all numbers arrive, whatever the extents."""

from __future__ import annotations

from textwrap import dedent
from typing import Any

import numpy as np
import pytest
from native import DTYPES, Native

from llad import jit, jit_grad
from llad.ir.core import Function, walk
from llad.ir.interp import run
from llad.ir.parse import parse
from llad.ir.types import SCALARS
from llad.ir.verify import verify
from llad.passes import large_rows
from llad.passes import stream as streaming
from llad.passes.stream import stream
from llad.testing import check_gradient

pytestmark = pytest.mark.usefixtures("quick_code")


def filled(store: str, before: str = "", type: str = "f64", outside: str = "") -> Function:
    """A function that keeps twice `x` less sums of its rows, moved by a column, as `store` does."""
    return verify(parse(dedent(f"""
        func @f(%x: buffer<{type}, 2, C>, %one: i64) {{
          %zero: i64 = const 0
          %step: i64 = const 1
          %start: {type} = const 0.0
          %n: i64 = dim %x, 0
          %m: i64 = dim %x, 1
          %wide: i64 = add %m, %one
          %kept: buffer<{type}, 2, C> = alloc(%n, %wide) zero
          %other: buffer<{type}, 3, C> = alloc(%n, %step, %m) zero
          %sums: buffer<{type}, 1, C> = alloc(%n) zero
          %number: buffer<{type}, 0, C> = alloc() zero
          %trips: i64 = for %i in %zero..%n step %step {{
            {before}
            %s: {type}, %t: i64 = for %j in %zero..%m step %step carry (%a: {type} = %start) {{'apart': True}} {{
              %e: {type} = load %x[%i, %j]
              %u: {type} = sub %e, %a
              %at: i64 = add %j, %one
              %b: {type} = add %a, %e
              {store}
              yield %b
            }}
            store %s, %sums[%i]
            yield
          }}
          return %kept, %other, %sums
        }}
    """)))


BOTH = "store %u, %kept[%i, %at]\n              store %e, %other[%i, %zero, %j]"


@pytest.fixture
def everywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """Arrays are large with more than 40 bytes, rows long enough with three elements and too long with ten."""
    for name, value in {"LARGE": 40, "LEAST": 3, "ROW": 9}.items():
        monkeypatch.setattr(large_rows, name, value)


@pytest.mark.parametrize("type", ["f64", "f32"])
def test_all_rows_arrive(type: str, everywhere: None) -> None:
    fn = filled(BOTH, type=type)
    made = verify(stream(fn))
    assert sum("streams" in op.attrs for op in walk(made.body) if op.name == "store") == 2
    native = Native(made)
    for shape in [(0, 4), (4, 0), (1, 3), (2, 2), (3, 3), (5, 8), (3, 9), (2, 12)]:
        x = np.arange(1.0, 1.0 + shape[0] * shape[1]).reshape(shape).astype(DTYPES[SCALARS[type]])
        expected = run(fn, [x.copy(), 1])
        for call in (lambda *args: run(made, args), native):
            for found, wanted in zip(call(x.copy(), 1), expected, strict=True):
                np.testing.assert_array_equal(found, wanted)


@pytest.mark.parametrize("type", ["f64", "f32"])
def test_whole_lines_arrive_wherever_rows_begin(type: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows have lines of the cache inside, which are written by vectors, and begin and end beside them."""
    monkeypatch.setattr(large_rows, "LARGE", 40)
    fn = filled(BOTH, type=type)
    native = Native(verify(stream(fn)))
    for shape in [(5, 64), (9, 65), (4, 79), (6, 133), (2, 1021)]:
        x = np.arange(1.0, 1.0 + shape[0] * shape[1]).reshape(shape).astype(DTYPES[SCALARS[type]])
        for found, wanted in zip(native(x.copy(), 1), run(fn, [x.copy(), 1]), strict=True):
            np.testing.assert_array_equal(found, wanted)


@pytest.mark.parametrize(
    "store, before",
    [
        ("store %u, %kept[%j, %at]", ""),
        ("store %u, %kept[%i, %zero]", ""),
        ("store %u, %kept[%i, %at]", "%p: f64 = load %kept[%i, %zero]"),
        ("store %u, %kept[%i, %at]", "%p: buffer<f64, 1, C> = view %kept[%i, full]"),
        ("store %u, %kept[%i, %at]\n              store %u, %kept[%i, %j]", ""),
        ("store %u, %x[%i, %j]", ""),
        ("store %u, %number[]", ""),
    ],
)
def test_what_is_used_again_or_stored_otherwise_stays_in_the_caches(store: str, before: str) -> None:
    fn = filled(store, before)
    assert stream(fn) is fn


def steps(u: Any, a: Any, count: Any) -> Any:
    """A nonlinear stencil in time, whose reverse sweep needs every step."""
    n = len(u)
    u, new = u.copy(), np.zeros(n)
    for _ in range(count):
        for i in range(1, n - 1):
            new[i] = u[i] + a * u[i] * (u[i - 1] - 2.0 * u[i] + u[i + 1])
        u, new = new, u
    return np.sum(u * u)


def test_what_was_written_past_the_caches_is_there_for_the_reverse_sweep(everywhere: None) -> None:
    function = jit_grad(steps)
    args = np.linspace(0.5, 1.5, 8), 0.1, 4
    assert "streams" in function.dump_ir(*args, of="gradient")
    assert "fence seq_cst" in function.dump_llvm(*args, of="gradient", stage="before")
    check_gradient(function, *args)


def test_only_so_many_rows_wait(monkeypatch: pytest.MonkeyPatch, everywhere: None) -> None:
    monkeypatch.setattr(streaming, "_MOST", 1)
    assert sum("streams" in op.attrs for op in walk(stream(filled(BOTH)).body) if op.name == "store") == 1


def between(x: Any, n: Any, lo: Any, hi: Any) -> Any:
    kept = np.zeros((n, len(x)))
    for k in range(n):
        for i in range(max(lo, 0), hi):
            kept[k, i] = x[i] * x[i] + k
    return kept


@pytest.mark.parametrize("lo, hi", [(0, 8), (2, 7), (7, 2), (2**63 - 1, -(2**63)), (2**63 - 3, 5 - 2**63)])
def test_rows_are_empty_however_far_their_end_lies_behind(lo: int, hi: int, everywhere: None) -> None:
    function = jit(between)
    x = np.linspace(0.5, 1.5, 8)
    assert "streams" in function.dump_ir(x, 4, lo, hi)
    np.testing.assert_array_equal(function(x, 4, lo, hi), between(x, 4, lo, hi))
