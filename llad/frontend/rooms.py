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
from llad.frontend.loose import Copied
from llad.frontend.outside import seen_outside
from llad.frontend.promotion import is_static_number, kind_of, promote
from llad.frontend.signature import ScalarSpec
from llad.frontend.values import Array, Dim, Extent, Growing, ItemKind, Room, Rows, Scalar, describe
from llad.ir.core import Value
from llad.ir.types import F64, I64

_GUESS = ItemKind(F64, weak=True)
_FIRST = 8  # so many items an elastic room has place for at first


def snapshot(t: Tracer, value: Growing) -> Rows:
    """The list as it is now."""
    room, count = value.room, value.count
    extent: Extent = count if isinstance(count, int) else count.extent or count.value
    array = value.array
    if array is None:
        room.guessed |= room.kind is None
        kind = room.kind or _GUESS
        room.shown.append(kind)
        array = allocate(t, kind.dtype, [extent, *(t.builder.i64(2) if e is None else e for e in kind.extents)])
    else:
        kind = room.kind or _GUESS
        first, *rest = extents_of(array)
        if first != extent:
            axes = ["run"] + ["full"] * len(rest)
            view = t.builder.view(array.value, axes, t.builder.i64(0), emit(t, measure(t, extent)))
            array = Array(view, (extent, *rest), array.root, array.born)
    if not kind.of_numbers:
        array = Array(array.value, array.extents, array.root, array.born, loose=True)
    least = count if isinstance(count, int) else value.least
    return Rows(array, kind.weak, kind.kinds, room, least)


def shown(t: Tracer, value: Growing) -> Rows:
    """The list as it is now, whatever is written to its memory later."""
    rows = snapshot(t, value)
    if not value.room.reused:
        return rows
    return replace(rows, items=replace(copy(t, rows.items), loose=rows.items.loose))


# -- what items have in common


def kind_of_item(t: Tracer, value: Any) -> ItemKind:
    """What a list of such items would have in common."""
    match value:
        case Rows(items=items, weak=weak, kinds=kinds):
            return ItemKind(items.dtype, weak, extents_of(items), (list, *kinds))
        case Array() if value.rank:
            return ItemKind(value.dtype, False, extents_of(value))
        case tuple() | list():
            return _kind_of_sequence(t, value)
    if not isinstance(value, Scalar) and not is_static_number(value):
        _refuse(t, f"has {describe(value)} as an item, which is neither a number nor an array or a list of numbers")
    return ItemKind(*kind_of(t, value))


def _kind_of_sequence(t: Tracer, value: Any) -> ItemKind:
    kinds, extents, items = [], [], [value]
    while all(type(item) in (tuple, list) and len(item) == len(items[0]) > 0 for item in items):
        if len({type(item) for item in items}) > 1:
            _refuse(t, "has lists beside tuples as items")
        kinds.append(type(items[0]))
        extents.append(len(items[0]))
        items = [part for item in items for part in item]
    if not kinds or not all(isinstance(item, Scalar) or is_static_number(item) for item in items):
        _refuse(t, f"has {describe(value)} as an item, which is not a list of numbers")
    found = [kind_of(t, item) for item in items]
    if len({dtype for dtype, _ in found}) > 1:
        _refuse(t, f"has {describe(value)} as an item, the numbers in which are not alike")
    return ItemKind(found[0][0], all(weak for _, weak in found), tuple(extents), (list, *kinds))


def common(t: Tracer, first: ItemKind | None, second: ItemKind) -> ItemKind:
    """What items of both kinds have in common; the first one's extents, where they are known."""
    if first is None:
        return second
    if first.kinds != second.kinds or len(first.extents) != len(second.extents):
        _refuse(t, "has items of several kinds")
    pair = (first.dtype, first.weak), (second.dtype, second.weak)
    if pair[0] != pair[1] and not first.of_numbers:
        _refuse(t, f"has arrays of {first.dtype} and of {second.dtype} as items")
    type, weak = pair[0] if pair[0] == pair[1] else promote(pair, arrays=False)
    extents = tuple(b if a is None else a for a, b in zip(first.extents, second.extents, strict=True))
    for a, b in zip(extents, second.extents, strict=True):
        if isinstance(a, int) and isinstance(b, int) and a != b:
            _refuse(t, f"has items of {a} elements and of {b}")
    return ItemKind(type, weak, extents, first.kinds)


def _refuse(t: Tracer, why: str) -> Any:
    t.refuse("growing", why=why)


# -- items


def added(t: Tracer, value: Growing, item: Any) -> Growing:
    """The list with one item more, while its loop is traced."""
    room, b = value.room, t.builder
    memory = None
    if value.array is None:
        learn(t, room, item)
        room.marks.add(b.alloc(I64, []))
    else:
        memory = None if value.memory is None else _with_place(t, value, value.memory)
        put(t, room, room.array if memory is None else memory, emit(t, index_of(value)), item)
    count = Scalar(b.op("add", emit(t, index_of(value)), b.i64(1)), weak=True)
    return Growing(room, count, value.least + 1, memory)


def learn(t: Tracer, room: Room, item: Any) -> None:
    """Let the room know of an item that will stand in it."""
    kind = kind_of_item(t, item)
    keep(t, item)
    known = (None if e is None else seen_outside(t, room.home, e) for e in kind.extents)
    room.kind = common(t, room.kind, ItemKind(kind.dtype, kind.weak, tuple(known), kind.kinds))


def _with_place(t: Tracer, value: Growing, memory: Array) -> Array:
    """The memory of the list, or that to which it moves, with a row for one more item."""
    b, rest = t.builder, extents_of(memory)[1:]
    count, size = emit(t, index_of(value)), b.dim(memory.value, 0)
    with b.region() as moved:
        larger = allocate(t, memory.dtype, [b.op("mul", size, b.i64(2)), *rest])
        larger.value.name = memory.value.name
        _copy_rows(t, snapshot(t, value).items, larger)
        b.yield_(larger.value)
    with b.region() as there:
        b.yield_(memory.value)
    (now,) = b.if_(b.op("ge", count, size), moved, there)
    # What it may share memory with is as old as before: what is there is in no memory that was just made.
    return Array(now, (Dim(now, 0), *rest), born=memory.born)


def _copy_rows(t: Tracer, source: Array, target: Array) -> None:
    """Let the first rows of a memory be those of another one."""
    b, (count, *rest) = t.builder, extents_of(source)
    part = b.view(target.value, ["run"] + ["full"] * len(rest), b.i64(0), emit(t, measure(t, count)))
    assign(t, Array(part, (count, *rest), target.root, target.born), source)


def index_of(value: Growing) -> int | Value:
    """Where the next item goes."""
    return value.count if isinstance(value.count, int) else value.count.value


def put(t: Tracer, room: Room, out: Array | None, index: Value, item: Any) -> None:
    """Store an item in a row of the room's memory, which has it."""
    b, kind = t.builder, room.kind
    assert out is not None and kind is not None
    keep(t, item)
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
    if isinstance(item, Rows) and item.of is not None:
        if item.of.open:
            _refuse(t, "has another as an item, to which the loop appends, too")
        t.ledger.keep(item.of)
    elif isinstance(item, list):
        t.ledger.keep(item)
    if isinstance(item, (list, tuple)):
        for part in item:
            keep(t, part)


def row(t: Tracer, rows: Rows, index: int) -> Any:
    """An item that is there, by a number that is known."""
    place = emit(t, ext.add(t, measure(t, extents_of(rows.items)[0]), index) if index < 0 else index)
    if rows.items.rank == 1:
        return rows.item(element(t, rows.items, [place]))
    view = t.builder.view(rows.items.value, ["index"] + ["full"] * (rows.items.rank - 1), place)
    array = rows.items
    return rows.item(Array(view, extents_of(array)[1:], array.root, array.born, array.loose, array.turned))


# -- rooms


def furnished(
    t: Tracer, kind: ItemKind, size: Extent | None, old: Sequence[Any] | Growing, born: object, name: str
) -> Growing:
    """A list of the items of an old one, in a room for `size` of them; `None`: in one that is elastic."""
    b = t.builder
    extents = [e for e in kind.extents if e is not None]
    room = Room(b.current, born, kind, elastic=size is None)
    if size is None:
        size = ext.greatest(t, index_of(old) if isinstance(old, Growing) else len(old), _FIRST)
    check_size(t, [size, *extents], kind.dtype)
    array = allocate(t, kind.dtype, [size, *extents])
    array.value.name = name
    room.array, memory = (None, array) if room.elastic else (array, None)
    if isinstance(old, Growing):
        room.least = old.least
        _copy_rows(t, snapshot(t, old).items, array)
        return Growing(room, old.count, old.least, memory)
    room.least = len(old)
    for k, item in enumerate(old):
        put(t, room, array, b.i64(k), item)
    return Growing(room, len(old), len(old), memory)
