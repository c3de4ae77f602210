"""Checks of programs whose main function takes and returns structures."""

from __future__ import annotations

from typing import Any

import llad
from llad.testing import assert_close, copy_arguments, flatten, unflatten

from .compare import fails, precision, same_outcome
from .subject import outcome
from .trial import Trial


def structured(trial: Trial) -> None:
    """`g` called with structures: its results, its pullback and its tangents are those of `f`, which wraps it."""
    scope = trial.subject.function.__globals__
    if not {"g", "pack", "total"} <= scope.keys():
        return
    g, total, file = scope["g"], scope["total"], trial.subject.file

    def packed() -> Any:
        return scope["pack"](*copy_arguments(trial.subject.args))

    expected = outcome(g, packed(), file)
    native = llad.jit(g)
    for _ in range(2):
        found = outcome(native, packed(), file)
        if fails(trial):
            assert (found.error, found.line) == (expected.error, expected.line), f"structured raises {found.error}"
        else:
            same_outcome(found, trial, "structured", precision(trial), expected)
    pulled = outcome(lambda *args: llad.vjp(g, *args), packed(), file)
    got, wanted = (pulled.error, pulled.line), (expected.error, expected.line)
    assert got == wanted, f"vjp raises {got}, expected {wanted}"
    assert_close(pulled.after, packed(), rtol=0, what="arguments after vjp")
    if fails(trial):
        return
    value, pull = pulled.result
    tight = 1e-9 * trial.scale
    assert_close(value, expected.result, 1e-9, tight, what="value beside the pullback")
    seed = llad.grad(total)(value)
    for what in ("pullback", "pullback once more"):
        assert_close(flatten(tuple(pull(seed))), trial.gradient, 1e-9, tight, what=what)
    v = trial.direction(6)
    args = packed()
    value, dots = llad.jvp(g, args, unflatten(v, args, lambda _: None))
    assert_close(value, expected.result, 1e-9, tight, what="value beside structured tangents")
    assert_close(flatten((seed,)) @ flatten((dots,)), trial.gradient @ v, 1e-9, 10 * tight, what="structured tangents")
