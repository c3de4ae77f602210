"""Columns of rows that a nest of loops goes through again and again get memory in which they lie side by side.

What: an inner loop that goes along the rows of an array and names their elements one by one (`r[j, 0]`, `r[j, 1]`)
loads them from arrays of one column each, into which they are copied before the outer loop; and what it adds to such
elements it adds to columns of zeros, which are added to the array behind the outer loop. Then machine code works on
whole vectors of a column.

When: the nest does not write what is read so, and does no more than add to what is added to so, in any order, which
only this call sees; the inner loop goes along most of the array. The outer loop must run several times, which is asked
for at run time: else the nest is as it was.

Before:

    func @f(%r: buffer<f64, 2, C>, %n: i64) {
      %zero: i64 = const 0
      %one: i64 = const 1
      %z: f64 = const 0.0
      %s: f64, %t: i64 = for %i in %zero..%n step %one carry (%a: f64 = %z) {
        %b: f64 = load %r[%i, %zero]
        %q: f64, %u: i64 = for %j in %zero..%n step %one carry (%c: f64 = %a) {
          %x: f64 = load %r[%j, %zero]
          %d: f64 = mul %x, %b
          %e: f64 = add %c, %d
          yield %e
        }
        yield %q
      }
      return %s
    }

After (and `dce`):

    func @f(%r: buffer<f64, 2, C>, %n: i64) {
      %zero: i64 = const 0
      %one: i64 = const 1
      %z: f64 = const 0.0
      %0: bool = lt %zero, %n
      %1: i64 = sub %n, %zero
      %2: i64 = const 4
      %3: bool = ge %1, %2
      %4: bool = and %0, %3
      %5: i64 = dim %r, 1
      %6: i64 = const 0
      %7: bool = gt %5, %6
      %8: bool = and %4, %7
      %9: i64 = dim %r, 0
      %10: i64 = const 2
      %11: i64 = floordiv %9, %10
      %12: bool = le %11, %n
      %13: bool = and %8, %12
      %22: f64 = if %13 {
        %14: i64 = dim %r, 0
        %column: buffer<f64, 1, C> = alloc(%14)
        %15: i64 = const 0
        %16: i64 = dim %r, 0
        %17: i64 = const 1
        %20: i64 = for %k in %15..%16 step %17 parallel {
          %18: i64 = const 0
          %19: f64 = load %r[%k, %18]
          store %19, %column[%k]
          yield
        }
        %s: f64, %t: i64 = for %i in %zero..%n step %one carry (%a: f64 = %z) {
          %b: f64 = load %r[%i, %zero]
          %q: f64, %u: i64 = for %j in %zero..%n step %one carry (%c: f64 = %a) {
            %21: f64 = load %column[%j]
            %d: f64 = mul %21, %b
            %e: f64 = add %c, %d
            yield %e
          }
          yield %q
        }
        yield %s
      } else {
        %s_1: f64, %t_1: i64 = for %i_1 in %zero..%n step %one carry (%a_1: f64 = %z) {'seldom': True} {
          %b_1: f64 = load %r[%i_1, %zero]
          %q_1: f64, %u_1: i64 = for %j_1 in %zero..%n step %one carry (%c_1: f64 = %a_1) {
            %x: f64 = load %r[%j_1, %zero]
            %d_1: f64 = mul %x, %b_1
            %e_1: f64 = add %c_1, %d_1
            yield %e_1
          }
          yield %q_1
        }
        yield %s_1
      }
      return %22
    }
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import field

from llad.dataclass import dataclass
from llad.ir.alias import Aliases
from llad.ir.build import Builder
from llad.ir.core import TAPE, Function, Op, Value, accessed, defined, walk
from llad.ir.elements import Elements
from llad.ir.hidden import hidden
from llad.ir.rewrite import copy_region
from llad.ir.types import I64, BufferType, ScalarType
from llad.passes.partial_sums import PartialSums
from llad.passes.rebuild import Rebuild

_MOST = 8  # columns of one array
_LARGEST = 250  # ops of a nest that is worth having twice
_OFTEN = 4  # runs of the inner loop that are worth a copy
_STRANGERS = TAPE | {"call", "derivative", "free", "matmul", "while"}


def columns(fn: Function) -> Function:
    """`fn` with the columns that nests of loops go through in memory of their own."""
    return _Columns(fn).function(fn)


@dataclass
class _Plan:
    """Of a nest: which columns of which arrays are read and added to, where, and the ends of the loops that do so."""

    read: dict[Value, set[int]] = field(default_factory=dict)
    added: dict[Value, set[int]] = field(default_factory=dict)
    places: dict[Op, tuple[Value, int]] = field(default_factory=dict)
    ends: list[Value] = field(default_factory=list)


class _Columns(Rebuild):
    def __init__(self, fn: Function) -> None:
        super().__init__()
        self._elements = Elements(fn)
        self._aliases = Aliases(fn)
        self._free = bool(fn.attrs.get("fastmath"))
        self._hidden = hidden(fn)
        self._plan: _Plan | None = None  # of the nest that is being written, whose columns are in `_memory`
        self._memory: dict[tuple[Value, int], Value] = {}

    def visit(self, op: Op) -> None:
        if self._plan is not None:
            self._inside(op, self._plan)
        elif op.name == "for" and (plan := self._judge(op)) is not None:
            self._split(op, plan)
        else:
            self.keep(op)

    # -- judging

    def _judge(self, loop: Op) -> _Plan | None:
        body = loop.regions[0]
        inner = list(walk(body))
        if len(inner) > _LARGEST or not all(isinstance(r.type, ScalarType) for r in loop.results):
            return None
        if loop.attrs["exits"] or self._elements.constant(loop.operands[2]) != 1:
            return None
        if any(op.name in _STRANGERS for op in inner) or not any(op.name == "for" for op in inner):
            return None
        inside = defined(body)
        plan = _Plan()
        for op in inner:
            if op.name == "for" and not any(o.name == "for" for o in walk(op.regions[0])):
                self._collect(op, loop, inside, plan)
        self._sift(loop, inner, plan)
        return plan if plan.places else None

    def _collect(self, loop: Op, outer: Op, inside: set[Value], plan: _Plan) -> None:
        """The accesses of an innermost loop that goes along most rows."""
        lo, hi, step = loop.operands[:3]
        first = self._elements.form(lo).terms
        if hi in inside or self._elements.constant(step) != 1 or not set(first) <= {outer.regions[0].args[0]}:
            return
        index = loop.regions[0].args[0]
        for op in walk(loop.regions[0]):
            if op.name not in ("load", "store"):
                continue
            buffer, *at = accessed(op)
            if buffer in inside or len(at) != 2 or self._elements.form(at[0]).terms.get(index) != 1:
                continue
            column = self._elements.constant(at[1])
            if column is not None and column >= 0:
                plan.places[op] = buffer, column
                plan.ends.append(hi)

    def _sift(self, loop: Op, inner: Sequence[Op], plan: _Plan) -> None:
        """Keep what may have memory of its own."""
        written = self._aliases.written(loop)
        sums = PartialSums(loop)
        for buffer in dict.fromkeys(b for b, _ in plan.places.values()):
            found = {column for b, column in plan.places.values() if b is buffer}
            if len(found) <= _MOST and self._aliases.roots(buffer).isdisjoint(written):
                plan.read[buffer] = found
            elif len(found) <= _MOST and self._is_added(buffer, inner, sums):
                plan.added[buffer] = found
        kept = plan.read.keys() | plan.added.keys()
        plan.places = {op: place for op, place in plan.places.items() if place[0] in kept}

    def _is_added(self, buffer: Value, inner: Sequence[Op], sums: PartialSums) -> bool:
        """Whether all that the nest does with the memory of `buffer`, which nobody sees meanwhile, is to add to its
        elements, in any order."""
        if not self._aliases.roots(buffer) <= self._hidden:
            return False
        touching = [op for op in inner if op.name in ("load", "store")]
        touching = [op for op in touching if self._aliases.may_alias(accessed(op)[0], buffer)]
        if any(accessed(op)[0] is not buffer for op in touching):
            return False
        known = len(sums.chains)
        if not sums.memory(touching, self._elements.form):
            return False
        added = set().union(*(chain.sums for chain in sums.chains[known:]))
        adds = [op for op in inner if op.name in ("add", "sub") and op.result in added]
        return self._free or all(op.attrs.get("reassoc") for op in adds)

    # -- writing

    def _split(self, loop: Op, plan: _Plan) -> None:
        condition = self._condition(loop, plan)
        with self.written() as apart:
            self._memory = {}
            for buffer in plan.read:
                self._copy(buffer, plan)
            for buffer in plan.added:
                self._make(buffer, plan, zero=True)
            self._plan = plan
            body = self.region(loop.regions[0])
            self._plan = None
            results = tuple([Value(r.type, r.name) for r in loop.results])
            self.ops.append(Op("for", self.operands(loop), results, loop.attrs, (body,), loop.span))
            for buffer in plan.added:
                self._add_back(buffer, plan)
            self.emit("yield", results, [], loop.span)
        as_it_was = self.alone(loop, copy_region(loop.regions[0], dict(self.mapping)), {"seldom": True})
        self.decide(loop, condition, (apart, as_it_was))

    def _condition(self, loop: Op, plan: _Plan) -> Value:
        """Whether the columns are there, and the inner loops go along half of the rows, several times."""
        b = Builder(loop.span)
        lo, hi = (self.get(o) for o in loop.operands[:2])
        enough = b.op("and", b.op("lt", lo, hi), b.op("ge", b.op("sub", hi, lo), b.i64(_OFTEN)))
        for buffer, found in (plan.read | plan.added).items():
            given = self.get(buffer)
            enough = b.op("and", enough, b.op("gt", b.dim(given, 1), b.i64(max(found))))
            half = b.op("floordiv", b.dim(given, 0), b.i64(2))
            for end in dict.fromkeys(plan.ends):
                enough = b.op("and", enough, b.op("le", half, self.get(end)))
        self.ops += b.root.ops
        return enough

    def _make(self, buffer: Value, plan: _Plan, zero: bool) -> dict[int, Value]:
        """Memory for the columns of an array."""
        assert isinstance(buffer.type, BufferType)
        b = Builder()
        rows = b.dim(self.get(buffer), 0)
        found = sorted((plan.added if zero else plan.read)[buffer])
        made = {column: b.alloc(buffer.type.dtype, [rows], zero=zero, hint="column") for column in found}
        self._memory |= {(buffer, column): memory for column, memory in made.items()}
        self.ops += b.root.ops
        return made

    def _copy(self, buffer: Value, plan: _Plan) -> None:
        """Memory for columns, with what is in them."""
        made = self._make(buffer, plan, zero=False)
        b, given = Builder(), self.get(buffer)
        with b.region([I64], ["k"]) as body:
            for column, memory in made.items():
                b.store(b.load(given, body.args[0], b.i64(column)), memory, body.args[0])
            b.yield_()
        b.for_(b.i64(0), b.dim(given, 0), b.i64(1), [], body, kind="parallel")
        self.ops += b.root.ops

    def _add_back(self, buffer: Value, plan: _Plan) -> None:
        """Add what was added to columns to the array."""
        b, given = Builder(), self.get(buffer)
        with b.region([I64], ["k"]) as body:
            (k,) = body.args
            for column in sorted(plan.added[buffer]):
                at = k, b.i64(column)
                b.store(b.op("add", b.load(given, *at), b.load(self._memory[buffer, column], k)), given, *at)
            b.yield_()
        b.for_(b.i64(0), b.dim(given, 0), b.i64(1), [], body, kind="parallel")
        self.ops += b.root.ops

    def _inside(self, op: Op, plan: _Plan) -> None:
        if op not in plan.places:
            self.keep(op)
            return
        memory = self._memory[plan.places[op]]
        row = self.get(op.operands[2 if op.name == "store" else 1])
        if op.name == "store":
            self.emit("store", [self.get(op.operands[0]), memory, row], [], op.span, op.attrs)
        else:
            self.replace(op.results, [self.emit("load", [memory, row], [op.result.type], op.span, op.attrs).result])
