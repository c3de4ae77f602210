"""The greatest or least element of a loop is found by an operation that machine code can spread over vectors.

What: a loop that does nothing but carry `c = max(c, t)` carries `fmax` instead, which differs from it in three ways. A
NaN that the loop starts from stays, so it is put back. An element that is NaN is passed over by both. And of zeros
of either sign `fmax` may give any: unless signs of zeros do not matter (with `fastmath`), the loop runs once more as it
stood where the result is zero.

When: last, so that derivatives know `max`; the loop stands at the top of the function (others are not spread), has
no exits, stores nothing, and makes nothing else of the carry. `max(t, c)` is not so, in which a NaN takes the place of
all before it.

Before:

    func @f(%x: buffer<f64, 1, C>, %n: i64, %s: f64) {
      %zero: i64 = const 0
      %one: i64 = const 1
      %m: f64, %trips: i64 = for %i in %zero..%n step %one carry (%c: f64 = %s) {
        %t: f64 = load %x[%i]
        %d: f64 = max %c, %t
        yield %d
      }
      return %m
    }

After (and `dce`):

    func @f(%x: buffer<f64, 1, C>, %n: i64, %s: f64) {
      %zero: i64 = const 0
      %one: i64 = const 1
      %found: f64, %trips: i64 = for %i in %zero..%n step %one carry (%c: f64 = %s) {
        %t: f64 = load %x[%i]
        %d: f64 = fmax %c, %t
        yield %d
      }
      %odd: bool = isnan %s
      %top: f64 = select %odd, %s, %found
      %nothing: f64 = const 0.0
      %doubtful: bool = eq %top, %nothing
      %m: f64 = if %doubtful {
        %again: f64, %all: i64 = for %i in %zero..%n step %one carry (%c: f64 = %s) {'rare': True} {
          %t: f64 = load %x[%i]
          %d: f64 = max %c, %t
          yield %d
        }
        yield %again
      } else {
        yield %top
      }
      return %m
    }
"""

from __future__ import annotations

from dataclasses import replace

from llad.ir.core import Function, Op, Region, Value, makers, uses
from llad.ir.rewrite import copy_op
from llad.ir.types import BOOL, ScalarType, is_float
from llad.passes.effects import computes
from llad.passes.rebuild import Rebuild


def extrema(fn: Function) -> Function:
    """`fn` with extrema that are found several elements at a time."""
    return _Extrema(fn).function(fn)


class _Extrema(Rebuild):
    def __init__(self, fn: Function) -> None:
        super().__init__()
        self._zeros_alike = bool(fn.attrs.get("fastmath"))
        self._outermost = set(fn.body.ops)
        self._made = makers(fn.body)
        self._uses = uses(fn.body)
        self._loose: Op | None = None  # the op that is to find an extremum in any order

    def visit(self, op: Op) -> None:
        if op is self._loose:
            self.ops.append(replace(op, name=f"f{op.name}", operands=self.operands(op)))
            return
        if op not in self._outermost or not self._searches(op):
            self.keep(op)
            return
        start, type = self.get(op.operands[3]), op.results[0].type
        assert isinstance(type, ScalarType)
        self._loose = op.regions[0].ops[-2]
        spread = self.keep(op)
        odd = self.emit("isnan", [start], [BOOL], op.span).result
        top = self.emit("select", [odd, start, spread.results[0]], [type], op.span).result
        if not self._zeros_alike:
            top = self._in_order_if_zero(op, top, type)
        self.mapping[op.results[0]] = top

    def _searches(self, loop: Op) -> bool:
        """Whether it does nothing but carry the extremum of itself and another number, which is its last op."""
        if loop.name != "for" or loop.attrs["exits"] or loop.attrs.get("rare") or len(loop.results) != 2:
            return False
        body = loop.regions[0]
        carry, following = body.args[1], body.terminator.operands[0]
        op = self._made.get(following)
        return (
            is_float(carry.type)
            and op is not None
            and op.name in ("max", "min")
            and len(body.ops) > 1
            and op is body.ops[-2]
            and op.operands[0] is carry
            and self._uses[carry] == self._uses[following] == 1
            and all(computes(other) for other in body.ops[:-1])
        )

    def _in_order_if_zero(self, loop: Op, top: Value, type: ScalarType) -> Value:
        """The extremum, found once more in order if it is a zero."""
        doubtful = self.emit("eq", [top, self.const(0.0, type, loop.span)], [BOOL], loop.span).result
        again = copy_op(loop, dict(self.mapping))
        again.attrs = {**again.attrs, "rare": True}
        first = Region((), [again, Op("yield", (again.results[0],), span=loop.span)])
        second = Region((), [Op("yield", (top,), span=loop.span)])
        return self.emit("if", [doubtful], [type], loop.span, {}, (first, second)).result
