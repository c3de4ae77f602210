"""Sums that each iteration of a loop makes in an inner loop are made for many iterations at once.

What: a loop in whose iterations an inner loop only adds up goes through strips of 128 iterations. For a strip the inner
loop is outside and the iterations inside: each adds to its own element of a table, four terms at a time, and what is
left of an iteration reads its sum there. So the innermost loop needs no sum over a vector at its end, however short the
inner loop was, keeps Python's order of each sum, and has one vector for many iterations. An array whose rows the inner
loop went along is turned first, once for all iterations of a loop further out, so that its columns lie side by side;
they are as long as whole vectors, the last of which begin with sums that nobody reads.

When: nothing else happens in the inner loop, and nothing that it reads is written in the outer one, as far as that is
known: arrays that take turns from step to step never are the same one. (Sums of plain
products whose order is free stay if their factors are rows: along these vectors are as good.) The outer loop must run
sixteen times, and an array that is turned must be used eight times and mostly, and fit into a cache; that is asked
for at run time, else the inner loop stays where it was.

Before:

    func @f(%x: buffer<f64, 2, C>, %y: buffer<f64, 1, C>, %n: i64, %d: i64) {
      %zero: i64 = const 0
      %one: i64 = const 1
      %none: f64 = const 0.0
      %t: i64 = for %k in %zero..%n step %one {
        %s: f64, %u: i64 = for %j in %zero..%d step %one carry (%a: f64 = %none) {
          %b: f64 = load %x[%j, %k]
          %c: f64 = add %a, %b
          yield %c
        }
        store %s, %y[%k]
        yield
      }
      return
    }

After (and `dce`):

    func @f(%x: buffer<f64, 2, C>, %y: buffer<f64, 1, C>, %n: i64, %d: i64) {
      %zero: i64 = const 0
      %one: i64 = const 1
      %none: f64 = const 0.0
      %0: i64 = max %n, %zero
      %1: i64 = sub %0, %zero
      %2: i64 = const 16
      %3: bool = ge %1, %2
      %4: i64 = const 1
      %5: i64 = const 128
      %41: i64 = for %from in %zero..%n step %5 {
        %6: i64 = sub %n, %from
        %7: i64 = min %6, %5
        %8: i64 = add %from, %7
        %9: i64 = const 128
        %sums: buffer<f64, 1, C> = alloc(%9)
        if %3 {
          %10: i64 = const 1
          %12: i64 = for %k in %from..%8 step %10 parallel {
            %11: i64 = sub %k, %from
            store %none, %sums[%11]
            yield
          }
          %13: i64 = const 4
          %14: i64 = max %d, %zero
          %15: i64 = sub %14, %zero
          %16: i64 = floordiv %15, %13
          %17: i64 = mul %16, %13
          %18: i64 = add %zero, %17
          %29: i64 = for %j in %zero..%18 step %13 {
            %19: i64 = const 1
            %20: i64 = add %j, %19
            %21: i64 = const 2
            %22: i64 = add %j, %21
            %23: i64 = const 3
            %24: i64 = add %j, %23
            %25: i64 = const 1
            %28: i64 = for %k_1 in %from..%8 step %25 parallel {
              %26: i64 = sub %k_1, %from
              %27: f64 = load %sums[%26]
              %b: f64 = load %x[%j, %k_1]
              %c: f64 = add %27, %b
              %b_1: f64 = load %x[%20, %k_1]
              %c_1: f64 = add %c, %b_1
              %b_2: f64 = load %x[%22, %k_1]
              %c_2: f64 = add %c_1, %b_2
              %b_3: f64 = load %x[%24, %k_1]
              %c_3: f64 = add %c_2, %b_3
              store %c_3, %sums[%26]
              yield
            }
            yield
          }
          %34: i64 = for %j_1 in %18..%d step %one {'seldom': True} {
            %30: i64 = const 1
            %33: i64 = for %k_2 in %from..%8 step %30 parallel {
              %31: i64 = sub %k_2, %from
              %32: f64 = load %sums[%31]
              %b_4: f64 = load %x[%j_1, %k_2]
              %c_4: f64 = add %32, %b_4
              store %c_4, %sums[%31]
              yield
            }
            yield
          }
          yield
        } else {
          %35: i64 = const 1
          %37: i64 = for %k_3 in %from..%8 step %35 parallel {'few': True} {
            %36: i64 = sub %k_3, %from
            %s: f64, %u: i64 = for %j_2 in %zero..%d step %one carry (%a: f64 = %none) {
              %b_5: f64 = load %x[%j_2, %k_3]
              %c_5: f64 = add %a, %b_5
              yield %c_5
            }
            store %s, %sums[%36]
            yield
          }
          yield
        }
        %40: i64 = for %k_4 in %from..%8 step %4 {
          %38: i64 = sub %k_4, %from
          %39: f64 = load %sums[%38]
          store %39, %y[%k_4]
          yield
        }
        yield
      }
      return
    }
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from llad.ir.build import Builder
from llad.ir.core import Function, Op, Value
from llad.ir.rewrite import Mapping, copy_op
from llad.ir.types import I64, BufferType, ScalarType
from llad.passes.interchange_plan import ENOUGH, Plans, Sum, Turned
from llad.passes.strips import ORDERED, PARALLEL, STRIP, Bounds, Strips

_TERMS = 4  # added to an element while it is in a register
_LANES = 8  # of a vector: what is turned has room for whole ones
_OFTEN = 8  # uses of an array that are worth turning it
_LARGEST = 1 << 18  # elements of an array that is worth turning: it stays in a cache


def interchange(fn: Function) -> Function:
    """`fn` with sums of inner loops made for many iterations of the outer ones at once."""
    plans = Plans(fn)
    return _Interchange(fn, plans).function(fn) if plans.sums else fn


class _Interchange(Strips):
    """`_columns`: what is there in place of an array that was turned, and whether it is."""

    def __init__(self, fn: Function, plans: Plans) -> None:
        super().__init__(fn)
        self._plans = plans
        self._columns: dict[Turned, tuple[Value, Value]] = {}

    def visit(self, op: Op) -> None:
        for turned in self._plans.turned.get(op, ()):
            self._turn(turned)
        if op in self._plans.sums:
            self._write(op, self._plans.sums[op])
        else:
            self.keep(op)

    # -- arrays that are turned

    def _turn(self, turned: Turned) -> None:
        """Copy an array, the first axis last, if that is worth it; else it is an array of no elements."""
        b, array = Builder(turned.around.span), self.get(turned.array)
        assert isinstance(array.type, BufferType)
        rows, columns = b.dim(array, 0), b.dim(array, 1)
        small = b.op("le", b.op("mul", rows, columns), b.i64(_LARGEST))
        worth = b.op("and", self._often(b, turned.around), small)
        for bounds, extent, least in ((turned.outer, rows, ENOUGH), (turned.inner, columns, 1)):
            used = b.by_ones(*map(self.get, bounds))
            half = b.op("floordiv", extent, b.i64(2))
            worth = b.op("and", worth, b.op("and", b.op("ge", used, b.i64(least)), b.op("le", half, used)))
        # the loop may stand behind a condition, and not run where the array has fewer rows than it would go through
        worth = b.op("and", worth, b.op("le", b.by_ones(*map(self.get, turned.outer)), rows))
        last = b.op("sub", rows, b.i64(1))
        room = _rounded(b, b.op("add", rows, b.i64(_LANES - 1)))  # the last vector may begin with any row
        rows, columns = (b.op("select", worth, extent, b.i64(0)) for extent in (room, columns))
        copy = b.alloc(array.type.dtype, [columns, rows], hint="columns")
        with b.region([I64], ["k"]) as outer:
            with b.region([I64], ["j"]) as inner:
                k, j = outer.args[0], inner.args[0]
                b.store(b.load(array, b.op("min", k, last), j), copy, j, k)
                b.yield_()
            b.for_(b.i64(0), columns, b.i64(1), [], inner, kind="parallel")
            b.yield_()
        b.for_(b.i64(0), rows, b.i64(1), [], outer, kind="parallel")
        self.ops += b.root.ops
        self._columns[turned] = copy, worth

    def _often(self, b: Builder, loop: Op) -> Value:
        """Whether a loop has so many iterations that it is worth turning an array for it."""
        lo, hi, step = map(self.get, loop.operands[:3])
        way = b.op("gt", step, b.i64(0))
        there = b.op("sub", b.op("select", way, hi, lo), b.op("select", way, lo, hi))
        size = b.op("select", way, step, b.op("neg", step))
        return b.op("gt", b.op("floordiv", there, size), b.i64(_OFTEN - 1))

    # -- the loop

    def _write(self, loop: Op, sums: Sequence[Sum]) -> None:
        b = Builder(loop.span)
        wide = b.op("ge", b.by_ones(*map(self.get, loop.operands[:2])), b.i64(ENOUGH))
        for turned in dict.fromkeys(t for s in sums for t in s.turned.values()):
            wide = b.op("and", wide, self._columns[turned][1])
        self.ops += b.root.ops

        def parts(bounds: Bounds, _: Bounds, carries: list[Value]) -> None:
            tables = [self._tables(s, wide, bounds, loop) for s in sums]
            carries[:] = self._rest(loop, sums, tables, (*bounds, *carries)).results[:-1]

        self.replace(loop.results, self.in_strips(loop, parts))

    def _rest(self, loop: Op, sums: Sequence[Sum], tables: Sequence[list[Value]], operands: tuple[Value, ...]) -> Op:
        """The loop over a strip, which reads the sums."""
        body = loop.regions[0]
        args = self.arguments(body.args)
        with self.written(*args) as rest:
            place = self.emit("sub", [args[0], operands[0]], [I64], loop.span).result
            known = {s.loop: memory for s, memory in zip(sums, tables, strict=True)}
            for op in body.ops:
                if op in known:
                    loads = [self.emit("load", [t, place], [_dtype(t)], op.span).result for t in known[op]]
                    self.replace(op.results[:-1], loads)
                else:
                    self.visit(op)
        types = [r.type for r in loop.results]
        return self.emit("for", operands, types, loop.span, loop.attrs, (rest,))

    # -- the sums of a strip

    def _tables(self, s: Sum, wide: Value, bounds: Bounds, outer: Op) -> list[Value]:
        """Memory for a strip of each sum, with what they come to."""
        begin, end, _ = bounds
        b = Builder(s.loop.span)
        kinds = [r.type for r in s.loop.results[:-1]]
        tables = [b.alloc(kind, [b.i64(STRIP)], hint="sums") for kind in kinds if isinstance(kind, ScalarType)]
        self.ops += b.root.ops
        with self.written() as together:
            last = end
            if s.has_room:
                b = Builder(s.loop.span)
                last = b.op("add", begin, _rounded(b, b.op("sub", end, begin)))
                self.ops += b.root.ops
            self._each(outer, begin, last, lambda k, place: self._store(self._starts(s, outer, k), tables, place))
            self._added(s, tables, begin, last, outer)
            self.emit("yield", [], [], s.loop.span)
        with self.written() as alone:
            self._each(outer, begin, end, lambda k, place: self._store(self._alone(s, outer, k), tables, place), True)
            self.emit("yield", [], [], s.loop.span)
        self.emit("if", [wide], [], s.loop.span, {}, (together, alone))
        return tables

    def _each(self, outer: Op, begin: Value, end: Value, write: Any, few: bool = False) -> None:
        """A loop over a strip, the body of which `write` writes, given the index and the place in a table."""
        index = Value(I64, outer.regions[0].args[0].name)
        with self.written(index) as body:
            write(index, self.emit("sub", [index, begin], [I64], outer.span).result)
            self.emit("yield", [], [], outer.span)
        one = self.const(1, I64, outer.span)
        attrs = PARALLEL | ({"few": True} if few else {})
        self.emit("for", [begin, end, one], [I64], outer.span, attrs, (body,))

    def _store(self, values: Sequence[Value], tables: Sequence[Value], place: Value) -> None:
        for value, table in zip(values, tables, strict=True):
            self.emit("store", [value, table, place], [], None)

    def _starts(self, s: Sum, outer: Op, index: Value) -> list[Value]:
        """What the sums of an iteration begin with."""
        found = []
        for value, start in zip(s.loop.operands[3:], s.starts, strict=True):
            mapping: Mapping = {**self.mapping, outer.regions[0].args[0]: index}
            if start is not None:
                self.ops.append(copy_op(start, mapping))
            found.append(mapping.get(value, value))
        return found

    def _alone(self, s: Sum, outer: Op, index: Value) -> list[Value]:
        """The sums of an iteration as they were made."""
        starts = self._starts(s, outer, index)
        mapping: Mapping = {**self.mapping, outer.regions[0].args[0]: index}
        mapping.update(zip(s.loop.operands[3:], starts, strict=True))
        self.ops += [copy_op(op, mapping) for op in (*s.again, s.loop)]
        return list(self.ops[-1].results[:-1])

    def _added(self, s: Sum, tables: Sequence[Value], begin: Value, end: Value, outer: Op) -> None:
        """The inner loop, four of its iterations at a time and then those that are left."""
        b = Builder(s.loop.span)
        lo, hi, step = (self.get(v) for v in s.loop.operands[:3])
        terms = b.i64(_TERMS)
        middle = b.op("add", lo, b.op("mul", b.op("floordiv", b.by_ones(lo, hi), terms), terms))
        self.ops += b.root.ops
        rest = {**ORDERED, "seldom": True}
        for bounds, count, attrs in (((lo, middle, terms), _TERMS, ORDERED), ((middle, hi, step), 1, rest)):
            index = Value(I64, s.loop.regions[0].args[0].name)
            with self.written(index) as body:
                steady = [self._steady(s, index, number) for number in range(count)]
                self._each(outer, begin, end, lambda k, place, ms=steady: self._terms(s, outer, tables, k, place, ms))
                self.emit("yield", [], [], s.loop.span)
            self.emit("for", bounds, [I64], s.loop.span, attrs, (body,))

    def _steady(self, s: Sum, index: Value, number: int) -> Mapping:
        """What an iteration of the inner loop computes alike for all of the outer one."""
        body = s.loop.regions[0]
        here = index
        if number:
            here = self.emit("add", [index, self.const(number, I64, s.loop.span)], [I64], s.loop.span).result
        mapping: Mapping = {**self.mapping, body.args[0]: here}
        self.ops += [copy_op(op, mapping) for op in body.ops[:-1] if op not in s.varying and op not in s.updates]
        return mapping

    def _terms(
        self, s: Sum, outer: Op, tables: Sequence[Value], index: Value, place: Value, steady: Sequence[Mapping]
    ) -> None:
        """Add what some iterations of the inner loop contribute to the elements of an outer one, in their order."""
        body = s.loop.regions[0]
        values = [self.emit("load", [t, place], [_dtype(t)], s.loop.span).result for t in tables]
        here: Mapping = {**self.mapping, outer.regions[0].args[0]: index}
        self.ops += [copy_op(op, here) for op in s.again]
        beside = {v: here[v] for v in (outer.regions[0].args[0], *[op.result for op in s.again])}
        for known in steady:
            mapping: Mapping = {**known, **beside}
            mapping.update(zip(body.args[1:], values, strict=True))
            for op in body.ops[:-1]:
                if op in s.turned:
                    columns, (_, row, column) = self._columns[s.turned[op]][0], op.operands
                    at = [columns, *(mapping.get(v, v) for v in (column, row))]
                    mapping[op.result] = self.emit("load", at, [op.result.type], op.span).result
                elif op in s.varying or op in s.updates:
                    self.ops.append(copy_op(op, mapping))
            values = [mapping[v] for v in body.terminator.operands]
        self._store(values, tables, place)


def _rounded(b: Builder, length: Value) -> Value:
    """Up to whole vectors."""
    lanes = b.i64(_LANES)
    return b.op("mul", b.op("floordiv", b.op("add", length, b.i64(_LANES - 1)), lanes), lanes)


def _dtype(table: Value) -> ScalarType:
    assert isinstance(table.type, BufferType)
    return table.type.dtype
