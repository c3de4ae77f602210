"""What an index means on an axis of a given length: wrapping, clamping and the errors that Python and NumPy raise.

`position` and `Progression` are written once over numbers that are known or not (`extents.py`); an index that is
known and in range costs nothing. The rules of slices are those of CPython's `PySlice_AdjustIndices`.
"""

from __future__ import annotations

from llad.dataclass import dataclass
from llad.frontend import extents as ext
from llad.frontend.extents import Int
from llad.frontend.promotion import is_static_number, plain
from llad.frontend.values import Context, Scalar, describe
from llad.ir.core import Value
from llad.ir.types import I64, is_int

_GREATEST = 2**63 - 1


def integer(ctx: Context, x: object) -> Int:
    """An index as an integer; floats and bools are refused, as NumPy does."""
    if isinstance(x, Scalar) and is_int(x.type):
        return ctx.builder.cast(x.value, I64)
    if is_static_number(x) and type(number := plain(x)) is int and abs(number) <= _GREATEST:
        return number
    ctx.refuse("index-type", got=describe(x))


def position(ctx: Context, index: Int, size: Int, axis: int) -> Value:
    """The index of an element, checked and counted from the front; negative ones count from the back."""
    if isinstance(index, int):
        wrapped = ext.add(ctx, index, size) if index < 0 else index
    else:
        negative = ext.compare(ctx, "lt", index, 0)
        wrapped = ext.choose(ctx, negative, ext.add(ctx, index, size), index)
    above = True if isinstance(index, int) and index >= 0 else ext.compare(ctx, "ge", wrapped, 0)
    below = True if isinstance(index, int) and index < 0 else ext.compare(ctx, "lt", wrapped, size)
    message = f"index {{}} is out of bounds for axis {axis} with size {{}}"
    ext.check(ctx, ext.both(ctx, above, below), "IndexError", message, index, size)
    return ext.emit(ctx, wrapped)


@dataclass(frozen=True, slots=True)
class Progression:
    """The elements that a slice selects: `start`, `start + step`, … (`count` of them, all in range)."""

    start: Int
    count: Int
    step: Int


def is_full(part: slice) -> bool:
    """Whether the slice is `:`."""
    return part.start is None and part.stop is None and (part.step is None or part.step == 1)


def trimmed(part: slice) -> int | None:
    """How many elements `x[a:-b]` with constants leaves out at its ends; `None` for other slices."""
    start, stop = part.start or 0, part.stop or 0
    if part.step not in (None, 1) or part.stop == 0 or type(start) is not int or type(stop) is not int:
        return None
    return start - stop if start >= 0 >= stop else None


def is_single(part: slice) -> bool:
    """Whether the slice is `k : k + 1` for a known k, so that it selects one element at most."""
    start, stop = part.start or 0, part.stop
    known = part.step in (None, 1) and type(start) is int and type(stop) is int
    return known and 0 <= start == stop - 1


def progression(ctx: Context, part: slice, size: Int) -> Progression:
    """What `part` selects on an axis of `size` elements.

    With step > 0 both ends are clamped into [0, size], else into [-1, size - 1]; a missing end is the extreme one.
    """
    step = 1 if part.step is None else integer(ctx, part.step)
    ext.check(ctx, ext.compare(ctx, "ne", step, 0), "ValueError", "slice step cannot be zero")
    if step == 0:
        step = 1
    backward = ext.compare(ctx, "lt", step, 0)
    lowest = ext.choose(ctx, backward, -1, 0)
    highest = size if backward is False else ext.choose(ctx, backward, ext.sub(ctx, size, 1), size)
    start = _clamped(ctx, part.start, ext.choose(ctx, backward, highest, lowest), lowest, highest, size)
    stop = _clamped(ctx, part.stop, ext.choose(ctx, backward, lowest, highest), lowest, highest, size)
    distance = _distance(ctx, backward, start, stop, ordered=_is_ordered(part, backward))
    pace = ext.choose(ctx, backward, _opposite(ctx, step), step)
    if pace == 1:
        return Progression(start, distance, step)
    count = ext.add(ctx, ext.floordiv(ctx, ext.sub(ctx, distance, 1), pace), 1)
    return Progression(start, count, step)


def _clamped(ctx: Context, end: object, default: Int, lowest: Int, highest: Int, size: Int) -> Int:
    if end is None:
        return default
    index = integer(ctx, end)
    if index == 0 and lowest == 0:
        return 0
    if isinstance(index, int):
        if index >= 0:
            return ext.least(ctx, index, highest)
        return ext.greatest(ctx, ext.add(ctx, index, size), lowest)
    front = ext.least(ctx, index, highest)
    back = ext.greatest(ctx, ext.add(ctx, index, size), lowest)
    return ext.choose(ctx, ext.compare(ctx, "lt", index, 0), back, front)


def _is_ordered(part: slice, backward: bool | Value) -> bool:
    """Whether the start cannot lie behind the stop: one of them is the extreme one."""
    return part.start is None or part.stop is None or (part.start == 0 and backward is False)


def _distance(ctx: Context, backward: bool | Value, start: Int, stop: Int, ordered: bool) -> Int:
    """How many indices lie from start to stop, in the direction of the slice; 0 if it leads away."""
    if isinstance(backward, bool):
        distance = ext.sub(ctx, start, stop) if backward else ext.sub(ctx, stop, start)
    else:
        distance = ext.choose(ctx, backward, ext.sub(ctx, start, stop), ext.sub(ctx, stop, start))
    return distance if ordered else ext.greatest(ctx, distance, 0)


def _opposite(ctx: Context, step: Int) -> Int:
    """-step for a negative step; the least i64 has none, and selects what -greatest does."""
    return ext.sub(ctx, 0, ext.greatest(ctx, step, -_GREATEST))
