"""When to copy the state of a loop whose reverse sweep may keep only so many copies (Griewank & Walther 2008, §12).

With s copies, one of them at the start, and every iteration run at most r times before its reversal, the longest loop
that can be reversed has C(s + r, s) iterations. A loop of l iterations, with r least such that l <= C(s + r, s), is run
ahead in the fewest iterations if its next copy is made m iterations on, where

    C(s + r - 2, s) <= m <= C(s + r - 1, s)    and    C(s + r - 2, s - 1) <= l - m <= C(s + r - 1, s - 1)

so that both parts, the rest with a copy less, can be reversed with the least r. The longest such m is taken: the
forward sweep goes on to its end, which makes the part without copies at its end dear. All of this is
computed when the loop runs, as only then its length is known.
"""

from __future__ import annotations

from llad.ir.build import Builder
from llad.ir.core import Limit, Value
from llad.ir.types import F64, I64


def slots(b: Builder, limit: Limit, trips: Value, size: Value) -> Value:
    """How many copies of `size` bytes a loop of so many trips is given: at least one, at most one a trip."""
    kind, number = limit
    if kind == "slots":
        wanted = b.i64(number)
    elif kind == "memory":
        wanted = b.op("floordiv", b.i64(number), b.op("max", size, b.i64(1)))
    else:  # C(s + 2, 2) >= n for s >= sqrt(2 n), for which a stretch of several iterations leaves room twice
        twice = b.f64(8.0 if kind == "stretches" else 2.0)
        wanted = b.cast(b.op("ceil", b.op("sqrt", b.op("mul", twice, b.cast(trips, F64)))), I64)
    return b.op("max", b.i64(1), b.op("min", wanted, trips))


def stride(b: Builder, left: Value, copies: Value) -> Value:
    """How many iterations on the next copy is made: of `left` >= 2 iterations, with `copies` >= 2, one at the start."""
    zero, one = b.i64(0), b.i64(1)
    s = b.op("min", copies, left)
    with b.region([I64, I64], ["r", "reach"]) as condition:
        b.yield_(b.op("lt", condition.args[1], left))
    with b.region([I64, I64], ["r", "reach"]) as body:
        r, reach = body.args
        more = b.op("add", r, one)
        b.yield_(more, b.op("floordiv", b.op("mul", reach, b.op("add", s, more)), more))
    r, reach, _ = b.while_([zero, one], condition, body)  # reach = C(s + r, s)
    before = b.op("floordiv", b.op("mul", reach, r), b.op("add", s, r))  # C(s + r - 1, s)
    less = b.op("sub", r, one)
    least = b.op("floordiv", b.op("mul", before, less), b.op("add", s, less))  # C(s + r - 2, s)
    rest = b.op("sub", before, least)  # C(s + r - 2, s - 1)
    wanted = b.op("max", one, b.op("min", before, b.op("sub", left, rest)))
    return b.op("min", wanted, b.op("sub", left, one))
