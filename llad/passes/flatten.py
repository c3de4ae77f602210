"""Branches in loops whose iterations are independent become straight code, which machine code runs several at once.

What: in the body of a `for` that is marked `apart`, and carries nothing but sums of free order, an `if` that only
computes numbers is replaced by both branches and a `select` for each result. Where one branch leaves a result
undefined, it is what the other gives. Sums may have an order if that leaves a loop of which the terms are computed in
blocks (`blocks.py`), and dear enough.

When: no branch touches memory, checks or traps, and not much is computed in vain. A branch is where inf and nan may
stay out of sight, so this comes after the last differentiation: nothing asks again what the branch not taken did. So
may what comes of an element of a tape that nobody stored.

Before:

    func @f(%x: buffer<f64, 1, C>, %y: buffer<f64, 1, C>, %n: i64) {
      %zero: i64 = const 0
      %one: i64 = const 1
      %z: f64 = const 0.0
      %trips: i64 = for %i in %zero..%n step %one {'apart': True} {
        %e: f64 = load %x[%i]
        %c: bool = gt %e, %z
        %r: f64 = if %c {
          %s: f64 = sqrt %e
          yield %s
        } else {
          yield %e
        }
        store %r, %y[%i]
        yield
      }
      return
    }

After:

    func @f(%x: buffer<f64, 1, C>, %y: buffer<f64, 1, C>, %n: i64) {
      %zero: i64 = const 0
      %one: i64 = const 1
      %z: f64 = const 0.0
      %trips: i64 = for %i in %zero..%n step %one {'apart': True} {
        %e: f64 = load %x[%i]
        %c: bool = gt %e, %z
        %s: f64 = sqrt %e
        %r: f64 = select %c, %s, %e
        store %r, %y[%i]
        yield
      }
      return
    }
"""

from __future__ import annotations

from collections.abc import Sequence

from llad.ir.core import PURE_STRUCTURED, Function, Op, Value, loop_carries, loop_yields, users, walk
from llad.ir.poison import maybe_poison
from llad.ir.types import ScalarType, is_float
from llad.ops.cost import DEAR
from llad.ops.table import OPS
from llad.passes.rebuild import Rebuild
from llad.passes.strips import STRANGERS

_MOST = 250  # ops of an `if`

_TRAPS = frozenset({"floordiv", "mod", "ipow", "ipow_overflows", "shl", "shr"})  # for some integers


def flatten(fn: Function) -> Function:
    """`fn` without branches that only compute, in loops whose iterations may run side by side."""
    return _Flatten(fn).function(fn)


class _Flatten(Rebuild):
    def __init__(self, fn: Function) -> None:
        super().__init__()
        self._poison = set(maybe_poison(fn))
        self._undefined = {op.result for op in walk(fn.body) if op.name == "undef"}
        self._users = users(fn.body)
        self._apart = False

    def visit(self, op: Op) -> None:
        if op.name in ("for", "while"):
            outer, self._apart = self._apart, bool(op.attrs.get("apart")) and self._is_free(op)
            self.keep(op)
            self._apart = outer
        elif op.name == "if" and self._apart and self._only_computes(op):
            self._choose(op)
        else:
            self.keep(op)

    def _is_free(self, loop: Op) -> bool:
        return len(loop.results) == 1 or loop.attrs["kind"] == "reduction" or self._adds_up(loop)

    def _adds_up(self, loop: Op) -> bool:
        """Whether a loop only adds to what it carries, calls functions, and is straight without its branches."""
        body = loop.regions[-1]
        if DEAR.isdisjoint(op.name for op in body.ops) or loop.attrs["exits"]:
            return False
        for value, end in zip(loop_carries(loop), loop_yields(loop), strict=True):
            while value is not end:
                (op, *others) = self._users.get(value, [loop])
                if others or op.name not in ("add", "sub") or op not in body.ops:
                    return False
                value = op.result
        known = set(self._poison)
        straight = all(op.name not in STRANGERS or self._is_straight(op) for op in body.ops)
        self._poison = known
        return straight

    def _is_straight(self, op: Op) -> bool:
        """Whether the op is a branch that only computes; what follows may rely on what it gives."""
        found = op.name == "if" and self._only_computes(op)
        self._poison.difference_update(op.results if found else ())
        return found

    def _only_computes(self, op: Op) -> bool:
        inner = [o for region in op.regions for o in region.ops[:-1]]
        if len(inner) > _MOST or not all(isinstance(r.type, ScalarType) for r in op.results):
            return False
        if not all(_is_harmless(o) and self._poison.isdisjoint(o.operands) for o in inner):
            return False
        pairs = zip(*[region.terminator.operands for region in op.regions], strict=True)
        return all(0 < len(self._defined(pair)) == sum(v not in self._undefined for v in pair) for pair in pairs)

    def _defined(self, yielded: Sequence[Value]) -> list[Value]:
        return [v for v in yielded if v not in self._poison]

    def _choose(self, op: Op) -> None:
        condition = self.get(op.operands[0])
        for region in op.regions:
            self.splice(region.ops[:-1])
        for result, *pair in zip(op.results, *[r.terminator.operands for r in op.regions], strict=True):
            self._poison.discard(result)
            values = [self.get(v) for v in self._defined(pair)]
            if len(values) == 1:
                self.mapping[result] = values[0]
                continue
            chosen = self.emit("select", [condition, *values], [result.type], op.span).result
            chosen.name = result.name
            self.mapping[result] = chosen


def _is_harmless(op: Op) -> bool:
    """Whether the op can be computed where the program would not."""
    if op.name == "cast":  # of a float that may be out of range
        return not is_float(op.operands[0].type) or is_float(op.result.type)
    return (op.name in OPS and op.name not in _TRAPS) or op.name in PURE_STRUCTURED - {"dim", "view"}
