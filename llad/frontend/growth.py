"""Loops that append to lists: the loop is traced once to learn how long they get, and of what; then for good.

    xs = [x0]                               room = np.empty(1 + n)
    for t in range(n):                      room[0] = x0
        xs.append(step(xs[-1], u[t]))       for t in range(n):
                                                room[1 + t] = step(room[t], u[t])

In the trace that is thrown away each append leaves a mark. How many of them one iteration passes at most is counted in
its ops: the larger number of the sides of an `if`, and as often as an inner loop runs, if that is known before the
outer one starts (`outside.py`). Where each iteration passes equally many, the length of the list is known without
counting. An `if` that appends is treated as a loop that runs once. In a `while`, or if nobody knows how often an inner
loop runs, the room is elastic (`rooms.py`).

Invariant: a room that is not elastic has a row for each item that comes.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from llad.dataclass import dataclass
from llad.diagnostics import UnsupportedError
from llad.frontend import extents as ext
from llad.frontend.core import Tracer
from llad.frontend.effects import CHANGING, SHORTENING, Append, leaves_loop, own_nodes
from llad.frontend.extents import Int, extents_of, measure
from llad.frontend.iteration import Walk, length
from llad.frontend.kinds import common, kind_of_item
from llad.frontend.moments import trial
from llad.frontend.outside import Inside, is_one
from llad.frontend.refused import refuse
from llad.frontend.rooms import furnished, index_of, keep
from llad.frontend.sharing import adopted, refuse_others
from llad.frontend.state import Scope
from llad.frontend.values import Dim, Extent, Growing, ItemKind, Kind, Less, Room, Rows, Scalar, leaves_of
from llad.ir.core import Op, Region, walk
from llad.ir.types import F64
from llad.refusals.table import TABLE

_ROUNDS = 8


@dataclass(slots=True)
class _Site:
    """Where a list is first changed that a name holds; whether rows are written again, it gets shorter, or the name
    gets a list that is begun anew."""

    at: ast.AST
    reused: bool = False
    shrinks: bool = False
    refilled: bool = False


@dataclass(frozen=True, slots=True)
class _Learned:
    """What a trace of the loop tells of a list: its kind, how many items come at most (`None`: nobody knows), and
    whether always so many."""

    kind: Kind
    most: Int | None
    always: bool


def grown(t: Tracer, node: ast.For, walk: Walk, count: Extent | None, run: Callable[[], object]) -> None:
    """Run the trace of a loop with room for what it appends; `count`: how often it runs, where that has a name."""
    names = {} if walk.threads else _names(t, (node.target, *node.body), t.frame.source.live.start[node])
    if walk.threads:
        _refuse_on_threads(t, node)
    if not names:
        run()
    else:
        _grown(t, names, length(t, walk) if count is None else count, run)


def grown_while(t: Tracer, node: ast.While, run: Callable[[], object]) -> None:
    """Run the trace of a `while` with elastic rooms for what it appends."""
    if names := _names(t, (node.test, *node.body), t.frame.source.live.start[node]):
        _grown(t, names, 0, run)
    else:
        run()


def grown_in_branches(t: Tracer, node: ast.If, run: Callable[[], object]) -> bool:
    """Run the trace of an `if` with room for what it appends; if it does, and nothing leaves it."""
    if leaves_loop((node,)) or any(isinstance(n, ast.Raise) for n in own_nodes((node,))):
        return False
    names = _names(t, (*node.body, *node.orelse))
    if names:
        _grown(t, names, 1, run)
    return bool(names)


def grown_by(t: Tracer, name: str, at: ast.AST, trips: Extent, run: Callable[[], object]) -> bool:
    """Run the trace of a statement that appends to one list so many times, with room for that; if the list may grow."""
    if may := _may_grow(t, name, at):
        _grown(t, {name: _Site(at)}, trips, run)
    return may


def _grown(t: Tracer, names: Mapping[str, _Site], trips: Extent, run: Callable[[], object]) -> None:
    before = dict(t.state.values)
    number = measure(t, trips)
    learned = _learn(t, names, number, run)
    made: dict[str, Growing] = {}
    for name, known in learned.items():
        old = before[name]
        size: Extent | None = None if known.most is None else ext.add(t, _count(old), known.most)
        if size is number:
            size = trips
        made[name] = furnished(t, known.kind, size, old, t.scope, name)
        _tell(made[name].room, names[name])
        t.state.values[name] = made[name]
    try:
        run()
    finally:
        for value in made.values():
            value.room.open = False
    for name, value in made.items():
        now = t.state.values.get(name)
        if learned[name].always and isinstance(now, Growing) and now.room is value.room:
            t.state.values[name] = Growing(value.room, _counted(t, extents_of(value.room.arrays[0])[0]), now.least)


def _tell(room: Room, site: _Site) -> None:
    """Let a room know what is done with it."""
    room.reused, room.refilled = site.reused, site.refilled
    room.least = 0 if site.shrinks else room.least


def _refuse_on_threads(t: Tracer, node: ast.For) -> None:
    """The iterations would not know of one another's items."""
    for each in own_nodes(node.body):
        match each:
            case Append(name=name) | ast.AugAssign(target=ast.Name(id=name)):
                if isinstance(t.state.values.get(name), Growing):
                    at = each.call if isinstance(each, Append) else each
                    refuse("growing", t.frame.span(at), why="is appended to by iterations on threads")


def _counted(t: Tracer, size: Extent) -> int | Scalar:
    number = measure(t, size)
    if isinstance(number, int):
        return number
    return Scalar(number, True, size if isinstance(size, (Dim, Less)) else None)


def _count(old: Any) -> Int:
    return index_of(old) if isinstance(old, Growing) else len(old)


# -- which lists


def _names(t: Tracer, nodes: Sequence[ast.AST], again: frozenset[str] = frozenset()) -> dict[str, _Site]:
    """The names whose lists the nodes change, and what they do. `again`: names that a next iteration may read."""
    found: dict[str, _Site] = {}
    fine: set[ast.AST] = set()  # where a name is bound to the same list, or to one that is begun there
    in_place: set[ast.AST] = set()  # items that change, though the list does not
    own = own_nodes(nodes)
    for each in own:
        match each:
            case Append(name=name):
                found.setdefault(name, _Site(each.call)).reused |= each.inserts
            case ast.AugAssign(target=ast.Name(id=name) as target, op=ast.Add()):
                found.setdefault(name, _Site(each))
                fine.add(target)
            case ast.AugAssign(target=ast.Subscript() as item) if _changes_an_array(t, item):
                in_place.add(item)
            case ast.Subscript(value=ast.Name(id=name), ctx=ast.Store()) if each not in in_place:
                found.setdefault(name, _Site(each)).reused = True
            case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr=method)) if method in CHANGING:
                site = found.setdefault(name, _Site(each))
                site.reused, site.shrinks = True, site.shrinks or method in SHORTENING
            case ast.Subscript(value=ast.Name(id=name), ctx=ast.Del()):
                site = found.setdefault(name, _Site(each))
                site.reused = site.shrinks = True
    for place, value in (pair for each in own if isinstance(each, ast.Assign) for pair in _pairs(each)):
        if isinstance(place, ast.Name) and isinstance(value, ast.List) and place.id in found and place.id in again:
            site = found[place.id]
            site.reused = site.shrinks = site.refilled = True
            fine.add(place)
    for each in own:
        if isinstance(each, ast.Name) and not isinstance(each.ctx, ast.Load) and each not in fine:
            found.pop(each.id, None)
        elif isinstance(each, ast.NamedExpr):
            found.pop(each.target.id, None)
    return {name: site for name, site in found.items() if _may_grow(t, name, site.at)}


def _changes_an_array(t: Tracer, place: ast.Subscript) -> bool:
    """Whether `place op= value` is of an array in the list that a comprehension made, rather than of the list."""
    value = t.state.values.get(place.value.id) if isinstance(place.value, ast.Name) else None
    room = value.room if isinstance(value, Growing) else value.of if isinstance(value, Rows) else None
    return room is not None and room.whole and isinstance(room.kind, ItemKind) and not room.kind.of_numbers


def _pairs(node: ast.Assign) -> Sequence[tuple[ast.expr, ast.expr]]:
    """Which target gets what, where that is written out: `a, b = x, y`."""
    match node:
        case ast.Assign(targets=[ast.Tuple(elts=targets)], value=ast.Tuple(elts=values)) if len(targets) == len(values):
            starred = any(isinstance(e, ast.Starred) for e in (*targets, *values))
            return () if starred else tuple(zip(targets, values, strict=True))
        case ast.Assign(targets=[target], value=value):
            return ((target, value),)
    return ()


def _may_grow(t: Tracer, name: str, at: ast.AST) -> bool:
    """Whether the name holds a list that this loop, and none around, lets grow."""
    value = adopted(t, name) or t.state.values.get(name)
    if isinstance(value, Growing):
        thing: Any = value.room
        born: object = value.room.born
        if value.room.open:
            return False
    elif type(value) is list:
        thing, born = value, t.ledger.birth(value)
    else:
        return False
    if not isinstance(born, Scope) or born.kind in ("given", "met") or not t.scope.may_mutate(born):
        return False
    span, t.builder.span = t.builder.span, t.frame.span(at)
    if not born.inside(t.frame.scope):
        t.refuse("mutation", type="list")
    refuse_others(t, name, thing)
    t.builder.span = span
    return True


# -- learning


def _learn(t: Tracer, names: Mapping[str, _Site], trips: Int, run: Callable[[], object]) -> dict[str, _Learned]:
    before, home, span = t.state, t.builder.current, t.builder.span
    kinds = {name: _first_kind(t, before.values[name], site.at) for name, site in names.items()}
    for _ in range(_ROUNDS):
        rooms: dict[str, Room] = {}
        region, state = Region(), before.copy()
        for name, kind in kinds.items():
            old = before.values[name]
            least = old.least if isinstance(old, Growing) else len(old)
            rooms[name] = Room(home, t.scope, kind, least=least)
            _tell(rooms[name], names[name])
            state.values[name] = Growing(rooms[name], _counted(t, _count(old)), least)
        try:
            with trial(t), t.within(region, state):
                run()
        except UnsupportedError as error:
            _blame_guess(t, names, rooms, error)
            raise
        found = {name: room.kind or ItemKind(F64, weak=True) for name, room in rooms.items()}
        settled = all(kind == found[name] for name, room in rooms.items() for kind in room.shown)
        kinds = dict(found)
        if settled:
            break
    else:
        raise AssertionError("what the items of a list are does not settle")
    t.builder.span = span
    for name, kind in found.items():
        if any(None in leaf.extents for leaf in leaves_of(kind)):
            refuse("growing", t.frame.span(names[name].at), why="has arrays as items whose shape is not known before")
    return _counted_marks(t, names, rooms, found, region, trips)


def _blame_guess(t: Tracer, names: Mapping[str, _Site], rooms: Mapping[str, Room], error: UnsupportedError) -> None:
    """Refuse that a list was read of which nothing was known, where that is why the trace came to an end."""
    for name, room in rooms.items():
        if room.guessed and room.kind is None and error.code != TABLE["growing"].code:
            why = "is read before it is known what its items are; begin it with an item"
            refuse("growing", t.frame.span(names[name].at), why=why)


def _first_kind(t: Tracer, old: Any, at: ast.AST) -> Kind | None:
    """What is known of the items before the loop."""
    if isinstance(old, Growing):
        return old.room.kind if old.count != 0 else None
    kind = None
    span, t.builder.span = t.builder.span, t.frame.span(at)
    for item in old:
        keep(t, item)
        kind = common(t, kind, kind_of_item(t, item))
    t.builder.span = span
    return kind


# -- counting


def _counted_marks(
    t: Tracer,
    names: Mapping[str, _Site],
    rooms: Mapping[str, Room],
    kinds: Mapping[str, Kind],
    region: Region,
    trips: Int,
) -> dict[str, _Learned]:
    inside = Inside(t, walk(region))
    learned = {}
    for name, room in rooms.items():
        try:
            most, always = _marks_of_statement(inside, region, room, trips)
        except _Unknown:
            learned[name] = _Learned(kinds[name], None, False)
            continue
        learned[name] = _Learned(kinds[name], most, always and not names[name].shrinks)
        inside.checked("add", _count(t.state.values[name]), most)
    return learned


def _marks_of_statement(inside: Inside, region: Region, room: Room, trips: Int) -> tuple[Int, bool]:
    """How many items a loop appends that runs so often, or an `if`, at most, and whether always so many."""
    assert not any(_is_mark(op, room) for op in region.ops), "an append beside the loop, for which there is no room"
    for op in region.ops:  # of which one is the loop, or the `if`
        if _passes(op, room):
            if op.name != "for":
                return _marks_of(inside, op, room)
            most, always = _marks(inside, op.regions[0], room)
            return inside.checked("mul", trips, most), always and not op.attrs["exits"]
    return 0, True


class _Unknown(Exception):
    """How often a loop runs is not known."""


def _passes(op: Op, room: Room) -> bool:
    return any(_is_mark(inner, room) for region in op.regions for inner in walk(region))


def _is_mark(op: Op, room: Room) -> bool:
    return op.name == "alloc" and op.results[0] in room.marks


def _marks(inside: Inside, region: Region, room: Room) -> tuple[Int, bool]:
    """How many marks of a list control passes in the region at most, and whether always so many."""
    total: Int = 0
    always = True
    for op in region.ops:
        if _is_mark(op, room):
            total = inside.checked("add", total, 1)
        elif op.regions and _passes(op, room):
            most, sure = _marks_of(inside, op, room)
            total, always = inside.checked("add", total, most), always and sure
    return total, always


def _marks_of(inside: Inside, op: Op, room: Room) -> tuple[Int, bool]:
    if op.name == "if":
        (a, sure), (b, also) = (_marks(inside, region, room) for region in op.regions)
        same = a is b or (isinstance(a, int) and isinstance(b, int) and a == b)
        return inside.greatest(a, b), sure and also and same
    trips = inside.trips(op) if op.name == "for" else None
    if trips is None:
        raise _Unknown
    most, sure = _marks(inside, op.regions[0], room)
    return inside.checked("mul", trips[1], most), sure and is_one(trips) and not op.attrs["exits"]
