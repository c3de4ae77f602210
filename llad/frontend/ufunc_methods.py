"""`np.add.reduce` and its like: the methods of ufuncs, most of which have a name of their own (`np.sum`)."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from llad.frontend.advanced import is_advanced, put
from llad.frontend.arguments import bind
from llad.frontend.values import Context
from llad.traced import ufuncs as code

_REDUCE: dict[np.ufunc, Callable[..., Any]] = {
    np.add: np.sum, np.multiply: np.prod, np.maximum: np.max, np.minimum: np.min, np.logical_and: np.all,
    np.logical_or: np.any, np.logaddexp: code.log_sum_exp,
}  # fmt: skip
_ACCUMULATE: dict[np.ufunc, Callable[..., Any]] = {np.add: np.cumsum, np.multiply: np.cumprod}
# Of these, what there is of one element is that element.
_IN_ORDER = frozenset({
    np.subtract, np.divide, np.fmax, np.fmin, np.bitwise_and, np.bitwise_or, np.bitwise_xor,
})  # fmt: skip
_EMPTY = {np.bitwise_and: -1, np.bitwise_or: 0, np.bitwise_xor: 0}  # what there is of none
_RUNNING = _IN_ORDER | {np.maximum, np.minimum, np.logaddexp, np.hypot, np.logical_and, np.logical_or}


def method_of_ufunc(function: Any) -> bool:
    """Whether it is a method of a ufunc of NumPy."""
    ufunc = getattr(function, "__self__", None)
    return isinstance(ufunc, np.ufunc) and getattr(np, ufunc.__name__, None) is ufunc


def call(ctx: Context, function: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    """The result of `function(*args, **kwargs)`, a method of a ufunc."""
    ufunc, name = function.__self__, function.__name__
    usage = f"np.{ufunc.__name__}.{name}"
    if name == "outer" and ufunc.nin == 2 and ufunc.nout == 1:
        return ctx.call(code.outer, [ufunc, *bind(ctx, f"{usage}(A, B)", args, kwargs)], {})
    if name == "at" and ufunc.nin == 2 and ufunc.nout == 1:
        a, index, value = bind(ctx, f"{usage}(a, indices, b)", args, kwargs)
        apply = functools.partial(code.apply_at, ufunc)
        return put(ctx, a, index if is_advanced(index) else [index], value, apply)
    if name == "reduce" and (ufunc in _REDUCE or ufunc in _IN_ORDER):
        usage = f"{usage}(array, axis, dtype, keepdims, initial, where)"
        array, axis, *options = bind(ctx, usage, args, kwargs, [0, None, None, None, None])
        names = ("dtype", "keepdims", "initial", "where")
        given = {n: x for n, x in zip(names, options, strict=True) if x is not None}
        if ufunc in _REDUCE:
            return ctx.call(_REDUCE[ufunc], [array], {"axis": axis, **given})
        return ctx.call(code.reduce, [ufunc, array], {"axis": axis, "empty": _EMPTY.get(ufunc), **given})
    if name == "accumulate" and (ufunc in _ACCUMULATE or ufunc in _RUNNING):
        array, axis, dtype = bind(ctx, f"{usage}(array, axis, dtype)", args, kwargs, [0, None])
        if ufunc in _ACCUMULATE:
            return ctx.call(_ACCUMULATE[ufunc], [array], {"axis": axis, "dtype": dtype})
        if dtype is not None:
            ctx.refuse("keyword", keyword="dtype", name=usage)
        return ctx.call(code.accumulate, [ufunc, array], {"axis": axis})
    return ctx.refuse("function", name=usage, hint="write it as a loop")
