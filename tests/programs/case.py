"""What makes a function a program of the corpus."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True, eq=False)
class Program:
    """A function, arguments for it, and which variants make sense.

    `arguments` draws them from a generator that is seeded per program. `second`: forward over reverse is tested
    too. `f32`: a run in single precision is meaningful (off where a branch or trip count hangs on
    rounding, and where a name would be an f32 array at one time and an f64 array at another, which is refused).
    `exact`: the gradient, where the arguments lie on a branch point and differences cannot tell it. `step`: of
    the finite differences; smaller where branches are near. `scalar`: the result is one float; otherwise there
    is no gradient, only forward mode.
    """

    function: Callable[..., Any]
    arguments: Callable[[np.random.Generator], tuple[Any, ...]]
    second: bool = False
    f32: bool = True
    exact: tuple[Any, ...] | None = None
    step: float = 1e-3
    scalar: bool = True

    @property
    def name(self) -> str:
        return f"{self.function.__module__.rpartition('.')[2]}.{self.function.__name__}"

    def draw(self) -> tuple[Any, ...]:
        """The arguments, the same on every draw."""
        seed = sum(map(ord, self.name))
        return self.arguments(np.random.default_rng(seed))


def program(arguments: Callable[[np.random.Generator], tuple[Any, ...]], **options: Any) -> Callable[[F], F]:
    """Mark a function as a program of the corpus; the function itself is unchanged."""

    def mark(function: F) -> F:
        function.program = Program(function, arguments, **options)  # type: ignore[attr-defined]
        return function

    return mark


def programs_of(module: Any) -> list[Program]:
    """The programs of a module, in order of definition."""
    return [v.program for v in vars(module).values() if isinstance(getattr(v, "program", None), Program)]
