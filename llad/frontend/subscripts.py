"""Subscripts: run-time arrays are indexed by `indexing.py`, what is known at trace time by Python itself."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from llad.frontend import advanced, complex_functions, indexing, ranges
from llad.frontend.advanced import is_advanced
from llad.frontend.chosen import chosen, is_chosen
from llad.frontend.complex_values import is_complex_value
from llad.frontend.core import Tracer
from llad.frontend.iteration import items_of, unspent
from llad.frontend.nones import present
from llad.frontend.records import asked
from llad.frontend.rooms import row
from llad.frontend.values import Array, NotHandled, Rows, Scalar, Table, describe, is_static
from llad.traced.sequences import listed


def index_of(t: Tracer, node: ast.expr, base: Any = None) -> Any:
    """What stands between the brackets, behind `base`: slices are `slice` objects of traced values."""
    match node:
        case ast.Slice():
            return _slice(t, node)
        case ast.Tuple(elts=elements):
            parts: list[Any] = []
            for element in elements:
                if isinstance(element, ast.Starred):
                    parts += items_of(t, t.eval(element.value))
                else:
                    parts.append(index_of(t, element, base))
            return tuple(parts)
    counted = isinstance(base, (Array, Rows, Table, list, tuple))  # what else there is may have something at `None`
    index = present(t, t.open(node), "'NoneType' is no place of an item") if counted else t.eval(node)
    if isinstance(index, range) or ranges.is_range(index):  # to NumPy, a sequence of integers
        items = t.make(list(index)) if isinstance(index, range) else t.call(listed, [index], {})
        return t.call(np.array, [items, int], {})
    return index


def _slice(t: Tracer, node: ast.Slice) -> slice:
    return slice(*(None if part is None else t.eval(part) for part in (node.lower, node.upper, node.step)))


def item(t: Tracer, base: Any, index: Any) -> Any:
    """`base[index]`."""
    if is_complex_value(base):
        return complex_functions.item(t, base, index)
    if (result := asked(t, base, "getitem", index)) is not NotHandled:
        return result
    if ranges.is_range(base):
        return ranges.element(t, base, index)
    if base is np.r_ or base is np.c_:
        return _joined(t, base is np.c_, index if isinstance(index, tuple) else (index,))
    if base is np.mgrid or base is np.ogrid:
        return _grid(t, base is np.ogrid, index)
    if isinstance(base, Rows) and isinstance(index, (Scalar, int, slice)):
        if isinstance(index, int) and -base.least <= index < base.least:
            return row(t, base, index)
        part = indexing.get_item(t, base.items, index)
        return Rows(part, base.weak, base.kinds) if isinstance(index, slice) else base.item(part)
    if isinstance(base, Table) and isinstance(index, (Scalar, int, slice)):
        parts = [item(t, column, index) for column in base.columns]
        if isinstance(index, slice):
            return replace(base, columns=tuple(parts), of=None, least=0)
        return t.met(base.form, parts)
    if not isinstance(base, (Scalar, Array, tuple, list, dict, str, bytes, range)):
        t.refuse("not-indexable", got=describe(base))
    if isinstance(base, list) and isinstance(index, slice):
        if not is_static((index.start, index.stop, index.step)):
            t.refuse("static-index", got=describe(base))
        return t.make(base[index])
    if isinstance(base, Array) and is_advanced(index):
        return advanced.get(t, base, index)
    if is_chosen(t, base, index):
        return chosen(t, base, index)
    return unspent(t, indexing.get_item(t, base, index))


def store(t: Tracer, base: Any, index: Any, value: Any) -> None:
    """`base[index] = value`."""
    if is_complex_value(base) or (is_complex_value(value) and isinstance(base, Array)):
        complex_functions.store(t, base, index, value)
    elif asked(t, base, "setitem", index, value) is not NotHandled:
        return
    elif isinstance(base, (list, dict)):
        _change(t, base, index, lambda: operator.setitem(base, index, value))
    elif isinstance(base, Array) and is_advanced(index):
        advanced.put(t, base, index, value)
    else:
        indexing.set_item(t, base, index, value)


def remove(t: Tracer, base: Any, index: Any) -> None:
    """`del base[index]`."""
    if asked(t, base, "delitem", index) is not NotHandled:
        return
    if not isinstance(base, (list, dict)):
        t.refuse("del", got=f"an item of {describe(base)}")
    _change(t, base, index, lambda: operator.delitem(base, index))


def _change(t: Tracer, base: list[Any] | dict[Any, Any], index: Any, change: Callable[[], None]) -> None:
    """Let Python change a list or dict that was made here."""
    t.mutate(base)
    if not is_static(index):
        t.refuse("static-index", got=describe(base))
    try:
        change()
    except (LookupError, TypeError, ValueError) as error:
        t.refuse("static-error", error=error)


def _joined(t: Tracer, columns: bool, items: tuple[Any, ...]) -> Any:
    """`np.r_[…]`: numbers, arrays and progressions end to end; `np.c_[…]`: side by side, vectors as columns."""
    if any(isinstance(item, str) for item in items):
        t.refuse("static-error", error="np.r_ with a directive: write `np.concatenate` or `np.stack` with the axis")
    parts = [_progression(t, item) if isinstance(item, slice) else item for item in items]
    if columns:
        return t.call(np.column_stack, [tuple(parts)], {})
    return t.call(np.concatenate, [tuple(t.call(np.atleast_1d, [part], {}) for part in parts)], {})


def _grid(t: Tracer, open: bool, index: Any) -> Any:
    """`np.mgrid[…]`: the coordinates of all points of a grid in one array; `np.ogrid[…]`: of a line for each axis."""
    if isinstance(index, slice):
        return _progression(t, index)
    if not isinstance(index, tuple) or not all(isinstance(item, slice) for item in index):
        t.refuse("static-error", error="a grid of something else than slices, e.g. `np.mgrid[0:n, 0:m]`")
    lines = [_progression(t, item) for item in index]
    axes = t.call(np.meshgrid, lines, {"indexing": "ij", "sparse": open})
    return axes if open else t.call(np.stack, [axes], {})


def _progression(t: Tracer, item: slice) -> Any:
    start, step = 0 if item.start is None else item.start, 1 if item.step is None else item.step
    if isinstance(step, complex):  # a number of points, the last one included
        return t.call(np.linspace, [start, item.stop, int(abs(step))], {})
    return t.call(np.arange, [start, item.stop, step], {})
