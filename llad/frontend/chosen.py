"""An item of a tuple or list that a run-time index chooses: where the items have a common type, an `if` of halves.

    values[k]                               (values[0] if k < 1 else values[1]) if k < 2 else values[2]

A loop over a known range is rather written out, so that its indices are known (`statements.py`).
"""

from __future__ import annotations

from typing import Any

from llad.frontend.casts import value_of
from llad.frontend.conditions import choose
from llad.frontend.core import Tracer
from llad.frontend.values import Scalar
from llad.ir.core import Value
from llad.ir.types import I64, is_int

# So many items are told apart by comparisons.
_MOST = 64


def is_chosen(t: Tracer, base: Any, index: Any) -> bool:
    """Whether `base[index]` is for run time to decide."""
    whole = isinstance(index, Scalar) and is_int(index.type)
    return whole and t.choosing and type(base) in (tuple, list) and 0 < len(base) <= _MOST


def chosen(t: Tracer, base: Any, index: Scalar) -> Any:
    """`base[index]`.

    Raises: UnsupportedError, if the items have no common type.
    """
    b, count = t.builder, len(base)
    k = value_of(t, index, I64)
    k = b.op("select", b.op("lt", k, b.i64(0)), b.op("add", k, b.i64(count)), k)
    inside = b.op("and", b.op("ge", k, b.i64(0)), b.op("lt", k, b.i64(count)))
    b.check(inside, "IndexError", f"{type(base).__name__} index out of range")
    return _among(t, base, k, 0, count)


def _among(t: Tracer, base: Any, k: Value, lo: int, hi: int) -> Any:
    """Item `k`, which is one of those from `lo` on and before `hi`."""
    if hi - lo == 1:
        return base[lo]
    middle = (lo + hi) // 2
    first = t.builder.op("lt", k, t.builder.i64(middle))
    return choose(t, first, lambda: _among(t, base, k, lo, middle), lambda: _among(t, base, k, middle, hi))
