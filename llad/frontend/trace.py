"""Python function → IR, by abstract interpretation of its syntax tree on tracer values.

What is known at trace time is handled by Python, the rest becomes ops: arithmetic as the values meet, `if`, `for`
and `while` as structured control flow. The handlers of expressions and statements stand in files of their own;
this one puts them together and turns arguments into parameters and the result into a tree.

    >>> from llad.frontend.signature import ScalarSpec
    >>> from llad.ir.types import F64
    >>> traced = trace(lambda x: x * x, (ScalarSpec(F64, weak=True),))
    >>> [op.name for op in traced.function.body.ops]
    ['mul', 'return']
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from types import FunctionType
from typing import Any

from llad.diagnostics import Span, UnsupportedError
from llad.frontend import branches, calls
from llad.frontend.core import Handlers, Tracer
from llad.frontend.expressions import EXPRESSIONS
from llad.frontend.loose import refuse_late_reads
from llad.frontend.parts import compose
from llad.frontend.references import refuse_late_writes
from llad.frontend.refused import NeedsStatic
from llad.frontend.results import Results
from llad.frontend.signature import ArgSpec, ArraySpec, ScalarSpec, StaticSpec, Traced
from llad.frontend.source import definition_of, source_of
from llad.frontend.state import NeedsAttribute, PathEnds
from llad.frontend.statements import STATEMENTS
from llad.frontend.table import close
from llad.frontend.values import Scalar, argument
from llad.ir.core import Value
from llad.structures import Node

_STACK = 30_000

HANDLERS = Handlers(EXPRESSIONS, STATEMENTS, branches.branch, branches.rest, calls.call)


def trace(function: FunctionType, specs: Sequence[ArgSpec], keywords: Sequence[str] = ()) -> Traced:
    """The function as IR for arguments of these types, in their order; the last of them are passed by `keywords`.

    Raises:
        LladError: when the function, or one that it calls, is outside the language.
    """
    with _deep_stack():
        try:
            return _trace(function, specs, keywords)
        except UnsupportedError as error:
            span = _user_s(function, error.span)
            if span is error.span and not isinstance(error, NeedsStatic):
                raise
            raise UnsupportedError(error.message, span, error.hint, error.code) from None


def _user_s(function: FunctionType, span: Span | None) -> Span | None:
    """The place that a user knows: of a call that llad has written, as of `llad.jacfwd(f)`, where `f` is defined."""
    called = getattr(function, "called", function)
    if called is function or span is None or span.file != function.__code__.co_filename:
        return span
    return definition_of(called) if isinstance(called, FunctionType) else None


def _trace(function: FunctionType, specs: Sequence[ArgSpec], keywords: Sequence[str]) -> Traced:
    t = Tracer(HANDLERS)
    source = source_of(function)
    count = len(specs) - len(keywords)
    a = source.node.args
    rest = a.vararg.arg if a.vararg else "arg"
    names = [*(p.arg for p in (*a.posonlyargs, *a.args)), *(f"{rest}{k}" for k in range(count))][:count]
    params: list[Value] = []
    args = [_parameter(t, spec, name, params) for spec, name in zip(specs, [*names, *keywords], strict=True)]
    t.builder.span = source.span(source.node)
    try:
        value = calls.inline(t, function, args[:count], dict(zip(keywords, args[count:], strict=True)))
    except PathEnds:
        value = 0.0  # nobody will see it; a function that always raises has a gradient, which raises too
    except NeedsAttribute as needed:
        met = tuple(t.captured.values())
        needed.reads, needed.captured = t.guards.reads(), tuple(array for array, _ in met)
        needed.lengths = t.axes.answers([*params, *(v for _, v in met)])
        raise
    t.builder.span = t.returned or t.builder.span
    results = Results(t, params)
    tree = results.tree(value)
    t.builder.return_(*results.leaves)
    captured = tuple(t.captured.values())
    name = getattr(function, "__name__", "function")
    functions = close(t.home, t.builder.root, (t.ledger.copied, t.ledger.appended))
    everything = [*params, *(v for _, v in captured)]
    made = replace(t.builder.function(name, everything), functions=functions)
    refuse_late_reads(made, t.ledger.copied)
    refuse_late_writes(made, t.ledger.appended, t.ledger.copied)
    arrays = tuple(array for array, _ in captured)
    return Traced(made, tree, arrays, t.guards.reads(), t.guards.all(), t.axes.answers(everything))


@contextmanager
def _deep_stack() -> Iterator[None]:
    """Room for the recursion over deep expressions and calls, which takes several Python frames a level."""
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(max(limit, _STACK))
    try:
        yield
    finally:
        sys.setrecursionlimit(limit)


def _parameter(t: Tracer, spec: ArgSpec, name: str, params: list[Value]) -> Any:
    """The argument as traced code sees it; its run-time leaves are added to `params`."""
    match spec:
        case ScalarSpec(type=type, weak=weak):
            params.append(Value(type, name))
            return Scalar(params[-1], weak)
        case ArraySpec():
            params.append(Value(spec.type, name))
            t.axes.give(params[-1], spec.shape)
            return argument(params[-1])
        case Node(form=form, items=items):
            keys = [f"_{key}" for key in form.keys] or range(len(items))
            parts = [_parameter(t, item, f"{name}{key}", params) for key, item in zip(keys, items, strict=True)]
            return t.give(compose(form, parts))
        case StaticSpec(value=value):
            return value
