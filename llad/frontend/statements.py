"""Statements: assignment, loops, jumps, asserts, nested functions. `if` stands in `branches.py`."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from typing import Any

from llad.frontend import indexing
from llad.frontend.calls import define
from llad.frontend.conditions import condition, constant_flag
from llad.frontend.core import Tracer
from llad.frontend.effects import leaves_loop
from llad.frontend.expressions import BINARY, binary_values
from llad.frontend.iteration import items_of, walk_of
from llad.frontend.loops import for_loop, unrolled, while_loop
from llad.frontend.names import bind
from llad.frontend.names import load as load_name
from llad.frontend.refused import NeedsStatic
from llad.frontend.subscripts import index_of, item, store
from llad.frontend.targets import assign
from llad.frontend.values import Array, is_static

# A `range` known at trace time is unrolled up to this many trips, if its body is this small…
_SMALL_TRIPS, _SMALL_NODES = 4, 400
# … or up to this many if its index must be known.
_MOST_TRIPS = 1000


def _assign(t: Tracer, node: ast.Assign) -> None:
    value = t.eval(node.value)
    for target in node.targets:
        assign(t, target, value)


def _annotated(t: Tracer, node: ast.AnnAssign) -> None:
    if node.value is not None:
        assign(t, node.target, t.eval(node.value))


def _augmented(t: Tracer, node: ast.AugAssign) -> None:
    match node.target:
        case ast.Name():
            old = load_name(t, ast.copy_location(ast.Name(node.target.id, ast.Load()), node.target))
            bind(t, node.target.id, _augment(t, node.op, old, t.eval(node.value)))
        case ast.Subscript():
            base = t.eval(node.target.value)
            index = index_of(t, node.target.slice)
            old = item(t, base, index)
            new = _augment(t, node.op, old, t.eval(node.value))
            if new is not old:
                store(t, base, index, new)
        case ast.Attribute():
            t.refuse("attribute-assignment", name=node.target.attr)


def _augment(t: Tracer, op: ast.operator, old: Any, value: Any) -> Any:
    """`old op= value`: arrays and lists change in place."""
    if isinstance(old, Array):
        return indexing.in_place(t, BINARY[type(op)], old, value)
    if isinstance(old, list) and isinstance(op, ast.Add):
        t.mutate(old)
        old += items_of(t, value)
        return old
    return binary_values(t, op, old, value)


def _expression(t: Tracer, node: ast.Expr) -> None:
    if not isinstance(node.value, ast.Constant):
        t.eval(node.value)


def _return(t: Tracer, node: ast.Return) -> None:
    value = None if node.value is None else t.eval(node.value)
    t.state.result, t.state.result_span = value, t.frame.source.span(node.value or node)
    t.state.jump(ret=True)


def _break(t: Tracer, node: ast.Break) -> None:
    t.state.jump(stop=True)


def _continue(t: Tracer, node: ast.Continue) -> None:
    t.state.jump()


def _pass(t: Tracer, node: ast.stmt) -> None:
    pass


def _assert(t: Tracer, node: ast.Assert) -> None:
    flag = condition(t, node.test)
    if flag is True:
        return
    message = ""
    if node.msg is not None:
        value = t.eval(node.msg)
        if not is_static(value):
            t.refuse("assert-message")
        message = str(value)
    message = message.replace("{}", "{ }")
    if flag is False:
        t.end_path("AssertionError", message)
    t.builder.check(constant_flag(t, flag), "AssertionError", message)


def _function(t: Tracer, node: ast.FunctionDef) -> None:
    if node.decorator_list:
        t.refuse("decorator")
    bind(t, node.name, define(t, node))


def _refuse(code: str) -> Callable[[Tracer, Any], None]:
    return lambda t, node: t.refuse(code)


def _for(t: Tracer, node: ast.For) -> None:
    if node.orelse:
        t.refuse("loop-else")
    value = t.eval(node.iter)
    walk = walk_of(t, value)
    if walk is None:
        unrolled(t, node, iter(list(items_of(t, value))), lambda item: assign(t, node.target, item))
        return
    if isinstance(value, range) and _small(node, value):
        unrolled(t, node, iter(value), lambda item: assign(t, node.target, item))
        return
    before = t.state.copy()
    try:
        for_loop(t, node, walk, lambda item: assign(t, node.target, item))
    except NeedsStatic:
        if not isinstance(value, range) or len(value) > _MOST_TRIPS:
            raise
        t.frame.state = before
        unrolled(t, node, iter(value), lambda item: assign(t, node.target, item))


def _small(node: ast.For, value: range) -> bool:
    nodes = sum(1 for s in node.body for _ in ast.walk(s))
    return len(value) <= _SMALL_TRIPS and nodes * len(value) <= _SMALL_NODES and not leaves_loop(node.body)


def _while(t: Tracer, node: ast.While) -> None:
    if node.orelse:
        t.refuse("loop-else")
    while_loop(t, node)


STATEMENTS: Mapping[type[ast.stmt], Callable[[Tracer, Any], None]] = {
    ast.Assign: _assign,
    ast.AnnAssign: _annotated,
    ast.AugAssign: _augmented,
    ast.Expr: _expression,
    ast.Return: _return,
    ast.Break: _break,
    ast.Continue: _continue,
    ast.Pass: _pass,
    ast.Assert: _assert,
    ast.FunctionDef: _function,
    ast.For: _for,
    ast.While: _while,
    ast.Try: _refuse("try"),
    ast.TryStar: _refuse("try"),
    ast.With: _refuse("with"),
    ast.Raise: _refuse("raise"),
    ast.ClassDef: _refuse("class"),
    ast.Delete: _refuse("del"),
    ast.Global: _refuse("global"),
    ast.Nonlocal: _refuse("nonlocal"),
    ast.Import: _refuse("import"),
    ast.ImportFrom: _refuse("import"),
    ast.Match: _refuse("match"),
    ast.AsyncFunctionDef: _refuse("async"),
    ast.AsyncFor: _refuse("async"),
    ast.AsyncWith: _refuse("async"),
}
