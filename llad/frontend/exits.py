"""Statements by which control leaves: `return`, `break`, `continue`, and the errors of `raise` and `assert`.

A jump sets flags of the state (`state.py`); an error is a check that always fails, after which the path is dead.
Invariant: what is raised is an exception of Python's own, whose text is known at trace time but for at most four
numbers.
"""

from __future__ import annotations

import ast
from typing import NoReturn

from llad.frontend.conditions import condition, constant_flag
from llad.frontend.core import Tracer
from llad.frontend.fork import Fork
from llad.frontend.nones import narrow_names
from llad.frontend.printing import Text, text_of
from llad.frontend.sharing import handed_out
from llad.frontend.values import describe, is_static
from llad.ir.core import quoted
from llad.ir.errors import is_known
from llad.ir.types import ScalarType

_SHOWN = 4  # numbers that a message may show


def return_(t: Tracer, node: ast.Return) -> None:
    value = None if node.value is None else handed_out(t, t.open(node.value))
    t.state.result, t.state.result_span = value, t.frame.span(node.value or node)
    t.state.jump(ret=True)


def break_(t: Tracer, node: ast.Break) -> None:
    t.state.jump(stop=True)


def continue_(t: Tracer, node: ast.Continue) -> None:
    t.state.jump()


def assert_(t: Tracer, node: ast.Assert) -> None:
    """A message of run-time numbers is computed where the condition does not hold, any other at trace time."""
    flag = condition(t, node.test)
    if flag is True:
        return
    if flag is False:
        _end(t, AssertionError, node.msg)
    if node.msg is None or isinstance(node.msg, ast.Constant):
        message = "" if node.msg is None else quoted(str(node.msg.value))
        t.builder.check(constant_flag(t, flag), "AssertionError", message)
    else:
        fork = Fork(t, constant_flag(t, flag))
        fork.run(0, lambda: None)
        fork.run(1, lambda: _end(t, AssertionError, node.msg))
        fork.join()
    narrow_names(t, constant_flag(t, flag))


def raise_(t: Tracer, node: ast.Raise) -> None:
    """`raise X`, `raise X('text')` and `raise X('text') from None`."""
    if node.exc is None or not (node.cause is None or t.eval(node.cause) is None):
        t.refuse("raise", got="again, or with a cause")
    match node.exc:
        case ast.Call(func=ast.Name() | ast.Attribute() as function, args=[message], keywords=[]):
            error = t.eval(function)
            if isinstance(error, type) and _raisable(error) and not isinstance(message, ast.Starred):
                _end(t, error, message)
    thing = t.eval(node.exc)
    error = thing if isinstance(thing, type) else type(thing)
    arguments = () if isinstance(thing, type) else getattr(thing, "args", ())
    if not _raisable(error) or len(arguments) > 1:
        t.refuse("raise", got=describe(thing) if not issubclass(error, BaseException) else error.__name__)
    t.end_path(error.__name__, "".join(quoted(str(a)) for a in arguments))


def _end(t: Tracer, error: type, message: ast.expr | None) -> NoReturn:
    """Raise the error with that message, always."""
    text = "" if message is None else text_of(t, message)
    if not isinstance(text, Text):
        if not is_static(text):
            _refuse(t, message, "what is known only at run time, by itself")
        t.guards.used(text)
        t.end_path(error.__name__, quoted(str(text)))
    for value in text.values:
        if not isinstance(value.type, ScalarType):
            _refuse(t, message, "an array")
    if len(text.values) > _SHOWN:
        _refuse(t, message, f"more than {_SHOWN} numbers known only at run time")
    t.end_path(error.__name__, text.template, *text.values)


def _refuse(t: Tracer, message: ast.expr | None, got: str) -> NoReturn:
    if message is not None:
        t.builder.span = t.frame.span(message)
    t.refuse("message", got=got)


def _raisable(error: type) -> bool:
    """Whether this is an exception that a text makes, Python's own or `LinAlgError`."""
    if not is_known(error) or not issubclass(error, Exception):
        return False
    return not issubclass(error, (UnicodeError, BaseExceptionGroup)) or error is UnicodeError
