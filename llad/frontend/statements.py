"""Statements: assignment, loops, nested functions. `if` stands in `branches.py`, jumps and errors in `exits.py`."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from llad.diagnostics import UnsupportedError
from llad.frontend import complex_functions, exits, indexing, list_arithmetic, managers
from llad.frontend.advanced import is_advanced
from llad.frontend.attributes import attribute
from llad.frontend.calls import define
from llad.frontend.changing import peek, store_item, taken
from llad.frontend.checkpoints import Checkpointed
from llad.frontend.complex_values import is_complex_value
from llad.frontend.conditions import condition
from llad.frontend.core import Tracer
from llad.frontend.desugar import Enter, Leave
from llad.frontend.effects import Append, appended, changed, leaves_loop, own_nodes
from llad.frontend.expressions import BINARY, binary_values
from llad.frontend.extents import first_extent
from llad.frontend.generating import refuse_if_open
from llad.frontend.growing import append, extend
from llad.frontend.growth import grown, grown_while
from llad.frontend.imports import enter
from llad.frontend.iteration import Walk, at_run_time, items_of, one_by_one, walk_of
from llad.frontend.lending import returns_early
from llad.frontend.loops import for_loop, while_loop
from llad.frontend.moments import go_back, now, trial
from llad.frontend.names import bind, held
from llad.frontend.nones import operand, owner, present
from llad.frontend.objects import iterated
from llad.frontend.records import has_setter, in_place, is_object, set_field
from llad.frontend.refused import NeedsStatic
from llad.frontend.rooms import snapshot
from llad.frontend.sharing import adopted
from llad.frontend.subscripts import index_of, item, store
from llad.frontend.targets import assign, delete
from llad.frontend.unrolling import unrolled
from llad.frontend.values import Array, Extent, Growing, Lazy, NotHandled
from llad.ir.core import Limit, Region

# A `range` known at trace time is unrolled up to this many trips, if its body is this small…
_SMALL_TRIPS, _SMALL_NODES = 4, 400
# … or up to this many if its index must be known.
_MOST_TRIPS = 1000
# … or up to this many if it appends to a list, of which the items are then known one by one.
_FEW_ITEMS = 32


def _assign(t: Tracer, node: ast.Assign) -> None:
    value = t.open(node.value)
    for target in node.targets:
        assign(t, target, value)


def _annotated(t: Tracer, node: ast.AnnAssign) -> None:
    if node.value is not None:
        assign(t, node.target, t.open(node.value))


def _augmented(t: Tracer, node: ast.AugAssign) -> None:
    match node.target:
        case ast.Name():
            longer = adopted(t, node.target.id) if isinstance(node.op, ast.Add) else None
            old = longer or held(t, node.target.id)
            value = operand(t, node.value)
            grows = isinstance(old, Growing) or (type(old) is list and at_run_time(value))
            if grows and isinstance(node.op, ast.Add) and not isinstance(value, Array):
                extend(t, node.target.id, value, node)
                return
            old = snapshot(t, old) if isinstance(old, Growing) else old
            bind(t, node.target.id, _augment(t, node.op, old, value))
        case ast.Subscript(value=ast.Name(id=name)) if adopted(t, name):
            index = index_of(t, node.target.slice)
            base = peek(t, node.target.value)
            old = taken(t, base, item(t, base, index))
            new = _augment(t, node.op, old, operand(t, node.value))
            if new is not old or not isinstance(old, Array):  # an array has changed in its place
                store_item(t, name, index, new)
        case ast.Subscript():
            base = operand(t, node.target.value)
            index = index_of(t, node.target.slice, base)
            old = item(t, base, index)
            new = _augment(t, node.op, old, operand(t, node.value))
            if new is not old or is_advanced(index) or is_object(base):  # then what changed is a copy
                store(t, base, index, new)
        case ast.Attribute():
            name = node.target.attr
            thing = owner(t, node.target.value, name)
            old = attribute(t, thing, name)
            new = _augment(t, node.op, old, operand(t, node.value))
            if new is not old or not isinstance(old, Array) or has_setter(thing, name):
                set_field(t, thing, name, new)


def _augment(t: Tracer, op: ast.operator, old: Any, value: Any) -> Any:
    """`old op= value`: arrays and lists change in place, and objects as their class says."""
    old = present(t, old, "unsupported operand type: 'NoneType'")
    if (result := in_place(t, BINARY[type(op)], old, value)) is not NotHandled:
        return result
    if is_complex_value(old) or is_complex_value(value):
        return complex_functions.in_place(t, BINARY[type(op)], old, value)
    if isinstance(old, Array):
        return indexing.in_place(t, BINARY[type(op)], old, value)
    if isinstance(old, list) and isinstance(op, ast.Add) and not isinstance(value, Array):  # which NumPy adds
        t.mutate(old)
        old += items_of(t, value)
        return old
    result = list_arithmetic.in_place(t, BINARY[type(op)], old, value)
    return binary_values(t, op, old, value) if result is NotHandled else result


def _expression(t: Tracer, node: ast.Expr) -> None:
    if not isinstance(node.value, ast.Constant):
        t.open(node.value)


def _pass(t: Tracer, node: ast.stmt) -> None:
    pass


def _delete(t: Tracer, node: ast.Delete) -> None:
    for target in node.targets:
        delete(t, target)


def _global(t: Tracer, node: ast.Global) -> None:
    """The names may be read, as without the declaration."""
    if not t.frame.source.locals.isdisjoint(node.names):
        t.refuse("global", names=", ".join(node.names))


def _nonlocal(t: Tracer, node: ast.Nonlocal) -> None:
    """What is assigned has been lent by a function that is being traced."""
    source = t.frame.source
    names = [name for name in node.names if name in source.borrowed]
    if names and returns_early(source):
        t.refuse("nonlocal", names=", ".join(names), where=" in a function that returns before its end")
    if any(name not in t.state.values for name in names):
        t.refuse("nonlocal", names=", ".join(names), where=", which is not compiled code's")


def _function(t: Tracer, node: ast.FunctionDef) -> None:
    if node.decorator_list:
        t.builder.span = t.frame.span(node.decorator_list[0])
        t.refuse("decorator")
    bind(t, node.name, define(t, node))


def _refuse(code: str) -> Callable[[Tracer, Any], None]:
    return lambda t, node: t.refuse(code)


def _for(t: Tracer, node: ast.For) -> None:
    value = t.eval(node.iter)
    if any(isinstance(n, (ast.Break, ast.Return)) for n in own_nodes(node.body)):
        refuse_if_open(t, value)
    value = iterated(t, value)
    if isinstance(value, Checkpointed):
        _run_time(t, node, value.walk, None, value.limit)
        return
    walk = complex_functions.rows(t, value) if is_complex_value(value) else walk_of(t, value, choosing=True)
    if walk is None:
        _written_out(t, node, value)
        return
    if isinstance(value, range) and (_small(node, value) or _keeps_lists(t, node, value)):
        unrolled(t, node, iter(value), lambda item: assign(t, node.target, item))
        return
    before, choosing = now(t), t.choosing
    listed = any(type(t.state.values.get(n)) is list for n in changed(node.body))
    t.choosing = choosing and not (isinstance(value, range) and len(value) <= _MOST_TRIPS)
    try:
        _run_time(t, node, walk, first_extent(value))
    except UnsupportedError as error:
        may = isinstance(error, NeedsStatic) or listed  # a list of Python's may do what one that grows does not
        if not isinstance(value, range) or len(value) > _MOST_TRIPS or not may:
            raise
        go_back(t, before)
        t.choosing = choosing
        unrolled(t, node, iter(value), lambda item: assign(t, node.target, item))
    finally:
        t.choosing = choosing


def _run_time(t: Tracer, node: ast.For, walk: Walk, count: Extent | None, limit: Limit | None = None) -> None:
    """A loop that runs at run time, `count` times, if that has a name."""
    known = len(t.ledger.walked)
    t.ledger.walked += walk.lists
    try:
        grown(t, node, walk, count, lambda: for_loop(t, node, walk, lambda item: assign(t, node.target, item), limit))
    finally:
        del t.ledger.walked[known:]


def _while(t: Tracer, node: ast.While) -> None:
    """A `while`, which is written out if it must be, and its condition is known whenever it is asked."""
    before = now(t)
    try:
        grown_while(t, node, lambda: while_loop(t, node))
    except UnsupportedError as error:
        if isinstance(node.test, ast.Constant):
            raise
        try:
            go_back(t, before)
            unrolled(t, node, _while_true(t, node.test, error), lambda _: None)
        except UnsupportedError:
            raise error from None


def _while_true(t: Tracer, test: ast.expr, error: UnsupportedError) -> Iterator[None]:
    """An item for each time that the condition is known to hold, until it does not."""
    for _ in range(_MOST_TRIPS):
        flag = condition(t, test)
        if flag is False:
            return
        if flag is not True:
            raise error
        yield None
    raise error


def _written_out(t: Tracer, node: ast.For, value: Any) -> None:
    """A loop over what is known: of a list, as long as it is by then, since the body may append to it."""
    known = len(t.ledger.walked)
    t.ledger.walked.append(value)
    try:
        unrolled(t, node, _bounded(t, value), lambda item: assign(t, node.target, item))
    finally:
        del t.ledger.walked[known:]


def _bounded(t: Tracer, value: Any) -> Iterator[Any]:
    """The items, unless there are ever more of them while they are gone over."""
    most = _items_in_lists(value) + _MOST_TRIPS
    for one in one_by_one(t, value):
        if _items_in_lists(value) > most:
            t.refuse("growing", why="is iterated over meanwhile")
        yield one


def _items_in_lists(value: Any) -> int:
    """How many items the lists have by now that something iterable goes over."""
    if isinstance(value, Lazy):
        return sum(map(_items_in_lists, value.sources))
    return len(value) if type(value) is list else 0


def _keeps_lists(t: Tracer, node: ast.For, value: range) -> bool:
    """Whether a loop over a short range is written out, since it changes lists, which then stay Python's."""
    lists = [n for n in changed(node.body) if type(t.state.values.get(n)) is list]
    most = _FEW_ITEMS if all(n in appended(node.body) for n in lists) else _MOST_TRIPS
    if not lists or len(value) > most:
        return False
    return not leaves_loop(node.body) or _may_be_written_out(t, node, value)


def _may_be_written_out(t: Tracer, node: ast.For, value: range) -> bool:
    """Whether nothing is refused in a trial, of which nothing remains; a list may grow on some paths only."""
    try:
        with trial(t), t.within(Region(), t.state.copy(), "straight"):
            unrolled(t, node, iter(value), lambda item: assign(t, node.target, item))
    except UnsupportedError:
        return False
    return True


def _small(node: ast.For, value: range) -> bool:
    nodes = sum(1 for s in node.body for _ in ast.walk(s))
    return len(value) <= _SMALL_TRIPS and nodes * len(value) <= _SMALL_NODES and not leaves_loop(node.body)


STATEMENTS: Mapping[type[ast.stmt], Callable[[Tracer, Any], None]] = {
    ast.Assign: _assign,
    ast.AnnAssign: _annotated,
    ast.AugAssign: _augmented,
    ast.Expr: _expression,
    Append: append,
    ast.Return: exits.return_,
    ast.Break: exits.break_,
    ast.Continue: exits.continue_,
    ast.Pass: _pass,
    ast.Assert: exits.assert_,
    ast.Raise: exits.raise_,
    ast.Delete: _delete,
    ast.Global: _global,
    ast.Nonlocal: _nonlocal,
    ast.FunctionDef: _function,
    ast.For: _for,
    ast.While: _while,
    ast.Try: _refuse("try"),
    ast.TryStar: _refuse("try"),
    ast.With: enter,
    Enter: managers.enter,
    Leave: managers.leave,
    ast.ClassDef: _refuse("class"),
    ast.AsyncFunctionDef: _refuse("async"),
    ast.AsyncFor: _refuse("async"),
    ast.AsyncWith: _refuse("async"),
}
