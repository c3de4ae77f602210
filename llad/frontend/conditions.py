"""Conditions: truth, comparisons, `and`, `or`, `not` and conditional expressions.

Python evaluates no more of a condition than it needs. An operand whose evaluation is harmless and cheap is
computed all the same and joined with an `and` or `or` op; any other stands in a region of an `if`.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from llad.frontend import comparisons, complex_values, numbers, ranges, records
from llad.frontend.complex_values import is_complex_value
from llad.frontend.core import Tracer
from llad.frontend.fork import Fork
from llad.frontend.shapes import is_number, same
from llad.frontend.state import Flag
from llad.frontend.values import Array, Lazy, NotHandled, Record, Rows, Scalar, Table, describe, is_static
from llad.ir.core import Op, Value
from llad.ir.types import BOOL

COMPARISONS: dict[type[ast.cmpop], str] = {
    ast.Lt: "lt", ast.LtE: "le", ast.Gt: "gt", ast.GtE: "ge", ast.Eq: "eq", ast.NotEq: "ne",
}  # fmt: skip

# Ops that may run although Python would not have come to them.
_HARMLESS = frozenset({"const", "cast", "dim", "lt", "le", "gt", "ge", "eq", "ne", "and", "or", "not"})
_MOST = 6


def condition(t: Tracer, node: ast.expr) -> Flag:
    """The truth of an expression where only its truth matters."""
    if isinstance(node, ast.BoolOp):
        return _connect(t, isinstance(node.op, ast.And), [partial(condition, t, n) for n in node.values])
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        return negate(t, condition(t, node.operand))
    value = t.eval(node)
    outer, t.builder.span = t.builder.span, t.frame.span(node)
    flag = truth(t, value)
    t.builder.span = outer
    return flag


def truth(t: Tracer, value: Any) -> Flag:
    """Python's `bool(value)`."""
    if isinstance(value, (Scalar, Array)):
        flag = numbers.truth(t, value)
        return flag.value if isinstance(flag, Scalar) else flag
    if isinstance(value, (Rows, Table)):
        return t.builder.op("gt", t.builder.dim(value.first.items.value, 0), t.builder.i64(0))
    if not records.is_object(value):
        return bool(value)
    for name in ("bool", "len"):
        if (result := records.asked(t, value, name)) is not NotHandled:
            return truth(t, result)
    return bool(value) if isinstance(value, tuple) else True


def negate(t: Tracer, flag: Flag) -> Flag:
    return t.builder.op("not", flag) if isinstance(flag, Value) else not flag


def as_value(flag: Flag) -> Scalar | bool:
    """A flag as a Python bool of traced code."""
    return Scalar(flag, True) if isinstance(flag, Value) else flag


def _connect(t: Tracer, conjunction: bool, operands: Sequence[Callable[[], Flag]]) -> Flag:
    """`and` or `or` of flags, each computed only if those before it leave the answer open."""
    first = operands[0]()
    if len(operands) == 1:
        return first
    if not isinstance(first, Value):
        return _connect(t, conjunction, operands[1:]) if first is conjunction else first
    fork = Fork(t, first)
    side = 0 if conjunction else 1
    fork.values[1 - side] = not conjunction
    fork.run(side, lambda: as_value(_connect(t, conjunction, operands[1:])))
    second = fork.values[side]
    region = fork.regions[side]
    if _harmless(fork, side) and isinstance(second, (bool, Scalar)):
        t.builder.current.ops.extend(region.ops)
        if isinstance(second, bool):
            return first if second is conjunction else not conjunction
        return t.builder.op("and" if conjunction else "or", first, second.value)
    joined = fork.join()
    assert isinstance(joined, (bool, Scalar))
    return joined.value if isinstance(joined, Scalar) else joined


def _harmless(fork: Fork, side: int) -> bool:
    state = fork.states[side]
    ops: list[Op] = fork.regions[side].ops
    unchanged = not state.dead and all(fork.before.values.get(n) is v for n, v in state.values.items())
    return unchanged and len(ops) <= _MOST and all(op.name in _HARMLESS for op in ops)


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
    first = t.eval(nodes[0])
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
        return t.eval(node.body if flag else node.orelse)
    return choose(t, flag, lambda: t.eval(node.body), lambda: t.eval(node.orelse))


def choose(t: Tracer, flag: Value, then: Callable[[], Any], otherwise: Callable[[], Any]) -> Any:
    """The value of the side that a run-time bool selects; the other is not computed."""
    fork = Fork(t, flag)
    fork.run(0, then)
    fork.run(1, otherwise)
    return fork.join()


def compare(t: Tracer, node: ast.Compare) -> Any:
    """A comparison, or a chain of them: each operand is evaluated once, and only if those before held."""
    left = t.eval(node.left)
    if len(node.ops) == 1:
        return compare_values(t, node.ops[0], left, t.eval(node.comparators[0]))
    values = [left]

    def link(k: int) -> Flag:
        values.append(t.eval(node.comparators[k]))
        return truth(t, compare_values(t, node.ops[k], values[k], values[k + 1]))

    return as_value(_connect(t, True, [partial(link, k) for k in range(len(node.ops))]))


def compare_values(t: Tracer, op: ast.cmpop, a: Any, b: Any) -> Any:
    """One comparison of traced values."""
    match op:
        case ast.Is():
            return identical(t, a, b)
        case ast.IsNot():
            return not identical(t, a, b)
        case ast.In():
            return contains(t, b, a)
        case ast.NotIn():
            return as_value(negate(t, truth(t, contains(t, b, a))))
    name = COMPARISONS[type(op)]
    if is_complex_value(a) or is_complex_value(b):
        return complex_values.compare(t, name, a, b)
    if isinstance(a, Record) or isinstance(b, Record):
        return _compare_records(t, name, a, b)
    if is_number(a) or isinstance(a, Array) or is_number(b) or isinstance(b, Array) or not is_static((a, b)):
        return comparisons.compare(t, name, a, b)
    try:
        return getattr(operator, name)(a, b)
    except TypeError:
        t.refuse("comparison", left=describe(a), right=describe(b))


def _compare_records(t: Tracer, name: str, a: Any, b: Any) -> Any:
    """By the method of the class; dataclasses are equal if their fields are."""
    result = records.special(t, a, name, b)
    if result is NotHandled and name == "ne":
        equal = records.special(t, a, "eq", b)
        result = equal if equal is NotHandled else as_value(negate(t, truth(t, equal)))
    if result is not NotHandled:
        return result
    if name not in ("eq", "ne") or not all(isinstance(x, Record) and x.is_dataclass for x in (a, b)):
        return name == "ne" if name in ("eq", "ne") else t.refuse("comparison", left=describe(a), right=describe(b))
    if a.cls is not b.cls:
        return name == "ne"
    return comparisons.compare(t, name, tuple(a.fields.values()), tuple(b.fields.values()))


def identical(t: Tracer, a: Any, b: Any) -> bool:
    """`a is b`, where it can be told at trace time."""
    if isinstance(a, Array) and isinstance(b, Array):
        if a.value is b.value:
            return True
        t.refuse("identity", left=describe(a), right=describe(b))
    if isinstance(a, (Scalar, Array)) or isinstance(b, (Scalar, Array)):
        other = b if isinstance(a, (Scalar, Array)) else a
        if is_number(other):
            t.refuse("identity", left=describe(a), right=describe(b))
        return False
    if a is not b and any(isinstance(a, kind) and isinstance(b, kind) for kind in (Record, list, dict)):
        t.refuse("identity", left=describe(a), right=describe(b))
    return a is b or same(a, b)


def _equal(t: Tracer, a: Any, b: Any) -> Flag:
    return truth(t, compare_values(t, ast.Eq(), a, b))


def contains(t: Tracer, container: Any, item: Any) -> Any:
    """`item in container`, for a container of known size."""
    if (found := records.asked(t, container, "contains", item)) is not NotHandled:
        return as_value(truth(t, found))
    if (found := records.asked(t, container, "iter")) is not NotHandled:
        container = found
    container = list(container.begin()) if isinstance(container, Lazy) else container
    if isinstance(container, (tuple, list)):
        tests = [partial(_equal, t, item, x) for x in container]
        return as_value(_connect(t, False, tests)) if tests else False
    if ranges.is_range(container) or (isinstance(container, range) and isinstance(item, Scalar)):
        return ranges.contains(t, container, item)
    if isinstance(item, (Scalar, Array)) or isinstance(container, (Scalar, Array)):
        t.refuse("membership", item=describe(item), container=describe(container))
    try:
        return item in container
    except TypeError:
        t.refuse("membership", item=describe(item), container=describe(container))


def constant_flag(t: Tracer, flag: Flag) -> Value:
    """A flag as an IR value."""
    return flag if isinstance(flag, Value) else t.builder.const(flag, BOOL)
