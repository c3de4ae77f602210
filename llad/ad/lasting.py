"""Values that memory keeps anyway: what was stored, and is not overwritten, is loaded from there.

An element of an array that a loop fills, and that the rest of the function only reads, is a copy of the value that was
stored to it. A tape would hold the same numbers once more.

When: each run of the value's region stores it, in that region; nothing stores over the element before the reverse sweep
comes to it (`overwrites.py`); and the reverse sweep knows the array and the place at no cost. What a rerun starts from
is loaded before the rerun, which computes its own array and place too late.
"""

from __future__ import annotations

from collections.abc import Callable

from llad.ad.structure import HOISTABLE, Structure
from llad.ir.alias import Aliases, Roots
from llad.ir.core import Op, Region, Value
from llad.ir.overwrites import Overwrites
from llad.ir.types import ScalarType

_PLAIN = HOISTABLE | {"view"}


class Lasting:
    """The places of one function where values last. `at_hand`: whether the reverse sweep has a value for nothing."""

    def __init__(
        self, structure: Structure, aliases: Aliases, overwrites: Overwrites, at_hand: Callable[[Value], bool]
    ) -> None:
        self._structure = structure
        self._aliases = aliases
        self._overwrites = overwrites
        self._at_hand = at_hand
        self._found: dict[Value, Op | None] = {}
        self._stores: dict[Region, dict[Value, list[Op]]] = {}

    def of(self, value: Value) -> Op | None:
        """A load of the element that holds `value` until the reverse sweep asks for it, if there is one."""
        if value not in self._found:
            self._found[value] = self._load(value)
        return self._found[value]

    def _load(self, value: Value) -> Op | None:
        if self._structure.called or not isinstance(value.type, ScalarType):
            return None
        region, root = self._structure.place(value)
        later = region if self._structure.given(value) else None
        for store in self._stores_in(region).get(value, ()):
            load = Op("load", store.operands[1:], (Value(value.type, value.name),), {}, (), store.span)
            roots = self._aliases.roots(store.operands[1])
            plain = all(self._plain(o, later) for o in load.operands)
            if plain and self._overwrites.stays(roots, load, self._until(roots, root), behind=store):
                return load
        return None

    def _until(self, roots: Roots, root: Region) -> Region:
        """The root to whose end memory must stay. A rerun comes later, and fills no memory but what it makes."""
        structure = self._structure
        while structure.reruns.get(root) == "recomputed":
            if all(structure.encloses(root, structure.region_of[made]) for made in roots):
                break
            root = structure.root(structure.owner[root][1])
        return root

    def _stores_in(self, region: Region) -> dict[Value, list[Op]]:
        """The stores among the ops of a region, by what they store."""
        if region not in self._stores:
            found: dict[Value, list[Op]] = {}
            for op in region.ops:
                if op.name == "store":
                    found.setdefault(op.operands[0], []).append(op)
            self._stores[region] = found
        return self._stores[region]

    def _plain(self, value: Value, later: Region | None) -> bool:
        """Whether the reverse sweep knows it without what is kept, and before the ops of the region that is `later`."""
        op = self._structure.op_of.get(value)
        is_later = op is not None and self._structure.region_of[value] is later
        if self._at_hand(value) and not is_later:
            return True
        return op is not None and op.name in _PLAIN and all(self._plain(o, later) for o in op.operands)
