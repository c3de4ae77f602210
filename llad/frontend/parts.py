"""Structures in traced code, taken apart and put together: what they are made of is numbers, arrays, and structures.

    parts_of((x, 1.0))                      the form of a pair, and x, 1.0
    compose(form, parts)                    the pair

A list that is known only at run time is made of its columns; what is composed has no room, so it does not change.

Invariant: `compose(*parts_of(value))` is the value, but for who may change it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from typing import Any

from llad.frontend.state import Conflict, Maybe
from llad.frontend.values import Array, Dim, Growing, OrNone, Record, Room, Rows, Scalar, Table, leaves_of
from llad.structures import Form, opened


def parts_of(value: Any) -> tuple[Form, tuple[Any, ...]] | None:
    """The form and the items of a structure in traced code; `None` for anything else: also where these are not known of
    an object, or where it contains itself, so that there is no end of them."""
    if isinstance(value, Record):
        torn = any(isinstance(part, (Conflict, Maybe)) for part in value.fields.values())
        if torn or value.stale is not None or _contains_itself(value):
            return None
        return Form(value.cls, tuple(value.fields), value.partial), tuple(value.fields.values())
    if isinstance(value, OrNone):
        return Form(OrNone), (value.there, value.inner)
    if isinstance(value, Growing):
        return Form(Growing, (value.room,)), (value.count, *value.memory)
    if isinstance(value, Rows):
        return Form(Rows, (value.weak, value.kinds)), (value.items,)
    if isinstance(value, Table):
        return Form(Table, (value.form,)), value.columns
    if isinstance(value, (tuple, list, dict, complex)):
        found = None if isinstance(value, (list, dict)) and _contains_itself(value) else opened(value)
        return None if found is None else (found[0], tuple(found[1]))
    return None


class AsTheyAre:
    """How objects are looked at which hold what they hold."""

    def items(self, value: Any) -> Any:
        """A list as one that has its items in it; any other value as it is."""
        return value

    def parts(self, value: Any) -> tuple[Form, tuple[Any, ...]] | None:
        return parts_of(value)

    def entered(self) -> AbstractContextManager[None]:
        """As objects are looked at, for the `with` body."""
        return nullcontext()


AS_THEY_ARE = AsTheyAre()


def _contains_itself(value: Any) -> bool:
    return any(reaches(part, value) for part in _held(value))


def _held(value: Any) -> Iterable[Any]:
    """What is in a tuple, list, dict or object, or nothing."""
    if isinstance(value, (tuple, list)):
        return value
    if isinstance(value, OrNone):
        return (value.inner,)
    return value.fields.values() if isinstance(value, Record) else value.values() if isinstance(value, dict) else ()


def compose(form: Form, items: Sequence[Any]) -> Any:
    """The structure in traced code that has these parts."""
    if form.cls is OrNone:
        return OrNone(*items)
    if form.cls is Growing:
        return _growing(form.keys[0], *items)
    if form.cls is Rows:
        return Rows(items[0], *form.keys)
    if form.cls is Table:
        return Table(form.keys[0], tuple(items))
    if form.is_record:
        return Record(form.cls, dict(zip(form.keys, items, strict=True)), form.partial)
    return form.build(items)


def _growing(room: Room, count: int | Scalar, *memory: Array) -> Growing:
    leaves = leaves_of(room.kind) if room.kind is not None and memory else ()
    known = [tuple(e for e in leaf.extents if e is not None) for leaf in leaves]
    arrays = [replace(m, extents=(Dim(m.value, 0), *rest)) for m, rest in zip(memory, known, strict=True)]
    return Growing(room, count, room.least, tuple(arrays))


def reaches(value: Any, thing: object) -> bool:
    """Whether `thing` is the value or is found in it."""
    pending, seen = [value], set[int]()
    while pending:
        value = pending.pop()
        if value is thing:
            return True
        if id(value) in seen:  # a list may hold itself
            continue
        seen.add(id(value))
        pending += _held(value)
    return False
