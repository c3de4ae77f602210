"""Arrays that are copies of others, element by element, and who may read the other one instead."""

from __future__ import annotations

from collections.abc import Sequence

from llad.dataclass import dataclass
from llad.ir.affine import Affine
from llad.ir.alias import Aliases
from llad.ir.core import Function, Op, Region, Value, makers, walk
from llad.ir.elements import Elements


@dataclass(frozen=True, eq=False, slots=True)
class Copy:
    """`array[indices]` is `base[at]` for all indices, once `nest` has run; nothing else writes to it."""

    array: Value
    nest: Op
    indices: tuple[Value, ...]
    base: Value
    at: tuple[Affine, ...]

    def place(self, at: Sequence[Affine]) -> tuple[Affine, ...]:
        """Where an element of the copy comes from."""
        found = []
        for form in self.at:
            total = Affine(form.const)
            for atom, factor in form.terms.items():
                term = at[self.indices.index(atom)] if atom in self.indices else Affine(0, {atom: 1})
                total = total.plus(term, factor)
            found.append(total)
        return tuple(found)


class Copies:
    """The copies that one function makes."""

    def __init__(self, fn: Function, aliases: Aliases, elements: Elements, uses: dict[Value, list[Op]]) -> None:
        self._aliases = aliases
        self._elements = elements
        self._uses = uses
        self._made = makers(fn.body)
        self._owner: dict[Region, Op] = {}
        self._home: dict[Op, Region] = {}
        self._known: dict[Value, Copy] = {}
        self._enter(fn.body)
        for op in walk(fn.body):
            if op.name == "for" and (copy := self._copy(op)) is not None:
                self._known[copy.array] = copy

    def _enter(self, region: Region) -> None:
        for op in region.ops:
            self._home[op] = region
            for inner in op.regions:
                self._owner[inner] = op
                self._enter(inner)

    def of(self, array: Value, reader: Op) -> Copy | None:
        """The copy that an array is, if what it was copied from is still the same for all that `reader` does."""
        copy = self._known.get(array)
        if copy is None:
            return None
        region, at = self._home[copy.nest], reader
        while self._home[at] is not region:
            if self._home[at] not in self._owner:
                return None
            at = self._owner[self._home[at]]
        ops = region.ops[region.ops.index(copy.nest) + 1 : region.ops.index(at) + 1]
        roots = self._aliases.roots(copy.base)
        return copy if ops and all(roots.isdisjoint(self._aliases.written(op)) for op in ops) else None

    def maker(self, copy: Copy, reader: Op) -> Op | None:
        """The allocation of a copy that nobody but `reader` reads, if all three stand in one region."""
        made = self._made[copy.array]
        inside = {copy.nest, *walk(copy.nest.regions[0]), *walk(reader.regions[0])}
        alone = inside.issuperset(self._uses[copy.array])
        return made if alone and self._home[made] is self._home[copy.nest] is self._home[reader] else None

    def _copy(self, nest: Op) -> Copy | None:
        indices: list[Value] = []
        extents: list[Value] = []
        op = nest
        while op.name == "for" and len(op.operands) == 3 and not op.attrs["exits"]:
            if self._elements.constant(op.operands[0]) != 0 or self._elements.constant(op.operands[2]) != 1:
                return None
            body = op.regions[0]
            indices.append(body.args[0])
            extents.append(op.operands[1])
            if len(body.ops) != 2:
                break
            op = body.ops[0]
        ops = op.regions[0].ops if op.name == "for" else []
        if len(indices) < 2 or [o.name for o in ops] != ["load", "store", "yield"]:
            return None
        load, store = ops[:2]
        array, *at = store.operands[1:]
        made = self._made.get(array)
        if store.operands[0] is not load.result or at != indices or made is None or made.name != "alloc":
            return None
        if self._uses[load.result] != [store] or made.attrs["zero"] or list(made.operands) != extents:
            return None
        if any(use.name not in ("load", "dim") and use is not store for use in self._uses[array]):
            return None
        base, forms = self._elements.place(load.operands[0], load.operands[1:])
        found = tuple(form for form in forms if form is not None)
        whole = len(found) == len(forms) and (base not in self._made or self._made[base].name == "alloc")
        return Copy(array, nest, tuple(indices), base, found) if whole else None
