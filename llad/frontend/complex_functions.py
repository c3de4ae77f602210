"""Functions, methods, attributes and elements of complex numbers and arrays in traced code.

What is linear and only moves or adds elements is done to either part by itself; so are views, and what is stored
through them is seen.
"""

from __future__ import annotations

import cmath
import operator
from collections.abc import Callable, Mapping, Sequence
from inspect import signature
from typing import Any

import numpy as np

from llad.dataclass import dataclass
from llad.frontend import complex_linear, indexing
from llad.frontend import complex_values as cv
from llad.frontend.attributes import attribute as attribute_of
from llad.frontend.complex_values import Pair, Part, is_complex_value, made, pair
from llad.frontend.core import Tracer
from llad.frontend.iteration import Walk, walk_of
from llad.frontend.promotion import is_number
from llad.frontend.values import Array, NotHandled, Record, Scalar, describe, is_static
from llad.ir.types import F32

Args = Sequence[Any]
Kwargs = Mapping[str, Any]
Handler = Callable[..., Any]

_TYPES = frozenset({complex, np.complex128, np.complex64, np.dtype(np.complex128), np.dtype(np.complex64)})


@dataclass(frozen=True, slots=True)
class ComplexMethod:
    """A method of a complex number or array, before it is called."""

    base: Record
    name: str
    shown = "a method of a complex number"


def call(t: Tracer, function: Any, args: Args, kwargs: Kwargs) -> Any:
    """What a function makes of complex numbers; `NotHandled` where there are none among its arguments."""
    if isinstance(function, ComplexMethod):
        return _method(t, function, args, kwargs)
    if not any(map(_holds_complex, (*args, *kwargs.values()))) and function is not complex:
        if not any(map(_is_type, (*args, *kwargs.values()))) and not _is_type(function):
            return NotHandled
        return _of_type(t, function, args, kwargs)
    try:
        handler = _TABLE.get(function)
    except TypeError:  # not hashable
        return NotHandled
    if handler is None:
        return t.refuse("complex", name=function.__name__) if isinstance(function, np.ufunc) else NotHandled
    if _is_type(function):
        return handler(t, *args)
    if all(map(is_static, (*args, *kwargs.values()))) and function not in _CREATE:
        return _known(t, function, args, kwargs)
    try:
        signature(handler).bind(t, *args, **kwargs)
    except TypeError as error:
        t.refuse("call-arguments", name=function.__name__, error=f"{error}, of complex numbers")
    return handler(t, *args, **kwargs)


def _known(t: Tracer, function: Callable[..., Any], args: Args, kwargs: Kwargs) -> Any:
    try:
        return t.lift(function(*args, **kwargs))
    except (ArithmeticError, ValueError, TypeError) as error:
        return t.refuse("static-error", error=error)


def _holds_complex(value: Any) -> bool:
    if isinstance(value, (tuple, list)):
        return any(map(_holds_complex, value))
    return is_complex_value(value)


def _is_type(value: Any) -> bool:
    try:
        return value in _TYPES or (isinstance(value, str) and value in ("complex", "complex128", "complex64"))
    except TypeError:
        return False


def _real_type(t: Tracer, dtype: Any) -> Any:
    """The type of the parts of elements of a complex type."""
    if not _is_type(dtype):
        t.refuse("dtype", dtype=f"{dtype} for complex numbers")
    return np.float32 if np.dtype(dtype) == np.complex64 else float


# -- handlers


def _one(function: Callable[[Pair], Pair]) -> Handler:
    return lambda t, z: made(t, *function(pair(t, z)))


def _real(function: Callable[[Pair], Part]) -> Handler:
    return lambda t, z: function(pair(t, z)).value


def _two(op: str) -> Handler:
    return lambda t, a, b: cv.binary(t, op, a, b)


def _order(op: str) -> Handler:
    return lambda t, a, b: cv.compare(t, op, a, b)


def _angle(t: Tracer, z: Any, deg: Any = False) -> Any:
    angle = cv.argument(pair(t, z))
    return (angle * (180.0 / np.pi)).value if deg else angle.value


def _conjugate(t: Tracer, z: Any) -> Any:
    x, y = pair(t, z)
    return made(t, x, -y)


# The arguments of such functions that stand among the elements: there, a real number has parts.
_ELEMENTS = frozenset({"a", "arr", "values", "initial", "prepend", "append"})


def _parts_apart(function: Callable[..., Any]) -> Handler:
    """Of a function that moves or adds elements: either part by itself."""

    def handle(t: Tracer, *args: Any, **kwargs: Any) -> Any:
        found = []
        among = [name in _ELEMENTS for name in _parameters(function)] + [False] * len(args)
        for k in range(2):
            given = [_part(t, a, k, inside) for a, inside in zip(args, among, strict=False)]
            named = {name: _part(t, a, k, name in _ELEMENTS) for name, a in kwargs.items()}
            found.append(t.call(function, given, named))
        return made(t, *(Part(t, x) for x in found))

    return handle


def _parameters(function: Callable[..., Any]) -> Sequence[str]:
    try:
        return tuple(signature(function).parameters)
    except ValueError:  # it has none that Python knows
        return ()


def _part(t: Tracer, value: Any, k: int, real_too: bool = False) -> Any:
    """Part number `k` of what is complex; beside what is complex in a list, real numbers have parts, too. The type of
    the elements, if it is given, is that of the parts."""
    if isinstance(value, (type, np.dtype)) or _is_type(value):
        return _real_type(t, value)
    if isinstance(value, (tuple, list)):
        inside = _holds_complex(value)
        items = [_part(t, item, k, inside) for item in value]
        return t.make(items) if isinstance(value, list) else tuple(items)
    if is_complex_value(value) or (real_too and is_number(t.lift(value))):
        return pair(t, value)[k].value
    return value


def _product(function: Callable[..., Any]) -> Handler:
    """Of a function that is linear in either of two arguments."""

    def handle(t: Tracer, a: Any, b: Any, **kwargs: Any) -> Any:
        (x, y), (u, v) = pair(t, a), pair(t, b)

        def of(p: Part, q: Part) -> Part:
            return Part(t, t.call(function, [p.value, q.value], kwargs))

        return made(t, of(x, u) - of(y, v), of(x, v) + of(y, u))

    return handle


def _vdot(t: Tracer, a: Any, b: Any) -> Any:
    return _product(np.vdot)(t, _conjugate(t, a), b)


def _where(t: Tracer, condition: Any, a: Any, b: Any) -> Any:
    chosen = Part(t, condition)
    (x, y), (u, v) = pair(t, a), pair(t, b)
    return made(t, chosen.chosen(x, u), chosen.chosen(y, v))


def _either(function: Callable[..., Any], op: str) -> Handler:
    def handle(t: Tracer, z: Any) -> Any:
        x, y = pair(t, z)
        return x.through(function)._with(op, y.through(function)).value

    return handle


def _total(t: Tracer, items: Any, start: Any = 0) -> Any:
    """`sum`: in order, from left to right."""
    if isinstance(items, (tuple, list)):
        for item in items:
            start = t.call(operator.add, [start, item], {})
        return start
    return cv.binary(t, "add", _parts_apart(sum)(t, items), start)


def _complex(t: Tracer, real: Any = 0.0, imag: Any = 0.0) -> Any:
    """`complex(x, y)`: x + 1j·y."""
    if isinstance(real, str):
        return _known(t, complex, [real], {})
    (x, y), (u, v) = pair(t, real), pair(t, imag)
    if not is_complex_value(real) and not is_complex_value(imag):
        return made(t, x, u)
    return made(t, x - v, y + u)


def _convert(type: type[np.generic]) -> Handler:
    return lambda t, value: made(t, *(Part(t, t.call(type, [part.value], {})) for part in pair(t, value)))


def _typed(t: Tracer, dtype: Any) -> Kwargs:
    return {} if dtype is None else {"dtype": _real_type(t, dtype)}


def _full_like(t: Tracer, model: Any, value: Any, dtype: Any = None) -> Any:
    shape, named = pair(t, model)[0].value, _typed(t, dtype)
    return made(t, *(Part(t, t.call(np.full_like, [shape, part.value], named)) for part in pair(t, value)))


def _full(t: Tracer, shape: Any, value: Any, dtype: Any = None) -> Any:
    named = _typed(t, dtype)
    return made(t, *(Part(t, t.call(np.full, [shape, part.value], named)) for part in pair(t, value)))


def _like(function: Callable[..., Any]) -> Handler:
    def handle(t: Tracer, model: Any, dtype: Any = None) -> Any:
        re = pair(t, model)[0].value
        if dtype is not None and not _is_type(dtype):
            return t.call(function, [re], {"dtype": dtype})
        named = _typed(t, dtype)
        return made(t, *(Part(t, t.call(f, [re], named)) for f in (function, np.zeros_like)))

    return handle


def _of_type(t: Tracer, function: Any, args: Args, kwargs: Kwargs) -> Any:
    """What makes an array of a complex type out of real things: the same with a real type, and zeros beside it."""
    given = [_real_type(t, a) if _is_type(a) else a for a in args]
    named = {name: _real_type(t, a) if _is_type(a) else a for name, a in kwargs.items()}
    if _is_type(function):
        return _TABLE[function](t, *args) if args else 0j
    if function in (np.dtype, np.issubdtype, isinstance, issubclass, np.finfo):
        return NotHandled
    re = t.call(function, given, named)
    if not isinstance(re, Array):
        return NotHandled
    return made(t, Part(t, re), Part(t, re).through(np.zeros_like))


_ONE: dict[str, Callable[[Pair], Pair]] = {
    "exp": cv.exp, "log": cv.log, "sqrt": cv.square_root, "sin": cv.sine, "cos": cv.cosine, "tan": cv.tangent,
    "sinh": cv.hyperbolic_sine, "cosh": cv.hyperbolic_cosine, "tanh": cv.hyperbolic_tangent,
    "square": lambda z: cv.product(z, z),
    "reciprocal": lambda z: cv.quotient((z[0] * 0.0 + 1.0, z[1] * 0.0), z),
}  # fmt: skip
_OPERATORS = {
    "add": "add", "subtract": "sub", "multiply": "mul", "divide": "div", "true_divide": "div", "power": "pow",
}  # fmt: skip
_APART = (
    "sum", "mean", "cumsum", "diff", "trace", "diagonal", "diag", "reshape", "ravel", "transpose", "swapaxes",
    "moveaxis", "flip", "expand_dims", "squeeze", "broadcast_to", "concatenate", "stack", "vstack", "hstack", "roll",
    "tile", "repeat", "triu", "tril", "array", "asarray", "ascontiguousarray", "copy", "atleast_1d", "take", "append",
    "column_stack",
)  # fmt: skip
_CREATE = frozenset({np.array, np.asarray, np.full, np.full_like})

_TABLE: dict[Any, Handler] = {
    **{getattr(np, name): _one(f) for name, f in _ONE.items()},
    **{getattr(cmath, name): _one(f) for name, f in _ONE.items() if hasattr(cmath, name)},
    **{getattr(np, name): _two(op) for name, op in _OPERATORS.items()},
    operator.add: _two("add"), operator.sub: _two("sub"), operator.mul: _two("mul"), operator.truediv: _two("div"),
    operator.pow: _two("pow"), pow: _two("pow"), operator.neg: lambda t, z: cv.unary(t, "neg", z),
    operator.matmul: _two("matmul"), np.matmul: _two("matmul"),
    np.negative: lambda t, z: cv.unary(t, "neg", z), np.positive: lambda t, z: z,
    np.equal: _order("eq"), np.not_equal: _order("ne"), operator.eq: _order("eq"), operator.ne: _order("ne"),
    abs: _real(cv.modulus), np.abs: _real(cv.modulus), operator.abs: _real(cv.modulus), np.angle: _angle,
    cmath.phase: _real(cv.argument), np.real: _real(lambda z: z[0]), np.imag: _real(lambda z: z[1]),
    np.iscomplexobj: lambda t, z: True, np.isrealobj: lambda t, z: False,
    np.conj: _conjugate, np.vdot: _vdot, np.where: _where,
    **{getattr(np, name): _product(getattr(np, name)) for name in ("dot", "outer", "inner", "kron", "tensordot")},
    np.isnan: _either(np.isnan, "or"), np.isfinite: _either(np.isfinite, "and"), np.isinf: _either(np.isinf, "or"),
    cmath.isnan: _either(np.isnan, "or"), cmath.isfinite: _either(np.isfinite, "and"),
    **{getattr(np, name): _parts_apart(getattr(np, name)) for name in _APART},
    np.zeros_like: _like(np.zeros_like), np.ones_like: _like(np.ones_like),
    np.empty_like: _like(np.empty_like), np.full_like: _full_like, np.full: _full,
    sum: _total, len: lambda t, z: t.call(len, [pair(t, z)[0].value], {}),
    np.size: lambda t, z: t.call(np.size, [pair(t, z)[0].value], {}),
    np.shape: lambda t, z: t.call(np.shape, [pair(t, z)[0].value], {}),
    **complex_linear.TABLE,
    complex: _complex, np.complex128: _convert(np.float64), np.complex64: _convert(np.float32),
}  # fmt: skip


# -- attributes and methods

_VIEWS = frozenset({"T"})
_OF_SHAPE = frozenset({"shape", "ndim", "size"})
_METHODS = frozenset({
    "sum", "mean", "cumsum", "trace", "diagonal", "reshape", "ravel", "flatten", "transpose", "swapaxes", "squeeze",
    "copy", "item", "repeat", "take",
})  # fmt: skip


def attribute(t: Tracer, value: Any, name: str) -> Any:
    """`value.name` of a complex number or array."""
    x, y = pair(t, value)
    if name in ("real", "imag"):
        return (x if name == "real" else y).value
    array = isinstance(x.value, Array)
    if name in ("conj", "conjugate") or (array and (name in _METHODS or name in ("dot", "astype", "fill"))):
        return ComplexMethod(made(t, x, y), name)
    if array and name in _OF_SHAPE:
        return attribute_of(t, x.value, name)
    if array and name in _VIEWS:
        return made(t, *(Part(t, attribute_of(t, p.value, name)) for p in (x, y)))
    if array and name == "dtype":
        return np.dtype(np.complex64 if x.value.dtype == F32 else np.complex128)
    return t.refuse("attribute", name=name, got=describe(value), hint="work with `.real` and `.imag`")


def _method(t: Tracer, method: ComplexMethod, args: Args, kwargs: Kwargs) -> Any:
    base = method.base
    match method.name:
        case "conj" | "conjugate":
            return _conjugate(t, base, *args, **kwargs)
        case "dot":
            return _TABLE[np.dot](t, base, *args, **kwargs)
        case "astype":
            if len(args) != 1 or kwargs or not _is_type(args[0]):
                t.refuse("attribute", name="astype", got=describe(base), hint="take `.real` or `.imag`")
            type = _real_type(t, args[0])
            return made(t, *(Part(t, t.call(attribute_of(t, p.value, "astype"), [type], {})) for p in pair(t, base)))
        case "fill":
            store(t, base, Ellipsis, *args, **kwargs)
            return None
    found = [t.call(attribute_of(t, part.value, method.name), args, kwargs) for part in pair(t, base)]
    return made(t, *(Part(t, x) for x in found))


# -- elements


def item(t: Tracer, base: Any, index: Any) -> Any:
    """`base[index]` of a complex array: an element, or a view."""
    x, y = pair(t, base)
    if not isinstance(x.value, Array):
        t.refuse("not-indexable", got=describe(base))
    return made(t, *(Part(t, indexing.get_item(t, part.value, index)) for part in (x, y)))


def store(t: Tracer, base: Any, index: Any, value: Any) -> None:
    """`base[index] = value`, of a complex array."""
    if not is_complex_value(base):
        t.refuse("static-error", error=f"a complex number does not fit into an {describe(base)}: take its real part")
    for part, new in zip(pair(t, base), pair(t, value), strict=True):
        indexing.set_item(t, part.value, index, new.value)


def in_place(t: Tracer, op: str, old: Any, value: Any) -> Any:
    """`old op= value`: a complex array changes in place."""
    if isinstance(old, Array) or (isinstance(old, Record) and isinstance(old.fields["re"], Array)):
        store(t, old, Ellipsis, cv.binary(t, op, old, value))
        return old
    return cv.binary(t, op, old, value)


def rows(t: Tracer, value: Any) -> Walk | None:
    """The walk over a complex array."""
    x, _ = pair(t, value)
    if not isinstance(x.value, Array):
        t.refuse("not-iterable", got=describe(value))
    walk = walk_of(t, x.value)
    assert walk is not None
    return Walk(walk.lo, walk.hi, walk.step, lambda t, k: item(t, value, Scalar(k, weak=True)))
