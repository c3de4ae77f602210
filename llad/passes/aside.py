"""What a loop around other loops only copies gets a loop of its own, which machine code runs as vectors.

What: an iteration that has inner loops also loads a number and stores it as it is, in a tape as a rule. All of these
are copied before the loop begins. If it may raise, a check may say that some have no place: then only a tape takes
them, which has a place for every iteration.

When: the loop reaches each iteration, or raises; it does not write what is copied, nothing else in it touches the
copies, and nobody outside of the function sees these. The numbers are there whatever the loop does (`within.py`), and
lie side by side.

Before:

    func @f(%x: buffer<f64, 1, C>, %y: buffer<f64, 2, C>, %n: i64, %m: i64) {
      %zero: i64 = const 0
      %one: i64 = const 1
      %d: i64 = dim %x, 0
      %tape: buffer<f64, 1, C> = alloc(%d)
      %t: i64 = for %i in %zero..%d step %one {
        %a: f64 = load %x[%i]
        %u: i64 = for %j in %zero..%m step %one {
          %b: f64 = load %y[%i, %j]
          %c: f64 = mul %a, %b
          store %c, %y[%i, %j]
          yield
        }
        store %a, %tape[%i]
        yield
      }
      %last: f64 = load %tape[%n]
      return %last
    }

After:

    func @f(%x: buffer<f64, 1, C>, %y: buffer<f64, 2, C>, %n: i64, %m: i64) {
      %zero: i64 = const 0
      %one: i64 = const 1
      %d: i64 = dim %x, 0
      %tape: buffer<f64, 1, C> = alloc(%d)
      %1: i64 = for %i in %zero..%d step %one parallel {'apart': True} {
        %0: f64 = load %x[%i]
        store %0, %tape[%i]
        yield
      }
      %t: i64 = for %i_1 in %zero..%d step %one {
        %a: f64 = load %x[%i_1]
        %u: i64 = for %j in %zero..%m step %one {
          %b: f64 = load %y[%i_1, %j]
          %c: f64 = mul %a, %b
          store %c, %y[%i_1, %j]
          yield
        }
        yield
      }
      %last: f64 = load %tape[%n]
      return %last
    }
"""

from __future__ import annotations

from llad.ir.alias import Aliases
from llad.ir.core import Function, Op, Value, defined, makers, walk
from llad.ir.types import I64
from llad.ir.within import Within
from llad.passes.rebuild import Rebuild
from llad.passes.strips import APART, SPECIAL


def aside(fn: Function) -> Function:
    """`fn` with loops of their own for what loops around others only copy."""
    return fn if fn.attrs.get("may_alias") else _Aside(fn).function(fn)


class _Aside(Rebuild):
    def __init__(self, fn: Function) -> None:
        super().__init__()
        self._aliases, self._within, self._made = Aliases(fn), Within(fn), makers(fn.body)
        self._gone: set[Op] = set()

    def visit(self, op: Op) -> None:
        if op in self._gone:
            return
        copies = self._copies(op) if op.name == "for" and not any(map(op.attrs.get, SPECIAL)) else {}
        self._gone.update(copies)
        if copies:
            self._copy(op, copies)
        self.keep(op)

    def _copies(self, loop: Op) -> dict[Op, Op]:
        """The stores of what is only copied, and the load of each."""
        body = loop.regions[0]
        if all(op.name != "for" for op in body.ops):
            return {}
        loads = {op.result: op for op in body.ops if op.name == "load"}
        found = {op: loads[op.operands[0]] for op in body.ops if op.name == "store" and op.operands[0] in loads}
        raises = any(op.name in ("check", "call") for op in walk(body)) if found else False
        return {
            store: load
            for store, load in found.items()
            if (not raises or self._is_tape(store.operands[1])) and self._may_leave(loop, load, store)
        }

    def _may_leave(self, loop: Op, load: Op, store: Op) -> bool:
        index, inside = loop.regions[0].args[0], defined(loop.regions[0])
        if not all(_goes_along(place, index, inside) for place in (load.operands, store.operands[1:])):
            return False
        target = self._aliases.roots(store.operands[1])
        others = [op for op in walk(loop.regions[0]) if op is not store and not op.regions]
        return (
            self._within.holds(load)
            and self._aliases.read(load).isdisjoint(self._aliases.written(loop))
            and all(self._is_made(root) for root in target)
            and all(target.isdisjoint(self._aliases.touched(op)) for op in others)
        )

    def _is_made(self, array: Value) -> bool:
        return array in self._made and self._made[array].name == "alloc"

    def _is_tape(self, array: Value) -> bool:
        return self._is_made(array) and bool(self._made[array].attrs.get("tape"))

    def _copy(self, loop: Op, copies: dict[Op, Op]) -> None:
        """Emit the loop of the copies."""
        body = loop.regions[0]
        index = Value(I64, body.args[0].name)
        with self.afresh(), self.written(index) as region:
            self.replace(body.args[:1], [index])
            for store, load in copies.items():
                loaded = self.emit("load", self.operands(load), [load.result.type], load.span).result
                self.emit("store", [loaded, *self.operands(store)[1:]], [], store.span, store.attrs)
            self.emit("yield", [], [], loop.span)
        self.emit("for", self.operands(loop)[:3], [I64], loop.span, APART, (region,))


def _goes_along(place: tuple[Value, ...], index: Value, inside: set[Value]) -> bool:
    """Whether the last index of a place is that of the loop, and the loop does not change the others."""
    *others, last = place
    return last is index and inside.isdisjoint(others) and getattr(place[0].type, "layout", "") == "C"
