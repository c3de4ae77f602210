"""The adjoints of scalars while the mirror is written: SSA values, by primal value, one table per open region."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from llad.ad.activity import Activity
from llad.ir.build import Builder
from llad.ir.core import Value
from llad.ir.types import BufferType, ScalarType

Table = dict[Value, Value]


class Bars:
    """The tables of the regions that are being mirrored; questions and terms concern the innermost."""

    def __init__(self, b: Builder, activity: Activity) -> None:
        self.b = b
        self.activity = activity
        self._tables: list[Table] = []

    @contextmanager
    def scope(self, known: Table | None = None) -> Iterator[Table]:
        """A new table, open for the `with` body; afterwards it holds what that leaves to the regions around."""
        self._tables.append(known or {})
        yield self._tables[-1]
        self._tables.pop()

    def __contains__(self, value: Value) -> bool:
        """Whether anything contributed to the adjoint of `value`."""
        return value in self._tables[-1]

    def __getitem__(self, value: Value) -> Value:
        return self._tables[-1][value]

    def contribute(self, value: Value, term: Value) -> None:
        """Add `term` to the adjoint of `value`."""
        if not self.activity.active(value):
            return
        table = self._tables[-1]
        table[value] = self.sum(table[value], term) if value in table else term

    def sum(self, a: Value, b: Value) -> Value:
        """An accumulation of adjoints: it has no source order, so it may be reassociated."""
        return self.b.emit("add", [a, b], [a.type], {"reassoc": True}).result

    def found(self, value: Value) -> Value | None:
        """The adjoint of `value`, which is complete now; None if nothing contributed."""
        return self._tables[-1].pop(value, None)

    def taken(self, value: Value) -> Value:
        """The adjoint of `value`, which is complete now; zero if nothing contributed."""
        bar = self.found(value)
        return self.zero(value) if bar is None else bar

    def zero(self, value: Value) -> Value:
        """An adjoint of `value` to which nothing contributed."""
        assert isinstance(value.type, ScalarType)
        return self.b.const(0.0, value.type)

    def zero_of(self, buffer: Value) -> Value:
        """The zero that clears an element of the shadow of `buffer`."""
        assert isinstance(buffer.type, BufferType)
        return self.b.const(0.0, buffer.type.dtype)
