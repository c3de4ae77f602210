"""The memory of lists that loops append to: what the items have in common, storing them, and the list so far.

    xs.append(v)                            room[count] = v
                                            count += 1

The room was made before the loop, for as many items as may come (`growth.py`), so nothing is checked. If nobody knows
how many, as in a `while`, it is elastic: what the name holds has its memory with it, and an append asks first.

    if count == len(memory):                new = np.empty(2 * count); new[:count] = memory; memory = new

While a loop is traced to learn what the items are, there is no room: appends leave marks, and what is read is memory of
some sort.

Invariant: the first `count` rows of a room are never written again, unless it is one that a loop `reuses`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from llad.frontend import extents as ext
from llad.frontend import numbers
from llad.frontend.arrays import allocate, assign, copy, element
from llad.frontend.core import Tracer
from llad.frontend.creation import check_size
from llad.frontend.extents import emit, extents_of, measure
from llad.frontend.kinds import common, kind_of_item, refuse
from llad.frontend.loose import Copied
from llad.frontend.outside import seen_outside
from llad.frontend.parts import parts_of
from llad.frontend.signature import ScalarSpec
from llad.frontend.values import (
    Array,
    Dim,
    Extent,
    Growing,
    ItemKind,
    Kind,
    Record,
    Room,
    Rows,
    Scalar,
    Structure,
    Table,
    leaves_of,
)
from llad.ir.core import Region, Value
from llad.ir.types import F64, I64

_GUESS = ItemKind(F64, weak=True)
_FIRST = 8  # so many items an elastic room has place for at first


def snapshot(t: Tracer, value: Growing) -> Rows | Table:
    """The list as it is now."""
    room, count = value.room, value.count
    extent: Extent = count if isinstance(count, int) else count.extent or count.value
    if not value.arrays:
        room.guessed |= room.kind is None
        room.shown.append(room.kind or _GUESS)
    kind = room.kind or _GUESS
    leaves = leaves_of(kind)
    arrays = [_first_rows(t, a, extent) for a in value.arrays] or [_some(t, leaf, extent) for leaf in leaves]
    own = (room.whole or leaf.of_numbers for leaf in leaves)
    held = (a if its else replace(a, loose=True) for its, a in zip(own, arrays, strict=True))
    return _listed(kind, held, room, count if isinstance(count, int) else value.least)


def _first_rows(t: Tracer, array: Array, extent: Extent) -> Array:
    first, *rest = extents_of(array)
    if first == extent:
        return array
    axes = ["run"] + ["full"] * len(rest)
    view = t.builder.view(array.value, axes, t.builder.i64(0), emit(t, measure(t, extent)))
    return Array(view, (extent, *rest), array.root, array.born)


def _some(t: Tracer, kind: ItemKind, extent: Extent) -> Array:
    """An array of items of a kind, for a trace that is thrown away."""
    return allocate(t, kind.dtype, [extent, *(t.builder.i64(2) if e is None else e for e in kind.extents)])


def _listed(kind: Kind, arrays: Iterator[Array], room: Room | None, least: int) -> Rows | Table:
    """The list whose columns are these arrays."""
    if isinstance(kind, Structure):
        return Table(kind.form, tuple(_listed(part, arrays, room, least) for part in kind.parts), room, least)
    return Rows(next(arrays), kind.weak, kind.kinds, room, least)


def shown(t: Tracer, value: Growing) -> Rows | Table:
    """The list as it is now, whatever is written to its memory later."""
    rows = snapshot(t, value)
    return own(t, rows) if value.room.reused else rows


def own(t: Tracer, rows: Rows | Table) -> Rows | Table:
    """A list of the same items, in memory of its own."""
    if isinstance(rows, Table):
        return replace(rows, columns=tuple(own(t, column) for column in rows.columns))
    return replace(rows, items=replace(copy(t, rows.items), loose=rows.items.loose))


# -- items


def added(t: Tracer, value: Growing, item: Any) -> Growing:
    """The list with one item more, while its loop is traced."""
    room, b = value.room, t.builder
    memory: tuple[Array, ...] = ()
    if not value.arrays:
        learn(t, room, item)
        room.marks.add(b.alloc(I64, []))
    else:
        memory = _with_place(t, value) if value.memory else ()
        put(t, room, memory or room.arrays, emit(t, index_of(value)), item)
    count = Scalar(b.op("add", emit(t, index_of(value)), b.i64(1)), weak=True)
    return Growing(room, count, value.least + 1, memory)


def learn(t: Tracer, room: Room, item: Any) -> None:
    """Let the room know of an item that will stand in it."""
    keep(t, item)
    room.kind = common(t, room.kind, _seen_outside(t, room.home, kind_of_item(t, item)))


def _seen_outside(t: Tracer, home: Region, kind: Kind) -> Kind:
    """The kind, by what is known of extents in a region around."""
    if isinstance(kind, Structure):
        return replace(kind, parts=tuple(_seen_outside(t, home, part) for part in kind.parts))
    return replace(kind, extents=tuple(None if e is None else seen_outside(t, home, e) for e in kind.extents))


def _with_place(t: Tracer, value: Growing) -> tuple[Array, ...]:
    """The memory of the list, or that to which it moves, with a row for one more item."""
    b, memory = t.builder, value.memory
    count, size = emit(t, index_of(value)), b.dim(memory[0].value, 0)
    with b.region() as moved:
        larger = [allocate(t, m.dtype, [b.op("mul", size, b.i64(2)), *extents_of(m)[1:]]) for m in memory]
        for old, new in zip(memory, larger, strict=True):
            new.value.name = old.value.name
            _copy_rows(t, _first_rows(t, old, count), new)
        b.yield_(*(new.value for new in larger))
    with b.region() as there:
        b.yield_(*(m.value for m in memory))
    now = b.if_(b.op("ge", count, size), moved, there)
    # What it may share memory with is as old as before: what is there is in no memory that was just made.
    return tuple(Array(v, (Dim(v, 0), *extents_of(m)[1:]), born=m.born) for v, m in zip(now, memory, strict=True))


def _copy_rows(t: Tracer, source: Array, target: Array) -> None:
    """Let the first rows of a memory be those of another one."""
    b, (count, *rest) = t.builder, extents_of(source)
    part = b.view(target.value, ["run"] + ["full"] * len(rest), b.i64(0), emit(t, measure(t, count)))
    assign(t, Array(part, (count, *rest), target.root, target.born), source)


def index_of(value: Growing) -> int | Value:
    """Where the next item goes."""
    return value.count if isinstance(value.count, int) else value.count.value


def put(t: Tracer, room: Room, arrays: Sequence[Array], index: Value, item: Any) -> None:
    """Store an item in a row of the room's memory, which has it."""
    assert room.kind is not None
    keep(t, item)
    _put(t, room.kind, iter(arrays), index, item)


def _put(t: Tracer, kind: Kind, arrays: Iterator[Array], index: Value, item: Any) -> None:
    if isinstance(kind, Structure):
        parts = parts_of(item)
        assert parts is not None
        for part, inner in zip(kind.parts, parts[1], strict=True):
            _put(t, part, arrays, index, inner)
        return
    b, out = t.builder, next(arrays)
    if isinstance(item, (Array, Rows)):
        array = item.items if isinstance(item, Rows) else item
        sizes = extents_of(out)[1:]
        for wanted, there in zip(sizes, extents_of(array), strict=True):
            _same_extent(t, wanted, there)
        view = b.view(out.value, ["index"] + ["full"] * len(sizes), index)
        assign(t, Array(view, sizes, out.root, out.born), array)
        if not kind.of_numbers:
            t.ledger.appended.append(Copied(view, array.value, b.span))
        return
    for path, number in _leaves(item):
        b.store(_converted(t, number, kind), out.value, index, *(b.i64(k) for k in path))


def _converted(t: Tracer, number: Any, kind: ItemKind) -> Value:
    return numbers.convert(t, number, ScalarSpec(kind.dtype, kind.weak)).value


def _leaves(value: Any, path: tuple[int, ...] = ()) -> Iterator[tuple[tuple[int, ...], Any]]:
    if isinstance(value, (tuple, list)):
        for k, item in enumerate(value):
            yield from _leaves(item, (*path, k))
    else:
        yield path, value


def _same_extent(t: Tracer, wanted: Extent, there: Extent) -> None:
    """Check that an item has the shape of the others."""
    b = t.builder
    wanted, there = t.alike.name(b, wanted), t.alike.name(b, there)
    if wanted == there:
        return
    x, y = measure(t, wanted), measure(t, there)
    text = "a list that grows in a loop has items of {} elements and of {}"
    ext.check(t, ext.compare(t, "eq", x, y), "ValueError", text, x, y)
    t.alike.note(b, wanted, there)


def keep(t: Tracer, item: Any) -> None:
    """Note that there is a copy of the item's items, so that nothing may be appended to it, or be changed in it."""
    if isinstance(item, (Rows, Table)) and item.of is not None:
        if item.of.open:
            refuse(t, "has another as an item, to which the loop appends, too")
        t.ledger.keep(item.of)
    elif isinstance(item, (list, dict, Record)):
        t.ledger.keep(item)
    if (parts := parts_of(item)) is not None:
        for part in parts[1]:
            keep(t, part)


def row(t: Tracer, rows: Rows | Table, index: int | Value) -> Any:
    """An item that is there, by a number that is known, or by its place."""
    if isinstance(rows, Table):
        return t.met(rows.form, [row(t, column, index) for column in rows.columns])
    behind = isinstance(index, int) and index < 0
    place = emit(t, ext.add(t, measure(t, extents_of(rows.items)[0]), index) if behind else index)
    if rows.items.rank == 1:
        return rows.item(element(t, rows.items, [place]))
    view = t.builder.view(rows.items.value, ["index"] + ["full"] * (rows.items.rank - 1), place)
    array = rows.items
    return rows.item(Array(view, extents_of(array)[1:], array.root, array.born, array.loose, array.turned))


# -- rooms


def furnished(
    t: Tracer, kind: Kind, size: Extent | None, old: Sequence[Any] | Growing, born: object, name: str
) -> Growing:
    """A list of the items of an old one, in a room for `size` of them; `None`: in one that is elastic."""
    room = Room(t.builder.current, born, kind, elastic=size is None)
    if size is None:
        size = ext.greatest(t, index_of(old) if isinstance(old, Growing) else len(old), _FIRST)
    arrays = tuple(_memory(t, leaf, size, name) for leaf in leaves_of(kind))
    memory: tuple[Array, ...] = arrays if room.elastic else ()
    room.arrays = () if room.elastic else arrays
    if isinstance(old, Growing):
        room.least = old.least
        before = snapshot(t, old)
        for leaf, column, array in zip(leaves_of(kind), columns_of(t, before, kind), arrays, strict=True):
            _copy_rows(t, column.items, array)
            if old.room.whole and not leaf.of_numbers:  # each is as good as appended: it may have other names
                t.ledger.appended.append(Copied(array.value, column.items.value, t.builder.span))
        return Growing(room, old.count, old.least, memory)
    room.least = len(old)
    for k, item in enumerate(old):
        put(t, room, arrays, t.builder.i64(k), item)
    return Growing(room, len(old), len(old), memory)


def _memory(t: Tracer, kind: ItemKind, size: Extent, name: str) -> Array:
    extents = [e for e in kind.extents if e is not None]
    check_size(t, [size, *extents], kind.dtype)
    array = allocate(t, kind.dtype, [size, *extents])
    array.value.name = name
    return array


def columns_of(t: Tracer, rows: Rows | Table, kind: Kind) -> list[Rows]:
    """The columns of a list, as many as those of a kind: what stands in one array may be needed part by part."""
    if not isinstance(kind, Structure):
        assert isinstance(rows, Rows)
        return [rows]
    parts = rows.columns if isinstance(rows, Table) else [column(t, rows, k) for k in range(len(kind.parts))]
    return [leaf for part, inner in zip(parts, kind.parts, strict=True) for leaf in columns_of(t, part, inner)]


def column(t: Tracer, rows: Rows, index: int) -> Rows:
    """The list of one item each of the tuples or lists in a list."""
    array = rows.items
    axes = ["full", "index", *["full"] * (array.rank - 2)]
    view = t.builder.view(array.value, axes, t.builder.i64(index))
    first, _, *rest = extents_of(array)
    part = Array(view, (first, *rest), array.root, array.born, array.loose, array.turned)
    return Rows(part, rows.weak, (list, *rows.kinds[2:]), rows.of, rows.least)


def columns_as_tuples(t: Tracer, rows: Any) -> list[Any]:
    """What `zip(*rows)` gives of a list of structures or of tuples: each of their parts, one behind the other."""
    if isinstance(rows, Rows) and len(rows.kinds) > 1 and isinstance(width := extents_of(rows.items)[1], int):
        columns: Sequence[Rows | Table] = [column(t, rows, k) for k in range(width)]
    elif isinstance(rows, Table) and issubclass(rows.form.cls, (tuple, list)):
        columns = rows.columns
    else:
        return []
    count = measure(t, extents_of(rows.first.items)[0])
    ext.check(t, ext.compare(t, "ge", count, 1), "ValueError", "zip() of the items of an empty list, which are none")
    return [replace(c, kinds=(tuple, *c.kinds[1:]), of=None) if isinstance(c, Rows) else c for c in columns]
