"""Loops that go through their range in strips, with scratch memory for what the parts of a strip hand on.

A strip is short enough for its scratch to stay in the nearest cache. The passes that inherit from here say what becomes
of a strip (as `blocks.py`, `stages.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from llad.dataclass import dataclass
from llad.ir.core import Function, Makers, Op, Region, Value, users
from llad.ir.elements import Elements
from llad.ir.types import I64, BufferType, ScalarType, is_float
from llad.ops.cost import additions
from llad.ops.table import OPS
from llad.passes.effects import TRAPPING
from llad.passes.rebuild import Rebuild

STRIP = 128  # iterations
STRANGERS = frozenset({"check", "if", "for", "while", "alloc", "call", "view", "print", "matmul"})  # to a loop in parts
ORDERED = {"exits": False, "kind": "sequential"}
PARALLEL = {"exits": False, "kind": "parallel"}
APART = {**PARALLEL, "apart": True}
SPECIAL = ("exits", "rare", "seldom", "threads", "packed")  # attributes of loops that passes leave as they are

Bounds = tuple[Value, Value, Value]
Scratch = dict[Value, Value]  # where each value of a strip is kept
# Emits the parts of a strip, which goes over indices, and over places in scratch; changes the list of what it carries.
Parts = Callable[[Bounds, Bounds, list[Value]], None]


@dataclass(frozen=True, slots=True)
class Sum:
    """The ops that add to carry `number` in its order, and the term that each adds."""

    number: int
    ops: list[Op]
    terms: list[Value]


class Strips(Rebuild):
    """Rebuilds a function with loops in strips."""

    def __init__(self, fn: Function) -> None:
        super().__init__()
        self._elements = Elements(fn)
        self._uses = users(fn.body)
        self._scratch: list[tuple[ScalarType, Value]] = []  # memory of one strip, which no two loops use at once
        self._first: list[Op] = []  # what makes it

    def function(self, fn: Function) -> Function:
        made = super().function(fn)
        return replace(made, body=Region((), [*self._first, *made.body.ops])) if self._first else made

    def is_plain(self, loop: Op) -> bool:
        """Whether a loop has iterations that are independent in memory, goes up by ones, and holds straight code."""
        if loop.name != "for" or not loop.attrs.get("apart") or self._elements.constant(loop.operands[2]) != 1:
            return False
        return not loop.attrs["exits"] and not any(op.name in STRANGERS for op in loop.regions[0].ops)

    def sum_of(self, body: Region, number: int) -> Sum | None:
        """How the body adds to a carry, if it does nothing else with it."""
        value, result = body.args[1 + number], body.terminator.operands[number]
        if not is_float(value.type):
            return None
        ops: list[Op] = []
        terms: list[Value] = []
        while value is not result or not ops:
            uses = self._uses.get(value, [])
            if len(uses) != 1 or uses[0].name not in ("add", "sub") or uses[0] not in body.ops:
                return None
            (op,) = uses
            if op.operands[0] is value:
                term = op.operands[1]
            elif op.name == "add":
                term = op.operands[0]
            else:
                return None
            if term is value or (ops and bool(op.attrs.get("reassoc")) != bool(ops[0].attrs.get("reassoc"))):
                return None
            ops.append(op)
            terms.append(term)
            value = op.result
        return Sum(number, ops, terms) if len(self._uses[result]) == 1 else None

    def in_strips(self, loop: Op, parts: Parts) -> list[Value]:
        """Emit the loop over strips; what stands for the results of `loop`."""
        span, (lo, hi) = loop.span, map(self.get, loop.operands[:2])
        none, unit, size = (self.const(k, I64, span) for k in (0, 1, STRIP))
        carries = [Value(a.type, a.name) for a in loop.regions[0].args[1:]]
        start = Value(I64, "from")
        with self.written(start, *carries) as region:
            left = self.emit("sub", [hi, start], [I64], span).result
            count = self.emit("min", [left, size], [I64], span).result
            end = self.emit("add", [start, count], [I64], span).result
            following = list(carries)
            parts((start, end, unit), (none, count, unit), following)
            self.emit("yield", following, [], span)
        inits = [self.get(o) for o in loop.operands[3:]]
        types = [r.type for r in loop.results]
        made = self.emit("for", [lo, hi, size, *inits], types, span, ORDERED, (region,))
        return [*made.results[:-1], self._trips(loop, lo, hi)]

    def _trips(self, loop: Op, lo: Value, hi: Value) -> Value:
        """How often the loop ran, if anybody asks: the strips are another number."""
        return self.by_ones(lo, hi, loop.span) if self._uses.get(loop.results[-1]) else lo

    def scratch_for(self, values: Sequence[Value]) -> Scratch:
        """Memory for each value of a strip."""
        found: Scratch = {}
        for value in values:
            assert isinstance(value.type, ScalarType)
            free = [block for type, block in self._scratch if type == value.type and block not in found.values()]
            found[value] = found.get(value) or (free[0] if free else self._make(value.type))
        return found

    def _make(self, type: ScalarType) -> Value:
        """Memory for values of a type, made first thing in the function."""
        outer, self.ops = self.ops, self._first
        size = self.const(STRIP, I64, None)
        attrs = {"zero": False, "storage": "stack"}
        block = self.emit("alloc", [size], [BufferType(type, 1, "C")], None, attrs).result
        self.ops = outer
        self._scratch.append((type, block))
        return block


def dependent(body: Region, values: Iterable[Value]) -> set[Value]:
    """The values of a body that depend on some of those given, and these."""
    found = set(values)
    for op in body.ops:
        if not found.isdisjoint(op.operands):
            found.update(op.results)
    return found


def made_of_index(value: Value, loop: Op, inside: set[Value], made: Makers, again: dict[Op, None]) -> bool:
    """Whether an integer is made of a loop's index and of what stands still, so that other loops may make it again.

    `inside`: the values of the loop. `again` learns by which ops it is made.
    """
    if value is loop.regions[0].args[0] or value not in inside:
        return True
    op = made.get(value)
    if op is None or is_float(value.type) or op not in loop.regions[0].ops:
        return False
    if (op.name not in OPS and op.name != "const") or op.name in TRAPPING:
        return False
    if not all(made_of_index(o, loop, inside, made, again) for o in op.operands):
        return False
    again[op] = None
    return True


def cost(op: Op) -> int:
    """What an op costs, in additions."""
    return additions(op.name) if any(is_float(r.type) for r in op.results) else 0
