"""Checks with the same arguments in other memory: with gaps, backwards, overlapping."""

from __future__ import annotations

from typing import Any

import numpy as np

import llad
from llad.testing import assert_close, copy_arguments, flatten

from .compare import fails, precision, same_outcome
from .subject import outcome
from .trial import Trial


def spread(array: Any) -> Any:
    """The same elements, every second one of other memory, backwards along the last axis."""
    blank = np.nan if array.dtype.kind == "f" else array.dtype.type(10**6)
    memory = np.full([2 * n + 1 for n in array.shape], blank, array.dtype)
    view = memory[tuple([slice(1, None, 2)] * array.ndim)][..., ::-1]
    view[...] = array
    return view


def strided(trial: Trial) -> None:
    """Arguments with gaps and negative strides; a matrix in Fortran's order."""
    x, y, m, *rest = trial.subject.args
    k = rest.pop()
    args = (spread(x), spread(y), np.asfortranarray(m), *rest, spread(k))
    same_outcome(trial.subject.run(trial.native, args), trial, "native strided", precision(trial))
    found = trial.subject.run(trial.native.value_and_grad, args)
    assert (found.error, found.line) == (trial.subject.plain.error, trial.subject.plain.line), "strided gradient raises"
    assert_close(found.after, args, rtol=0, what="arguments after the strided gradient")
    if not fails(trial):
        got = flatten((found.result[1],))
        assert_close(got, trial.gradient, 1e-9, 1e-9 * trial.scale, what="strided gradient against contiguous")


def overlapping(trial: Trial) -> None:
    """The same array passed twice, and views that overlap: values as in Python, gradients right or refused."""
    x, y, m, *rest = trial.subject.args
    whole = np.concatenate((x, y))
    n = len(x)
    for make in (
        lambda b: (b[:n], b[:n]), lambda b: (b[:n], b[:n][::-1]), lambda b: (b[:n], b[n // 2 : n // 2 + n]),
        lambda b: (b[:n], b[n - 1 : 2 * n - 1]),
    ):  # fmt: skip

        def args(make: Any = make) -> tuple[Any, ...]:
            return (*make(whole.copy()), m.copy(), *copy_arguments(tuple(rest)))

        expected = outcome(trial.subject.function, args(), trial.subject.file)
        found = outcome(trial.native, args(), trial.subject.file)
        same_outcome(found, trial, "native with overlap", precision(trial), expected, args())
        if fails(trial) or expected.error:
            continue
        try:
            _, gradient = trial.native.value_and_grad(*args())
        except llad.LladError as error:
            if "overlap" not in str(error):
                raise
            continue
        assert_close(
            expected.after[:2], args()[:2], rtol=0, what="written although the gradient was given with overlap"
        )
        apart = copy_arguments(args())
        assert_close(gradient, trial.native.grad(*apart), 1e-9, 1e-9 * trial.scale, what="gradient with overlap")
