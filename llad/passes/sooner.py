"""Elementary functions that wait for nothing come before those that wait for what was just computed.

What: while a chain of operations goes on, a processor begins with what comes behind it, but it looks only some hundred
instructions ahead, and two or three functions of a vector are as many. So in the body of an innermost loop those
functions come first, with what they need, that do not wait: they use no carry and no element that was computed in the
iteration before, be it of this loop or of the one around it. They are computed while that iteration still goes on.

When: the body is straight, and some function that does not wait stands behind one that does. An element is taken to
come from the iteration before of the loop around if that loop stores to the memory, and its index is in none of the
element's indices. What moves comes before the first store.

Before:

    func @f(%h: buffer<f64, 2, C>, %x: buffer<f64, 1, C>, %l: i64, %n: i64) {
      %zero: i64 = const 0
      %one: i64 = const 1
      %layers: i64 = for %k in %zero..%l step %one {
        %trips: i64 = for %i in %zero..%n step %one {
          %u: f64 = load %x[%i]
          %a: f64 = exp %u
          %v: f64 = load %h[%k, %i]
          %b: f64 = tanh %v
          %c: f64 = mul %a, %b
          store %c, %x[%i]
          store %c, %h[%k, %i]
          yield
        }
        yield
      }
      return
    }

After:

    func @f(%h: buffer<f64, 2, C>, %x: buffer<f64, 1, C>, %l: i64, %n: i64) {
      %zero: i64 = const 0
      %one: i64 = const 1
      %layers: i64 = for %k in %zero..%l step %one {
        %trips: i64 = for %i in %zero..%n step %one {
          %v: f64 = load %h[%k, %i]
          %b: f64 = tanh %v
          %u: f64 = load %x[%i]
          %a: f64 = exp %u
          %c: f64 = mul %a, %b
          store %c, %x[%i]
          store %c, %h[%k, %i]
          yield
        }
        yield
      }
      return
    }
"""

from __future__ import annotations

from itertools import takewhile

from llad.ir.alias import Aliases
from llad.ir.core import Function, Op, Region, Value
from llad.ir.elements import Elements
from llad.ops.cost import DEAR
from llad.ops.table import OPS
from llad.passes.rebuild import Rebuild

_MOVING = frozenset({"const", "cast", "dim", "load", *OPS})


def sooner(fn: Function) -> Function:
    """`fn` with functions that wait for nothing before those that wait."""
    return _Sooner(fn).function(fn)


class _Sooner(Rebuild):
    def __init__(self, fn: Function) -> None:
        super().__init__()
        self._aliases = Aliases(fn)
        self._elements = Elements(fn)
        self._around: list[Op] = []  # the loops that are open

    def visit(self, op: Op) -> None:
        if op.name not in ("for", "while"):
            self.keep(op)
            return
        ops = self._order(op) if op.name == "for" else None
        if ops is not None:
            self.copy(op, self.operands(op), (Region(op.regions[0].args, ops),))
            return
        self._around.append(op)
        self.keep(op)
        self._around.pop()

    def _order(self, loop: Op) -> list[Op] | None:
        """The ops of a body in their new order, if that is another."""
        ops = loop.regions[0].ops
        if sum(op.name in DEAR for op in ops) < 2 or any(op.regions for op in ops):
            return None
        waiting = self._waiting(loop)
        head = list(takewhile(lambda op: op.name in _MOVING, ops))
        functions = [op for op in head if op.name in DEAR]
        kinds = [op in waiting for op in functions]
        if kinds == sorted(kinds):
            return None
        needed = {o for op in functions if op not in waiting for o in (*op.operands, op.result)}
        for op in reversed(head):
            if not needed.isdisjoint(op.results):
                needed.update(op.operands)
        first = [op for op in head if not needed.isdisjoint(op.results)]
        chosen = set(first)
        return [*first, *(op for op in ops if op not in chosen)]

    def _waiting(self, loop: Op) -> set[Op]:
        """The ops of a body that depend on what was just computed."""
        body, written = loop.regions[0], self._aliases.written(loop)
        late: set[Value] = set(body.args[1:])
        found: set[Op] = set()
        for op in body.ops:
            left = op.name == "load" and not self._aliases.roots(op.operands[0]).isdisjoint(written)
            if (left and self._stays(op)) or not late.isdisjoint(op.operands):
                late.update(op.results)
                found.add(op)
        return found

    def _stays(self, load: Op) -> bool:
        """Whether an element is the same in all iterations of the loop around."""
        if not self._around or self._around[-1].name != "for":
            return bool(self._around)
        index = self._around[-1].regions[0].args[0]
        return not any(index in self._elements.form(i).terms for i in load.operands[1:])
