"""What every means offers: a value and a gradient to be called, and what they come to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks.c_library import Array
from benchmarks.problems import Problem
from benchmarks.timing import Call

Results = tuple[list[Array], list[Array]]


@dataclass(frozen=True)
class Means:
    """What is timed, `value()` and `gradient()`, and what they come to: `results()` is the parts of both in order."""

    value: Call
    gradient: Call
    results: Callable[[], Results]


Maker = Callable[[Problem], Means]


def parts(structure: Any) -> list[Array]:
    """The arrays and numbers of a result."""
    whole = structure if isinstance(structure, tuple | list) else (structure,)
    return [np.asarray(part, dtype=float) for part in whole]


def means_of(value: Call, gradient: Call) -> Means:
    """Of calls of which one returns the value, the other the value and then a tuple of derivatives."""
    return Means(value, gradient, lambda: (parts(value()), parts(gradient()[1])))
