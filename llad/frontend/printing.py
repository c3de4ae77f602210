"""Texts with run-time values: what `print` writes when the compiled code comes by, and the messages of errors.

The text of what is known is made at trace time, with a place for each run-time value. An f-string, `"…".format(…)`,
`"…" % …` and a sum of such may hold run-time numbers too, with their format, where a text is written rather than made.
"""

from __future__ import annotations

import ast
import builtins
import re
import string
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from llad.frontend.core import Tracer
from llad.frontend.iteration import items_of
from llad.frontend.numbers import binary
from llad.frontend.promotion import NUMPY
from llad.frontend.values import Array, Scalar, describe, is_static
from llad.ir.core import Value, quoted
from llad.ir.types import BOOL, F32, is_float

print_ = builtins.print
_Missing = object()
# What `%` and `str.format` do alike, of integers and of floats.
_ALIKE = (r"%[+ 0]?\d*(?:[di]|(?:\.\d+)?[feEgG])", r"%[+ 0]?\d*(?:\.\d+)?[feEgG]")


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
            items.append(text_of(t, arg))
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


def text_of(t: Tracer, node: ast.expr) -> Any:
    """The value of an expression; of one that makes a text of its parts, the `Text`."""
    out = Text()
    match node:
        case ast.JoinedStr(values=parts):
            for part in parts:
                if isinstance(part, ast.FormattedValue):
                    spec = "" if part.format_spec is None else t.eval(part.format_spec)
                    _formatted(t, out, t.eval(part.value), part.conversion, spec)
                else:
                    out.template += quoted(t.eval(part))
        case ast.Call(func=ast.Attribute(value=ast.Constant(value=str() as form), attr="format"), keywords=[]):
            _filled_in(t, out, form, [t.eval(arg) for arg in node.args])
        case ast.BinOp(left=ast.Constant(value=str() as form), op=ast.Mod(), right=right):
            value = t.eval(right)
            _percent(t, out, form, value if isinstance(value, tuple) else (value,))
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            sides = text_of(t, left), text_of(t, right)
            if not all(isinstance(side, (str, Text)) for side in sides) or not any(isinstance(s, Text) for s in sides):
                return binary(t, "add", *sides)
            for side in sides:
                _write(t, out, side)
        case _:
            return t.eval(node)
    return out


def _filled_in(t: Tracer, out: Text, form: str, values: Sequence[Any]) -> None:
    """`form.format(*values)`."""
    number = 0
    for before, name, spec, conversion in string.Formatter().parse(form):
        out.template += quoted(before)
        if name is None:
            continue
        if name == "":
            name, number = str(number), number + 1
        if not name.isdecimal() or int(name) >= len(values) or "{" in (spec or ""):
            t.refuse("format")
        _formatted(t, out, values[int(name)], ord(conversion) if conversion else -1, spec or "")


def _percent(t: Tracer, out: Text, form: str, values: Sequence[Any]) -> None:
    """`form % values`, with the directives that mean the same of numbers in `str.format`."""
    rest = iter(values)
    for before, directive in re.findall(r"([^%]*)(%[-+ #0]*\d*(?:\.\d+)?[a-zA-Z%]|$)", form):
        out.template += quoted(before)
        if directive in ("", "%%"):
            out.template += directive[:1]
            continue
        value, kind = next(rest, _Missing), directive[-1]
        if is_static(value) and value is not _Missing:
            t.guards.used(value)
            out.template += quoted(_known_percent(t, directive, value))
        elif directive in ("%s", "%r"):
            _write(t, out, value, inner=kind == "r")
        elif isinstance(value, Scalar) and value.type != BOOL and re.fullmatch(_ALIKE[is_float(value.type)], directive):
            _formatted(t, out, value, -1, directive[1:-1] + ("d" if kind == "i" else kind))
        else:
            t.refuse("format")
    if next(rest, _Missing) is not _Missing:
        t.refuse("static-error", error="not all arguments converted during string formatting")


def _known_percent(t: Tracer, directive: str, value: Any) -> str:
    try:
        return directive % (value,)
    except (TypeError, ValueError) as error:
        t.refuse("static-error", error=error)


def _formatted(t: Tracer, out: Text, value: Any, conversion: int, spec: str) -> None:
    """`{value!conversion:spec}`."""
    if isinstance(value, (Scalar, Array)) and conversion == -1:
        out.add("{:" + _checked(t, value, spec) + "}", value.value)
    elif is_static(value):
        out.template += quoted(format_known(t, value, conversion, spec))
    elif spec:
        t.refuse("format")
    else:
        _write(t, out, value, inner=conversion in (ord("r"), ord("a")))


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
