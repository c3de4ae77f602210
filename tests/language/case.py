"""What makes a function a case of the language."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any


def case(*args: Any) -> Callable[[Any], Any]:
    """Note the arguments at the function, which is unchanged."""

    def note(function: Any) -> Any:
        function.arguments = args
        return function

    return note


def cases_of(module: ModuleType) -> list[tuple[Callable[..., Any], tuple[Any, ...]]]:
    """The functions of a module that are cases, with their arguments."""
    return [(v, v.arguments) for v in vars(module).values() if hasattr(v, "arguments")]
