"""`range(…)` objects: of known bounds they are Python's own, of run-time bounds a `Walk` whose items are indices.

So are `np.ndindex` and `np.ndenumerate`, whose items have an index for each axis.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from llad.frontend import arrays
from llad.frontend import extents as ext
from llad.frontend.core import Tracer
from llad.frontend.iteration import Bound, Walk, bound, emit, indices, length, nth, walk_of
from llad.frontend.values import Array, Lazy, Scalar, describe
from llad.ir.core import Value
from llad.ir.types import is_float

_FEW = 32  # known indices of which each is an iteration of its own


def range_(t: Tracer, args: Sequence[Any]) -> range | Walk:
    """`range(…)` of numbers of which some may be run-time."""
    if not 1 <= len(args) <= 3:
        t.refuse("range-arguments")
    bounds = [bound(t, a) for a in args]
    lo, hi, step = (0, bounds[0], 1) if len(bounds) == 1 else (*bounds[:2], bounds[2] if len(bounds) == 3 else 1)
    if isinstance(lo, int) and isinstance(hi, int) and isinstance(step, int):
        if step == 0:
            t.end_path("ValueError", "range() arg 3 must not be zero")
        return range(lo, hi, step)
    if isinstance(step, Value):
        b = t.builder
        b.check(b.op("ne", step, b.i64(0)), "ValueError", "range() arg 3 must not be zero")
    elif step == 0:
        t.end_path("ValueError", "range() arg 3 must not be zero")
    return indices(lo, hi, step)


def prange_(t: Tracer, args: Sequence[Any]) -> Walk:
    """`llad.prange(…)`: a range whose iterations are to run on threads."""
    walk = walk_of(t, range_(t, args))
    assert walk is not None
    return replace(walk, threads=True)


def ndindex_(t: Tracer, *shape: Any) -> Lazy | Walk:
    """`np.ndindex(…)`: the indices of all elements of such an array, in C order."""
    shape = tuple(shape[0]) if len(shape) == 1 and isinstance(shape[0], (tuple, list)) else shape
    sizes = [bound(t, n) for n in shape]
    b = t.builder
    for n in sizes:
        if isinstance(n, Value):
            b.check(b.op("ge", n, b.i64(0)), "ValueError", "negative dimensions are not allowed")
        elif n < 0:
            t.end_path("ValueError", "negative dimensions are not allowed")
    known = [n for n in sizes if isinstance(n, int)]
    if len(known) == len(sizes) and math.prod(known) <= _FEW:
        return Lazy(lambda: iter(np.ndindex(*known)))
    return _places(t, sizes)


def ndenumerate_(t: Tracer, array: Any) -> Walk:
    """`np.ndenumerate(array)`: the index and the value of each element, in C order."""
    if not isinstance(array, Array) or not array.rank:
        t.refuse("not-iterable", got=describe(array))
    sizes: list[Bound] = [t.builder.dim(array.value, axis) for axis in range(array.rank)]
    places = _places(t, sizes)

    def item(t: Tracer, k: Value) -> Any:
        place = places.item(t, k)
        return place, arrays.element(t, array, [i.value for i in place])

    return replace(places, item=item)


def _places(t: Tracer, sizes: Sequence[Bound]) -> Walk:
    """The walk over indices, of which the last changes fastest."""
    b = t.builder
    count = b.i64(1)
    for size in sizes:
        fits = b.op("not", b.op("mul_overflows", count, emit(t, size)))
        b.check(fits, "OverflowError", "the number of indices does not fit in 64 bits")
        count = b.op("mul", count, emit(t, size))

    def item(t: Tracer, k: Value) -> Any:
        place = []
        for size in reversed(sizes[1:]):
            place.append(t.builder.op("mod", k, emit(t, size)))
            k = t.builder.op("floordiv", k, emit(t, size))
        return tuple(Scalar(i, weak=True) for i in (*([k] if sizes else []), *reversed(place)))

    return Walk(0, count, 1, item)


def is_range(value: Any) -> bool:
    """Whether the value is a range of run-time bounds."""
    return isinstance(value, Walk) and value.is_range


def size(t: Tracer, walk: Walk) -> int | Scalar:
    """`len(range(…))`: no more than an i64 holds."""
    count = length(t, walk)
    return count if isinstance(count, int) else Scalar(count, weak=True)


def element(t: Tracer, walk: Walk, index: Any) -> Any:
    """`range(…)[index]`: raises IndexError beyond its ends."""
    number = bound(t, index)
    count = length(t, walk)
    k = number if isinstance(number, Value) else t.builder.i64(number)
    low = t.builder.op("ge", k, t.builder.op("neg", emit(t, count)))
    inside = t.builder.op("and", low, t.builder.op("lt", k, emit(t, count)))
    t.builder.check(inside, "IndexError", "range object index out of range")
    wrapped = ext.choose(t, ext.compare(t, "lt", k, 0), ext.add(t, k, count), k)
    return nth(t, walk, emit(t, wrapped))


def contains(t: Tracer, walk: Walk | range, item: Any) -> Any:
    """`item in range(…)` for a run-time integer, of a range that counts up or is known."""
    if isinstance(walk, range):
        up = walk if walk.step > 0 else walk[::-1]
        walk = indices(up.start, up.stop, up.step)
    counts_up = isinstance(walk.step, int) and walk.step > 0
    if not counts_up or (isinstance(item, Scalar) and is_float(item.type)):
        t.refuse("membership", item=describe(item), container="a range")
    b = t.builder
    k, lo, hi = (emit(t, x) for x in (bound(t, item), walk.lo, walk.hi))
    inside = b.op("and", b.op("ge", k, lo), b.op("lt", k, hi))
    if walk.step == 1:
        return Scalar(inside, weak=True)
    distance = b.op("sub", b.op("select", inside, k, lo), lo)  # what lies outside may be too far for an i64
    even = b.op("eq", b.op("mod", distance, emit(t, walk.step)), b.i64(0))
    return Scalar(b.op("and", inside, even), weak=True)
