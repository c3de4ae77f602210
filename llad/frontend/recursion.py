"""Recursion: what calls itself becomes a function of the table, called by the op `call`.

The outermost call is inlined like any other. Where it is met again while it is still active, the function is traced
once more, into a function of its own: its parameters are the run-time leaves of its arguments, and numbers known at
trace time that are not the same in both calls become run-time numbers too. What it uses of the code around it becomes
further parameters when the trace is complete (`table.py`). The type of its result is found by rounds: a path that only
recurses ends in the first one, and later ones assume what the one before has found; so do those of arguments.

A call is a recursion if it is the same as an active one, or the same but for numbers and if a run-time condition
decides about it: on numbers known at trace time alone, recursion ends by itself and is inlined.

Invariant: the lists, dicts and records that a function of the table is given and gives are read only, as a copy of
them is made on the way. Arrays are not: what it returns may be an array that it was given, or a window on one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from llad.frontend.contents import note_common, note_copies, objects_in
from llad.frontend.core import Tracer
from llad.frontend.moments import go_back, now
from llad.frontend.parts import parts_of
from llad.frontend.shapes import (
    Shape,
    Static,
    escapes,
    flatten,
    is_static_number,
    join,
    rebuild,
    same,
    shape_of,
    types_of,
)
from llad.frontend.state import Active, Frame, Gone, Local, PathEnds, Scope, State
from llad.frontend.values import NoJoin, describe
from llad.ir.build import Builder
from llad.ir.core import Value
from llad.ir.types import BufferType, ScalarType
from llad.structures import Node

Names = Mapping[str, Any]
Body = Callable[[Frame, Names], Any]


class Widened(Exception):
    """A function being traced is called with arguments of wider shapes than it is being traced for."""

    def __init__(self, local: Local, shapes: dict[str, Shape]) -> None:
        super().__init__()
        self.local = local
        self.shapes = shapes


def active_call(t: Tracer, identity: object, key: object, names: Names) -> Active | None:
    """The innermost active call that this one is a recursion of."""
    for entry in reversed(t.active):
        if entry.identity == identity and (entry.key == key or _conditional(t.scope, entry.scope)):
            try:
                for name, value in names.items():
                    join(t, entry.names[name], value)
            except NoJoin:
                continue
            return entry
    return None


def _conditional(scope: Scope | None, outer: Scope) -> bool:
    """Whether a run-time condition decides if control gets here from `outer`."""
    while scope is not None and scope is not outer:
        if scope.kind in ("region", "rest", "table"):
            return True
        scope = scope.parent
    return False


def recur(t: Tracer, entry: Active, frame: Frame, names: Names, body: Body) -> Any:
    """The result of a call that is a recursion of `entry`; `body` traces the function in a frame."""
    if entry.home is not t.home:
        t.refuse("recursion-derivative", name=frame.source.name)
    for local in reversed(t.locals):
        if local.identity == entry.identity and local.home is t.home:
            try:
                shapes = {name: join(t, _blank(t, local.shapes[name]), value) for name, value in names.items()}
            except NoJoin:
                continue
            if shapes == local.shapes:
                break
            if local.open:
                raise Widened(local, shapes)
    else:
        shapes = {name: _general(entry.names[name], value) for name, value in names.items()}
        entry.local = local = define(t, entry, frame, shapes, body)
    return call_local(t, local, names)


def call_local(t: Tracer, local: Local, names: Names) -> Any:
    """What a call of a function of the table gives."""
    operands = [leaf for name, value in names.items() for leaf in flatten(t, value, local.shapes[name])]
    local.asked = True
    if local.result is None:
        raise PathEnds  # in this round: what it returns is not known yet
    results = t.builder.call(local.name, operands, list(types_of(local.result)))
    made = rebuild(t, local.result, iter(results), given=True)
    note_common(t, [made], foreign=True)
    note_copies(t, made, objects_in(tuple(names.values())))
    return made


def _blank(t: Tracer, shape: Shape) -> Any:
    """Some value of a shape, for joins."""
    return rebuild(t, shape, (Value(type) for type in types_of(shape)))


def _general(first: Any, again: Any) -> Shape:
    """The shape of an argument that was `first` in the active call; numbers that differ are run-time numbers."""
    if is_static_number(again):
        return Static(again) if same(first, again) else shape_of(again, run_time=True)
    parts, others = parts_of(again), parts_of(first)
    if parts is not None and others is not None:
        return Node(parts[0], tuple(map(_general, others[1], parts[1])))
    return shape_of(again)


# -- tracing a function of the table


def define(t: Tracer, entry: Active, frame: Frame, shapes: dict[str, Shape], body: Body) -> Local:
    """Trace rounds until the types are stable."""
    plain = re.sub(r"\W", "_", frame.source.name)
    name, k = plain, 1
    while name in t.home:
        name, k = f"{plain}_{k}", k + 1
    local = Local(name, entry.identity, t.home, shapes)
    before, others, start = len(t.locals), dict(t.home), now(t)
    while True:
        go_back(t, start)
        del t.locals[before:]
        t.locals.append(local)
        t.home.clear()
        t.home.update({**others, name: local})
        assumed, local.asked = local.result, False
        try:
            _round(t, entry, local, frame, body)
        except Widened as wider:
            if wider.local is not local:
                raise
            local.shapes = wider.shapes
            continue
        if not local.asked or local.result == assumed:
            local.open = False
            return local


def _round(t: Tracer, entry: Active, local: Local, frame: Frame, body: Body) -> None:
    """Trace the body once, as far as `local` is known; `local` learns what it returns."""
    b = Builder(t.builder.span)
    hints = {name: [Value(type, name) for type in types_of(shape)] for name, shape in local.shapes.items()}
    params = tuple(v for values in hints.values() for v in values)
    outer, scope, span = t.builder, t.scope, t.builder.span
    t.builder, t.scope = b, Scope(t.scope, "table")
    depth = len(t.active)
    try:
        names = {name: rebuild(t, shape, iter(hints[name]), given=True) for name, shape in local.shapes.items()}
        straight = Scope(t.scope, "straight")
        t.active.append(Active(entry.identity, None, names, straight, t.home))
        try:
            with t.assumed.nothing():
                value = body(replace(frame, scope=straight, extent=straight, state=State(), caller=None), names)
            b.span = t.returned or span
        except PathEnds:
            value = Gone
        if value is Gone and local.result is None:
            b.span = span
            t.refuse("recursion", name=frame.source.name)
        local.result = _joined(t, frame.source.name, local.result, value)
        b.return_(*(_nothing(b, local.result) if value is Gone else flatten(t, value, local.result)))
    finally:
        del t.active[depth:]
        t.builder, t.scope = outer, scope
    local.params, local.region = params, b.root


def _joined(t: Tracer, name: str, known: Shape | None, value: Any) -> Shape:
    if value is Gone:
        assert known is not None
        return known
    if escapes(t, value):
        t.refuse("recursion-result", name=name, got=describe(value))
    if known is None:
        return shape_of(value, run_time=True)
    try:
        return join(t, _blank(t, known), value)
    except NoJoin:
        return t.refuse("recursion-result", name=name, got=describe(value))


def _nothing(b: Builder, shape: Shape) -> list[Value]:
    """What is returned where control never comes."""
    return [
        b.const(0, type) if isinstance(type, ScalarType) else b.alloc(type.dtype, [b.i64(0)] * type.rank)
        for type in types_of(shape)
        if isinstance(type, ScalarType | BufferType)
    ]
