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

import ast
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from llad.frontend import extents as ext
from llad.frontend.core import Tracer
from llad.frontend.effects import Append
from llad.frontend.generators import Known
from llad.frontend.growth import grown_by
from llad.frontend.iteration import Walk, at_run_time, items_of, length, nth, walk_of
from llad.frontend.kinds import common, kind_of_item
from llad.frontend.moving import put_in
from llad.frontend.names import bind, held
from llad.frontend.rooms import added, furnished, index_of, put
from llad.frontend.shapes import flatten, rebuild, shape_of, types_of
from llad.frontend.sharing import adopted, refuse_others
from llad.frontend.state import Scope
from llad.frontend.values import Growing, Scalar
from llad.ir.types import I64


def append(t: Tracer, node: Append) -> None:
    """The statement `name.append(value)`, `name.extend(values)` or `name.insert(k, value)`."""
    old = adopted(t, node.name) or held(t, node.name)
    once = node.call.func.attr in ("append", "insert")  # type: ignore[attr-defined]
    if not isinstance(old, Growing) and (once or type(old) is not list):
        t.eval(node.call)
        return
    t.builder.span = t.frame.span(node.call)
    values = [t.eval(argument) for argument in node.call.args]
    old = held(t, node.name)  # of which an argument may have popped an item
    value = values[-1]
    if isinstance(old, Growing) and once:
        bind(t, node.name, longer(t, old, [value], node.name))
        if node.inserts:
            put_in(t, node.name, values[0], value)
    elif isinstance(old, Growing) or at_run_time(value):
        extend(t, node.name, value, node)
    else:
        t.eval(ast.copy_location(ast.Call(node.call.func, [Known(value)], []), node.call))


def extend(t: Tracer, name: str, items: Any, at: ast.stmt) -> None:
    """Let the list that `name` holds, which may grow, have all items of something iterable, too."""
    old = held(t, name)
    if not at_run_time(items):
        bind(t, name, longer(t, old, items_of(t, items), name))
        return
    walk = walk_of(t, items)
    assert walk is not None

    def run() -> None:
        bind(t, name, _with_all(t, held(t, name), walk))

    if isinstance(old, Growing) and old.room.open:
        refuse_others(t, name, old.room)
        if old.room in walk.lists:
            t.refuse("growing", why="is iterated over meanwhile")
        run()
    elif not grown_by(t, name, at, length(t, walk), run):
        t.refuse_mutation([], t.builder.span)


def _with_all(t: Tracer, old: Growing, walk: Walk) -> Growing:
    b = t.builder
    zero, one = b.i64(0), b.i64(1)
    shape = shape_of(old, run_time=True)
    with b.region([I64, *types_of(shape)]) as region, t.apart():
        k, *leaves = region.args
        b.yield_(*flatten(t, added(t, rebuild(t, shape, iter(leaves)), nth(t, walk, k)), shape))
    results = b.for_(zero, ext.emit(t, length(t, walk)), one, flatten(t, old, shape), region)
    grown: Growing = rebuild(t, shape, iter(results))
    return replace(grown, least=old.least)


def longer(t: Tracer, old: Growing, items: Sequence[Any], name: str) -> Growing:
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
        put(t, new.room, new.arrays, ext.emit(t, ext.add(t, index_of(old), k)), item)
    return Growing(new.room, count if isinstance(count, int) else Scalar(count, weak=True), old.least + len(items))
