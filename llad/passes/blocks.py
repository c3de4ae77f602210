"""Sums in Python's order do not keep their terms from being computed several at a time: terms first, then their sum.

What: an innermost loop that computes independently but for sums whose order counts goes through its range in blocks.
For each block one loop computes the terms of the sums into scratch memory, and another adds them up, in their order.
The first loop waits for no iteration before, so machine code may run several at once.

When: floating-point sums must keep their order (not with `fastmath`); the loop is `apart`, has no checks or branches,
and carries nothing but such sums, sums whose order is free, and what an iteration tells the next one of itself alone;
and an iteration costs more than to add to the sum. A loop inside another one keeps its plain form, too, for short
ranges.

Before:

    func @f(%x: buffer<f64, 1, C>, %n: i64) {
      %zero: i64 = const 0
      %one: i64 = const 1
      %z: f64 = const 0.0
      %s: f64, %trips: i64 = for %i in %zero..%n step %one carry (%a: f64 = %z) {'apart': True} {
        %u: f64 = load %x[%i]
        %e: f64 = exp %u
        %b: f64 = add %a, %e
        yield %b
      }
      return %s
    }

After:

    func @f(%x: buffer<f64, 1, C>, %n: i64) {
      %size: i64 = const 128
      %terms: buffer<f64, 1, C> = alloc(%size) {'storage': 'stack'}
      %zero: i64 = const 0
      %one: i64 = const 1
      %z: f64 = const 0.0
      %none: i64 = const 0
      %unit: i64 = const 1
      %block: i64 = const 128
      %s: f64, %blocks: i64 = for %from in %zero..%n step %block carry (%a: f64 = %z) {
        %left: i64 = sub %n, %from
        %count: i64 = min %left, %block
        %to: i64 = add %from, %count
        %done: i64 = for %i in %from..%to step %unit {'apart': True} {
          %u: f64 = load %x[%i]
          %e: f64 = exp %u
          %k: i64 = sub %i, %from
          store %e, %terms[%k]
          yield
        }
        %c: f64, %added: i64 = for %j in %none..%count step %unit carry (%d: f64 = %a) {
          %t: f64 = load %terms[%j]
          %b: f64 = add %d, %t
          yield %b
        }
        yield %c
      }
      return %s
    }
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from llad.ir.core import Function, Op, Region, Value, walk
from llad.ir.elements import Elements
from llad.ir.types import BOOL, I64, BufferType, ScalarType, is_float
from llad.ops.cost import additions
from llad.passes.rebuild import Rebuild

_BLOCK = 128  # terms of a sum that wait: they stay in the nearest cache
_SHORTEST = 32  # trips of an inner loop for which blocks pay
_LARGEST = 150  # ops of a body that is sure to be vectorised
# What the terms must cost for blocks to pay, in additions: each addition of the sum waits for the one before.
_DEAR_ENOUGH = 8
_STRANGERS = frozenset({"check", "if", "for", "while", "alloc", "call", "view", "print"})
_MOST = 4  # sums of a loop, each with a block of terms
_ORDERED = {"exits": False, "kind": "sequential"}

_Bounds = tuple[Value, Value, Value]
_Scratch = dict[Value, Value]  # the block of each term


def blocks(fn: Function) -> Function:
    """`fn` with the terms of ordered sums computed in blocks, apart from the sums. Small frames stay as they are."""
    return fn if fn.attrs.get("may_alias") else _Blocks(fn).function(fn)


@dataclass(frozen=True, slots=True)
class _Sum:
    """The ops that add to carry `number` in its order, and the term that each adds."""

    number: int
    ops: list[Op]
    terms: list[Value]


class _Blocks(Rebuild):
    def __init__(self, fn: Function) -> None:
        super().__init__()
        self._elements = Elements(fn)
        self._uses: dict[Value, list[Op]] = {}
        for op in walk(fn.body):
            for operand in op.operands:
                self._uses.setdefault(operand, []).append(op)
        self._depth = 0
        self._scratch: list[tuple[ScalarType, Value]] = []  # blocks of terms, which no two loops use at the same time
        self._first: list[Op] = []  # what makes them

    def function(self, fn: Function) -> Function:
        made = super().function(fn)
        made.body.ops[:0] = self._first
        return made

    def visit(self, op: Op) -> None:
        if op.name not in ("for", "while"):
            self.keep(op)
            return
        sums = self._sums(op)
        self._depth += 1
        if not sums:
            self.keep(op)
        elif self._depth == 1:
            self.replace(op.results, self._in_blocks(op, sums))
        else:
            self._either(op, sums)
        self._depth -= 1

    # -- which loops

    def _sums(self, loop: Op) -> list[_Sum]:
        """The ordered sums of a loop that is worth going through in blocks."""
        if loop.name != "for" or not loop.attrs.get("apart") or self._elements.constant(loop.operands[2]) != 1:
            return []
        body = loop.regions[0]
        if loop.attrs["exits"] or len(body.ops) > _LARGEST or any(op.name in _STRANGERS for op in body.ops):
            return []
        sums, free = [], False
        waiting = _dependent(body)
        for k, following in enumerate(body.terminator.operands):
            found = self._sum(body, k)
            if found is None and following in waiting:
                return []
            if found is not None and not found.ops[0].attrs.get("reassoc"):
                sums.append(found)
            free |= found is not None and found not in sums
        adding = {op for found in sums for op in found.ops}
        cost = sum(_cost(op) for op in body.ops if op not in adding)
        terms = sum(len(found.terms) for found in sums)
        return sums if (free or cost >= _DEAR_ENOUGH) and terms <= _MOST else []

    def _sum(self, body: Region, number: int) -> _Sum | None:
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
        return _Sum(number, ops, terms) if len(self._uses[result]) == 1 else None

    # -- the loops that stand for it

    def _either(self, op: Op, sums: list[_Sum]) -> None:
        """The loop in blocks if it is long, else as it is."""
        lo, hi = (self.get(o) for o in op.operands[:2])
        trips = self.emit("sub", [hi, lo], [I64], op.span).result
        long = self.emit("ge", [trips, self.const(_SHORTEST, I64, op.span)], [BOOL], op.span).result
        versions = (
            self._yielding(lambda: self._in_blocks(op, sums)),
            self._yielding(lambda: self.keep(op).results),
        )
        made = self.emit("if", [long], [r.type for r in op.results], op.span, {}, versions)
        self.replace(op.results, made.results)

    def _yielding(self, write: Callable[[], Sequence[Value]]) -> Region:
        """A region that yields the values for which `write` emits ops."""
        outer, self.ops = self.ops, []
        self.emit("yield", write(), [], None)
        inner, self.ops = self.ops, outer
        return Region((), inner)

    def _in_blocks(self, loop: Op, sums: list[_Sum]) -> list[Value]:
        """Emit the loop over blocks; what stands for the results of `loop`."""
        span, (lo, hi) = loop.span, map(self.get, loop.operands[:2])
        none, unit, size = (self.const(k, I64, span) for k in (0, 1, _BLOCK))
        carries = [Value(a.type, a.name) for a in loop.regions[0].args[1:]]
        start = Value(I64, "from")
        outer, self.ops = self.ops, []
        left = self.emit("sub", [hi, start], [I64], span).result
        count = self.emit("min", [left, size], [I64], span).result
        end = self.emit("add", [start, count], [I64], span).result
        scratch = self._blocks_of_terms(sums)
        following = list(carries)
        self._terms(loop, sums, (start, end, unit), following, scratch)
        self._additions(loop, sums, (none, count, unit), following, scratch)
        self.emit("yield", following, [], span)
        inner, self.ops = self.ops, outer
        inits = [self.get(o) for o in loop.operands[3:]]
        region = Region((start, *carries), inner)
        types = [r.type for r in loop.results]
        made = self.emit("for", [lo, hi, size, *inits], types, span, _ORDERED, (region,))
        return [*made.results[:-1], self._trips(loop, lo, hi)]

    def _trips(self, loop: Op, lo: Value, hi: Value) -> Value:
        """How often the loop ran, if anybody asks: the blocks are another number."""
        if not self._uses.get(loop.results[-1]):
            return lo
        distance = self.emit("sub", [hi, lo], [I64], loop.span).result
        return self.emit("max", [distance, self.const(0, I64, loop.span)], [I64], loop.span).result

    def _blocks_of_terms(self, sums: list[_Sum]) -> _Scratch:
        """A block for each term."""
        found: _Scratch = {}
        for term in (t for each in sums for t in each.terms):
            assert isinstance(term.type, ScalarType)
            free = [block for type, block in self._scratch if type == term.type and block not in found.values()]
            found[term] = found.get(term) or (free[0] if free else self._make(term.type))
        return found

    def _make(self, type: ScalarType) -> Value:
        """A block for terms of a type, made first thing in the function."""
        outer, self.ops = self.ops, self._first
        size = self.const(_BLOCK, I64, None)
        attrs = {"zero": False, "storage": "stack"}
        block = self.emit("alloc", [size], [BufferType(type, 1, "C")], None, attrs).result
        self.ops = outer
        self._scratch.append((type, block))
        return block

    def _terms(self, loop: Op, sums: list[_Sum], bounds: _Bounds, carries: list[Value], scratch: _Scratch) -> None:
        """The loop that computes the terms, and does everything else; `carries` learns the sums of free order."""
        body = loop.regions[0]
        ordered = {found.number for found in sums}
        adding = {op for found in sums for op in found.ops}
        free = [k for k in range(len(carries)) if k not in ordered]
        args = [Value(a.type, a.name) for a in body.args]
        self.replace(body.args, args)
        outer, self.ops = self.ops, []
        self.splice(op for op in body.ops[:-1] if op not in adding)
        place = self.emit("sub", [args[0], bounds[0]], [I64], loop.span).result
        for term, block in scratch.items():
            self.emit("store", [self.get(term), block, place], [], loop.span)
        self.emit("yield", [self.get(body.terminator.operands[k]) for k in free], [], loop.span)
        inner, self.ops = self.ops, outer
        region = Region((args[0], *(args[1 + k] for k in free)), inner)
        types = [*(carries[k].type for k in free), I64]
        made = self.emit("for", [*bounds, *(carries[k] for k in free)], types, loop.span, loop.attrs, (region,))
        for k, result in zip(free, made.results, strict=False):
            carries[k] = result

    def _additions(self, loop: Op, sums: list[_Sum], bounds: _Bounds, carries: list[Value], scratch: _Scratch) -> None:
        """The loop that adds the terms to the sums; `carries` learns these."""
        index = Value(I64)
        args = [Value(carries[found.number].type) for found in sums]
        outer, self.ops = self.ops, []
        results = []
        for found, value in zip(sums, args, strict=True):
            for op, term in zip(found.ops, found.terms, strict=True):
                loaded = self.emit("load", [scratch[term], index], [term.type], op.span).result
                operands = [loaded if o is term else value for o in op.operands]
                value = self.emit(op.name, operands, [value.type], op.span, op.attrs).result
            results.append(value)
        self.emit("yield", results, [], loop.span)
        inner, self.ops = self.ops, outer
        types = [*(a.type for a in args), I64]
        operands = [*bounds, *(carries[found.number] for found in sums)]
        made = self.emit("for", operands, types, loop.span, _ORDERED, (Region((index, *args), inner),))
        for found, result in zip(sums, made.results, strict=False):
            carries[found.number] = result


def _dependent(body: Region) -> set[Value]:
    """The values of a body that depend on what it carries."""
    found = set(body.args[1:])
    for op in body.ops:
        if not found.isdisjoint(op.operands):
            found.update(op.results)
    return found


def _cost(op: Op) -> int:
    """What an op costs, in additions."""
    return additions(op.name) if any(is_float(r.type) for r in op.results) else 0
