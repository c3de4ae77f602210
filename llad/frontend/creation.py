"""Making arrays: `np.zeros`, `np.full`, `np.array([...])`, `np.arange`, … as allocations and loops.

Extents are static or run-time integers; a negative one raises NumPy's ValueError. `np.empty` really is empty: reading
an element before it is written is reading garbage, as in NumPy.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from llad.frontend import extents as ext
from llad.frontend.arrays import allocate, assign, copy, nest
from llad.frontend.casts import float_to_int, stored, value_of
from llad.frontend.extents import Int, extents_of, measure
from llad.frontend.promotion import dtype_of, is_number, is_static_number, kind_of, plain, promote
from llad.frontend.slices import integer
from llad.frontend.values import Array, Context, Extent, Rows, Scalar, Table, describe
from llad.ir.core import Value
from llad.ir.types import F64, I64, ScalarType, is_float, is_int

_ADDRESSES = 1 << 47  # bytes that a process can have at most


def shape_argument(ctx: Context, shape: Any, dtype: ScalarType) -> list[Extent]:
    """The extents that a `shape` argument asks for, checked not to be negative, and that such memory can exist."""
    extents: list[Extent] = []
    for item in shape if isinstance(shape, (tuple, list)) else [shape]:
        if isinstance(item, Scalar) and item.extent is not None:
            extents.append(item.extent)
            continue
        if not (isinstance(item, Scalar) and is_int(item.type)) and not (
            is_static_number(item) and type(plain(item)) is int
        ):
            ctx.refuse("shape", got=describe(shape))
        extent = integer(ctx, item)
        fine = ext.compare(ctx, "ge", extent, 0)
        ext.check(ctx, fine, "ValueError", "negative dimensions are not allowed")
        extents.append(max(extent, 0) if isinstance(extent, int) else extent)
    check_size(ctx, extents, dtype)
    return extents


def check_size(ctx: Context, extents: list[Extent], dtype: ScalarType) -> None:
    """Refuse at run time what no allocation could give: an allocation that nobody reads is not made, so cannot fail.

    Nothing is asked about arrays whose extents are those of arrays, or known and small.
    """
    known = math.prod(e for e in extents if isinstance(e, int))
    asked = [e for e in extents if isinstance(e, Value)]
    limit = _ADDRESSES // dtype.bytes
    if known == 0 or (known <= limit and not asked):
        return
    fine: bool | Value = known <= limit
    total: Int = min(known, limit)
    for extent in (e for e in extents if not isinstance(e, int)):
        size = measure(ctx, extent)
        wraps = ctx.builder.op("mul_overflows", ext.emit(ctx, total), ext.emit(ctx, size))
        fine = ext.both(ctx, fine, ctx.builder.op("not", wraps))
        total = ext.mul(ctx, total, size)
    fine = ext.both(ctx, fine, ext.compare(ctx, "lt", total, limit + 1))
    text = f"unable to allocate an array of shape ({', '.join(['{}'] * len(extents))}{',' * (len(extents) == 1)})"
    sizes = [measure(ctx, e) for e in extents]
    ext.check(ctx, fine, "MemoryError", text, *sizes, brief="unable to allocate an array")


def blank(ctx: Context, dtype: ScalarType, extents: Sequence[Extent], order: Any = None, zero: bool = False) -> Array:
    """A fresh array; of order "F", a view of one in C order, with its axes reversed."""
    if order not in (None, "C", "A", "K", "F"):
        ctx.refuse("static-error", error=f"order must be one of 'C', 'F', 'A', or 'K' (got {describe(order)})")
    if order != "F" or len(extents) < 2:
        return allocate(ctx, dtype, extents, zero)
    memory = allocate(ctx, dtype, extents[::-1], zero)
    value = ctx.builder.transposed(memory.value, range(len(extents))[::-1])
    return replace(memory, value=value, extents=tuple(extents), turned=True)


def filled(ctx: Context, extents: list[Extent], value: Any, dtype: ScalarType, order: Any = None) -> Array:
    """An array whose every element is `value`, a number or an array to broadcast."""
    if is_static_number(value) and plain(value) == 0 and math.copysign(1.0, plain(value)) > 0.0:
        return blank(ctx, dtype, extents, order, zero=True)
    out = blank(ctx, dtype, extents, order)
    assign(ctx, out, value if isinstance(value, Array) else stored(ctx, value, dtype))
    return out


def element_type(ctx: Context, dtype: Any, default: ScalarType) -> ScalarType:
    return default if dtype is None else dtype_of(ctx, dtype)


def full(ctx: Context, shape: Any, value: Any, dtype: Any, order: Any = None) -> Array:
    """`np.full`: the element type is that of the value unless it is given."""
    if isinstance(value, (tuple, list)):
        value = array_of(ctx, value, None)
    type = element_type(ctx, dtype, kind_of(ctx, value)[0])
    return filled(ctx, shape_argument(ctx, shape, type), value, type, order)


def like(ctx: Context, model: Any, value: Any, dtype: Any, order: Any = None) -> Array:
    """`np.zeros_like` and its like; `value` `None` leaves the elements unset."""
    array = as_array(ctx, model)
    type = element_type(ctx, dtype, array.dtype)
    if value is None:
        return blank(ctx, type, extents_of(array), order)
    return filled(ctx, list(extents_of(array)), value, type, order)


def as_array(ctx: Context, value: Any, dtype: Any = None) -> Array:
    """`np.asarray`: the array itself if it has the element type already."""
    value = ctx.lift(value)
    if isinstance(value, Rows):
        return array_of(ctx, value, dtype)
    if isinstance(value, Array):
        type = element_type(ctx, dtype, value.dtype)
        return value if type == value.dtype else copy(ctx, value, type)
    return array_of(ctx, value, dtype)


def lifted(ctx: Context, x: Any) -> Any:
    """An operand as NumPy's functions take it: a sequence is an array."""
    return array_of(ctx, x, None) if isinstance(x, (tuple, list, Rows)) else ctx.lift(x)


def array_of(ctx: Context, value: Any, dtype: Any, order: Any = None) -> Array:
    """`np.array`: a fresh array of a number, an array, or nested sequences of those."""
    value = ctx.lift(value)
    if isinstance(value, Table):
        value = _side_by_side(ctx, value)
    if isinstance(value, Rows):
        value = rows_of(ctx, value)
    if isinstance(value, (tuple, list)) and any(isinstance(item, Rows) for item in value):
        value = tuple([rows_of(ctx, item) if isinstance(item, Rows) else item for item in value])
    if order not in (None, "C", "K"):
        array = as_array(ctx, value, dtype)
        out = blank(ctx, array.dtype, extents_of(array), order)
        assign(ctx, out, array)
        return out
    if isinstance(value, Array):
        return copy(ctx, value, element_type(ctx, dtype, value.dtype))
    extents: list[Extent] = []
    first = value
    while isinstance(first, (tuple, list)):
        extents.append(len(first))
        first = ctx.lift(first[0]) if first else 0.0
    items = list(_items(ctx, value, len(extents), value))
    wanted = promote([(kind_of(ctx, item)[0], False) for _, item in items] or [(F64, False)], arrays=True)[0]
    type = element_type(ctx, dtype, wanted)
    if isinstance(first, Array):
        extents += extents_of(first)
    _check_regular(ctx, value, extents, items)
    out = allocate(ctx, type, extents)
    for path, item in items:
        indices = [ctx.builder.i64(k) for k in path]
        if isinstance(item, Array):
            axes = ["index"] * len(path) + ["full"] * item.rank
            row = Array(ctx.builder.view(out.value, axes, *indices), tuple(extents[len(path) :]), out.root, out.born)
            assign(ctx, row, item)
        else:
            ctx.builder.store(stored(ctx, item, type), out.value, *indices)
    return out


def _side_by_side(ctx: Context, table: Table) -> Array:
    """A list of tuples of numbers of several types in an array: a row for each tuple."""
    columns = [c for c in table.columns if isinstance(c, Rows) and c.items.rank == 1]
    if not issubclass(table.form.cls, (tuple, list)) or len(columns) < len(table.columns):
        ctx.refuse("array-items", got=describe(table))
    count = measure(ctx, extents_of(table.first.items)[0])
    ext.check(ctx, ext.compare(ctx, "ge", count, 1), "ValueError", "an array of a list of tuples that is empty")
    made: Array = ctx.call(np.stack, [tuple(c.items for c in columns)], {"axis": 1})
    return made


def rows_of(ctx: Context, rows: Rows) -> Array:
    """The items of a list in an array, which is not written. NumPy does not know the shape of no items."""
    count = measure(ctx, extents_of(rows.items)[0])
    if rows.items.rank > 1:
        ext.check(ctx, ext.compare(ctx, "ge", count, 1), "ValueError", "an array of a list of arrays that is empty")
    return replace(rows.items, loose=True)


def _items(ctx: Context, value: Any, depth: int, whole: Any) -> Iterator[tuple[tuple[int, ...], Any]]:
    """The leaves of nested sequences with their positions."""
    value = ctx.lift(value)
    if isinstance(value, (tuple, list)) and depth:
        for k, item in enumerate(value):
            for path, leaf in _items(ctx, item, depth - 1, whole):
                yield (k, *path), leaf
    elif is_number(value) and not depth:
        yield (), value
    else:
        ctx.refuse("array-items", got=describe(whole))


def _check_regular(ctx: Context, value: Any, extents: list[Extent], items: list[tuple[tuple[int, ...], Any]]) -> None:
    """Refuse rows of different lengths; check those that are known only at run time."""
    depth = len(items[0][0]) if items else len(extents)
    count = 1
    for extent in extents[:depth]:
        assert isinstance(extent, int)
        count *= extent
    if len(items) != count or any(isinstance(i, Array) != isinstance(items[0][1], Array) for _, i in items):
        ctx.refuse("array-items", got=describe(value))
    for _, item in items:
        own = extents_of(item) if isinstance(item, Array) else ()
        if len(own) != len(extents) - depth:
            ctx.refuse("array-items", got=describe(value))
        for mine, wanted in zip(own, extents[depth:], strict=True):
            if mine != wanted:
                same = ext.compare(ctx, "eq", measure(ctx, mine), measure(ctx, wanted))
                text = "setting an array element with a sequence. The requested array has an inhomogeneous shape"
                ext.check(ctx, same, "ValueError", text)


def arange(ctx: Context, start: Any, stop: Any, step: Any, dtype: Any) -> Array:
    """`np.arange`: integers if all arguments are, else floats `start + i * step`."""
    if stop is None:
        start, stop = 0, start
    kinds = [kind_of(ctx, x) for x in (start, stop, step)]
    type = promote(kinds, arrays=False)[0]
    type = type if is_float(type) else I64
    first, last, pace = (value_of(ctx, x, type) for x in (start, stop, step))
    b = ctx.builder
    if is_float(type):
        steps = b.op("ceil", b.op("div", b.op("sub", last, first), pace))
        count: Int = b.op("max", float_to_int(ctx, steps), b.i64(0))
        pace = b.op("sub", b.op("add", first, pace), first)
    else:
        count = _count(ctx, start, stop, step, first, last)
    out = allocate(ctx, element_type(ctx, dtype, type), [count])

    def body(indices: list[Value], _: list[Value]) -> list[Value]:
        value = b.op("add", first, b.op("mul", b.cast(indices[0], type), pace))
        b.store(stored(ctx, Scalar(value), out.dtype), out.value, *indices)
        return []

    nest(ctx, [count], [], body, "parallel")
    return out


def _count(ctx: Context, start: Any, stop: Any, step: Any, first: Value, last: Value) -> Int:
    """How many integers `range(start, stop, step)` has; the step is known."""
    if not is_static_number(step) or plain(step) == 0:
        ctx.refuse("arange-step")
    pace = int(plain(step))
    if is_static_number(start) and is_static_number(stop):
        return len(range(int(plain(start)), int(plain(stop)), pace))
    above, below = (last, first) if pace > 0 else (first, last)
    near = ctx.builder.op("not", ctx.builder.op("sub_overflows", above, below))
    ctx.builder.check(near, "ValueError", "Maximum allowed size exceeded")
    distance = ext.sub(ctx, above, below)
    positive = ext.greatest(ctx, distance, 0)
    return ext.add(ctx, ext.floordiv(ctx, ext.sub(ctx, positive, 1), abs(pace)), 1)
