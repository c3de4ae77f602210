"""What a first call does not do twice, or need not do at all."""

from __future__ import annotations

import gc

import numpy as np

import llad
from llad import compile as pipeline
from llad import specialise


def test_value_and_derivatives_begin_with_one_function_after_the_passes(monkeypatch):
    begun = []
    usual = pipeline.run_passes

    def run_passes(fn, passes=pipeline.PASSES):
        begun.append((fn, passes))
        return usual(fn, passes)

    monkeypatch.setattr(pipeline, "run_passes", run_passes)

    def bent(x, y):
        return np.sum(x * y * y)

    stage = llad.jit(bent).dispatcher.program.stage((np.ones(3), np.ones(3)), ())
    for what, wrt in (("primal", ()), ("tangent", (0, 1)), ("gradient", (0,)), ("gradient", (0, 1))):
        stage.function(what, wrt)
    assert [passes for fn, passes in begun if fn is stage.traced.function and passes == pipeline.PASSES] == [
        pipeline.PASSES
    ]


def test_the_collector_waits_for_a_compile_and_works_again_afterwards(monkeypatch):
    seen = []
    usual = specialise.lower

    def lower(*args):
        seen.append(gc.isenabled())
        return usual(*args)

    monkeypatch.setattr(specialise, "lower", lower)
    assert llad.jit(lambda x: x + 1.0)(2.0) == 3.0
    assert seen == [False] and gc.isenabled()
