"""Arrays put in another order or together: transposes and flips, which are views, and joins, which are new arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from llad.frontend.arrays import allocate, assign, copy
from llad.frontend.creation import as_array, rows_of, shape_argument
from llad.frontend.extents import (
    Int,
    add,
    both,
    check,
    compare,
    emit,
    extents_of,
    floordiv,
    greatest,
    is_one,
    measure,
    mul,
)
from llad.frontend.indexing import window
from llad.frontend.promotion import is_static_number, plain, promote
from llad.frontend.reductions import size_of
from llad.frontend.values import Array, Context, Extent, Rows, Scalar, Single, describe


def axis_argument(ctx: Context, axis: Any, rank: int) -> int:
    """The axis that an argument names, counted from the first one."""
    k = plain(axis) if is_static_number(axis) else None
    if type(k) is not int or not -rank <= k < rank:
        ctx.refuse("axis", axis=describe(axis), rank=rank)
    return k % rank


def axis_arguments(ctx: Context, axis: Any, rank: int) -> list[int]:
    """The axes that an argument names: one, or a tuple of different ones."""
    if not isinstance(axis, (tuple, list)):
        return [axis_argument(ctx, axis, rank)]
    found = [axis_argument(ctx, k, rank) for k in axis]
    if len(set(found)) < len(found):
        ctx.refuse("static-error", error="duplicate value in 'axis'")
    return sorted(found)


# -- views


def ordered(ctx: Context, array: Array, order: Sequence[int]) -> Array:
    """The view whose axis `k` is axis `order[k]` of `array`."""
    if list(order) == list(range(array.rank)):
        return window(ctx, array, [slice(None)] * array.rank)
    extents = extents_of(array)
    value = ctx.builder.transposed(array.value, order)
    return Array(value, tuple(extents[k] for k in order), array.root, array.born, array.loose, turned=True)


def transpose(ctx: Context, a: Any, axes: Any) -> Array:
    """`np.transpose`: the axes in the order given, or in reverse."""
    array = as_array(ctx, a)
    if axes is None:
        return ordered(ctx, array, range(array.rank)[::-1])
    order = [axis_argument(ctx, axis, array.rank) for axis in (axes if isinstance(axes, (tuple, list)) else [axes])]
    if sorted(order) != list(range(array.rank)):
        ctx.refuse("axis", axis=describe(axes), rank=array.rank)
    return ordered(ctx, array, order)


def swapaxes(ctx: Context, a: Any, axis1: Any, axis2: Any) -> Array:
    """`np.swapaxes`."""
    array = as_array(ctx, a)
    order = list(range(array.rank))
    j, k = (axis_argument(ctx, axis, array.rank) for axis in (axis1, axis2))
    order[j], order[k] = order[k], order[j]
    return ordered(ctx, array, order)


def moveaxis(ctx: Context, a: Any, source: Any, destination: Any) -> Array:
    """`np.moveaxis`, of one axis or several."""
    array = as_array(ctx, a)
    pairs = (source, destination) if isinstance(source, (tuple, list)) else ([source], [destination])
    froms, tos = ([axis_argument(ctx, axis, array.rank) for axis in axes] for axes in pairs)
    if len(froms) != len(tos) or len(set(froms)) < len(froms) or len(set(tos)) < len(tos):
        ctx.refuse("static-error", error="`source` and `destination` arguments must have the same number of elements")
    order = [k for k in range(array.rank) if k not in froms]
    for to, k in sorted(zip(tos, froms, strict=True)):
        order.insert(to, k)
    return ordered(ctx, array, order)


def flip(ctx: Context, a: Any, axis: Any) -> Array:
    """`np.flip`: along every axis, or along one."""
    array = as_array(ctx, a)
    chosen = range(array.rank) if axis is None else axis_arguments(ctx, axis, array.rank)
    return window(ctx, array, [slice(None, None, -1) if k in chosen else slice(None) for k in range(array.rank)])


def expand_dims(ctx: Context, a: Any, axis: Any) -> Array:
    """`np.expand_dims`: by one axis or several, which are counted in the result."""
    array = as_array(ctx, a)
    rank = array.rank + (len(axis) if isinstance(axis, (tuple, list)) else 1)
    chosen = axis_arguments(ctx, axis, rank)
    return window(ctx, array, [None if k in chosen else slice(None) for k in range(rank)])


def reshape(ctx: Context, a: Any, shape: Any, order: Any = None) -> Array:
    """`np.reshape`: of an array that is contiguous, or has one axis that is known to be longer than 1, a view.

    Of others a copy."""
    array = as_array(ctx, a)
    if order == "F":  # the first axes change fastest, in both shapes
        turned = tuple(shape)[::-1] if isinstance(shape, (tuple, list)) else shape
        return transpose(ctx, reshape(ctx, transpose(ctx, array, None), turned), None)
    if order not in (None, "C"):
        ctx.refuse("keyword", keyword="order", name="np.reshape")
    if not _is_dense(array):
        long = [k for k, extent in enumerate(extents_of(array)) if is_one(ctx, extent) is not True]
        items = [slice(None) if k in (long or [0]) else 0 for k in range(array.rank)]
        array = window(ctx, array, items) if len(long) < 2 else dense(ctx, array)
    size = size_of(ctx, array)
    wanted = list(shape) if isinstance(shape, (tuple, list)) else [shape]
    free = [k for k, item in enumerate(wanted) if is_static_number(item) and plain(item) == -1]
    if not wanted:
        check(ctx, compare(ctx, "eq", size, 1), "ValueError", "cannot reshape array of size {} into shape ()", size)
        return window(ctx, array, [0] * array.rank)
    known = shape_argument(ctx, [item for k, item in enumerate(wanted) if k not in free], array.dtype)
    if len(free) > 1:
        ctx.refuse("static-error", error="can only specify one unknown dimension")
    product: Int = 1
    for extent in known:
        product = mul(ctx, product, measure(ctx, extent))
    extents: list[Extent] = list(known)
    fine = compare(ctx, "eq", product, size)
    if free:
        rest = floordiv(ctx, size, greatest(ctx, product, 1))
        extents.insert(free[0], rest)
        fine = both(ctx, compare(ctx, "eq", mul(ctx, rest, product), size), compare(ctx, "ge", product, 1))
    sizes = [-1 if k in free else measure(ctx, extent) for k, extent in enumerate(extents)]
    text = f"cannot reshape array of size {{}} into shape ({','.join(['{}'] * len(sizes))}{',' * (len(sizes) == 1)})"
    check(ctx, fine, "ValueError", text, size, *sizes, brief="cannot reshape array")
    value = ctx.builder.reshaped(array.value, [emit(ctx, measure(ctx, extent)) for extent in extents])
    return Array(value, tuple(extents), array.root, array.born, array.loose)


def reshape_method(ctx: Context, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Array:
    """`a.reshape(2, 3)`, or `a.reshape((2, 3))`."""
    shape = args[1] if len(args) == 2 and isinstance(args[1], (tuple, list)) else tuple(args[1:])
    order = kwargs.get("order")
    for keyword in kwargs.keys() - {"order"}:
        ctx.refuse("keyword", keyword=keyword, name="a.reshape")
    return reshape(ctx, args[0], shape, order)


def ravel(ctx: Context, a: Any, order: Any = None) -> Array:
    """`np.ravel`: all elements, contiguous, in C order or with the first axes changing fastest."""
    if order not in (None, "C", "F"):
        ctx.refuse("keyword", keyword="order", name="np.ravel")
    array = dense(ctx, transpose(ctx, a, None) if order == "F" else as_array(ctx, a))
    return array if array.rank == 1 else reshape(ctx, array, -1)


def dense(ctx: Context, array: Array) -> Array:
    """The array, or a copy where it is not known to be contiguous; NumPy has none if it is all the same."""
    return array if _is_dense(array) else copied(ctx, copy(ctx, array), array)


def _is_dense(array: Array) -> bool:
    """Whether it is known that NumPy has it contiguous."""
    return array.type.layout == "C" and not (array.turned and array.rank > 1)


def copied(ctx: Context, made: Array, source: Array) -> Array:
    """`made`, a copy of (a part of) `source`, as what NumPy may have as a view."""
    ctx.note_copy(made.value if made.root is None else made.root, source.value)
    return replace(made, loose=True, turned=False)


def squeeze(ctx: Context, a: Any, axis: Any) -> Array:
    """`np.squeeze`: without axes of one element. Where the arguments do not tell, an axis is taken to have more."""
    array = as_array(ctx, a)
    extents = extents_of(array)
    if axis is None:
        chosen = [k for k, extent in enumerate(extents) if _goes(ctx, extent, k)]
    else:
        chosen = axis_arguments(ctx, axis, array.rank)
        for k in chosen:
            fine = compare(ctx, "eq", measure(ctx, extents[k]), 1)
            check(ctx, fine, "ValueError", "cannot select an axis to squeeze out which has size not equal to one")
    return window(ctx, array, [0 if k in chosen else slice(None) for k in range(array.rank)])


def _goes(ctx: Context, extent: Extent, k: int) -> bool:
    """Whether `squeeze` removes axis `k`. If the guess is wrong, the program says so when it runs."""
    one = is_one(ctx, extent)
    if one is not None:
        return one
    goes = isinstance(extent, Single)
    text = f"squeeze of axis {k}, which has {'no' if goes else 'one'} element only now: name the axes to be removed"
    check(ctx, compare(ctx, "eq" if goes else "ne", measure(ctx, extent), 1), "ValueError", text)
    return goes


# -- joins


def concatenate(ctx: Context, arrays: Any, axis: Any) -> Array:
    """`np.concatenate` of a tuple or list of arrays, or without axis of all their elements in C order."""
    if isinstance(arrays, Rows):
        return _end_to_end(ctx, arrays, axis)
    parts = _parts(ctx, arrays)
    if axis is None:
        parts, axis = [ravel(ctx, part) for part in parts], 0
    rank = parts[0].rank
    odd = next((part for part in parts if part.rank != rank), None)
    if odd is not None or not rank:
        ctx.refuse("join-ranks", left=rank, right=rank if odd is None else odd.rank)
    k = axis_argument(ctx, axis, rank)
    sizes = [extents_of(part) for part in parts]
    extents: list[Extent] = list(sizes[0])
    for number, size in enumerate(sizes[1:], start=1):
        for j in (j for j in range(rank) if j != k):
            first, other = measure(ctx, sizes[0][j]), measure(ctx, size[j])
            fine = sizes[0][j] is size[j] or compare(ctx, "eq", first, other)
            check(
                ctx, fine, "ValueError",
                "all the input array dimensions except for the concatenation axis must match exactly, but along "
                f"dimension {j}, the array at index 0 has size {{}} and the array at index {number} has size {{}}",
                first, other,
            )  # fmt: skip
    start: Any = 0
    bounds = []
    for size in sizes:
        stop = add(ctx, start, measure(ctx, size[k]))
        bounds.append((start, stop))
        start = stop
    extents[k] = start
    dtype, _ = promote([(part.dtype, False) for part in parts], arrays=True)
    out = allocate(ctx, dtype, extents)
    for part, (low, high) in zip(parts, bounds, strict=True):
        full = [slice(None)] * rank
        assign(ctx, window(ctx, out, [*full[:k], slice(_index(low), _index(high)), *full[k + 1 :]]), part)
    return out


def _index(x: Any) -> Any:
    return x if isinstance(x, int) else Scalar(x)


def stack(ctx: Context, arrays: Any, axis: Any) -> Array:
    """`np.stack`: along a new axis."""
    if isinstance(arrays, Rows):
        items = rows_of(ctx, arrays)
        return copy(ctx, moveaxis(ctx, items, 0, axis_argument(ctx, axis, items.rank)))
    parts = _parts(ctx, arrays)
    rank = parts[0].rank
    odd = next((part for part in parts if part.rank != rank), None)
    if odd is not None:
        ctx.refuse("join-ranks", left=rank, right=odd.rank)
    k = axis_argument(ctx, axis, rank + 1)
    return concatenate(ctx, [expand_dims(ctx, part, k) for part in parts], k)


def unstack(ctx: Context, x: Any, axis: Any) -> tuple[Any, ...]:
    """`np.unstack`: a view for each index of an axis, whose length is known."""
    array = as_array(ctx, x)
    k = axis_argument(ctx, axis, array.rank)
    count = measure(ctx, extents_of(array)[k])
    if not isinstance(count, int):
        error = "np.unstack of an axis of a length that is known only at run time: unpack it, `a, b = x`, or index it"
        ctx.refuse("static-error", error=error)
    return tuple(window(ctx, array, [i if j == k else slice(None) for j in range(array.rank)]) for i in range(count))


def vstack(ctx: Context, tup: Any) -> Array:
    """`np.vstack`: vectors are rows."""
    if isinstance(tup, Rows) and tup.items.rank < 3:
        return copy(ctx, ordered(ctx, _row(ctx, tup.items), [1, 0]) if tup.items.rank == 1 else rows_of(ctx, tup))
    if isinstance(tup, Rows):
        return _end_to_end(ctx, tup, 0)
    parts = [p if p.rank > 1 else _row(ctx, p) for p in _parts(ctx, tup)]
    return concatenate(ctx, parts, 0)


def hstack(ctx: Context, tup: Any) -> Array:
    """`np.hstack`: vectors end to end, else along the second axis."""
    if isinstance(tup, Rows):
        return _end_to_end(ctx, tup, 0 if tup.items.rank < 3 else 1)
    parts = [p if p.rank else window(ctx, p, [None]) for p in _parts(ctx, tup)]
    return concatenate(ctx, parts, 0 if parts[0].rank == 1 else 1)


def column_stack(ctx: Context, tup: Any) -> Array:
    """`np.column_stack`: vectors are columns."""
    if isinstance(tup, Rows) and tup.items.rank < 3:
        items = rows_of(ctx, tup)
        return copy(ctx, _row(ctx, items) if items.rank == 1 else ordered(ctx, items, [1, 0]))
    if isinstance(tup, Rows):
        return _end_to_end(ctx, tup, 1)
    parts = [p if p.rank > 1 else ordered(ctx, _row(ctx, p), [1, 0]) for p in _parts(ctx, tup)]
    return concatenate(ctx, parts, 1)


def append(ctx: Context, arr: Any, values: Any, axis: Any) -> Array:
    """`np.append`: of all elements in C order, or along an axis."""
    return concatenate(ctx, [arr, values], axis)


def _row(ctx: Context, array: Array) -> Array:
    """A vector, or a number, as a matrix of one row."""
    return window(ctx, array, [None, slice(None)] if array.rank else [None, None])


def _parts(ctx: Context, arrays: Any) -> list[Array]:
    if not isinstance(arrays, (tuple, list)) or not arrays:
        ctx.refuse("join-parts", got=describe(arrays))
    return [as_array(ctx, part) for part in arrays]


def _end_to_end(ctx: Context, rows: Rows, axis: int) -> Array:
    """The items of a list joined along an axis that they have; numbers count as vectors."""
    items = rows_of(ctx, rows)
    if items.rank == 1:
        return copy(ctx, items)
    sizes = list(extents_of(items)[1:])
    k = axis_argument(ctx, axis, len(sizes))
    moved = moveaxis(ctx, items, 0, k)
    count, own = measure(ctx, extents_of(items)[0]), measure(ctx, sizes[k])
    shape = [_index(measure(ctx, s)) for s in sizes]
    shape[k] = _index(mul(ctx, count, own))
    return copy(ctx, reshape(ctx, moved, tuple(shape)))
