"""`out=`: the result of a function of NumPy is stored in an array that is there, which is then the result.

Invariant: the result is computed before anything is stored, so `out` may share memory with the arguments.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from llad.frontend import extents as ext
from llad.frontend.arrays import assign, broadcast
from llad.frontend.casts import stored
from llad.frontend.creation import lifted
from llad.frontend.extents import extents_of, measure
from llad.frontend.promotion import NUMPY, dtype_of, kind_of
from llad.frontend.values import Array, Context, describe
from llad.ir.types import I64, ScalarType, is_float

# Functions and methods, beside ufuncs, whose result has the shape of `out`, and how many arguments stand before it.
_PLACES = {
    "max": 2, "min": 2, "amax": 2, "amin": 2, "all": 2, "any": 2, "ptp": 2, "argmax": 2, "argmin": 2, "median": 2,
    "dot": 2, "outer": 2, "round": 2, "around": 2, "concatenate": 2, "stack": 2,
    "sum": 3, "prod": 3, "mean": 3, "std": 3, "var": 3, "cumsum": 3, "cumprod": 3, "quantile": 3, "percentile": 3,
    "clip": 3, "take": 3, "compress": 3, "trace": 5,
}  # fmt: skip
_METHODS_OF_UFUNCS = {"reduce": 3, "accumulate": 3, "outer": 2}
# What they add up, or multiply, is of the type of `out` from the start.
_SUMS = frozenset({"sum", "prod", "mean", "cumsum", "cumprod"})


def _place(function: Any, name: str) -> int | None:
    """How many arguments stand before `out`, if NumPy's function, or (`None`) the method of that name, has it."""
    if isinstance(function, np.ufunc):
        return function.nin
    if isinstance(getattr(function, "__self__", None), np.ufunc):
        return _METHODS_OF_UFUNCS.get(name)
    if name not in _PLACES or function not in (None, getattr(np, name)):
        return None
    return _PLACES[name] - (function is None)


def taken_out(
    function: Any, name: str, args: Sequence[Any], kwargs: Mapping[str, Any]
) -> tuple[Sequence[Any], Mapping[str, Any], Any]:
    """The arguments without `out`, wherever it stands, and `out`, which is `None` where there is none."""
    place = _place(function, name)
    if place is None:
        return args, kwargs, None
    if len(args) > place and isinstance(function, np.ufunc) and function.nout > 1:
        return args[:place], kwargs, tuple(args[place:])
    if len(args) > place and "out" not in kwargs:
        after = args[place + 1 :]
        return [*args[:place], *([None] if after else []), *after], kwargs, args[place]
    return args, {key: value for key, value in kwargs.items() if key != "out"}, kwargs.get("out")


def stored_in(
    ctx: Context,
    function: Any,
    name: str,
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    out: Any,
    compute: Callable[..., Any],
) -> Any:
    """`out`, which holds the result of `compute`; of a ufunc only where `where` says so."""
    if isinstance(function, np.ufunc) and function.nout > 1:
        return _stored_in_each(ctx, function, name, kwargs, out, compute)
    rest = dict(kwargs)
    elementwise = isinstance(function, np.ufunc) and function.signature is None
    where = rest.pop("where", True) if elementwise else True
    if isinstance(out, tuple) and len(out) == 1:
        (out,) = out
    if not isinstance(out, Array):
        ctx.refuse("keyword", keyword="out", name=name)
    if out.loose:
        ctx.refuse("loose-write")
    if elementwise:
        broadcast(ctx, [*[x for x in args if isinstance(x, Array)], out])
    sums = name in _SUMS or (name != "outer" and getattr(function, "__self__", None) in (np.add, np.multiply))
    if sums and is_float(out.dtype) and len(args) < 3 - (function is None) and rest.get("dtype") is None:
        rest["dtype"] = NUMPY[out.dtype]
    result = compute(rest)
    rank = result.rank if isinstance(result, Array) else 0
    if rank > out.rank or (rank < out.rank and not elementwise):
        ctx.refuse("static-error", error=f"{name}: out is an {describe(out)}, the result has {rank}")
    type = kind_of(ctx, result)[0]
    if name in ("argmax", "argmin") and out.dtype != I64:
        ctx.refuse("static-error", error=f"Cannot cast array data from {NUMPY[out.dtype]!r} to dtype('int64')")
    if not np.can_cast(NUMPY[type], NUMPY[out.dtype], "same_kind"):
        rule = f"from {NUMPY[type]!r} to {NUMPY[out.dtype]!r} with casting rule 'same_kind'"
        ctx.refuse("static-error", error=f"Cannot cast ufunc {name!r} output {rule}")
    if isinstance(result, Array) and not elementwise:
        for axis, (one, other) in enumerate(zip(extents_of(result), extents_of(out), strict=True)):
            first, second = measure(ctx, one), measure(ctx, other)
            text = f"output array has length {{}} along axis {axis}, the result has {{}}"
            check = one == other or ext.compare(ctx, "eq", first, second)
            ext.check(ctx, check, "ValueError", text, second, first)
    if where is not True:
        result = ctx.call(np.where, [where, result, out], {})
    assign(ctx, out, result if isinstance(result, Array) else stored(ctx, result, out.dtype))
    return out


def _stored_in_each(
    ctx: Context,
    function: np.ufunc,
    name: str,
    kwargs: Mapping[str, Any],
    outs: Any,
    compute: Callable[..., Any],
) -> Any:
    """The results of a ufunc that has several, each in the array that is for it, if there is one."""
    if not isinstance(outs, tuple) or len(outs) > function.nout:
        ctx.refuse("keyword", keyword="out", name=name)
    where = {"where": kwargs["where"]} if "where" in kwargs else {}
    results = compute({key: value for key, value in kwargs.items() if key != "where"})
    outs = [*outs, *[None] * (function.nout - len(outs))]
    if where and any(out is None for out in outs):
        ctx.refuse("keyword", keyword="where", name=name)
    return tuple(
        result if out is None else stored_in(ctx, np.positive, name, [result], where, out, lambda _, x=result: x)
        for result, out in zip(results, outs, strict=True)
    )


def cast_first(ctx: Context, function: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> tuple[Any, Any]:
    """The arguments of a ufunc in the type that `dtype` asks for, as far as `casting` allows it."""
    if not isinstance(function, np.ufunc) or not {"dtype", "casting"} & set(kwargs):
        return args, kwargs
    rest = {key: value for key, value in kwargs.items() if key not in ("dtype", "casting")}
    casting, dtype = kwargs.get("casting", "same_kind"), kwargs.get("dtype")
    if casting not in ("same_kind", "unsafe", "safe"):
        ctx.refuse("keyword", keyword="casting", name=f"np.{function.__name__}")
    if dtype is None:
        if casting != "same_kind":
            ctx.refuse("keyword", keyword="casting", name=f"np.{function.__name__}")
        return args, rest
    type = dtype_of(ctx, dtype)
    char = NUMPY[type].char
    if not any(loop.replace("q", "l") == f"{char * function.nin}->{char * function.nout}" for loop in function.types):
        error = f"np.{function.__name__} in {NUMPY[type]!r}: cast the arguments, or the result, e.g. `x.astype(dtype)`"
        ctx.refuse("static-error", error=error)
    return [_cast(ctx, function, x, type, casting) for x in args], rest


def _cast(ctx: Context, function: np.ufunc, x: Any, type: ScalarType, casting: Any) -> Any:
    x = lifted(ctx, x)
    kind, weak = kind_of(ctx, x)
    if not weak and not np.can_cast(NUMPY[kind], NUMPY[type], casting):
        rule = f"from {NUMPY[kind]!r} to {NUMPY[type]!r} with casting rule {casting!r}"
        ctx.refuse("static-error", error=f"Cannot cast ufunc {function.__name__!r} input {rule}")
    scalar = NUMPY[type].type
    return ctx.call(np.asarray, [x, scalar], {}) if isinstance(x, Array) else ctx.call(scalar, [x], {})
