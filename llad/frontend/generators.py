"""Generator expressions over what is known only at run time, where a builtin consumes them.

    sum(v * v for v in a if v > 0)          def consume():
                                                total = 0
                                                for v in a:
                                                    if v > 0:
                                                        total += v * v
                                                return total

The loop on the right is written out as syntax, and traced like a function defined at that place; `any` and `all` return
as soon as they know.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Callable
from typing import Any

from llad.frontend.calls import call, call_node, define
from llad.frontend.core import Tracer
from llad.frontend.iteration import walk_of

_TOTAL = "the running total"


class Known(ast.expr):
    """An expression whose value is there already."""

    _fields = ()

    def __init__(self, value: Any) -> None:
        super().__init__()
        self.value = value


def known(t: Tracer, node: Known) -> Any:
    return node.value


def call_expression(t: Tracer, node: ast.Call) -> Any:
    """A call, whose only argument may be a generator over what is known only at run time."""
    match node:
        case ast.Call(func=ast.Name() | ast.Attribute(), args=[ast.GeneratorExp() as generator, *rest], keywords=[]):
            function = t.eval(node.func)
            body = _BODIES.get(function) if isinstance(function, type(sum)) else None
            if body is not None and len(rest) <= 1:
                return _consumed(t, node, generator, rest, body)
    return call_node(t, node)


def _consumed(t: Tracer, node: ast.Call, generator: ast.GeneratorExp, rest: list[ast.expr], body: Body) -> Any:
    first, *others = generator.generators
    items = t.eval(first.iter)
    if walk_of(t, items) is None or isinstance(items, range):
        value = ast.copy_location(Known(items), first.iter)
        begun = ast.comprehension(first.target, value, first.ifs, first.is_async)
        again = ast.copy_location(ast.GeneratorExp(generator.elt, [begun, *others]), generator)
        return call_node(t, ast.copy_location(ast.Call(node.func, [again, *rest], []), node))
    if any(isinstance(child, ast.NamedExpr) for child in ast.walk(generator)):
        t.builder.span = t.frame.span(generator)
        t.refuse("comprehension", got="with `:=`")
    inner, start, end = body(generator.elt)
    for k, clause in reversed(list(enumerate(generator.generators))):
        for test in reversed(clause.ifs):
            inner = [ast.If(test, inner, [])]
        source = Known(items) if k == 0 else clause.iter
        inner = [ast.For(clause.target, source, inner, [])]
    begin = ast.Assign([ast.Name(_TOTAL, ast.Store())], Known(t.eval(rest[0]) if rest else start))
    nothing = ast.arguments([], [], None, [], [], None, [])
    function = ast.FunctionDef("<genexpr>", nothing, [begin, *inner, ast.Return(end)], [])
    _place(function, generator)
    return call(t, define(t, function), [], {})


def _place(tree: ast.AST, at: ast.expr) -> None:
    """What is new in the tree stands where the generator does."""
    for child in ast.walk(tree):
        if not hasattr(child, "lineno"):
            ast.copy_location(child, at)


Body = Callable[[ast.expr], tuple[list[ast.stmt], Any, ast.expr]]


def _total(operator: ast.operator, start: int) -> Body:
    def body(element: ast.expr) -> tuple[list[ast.stmt], Any, ast.expr]:
        grown = ast.BinOp(ast.Name(_TOTAL, ast.Load()), operator, element)
        return [ast.Assign([ast.Name(_TOTAL, ast.Store())], grown)], start, ast.Name(_TOTAL, ast.Load())

    return body


def _found(wanted: bool) -> Body:
    """`any` looks for a true element, `all` for a false one."""

    def body(element: ast.expr) -> tuple[list[ast.stmt], Any, ast.expr]:
        test = element if wanted else ast.UnaryOp(ast.Not(), element)
        return [ast.If(test, [ast.Return(ast.Constant(wanted))], [])], 0, ast.Constant(not wanted)

    return body


_BODIES: dict[Any, Body] = {
    sum: _total(ast.Add(), 0),
    math.prod: _total(ast.Mult(), 1),
    any: _found(True),
    all: _found(False),
}
