"""`range(…)` objects: of known bounds they are Python's own, of run-time bounds a `Walk` whose items are indices.

So are `np.ndindex` and `np.ndenumerate`, whose items have an index for each axis, and what `itertools` makes of several
sequences, or of the pairs of one.
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
from llad.ir.types import F64, I64, is_float
from llad.traced.sequences import listed

_MOST_PAIRED = 2**31  # items: their pairs have 64 bits
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

    return Walk(0, count, 1, lambda t, k: tuple(Scalar(i, weak=True) for i in _place(t, sizes, k)))


def _place(t: Tracer, sizes: Sequence[Bound], k: Value) -> list[Value]:
    """The indices of place number `k` in C order."""
    place: list[Value] = []
    for size in reversed(sizes[1:]):
        place.append(t.builder.op("mod", k, emit(t, size)))
        k = t.builder.op("floordiv", k, emit(t, size))
    return [*([k] if sizes else []), *reversed(place)]


def product_(t: Tracer, *values: Any) -> Walk:
    """`itertools.product(…)` of sequences of which some have a run-time length: the last changes fastest."""
    walks = [_taken(t, v) for v in values]
    places = _places(t, sizes := [length(t, w) for w in walks])

    def item(t: Tracer, k: Value) -> Any:
        return tuple(nth(t, w, i) for w, i in zip(walks, _place(t, sizes, k), strict=True))

    return replace(places, item=item)


def pairs_(t: Tracer, value: Any) -> Walk:
    """`itertools.combinations(…, 2)` of a sequence of run-time length n.

    Pair number k begins with item i if k lies in s(i)..s(i + 1), where s(i) = i (2 n - i - 1) / 2 pairs begin with an
    item before it. The root of s(i) = k is as exact as a float is: then i is off by at most one."""
    b = t.builder
    walk = _taken(t, value)
    n = emit(t, length(t, walk))
    b.check(b.op("lt", n, b.i64(_MOST_PAIRED)), "OverflowError", "the number of pairs does not fit in 64 bits")
    ends = b.op("sub", b.op("mul", b.i64(2), n), b.i64(1))

    def begun(t: Tracer, i: Value) -> Value:
        b = t.builder
        return b.op("floordiv", b.op("mul", i, b.op("sub", ends, i)), b.i64(2))

    def item(t: Tracer, k: Value) -> Any:
        b = t.builder
        end = b.cast(ends, F64)
        left = b.op("sub", b.op("mul", end, end), b.op("mul", b.f64(8.0), b.cast(k, F64)))
        root = b.op("mul", b.f64(0.5), b.op("sub", end, b.op("sqrt", b.op("max", left, b.f64(0.0)))))
        i = b.op("min", b.cast(root, I64), b.op("sub", n, b.i64(2)))
        i = b.op("sub", i, b.cast(b.op("gt", begun(t, i), k), I64))
        i = b.op("add", i, b.cast(b.op("le", begun(t, b.op("add", i, b.i64(1))), k), I64))
        j = b.op("add", b.op("sub", k, begun(t, i)), b.op("add", i, b.i64(1)))
        return nth(t, walk, i), nth(t, walk, j)

    return Walk(0, begun(t, n), 1, item)


def _taken(t: Tracer, value: Any) -> Walk:
    """The walk over what is taken from a sequence at once: nobody sees what it changes to later."""
    rows = isinstance(value, Array) and value.rank > 1  # which are views, in Python too
    walk = walk_of(t, value if rows or isinstance(value, range) or is_range(value) else t.call(listed, [value], {}))
    assert walk is not None
    return walk


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
    return nth(t, walk, emit(t, ext.wrapped(t, k, count)))


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
