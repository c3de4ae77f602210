"""What iterations compute from a recurrence, but hand on to no other, gets a loop of its own.

What: in a loop over time, the next step waits for the state, not for what is made of it: scores, their probabilities,
a likelihood. In one loop, all of this runs at the pace of the recurrence. In a loop of its own, which finds in memory
what it needs of each iteration, it runs as fast as the processor can; it is often a sum of independent terms, whose
reverse sweep keeps nothing; and the reverse sweep of the recurrence gets shorter, too.

When: before reverse mode, which would keep what is kept here. `distribute_plan.py` tells what does not belong to the
recurrence: what is *late*. It must pay: what is late has functions that take longer than to load a number, and either
loops, or more to do than the processor can do anyway while it waits for the recurrence. What is late raises nothing,
and needs at most a few numbers and rows (arrays of one axis) of an iteration. An array that is the iteration's own
becomes a row of what is kept; a state is copied to one. The loop of the recurrence is marked `ahead`, and is joined
with no other.

Before:

    func @f(%x: buffer<f64, 1, C>, %n: i64, %w: f64) {
      %zero: i64 = const 0
      %one: i64 = const 1
      %none: f64 = const 0.0
      %last: f64, %sum: f64, %t: i64 = for %i in %zero..%n step %one carry (%h: f64 = %none, %s: f64 = %none) {
        %a: f64 = load %x[%i]
        %b: f64 = mul %w, %h
        %new: f64 = add %a, %b
        %d: f64 = exp %new
        %r: f64 = add %s, %d
        yield %new, %r
      }
      return %sum
    }

After (and `dce`):

    func @f(%x: buffer<f64, 1, C>, %n: i64, %w: f64) {
      %zero: i64 = const 0
      %one: i64 = const 1
      %none: f64 = const 0.0
      %0: i64 = max %n, %zero
      %1: i64 = sub %0, %zero
      %kept: buffer<f64, 1, C> = alloc(%1)
      %last: f64, %2: i64 = for %i in %zero..%n step %one carry (%h: f64 = %none) {'ahead': True} {
        %3: i64 = sub %i, %zero
        %a: f64 = load %x[%i]
        %b: f64 = mul %w, %h
        %new: f64 = add %a, %b
        store %new, %kept[%3]
        yield %new
      }
      %sum: f64, %4: i64 = for %i_1 in %zero..%n step %one carry (%s: f64 = %none) {
        %5: i64 = sub %i_1, %zero
        %6: f64 = load %kept[%5]
        %d: f64 = exp %6
        %r: f64 = add %s, %d
        yield %r
      }
      return %sum
    }
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

from llad.ir.build import Builder
from llad.ir.core import Function, Op, Value
from llad.ir.types import I64, BufferType, ScalarType
from llad.passes.distribute_plan import Plan, Planner, Row
from llad.passes.strips import STRIP, Bounds, Strips


def distribute(fn: Function, in_strips: bool = False) -> Function:
    """`fn` with what recurrences do not wait for in loops of its own, maybe for a strip of iterations at a time."""
    return fn if fn.attrs.get("may_alias") else _Distribute(fn, in_strips).function(fn)


class _Distribute(Strips):
    def __init__(self, fn: Function, in_strips: bool) -> None:
        super().__init__(fn)
        self._in_strips = in_strips
        self._planner = Planner(fn)

    def splice(self, ops: Iterable[Op]) -> None:
        listed = list(ops)
        for k, op in enumerate(listed):
            plan = self._planner.plan(op, listed[:k]) if op.name == "for" else None
            if plan is None:
                self.visit(op)
            else:
                self._take_apart(op, plan)

    def _take_apart(self, loop: Op, plan: Plan) -> None:
        lo, hi, step = map(self.get, loop.operands[:3])
        if self._in_strips:
            kept = self._kept(loop, plan, self.const(STRIP, I64, loop.span))

            def parts(bounds: Bounds, places: Bounds, carries: list[Value]) -> None:
                self._loops(loop, plan, kept, bounds, carries)

            results = self.in_strips(loop, parts)
        else:
            kept = self._kept(loop, plan, self.by_ones(lo, hi, loop.span))
            results = [self.get(o) for o in loop.operands[3:]]
            trips = self._loops(loop, plan, kept, (lo, hi, step), results)
            results.append(trips)
        self.replace(loop.results, results)

    def _kept(self, loop: Op, plan: Plan, trips: Value) -> dict[Value, Value]:
        """Memory for what so many iterations keep."""
        kept = {value: self._memory(loop, value.type, [trips]) for value in plan.numbers}
        return kept | {
            row.root: self._memory(loop, row.root.type, [trips, self.get(row.extent)], row) for row in plan.rows
        }

    def _loops(self, loop: Op, plan: Plan, kept: dict[Value, Value], bounds: Bounds, carries: list[Value]) -> Value:
        """Emit the two loops, which change the list of what is carried; how many iterations there were."""
        own = [row.root for row in plan.rows if row.own]
        first = [k for k in range(len(carries)) if k not in plan.carries]
        with self._loop(loop, bounds, first, carries, {"ahead": True}) as place:
            self._work_in_rows(loop, plan, kept, place)
            super().splice(op for op in plan.ahead if op.name != "alloc" or op.result not in own)
            self._keep(loop, plan, kept, place)
        trips = self.ops[-1].results[-1]
        with self._loop(loop, bounds, plan.carries, carries, {}) as place:
            self._find(loop, plan, kept, place)
            chosen = {*plan.again, *plan.late}
            super().splice(op for op in loop.regions[0].ops if op in chosen)
        return trips

    def _memory(self, loop: Op, type: object, extents: Sequence[Value], row: Row | None = None) -> Value:
        """For what all iterations keep of a number or a row; what a row does not fill is read when it is copied."""
        b = Builder(loop.span)
        assert isinstance(type, ScalarType | BufferType)
        dtype = type.dtype if isinstance(type, BufferType) else type
        made = b.alloc(dtype, extents, zero=row is not None and row.written and not row.filled, hint="kept")
        self.ops += b.root.ops
        return made

    @contextmanager
    def _loop(
        self, loop: Op, bounds: Bounds, numbers: Sequence[int], carries: list[Value], says: dict[str, bool]
    ) -> Iterator[Value]:
        """A loop like `loop` with these of its carries and the body that the `with` body emits, which gets the number
        of the iteration. What it carries at its end takes the place of what it began with."""
        body, span = loop.regions[0], loop.span
        types = [body.args[1 + k].type for k in numbers]
        with self.afresh():
            index = Value(I64, body.args[0].name)
            args = [Value(body.args[1 + k].type, body.args[1 + k].name) for k in numbers]
            self.replace([body.args[0], *[body.args[1 + k] for k in numbers]], [index, *args])
            with self.written(index, *args) as region:
                yield self.emit("sub", [index, bounds[0]], [I64], span).result
                self.emit("yield", [self.get(body.terminator.operands[k]) for k in numbers], [], span)
        attrs = {key: value for key, value in loop.attrs.items() if key != "joined"} | says
        made = self.emit("for", [*bounds, *[carries[k] for k in numbers]], [*types, I64], span, attrs, (region,))
        for k, result in zip(numbers, made.results, strict=False):
            carries[k] = result

    # -- what passes from one loop to the other

    def _work_in_rows(self, loop: Op, plan: Plan, kept: dict[Value, Value], place: Value) -> None:
        """Let what goes ahead use rows in place of arrays that are the iteration's own."""
        for row in plan.rows:
            if row.own:
                self.mapping[row.root] = self._row(loop, kept[row.root], place)

    def _row(self, loop: Op, kept: Value, place: Value) -> Value:
        b = Builder(loop.span)
        view = b.view(kept, ["index", "full"], place)
        self.ops += b.root.ops
        return view

    def _keep(self, loop: Op, plan: Plan, kept: dict[Value, Value], place: Value) -> None:
        """Store what is late to find, but for rows that are there already."""
        for value in plan.numbers:
            self.emit("store", [self.get(value), kept[value], place], [], loop.span)
        for row in plan.rows:
            if not row.own:
                self._copy(loop, row, self.get(row.root), self._row(loop, kept[row.root], place))

    def _find(self, loop: Op, plan: Plan, kept: dict[Value, Value], place: Value) -> None:
        """Load what was kept. A row that is written to is copied first: then it is the iteration's own again."""
        for value in plan.numbers:
            self.mapping[value] = self.emit("load", [kept[value], place], [value.type], loop.span).result
        for row in plan.rows:
            found = self._row(loop, kept[row.root], place)
            if row.written:
                given, found = found, self._memory(loop, row.root.type, [self.get(row.extent)])
                self._copy(loop, row, given, found)
            self.mapping[row.root] = found

    def _copy(self, loop: Op, row: Row, source: Value, target: Value) -> None:
        b = Builder(loop.span)
        b.nest([self.get(row.extent)], lambda at: b.store(b.load(source, *at), target, *at))
        self.ops += b.root.ops
