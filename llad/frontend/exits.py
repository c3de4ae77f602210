"""Statements by which control leaves: `return`, `break`, `continue`, and the errors of `raise` and `assert`.

A jump sets flags of the state (`state.py`); an error is a check that always fails, after which the path is dead.
Invariant: what is raised is an exception of Python's own, whose text is known at trace time.
"""

from __future__ import annotations

import ast
from typing import Any

from llad.frontend.conditions import condition, constant_flag
from llad.frontend.core import Tracer
from llad.frontend.values import describe, is_static
from llad.ir.core import quoted
from llad.ir.errors import is_known


def return_(t: Tracer, node: ast.Return) -> None:
    value = None if node.value is None else t.eval(node.value)
    t.state.result, t.state.result_span = value, t.frame.span(node.value or node)
    t.state.jump(ret=True)


def break_(t: Tracer, node: ast.Break) -> None:
    t.state.jump(stop=True)


def continue_(t: Tracer, node: ast.Continue) -> None:
    t.state.jump()


def assert_(t: Tracer, node: ast.Assert) -> None:
    """The message is computed at trace time, whether the condition holds or not."""
    flag = condition(t, node.test)
    if flag is True:
        return
    message = "" if node.msg is None else _text(t, t.eval(node.msg))
    if flag is False:
        t.end_path("AssertionError", message)
    t.builder.check(constant_flag(t, flag), "AssertionError", message)


def raise_(t: Tracer, node: ast.Raise) -> None:
    """`raise X`, `raise X('text')` and `raise X('text') from None`."""
    if node.exc is None or not (node.cause is None or t.eval(node.cause) is None):
        t.refuse("raise", got="again, or with a cause")
    thing = t.eval(node.exc)
    error = thing if isinstance(thing, type) else type(thing)
    arguments = () if isinstance(thing, type) else getattr(thing, "args", ())
    if not _raisable(error) or len(arguments) > 1:
        t.refuse("raise", got=describe(thing) if not issubclass(error, BaseException) else error.__name__)
    t.end_path(error.__name__, "".join(_text(t, a) for a in arguments))


def _raisable(error: type) -> bool:
    """Whether this is an exception that a text makes, Python's own or `LinAlgError`."""
    if not is_known(error) or not issubclass(error, Exception):
        return False
    return not issubclass(error, (UnicodeError, BaseExceptionGroup)) or error is UnicodeError


def _text(t: Tracer, value: Any) -> str:
    """The text of a message, as a check holds it."""
    if not is_static(value):
        t.refuse("message")
    t.guards.used(value)
    return quoted(str(value))
