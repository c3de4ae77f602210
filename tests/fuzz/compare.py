"""What checks have in common."""

from __future__ import annotations

from llad.testing import assert_close

from .subject import Outcome
from .trial import Trial


def same_outcome(
    actual: Outcome, trial: Trial, what: str, rtol: float = 1e-11, expected: Outcome | None = None
) -> None:
    """`actual` is what plain Python did: result, error and its line, arguments afterwards."""
    expected = expected or trial.subject.plain
    got, wanted = (actual.error, actual.line), (expected.error, expected.line)
    assert got == wanted, f"{what} raises {got}, expected {wanted}"
    atol = rtol
    if expected.error is None:
        atol = rtol if trial.subject.plain.error else rtol * trial.scale
        assert_close(actual.result, expected.result, rtol, atol, what=what)
    assert_close(actual.after, expected.after, rtol, atol, what=f"arguments after {what}")


def fails(trial: Trial) -> bool:
    return trial.subject.plain.error is not None


def precision(trial: Trial) -> float:
    """How near a value must be, relatively."""
    return 0.0 if trial.subject.exact else 1e-11
