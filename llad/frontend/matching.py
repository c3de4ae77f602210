"""What patterns of `match` ask of values (`patterns.py`): answered at trace time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from llad.frontend import ranges
from llad.frontend.attributes import attribute
from llad.frontend.core import Tracer
from llad.frontend.patterns import Binds, FieldAt, HasItems, HasKeys, IsA, OtherKeys, Refused
from llad.frontend.values import Growing, Lazy, Rows, describe

# Classes of which `float(v)` binds the object itself.
_WHOLE = (bool, bytearray, bytes, dict, float, frozenset, int, list, set, str, tuple)


def has_items(t: Tracer, node: HasItems) -> bool:
    """Arrays, strings and dicts are no sequences here, as in Python."""
    value = t.eval(node.subject)
    if isinstance(value, (Rows, Growing)) or ranges.is_range(value) or isinstance(value, Lazy):
        t.refuse("match", got=f"a pattern of items for {describe(value)}")
    if not isinstance(value, (tuple, list, range)):
        return False
    return len(value) >= node.count if node.open else len(value) == node.count


def has_keys(t: Tracer, node: HasKeys) -> bool:
    value = t.eval(node.subject)
    if not isinstance(value, dict) and isinstance(value, Mapping):
        t.refuse("match", got=f"a pattern of a dict for {describe(value)}")
    return isinstance(value, dict) and all(t.eval(key) in value for key in node.keys)


def other_keys(t: Tracer, node: OtherKeys) -> Any:
    value = t.eval(node.subject)
    keys = [t.eval(key) for key in node.keys]
    return t.make({key: item for key, item in value.items() if key not in keys})


def is_a(t: Tracer, node: IsA) -> Any:
    """As `isinstance` has it; a class that has no such fields is an error only if the object is one of it."""
    value, kind = t.eval(node.subject), t.eval(node.cls)
    if not isinstance(kind, type):
        t.refuse("static-error", error=TypeError("called match pattern must be a class"))
    if not t.call(isinstance, [value, kind], {}):
        return False
    fields = 1 if _is_whole(kind) else len(_fields(t, kind))
    if node.count > fields:
        text = f"{kind.__name__}() accepts {fields} positional sub-patterns ({node.count} given)"
        t.refuse("static-error", error=TypeError(text))
    return True


def field_at(t: Tracer, node: FieldAt) -> Any:
    value, kind = t.eval(node.subject), t.eval(node.cls)
    return value if _is_whole(kind) else attribute(t, value, _fields(t, kind)[node.place])


def _is_whole(kind: type) -> bool:
    return "__match_args__" not in dir(kind) and issubclass(kind, _WHOLE)


def _fields(t: Tracer, kind: type) -> Any:
    return attribute(t, kind, "__match_args__") if hasattr(kind, "__match_args__") else ()


def binds(t: Tracer, node: Binds) -> bool:
    t.eval(node.assignment)
    return True


def refuse_pattern(t: Tracer, node: Refused) -> None:
    t.refuse("match", got=f"a pattern {node.what}")
