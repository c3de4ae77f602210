"""Which inner loops go through their rows in panels (`panels.py`): whether they may, and whether it is worth it."""

from __future__ import annotations

from llad.dataclass import dataclass
from llad.ir.affine import Affine
from llad.ir.alias import Aliases
from llad.ir.core import TAPE, Function, Op, Region, Value, defined, mentioned, walk
from llad.ir.elements import Elements
from llad.ir.types import I64, is_float
from llad.ops.cost import DEAR
from llad.passes.effects import TRAPPING, computes
from llad.passes.strips import SPECIAL

_LARGEST = 32  # ops of an inner loop: what it needs fits into registers beside the rows
_SUMS = range(2, 5)  # elements of a row that are kept in registers; of one, its additions would wait for each other
_STRANGERS = TAPE | {"for", "while", "call", "derivative", "alloc", "free", "matmul", "print", "view"}


@dataclass(frozen=True, slots=True)
class Plan:
    """An inner loop, `rows`, that changes elements of rows, in a loop around it, whose iterations are called columns.

    `updates`: the loads and the stores of these elements; `places`: their last indices, less the row. `first`: where
    the rows of a column begin, as a sum of what all columns share, and of the column itself if it `slants`. `forms`:
    integers of a column that are such sums, which rows use. `handed`: what else of a column they use; `stored`:
    where, for those that columns themselves find or keep side by side in an array. `private`: nobody else sees elements
    of rows before the first one, be it another thread, so that they may be stored as they are.
    """

    rows: Op
    updates: dict[Op, Op]
    places: list[Affine]
    first: Affine
    slants: bool
    forms: dict[Value, Affine]
    handed: list[Value]
    stored: dict[Value, tuple[Value, list[Affine]]]
    private: bool


class Plans:
    """`found`: the plans of a function, by the loops around the rows."""

    def __init__(self, fn: Function) -> None:
        self.elements, self._aliases = Elements(fn), Aliases(fn)
        self._params = frozenset(fn.params)
        self.found: dict[Op, Plan] = {}
        if not fn.attrs.get("may_alias"):
            self._region(fn.body, _made_in(fn.body))

    def _region(self, region: Region, own: set[Value]) -> None:
        """`own`: the arrays that only this thread has."""
        for op in region.ops:
            if op.name == "for" and (plan := self._plan(op, own)):
                self.found[op] = plan
            else:
                for inner in op.regions:
                    self._region(inner, _made_in(inner) if op.attrs.get("threads") else own)

    def _goes_up(self, loop: Op) -> bool:
        plain = not any(map(loop.attrs.get, SPECIAL))
        return plain and self.elements.constant(loop.operands[2]) == 1

    def _plan(self, columns: Op, own: set[Value]) -> Plan | None:
        body = columns.regions[0]
        loops = [op for op in body.ops if op.name == "for"]
        if len(loops) != 1 or not self._goes_up(columns) or not self._goes_up(loops[0]):
            return None
        rows, inside = loops[0], defined(body)
        around = [op for op in walk(body) if op is not rows and op not in rows.regions[0].ops]
        if rows.operands[1] in inside or any(op.name in _STRANGERS for op in around) or not self._is_small(rows):
            return None
        updates = self._updates(rows, inside)
        first = self.elements.form(rows.operands[0])
        slope = first.terms.get(body.args[0], 0)
        if updates is None or slope not in (0, 1) or not self._is_shared(first, columns, inside):
            return None
        if not self._is_apart(rows, updates, around):
            return None
        used = [v for v in dict.fromkeys(mentioned(rows)) if v in inside]
        sums = {v: self.elements.form(v) for v in used if v.type == I64}
        forms = {v: form for v, form in sums.items() if self._is_shared(form, columns, inside)}
        handed = [v for v in used if v not in forms]
        if not all(v.type == I64 or is_float(v.type) for v in handed):
            return None
        row = Affine(0, {rows.regions[0].args[0]: 1})
        places = [self.elements.form(store.operands[-1]).plus(row, -1) for store in updates.values()]
        private = all(own.issuperset(self._aliases.roots(store.operands[1])) for store in updates.values())
        stored = {v: place for v in handed if (place := self._stored(v, columns, inside)) is not None}
        return Plan(rows, updates, places, first, bool(slope), forms, handed, stored, private)

    def _stored(self, value: Value, columns: Op, inside: set[Value]) -> tuple[Value, list[Affine]] | None:
        """Where each column finds or keeps a value of its own, in an array that nothing else in the loop changes."""
        body = columns.regions[0]
        for op in body.ops:
            if op.name == "load" and op.result is value:
                steady = self._aliases.read(op).isdisjoint(self._aliases.written(columns))
                if steady and self._goes_along(op.operands, body.args[0], inside):
                    return op.operands[0], [self.elements.form(i) for i in op.operands[1:]]
            if op.name == "store" and op.operands[0] is value:
                array = self._aliases.roots(op.operands[1])
                others = (o for o in walk(body) if o is not op)
                alone = all(array.isdisjoint(self._aliases.touched(o)) for o in others)
                if alone and self._goes_along(op.operands[1:], body.args[0], inside):
                    return op.operands[1], [self.elements.form(i) for i in op.operands[2:]]
        return None

    def _is_shared(self, form: Affine, columns: Op, inside: set[Value]) -> bool:
        """Whether a sum is made of the column and of what all columns share."""
        return inside.isdisjoint(form.terms.keys() - {columns.regions[0].args[0]})

    def _is_small(self, rows: Op) -> bool:
        """Whether nothing is asked of a row but a few operations that may as well be done for another one."""
        ops = rows.regions[0].ops[:-1]
        refused = DEAR | TRAPPING - {"load"} | {"cast"}
        if len(rows.results) > 1 or len(ops) > _LARGEST:
            return False
        return all((computes(op) and not op.regions and op.name not in refused) or op.name == "store" for op in ops)

    def _updates(self, rows: Op, inside: set[Value]) -> dict[Op, Op] | None:
        """The load of each element that is stored, if it is that of the row in an array that all columns share."""
        body = rows.regions[0]
        stores = [op for op in body.ops if op.name == "store"]
        found: dict[Op, Op] = {}
        for store in stores:
            place, before = store.operands[1:], body.ops[: body.ops.index(store)]
            loads = [op for op in before if op.name == "load" and self._is_same(op.operands, place)]
            if len(loads) != 1 or not self._goes_along(place, body.args[0], inside):
                return None
            found[loads[0]] = store
        return found if len(found) == len(stores) and len(stores) in _SUMS else None

    def _is_same(self, one: tuple[Value, ...], other: tuple[Value, ...]) -> bool:
        """Whether two places are the same element of the same array."""
        pairs = zip(one[1:], other[1:], strict=True) if one[0] is other[0] else ()
        differences = [self.elements.form(a).plus(self.elements.form(b), -1) for a, b in pairs]
        return one[0] is other[0] and all(d.number == 0 for d in differences)

    def _goes_along(self, place: tuple[Value, ...], index: Value, inside: set[Value]) -> bool:
        """Whether the last index of a place goes with the row, by ones, and nothing of it changes with the column."""
        array, *indices = place
        if not indices:
            return False
        *others, last = map(self.elements.form, indices)
        terms = [form.terms for form in others] + [{v: k for v, k in last.terms.items() if v is not index}]
        steady = all(inside.isdisjoint(t) for t in terms) and array not in inside
        return steady and last.terms.get(index) == 1 and getattr(array.type, "layout", "") == "C"

    def _is_apart(self, rows: Op, updates: dict[Op, Op], around: list[Op]) -> bool:
        """Whether nothing else touches what is updated, nor changes what is read for it, nor shows how far it got."""
        stored = [self._aliases.roots(store.operands[1]) for store in updates.values()]
        changed = frozenset().union(*stored)
        loads = [op for op in rows.regions[0].ops if op.name == "load" and op not in updates]
        read = frozenset().union(*(self._aliases.roots(op.operands[0]) for op in loads))
        if len(changed) != sum(map(len, stored)) or not changed.isdisjoint(read):
            return False
        if any(op.name == "check" for op in around) and not changed.isdisjoint(self._params):
            return False
        return all(
            changed.isdisjoint(self._aliases.touched(op))
            and read.isdisjoint(self._aliases.written(op))
            for op in around
        )


def _made_in(region: Region) -> set[Value]:
    return {op.result for op in walk(region) if op.name == "alloc"}
