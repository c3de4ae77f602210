"""Names: what they hold in traced code, and what they are bound to.

A local name is looked up in the state of its frame, a free one in the frames that enclose a nested function, then
in the cells and globals of the Python function, where each look-up leaves a guard.
"""

from __future__ import annotations

import ast
from typing import Any

from llad.frontend.core import Tracer
from llad.frontend.rooms import shown
from llad.frontend.signature import Missing
from llad.frontend.state import Conflict, Dropped, Frame, Gone, Lent, Maybe, Unknown
from llad.frontend.values import Array, Growing, Scalar, Unbound


def load(t: Tracer, node: ast.Name) -> Any:
    """What a name holds; of a list that grows, what it has by now."""
    value = held(t, node.id)
    return shown(t, value) if isinstance(value, Growing) else value


def held(t: Tracer, name: str) -> Any:
    """What a name holds, a list that grows included."""
    frame: Frame | None = t.frame
    while frame is not None:
        if name in frame.source.locals:
            return _local(t, frame, name, free=frame is not t.frame)
        if frame.function is not None:
            return _outside(t, frame, name)
        frame = frame.parent
    raise AssertionError("the outermost frame has a function")


def _local(t: Tracer, frame: Frame, name: str, free: bool) -> Any:
    value = frame.state.values.get(name, Unbound)
    if isinstance(value, Conflict):
        lines = [span.line if span else "?" for span in (value.first_span, value.second_span)]
        t.refuse(
            "conflict", name=name, first=value.first, second=value.second, first_line=lines[0], second_line=lines[1]
        )
    if free and (value is Dropped or value is Gone):
        t.refuse("spent", got="that a generator makes when it is asked, from somewhere else than where it was written")
    assert value is not Dropped and value is not Gone, f"`{name}` was taken for dead"
    if value is Unbound:
        t.refuse("unbound", name=name)
    if value is Lent:
        t.refuse("nonlocal", names=name, where=", which another call is about to assign")
    kind, message = _unbound_message(name, free)
    if value is Unknown:
        t.end_path(kind, message)
    if isinstance(value, Maybe):
        t.builder.check(value.bound, kind, message)
        if not free:
            frame.state.values[name] = value.inner
        return value.inner
    return value


def _unbound_message(name: str, free: bool) -> tuple[str, str]:
    if free:
        text = f"cannot access free variable '{name}' where it is not associated with a value in enclosing scope"
        return "NameError", text
    return "UnboundLocalError", f"cannot access local variable '{name}' where it is not associated with a value"


def _outside(t: Tracer, frame: Frame, name: str) -> Any:
    function = frame.function
    assert function is not None
    value = t.guards.free(function, name)
    if value is Missing:
        t.refuse("unbound" if name in function.__code__.co_freevars else "undefined", name=name)
    return t.lift(value)


def bind(t: Tracer, name: str, value: Any, frame: Frame | None = None) -> None:
    """Let the local name hold `value`; a run-time value without a name takes this one."""
    state = (frame or t.frame).state
    if not isinstance(value, (Scalar, Array)):
        t.ledger.name(value, (frame or t.frame).extent)
    elif not value.value.name:
        value.value.name = name
    state.values[name] = value
    state.spans[name] = t.builder.span
