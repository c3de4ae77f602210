"""What an iteration stores, it stores at its end.

What: the stores of the body of an innermost loop move behind all else, in their order.

Why: a vector that was stored in part, as the last one of a row is, holds up each load of a vector near it until it has
reached the cache. The reverse sweep adds to one row after the other, and those of the gates of a layer lie side by side
in one.

When: vectors are so wide that rows often end within one, and there are many registers (`wide`); iterations are `apart`,
their bodies straight; there are several stores, no elementary functions, which give stores time enough, and no load
behind a store is of the same element.

Before:

    func @f(%a: buffer<f64, 2, C>, %x: buffer<f64, 1, C>, %n: i64) {'wide': True} {
      %zero: i64 = const 0
      %one: i64 = const 1
      %trips: i64 = for %i in %zero..%n step %one {'apart': True} {
        %u: f64 = load %x[%i]
        %v: f64 = load %a[%zero, %i]
        %s: f64 = add %v, %u
        store %s, %a[%zero, %i]
        %w: f64 = load %a[%one, %i]
        %t: f64 = add %w, %u
        store %t, %a[%one, %i]
        yield
      }
      return
    }

After:

    func @f(%a: buffer<f64, 2, C>, %x: buffer<f64, 1, C>, %n: i64) {'wide': True} {
      %zero: i64 = const 0
      %one: i64 = const 1
      %trips: i64 = for %i in %zero..%n step %one {'apart': True} {
        %u: f64 = load %x[%i]
        %v: f64 = load %a[%zero, %i]
        %s: f64 = add %v, %u
        %w: f64 = load %a[%one, %i]
        %t: f64 = add %w, %u
        store %s, %a[%zero, %i]
        store %t, %a[%one, %i]
        yield
      }
      return
    }
"""

from __future__ import annotations

from collections.abc import Sequence

from llad.ir.alias import Aliases
from llad.ir.core import Function, Op, Region, Value
from llad.ir.distinct import Distinct
from llad.ir.elements import Elements
from llad.ops.cost import DEAR
from llad.ops.table import OPS
from llad.passes.rebuild import Rebuild

_STRAIGHT = frozenset({"const", "cast", "dim", "load", "store", "yield", *OPS}) - DEAR
_MOST = 12  # stores whose values wait in registers


def postpone(fn: Function) -> Function:
    """`fn` with innermost loops that store at the end of an iteration, where that is worth it."""
    return _Postpone(fn).function(fn) if fn.attrs.get("wide") else fn


class _Postpone(Rebuild):
    def __init__(self, fn: Function) -> None:
        super().__init__()
        self._elements = Elements(fn)
        self._distinct = Distinct(fn, Aliases(fn))

    def visit(self, op: Op) -> None:
        body = op.regions[0] if op.name == "for" and op.attrs.get("apart") else None
        if body is None or not self._may_wait(body.ops, body.args[0]):
            self.keep(op)
            return
        stores = [inner for inner in body.ops if inner.name == "store"]
        others = [inner for inner in body.ops[:-1] if inner.name != "store"]
        self.copy(op, self.operands(op), (Region(body.args, [*others, *stores, body.terminator]),))

    def _may_wait(self, ops: Sequence[Op], index: Value) -> bool:
        """Whether a body has several stores, not too many, and no load behind one may be of the same element."""
        if not _STRAIGHT.issuperset(op.name for op in ops) or not 1 < sum(op.name == "store" for op in ops) <= _MOST:
            return False
        stores: list[Op] = []
        for op in ops:
            if op.name == "store":
                stores.append(op)
            elif op.name == "load" and any(self._may_be_same(store, op, index) for store in stores):
                return False
        return True

    def _may_be_same(self, store: Op, load: Op, index: Value) -> bool:
        written, read = store.operands[1], load.operands[0]
        if written is read:
            return not self._elements.differ(store.operands[2:], load.operands[1:], index)
        return not self._distinct(written, read)
