"""What objects hold, where paths part and meet again, and from one iteration of a loop to the next.

A list, dict or object that is made here is one thing, however many names refer to it, and what it holds changes with
the control flow, as what a name holds does:

    if c:                                   a.x = y if c else a.x, whichever name `a` is looked at by
        a.x = y
    for v in values:                        the loop carries a.x
        b.push(v)

What is changed is noted in the scopes around (`Tracer.note`), with what it held before. So a side of an `if` begins
with what was held before the `if`, and a round of a loop with what was held before the loop, but for the `Place`s that
are carried; where they end, each place that differs is joined or carried like a name (`fork.py`, `loops.py`).

Where different objects meet, what goes on is a copy of either. The copy knows of what (`note_copies`), and is not read
after one of those has changed.

Invariant: between the traces of two paths, objects hold what they did before the paths parted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from llad.complex_numbers import Complex
from llad.dataclass import dataclass
from llad.frontend.core import Tracer
from llad.frontend.parts import AsTheyAre, parts_of
from llad.frontend.state import Change, Changed, Conflict, Gone, Maybe, Scope, Unknown, held_by, hold
from llad.frontend.values import OrNone, Record, Unbound
from llad.structures import ABSENT, Form, of_class

Contents = Any  # a copy of what an object holds: a dict of attributes or items, a list, a set


@dataclass(frozen=True, slots=True, eq=False)
class Place:
    """An attribute of an object, or an item of a list or dict."""

    thing: Any
    key: Any

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Place) and self.thing is other.thing and self.key == other.key

    def __hash__(self) -> int:
        return hash((id(self.thing), self.key))


def put(t: Tracer, place: Place, value: Any) -> None:
    """Let the object hold the value there; only attributes may be missing, or be one kind of value or another."""
    thing, key = place.thing, place.key
    if not isinstance(thing, Record):
        if isinstance(value, (Conflict, Maybe)):
            t.refuse("torn", name=f"[{key!r}]", type=type(thing).__name__, got=_torn(value))
        thing[key] = value
    elif value is Unbound:
        thing.fields.pop(key, None)
    else:
        thing.fields[key] = value


def held(t: Tracer, place: Place, contents: Contents) -> Any:
    """What an object that holds `contents` has there; of an attribute that only its class has, what that is."""
    if not isinstance(place.thing, Record):
        return contents[place.key]
    if (value := contents.get(place.key, ABSENT)) is not ABSENT:
        return value
    found = of_class(place.thing.cls, place.key, ABSENT)
    t.guards.attribute(place.thing.cls, place.key, found)
    return Unbound if found is ABSENT or hasattr(type(found), "__get__") else t.lift(found)


def before(t: Tracer, place: Place) -> Any:
    """What is there now; of a loop that is not being traced, before it."""
    return held(t, place, place.thing.fields if isinstance(place.thing, Record) else place.thing)


def settled(t: Tracer, record: Record, name: str) -> Any:
    """The attribute of an object that has it on some path: checked, if it has it only on some.

    Raises: UnsupportedError, if it is one kind of value or another, or the object a copy of what has changed."""
    refuse_torn(t, record, name)
    value, kind = record.fields[name], record.cls.__name__
    text = f"'{kind}' object has no attribute '{name}'"
    if value is Unknown:
        t.end_path("AttributeError", text)
    if isinstance(value, Maybe):
        t.builder.check(value.bound, "AttributeError", text)
        return value.inner
    return value


def refuse_torn(t: Tracer, record: Record, name: str) -> None:
    """Refuse to look for an attribute which may have been set by another name, or be one kind of value or another."""
    value, kind = record.fields.get(name, ABSENT), record.cls.__name__
    if record.stale is not None:
        t.refuse("stale", type=kind, line=record.stale.line)
    if isinstance(value, Changed):
        t.refuse("stale", type=kind, line=value.first_span.line if value.first_span else "?")
    if isinstance(value, Conflict):
        t.refuse("torn", name=f".{name}", type=kind, got=_torn(value))


def _torn(value: Any) -> str:
    return f"is {value.first} or {value.second}" if isinstance(value, Conflict) else "is there on some paths only"


def _keys(thing: Any, *contents: Contents) -> Iterable[Any]:
    if isinstance(thing, list):
        return range(len(contents[0]))
    return () if isinstance(thing, set) else dict.fromkeys(key for each in contents for key in each)


def _alike(thing: Any, one: Contents, other: Contents) -> bool:
    """Whether a list has one length on two paths, a dict or set the same keys; objects may have other attributes."""
    if isinstance(thing, Record):
        return True
    return len(one) == len(other) if isinstance(thing, list) else list(one) == list(other)


class Path(AsTheyAre):
    """What objects hold on one of several paths, or by the end of a loop's body, while they hold what they did before
    the paths parted."""

    def __init__(self) -> None:
        self.changes: dict[int, Change] = {}
        self._now: dict[int, Contents] = {}

    def enter(self) -> None:
        """Let the objects hold what they do on this path."""
        for number, change in self.changes.items():
            hold(change.thing, self._now[number])

    def leave(self, scope: Scope | None = None) -> None:
        """Note what they hold where `scope` ends, and let them hold what they did before."""
        for number, change in (scope.changed if scope is not None else {}).items():
            self.changes.setdefault(number, change)
            self._now[number] = held_by(change.thing)
        for change in self.changes.values():
            hold(change.thing, change.before)

    @contextmanager
    def entered(self) -> Iterator[None]:
        """On this path, for the `with` body, which changes nothing."""
        self.enter()
        try:
            yield
        finally:
            self.leave()

    def contents(self, change: Change) -> Contents:
        """What an object holds on this path."""
        return self._now.get(id(change.thing), change.before)

    def items(self, value: Any) -> Any:
        return self._now.get(id(value), value) if isinstance(value, list) else value

    def parts(self, value: Any) -> tuple[Form, tuple[Any, ...]] | None:
        with self.entered():
            return parts_of(value)

    def differing(self, t: Tracer, carried: Iterable[Any]) -> dict[Place, Any]:
        """What is held in places that differ from what was held before, or are among `carried`."""
        known = set(carried)
        found: dict[Place, Any] = {}
        for change in self.changes.values():
            now = self.contents(change)
            if not _alike(change.thing, change.before, now):
                t.refuse_mutation(change.thing, change.span)
            for key in _keys(change.thing, change.before, now):
                place = Place(change.thing, key)
                value = held(t, place, now)
                if place in known or value is not held(t, place, change.before):
                    found[place] = value
        return found


@dataclass(frozen=True, slots=True)
class Meeting:
    """Where two paths meet: which places have what on either, and what the objects hold but for those."""

    places: dict[Place, tuple[Any, Any]]
    objects: list[tuple[Any, Contents]]

    def settle(self) -> None:
        for thing, contents in self.objects:
            hold(thing, contents)


def meeting(
    t: Tracer, one: Path, other: Path, dead: Sequence[bool], misses: Callable[[int, object], bool]
) -> Meeting:
    """Where two paths meet; a `dead` one does not. `misses`: whether nobody sees an object any more on one of them."""
    met = Meeting({}, [])
    for change in (other.changes | one.changes).values():
        contents = [path.contents(change) for path in (one, other)]
        gone = list(dead)
        if not any(gone) and not _alike(change.thing, *contents):
            gone = [misses(k, change.thing) for k in (0, 1)]
            if not any(gone):
                t.refuse_mutation(change.thing, change.span)
        if all(gone):
            continue
        alive = [c for c, without in zip(contents, gone, strict=True) if not without]
        met.objects.append((change.thing, alive[0]))
        for key in _keys(change.thing, *alive):
            place = Place(change.thing, key)
            x, y = (Gone if without else held(t, place, c) for c, without in zip(contents, gone, strict=True))
            if x is not y:
                met.places[place] = x, y
    return met


# -- loops


def begin(t: Tracer, values: Mapping[Any, Any], changed: Mapping[int, Change]) -> None:
    """Let the places among `values` hold these, in a scope of its own. `changed`: what other iterations change."""
    for change in changed.values():
        for copy in t.ledger.relatives(change.thing):
            if t.ledger.may_be_elsewhere(copy):
                copy.stale = change.span
    for place, value in values.items():
        if isinstance(place, Place):
            t.note(place.thing, changed[id(place.thing)].span)
            put(t, place, value)


def refuse_kept(t: Tracer, changed: Mapping[int, Change]) -> None:
    """Refuse changes, in a loop, of what it keeps copies of: those of an iteration are seen in the next ones."""
    for change in changed.values():
        if any(map(t.ledger.is_kept, (change.thing, *t.ledger.relatives(change.thing)))):
            t.builder.span = change.span or t.builder.span
            t.refuse_kept(change.thing)


# -- copies


def note_copies(t: Tracer, made: Any, sources: Iterable[Any]) -> None:
    """Note that what was made is one or other of structures with the `sources` in them: the objects in it are copies.

    A copy may be changed, if all that it may be was made here; what was changed is then not read by another name. Of
    dicts and lists, which are read in many ways, neither may be changed."""
    copies = [thing for thing in objects_in(made) if t.ledger.may_be_elsewhere(thing)]
    others = any(not isinstance(copy, Record) for copy in copies)
    for thing in sources if copies else ():
        if not isinstance(thing, Record):
            if others and not t.ledger.may_be_elsewhere(thing):
                t.ledger.keep(thing)
            continue
        for copy in copies:
            if isinstance(copy, Record) and copy is not thing and copy.cls is thing.cls:
                t.ledger.note_copy(copy, thing)
    for copy in copies:
        origins = t.ledger.origins_of(copy)
        if isinstance(copy, Record) and not any(map(t.ledger.may_be_elsewhere, origins)):
            t.make(copy)


def note_common(t: Tracer, values: Iterable[Any], foreign: bool = False) -> None:
    """Note that objects which are copies, in these values, may be the same one, or (`foreign`) one from elsewhere."""
    common = Record(object, {})
    (t.give if foreign else t.make)(common)
    for thing in (thing for value in values for thing in objects_in(value)):
        if isinstance(thing, Record) and t.ledger.may_be_elsewhere(thing):
            t.ledger.note_copy(thing, common)


def objects_in(value: Any) -> Iterator[Any]:
    """The lists, dicts and objects in a value."""
    pending, seen = [value], set[int]()
    while pending:
        value = pending.pop()
        if isinstance(value, (Maybe, OrNone)):
            pending.append(value.inner)
            continue
        if not isinstance(value, (tuple, list, dict, Record)) or id(value) in seen:
            continue
        seen.add(id(value))
        if isinstance(value, Record) and value.cls is Complex:
            continue
        if not isinstance(value, tuple):
            yield value
        holder = value.fields if isinstance(value, Record) else value
        pending += holder.values() if isinstance(holder, dict) else holder
