"""Loops of few iterations, the number of which is known, are written out.

What: a `for` over constants without exits becomes its body, once for each index. So what it does to an array of a few
numbers is said of each of them, and `scalars` can take them out of memory.

When: always sound; written out, the loop must be small.

Before:

    func @f(%x: buffer<f64, 1, C>, %s: f64) {
      %zero: i64 = const 0
      %one: i64 = const 1
      %two: i64 = const 2
      %t: f64, %trips: i64 = for %i in %zero..%two step %one carry (%a: f64 = %s) {
        %e: f64 = load %x[%i]
        %b: f64 = add %a, %e
        yield %b
      }
      return %t
    }

After (and `dce`):

    func @f(%x: buffer<f64, 1, C>, %s: f64) {
      %first: i64 = const 0
      %e: f64 = load %x[%first]
      %b: f64 = add %s, %e
      %second: i64 = const 1
      %f: f64 = load %x[%second]
      %t: f64 = add %b, %f
      return %t
    }
"""

from __future__ import annotations

from llad.ir.core import Function, Op, walk
from llad.ir.elements import Elements
from llad.ir.types import I64
from llad.passes.rebuild import Rebuild

_LARGEST = 1024  # ops of a loop that is written out


def unroll(fn: Function) -> Function:
    """`fn` with its small loops written out."""
    return _Unroll(fn).function(fn)


class _Unroll(Rebuild):
    def __init__(self, fn: Function) -> None:
        super().__init__()
        self._constant = Elements(fn).constant

    def visit(self, op: Op) -> None:
        indices = self._indices(op)
        if indices is None:
            self.keep(op)
            return
        body = op.regions[0]
        carries = [self.get(o) for o in op.operands[3:]]
        with self.afresh():
            for index in indices:
                self.replace(body.args, [self.const(index, I64, op.span), *carries])
                self.splice(body.ops[:-1])
                carries = [self.get(v) for v in body.terminator.operands]
        self.replace(op.results, [*carries, self.const(len(indices), I64, op.span)])

    def _indices(self, op: Op) -> range | None:
        if op.name != "for" or op.attrs["exits"]:
            return None
        lo, hi, step = map(self._constant, op.operands[:3])
        if lo is None or hi is None or not step:
            return None
        indices = range(lo, hi, step)
        return indices if len(indices) * sum(1 for _ in walk(op.regions[0])) <= _LARGEST else None
