"""Sums over the lanes of several vectors, all at once: each is the sum of its own numbers."""

from __future__ import annotations

import numpy as np
import pytest
from native import Native

from llad.ir.interp import run
from llad.ir.parse import parse
from llad.ir.verify import verify

LINES = """
func @f({arrays}) {{
  %zero: i64 = const 0
  %one: i64 = const 1
  %lanes: i64 = const {lanes}
  %none: {type} = const 0.0
{kept}
  %filled: i64 = for %i in %zero..%lanes step %one {{
{copies}
    yield
  }}
  {sums}, %trips: i64 = for %lane in %zero..%lanes step %one carry ({carries}) {attrs}{{
{adds}
    yield {added}
  }}
  return {results}, %trips
}}
"""


def totals(count: int, lanes: int, type: str, attrs: str) -> str:
    """`count` arrays are copied to the stack, and added up there, from 10, 20, … on."""
    each = range(count)
    return LINES.format(
        arrays=", ".join(f"%x{k}: buffer<{type}, 1, C>" for k in each),
        type=type,
        lanes=lanes,
        kept="\n".join(
            f"  %s{k}: buffer<{type}, 1, C> = alloc(%lanes) {{'storage': 'stack'}}\n"
            f"  %begin{k}: {type} = const {10.0 * (k + 1)}"
            for k in each
        ),
        copies="\n".join(f"    %e{k}: {type} = load %x{k}[%i]\n    store %e{k}, %s{k}[%i]" for k in each),
        sums=", ".join(f"%t{k}: {type}" for k in each),
        carries=", ".join(f"%c{k}: {type} = %begin{k}" for k in each),
        attrs=attrs,
        adds="\n".join(
            f"    %p{k}: {type} = load %s{k}[%lane]\n    %a{k}: {type} = add %c{k}, %p{k} {{'reassoc': True}}"
            for k in each
        ),
        added=", ".join(f"%a{k}" for k in each),
        results=", ".join(f"%t{k}" for k in each),
    )


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 7, 8, 9, 16, 17])
@pytest.mark.parametrize(("lanes", "type"), [(8, "f64"), (16, "f64"), (32, "f64"), (16, "f32"), (32, "f32")])
def test_sums_of_vectors(count: int, lanes: int, type: str) -> None:
    """Whole numbers, which have one sum in any order."""
    plain, at_once = (
        verify(parse(totals(count, lanes, type, attrs)))
        for attrs in ("", f"{{'lanes': {lanes}, 'totals': True, 'apart': True}} ")
    )
    dtype = np.float64 if type == "f64" else np.float32
    numbers = np.random.default_rng(count).integers(-99, 99, (count, lanes)).astype(dtype)
    expected = (*(10.0 * (k + 1) + float(row.sum()) for k, row in enumerate(numbers)), lanes)
    assert run(plain, list(numbers)) == run(at_once, list(numbers)) == expected
    native = Native(at_once)
    assert native(*numbers) == expected
    assert "shufflevector" in native.lowered.text and "shufflevector" not in Native(plain).lowered.text


def test_another_loop_is_lowered_as_any_other() -> None:
    """One that adds up something else than the elements that it is said to add up."""
    text = totals(2, 8, "f64", "{'lanes': 8, 'totals': True, 'apart': True} ")
    fn = verify(parse(text.replace("%a0: f64 = add %c0, %p0", "%a0: f64 = add %c0, %none")))
    native = Native(fn)
    assert native(np.ones(8), np.ones(8)) == (10.0, 28.0, 8) and "shufflevector" not in native.lowered.text
