"""Conditions: chains of comparisons, `and`, `or`, `not` and conditional expressions."""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from llad.frontend.comparing import compare_values
from llad.frontend.core import Tracer
from llad.frontend.fork import Fork
from llad.frontend.state import Flag
from llad.frontend.truths import as_value, connect, negate, truth
from llad.ir.core import Value
from llad.ir.types import BOOL


def condition(t: Tracer, node: ast.expr) -> Flag:
    """The truth of an expression where only its truth matters."""
    if isinstance(node, ast.BoolOp):
        return connect(t, isinstance(node.op, ast.And), [partial(condition, t, n) for n in node.values])
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        return negate(t, condition(t, node.operand))
    value = t.open(node)
    outer, t.builder.span = t.builder.span, t.frame.span(node)
    flag = truth(t, value)
    t.builder.span = outer
    return flag


def bool_op(t: Tracer, node: ast.BoolOp) -> Any:
    """`and`, `or` as a value: the operand that decided."""
    if all(map(_is_boolean, node.values)):
        return as_value(condition(t, node))
    return _decide(t, isinstance(node.op, ast.And), node.values)


def _is_boolean(node: ast.expr) -> bool:
    match node:
        case ast.Compare(ops=ops):
            return len(ops) > 1 or isinstance(ops[0], (ast.Is, ast.IsNot, ast.In, ast.NotIn))
        case ast.UnaryOp(op=ast.Not()):
            return True
        case ast.BoolOp(values=values):
            return all(map(_is_boolean, values))
        case ast.Constant(value=value):
            return isinstance(value, bool)
    return False


def _decide(t: Tracer, conjunction: bool, nodes: Sequence[ast.expr]) -> Any:
    first = t.open(nodes[0])
    if len(nodes) == 1:
        return first
    flag = truth(t, first)
    if not isinstance(flag, Value):
        return _decide(t, conjunction, nodes[1:]) if flag is conjunction else first
    fork = Fork(t, flag)
    side = 0 if conjunction else 1
    fork.values[1 - side] = first
    fork.run(side, lambda: _decide(t, conjunction, nodes[1:]))
    return fork.join()


def not_(t: Tracer, node: ast.UnaryOp) -> Any:
    return as_value(negate(t, condition(t, node.operand)))


def if_expression(t: Tracer, node: ast.IfExp) -> Any:
    """`a if c else b`: only the chosen one is computed."""
    flag = condition(t, node.test)
    if not isinstance(flag, Value):
        return t.open(node.body if flag else node.orelse)
    return choose(t, flag, lambda: t.open(node.body), lambda: t.open(node.orelse))


def choose(t: Tracer, flag: Value, then: Callable[[], Any], otherwise: Callable[[], Any]) -> Any:
    """The value of the side that a run-time bool selects; the other is not computed."""
    fork = Fork(t, flag)
    fork.run(0, then)
    fork.run(1, otherwise)
    return fork.join()


def compare(t: Tracer, node: ast.Compare) -> Any:
    """A comparison, or a chain of them: each operand is evaluated once, and only if those before held."""
    left = t.open(node.left)
    if len(node.ops) == 1:
        return compare_values(t, node.ops[0], left, t.open(node.comparators[0]))
    values = [left]

    def link(k: int) -> Flag:
        values.append(t.open(node.comparators[k]))
        return truth(t, compare_values(t, node.ops[k], values[k], values[k + 1]))

    return as_value(connect(t, True, [partial(link, k) for k in range(len(node.ops))]))


def constant_flag(t: Tracer, flag: Flag) -> Value:
    """A flag as an IR value."""
    return flag if isinstance(flag, Value) else t.builder.const(flag, BOOL)
