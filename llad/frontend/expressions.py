"""Expressions: names, constants, arithmetic, attributes, subscripts, displays and comprehensions."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from llad.frontend import complex_functions, complex_values, list_arithmetic, numbers, records
from llad.frontend.attributes import attribute
from llad.frontend.calls import define
from llad.frontend.changing import peek, taken
from llad.frontend.collected import opened
from llad.frontend.complex_values import is_complex_value
from llad.frontend.comprehensions import comprehension, dict_comprehension, generator, key_of, set_comprehension
from llad.frontend.conditions import bool_op, compare, if_expression, not_
from llad.frontend.core import Tracer
from llad.frontend.desugar import Imported
from llad.frontend.generating import Yielded, yielded
from llad.frontend.generators import Known, call_expression, known
from llad.frontend.imports import imported
from llad.frontend.iteration import items_of
from llad.frontend.iterators import name, refuse_generator
from llad.frontend.matching import binds, field_at, has_items, has_keys, is_a, other_keys, refuse_pattern
from llad.frontend.names import bind
from llad.frontend.nones import operand, owner
from llad.frontend.objects import iterated
from llad.frontend.patterns import Binds, FieldAt, HasItems, HasKeys, IsA, OtherKeys, Refused
from llad.frontend.printing import format_known
from llad.frontend.records import is_object
from llad.frontend.rows import Seen, seen
from llad.frontend.subscripts import index_of, item
from llad.frontend.values import NotHandled, describe, is_static

BINARY: dict[type[ast.operator], str] = {
    ast.Add: "add", ast.Sub: "sub", ast.Mult: "mul", ast.Div: "div", ast.FloorDiv: "floordiv", ast.Mod: "mod",
    ast.Pow: "pow", ast.MatMult: "matmul", ast.BitAnd: "and", ast.BitOr: "or", ast.BitXor: "xor",
    ast.LShift: "shl", ast.RShift: "shr",
}  # fmt: skip
UNARY: dict[type[ast.unaryop], str] = {ast.USub: "neg", ast.UAdd: "pos", ast.Invert: "invert"}


def _constant(t: Tracer, node: ast.Constant) -> Any:
    return node.value


def _binary(t: Tracer, node: ast.BinOp) -> Any:
    left = operand(t, node.left)
    return binary_values(t, node.op, left, operand(t, node.right))


def binary_values(t: Tracer, op: ast.operator, a: Any, b: Any) -> Any:
    """`a op b`. Lists and strings made at trace time are handled by Python."""
    if isinstance(op, ast.Mod) and isinstance(a, str):
        if not is_static(b):
            t.refuse("format")
        t.guards.used(b)
        try:
            return a % b
        except (TypeError, ValueError, LookupError) as error:
            t.refuse("static-error", error=error)
    name = BINARY[type(op)]
    if is_complex_value(a) or is_complex_value(b):
        return complex_values.binary(t, name, a, b)
    if is_object(a) or is_object(b):
        result = records.operator(t, name, a, b)
        if result is not NotHandled:
            return result
    result = list_arithmetic.binary(t, name, a, b)
    if result is not NotHandled:
        return result
    result = numbers.binary(t, name, a, b)
    return t.make(result) if isinstance(result, (list, dict, set)) else result


def _unary(t: Tracer, node: ast.UnaryOp) -> Any:
    if isinstance(node.op, ast.Not):
        return not_(t, node)
    name, value = UNARY[type(node.op)], operand(t, node.operand)
    if is_complex_value(value):
        return complex_values.unary(t, name, value)
    result = records.special(t, value, name) if is_object(value) else NotHandled
    return numbers.unary(t, name, value) if result is NotHandled else result


def _attribute(t: Tracer, node: ast.Attribute) -> Any:
    value = owner(t, node.value, node.attr)
    if is_complex_value(value):
        return complex_functions.attribute(t, value, node.attr)
    return attribute(t, value, node.attr)


def _subscript(t: Tracer, node: ast.Subscript) -> Any:
    base = peek(t, node.value)
    return taken(t, base, item(t, base, index_of(t, node.slice, base)))


def elements_of(t: Tracer, nodes: Sequence[ast.expr]) -> list[Any]:
    """The values of a display's elements, starred ones spread."""
    values: list[Any] = []
    for node in nodes:
        if isinstance(node, ast.Starred):
            values += items_of(t, iterated(t, t.eval(node.value)))
        else:
            values.append(t.eval(node))
    return values


def _tuple(t: Tracer, node: ast.Tuple) -> Any:
    return tuple(elements_of(t, node.elts))


def _list(t: Tracer, node: ast.List) -> Any:
    parts: list[Any] = [[]]
    for element in node.elts:
        if not isinstance(element, ast.Starred):
            parts[-1].append(t.eval(element))
        elif list_arithmetic.is_spread_at_run_time(value := iterated(t, t.eval(element.value))):
            parts += [value, []]
        else:
            parts[-1] += items_of(t, value)
    if len(parts) == 1:
        return t.make(parts[0])
    return list_arithmetic.display(t, [t.make(part) if type(part) is list else part for part in parts if part != []])


def _set(t: Tracer, node: ast.Set) -> Any:
    values = elements_of(t, node.elts)
    return t.make({key_of(t, value) for value in values})


def _dict(t: Tracer, node: ast.Dict) -> Any:
    result: dict[Any, Any] = {}
    for key, value in zip(node.keys, node.values, strict=True):
        if key is None:
            inner = opened(t, t.eval(value))
            if not isinstance(inner, dict):
                t.refuse("static-error", error=f"{describe(inner)} after `**`, which wants a dict")
            result.update(inner)
            continue
        name = key_of(t, t.eval(key))
        result[name] = t.eval(value)
    return t.make(result)


def _f_string(t: Tracer, node: ast.JoinedStr) -> str:
    parts = []
    for part in node.values:
        value = t.eval(part.value if isinstance(part, ast.FormattedValue) else part)
        if not is_static(value):
            t.refuse("format")
        if isinstance(part, ast.FormattedValue):
            spec = "" if part.format_spec is None else t.eval(part.format_spec)
            value = format_known(t, value, part.conversion, spec)
        parts.append(value)
    return "".join(parts)


def _walrus(t: Tracer, node: ast.NamedExpr) -> Any:
    value = t.open(node.value)
    refuse_generator(t, value)
    frame, around = t.frame, t.frame.scope
    while frame.source.targets is not None and frame.parent is not None:
        frame, around = frame.parent, frame.scope
    if frame is not t.frame and not t.scope.may_mutate(around):
        t.refuse("comprehension", got="with `:=` on some paths only")
    bind(t, node.target.id, value, frame)
    return value


def _lambda(t: Tracer, node: ast.Lambda) -> Any:
    return define(t, node)


def _refuse(code: str) -> Callable[[Tracer, Any], Any]:
    return lambda t, node: t.refuse(code)


def _sent(t: Tracer, node: ast.Yield | ast.YieldFrom) -> Any:
    return t.refuse("yield", what="that is sent something, or returns something")


EXPRESSIONS: Mapping[type[ast.expr], Callable[[Tracer, Any], Any]] = {
    ast.Name: name,
    ast.Constant: _constant,
    ast.BinOp: _binary,
    ast.UnaryOp: _unary,
    ast.BoolOp: bool_op,
    ast.Compare: compare,
    ast.IfExp: if_expression,
    ast.Call: call_expression,
    Known: known,
    Yielded: yielded,
    Seen: seen,
    Imported: imported,
    HasItems: has_items,
    HasKeys: has_keys,
    OtherKeys: other_keys,
    Binds: binds,
    IsA: is_a,
    FieldAt: field_at,
    Refused: refuse_pattern,
    ast.Attribute: _attribute,
    ast.Subscript: _subscript,
    ast.Tuple: _tuple,
    ast.List: _list,
    ast.Set: _set,
    ast.Dict: _dict,
    ast.JoinedStr: _f_string,
    ast.NamedExpr: _walrus,
    ast.ListComp: comprehension,
    ast.GeneratorExp: generator,
    ast.SetComp: set_comprehension,
    ast.DictComp: dict_comprehension,
    ast.Lambda: _lambda,
    ast.Await: _refuse("async"),
    ast.Yield: _sent,
    ast.YieldFrom: _sent,
}
