"""Loops done at trace time: their iterations follow one another, as if written out."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from typing import Any

from llad.frontend.core import Tracer
from llad.frontend.fork import Fork


def unrolled(t: Tracer, node: ast.For | ast.While, items: Iterator[Any], assign: Callable[[Any], None]) -> None:
    """A loop done at trace time, one iteration after the other."""
    _unroll(t, node, items, assign)
    state = t.state
    if not state.dead:
        state.left = state.stop = state.ret


def _unroll(t: Tracer, node: ast.For | ast.While, items: Iterator[Any], assign: Callable[[Any], None]) -> None:
    live = t.frame.source.live
    for item in items:
        with t.iteration(fresh=True):
            assign(item)
            t.execute(node.body)
        state = t.state
        if state.dead or state.stop is True:
            return
        state.left = state.stop
        if state.stop is not False:
            names = live.start[node] | live.after[node] | live.exits[node]
            fork = Fork(t, state.stop)
            gone = fork.states[0]
            gone.left, gone.stop, gone.ret = True, True, gone.ret is state.stop or gone.ret
            fork.states[1].land()
            fork.run(1, lambda: _unroll(t, node, items, assign), "rest")
            fork.join(names, names)
            return
