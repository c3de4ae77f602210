"""A check that interprets what machine code is made of, and shows what machine code hides.

Where the program after all passes reads memory that nobody wrote, or that is not there, machine code finds some number:
perhaps the right one, today. The interpreter stops. (It lets pass what is computed in vain, and seen by nobody.)
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from reference import rebuild, runtime_leaves

from llad.ir.core import BLANK
from llad.ir.interp import run
from llad.program import Program, Stage
from llad.testing import Vector, assert_close, copy_arguments, flatten

from .compare import precision, same_outcome
from .subject import Outcome
from .trial import Trial


def finished(trial: Trial) -> None:
    """The IR after all passes, where sums have Python's order and where they have any: the value is that of Python, the
    gradient that of machine code."""
    for fastmath in (False, True):
        stage = Program(trial.subject.function, fastmath).stage(trial.subject.args)
        rtol, what = (1e-8, "finished fast") if fastmath else (precision(trial), "finished")
        value, gradient = (_outcome(trial, stage, of) for of in (_value, _gradient))
        if value.error is None:
            near = max(rtol, 1e-9)
            same_outcome(value, trial, f"{what} value", rtol)
            pulled = flatten((trial.pulled.result[1],))
            assert_close(gradient.result, pulled, near, near * trial.scale, what=f"{what} gradient")
            assert_close(gradient.after, trial.subject.args, rtol=0, what=f"arguments after the {what} gradient")


def _outcome(trial: Trial, stage: Stage, of: Callable[..., Any]) -> Outcome:
    """What the interpreter does where it does what Python does.

    Raises: what the interpreter raises, and Python does not.
    """
    args, expected = copy_arguments(trial.subject.args), trial.subject.plain.error
    try:
        with np.errstate(all="ignore"):
            result = of(stage, *args)
    except Exception as error:
        if type(error).__name__ != expected:
            raise
        return Outcome(None, expected, None, args)
    assert expected is None, f"finished {of.__name__} raises nothing, expected {expected}"
    return Outcome(result, None, None, args)


def _value(stage: Stage, *args: Any) -> Any:
    leaves = runtime_leaves(args)
    results = run(stage.lowerable("primal", (), False), [*leaves, *stage.traced.captured], in_vain=True)
    return rebuild(stage.traced.result, results, leaves)


def _gradient(stage: Stage, *args: Any) -> Vector:
    """The flat gradient. Memory that the caller need not clear is full of what is no number."""
    leaves, wrt = runtime_leaves(args), stage.differentiable
    fn, given = stage.lowerable("gradient", wrt, False), [*leaves, *stage.traced.captured]
    shadows = {k: np.zeros_like(leaves[k], order="C") for k in wrt if isinstance(leaves[k], np.ndarray)}
    for number, shadow in enumerate(shadows.values(), len(given)):
        if number in fn.attrs.get(BLANK, ()):
            shadow.fill(np.nan)
    _, *rest = run(fn, [*given, *shadows.values()], in_vain=True)
    scalars = iter(rest)
    return flatten(tuple(shadows[k] if k in shadows else float(next(scalars)) for k in wrt))
