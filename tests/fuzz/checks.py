"""What must hold of every program. A check is a function of a `Trial` that raises when it does not.

Plain Python is right about values, written arguments and exceptions; differences of it about derivatives, wherever
they converge; and the modes of differentiation must agree with each other everywhere.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from llad.testing import assert_close, copy_arguments, directional_difference

from .compare import fails, precision, same_after_error, same_outcome
from .curvatures import curvature, nested
from .finished import finished
from .layouts import overlapping, strided
from .memory import unoptimised
from .singles import single
from .structured import structured
from .trial import Trial

Check = Callable[[Trial], None]

# -- interpreted


def interpreted(trial: Trial) -> None:
    """The IR as it is traced, and as the passes leave it: values, reverse and forward mode."""
    if fails(trial):
        for reference, what in ((trial.traced, "traced"), (trial.optimised, "optimised")):
            found, expected = trial.interpret(reference), trial.subject.plain
            assert found.error == expected.error, f"{what} raises {found.error}, expected {expected.error}"
            same_after_error(found, trial, what, expected)
        return
    value, gradient = trial.interpreted
    tight = 1e-9 * trial.scale
    same_outcome(trial.interpret(trial.traced), trial, "traced", precision(trial))
    same_outcome(trial.interpret(trial.optimised), trial, "optimised", precision(trial))
    assert_close(value, trial.subject.plain.result, 1e-11, tight, what="value beside the interpreted gradient")
    _, again = trial.optimised.gradient()
    assert_close(again, gradient, 1e-9, tight, what="gradient with passes against without")
    v = trial.direction(6)
    for reference, what in ((trial.traced, "traced"), (trial.optimised, "optimised")):
        assert_close(reference.tangent(v), np.array([gradient @ v]), 1e-9, 10 * tight, what=f"{what} forward mode")
    differences(trial)


# -- machine code


def value(trial: Trial) -> None:
    """Twice, because the second call takes another way in."""
    for _ in range(2):
        same_outcome(trial.subject.run(trial.native, trial.subject.args), trial, "native", precision(trial))


def gradient(trial: Trial) -> None:
    found, expected = trial.pulled, trial.subject.plain
    got, wanted = (found.error, found.line), (expected.error, expected.line)
    assert got == wanted, f"gradient raises {got}, expected {wanted}"
    assert_close(found.after, trial.subject.args, rtol=0, what="arguments after the gradient")
    if expected.error:
        return
    tight = 1e-11 * trial.scale
    assert_close(found.result[0], expected.result, 1e-11, tight, what="value beside the gradient")
    again = trial.subject.run(trial.native.value_and_grad, trial.subject.args).result
    assert_close(again, found.result, rtol=0, what="second call")
    differences(trial)


def forward(trial: Trial) -> None:
    v = trial.direction(6)
    if fails(trial):
        args = copy_arguments(trial.subject.args)
        tangents = trial.tangents(v)
        found = trial.subject.run(lambda *_: trial.native.jvp(args, tangents), ())
        got, wanted = (found.error, found.line), (trial.subject.plain.error, trial.subject.plain.line)
        assert got == wanted, f"forward mode raises {got}, expected {wanted}"
        return
    result, dot = trial.push(v)
    assert_close(result, trial.subject.plain.result, 1e-11, 1e-11 * trial.scale, what="value beside the tangent")
    assert_close(dot, trial.gradient @ v, 1e-9, 1e-8 * trial.scale, what="forward against reverse")


def differences(trial: Trial) -> None:
    """Reverse mode against differences of plain Python along random directions, wherever these converge."""
    function, args = trial.subject.function, trial.subject.args
    for seed in (7, 8):
        v = trial.direction(seed)
        try:
            estimate, error = directional_difference(lambda *a: float(function(*a)), args, v, step=1e-4)
        except Exception:  # a branch that raises is near
            return
        size = 1 + abs(estimate[0])
        if error[0] > 1e-8 * size or abs(trial.gradient @ v - estimate[0]) <= 1e-5 * size + 1e-6:
            continue
        if one_sided(trial, v, 1) < 1e-3 * size and one_sided(trial, v, -1) < 1e-3 * size:
            assert_close(trial.gradient @ v, estimate[0], 1e-5, 1e-6, what="reverse against differences")


def one_sided(trial: Trial, v: Any, sign: int) -> float:
    """How much the central difference a little to one side differs from that at the arguments: a kink shows."""
    moved = [
        a + sign * 2e-4 * d if d is not None else a for a, d in zip(trial.subject.args, trial.tangents(v), strict=True)
    ]
    function = trial.subject.function
    here, _ = directional_difference(lambda *a: float(function(*a)), trial.subject.args, v, step=1e-4)
    there, _ = directional_difference(lambda *a: float(function(*a)), tuple(moved), v, step=1e-4)
    return abs(float(here[0] - there[0]))


INTERPRETED: tuple[Check, ...] = (interpreted,)
NATIVE: tuple[Check, ...] = (value, gradient, forward)
HARD: tuple[Check, ...] = (curvature, nested, strided, overlapping, single, unoptimised, structured, finished)
