"""The first and the last iterations are taken off a loop that treats them differently.

What: an innermost loop that chooses an index, or what to do, by whether it stands at one of its ends (`i - 1 if i > 0
else n - 1`, the neighbours on a ring; `if i > 0: s += (x[i] - x[i - 1]) ** 2`) becomes three loops: the first
iteration, or up to three, all between, and the last. The one in the middle then has one way to go, which `checks` finds
out, and indices that run with it.

When: step 1, no exits, a small body. The bounds are such that of one iteration the first loop has it, and of none no
loop has any.

Before:

    func @f(%x: buffer<f64, 1, C>, %n: i64) {
      %zero: i64 = const 0
      %one: i64 = const 1
      %last: i64 = sub %n, %one
      %z: f64 = const 0.0
      %s: f64, %trips: i64 = for %i in %zero..%n step %one carry (%a: f64 = %z) {
        %c: bool = gt %i, %zero
        %m: i64 = sub %i, %one
        %l: i64 = select %c, %m, %last
        %e: f64 = load %x[%l]
        %b: f64 = add %a, %e
        yield %b
      }
      return %s
    }

After (and `dce`):

    func @f(%x: buffer<f64, 1, C>, %n: i64) {
      %zero: i64 = const 0
      %one: i64 = const 1
      %last: i64 = sub %n, %one
      %z: f64 = const 0.0
      %next: i64 = const 1
      %second: i64 = add %zero, %next
      %until: i64 = min %second, %n
      %s1: f64, %t1: i64 = for %i in %zero..%until step %one carry (%a: f64 = %z) {
        %c: bool = gt %i, %zero
        %m: i64 = sub %i, %one
        %l: i64 = select %c, %m, %last
        %e: f64 = load %x[%l]
        %b: f64 = add %a, %e
        yield %b
      }
      %s2: f64, %t2: i64 = for %i in %second..%n step %one carry (%a: f64 = %s1) {
        %c: bool = gt %i, %zero
        %m: i64 = sub %i, %one
        %l: i64 = select %c, %m, %last
        %e: f64 = load %x[%l]
        %b: f64 = add %a, %e
        yield %b
      }
      return %s2
    }
"""

from __future__ import annotations

from llad.ir.affine import Affine
from llad.ir.core import CHECKPOINT, Function, Op, Value, has_neighbours, makers, walk
from llad.ir.elements import Elements
from llad.ir.rewrite import copy_region
from llad.ir.types import I64
from llad.passes.rebuild import Rebuild

_LARGEST = 120  # ops of a body that is worth having three times
_MOST = 3  # iterations that are taken off at an end
# Comparisons `index ? limit` that change between the first and the second iteration, by `limit - lo`; and between
# the last but one and the last, by `limit - (hi - 1)`.
_AT_FIRST = {"gt": 0, "le": 0, "ge": 1, "lt": 1, "eq": 0, "ne": 0}
_AT_LAST = {"lt": 0, "ge": 0, "le": -1, "gt": -1, "eq": 0, "ne": 0}
_MIRRORED = {"gt": "lt", "lt": "gt", "ge": "le", "le": "ge", "eq": "eq", "ne": "ne"}


def peel(fn: Function) -> Function:
    """`fn` with the ends of loops apart that are chosen by index."""
    return _Peel(fn).function(fn)


class _Peel(Rebuild):
    def __init__(self, fn: Function) -> None:
        super().__init__()
        self._elements = Elements(fn)
        self._made = makers(fn.body)

    def visit(self, op: Op) -> None:
        first, last = self._ends(op) if self._is_candidate(op) else (0, 0)
        if not first and not last:
            self.keep(op)
            return
        carried = list(self.operands(op)[3:])
        body = self.region(op.regions[0])
        trips: Value | None = None
        types = [r.type for r in op.results]
        step = self.get(op.operands[2])
        for k, (start, end) in enumerate(self._pieces(op, first, last)):
            region = body if k == 0 else copy_region(body, {})
            made = self.emit("for", [start, end, step, *carried], types, op.span, op.attrs, (region,))
            carried = list(made.results[:-1])
            done = made.results[-1]
            trips = done if trips is None else self.emit("add", [trips, done], [I64], op.span).result
        assert trips is not None
        self.replace(op.results, [*carried, trips])

    def _pieces(self, loop: Op, first: int, last: int) -> list[tuple[Value, Value]]:
        """The bounds of the loops that stand for `loop`."""
        lo, hi, _ = (self.get(o) for o in loop.operands[:3])
        pieces: list[tuple[Value, Value]] = []
        start, end = lo, hi
        if first:
            start = self._number("add", lo, self.const(first, I64, loop.span))
            pieces.append((lo, self._number("min", start, hi)))
            if not has_neighbours(loop.operands[0], self._made):  # the last number has no next one, and no iteration
                start = self._number("max", start, lo)
        if last:
            end = self._number("sub", hi, self.const(last, I64, loop.span))
            if not has_neighbours(loop.operands[1], self._made):
                end = self._number("min", end, hi)
        pieces.append((start, end))
        if last:
            pieces.append((self._number("max", end, start), hi))
        return pieces

    def _number(self, name: str, a: Value, b: Value) -> Value:
        return self.emit(name, [a, b], [I64], None).result

    def _is_candidate(self, op: Op) -> bool:
        if op.name != "for" or op.attrs["exits"] or CHECKPOINT in op.attrs:
            return False
        if self._elements.constant(op.operands[2]) != 1:
            return False
        inner = list(walk(op.regions[0]))
        return len(inner) <= _LARGEST and not any(i.name in ("for", "while", "call", "derivative") for i in inner)

    def _ends(self, loop: Op) -> tuple[int, int]:
        """How many iterations choose an index, or a way to go, otherwise than those between: at first, and at last."""
        body = loop.regions[0]
        index = body.args[0]
        lo, hi = (self._elements.form(o) for o in loop.operands[:2])
        first = last = 0
        for op in walk(body):
            if op.name != "if" and (op.name != "select" or op.result.type != I64):
                continue
            condition = self._made.get(op.operands[0])
            if condition is None or condition.name not in _MIRRORED or condition.operands[0].type != I64:
                continue
            name, (a, b) = condition.name, (self._elements.form(o) for o in condition.operands)
            if index in b.terms:
                name, a, b = _MIRRORED[name], b, a
            limit = b.plus(a, -1).plus(Affine(0, {index: 1}))
            if a.terms.get(index) != 1 or index in limit.terms:
                continue
            first = max(first, _few(limit.plus(lo, -1).shifted(1 - _AT_FIRST[name])))
            last = max(last, _few(hi.plus(limit, -1).shifted(_AT_LAST[name])))
        return first, last


def _few(iterations: Affine) -> int:
    """The number, if it is one that is worth loops of their own; else 0."""
    return number if 1 <= (number := iterations.number or 0) <= _MOST else 0
