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
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

from llad.frontend.calls import call, define
from llad.frontend.conditions import condition
from llad.frontend.core import Tracer
from llad.frontend.effects import Append
from llad.frontend.extents import first_extent
from llad.frontend.generators import AtRunTime, Known, inner_frame, is_known, looped, nested, produced
from llad.frontend.iteration import Generated, Walk, at_run_time, walk_of
from llad.frontend.objects import iterated
from llad.frontend.rows import OfStructures, collected
from llad.frontend.state import Flag, Frame
from llad.frontend.targets import assign
from llad.frontend.values import Lazy, is_static
from llad.ir.core import Value

_LIST = "the list being made"


def comprehension(t: Tracer, node: ast.ListComp) -> Any:
    """A list."""
    return _listed(t, ast.copy_location(ast.ListComp(node.elt, _begun(t, node.generators)), node))


def _begun(t: Tracer, generators: list[ast.comprehension]) -> list[ast.comprehension]:
    """The clauses, the first one over what is there now."""
    first, *others = generators
    source = ast.copy_location(Known(iterated(t, t.eval(first.iter))), first.iter)
    return [ast.comprehension(first.target, source, first.ifs, 0), *others]


def _listed(t: Tracer, node: ast.ListComp) -> Any:
    """The list; what the first clause goes over is there."""
    first, *others = node.generators
    source = t.eval(first.iter)
    if at_run_time(source) and not others and not first.ifs:
        walk = walk_of(t, source)
        assert walk is not None
        try:
            return collected(t, node, walk, first_extent(source))
        except OfStructures:
            return _grown(t, node)
    if not is_known(t, node.generators):
        return _grown(t, node)
    return t.make(list(produced(t, t.frame, node.generators, lambda: t.eval(node.elt))))


def generator(t: Tracer, node: ast.GeneratorExp) -> Any:
    """A generator expression that no builtin consumes where it stands."""
    clauses, frame = _begun(t, node.generators), t.frame
    source = t.eval(clauses[0].iter)
    if not at_run_time(source) and is_known(t, clauses):
        return Lazy(lambda: produced(t, frame, clauses, lambda: t.eval(node.elt)), (source,), is_generator=True)

    def listed() -> Any:
        with t.standing_in(frame):
            return _listed(t, ast.copy_location(ast.ListComp(node.elt, clauses), node))

    one = at_run_time(source) and len(clauses) == 1
    walk = partial(_walked, t, frame, clauses[0], node.elt) if one else None
    return Generated(listed, walk, source, t.builder.span, is_generator=True)


def _walked(t: Tracer, around: Frame, clause: ast.comprehension, element: ast.expr) -> Walk:
    """The walk over what one clause gives, item by item."""
    walk = walk_of(t, t.eval(clause.iter))
    assert walk is not None
    test = ast.copy_location(ast.BoolOp(ast.And(), clause.ifs), clause.ifs[0]) if clause.ifs else None

    def chosen(t: Tracer, k: Value) -> tuple[Flag, Callable[[], Any]]:
        frame = inner_frame(t, around, clause)
        with t.enter(frame):
            assign(t, clause.target, walk.item(t, k))
            flag = True if test is None else condition(t, test)

        def made() -> Any:
            frame.scope, frame.extent = t.scope, t.frame.extent
            with t.enter(frame):
                return t.eval(element)

        return flag, made

    if test is None:
        return replace(walk, item=lambda t, k: chosen(t, k)[1]())
    return replace(walk, chosen=chosen)


def set_comprehension(t: Tracer, node: ast.SetComp) -> Any:
    result: set[Any] = set()
    _known_items(t, node.generators, lambda: result.add(key_of(t, t.eval(node.elt))))
    return t.make(result)


def dict_comprehension(t: Tracer, node: ast.DictComp) -> Any:
    result: dict[Any, Any] = {}

    def add() -> None:
        key = key_of(t, t.eval(node.key))
        result[key] = t.eval(node.value)

    _known_items(t, node.generators, add)
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


def _known_items(t: Tracer, generators: list[ast.comprehension], emit: Callable[[], None]) -> None:
    """Run `emit` per iteration; what is not known is refused."""
    try:
        for _ in produced(t, t.frame, _begun(t, generators), emit):
            pass
    except AtRunTime:
        t.refuse("comprehension", got="of keys")


# -- at run time


def _grown(t: Tracer, node: ast.ListComp) -> Any:
    """The list that a loop makes, item by item."""
    method = ast.Attribute(ast.Name(_LIST, ast.Load()), "append", ast.Load())
    body: list[ast.stmt] = [Append(_LIST, ast.Call(method, [node.elt], []))]
    begin = ast.Assign([ast.Name(_LIST, ast.Store())], ast.List([], ast.Load()))
    function = nested(t, node, [begin, *looped(node.generators, body), ast.Return(ast.Name(_LIST, ast.Load()))])
    return call(t, define(t, function), [], {})
