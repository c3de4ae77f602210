"""Checks in single precision."""

from __future__ import annotations

from typing import Any

import numpy as np

from llad.testing import assert_close, flatten

from .compare import fails
from .trial import Trial


def narrow(tree: Any) -> Any:
    if isinstance(tree, tuple):
        return tuple(map(narrow, tree))
    if isinstance(tree, np.ndarray):
        return tree.astype(np.float32) if tree.dtype.kind == "f" else tree
    return np.float32(tree) if isinstance(tree, float) else tree


def single(trial: Trial) -> None:
    """In f32: against plain Python in f32, and the modes against each other; as near as rounding lets them be."""
    args = narrow(trial.subject.args)
    expected = trial.subject.run(trial.subject.function, args)
    if fails(trial) or expected.error or not np.isfinite(expected.result):
        return
    _, wide = trial.native.value_and_grad(*trial.subject.args)
    wide = flatten((wide,))
    slack = 0.0  # how much the gradient and the value change by rounding of the arguments
    moved_value = 0.0
    for seed in range(3):
        v = 3e-6 * np.random.default_rng(seed).uniform(-1, 1, trial.size)
        moved = tuple(a + d if d is not None else a for a, d in zip(trial.subject.args, trial.tangents(v), strict=True))
        with np.errstate(all="ignore"):
            value, other = trial.native.value_and_grad(*moved)
        slack = max(slack, float(np.abs(flatten((other,)) - wide).max()))
        moved_value = max(moved_value, abs(value - trial.subject.plain.result))
    tight = 1e-4 * trial.scale + 100 * slack
    if slack > 1e-2 * trial.scale or moved_value > 1e-3 * trial.scale:
        return
    near = 1e-5 * trial.scale + 100 * moved_value
    same = trial.subject.run(trial.native, args)
    assert same.error is None, f"single precision raises {same.error}"
    assert_close(same.result, expected.result, 1e-5, near, what="value in single precision")
    assert_close(same.after, expected.after, 1e-5, near, what="arguments after single precision")
    _, gradient = trial.native.value_and_grad(*args)
    assert_close(flatten((gradient,)), wide, 1e-3, tight, what="gradient in single precision")
    v = trial.direction(6)
    _, dot = trial.push(v, args)
    assert_close(flatten((dot,)), np.array([wide @ v]), 1e-3, 10 * tight, what="forward mode in single precision")
