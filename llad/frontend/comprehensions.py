"""Comprehensions: done at trace time over what is known, else made by a loop.

    [v * w for v in a if v > 0 for w in b]          def listed():
                                                        out = []
                                                        for v in a:
                                                            if v > 0:
                                                                for w in b:
                                                                    out.append(v * w)
                                                        return out

The loop on the right is written out as syntax, and traced like a function defined at that place: its list grows
(`growing.py`). A comprehension over one sequence that leaves nothing out has as many items as that (`rows.py`). Sets
and dicts have keys that are known, so they are made at trace time.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from llad.frontend.calls import call, define
from llad.frontend.core import Tracer
from llad.frontend.effects import Append
from llad.frontend.extents import extents_of
from llad.frontend.generators import AtRunTime, Known, generate, is_known, looped, nested
from llad.frontend.iteration import walk_of
from llad.frontend.rows import OfStructures, collected
from llad.frontend.values import Array, Rows, Table, is_static

_LIST = "the list being made"


def comprehension(t: Tracer, node: ast.ListComp | ast.GeneratorExp) -> Any:
    """A list, or what a generator gives."""
    first, *others = node.generators
    source = t.eval(first.iter)
    begun = ast.comprehension(first.target, ast.copy_location(Known(source), first.iter), first.ifs, 0)
    node = ast.copy_location(type(node)(node.elt, [begun, *others]), node)
    walk = None if isinstance(source, range) else walk_of(t, source)
    if walk is not None and not others and not first.ifs:
        named = source.first.items if isinstance(source, (Rows, Table)) else source
        try:
            rows = collected(t, node, walk, extents_of(named)[0] if isinstance(named, Array) else None)
        except OfStructures:
            rows = _grown(t, node)
    elif not is_known(t, node.generators):
        rows = _grown(t, node)
    else:
        values: list[Any] = []
        generate(t, node.generators, lambda: values.append(t.eval(node.elt)))
        return t.make_ahead(values, [source]) if isinstance(node, ast.GeneratorExp) else t.make(values)
    lazy = isinstance(node, ast.GeneratorExp) and isinstance(source, (Rows, Table))
    return replace(rows, of=source.of) if lazy and isinstance(rows, (Rows, Table)) else rows


def generator(t: Tracer, node: ast.GeneratorExp) -> Any:
    """A generator expression that no builtin consumes where it stands."""
    value = comprehension(t, node)
    t.ledger.generate(value)
    return value


def set_comprehension(t: Tracer, node: ast.SetComp) -> Any:
    result: set[Any] = set()
    _generate_known(t, node.generators, lambda: result.add(key_of(t, t.eval(node.elt))))
    return t.make(result)


def dict_comprehension(t: Tracer, node: ast.DictComp) -> Any:
    result: dict[Any, Any] = {}

    def add() -> None:
        key = key_of(t, t.eval(node.key))
        result[key] = t.eval(node.value)

    _generate_known(t, node.generators, add)
    return t.make(result)


def key_of(t: Tracer, value: Any) -> Any:
    """A key of a dict, or an element of a set: it must be known, and hashable."""
    if not is_static(value):
        t.refuse("static-key")
    try:
        hash(value)
    except TypeError as error:
        t.refuse("static-error", error=error)
    return value


# -- at trace time


def _generate_known(t: Tracer, generators: Sequence[ast.comprehension], emit: Callable[[], None]) -> None:
    """Run `emit` per iteration; what is not known is refused."""
    try:
        generate(t, generators, emit)
    except AtRunTime:
        t.refuse("comprehension", got="of keys")


# -- at run time


def _grown(t: Tracer, node: ast.ListComp | ast.GeneratorExp) -> Any:
    """The list that a loop makes, item by item."""
    method = ast.Attribute(ast.Name(_LIST, ast.Load()), "append", ast.Load())
    body: list[ast.stmt] = [Append(_LIST, ast.Call(method, [node.elt], []))]
    begin = ast.Assign([ast.Name(_LIST, ast.Store())], ast.List([], ast.Load()))
    function = nested(t, node, [begin, *looped(node.generators, body), ast.Return(ast.Name(_LIST, ast.Load()))])
    return call(t, define(t, function), [], {})
