"""The slope of a logistic function is made of its value.

What: of y = 1 / (1 + exp u), or exp u / (1 + exp u), the op `logistic` says what function it is, which has the
derivative y - y² (`ops/held.py`), in place of what follows from the quotient. So the reverse sweep has need of y only,
where it would need exp u, divide once more, and guard products of zero with an exponential that has overflowed.

When: rounding may differ (`fastmath`): where y is all but 1, y - y² has lost its last places.

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
      %0: f64 = neg %u
      %1: f64 = logistic %y, %0
      return %1
    }
"""

from __future__ import annotations

from llad.ir.core import Function, Op, Value, constant, makers, walk
from llad.passes.rebuild import Rebuild


def sigmoids(fn: Function) -> Function:
    """`fn` with logistic functions that say so."""
    return _Sigmoids(fn).function(fn) if any(op.name == "exp" for op in walk(fn.body)) else fn


class _Sigmoids(Rebuild):
    def __init__(self, fn: Function) -> None:
        super().__init__()
        self._made = makers(fn.body)
        self._known = {op.operands[0] for op in walk(fn.body) if op.name == "logistic"}

    def visit(self, op: Op) -> None:
        kept = self.keep(op)
        exponential = self._exponential(op)
        if exponential is None or op.result in self._known:
            return
        y, u = kept.result, exponential.operands[0]
        x = self.get(u) if op.operands[0] is exponential.result else self._negative(u, op)
        self.replace(op.results, self.emit("logistic", [y, x], [y.type], op.span).results)

    def _negative(self, u: Value, op: Op) -> Value:
        made = self._made.get(u)
        if made is not None and made.name == "neg":
            return self.get(made.operands[0])
        return self.emit("neg", [self.get(u)], [u.type], op.span).result

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
        return bool(constant(value, self._made) == 1.0)
