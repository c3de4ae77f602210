"""Which inner sums change places with the loop around them (`interchange.py`), and what of memory is laid out anew."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import field
from functools import cached_property

from llad.dataclass import dataclass
from llad.ir.alias import Aliases
from llad.ir.core import TAPE, Function, Op, Region, Value, accessed, defined, makers, uses, walk
from llad.ir.distinct import Distinct
from llad.ir.elements import Elements
from llad.ir.types import BufferType, is_float
from llad.passes.effects import computes
from llad.passes.strips import cost, dependent, made_of_index

ENOUGH = 16  # iterations that are worth being vectors
_FEWEST = 4  # iterations of an inner loop that is known to be short
_LARGEST = 24  # ops of an inner loop
_STRANGERS = TAPE | {"call", "check", "derivative", "free", "matmul", "print", "while", "if"}


@dataclass(frozen=True, slots=True)
class Turned:
    """An array of which the rows are to lie where its columns were: for which loop, and how much of it is used."""

    array: Value
    around: Op
    outer: tuple[Value, ...]  # the bounds of the loop that goes through its rows
    inner: tuple[Value, ...]  # and of the one that goes along them


@dataclass(slots=True)
class Sum:
    """An inner loop that does nothing but add up.

    `varying`: its ops that depend on the outer index; `again`: those by which integers are made of that beside it.
    """

    loop: Op
    again: tuple[Op, ...]
    updates: list[Op]  # per carry the op that adds to it
    starts: list[Op | None]  # per carry the load that gives its first value, if it is made in the outer loop
    varying: set[Op]
    turned: dict[Op, Turned] = field(default_factory=dict)  # per load that goes through columns

    @property
    def has_room(self) -> bool:
        """Whether all that is loaded by the outer index has been laid out anew, with room for whole vectors."""
        return not any(self.starts) and all(op in self.turned for op in self.varying if op.name == "load")


class Plans:
    """`sums`: per outer loop the inner ones that change places with it. `turned`: what to lay out before a loop."""

    def __init__(self, fn: Function) -> None:
        self.sums: dict[Op, list[Sum]] = {}
        self.turned: dict[Op, list[Turned]] = {}
        self._elements, self._aliases = Elements(fn), Aliases(fn)
        self._fn = fn
        self._free = bool(fn.attrs.get("fastmath"))
        self._made = makers(fn.body)
        self._uses = uses(fn.body)
        if not fn.attrs.get("may_alias"):
            self._region(fn.body, ())

    def _region(self, region: Region, around: tuple[Op, ...]) -> None:
        for op in region.ops:
            if op.name == "for" and (found := list(self._sums(op, around))):
                self.sums[op] = found
                for turned in dict.fromkeys(t for s in found for t in s.turned.values()):
                    known = self.turned.setdefault(turned.around, [])
                    known += [turned] if turned not in known else []
                continue
            for inner in op.regions:
                self._region(inner, (*around, op))

    def _sums(self, loop: Op, around: Sequence[Op]) -> Iterator[Sum]:
        body = loop.regions[0]
        if not any(op.name == "for" for op in body.ops) or any(op.name in _STRANGERS for op in walk(body)):
            return
        lo, hi, step = map(self._elements.constant, loop.operands[:3])
        known_few = lo is not None and hi is not None and hi - lo < ENOUGH
        if loop.attrs["exits"] or loop.attrs.get("rare") or loop.attrs.get("threads") or step != 1 or known_few:
            return
        inside = defined(loop.regions[0])
        for op in body.ops:
            if op.name == "for" and (found := self._sum(op, loop, inside)) and self._lay_out(found, loop, around):
                yield found

    def _sum(self, loop: Op, outer: Op, inside: set[Value]) -> Sum | None:
        """The inner loop, if it is one."""
        body, index = loop.regions[0], outer.regions[0].args[0]
        lo, hi, step = map(self._elements.constant, loop.operands[:3])
        few = lo is not None and hi is not None and hi - lo < _FEWEST
        if loop.attrs["exits"] or step != 1 or few or not body.args[1:] or len(body.ops) > _LARGEST:
            return None
        bounds = not inside.isdisjoint(loop.operands[:3]) or self._uses.get(loop.results[-1])
        if bounds or not all(map(computes, body.ops[:-1])):
            return None
        updates = [self._made.get(v) for v in body.terminator.operands]
        sums = [u for u, carry in zip(updates, body.args[1:], strict=True) if u is not None and self._adds(u, carry)]
        starts = [self._start(v, outer, inside) for v in loop.operands[3:]]
        begun = zip(loop.operands[3:], starts, strict=True)
        own = {*body.args, *[r for op in body.ops for r in op.results]}
        other = {o for op in body.ops for o in op.operands if o in inside and o not in own} - {index}
        again: dict[Op, None] = {}
        if not all(made_of_index(v, outer, inside, self._made, again) for v in other):
            return None
        if any(v in inside and start is None for v, start in begun) or len(sums) < len(updates):
            return None
        if not all(self._stays(op, outer, inside) for op in body.ops):
            return None
        moving = dependent(body, [index, *[op.result for op in again]])
        found = Sum(loop, tuple(again), sums, starts, {op for op in body.ops[:-1] if op.result in moving})
        return None if self._is_product(found) and not self._is_window(found, index) else found

    def _is_window(self, found: Sum, index: Value) -> bool:
        """Whether what the inner loop goes along begins one further on in the next iteration of the outer one."""
        both = {index, found.loop.regions[0].args[0]}
        loads = [op for op in found.varying if op.name == "load" and len(op.operands) > 1]
        return any(self._elements.form(op.operands[-1]).terms.keys() >= both for op in loads)

    def _is_product(self, found: Sum) -> bool:
        """Whether vectors along the inner loop are as good: sums in any order, of one multiplication each, of rows."""
        free = self._free or all(op.attrs.get("reassoc") for op in found.updates)
        body = found.loop.regions[0]
        return free and sum(map(cost, body.ops)) <= 2 * len(found.updates) and self._along(body)

    def _along(self, body: Region) -> bool:
        """Whether nothing that a loop loads lies further apart than elements of a row."""
        for op in body.ops:
            if op.name == "load":
                *rows, last = [self._elements.form(i).terms.get(body.args[0], 0) for i in op.operands[1:]] or [0]
                if any(rows) or last not in (0, 1):
                    return False
        return True

    def _adds(self, op: Op, carry: Value) -> bool:
        """Whether all that happens to a carry is that something is added or subtracted."""
        places = (carry in op.operands[:1], op.name == "add" and carry in op.operands[1:])
        sums = op.name in ("add", "sub") and is_float(carry.type) and any(places)
        return sums and self._uses[carry] == 1 and self._uses[op.result] == 1

    def _start(self, value: Value, outer: Op, inside: set[Value]) -> Op | None:
        """The load of what a sum begins with, by the outer index."""
        op = self._made.get(value)
        if op is None or op.name != "load" or op not in outer.regions[0].ops:
            return None
        if not self._stays(op, outer, inside):
            return None
        return op if inside.isdisjoint(v for v in op.operands if v is not outer.regions[0].args[0]) else None

    # -- memory

    @cached_property
    def _distinct(self) -> Distinct:
        return Distinct(self._fn, self._aliases)

    def _stays(self, op: Op, outer: Op, inside: set[Value]) -> bool:
        """Whether an op loads nothing that the outer loop writes. (Arrays that take turns are never the same one.)"""
        if op.name != "load" or self._aliases.read(op).isdisjoint(self._aliases.written(outer)):
            return True
        stored = {accessed(other)[0] for other in walk(outer.regions[0]) if other.name == "store"}
        return inside.isdisjoint((op.operands[0], *stored)) and all(self._distinct(op.operands[0], s) for s in stored)

    def _lay_out(self, found: Sum, outer: Op, around: Sequence[Op]) -> bool:
        """Whether what the inner loop loads lies side by side for the outer one, or can be laid out so."""
        index, beside = outer.regions[0].args[0], 0
        unsteady = {r for op in found.varying for r in op.results}
        for op in found.loop.regions[0].ops:
            if op.name != "load" or op not in found.varying:
                continue
            forms = [self._elements.form(i) for i in op.operands[1:]]
            steps = [form.terms.get(index, 0) for form in forms]
            if any(not unsteady.isdisjoint(form.terms) for form in forms):
                return False
            type = op.operands[0].type
            assert isinstance(type, BufferType)
            if steps[-1] == 1 and not any(steps[:-1]) and type.layout == "C":
                beside += 1
            elif steps == [1, 0] and (turned := self._turned(op.operands[0], found.loop, outer, around)):
                found.turned[op] = turned
            else:
                return False
        return bool(beside or found.turned)

    def _turned(self, array: Value, inner: Op, outer: Op, around: Sequence[Op]) -> Turned | None:
        """An array turned before the outermost loop that only reads it, and knows how much is read."""
        bounds = (*outer.operands[:2], *inner.operands[:2])
        for loop in around:
            if loop.name != "for" or loop.attrs.get("threads") or not self._elements.constant(loop.operands[2]):
                continue
            steady = self._aliases.roots(array).isdisjoint(self._aliases.written(loop))
            if steady and defined(loop.regions[0]).isdisjoint((array, *bounds)):
                return Turned(array, loop, bounds[:2], bounds[2:])
        return None
