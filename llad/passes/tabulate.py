"""What every run of an inner loop computes alike, element by element, is computed once, into a table.

What: a transcendental function inside a loop nest, of numbers that do not depend on the outermost loop (`exp(q[k, j])`
in a loop over samples), becomes a table over the inner indices that it depends on, filled before that loop. Its
derivative then passes through the table too: once an element, not once a sample.

When: the function stands in the straight part of plain `for`s of step 1 whose bounds the outer loop does not
change; it depends on memory that the outer loop does not write, at indices that run with those loops, so that the
table is no larger than the data; and nothing before it in the nest may stop. The table is filled only if the outer
loop and those around the function run, with what the first iteration computes.

Before:

    func @f(%x: buffer<f64, 1, C>, %q: buffer<f64, 1, C>, %n: i64, %m: i64) {
      %zero: i64 = const 0
      %one: i64 = const 1
      %z: f64 = const 0.0
      %s: f64, %trips: i64 = for %i in %zero..%n step %one carry (%a: f64 = %z) {
        %u: f64 = load %x[%i]
        %t: f64, %inner: i64 = for %j in %zero..%m step %one carry (%b: f64 = %a) {
          %v: f64 = load %q[%j]
          %e: f64 = exp %v
          %w: f64 = mul %e, %u
          %c: f64 = add %b, %w
          yield %c
        }
        yield %t
      }
      return %s
    }

After (and `dce`):

    func @f(%x: buffer<f64, 1, C>, %q: buffer<f64, 1, C>, %n: i64, %m: i64) {
      %zero: i64 = const 0
      %one: i64 = const 1
      %z: f64 = const 0.0
      %lo: i64 = const 0
      %outer: bool = lt %zero, %n
      %inner: bool = lt %lo, %m
      %runs: bool = and %outer, %inner
      %nothing: i64 = const 0
      %first: i64 = const 0
      %length: i64 = sub %m, %first
      %known: i64 = select %runs, %length, %nothing
      %extent: i64 = max %known, %nothing
      %table: buffer<f64, 1, C> = alloc(%extent)
      if %runs {
        %from: i64 = const 0
        %by: i64 = const 1
        %filled: i64 = for %k in %from..%m step %by parallel {
          %v: f64 = load %q[%k]
          %e: f64 = exp %v
          store %e, %table[%k]
          yield
        }
        yield
      } else {
        yield
      }
      %s: f64, %trips: i64 = for %i in %zero..%n step %one carry (%a: f64 = %z) {
        %u: f64 = load %x[%i]
        %t: f64, %inner: i64 = for %j in %zero..%m step %one carry (%b: f64 = %a) {
          %e: f64 = load %table[%j]
          %w: f64 = mul %e, %u
          %c: f64 = add %b, %w
          yield %c
        }
        yield %t
      }
      return %s
    }
"""

from __future__ import annotations

from collections.abc import Sequence

from llad.dataclass import dataclass
from llad.ir.alias import Aliases, Roots
from llad.ir.core import PURE_STRUCTURED, Function, Op, Region, Value, defined, makers, walk
from llad.ir.elements import Elements
from llad.ir.rewrite import Mapping, copy_op
from llad.ir.types import BOOL, I64, BufferType, ScalarType
from llad.ops.cost import DEAR
from llad.ops.table import OPS
from llad.passes.rebuild import Rebuild
from llad.passes.strips import PARALLEL

_MAY_STOP = frozenset({"check", "while", "call", "derivative"})


def tabulate(fn: Function) -> Function:
    """`fn` with the dear functions of its loop nests computed once an element where that is enough."""
    return _Tabulate(fn).function(fn)


@dataclass(slots=True)
class _Table:
    """A function's values over `loops`, of the loops `around` it, computed by `ops`, which end with it."""

    ops: list[Op]
    loops: list[Op]
    around: list[Op]
    buffer: Value | None = None


class _Tabulate(Rebuild):
    def __init__(self, fn: Function) -> None:
        super().__init__()
        self._aliases = Aliases(fn)
        self._elements = Elements(fn)
        self._made = makers(fn.body)
        self._tables: dict[Op, _Table] = {}

    def visit(self, op: Op) -> None:
        table = self._tables.get(op)
        if table is not None:
            assert table.buffer is not None
            load = self.emit("load", [table.buffer, *self._place(table, self.mapping)], [op.result.type], op.span)
            self.mapping[op.result] = load.result
            return
        if op.name == "for" and self._elements.constant(op.operands[2]) == 1:
            found = [t for t in self._search(op) if t.ops[-1] not in self._tables]
            if found:
                self._fill(op, found)
        self.keep(op)

    # -- what can be tabulated

    def _search(self, outer: Op) -> list[_Table]:
        body = outer.regions[0]
        if not any(op.name in DEAR for op in walk(body)):
            return []
        inside = defined(body)
        written = self._aliases.written(outer)
        found: list[_Table] = []
        self._descend(body, [], inside, written, found)
        return found

    def _descend(
        self, region: Region, loops: list[Op], inside: set[Value], written: Roots, found: list[_Table]
    ) -> bool:
        """Look through the straight part of a region inside `loops`; whether all of it is sure to be reached."""
        for op in region.ops:
            if op.name in DEAR and loops:
                table = self._table(op, loops, inside, written)
                if table is not None:
                    found.append(table)
            plain = op.name == "for" and not op.attrs["exits"] and self._elements.constant(op.operands[2]) == 1
            if plain and all(b not in inside or self._elements.constant(b) is not None for b in op.operands[:2]):
                if not self._descend(op.regions[0], [*loops, op], inside, written, found):
                    return False
            elif op.name in _MAY_STOP or any(o.name in _MAY_STOP for r in op.regions for o in walk(r)):
                return False
        return True

    def _table(self, op: Op, loops: list[Op], inside: set[Value], written: Roots) -> _Table | None:
        """The table for `op`, if what it is computed from can be had before the outer loop."""
        indices = {loop.regions[0].args[0]: loop for loop in loops}
        used: set[Value] = set()
        order: list[Op] = []

        def visit(value: Value) -> bool:
            if value in indices:
                used.add(value)
                return True
            made = self._made.get(value)
            if value not in inside or (made is not None and made in order):
                return True
            if made is None or not self._repeatable(made, written) or not all(map(visit, made.operands)):
                return False
            order.append(made)
            return True

        if not visit(op.result):
            return None
        loads = [o for o in order if o.name == "load"]
        if not used or any(not any(i in load.operands[1:] for load in loads) for i in used):
            return None
        return _Table(order, [loop for index, loop in indices.items() if index in used], loops)

    def _repeatable(self, op: Op, written: Roots) -> bool:
        if op.name == "load":
            return written.isdisjoint(self._aliases.roots(op.operands[0]))
        return (op.name in OPS or op.name in PURE_STRUCTURED) and isinstance(op.result.type, ScalarType)

    # -- the tables

    def _fill(self, outer: Op, tables: list[_Table]) -> None:
        """Allocate the tables before `outer`, and compute each if the loops around its function run.

        Otherwise nothing is known of the bounds: it may be that no memory has so many elements.
        """
        for table in tables:
            span = table.ops[-1].span
            bounds = [[self.get(o) for o in outer.operands[:2]], *map(self._bounds, table.around)]
            runs = self.emit("lt", bounds[0], [BOOL], span).result
            for pair in bounds[1:]:
                inner = self.emit("lt", pair, [BOOL], span).result
                runs = self.emit("and", [runs, inner], [BOOL], span).result
            nothing = self.const(0, I64, span)
            extents = []
            for loop in table.loops:
                lo, hi = self._bounds(loop)
                length = self.emit("sub", [hi, lo], [I64], span).result
                extent = self.emit("select", [runs, length, nothing], [I64], span).result
                extents.append(self.emit("max", [extent, nothing], [I64], span).result)
            dtype = table.ops[-1].result.type
            assert isinstance(dtype, ScalarType)
            type = BufferType(dtype, len(extents), "C")
            table.buffer = self.emit("alloc", extents, [type], span, {"zero": False}).result
            with self.written() as then:
                self._nest(table, table.loops, dict(self.mapping))
                self._tables[table.ops[-1]] = table
                self.emit("yield", [], [], span)
            otherwise = Region((), [Op("yield", span=span)])
            self.emit("if", [runs], [], span, {}, (then, otherwise))

    def _nest(self, table: _Table, loops: Sequence[Op], mapping: Mapping) -> None:
        if not loops:
            self.ops += [copy_op(op, mapping) for op in table.ops]
            last = table.ops[-1]
            places = self._place(table, mapping)
            assert table.buffer is not None
            self.emit("store", [mapping[last.result], table.buffer, *places], [], last.span)
            return
        loop = loops[0]
        lo, hi = self._bounds(loop)
        step = self.const(1, I64, loop.span)
        index = Value(I64, loop.regions[0].args[0].name)
        mapping[loop.regions[0].args[0]] = index
        with self.written(index) as body:
            self._nest(table, loops[1:], mapping)
            self.emit("yield", [], [], loop.span)
        self.emit("for", [lo, hi, step], [I64], loop.span, PARALLEL, (body,))

    def _bounds(self, loop: Op) -> list[Value]:
        """The bounds of an inner loop, as they can be had before the outer one."""
        return [self._outside(b, loop) for b in loop.operands[:2]]

    def _outside(self, bound: Value, loop: Op) -> Value:
        constant = self._elements.constant(bound)
        return self.get(bound) if constant is None else self.const(constant, I64, loop.span)

    def _place(self, table: _Table, mapping: Mapping) -> list[Value]:
        """Where the table holds the value for the indices that `mapping` names."""
        places = []
        for loop in table.loops:
            index, lo = loop.regions[0].args[0], loop.operands[0]
            index = mapping.get(index, index)
            if self._elements.constant(lo) != 0:
                first = self._outside(lo, loop) if self._elements.constant(lo) is not None else mapping.get(lo, lo)
                index = self.emit("sub", [index, first], [I64], loop.span).result
            places.append(index)
        return places
