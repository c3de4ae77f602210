"""Lists whose length is known only when the program runs: what comprehensions over run-time sequences make.

    [step(v) for v in a]                    out = np.empty((len(a), *shape))
                                            for k, v in enumerate(a):
                                                out[k] = step(v)

The items stand in an array, one row each (`Rows`), so all are numbers of one type, or arrays of one shape. The shape
is what the element has in a trace that is thrown away; it may not depend on the iteration. Such a list may be iterated
over, indexed, measured, summed, and made an array or joined by NumPy's functions; nothing changes it.

Invariant: an item that may be a window on memory from elsewhere is noted as a copy (`loose.py`), and is not written.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from llad.frontend.arrays import allocate
from llad.frontend.calls import call, define
from llad.frontend.core import Tracer
from llad.frontend.creation import array_of
from llad.frontend.extents import extents_of
from llad.frontend.generators import Known, nested
from llad.frontend.indexing import set_item
from llad.frontend.iteration import Walk, enumerate_, length
from llad.frontend.moments import trial
from llad.frontend.outside import seen_outside
from llad.frontend.promotion import is_number, is_static_number, kind_of
from llad.frontend.rooms import keep
from llad.frontend.values import Array, Extent, ItemKind, Room, Rows, Scalar
from llad.ir.core import Region, Value, walk

_INDEX = "the place of the item"


class Seen(ast.expr):
    """An expression whose value is shown to a function."""

    _fields = ("inner",)

    def __init__(self, inner: ast.expr, show: Callable[[Tracer, Any], None]) -> None:
        super().__init__()
        self.inner = inner
        self.show = show


def seen(t: Tracer, node: Seen) -> Any:
    value = t.eval(node.inner)
    node.show(t, value)
    return value


class OfStructures(Exception):
    """The items of a comprehension are neither numbers nor arrays."""


def collected(t: Tracer, node: ast.ListComp | ast.GeneratorExp, walked: Walk, count: Extent | None) -> Rows:
    """The list `[node.elt for node.target in walked]`; `count`: its length, where that has a name.

    Raises: OfStructures."""
    (clause,) = node.generators

    def run(show: Callable[[Tracer, Any], None]) -> None:
        target = ast.Tuple([ast.Name(_INDEX, ast.Store()), clause.target], ast.Store())
        loop = ast.For(target, Known(enumerate_(t, walked)), [ast.Expr(Seen(node.elt, show))], [])
        call(t, define(t, nested(t, node, [loop])), [], {})

    sample, inner, extents = _tried(t, run)
    many = length(t, walked) if count is None else count
    out = allocate(t, kind_of(t, sample)[0], [many, *extents])
    outside: list[Value] = []

    def store(t: Tracer, value: Any) -> None:
        k = t.state.values[_INDEX]
        keep(t, value)
        value = array_of(t, value, None) if isinstance(value, (tuple, list)) else value
        value = value.items if isinstance(value, Rows) else value
        set_item(t, out, k, value)
        if isinstance(value, Array):
            outside[:] = _sources(t, value.value)

    run(store)
    for source in outside:
        t.note_copy(out.value, source)
    items = replace(out, loose=bool(outside))
    weak = inner.weak if inner is not None else sample.weak if isinstance(sample, Scalar) else is_static_number(sample)
    kinds: tuple[type, ...] = (list, *(() if inner is None else inner.kinds))
    kind = ItemKind(items.dtype, weak, extents_of(items)[1:], kinds)
    room = Room(t.builder.current, t.scope, kind, (items,), open=False, whole=True)
    return Rows(items, weak, kinds, of=room)


def _sources(t: Tracer, item: Value) -> list[Value]:
    """What an item may be a window on that was not made in the iteration around the builder, or is not known to be."""
    makers = {result: op for op in walk(t.builder.current) for result in op.results}
    found, pending = [], [item]
    while pending:
        value = pending.pop()
        made = makers.get(value)
        if made is not None and made.name == "view":
            pending.append(made.operands[0])
        elif made is not None and made.name == "alloc":
            pending += [c.source for c in t.ledger.copied if c.copy is value]
        else:
            found.append(value)
    return found


def _tried(
    t: Tracer, run: Callable[[Callable[[Tracer, Any], None]], None]
) -> tuple[Any, Rows | None, tuple[Extent, ...]]:
    """A value of the element, the list that it is, if it is one, and its extents where the list is made."""
    values: list[tuple[Any, Rows | None, tuple[Extent, ...]]] = []

    def note(t: Tracer, value: Any) -> None:
        inner = value if isinstance(value, Rows) else _listed(t, value)
        value = value if inner is None else inner.items
        if not isinstance(value, (Scalar, Array)) and not is_static_number(value):
            raise OfStructures
        sizes = extents_of(value) if isinstance(value, Array) else ()
        extents = tuple(found for size in sizes if (found := seen_outside(t, home, size)) is not None)
        if len(extents) < len(sizes):
            t.refuse("comprehension", got="of arrays whose shapes may differ")
        values.append((value, inner, extents))

    home = t.builder.current
    with trial(t), t.within(Region(), t.state.copy()):
        run(note)
    if not values:
        t.refuse("comprehension", got="whose element always raises")
    return values[-1]


def _listed(t: Tracer, value: Any) -> Rows | None:
    """The tuple or list of known length as one of a length that is not, if its items are numbers of one type."""
    kinds, items = [], [value]
    while all(type(item) in (tuple, list) and len(item) == len(items[0]) > 0 for item in items):
        kinds.append(type(items[0]))
        items = [part for item in items for part in item]
    if not kinds or not all(map(is_number, items)) or len({kind_of(t, item)[0] for item in items}) > 1:
        return None
    return Rows(array_of(t, value, None), all(kind_of(t, item)[1] for item in items), tuple(kinds))
