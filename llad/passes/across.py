"""Loops over columns, in each of which an inner loop goes down, go along the rows of many columns at once.

What: a loop in whose iterations inner loops go through elements that lie far apart, but side by side for the loop
itself, goes through strips of 128 iterations, in parts: what each iteration does before such an inner loop; then the
inner loop, outside, with the iterations of the strip inside; then what they do behind it, and so on. What one part
computes and another one uses is kept in tables, and so is what the inner loop carries. So memory is gone through as it
lies, and the innermost loop is one of vectors. The derivative of a mean or a greatest element over the first axis is
such a loop, and so is a running sum down the columns.

When (`across_plan.py`): no iteration touches memory that another one writes, so all do what they do in their own order,
and nobody sees in which order they take turns. The loop must run sixteen times, which is asked for at run time, else it
stays as it is.

Before:

    func @f(%x: buffer<f64, 2, C>, %y: buffer<f64, 1, C>, %n: i64, %d: i64) {
      %zero: i64 = const 0
      %one: i64 = const 1
      %t: i64 = for %k in %zero..%n step %one {
        %a: f64 = load %y[%k]
        %b: f64 = exp %a
        %u: i64 = for %j in %zero..%d step %one {
          %c: f64 = load %x[%j, %k]
          %e: f64 = mul %b, %c
          store %e, %x[%j, %k]
          yield
        }
        yield
      }
      return
    }

After (and `dce`):

    func @f(%x: buffer<f64, 2, C>, %y: buffer<f64, 1, C>, %n: i64, %d: i64) {
      %zero: i64 = const 0
      %one: i64 = const 1
      %0: i64 = max %n, %zero
      %1: i64 = sub %0, %zero
      %2: i64 = const 16
      %3: bool = ge %1, %2
      if %3 {
        %4: i64 = const 1
        %5: i64 = const 128
        %17: i64 = for %from in %zero..%n step %5 {
          %6: i64 = sub %n, %from
          %7: i64 = min %6, %5
          %8: i64 = add %from, %7
          %9: i64 = const 128
          %10: buffer<f64, 1, C> = alloc(%9)
          %12: i64 = for %k in %from..%8 step %4 {
            %11: i64 = sub %k, %from
            %a: f64 = load %y[%k]
            %b: f64 = exp %a
            store %b, %10[%11]
            yield
          }
          %16: i64 = for %j in %zero..%d step %one {
            %15: i64 = for %k_1 in %from..%8 step %4 parallel {
              %13: i64 = sub %k_1, %from
              %14: f64 = load %10[%13]
              %c: f64 = load %x[%j, %k_1]
              %e: f64 = mul %14, %c
              store %e, %x[%j, %k_1]
              yield
            }
            yield
          }
          yield
        }
        yield
      } else {
        %t: i64 = for %k_2 in %zero..%n step %one {
          %a_1: f64 = load %y[%k_2]
          %b_1: f64 = exp %a_1
          %u: i64 = for %j_1 in %zero..%d step %one {
            %c_1: f64 = load %x[%j_1, %k_2]
            %e_1: f64 = mul %b_1, %c_1
            store %e_1, %x[%j_1, %k_2]
            yield
          }
          yield
        }
        yield
      }
      return
    }
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from llad.ir.core import Function, Op, Value, mentioned
from llad.ir.types import BOOL, I64, BufferType, ScalarType
from llad.passes.across_plan import ENOUGH, Column, Part, Plan, plans
from llad.passes.strips import ORDERED, PARALLEL, STRIP, Bounds, Scratch, Strips


def across(fn: Function) -> Function:
    """`fn` with inner loops that went down columns going along rows."""
    found = plans(fn)
    return _Across(fn, found).function(fn) if found else fn


class _Across(Strips):
    def __init__(self, fn: Function, found: dict[Op, Plan]) -> None:
        super().__init__(fn)
        self._plans = found

    def visit(self, op: Op) -> None:
        if op in self._plans:
            self._choose(op, self._plans[op])
        else:
            self.keep(op)

    def _choose(self, loop: Op, plan: Plan) -> None:
        """The loop in parts, if it is long enough, else as it was."""
        span = loop.span
        length = self.by_ones(self.get(loop.operands[0]), self.get(loop.operands[1]), span)
        wide = self.emit("ge", [length, self.const(ENOUGH, I64, span)], [BOOL], span).result
        self.either(loop, wide, (lambda: self._in_parts(loop, plan), lambda: self.keep(loop).results))

    def _in_parts(self, loop: Op, plan: Plan) -> list[Value]:
        def parts(bounds: Bounds, _: Bounds, carries: list[Value]) -> None:
            room = self.const(STRIP, I64, loop.span)
            tables = {v: self.emit("alloc", [room], [_row_of(v)], loop.span, {"zero": False}).result for v in plan.kept}
            for number, part in enumerate(plan.parts):
                carrying = number == plan.carrying
                if part.ops or carrying:
                    made = self._part(loop, part, plan, tables, bounds, carries if carrying else [])
                    carries[:] = made.results[:-1] if carrying else carries
                if part.column is not None:
                    self._column(loop, part.column, plan, tables, bounds)

        return self.in_strips(loop, parts)

    def _begin(self, loop: Op, index: Value, begin: Value, plan: Plan) -> Value:
        """What each part has of an iteration: its index. The place of the iteration in the tables."""
        self.replace(loop.regions[0].args[:1], [index])
        place = self.emit("sub", [index, begin], [I64], loop.span).result
        self.splice(plan.again)
        return place

    def _recall(self, values: Iterable[Value], tables: Scratch, place: Value) -> None:
        """Load what other parts have kept."""
        for value in dict.fromkeys(v for v in values if v in tables):
            loaded = self.emit("load", [tables[value], place], [value.type], None).result
            self.replace([value], [loaded])

    def _keep(self, values: Sequence[Value], tables: Scratch, place: Value) -> None:
        for value in values:
            if value in tables:
                self.emit("store", [self.get(value), tables[value], place], [], None)

    def _part(self, loop: Op, part: Part, plan: Plan, tables: Scratch, bounds: Bounds, carries: Sequence[Value]) -> Op:
        """The iterations of a strip as far as they are in a part; `carries`: what it begins with, if it has them."""
        body, index = loop.regions[0], Value(I64, loop.regions[0].args[0].name)
        args = [Value(v.type, v.name) for v in carries]
        yields = body.terminator.operands[: len(args)]
        made = {r for op in part.ops for r in op.results}
        with self.written(index, *args) as region:
            place = self._begin(loop, index, bounds[0], plan)
            self.replace(body.args[1 : 1 + len(args)], args)
            there = [o for op in part.ops for o in mentioned(op)]
            self._recall([v for v in (*there, *yields) if v not in made], tables, place)
            for op in part.ops:
                self.visit(op)
                self._keep(op.results, tables, place)
            self.emit("yield", [self.get(v) for v in yields], [], loop.span)
        attrs = loop.attrs if args else {**loop.attrs, "kind": _kind(loop)}
        return self.emit("for", [*bounds, *carries], [*(v.type for v in args), I64], loop.span, attrs, (region,))

    def _column(self, loop: Op, column: Column, plan: Plan, tables: Scratch, bounds: Bounds) -> None:
        """An inner loop, with the iterations of a strip inside."""
        inner, body = column.loop, column.loop.regions[0]
        results = inner.results[:-1]

        def start(place: Value) -> None:
            self._recall(inner.operands[3:], tables, place)
            for init, result in zip(inner.operands[3:], results, strict=True):
                self.emit("store", [self.get(init), tables[result], place], [], inner.span)

        def step(place: Value) -> None:
            self._recall(mentioned(inner), tables, place)
            for arg, result in zip(body.args[1:], results, strict=True):
                self.replace([arg], [self.emit("load", [tables[result], place], [arg.type], None).result])
            self.splice(body.ops[:-1])
            for value, result in zip(body.terminator.operands, results, strict=True):
                self.emit("store", [self.get(value), tables[result], place], [], inner.span)

        def guarded(place: Value) -> None:
            assert column.guard is not None
            self._recall([column.guard], tables, place)
            holds = self.get(column.guard)
            with self.written() as then:
                step(place)
                self.emit("yield", [], [], inner.span)
            with self.written() as otherwise:
                self.emit("yield", [], [], inner.span)
            self.emit("if", [holds], [], inner.span, {}, (then, otherwise))

        if results:
            self._each(loop, plan, bounds, start)
        index = Value(I64, body.args[0].name)
        with self.written(index) as rows:
            self.replace(body.args[:1], [index])
            self._each(loop, plan, bounds, step if column.guard is None else guarded)
            self.emit("yield", [], [], inner.span)
        self.emit("for", [self.get(v) for v in inner.operands[:3]], [I64], inner.span, ORDERED, (rows,))

    def _each(self, loop: Op, plan: Plan, bounds: Bounds, write: Any) -> None:
        """A loop over a strip, the body of which `write` writes, given the place in the tables."""
        index = Value(I64, loop.regions[0].args[0].name)
        with self.written(index) as body:
            write(self._begin(loop, index, bounds[0], plan))
            self.emit("yield", [], [], loop.span)
        self.emit("for", bounds, [I64], loop.span, PARALLEL, (body,))


def _row_of(value: Value) -> BufferType:
    assert isinstance(value.type, ScalarType)
    return BufferType(value.type, 1, "C")


def _kind(loop: Op) -> str:
    """What a loop is that carries nothing."""
    return "parallel" if loop.attrs["kind"] == "reduction" else loop.attrs["kind"]
