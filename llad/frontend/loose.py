"""Copies where NumPy may have a view: a program in which the difference would be seen is refused.

Whether `reshape` and `ravel` of an array that is not contiguous give a view, NumPy decides by strides, when the program
runs; here they give a copy (`rearrange.py`), which is never written. So the two differ only where the array that was
copied is written and the copy read after that. Whether a program does that is asked when it is traced completely:
whether a way through it leads from the copy over a write to a read, without another copy made in between.

Invariant: where the question is not decided, it is answered yes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from llad.dataclass import dataclass
from llad.diagnostics import Span
from llad.frontend.refused import refuse
from llad.ir.alias import Aliases
from llad.ir.core import Function, Op, Region, Value


@dataclass(frozen=True, slots=True)
class Copied:
    """A copy of `source`, where the user wrote `span`; `refusal`: how it is refused that the difference is seen."""

    copy: Value
    source: Value
    span: Span | None
    refusal: str = "loose-read"


@dataclass(frozen=True, slots=True)
class Place:
    """Where an op stands: how many come before it, and the loops around it."""

    number: int
    loops: frozenset[Op]


def refuse_late_reads(fn: Function, copied: Sequence[Copied]) -> None:
    """Raises: UnsupportedError, where a copy is read after its source is written, in `fn` or what it calls."""
    functions = [replace(f, functions=fn.functions) for f in (fn, *fn.functions.values())] if copied else []
    leaking: dict[str, Copied] = {}  # functions that return a copy, which one
    while True:
        known = len(leaking)
        for f in functions:
            _examine(f, copied, leaking)
        if len(leaking) == known:
            return


def _examine(fn: Function, copied: Sequence[Copied], leaking: dict[str, Copied]) -> None:
    """Refuse what is seen in this function, and note in `leaking` whether it returns a copy."""
    places = dict(places_of(fn.body))
    makers = {result: op for op in places for result in op.results}
    own = [c for c in copied if c.copy in makers]
    for op in places:
        if op.name == "call" and (name := op.attrs["callee"]) in leaking:  # of any of the arrays that it was given
            own += [replace(leaking[name], copy=r, source=o) for r in op.results for o in op.operands]
    if not own:
        return
    aliases = Aliases(fn)
    plain = [op for op in places if not op.regions]
    for c in own:
        source = _behind(c, own, aliases)
        writes = [op for op in plain if not source.isdisjoint(aliases.written(op))]
        reads = [op for op in plain if c.copy in aliases.read(op) or (op.name == "return" and _holds(aliases, op, c))]
        if fn.functions and any(op.name == "return" for op in reads):
            leaking.setdefault(fn.name, c)
        made = makers[c.copy]
        # In a loop around the copy, a handle that is carried may be that of an earlier iteration.
        still = frozenset() if aliases.escapes(c.copy) else places[made].loops
        for write in (op for op in writes if _follows(places[made], places[op], still)):
            if late := next((op for op in reads if _follows(places[write], places[op], still)), None):
                lines = [op.span.line if op.span else "?" for op in (write, late)]
                refuse(c.refusal, c.span, written=lines[0], read=lines[1])


def _behind(c: Copied, copied: Sequence[Copied], aliases: Aliases) -> set[Value]:
    """The memory that a copy stands for: what was copied may be a copy, too."""
    found: set[Value] = set()
    pending = [c.source]
    while pending:
        new = aliases.roots(pending.pop()) - found
        found |= new
        pending += [other.source for other in copied if other.copy in new]
    return found


def _holds(aliases: Aliases, op: Op, c: Copied) -> bool:
    return any(c.copy in aliases.roots(o) for o in op.operands)


def _follows(first: Place, second: Place, still: frozenset[Op]) -> bool:
    """Whether control may go from one to the other, without a next iteration of the loops `still`."""
    return first.number < second.number or not (first.loops & second.loops) <= still


def places_of(
    region: Region, loops: frozenset[Op] = frozenset(), start: int = 0
) -> Iterator[tuple[Op, Place]]:
    number = start
    for op in region.ops:
        yield op, Place(number, loops)
        number += 1
        inside = loops | {op} if op.name in ("for", "while") else loops
        for inner in op.regions:
            for found in places_of(inner, inside, number):
                yield found
                number += 1
