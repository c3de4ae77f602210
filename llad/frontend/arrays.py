"""Arrays as loops: allocation, broadcasting, elementwise evaluation, assignment.

An array expression is emitted eagerly, as `alloc` and a loop over the result. Two extents that are the same name
(`extents.py`) need no test; others must be equal or 1 when the program runs, which a `check` with NumPy's text
guards, and an axis that may be 1 multiplies its index by `extent != 1`, computed outside the loop.

Invariant: a loop is `parallel` only if no iteration can raise or touch what another one writes; so assignment goes
through a temporary unless its source is known to lie elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import NamedTuple

from llad.dataclass import dataclass
from llad.frontend import extents as ext
from llad.frontend.casts import to_element
from llad.frontend.extents import Int, emit, extents_of, measure, shape_of
from llad.frontend.values import Array, Context, Extent, Scalar
from llad.ir.core import Region, Value, walk
from llad.ir.types import I32, I64, ScalarType

Body = Callable[[list[Value], list[Value]], Sequence[Value]]


def nest(ctx: Context, highs: Sequence[Int], inits: Sequence[Value], body: Body, kind: str) -> list[Value]:
    """Nested loops from 0 to each of `highs`; `body(indices, carries)` gives the next carries. The final carries."""
    b = ctx.builder
    zero, one = b.i64(0), b.i64(1)
    bounds = [emit(ctx, high) for high in highs]

    def level(k: int, indices: list[Value], carries: list[Value]) -> list[Value]:
        if k == len(bounds):
            return list(body(indices, carries))
        with b.region([I64, *(c.type for c in carries)], ["ijkl"[k % 4]]) as region:
            b.yield_(*level(k + 1, [*indices, region.args[0]], list(region.args[1:])))
        chosen = "sequential" if _raises(region) else kind
        return list(b.for_(zero, bounds[k], one, carries, region, kind=chosen)[:-1])

    return level(0, [], list(inits))


def _raises(region: Region) -> bool:
    return any(op.name == "check" for op in walk(region))


def allocate(ctx: Context, dtype: ScalarType, extents: Sequence[Extent], zero: bool = False) -> Array:
    """A fresh array."""
    value = ctx.builder.alloc(dtype, [emit(ctx, measure(ctx, e)) for e in extents], zero)
    return Array(value, tuple(extents), root=value)


def element(ctx: Context, array: Array, indices: Sequence[Value]) -> Scalar:
    """The number at `indices`, which are in range. An i32 widens."""
    value = ctx.builder.load(array.value, *indices)
    return Scalar(ctx.builder.cast(value, I64) if array.dtype == I32 else value)


# -- broadcasting


@dataclass(frozen=True, slots=True)
class Axis:
    """How an operand's index on one of its axes follows from the result's: `i`, `i * factor`, or 0 (factor 0)."""

    result: int
    factor: Int = 1

    def index(self, ctx: Context, indices: list[Value]) -> Value:
        if isinstance(self.factor, int):
            return indices[self.result] if self.factor else ctx.builder.i64(0)
        return ctx.builder.op("mul", indices[self.result], self.factor)


class Merged(NamedTuple):
    """The common extent of an axis, whether there is one, and whether the two are then equal."""

    extent: Extent
    fits: bool | Value = True
    equal: bool = False


def merge(ctx: Context, a: Extent, b: Extent) -> Merged:
    """What two operands make of an axis."""
    a, b = (ctx.alike.name(ctx.builder, extent) for extent in (a, b))
    if a == b or b == 1:
        return Merged(a)
    if a == 1:
        return Merged(b)
    x_one, y_one = _is_one(ctx, a), _is_one(ctx, b)
    if y_one is True:
        return Merged(1 if x_one is True else a)
    if x_one is True:
        return Merged(b)
    x, y = measure(ctx, a), measure(ctx, b)
    if isinstance(x, int) and isinstance(y, int):  # an extent may have become known by a check
        return Merged(x, x == y)
    fits = ext.either(ctx, ext.compare(ctx, "eq", x, y), ext.either(ctx, x_one, y_one))
    if x_one is False and y_one is False:
        return Merged(b if isinstance(b, int) else a, fits, equal=True)
    if x_one is False:
        return Merged(a, fits)
    return Merged(b if y_one is False else ext.choose(ctx, x_one, y, x), fits)


def _is_one(ctx: Context, extent: Extent) -> bool | Value:
    """Whether an axis of this extent broadcasts: a bool where it is known."""
    known = ext.is_one(ctx, extent)
    return ext.compare(ctx, "eq", measure(ctx, extent), 1) if known is None else known


def broadcast(ctx: Context, arrays: Sequence[Array]) -> tuple[Extent, ...]:
    """The shape of an elementwise result; emits the check that there is one."""
    rank = max(a.rank for a in arrays)
    merged: list[Extent] = [1] * rank
    fits: bool | Value = True
    equal: list[tuple[Extent, Extent]] = []
    for array in arrays:
        for k, extent in enumerate(extents_of(array), start=rank - array.rank):
            met = merge(ctx, merged[k], extent)
            equal += [(merged[k], extent)] if met.equal else []
            merged[k], fits = met.extent, ext.both(ctx, fits, met.fits)
    if fits is not True:
        shapes = [shape_of(ctx, a) for a in arrays]
        message = "operands could not be broadcast together"
        listed = " ".join(map(ext.shape_text, shapes))
        values = [n for shape in shapes for n in shape]
        ext.check(ctx, fits, "ValueError", f"{message} with shapes {listed} ", *values, brief=message)
    for first, second in equal:
        ctx.alike.note(ctx.builder, first, second)
    return tuple(merged)


def axes_of(ctx: Context, extents: Sequence[Extent], result: Sequence[Extent]) -> list[Axis]:
    """The index plan of an operand, computed before the loop."""
    plan = []
    for k, extent in enumerate(extents, start=len(result) - len(extents)):
        known = ext.is_one(ctx, extent) if extent != result[k] else False
        if known is not None:
            plan.append(Axis(k, int(not known)))
        else:
            several = ctx.builder.op("ne", emit(ctx, measure(ctx, extent)), ctx.builder.i64(1))
            plan.append(Axis(k, ctx.builder.cast(several, I64)))
    return plan


def _load(ctx: Context, array: Array, plan: Sequence[Axis], indices: list[Value]) -> Value:
    return ctx.builder.load(array.value, *[axis.index(ctx, indices) for axis in plan])


# -- evaluation


def elementwise(
    ctx: Context, arrays: Sequence[Array], dtype: ScalarType, body: Callable[[list[Value]], Value]
) -> Scalar | Array:
    """A fresh array of `body(elements)`, which is of `dtype`; a number if every operand has rank 0."""
    shape = broadcast(ctx, arrays)
    if not shape:
        value = body([ctx.builder.load(a.value) for a in arrays])
        return Scalar(ctx.builder.cast(value, I64) if dtype == I32 else value)
    out = allocate(ctx, dtype, shape)
    plans = [axes_of(ctx, extents_of(a), shape) for a in arrays]

    def store(indices: list[Value], _: list[Value]) -> list[Value]:
        elements = [_load(ctx, a, plan, indices) for a, plan in zip(arrays, plans, strict=True)]
        ctx.builder.store(body(elements), out.value, *indices)
        return []

    nest(ctx, [measure(ctx, e) for e in shape], [], store, "parallel")
    return replace(out, turned=_is_turned(ctx, arrays))


def _is_turned(ctx: Context, arrays: Sequence[Array]) -> bool:
    """Whether NumPy may have what is made of these in another order: that of theirs, unless one says C."""
    rank = max(a.rank for a in arrays)
    return rank > 1 and any(a.turned for a in arrays) and not any(
        a.rank == rank and not a.turned and all(ext.is_one(ctx, e) is not True for e in extents_of(a)) for a in arrays
    )


def copy(ctx: Context, array: Array, dtype: ScalarType | None = None) -> Array:
    """A fresh C-contiguous array of the same elements, converted to `dtype`."""
    out = allocate(ctx, dtype or array.dtype, extents_of(array))
    assign(ctx, out, array)
    return out


def disjoint(a: Array, b: Array) -> bool:
    """Whether the two are known to share no memory.

    Different allocations are different blocks, and an allocation is not in memory that was there before it.
    """
    if a.root is not None and b.root is not None:
        return a.root is not b.root
    if a.root is not None:
        return b.born < a.born
    return b.root is not None and a.born < b.born


def separate(ctx: Context, source: Array, target: Array) -> Array:
    """`source`, or a copy of it if writing `target` might change it."""
    return source if disjoint(source, target) else copy(ctx, source)


def assign(ctx: Context, target: Array, source: Array | Value) -> None:
    """`target[...] = source`, broadcast and converted; the two may overlap."""
    if isinstance(source, Value):
        source_value = to_element(ctx, source, target.dtype, wrap=False)

        def fill(indices: list[Value], _: list[Value]) -> list[Value]:
            ctx.builder.store(source_value, target.value, *indices)
            return []

        nest(ctx, shape_of(ctx, target), [], fill, "parallel")
        return
    array = separate(ctx, source, target) if target.rank else source
    plan = _fit(ctx, array, target, _INPUT)

    def move(indices: list[Value], _: list[Value]) -> list[Value]:
        value = ctx.builder.load(array.value, *plan(indices))
        ctx.builder.store(to_element(ctx, value, target.dtype, wrap=True), target.value, *indices)
        return []

    nest(ctx, shape_of(ctx, target), [], move, "parallel")


def update(ctx: Context, target: Array, source: Array, body: Callable[[Value, Value], Value]) -> None:
    """`target[...] = body(target, source)` element by element, the source broadcast; the two may overlap."""
    if source.value is not target.value:
        source = separate(ctx, source, target)
    plan = _fit(ctx, source, target, _OPERANDS)

    def change(indices: list[Value], _: list[Value]) -> list[Value]:
        b = ctx.builder
        old, value = b.load(target.value, *indices), b.load(source.value, *plan(indices))
        b.store(body(old, value), target.value, *indices)
        return []

    nest(ctx, shape_of(ctx, target), [], change, "parallel")


def modify(ctx: Context, target: Array, body: Callable[[Value], Value]) -> None:
    """`target[...] = body(target)` element by element."""

    def change(indices: list[Value], _: list[Value]) -> list[Value]:
        ctx.builder.store(body(ctx.builder.load(target.value, *indices)), target.value, *indices)
        return []

    nest(ctx, shape_of(ctx, target), [], change, "parallel")


@dataclass(frozen=True, slots=True)
class _Misfit:
    """NumPy's words for a source that does not broadcast to its target; `%s` are the shapes of `order`."""

    brief: str
    text: str
    order: tuple[int, ...]


_INPUT = _Misfit("could not broadcast input array", " from shape %s into shape %s", (0, 1))
_OPERANDS = _Misfit("operands could not be broadcast together", " with shapes %s %s %s ", (1, 0, 1))


def _fit(ctx: Context, source: Array, target: Array, misfit: _Misfit) -> Callable[[list[Value]], list[Value]]:
    """Check that `source` broadcasts to the shape of `target`; its indices as a function of the target's.

    Superfluous leading axes of the source must be 1.
    """
    extra = max(0, source.rank - target.rank)
    own, wanted = ([ctx.alike.name(ctx.builder, e) for e in extents_of(array)] for array in (source, target))
    fits: bool | Value = True
    for k, extent in enumerate(own):
        goal = 1 if k < extra else wanted[k - source.rank]
        if extent not in (goal, 1):
            one = _is_one(ctx, extent)
            equal = one is True or ext.compare(ctx, "eq", measure(ctx, extent), measure(ctx, goal))
            fine = ext.either(ctx, equal, one)
            fits = ext.both(ctx, fits, fine)
    if fits is not True:
        shapes = [shape_of(ctx, source), shape_of(ctx, target)]
        text = misfit.brief + misfit.text % tuple(ext.shape_text(shapes[k]) for k in misfit.order)
        values = [n for k in misfit.order for n in shapes[k]]
        ext.check(ctx, fits, "ValueError", text, *values, brief=misfit.brief)
    plan = axes_of(ctx, own[extra:], wanted)
    leading = [ctx.builder.i64(0) for _ in range(extra)]
    return lambda indices: [*leading, *[axis.index(ctx, indices) for axis in plan]]
