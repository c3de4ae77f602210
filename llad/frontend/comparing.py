"""Comparisons of any two values: objects are asked, structures are compared by their items.

Python asks the left operand by a special method of its class, and then the right one; it asks the right one first if
its class is derived from the other's. A dataclass compares fields, and what no method answers is equal to itself only.
"""

from __future__ import annotations

import ast
import dataclasses
from functools import partial
from typing import Any

from llad.frontend import comparisons, complex_values, ranges, records
from llad.frontend.comparisons import MIRRORED
from llad.frontend.complex_values import is_complex_value
from llad.frontend.core import Tracer
from llad.frontend.nones import present
from llad.frontend.numbers import PYTHON
from llad.frontend.records import class_of, is_object, method_of
from llad.frontend.shapes import is_number, same
from llad.frontend.state import Flag
from llad.frontend.truths import as_value, connect, negate, truth
from llad.frontend.values import Array, Lazy, NotHandled, OrNone, Record, Rows, Scalar, Table, describe, is_static
from llad.ir.core import Value
from llad.ir.types import BOOL
from llad.structures import of_class

COMPARISONS: dict[type[ast.cmpop], str] = {
    ast.Lt: "lt", ast.LtE: "le", ast.Gt: "gt", ast.GtE: "ge", ast.Eq: "eq", ast.NotEq: "ne",
}  # fmt: skip


def compare_values(t: Tracer, op: ast.cmpop, a: Any, b: Any) -> Any:
    """One comparison of traced values."""
    if isinstance(a, OrNone) or isinstance(b, OrNone):
        if a is None or b is None:
            return _is_none(t, op, b if a is None else a)
        a, b = (_ordered(t, op, v) for v in (a, b))
    match op:
        case ast.Is():
            return identical(t, a, b)
        case ast.IsNot():
            return not identical(t, a, b)
        case ast.In():
            return contains(t, b, a)
        case ast.NotIn():
            return as_value(negate(t, truth(t, contains(t, b, a))))
    return compare(t, COMPARISONS[type(op)], a, b)


def compare(t: Tracer, op: str, a: Any, b: Any) -> Any:
    """`a op b` for `lt le gt ge eq ne`."""
    if is_complex_value(a) or is_complex_value(b):
        return complex_values.compare(t, op, a, b)
    if (result := _by_methods(t, op, a, b)) is not NotHandled:
        return result
    if any(is_object(v) and not isinstance(v, tuple) for v in (a, b)):
        equal = op in ("eq", "ne")
        return _is_itself(t, a, b) is (op == "eq") if equal else _refuse(t, a, b)
    if _is_known(a) and _is_known(b):
        try:
            return PYTHON[op](a, b)
        except TypeError:
            _refuse(t, a, b)
    arrays = [isinstance(v, Array) for v in (a, b)]
    numbers = [is_number(v) or isinstance(v, Array) for v in (a, b)]
    if all(numbers) or (any(arrays) and any(isinstance(v, (tuple, list)) for v in (a, b))):
        return comparisons.compare(t, op, a, b)
    return _of_structures(t, op, a, b)


def _is_none(t: Tracer, op: ast.cmpop, value: OrNone) -> Any:
    """Whether a value is `None`, or is not."""
    if not isinstance(op, (ast.Is, ast.IsNot, ast.Eq, ast.NotEq)):
        t.refuse_or_none(value)
    there = value.there.value
    return as_value(there if isinstance(op, (ast.IsNot, ast.NotEq)) else negate(t, there))


def _ordered(t: Tracer, op: ast.cmpop, value: Any) -> Any:
    """One of two values, of which Python asks which is less."""
    if isinstance(value, OrNone) and not isinstance(op, (ast.Lt, ast.LtE, ast.Gt, ast.GtE)):
        t.refuse_or_none(value)
    return present(t, value, "'NoneType' is not ordered")


def _refuse(t: Tracer, a: Any, b: Any) -> Any:
    return t.refuse("comparison", left=describe(a), right=describe(b))


def _is_known(value: Any) -> bool:
    """Whether Python may compare the value: nothing in it is of a run, or may have methods for it."""
    if isinstance(value, (tuple, list, dict)):
        return all(map(_is_known, value.values() if isinstance(value, dict) else value))
    return is_static(value) and not is_object(value)


# -- objects


def _by_methods(t: Tracer, op: str, a: Any, b: Any) -> Any:
    ways = [(a, op, b), (b, MIRRORED[op], a)]
    if is_object(a) and is_object(b) and records.is_derived(b, a):
        ways.reverse()
    for value, name, other in ways:
        tuples = isinstance(value, tuple) and isinstance(other, tuple)
        if tuples and method_of(value, f"__{name}__") is None:
            return NotHandled  # tuples answer themselves
        if is_object(value) and (result := _answer(t, name, value, other)) is not NotHandled:
            return result
    return NotHandled


def _answer(t: Tracer, op: str, value: Any, other: Any) -> Any:
    """What the class of an object says, or `NotHandled`."""
    kind, name = class_of(value), f"__{op}__"
    method, found = method_of(value, name), of_class(kind, name)
    if method is None and not isinstance(value, tuple):
        if found is not getattr(object, name):
            t.refuse("call", got=f"{kind.__name__}.{name}")
        t.guards.attribute(kind, name, found)
        if op == "ne":
            equal = _answer(t, "eq", value, other)
            return equal if equal is NotHandled else as_value(negate(t, truth(t, equal)))
    return _by_fields(t, op, value, other) if records.is_generated(method) else records.special(t, value, op, other)


def _by_fields(t: Tracer, op: str, a: Any, b: Any) -> Any:
    """As the methods do that a dataclass gets."""
    kind = class_of(a)
    if kind is not (class_of(b) if is_object(b) else type(b)):
        return NotHandled
    name = f"__{op}__"
    owner = next(base for base in kind.__mro__ if name in vars(base))
    t.guards.attribute(kind, name, vars(owner)[name])
    names = [field.name for field in dataclasses.fields(owner) if field.compare]
    return compare(t, op, *(tuple(t.call(getattr, [v, n], {}) for n in names) for v in (a, b)))


def _is_itself(t: Tracer, a: Any, b: Any) -> bool:
    if not (is_object(a) and is_object(b)) or class_of(a) is not class_of(b):
        return False
    if a is not b and (isinstance(a, Record) or isinstance(b, Record)):
        t.refuse("identity", left=describe(a), right=describe(b))
    return a is b


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


# -- structures


def _of_structures(t: Tracer, op: str, a: Any, b: Any) -> Any:
    """Structures of a kind are equal if their items are; what no number is differs from every number."""
    if any(isinstance(v, (Rows, Table)) for v in (a, b)):
        return _refuse(t, a, b)
    sequences = any(isinstance(a, kind) and isinstance(b, kind) for kind in (tuple, list))
    if op not in ("eq", "ne"):
        return _by_items(t, op, a, b) if sequences else _refuse(t, a, b)
    if sequences:
        equal = len(a) == len(b) and _all_equal(t, list(zip(a, b, strict=True)))
    elif type(a) is dict and type(b) is dict:
        equal = a.keys() == b.keys() and _all_equal(t, [(v, b[k]) for k, v in a.items()])
    elif any(isinstance(v, Array) for v in (a, b)):
        return _refuse(t, a, b)
    else:
        equal = False
    return as_value(equal if op == "eq" else negate(t, equal))


def _all_equal(t: Tracer, pairs: list[tuple[Any, Any]]) -> Flag:
    return connect(t, True, [partial(_equal, t, a, b) for a, b in pairs]) if pairs else True


def _equal(t: Tracer, a: Any, b: Any) -> Flag:
    return truth(t, compare(t, "eq", a, b))


def _by_items(t: Tracer, op: str, a: Any, b: Any) -> Any:
    """`lt le gt ge` of two sequences: the first items that differ decide, or the lengths."""
    if not a or not b:
        return PYTHON[op](len(a), len(b))
    x, y = a[0], b[0]
    one = x is y or (isinstance(x, Scalar) and isinstance(y, Scalar) and x.value is y.value)
    equal = True if one else _equal(t, x, y)
    if not isinstance(equal, Value):
        return _by_items(t, op, a[1:], b[1:]) if equal else compare(t, op, x, y)
    first = truth(t, compare(t, op, x, y))
    flags = [truth(t, _by_items(t, op, a[1:], b[1:])), first]
    chosen = [flag if isinstance(flag, Value) else t.builder.const(flag, BOOL) for flag in flags]
    return Scalar(t.builder.op("select", equal, *chosen), weak=True)


def contains(t: Tracer, container: Any, item: Any) -> Any:
    """`item in container`, for a container of known size."""
    if (found := records.asked(t, container, "contains", item)) is not NotHandled:
        return as_value(truth(t, found))
    if (found := records.asked(t, container, "iter")) is not NotHandled:
        container = found
    container = list(container.begin()) if isinstance(container, Lazy) else container
    if isinstance(container, (tuple, list)):
        tests = [partial(_equal, t, item, x) for x in container]
        return as_value(connect(t, False, tests)) if tests else False
    if ranges.is_range(container) or (isinstance(container, range) and isinstance(item, Scalar)):
        return ranges.contains(t, container, item)
    if isinstance(item, (Scalar, Array)) or isinstance(container, (Scalar, Array)):
        t.refuse("membership", item=describe(item), container=describe(container))
    try:
        return item in container
    except TypeError:
        t.refuse("membership", item=describe(item), container=describe(container))
