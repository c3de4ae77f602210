"""What is known of run-time bools on a path: that conditions hold, or do not, by which it was chosen.

    if previous is None:                    there = …
        previous = x                        if not there: …
    else:
        total += x * previous               here `there` is true: `previous` is no `None`

Invariant: what is assumed of a value holds wherever the path that assumes it comes by.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from llad.frontend.values import OrNone
from llad.ir.core import Value

Fact = tuple[Value, bool]


class Assumed:
    """Facts by path, and what follows from them."""

    def __init__(self) -> None:
        self.used = 0  # how often something was known not to be `None`
        self._facts: dict[Value, bool] = {}
        self._opposites: dict[Value, Value] = {}
        self._implied: dict[Fact, Sequence[Fact]] = {}

    @contextmanager
    def assume(self, flag: Value, holds: bool) -> Iterator[None]:
        """That a flag holds, or does not, for the `with` body."""
        before = self._facts
        self._facts = before | self.following(flag, holds)
        try:
            yield
        finally:
            self._facts = before

    @contextmanager
    def nothing(self) -> Iterator[None]:
        """What is traced in the `with` body is called from other paths, too."""
        before, self._facts = self._facts, {}
        try:
            yield
        finally:
            self._facts = before

    def following(self, flag: Value, holds: bool) -> dict[Value, bool]:
        """What is known if a flag holds, or does not."""
        known: dict[Value, bool] = {}
        pending = [(flag, holds)]
        while pending:
            fact = pending.pop()
            known[fact[0]] = fact[1]
            pending += self._implied.get(fact, ())
            if fact[0] in self._opposites and self._opposites[fact[0]] not in known:
                pending.append((self._opposites[fact[0]], not fact[1]))
        return known

    def opposite(self, flag: Value) -> Value | None:
        """The flag that is known to be the opposite of this one."""
        return self._opposites.get(flag)

    def note_opposite(self, flag: Value, other: Value) -> None:
        self._opposites[flag], self._opposites[other] = other, flag

    def note_implied(self, flag: Value, holds: bool, facts: Sequence[Fact]) -> None:
        """Note what is known where `flag` holds, or does not."""
        self._implied[flag, holds] = facts

    def narrow(self, value: Any, facts: dict[Value, bool] | None = None) -> Any:
        """What may be `None`, as what it is where (further) facts hold."""
        while isinstance(value, OrNone):
            there = (self._facts if facts is None else self._facts | facts).get(value.there.value)
            if there is None:
                break
            self.used += there
            value = value.inner if there else None
        return value
