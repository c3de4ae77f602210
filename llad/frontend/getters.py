"""`operator.itemgetter(…)` and `operator.attrgetter(…)`: made at trace time, called on traced values."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from functools import reduce
from typing import Any

from llad.frontend.attributes import attribute
from llad.frontend.core import Tracer
from llad.frontend.subscripts import item
from llad.frontend.values import is_static

GETTERS = (operator.itemgetter, operator.attrgetter)


def _maker(getter: Callable[..., Any]) -> Callable[..., Any]:
    def handle(t: Tracer, *names: Any) -> Any:
        if not is_static(names):
            t.refuse("static-index", got="by an itemgetter")
        try:
            return getter(*names)
        except TypeError as error:
            t.refuse("static-error", error=error)

    return handle


def got(t: Tracer, getter: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    """What a getter gives of a value: one item or attribute, or a tuple of several."""
    if len(args) != 1 or kwargs:
        t.refuse("call-arguments", name=type(getter).__name__, error=f"want 1 argument, got {len(args) + len(kwargs)}")
    names = getter.__reduce__()[1]
    if isinstance(getter, operator.itemgetter):
        found = [item(t, args[0], name) for name in names]
    else:
        found = [reduce(lambda value, part: attribute(t, value, part), name.split("."), args[0]) for name in names]
    return found[0] if len(found) == 1 else tuple(found)


HANDLERS: dict[Any, Callable[..., Any]] = {getter: _maker(getter) for getter in GETTERS}
