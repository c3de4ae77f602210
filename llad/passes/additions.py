"""Which stores add something to an element of memory, where the order of such sums is free."""

from __future__ import annotations

from llad.dataclass import dataclass
from llad.ir.alias import Aliases
from llad.ir.core import Function, Op, Region, accessed, makers, uses


@dataclass(frozen=True, slots=True)
class Addition:
    """The load of an element, the sum and the store: all that is done with what was loaded, and with the sum."""

    load: Op
    add: Op
    store: Op


class Additions:
    """Those of a function."""

    def __init__(self, fn: Function) -> None:
        self._free = bool(fn.attrs.get("fastmath"))
        self._made, self._uses = makers(fn.body), uses(fn.body)
        self._aliases = Aliases(fn)

    def of(self, store: Op, body: Region) -> Addition | None:
        """What a store ends, if it is one and stands in this region, and nothing stores to the array meanwhile."""
        add = self._made.get(store.operands[0])
        if add is None or add not in body.ops or add.name not in ("add", "sub") or self._uses[add.result] != 1:
            return None
        if not self._free and not add.attrs.get("reassoc"):
            return None
        for value in add.operands if add.name == "add" else add.operands[:1]:
            load = self._made.get(value)
            if load is not None and load.name == "load" and accessed(load) == accessed(store) and load in body.ops:
                array = self._aliases.roots(store.operands[1])
                between = body.ops[body.ops.index(load) + 1 : body.ops.index(store)]
                alone = self._uses[value] == 1 and all(array.isdisjoint(self._aliases.written(op)) for op in between)
                return Addition(load, add, store) if alone else None
        return None
