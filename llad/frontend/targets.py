"""Targets of assignments and of `del`: names, tuples of targets, subscripts."""

from __future__ import annotations

import ast
from dataclasses import replace
from typing import Any

from llad.frontend import indexing
from llad.frontend.arrays import copy
from llad.frontend.changing import begun, store_item
from llad.frontend.core import Tracer
from llad.frontend.extents import extents_of
from llad.frontend.iteration import Generated, Walk, items_of, known_length
from llad.frontend.iterators import refuse_generator
from llad.frontend.moving import taken_out
from llad.frontend.names import bind, load
from llad.frontend.nones import operand, owner, present
from llad.frontend.objects import iterated
from llad.frontend.records import remove_field, set_field
from llad.frontend.sharing import adopted
from llad.frontend.subscripts import index_of, item, remove, store
from llad.frontend.values import Array, OrNone, Rows, Scalar, Unbound, describe
from llad.traced import sequences as written


def assign(t: Tracer, target: ast.expr, value: Any) -> None:
    """Bind a target to a value."""
    match target:
        case ast.Name(id=name):
            refuse_generator(t, value)
            bind(t, name, begun(t, name, value))
        case ast.Tuple(elts=elements) | ast.List(elts=elements):
            _unpack(t, elements, value)
        case ast.Subscript(value=ast.Name(id=name)) if adopted(t, name):
            if isinstance(value, OrNone):
                t.refuse_or_none(value)
            store_item(t, name, index_of(t, target.slice), value)
        case ast.Subscript():
            base = operand(t, target.value)
            if isinstance(value, OrNone) and not isinstance(base, (list, dict)):
                t.refuse_or_none(value)
            store(t, base, index_of(t, target.slice, base), value)
        case ast.Attribute():
            set_field(t, owner(t, target.value, target.attr), target.attr, value)
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
        case ast.Subscript(value=ast.Name(id=name)) if adopted(t, name):
            index = index_of(t, target.slice)
            if isinstance(index, slice):
                t.refuse("growing", why="loses items by a slice")
            taken_out(t, name, index, "list assignment index out of range")
        case ast.Subscript():
            base = t.eval(target.value)
            remove(t, base, index_of(t, target.slice))
        case ast.Attribute():
            remove_field(t, t.eval(target.value), target.attr)
        case _:
            t.refuse("del", got="this")


def _unpack(t: Tracer, elements: list[ast.expr], value: Any) -> None:
    value = present(t, value, "cannot unpack non-iterable NoneType object")
    star = next((k for k, e in enumerate(elements) if isinstance(e, ast.Starred)), None)
    value = iterated(t, value)
    if isinstance(value, Generated):
        value = value.listed()
    elif isinstance(value, Walk):
        value = t.call(written.listed, [replace(value)], {})
    if star is not None and isinstance(value, (Array, Rows)) and not _is_known(value):
        items = _with_rest(t, value, star, len(elements) - 1)
    elif star is None and isinstance(value, Rows):
        items = [value.item(row) for row in _array_items(t, value.items, len(elements))]
    elif star is None and isinstance(value, Array):
        items = _array_items(t, value, len(elements))
    elif isinstance(value, Scalar) or value is None:
        t.refuse("unpack-type", got=describe(value))
    else:
        items = list(items_of(t, value))
        if star is not None and len(items) >= len(elements) - 1:
            behind = len(items) - (len(elements) - star - 1)
            items = [*items[:star], t.make(items[star:behind]), *items[behind:]]
    if len(items) != len(elements):
        t.refuse("unpack-count", count=len(items), wanted=len(elements))
    for element, part in zip(elements, items, strict=True):
        assign(t, element.value if isinstance(element, ast.Starred) else element, part)


def _is_known(value: Array | Rows) -> bool:
    """Whether the items are known one by one."""
    if isinstance(value, Rows):
        return known_length(value) is not None
    return value.rank > 0 and isinstance(extents_of(value)[0], int)


def _with_rest(t: Tracer, value: Array | Rows, star: int, least: int) -> list[Any]:
    """The items of an array or list of unknown length for `least` names and one that takes the rest, as a list."""
    array = value.items if isinstance(value, Rows) else value
    if array.rank == 0:
        t.refuse("unpack-type", got=describe(array))
    b, behind = t.builder, least - star
    extent = b.dim(array.value, 0)
    text = f"not enough values to unpack (expected at least {least}, got {{}})"
    b.check(b.op("ge", extent, b.i64(least)), "ValueError", text, extent)
    rest = item(t, value, slice(star, -behind if behind else None))
    if isinstance(rest, Array):  # a list has the elements as they are now; rows stay windows on the array
        rest = Rows(copy(t, rest) if rest.rank == 1 else rest)
    first = [item(t, value, k) for k in range(star)]
    return [*first, rest, *(item(t, value, k - behind) for k in range(behind))]


def _array_items(t: Tracer, array: Array, count: int) -> list[Any]:
    """The rows of an array that is unpacked into `count` names."""
    if array.rank == 0:
        t.refuse("unpack-type", got=describe(array))
    b = t.builder
    extent = b.dim(array.value, 0)
    enough = b.op("ge", extent, b.i64(count))
    b.check(enough, "ValueError", f"not enough values to unpack (expected {count}, got {{}})", extent)
    b.check(b.op("le", extent, b.i64(count)), "ValueError", f"too many values to unpack (expected {count})")
    return [indexing.get_item(t, array, k) for k in range(count)]
