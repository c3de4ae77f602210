"""Long functions are cut in parts, each a function of the table, so that LLVM takes time in proportion to their length.

What: a run of ops of one region that holds many loops moves into a function of its own. It takes what the run uses and
returns what is used behind it. Some of what LLVM does to a loop looks at the whole function around it, so a function of
a hundred loops takes much longer than ten of ten; a call for each ten loops costs next to nothing.

When: always sound (`cutting.py`). Runs with stacks of records stay where they are, and so do conditions of `while`.

Before, if this were many loops:

    func @f(%a: buffer<f64, 1, C>, %n: i64) {
      %zero: i64 = const 0
      %one: i64 = const 1
      %x: f64 = const 2.0
      %trips: i64 = for %i in %zero..%n step %one {
        store %x, %a[%i]
        yield
      }
      return %trips
    }

After:

    local @part0(%n: i64, %a: buffer<f64, 1, C>) {'part': ()} {
      %zero: i64 = const 0
      %one: i64 = const 1
      %x: f64 = const 2.0
      %trips: i64 = for %i in %zero..%n step %one {
        store %x, %a[%i]
        yield
      }
      return %trips
    }

    func @f(%a: buffer<f64, 1, C>, %n: i64) {
      %zero: i64 = const 0
      %one: i64 = const 1
      %x: f64 = const 2.0
      %0: i64 = call @part0(%n, %a) {'part': True}
      return %0
    }
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from llad.ir.core import Function, Op, Region
from llad.passes.cutting import Cutting

LONG = 48  # innermost loops of a function that is cut
LOOPS = 16  # of a part


def parts(fn: Function, long: int = LONG, loops: int = LOOPS) -> Function:
    """`fn`, in parts if it has at least `long` innermost loops."""
    if fn.functions or _loops(fn.body) < long:
        return fn
    return _Parts(fn, loops).function(fn)


def _loops(region: Region) -> int:
    return sum(map(_loops_of, region.ops))


def _loops_of(op: Op) -> int:
    """How many innermost loops an op is or holds."""
    inner = sum(map(_loops, op.regions))
    return max(inner, int(op.name in ("for", "while")))


class _Parts(Cutting):
    def __init__(self, fn: Function, loops: int) -> None:
        super().__init__(fn)
        self._most = loops
        self._whole = False

    def visit(self, op: Op) -> None:
        if op.name != "while":
            self.keep(op)
            return
        operands = self.operands(op)
        outer, self._whole = self._whole, True  # a condition calls nothing
        condition = self.region(op.regions[0])
        self._whole = outer
        self.copy(op, operands, (condition, self.region(op.regions[1])))

    def splice(self, ops: Iterable[Op]) -> None:
        if self._whole:
            super().splice(ops)
            return
        run: list[Op] = []
        loops = 0
        for op in ops:
            more = _loops_of(op)
            if self.first(op):
                self.visit(op)
            elif more > self._most or self.stays(op):
                self._end(run, loops)
                run, loops = [], 0
                self.visit(op)
            else:
                run.append(op)
                loops += more
                if loops >= self._most:
                    self._end(run, loops)
                    run, loops = [], 0

    def _end(self, run: Sequence[Op], loops: int) -> None:
        """Emit a run: as a part if that is worth a call."""
        if 2 * loops >= self._most:
            self.cut(run)
        else:
            super().splice(run)
