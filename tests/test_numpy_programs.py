"""Functions as people write them with NumPy (`programs/numpy`): value and gradient, against NumPy and its differences.

One compilation serves all sizes.
"""

from __future__ import annotations

import importlib
import pkgutil

import numpy as np
import programs.numpy
import pytest
from programs.numpy.example import Example, examples_of

import llad
from llad.testing import assert_close, copy_arguments, finite_differences, flatten

pytestmark = pytest.mark.usefixtures("quick_code")

EXAMPLES = [
    e
    for module in sorted(m.name for m in pkgutil.iter_modules(programs.numpy.__path__))
    for e in examples_of(importlib.import_module(f"programs.numpy.{module}"))
]
SIZES = (4, 6)
DIRECTIONS = 3


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda e: e.name)
def test_value_and_gradient_are_those_of_numpy(example: Example) -> None:
    floats = tuple(k for k, arg in enumerate(example.draw(SIZES[0])) if flatten(arg).size)
    f = llad.jit_grad(example.function, argnums=floats)  # what is left at its default is held fixed
    for n in SIZES:
        args = example.draw(n)
        before = copy_arguments(args)
        value, gradient = f.value_and_grad(*args)
        assert_close(args, before, rtol=0, what="arguments afterwards")
        assert_close(value, f.py_func(*before), rtol=1e-11, atol=1e-13)
        reverse = flatten((gradient,))
        directions = np.random.default_rng(n).normal(size=(DIRECTIONS, reverse.size))
        differences = finite_differences(f.py_func, args, list(directions), example.step)[:, 0]
        scale = 1e-9 * max(1.0, float(np.max(np.abs(differences))))
        assert_close(directions @ reverse, differences, rtol=1e-7, atol=scale, what="reverse against differences")
