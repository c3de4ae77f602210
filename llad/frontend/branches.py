"""`if` statements, and what follows a jump that only some paths took.

When one side of an `if` has left (by a jump) and the other has not, the statements that follow go into the other
side's region: no flag is needed and nothing is traced twice. When a side may have left, what follows is guarded by
the run-time flag `left`.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence

from llad.frontend.conditions import condition
from llad.frontend.core import Tracer
from llad.frontend.fork import Fork
from llad.frontend.growth import grown_in_branches
from llad.ir.core import Value


def branch(t: Tracer, node: ast.If, rest: Sequence[ast.stmt]) -> bool:
    """An `if` statement; whether it took the `rest` of its block into one of its sides."""
    flag = condition(t, node.test)
    if not isinstance(flag, Value):
        t.execute(node.body if flag else node.orelse)
        return False
    if grown_in_branches(t, node, lambda: _forked(t, node, flag, ())):
        return False
    return _forked(t, node, flag, rest)


def _forked(t: Tracer, node: ast.If, flag: Value, rest: Sequence[ast.stmt]) -> bool:
    """Both sides of an `if`; whether one of them took the `rest`."""
    live = t.frame.source.live
    fork = Fork(t, flag)
    fork.run(0, lambda: t.execute(node.body))
    fork.run(1, lambda: t.execute(node.orelse))
    left = [state.left is True for state in fork.states]
    taken = bool(rest) and left[0] != left[1]
    if taken:
        fork.run(1 if left[0] else 0, lambda: t.execute(rest), "rest")
    last = rest[-1] if taken else node
    fork.join(live.after[last], live.exits[last])
    return taken


def rest(t: Tracer, statements: Sequence[ast.stmt]) -> None:
    """Statements that run unless control has left before them."""
    left = t.state.left
    assert isinstance(left, Value)
    fork = Fork(t, left)
    gone = fork.states[0]
    gone.left, gone.stop, gone.ret = (True if f is left else f for f in (left, gone.stop, gone.ret))
    fork.states[1].land()
    fork.run(1, lambda: t.execute(statements), "rest")
    live = t.frame.source.live
    fork.join(live.after[statements[-1]], live.exits[statements[-1]])
