"""`xs[k] = v`, `xs.pop()` and `xs = []` of lists that grow: rows of their memory are written again.

    stack = [root]                          room, count = np.empty(8), 1; room[0] = root
    while stack:                            while count > 0:
        v = stack.pop()                         count -= 1; v = room[count]
        if v > 1.0:                             if v > 1.0:
            stack.append(0.5 * v)                   room[count] = 0.5 * v; count += 1

So a room that a loop `reuses` is shown as a copy, unless only an item or the length is asked for (`peek`). A list that
is done growing moves to a room of its own before it is written.

Invariant: what was once seen of a list stays as it was.
"""

from __future__ import annotations

import ast
from dataclasses import replace
from typing import Any

from llad.frontend import extents as ext
from llad.frontend.arrays import copy
from llad.frontend.core import Tracer
from llad.frontend.extents import extents_of
from llad.frontend.kinds import common, kind_of_item
from llad.frontend.names import bind
from llad.frontend.nones import present
from llad.frontend.parts import parts_of
from llad.frontend.rooms import added, furnished, index_of, learn, own, put, row, snapshot
from llad.frontend.sharing import adopted, refuse_others
from llad.frontend.slices import integer, position
from llad.frontend.state import Scope
from llad.frontend.values import Array, Growing, Kind, Rows, Scalar, Table


def peek(t: Tracer, node: ast.expr) -> Any:
    """An expression of which only a part is asked for: a list that is written meanwhile need not be copied for it."""
    if isinstance(node, ast.Name) and isinstance(value := t.state.values.get(node.id), Growing):
        return snapshot(t, value)
    return present(t, t.open(node), "'NoneType' object is not subscriptable")


def taken(t: Tracer, base: Any, part: Any) -> Any:
    """A part of what was only looked at: its own, if the list may be written."""
    if not isinstance(base, (Rows, Table)) or base.of is None or not base.of.reused:
        return part
    if isinstance(part, Array):
        return replace(copy(t, part), loose=True)
    if isinstance(part, (Rows, Table)):
        return own(t, part)
    parts = parts_of(part) if isinstance(base, Table) else None
    return part if parts is None else t.met(parts[0], [taken(t, base, inner) for inner in parts[1]])


def begun(t: Tracer, name: str, items: Any) -> Any:
    """What a name is bound to: a list that a loop begins anew stands in the room of the one before."""
    old = t.state.values.get(name)
    if not isinstance(old, Growing) or not old.room.open or not old.room.refilled:
        return items
    value = Growing(old.room, 0, 0, old.memory)
    for item in items:
        value = added(t, value, item)
    return value


def store_item(t: Tracer, name: str, index: Any, item: Any) -> None:
    """`name[index] = item`, of a name that holds a list which may grow."""
    old = adopted(t, name)
    assert old is not None
    room = old.room
    refuse_others(t, name, room)
    if not isinstance(index, (int, Scalar)):
        t.refuse("growing", why="is written by a slice")
    if not old.arrays:
        learn(t, room, item)
        return
    assert room.kind is not None
    old = rewritten(t, name, old, common(t, room.kind, kind_of_item(t, item)))
    put(t, old.room, old.arrays, position(t, integer(t, index), index_of(old), 0), item)


def rewritten(t: Tracer, name: str, old: Growing, kind: Kind | None = None) -> Growing:
    """The list as one whose rows may be written again, and hold items of a kind: one that is done growing moves."""
    room = old.room
    if room.open or (room.reused and kind in (None, room.kind)):
        return old
    if not isinstance(room.born, Scope) or not t.scope.may_mutate(room.born):
        t.refuse_mutation([], t.builder.span)
    kind = room.kind if kind is None else kind
    assert kind is not None
    old = furnished(t, kind, extents_of(snapshot(t, old).first.items)[0], old, t.scope, name)
    old.room.open, old.room.reused = False, True
    bind(t, name, old)
    return old


def shorter(t: Tracer, old: Growing) -> Growing:
    """The list without its last row."""
    count, least = ext.sub(t, index_of(old), 1), max(old.least - 1, 0)
    old.room.least = min(old.room.least, least)
    return replace(old, count=count if isinstance(count, int) else Scalar(count, weak=True), least=least)


def popped(t: Tracer, node: ast.Call) -> Any:
    """`name.pop()`: the last item, which the list then lacks."""
    assert isinstance(node.func, ast.Attribute) and isinstance(node.func.value, ast.Name)
    name, b = node.func.value.id, t.builder
    old = adopted(t, name)
    assert old is not None
    refuse_others(t, name, old.room)
    if not old.least:
        b.check(b.op("gt", ext.emit(t, index_of(old)), b.i64(0)), "IndexError", "pop from empty list")
    rows = replace(snapshot(t, old), least=max(old.least, 1))
    item = taken(t, rows, row(t, rows, -1))
    bind(t, name, shorter(t, old))
    return item
