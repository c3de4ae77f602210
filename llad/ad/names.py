"""What stands beside a primal value is named after it, so that a dump reads like the mathematics: `x`, `x_bar`."""

from __future__ import annotations

from llad.ir.core import Value


def bar(primal: Value) -> str:
    """The name of an adjoint or a shadow."""
    return _beside(primal, "bar")


def dot(primal: Value) -> str:
    """The name of a tangent."""
    return _beside(primal, "dot")


def tape(primal: Value) -> str:
    """The name of a tape."""
    return _beside(primal, "tape")


def _beside(primal: Value, suffix: str) -> str:
    return f"{primal.name}_{suffix}" if primal.name else suffix
