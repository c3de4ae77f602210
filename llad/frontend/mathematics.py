"""Functions of `math` that take sequences, or are short compositions."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from llad.frontend import reductions
from llad.frontend.arguments import bind
from llad.frontend.functions import math_hypot
from llad.frontend.numbers import binary
from llad.frontend.operands import as_f64, known
from llad.frontend.values import Array, Context, Scalar, describe
from llad.ir.types import BOOL


def product(ctx: Context, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    """`math.prod(x, start=1)`: in order, from left to right."""
    x, total = bind(ctx, "math.prod(x, start)", args, kwargs, [1])
    x = ctx.lift(x)
    if isinstance(x, Array) and x.rank == 1 and x.dtype != BOOL:
        b = ctx.builder
        start = binary(ctx, "mul", total, Scalar(b.const(1, reductions.sum_type(x.dtype))))
        return Scalar(reductions.fold(ctx, x, start.value, lambda s, e: b.op("mul", s, e), "sequential"))
    if not isinstance(x, (tuple, list)):
        ctx.refuse("no-array", name="math.prod", got=describe(x))
    for item in x:
        total = binary(ctx, "mul", total, ctx.lift(item))
    return total


def dist(ctx: Context, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    """`math.dist(p, q)` of tuples or lists."""
    points = [ctx.lift(p) for p in bind(ctx, "math.dist(p, q)", args, kwargs)]
    for p in points:
        if not isinstance(p, (tuple, list)):
            ctx.refuse("no-array", name="math.dist", got=describe(p))
    p, q = points
    if len(p) != len(q):
        ctx.refuse("static-error", error="math.dist: both points must have the same number of dimensions")
    if not p:
        return 0.0
    return math_hypot(ctx, [binary(ctx, "sub", x, y) for x, y in zip(p, q, strict=True)], {})


def isclose(ctx: Context, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    """`math.isclose(a, b, rel_tol, abs_tol)`."""
    values = bind(ctx, "math.isclose(a, b, rel_tol, abs_tol)", args, kwargs, [1e-09, 0.0])
    if (result := known(lambda x, y, r, s: math.isclose(x, y, rel_tol=r, abs_tol=s), values)) is not None:
        return result
    b = ctx.builder
    x, y, relative, absolute = (as_f64(ctx, "math.isclose", v) for v in values)
    zero = b.f64(0.0)
    positive = b.op("and", b.op("ge", relative, zero), b.op("ge", absolute, zero))
    b.check(positive, "ValueError", "tolerances must be non-negative")
    size = b.op("max", b.op("abs", x), b.op("abs", y))
    near = b.op("le", b.op("abs", b.op("sub", x, y)), b.op("max", b.op("mul", relative, size), absolute))
    finite = b.op("and", b.op("isfinite", x), b.op("isfinite", y))
    return Scalar(b.op("or", b.op("eq", x, y), b.op("and", finite, near)), weak=True)
