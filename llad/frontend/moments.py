"""Going back: what was traced to learn something, or did not come to an end, is forgotten as if it had never been.

    learned = []                            a loop is traced for the kinds of what it appends, then for good
    with trial(t): …                        whatever the names hold, the lists have in them, the ledger says

Ops are not taken back: what is forgotten stands in a region of its own, which nobody keeps.

Invariant: nothing of what is forgotten remains but captured arrays, guards, and functions of the table.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from llad.dataclass import dataclass
from llad.diagnostics import Span
from llad.frontend.core import Tracer
from llad.frontend.ledger import Ledger
from llad.frontend.state import Change, Frame, Scope, State, held_by, hold
from llad.frontend.values import Record


@dataclass(frozen=True, slots=True)
class Moment:
    """How things stood: the states of the frames, what is in objects, and what the ledger said."""

    ledger: Ledger
    states: list[tuple[Frame, State, State]]
    contents: list[tuple[Any, Any]]
    copies: list[tuple[Record, Span | None]]
    changes: list[tuple[Scope, dict[int, Change]]]
    span: Span | None


def now(t: Tracer) -> Moment:
    """How things stand now."""
    frames: list[Frame] = []
    frame: Frame | None = t.frame
    while frame is not None:
        frames.append(frame)
        frame = frame.parent
    scopes: list[Scope] = []
    scope: Scope | None = t.scope
    while scope is not None:
        scopes.append(scope)
        scope = scope.parent
    return Moment(
        t.ledger.copy(),
        [(f, f.state, f.state.copy()) for f in frames],
        [(thing, held_by(thing)) for thing, born in t.ledger.born.values() if _may_change(thing, born)],
        [(copy, copy.stale) for _, copies in t.ledger.copies.values() for copy in copies],
        [(s, s.changed.copy()) for s in scopes],
        t.builder.span,
    )


def go_back(t: Tracer, moment: Moment) -> None:
    """Let things be as they were; the moment may be gone back to again."""
    t.ledger = moment.ledger.copy()
    t.builder.span = moment.span
    for frame, state, was in moment.states:
        state.become(was)
        frame.state = state
    for thing, had in moment.contents:
        hold(thing, had)
    for copy, stale in moment.copies:
        copy.stale = stale
    for scope, changed in moment.changes:
        scope.changed = changed.copy()


@contextmanager
def trial(t: Tracer) -> Iterator[None]:
    """What is traced in the `with` body is forgotten at its end."""
    before = now(t)
    try:
        yield
    finally:
        go_back(t, before)


def _may_change(thing: object, born: Scope) -> bool:
    """Whether what an object holds may change."""
    return born.kind not in ("given", "met") and isinstance(thing, (list, dict, set, Record))
