"""`np.linspace`: between numbers a loop, between arrays Python that is traced (`llad/traced/spaces.py`)."""

from __future__ import annotations

import math
from typing import Any

from llad.frontend import extents as ext
from llad.frontend.arrays import allocate, nest
from llad.frontend.casts import value_of
from llad.frontend.creation import shape_argument
from llad.frontend.extents import measure
from llad.frontend.promotion import is_static_number, kind_of, promote
from llad.frontend.values import Array, Context, Rows, Scalar, describe
from llad.ir.core import Value
from llad.ir.types import F64
from llad.traced.table import BETWEEN


def linspace(ctx: Context, start: Any, stop: Any, num: Any, endpoint: Any, retstep: Any, dtype: Any, axis: Any) -> Any:
    """`num` floats, the last of which is exactly `stop`; without `endpoint`, `stop` would come next. With `retstep`
    the distance between them, too."""
    flags = {"endpoint": endpoint, "retstep": retstep}
    for keyword, flag in flags.items():
        if type(flag) is not bool:
            ctx.refuse("keyword", keyword=keyword, name="np.linspace")
    if dtype not in (None, float):
        ctx.refuse("keyword", keyword="dtype", name="np.linspace")
    ends = (start, stop)
    if any(isinstance(x, (Array, Rows, tuple, list)) for x in ends):
        return ctx.call(BETWEEN, [start, stop, num, endpoint, retstep, axis], {})
    for x in ends:
        if not isinstance(x, Scalar) and not is_static_number(x):
            ctx.refuse("not-a-number", name="np.linspace", got=describe(x))
    out, step = _between_numbers(ctx, start, stop, num, endpoint)
    return (out, step) if retstep else out


def _between_numbers(ctx: Context, start: Any, stop: Any, num: Any, endpoint: bool) -> tuple[Array, Scalar]:
    b = ctx.builder
    dtype, _ = promote([kind_of(ctx, start), kind_of(ctx, stop), (F64, True)], arrays=False)
    first, last = value_of(ctx, start, dtype), value_of(ctx, stop, dtype)
    (extent,) = shape_argument(ctx, num, dtype)
    count = measure(ctx, extent)
    gaps = ext.sub(ctx, count, 1) if endpoint else count
    step = b.op("div", b.op("sub", last, first), b.cast(ext.emit(ctx, ext.greatest(ctx, gaps, 1)), dtype))
    none = ext.compare(ctx, "lt", gaps, 1)
    end = ext.emit(ctx, ext.choose(ctx, none, -1, gaps) if endpoint else -1)
    out = allocate(ctx, dtype, [extent])

    def body(indices: list[Value], _: list[Value]) -> list[Value]:
        (i,) = indices
        value = b.op("add", b.op("mul", b.cast(i, dtype), step), first)
        b.store(b.op("select", b.op("eq", i, end), last, value), out.value, i)
        return []

    nest(ctx, [count], [], body, "parallel")
    nan = b.const(math.nan, dtype)
    apart = b.op("select", none, nan, step) if isinstance(none, Value) else nan if none else step
    return out, Scalar(apart)
