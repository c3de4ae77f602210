"""Loops over rows of a few numbers get a version for exactly so many.

What: a loop nest that reads `r[i, 0]`, `r[i, 1]`, `r[i, 2]` is written twice: once for the case that the last axis of
every such buffer has as many elements as the indices suggest, and once for all others. In the first, machine code
knows the distance of the rows, and loads them as vectors.

When: the outermost loop gives numbers only; the constants asked for are few; the body is not large. Both versions
are the same ops, so nothing else changes.

Before:

    func @f(%r: buffer<f64, 2, C>, %n: i64) {
      %zero: i64 = const 0
      %one: i64 = const 1
      %z: f64 = const 0.0
      %s: f64, %trips: i64 = for %i in %zero..%n step %one carry (%a: f64 = %z) {
        %x: f64 = load %r[%i, %zero]
        %y: f64 = load %r[%i, %one]
        %d: f64 = sub %x, %y
        %b: f64 = add %a, %d
        yield %b
      }
      return %s
    }

After:

    func @f(%r: buffer<f64, 2, C>, %n: i64) {
      %zero: i64 = const 0
      %one: i64 = const 1
      %z: f64 = const 0.0
      %width: i64 = dim %r, 1
      %guess: i64 = const 2
      %usual: bool = eq %width, %guess
      %s: f64, %trips: i64 = if %usual {
        %s1: f64, %t1: i64 = for %i in %zero..%n step %one carry (%a: f64 = %z) {
          %x: f64 = load %r[%i, %zero]
          %y: f64 = load %r[%i, %one]
          %d: f64 = sub %x, %y
          %b: f64 = add %a, %d
          yield %b
        }
        yield %s1, %t1
      } else {
        %s2: f64, %t2: i64 = for %i in %zero..%n step %one carry (%a: f64 = %z) {
          %x: f64 = load %r[%i, %zero]
          %y: f64 = load %r[%i, %one]
          %d: f64 = sub %x, %y
          %b: f64 = add %a, %d
          yield %b
        }
        yield %s2, %t2
      }
      return %s
    }
"""

from __future__ import annotations

from llad.ir.core import TAPE, Function, Op, Value, accessed, constant, defined, makers, walk
from llad.ir.rewrite import copy_region
from llad.ir.types import BOOL, I64, BufferType, ScalarType
from llad.passes.rebuild import Rebuild

_WIDEST = 4  # the most numbers of a row
_LARGEST = 250  # ops of a loop that is worth having twice


def version(fn: Function) -> Function:
    """`fn` with the loops over short rows written for the usual length of a row, too."""
    return _Version(fn).function(fn)


class _Version(Rebuild):
    def __init__(self, fn: Function) -> None:
        super().__init__()
        self._made = makers(fn.body)

    def visit(self, op: Op) -> None:
        widths = self._widths(op) if op.name == "for" and not (op.attrs.get("seldom") or op.attrs.get("rare")) else {}
        if not widths:
            self.keep(op)
            return
        usual = []
        for buffer, width in widths.items():
            assert isinstance(buffer.type, BufferType)
            axis = {"axis": buffer.type.rank - 1}
            extent = self.emit("dim", [self.get(buffer)], [I64], op.span, axis).result
            usual.append(self.emit("eq", [extent, self.const(width, I64, op.span)], [BOOL], op.span).result)
        condition = self.all_of(usual, op.span)
        bodies = [copy_region(op.regions[0], dict(self.mapping)) for _ in range(2)]
        self.decide(op, condition, [self.alone(op, body) for body in bodies])

    def _widths(self, loop: Op) -> dict[Value, int]:
        """The buffers from outside with short rows that innermost loops of the nest go through, and how short."""
        inner = list(walk(loop.regions[0]))
        if len(inner) > _LARGEST or not all(isinstance(r.type, ScalarType) for r in loop.results):
            return {}
        if any(op.name in TAPE or op.name in ("call", "free", "alloc", "while") for op in inner):
            return {}
        inside = defined(loop.regions[0])
        found: dict[Value, int] = {}
        for op in self._hot(loop):
            buffer, *indices = accessed(op)
            type, last = buffer.type, constant(indices[-1], self._made) if indices else None
            if buffer in inside or not isinstance(type, BufferType) or type.rank < 2 or type.layout != "C":
                continue
            if last is None or indices[-2] not in inside:
                return {}
            found[buffer] = max(found.get(buffer, 0), int(last) + 1)
        return found if all(2 <= width <= _WIDEST for width in found.values()) else {}

    def _hot(self, loop: Op) -> list[Op]:
        """The loads and stores of the innermost loops."""
        nests = [op for op in (loop, *walk(loop.regions[0])) if op.name == "for"]
        innermost = [n for n in nests if not any(op.name == "for" for op in walk(n.regions[0]))]
        return [op for n in innermost for op in walk(n.regions[0]) if op.name in ("load", "store")]
