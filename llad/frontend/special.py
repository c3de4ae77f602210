"""SciPy's special functions, by name: as ops, or made of them.

They are known as `scipy.special.NAME`, so SciPy is there where one is met; nothing here imports it. Element by element,
but for `logsumexp`, `softmax` and `log_softmax`, which go along axes.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from llad.frontend.arguments import bind
from llad.frontend.numbers import binary
from llad.frontend.operands import Handler
from llad.frontend.promotion import is_static_number, plain
from llad.frontend.ufuncs import composed, float_ufunc, operand_of_ufunc, strong
from llad.frontend.values import Array, Context, describe
from llad.ir.build import Builder
from llad.ir.core import Value
from llad.ir.types import BOOL, ScalarType
from llad.ops.table import OPS
from llad.structures import library_of

_MODULE = "scipy.special"


def _unknown(*_: object) -> float:
    """In place of the function of Python, which no op here has for numbers that are known."""
    raise ValueError


def _op(name: str, record: str) -> Handler:
    return float_ufunc(OPS[record], _unknown, f"{_MODULE}.{name}")


# -- made of ops


def _const(b: Builder, value: float, like: Value) -> Value:
    assert isinstance(like.type, ScalarType)
    return b.const(value, like.type)


def _falling(b: Builder, x: Value) -> Value:
    """e^-|x|, which does not overflow; at zero it falls, as what is smooth there wants it."""
    return b.op("exp", b.op("select", b.op("ge", x, _const(b, 0.0, x)), b.op("neg", x), x))


def _expit(b: Builder, x: Value) -> Value:
    one, e = _const(b, 1.0, x), _falling(b, x)
    top = b.op("select", b.op("ge", x, _const(b, 0.0, x)), one, e)
    return b.op("div", top, b.op("add", one, e))


def _log_expit(b: Builder, x: Value) -> Value:
    zero = _const(b, 0.0, x)
    return b.op("sub", b.op("select", b.op("ge", x, zero), zero, x), b.op("log1p", _falling(b, x)))


def _logit(b: Builder, x: Value) -> Value:
    """Near a half by what is beside it, which keeps its digits."""
    one = _const(b, 1.0, x)
    rest = b.op("sub", one, x)
    near = b.op("and", b.op("gt", x, _const(b, 0.3, x)), b.op("lt", x, _const(b, 0.65, x)))
    beside = b.op("log1p", b.op("div", b.op("sub", x, rest), rest))
    return b.op("select", near, beside, b.op("sub", b.op("log", x), b.op("log1p", b.op("neg", x))))


def _x_log(function: str, zero: float) -> Callable[[Builder, Value, Value], Value]:
    """x·log y or x·log1p y; nothing where x is zero, whatever the logarithm, but for nan."""

    def compose(b: Builder, x: Value, y: Value) -> Value:
        usual = b.op("and", b.op("gt", y, _const(b, zero, y)), b.op("lt", y, _const(b, math.inf, y)))
        other = b.op("or", usual, b.op("isnan", y))
        nothing = b.op("eq", x, _const(b, 0.0, x))
        aside = b.op("and", nothing, b.op("xor", other, b.const(True, BOOL)))
        return b.op("mul", x, b.op(function, b.op("select", aside, _const(b, zero + 1.0, y), y)))

    return compose


def _entr(b: Builder, x: Value) -> Value:
    zero = _const(b, 0.0, x)
    inside = b.op("gt", x, zero)
    safe = b.op("select", inside, x, _const(b, 1.0, x))
    outside = b.op("select", b.op("lt", x, zero), _const(b, -math.inf, x), b.op("mul", zero, x))
    return b.op("select", inside, b.op("neg", b.op("mul", x, b.op("log", safe))), outside)


def _ndtr(b: Builder, x: Value) -> Value:
    scaled = b.op("mul", x, _const(b, -math.sqrt(0.5), x))
    return b.op("mul", _const(b, 0.5, x), b.op("erfc", scaled))


def _log_beta(b: Builder, x: Value, y: Value) -> Value:
    return b.op("sub", b.op("add", b.op("lgamma", x), b.op("lgamma", y)), b.op("lgamma", b.op("add", x, y)))


def _beta(b: Builder, x: Value, y: Value) -> Value:
    return b.op("exp", _log_beta(b, x, y))


def _polygamma(ctx: Context, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    n, x = bind(ctx, f"{_MODULE}.polygamma(n, x)", args, kwargs)
    order = plain(n) if is_static_number(n) else None
    if order not in (0, 1):
        ctx.refuse("function", name=f"{_MODULE}.polygamma of order {describe(n)}", hint="orders 0 and 1 are supported")
    return _op("polygamma", "trigamma" if order else "digamma")(ctx, [x], {})


# -- along axes


def _log_sum_exp(ctx: Context, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    """log Σ b·exp(a), with the largest exponent taken out: finite if it is, else zero."""
    usage = f"{_MODULE}.logsumexp(a, axis, b, keepdims)"
    a, axis, b, keepdims = bind(ctx, usage, args, kwargs, [None, None, False])
    a = operand_of_ufunc(ctx, "logsumexp", a)
    top, short = _top(ctx, a, axis)
    terms = ctx.call(np.exp, [binary(ctx, "sub", a, top)], {})
    if b is not None:
        terms = binary(ctx, "mul", operand_of_ufunc(ctx, "logsumexp", b), terms)
    total = ctx.call(np.log, [ctx.call(np.sum, [terms, axis], {})], {})
    result = strong(binary(ctx, "add", total, short))
    return _kept(ctx, result, a, axis, True) if keepdims else result


def _top(ctx: Context, a: Any, axis: Any) -> tuple[Any, Any]:
    """The greatest elements along an axis, as `a` broadcasts with them, and without it; zero where not finite."""
    top = ctx.call(np.max, [a, axis], {})
    top = ctx.call(np.where, [ctx.call(np.isfinite, [top], {}), top, 0.0], {})
    return _kept(ctx, top, a, axis), top


def _kept(ctx: Context, reduced: Any, a: Any, axis: Any, all_axes: bool = False) -> Any:
    """What is left of `a` along an axis, with that axis as one of one element."""
    if axis is not None:
        return ctx.call(np.expand_dims, [reduced, axis], {})
    if all_axes and isinstance(a, Array):
        return ctx.call(np.full, [(1,) * a.rank, reduced], {})
    return reduced


def _softmax(ctx: Context, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    x, axis = bind(ctx, f"{_MODULE}.softmax(x, axis)", args, kwargs, [None])
    x = operand_of_ufunc(ctx, "softmax", x)
    terms = ctx.call(np.exp, [binary(ctx, "sub", x, _top(ctx, x, axis)[0])], {})
    return binary(ctx, "div", terms, _kept(ctx, ctx.call(np.sum, [terms, axis], {}), x, axis))


def _log_softmax(ctx: Context, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    x, axis = bind(ctx, f"{_MODULE}.log_softmax(x, axis)", args, kwargs, [None])
    x = operand_of_ufunc(ctx, "log_softmax", x)
    centred = binary(ctx, "sub", x, _top(ctx, x, axis)[0])
    total = ctx.call(np.sum, [ctx.call(np.exp, [centred], {}), axis], {})
    return binary(ctx, "sub", centred, ctx.call(np.log, [_kept(ctx, total, x, axis)], {}))


_OPS = {
    "erf": "erf", "erfc": "erfc", "gamma": "gamma", "gammaln": "lgamma", "digamma": "digamma", "psi": "digamma",
    "exp2": "exp2", "expm1": "expm1", "log1p": "log1p", "cbrt": "cbrt",
    **{name: name for name in ("erfinv", "ndtri", "log_ndtr", "i0", "i1", "i0e", "i1e", "j0", "j1")},
}  # fmt: skip
_COMPOSED: dict[str, tuple[int, Callable[..., Value]]] = {
    "expit": (1, _expit), "log_expit": (1, _log_expit), "logit": (1, _logit), "xlogy": (2, _x_log("log", 0.0)),
    "xlog1py": (2, _x_log("log1p", -1.0)), "entr": (1, _entr), "ndtr": (1, _ndtr), "betaln": (2, _log_beta),
    "beta": (2, _beta),
}  # fmt: skip
SPECIAL: dict[str, Handler] = {
    **{name: _op(name, record) for name, record in _OPS.items()},
    **{name: composed(f"{_MODULE}.{name}", arity, True, f) for name, (arity, f) in _COMPOSED.items()},
    "polygamma": _polygamma, "logsumexp": _log_sum_exp, "softmax": _softmax, "log_softmax": _log_softmax,
}  # fmt: skip


def special(function: Any) -> Handler | None:
    """The handler of a function of `scipy.special`."""
    if isinstance(function, np.ufunc):
        return None if getattr(np, function.__name__, None) is function else SPECIAL.get(function.__name__)
    module = library_of(function)
    return SPECIAL.get(getattr(function, "__name__", "")) if module.startswith(_MODULE) else None
