"""Values that are chosen or carried although there is only one they can be.

What: a carry that every iteration passes on unchanged is its init; a result of an `if` for which both branches
yield the same value from outside, or the same constant, is that value, also if one of them leaves it undefined; two
results with the same pairs of yields are one.

When: always sound; an unchanged carry is its init also after no iteration at all. What is no longer used
(the carry itself, an `if` without results and effects) is left to `dce`.

Before:

    func @f(%c: bool, %n: i64, %x: f64, %y: f64) {
      %zero: i64 = const 0
      %one: i64 = const 1
      %s: f64, %k: f64, %trips: i64 = for %i in %zero..%n step %one carry (%a: f64 = %x, %b: f64 = %y) {
        %e: f64 = add %a, %b
        yield %e, %b
      }
      %p: f64, %q: f64 = if %c {
        yield %s, %k
      } else {
        yield %x, %k
      }
      return %p, %q
    }

After (and `dce`):

    func @f(%c: bool, %n: i64, %x: f64, %y: f64) {
      %zero: i64 = const 0
      %one: i64 = const 1
      %s: f64, %trips: i64 = for %i in %zero..%n step %one carry (%a: f64 = %x) {
        %e: f64 = add %a, %y
        yield %e
      }
      %p: f64 = if %c {
        yield %s
      } else {
        yield %x
      }
      return %p, %y
    }
"""

from __future__ import annotations

from llad.ir.core import Function, Op, Value, loop_carries, loop_inits, loop_yields
from llad.ir.rewrite import Mapping
from llad.ir.types import ScalarType
from llad.passes.rebuild import Rebuild


def simplify(fn: Function) -> Function:
    """`fn` with choices and carries resolved that have one outcome."""
    return _Simplify().function(fn)


class _Simplify(Rebuild):
    def __init__(self) -> None:
        super().__init__()
        self._undefined: set[Value] = set()  # a carry that is always one of these stays: nothing may read them

    def visit(self, op: Op) -> None:
        match op.name:
            case "undef":
                self._undefined.update(op.results)
                self.keep(op)
            case "if":
                self._merge(op, self.keep(op))
            case "for" | "while":
                self._loop(op)
            case _:
                self.keep(op)

    def _loop(self, op: Op) -> None:
        """Copy the loop; inside it and after it, carries that never change are their inits."""
        operands = self.operands(op)
        known: Mapping = {}
        for k, (init, value) in enumerate(zip(loop_inits(op), loop_yields(op), strict=True)):
            names = [loop_carries(op, region)[k] for region in op.regions]
            if (value is names[-1] or value is init) and init not in self._undefined:
                known.update(dict.fromkeys([*names, op.results[k]], self.get(init)))
        self.copy(op, operands, tuple([self.region(r, known) for r in op.regions]))
        self.mapping.update(known)

    def _merge(self, op: Op, copied: Op) -> None:
        inside = {r for region in copied.regions for inner in region.ops for r in inner.results}
        seen: dict[tuple[Value, ...], Value] = {}
        inside |= {self.get(v) for v in self._undefined}
        made = {i.result: i for r in copied.regions for i in r.ops if i.name in ("const", "undef")}
        pairs = zip(*[r.terminator.operands for r in copied.regions], strict=True)
        for result, pair in zip(op.results, pairs, strict=True):
            chosen = [v for v in pair if (maker := made.get(v)) is None or maker.name == "const"]
            numbers = {repr(maker.attrs["value"]) if (maker := made.get(v)) is not None else "" for v in chosen}
            if pair[0] is pair[1] and pair[0] not in inside:
                self.mapping[result] = pair[0]
            elif len(numbers) == 1 and "" not in numbers and isinstance(result.type, ScalarType):
                self.mapping[result] = self.const(made[chosen[0]].attrs["value"], result.type, op.span)
            elif len(chosen) == 1 and chosen[0] not in inside and isinstance(result.type, ScalarType):
                self.mapping[result] = chosen[0]
            elif (same := seen.setdefault(pair, result)) is not result:
                self.mapping[result] = same
