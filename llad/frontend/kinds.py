"""What the items of a list that grows have in common: numbers or arrays of one type and shape, or structures of such.

    1.5, x[0]                               numbers
    (1.0, 2.0), (x, y)                      tuples of numbers that are alike: rows of one array
    (0.1, u), (0.2, w)                      tuples of a number and an array: a column for each

Invariant: `common` gives what takes all that either of its kinds does.
"""

from __future__ import annotations

from typing import Any, NoReturn

from llad.frontend.core import Tracer
from llad.frontend.extents import extents_of
from llad.frontend.parts import parts_of
from llad.frontend.promotion import is_static_number, kind_of, promote
from llad.frontend.values import Array, ItemKind, Kind, Record, Rows, Scalar, Structure, describe
from llad.structures import TUPLE


def kind_of_item(t: Tracer, value: Any) -> Kind:
    """What a list of such items would have in common."""
    match value:
        case Rows(items=items, weak=weak, kinds=kinds):
            return ItemKind(items.dtype, weak, extents_of(items), (list, *kinds))
        case Array() if value.rank:
            return ItemKind(value.dtype, False, extents_of(value))
        case tuple() | list() if (kind := _kind_of_sequence(value, t)) is not None:
            return kind
        case tuple() | dict() | Record() if (parts := parts_of(value)) is not None and parts[1]:
            return Structure(parts[0], tuple(kind_of_item(t, part) for part in parts[1]))
    if not isinstance(value, Scalar) and not is_static_number(value):
        why = "is neither a number nor an array, nor a tuple, list or dict of such"
        refuse(t, f"has {describe(value)} as an item, which {why}")
    return ItemKind(*kind_of(t, value))


def _kind_of_sequence(value: Any, t: Tracer) -> ItemKind | None:
    """The kind of a nested tuple or list of numbers that are alike, which stand in one array; `None` of others."""
    kinds, extents, items = [], [], [value]
    while all(type(item) in (tuple, list) and len(item) == len(items[0]) > 0 for item in items):
        if len({type(item) for item in items}) > 1:
            return None
        kinds.append(type(items[0]))
        extents.append(len(items[0]))
        items = [part for item in items for part in item]
    if not kinds or not all(isinstance(item, Scalar) or is_static_number(item) for item in items):
        return None
    found = [kind_of(t, item) for item in items]
    if len({dtype for dtype, _ in found}) > 1:
        return None
    return ItemKind(found[0][0], all(weak for _, weak in found), tuple(extents), (list, *kinds))


def common(t: Tracer, first: Kind | None, second: Kind) -> Kind:
    """What items of both kinds have in common; the first one's extents, where they are known."""
    if first is None:
        return second
    if isinstance(first, Structure) or isinstance(second, Structure):
        one, other = _opened(first), _opened(second)
        if one is not None and other is not None and one.form == other.form and len(one.parts) == len(other.parts):
            return Structure(one.form, tuple(common(t, a, b) for a, b in zip(one.parts, other.parts, strict=True)))
        refuse(t, "has items of several kinds")
    assert isinstance(first, ItemKind) and isinstance(second, ItemKind)
    if first.kinds != second.kinds or len(first.extents) != len(second.extents):
        refuse(t, "has items of several kinds")
    pair = (first.dtype, first.weak), (second.dtype, second.weak)
    if pair[0] != pair[1] and not first.of_numbers:
        refuse(t, f"has arrays of {first.dtype} and of {second.dtype} as items")
    type, weak = pair[0] if pair[0] == pair[1] else promote(pair, arrays=False)
    extents = tuple(b if a is None else a for a, b in zip(first.extents, second.extents, strict=True))
    for a, b in zip(extents, second.extents, strict=True):
        if isinstance(a, int) and isinstance(b, int) and a != b:
            refuse(t, f"has items of {a} elements and of {b}")
    return ItemKind(type, weak, extents, first.kinds)


def _opened(kind: Kind) -> Structure | None:
    """The kind of tuples, each part by itself."""
    if isinstance(kind, Structure):
        return kind
    count = kind.extents[0] if len(kind.kinds) > 1 and kind.kinds[1] is tuple else None
    if not isinstance(count, int):
        return None
    part = ItemKind(kind.dtype, kind.weak, kind.extents[1:], (list, *kind.kinds[2:]))
    return Structure(TUPLE, (part,) * count)


def refuse(t: Tracer, why: str) -> NoReturn:
    t.refuse("growing", why=why)
