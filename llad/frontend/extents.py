"""Integer arithmetic on extents and indices, folded where the numbers are known.

An `Int` is a Python int or an i64. Slices and broadcasting are written once over `Int`s: on constants they cost
nothing at run time. This arithmetic is llad's own (extents fit in 63 bits with room), so it is not checked.
"""

from __future__ import annotations

from typing import Any

from llad.frontend.values import Array, Context, Dim, Extent, Less, Rows, Single, Table
from llad.ir.core import Value
from llad.ir.types import BOOL

Int = int | Value


def emit(ctx: Context, x: Int) -> Value:
    """The i64."""
    return x if isinstance(x, Value) else ctx.builder.i64(x)


def extents_of(array: Array) -> tuple[Extent, ...]:
    """One per axis, as well as it is known; emits nothing."""
    if array.extents is not None:
        return array.extents
    return tuple(Dim(array.value, k) for k in range(array.rank))


def first_extent(value: Any) -> Extent | None:
    """How many items an array has, or a list of run-time length; `None` of anything else."""
    array = value.first.items if isinstance(value, (Rows, Table)) else value
    return extents_of(array)[0] if isinstance(array, Array) and array.rank else None


def wrapped(ctx: Context, index: Int, count: Int) -> Int:
    """An index as it counts from the start: one that is negative counts from the end."""
    return choose(ctx, compare(ctx, "lt", index, 0), add(ctx, index, count), index)


def measure(ctx: Context, extent: Extent) -> Int:
    """The extent as a number."""
    match extent := ctx.alike.name(ctx.builder, extent):
        case Dim(buffer, axis):
            return ctx.builder.dim(buffer, axis)
        case Less(of, by):
            return greatest(ctx, sub(ctx, measure(ctx, of), by), 0)
        case Single(count):
            return count
        case _:
            return extent


def is_one(ctx: Context, extent: Extent) -> bool | None:
    """Whether the extent is 1; `None` if only the run of the program tells."""
    match extent:
        case int():
            return extent == 1
        case Dim(buffer, axis, many):
            return False if many else ctx.axes.has_just(buffer, axis, 1)
        case Less(Dim(buffer, axis), by):
            return ctx.axes.has_just(buffer, axis, 1 + by)
        case _:
            return None


def shorten(extent: Extent, by: int) -> Extent:
    """The extent that is `by` less, at least 0."""
    match extent:
        case int():
            return max(extent - by, 0)
        case Less(of, already):
            return Less(of, already + by)
        case _:
            return Less(extent, by) if by else extent


def shape_of(ctx: Context, array: Array) -> list[Int]:
    return [measure(ctx, extent) for extent in extents_of(array)]


def add(ctx: Context, x: Int, y: Int) -> Int:
    if isinstance(x, int) and isinstance(y, int):
        return x + y
    if x == 0:
        return y
    return x if y == 0 else ctx.builder.op("add", emit(ctx, x), emit(ctx, y))


def sub(ctx: Context, x: Int, y: Int) -> Int:
    if isinstance(x, int) and isinstance(y, int):
        return x - y
    return x if y == 0 else ctx.builder.op("sub", emit(ctx, x), emit(ctx, y))


def mul(ctx: Context, x: Int, y: Int) -> Int:
    if isinstance(x, int) and isinstance(y, int):
        return x * y
    if x == 1:
        return y
    return x if y == 1 else ctx.builder.op("mul", emit(ctx, x), emit(ctx, y))


def floordiv(ctx: Context, x: Int, y: Int) -> Int:
    """`y` is not 0."""
    if isinstance(x, int) and isinstance(y, int):
        return x // y
    return x if y == 1 else ctx.builder.op("floordiv", emit(ctx, x), emit(ctx, y))


def least(ctx: Context, x: Int, y: Int) -> Int:
    return extreme(ctx, "min", x, y)


def greatest(ctx: Context, x: Int, y: Int) -> Int:
    return extreme(ctx, "max", x, y)


def extreme(ctx: Context, op: str, x: Int, y: Int) -> Int:
    """The `min` or `max` of two."""
    if isinstance(x, int) and isinstance(y, int):
        return {"min": min, "max": max}[op](x, y)
    return ctx.builder.op(op, emit(ctx, x), emit(ctx, y))


def compare(ctx: Context, op: str, x: Int, y: Int) -> bool | Value:
    """`x op y` for `lt`, `ge`, `eq` or `ne`: a bool where it is known."""
    if isinstance(x, int) and isinstance(y, int):
        return {"lt": x < y, "ge": x >= y, "eq": x == y, "ne": x != y}[op]
    return ctx.builder.op(op, emit(ctx, x), emit(ctx, y))


def choose(ctx: Context, condition: bool | Value, x: Int, y: Int) -> Int:
    if isinstance(condition, bool):
        return x if condition else y
    return ctx.builder.op("select", condition, emit(ctx, x), emit(ctx, y))


def both(ctx: Context, x: bool | Value, y: bool | Value) -> bool | Value:
    if isinstance(x, bool):
        return y if x else False
    if isinstance(y, bool):
        return x if y else False
    return ctx.builder.op("and", x, y)


def either(ctx: Context, x: bool | Value, y: bool | Value) -> bool | Value:
    if isinstance(x, bool):
        return True if x else y
    if isinstance(y, bool):
        return True if y else x
    return ctx.builder.op("or", x, y)


def check(ctx: Context, condition: bool | Value, error: str, message: str, *values: Int, brief: str = "") -> None:
    """Raise `error` at run time unless the condition holds; known values stand in the message as text.

    A check holds four values: `brief` is the message (without any) when there are more.
    """
    if condition is True:
        return
    shown = message.format(*[v if isinstance(v, int) else "{}" for v in values])
    run_time = [v for v in values if isinstance(v, Value)]
    if len(run_time) > 4:
        shown, run_time = brief, []
    if condition is False:
        condition = ctx.builder.const(False, BOOL)
    ctx.builder.check(condition, error, shown, *run_time)


def shape_text(shape: list[Int]) -> str:
    """A shape as NumPy writes it in its errors, with a `{}` per axis."""
    return f"({','.join('{}' for _ in shape)}{',' if len(shape) == 1 else ''})"
