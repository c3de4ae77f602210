"""The algebraic identities that `fold` applies, one function an op, all exact in IEEE arithmetic.

Each takes the op, its new operands and their constants (None where unknown) and gives the simpler value, or
None. Signed zeros decide what may stand here: `x + (-0.0)`, `x - 0.0`, `x * 1.0` are `x` for every x, but
`x + 0.0` turns -0.0 into 0.0, so it is only for ops marked `reassoc`. NaN payloads are not distinguished.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Protocol

from llad.ir.core import Op, Value
from llad.ir.types import BOOL, ScalarType, is_float

Number = float | int | bool


class Folder(Protocol):
    """What an identity may ask: the constant behind a value, the op behind it, and new ops."""

    def constant(self, value: Value) -> Number | None: ...
    def maker(self, value: Value, *names: str) -> Op | None: ...
    def number(self, value: Number, like: Op, type: ScalarType) -> Value: ...
    def new(self, name: str, like: Op, *operands: Value) -> Value: ...


Values = tuple[Value, ...]
Constants = list[Number | None]
Identity = Callable[[Folder, Op, Values, Constants], Value | None]

_OPPOSITE = {"eq": "ne", "ne": "eq", "lt": "ge", "ge": "lt", "gt": "le", "le": "gt"}


def _is_zero(c: Number | None, sign: float = 1.0) -> bool:
    return c is not None and c == 0 and math.copysign(1.0, c) == sign


def _like(f: Folder, value: Number, op: Op) -> Value:
    type = op.result.type
    assert isinstance(type, ScalarType)
    return f.number(float(value) if is_float(type) else value, op, type)


def _add(f: Folder, op: Op, xs: Values, cs: Constants) -> Value | None:
    for (x, y), c in ((xs, cs[1]), (xs[::-1], cs[0])):
        if not is_float(op.result.type):
            if c == 0:
                return x
            if c is not None and (inner := f.maker(x, "add")) and f.constant(inner.operands[1]) is not None:
                return f.new("add", op, inner.operands[0], f.new("add", op, inner.operands[1], _like(f, c, op)))
            if (inner := f.maker(x, "sub")) and inner.operands[1] is y:
                return inner.operands[0]
        else:
            if _is_zero(c, -1.0) or (c == 0 and op.attrs.get("reassoc")):
                return x
            if inner := f.maker(y, "neg"):
                return f.new("sub", op, x, inner.operands[0])
    return None


def _sub(f: Folder, op: Op, xs: Values, cs: Constants) -> Value | None:
    x, y = xs
    if not is_float(op.result.type):
        if cs[1] == 0:
            return x
        if x is y:
            return _like(f, 0, op)
        if (inner := f.maker(x, "add")) and y in inner.operands:
            return inner.operands[1 if inner.operands[0] is y else 0]
        return None
    if _is_zero(cs[1]) or (cs[1] == 0 and op.attrs.get("reassoc")):
        return x
    if _is_zero(cs[0], -1.0) or (cs[0] == 0 and op.attrs.get("reassoc")):
        return f.new("neg", op, y)
    if inner := f.maker(y, "neg"):
        return f.new("add", op, x, inner.operands[0])
    return None


def _mul(f: Folder, op: Op, xs: Values, cs: Constants) -> Value | None:
    for (x, y), c in ((xs, cs[1]), (xs[::-1], cs[0])):
        if c == 1:
            return x
        if c == -1:
            return f.new("neg", op, x)
        if c == 0 and not is_float(op.result.type):
            return y
        if c is not None and is_float(op.result.type) and (inner := f.maker(x, "neg")):
            return f.new("mul", op, inner.operands[0], _like(f, -c, op))
    left, right = f.maker(xs[0], "neg"), f.maker(xs[1], "neg")
    if left and right and is_float(op.result.type):
        return f.new("mul", op, left.operands[0], right.operands[0])
    return None


def _mulz(f: Folder, op: Op, xs: Values, cs: Constants) -> Value | None:
    (d, p), (c, k) = xs, cs
    if c is not None:
        return _like(f, 0.0, op) if c == 0 else f.new("mul", op, d, p)
    if k is not None and math.isfinite(k) and op.attrs.get("reassoc"):
        return f.new("mul", op, d, p)  # differs in the sign of a zero only
    return None


def _div(f: Folder, op: Op, xs: Values, cs: Constants) -> Value | None:
    c = cs[1]
    if c == 1:
        return xs[0]
    # Dividing by a power of two is exactly multiplying by its inverse, as long as that is a normal number.
    if c and math.isfinite(c) and abs(math.frexp(c)[0]) == 0.5 and 2.0**-100 < abs(c) < 2.0**100:
        return f.new("mul", op, xs[0], _like(f, 1.0 / c, op))
    return None


def _neg(f: Folder, op: Op, xs: Values, cs: Constants) -> Value | None:
    inner = f.maker(xs[0], "neg")
    return inner.operands[0] if inner else None


def _abs(f: Folder, op: Op, xs: Values, cs: Constants) -> Value | None:
    if f.maker(xs[0], "abs") and is_float(op.result.type):
        return xs[0]
    inner = f.maker(xs[0], "neg")
    return f.new("abs", op, inner.operands[0]) if inner else None


def _same(f: Folder, op: Op, xs: Values, cs: Constants) -> Value | None:
    return xs[0] if xs[0] is xs[1] else None


def _pow(f: Folder, op: Op, xs: Values, cs: Constants) -> Value | None:
    x, c = xs[0], cs[1]
    if c == 0:
        return _like(f, 1.0, op)
    if c == 1:
        return x
    if c == 2:
        return f.new("mul", op, x, x)
    if c == -1:
        return f.new("div", op, _like(f, 1.0, op), x)
    return None


def _compare(f: Folder, op: Op, xs: Values, cs: Constants) -> Value | None:
    x, y = xs
    if x is y and (op.name in ("lt", "gt") or not is_float(x.type)):
        return f.number(op.name in ("eq", "le", "ge"), op, BOOL)
    if x.type == BOOL and cs[1] is not None and op.name in ("eq", "ne"):
        return x if bool(cs[1]) == (op.name == "eq") else f.new("not", op, x)
    return None


def _and_or(f: Folder, op: Op, xs: Values, cs: Constants) -> Value | None:
    if xs[0] is xs[1]:
        return xs[0]
    ones: Number = True if op.result.type == BOOL else -1
    neutral, absorbing = (ones, 0) if op.name == "and" else (0, ones)
    for (x, y), c in ((xs, cs[1]), (xs[::-1], cs[0])):
        if c is not None and c == neutral:
            return x
        if c is not None and c == absorbing:
            return y
    return None


def _xor(f: Folder, op: Op, xs: Values, cs: Constants) -> Value | None:
    for x, c in ((xs[0], cs[1]), (xs[1], cs[0])):
        if c is not None and c == 0:
            return x
        if c is True:
            return f.new("not", op, x)
    return _like(f, op.result.type != BOOL and 0, op) if xs[0] is xs[1] else None


def _not(f: Folder, op: Op, xs: Values, cs: Constants) -> Value | None:
    if inner := f.maker(xs[0], "not"):
        return inner.operands[0]
    inner = f.maker(xs[0], *_OPPOSITE)
    if inner and (inner.name in ("eq", "ne") or not is_float(inner.operands[0].type)):
        return f.new(_OPPOSITE[inner.name], op, *inner.operands)
    return None


def _select(f: Folder, op: Op, xs: Values, cs: Constants) -> Value | None:
    condition, yes, no = xs
    if cs[0] is not None:
        return yes if cs[0] else no
    if yes is no:
        return yes
    if yes.type == BOOL and cs[1] is not None and cs[2] is not None:
        return yes if cs[1] == cs[2] else condition if cs[1] else f.new("not", op, condition)
    if inner := f.maker(condition, "not"):
        return f.new("select", op, inner.operands[0], no, yes)
    return None


IDENTITIES: dict[str, Identity] = {
    "add": _add,
    "sub": _sub,
    "mul": _mul,
    "mulz": _mulz,
    "div": _div,
    "neg": _neg,
    "abs": _abs,
    "min": _same,
    "max": _same,
    "minimum": _same,
    "maximum": _same,
    "pow": _pow,
    **dict.fromkeys(_OPPOSITE, _compare),
    "and": _and_or,
    "or": _and_or,
    "xor": _xor,
    "not": _not,
    "select": _select,
}
