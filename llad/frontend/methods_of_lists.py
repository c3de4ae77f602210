"""`xs.reverse()`, `xs.sort()`, `xs.remove(v)` and `xs.clear()` of lists that grow; `xs.index(v)`, `xs.count(v)` of all.

    xs.sort(reverse=True)                   room[:count] = in_order(room[:count])
    xs.remove(v)                            k = place_of(room[:count], v)
                                            xs.pop(k)

What looks for a value, or sorts, is Python that is traced (`llad/traced/sequences.py`). The rows that come of it are
written where the list's rows were.

Invariant: nothing that the call is given, or calls, sees the list while it changes.
"""

from __future__ import annotations

import ast
from dataclasses import replace
from typing import Any

from llad.frontend import sorting
from llad.frontend.arrays import assign, copy
from llad.frontend.changing import rewritten
from llad.frontend.core import Tracer
from llad.frontend.effects import body_of, captured_names
from llad.frontend.indexing import get_item
from llad.frontend.moving import rows_from, taken_out
from llad.frontend.names import bind
from llad.frontend.rooms import columns_of, index_of, snapshot
from llad.frontend.sharing import adopted, refuse_others, refuse_pending
from llad.frontend.state import Bound
from llad.frontend.values import Growing, ItemKind, Rows, Table
from llad.traced import sequences as written

# Of any list or tuple; of any list; and those that change one, which a name has to itself.
FINDING = {"index": written.place_of, "count": written.number_of}
_READING = {**FINDING, "copy": written.listed}
_CHANGING = frozenset({"append", "extend", "insert", "pop", "remove", "clear", "sort", "reverse"})


def method(t: Tracer, value: Rows | Table, name: str) -> Bound | None:
    """A method that leaves a list as it is; `None` if there is none of this name."""
    if name in _CHANGING:
        hint = "change a list of its own that one name has, begun by `values = list(values)`"
        t.refuse("attribute", name=name, got=f"{value.shown}, which may have other names", hint=hint)
    return Bound(_READING[name], (value,), {}) if name in _READING else None


def changed_in_place(t: Tracer, node: ast.Call, name: str) -> None:
    """The call of a method which changes the list that a name holds, and gives nothing."""
    assert isinstance(node.func, ast.Attribute)
    args = [t.eval(argument) for argument in node.args]
    named = {keyword.arg or "": t.eval(keyword.value) for keyword in node.keywords}
    t.builder.span = t.frame.span(node)
    refuse_pending(t, node, name)
    old = adopted(t, name)
    assert old is not None
    refuse_others(t, name, old.room)
    match node.func.attr, args, named:
        case "clear", [], {}:
            old.room.least = 0
            bind(t, name, replace(old, count=0, least=0))
        case "remove", [value], {} if not named:
            place = t.call(written.place_of, [snapshot(t, old), value], {}) if old.arrays else 0
            taken_out(t, name, place, "list.remove(x): x not in list")
        case "reverse", [], {} if not named:
            _write(t, name, old, snapshot(t, old), slice(None, None, -1))
        case "sort", [], _ if named.keys() <= {"key", "reverse"} and type(named.get("reverse", False)) is bool:
            _sort(t, name, old, named.get("key"), named.get("reverse", False))
        case method_name, _, _:
            t.refuse("call", got=f"list.{method_name} with these arguments")


def _sort(t: Tracer, name: str, old: Growing, key: Any, reverse: bool) -> None:
    if key is not None and name in captured_names(body_of(t.frame.source.node)):  # which Python has emptied meanwhile
        t.refuse("growing", why="is sorted by a key, and a function may read it")
    if not old.arrays:
        return
    if key is not None:
        _write(t, name, old, sorting.arranged(t, snapshot(t, old), key, reverse))
    elif isinstance(old.room.kind, ItemKind) and not old.room.kind.extents:
        _write(t, name, old, t.call(written.ordered, [snapshot(t, old), reverse], {}))
    else:
        t.refuse("growing", why="is sorted, though its items are no numbers")


def _write(t: Tracer, name: str, old: Growing, rows: Rows | Table, order: slice = slice(None)) -> None:
    """Let a list have other items, as many as it has now."""
    if not old.arrays:
        return
    new = rewritten(t, name, old)
    assert new.room.kind is not None
    columns = [copy(t, get_item(t, column.items, order)) for column in columns_of(t, rows, new.room.kind)]
    for array, column in zip(new.arrays, columns, strict=True):
        assign(t, rows_from(t, array, 0, index_of(new)), column)
