"""Sums in Python's order do not keep their terms from being computed several at a time: terms first, then their sum.

What: an innermost loop that computes independently but for sums whose order counts goes through its range in blocks.
For each block one loop computes the terms of the sums into scratch memory, and another adds them up, in their order.
The first loop waits for no iteration before, so machine code may run several at once. Unless the terms are dear, it is
`narrow`: additions that wait for each other are what takes the time, and vectors of full width slow some processors
down at these.

When: floating-point sums must keep their order (not with `fastmath`); the loop is `apart`, has no checks or branches,
and no numbers that are to stay alone (`jam.py`), of which machine code makes no vectors; it carries nothing but such
sums, sums whose order is free, and what an iteration tells the next one of itself alone; and an iteration costs more
than to add to the sum. A loop inside another one keeps its plain form, too, for short ranges, unless it calls
functions, which are worth a vector for any range.

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
        %done: i64 = for %i in %from..%to step %unit {'apart': True, 'narrow': True} {
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

from llad.ir.core import Function, Op, Region, Value
from llad.ir.types import BOOL, I64
from llad.ops.cost import DEAR
from llad.passes.strips import ORDERED, Bounds, Scratch, Strips, Sum, cost, dependent

_SHORTEST = 32  # trips of an inner loop for which blocks pay
_LARGEST = 150  # ops of a body that is sure to be vectorised
# What the terms must cost for blocks to pay, in additions: each addition of the sum waits for the one before.
_DEAR_ENOUGH = 8
_NARROW = 40  # what the terms may cost, in additions, for each of those of the sum, to be computed less wide
_MOST = 4  # sums of a loop, each with a block of terms


def blocks(fn: Function) -> Function:
    """`fn` with the terms of ordered sums computed in blocks, apart from the sums. Small frames stay as they are."""
    return fn if fn.attrs.get("may_alias") else _Blocks(fn).function(fn)


class _Blocks(Strips):
    def __init__(self, fn: Function) -> None:
        super().__init__(fn)
        self._depth = 0

    def visit(self, op: Op) -> None:
        if op.name not in ("for", "while"):
            self.keep(op)
            return
        sums = self._sums(op)
        self._depth += 1
        if not sums:
            self.keep(op)
        elif self._depth == 1 or not DEAR.isdisjoint(o.name for o in op.regions[0].ops):
            self.replace(op.results, self._in_blocks(op, sums))
        else:
            self._either(op, sums)
        self._depth -= 1

    # -- which loops

    def _sums(self, loop: Op) -> list[Sum]:
        """The ordered sums of a loop that is worth going through in blocks."""
        body = loop.regions[0]
        if not self.is_plain(loop) or len(body.ops) > _LARGEST:
            return []
        sums, free = [], False
        waiting = dependent(body, body.args[1:])
        for k, following in enumerate(body.terminator.operands):
            found = self.sum_of(body, k)
            if found is None and following in waiting:
                return []
            if found is not None and not found.ops[0].attrs.get("reassoc"):
                sums.append(found)
            free |= found is not None and found not in sums
        adding = {op for found in sums for op in found.ops}
        if any(op.attrs.get("alone") for op in body.ops if op not in adding):
            return []
        terms = sum(len(found.terms) for found in sums)
        dear = _cost_beside(body, adding) >= _DEAR_ENOUGH
        return sums if (free or dear) and terms <= _MOST else []

    # -- the loops that stand for it

    def _either(self, op: Op, sums: list[Sum]) -> None:
        """The loop in blocks if it is long, else as it is."""
        lo, hi = (self.get(o) for o in op.operands[:2])
        trips = self.emit("sub", [hi, lo], [I64], op.span).result
        long = self.emit("ge", [trips, self.const(_SHORTEST, I64, op.span)], [BOOL], op.span).result
        with self.afresh():
            in_blocks = self._yielding(lambda: self._in_blocks(op, sums))
        self.decide(op, long, (in_blocks, self._yielding(lambda: self.keep(op).results)))

    def _yielding(self, write: Callable[[], Sequence[Value]]) -> Region:
        """A region that yields the values for which `write` emits ops."""
        with self.written() as region:
            self.emit("yield", write(), [], None)
        return region

    def _in_blocks(self, loop: Op, sums: list[Sum]) -> list[Value]:
        """Emit the loop over blocks; what stands for the results of `loop`."""

        def parts(bounds: Bounds, places: Bounds, carries: list[Value]) -> None:
            scratch = self.scratch_for([t for each in sums for t in each.terms])
            self._terms(loop, sums, bounds, carries, scratch)
            self._additions(loop, sums, places, carries, scratch)

        return self.in_strips(loop, parts)

    def _terms(self, loop: Op, sums: list[Sum], bounds: Bounds, carries: list[Value], scratch: Scratch) -> None:
        """The loop that computes the terms, and does everything else; `carries` learns the sums of free order."""
        body = loop.regions[0]
        ordered = {found.number for found in sums}
        adding = {op for found in sums for op in found.ops}
        free = [k for k in range(len(carries)) if k not in ordered]
        args = [Value(a.type, a.name) for a in body.args]
        self.replace(body.args, args)
        with self.written(args[0], *(args[1 + k] for k in free)) as region:
            self.splice(op for op in body.ops[:-1] if op not in adding)
            place = self.emit("sub", [args[0], bounds[0]], [I64], loop.span).result
            for term, block in scratch.items():
                self.emit("store", [self.get(term), block, place], [], loop.span)
            self.emit("yield", [self.get(body.terminator.operands[k]) for k in free], [], loop.span)
        types = [*(carries[k].type for k in free), I64]
        narrow = _cost_beside(body, adding) <= _NARROW * len(adding)
        attrs = {**loop.attrs, "narrow": True} if narrow else loop.attrs
        made = self.emit("for", [*bounds, *(carries[k] for k in free)], types, loop.span, attrs, (region,))
        for k, result in zip(free, made.results, strict=False):
            carries[k] = result

    def _additions(self, loop: Op, sums: list[Sum], bounds: Bounds, carries: list[Value], scratch: Scratch) -> None:
        """The loop that adds the terms to the sums; `carries` learns these."""
        index = Value(I64)
        args = [Value(carries[found.number].type) for found in sums]
        with self.written(index, *args) as region:
            results = []
            for found, value in zip(sums, args, strict=True):
                for op, term in zip(found.ops, found.terms, strict=True):
                    loaded = self.emit("load", [scratch[term], index], [term.type], op.span).result
                    operands = [loaded if o is term else value for o in op.operands]
                    value = self.emit(op.name, operands, [value.type], op.span, op.attrs).result
                results.append(value)
            self.emit("yield", results, [], loop.span)
        types = [*(a.type for a in args), I64]
        operands = [*bounds, *(carries[found.number] for found in sums)]
        made = self.emit("for", operands, types, loop.span, ORDERED, (region,))
        for found, result in zip(sums, made.results, strict=False):
            carries[found.number] = result


def _cost_beside(body: Region, adding: set[Op]) -> int:
    """What an iteration costs without the additions to sums."""
    return sum(cost(op) for op in body.ops if op not in adding)
