"""The one table from what Python calls a function to what it means in traced code.

Most of it is generated from the `spellings` of the op table's records; the rest is in `functions.py`, `ufuncs.py`
and `library.py`. A function of `math` or `numpy` that is not in the table is refused, with the nearest that is.

Invariant: the table is keyed by the callable itself, so `from math import sin as s` is the same as `math.sin`.
"""

from __future__ import annotations

import builtins
import math
import operator
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import ModuleType
from typing import Any

import numpy as np

from llad.frontend import functions as fn
from llad.frontend import mathematics, rounding, ufunc_methods
from llad.frontend.advanced import add_at
from llad.frontend.arguments import bind
from llad.frontend.complex_values import is_complex_value
from llad.frontend.decompositions import LINALG, SCIPY, of_scipy
from llad.frontend.library import ATTRIBUTES, FUNCTIONS, METHODS, Method, sum_builtin
from llad.frontend.numbers import binary
from llad.frontend.operands import Handler
from llad.frontend.orders import in_order, window_of
from llad.frontend.outputs import cast_first, stored_in, taken_out
from llad.frontend.promotion import NUMPY, example
from llad.frontend.special import SPECIAL, special
from llad.frontend.ufuncs import float_ufunc, operator_ufunc
from llad.frontend.values import Array, Context, NotHandled, Scalar, describe, is_static
from llad.ops.table import OPS
from llad.structures import library_of
from llad.traced import derived
from llad.traced.table import LIBRARY, METHODS_OF_NUMBERS, PYTHON
from llad.traced.table import METHODS as CODE_OF_METHODS

_MODULES: dict[str, ModuleType] = {"math": math, "numpy": np, "operator": operator, "builtins": builtins}

# Ops that are Python operators: numbers and arrays take them through `numbers.py`, with its checks.
_OPERATORS = frozenset(
    {"add", "sub", "mul", "div", "floordiv", "mod", "pow", "and", "or", "xor", "shl", "shr", "not", "neg"}
    | {"lt", "le", "gt", "ge", "eq", "ne"}
)

# Spellings of a record that differ from it in more than the name.
_SET_APART = frozenset({"numpy.float_power", "operator.abs"})


def _divmod(ctx: Context, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    x, y = bind(ctx, "divmod(x, y)", args, kwargs)
    return binary(ctx, "floordiv", x, y), binary(ctx, "mod", x, y)


def _pow(ctx: Context, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    return binary(ctx, "pow", *bind(ctx, "pow(base, exp)", args, kwargs))


_BUILTINS: dict[Callable[..., Any], Handler] = {
    np.add.at: add_at, np.positive: operator_ufunc(np.positive, "np.positive", "pos", True),
    abs: fn.absolute, operator.abs: fn.absolute, round: rounding.round_, len: fn.length, sum: sum_builtin,
    divmod: _divmod, pow: _pow,
    min: fn.extreme("min"), max: fn.extreme("max"), int: fn.to_int, float: fn.to_float, bool: fn.to_bool,
}  # fmt: skip

_MATH: dict[str, Handler] = {
    "log": fn.math_log,
    "hypot": fn.math_hypot,
    "dist": mathematics.dist,
    "isclose": mathematics.isclose,
    "prod": mathematics.product,
    "pow": fn.math_pow,
    "floor": rounding.rounding("floor", "math.floor"),
    "ceil": rounding.rounding("ceil", "math.ceil"),
    "trunc": rounding.rounding("trunc", "math.trunc"),
    "radians": fn.scaled(math.radians, "math.radians", math.pi / 180.0),
    "degrees": fn.scaled(math.degrees, "math.degrees", 180.0 / math.pi),
}


def _entries() -> Iterator[tuple[Callable[..., Any], str, Handler]]:
    """Every callable, its name, and its handler; later rows replace earlier ones."""
    for record in OPS.values():
        for spelling in record.spellings:
            module, name = spelling.split(".")
            function = getattr(_MODULES[module], name, None)
            if function is None or module == "builtins" or spelling in _SET_APART:
                continue  # None: this Python does not have it; builtins stand below
            handler: Handler
            if record.name in _OPERATORS and module != "math":
                handler = operator_ufunc(function, spelling, record.name, module == "numpy")
            elif module == "numpy":
                handler = float_ufunc(record, function, spelling)
            else:
                handler = fn.math_function(record, function, spelling)
            yield function, spelling, handler
    for name, handler in _MATH.items():
        yield getattr(math, name), f"math.{name}", handler
    for name, handler in FUNCTIONS.items():
        yield getattr(np, name), f"np.{name}", handler
    for name, handler in LINALG.items():
        yield getattr(np.linalg, name), f"np.linalg.{name}", handler
    for type, dtype in NUMPY.items():
        yield dtype.type, f"np.{dtype.type.__name__}", fn.to_numpy(dtype.type, type)
    for function, handler in _BUILTINS.items():
        yield function, function.__name__, handler


# Functions of NumPy that describe types: called at trace time.
_DESCRIPTIONS = frozenset({"np.finfo", "np.iinfo", "np.dtype"})

_INSTEAD = {
    "math.frexp": "take the exponent from `math.floor(math.log2(abs(x))) + 1`",
    "cmath": "compute with the real and the imaginary part",
    "np.linalg": f"of `np.linalg` there are {', '.join(f'`{name}`' for name in LINALG)}",
    "np.random": "pass the random numbers as an argument", "random": "pass the random numbers as an argument",
}  # fmt: skip

def _is_own_name(row: tuple[Callable[..., Any], str, Handler]) -> bool:
    """Whether a function is called so by itself: what somebody put in place of another one is none of it."""
    function, name, _ = row
    return getattr(function, "__name__", name) == name.rpartition(".")[2]


_ROWS = sorted(_entries(), key=_is_own_name)
TABLE: dict[Callable[..., Any], Handler] = {function: handler for function, _, handler in _ROWS}
TABLE |= {f: float_ufunc(OPS[f.__name__], f, f.__name__) for f in derived.FUNCTIONS}
NAMES: tuple[str, ...] = tuple(
    sorted(
        {name.replace("numpy.", "np.") for _, name, _ in _ROWS}
        | {f"scipy.special.{name}" for name in SPECIAL}
        | {f"scipy.linalg.{name}" for name in SCIPY}
    )
)


def call(ctx: Context, function: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    """The result of calling a function of the library or a method of an array, or `NotHandled`."""
    return in_order(function, args, kwargs, _call(ctx, function, args, kwargs))


def _call(ctx: Context, function: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    method = isinstance(function, Method)
    if isinstance(function, Method) and isinstance(function.base, Scalar):
        return ctx.call(METHODS_OF_NUMBERS[function.name], [function.base, *args], kwargs)
    name = function.name if method else getattr(function, "__name__", "")
    args, kwargs, out = taken_out(None if method else function, name, args, kwargs)
    if out is not None:
        known = None if method else function
        return stored_in(ctx, known, name, args, kwargs, out, lambda rest: call(ctx, function, args, rest))
    args, kwargs = cast_first(ctx, function, args, kwargs)
    if isinstance(function, Method):
        if (code := CODE_OF_METHODS.get(function.name)) is not None:
            return window_of(ctx, function.name, ctx.call(code, [function.base, *args], kwargs), function.base)
        return METHODS[function.name](ctx, [function.base, *args], kwargs)
    try:
        handler = TABLE.get(function)
    except TypeError:  # not hashable
        return NotHandled
    if handler is not None:
        if any(map(is_complex_value, args)):
            ctx.refuse("complex", name=name)
        return handler(ctx, args, kwargs)
    if ufunc_methods.method_of_ufunc(function):
        return ufunc_methods.call(ctx, function, args, kwargs)
    if (written := LIBRARY.get(function)) is not None:
        return window_of(ctx, name, ctx.call(written, args, kwargs), *args, *kwargs.values())
    if (handler := special(function) or of_scipy(function)) is not None:
        return handler(ctx, args, kwargs)
    name = _library_name(function)
    if name is None:
        return NotHandled
    if name.startswith("np.polynomial.") and name.endswith("gauss") and is_static((*args, *kwargs.values())):
        found = _described(ctx, function, name, args, kwargs)  # the trace's own arrays, of which each call has copies
        return tuple(ctx.call(np.copy, [ctx.lift(part)], {}) for part in found)
    if (name.startswith("math.") or name in _DESCRIPTIONS) and is_static((*args, *kwargs.values())):
        return _described(ctx, function, name, args, kwargs)
    if (python := PYTHON.get(function)) is not None:
        return ctx.call(python, args, kwargs)
    return ctx.refuse("function", name=name, hint=_hint(name))


def _described(ctx: Context, function: Any, name: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    """What Python itself makes of arguments that are all known: `math.comb(5, 2)`, `np.finfo(float)`."""
    try:
        return function(*args, **kwargs)
    except (ArithmeticError, ValueError, TypeError) as error:
        return ctx.refuse("static-error", error=f"{name}: {error}")


def _hint(name: str) -> str:
    """What to write instead of a function that is not supported."""
    for prefix, hint in _INSTEAD.items():
        if name == prefix or name.startswith(f"{prefix}."):
            return hint
    module, _, last = name.rpartition(".")
    rivals = [n.rpartition(".")[2] for n in NAMES if n.rpartition(".")[0] == module]
    rivals += [f.__name__ for f in LIBRARY.values()] if module == "np" else []
    near = _nearest(last, rivals)
    return f"the nearest that is supported is `{module}.{near}`" if near else "write it as a function of your own"


def _nearest(name: str, others: Sequence[str]) -> str | None:
    """The one of the others that looks like the name."""
    from difflib import get_close_matches  # which takes a while to load

    return next(iter(get_close_matches(name, others, 1, 0.7)), None)


def _library_name(function: Any) -> str | None:
    """`math.foo`, `np.foo` or `np.linalg.foo`, if that is where the function comes from."""
    if isinstance(function, np.ufunc):
        own = getattr(np, function.__name__, None) is function
        return f"np.{function.__name__}" if own else f"scipy.special.{function.__name__}"
    module = library_of(function)
    name = getattr(function, "__qualname__", getattr(function, "__name__", "?"))
    if module in ("math", "cmath"):
        return f"{module}.{name}"
    if isinstance(getattr(function, "__self__", None), random.Random):
        return f"random.{name.rpartition('.')[2]}"
    if module.split(".")[0] == "numpy":
        return f"np{module.removeprefix('numpy')}.{name}"
    return None


def attribute(ctx: Context, value: Any, name: str) -> Any:
    """`value.name` of a run-time value; `NotHandled` for what is known at trace time."""
    if isinstance(value, Array):
        if name in METHODS or name in CODE_OF_METHODS:
            return Method(value, name)
        if name in ATTRIBUTES:
            return ATTRIBUTES[name](ctx, value)
    elif isinstance(value, Scalar):
        if name == "dtype" and not value.weak:
            return NUMPY[value.type]
        if name in ("real", "imag"):
            return value if name == "real" else Scalar(ctx.builder.const(0, value.type), value.weak)
        if name in METHODS_OF_NUMBERS and hasattr(example(value), name):
            return Method(value, name)
    else:
        return NotHandled
    near = _nearest(name, [*METHODS, *ATTRIBUTES])
    other = "use a function of `numpy`, or a loop" if isinstance(value, Array) else "write it with arithmetic"
    hint = f"the nearest that is supported is `{near}`" if near and isinstance(value, Array) else other
    return ctx.refuse("attribute", name=name, got=describe(value), hint=hint)
