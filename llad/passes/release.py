"""Ops whose derivative is not that of their value become their value.

What: `held_mul` and `held_mulz` are products, `with_derivative` and `logistic` are their first operand, `underived` its
only one. What only a derivative would have asked for is then dead.

When: once nothing is left to differentiate.

Before:

    func @f(%x: f64, %p: f64) {
      %start: f64 = underived %x
      %y: f64 = mul %start, %start
      %d: f64 = held_mul %p, %x
      %z: f64 = with_derivative %y, %d
      return %z
    }

After (and `dce`):

    func @f(%x: f64, %p: f64) {
      %y: f64 = mul %x, %x
      return %y
    }
"""

from __future__ import annotations

from dataclasses import replace

from llad.ir.core import Function, Op, walk
from llad.ops.held import RECORDS
from llad.passes.rebuild import Rebuild

_NAMES = frozenset(record.name for record in RECORDS)


def release(fn: Function) -> Function:
    """`fn` without ops whose derivative is not that of their value."""
    return _Release().function(fn) if any(op.name in _NAMES for op in walk(fn.body)) else fn


class _Release(Rebuild):
    def visit(self, op: Op) -> None:
        match op.name:
            case "with_derivative" | "logistic" | "underived":
                self.mapping[op.result] = self.operands(op)[0]
            case "held_mul" | "held_mulz":
                self.ops.append(replace(op, name="mul", operands=self.operands(op)))
            case _:
                self.keep(op)
