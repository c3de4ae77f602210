"""`a[…]`, `a[…] = v` and `a op= v`: elements are loaded and stored, everything else is a view.

An index that leaves no axis is an element; any other makes a window on the same memory, which may be written.

Invariant: no load, store or view is emitted whose indices are not in range, by a check or by construction (I6).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from llad.frontend.arithmetic import SYMBOLS, Operand, apply
from llad.frontend.arrays import assign, element, modify, update
from llad.frontend.casts import stored
from llad.frontend.contractions import matmul
from llad.frontend.creation import array_of
from llad.frontend.extents import emit, extents_of, measure, shorten
from llad.frontend.numbers import operand
from llad.frontend.promotion import kind_of, promote, rank_of
from llad.frontend.slices import integer, is_full, is_single, position, progression, trimmed
from llad.frontend.values import Array, Context, Extent, Rows, Scalar, Single, describe, is_static
from llad.ir.core import Value
from llad.ir.types import F64, is_float


def get_item(ctx: Context, base: Any, index: Any) -> Any:
    """`base[index]`."""
    if isinstance(base, Array):
        items = _items(ctx, base, index)
        indices = _element(ctx, base, items)
        return window(ctx, base, items) if indices is None else element(ctx, base, indices)
    if isinstance(base, Scalar):
        ctx.refuse("not-indexable", got=describe(base))
    if not is_static(index if not isinstance(index, slice) else (index.start, index.stop, index.step)):
        ctx.refuse("static-index", got=describe(base))
    try:
        return ctx.lift(base[index])
    except KeyError:
        return ctx.refuse("missing-key", got=describe(base), key=repr(index))
    except (LookupError, TypeError) as error:
        return ctx.refuse("bad-index", got=describe(base), error=error)


def set_item(ctx: Context, base: Any, index: Any, value: Any) -> None:
    """`base[index] = value`, broadcast and converted to the element type."""
    if not isinstance(base, Array):
        ctx.refuse("store-into", got=describe(base))
    if base.loose:
        ctx.refuse("loose-write")
    if isinstance(value, (tuple, list, Rows)):
        value = array_of(ctx, value, None)
    items = _items(ctx, base, index)
    indices = _element(ctx, base, items)
    if isinstance(value, Array) and value.rank == 0:
        value = element(ctx, value, [])
    if indices is None:
        source = value if isinstance(value, Array) else stored(ctx, value, base.dtype)
        whole = all(isinstance(item, slice) and is_full(item) for item in items)
        assign(ctx, base if whole else window(ctx, base, items), source)
    elif isinstance(value, Array):
        ctx.refuse("store-value", got=describe(value))
    else:
        ctx.builder.store(stored(ctx, value, base.dtype), base.value, *indices)


def in_place(ctx: Context, op: str, array: Array, value: Any) -> Array:
    """`array op= value`: the array, changed. Its element type stays, so floats cannot go into ints."""
    if array.loose:
        ctx.refuse("loose-write")
    if isinstance(value, (tuple, list, Rows)):
        value = array_of(ctx, value, None)
    if op == "matmul":
        assign(ctx, array, matmul(ctx, array, value))  # type: ignore[arg-type]
        return array
    type, _ = promote([kind_of(ctx, array), kind_of(ctx, value)], arrays=True)
    if op == "div" and not is_float(type):
        type = F64
    if rank_of(type) > rank_of(array.dtype):
        ctx.refuse("in-place-type", op=SYMBOLS[op], array=describe(array), result=type)

    def change(old: Value, x: Operand) -> Value:
        b = ctx.builder
        return b.cast(apply(ctx, op, Operand(b.cast(old, type)), x, checked=False), array.dtype)

    if isinstance(value, Array):
        update(ctx, array, value, lambda old, x: change(old, Operand(ctx.builder.cast(x, type))))
    else:
        fixed = operand(ctx, value, type)
        modify(ctx, array, lambda old: change(old, fixed))
    return array


def _items(ctx: Context, array: Array, index: Any) -> list[Any]:
    """One item per axis, and `None` for each new one."""
    items = list(index) if isinstance(index, tuple) else [index]
    for item in items:
        if isinstance(item, (Array, list, tuple, np.ndarray)):
            ctx.refuse("index-array")
    return completed(ctx, array, items)


def completed(ctx: Context, array: Array, items: list[Any]) -> list[Any]:
    """One item per axis, and `None` for each new one: what is missing, at the `...` or at the end, is `:`."""
    used = sum(item is not None and item is not Ellipsis for item in items)
    if used > array.rank or sum(item is Ellipsis for item in items) > 1:
        ctx.refuse("index-count", count=used, rank=array.rank)
    missing = [slice(None)] * (array.rank - used)
    place = next((k for k, item in enumerate(items) if item is Ellipsis), len(items))
    return [*items[:place], *missing, *items[place + 1 :]]


def _element(ctx: Context, array: Array, items: list[Any]) -> list[Value] | None:
    """The checked indices if every item is an integer, else `None`."""
    if any(item is None or isinstance(item, slice) for item in items):
        return None
    sizes = extents_of(array)
    numbers = [integer(ctx, item) for item in items]
    return [position(ctx, n, measure(ctx, sizes[k]), k) for k, n in enumerate(numbers)]


def window(ctx: Context, array: Array, items: list[Any]) -> Array:
    """The view that `items` (one per axis, `None` for new ones) select."""
    axes: list[str] = []
    operands: list[Value] = []
    extents: list[Extent] = []
    sizes = extents_of(array)
    axis = 0
    for item in items:
        if item is None:
            axes.append("new")
            extents.append(1)
            continue
        size = sizes[axis]
        if not isinstance(item, slice):
            axes.append("index")
            operands.append(position(ctx, integer(ctx, item), measure(ctx, size), axis))
        elif is_full(item):
            axes.append("full")
            extents.append(size)
        else:
            selected = progression(ctx, item, measure(ctx, size))
            left_out = trimmed(item)
            extent = selected.count if left_out is None else shorten(size, left_out)
            if isinstance(extent, Value) and is_single(item):
                extent = Single(extent)
            run = isinstance(selected.step, int) and selected.step == 1
            axes.append("run" if run else "slice")
            operands += [emit(ctx, n) for n in (selected.start, measure(ctx, extent), *[selected.step] * (not run))]
            extents.append(extent)
        axis += 1
    value = ctx.builder.view(array.value, axes, *operands)
    return Array(value, tuple(extents), array.root, array.born, array.loose, array.turned)
