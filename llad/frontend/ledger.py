"""What a trace knows of the objects that it has met: which lists have copies, which iterators were read.

In Python a list is one object, however many names refer to it, and an iterator is used up by whoever reads it. Traced
code has values in their place. A program might see the difference, so what would show it is noted here, and whoever
might let it be seen asks here first.

Code may be traced only to learn something and then be forgotten (`moments.py`). The ledger is then set back to what it
was before. Only its notes of copies in memory stay: functions of the table stay, too, and may hold such copies. A note
whose copy is in no function has no effect.

Invariant: what stands under the `id` of an object keeps the object alive, so that no other has this number.
"""

from __future__ import annotations

from dataclasses import field, replace
from typing import Any

from llad.dataclass import dataclass
from llad.frontend.loose import Copied
from llad.frontend.state import Scope
from llad.frontend.values import Lazy, Record


@dataclass(slots=True)
class Ledger:
    """`born`: lists, dicts, sets and records, and where they were made. `kept`: lists whose items a list that grows
    has copies of, or that met another. `copies`: of objects that met another, and their `origins`. `walked`: what the
    loops around go over. `named`: what was given a name, and in which iteration or call. `spent`: iterators that were
    read. `found`: lists, dicts and sets from outside, and what is seen of them.

    `copied`: copies made where NumPy may have a view; `appended`: rows of lists that grow, and what they are copies of.
    """

    born: dict[int, tuple[object, Scope]] = field(default_factory=dict)
    kept: dict[int, object] = field(default_factory=dict)
    copies: dict[int, tuple[Record, tuple[Record, ...]]] = field(default_factory=dict)
    origins: dict[int, tuple[Record, tuple[Record, ...]]] = field(default_factory=dict)
    walked: list[object] = field(default_factory=list)
    named: dict[int, tuple[object, Scope]] = field(default_factory=dict)
    spent: dict[int, object] = field(default_factory=dict)
    found: dict[int, tuple[object, Any]] = field(default_factory=dict)
    copied: list[Copied] = field(default_factory=list)
    appended: list[Copied] = field(default_factory=list)

    def copy(self) -> Ledger:
        """The same knowledge, which may go another way from here on."""
        return replace(
            self,
            born=dict(self.born),
            kept=dict(self.kept),
            copies=dict(self.copies),
            origins=dict(self.origins),
            walked=list(self.walked),
            named=dict(self.named),
            spent=dict(self.spent),
            found=dict(self.found),
        )

    # -- lists

    def make(self, thing: object, scope: Scope) -> None:
        """Note where a list, dict, set or record was made."""
        self.born[id(thing)] = thing, scope

    def birth(self, thing: object) -> Scope | None:
        """Where an object was made; `None` of what is from outside."""
        known = self.born.get(id(thing))
        return None if known is None else known[1]

    def keep(self, thing: object) -> None:
        """Note that there is a copy of the list's items."""
        self.kept[id(thing)] = thing

    def is_kept(self, thing: object) -> bool:
        return id(thing) in self.kept

    # -- objects that met others

    def may_be_elsewhere(self, thing: object) -> bool:
        """Whether an object is a copy that paths made which met, or from outside."""
        birth = self.birth(thing)
        return birth is None or birth.kind in ("given", "met")

    def origins_of(self, thing: Any) -> tuple[Any, ...]:
        """Which objects this one may be a copy of; itself, if it is none."""
        known = self.origins.get(id(thing))
        return (thing,) if known is None else known[1]

    def note_copy(self, copy: Record, thing: Record) -> None:
        """Note that one object may be a copy of another one."""
        known = self.origins.get(id(copy), (copy, ()))[1]
        new = tuple(each for each in self.origins_of(thing) if all(each is not other for other in known))
        self.origins[id(copy)] = copy, (*known, *new)
        for each in new:
            self.copies[id(each)] = each, (*self.copies.get(id(each), (each, ()))[1], copy)

    def relatives(self, thing: Any) -> list[Record]:
        """The other objects that may be the same one."""
        found: dict[int, Record] = {}
        for origin in self.origins_of(thing):
            for other in (origin, *self.copies.get(id(origin), (origin, ()))[1]):
                if other is not thing and isinstance(other, Record) and other.cls is thing.cls:
                    found[id(other)] = other
        return list(found.values())

    # -- iterators

    def is_walked(self, thing: object) -> bool:
        """Whether a loop around goes over the list, or over what does."""
        return any(thing is other or (isinstance(other, Lazy) and other.reaches(thing)) for other in self.walked)

    def name(self, thing: object, extent: Scope) -> None:
        """Note in which iteration or call an object was given a name."""
        self.named[id(thing)] = thing, extent

    def may_read(self, thing: object, extent: Scope) -> bool:
        """Whether an iterator that has a name is as it was made, in the iteration or call where it got the name."""
        _, where = self.named.get(id(thing), (thing, extent))
        return id(thing) not in self.spent and where is extent

    def spend(self, thing: object) -> None:
        """Note that an iterator was read."""
        self.spent[id(thing)] = thing
