"""Targets of assignments and of `del`: names, tuples of targets, subscripts."""

from __future__ import annotations

import ast
from typing import Any

from llad.frontend import indexing
from llad.frontend.core import Tracer
from llad.frontend.iteration import items_of
from llad.frontend.names import bind, load
from llad.frontend.records import set_field
from llad.frontend.subscripts import index_of, remove, store
from llad.frontend.values import Array, Rows, Scalar, Unbound, describe


def assign(t: Tracer, target: ast.expr, value: Any) -> None:
    """Bind a target to a value."""
    match target:
        case ast.Name(id=name):
            bind(t, name, value)
        case ast.Tuple(elts=elements) | ast.List(elts=elements):
            _unpack(t, target, elements, value)
        case ast.Subscript():
            base = t.eval(target.value)
            store(t, base, index_of(t, target.slice), value)
        case ast.Attribute():
            set_field(t, t.eval(target.value), target.attr, value)
        case _:
            t.refuse("statement", what="this target of an assignment")


def delete(t: Tracer, target: ast.expr) -> None:
    """`del` of a name, of an item of a list or dict, or of several of these."""
    match target:
        case ast.Name():
            load(t, target)  # raises where it is not bound
            bind(t, target.id, Unbound)
        case ast.Tuple(elts=elements) | ast.List(elts=elements):
            for element in elements:
                delete(t, element)
        case ast.Subscript():
            base = t.eval(target.value)
            remove(t, base, index_of(t, target.slice))
        case _:
            t.refuse("del", got="an attribute")


def _unpack(t: Tracer, target: ast.expr, elements: list[ast.expr], value: Any) -> None:
    stars = [k for k, e in enumerate(elements) if isinstance(e, ast.Starred)]
    if isinstance(value, Rows) and not stars:
        items = [value.item(row) for row in _array_items(t, value.items, len(elements))]
    elif isinstance(value, Array):
        items = _array_items(t, value, len(elements) if not stars else None)
    elif isinstance(value, Scalar) or value is None:
        t.refuse("unpack-type", got=describe(value))
    else:
        items = list(items_of(t, value))
    if stars:
        (star,) = stars
        behind = len(elements) - star - 1
        if len(items) >= len(elements) - 1:
            middle = t.make(items[star : len(items) - behind])
            items = [*items[:star], middle, *items[len(items) - behind :]]
    if len(items) != len(elements):
        t.refuse("unpack-count", count=len(items), wanted=len(elements))
    for element, item in zip(elements, items, strict=True):
        assign(t, element.value if isinstance(element, ast.Starred) else element, item)


def _array_items(t: Tracer, array: Array, count: int | None) -> list[Any]:
    """The rows of an array that is unpacked into `count` names."""
    if count is None or array.rank == 0:
        t.refuse("unpack-type", got=describe(array))
    b = t.builder
    extent = b.dim(array.value, 0)
    enough = b.op("ge", extent, b.i64(count))
    b.check(enough, "ValueError", f"not enough values to unpack (expected {count}, got {{}})", extent)
    b.check(b.op("le", extent, b.i64(count)), "ValueError", f"too many values to unpack (expected {count})")
    return [indexing.get_item(t, array, k) for k in range(count)]
