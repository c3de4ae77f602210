"""What some paths give and is `None` elsewhere: `best = None`, and a loop that sets it.

    best = None                             a run-time bool says whether `best` is there; `best is None` asks it
    for x in values:
        if best is None or x > best:        behind such a question (`assumed.py`) it is one or the other;
            best = x                        elsewhere arithmetic with it raises where it is `None`, as in Python

It stays open where it is handed on: assigned, returned, given to a function, chosen by `or` or a conditional
expression. What else might take `None` for something is not given it (`Tracer.eval`, `given`).
"""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from functools import partial
from types import FunctionType, MethodType
from typing import Any

import numpy as np

from llad.frontend.core import Tracer
from llad.frontend.state import Bound, Closure
from llad.frontend.values import OrNone, Record
from llad.ir.core import Value
from llad.structures import of_library

# What NumPy computes of any objects.
_OF_ANYTHING = frozenset({"equal", "not_equal", "logical_and", "logical_or", "logical_not", "logical_xor"})

# What raises a `TypeError` for `None`: as any of the arguments, or as one of the first ones.
_OF_NUMBERS = (abs, min, max, round, float, int, range, zip)
_OF_ONE = (
    len, sum, list, tuple, enumerate, sorted, reversed, any, all,
    np.mean, np.std, np.var, np.median, np.ptp, np.linalg.norm,
)  # fmt: skip
_OF_TWO = (np.dot, np.inner, np.outer)

# What gives `None` for `None`, with which nothing can be computed: it raises here.
_KEEPING = (np.sum, np.prod, np.max, np.min, np.amax, np.amin)

# What is traced as Python is, so that it may ask what it is given.
_TRACED = (Closure, Bound, FunctionType, MethodType, partial, Record)


def present(t: Tracer, value: Any, doing: str, error: str = "TypeError") -> Any:
    """The value, which must not be `None` here: a run-time check, if it may be. `doing`: what Python says of it."""
    if not isinstance(value, OrNone):
        return value
    value = t.assumed.narrow(value)
    if isinstance(value, OrNone):
        t.builder.check(value.there.value, error, doing)
        value = value.inner
    return value


def narrow_names(t: Tracer, flag: Value) -> None:
    """Let names hold what they are, or `None`, where a flag says which: it holds from here on."""
    known = t.assumed.following(flag, True)
    for name, value in t.state.values.items():
        if isinstance(value, OrNone) and value.there.value in known:
            t.state.values[name] = value.inner if known[value.there.value] else None


def operand(t: Tracer, node: ast.expr) -> Any:
    """The value of an operand."""
    return present(t, t.open(node), "unsupported operand type: 'NoneType'")


def owner(t: Tracer, node: ast.expr, attribute: str) -> Any:
    """The value of which an attribute is asked for."""
    return present(t, t.open(node), f"'NoneType' object has no attribute '{attribute}'", "AttributeError")


def given(t: Tracer, function: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Sequence[Any]:
    """The arguments of a call. What is not traced is refused what may be `None`, unless Python raises for that."""
    traced = isinstance(function, type) and not of_library(function.__module__)
    values = (*args, *kwargs.values())
    if traced or isinstance(function, _TRACED) or not any(isinstance(v, OrNone) for v in values):
        return args
    wanted = _wanted(function, len(args))
    if not wanted or any(isinstance(v, OrNone) for v in (*args[wanted:], *kwargs.values())):
        t.refuse_or_none(next(v for v in values if isinstance(v, OrNone)))
    return [present(t, arg, f"{function.__name__} of 'NoneType'") for arg in args]


def _wanted(function: Any, count: int) -> int:
    """How many arguments must not be `None`: the first ones."""
    if isinstance(function, np.ufunc):
        return 0 if function.__name__ in _OF_ANYTHING else function.nin
    if function in _OF_NUMBERS or getattr(function, "__module__", "") == "math":
        return count
    return 2 if function in _OF_TWO else int(function in _OF_ONE or function in _KEEPING)
