"""`xs.pop(k)`, `xs.insert(k, v)` and `del xs[k]` of lists that grow: the rows behind `k` move by one.

    v = xs.pop(0)                           v = room[0]
                                            room[0 : count - 1] = room[1:count].copy()
                                            count -= 1

Invariant: rows are moved only in a room that a loop `reuses`, or that nobody has seen yet.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from llad.frontend import extents as ext
from llad.frontend.arrays import assign, copy
from llad.frontend.changing import rewritten, shorter, taken
from llad.frontend.core import Tracer
from llad.frontend.extents import Int, extents_of
from llad.frontend.names import bind
from llad.frontend.rooms import index_of, put, row, snapshot
from llad.frontend.sharing import adopted, refuse_others
from llad.frontend.slices import integer
from llad.frontend.values import Array
from llad.ir.core import Value


def taken_out(t: Tracer, name: str, index: Any, text: str) -> Any:
    """The item that a list then lacks, by its index; `text`: what is said if there is none."""
    old = adopted(t, name)
    assert old is not None
    refuse_others(t, name, old.room)
    number = integer(t, index)
    if not old.arrays:
        part = row(t, snapshot(t, old), 0)
        bind(t, name, shorter(t, old))
        return part
    old = rewritten(t, name, old)
    place = _place(t, number, index_of(old), text)
    rows = snapshot(t, old)
    part = taken(t, rows, row(t, rows, place))
    behind = ext.sub(t, ext.sub(t, index_of(old), place), 1)
    _move(t, old.arrays, ext.add(t, place, 1), place, behind)
    bind(t, name, shorter(t, old))
    return part


def put_in(t: Tracer, name: str, index: Any, item: Any) -> None:
    """Let the last item, which was just appended, stand before that with an index, as `insert` has it."""
    new = t.state.values[name]
    number = integer(t, index)
    if not new.arrays:
        return
    count = ext.sub(t, index_of(new), 1)
    place = ext.least(t, ext.greatest(t, ext.wrapped(t, number, count), 0), count)
    _move(t, new.arrays, place, ext.add(t, place, 1), ext.sub(t, count, place))
    put(t, new.room, new.arrays, ext.emit(t, place), item)


def _place(t: Tracer, index: Int, count: Int, text: str) -> Value:
    """Where the item with an index is, which is checked."""
    wrapped = ext.wrapped(t, index, count)
    there = ext.both(t, ext.compare(t, "ge", wrapped, 0), ext.compare(t, "lt", wrapped, count))
    ext.check(t, there, "IndexError", text)
    return ext.emit(t, wrapped)


def _move(t: Tracer, arrays: Sequence[Array], start: Int, target: Int, count: Int) -> None:
    """Move so many rows, by a copy: where they are and where they go overlap."""
    for array in arrays:
        assign(t, rows_from(t, array, target, count), copy(t, rows_from(t, array, start, count)))


def rows_from(t: Tracer, array: Array, start: Int, count: Int) -> Array:
    """So many rows of an array, from one on."""
    _, *rest = extents_of(array)
    axes = ["run"] + ["full"] * len(rest)
    size = ext.emit(t, count)
    view = t.builder.view(array.value, axes, ext.emit(t, start), size)
    return Array(view, (size, *rest), array.root, array.born)
