"""Rows that iterations store are stored in one piece, a block of iterations at a time.

What: a loop whose iterations run several at once stores numbers far apart in memory if each iteration has a row of its
own (`out[i, 0]`, `out[i, 1]`, …): one number at a time, which takes longer than to compute it. Instead, a block of
iterations stores four numbers of each row side by side into memory in the nearest cache, for which vectors only have
to be shuffled, and a loop behind it copies them to the rows: past the caches, if the array is larger than they are, so
that its old elements are not fetched.

When: the loop stands in no other, its iterations may run in any order (`apart`) and are straight code without checks,
and nothing else in it touches the array. The elements are named by the index of the loop and constants, so those of one
iteration differ.

Before:

    func @f(%x: buffer<f64, 1, C>, %y: buffer<f64, 2, C>, %n: i64) {
      %zero: i64 = const 0
      %one: i64 = const 1
      %two: i64 = const 2
      %three: i64 = const 3
      %four: i64 = const 4
      %trips: i64 = for %i in %zero..%n step %one {'apart': True} {
        %a: f64 = load %x[%i]
        %b: f64 = mul %a, %a
        store %a, %y[%i, %zero]
        store %b, %y[%i, %one]
        store %a, %y[%i, %two]
        store %b, %y[%i, %three]
        store %a, %y[%i, %four]
        yield
      }
      return
    }

After:


    func @f(%x: buffer<f64, 1, C>, %y: buffer<f64, 2, C>, %n: i64) {
      %zero: i64 = const 0
      %one: i64 = const 1
      %two: i64 = const 2
      %three: i64 = const 3
      %four: i64 = const 4
      %pieces: i64 = const 2
      %size: i64 = const 8
      %width: i64 = const 4
      %block: buffer<f64, 3, C> = alloc(%pieces, %size, %width)
      %v4: i64 = dim %y, 0
      %v5: i64 = dim %y, 1
      %v6: i64 = const 5
      %whole: bool = eq %v5, %v6
      %v8: i64 = const 3145728
      %v9: i64 = mul %v4, %v5
      %many: bool = gt %v9, %v8
      %large: bool = and %whole, %many
      %blocks: i64 = for %from in %zero..%n step %size {'streams': True} {
        %left: i64 = sub %n, %from
        %count: i64 = min %left, %size
        %to: i64 = add %from, %count
        %unit: i64 = const 1
        %t: i64 = for %i in %from..%to step %unit {'apart': True} {
          %place: i64 = sub %i, %from
          %a: f64 = load %x[%i]
          %b: f64 = mul %a, %a
          %v17: i64 = const 0
          %v18: i64 = const 0
          store %a, %block[%v17, %place, %v18]
          %v19: i64 = const 1
          store %b, %block[%v17, %place, %v19]
          %v20: i64 = const 2
          store %a, %block[%v17, %place, %v20]
          %v21: i64 = const 3
          store %b, %block[%v17, %place, %v21]
          %v22: i64 = const 1
          %v23: i64 = const 0
          store %b, %block[%v22, %place, %v23]
          %v24: i64 = const 1
          store %a, %block[%v22, %place, %v24]
          %v25: i64 = const 2
          store %b, %block[%v22, %place, %v25]
          %v26: i64 = const 3
          store %a, %block[%v22, %place, %v26]
          yield
        }
        if %large {
          %v46: i64 = for %v28 in %from..%to step %unit {
            %v29: i64 = sub %v28, %from
            %v30: i64 = const 0
            %v31: i64 = const 0
            %v32: i64 = const 0
            %v33: i64 = const 4
            %v37: i64 = for %v34 in %v32..%v33 step %unit {
              %v35: f64 = load %block[%v30, %v29, %v34]
              %v36: i64 = add %v34, %v31
              store %v35, %y[%v28, %v36] {'streams': True}
              yield
            }
            %v38: i64 = const 1
            %v39: i64 = const 1
            %v40: i64 = const 0
            %v41: i64 = const 4
            %v45: i64 = for %v42 in %v40..%v41 step %unit {
              %v43: f64 = load %block[%v38, %v29, %v42]
              %v44: i64 = add %v42, %v39
              store %v43, %y[%v28, %v44] {'streams': True}
              yield
            }
            yield
          }
          yield
        } else {
          %v65: i64 = for %v47 in %from..%to step %unit {
            %v48: i64 = sub %v47, %from
            %v49: i64 = const 0
            %v50: i64 = const 0
            %v51: i64 = const 0
            %v52: i64 = const 4
            %v56: i64 = for %v53 in %v51..%v52 step %unit {'apart': True, 'lanes': 4} {
              %v54: f64 = load %block[%v49, %v48, %v53]
              %v55: i64 = add %v53, %v50
              store %v54, %y[%v47, %v55]
              yield
            }
            %v57: i64 = const 1
            %v58: i64 = const 1
            %v59: i64 = const 0
            %v60: i64 = const 4
            %v64: i64 = for %v61 in %v59..%v60 step %unit {'apart': True, 'lanes': 4} {
              %v62: f64 = load %block[%v57, %v48, %v61]
              %v63: i64 = add %v61, %v58
              store %v62, %y[%v47, %v63]
              yield
            }
            yield
          }
          yield
        }
        yield
      }
      return
    }

"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from llad.dataclass import dataclass
from llad.ir.alias import Aliases
from llad.ir.core import Function, Op, Region, Value, walk
from llad.ir.elements import Elements
from llad.ir.types import BOOL, I64, BufferType, ScalarType, is_float
from llad.ops.table import OPS
from llad.passes.large_rows import LARGE
from llad.passes.rebuild import Rebuild
from llad.passes.strips import ORDERED

_BLOCK = 8  # iterations whose rows wait: so few that they reach the caches while the next are computed
_WIDTH = 4  # numbers of a piece
_LEAST = 2  # pieces for which a block pays
_ONE_VECTOR: dict[str, Any] = ORDERED | {"apart": True, "lanes": _WIDTH}
_STREAMS: dict[str, Any] = {"streams": True}
_HERE: dict[str, Any] = {}

_Row = tuple[Value, tuple[Value | int, ...]]  # an array, and all indices but the last: values, or constants


def rows(fn: Function) -> Function:
    """`fn` with the rows that iterations store copied from blocks in pieces. Functions that are called stay."""
    return fn if fn.attrs.get("may_alias") else _Rows(fn).function(fn)


@dataclass(frozen=True, slots=True)
class _Piece:
    """The stores of one iteration to `_WIDTH` columns of a row, from column `first`."""

    first: int
    stores: tuple[Op, ...]


class _Rows(Rebuild):
    def __init__(self, fn: Function) -> None:
        super().__init__()
        self._constant = Elements(fn).constant
        self._aliases = Aliases(fn)
        self._used = {o for op in walk(fn.body) for o in op.operands}
        self._depth = 0

    def visit(self, op: Op) -> None:
        looping = op.name in ("for", "while")
        self._depth += looping
        pieces = self._pieces(op) if op.attrs.get("apart") and self._depth == 1 else []
        if len(pieces) < _LEAST:
            self.keep(op)
        else:
            self._in_blocks(op, pieces)
        self._depth -= looping

    # -- which stores

    def _pieces(self, loop: Op) -> list[_Piece]:
        """The pieces of the rows that a loop stores, if it is one of straight code over a range from a constant."""
        body = loop.regions[0]
        lo, step = self._constant(loop.operands[0]), self._constant(loop.operands[2])
        if len(loop.results) > 1 or loop.results[0] in self._used or loop.attrs["exits"] or step != 1:
            return []
        if lo is None or lo < 0 or not all(op.name in OPS or op.name in _STRAIGHT for op in body.ops):
            return []
        inside = {r for op in body.ops for r in op.results}
        columns: dict[_Row, dict[int, Op]] = {}
        mixed: set[Value] = set()  # arrays that are touched in another way, too
        for op in body.ops:
            if op.name == "load":
                mixed |= self._aliases.roots(op.operands[0])
            elif op.name == "store":
                row, column = self._element(op, body.args[0], inside)
                if row is None or column in columns.setdefault(row, {}):
                    mixed |= self._aliases.roots(op.operands[1])
                else:
                    columns[row][column] = op
        touched = [self._aliases.roots(array) for array in dict.fromkeys(array for array, _ in columns)]
        alone = [r for r in touched if r.isdisjoint(mixed) and sum(not r.isdisjoint(other) for other in touched) == 1]
        return [
            piece
            for (array, _), stores in columns.items()
            if self._aliases.roots(array) in alone
            for piece in _split(stores)
        ]

    def _element(self, store: Op, index: Value, inside: set[Value]) -> tuple[_Row | None, int]:
        """The row and column of a store, if they are named by the loop's index, once, and constants."""
        value, array, *indices = store.operands
        numbers = [self._constant(i) for i in indices]
        if array in inside or not is_float(value.type) or not indices or numbers[-1] is None:
            return None, 0
        row = tuple(i if n is None else n for i, n in zip(indices[:-1], numbers, strict=False))
        return ((array, row) if [i for i in row if isinstance(i, Value)] == [index] else None), numbers[-1]

    # -- the loops that stand for it

    def _in_blocks(self, loop: Op, pieces: list[_Piece]) -> None:
        span, (lo, hi) = loop.span, map(self.get, loop.operands[:2])
        type = pieces[0].stores[0].operands[0].type
        assert isinstance(type, ScalarType)
        pieces = [p for p in pieces if p.stores[0].operands[0].type == type]
        extents = [self.const(k, I64, span) for k in (len(pieces), _BLOCK, _WIDTH)]
        block = self.emit("alloc", extents, [BufferType(type, 3, "C")], span, {"zero": False}).result
        start = Value(I64, "from")
        large = self._are_large(pieces, loop.regions[0].args[0])
        with self.written(start) as blocks:
            left = self.emit("sub", [hi, start], [I64], span).result
            count = self.emit("min", [left, extents[1]], [I64], span).result
            end = self.emit("add", [start, count], [I64], span).result
            bounds = (start, end, self.const(1, I64, span))
            self._compute(loop, pieces, bounds, block)
            if large is None:
                self._copy(loop, pieces, bounds, block)
            else:
                self._copy_either_way(loop, pieces, bounds, block, large)
        self._loop(loop, [lo, hi, extents[1]], blocks, ORDERED | (_STREAMS if large else _HERE))

    def _copy_either_way(
        self, loop: Op, pieces: list[_Piece], bounds: tuple[Value, ...], block: Value, large: Value
    ) -> None:
        """Copy the rows past the caches, if that is better."""
        with self.written() as past:
            self._copy(loop, pieces, bounds, block, _STREAMS)
            self.emit("yield", [], [], loop.span)
        with self.written() as plainly:
            self._copy(loop, pieces, bounds, block)
            self.emit("yield", [], [], loop.span)
        self.emit("if", [large], [], loop.span, None, (past, plainly))

    def _are_large(self, pieces: list[_Piece], index: Value) -> Value | None:
        """Whether the arrays fit in no cache, if each is written from one end to the other; else None."""
        stored: dict[Value, set[tuple[Value | int, ...]]] = {}
        for store in [store for piece in pieces for store in piece.stores]:
            at = [i if (n := self._constant(i)) is None else n for i in store.operands[2:]]
            stored.setdefault(store.operands[1], set()).add(tuple(at))
        conditions = []
        for array, places in stored.items():
            type = array.type
            assert isinstance(type, BufferType)
            if type.layout != "C" or any(at[0] is not index for at in places):
                return None
            first, *others = self.extents(self.get(array), None)
            row = self.product(others, None)
            conditions.append(self.emit("eq", [row, self.const(len(places), I64, None)], [BOOL], None).result)
            least = self.const(LARGE // type.dtype.bytes, I64, None)
            conditions.append(self.emit("gt", [self.product([first, row], None), least], [BOOL], None).result)
        return self.all_of(conditions, None)

    def _loop(self, loop: Op, bounds: Sequence[Value], body: Region, attrs: Mapping[str, Any]) -> None:
        """A loop over what was written."""
        body.ops.append(Op("yield", span=loop.span))
        self.emit("for", bounds, [I64], loop.span, dict(attrs), (body,))

    def _compute(self, loop: Op, pieces: list[_Piece], bounds: tuple[Value, ...], block: Value) -> None:
        body, span = loop.regions[0], loop.span
        (index,) = self.arguments(body.args)
        moved = {op for piece in pieces for op in piece.stores}
        with self.written(index) as computing:
            place = self.emit("sub", [index, bounds[0]], [I64], span).result
            self.splice(op for op in body.ops[:-1] if op not in moved)
            for number, piece in enumerate(pieces):
                which = self.const(number, I64, span)
                for k, store in enumerate(piece.stores):
                    at = [which, place, self.const(k, I64, span)]
                    self.emit("store", [self.get(store.operands[0]), block, *at], [], store.span)
        self._loop(loop, bounds, computing, loop.attrs)

    def _copy(
        self, loop: Op, pieces: list[_Piece], bounds: tuple[Value, ...], block: Value, how: Mapping[str, Any] = _HERE
    ) -> None:
        index, span = Value(I64), loop.span
        with self.written(index) as copying:
            place = self.emit("sub", [index, bounds[0]], [I64], span).result
            for number, piece in enumerate(pieces):
                store = piece.stores[0]
                which, first = self.const(number, I64, span), self.const(piece.first, I64, span)
                row = [index if i is loop.regions[0].args[0] else self.get(i) for i in store.operands[2:-1]]
                zero, width, column = self.const(0, I64, span), self.const(_WIDTH, I64, span), Value(I64)
                with self.written(column) as moving:
                    value = self.emit("load", [block, which, place, column], [store.operands[0].type], span).result
                    there = self.emit("add", [column, first], [I64], span).result
                    self.emit("store", [value, self.get(store.operands[1]), *row, there], [], store.span, dict(how))
                # LLVM makes no vectors of what goes past the caches, and of rows, if left alone, vectors down columns
                self._loop(loop, [zero, width, bounds[2]], moving, ORDERED if how else _ONE_VECTOR)
        self._loop(loop, bounds, copying, ORDERED)


_STRAIGHT = frozenset({"const", "cast", "load", "store", "undef", "yield"})


def _split(stores: dict[int, Op]) -> list[_Piece]:
    """The pieces of one row. The last of a run of columns begins where it ends with the run, so pieces may overlap."""
    found = []
    columns = sorted(stores)
    while columns:
        run = [c for k, c in enumerate(columns) if c == columns[0] + k]
        columns = columns[len(run) :]
        if len(run) < _WIDTH:
            continue
        for first in dict.fromkeys([*run[: 1 - _WIDTH : _WIDTH], run[-_WIDTH]]):
            found.append(_Piece(first, tuple([stores[first + k] for k in range(_WIDTH)])))
    return found
