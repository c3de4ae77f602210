"""What builtins and statements ask of objects by special methods of their classes: `len`, `for`, `abs` and others."""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from llad.frontend import numbers
from llad.frontend.core import Tracer
from llad.frontend.generating import gathered, refuse_if_open
from llad.frontend.iteration import (
    Generated,
    Walk,
    at_run_time,
    emit,
    is_iterator,
    length,
    nth,
    one_by_one,
    reversed_,
    walk_of,
)
from llad.frontend.records import asked, is_object, operator
from llad.frontend.sequences import LAZY
from llad.frontend.values import Lazy, NotHandled, describe

Handler = Callable[..., Any]

# Which arguments are gone over.
_FIRST = (sum, sorted, any, all, list, tuple, enumerate, math.prod, itertools.accumulate, itertools.pairwise)
_OTHERS = (map, filter, functools.reduce, itertools.starmap)
_ALL = (zip, itertools.chain, itertools.zip_longest, itertools.product)
# What goes over its arguments to their ends.
_TO_THE_END = (sum, sorted, list, tuple, min, max, math.prod, functools.reduce, enumerate)
_PLACES = dict.fromkeys(_FIRST, slice(0, 1)) | dict.fromkeys(_OTHERS, slice(1, None)) | dict.fromkeys(_ALL, slice(None))


def iterated(t: Tracer, value: Any) -> Any:
    """What a loop over the value goes over: of an object, what its `__iter__` gives."""
    found = asked(t, value, "iter")
    found = value if found is NotHandled else found
    if isinstance(found, Generated) and found.written is not None:
        return gathered(t, found)
    if found is value:
        return value
    return t.refuse("not-iterable", got=describe(value)) if is_object(found) else found


def arguments(t: Tracer, function: Any, args: Sequence[Any]) -> Sequence[Any]:
    """The arguments of a builtin; in place of objects that it goes over, what those go over."""
    for arg in args if function not in _TO_THE_END else ():
        refuse_if_open(t, arg)
    if function in LAZY:
        args = [gathered(t, a) if isinstance(a, Generated) and a.written is not None else a for a in args]
    if not any(map(is_object, args)):
        return args
    alone = function in (min, max) and len(args) == 1
    places = range(len(args))[slice(None) if alone else _PLACES.get(function, slice(0, 0))]
    return [iterated(t, arg) if k in places else arg for k, arg in enumerate(args)]


def iter_(t: Tracer, value: Any) -> Any:
    """`iter(value)`: what is gone over once."""
    value = iterated(t, value)
    if isinstance(value, (Lazy, Generated)):
        return value
    if not at_run_time(value):
        return Lazy(lambda: one_by_one(t, value), (value,))
    walk = walk_of(t, value)
    assert walk is not None
    return replace(walk, item=lambda t, k: walk.item(t, k))


def _next(t: Tracer, value: Any, *default: Any) -> Any:
    """`next(value)` of an iterator that stands here: the first item, the only one that is computed."""
    if (found := asked(t, value, "next")) is not NotHandled:
        return found
    if isinstance(value, Walk) and is_iterator(value) and value.chosen is None and not default:
        b = t.builder
        b.check(b.op("gt", emit(t, length(t, value)), b.i64(0)), "StopIteration", "")
        return nth(t, value, b.i64(0))
    if not isinstance(value, Lazy) or len(default) > 1:
        return NotHandled
    for item in value.begin():
        return item
    return default[0] if default else t.end_path("StopIteration", "")


def _sum(t: Tracer, value: Any, start: Any = 0) -> Any:
    """`sum` of objects, by the methods of their class."""
    if not isinstance(value, (tuple, list)) or not any(map(is_object, (*value, start))):
        return NotHandled
    for item in value:
        total = operator(t, "add", start, item)
        start = numbers.binary(t, "add", start, item) if total is NotHandled else total
    return start


def _asking(name: str, convert: Callable[[Any], Any] | None = None, otherwise: Handler | None = None) -> Handler:
    """A builtin that asks an object for `__name__`, and converts what that gives. Of no object it is something else."""

    def handle(t: Tracer, *args: Any, **named: Any) -> Any:
        if not args:  # `float()`
            return NotHandled
        value, *rest = args
        result = asked(t, value, name, *rest, **named)
        if result is not NotHandled:
            return result if convert is None else t.call(convert, [result], {})
        return NotHandled if otherwise is None else otherwise(t, value, *rest, **named)

    return handle


ASKING: dict[Any, Handler] = {
    abs: _asking("abs"),
    float: _asking("float", float),
    int: _asking("int", int),
    round: _asking("round"),
    iter: iter_,
    next: _next,
    sum: _sum,
    reversed: _asking("reversed", otherwise=reversed_),
}
