"""Short ways to write IR in tests: functions, loops and branches whose bodies are Python functions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from native import Native

from llad.ir import interp
from llad.ir.build import Builder
from llad.ir.core import Function, Value
from llad.ir.types import F64, I64, BufferType, Type

Body = Callable[..., Any]


def build(types: Sequence[Type], body: Body, **attrs: Any) -> Function:
    """The function whose parameters are handed to `body(b, *params)`, which returns the result or results."""
    b = Builder()
    params = [Value(t, f"a{k}") for k, t in enumerate(types)]
    results = body(b, *params)
    b.return_(*(results if isinstance(results, (list, tuple)) else [results]))
    return b.function("subject", params, **attrs)


def run(types: Sequence[Type], body: Body, *args: Any) -> tuple[Any, ...]:
    """The native results, asserted to equal the interpreter's, also in what was written to arguments."""
    fn = build(types, body)
    mine, reference = (tuple(a.copy() if isinstance(a, np.ndarray) else a for a in args) for _ in range(2))
    got, want = Native(fn)(*mine), interp.run(fn, reference)
    for a, b in zip((*got, *mine), (*want, *reference), strict=True):
        np.testing.assert_array_equal(a, b)
        assert type(a) is type(b)
    return got


def loop(
    b: Builder, lo: Any, hi: Any, inits: Sequence[Value], body: Body, step: Any = 1, **how: Any
) -> tuple[Value, ...]:
    """A `for`; bounds may be ints; `body(i, *carries)` returns the next carries (the exit flag first)."""
    bounds = [b.i64(x) if isinstance(x, int) else x for x in (lo, hi, step)]
    with b.region([I64, *(v.type for v in inits)]) as region:
        b.yield_(*body(*region.args))
    return b.for_(*bounds, inits, region, **how)


def when(b: Builder, condition: Value, then: Body, otherwise: Body) -> tuple[Value, ...]:
    regions = []
    for body in (then, otherwise):
        with b.region() as region:
            b.yield_(*body())
        regions.append(region)
    return b.if_(condition, *regions)


V = BufferType(F64, 1)
M = BufferType(F64, 2)
S = BufferType(F64, 1, "strided")
S2 = BufferType(F64, 2, "strided")
