"""Counters that a loop carries become sums of its index.

What: an integer carry of a `for` that every iteration changes by the same amount is `init + amount · (index - lo)` in
the body, and `init + amount · trips` after the loop. The carry itself is then unused, and `dce` takes it away. So a
counter that runs beside the index costs nothing to have in the reverse sweep, where a carry would be kept.

When: step 1, and the amount is the same in every iteration. The checks that the sum does not wrap stay where they are;
without them the arithmetic wraps in both forms alike.

Before:

    func @f(%x: buffer<f64, 1, C>, %n: i64, %k: i64) {
      %zero: i64 = const 0
      %one: i64 = const 1
      %z: f64 = const 0.0
      %s: f64, %m: i64, %trips: i64 = for %i in %zero..%n step %one carry (%a: f64 = %z, %j: i64 = %k) {
        %e: f64 = load %x[%j]
        %t: f64 = add %a, %e
        %next: i64 = add %j, %one
        yield %t, %next
      }
      return %s, %m
    }

After (and `dce`):

    func @f(%x: buffer<f64, 1, C>, %n: i64, %k: i64) {
      %zero: i64 = const 0
      %one: i64 = const 1
      %z: f64 = const 0.0
      %s: f64, %trips: i64 = for %i in %zero..%n step %one carry (%a: f64 = %z) {
        %j: i64 = add %k, %i
        %e: f64 = load %x[%j]
        %t: f64 = add %a, %e
        yield %t
      }
      %m: i64 = add %k, %trips
      return %s, %m
    }
"""

from __future__ import annotations

from llad.diagnostics import Span
from llad.ir.core import Function, Op, Region, Value, defined, loop_yields, makers
from llad.ir.elements import Elements
from llad.ir.types import I64
from llad.passes.rebuild import Rebuild


def induction(fn: Function) -> Function:
    """`fn` with its loop counters written as sums of loop indices."""
    return _Induction(fn).function(fn)


class _Induction(Rebuild):
    def __init__(self, fn: Function) -> None:
        super().__init__()
        self._elements = Elements(fn)
        self._made = makers(fn.body)

    def visit(self, op: Op) -> None:
        counters = self._find(op) if op.name == "for" and self._elements.constant(op.operands[2]) == 1 else []
        if not counters:
            self.keep(op)
            return
        operands = self.operands(op)
        copied = self.copy(op, operands, (self._body(op, counters),))
        for k, amount in counters:
            self.mapping[op.results[k]] = self._sum(operands[3 + k], amount, copied.results[-1], op.span)

    def _body(self, loop: Op, counters: list[tuple[int, Value]]) -> Region:
        body, lo = loop.regions[0], loop.operands[0]
        args = self.arguments(body.args)
        with self.written(*args) as written:
            for k, amount in counters:
                offset = args[0]
                if self._elements.constant(lo) != 0:
                    offset = self.emit("sub", [offset, self.get(lo)], [I64], loop.span).result
                self.mapping[body.args[1 + k]] = self._sum(self.get(loop.operands[3 + k]), amount, offset, loop.span)
            self.splice(body.ops)
        return written

    def _sum(self, init: Value, amount: Value, count: Value, span: Span | None) -> Value:
        """`init + amount · count`, where the constants may stand in the loop."""
        constant = self._elements.constant(amount)
        if constant != 1:
            factor = self.get(amount) if constant is None else self.const(constant, I64, span)
            count = self.emit("mul", [factor, count], [I64], span).result
        return self.emit("add", [init, count], [I64], span).result

    def _find(self, loop: Op) -> list[tuple[int, Value]]:
        """The carries of `loop` that are counters, by number, each with its amount."""
        body = loop.regions[0]
        inside = defined(body)
        found = []
        for k, value in enumerate(loop_yields(loop)):
            carry = body.args[1 + k]
            made = self._made.get(value)
            if carry.type != I64 or made is None or made.name != "add" or carry not in made.operands:
                continue
            amount = made.operands[made.operands[0] is carry]
            if amount in inside and self._elements.constant(amount) is None:
                continue
            found.append((k, amount))
        return found
