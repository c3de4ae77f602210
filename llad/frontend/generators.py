"""Generator expressions: at trace time over what is known, else a loop, where a builtin consumes them.

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
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from llad.frontend.calls import call, call_node, define
from llad.frontend.changing import peek, popped
from llad.frontend.conditions import condition
from llad.frontend.core import Tracer
from llad.frontend.effects import CHANGING
from llad.frontend.iteration import at_run_time, known_length, one_by_one
from llad.frontend.methods_of_lists import changed_in_place
from llad.frontend.moments import trial
from llad.frontend.moving import taken_out
from llad.frontend.objects import iterated
from llad.frontend.sharing import adopted, refuse_pending
from llad.frontend.state import Frame
from llad.frontend.targets import assign
from llad.frontend.values import Rows
from llad.ir.core import Region, Value

_NAME = "what a loop goes by"


class Known(ast.expr):
    """An expression whose value is there already."""

    _fields = ()

    def __init__(self, value: Any) -> None:
        super().__init__()
        self.value = value


def known(t: Tracer, node: Known) -> Any:
    return node.value


class AtRunTime(Exception):
    """What a comprehension goes over, or whether it takes an item, is known only at run time."""


def call_expression(t: Tracer, node: ast.Call) -> Any:
    """A call, whose only argument may be a generator; or one that changes or measures a list which grows."""
    match node:
        case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr="pop"), keywords=[]) if adopted(t, name):
            refuse_pending(t, node, name)
            if not node.args or ast.unparse(node.args[0]) == "-1":
                return popped(t, node)
            return taken_out(t, name, t.eval(node.args[0]), "pop index out of range")
        case ast.Call(func=ast.Attribute(ast.Name(id=name), method)) if method in CHANGING and adopted(t, name):
            return changed_in_place(t, node, name)
        case ast.Call(func=ast.Name(id="len"), args=[ast.Name(id=name) as inner], keywords=[]) if adopted(t, name):
            return call(t, t.eval(node.func), [peek(t, inner)], {})
        case ast.Call(func=ast.Name(id="list" | "tuple"), args=[argument], keywords=[]) if not _is_starred(argument):
            return _materialised(t, node, t.eval(node.func), t.eval(argument))
        case ast.Call(func=ast.Name() | ast.Attribute(), args=[ast.GeneratorExp() as generator, *rest], keywords=[]):
            function = t.eval(node.func)
            body = _BODIES.get(function) if isinstance(function, type(sum)) else None
            if body is not None and len(rest) <= 1:
                return _consumed(t, node, generator, rest, body)
    return call_node(t, node)


def _is_starred(node: ast.expr) -> bool:
    return isinstance(node, ast.Starred)


def _materialised(t: Tracer, node: ast.Call, function: Any, value: Any) -> Any:
    """`list(value)` or `tuple(value)`: of what is known only at run time, `[v for v in value]`."""
    value = iterated(t, value) if function in (list, tuple) else value
    known = isinstance(value, Rows) and known_length(value) is not None
    if function not in (list, tuple) or known or not at_run_time(value):
        return call(t, function, [value], {})
    clause = ast.comprehension(ast.Name(_NAME, ast.Store()), Known(value), [], 0)
    listed = ast.copy_location(ast.ListComp(ast.Name(_NAME, ast.Load()), [clause]), node)
    _place(listed, node)
    rows = t.eval(listed)
    return rows if function is list else replace(rows, kinds=(tuple, *rows.kinds[1:]), of=None)


def _consumed(t: Tracer, node: ast.Call, generator: ast.GeneratorExp, rest: list[ast.expr], body: Body) -> Any:
    first, *others = generator.generators
    items = iterated(t, t.eval(first.iter))
    clauses = [ast.comprehension(first.target, ast.copy_location(Known(items), first.iter), first.ifs, 0), *others]
    if is_known(t, clauses):
        again = ast.copy_location(ast.GeneratorExp(generator.elt, clauses), generator)
        return call_node(t, ast.copy_location(ast.Call(node.func, [again, *rest], []), node))
    inner, start, end = body(generator.elt)
    begin = ast.Assign([ast.Name(_NAME, ast.Store())], Known(t.eval(rest[0]) if rest else start))
    last = ast.Raise(end) if start is StopIteration and not rest else ast.Return(end)
    function = nested(t, generator, [begin, *looped(clauses, inner), last])
    return call(t, define(t, function), [], {})


def nested(t: Tracer, node: ast.expr, body: list[ast.stmt]) -> ast.FunctionDef:
    """The function, at the place of a comprehension or generator, that does what that does."""
    if any(isinstance(child, ast.NamedExpr) for child in ast.walk(node)):
        t.builder.span = t.frame.span(node)
        t.refuse("comprehension", got="with `:=`")
    nothing = ast.arguments([], [], None, [], [], None, [])
    function = ast.FunctionDef("<genexpr>" if isinstance(node, ast.GeneratorExp) else "<listcomp>", nothing, body, [])
    _place(function, node)
    return function


def looped(generators: Sequence[ast.comprehension], body: list[ast.stmt]) -> list[ast.stmt]:
    """The loops of a comprehension around a body."""
    for clause in reversed(generators):
        for test in reversed(clause.ifs):
            body = [ast.If(test, body, [])]
        body = [ast.For(clause.target, clause.iter, body, [])]
    return body


def _place(tree: ast.AST, at: ast.expr) -> None:
    """What is new in the tree stands where the generator does."""
    for child in ast.walk(tree):
        if not hasattr(child, "lineno"):
            ast.copy_location(child, at)


# What an iteration does, what the total begins with, and what is returned at the end.
Body = Callable[[ast.expr], tuple[list[ast.stmt], Any, ast.expr]]


def _total(operator: ast.operator, start: int) -> Body:
    def body(element: ast.expr) -> tuple[list[ast.stmt], Any, ast.expr]:
        grown = ast.BinOp(ast.Name(_NAME, ast.Load()), operator, element)
        return [ast.Assign([ast.Name(_NAME, ast.Store())], grown)], start, ast.Name(_NAME, ast.Load())

    return body


def _found(wanted: bool) -> Body:
    """`any` looks for a true element, `all` for a false one."""

    def body(element: ast.expr) -> tuple[list[ast.stmt], Any, ast.expr]:
        test = element if wanted else ast.UnaryOp(ast.Not(), element)
        return [ast.If(test, [ast.Return(ast.Constant(wanted))], [])], 0, ast.Constant(not wanted)

    return body


def _first(element: ast.expr) -> tuple[list[ast.stmt], Any, ast.expr]:
    return [ast.Return(element)], StopIteration, ast.Name(_NAME, ast.Load())


_BODIES: dict[Any, Body] = {
    next: _first,
    sum: _total(ast.Add(), 0),
    math.prod: _total(ast.Mult(), 1),
    any: _found(True),
    all: _found(False),
}


# -- at trace time


def is_known(t: Tracer, generators: Sequence[ast.comprehension]) -> bool:
    """Whether it is known how many items there are; the first clause goes over a value that is there already."""
    if at_run_time(t.eval(generators[0].iter)):
        return False
    if len(generators) == 1 and not generators[0].ifs:
        return True
    try:
        with trial(t), t.within(Region(), t.state.copy(), "straight"):
            for _ in produced(t, t.frame, generators, lambda: None):
                pass
    except AtRunTime:
        return False
    return True


def produced(
    t: Tracer, around: Frame, generators: Sequence[ast.comprehension], make: Callable[[], Any]
) -> Iterator[Any]:
    """What `make` gives per iteration, at trace time, each when it is asked for; the targets have a scope of their own,
    in the frame `around`."""
    first, rest = generators[0], generators[1:]
    with t.standing_in(around):
        iterable = iterated(t, t.eval(first.iter))
    if at_run_time(iterable):
        raise AtRunTime
    frame = inner_frame(t, around, first)
    for value in one_by_one(t, iterable):
        frame.scope, frame.extent = t.scope, t.frame.extent
        with t.enter(frame):
            assign(t, first.target, value)
            wanted = all(_chosen(t, test) for test in first.ifs)
        if wanted and rest:
            yield from produced(t, frame, rest, make)
        elif wanted:
            with t.enter(frame):
                made = make()
            yield made


def inner_frame(t: Tracer, around: Frame, clause: ast.comprehension) -> Frame:
    """The frame in which the targets of a clause stand."""
    names = frozenset(n.id for n in ast.walk(clause.target) if isinstance(n, ast.Name))
    return Frame(around.source.comprehension(names), None, around, t.scope, t.frame.extent, caller=around.caller)


def _chosen(t: Tracer, test: ast.expr) -> bool:
    flag = condition(t, test)
    if isinstance(flag, Value):
        raise AtRunTime
    return flag
