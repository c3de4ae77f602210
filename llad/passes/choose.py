"""Branches that only choose an integer become selects.

What: an `if` without effects whose results are integers, computed in the branches by nothing but sums, becomes the
sums and a `select` each (`l = i - 1 if i > 0 else n - 1`). A select is a value like any other: it can be bounded,
hoisted, and computed again in the reverse sweep.

When: always sound, as integer sums do not trap and nothing reads the one that was not chosen. No result may be `undef`.

Before:

    func @f(%i: i64, %n: i64) {
      %one: i64 = const 1
      %zero: i64 = const 0
      %c: bool = gt %i, %zero
      %l: i64 = if %c {
        %m: i64 = sub %i, %one
        yield %m
      } else {
        yield %n
      }
      return %l
    }

After:

    func @f(%i: i64, %n: i64) {
      %one: i64 = const 1
      %zero: i64 = const 0
      %c: bool = gt %i, %zero
      %m: i64 = sub %i, %one
      %l: i64 = select %c, %m, %n
      return %l
    }
"""

from __future__ import annotations

from llad.ir.core import Function, Op
from llad.ir.poison import maybe_poison
from llad.ir.types import I64
from llad.passes.rebuild import Rebuild

_SUMS = frozenset({"const", "add", "sub", "neg"})
_MOST = 4  # ops in a branch: both are computed


def choose(fn: Function) -> Function:
    """`fn` with integers chosen by `select` rather than by branches."""
    return _Choose(fn).function(fn)


class _Choose(Rebuild):
    def __init__(self, fn: Function) -> None:
        super().__init__()
        self._poison = maybe_poison(fn)

    def visit(self, op: Op) -> None:
        if op.name != "if" or not self._only_chooses(op):
            self.keep(op)
            return
        condition = self.get(op.operands[0])
        for region in op.regions:
            self.splice(region.ops[:-1])
        yes, no = (region.terminator.operands for region in op.regions)
        for result, a, b in zip(op.results, yes, no, strict=True):
            chosen = self.emit("select", [condition, self.get(a), self.get(b)], [I64], op.span).result
            chosen.name = result.name
            self.mapping[result] = chosen

    def _only_chooses(self, op: Op) -> bool:
        return (
            bool(op.results)
            and all(r.type == I64 and r not in self._poison for r in op.results)
            and all(len(region.ops) <= _MOST + 1 for region in op.regions)
            and all(
                inner.name in _SUMS and inner.result.type == I64 for region in op.regions for inner in region.ops[:-1]
            )
        )
