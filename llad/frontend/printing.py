"""`print`: what Python would write, when the compiled code comes by.

The text of what is known is made at trace time, with a place for each run-time value. An f-string that is printed may
hold run-time numbers too, with their format.
"""

from __future__ import annotations

import ast
import builtins
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from llad.frontend.core import Tracer
from llad.frontend.iteration import items_of
from llad.frontend.promotion import NUMPY
from llad.frontend.values import Array, Scalar, describe, is_static
from llad.ir.core import Value, quoted
from llad.ir.types import BOOL, F32, is_float

print_ = builtins.print


class Text:
    """A text with places for run-time values."""

    def __init__(self) -> None:
        self.template = ""
        self.values: list[Value] = []

    def add(self, text: str, value: Value) -> None:
        self.template += text
        self.values.append(value)


def print_node(t: Tracer, node: ast.Call) -> None:
    """A call of `print`, whose f-strings are printed rather than made."""
    items: list[Any] = []
    for arg in node.args:
        if isinstance(arg, ast.Starred):
            items += items_of(t, t.eval(arg.value))
        else:
            items.append(_f_string(t, arg) if isinstance(arg, ast.JoinedStr) else t.eval(arg))
    for keyword in node.keywords:
        if keyword.arg is None:
            t.refuse("print", got="arguments in a dict")
    print_values(t, items, {str(k.arg): t.eval(k.value) for k in node.keywords})


def print_values(t: Tracer, items: Sequence[Any], kwargs: Mapping[str, Any]) -> None:
    """`print(*items, sep=…, end=…)`; `flush` changes nothing that Python shows."""
    for keyword, value in kwargs.items():
        if keyword not in ("sep", "end", "flush") or not is_static(value):
            t.refuse("keyword", keyword=keyword, name="print")
    separator, end = (kwargs.get(name) for name in ("sep", "end"))
    out = Text()
    for k, item in enumerate(items):
        if k:
            out.template += quoted(" " if separator is None else str(separator))
        _write(t, out, item)
    out.template += quoted("\n" if end is None else str(end))
    t.builder.print(out.template, *out.values)


def _f_string(t: Tracer, node: ast.JoinedStr) -> Text:
    out = Text()
    for part in node.values:
        if isinstance(part, ast.FormattedValue):
            _formatted(t, out, part)
        else:
            out.template += quoted(t.eval(part))
    return out


def _formatted(t: Tracer, out: Text, part: ast.FormattedValue) -> None:
    """`{value!conversion:spec}`."""
    value = t.eval(part.value)
    spec = "" if part.format_spec is None else t.eval(part.format_spec)
    if isinstance(value, (Scalar, Array)) and part.conversion == -1:
        out.add("{:" + _checked(t, value, spec) + "}", value.value)
    elif is_static(value):
        out.template += quoted(format_known(t, value, part.conversion, spec))
    elif spec:
        t.refuse("format")
    else:
        _write(t, out, value, inner=part.conversion in (ord("r"), ord("a")))


def format_known(t: Tracer, value: Any, conversion: int, spec: str) -> str:
    """`f"{value!conversion:spec}"` of what is known."""
    t.guards.used(value)
    shown = {-1: value, 115: str(value), 114: repr(value), 97: ascii(value)}[conversion]
    try:
        return format(shown, spec)
    except (TypeError, ValueError) as error:
        t.refuse("static-error", error=error)


def _checked(t: Tracer, value: Scalar | Array, spec: str) -> str:
    """The format, which must be one for such a value."""
    example: Any = np.empty(0) if isinstance(value, Array) else False if value.type == BOOL else 0
    if isinstance(value, Scalar) and is_float(value.type):
        example = np.float32(0.5) if value.type == F32 else 0.5
    try:
        format(example, spec)
    except (TypeError, ValueError) as error:
        t.refuse("static-error", error=error)
    return spec


def _write(t: Tracer, out: Text, item: Any, inner: bool = False) -> None:
    """Python's `str(item)`, or within a tuple (`inner`) its `repr`."""
    match item:
        case Text():
            out.template += item.template
            out.values += item.values
        case Scalar():
            out.add(_place(item) if inner else "{!s}", item.value)
        case Array():
            if inner:
                t.refuse("print", got="an array within something else")
            out.add("{!s}", item.value)
        case tuple() | list() if type(item) in (tuple, list):
            left, right = "()" if isinstance(item, tuple) else "[]"
            out.template += left
            _all(t, out, item)
            out.template += "," * (isinstance(item, tuple) and len(item) == 1) + right
        case dict() if type(item) is dict:
            t.guards.used(*item)
            out.template += "{{"
            for k, (key, value) in enumerate(item.items()):
                out.template += quoted(f"{', ' * bool(k)}{key!r}: ")
                _write(t, out, value, inner=True)
            out.template += "}}"
        case _:
            if type(item).__module__.startswith("llad."):
                t.refuse("print", got=describe(item))
            t.guards.used(item)
            out.template += quoted(repr(item) if inner else str(item))


def _all(t: Tracer, out: Text, items: Sequence[Any]) -> None:
    for k, item in enumerate(items):
        out.template += ", " * bool(k)
        _write(t, out, item, inner=True)


def _place(item: Scalar) -> str:
    """The `repr` of a number: NumPy's says its type."""
    if item.weak:
        return "{!r}"
    if item.type == BOOL:
        return "np.{}_"
    return f"np.{NUMPY[item.type].name}({{!s}})"
