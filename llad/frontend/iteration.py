"""What a `for` may run over: a run-time walk, or items known at trace time.

A `Walk` is a `range` of run-time bounds and, per index, an item: the index itself, an element or row of an array,
a pair (`enumerate`), a tuple of items (`zip`). Sequences made at trace time are iterated over at trace time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any, ClassVar

from llad.dataclass import dataclass
from llad.frontend import arrays
from llad.frontend.casts import value_of
from llad.frontend.core import Tracer
from llad.frontend.extents import extents_of, measure
from llad.frontend.values import Array, Room, Rows, Scalar, Table, describe
from llad.ir.core import Value
from llad.ir.types import BOOL, I32, I64

Bound = int | Value

_MOST_KNOWN = 1000  # items of a list that a loop made
_MOST_MIXED = 64  # items of known sequences beside run-time ones: a loop over them is unrolled


@dataclass(frozen=True, slots=True, eq=False)
class Walk:
    """`item(i)` for `i in range(lo, hi, step)`. `lists`: those that may grow over which it goes."""

    shown: ClassVar[str] = "a lazy sequence"

    lo: Bound
    hi: Bound
    step: Bound
    item: Callable[[Tracer, Value], Any]
    threads: bool = False  # whether its iterations are to run on threads
    lists: frozenset[Room] = frozenset()

    @property
    def is_range(self) -> bool:
        """Whether this walks over the indices themselves."""
        return self.item is _index

    @property
    def trips(self) -> int | None:
        """How many iterations, where it is known."""
        if isinstance(self.lo, int) and isinstance(self.hi, int) and isinstance(self.step, int):
            return len(range(self.lo, self.hi, self.step))
        return None


def walk_of(t: Tracer, value: Any) -> Walk | None:
    """The walk over a run-time array or a range; `None` for what is iterated over at trace time."""
    if isinstance(value, Walk):
        return value
    if isinstance(value, range):
        return indices(value.start, value.stop, value.step)
    if isinstance(value, Rows):
        rows, own = value, frozenset([value.of] if value.of else [])
        count = emit(t, measure(t, extents_of(rows.items)[0])) if rows.of else t.builder.dim(rows.items.value, 0)
        return Walk(0, count, 1, lambda t, i: rows.item(_row(t, rows.items, i)), lists=own)
    if isinstance(value, Table):
        own = frozenset([value.of] if value.of else [])
        count = emit(t, measure(t, extents_of(value.first.items)[0]))
        return Walk(0, count, 1, lambda t, i: _structure(t, value, i), lists=own)
    if isinstance(value, Array):
        if value.rank == 0:
            t.refuse("not-iterable", got=describe(value))
        return Walk(0, t.builder.dim(value.value, 0), 1, lambda t, i: _row(t, value, i))
    return None


def _index(t: Tracer, i: Value) -> Scalar:
    return Scalar(i, weak=True)


def _structure(t: Tracer, table: Table, i: Value) -> Any:
    """Item `i`, which is there."""
    parts = [_structure(t, c, i) if isinstance(c, Table) else c.item(_row(t, c.items, i)) for c in table.columns]
    return t.met(table.form, parts)


def _row(t: Tracer, array: Array, i: Value) -> Scalar | Array:
    """Element or row `i`, which is in range."""
    if array.rank == 1:
        return arrays.element(t, array, [i])
    view = t.builder.view(array.value, ["index"] + ["full"] * (array.rank - 1), i)
    return Array(view, extents_of(array)[1:], array.root, array.born, array.loose, array.turned)


def items_of(t: Tracer, value: Any) -> Sequence[Any]:
    """The items of what is iterated over at trace time."""
    if isinstance(value, (tuple, list, str, bytes, range)):
        return value
    if isinstance(value, (dict, frozenset, set, zip, enumerate, map, reversed)):
        return list(value)
    if isinstance(value, Array) and value.rank:
        count = extents_of(value)[0]
        if isinstance(count, int):
            return [_row(t, value, t.builder.i64(k)) for k in range(count)]
    if isinstance(value, Rows) and (known := known_length(value)) is not None:
        return [value.item(_row(t, value.items, t.builder.i64(k))) for k in range(known)]
    if isinstance(value, Table) and (known := known_length(value)) is not None:
        return [_structure(t, value, t.builder.i64(k)) for k in range(known)]
    return t.refuse("not-iterable", got=describe(value))


def known_length(rows: Rows | Table) -> int | None:
    """How many items a list has, if that is known, and they are not too many to be told one by one."""
    count = extents_of(rows.first.items)[0]
    return count if isinstance(count, int) and count <= _MOST_KNOWN else None


def indices(lo: Bound, hi: Bound, step: Bound) -> Walk:
    """The walk over `range(lo, hi, step)`."""
    return Walk(lo, hi, step, _index)


def bound(t: Tracer, x: Any) -> Bound:
    """An integer that bounds a walk."""
    if isinstance(x, Scalar) and x.type in (I64, I32, BOOL):
        return value_of(t, x, I64)
    if hasattr(x, "__index__") and not isinstance(x, Array):
        return int(x.__index__())
    return t.refuse("range-type", got=describe(x))


def emit(t: Tracer, x: Bound) -> Value:
    return x if isinstance(x, Value) else t.builder.i64(x)


def length(t: Tracer, walk: Walk) -> Bound:
    """The number of iterations: no more than an i64 holds."""
    if walk.trips is not None:
        return walk.trips
    b, (lo, hi, step) = t.builder, (emit(t, x) for x in (walk.lo, walk.hi, walk.step))
    if walk.lo == 0 and walk.step == 1:
        return b.op("max", b.i64(0), hi)
    if isinstance(walk.step, int):
        rises = walk.step > 0
        end = b.op("max" if rises else "min", hi, lo)  # which nobody may reach, and be too far away
        far = b.op("sub_overflows", end, lo) if rises else b.op("sub_overflows", lo, end)
    else:
        end = b.op("select", b.op("gt", step, b.i64(0)), b.op("max", hi, lo), b.op("min", hi, lo))
        far = b.op("or", b.op("sub_overflows", end, lo), b.op("sub_overflows", lo, end))
    b.check(b.op("not", far), "OverflowError", "the length of a range does not fit in 64 bits")
    if walk.step == 1:
        return b.op("sub", end, lo)
    return b.op("neg", b.op("floordiv", b.op("sub", lo, end), step))


def nth(t: Tracer, walk: Walk, k: Value) -> Any:
    """The item of iteration `k`."""
    b = t.builder
    index = k
    if walk.step != 1:
        index = b.op("mul", index, emit(t, walk.step))
    if walk.lo != 0:
        index = b.op("add", index, emit(t, walk.lo))
    return walk.item(t, index)


def enumerate_(t: Tracer, value: Any, start: Any = 0) -> Any:
    """`enumerate(value, start)`."""
    walk = walk_of(t, value)
    first = bound(t, start)
    if walk is None:
        if isinstance(first, Value):
            t.refuse("range-type", got=describe(start))
        number = first

        def counted() -> Iterable[Any]:
            return enumerate(_item_by_item(t, value), number)

        return t.make_ahead(list(counted()), [value], counted)

    def item(t: Tracer, k: Value) -> Any:
        number = k if first == 0 else t.builder.op("add", k, emit(t, first))
        return Scalar(number, weak=True), nth(t, walk, k)

    return Walk(0, length(t, walk), 1, item, lists=walk.lists)


def zip_(t: Tracer, values: Sequence[Any], strict: bool = False) -> Any:
    """`zip(…)` of arrays and ranges, or of what is known at trace time. `strict` is checked before the first item."""
    walks = [walk_of(t, v) for v in values]
    known = [w for w in walks if w is not None]
    if all(isinstance(v, range) or w is None for v, w in zip(values, walks, strict=True)):
        rows = [items_of(t, v) for v in values]

        def pairs() -> Iterable[Any]:
            return zip(*(_item_by_item(t, v) for v in values), strict=False)

        if strict and len({len(row) for row in rows}) > 1:
            t.end_path("ValueError", "zip() arguments have different lengths")
        return t.make_ahead(list(pairs()), values, pairs)
    b = t.builder
    if len(known) < len(walks):
        return _mixed(t, values, walks, strict)
    count, *others = [length(t, w) for w in known]
    for other in others:
        if isinstance(count, int) and isinstance(other, int) and not strict:
            count = min(count, other)
            continue
        x, y = emit(t, count), emit(t, other)
        if strict:
            b.check(b.op("eq", x, y), "ValueError", "zip() arguments have different lengths")
        else:
            count = b.op("min", x, y)
    lists = frozenset[Room]().union(*(w.lists for w in known))
    return Walk(0, count, 1, lambda t, k: tuple(nth(t, w, k) for w in known), lists=lists)


def _mixed(t: Tracer, values: Sequence[Any], walks: Sequence[Walk | None], strict: bool) -> Any:
    """`zip` of arrays or run-time ranges and of sequences of known length, which has to be the shortest."""
    b = t.builder
    sources = [items_of(t, v) if w is None else w for v, w in zip(values, walks, strict=True)]
    lengths = {trips for s in sources if (trips := s.trips if isinstance(s, Walk) else len(s)) is not None}
    count = min(lengths)
    if strict and len(lengths) > 1:
        t.end_path("ValueError", "zip() arguments have different lengths")
    if count > _MOST_MIXED:
        t.refuse("zip-mixture", count=count)
    for source in sources:
        if isinstance(source, Walk) and source.trips is None:
            there = emit(t, length(t, source))
            text = f"zip() of {count} items that are known when the function is traced, and of {{}} that are not"
            b.check(b.op("eq" if strict else "ge", there, b.i64(count)), "ValueError", text, there)
    at = [b.i64(k) for k in range(count)]
    columns = [[nth(t, s, k) for k in at] if isinstance(s, Walk) else v for s, v in zip(sources, values, strict=True)]

    def pairs() -> Iterable[Any]:
        return zip(*(_item_by_item(t, v) for v in columns), strict=False)

    return t.make_ahead(list(pairs()), values, pairs)


def _item_by_item(t: Tracer, value: Any) -> Iterable[Any]:
    """The items of what is known, as they are when they are asked for."""
    lazy = t.ledger.item_by_item(value)
    return items_of(t, value) if lazy is None else lazy


def reversed_(t: Tracer, value: Any) -> Any:
    """`reversed(value)`."""
    walk = walk_of(t, value)
    if isinstance(value, range):
        return value[::-1]
    if walk is None:
        again = partial(reversed, value) if type(value) is list else None
        return t.make_ahead(list(items_of(t, value))[::-1], [value], again)
    b = t.builder
    last = b.op("sub", emit(t, length(t, walk)), b.i64(1))
    return Walk(last, -1, -1, lambda t, k: nth(t, walk, k), lists=walk.lists)
