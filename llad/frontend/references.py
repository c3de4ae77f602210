"""Arrays in lists that grow: a list refers to them, where a room has copies (`rooms.py`), made at the append.

    traj.append(u)                          the item is what `u` is now;
    u += du                                 Python's changes, too

The two differ if the memory of an item is written later on: by what follows the append, or by a later iteration. That
is refused, whether or not the item is read after that. A write by a name for what an `alloc` makes concerns only what
it made last, so arrays that each iteration makes anew may be handed on.

Invariant: where the question is not decided, it is answered yes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from llad.frontend.loose import Copied, Place, places_of
from llad.frontend.refused import refuse
from llad.ir.alias import Aliases
from llad.ir.core import Function, Op, Value, viewed


def refuse_late_writes(fn: Function, appended: Sequence[Copied], copied: Sequence[Copied]) -> None:
    """Raises: UnsupportedError, where an array is written after it has become an item of a list, in `fn` or what it
    calls. `copied`: what is a copy where NumPy may have a view."""
    for f in (fn, *fn.functions.values()) if appended else ():
        _examine(replace(f, functions=fn.functions, attrs={**f.attrs, "may_alias": True}), appended, copied)


def _examine(fn: Function, appended: Sequence[Copied], copied: Sequence[Copied]) -> None:
    places = dict(places_of(fn.body))
    makers = {result: op for op in places for result in op.results}
    own = [c for c in appended if c.copy in makers]
    if not own:
        return
    aliases = Aliases(fn)
    rooms = frozenset(root for c in own for root in aliases.roots(c.copy))  # what is in them stays as it is
    writes = [op for op in places if not op.regions and aliases.written(op)]
    for c in own:
        memory = _memory(aliases, c.source, copied) - rooms
        start = places[makers[c.copy]]
        for op in writes:
            if not memory.isdisjoint(aliases.written(op)) and _concerns(start, op, places, makers):
                refuse("late-write", c.span, written=op.span.line if op.span else "?")


def _memory(aliases: Aliases, item: Value, copied: Sequence[Copied]) -> frozenset[Value]:
    """Where the memory of an item comes from, if NumPy has views where it may."""
    memory, known = aliases.roots(item), -1
    while known != (known := len(memory)):
        memory = memory.union(*(aliases.roots(c.source) for c in copied if c.copy in memory))
    return memory


def _concerns(start: Place, write: Op, places: dict[Op, Place], makers: dict[Value, Op]) -> bool:
    """Whether control may come from the place to the write, and the memory written be as old as the place."""
    end = places[write]
    made = _made(write, makers)
    again = not start.loops.isdisjoint(end.loops)
    if made is None:
        return start.number < end.number or again
    if start.number < places[made].number:
        return False
    return start.number < end.number or not (start.loops & end.loops) <= places[made].loops


def _made(write: Op, makers: dict[Value, Op]) -> Op | None:
    """The `alloc` whose latest memory is what is written; `None` if it is not told by the text."""
    if write.name != "store":
        return None
    op = makers.get(viewed(write.operands[1], makers))
    return op if op is not None and op.name == "alloc" else None
