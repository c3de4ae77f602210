"""Calls that happen at trace time: builtins that build or ask about what is known, methods of its objects."""

from __future__ import annotations

import functools
import operator
import types
from collections.abc import Callable, Mapping, Sequence
from inspect import signature
from typing import Any

import numpy as np

from llad.frontend import (
    collected,
    copying,
    getters,
    inherited,
    numbers,
    objects,
    printing,
    ranges,
    records,
    vectorizing,
)
from llad.frontend.attributes import attribute
from llad.frontend.checkpoints import checkpoint, checkpointed
from llad.frontend.conditions import choose
from llad.frontend.core import Tracer
from llad.frontend.iteration import Walk, at_run_time, enumerate_, zip_
from llad.frontend.methods_of_lists import FINDING
from llad.frontend.promotion import example
from llad.frontend.pullbacks import Pullback
from llad.frontend.ranges import prange_, range_
from llad.frontend.sequences import SEQUENCES, known_items
from llad.frontend.state import Bound, Closure
from llad.frontend.subscripts import item
from llad.frontend.truths import as_value, truth
from llad.frontend.values import Array, NotHandled, Record, Rows, Scalar, Table, describe, is_static
from llad.parallel import prange
from llad.structures import is_plain_object

Args = Sequence[Any]
_IMMUTABLE = (str, bytes, tuple, int, float, bool, frozenset, range)
_MUTATING = frozenset(
    {"append", "extend", "insert", "pop", "clear", "reverse", "update", "setdefault", "popitem", "add", "discard"}
)
_READING = frozenset({"keys", "values", "items", "get", "copy"})

# Builtins that Python may run at trace time when every argument is known.
_PURE: frozenset[Any] = frozenset(
    {str, repr, format, set, frozenset, isinstance, issubclass, hasattr, getattr, ord, chr,
     hash, bytes, slice, int, float, bool, max, min, sum, len, any, all, divmod, hex, bin, ascii}
)  # fmt: skip


def call(t: Tracer, function: Any, args: Args, kwargs: Mapping[str, Any]) -> Any:
    """The result, or `NotHandled` if this is no matter of trace time."""
    if isinstance(function, np.vectorize):
        return vectorizing.called(t, function, args, kwargs)
    handler = _handler(function)
    if handler is not None:
        try:
            signature(handler).bind(t, *args, **kwargs)
        except TypeError as error:
            t.refuse("call-arguments", name=function.__name__, error=error)
        result = handler(t, *args, **kwargs)
        if result is not NotHandled:
            return result
    owner = getattr(function, "__self__", None)
    if isinstance(function, types.BuiltinMethodType) and owner is not None:
        if isinstance(owner, types.ModuleType):
            owner = None
        elif isinstance(owner, (*_IMMUTABLE, list, dict, set)):
            return _method(t, owner, function, args, kwargs)
    if isinstance(function, type) and issubclass(function, BaseException):
        return _exception(t, function, args, kwargs)
    if _pure(function) and is_static(args) and not any(isinstance(a, Walk) for a in args):
        return _python(t, function, args, kwargs)
    if function is complex:
        t.refuse("complex")
    if function is printing.print_:
        return printing.print_values(t, args, kwargs)
    return NotHandled


def _exception(t: Tracer, kind: type[BaseException], args: Args, kwargs: Mapping[str, Any]) -> Any:
    """An exception object, for `raise`."""
    if not is_static((*args, *kwargs.values())):
        t.refuse("message", got="several values, or of what is known only at run time")
    return _python(t, kind, args, kwargs)


def _pure(function: Any) -> bool:
    try:
        return function in _PURE
    except TypeError:
        return False


def _python(t: Tracer, function: Callable[..., Any], args: Args, kwargs: Mapping[str, Any]) -> Any:
    """Let Python do it."""
    if function in (int, float, bool, max, min, sum, len, divmod) and not _plain(args):
        return NotHandled
    t.guards.used(*args, *kwargs.values(), *((hash,) if function is hash else ()))
    result = _result(t, function, args, kwargs)
    if isinstance(result, frozenset):
        t.guards.used(result)
    return _seen(t, result)


def _seen(t: Tracer, result: Any) -> Any:
    return t.make(result) if isinstance(result, (list, dict, set)) else t.lift(result)


def _result(t: Tracer, function: Callable[..., Any], args: Args, kwargs: Mapping[str, Any]) -> Any:
    try:
        return function(*args, **kwargs)
    except (TypeError, ValueError, ArithmeticError, LookupError, AttributeError) as error:
        t.refuse("static-error", error=error)


def _plain(args: Args) -> bool:
    """Whether the arguments are no numbers: those have IEEE's rules (`spellings.py`)."""
    return not any(isinstance(a, (int, float, np.generic)) for a in args)


def _method(t: Tracer, owner: Any, function: Any, args: Args, kwargs: Mapping[str, Any]) -> Any:
    """A method of a string, tuple, list, dict or set."""
    name = function.__name__
    if type(owner) in (list, tuple) and name in FINDING and not is_static((list(owner), args)):
        return t.call(FINDING[name], [owner, *args], kwargs)
    if name == "sort" and type(owner) is list and not is_static(owner):
        t.mutate(owner)
        owner[:] = t.call(sorted, [list(owner), *args], kwargs)
        return None
    if isinstance(owner, (list, dict, set)):
        if name in _MUTATING:
            t.mutate(owner)
            if name in ("insert", "pop") and type(owner) is list and not is_static(args[:1]):
                t.refuse("static-index", got=describe(owner))
        elif name not in _READING and not is_static((list(owner), args)):
            t.refuse("call", got=f"{type(owner).__name__}.{name}")
        if name in ("keys", "values", "items"):
            return tuple(function())
        result = _result(t, function, args, kwargs)
        if isinstance(owner, set):
            t.guards.used(owner)
        return _seen(t, result)
    if not is_static((owner, args)):
        t.refuse("call", got=f"{type(owner).__name__}.{name}")
    return _python(t, function, args, kwargs)


# -- builtins that take run-time values too


def _range(t: Tracer, *args: Any) -> Any:
    return range_(t, args)


def _prange(t: Tracer, *args: Any) -> Any:
    return prange_(t, args)


def _zip(t: Tracer, *args: Any, strict: bool = False) -> Any:
    return zip_(t, args, bool(strict))


def _tuple(t: Tracer, value: Any = ()) -> Any:
    return tuple(known_items(t, value))


def _list(t: Tracer, value: Any = ()) -> Any:
    return t.make(list(known_items(t, value)))


def _len(t: Tracer, *args: Any) -> Any:
    if len(args) == 1 and ranges.is_range(args[0]):
        return ranges.size(t, args[0])
    return records.asked(t, args[0], "len") if len(args) == 1 else NotHandled


def _dict(t: Tracer, *args: Any, **kwargs: Any) -> Any:
    args = tuple(known_items(t, a) if at_run_time(a) else a for a in args)
    try:
        made = dict(*args, **kwargs)
    except (TypeError, ValueError) as error:
        t.refuse("static-error", error=error)
    if not is_static(tuple(made)):
        t.refuse("static-key")
    return t.make(made)


def _partial(t: Tracer, function: Any, *args: Any, **kwargs: Any) -> Bound:
    return Bound(function, args, kwargs)


def _matmul(t: Tracer, a: Any, b: Any) -> Any:
    return numbers.binary(t, "matmul", a, b)


def _isinstance(t: Tracer, value: Any, kinds: Any) -> bool:
    t.guards.used(kinds)
    if isinstance(value, Record):
        return issubclass(records.python_class(value), kinds)
    value = value.kinds[0]() if isinstance(value, Rows) else [] if isinstance(value, Table) else value
    one = np.empty(0) if isinstance(value, Array) else example(value) if isinstance(value, Scalar) else value
    try:
        return isinstance(one, kinds)
    except TypeError as error:
        t.refuse("static-error", error=error)


def _bool(t: Tracer, value: Any = False) -> Any:
    return as_value(truth(t, value)) if records.is_object(value) else NotHandled


def _callable(t: Tracer, value: Any) -> Any:
    if isinstance(value, (Closure, Bound, Pullback)):
        return True
    return records.has(t, value, "__call__") if isinstance(value, Record) else callable(value)


def _type(t: Tracer, *args: Any) -> Any:
    """`type(x)`: of a run-time value, what it is in Python."""
    (value,) = args if len(args) == 1 else (t.refuse("call", got="type with three arguments"),)
    if isinstance(value, Array):
        return np.ndarray
    if isinstance(value, Rows):
        return value.kinds[0]
    if isinstance(value, Table):
        return list
    if isinstance(value, Record):
        return records.python_class(value)
    return type(example(value) if isinstance(value, Scalar) else value)


def _getattr(t: Tracer, value: Any, *rest: Any) -> Any:
    if rest and isinstance(rest[0], str) and (isinstance(value, (Record, tuple)) or _is_found(value)):
        name, *default = rest
        there = not default or _hasattr(t, value, name)
        if isinstance(there, Scalar):
            return choose(t, there.value, lambda: attribute(t, value, name), lambda: default[0])
        return attribute(t, value, name) if there else default[0]
    return _python(t, getattr, (value, *rest), {}) if is_static((value, rest)) else NotHandled


def _hasattr(t: Tracer, value: Any, name: str) -> Any:
    if isinstance(value, Record):
        there = records.has(t, value, name)
        return there if isinstance(there, bool) else Scalar(there)
    if isinstance(name, str) and _is_found(value):
        t.guards.presence(value, name)
    return _python(t, hasattr, (value, name), {}) if is_static(value) or isinstance(value, tuple) else NotHandled


def _is_found(value: Any) -> bool:
    """Whether it is an object, a class or a module, to which attributes may come and from which they may go."""
    return is_plain_object(value) or isinstance(value, (type, types.ModuleType))


def _handler(function: Any) -> Callable[..., Any] | None:
    try:
        return BUILTINS.get(function)
    except TypeError:
        return None


def _from_keys(t: Tracer, keys: Any, value: Any = None) -> Any:
    found = known_items(t, keys)
    if not is_static(tuple(found)):
        t.refuse("static-key")
    return t.make(_result(t, dict.fromkeys, (found, value), {}))


BUILTINS: dict[Any, Callable[..., Any]] = {
    dict.fromkeys: _from_keys,
    range: _range,
    prange: _prange,
    zip: _zip,
    enumerate: enumerate_,
    checkpoint: checkpointed,
    tuple: _tuple,
    list: _list,
    dict: _dict,
    functools.partial: _partial,
    np.vectorize: vectorizing.made,
    np.ndindex: ranges.ndindex_,
    np.ndenumerate: ranges.ndenumerate_,
    operator.getitem: item,
    operator.matmul: _matmul,
    len: _len,
    isinstance: _isinstance,
    bool: _bool,
    callable: _callable,
    type: _type,
    super: inherited.super_,
    getattr: _getattr,
    hasattr: _hasattr,
    **SEQUENCES,
    **objects.ASKING,
    **records.HANDLERS,
    **copying.HANDLERS,
    **collected.HANDLERS,
    **getters.HANDLERS,
}
