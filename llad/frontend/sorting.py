"""`sorted` and `xs.sort()` by what is known at run time only: numbers, or tuples and lists of numbers.

Python compares tuples by their first items, and where these are equal by the next. So keys are columns: numbers are
one, tuples have one for each of their items. Other keys, arrays or tuples in tuples, are refused: a matrix of them
could be sorted, too, but along the wrong axis.

Invariant: the key of each item is computed once, in the order of the items, as in Python.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NoReturn

from llad.frontend.core import Tracer
from llad.frontend.extents import extents_of
from llad.frontend.indexing import window
from llad.frontend.shapes import is_number
from llad.frontend.values import Array, Rows, Table
from llad.traced import sequences as written


def arranged(t: Tracer, items: Any, key: Any, reverse: bool) -> Any:
    """The list of the items of an array, or of a list whose length is known at run time only, in order."""
    columns = _columns(t, items if key is None else t.call(written.keys_of, [items, key], {}))
    if key is None and len(columns) == 1:
        return t.call(written.ordered, [items, reverse], {})
    return t.call(written.in_order_of, [items, columns, reverse], {})


def arranged_few(t: Tracer, items: Sequence[Any], keys: Sequence[Any], reverse: bool) -> Any:
    """The list of so many items in the order of their keys."""
    rows = [(k,) if is_number(k) else k for k in keys]
    plain = all((type(row) is list or _is_tuple(type(row))) and row and all(map(is_number, row)) for row in rows)
    if not plain or len({(is_number(k), len(row)) for k, row in zip(keys, rows, strict=True)}) != 1:
        _refuse(t)
    columns = tuple(list(column) for column in zip(*rows, strict=True))
    return t.call(written.in_order_of, [tuple(items), columns, reverse], {})


def _columns(t: Tracer, keys: Any) -> tuple[Any, ...]:
    """The columns of keys, each a vector of numbers, or a list of them."""
    match keys:
        case Array(rank=1):
            return (keys,)
        case Rows(items=array, kinds=kinds) if array.rank == len(kinds) == 1:
            return (keys,)
        case Rows(items=array, kinds=kinds) if array.rank == len(kinds) == 2:
            if isinstance(count := extents_of(array)[1], int) and count:
                return tuple(window(t, array, [slice(None), k]) for k in range(count))
        case Table(form=form, columns=columns) if _is_tuple(form.cls):
            if all(isinstance(c, Rows) and c.items.rank == len(c.kinds) == 1 for c in columns):
                return columns
    _refuse(t)


def _is_tuple(cls: type) -> bool:
    """Whether objects of a class are compared as tuples are."""
    return issubclass(cls, tuple) and cls.__lt__ is tuple.__lt__


def _refuse(t: Tracer) -> NoReturn:
    t.refuse("sort-keys")
