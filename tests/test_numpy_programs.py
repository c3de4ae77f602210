"""Functions as people write them with NumPy (`programs/numpy`): value and gradient, against NumPy and differences of it.

One compilation serves both sizes, and the second size has other arguments: views with gaps, read backwards.
"""

from __future__ import annotations

import importlib
import pkgutil
from typing import Any

import numpy as np
import programs.numpy
import pytest
from programs.numpy.example import Example, examples_of

import llad
from llad.testing import assert_close, copy_arguments, finite_differences, flatten

EXAMPLES = [
    e
    for module in sorted(m.name for m in pkgutil.iter_modules(programs.numpy.__path__))
    for e in examples_of(importlib.import_module(f"programs.numpy.{module}"))
]
DIRECTIONS = 3


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda e: e.name)
def test_value_and_gradient_are_those_of_numpy(example: Example) -> None:
    f = llad.jit_grad(example.function)
    for n in (4, 6):
        args = example.draw(n)
        kept = copy_arguments(args)
        value, gradient = f.value_and_grad(*args)
        assert_close(args, kept, rtol=0, what="arguments afterwards")
        assert_close(value, f.py_func(*kept), rtol=1e-11, atol=1e-13)
        bars = flatten((gradient,))
        directions = np.random.default_rng(n).normal(size=(DIRECTIONS, bars.size))
        truth = finite_differences(f.py_func, args, list(directions), example.step)[:, 0]
        scale = 1e-9 * max(1.0, float(np.max(np.abs(truth))))
        assert_close(directions @ bars, truth, rtol=1e-7, atol=scale, what="gradient along random directions")
