"""What arguments may hold after an error besides what Python leaves in them: their state when a loop began.

Checks that follow from the bounds of a `for` loop may be made before it (`docs/errors.md`). When one fails, no
iteration has run, so what the loop would have written until then is not written.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from llad.testing import copy_arguments

from .subject import Subject


def states_when_loops_began(subject: Subject, args: tuple[Any, ...]) -> list[Any]:
    """The arguments as they were when each of the loops began in which plain Python raises for `args`.

    Only of loops that may be checked beforehand.
    """
    late = ast.While | ast.Break | ast.Return  # these leave the checks of a loop where they are
    loops = {
        node.lineno: node.end_lineno or node.lineno
        for node in ast.walk(ast.parse(subject.source))
        if isinstance(node, ast.For) and not any(isinstance(n, late) for n in ast.walk(node))
    }
    before: dict[Any, int] = {}  # the line that each frame ran last
    states: dict[Any, dict[int, Any]] = {}  # of the loops of each frame, by the line where they stand

    def step(frame: Any, event: str, _: Any) -> Any:
        if frame.f_code.co_filename != subject.file:
            return None
        line, last = frame.f_lineno, before.get(frame, 0)
        if event == "line":
            if line in loops and not line < last <= loops[line]:
                states.setdefault(frame, {})[line] = copy_arguments(args)
            before[frame] = line
        return step

    return [
        state
        for frame, line in raised(subject.function, args, step)
        for first, state in states.get(frame, {}).items()
        if first < line <= loops[first]
    ]


def raised(function: Callable[..., Any], args: tuple[Any, ...], step: Any) -> list[tuple[Any, int]]:
    """The frames, with their lines, through which the exception came; while `step` watches."""
    outer = sys.gettrace()
    sys.settrace(step)
    try:
        with np.errstate(all="ignore"):
            function(*args)
    except Exception as error:
        found, at = [], error.__traceback__
        while at is not None:
            found.append((at.tb_frame, at.tb_lineno))
            at = at.tb_next
        return found
    finally:
        sys.settrace(outer)
    return []
