"""Attributes: of run-time values by `spellings.py`, of objects known at trace time by Python, with a guard."""

from __future__ import annotations

import functools
import inspect
from types import ModuleType
from typing import Any

from llad.frontend import inherited, records, spellings
from llad.frontend.core import Tracer
from llad.frontend.guards import trusted
from llad.frontend.methods_of_lists import method
from llad.frontend.state import Bound
from llad.frontend.transforms import Transform, Transformed, transform_of
from llad.frontend.values import Array, NotHandled, Record, Rows, Scalar, Table, describe


def attribute(t: Tracer, value: Any, name: str) -> Any:
    """`value.name`."""
    result = spellings.attribute(t, value, name)
    if result is not NotHandled:
        return result
    if isinstance(value, (Scalar, Array)):
        t.refuse("attribute", name=name, got=describe(value), hint="")
    if isinstance(value, (Rows, Table)):
        if (found := method(t, value, name)) is not None:
            return found
        t.refuse("attribute", name=name, got=describe(value), hint="make an array of it, `np.array(values)`")
    if isinstance(value, inherited.Super):
        return inherited.attribute(t, value, name)
    if isinstance(value, Record):
        return records.field(t, value, name)
    if isinstance(value, tuple) and name in getattr(value, "_fields", ()):
        return getattr(value, name)
    if isinstance(value, Transformed):
        return _derived(t, value, name)
    if isinstance(value, Bound) and (own := transform_of(value.function)) is not None:
        return _derived_method(t, value, own, name)
    if isinstance(value, functools.partial) and (own := transform_of(value.func)) is not None:
        t.guards.partial(value)
        given = tuple(map(t.lift, value.args))
        named = {key: t.lift(item) for key, item in value.keywords.items()}
        return _derived_method(t, Bound(value.func, given, named), own, name)
    prop = inspect.getattr_static(type(value), name, None)
    if isinstance(prop, Transformed) and name not in getattr(value, "__dict__", ()) and not isinstance(value, type):
        t.guards.attribute(value, name, prop)
        return Bound(prop, (value,), {})
    if isinstance(prop, property) and prop.fget is not None and not trusted(type(value)):
        t.guards.attribute(value, name, prop)
        return t.call(prop.fget, [value], {})
    try:
        found = getattr(value, name)
    except AttributeError as error:
        t.refuse("static-error", error=error)
    if isinstance(value, ModuleType) and not trusted(value) and name not in vars(value):
        t.refuse("module-getattr", name=name, module=value.__name__)
    t.guards.attribute(value, name, found)
    return t.lift(found)


def _derived_method(t: Tracer, method: Bound, own: Transform, name: str) -> Any:
    """`object.f.grad` and its like: by the arguments that are passed, unless `argnums` says more."""
    kind: Any = name
    if name in ("jvp", "vjp") or (name in ("grad", "value_and_grad") and own.argnums is None):
        return Transform(kind, method)
    if name in ("grad", "value_and_grad"):
        return Bound(Transform(kind, method.function, own.argnums), method.args, method.kwargs)
    return t.refuse("attribute", name=name, got="a compiled method", hint="call it, or use its `.grad`")


def _derived(t: Tracer, value: Transformed, name: str) -> Any:
    """`f.grad`, `f.value_and_grad`, `f.jvp`, `f.vjp` of a compiled function."""
    found = getattr(value, name, None)
    t.guards.add(value, name, found, lasting=True)
    transform = transform_of(found)
    if transform is not None:
        return transform
    own = transform_of(value)
    assert own is not None
    if name in ("grad", "value_and_grad", "jvp", "vjp"):
        kind: Any = name
        return Transform(kind, value, own.argnums)
    return t.refuse("attribute", name=name, got="a compiled function", hint="call it, or use its `.grad`")
