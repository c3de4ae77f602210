"""Sums, products and extrema as loops marked `reduction`.

An extremum shared by k elements has derivative 1/k at each. Folding with `maximum` would give 1/2, 1/4, …, so the
fold only finds the value m, the first position p where it stands and how often, k (comparisons and integers, which
no derivative passes), and the result is

    a[p] - (sum of a[p] - a[i] over the elements equal to m) / k

The sum is exactly zero, so the value is exactly a[p], and the derivative is 1 - (k - 1)/k = 1/k at p and 1/k at each
other tie.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from llad.frontend import extents as ext
from llad.frontend.arrays import allocate, nest
from llad.frontend.casts import to_element
from llad.frontend.extents import Int, emit, extents_of, measure, shape_of
from llad.frontend.values import Array, Context, Scalar
from llad.ir.core import Value
from llad.ir.types import BOOL, F64, I64, ScalarType, is_float

Step = Callable[[Value, Value], Value]


def fold(ctx: Context, array: Array, init: Value, step: Step, kind: str = "reduction") -> Value:
    """`step(…step(init, a0)…)` over all elements, each converted to the type of `init`."""
    b = ctx.builder
    type = init.type
    assert isinstance(type, ScalarType)

    def body(indices: list[Value], carries: list[Value]) -> Sequence[Value]:
        return [step(carries[0], b.cast(b.load(array.value, *indices), type))]

    return nest(ctx, shape_of(ctx, array), [init], body, kind)[0]


def sum_type(dtype: ScalarType) -> ScalarType:
    """What NumPy sums elements in: integers and bools in 64 bits."""
    return dtype if is_float(dtype) else I64


def total(ctx: Context, array: Array) -> Scalar:
    """`np.sum`; integers wrap, as NumPy's do."""
    b = ctx.builder
    return Scalar(fold(ctx, array, b.const(0, sum_type(array.dtype)), lambda s, x: b.op("add", s, x)))


def product(ctx: Context, array: Array) -> Scalar:
    """`np.prod`."""
    b = ctx.builder
    return Scalar(fold(ctx, array, b.const(1, sum_type(array.dtype)), lambda s, x: b.op("mul", s, x)))


def mean(ctx: Context, array: Array) -> Scalar:
    """`np.mean`: nan for no elements."""
    b = ctx.builder
    type = array.dtype if is_float(array.dtype) else F64
    summed = fold(ctx, array, b.const(0, type), lambda s, x: b.op("add", s, x))
    return Scalar(b.op("div", summed, b.cast(emit(ctx, size_of(ctx, array)), type)))


def holds(ctx: Context, array: Array, op: str) -> Scalar:
    """`np.all` (`op` is `and`) and `np.any` (`or`)."""
    b = ctx.builder
    return Scalar(fold(ctx, array, b.const(op == "and", BOOL), lambda s, x: b.op(op, s, x)))


def size_of(ctx: Context, array: Array) -> Int:
    size: Int = 1
    for extent in shape_of(ctx, array):
        size = ext.mul(ctx, size, extent)
    return size


# -- extrema


def extremum(ctx: Context, array: Array, op: str, initial: Value | None = None) -> Scalar:
    """`np.max` (`op` is `max`) and `np.min` (`min`): nan if any element is; 1/k of the derivative to each of k ties.

    With `initial`, of the element type, the extremum of what is there and of that; else some element is there.
    """
    b = ctx.builder
    size = size_of(ctx, array)
    name = {"max": "maximum", "min": "minimum"}[op]
    if initial is not None:
        return _from(ctx, array, op, initial, ext.compare(ctx, "ge", size, 1))
    if array.dtype == BOOL:
        return holds(ctx, array, "or" if op == "max" else "and")
    if not is_float(array.dtype):
        first = b.cast(b.load(array.value, *[b.i64(0)] * array.rank), I64)
        return Scalar(fold(ctx, array, first, lambda s, x: b.op(op, s, x)))
    if array.rank == 0:
        return Scalar(b.load(array.value))
    best, position, count = _locate(ctx, array, name, size)
    top = b.load(array.value, *_unravel(ctx, position, shape_of(ctx, array)))
    shared = b.op("and", b.op("gt", count, b.i64(1)), b.op("isfinite", top))
    zero = b.const(0.0, array.dtype)
    with b.region() as ties:
        b.yield_(_deviation(ctx, array, best, top, zero))
    with b.region() as alone:
        b.yield_(zero)
    (deviation,) = b.if_(shared, ties, alone)
    # The value is that of the fold: where nothing is differentiated, nobody asks for positions.
    derived = b.op("sub", top, b.op("div", deviation, b.cast(count, array.dtype)))
    return Scalar(b.op("with_derivative", best, derived))


def _from(ctx: Context, array: Array, op: str, initial: Value, some: bool | Value) -> Scalar:
    """The extremum of `initial` and of the elements, if there are `some`."""
    b = ctx.builder
    type = array.dtype if is_float(array.dtype) or array.dtype == BOOL else I64
    initial = b.cast(initial, type)
    if some is False:
        return Scalar(initial)
    if some is True:
        found = extremum(ctx, array, op).value
    else:
        with b.region() as elements:
            b.yield_(extremum(ctx, array, op).value)
        with b.region() as nothing:
            b.yield_(initial)
        (found,) = b.if_(some, elements, nothing)
    if type == BOOL:
        return Scalar(b.op("or" if op == "max" else "and", found, initial))
    return Scalar(b.op({"max": "maximum", "min": "minimum"}[op] if is_float(type) else op, found, initial))


def position_of_extremum(ctx: Context, array: Array, op: str) -> Scalar:
    """`np.argmax` and `np.argmin`: the first position, counted in C order. Some element is there."""
    size = size_of(ctx, array)
    return Scalar(_locate(ctx, array, {"max": "maximum", "min": "minimum"}[op], size)[1])


def _locate(ctx: Context, array: Array, op: str, size: Int) -> tuple[Value, Value, Value]:
    """The extremum, its first position in C order, and how often it occurs. Some element is there."""
    b = ctx.builder
    fold_op = op if is_float(array.dtype) else {"maximum": "max", "minimum": "min"}[op]
    first = b.load(array.value, *[b.i64(0)] * array.rank)
    if array.dtype == BOOL:
        first = b.cast(first, I64)
    best = fold(ctx, array, first, lambda s, x: b.op(fold_op, s, x))
    shape, none, one, zero = shape_of(ctx, array), emit(ctx, size), b.i64(1), b.i64(0)
    strides = [b.i64(1)] * array.rank
    for k in reversed(range(array.rank - 1)):
        strides[k] = b.op("mul", strides[k + 1], emit(ctx, shape[k + 1]))

    def body(indices: list[Value], carries: list[Value]) -> Sequence[Value]:
        tie = _is_extremum(ctx, array, best, indices)
        here: Value | None = None
        for index, stride in zip(indices, strides, strict=True):
            term = index if stride is strides[-1] else b.op("mul", index, stride)
            here = term if here is None else b.op("add", here, term)
        candidate = b.op("select", tie, here or zero, none)
        return [b.op("min", carries[0], candidate), b.op("add", carries[1], b.op("select", tie, one, zero))]

    position, count = nest(ctx, shape, [none, zero], body, "reduction")
    return best, position, count


def _is_extremum(ctx: Context, array: Array, best: Value, indices: Sequence[Value]) -> Value:
    """Whether the element is `best`. Where `best` is nan, so is what it was found in; elsewhere none is."""
    b = ctx.builder
    element = b.load(array.value, *indices)
    if not is_float(array.dtype):
        return b.op("eq", b.cast(element, I64) if array.dtype == BOOL else element, best)
    return b.op("or", b.op("eq", element, best), b.op("isnan", element))


def _unravel(ctx: Context, position: Value, shape: Sequence[Int]) -> list[Value]:
    """The indices of a position in C order."""
    b = ctx.builder
    indices: list[Value] = []
    for extent in reversed(shape[1:]):
        indices.append(b.op("mod", position, emit(ctx, extent)))
        position = b.op("floordiv", position, emit(ctx, extent))
    return [position, *reversed(indices)]


def _deviation(ctx: Context, array: Array, best: Value, top: Value, zero: Value) -> Value:
    """The sum of `top - a[i]` over the ties: exactly zero, but not its derivative."""
    b = ctx.builder

    def body(indices: list[Value], carries: list[Value]) -> Sequence[Value]:
        element = b.load(array.value, *indices)
        tie = b.op("eq", element, best)
        return [b.op("add", carries[0], b.op("select", tie, b.op("sub", top, element), zero))]

    return nest(ctx, shape_of(ctx, array), [zero], body, "reduction")[0]


# -- along axes


def along(
    ctx: Context,
    array: Array,
    along: Sequence[int],
    dtype: ScalarType,
    reduce: Callable[[Array], Scalar],
    empty: str = "",
) -> Scalar | Array:
    """`reduce` applied to each part of `array` that runs along some axes: an array of the other ones, or a number, of
    `dtype`.

    `empty`: what a `ValueError` says if such parts have no elements, though there may be no parts."""
    b = ctx.builder
    kept = [e for k, e in enumerate(extents_of(array)) if k not in along]
    gone = tuple(e for k, e in enumerate(extents_of(array)) if k in along)
    for extent in gone if empty else ():
        ext.check(ctx, ext.compare(ctx, "ge", measure(ctx, extent), 1), "ValueError", empty)
    if len(along) == array.rank:
        return Scalar(to_element(ctx, reduce(array).value, dtype, wrap=True))
    out = allocate(ctx, dtype, kept)
    axes = ["full" if k in along else "index" for k in range(array.rank)]

    def body(indices: list[Value], _: list[Value]) -> Sequence[Value]:
        part = Array(b.view(array.value, axes, *indices), gone, array.root, array.born)
        b.store(to_element(ctx, reduce(part).value, dtype, wrap=True), out.value, *indices)
        return []

    nest(ctx, [measure(ctx, e) for e in kept], [], body, "parallel")
    return out
