"""Random Python programs: value as in plain Python, reverse = forward = differences, interpreted and native.

Derandomised: the same programs on every run. `LLAD_RANDOM=1000` asks for more of them, and other ones.
"""

from __future__ import annotations

import os
from typing import Any

import numpy as np
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from random_programs import arguments, compiled, finite, programs
from reference import Reference

import llad
from llad.testing import assert_close, copy_arguments, directional_difference, flatten, push

MORE = int(os.environ.get("LLAD_RANDOM", "0"))


def budget(examples: int) -> Any:
    return settings(
        max_examples=MORE or examples,
        derandomize=not MORE,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )


def check_against_differences(function: Any, args: Any, gradient: Any) -> None:
    """Reverse mode against differences along random directions, wherever these converge."""
    for v in np.random.default_rng(7).normal(size=(3, gradient.size)):
        estimate, error = directional_difference(function, args, v, step=1e-4)
        if error[0] < 1e-8 * (1 + abs(estimate[0])):
            assert_close(gradient @ v, estimate[0], rtol=1e-5, atol=1e-6, what="reverse against differences")


@budget(60)
@given(programs(), st.integers(0, 3))
def test_on_the_interpreter(source: str, seed: int) -> None:
    function, args = compiled(source), arguments(seed)
    after = copy_arguments(args)
    expected = function(*after)
    assume(finite(expected) and abs(expected) < 1e6)
    gradients = []
    for optimised in (False, True):
        reference = Reference(function, args, optimised)
        assert_close(reference.value(), (expected, after), rtol=1e-12, atol=1e-13, what="value")
        value, gradient = reference.gradient()
        assert_close(value, expected, rtol=1e-12, atol=1e-13, what="value beside the gradient")
        assume(np.abs(gradient).max() < 1e6)
        size = 1e-9 * (1 + np.abs(gradient).max())
        v = np.random.default_rng(6).normal(size=gradient.size)
        assert_close(reference.tangent(v), np.array([gradient @ v]), rtol=1e-9, atol=size, what="forward")
        gradients.append(gradient)
    assert_close(gradients[0], gradients[1], rtol=1e-9, atol=size, what="gradient with and without passes")
    check_against_differences(function, args, gradients[0])


@budget(40)
@given(programs(), st.integers(4, 7))
def test_natively(source: str, seed: int) -> None:
    function, args = compiled(source), arguments(seed)
    after = copy_arguments(args)
    expected = function(*after)
    assume(finite(expected) and abs(expected) < 1e6)
    f = llad.jit_grad(function)
    written = copy_arguments(args)
    value, gradient = f.value_and_grad(*args)
    assume(np.abs(flatten((gradient,))).max() < 1e4)
    tight = 1e-11 * (1 + np.abs(flatten((gradient,))).max())
    assert_close((f(*written), written), (expected, after), rtol=1e-11, atol=tight, what="value")
    assert_close(args, arguments(seed), rtol=0, what="arguments after the gradient")
    assert_close(value, expected, rtol=1e-11, atol=tight, what="value beside the gradient")
    flat = flatten((gradient,))
    v = np.random.default_rng(6).normal(size=flat.size)
    assert_close(flatten((push(f, args, v),)), np.array([flat @ v]), rtol=1e-8, atol=100 * tight, what="forward")
    check_against_differences(function, args, flat)
