"""What makes a function an example of NumPy code."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True, eq=False)
class Example:
    """A function of arrays whose result is one float.

    `arguments(generator, n)` draws them for size `n`. `step`: of the finite differences; smaller where a kink may be
    near.
    """

    function: Callable[..., Any]
    arguments: Callable[[np.random.Generator, int], tuple[Any, ...]]
    step: float

    @property
    def name(self) -> str:
        return f"{self.function.__module__.rpartition('.')[2]}.{self.function.__name__}"

    def draw(self, n: int) -> tuple[Any, ...]:
        """The arguments for size `n`, the same on every draw."""
        return self.arguments(np.random.default_rng(sum(map(ord, self.name)) + n), n)


def example(arguments: Callable[[np.random.Generator, int], tuple[Any, ...]], step: float = 1e-3) -> Callable[[F], F]:
    """Mark a function as an example; the function itself is unchanged."""

    def mark(function: F) -> F:
        function.example = Example(function, arguments, step)  # type: ignore[attr-defined]
        return function

    return mark


def examples_of(module: Any) -> list[Example]:
    """The examples of a module, in order of definition."""
    return [v.example for v in vars(module).values() if isinstance(getattr(v, "example", None), Example)]
