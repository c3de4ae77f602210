"""`values.append(v)`, `values.extend([…])` and `values += […]`, of lists that loops append to.

What a name holds is a `Growing` (`values.py`) from the loop on that appends to its list, and an append binds the name
to a longer one; so loops carry how many items there are, and branches join it, as with any number. All other lists
Python changes at trace time.

A list is an object in Python, which several names may refer to: so an append is refused as soon as something else
refers to the list. And a list refers to arrays, while a room has copies: `references.py` refuses what would tell them
apart.

Invariant: whatever else refers to a list that grows has seen all of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from llad.frontend import extents as ext
from llad.frontend.core import Tracer
from llad.frontend.effects import Append
from llad.frontend.iteration import Walk, items_of
from llad.frontend.names import bind, held
from llad.frontend.rooms import added, common, furnished, index_of, kind_of_item, put
from llad.frontend.state import Bound, Closure, Frame, Maybe, Scope
from llad.frontend.values import Growing, Record, Room, Rows, Scalar


def append(t: Tracer, node: Append) -> None:
    """The statement `name.append(value)` or `name.extend(values)`."""
    old = held(t, node.name)
    if not isinstance(old, Growing):
        t.eval(node.call)
        return
    t.builder.span = t.frame.span(node.call)
    value = t.eval(node.call.args[0])
    once = node.call.func.attr == "append"  # type: ignore[attr-defined]
    bind(t, node.name, extended(t, old, [value] if once else items_of(t, value), node.name))


def extended(t: Tracer, old: Growing, items: Sequence[Any], name: str) -> Growing:
    """The list that `name` holds, with more items."""
    refuse_others(t, name, old.room)
    if old.room.open:
        for item in items:
            old = added(t, old, item)
        return old
    if not isinstance(old.room.born, Scope) or not t.scope.may_mutate(old.room.born):
        t.refuse_mutation([], t.builder.span)
    kind = old.room.kind
    for item in items:
        kind = common(t, kind, kind_of_item(t, item))
    assert kind is not None
    count = ext.add(t, index_of(old), len(items))
    new = furnished(t, kind, count, old, t.scope, name)
    new.room.open = False
    for k, item in enumerate(items):
        put(t, new.room, ext.emit(t, ext.add(t, index_of(old), k)), item)
    return Growing(new.room, count if isinstance(count, int) else Scalar(count, weak=True), old.least + len(items))


def refuse_others(t: Tracer, name: str, thing: list[Any] | Room) -> None:
    """Refuse, unless only this name of the function being traced refers to the list."""
    if id(thing) in t.kept:
        t.refuse("growing", why="has become an item of another")
    if any(thing is other for other in t.walked):
        t.refuse("growing", why="is iterated over meanwhile")
    frame: Frame | None = t.frame
    while frame is not None:
        for other, value in frame.state.values.items():
            if (frame is not t.frame or other != name) and _refers(value, thing, frame):
                t.refuse("growing", why=f"is what `{other}` refers to as well")
        frame = frame.parent
    if any(other is not thing and _refers(other, thing, t.frame) for other, _ in t.born.values()):
        t.refuse("growing", why="is in another container as well")


def _refers(value: Any, thing: list[Any] | Room, around: Frame) -> bool:
    """Whether the list may be reached from a value; the names of `around` and of frames around it are known already."""
    known: set[Frame] = set()
    frame: Frame | None = around
    while frame is not None:
        known.add(frame)
        frame = frame.parent
    pending, seen = [value], set[int]()
    while pending:
        value = pending.pop()
        if value is thing:
            return True
        if id(value) in seen:
            continue
        seen.add(id(value))
        match value:
            case Rows(of=room):
                pending.append(room)
            case Walk(lists=lists):
                pending += lists
            case Maybe(inner=inner):
                pending.append(inner)
            case tuple() | list():
                pending += value
            case dict():
                pending += value.values()
            case Record(fields=fields):
                pending += fields.values()
            case Bound(args=args, kwargs=kwargs):
                pending += [*args, *kwargs.values()]
            case Closure(frame=frame, defaults=defaults, keyword_defaults=named):
                pending += [*defaults, *named.values()]
                while frame is not None and frame not in known:
                    known.add(frame)
                    pending += frame.state.values.values()
                    frame = frame.parent
    return False

