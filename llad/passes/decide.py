"""What a branch inside a branch asks is known before the outer one.

What: in a loop, the condition of an `if` that stands in a branch (`elif`) is computed before the outermost branch of
the iteration, if little is needed for it. The reverse sweep asks again. A condition that only some iterations know is
kept by a store in a branch, and loaded in one, and neither sweep is straight code then; known in every iteration, it
is kept, and later chosen by, like any other number. What else the branch does with the numbers stays there.

When: before reverse mode only. What is computed early are comparisons and sums of what is known before the branch and
is not poison: none of these traps, and nobody reads the outcome where the branch is not taken. Products stay: their
derivative by what is not finite would turn a zero cotangent into nan, were they one with the branch's own.

Before:

    func @f(%b: buffer<f64, 1, C>, %n: i64, %x: f64, %y: f64) {
      %zero: i64 = const 0
      %one: i64 = const 1
      %trips: i64 = for %i in %zero..%n step %one {
        %u: f64 = load %b[%i]
        %c: bool = lt %u, %x
        %s: f64 = if %c {
          yield %x
        } else {
          %v: f64 = sub %u, %y
          %d: bool = lt %v, %x
          %t: f64 = if %d {
            yield %u
          } else {
            yield %v
          }
          yield %t
        }
        store %s, %b[%i]
        yield
      }
      return
    }

After:

    func @f(%b: buffer<f64, 1, C>, %n: i64, %x: f64, %y: f64) {
      %zero: i64 = const 0
      %one: i64 = const 1
      %trips: i64 = for %i in %zero..%n step %one {
        %u: f64 = load %b[%i]
        %c: bool = lt %u, %x
        %w: f64 = sub %u, %y
        %d: bool = lt %w, %x
        %s: f64 = if %c {
          yield %x
        } else {
          %v: f64 = sub %u, %y
          %t: f64 = if %d {
            yield %u
          } else {
            yield %v
          }
          yield %t
        }
        store %s, %b[%i]
        yield
      }
      return
    }
"""

from __future__ import annotations

from collections.abc import Iterator

from llad.ir.core import Function, Op, Value
from llad.ir.poison import maybe_poison
from llad.ir.types import is_float
from llad.passes.rebuild import Rebuild

_COMPARES = frozenset({"lt", "le", "gt", "ge", "eq", "ne", "and", "or", "not", "isnan"})
_SUMS = frozenset({"add", "sub", "neg", "abs"})
_MOST = 4  # ops for one condition: every iteration computes them


def decide(fn: Function) -> Function:
    """`fn` with the conditions of branches in branches known before the outermost of these."""
    return _Decide(fn).function(fn)


class _Decide(Rebuild):
    def __init__(self, fn: Function) -> None:
        super().__init__()
        self._poison = maybe_poison(fn)
        self._in_loop = False
        self._early: set[Value] = set()

    def visit(self, op: Op) -> None:
        if not self._early.isdisjoint(op.results):
            return
        outer = self._in_loop
        if op.name == "if" and outer:
            self._decide(op)
            self._in_loop = False  # the outermost branch has seen to those in it
        elif op.name in ("for", "while"):
            self._in_loop = True
        self.keep(op)
        self._in_loop = outer

    def _decide(self, outermost: Op) -> None:
        """Emit what is asked in the branches of an `if`."""
        made: dict[Value, Op] = {}
        inside: set[Value] = set()
        for op in _straight(outermost):
            inside.update(op.results)
            made.update(dict.fromkeys(op.results, op))
        for op in _straight(outermost):
            condition = op.operands[0] if op.name == "if" else None
            if condition is None or condition not in made or condition in self._early:
                continue
            needed = self._needed(condition, made, inside)
            if needed is not None:
                self._emit(condition, needed)

    def _needed(self, condition: Value, made: dict[Value, Op], inside: set[Value]) -> list[Op] | None:
        """The ops that compute a condition from what is known before the branch, in order; `None` if that is much."""
        found: dict[Op, None] = {}

        def reach(value: Value) -> bool:
            if value in self._early or value not in inside:
                return value not in self._poison
            op = made[value]
            if op in found:
                return True
            sum_of_floats = op.name in _SUMS and is_float(op.result.type)
            if not (sum_of_floats or op.name in _COMPARES or op.name == "const"):
                return False
            if not all(map(reach, op.operands)):
                return False
            found[op] = None
            return sum(o.name != "const" for o in found) <= _MOST

        return list(found) if reach(condition) else None

    def _emit(self, condition: Value, needed: list[Op]) -> None:
        known: dict[Value, Value] = {}
        for op in needed:
            operands = [known.get(o, self.get(o)) for o in op.operands]
            known[op.result] = self.emit(op.name, operands, [op.result.type], op.span, op.attrs).result
        self.mapping[condition] = known[condition]
        self._early.add(condition)


def _straight(branch: Op) -> Iterator[Op]:
    """The ops in the branches of an `if`, and of those in them, but not in loops."""
    for region in branch.regions:
        for op in region.ops:
            yield op
            if op.name == "if":
                yield from _straight(op)
