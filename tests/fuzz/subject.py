"""A program with its arguments, and what plain Python makes of it."""

from __future__ import annotations

import itertools
import linecache
import math
import sys
import traceback
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from llad.diagnostics import LladError
from llad.testing import copy_arguments

COUNT = itertools.count()
STEPS = 50_000  # lines that a program may run in plain Python
RAISED = ("IndexError", "ZeroDivisionError", "AssertionError", "ValueError", "OverflowError")  # what llad raises too


class Endless(Exception):
    """The program runs too many lines: it is none."""


@dataclass(frozen=True)
class Outcome:
    """What a call did: its result, or the type of the exception and its line; the arguments afterwards."""

    result: Any
    error: str | None
    line: int | None
    after: Any


@dataclass(eq=False)
class Subject:
    """`source` defines `f`; `exact`: its result is the same to the bit on every machine."""

    source: str
    args: tuple[Any, ...]
    exact: bool = False

    @cached_property
    def file(self) -> str:
        """A name under which `inspect` finds the text."""
        name = f"<program {next(COUNT)}>"
        linecache.cache[name] = (len(self.source), None, self.source.splitlines(keepends=True), name)
        return name

    @cached_property
    def function(self) -> Callable[..., Any]:
        namespace: dict[str, Any] = {"__name__": __name__}  # of a module that there is: dataclasses look for it
        with warnings.catch_warnings(action="ignore", category=SyntaxWarning):  # `0 is x` and such
            code = compile(self.source, self.file, "exec")
        exec(code, namespace)
        function: Callable[..., Any] = namespace["f"]
        return function

    @cached_property
    def plain(self) -> Outcome:
        """Plain Python, for the arguments."""
        return self.run(self.function, self.args)

    def run(self, function: Callable[..., Any], args: tuple[Any, ...]) -> Outcome:
        """What `function` does with copies of `args`."""
        return outcome(function, copy_arguments(args), self.file)

    @cached_property
    def sound(self) -> bool:
        """Whether the program makes sense: it ends, with a finite float or an exception that llad has too."""
        try:
            _ = self.function
        except Exception:  # it cannot even be defined
            return False
        try:
            limited(self.function, copy_arguments(self.args), self.file)
        except (Endless, LladError):  # the latter if a derivative inside is refused
            return False
        except Exception:
            return self.plain.error in RAISED
        result = self.plain.result
        return isinstance(result, float | np.floating) and math.isfinite(result)


def outcome(function: Callable[..., Any], args: tuple[Any, ...], file: str) -> Outcome:
    """What `function` does with `args`, which it may write."""
    try:
        with np.errstate(all="ignore"):
            return Outcome(function(*args), None, None, args)
    except LladError:  # refused: nothing to compare
        raise
    except Exception as error:
        return Outcome(None, type(error).__name__, line_of(error, file), args)


def line_of(error: Exception, file: str) -> int | None:
    """The line of the program that raised."""
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == file]
    if lines:
        return lines[-1]
    _, _, number = str(error).rpartition("line ")  # llad's end in "(file, line 7)"
    return int(number.rstrip(")")) if number.rstrip(")").isdigit() else None


def limited(function: Callable[..., Any], args: tuple[Any, ...], file: str) -> None:
    """Run `function` for as many lines as a program may take.

    Raises: Endless, or what the function raises.
    """
    left = STEPS

    def step(frame: Any, event: str, _: Any) -> Any:
        nonlocal left
        if frame.f_code.co_filename != file:
            return None
        left -= 1
        if left < 0:
            raise Endless
        return step

    before = sys.gettrace()
    sys.settrace(step)
    try:
        with np.errstate(all="ignore"):
            function(*args)
    finally:
        sys.settrace(before)
