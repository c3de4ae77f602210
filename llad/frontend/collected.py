"""`collections.deque`, `defaultdict` and `Counter` in traced code: objects of classes that llad has written.

They stand in `llad/traced/`. Functions of libraries are given the list or dict in them.
"""

from __future__ import annotations

import collections
from collections.abc import Callable
from functools import partial
from typing import Any

from llad.frontend.contents import settled
from llad.frontend.core import Tracer
from llad.frontend.records import STANDS_FOR, construct
from llad.frontend.values import Record
from llad.traced import deques, dicts

# What is asked of the objects themselves.
ABOUT_OBJECTS = (hasattr, getattr, setattr)


def opened(t: Tracer, value: Any) -> Any:
    """The list in a deque, or the dict in what is one to Python; any other value as it is."""
    return settled(t, value, "_held") if isinstance(value, Record) and value.cls in STANDS_FOR else value


def _deque(t: Tracer, iterable: Any = (), maxlen: Any = None) -> Any:
    return construct(t, deques.deque, (iterable, maxlen), {})


def _made(cls: type, t: Tracer, *args: Any, **kwargs: Any) -> Any:
    return construct(t, cls, args, kwargs)


HANDLERS: dict[Any, Callable[..., Any]] = {
    collections.deque: _deque,
    collections.defaultdict: partial(_made, dicts.defaultdict),
    collections.Counter: partial(_made, dicts.Counter),
}
