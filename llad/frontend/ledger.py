"""What a trace knows of the objects that it has met: which lists have copies, which iterators were read.

To Python a list is one object, whatever refers to it, and an iterator is used up by whoever reads it. Traced code has
values in their place, so the account of what would tell the two apart is kept here, and asked by those who would.

A stretch of code may be traced to learn something and then be forgotten (`moments.py`): then this is as it was
before. Only what is known of copies in memory stays, since functions of the table, which stay too, may hold such
copies; of what is in no function, it says nothing.

Invariant: what stands under the `id` of an object keeps the object alive, so that no other has this number.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import field, replace
from typing import Any

from llad.dataclass import dataclass
from llad.frontend.loose import Copied
from llad.frontend.state import Scope


@dataclass(frozen=True, slots=True)
class Ahead:
    """The items of what is lazy in Python, all at once: what it goes over, and the same item by item."""

    items: list[Any]
    sources: Sequence[object]
    again: Callable[[], Iterable[Any]] | None


@dataclass(slots=True)
class Ledger:
    """`born`: lists, dicts, sets and records, and where they were made. `kept`: lists whose items a list that grows
    has copies of. `walked`: what the loops around go over. `ahead`: what Python would ask for later. `named`: what was
    given a name, and in which iteration or call. `generated`: what generators give. `spent`: iterators that were read.
    `found`: lists, dicts and sets from outside, and what is seen of them.

    `copied`: copies made where NumPy may have a view; `appended`: rows of lists that grow, and what they are copies of.
    """

    born: dict[int, tuple[object, Scope]] = field(default_factory=dict)
    kept: dict[int, object] = field(default_factory=dict)
    walked: list[object] = field(default_factory=list)
    ahead: dict[int, Ahead] = field(default_factory=dict)
    named: dict[int, tuple[object, Scope]] = field(default_factory=dict)
    generated: dict[int, object] = field(default_factory=dict)
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
            walked=list(self.walked),
            ahead=dict(self.ahead),
            named=dict(self.named),
            generated=dict(self.generated),
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

    # -- iterators

    def sources_of(self, thing: object) -> Sequence[object]:
        """What a lazy object would still go over."""
        known = self.ahead.get(id(thing))
        return () if known is None else known.sources

    def item_by_item(self, thing: object) -> Iterable[Any] | None:
        """The items of a lazy object, as they are when they are asked for; `None` if that is not known."""
        known = self.ahead.get(id(thing))
        return None if known is None or known.again is None else known.again()

    def is_walked(self, thing: object) -> bool:
        """Whether a loop around goes over the list, or over what does."""
        return any(thing is other or any(thing is s for s in self.sources_of(other)) for other in self.walked)

    def is_awaited(self, thing: object, values: Iterable[object]) -> bool:
        """Whether a loop around, or one of the values that names hold, is lazy and has still to go over `thing`."""
        loops = [w for w in self.walked if id(w) not in self.ahead or self.ahead[id(w)].again is None]
        return any(source is thing for holder in (*loops, *values) for source in self.sources_of(holder))

    def is_iterator(self, thing: object) -> bool:
        """Whether Python has made these items an iterator."""
        return id(thing) in self.ahead or id(thing) in self.generated

    def generate(self, thing: object) -> None:
        """Note that a generator gives these items."""
        self.generated[id(thing)] = thing

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
