"""Extrema of loops, found several elements at a time: Python's to the sign of a zero, whatever is NaN."""

from __future__ import annotations

import itertools
import math
import re
from typing import Any

import numpy as np
import pytest

import llad


def greatest(x: Any, start: Any) -> Any:
    top = start
    for i in range(len(x)):
        top = max(top, x[i] * 0.5)
    return top


def least(x: Any, start: Any) -> Any:
    top = start
    for i in range(len(x)):
        top = min(top, x[i])
    return top


def last_of_nans(x: Any, start: Any) -> Any:
    top = start
    for i in range(len(x)):
        top = max(x[i], top)
    return top


VALUES = (0.0, -0.0, math.nan, 1.0, -math.inf)


@pytest.mark.parametrize("fastmath", [False, True])
@pytest.mark.parametrize("program", [greatest, least, last_of_nans])
def test_an_extremum_is_that_of_python(program: Any, fastmath: bool) -> None:
    f = llad.jit(program, fastmath=fastmath)
    for start, *row in itertools.product(VALUES, repeat=3):
        for x in ([], row, [*row, *[min(row)] * 40, row[0]]):
            got, wanted = f(np.array(x), start), program(x, start)
            assert got == wanted or (math.isnan(got) and math.isnan(wanted)), (x, start)
            assert fastmath or math.isnan(wanted) or math.copysign(1, got) == math.copysign(1, wanted), (x, start)


@pytest.mark.parametrize("fastmath", [False, True])
def test_it_is_found_in_vectors(fastmath: bool) -> None:
    text = llad.jit(greatest, fastmath=fastmath).dump_llvm(np.ones(3), 0.0)
    assert re.search(r"<\d+ x double> @llvm\.maxnum", text)


def greatest_of_first(x: Any, n: int) -> Any:
    greatest = -9.0
    for i in range(min(len(x), n)):
        greatest = max(greatest, x[i])
    return greatest


@pytest.mark.parametrize("fastmath", [False, True])
@pytest.mark.parametrize("count", [5, 6, 7, 8])
def test_extrema_of_at_most_a_few_are_compiled(count: int, fastmath: bool) -> None:
    """LLVM, which knows how many there are at most, ends the process if its two cost models of vectors disagree."""
    x = np.random.default_rng(count).normal(size=30)
    functions = (lambda x: np.max(x[:count]), lambda x: min(x[:count]), lambda x: greatest_of_first(x, count))
    for function in functions:
        compiled = llad.jit_grad(function, fastmath=fastmath)
        value, slope = compiled.value_and_grad(x)
        assert value == compiled(x) == function(x)
        assert np.array_equal(np.flatnonzero(slope), np.flatnonzero(x == value))


@pytest.mark.usefixtures("scalar_code")
@pytest.mark.parametrize("name", ["max", "min", "argmax", "argmin", "ptp"])
@pytest.mark.parametrize("shape", [(0, 0), (0, 3), (3, 0), (0, 2, 0), (2, 0, 3)])
@pytest.mark.parametrize("axis", [None, 0, 1, -1])
def test_of_no_elements_there_is_none_even_for_no_results(name: str, shape: tuple[int, ...], axis: int | None) -> None:
    function = getattr(np, name)
    a = np.zeros(shape)

    def of(a: Any) -> Any:
        return function(a, axis=axis)

    try:
        want = of(a)
    except ValueError as error:
        with pytest.raises(ValueError, match=re.escape(str(error).split(" of ")[0].split(" axis")[0])):
            llad.jit(of)(a)
    else:
        assert llad.jit(of)(a).shape == want.shape
