"""`with` on objects of a user's class: `__enter__` is traced before the statements inside, `__exit__` behind them.

    with Timed(clock) as timed:             manager = Timed(clock); timed = manager.__enter__()
        y = f(x)                            y = f(x)
                                            manager.__exit__(None, None, None)

Invariant: control gets to the end of the statements inside, or raises; what is raised goes past the `with`.
"""

from __future__ import annotations

import ast

from llad.frontend.core import Tracer
from llad.frontend.desugar import Enter, Leave, is_errstate
from llad.frontend.effects import body_of, own_nodes
from llad.frontend.imports import quiet
from llad.frontend.names import bind, held
from llad.frontend.records import is_object, method_of, special
from llad.frontend.source import source_of
from llad.frontend.targets import assign


def enter(t: Tracer, node: Enter) -> None:
    """What stands between `with` and `:`."""
    if is_errstate(node.context):
        quiet(t, node.context, node.target)
        bind(t, node.manager.id, None)
        return
    value = t.eval(node.context)
    leaving = method_of(value, "__exit__") if is_object(value) else None
    if leaving is None or method_of(value, "__enter__") is None:
        t.refuse("with")
    if any(_may_say_true(n) for n in own_nodes(body_of(source_of(leaving, t.builder.span).node))):
        t.refuse("with-left", why="whose `__exit__` may return something, and so take an error for handled")
    if node.early:
        t.refuse("with-left", why="that is left before its end")
    entered = special(t, value, "enter")
    bind(t, node.manager.id, value)
    if node.target is not None:
        assign(t, node.target, entered)


def _may_say_true(node: ast.AST) -> bool:
    match node:
        case ast.Return(value=None) | ast.Return(value=ast.Constant(value=None | False)):
            return False
    return isinstance(node, ast.Return)


def leave(t: Tracer, node: Leave) -> None:
    """What is done at the end of a `with`."""
    if (manager := held(t, node.manager.id)) is not None:
        special(t, manager, "exit", None, None, None)
