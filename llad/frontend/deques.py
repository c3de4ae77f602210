"""`collections.deque` in traced code: an object of a class that llad has written, `llad/traced/deques.py`.

Functions of libraries are given the list in it.
"""

from __future__ import annotations

import collections
from collections.abc import Callable
from typing import Any

from llad.frontend.contents import settled
from llad.frontend.core import Tracer
from llad.frontend.records import construct
from llad.frontend.values import Record
from llad.traced import deques as written


def opened(t: Tracer, value: Any) -> Any:
    """The list in a deque; any other value as it is."""
    return settled(t, value, "_held") if isinstance(value, Record) and value.cls is written.deque else value


def _made(t: Tracer, iterable: Any = (), maxlen: Any = None) -> Any:
    return construct(t, written.deque, (iterable, maxlen), {})


HANDLERS: dict[Any, Callable[..., Any]] = {collections.deque: _made}
