"""What a trace read outside of its arguments, written down so that the next process can read it again.

First comes what a trace is asked for: the function and the types of its arguments. Then the notes of the trace
(`guards.py`), in their order: where a name is looked up, the name, and what was found, in words (`inventory.py`). Each
holder is reached from what stands before it. Another process that reads the same names in the same order and finds the
same would trace the same; what it has found are the guards of its own.

Invariant: `found(written(…))` is `None` wherever a trace may come to anything else than the one that was written down.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from types import CellType, FunctionType
from typing import Any

from llad.frontend.inventory import Inventory
from llad.frontend.signature import ALL, ArgSpec, Guard, Missing, contents
from llad.frontend.source import remember_text, source_of
from llad.frontend.words import Description, Undescribed


def asked(function: Any, specs: Sequence[ArgSpec], keywords: Sequence[str]) -> tuple[Inventory, Description] | None:
    """What a trace is asked for, in words, and the objects in it; `None` if there are no words for it."""
    inventory = Inventory()
    try:
        return inventory, [inventory.describe(function), [inventory.spec(spec) for spec in specs], list(keywords)]
    except Undescribed:
        return None


def written(inventory: Inventory, reads: Sequence[Guard] | None) -> list[Description] | None:
    """The notes of a trace, to be found again; `None` if there are no words for one of them.

    `inventory`: of what was asked for; what was read is added.
    """
    if reads is None:
        return None
    try:
        notes = [_note(inventory, guard) for guard in reads]
    except Undescribed:
        return None
    return notes if all(guard.holds() and _as_it_stands(guard, inventory) for guard in reads) else None


def _note(inventory: Inventory, guard: Guard) -> Description:
    place = inventory.place(guard.holder)
    return [place, guard.name, int(guard.lasting), _described(inventory, guard.name, guard.value)]


def _described(inventory: Inventory, name: str, value: Any) -> Description:
    return inventory.names(value) if name == "__kwdefaults__" else inventory.member(name, value)


def _as_it_stands(guard: Guard, inventory: Inventory) -> bool:
    """Whether the source of a function that was traced is what its file says now."""
    if guard.name != "__code__" or not isinstance(guard.holder, FunctionType):
        return True
    source = source_of(guard.holder)
    return source.lines == inventory.lines(source.file)


def found(inventory: Inventory, notes: Sequence[Description]) -> tuple[Guard, ...] | None:
    """The guards of this process, if it finds what the notes say; else `None`.

    `inventory`: of what was asked for; what is found is added.
    """
    guards = []
    try:
        for place, name, lasting, description in notes:
            holder = inventory.find(place)
            value = _read(holder, name)
            if _described(inventory, name, value) != description:
                return None
            guards.append(Guard(holder, name, value, bool(lasting)))
    except Undescribed:
        return None
    for name, lines, _ in inventory.files:
        remember_text(name, lines)
    return tuple(guards)


def _read(holder: Any, name: str) -> Any:
    """What is there, as `Guard.holds` reads it."""
    if name == ALL:
        return contents(holder)
    if holder is sys.modules:  # the trace imports what is not there yet
        with suppress(ImportError):
            importlib.import_module(name)
    if isinstance(holder, CellType):
        try:
            return holder.cell_contents
        except ValueError:
            return Missing
    return holder.get(name, Missing) if isinstance(holder, Mapping) else getattr(holder, name, Missing)
