"""What checks have in common."""

from __future__ import annotations

from typing import Any

from llad.testing import assert_close, copy_arguments

from .begun import states_when_loops_began
from .subject import Outcome
from .trial import Trial


def same_outcome(
    actual: Outcome, trial: Trial, what: str, rtol: float = 1e-11, expected: Outcome | None = None, args: Any = None
) -> None:
    """`actual` is what plain Python did (for `args`): result, error and its line, arguments afterwards."""
    expected = expected or trial.subject.plain
    got, wanted = (actual.error, actual.line), (expected.error, expected.line)
    assert got == wanted, f"{what} raises {got}, expected {wanted}"
    atol = rtol
    if expected.error is None:
        atol = rtol if trial.subject.plain.error else rtol * trial.scale
        assert_close(actual.result, expected.result, rtol, atol, what=what)
    if expected.error is None:
        assert_close(actual.after, expected.after, rtol, atol, what=f"arguments after {what}")
    else:
        same_after_error(actual, trial, what, expected, args, rtol)


def same_after_error(
    actual: Outcome, trial: Trial, what: str, expected: Outcome, args: Any = None, rtol: float = 1e-11
) -> None:
    """The arguments are what Python leaves in them when it raises, or what they were when a loop around that began."""
    try:
        assert_close(actual.after, expected.after, rtol, rtol, what=f"arguments after {what}")
    except AssertionError:
        args = copy_arguments(trial.subject.args if args is None else args)
        for state in states_when_loops_began(trial.subject, args):
            if close(actual.after, state, rtol):
                return
        raise


def close(actual: Any, expected: Any, rtol: float) -> bool:
    try:
        assert_close(actual, expected, rtol, rtol)
    except AssertionError:
        return False
    return True


def fails(trial: Trial) -> bool:
    return trial.subject.plain.error is not None


def precision(trial: Trial) -> float:
    """How near a value must be, relatively."""
    return 0.0 if trial.subject.exact else 1e-11
