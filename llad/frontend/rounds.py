"""What is known of a loop that is being traced: what it carries, and what its rounds have told of objects.

A name or place that holds one object or another has a copy of it in the next iteration (`contents.py`). What it may be
a copy of is learnt from round to round: objects from before the loop; those that an iteration makes, which other names
may hold as well; and such from elsewhere, as are items of lists that grow.

Invariant: in the last round, what copies may be was known at its start.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import field
from typing import Any, TypeAlias

from llad.dataclass import dataclass
from llad.frontend import contents
from llad.frontend.carries import Carry, Held
from llad.frontend.contents import Path, Place
from llad.frontend.core import Tracer
from llad.frontend.shapes import is_there
from llad.frontend.state import Change, Gone, State
from llad.frontend.values import Record, Unbound
from llad.ir.core import Region

Name: TypeAlias = str | Place


@dataclass
class Loop:
    """One loop being traced: the names and places that it carries, the state before it, and how a round starts.

    `changed`: the objects from before that it changes. `sources`: those that a name or place may hold by its end.
    `foreign`: what may hold others from elsewhere. `common`: what may hold the same object, made in an iteration."""

    node: ast.For | ast.While
    names: tuple[str, ...]
    carried: dict[Name, Carry]
    late: tuple[str, ...]
    before: State
    indexed: bool
    start: Callable[[Region], None]
    runs: bool = False
    endless: bool = False
    changed: dict[int, Change] = field(default_factory=dict)
    sources: dict[Name, list[Any]] = field(default_factory=dict)
    foreign: set[Name] = field(default_factory=set)
    common: set[frozenset[Name]] = field(default_factory=set)


@dataclass
class Round:
    """One traced body: its region, the state at its end, what it began with, and what objects hold at its end."""

    region: Region
    end: State
    start: dict[Name, Any]
    path: Path
    places: dict[Place, Any]

    def at_end(self, name: Name) -> Any:
        """What a name or place holds at the end."""
        if self.end.dead:
            return Gone
        return self.end.values.get(name, Unbound) if isinstance(name, str) else self.places.get(name, Unbound)


def before(t: Tracer, loop: Loop, name: Name) -> Any:
    """What a name or place holds before the loop."""
    return contents.before(t, name) if isinstance(name, Place) else loop.before.values.get(name, Unbound)


def held(t: Tracer, loop: Loop, done: Round, name: Name) -> Held:
    """What is known of a name or place after a round."""
    first, end = before(t, loop, name), done.at_end(name)
    if isinstance(name, Place):
        span = done.path.changes[id(name.thing)].span
        return Held(first, done.start.get(name, first), end, (span, span))
    return Held(first, done.start[name], end, (loop.before.spans.get(name), done.end.spans.get(name)))


def learn(t: Tracer, loop: Loop, done: Round) -> bool:
    """Note what a round has changed, and which objects names and places hold by its end; whether that was known."""
    known = done.path.changes.keys() <= loop.changed.keys()
    loop.changed = done.path.changes | loop.changed
    holders: dict[int, set[Name]] = {}
    foreign: set[Name] = set()
    for name in (*loop.carried, *done.places):
        sources = loop.sources.setdefault(name, [])
        for thing in (origin for each in objects(t, loop, done, name) for origin in t.ledger.origins_of(each)):
            if t.ledger.may_be_elsewhere(thing):
                foreign |= {name} if isinstance(thing, Record) else set()
            elif not is_there(t, thing):
                holders.setdefault(id(thing), set()).add(name)
            elif not any(thing is other for other in sources):
                sources.append(thing)
                known = False
    common = {frozenset(names) for names in holders.values()}
    known = known and foreign <= loop.foreign and common <= loop.common
    loop.foreign |= foreign
    loop.common |= common
    return known


def objects(t: Tracer, loop: Loop, done: Round, name: Name) -> list[Any]:
    """The objects in what a name or place holds before the loop, or at its end."""
    with done.path.entered():
        at_end = [*contents.objects_in(done.at_end(name))]
    return [*contents.objects_in(before(t, loop, name)), *at_end]
