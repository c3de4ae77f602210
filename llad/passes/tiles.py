"""Nests that go along the rows of one array and down the columns of another go through both in tiles.

What: two loops in one another, of which the inner one steps from row to row of an array, run the inner one, or the
outer one, in strips of eight: for a strip the other loop is outside and the eight iterations inside. So of each line of
the cache all elements are used before the next one is fetched: a matrix is turned in a quarter of the time, and in a
tenth where its rows lie so that their lines take each other's place.

When: no iteration of the two needs another one, nothing else stands in the outer loop, and the bounds of the inner one
are the same all along. The strips go along rows that are stored, if there are any.

Before:

    func @f(%x: buffer<f64, 2, C>, %y: buffer<f64, 2, C>, %n: i64, %m: i64) {
      %zero: i64 = const 0
      %one: i64 = const 1
      %t: i64 = for %i in %zero..%n step %one {'apart': True} {
        %u: i64 = for %j in %zero..%m step %one {'apart': True} {
          %e: f64 = load %x[%j, %i]
          store %e, %y[%i, %j]
          yield
        }
        yield
      }
      return
    }

After:

    func @f(%x: buffer<f64, 2, C>, %y: buffer<f64, 2, C>, %n: i64, %m: i64) {
      %zero: i64 = const 0
      %one: i64 = const 1
      %0: i64 = max %m, %zero
      %1: i64 = sub %0, %zero
      %2: i64 = const 8
      %3: i64 = floordiv %1, %2
      %4: i64 = mul %3, %2
      %5: i64 = add %zero, %4
      %6: i64 = const 0
      %10: i64 = for %first in %zero..%5 step %2 {'apart': True} {
        %9: i64 = for %i in %zero..%n step %one {'apart': True} {
          %8: i64 = for %lane in %6..%2 step %one {'apart': True, 'tile': True} {
            %7: i64 = add %first, %lane
            %e: f64 = load %x[%7, %i]
            store %e, %y[%i, %7]
            yield
          }
          yield
        }
        yield
      }
      %t: i64 = for %i_1 in %zero..%n step %one {'apart': True} {
        %u: i64 = for %j in %5..%m step %one {'apart': True} {
          %e_1: f64 = load %x[%j, %i_1]
          store %e_1, %y[%i_1, %j]
          yield
        }
        yield
      }
      return
    }
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from llad.dataclass import dataclass
from llad.diagnostics import Span
from llad.ir.core import Function, Op, Region, Value, accessed, defined, walk
from llad.ir.elements import Elements
from llad.ir.rewrite import copy_op
from llad.ir.types import I64, BufferType
from llad.ops.table import OPS
from llad.passes.rebuild import Rebuild
from llad.passes.strips import SPECIAL

WIDTH = 8  # iterations of a strip: the numbers in a line of the cache
_LARGEST = 30  # ops of a body
_OTHERS = (*SPECIAL, "lanes", "narrow", "above", "part", "copies", "streams")
_INDEX = frozenset({"const", "dim", "view", "add", "sub", "mul"})  # what may stand before the inner loop
_PLAIN = _INDEX | {"load", "store", "cast"}


def tiles(fn: Function) -> Function:
    """`fn` with nests that turn arrays in tiles."""
    return fn if fn.attrs.get("may_alias") else _Tiles(fn).function(fn)


@dataclass(slots=True)
class _Nest:
    """Two loops, what the outer one computes before the inner one, and which of the two goes in strips."""

    outer: Op
    inner: Op
    before: Sequence[Op]
    strips: Op


class _Tiles(Rebuild):
    def __init__(self, fn: Function) -> None:
        super().__init__()
        self._elements = Elements(fn)
        self._used = {o for op in walk(fn.body) for o in op.operands}

    def visit(self, op: Op) -> None:
        nest = self._nest(op) if op.name == "for" else None
        if nest is None:
            self.keep(op)
        else:
            self._write(nest)

    # -- which nests

    def _nest(self, outer: Op) -> _Nest | None:
        *before, last = outer.regions[0].ops[:-1] or [outer]
        if last.name != "for" or not (self._is_plain(outer) and self._is_plain(last)):
            return None
        if not {op.name for op in before} <= _INDEX or not defined(outer.regions[0]).isdisjoint(last.operands):
            return None
        body = last.regions[0].ops[:-1]
        if len(body) > _LARGEST or not all(op.name in _PLAIN or op.name in OPS for op in body):
            return None
        across, along = outer.regions[0].args[0], last.regions[0].args[0]
        down = [op for op in body if self._runs(op, across, along)]
        rows = [op for op in body if self._runs(op, along, across)]
        if not down or not rows:
            return None
        stored = any(op.name == "store" for op in down)
        strips = outer if stored else last
        start = self._elements.constant(strips.operands[0])
        return _Nest(outer, last, before, strips) if start is not None and start >= 0 else None

    def _is_plain(self, loop: Op) -> bool:
        kind = loop.attrs.get("apart") and not any(map(loop.attrs.get, _OTHERS))
        alone = len(loop.results) == 1 and loop.result not in self._used
        return bool(kind) and alone and self._elements.constant(loop.operands[2]) == 1

    def _runs(self, op: Op, row: Value, other: Value) -> bool:
        """Whether an element is loaded or stored that lies beside that of the next iteration of the loop of `row`, and
        in another row than that of the next one of `other`."""
        if op.name not in ("load", "store"):
            return False
        handle, *indices = accessed(op)
        base, place = self._elements.place(handle, indices)
        assert isinstance(base.type, BufferType)
        if not place or base.type.layout != "C" or any(form is None for form in place):
            return False
        *others, last = [form.terms for form in place if form is not None]
        rests = all(row not in terms for terms in others) and other not in last
        return rests and last.get(row) == 1 and any(other in terms for terms in others)

    # -- what stands for one

    def _write(self, nest: _Nest) -> None:
        strips, span = nest.strips, nest.strips.span
        through = nest.inner if strips is nest.outer else nest.outer
        lo, hi, one = map(self.get, strips.operands)
        length, width = self.by_ones(lo, hi, span), self.const(WIDTH, I64, span)
        whole = self._number("floordiv", length, width)
        middle = self._number("add", lo, self._number("mul", whole, width))
        zero = self.const(0, I64, span)
        first, other, lane = Value(I64, "first"), Value(I64, through.regions[0].args[0].name), Value(I64, "lane")
        with self.afresh():
            with self.written(first) as tile:
                with self.written(other) as crossed:
                    with self.written(lane) as strip:
                        index = self._number("add", first, lane)
                        self.replace([a.regions[0].args[0] for a in (strips, through)], [index, other])
                        self.splice([*nest.before, *nest.inner.regions[0].ops])
                    self._loop(zero, width, one, strip, {**strips.attrs, "tile": True}, span)
                    self.emit("yield", [], [], span)
                begin, end, _ = map(self.get, through.operands)
                self._loop(begin, end, one, crossed, through.attrs, span)
                self.emit("yield", [], [], span)
            self._loop(lo, middle, width, tile, strips.attrs, span)
        self._rest(nest, middle)

    def _rest(self, nest: _Nest, middle: Value) -> None:
        """The nest as it was, for what no strip has."""
        copied = copy_op(nest.outer, dict(self.mapping))
        inner = next(op for op in copied.regions[0].ops if op.name == "for")
        loop = copied if nest.strips is nest.outer else inner
        loop.operands = (middle, *loop.operands[1:])
        self.ops.append(copied)

    def _loop(self, lo: Value, hi: Value, step: Value, body: Region, attrs: dict[str, Any], span: Span | None) -> None:
        self.emit("for", [lo, hi, step], [I64], span, attrs, (body,))

    def _number(self, name: str, a: Value, b: Value) -> Value:
        return self.emit(name, [a, b], [I64], None).result
