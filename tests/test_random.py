"""Random Python programs: value as in plain Python, reverse = forward = differences, interpreted and native.

Derandomised: the same programs on every run. `LLAD_RANDOM=1000` asks for more of them, and for other ones;
`LLAD_RANDOM_START=5000` says where the seeds begin.
"""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from random_programs import arguments, compiled, finite, programs, seeded
from reference import Reference

import llad
from llad.testing import assert_close, copy_arguments, directional_difference, flatten, push

MORE = int(os.environ.get("LLAD_RANDOM", "0"))
START = int(os.environ.get("LLAD_RANDOM_START", "0"))


def budget(examples: int) -> Any:
    return settings(
        max_examples=MORE or examples,
        derandomize=not MORE,
        database=None,
        phases=(Phase.generate, Phase.shrink) if MORE else (Phase.generate,),
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )


def check_against_differences(function: Any, args: Any, gradient: Any) -> None:
    """Reverse mode against differences along random directions, wherever these converge."""
    for v in np.random.default_rng(7).normal(size=(3, gradient.size)):
        estimate, error = directional_difference(lambda *a: float(function(*a)), args, v, step=1e-4)
        if error[0] < 1e-8 * (1 + abs(estimate[0])):
            assert_close(gradient @ v, estimate[0], rtol=1e-5, atol=1e-6, what="reverse against differences")


def check_on_the_interpreter(source: str, seed: int) -> None:
    function, args = compiled(source), arguments(seed)
    after = copy_arguments(args)
    expected = function(*after)
    if not finite(expected):
        return
    gradients = []
    for optimised in (False, True):
        reference = Reference(function, args, optimised)
        assert_close(reference.value(), (expected, after), rtol=1e-12, atol=1e-13, what="value")
        value, gradient = reference.gradient()
        assert_close(value, expected, rtol=1e-12, atol=1e-13, what="value beside the gradient")
        size = 1e-9 * (1 + np.abs(gradient).max())
        v = np.random.default_rng(6).normal(size=gradient.size)
        assert_close(reference.tangent(v), np.array([gradient @ v]), rtol=1e-9, atol=size, what="forward")
        gradients.append(gradient)
    assert_close(gradients[0], gradients[1], rtol=1e-9, atol=size, what="gradient with and without passes")
    check_against_differences(function, args, gradients[0])


def check_natively(source: str, seed: int) -> None:
    function, args = compiled(source), arguments(seed)
    after = copy_arguments(args)
    expected = function(*after)
    if not finite(expected):
        return
    f = llad.jit_grad(function)
    value, gradient = f.value_and_grad(*args)
    assert_close(args, arguments(seed), rtol=0, what="arguments after the gradient")
    flat = flatten((gradient,))
    tight = 1e-11 * (1 + np.abs(flat).max())
    written = copy_arguments(args)
    assert_close((f(*written), written), (expected, after), rtol=1e-11, atol=tight, what="value")
    assert_close(value, expected, rtol=1e-11, atol=tight, what="value beside the gradient")
    v = np.random.default_rng(6).normal(size=flat.size)
    assert_close(flatten((push(f, args, v),)), np.array([flat @ v]), rtol=1e-8, atol=100 * tight, what="forward")
    check_against_differences(function, args, flat)


@budget(25)
@given(programs(), st.integers(0, 3))
def test_programs_of_hypothesis_interpreted(source: str, seed: int) -> None:
    check_on_the_interpreter(source, seed)


@budget(15)
@given(programs(), st.integers(4, 7))
def test_programs_of_hypothesis_natively(source: str, seed: int) -> None:
    check_natively(source, seed)


@pytest.mark.parametrize("seed", range(START, START + (MORE or 50)))
def test_seeded_program_interpreted(seed: int) -> None:
    check_on_the_interpreter(seeded(seed), seed)


@pytest.mark.parametrize("seed", range(START + 50, START + 50 + (MORE or 40)))
def test_seeded_program_natively(seed: int) -> None:
    check_natively(seeded(seed), seed)
