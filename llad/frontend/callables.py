"""What is known of callables before they are called."""

from __future__ import annotations

import inspect
from types import FunctionType, MethodType
from typing import Any

import numpy as np

from llad.frontend.state import Closure
from llad.frontend.values import Record
from llad.structures import is_plain_object, of_library


def arity(function: Any) -> int | None:
    """How many arguments a function takes, where it is one number."""
    if isinstance(function, np.ufunc):
        return function.nin
    if isinstance(function, Closure):
        given, defaults = function.source.node.args, function.defaults
        return None if given.vararg or defaults else len(given.posonlyargs) + len(given.args)
    if isinstance(function, type) and not of_library(function.__module__):
        wanted = inspect.signature(function).parameters.values()
        named = all(p.kind is p.POSITIONAL_OR_KEYWORD and p.default is p.empty for p in wanted)
        return len(wanted) if named else None
    if isinstance(function, FunctionType) and not function.__code__.co_flags & inspect.CO_VARARGS:
        return None if function.__defaults__ else function.__code__.co_argcount
    return None


def takes_iterators(function: Any) -> bool:
    """Whether it is the user's, who may see that an iterator is gone over once."""
    made = isinstance(function, type) and not of_library(function.__module__)
    return made or isinstance(function, (Record, MethodType)) or is_plain_object(function)
