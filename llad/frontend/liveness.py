"""Which local names may still be read: what has to be carried by a loop or merged after an `if`.

A backward analysis of the syntax, per function. A name that a loop body assigns before it reads it, and that
nobody reads after the loop, is no carry; a temporary of one branch is not merged. Names that nested functions
read are always live, for a closure may be called at any time; so are those that go back to an outer function.

Invariant: a superset of the names that execution can read before they are assigned again.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import field

from llad.dataclass import dataclass
from llad.frontend.effects import FunctionNode, assigned, body_of, borrowed, captured_names, reads

Names = frozenset[str]
Loop = ast.For | ast.While


@dataclass(slots=True)
class Liveness:
    """`after[s]`: read once control has passed statement `s`. `exits[s]`: read where a `break` or `continue` in
    `s` leads to. `start[loop]`: read from the start of an iteration on, its condition included."""

    always: Names
    after: dict[ast.stmt, Names] = field(default_factory=dict)
    exits: dict[ast.stmt, Names] = field(default_factory=dict)
    start: dict[Loop, Names] = field(default_factory=dict)
    _read: dict[ast.AST, Names] = field(default_factory=dict)

    def reads(self, *nodes: ast.AST | None) -> Names:
        """What is read below the nodes, each of which is looked at once however often loops come back to it."""
        names: Names = frozenset()
        for node in nodes:
            if node is not None:
                if node not in self._read:
                    self._read[node] = reads(node)
                names |= self._read[node]
        return names


def liveness(node: FunctionNode) -> Liveness:
    """The live names of a function at every statement of its body."""
    body = body_of(node)
    live = Liveness(captured_names(body) | borrowed(node))
    _block(live, body, live.always, live.always, live.always)
    return live


def _block(live: Liveness, body: Sequence[ast.stmt], out: Names, on_break: Names, on_continue: Names) -> Names:
    for statement in reversed(body):
        live.after[statement] = out
        live.exits[statement] = on_break | on_continue
        out = _statement(live, statement, out, on_break, on_continue)
    return out


def _statement(live: Liveness, s: ast.stmt, out: Names, on_break: Names, on_continue: Names) -> Names:
    match s:
        case ast.If(test=test, body=body, orelse=orelse):
            then = _block(live, body, out, on_break, on_continue)
            other = _block(live, orelse, out, on_break, on_continue)
            return live.reads(test) | then | other
        case ast.For(target=target, iter=iterable):
            return _loop(live, s, frozenset(assigned([target])), frozenset(), out) | live.reads(iterable)
        case ast.While(test=test):
            return _loop(live, s, frozenset(), live.reads(test), out)
        case ast.Return(value=value):
            return live.reads(value) | live.always
        case ast.Raise(exc=exception):
            return live.reads(exception) | live.always
        case ast.Break():
            return on_break
        case ast.Continue():
            return on_continue
        case ast.AugAssign(target=ast.Name(id=name)):
            return out | live.reads(s.value) | {name}
        case ast.FunctionDef(name=name):
            return (out - {name}) | live.reads(s) | live.always
        case ast.Assign() | ast.AnnAssign() if s.value is not None:
            targets = s.targets if isinstance(s, ast.Assign) else [s.target]
            killed = frozenset(assigned(targets)) - live.always
            return (out - killed) | live.reads(s.value, *targets)
        case _:
            return out | live.reads(s)


def _loop(live: Liveness, loop: Loop, target: Names, test: Names, out: Names) -> Names:
    """To a fixpoint over the back edge: what is live where the loop starts."""
    head = out | test
    while True:
        start = _block(live, loop.body, head, out, head)
        grown = out | test | (start - (target - live.always))
        live.start[loop] = (start - target) | test | (live.always & target)
        if grown <= head:
            return head
        head = head | grown
