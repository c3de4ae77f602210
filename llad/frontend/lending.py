"""`nonlocal`: a call borrows the outer names that it assigns, and gives them back when it returns.

    def add(v):                     add(x):     total of `add` = total of the outer function
        nonlocal total                          …
        total += v                              total of the outer function = total of `add`

Meanwhile the outer name is `Lent`: whoever else asks for it is refused, as it would see what it was before the call.

Invariant: the outer state that is given back to is that of the path which called. So every branch or loop between the
outer function and the call is the outer function's own; and the inner function returns at its end only, so that its
state there is that of all its paths.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from contextlib import contextmanager

from llad.frontend.core import Tracer
from llad.frontend.effects import own_nodes
from llad.frontend.source import Source
from llad.frontend.state import Frame, Lent
from llad.frontend.values import Growing, Unbound


@contextmanager
def lent(t: Tracer, frame: Frame) -> Iterator[None]:
    """The call of a function defined in traced code, in `frame`, with what it borrows."""
    outer = {name: owner for name in sorted(frame.source.borrowed) if (owner := _owner(frame, name)) is not None}
    states = {name: owner.state for name, owner in outer.items()}
    for name, owner in outer.items():
        if not _within_reach(t, owner):
            t.refuse("nonlocal", names=name, where=" from outside of its function, or in another's branch or loop")
    before = {name: state.values.get(name, Unbound) for name, state in states.items()}
    for name, value in before.items():
        if value is Lent or isinstance(value, Growing):
            where = ", which another call is about to assign" if value is Lent else ", a list that grows"
            t.refuse("nonlocal", names=name, where=where)
        frame.state.values[name] = value
        frame.state.spans[name] = states[name].spans.get(name)
        states[name].values[name] = Lent
    try:
        yield
        after = {name: frame.state.values.get(name, Unbound) for name in outer}
        spans = frame.state.spans
    except BaseException:
        for name, value in before.items():
            states[name].values[name] = value
        raise
    for name, value in after.items():
        states[name].values[name] = value
        states[name].spans[name] = spans.get(name)
        if isinstance(value, Growing):
            t.refuse("nonlocal", names=name, where=", a list that grows")


def _owner(frame: Frame, name: str) -> Frame | None:
    """The frame of traced code whose name it is."""
    owner = frame.parent
    while owner is not None and (name not in owner.source.locals or owner.source.targets is not None):
        owner = owner.parent
    return owner


def _within_reach(t: Tracer, owner: Frame) -> bool:
    """Whether the state of `owner` is that of the path which has come here."""
    caller: Frame | None = t.frame
    while caller is not None and caller is not owner:
        caller = caller.parent
    if caller is None or not t.scope.inside(owner.scope):
        return False
    between = t.scope.before(owner.scope)
    return all(s.frame is owner or (s.frame is None and s.kind == "straight") for s in between)


def returns_early(source: Source) -> bool:
    """Whether a `return` of the function is not its last statement."""
    assert isinstance(source.node, ast.FunctionDef)
    *rest, last = source.node.body
    nodes = own_nodes(rest if isinstance(last, ast.Return) else [*rest, last])
    return any(isinstance(n, ast.Return) for n in nodes)
