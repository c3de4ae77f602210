"""What the handlers of library functions ask of their operands."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from llad.frontend.arrays import element
from llad.frontend.casts import value_of
from llad.frontend.promotion import is_number, is_static_number
from llad.frontend.values import Array, Context, describe
from llad.ir.core import Value
from llad.ir.types import F64

Handler = Callable[[Context, Sequence[Any], Mapping[str, Any]], Any]


def known(function: Callable[..., Any], args: Sequence[Any]) -> Any:
    """What Python says of numbers known at trace time; `None` if some are not, or if it raises."""
    if not all(map(is_static_number, args)):
        return None
    try:
        with np.errstate(all="ignore"):
            return function(*args)
    except (ArithmeticError, ValueError):
        return None


def number(ctx: Context, name: str, x: Any) -> Any:
    """`x`, which must be a number or an array without axes (then its element)."""
    x = ctx.lift(x)
    if isinstance(x, Array):
        return element(ctx, x, []) if x.rank == 0 else ctx.refuse("no-array", name=name, got=describe(x))
    return x if is_number(x) else ctx.refuse("not-a-number", name=name, got=describe(x))


def as_f64(ctx: Context, name: str, x: Any) -> Value:
    return value_of(ctx, number(ctx, name, x), F64)
