"""NumPy's other products: `np.outer`, `np.vdot`, `np.kron` and `np.cross`, each one nest of loops."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from llad.frontend import extents as ext
from llad.frontend.arrays import allocate, axes_of, broadcast, nest
from llad.frontend.contractions import LETTERS, Term, contract
from llad.frontend.creation import as_array, lifted
from llad.frontend.extents import Int, extents_of, measure, shape_of
from llad.frontend.numbers import binary
from llad.frontend.promotion import is_number, is_static_number, kind_of, promote
from llad.frontend.rearrange import axis_argument
from llad.frontend.ufuncs import strong
from llad.frontend.values import Array, Context, Extent, Scalar, describe
from llad.ir.core import Value
from llad.ir.types import BOOL, ScalarType


def operand(ctx: Context, x: Any) -> Any:
    """An array, or a number, which is NumPy's: Python's become arrays first."""
    x = lifted(ctx, x)
    if not is_number(x):
        ctx.refuse("operand", got=describe(x))
    return np.asarray(x)[()] if is_static_number(x) else strong(x)


def product_of(core: Any) -> Any:
    """`np.dot` or `np.inner`: a factor that is a number just multiplies."""

    def make(ctx: Context, a: Any, b: Any) -> Any:
        x, y = operand(ctx, a), operand(ctx, b)
        if isinstance(x, Array) and isinstance(y, Array) and x.rank and y.rank:
            return core(ctx, x, y)
        return strong(binary(ctx, "mul", x, y))

    return make


def vdot(ctx: Context, a: Any, b: Any) -> Any:
    """`np.vdot`: the sum of the products of the elements in C order."""
    x, y = operand(ctx, a), operand(ctx, b)
    if not (isinstance(x, Array) and isinstance(y, Array)) or x.rank == y.rank == 0:
        return strong(binary(ctx, "mul", x, y))
    if x.rank > 1 and extents_of(x) == extents_of(y):
        letters = LETTERS[: x.rank]
        return contract(ctx, [Term(x, letters), Term(y, letters)], "", dict(zip(letters, extents_of(x), strict=True)))
    x, y = flat(ctx, x), flat(ctx, y)
    if x.extents != y.extents and extents_of(x) != extents_of(y):
        one, other = shape_of(ctx, x)[0], shape_of(ctx, y)[0]
        text = "cannot reshape array of size {} into shape ({},)"
        ext.check(ctx, ext.compare(ctx, "eq", one, other), "ValueError", text, other, one)
    return contract(ctx, [Term(x, "a"), Term(y, "a")], "", {"a": extents_of(x)[0]})


def outer(ctx: Context, a: Any, b: Any) -> Scalar | Array:
    """`np.outer`, of the elements in C order."""
    x, y = flat(ctx, as_array(ctx, a)), flat(ctx, as_array(ctx, b))
    sizes: dict[str, Extent] = {"a": extents_of(x)[0], "b": extents_of(y)[0]}
    return contract(ctx, [Term(x, "a"), Term(y, "b")], "ab", sizes)


def flat(ctx: Context, array: Array) -> Array:
    """The elements as a vector: the array itself if it is one, else a copy."""
    if array.rank == 1:
        return array
    b = ctx.builder
    shape = shape_of(ctx, array)
    size: Int = 1
    for extent in shape:
        size = ext.mul(ctx, size, extent)
    out = allocate(ctx, array.dtype, [size])

    def move(indices: list[Value], _: list[Value]) -> list[Value]:
        place: Int = 0
        for index, extent in zip(indices, shape, strict=True):
            place = ext.add(ctx, ext.mul(ctx, place, extent) if place != 0 else 0, index)
        b.store(b.load(array.value, *indices), out.value, ext.emit(ctx, place))
        return []

    nest(ctx, shape, [], move, "parallel")
    return out


def common_type(ctx: Context, *arrays: Array) -> ScalarType:
    """The element type of a product."""
    type, _ = promote([kind_of(ctx, x) for x in arrays], arrays=True)
    return ctx.refuse("bool-arithmetic", op="*") if type == BOOL else type


def kron(ctx: Context, a: Any, b: Any) -> Array:
    """`np.kron`: each element of `a` times the whole of `b`, as blocks."""
    x, y = as_array(ctx, a), as_array(ctx, b)
    rank = max(x.rank, y.rank)
    type, builder = common_type(ctx, x, y), ctx.builder
    shapes: list[list[Int]] = [[*[1] * (rank - z.rank), *shape_of(ctx, z)] for z in (x, y)]
    out = allocate(ctx, type, [ext.mul(ctx, m, n) for m, n in zip(*shapes, strict=True)])

    def store(indices: list[Value], _: list[Value]) -> list[Value]:
        blocks, within = indices[:rank], indices[rank:]
        left = builder.cast(builder.load(x.value, *blocks[rank - x.rank :]), type)
        right = builder.cast(builder.load(y.value, *within[rank - y.rank :]), type)
        place = [
            ext.emit(ctx, ext.add(ctx, ext.mul(ctx, i, n), j))
            for i, n, j in zip(blocks, shapes[1], within, strict=True)
        ]
        builder.store(builder.op("mul", left, right), out.value, *place)
        return []

    nest(ctx, [*shapes[0], *shapes[1]], [], store, "parallel")
    return out


def cross(ctx: Context, a: Any, b: Any, axis: Any) -> Array:
    """`np.cross` of vectors with three elements, which are the last axis of the operands; the others broadcast."""
    x, y = as_array(ctx, a), as_array(ctx, b)
    for array in (x, y):
        if not array.rank or axis_argument(ctx, axis, array.rank) != array.rank - 1:
            ctx.refuse("axis", axis=describe(axis), rank=array.rank)
        size = measure(ctx, extents_of(array)[-1])
        text = "incompatible dimensions for cross product\n(dimension must be 3)"
        ext.check(ctx, ext.compare(ctx, "eq", size, 3), "ValueError", text)
    type, builder = common_type(ctx, x, y), ctx.builder
    rows = [replace(z, value=_first(ctx, z), extents=extents_of(z)[:-1]) for z in (x, y)]
    shape = broadcast(ctx, rows)
    plans = [axes_of(ctx, extents_of(row), shape) for row in rows]
    out = allocate(ctx, type, [*shape, 3])

    def store(indices: list[Value], _: list[Value]) -> list[Value]:
        u, v = (
            [
                builder.cast(builder.load(z.value, *[p.index(ctx, indices) for p in plan], builder.i64(k)), type)
                for k in range(3)
            ]
            for z, plan in zip((x, y), plans, strict=True)
        )
        for k in range(3):
            i, j = (k + 1) % 3, (k + 2) % 3
            value = builder.op("sub", builder.op("mul", u[i], v[j]), builder.op("mul", u[j], v[i]))
            builder.store(value, out.value, *indices, builder.i64(k))
        return []

    nest(ctx, [measure(ctx, e) for e in shape], [], store, "parallel")
    return out


def _first(ctx: Context, array: Array) -> Value:
    """The view of the first elements along the last axis: where the vectors lie."""
    axes = ["full"] * (array.rank - 1) + ["index"]
    return ctx.builder.view(array.value, axes, ctx.builder.i64(0))
