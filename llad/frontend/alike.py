"""Extents that are equal wherever ops are being written, since a check there has passed.

Loops over the axes of two operands are only seen to be equally long if they end at the same value. So once a check has
passed that `a` and `b` are as long as each other, `b` is measured as `a`: in the region of the check, behind it, and in
the regions inside.

Invariant: of extents that are equal, the one that was met first stands for all; a number stands for any.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any, TypeVar

from llad.ir.build import Builder
from llad.ir.core import Region

Extent = TypeVar("Extent", bound=Hashable)

class Alike:
    """What the checks of one trace have found equal, by region."""

    def __init__(self) -> None:
        self._found: dict[Region, dict[Any, Any]] = {}

    def name(self, b: Builder, extent: Extent) -> Extent:
        """The extent that stands for this one where `b` writes."""
        if not self._found or isinstance(extent, int):
            return extent
        known = [self._found[region] for region in b.around if region in self._found]
        while (nearer := next((names[extent] for names in known if extent in names), None)) is not None:
            extent = nearer
        return extent

    def note(self, b: Builder, first: Any, second: Any) -> None:
        """A check that these are equal was just written."""
        first, second = self.name(b, first), self.name(b, second)
        if isinstance(second, int):
            first, second = second, first
        if not isinstance(second, int) and first != second:
            self._found.setdefault(b.current, {})[second] = first
