"""Calls: Python functions are traced where they are called, as if written there.

A call has a frame of its own whose names are those of the callee. What the callee returns on its several paths
joins like any value. A call that is active already is recursion (`recursion.py`); on a number known at trace time it
ends by itself, and its depth is bounded.
"""

from __future__ import annotations

import ast
import functools
import inspect
import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from types import FunctionType, MethodType
from typing import Any

from llad.diagnostics import UnsupportedError
from llad.frontend import (
    complex_functions,
    differentiate,
    generating,
    getters,
    list_arithmetic,
    once,
    outline,
    printing,
    pullbacks,
    records,
    recursion,
    spellings,
    statics,
)
from llad.frontend.callables import arity, takes_iterators
from llad.frontend.collected import ABOUT_OBJECTS, opened
from llad.frontend.complex_values import is_complex_value
from llad.frontend.core import Tracer
from llad.frontend.effects import FunctionNode
from llad.frontend.extents import extents_of
from llad.frontend.iteration import Generated, Walk, emit, items_of, length, nth, walk_of
from llad.frontend.lending import lent
from llad.frontend.nones import given
from llad.frontend.objects import arguments, iterated
from llad.frontend.parts import parts_of
from llad.frontend.pullbacks import Pullback
from llad.frontend.records import is_generated
from llad.frontend.rooms import columns_as_tuples
from llad.frontend.sequences import CONSUMING, LAZY
from llad.frontend.shapes import is_static_number, shape_of
from llad.frontend.source import Source, source_of
from llad.frontend.state import Active, Bound, Closure, Conflict, Frame, PathEnds, Scope
from llad.frontend.transforms import transform_of
from llad.frontend.values import Array, Lazy, NotHandled, Record, Rows, Scalar, Unbound, describe
from llad.ir.core import Value
from llad.refusals.table import refusal
from llad.structures import is_named_tuple, library_of, of_library
from llad.traced import sequences as written

_DEPTH = 60


def call_node(t: Tracer, node: ast.Call) -> Any:
    """A call expression."""
    function = t.eval(node.func)
    if function is printing.print_:
        return printing.print_node(t, node)
    args: list[Any] = []
    for arg in node.args:
        if isinstance(arg, ast.Starred):
            value = t.eval(arg.value)
            if function is zip and len(node.args) == 1 and (columns := columns_as_tuples(t, value)):
                return Lazy(lambda: columns, (value,))
            if function in (max, min) and list_arithmetic.is_spread_at_run_time(value):
                args.append(_greatest_of(t, function, value, alone=len(node.args) == 1))
                continue
            args += _spread(t, function, value, None if node.keywords else len(node.args) - 1)
        else:
            args.append(t.open(arg))
    kwargs: dict[str, Any] = {}
    for keyword in node.keywords:
        value = t.open(keyword.value)
        if keyword.arg is None:
            named = type(value) is dict and all(isinstance(k, str) for k in value)
            if not named or not kwargs.keys().isdisjoint(value):
                t.refuse("call-arguments", name="**", error="want a dict of further names")
            kwargs.update(value)
        else:
            kwargs[keyword.arg] = value
    return call(t, function, args, kwargs)


def _greatest_of(t: Tracer, function: Any, value: Any, alone: bool) -> Any:
    """What stands for the items in `max(*value, …)`: all of them, or the greatest; `max` wants more than one number."""
    if alone and (walk := walk_of(t, value)) is not None:
        b = t.builder
        enough = b.op("ge", emit(t, length(t, walk)), b.i64(2))
        b.check(enough, "TypeError", f"{function.__name__} expected at least 2 numbers")
        return value
    return call(t, function, [value], {})


def _spread(t: Tracer, function: Any, value: Any, others: int | None) -> Sequence[Any]:
    """The arguments `*value`, where so many others are passed by position; `None`: some are by name.

    Of an array, which may have any number of rows, as many as the function wants."""
    value, wanted = iterated(t, value), arity(function)
    if isinstance(value, Walk):
        value = t.call(written.listed, [replace(value)], {})
    array = value.items if isinstance(value, Rows) else value
    if not isinstance(array, Array) or not array.rank or (array is value and isinstance(extents_of(value)[0], int)):
        return items_of(t, value)
    if others is None or wanted is None or wanted < others:
        return items_of(t, value)
    walk = walk_of(t, value)
    assert walk is not None
    b = t.builder
    there, count = emit(t, length(t, walk)), wanted - others
    text = f"want {wanted} positional arguments, of which an array gives {{}}"
    b.check(b.op("eq", there, b.i64(count)), "TypeError", text, there)
    return [nth(t, walk, b.i64(k)) for k in range(count)]


def call(t: Tracer, function: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    """Apply anything callable to traced values."""
    if isinstance(function, Closure):
        return _call_closure(t, function, args, kwargs)
    if isinstance(function, Bound):
        return call(t, function.function, [*function.args, *args], {**function.kwargs, **kwargs})
    if isinstance(function, Pullback):
        return pullbacks.pull(t, function, args, kwargs)
    transform = transform_of(function)
    if transform is not None:
        if transform.kind == "primal":
            return call(t, transform.function, args, kwargs)
        return differentiate.apply(t, transform, args, kwargs)
    if isinstance(function, FunctionType) and not library_of(function):
        return inline(t, function, args, kwargs)  # whatever it stands in place of
    args = given(t, function, args, kwargs)
    if not takes_iterators(function):
        args, kwargs = _listed(t, function, args, kwargs)
    result = differentiate.transformation(t, function, args, kwargs)
    if result is NotHandled:
        result = complex_functions.call(t, function, args, kwargs)
    if result is NotHandled:
        result = statics.call(t, function, args, kwargs)
    if result is NotHandled:
        result = spellings.call(t, function, args, kwargs)
    if result is not NotHandled:
        return result
    return _call_object(t, function, args, kwargs)


def _listed(
    t: Tracer, function: Any, args: Sequence[Any], kwargs: Mapping[str, Any]
) -> tuple[Sequence[Any], Mapping[str, Any]]:
    """The arguments of what is no function of the user's: unless it is lazy itself, it has all items of what is."""
    try:
        lazy, short = function in LAZY, function in CONSUMING
    except TypeError:  # not hashable
        lazy, short = False, False

    if not isinstance(function, FunctionType) and not lazy and function not in ABOUT_OBJECTS:
        args, kwargs = [opened(t, a) for a in args], {name: opened(t, v) for name, v in kwargs.items()}

    def listed(value: Any) -> Any:
        if isinstance(value, Generated):
            return value.listed()
        if short and isinstance(value, Walk):
            return call(t, written.listed, [replace(value)], {})  # read by a name, it may not be by another
        return t.make(list(value.begin())) if isinstance(value, Lazy) else value

    args = arguments(t, function, args) if lazy or short else args
    return (args, kwargs) if lazy else ([*map(listed, args)], {name: listed(v) for name, v in kwargs.items()})


def _call_object(t: Tracer, function: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    if any(function is text for text in (str, repr, format, ascii)):
        t.refuse("format")
    match function:
        case FunctionType():
            make = partial(inline, t, function, args, kwargs)
            return once.made(t, function, args, make) if once.is_shared(function) else make()
        case MethodType() if is_named_tuple(_kind(function.__self__)) and is_generated(function.__func__):
            return records.python(t, function, args, kwargs)
        case MethodType():
            return call(t, function.__func__, [function.__self__, *args], kwargs)
        case operator.itemgetter() | operator.attrgetter():
            return getters.got(t, function, args, kwargs)
        case functools.partial():
            t.guards.partial(function)
            bound = [t.lift(a) for a in function.args]
            named = {name: t.lift(a) for name, a in function.keywords.items()}
            return call(t, function.func, [*bound, *args], {**named, **kwargs})
        case type():
            made = records.construct(t, function, args, kwargs)
            return t.refuse("call", got=function.__name__) if made is NotHandled else made
        case Record():
            result = records.special(t, function, "call", *args, **kwargs)
            return t.refuse("call", got=describe(function)) if result is NotHandled else result
        case Scalar() | Array():
            t.refuse("call", got=describe(function))
    for name in ("py_func", "__wrapped__"):
        if isinstance(inner := getattr(function, name, None), FunctionType):
            return call(t, inner, args, kwargs)
    method = inspect.getattr_static(type(function), "__call__", None)
    if isinstance(method, FunctionType):
        t.guards.attribute(type(function), "__call__", method)
        return call(t, method, [function, *args], kwargs)
    return t.refuse("call", got=getattr(function, "__name__", describe(function)))


def _kind(owner: Any) -> type:
    return owner if isinstance(owner, type) else type(owner)


def inline(t: Tracer, function: FunctionType, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    """A call of a Python function with source."""
    if not t.active or not of_library(function.__module__) or of_library(t.frame.module):
        return _inlined(t, function, args, kwargs)
    try:  # what is refused inside is nothing that the user has written: the call is
        return _inlined(t, function, args, kwargs)
    except UnsupportedError as error:
        if function.__module__.startswith("llad.traced."):  # what stands for a function, or operator, that was written
            if any(map(is_complex_value, args)):
                raise refusal("complex", t.builder.span, name=function.__name__) from None
            raise type(error)(error.message, t.builder.span, error.hint, error.code) from None
        name = f"{function.__module__}.{function.__qualname__}"
        said = refusal("library", t.builder.span, name=name, got=error.message)
        raise type(error)(said.message, said.span, said.hint, said.code) from None


def _inlined(t: Tracer, function: FunctionType, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    source = source_of(function, t.builder.span)
    t.guards.function(function)
    defaults = function.__defaults__ or ()
    names = _bind(t, source, defaults, function.__kwdefaults__ or {}, args, kwargs)
    cells = tuple(map(id, function.__closure__ or ()))

    def run(source: Source) -> Any:
        scope = Scope(t.scope, "straight")
        frame = Frame(source, function, None, scope, scope, caller=t.builder.span if t.active else None)
        return _run(t, frame, names, (function.__code__, cells))

    return _begun(t, source, None, names, run)


def _call_closure(t: Tracer, closure: Closure, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    """A call of a function defined in traced code."""
    names = _bind(t, closure.source, closure.defaults, closure.keyword_defaults, args, kwargs)

    def run(source: Source) -> Any:
        scope = Scope(t.scope, "straight")
        frame = Frame(source, None, closure.frame, scope, scope, caller=t.builder.span if t.active else None)
        with lent(t, frame):
            return _run(t, frame, names, (closure.source.node, id(closure.frame)))

    return _begun(t, closure.source, closure.frame, names, run)


def _begun(
    t: Tracer, source: Source, parent: Frame | None, names: Mapping[str, Any], run: Callable[[Source], Any]
) -> Any:
    """What the call gives: of a generator function, what runs it when it is gone over."""
    if not generating.is_generator(source.node):
        return run(source)
    listed = partial(run, generating.gathering(source))
    return generating.begun(t, source, parent, names.values(), listed)


def _run(t: Tracer, frame: Frame, names: Mapping[str, Any], identity: tuple[Any, ...]) -> Any:
    """Trace the callee in `frame`, its parameters bound to `names`; what it returns."""
    key = (*identity, tuple(map(_key, names.values())))
    entry = recursion.active_call(t, identity, key, names)
    if entry is not None:
        return recursion.recur(t, entry, frame, names, partial(_body, t))
    if len(t.active) >= _DEPTH:
        t.refuse("depth", name=frame.source.name, depth=_DEPTH)
    site = outline.begin(t, key, frame, names)
    if site is not None:
        result = outline.call(t, site, frame, names, identity, partial(_body, t))
        if result is not NotHandled:
            return result
    active = Active(identity, key, names, frame.scope, t.home)
    t.active.append(active)
    known = len(t.locals)
    try:
        result = _body(t, frame, names)
        outline.end(t, site, active, result)
        return result
    finally:
        t.active.pop()
        del t.locals[known:]  # what they use of the code around them may change from now on


def _body(t: Tracer, frame: Frame, names: Mapping[str, Any]) -> Any:
    with t.enter(frame):
        frame.state.values.update(names)
        node = frame.source.node
        if isinstance(node, ast.Lambda):
            t.returned = frame.span(node.body)
            return t.open(node.body)
        t.execute(node.body)
    return _returned(t, frame)


def _returned(t: Tracer, frame: Frame) -> Any:
    state = frame.state
    t.returned = state.result_span
    if state.dead:
        raise PathEnds
    result = state.result
    if state.ret is False or result is Unbound:
        return None
    if isinstance(result, Conflict):
        lines = [span.line if span else "?" for span in (result.first_span, result.second_span)]
        t.refuse(
            "return-types",
            name=frame.source.name,
            first=result.first,
            second=result.second,
            first_line=lines[0],
            second_line=lines[1],
        )
    if isinstance(state.ret, Value) and result is not None:
        t.refuse("falls-off", name=frame.source.name, got=describe(result))
    return result


def _key(value: Any) -> object:
    """What tells calls of one function apart: types of run-time values, identity of all else."""
    if isinstance(value, (Scalar, Array)):
        return shape_of(value)
    if isinstance(value, (tuple, Record)) and (parts := parts_of(value)) is not None:
        return parts[0], tuple(map(_key, parts[1]))
    if is_static_number(value) or isinstance(value, str):
        return type(value), repr(value)
    if isinstance(value, Closure):
        return value.source.node, id(value.frame)
    return id(value)


# -- arguments


def _bind(
    t: Tracer,
    source: Source,
    defaults: Sequence[Any],
    keyword_defaults: Mapping[str, Any],
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
) -> dict[str, Any]:
    """What each parameter holds."""
    try:
        bound = _signature(source.node, defaults, keyword_defaults).bind(*args, **kwargs)
    except TypeError as error:
        t.refuse("call-arguments", name=source.name, error=error)
    given = set(bound.arguments)
    bound.apply_defaults()
    a = source.node.args
    for p in (*a.posonlyargs, *a.args, *a.kwonlyargs):
        if p.arg not in given:
            bound.arguments[p.arg] = t.lift(bound.arguments[p.arg])
    if a.kwarg is not None:
        t.make(bound.arguments[a.kwarg.arg])
    return bound.arguments


def _signature(node: FunctionNode, defaults: Sequence[Any], keyword_defaults: Mapping[str, Any]) -> inspect.Signature:
    a = node.args
    kind = inspect.Parameter
    positional: list[tuple[str, Any]] = [(p.arg, kind.POSITIONAL_ONLY) for p in a.posonlyargs]
    positional += [(p.arg, kind.POSITIONAL_OR_KEYWORD) for p in a.args]
    missing: list[Any] = [kind.empty] * (len(positional) - len(defaults))
    parameters = [kind(name, k, default=d) for (name, k), d in zip(positional, [*missing, *defaults], strict=True)]
    if a.vararg is not None:
        parameters.append(kind(a.vararg.arg, kind.VAR_POSITIONAL))
    for p in a.kwonlyargs:
        default = keyword_defaults.get(p.arg, kind.empty)
        parameters.append(kind(p.arg, kind.KEYWORD_ONLY, default=default))
    if a.kwarg is not None:
        parameters.append(kind(a.kwarg.arg, kind.VAR_KEYWORD))
    return inspect.Signature(parameters)


def define(t: Tracer, node: FunctionNode) -> Closure:
    """The function object of a `def` or `lambda` in traced code; its defaults are computed here."""
    defaults = tuple(t.eval(d) for d in node.args.defaults)
    named = zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True)
    keyword_defaults = {p.arg: t.eval(d) for p, d in named if d is not None}
    return Closure(t.frame.source.nested(node), t.frame, defaults, keyword_defaults)
