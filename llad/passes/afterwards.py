"""What iterations add to memory in inner loops is added afterwards, for many iterations at once.

What: a loop in whose iterations a nest of loops only adds to memory goes through strips of 128 iterations. Each leaves
what the nest needs of it in a table. For a strip, the nest is then outside and the iterations inside: they add to
elements that lie side by side, or to one, which gets their sum. So a gradient by a window that moves along a row (a
convolution, a filter) has vectors as long as the row, however short the window is.

When: the order of the sums is free; in the loop, nothing else touches what the nest adds to, or changes what it reads;
what an iteration computes for it are floats; and the outer index leads along rows only. The loop must run sixteen
times, which is asked for at run time; else each iteration adds for itself.

Before:

    func @f(%x: buffer<f64, 1, C>, %y: buffer<f64, 1, C>, %z: buffer<f64, 1, C>, %n: i64, %d: i64) {
      %zero: i64 = const 0
      %one: i64 = const 1
      %t: i64 = for %j in %zero..%n step %one {
        %a: f64 = load %x[%j]
        %b: f64 = mul %a, %a
        %u: i64 = for %k in %zero..%d step %one {
          %c: i64 = add %j, %k
          %e: f64 = load %y[%c]
          %g: f64 = add %e, %b {'reassoc': True}
          store %g, %y[%c]
          %h: f64 = load %x[%c]
          %l: f64 = mul %b, %h
          %o: f64 = load %z[%k]
          %p: f64 = add %o, %l {'reassoc': True}
          store %p, %z[%k]
          yield
        }
        yield
      }
      return
    }

After (and `dce`):

    func @f(%x: buffer<f64, 1, C>, %y: buffer<f64, 1, C>, %z: buffer<f64, 1, C>, %n: i64, %d: i64) {
      %0: i64 = const 128
      %1: buffer<f64, 1, C> = alloc(%0) {'storage': 'stack'}
      %zero: i64 = const 0
      %one: i64 = const 1
      %2: i64 = max %n, %zero
      %3: i64 = sub %2, %zero
      %4: i64 = const 16
      %5: bool = ge %3, %4
      if %5 {
        %6: i64 = const 1
        %7: i64 = const 128
        %21: i64 = for %from in %zero..%n step %7 {
          %8: i64 = sub %n, %from
          %9: i64 = min %8, %7
          %10: i64 = add %from, %9
          %12: i64 = for %j in %from..%10 step %6 {
            %a: f64 = load %x[%j]
            %b: f64 = mul %a, %a
            %11: i64 = sub %j, %from
            store %b, %1[%11]
            yield
          }
          %20: i64 = for %k in %zero..%d step %one {'seldom': True} {
            %13: f64 = const 0.0
            %17: f64, %18: i64 = for %j_1 in %from..%10 step %6 carry (%14: f64 = %13) {'apart': True} {
              %15: i64 = sub %j_1, %from
              %16: f64 = load %1[%15]
              %c: i64 = add %j_1, %k
              %e: f64 = load %y[%c]
              %g: f64 = add %e, %16 {'reassoc': True}
              store %g, %y[%c]
              %h: f64 = load %x[%c]
              %l: f64 = mul %16, %h
              %p: f64 = add %14, %l {'reassoc': True}
              yield %p
            }
            %o: f64 = load %z[%k]
            %19: f64 = add %o, %17 {'reassoc': True}
            store %19, %z[%k]
            yield
          }
          yield
        }
        yield
      } else {
        %t: i64 = for %j_2 in %zero..%n step %one {'few': True} {
          %a_1: f64 = load %x[%j_2]
          %b_1: f64 = mul %a_1, %a_1
          %u: i64 = for %k_1 in %zero..%d step %one {
            %c_1: i64 = add %j_2, %k_1
            %e_1: f64 = load %y[%c_1]
            %g_1: f64 = add %e_1, %b_1 {'reassoc': True}
            store %g_1, %y[%c_1]
            %h_1: f64 = load %x[%c_1]
            %l_1: f64 = mul %b_1, %h_1
            %o_1: f64 = load %z[%k_1]
            %p_1: f64 = add %o_1, %l_1 {'reassoc': True}
            store %p_1, %z[%k_1]
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

from collections.abc import Sequence

from llad.ir.core import Function, Op, Value
from llad.ir.rewrite import Mapping, copy_op
from llad.ir.types import BOOL, I64, ScalarType
from llad.passes.afterwards_plan import ENOUGH, Plans, Update
from llad.passes.strips import APART, ORDERED, Bounds, Scratch, Strips

_TOTALS = {**ORDERED, "apart": True}


def afterwards(fn: Function) -> Function:
    """`fn` with what nests add to memory added for many iterations of the loops around them at once."""
    plans = Plans(fn)
    return _Afterwards(fn, plans).function(fn) if plans.updates else fn


class _Afterwards(Strips):
    def __init__(self, fn: Function, plans: Plans) -> None:
        super().__init__(fn)
        self._plans = plans

    def visit(self, op: Op) -> None:
        if op in self._plans.updates:
            self._write(op, self._plans.updates[op])
        else:
            self.keep(op)

    def _write(self, loop: Op, updates: Sequence[Update]) -> None:
        lo, hi = map(self.get, loop.operands[:2])
        trips = self.by_ones(lo, hi, loop.span)
        enough = self.const(ENOUGH, I64, loop.span)
        many = self.emit("ge", [trips, enough], [BOOL], loop.span).result

        def parts(bounds: Bounds, _: Bounds, carries: list[Value]) -> None:
            tables = self.scratch_for(list(dict.fromkeys(v for u in updates for v in u.needs)))
            carries[:] = self._rest(loop, updates, tables, (*bounds, *carries)).results[:-1]
            for update in updates:
                self._nest(update, tables, bounds, loop)

        def as_it_was() -> Sequence[Value]:
            return self.copy(loop, self.operands(loop), (self.region(loop.regions[0]),), {"few": True}).results

        self.either(loop, many, (lambda: self.in_strips(loop, parts), as_it_was))

    def _rest(self, loop: Op, updates: Sequence[Update], tables: Scratch, operands: tuple[Value, ...]) -> Op:
        """The loop over a strip without the nests, which leaves what they need."""
        body, nests = loop.regions[0], {update.nest for update in updates}
        args = self.arguments(body.args)
        with self.written(*args) as rest:
            self.splice(op for op in body.ops[:-1] if op not in nests)
            place = self.emit("sub", [args[0], operands[0]], [I64], loop.span).result
            for value, table in tables.items():
                self.emit("store", [self.get(value), table, place], [], loop.span)
            self.splice(body.ops[-1:])
        return self.emit("for", operands, [r.type for r in loop.results], loop.span, loop.attrs, (rest,))

    def _iteration(self, update: Update, tables: Scratch, begin: Value, outer: Op, known: Mapping) -> Mapping:
        """`known`, with what an iteration of the outer loop computes for a nest."""
        index = known[outer.regions[0].args[0]]
        place = self.emit("sub", [index, begin], [I64], outer.span).result
        self.ops += [copy_op(op, known) for op in update.again]
        for value in update.needs:
            known[value] = self.emit("load", [tables[value], place], [value.type], outer.span).result
        return known

    def _nest(self, update: Update, tables: Scratch, bounds: Bounds, outer: Op) -> None:
        sums = {op for a in update.additions for op in (a.load, a.add, a.store)}

        def level(number: int, known: Mapping) -> None:
            """The loops of a nest from this one on, without what goes into the loop over a strip."""
            loop, inner = update.levels[number], update.levels[number + 1 :]
            (index,) = loop.regions[0].args
            operands = [known.get(o, o) for o in loop.operands]
            with self.written(Value(I64, index.name)) as body:
                known = {**known, index: body.args[0]}
                left_out = update.varying | sums | {*inner}
                self.ops += [copy_op(op, known) for op in loop.regions[0].ops[:-1] if op not in left_out]
                if inner:
                    level(number + 1, known)
                else:
                    self._strip(update, tables, bounds, outer, known)
                self.emit("yield", [], [], loop.span)
            self.emit("for", operands, [I64], loop.span, {**ORDERED, "seldom": True}, (body,))

        known = dict(self.mapping)
        self.ops += [copy_op(op, known) for op in update.again if op not in update.varying]
        level(0, known)

    def _strip(self, update: Update, tables: Scratch, bounds: Bounds, outer: Op, known: Mapping) -> None:
        """What one iteration of a nest adds for all of a strip."""
        span, totals = outer.span, update.totals
        kinds = [a.add.result.type for a in totals]
        zeros = [self.const(0.0, kind, span) for kind in kinds if isinstance(kind, ScalarType)]
        index, carries = Value(I64, outer.regions[0].args[0].name), [Value(kind) for kind in kinds]
        with self.written(index, *carries) as body:
            here = self._iteration(update, tables, bounds[0], outer, {**known, outer.regions[0].args[0]: index})
            here.update(zip([a.load.result for a in totals], carries, strict=True))
            apart = {op for a in totals for op in (a.load, a.store)}
            ops = (op for level in update.levels for op in level.regions[0].ops)
            self.ops += [copy_op(op, here) for op in ops if op in update.varying and op not in apart]
            self.emit("yield", [here[a.add.result] for a in totals], [], span)
        how = _TOTALS if totals else APART
        made = self.emit("for", [*bounds, *zeros], [*kinds, I64], span, how, (body,))
        for addition, total in zip(totals, made.results, strict=False):
            self.ops.append(copy_op(addition.load, known))
            sum = self.emit("add", [known[addition.load.result], total], [total.type], span, addition.add.attrs).result
            self.ops.append(copy_op(addition.store, {**known, addition.add.result: sum}))
