"""What was kept in large arrays, row after row, is asked for ahead of the loops that read it.

What: before an innermost loop that reads rows of an array that fits in no cache goes one that `fetches`: machine code
asks for as much memory as a row takes, some way ahead in the direction in which the loops around go, so that it is
in a cache when its turn comes. The processor does that by itself, too, but not far enough ahead where a loop reads
and writes several arrays. Such arrays are what forward sweeps of long loops leave to reverse ones.

When: the rows may have been written past the caches (`stream.py`); the outermost loop around only loads from the array;
the rows are read from one column to the next, and the loops around go from row to row, no row twice. Whether the array
is large, and its rows are neither very short nor very long, is asked when the loop begins.

Before:

    func @f(%x: buffer<f64, 2, C>, %n: i64, %m: i64) {
      %start: f64 = const 0.0
      %zero: i64 = const 0
      %one: i64 = const 1
      %less: i64 = const -1
      %kept: buffer<f64, 2, C> = alloc(%n, %m)
      store %start, %kept[%zero, %zero] {'streams': True}
      %last: i64 = sub %n, %one
      %trips: i64 = for %i in %last..%less step %less {
        %t: i64 = for %j in %zero..%m step %one {
          %e: f64 = load %kept[%i, %j]
          store %e, %x[%i, %j]
          yield
        }
        yield
      }
      return %kept
    }

After:

    func @f(%x: buffer<f64, 2, C>, %n: i64, %m: i64) {
      %start: f64 = const 0.0
      %zero: i64 = const 0
      %one: i64 = const 1
      %less: i64 = const -1
      %kept: buffer<f64, 2, C> = alloc(%n, %m)
      store %start, %kept[%zero, %zero] {'streams': True}
      %last: i64 = sub %n, %one
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
      %trips: i64 = for %i in %last..%less step %less {
        if %large {
          %u: i64 = for %j_1 in %zero..%m step %one {'fetches': -1} {
            %w: f64 = load %kept[%i, %j_1]
            yield
          }
          yield
        } else {
          yield
        }
        %t: i64 = for %j in %zero..%m step %one {
          %e: f64 = load %kept[%i, %j]
          store %e, %x[%i, %j]
          yield
        }
        yield
      }
      return %kept
    }
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from llad.ir.core import Function, Op, Value, walk
from llad.passes.large_rows import LargeRows

_MOST = 4  # rows that are asked for before a loop


def fetch(fn: Function) -> Function:
    """`fn` with rows of large arrays asked for ahead."""
    return fn if fn.attrs.get("may_alias") else _Fetch(fn).function(fn)


class _Fetch(LargeRows):
    def __init__(self, fn: Function) -> None:
        super().__init__(fn)
        self._loops: dict[Op, dict[Op, int]] = {}  # loads in innermost loops, and where their next rows lie
        self._large: dict[Value, Value] = {}  # whether an array is, as asked before the outermost loop
        stores = (op for op in walk(fn.body) if op.name == "store" and op.attrs.get("streams"))
        self._past = {root for store in stores for root in self._aliases.roots(store.operands[1])}

    def within(self, op: Op) -> None:
        for load, direction in self._loops.get(op, {}).items():
            self._fetch(op, load, direction)
        self.keep(op)

    def outer(self, loop: Op) -> None:
        users = self.users(loop)
        found = {inner: self._rows(inner, around, users) for inner, around in _inner([], loop) if self.is_plain(inner)}
        arrays = dict.fromkeys(load.operands[0] for loads in found.values() for load in loads)
        self._large = {array: self.is_large(self.get(array), loop.span) for array in arrays}
        self._loops.update(found)
        self.keep(loop)

    def _rows(self, loop: Op, around: Sequence[Op], users: dict[Value, list[Op]]) -> dict[Op, int]:
        """The loads of a loop that read different rows of arrays to which nobody stores meanwhile."""
        found: dict[tuple[Value, ...], tuple[Op, int]] = {}
        for op in loop.regions[0].ops:
            if op.name != "load" or op.operands[0] not in self._past or not self.is_along_row(op, loop):
                continue
            array, *row = op.operands[:-1]
            direction = self._direction(row, around)
            if direction and {user.name for user in users.get(array, [])} == {"load"}:
                found.setdefault((array, *row), (op, direction))
        return dict(list(found.values())[:_MOST])

    def _direction(self, row: Sequence[Value], around: Sequence[Op]) -> int:
        """Whether the next row lies behind (1) or before (-1) this one, as the loops around go.

        It is 0 if nobody knows, or if one of them comes to the same rows again.
        """
        forms = [self._elements.form(index) for index in reversed(row)]
        moving = {atom for form in forms for atom in form.terms}
        direction = 0
        for loop in reversed(around):
            step = self._elements.constant(loop.operands[2]) if loop.name == "for" else None
            if not step or loop.regions[0].args[0] not in moving:
                return 0
            moving.update(self._elements.form(loop.operands[0]).terms)  # that of its strips
            along = next((c for form in forms if (c := form.terms.get(loop.regions[0].args[0], 0))), 0) * step
            direction = direction or (along > 0) - (along < 0)
        return direction

    def _fetch(self, loop: Op, load: Op, direction: int) -> None:
        row = [self.get(o) for o in load.operands[:-1]]

        def ask(column: Value) -> None:
            self.emit("load", [*row, column], [load.result.type], load.span)

        self.along(loop, load, self._large[load.operands[0]], {"fetches": direction}, ask)


def _inner(around: list[Op], loop: Op) -> Iterator[tuple[Op, list[Op]]]:
    """The loops in a loop, each with those around it, the outermost first."""
    for region in loop.regions:
        for op in region.ops:
            if op.name in ("for", "while"):
                yield op, [*around, loop]
                yield from _inner([*around, loop], op)
            elif op.regions:
                yield from _inner(around, op)
