"""`import` in a function, and `with np.errstate(…)`: what Python does when it comes by is done when the trace does.

`desugar.py` has made assignments of imports, and has put the statements inside such a `with` behind it: compiled code
warns of nothing, so there is nothing to enter.
"""

from __future__ import annotations

import ast
import importlib.util
from contextlib import suppress
from typing import Any

import numpy as np

from llad.frontend.attributes import attribute
from llad.frontend.core import Tracer
from llad.frontend.desugar import Imported

_QUIET = ("ignore", "warn")


def imported(t: Tracer, node: Imported) -> Any:
    """The module, or what is imported from it."""
    name = _absolute(t, node)
    try:
        module = t.guards.module(name)
        if node.name is None:
            return module
        if node.name not in vars(module) and hasattr(module, "__path__"):  # perhaps a module of the package
            with suppress(ModuleNotFoundError):
                t.guards.module(f"{name}.{node.name}")
    except ImportError as error:
        t.refuse("static-error", error=error)
    return attribute(t, module, node.name)


def _absolute(t: Tracer, node: Imported) -> str:
    """The full name of the module; dots begin at the package of the function."""
    if not node.level:
        return node.module
    frame = t.frame
    while frame.function is None:
        assert frame.parent is not None
        frame = frame.parent
    package = t.guards.free(frame.function, "__package__")
    try:
        return importlib.util.resolve_name("." * node.level + node.module, package)
    except ImportError as error:
        t.refuse("static-error", error=error)


def enter(t: Tracer, node: ast.With) -> None:
    """`with np.errstate(…)`."""
    for item in node.items:
        quiet(t, item.context_expr, item.optional_vars)


def quiet(t: Tracer, call: ast.expr, target: ast.expr | None) -> None:
    """`np.errstate(…)` that is not to raise."""
    if target is not None or not isinstance(call, ast.Call) or call.args:
        t.refuse("with")
    if t.eval(call.func) is not np.errstate or any(t.eval(k.value) not in _QUIET for k in call.keywords):
        t.refuse("with")
