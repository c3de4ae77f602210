"""`copy.copy` and `copy.deepcopy`: new objects with the same attributes, or with copies of them."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from llad.complex_numbers import Complex
from llad.frontend import arrays
from llad.frontend.contents import refuse_torn
from llad.frontend.core import Tracer
from llad.frontend.records import asked
from llad.frontend.shapes import is_static_number
from llad.frontend.state import Changed, Conflict, Maybe, Unknown
from llad.frontend.values import Array, NotHandled, OrNone, Record, Scalar, describe


def _copied(t: Tracer, value: Any) -> Any:
    if (made := _by_itself(t, value, "copy")) is not NotHandled:
        return made
    if isinstance(value, Array):
        return arrays.copy(t, value)
    if isinstance(value, Record):
        return t.make(Record(value.cls, _attributes(t, value)))
    if isinstance(value, (list, dict, set)):
        return t.make(value.copy())
    return value if isinstance(value, tuple) else t.refuse("call", got=f"copy.copy of {describe(value)}")


def _deeply_copied(t: Tracer, value: Any, memo: dict[int, Any] | None = None) -> Any:
    """A copy, in which what was one object is one."""
    memo = {} if memo is None else memo
    if id(value) in memo:
        return memo[id(value)]
    if (made := _by_itself(t, value, "deepcopy", {})) is not NotHandled:
        return made
    if isinstance(value, Array):
        made = memo[id(value)] = arrays.copy(t, value)
    elif isinstance(value, Record):
        made = memo[id(value)] = t.make(Record(value.cls, {}))
        for name, part in _attributes(t, value).items():
            made.fields[name] = _part(part, lambda inner: _deeply_copied(t, inner, memo))
    elif isinstance(value, list):
        made = memo[id(value)] = t.make([])
        made += [_deeply_copied(t, part, memo) for part in value]
    elif isinstance(value, dict):
        made = memo[id(value)] = t.make({})
        made.update((key, _deeply_copied(t, part, memo)) for key, part in value.items())
    elif type(value) is tuple:
        made = tuple([_deeply_copied(t, part, memo) for part in value])
    else:
        t.refuse("call", got=f"copy.deepcopy of {describe(value)}")
    return made


def _by_itself(t: Tracer, value: Any, name: str, *memo: Any) -> Any:
    """The copy of what is never changed, the value itself, or that which its class makes; `NotHandled` of all else."""
    if isinstance(value, (Scalar, str, type)) or value is None or is_static_number(value):
        return value
    if isinstance(value, Record) and value.cls is Complex and not isinstance(value.fields["re"], Array):
        return value
    if isinstance(value, Record) and value.partial:
        t.refuse("call", got=f"copy.{name} of {describe(value)} that is an argument")
    return asked(t, value, name, *memo)


def _attributes(t: Tracer, record: Record) -> dict[str, Any]:
    """What an object holds; a copy has, or lacks, what the object has on some paths only."""
    for name, value in record.fields.items():
        if isinstance(value, Changed) or record.stale is not None:
            refuse_torn(t, record, name)
    return dict(record.fields)


def _part(value: Any, copied: Callable[[Any], Any]) -> Any:
    """The copy of what an object holds under a name, if it does."""
    if isinstance(value, (Maybe, OrNone)):
        return replace(value, inner=copied(value.inner))
    return value if isinstance(value, Conflict) or value is Unknown else copied(value)


HANDLERS: dict[Any, Callable[..., Any]] = {copy.copy: _copied, copy.deepcopy: _deeply_copied}
