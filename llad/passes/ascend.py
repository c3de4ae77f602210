"""Innermost loops run upwards where their direction makes no difference.

What: a loop from `lo` down to `hi` becomes one from `hi` up to `lo`, with an index one greater in its body. Such loops
are those of reverse sweeps. A vector of neighbours is then loaded and added as it lies; downwards, each would have its
elements put in reverse order, and sums would take two operations where a product and a sum are one.

When: step -1, iterations that are `apart`, no error among them, and carries to which is only added, in any order.

Before:

    func @f(%a: buffer<f64, 1, C>, %w: buffer<f64, 1, C>, %n: i64, %m: i64) {
      %minus: i64 = const -1
      %z: f64 = const 0.0
      %total: f64, %trips: i64 = for %i in %n..%m step %minus carry (%s: f64 = %z) {'apart': True} {
        %e: f64 = load %a[%i]
        %t: f64 = add %s, %e {'reassoc': True}
        store %e, %w[%i]
        yield %t
      }
      return %total
    }

After:

    func @f(%a: buffer<f64, 1, C>, %w: buffer<f64, 1, C>, %n: i64, %m: i64) {
      %minus: i64 = const -1
      %z: f64 = const 0.0
      %0: i64 = const 1
      %total: f64, %trips: i64 = for %i in %m..%n step %0 carry (%s: f64 = %z) {'apart': True} {
        %i_1: i64 = add %i, %0
        %e: f64 = load %a[%i_1]
        %t: f64 = add %s, %e {'reassoc': True}
        store %e, %w[%i_1]
        yield %t
      }
      return %total
    }
"""

from __future__ import annotations

from llad.ir.core import Function, Op, Region
from llad.ir.elements import Elements
from llad.ir.types import I64, is_float
from llad.passes.partial_sums import Chain, PartialSums
from llad.passes.rebuild import Rebuild

_IN_ORDER = frozenset({"check", "print", "push", "pop", "call", "for", "while"})


def ascend(fn: Function) -> Function:
    """`fn` with innermost loops that run upwards."""
    return _Ascend(fn).function(fn)


class _Ascend(Rebuild):
    def __init__(self, fn: Function) -> None:
        super().__init__()
        self._elements = Elements(fn)
        self._free = bool(fn.attrs.get("fastmath"))

    def visit(self, op: Op) -> None:
        if op.name == "for" and self._may_turn(op):
            self._turn(op)
        else:
            self.keep(op)

    def _may_turn(self, loop: Op) -> bool:
        if not loop.attrs.get("apart") or loop.attrs["exits"] or self._elements.constant(loop.operands[2]) != -1:
            return False
        body = loop.regions[0]
        if any(inner.name in _IN_ORDER or inner.regions for inner in body.ops):
            return False
        sums = PartialSums(loop)
        return all(map(sums.carry, range(len(body.args) - 1))) and all(self._is_loose(c, body) for c in sums.chains)

    def _is_loose(self, chain: Chain, body: Region) -> bool:
        """Whether what is added may be added in any order."""
        if self._free or not is_float(chain.start.type):
            return True
        return all(op.attrs.get("reassoc") for op in body.ops if not chain.sums.isdisjoint(op.results))

    def _turn(self, loop: Op) -> None:
        hi, lo, _, *inits = self.operands(loop)
        one = self.const(1, I64, loop.span)
        body = loop.regions[0]
        args = self.arguments(body.args)
        with self.written(*args) as upwards:
            index = self.emit("add", [args[0], one], [I64], loop.span).result
            index.name = args[0].name
            self.replace(body.args[:1], [index])
            self.splice(body.ops)
        self.copy(loop, (lo, hi, one, *inits), (upwards,))
