"""`a[…]` with arrays among the indices: integers, and masks, which are the indices of what is true in them.

The part that is made of slices is a window; the rest is Python that is traced (`llad/traced/indexing.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from llad.dataclass import dataclass
from llad.frontend import extents as ext
from llad.frontend.creation import array_of
from llad.frontend.extents import extents_of, measure
from llad.frontend.indexing import completed, window
from llad.frontend.numbers import binary
from llad.frontend.values import Array, Context, Rows, Scalar
from llad.ir.types import BOOL, is_int
from llad.traced import indexing as code
from llad.traced.rearranging import broadcast_to


def is_advanced(index: Any) -> bool:
    """Whether there is an array, or a list, among the indices."""
    items = index if isinstance(index, tuple) else (index,)
    return any(isinstance(item, (list, Rows)) or (isinstance(item, Array) and item.rank > 0) for item in items)


@dataclass(frozen=True, slots=True)
class _Selection:
    """A window whose first axes are indexed by `indices`, arrays of one shape, which has `place` in the result."""

    rows: Array
    indices: tuple[Array, ...]
    place: int


def get(ctx: Context, array: Array, index: Any) -> Any:
    """`array[index]`: a copy."""
    chosen = _select(ctx, array, index)
    out = ctx.call(code._gather, [chosen.rows, chosen.indices], {})
    if not isinstance(out, Array):
        return out
    turned = chosen.rows.turned and out.rank > 1
    return _moved(ctx, replace(out, turned=turned), range(chosen.indices[0].rank), chosen.place)


def put(ctx: Context, array: Array, index: Any, value: Any, function: Any = code._scatter) -> None:
    """`array[index] = value`, broadcast."""
    if array.loose:
        ctx.refuse("loose-write")
    chosen = _select(ctx, array, index)
    if isinstance(value, (tuple, list, Rows)):
        value = array_of(ctx, value, None)
    count = chosen.indices[0].rank
    if isinstance(value, Array) and value.rank:
        outer = [measure(ctx, e) for e in extents_of(chosen.indices[0])]
        inner = [measure(ctx, e) for e in extents_of(chosen.rows)[len(chosen.indices) :]]
        shape = [*inner[: chosen.place], *outer, *inner[chosen.place :]]
        whole = ctx.call(broadcast_to, [value, tuple(e if isinstance(e, int) else Scalar(e) for e in shape)], {})
        value = ctx.call(np.ascontiguousarray, [_moved(ctx, whole, range(chosen.place, chosen.place + count), 0)], {})
    ctx.call(function, [chosen.rows, chosen.indices, value], {})


def add_at(ctx: Context, args: Sequence[Any], kwargs: Any) -> None:
    """`np.add.at(a, indices, b)`: repeated indices are added to each time."""
    a, index, value = args
    put(ctx, a, index if is_advanced(index) else [index], value, code._add_at)


def _moved(ctx: Context, array: Array, axes: Sequence[int], place: int) -> Array:
    moved: Array = ctx.call(np.moveaxis, [array, tuple(axes), tuple(range(place, place + len(axes)))], {})
    return moved


def _select(ctx: Context, array: Array, index: Any) -> _Selection:
    items = _expanded(ctx, array, index)
    chosen = [k for k, item in enumerate(items) if item is not None and not isinstance(item, slice)]
    plain = [slice(None) if k in chosen else item for k, item in enumerate(items)]
    view = window(ctx, array, plain)
    adjacent = chosen[-1] - chosen[0] == len(chosen) - 1
    rows = _moved(ctx, view, chosen, 0)
    indices = _alike(ctx, [items[k] for k in chosen])
    return _Selection(rows, indices, chosen[0] if adjacent else 0)


def _expanded(ctx: Context, array: Array, index: Any) -> list[Any]:
    """One item for each axis, and `None` for new ones; masks are indices."""
    items: list[Any] = []
    for item in index if isinstance(index, tuple) else (index,):
        if isinstance(item, (list, Rows)):
            item = array_of(ctx, item, None)
        if isinstance(item, Array) and item.dtype == BOOL:
            axis = sum(i is not None and i is not Ellipsis for i in items)
            if not any(i is Ellipsis for i in items):
                _check_mask(ctx, array, item, axis)
            items += ctx.call(np.nonzero, [item], {})
        elif isinstance(item, Array) and not is_int(item.dtype):
            ctx.refuse("index-array")
        else:
            items.append(item)
    return completed(ctx, array, items)


def _check_mask(ctx: Context, array: Array, mask: Array, axis: int) -> None:
    """A mask has the extents of the axes that it stands for."""
    for k, extent in enumerate(extents_of(mask)):
        if axis + k >= array.rank:
            return
        size = extents_of(array)[axis + k]
        sizes = measure(ctx, size), measure(ctx, extent)
        text = (
            f"boolean index did not match indexed array along axis {axis + k}; size of axis is {{}} but size of "
            "corresponding boolean axis is {}"
        )
        ext.check(ctx, size is extent or ext.compare(ctx, "eq", *sizes), "IndexError", text, *sizes)


def _alike(ctx: Context, items: Sequence[Any]) -> tuple[Array, ...]:
    """Index arrays and integers, broadcast with each other."""
    if len(items) == 1:
        return (items[0],)
    nothing: Any = 0
    for item in items:
        nothing = binary(ctx, "add", nothing, binary(ctx, "mul", item, 0))
    return tuple(binary(ctx, "add", item, nothing) for item in items)
