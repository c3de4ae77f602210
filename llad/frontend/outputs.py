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
from llad.frontend.extents import extents_of, measure
from llad.frontend.promotion import NUMPY, kind_of
from llad.frontend.values import Array, Context, describe

# Functions and methods, beside ufuncs, whose result has the shape of `out`.
_NAMES = frozenset({
    "sum", "prod", "mean", "max", "min", "amax", "amin", "all", "any", "std", "var", "ptp", "argmax", "argmin",
    "cumsum", "cumprod", "dot", "clip", "round", "around", "take", "trace", "median", "quantile", "percentile",
    "concatenate", "stack", "compress", "outer",
})  # fmt: skip


def takes_out(function: Any, name: str) -> bool:
    """Whether NumPy's function, or the method of that name, has the argument `out`."""
    if isinstance(function, np.ufunc):
        return function.nout == 1
    return name in _NAMES and function in (None, getattr(np, name, None))


def stored_in(
    ctx: Context, function: Any, args: Sequence[Any], kwargs: Mapping[str, Any], compute: Callable[..., Any]
) -> Any:
    """`out`, which holds the result of `compute` without it; of a ufunc only where `where` says so."""
    rest = dict(kwargs)
    out = rest.pop("out")
    elementwise = isinstance(function, np.ufunc) and function.signature is None
    where = rest.pop("where", True) if elementwise else True
    if isinstance(out, tuple) and len(out) == 1:
        (out,) = out
    name = getattr(function, "__name__", "a method")
    if not isinstance(out, Array):
        ctx.refuse("keyword", keyword="out", name=name)
    if out.loose:
        ctx.refuse("loose-write")
    if elementwise:
        broadcast(ctx, [*[x for x in args if isinstance(x, Array)], out])
    result = compute(rest)
    rank = result.rank if isinstance(result, Array) else 0
    if rank > out.rank or (rank < out.rank and not elementwise):
        ctx.refuse("static-error", error=f"{name}: out is an {describe(out)}, the result has {rank}")
    type = kind_of(ctx, result)[0]
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
