"""What a `reduction` accumulates says itself that it may be reassociated.

What: in a loop that is marked `reduction`, the sums and products through which the carries pass are marked `reassoc`.

When: always sound. Before differentiation, which writes loops of its own that run an iteration and reverse it at once:
they are not reductions as a whole, but what they take over from one keeps its mark. And before `jam`, `stages` and
`blocks`, which ask.

Before:

    func @f(%x: buffer<f64, 1, C>, %n: i64, %s: f64) {
      %zero: i64 = const 0
      %one: i64 = const 1
      %m: f64, %trips: i64 = for %i in %zero..%n step %one carry (%c: f64 = %s) reduction {
        %t: f64 = load %x[%i]
        %u: f64 = add %t, %t
        %d: f64 = add %c, %u
        yield %d
      }
      return %m
    }

After:

    func @f(%x: buffer<f64, 1, C>, %n: i64, %s: f64) {
      %zero: i64 = const 0
      %one: i64 = const 1
      %m: f64, %trips: i64 = for %i in %zero..%n step %one carry (%c: f64 = %s) reduction {
        %t: f64 = load %x[%i]
        %u: f64 = add %t, %t
        %d: f64 = add %c, %u {'reassoc': True}
        yield %d
      }
      return %m
    }
"""

from __future__ import annotations

from llad.ir.core import Function, Op, walk
from llad.ir.sums import accumulations
from llad.passes.rebuild import Rebuild


def relax(fn: Function) -> Function:
    """`fn` with what its reductions accumulate marked."""
    loops = [op for op in walk(fn.body) if op.name == "for" and op.attrs["kind"] == "reduction"]
    found = {op for loop in loops for op in accumulations(loop)}
    return _Relax(found).function(fn) if found else fn


class _Relax(Rebuild):
    def __init__(self, found: set[Op]) -> None:
        super().__init__()
        self._found = found

    def visit(self, op: Op) -> None:
        found = op in self._found and not op.attrs.get("reassoc")
        self.keep(op, {"reassoc": True} if found else None)
