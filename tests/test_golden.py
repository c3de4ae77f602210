"""The IR of minimal programs, as it was traced, optimised and differentiated, in files that are read when they change.

`pytest --update-golden` writes `golden/*.txt`; then read the diff: it says what a change does to the code that llad
makes. A golden file is not a promise; that its programs are right is tested elsewhere.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from llad.ad.expand import expand
from llad.ad.forward import tangent
from llad.ad.reverse import gradient
from llad.compile import run_passes
from llad.frontend.signature import spec_of
from llad.frontend.trace import trace
from llad.ir.text import show
from llad.ir.types import carries_derivative

GOLDEN = Path(__file__).parent / "golden"


def expression(x, y):
    return x * y + math.sin(x)


def branch(x):
    if x > 0.0:
        return math.sqrt(x)
    return -x


def loop(x):
    s = 0.0
    for i in range(len(x)):
        s += x[i] * x[i]
    return s


def overwritten(x):
    for i in range(len(x)):
        x[i] = x[i] * x[i]
    return x[0] * x[-1]


def newton(a):
    x = a
    while abs(x * x - a) > 1e-10:
        x = 0.5 * (x + a / x)
    return x


def early_return(x, bound):
    s = 1.0
    for v in x:
        s *= v
        if s > bound:
            return s
    return bound


VECTOR = np.ones(3)
SUBJECTS: tuple[tuple[Callable[..., Any], tuple[Any, ...]], ...] = (
    (expression, (1.0, 2.0)),
    (branch, (1.0,)),
    (loop, (VECTOR,)),
    (overwritten, (VECTOR,)),
    (newton, (2.0,)),
    (early_return, (VECTOR, 2.0)),
)


def document(function: Callable[..., Any], args: tuple[Any, ...]) -> str:
    """Source, then every IR that is made of it."""
    traced = trace(function, tuple(map(spec_of, args))).function
    optimised = run_passes(expand(traced, run_passes))
    wrt = tuple(k for k, p in enumerate(optimised.params) if carries_derivative(p.type))
    sections = {
        "source": inspect.getsource(function),
        "traced": show(traced),
        "optimised": show(optimised),
        "gradient": show(run_passes(gradient(optimised, wrt))),
        "tangent": show(run_passes(tangent(optimised, wrt))),
    }
    return "\n\n".join(f"--- {name}\n{text.strip()}" for name, text in sections.items()) + "\n"


@pytest.mark.parametrize("function, args", SUBJECTS, ids=[f.__name__ for f, _ in SUBJECTS])
def test_golden(function: Callable[..., Any], args: tuple[Any, ...], request: pytest.FixtureRequest) -> None:
    path = GOLDEN / f"{function.__name__}.txt"
    text = document(function, args)
    assert text == document(function, args), "the same function twice gives different IR"
    if request.config.getoption("--update-golden"):
        path.write_text(text)
    assert path.read_text() == text, f"{path.name} differs: run `pytest --update-golden` and read the diff"
