"""Checks that count what is on the heap."""

from __future__ import annotations

from typing import Any

from native import Native

from llad.ir.core import Function
from llad.testing import assert_close, copy_arguments

from .compare import precision, same_outcome
from .subject import Outcome
from .trial import Trial


def unoptimised(trial: Trial) -> None:
    """Machine code of IR without passes, every heap block counted, also when memory runs out."""
    reference = trial.traced
    natives: dict[Function, Native] = {}

    def run(fn: Function, args: Any) -> Any:
        if fn not in natives:
            natives[fn] = Native(fn)
        return starved(natives[fn], args)

    before, reference.run = reference.run, run
    try:
        found = trial.subject.run(lambda *_: reference.value(), ())
        assert found.error == trial.subject.plain.error, f"unoptimised raises {found.error}"
        if found.error is None:
            result, after = found.result
            same_outcome(Outcome(result, None, None, after), trial, "unoptimised", precision(trial))
            _, bars = reference.gradient()
            assert_close(bars, trial.gradient, 1e-9, 1e-9 * trial.scale, what="unoptimised gradient")
    finally:
        reference.run = before


def starved(made: Native, args: Any) -> Any:
    """The results of a call; that the same call with half of the memory it needs raises, and leaks nothing."""
    again, before = copy_arguments(tuple(args)), made.heap.requests
    results = made(*args)
    if used := made.heap.requests - before:
        made.heap.budget = made.heap.requests + used // 2
        try:
            made(*again)
        except MemoryError:
            made.heap.budget = 1 << 60
        else:
            raise AssertionError(f"went on with {used // 2} of {used} blocks of memory")
    return results
