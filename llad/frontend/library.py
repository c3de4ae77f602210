"""NumPy's functions of whole arrays, and the methods and attributes of arrays.

Each handler binds the arguments that are supported and calls what makes the loops (`creation.py`, `reductions.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from llad.dataclass import dataclass
from llad.frontend import creation, products, rearrange, reductions
from llad.frontend.arguments import bind
from llad.frontend.arrays import assign, copy, element
from llad.frontend.casts import stored
from llad.frontend.contractions import dot, inner, matmul
from llad.frontend.creation import array_of, as_array, rows_of
from llad.frontend.einsum import einsum, tensordot
from llad.frontend.extents import check, compare, extents_of, measure
from llad.frontend.functions import absolute, dimension
from llad.frontend.indexing import window
from llad.frontend.numbers import binary
from llad.frontend.operands import Handler
from llad.frontend.promotion import NUMPY, dtype_of
from llad.frontend.rearrange import axis_argument, axis_arguments
from llad.frontend.spaces import linspace
from llad.frontend.ufuncs import COMPOSED, strong
from llad.frontend.values import Array, Context, Rows, Scalar, describe
from llad.ir.core import Value
from llad.ir.types import BOOL, F64, I64, ScalarType, is_float
from llad.traced import sequences
from llad.traced.table import MEAN_WHERE


def creator(usage: str, make: Callable[..., Any], defaults: Sequence[Any] = ()) -> Handler:
    """The handler that binds the parameters of `usage` and calls `make` with them; `usage` is its docstring."""

    def handle(ctx: Context, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        return make(ctx, *bind(ctx, usage, args, kwargs, defaults))

    handle.__doc__ = usage
    return handle


def _empty(ctx: Context, shape: Any, dtype: Any, order: Any) -> Array:
    type = creation.element_type(ctx, dtype, F64)
    return creation.blank(ctx, type, creation.shape_argument(ctx, shape, type), order)


def _filled(value: int) -> Callable[..., Array]:
    def make(ctx: Context, shape: Any, dtype: Any, order: Any) -> Array:
        type = creation.element_type(ctx, dtype, F64)
        return creation.filled(ctx, creation.shape_argument(ctx, shape, type), value, type, order)

    return make


def _like(value: int | None) -> Callable[..., Array]:
    return lambda ctx, model, dtype, order: creation.like(ctx, model, value, dtype, order)


def _contiguous(ctx: Context, value: Any, dtype: Any) -> Array:
    array = as_array(ctx, value, dtype)
    if not array.rank:
        return window(ctx, array, [None])
    return rearrange.dense(ctx, array) if array.type.layout == "C" else copy(ctx, array)


def _fortran(ctx: Context, value: Any, dtype: Any) -> Array:
    """A copy, but of a vector, or of what may be in that order already."""
    array = as_array(ctx, value, dtype)
    if array.rank < 2:
        return array if array.rank else window(ctx, array, [None])
    made = array_of(ctx, array, None, "F")
    return rearrange.copied(ctx, made, array) if array.turned else made


def _copied(ctx: Context, array: Array, order: Any) -> Array:
    return array_of(ctx, array, None, order) if order == "F" else copy(ctx, array)


# -- reductions

Reduce = Callable[..., Scalar]
ResultType = Callable[[ScalarType], ScalarType]


@dataclass(frozen=True, slots=True)
class Reduction:
    """A function like `np.sum`: how it reduces an array, and to what type.

    `typed`: it has the argument `dtype`. `nothing`: what an element is that `where` leaves out. `joins`: how the result
    is joined with `initial`. `starts`: `reduce` itself takes `initial`, which is then what `where` leaves. `empty`: the
    error for no elements without it.
    """

    reduce: Reduce
    result: ResultType
    typed: bool = False
    nothing: float | None = None
    joins: str = ""
    starts: bool = False
    empty: str = ""

    @property
    def parameters(self) -> list[str]:
        """Those of NumPy's that are supported, after `a` and `axis`, in NumPy's order."""
        names = ["axis", *["dtype"] * self.typed, "out", "keepdims"]
        names += ["initial"] * (bool(self.joins) or self.starts)
        return names + ["where"] * (self.nothing is not None or self.starts)


def reduction(name: str, function: Reduction) -> Handler:
    """`np.sum(a, axis, …)` and its like."""
    names = function.parameters
    usage = f"{name}({', '.join(['a', *names])})"

    def handle(ctx: Context, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        a, *rest = bind(ctx, usage, args, kwargs, [None] * len(names))
        given = {n: x for n, x in zip(names, rest, strict=True) if x is not None}
        if "out" in given:
            ctx.refuse("keyword", keyword="out", name=name)
        array = as_array(ctx, a)
        if "dtype" in given:
            array = as_array(ctx, array, given["dtype"])
        reduce, empty = function.reduce, function.empty
        nothing: Any = function.nothing
        if function.starts and "initial" in given:
            empty = ""
            nothing = Scalar(stored(ctx, given["initial"], array.dtype))
            reduce = partial(function.reduce, initial=nothing.value)
        if "where" in given:
            if nothing is None:
                ctx.refuse("static-error", error=f"{name} needs `initial` beside `where`")
            array = as_array(ctx, ctx.call(np.where, [given["where"], array, nothing], {}), NUMPY[array.dtype])
        axis = given.get("axis")
        axes = list(range(array.rank)) if axis is None else axis_arguments(ctx, axis, array.rank)
        type = array.dtype if "dtype" in given else function.result(array.dtype)
        result: Any = reductions.along(ctx, array, axes, type, partial(reduce, ctx), empty)
        if "initial" in given and function.joins:
            initial = Scalar(stored(ctx, given["initial"], result.dtype if isinstance(result, Array) else result.type))
            result = binary(ctx, function.joins, strong(result), initial)
        return _keep_axes(ctx, result, axes, array.rank) if given.get("keepdims") else result

    handle.__doc__ = usage.replace(", out", "")
    return handle


def mean(name: str) -> Handler:
    """`np.mean(a, axis, …)`, with `where` too."""
    plain = reduction(name, REDUCTIONS["mean"])

    def handle(ctx: Context, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        rest = {key: value for key, value in kwargs.items() if key != "where" or value is not True}
        return ctx.call(MEAN_WHERE, args, rest) if "where" in rest else plain(ctx, args, rest)

    handle.__doc__ = f"{str(plain.__doc__)[:-1]}, where)"
    return handle


def _keep_axes(ctx: Context, result: Any, axes: Sequence[int], rank: int) -> Array:
    """The result with the axes that were reduced, of one element."""
    if not isinstance(result, Array):
        return creation.full(ctx, (1,) * rank, result, None)
    return window(ctx, result, [None if k in axes else slice(None) for k in range(rank)])


_NO_IDENTITY = "zero-size array to reduction operation {} which has no identity"
_NO_POSITION = "attempt to get arg{} of an empty sequence"

REDUCTIONS: dict[str, Reduction] = {
    "sum": Reduction(reductions.total, reductions.sum_type, typed=True, nothing=0, joins="add"),
    "prod": Reduction(reductions.product, reductions.sum_type, typed=True, nothing=1, joins="mul"),
    "mean": Reduction(reductions.mean, lambda t: t if is_float(t) else F64, typed=True),
    "max": Reduction(
        partial(reductions.extremum, op="max"), lambda t: t, starts=True, empty=_NO_IDENTITY.format("maximum")
    ),
    "min": Reduction(
        partial(reductions.extremum, op="min"), lambda t: t, starts=True, empty=_NO_IDENTITY.format("minimum")
    ),
    "argmax": Reduction(
        partial(reductions.position_of_extremum, op="max"), lambda t: I64, empty=_NO_POSITION.format("max")
    ),
    "argmin": Reduction(
        partial(reductions.position_of_extremum, op="min"), lambda t: I64, empty=_NO_POSITION.format("min")
    ),
    "all": Reduction(lambda ctx, a: reductions.holds(ctx, a, "and"), lambda t: BOOL, nothing=True),
    "any": Reduction(lambda ctx, a: reductions.holds(ctx, a, "or"), lambda t: BOOL, nothing=False),
}


def sum_builtin(ctx: Context, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    """`sum(x, start)`: in order, from left to right, as Python adds."""
    x, total = bind(ctx, "sum(x, start)", args, kwargs, [0])
    listed = x if isinstance(x, Rows) and len(x.kinds) == 1 else None
    x = ctx.lift(x) if listed is None else rows_of(ctx, listed)
    if isinstance(x, Array) and x.rank > 1 and x.dtype != BOOL:
        summed = reduction("np.sum", REDUCTIONS["sum"])(ctx, [x], {"axis": 0})
        return binary(ctx, "add", total, summed)
    if isinstance(x, Array) and x.rank == 1 and (x.dtype != BOOL or listed is not None):
        b = ctx.builder
        start = binary(ctx, "add", total, Scalar(b.const(0, reductions.sum_type(x.dtype))))
        summed = reductions.fold(ctx, x, start.value, lambda s, e: b.op("add", s, e), "sequential")
        return Scalar(summed, weak=listed is not None and listed.weak)
    if not isinstance(x, (tuple, list)):
        ctx.refuse("not-a-number" if isinstance(x, Scalar) else "no-array", name="sum", got=describe(x))
    for item in x:
        total = binary(ctx, "add", total, ctx.lift(item))
    return total


# -- products


def _conjugate(ctx: Context, x: Any) -> Any:
    """A copy of real numbers (`complex_functions.py` has complex ones)."""
    return copy(ctx, as_array(ctx, x)) if isinstance(x, (Array, tuple, list)) else strong(x)


def _size_of(ctx: Context, a: Any, axis: Any) -> int | Scalar:
    array = as_array(ctx, a)
    return _size(ctx, array) if axis is None else dimension(ctx, array, axis_argument(ctx, axis, array.rank))


def _matmul(ctx: Context, a: Any, b: Any) -> Any:
    return matmul(ctx, as_array(ctx, a), as_array(ctx, b))


FUNCTIONS: dict[str, Handler] = {
    "zeros": creator("np.zeros(shape, dtype, order)", _filled(0), [None, None]),
    "ones": creator("np.ones(shape, dtype, order)", _filled(1), [None, None]),
    "empty": creator("np.empty(shape, dtype, order)", _empty, [None, None]),
    "full": creator("np.full(shape, fill_value, dtype, order)", creation.full, [None, None]),
    "zeros_like": creator("np.zeros_like(a, dtype, order)", _like(0), [None, None]),
    "ones_like": creator("np.ones_like(a, dtype, order)", _like(1), [None, None]),
    "empty_like": creator("np.empty_like(a, dtype, order)", _like(None), [None, None]),
    "full_like": creator("np.full_like(a, fill_value, dtype, order)", creation.like, [None, None]),
    "array": creator("np.array(object, dtype, order)", array_of, [None, None]),
    "asarray": creator("np.asarray(a, dtype)", as_array, [None]),
    "asanyarray": creator("np.asanyarray(a, dtype)", as_array, [None]),
    "asfortranarray": creator("np.asfortranarray(a, dtype)", _fortran, [None]),
    "ascontiguousarray": creator("np.ascontiguousarray(a, dtype)", _contiguous, [None]),
    "conjugate": creator("np.conjugate(x)", _conjugate),
    "copy": creator("np.copy(a, order)", lambda ctx, a, order: array_of(ctx, a, None, order), [None]),
    "arange": creator("np.arange(start, stop, step, dtype)", creation.arange, [None, 1, None]),
    "linspace": creator(
        "np.linspace(start, stop, num, endpoint, retstep, dtype, axis)", linspace, [50, True, False, None, 0]
    ),
    "dot": creator("np.dot(a, b)", products.product_of(dot)),
    "vdot": creator("np.vdot(a, b)", products.vdot),
    "inner": creator("np.inner(a, b)", products.product_of(inner)),
    "outer": creator("np.outer(a, b)", products.outer),
    "kron": creator("np.kron(a, b)", products.kron),
    "cross": creator("np.cross(a, b, axis)", products.cross, [-1]),
    "tensordot": creator("np.tensordot(a, b, axes)", tensordot, [2]),
    "einsum": einsum,
    "matmul": creator("np.matmul(x1, x2)", _matmul),
    "shape": creator("np.shape(a)", lambda ctx, a: _shape(ctx, as_array(ctx, a))),
    "size": creator("np.size(a, axis)", _size_of, [None]),
    "ndim": creator("np.ndim(a)", lambda ctx, a: as_array(ctx, a).rank),
    "reshape": creator("np.reshape(a, shape, order)", rearrange.reshape, [None]),
    "ravel": creator("np.ravel(a, order)", rearrange.ravel, [None]),
    "squeeze": creator("np.squeeze(a, axis)", rearrange.squeeze, [None]),
    "transpose": creator("np.transpose(a, axes)", rearrange.transpose, [None]),
    "swapaxes": creator("np.swapaxes(a, axis1, axis2)", rearrange.swapaxes),
    "moveaxis": creator("np.moveaxis(a, source, destination)", rearrange.moveaxis),
    "flip": creator("np.flip(m, axis)", rearrange.flip, [None]),
    "expand_dims": creator("np.expand_dims(a, axis)", rearrange.expand_dims),
    "concatenate": creator("np.concatenate(arrays, axis)", rearrange.concatenate, [0]),
    "stack": creator("np.stack(arrays, axis)", rearrange.stack, [0]),
    "vstack": creator("np.vstack(tup)", rearrange.vstack),
    "hstack": creator("np.hstack(tup)", rearrange.hstack),
    "column_stack": creator("np.column_stack(tup)", rearrange.column_stack),
    "append": creator("np.append(arr, values, axis)", rearrange.append, [None]),
    "abs": absolute,
    "absolute": absolute,
    **{name: reduction(f"np.{name}", function) for name, function in REDUCTIONS.items()},
    "mean": mean("np.mean"),
    **COMPOSED,
}
FUNCTIONS |= {"amax": FUNCTIONS["max"], "amin": FUNCTIONS["min"]}
if hasattr(np, "unstack"):
    FUNCTIONS["unstack"] = creator("np.unstack(x, axis)", rearrange.unstack, [0])
if hasattr(np, "row_stack"):
    FUNCTIONS["row_stack"] = FUNCTIONS["vstack"]


# -- methods and attributes


@dataclass(frozen=True, slots=True)
class Method:
    """A method of an array or number, before it is called."""

    base: Array | Scalar
    name: str


def _fill(ctx: Context, array: Array, value: Any) -> None:
    if array.loose:
        ctx.refuse("loose-write")
    assign(ctx, array, stored(ctx, value, array.dtype))


def _item(ctx: Context, array: Array) -> Scalar:
    """The only element."""
    sizes = [measure(ctx, extent) for extent in extents_of(array)]
    text = "can only convert an array of size 1 to a Python scalar"
    for size in sizes:
        check(ctx, compare(ctx, "eq", size, 1), "ValueError", text)
    return Scalar(element(ctx, array, [ctx.builder.i64(0)] * array.rank).value, True)


def _to_list(ctx: Context, array: Array, indices: tuple[int, ...] = ()) -> Any:
    """Python's numbers in lists, of an array whose lengths are known."""
    if len(indices) == array.rank:
        return Scalar(element(ctx, array, [ctx.builder.i64(k) for k in indices]).value, True)
    count = extents_of(array)[len(indices)]
    if not isinstance(count, int) and array.rank == 1:
        kind = sequences.bools_of if array.dtype == BOOL else sequences.ints_of
        return ctx.call(sequences.floats_of if is_float(array.dtype) else kind, [array], {})
    if not isinstance(count, int):
        ctx.refuse("attribute", name="tolist", got=f"{describe(array)} of unknown length", hint="loop over the array")
    return ctx.call(list, [tuple([_to_list(ctx, array, (*indices, k)) for k in range(count)])], {})


def _astype(ctx: Context, array: Array, dtype: Any) -> Array:
    return copy(ctx, array, dtype_of(ctx, dtype))


def _transpose(ctx: Context, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Array:
    """`a.transpose()`, `a.transpose(1, 0)` or `a.transpose((1, 0))`."""
    axes: Any = args[1:] if len(args) > 2 else args[1] if len(args) == 2 else None
    return rearrange.transpose(ctx, *bind(ctx, "a.transpose(a, axes)", [args[0], axes], kwargs))


METHODS: dict[str, Handler] = {
    **{name: reduction(f"a.{name}", function) for name, function in REDUCTIONS.items()},
    "mean": mean("a.mean"),
    "copy": creator("a.copy(a, order)", _copied, [None]),
    "dot": creator("a.dot(a, b)", products.product_of(dot)),
    "fill": creator("a.fill(a, value)", _fill),
    "item": creator("a.item(a)", _item),
    "tolist": creator("a.tolist(a)", _to_list),
    "astype": creator("a.astype(a, dtype)", _astype),
    "clip": COMPOSED["clip"],
    "conj": creator("a.conj(a)", _conjugate),
    "conjugate": creator("a.conjugate(a)", _conjugate),
    "ravel": creator("a.ravel(a, order)", rearrange.ravel, [None]),
    "reshape": rearrange.reshape_method,
    "squeeze": creator("a.squeeze(a, axis)", rearrange.squeeze, [None]),
    "swapaxes": creator("a.swapaxes(a, axis1, axis2)", rearrange.swapaxes),
    "transpose": _transpose,
}


def _shape(ctx: Context, array: Array) -> tuple[int | Scalar, ...]:
    return tuple(dimension(ctx, array, k) for k in range(array.rank))


def _size(ctx: Context, array: Array) -> int | Scalar:
    if array.rank == 1:
        return dimension(ctx, array, 0)
    size = reductions.size_of(ctx, array)
    return Scalar(size, True) if isinstance(size, Value) else size


ATTRIBUTES: dict[str, Callable[[Context, Array], Any]] = {
    "shape": _shape,
    "size": _size,
    "ndim": lambda ctx, array: array.rank,
    "dtype": lambda ctx, array: np.dtype(NUMPY[array.dtype]),
    "real": lambda ctx, array: array,
    "imag": lambda ctx, array: creation.like(ctx, array, 0, None, None),
    "T": lambda ctx, array: array if array.rank < 2 else rearrange.transpose(ctx, array, None),
    "mT": lambda ctx, array: rearrange.swapaxes(ctx, array, -1, -2),
}
