"""What is kept in large arrays, row after row, is written past the caches.

What: an innermost loop that fills rows of an array that fits in no cache fills a row in the nearest cache instead, from
which each is copied as soon as it is complete, with stores that `stream`, by a loop that `copies`: machine code writes
whole lines of the cache. Other stores would fetch each line of the array before they write it. Such arrays are what
forward sweeps of long loops leave to reverse ones.

When: the array is made before the outermost loop around, in which nothing else touches it; the rows are stored from one
column to the next by iterations that are `apart`. Whether it is large, and its rows are neither very short nor very
long, is asked when the loop begins.

Before:

    func @f(%x: buffer<f64, 2, C>, %n: i64, %m: i64) {
      %zero: i64 = const 0
      %one: i64 = const 1
      %kept: buffer<f64, 2, C> = alloc(%n, %m)
      %trips: i64 = for %i in %zero..%n step %one {
        %t: i64 = for %j in %zero..%m step %one {'apart': True} {
          %e: f64 = load %x[%i, %j]
          %s: f64 = mul %e, %e
          store %s, %kept[%i, %j]
          yield
        }
        yield
      }
      return %kept
    }

After:


    func @f(%x: buffer<f64, 2, C>, %n: i64, %m: i64) {
      %zero: i64 = const 0
      %one: i64 = const 1
      %kept: buffer<f64, 2, C> = alloc(%n, %m)
      %rows: i64 = dim %kept, 0
      %columns: i64 = dim %kept, 1
      %size: i64 = mul %rows, %columns
      %v3: i64 = const 3145728
      %many: bool = gt %size, %v3
      %v5: i64 = const 64
      %enough: bool = ge %columns, %v5
      %v7: i64 = const 2048
      %few: bool = le %columns, %v7
      %both: bool = and %many, %enough
      %large: bool = and %both, %few
      %v11: i64 = const 2048
      %row: buffer<f64, 1, C> = alloc(%v11) {'storage': 'stack'}
      %trips: i64 = for %i in %zero..%n step %one {'streams': True} {
        %to: buffer<f64, 1, C> = if %large {
          yield %row
        } else {
          %place: buffer<f64, 1, C> = view %kept[%i, full]
          yield %place
        }
        %t: i64 = for %j in %zero..%m step %one {'apart': True} {
          %e: f64 = load %x[%i, %j]
          %s: f64 = mul %e, %e
          store %s, %to[%j]
          yield
        }
        if %large {
          %u: i64 = for %j_1 in %zero..%m step %one {'copies': True} {
            %w: f64 = load %row[%j_1]
            store %w, %kept[%i, %j_1] {'streams': True}
            yield
          }
          yield
        } else {
          yield
        }
        yield
      }
      return %kept
    }
"""

from __future__ import annotations

from typing import Any

from llad.ir.core import Function, Op, Value, walk
from llad.ir.types import I64, BufferType
from llad.passes.large_rows import ROW, LargeRows

_STACK: dict[str, Any] = {"zero": False, "storage": "stack"}
_MOST = 4  # rows that wait, on the stack, in one function


def stream(fn: Function) -> Function:
    """`fn` with rows of large arrays written past the caches."""
    return fn if fn.attrs.get("may_alias") else _Stream(fn).function(fn)


class _Stream(LargeRows):
    def __init__(self, fn: Function) -> None:
        super().__init__(fn)
        self._loops: dict[Op, list[Op]] = {}  # the stores of innermost loops that fill rows
        self._large: dict[Op, Value] = {}  # whether the array of such a store is large, and where rows then wait
        self._waiting: dict[Op, Value] = {}

    def within(self, op: Op) -> None:
        if op in self._loops:
            self._fill(op, self._loops[op])
        elif op in self._waiting:
            self.copy(op, (self.get(op.operands[0]), self._waiting[op], self.get(op.operands[-1])))
        else:
            self.keep(op)

    # -- which stores

    def outer(self, loop: Op) -> None:
        stores = self._rows(loop)
        for store in stores:
            self._ask(store)
        self.keep(loop, {"streams": True} if stores else None)

    def _rows(self, loop: Op) -> list[Op]:
        """The stores in innermost loops of `loop` that fill rows of arrays which nothing else in it touches."""
        users = self.users(loop)
        found: list[Op] = []
        for inner in (op for region in loop.regions for op in walk(region)):
            if not (self.is_plain(inner) and inner.attrs.get("apart")):
                continue
            rows = [s for s in inner.regions[0].ops if self._is_row(s, inner) and users.get(s.operands[1]) == [s]]
            rows = rows[: _MOST - len(self._waiting) - len(found)]
            if rows:
                self._loops[inner] = rows
                found += rows
        return found

    def _is_row(self, op: Op, loop: Op) -> bool:
        return op.name == "store" and not op.attrs.get("streams") and self.is_along_row(op, loop)

    # -- what is written

    def _ask(self, store: Op) -> None:
        """Emit, before the outermost loop, whether the array of a store is large, and memory for a row."""
        array, span = self.get(store.operands[1]), store.span
        self._large[store] = self.is_large(array, span)
        assert isinstance(array.type, BufferType)
        row = BufferType(array.type.dtype, 1, "C")
        self._waiting[store] = self.emit("alloc", [self.const(ROW, I64, span)], [row], span, dict(_STACK)).result

    def _fill(self, loop: Op, stores: list[Op]) -> None:
        rows = {store: self._waiting[store] for store in stores}
        for store, row in rows.items():
            with self.written() as near:
                self.emit("yield", [row], [], store.span)
            with self.written() as there:
                array, *indices = map(self.get, store.operands[1:-1])
                axes = ("index",) * len(indices) + ("full",)
                window = self.emit("view", [array, *indices], [row.type], store.span, {"axes": axes}).result
                self.emit("yield", [window], [], store.span)
            chosen = self.emit("if", [self._large[store]], [row.type], store.span, None, (near, there)).result
            self._waiting[store] = chosen
        self.keep(loop)
        for store, row in rows.items():
            self._hand_on(loop, store, row)

    def _hand_on(self, loop: Op, store: Op, row: Value) -> None:
        """Copy a row that waits to its place."""
        place = [self.get(o) for o in store.operands[1:-1]]

        def move(column: Value) -> None:
            element = self.emit("load", [row, column], [store.operands[0].type], store.span).result
            self.emit("store", [element, *place, column], [], store.span, {"streams": True})

        self.along(loop, store, self._large[store], {"copies": True}, move)
