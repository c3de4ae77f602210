"""The truth of values, and of several of them.

Python evaluates no more of a condition than it needs. An operand whose evaluation is harmless and cheap is
computed all the same and joined with an `and` or `or` op; any other stands in a region of an `if`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from llad.frontend import numbers, records
from llad.frontend.core import Tracer
from llad.frontend.fork import Fork
from llad.frontend.state import Flag
from llad.frontend.values import Array, NotHandled, OrNone, Rows, Scalar, Table
from llad.ir.core import Op, Value

# Ops that may run although Python would not have come to them.
_HARMLESS = frozenset({"const", "cast", "dim", "lt", "le", "gt", "ge", "eq", "ne", "and", "or", "not"})
_MOST = 6


def truth(t: Tracer, value: Any) -> Flag:
    """Python's `bool(value)`."""
    if isinstance(value, (Scalar, Array)):
        flag = numbers.truth(t, value)
        return flag.value if isinstance(flag, Scalar) else flag
    if isinstance(value, OrNone):
        return connect(t, True, [lambda: value.there.value, lambda: truth(t, value.inner)])
    if isinstance(value, (Rows, Table)):
        return t.builder.op("gt", t.builder.dim(value.first.items.value, 0), t.builder.i64(0))
    if not records.is_object(value):
        return bool(value)
    for name in ("bool", "len"):
        if (result := records.asked(t, value, name)) is not NotHandled:
            return truth(t, result)
    return bool(value) if isinstance(value, tuple) else True


def negate(t: Tracer, flag: Flag) -> Flag:
    if not isinstance(flag, Value):
        return not flag
    opposite = t.builder.op("not", flag)
    t.assumed.note_opposite(flag, opposite)
    return opposite


def as_value(flag: Flag) -> Scalar | bool:
    """A flag as a Python bool of traced code."""
    return Scalar(flag, True) if isinstance(flag, Value) else flag


def connect(t: Tracer, conjunction: bool, operands: Sequence[Callable[[], Flag]]) -> Flag:
    """`and` or `or` of flags, each computed only if those before it leave the answer open."""
    first = operands[0]()
    if len(operands) == 1:
        return first
    if not isinstance(first, Value):
        return connect(t, conjunction, operands[1:]) if first is conjunction else first
    fork = Fork(t, first)
    side = 0 if conjunction else 1
    fork.values[1 - side] = not conjunction
    used = t.assumed.used
    fork.run(side, lambda: as_value(connect(t, conjunction, operands[1:])))
    second = fork.values[side]
    region = fork.regions[side]
    if _harmless(fork, side, t.assumed.used > used) and isinstance(second, (bool, Scalar)):
        t.builder.current.ops.extend(region.ops)
        if isinstance(second, bool):
            return first if second is conjunction else not conjunction
        both = t.builder.op("and" if conjunction else "or", first, second.value)
        t.assumed.note_implied(both, conjunction, [(first, conjunction), (second.value, conjunction)])
        return both
    joined = fork.join()
    assert isinstance(joined, (bool, Scalar))
    if isinstance(joined, Scalar):
        t.assumed.note_implied(joined.value, conjunction, [(first, conjunction)])
    return joined.value if isinstance(joined, Scalar) else joined


def _harmless(fork: Fork, side: int, assumed: bool) -> bool:
    """Whether the side may run although Python would not have come to it. `assumed`: an array may not be there then, of
    which the extents must not be asked for."""
    state = fork.states[side]
    ops: list[Op] = fork.regions[side].ops
    unchanged = not state.dead and all(fork.before.values.get(n) is v for n, v in state.values.items())
    harmless = _HARMLESS - {"dim"} if assumed else _HARMLESS
    return unchanged and len(ops) <= _MOST and all(op.name in harmless for op in ops)
