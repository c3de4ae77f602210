"""The slope of a logistic function is made of its value.

What: y = 1 / (1 + exp u), or exp u / (1 + exp u), gets the derivative y - y², with its sign (`ops/held.py`), in place
of what follows from the quotient. So the reverse sweep has need of y only, where it would need exp u, too, divide once
more, and guard products of zero with an exponential that has overflowed.

When: rounding may differ (`fastmath`): where y is all but 1, 1 - y has lost its last places.

Before:

    func @f(%u: f64) {
      %one: f64 = const 1.0
      %t: f64 = exp %u
      %s: f64 = add %one, %t
      %y: f64 = div %one, %s
      return %y
    }

After:

    func @f(%u: f64) {
      %one: f64 = const 1.0
      %t: f64 = exp %u
      %s: f64 = add %one, %t
      %y: f64 = div %one, %s
      %0: f64 = mul %y, %y
      %1: f64 = sub %0, %y
      %2: f64 = held_mul %1, %u
      %3: f64 = with_derivative %y, %2
      return %3
    }
"""

from __future__ import annotations

from llad.ir.core import Function, Op, Value, makers, walk
from llad.passes.rebuild import Rebuild


def sigmoids(fn: Function) -> Function:
    """`fn` with the slopes of logistic functions written down."""
    return _Sigmoids(fn).function(fn) if any(op.name == "exp" for op in walk(fn.body)) else fn


class _Sigmoids(Rebuild):
    def __init__(self, fn: Function) -> None:
        super().__init__()
        self._made = makers(fn.body)

    def visit(self, op: Op) -> None:
        kept = self.keep(op)
        exponential = self._exponential(op)
        if exponential is None:
            return
        y, u, span = kept.result, self.get(exponential.operands[0]), op.span
        falls = op.operands[0] is not exponential.result
        square = self.emit("mul", [y, y], [y.type], span).result
        terms = [square, y] if falls else [y, square]
        slope = self.emit("sub", terms, [y.type], span).result
        change = self.emit("held_mul", [slope, u], [y.type], span).result
        self.replace(op.results, self.emit("with_derivative", [y, change], [y.type], span).results)

    def _exponential(self, op: Op) -> Op | None:
        """The exponential of which an op is a logistic function."""
        below = self._made.get(op.operands[1]) if op.name == "div" else None
        if below is None or below.name != "add":
            return None
        for one, other in (below.operands, below.operands[::-1]):
            found = self._made.get(other)
            if found is not None and found.name == "exp" and self._is_one(one):
                return found if op.operands[0] is other or self._is_one(op.operands[0]) else None
        return None

    def _is_one(self, value: Value) -> bool:
        made = self._made.get(value)
        return made is not None and made.name == "const" and made.attrs["value"] == 1.0
