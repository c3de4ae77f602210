"""Two loops over all elements of matrices become one, along their memory.

What: a loop that does nothing but run another one, which goes along the rows of contiguous arrays from end to end,
becomes one loop over the elements of all rows. So a short row, as the three coordinates of a point, does not end a
vector, and nothing begins anew with each row. Where each row meets the same one, as the mean of all points, and rows
are short, that is copied over and over into a table first, and the loop goes in strips as long as that. What each row
adds to the same one, as to the gradient by a weight of each coordinate, it adds to such a table, which begins as zeros
and is added to that row in the end.

When: the inner loop uses both indices only to say which element, of arrays whose rows are as long as the loop, by their
allocation or because a check says so; and the carries of the outer loop go through the inner one. What is copied is
nowhere written in the loops. All that they do with what is added to is to add, in any order, and nothing in them
raises. That rows are short, and many, is asked at run time.

Before:

    func @f(%x: buffer<f64, 2, C>) {
      %zero: i64 = const 0
      %one: i64 = const 1
      %none: f64 = const 0.0
      %n: i64 = dim %x, 0
      %d: i64 = dim %x, 1
      %s: f64, %t: i64 = for %i in %zero..%n step %one carry (%a: f64 = %none) {
        %r: f64, %u: i64 = for %j in %zero..%d step %one carry (%b: f64 = %a) {
          %c: f64 = load %x[%i, %j]
          %e: f64 = exp %c
          %g: f64 = add %b, %e
          yield %g
        }
        yield %r
      }
      return %s
    }

After:

    func @f(%x: buffer<f64, 2, C>) {
      %zero: i64 = const 0
      %one: i64 = const 1
      %none: f64 = const 0.0
      %n: i64 = dim %x, 0
      %d: i64 = dim %x, 1
      %0: i64 = dim %x, 0
      %1: i64 = dim %x, 1
      %2: i64 = mul %0, %1
      %3: buffer<f64, 1, C> = view %x[shape(%2)]
      %4: i64 = mul %n, %d
      %s: f64, %t: i64 = for %j in %zero..%4 step %one carry (%b: f64 = %none) {
        %c: f64 = load %3[%j]
        %e: f64 = exp %c
        %g: f64 = add %b, %e
        yield %g
      }
      return %s
    }
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from llad.dataclass import dataclass
from llad.ir.alias import Aliases
from llad.ir.core import LIKE, Function, Op, Value, accessed, defined, makers, uses, walk
from llad.ir.elements import Elements
from llad.ir.types import BOOL, I64, BufferType, ScalarType, is_float
from llad.ops.cost import DEAR
from llad.passes.effects import computes
from llad.passes.equal import Equal
from llad.passes.partial_sums import PartialSums
from llad.passes.rebuild import Rebuild
from llad.passes.strips import ORDERED, PARALLEL, STRIP

_LARGEST = 60  # ops of an inner loop: longer ones gain nothing
_SHORT, _MANY = 16, 64  # rows as long as this, and so many, are worth a table
_ADDED, _LARGE = 15, 512  # and one that is added to; unless dear functions become vectors so, it takes more rows
_PARTS = 4  # strips, of rows that are few: a table takes time for each of its places
_FILLING = PARALLEL | {"rare": True}  # a table: to make vectors of short rows takes LLVM longer than they save

_Over = tuple[Value, Value, Value, Value]  # the bounds of a strip, the width of a row, one


@dataclass(frozen=True, slots=True)
class _Rows:
    """What a nest goes through: `arrays` from end to end. `repeated`: the loads that are the same for each row.
    `added`: per row to which each row adds, an array and its indices but for the last, the loads and stores of it."""

    arrays: list[Value]
    repeated: list[Op]
    added: dict[tuple[Value, ...], list[Op]]


def flat(fn: Function) -> Function:
    """`fn` with loops over matrices from end to end as one."""
    return _Flat(fn).function(fn)


class _Flat(Rebuild):
    """`_rows`: while a loop is written, per buffer what stands for it: all its rows in one."""

    def __init__(self, fn: Function) -> None:
        super().__init__()
        self._elements = Elements(fn)
        self._made = makers(fn.body)
        self._uses = uses(fn.body)
        self._equal = Equal(self._made, self._elements)
        self._aliases = Aliases(fn)
        self._overlap = bool(fn.attrs.get("may_alias"))
        self._rows: dict[Value, Value] = {}
        self._tables: dict[Op, tuple[Value, Value]] = {}  # per load and store the table and the place in it
        self._free = bool(fn.attrs.get("fastmath"))
        self._lengths: dict[Value, list[Value]] = {}  # per array what its rows are as long as
        for op in walk(fn.body):
            if op.name == "alloc" and len(op.operands) == 2:
                self._lengths.setdefault(op.result, []).append(op.operands[1])
            elif op.name == "dim" and op.attrs["axis"] == 1:
                self._lengths.setdefault(op.operands[0], []).append(op.result)
        for array, like in fn.attrs.get(LIKE, ()):
            self._lengths.setdefault(fn.params[array], []).extend(self._lengths.get(fn.params[like], ()))

    def splice(self, ops: Iterable[Op]) -> None:
        known, self._equal = self._equal, self._equal.copy()
        for op in ops:
            self.visit(op)
            if op.name == "check":
                self._equal.learn(op.operands[0])
        self._equal = known

    def visit(self, op: Op) -> None:
        if self._rows:
            self._inside(op)
            return
        inner = self._inner(op) if op.name == "for" else None
        found = None if inner is None else self._found(op, inner)
        if inner is None or found is None:
            self.keep(op)
        elif found.repeated or found.added:
            self._choose(op, inner, found)
        else:
            self._join(op, inner, found.arrays)

    def _join(self, outer: Op, inner: Op, arrays: list[Value]) -> None:
        self._lay_out(arrays, outer)
        lo, rows, step, *inits = self.operands(outer)
        length = self.product([rows, self.get(inner.operands[1])], outer.span)
        body = self.region(inner.regions[0])
        self._rows = {}
        self.ops.append(Op("for", (lo, length, step, *inits), outer.results, _attrs(outer, inner), (body,), outer.span))

    def _lay_out(self, arrays: list[Value], outer: Op) -> None:
        for array in arrays:
            assert isinstance(array.type, BufferType)
            row = BufferType(array.type.dtype, 1, "C")
            length = self.product(self.extents(self.get(array), outer.span), outer.span)
            view = self.emit("view", [self.get(array), length], [row], outer.span, {"axes": ("shape",)})
            self._rows[array] = view.result

    def _inside(self, op: Op) -> None:
        """An op of the inner loop: an element has one index, which is that of this loop now."""
        value = [self.get(op.operands[0])] if op.name == "store" else []
        array = op.operands[len(value)] if op.name in ("load", "store") else None
        if op in self._tables:
            self.copy(op, (*value, *self._tables[op]))
        elif array in self._rows:
            self.copy(op, (*value, self._rows[array], self.get(op.operands[-1])))
        else:
            self.keep(op)

    # -- rows that meet the same one

    def _choose(self, outer: Op, inner: Op, found: _Rows) -> None:
        """Strips if rows are short and many, else the loops as they were."""
        span, dear = outer.span, any(op.name in DEAR for op in walk(inner.regions[0]))
        longest = _ADDED if found.added else _SHORT
        fewest = _LARGE if found.added and not dear else _MANY
        rows, width = self.get(outer.operands[1]), self.get(inner.operands[1])
        short = self.emit("le", [width, self.const(longest, I64, span)], [BOOL], span).result
        some = self.emit("gt", [width, self.const(0, I64, span)], [BOOL], span).result
        many = self.emit("ge", [rows, self.const(fewest, I64, span)], [BOOL], span).result
        wanted = self.all_of([short, some, many], span)
        strips = lambda: self._strips(outer, inner, found).results  # noqa: E731
        self.either(outer, wanted, (strips, lambda: self.keep(outer).results))

    def _strips(self, outer: Op, inner: Op, found: _Rows) -> Op:
        span, index = outer.span, inner.regions[0].args[0]
        lo, rows, step, *inits = self.operands(outer)
        width = self.get(inner.operands[1])
        length = self.product([rows, width], span)
        room = self.const(STRIP, I64, span)
        most = self.emit("floordiv", [room, width], [I64], span).result
        part = self.emit("floordiv", [rows, self.const(_PARTS, I64, span)], [I64], span).result
        whole = self.emit("min", [most, part], [I64], span).result
        strip = self.product([whole, width], span)
        over = lo, strip, width, step
        tables = {op: self._table(op, index, over, room) for op in found.repeated}
        sums = {row: self._zeros(ops[0], (lo, strip, step), room) for row, ops in found.added.items()}
        tables |= {op: sums[row] for row, ops in found.added.items() for op in ops}
        self._lay_out(found.arrays, outer)
        start, place = Value(I64, "from"), Value(I64, index.name)
        carries, within = ([Value(v.type, v.name) for v in inner.regions[0].args[1:]] for _ in range(2))
        with self.written(start, *carries) as region:
            left = self.emit("sub", [length, start], [I64], span).result
            count = self.emit("min", [left, strip], [I64], span).result
            with self.written(place, *within) as body:
                self.replace(inner.regions[0].args, [self.emit("add", [start, place], [I64], span).result, *within])
                self._tables = {op: (table, place) for op, table in tables.items()}
                self.splice(inner.regions[0].ops[:-1])
                self.emit("yield", [self.get(v) for v in inner.regions[0].terminator.operands], [], span)
            types = [r.type for r in outer.results]
            made = self.emit("for", [lo, count, step, *carries], types, span, _attrs(outer, inner), (body,))
            self.emit("yield", made.results[:-1], [], span)
        self._rows, self._tables = {}, {}
        made = self.emit("for", [lo, length, strip, *inits], types, span, ORDERED, (region,))
        for row, ops in found.added.items():
            self._add(ops[0], sums[row], over)
        return made

    def _table(self, load: Op, index: Value, over: _Over, room: Value) -> Value:
        """What is loaded for a row, over and over."""
        table = self._room(load, room)
        with self._each(load, over) as (column, place):
            self.replace([index], [column])
            value = self.emit("load", self.operands(load), [load.result.type], load.span, load.attrs).result
            self.emit("store", [value, table, place], [], load.span)
        return table

    def _zeros(self, load: Op, bounds: tuple[Value, Value, Value], room: Value) -> Value:
        """What is added to a row, by place in a strip."""
        table, place = self._room(load, room), Value(I64)
        with self.written(place) as body:
            nothing = self.const(-0.0, _number(load), load.span)
            self.emit("store", [nothing, table, place], [], load.span)
            self.emit("yield", [], [], load.span)
        self.emit("for", bounds, [I64], load.span, _FILLING, (body,))
        return table

    def _add(self, load: Op, table: Value, over: _Over) -> None:
        """Add what is in a table to the row that it stands for."""
        span, type = load.span, load.result.type
        with self._each(load, over) as (column, place):
            at = [*(self.get(v) for v in load.operands[:-1]), column]
            values = [self.emit("load", source, [type], span).result for source in (at, [table, place])]
            self.emit("store", [self.emit("add", values, [type], span, {"reassoc": True}).result, *at], [], span)

    def _room(self, load: Op, room: Value) -> Value:
        row = BufferType(_number(load), 1, "C")
        return self.emit("alloc", [room], [row], load.span, {"zero": False}).result

    @contextmanager
    def _each(self, load: Op, over: _Over) -> Iterator[tuple[Value, Value]]:
        """A loop over the rows of a strip and their columns, the body of which the `with` body emits: the column, and
        the place in a table."""
        lo, strip, width, one = over
        row, column = Value(I64), Value(I64, "j")
        with self.written(row) as outer:
            with self.written(column) as inner:
                yield column, self.emit("add", [row, column], [I64], load.span).result
                self.emit("yield", [], [], load.span)
            self.emit("for", [lo, width, one], [I64], load.span, _FILLING, (inner,))
            self.emit("yield", [], [], load.span)
        self.emit("for", [lo, strip, width], [I64], load.span, ORDERED, (outer,))

    # -- what may be one loop

    def _inner(self, outer: Op) -> Op | None:
        """The loop that is all an outer one does."""
        body = outer.regions[0]
        if len(body.ops) != 2 or body.ops[0].name != "for":
            return None
        inner, end = body.ops
        plain = all(self._is_plain(loop) for loop in (outer, inner))
        through = inner.operands[3:] == body.args[1:] and end.operands == inner.results[:-1]
        return inner if plain and through and len(inner.regions[0].ops) <= _LARGEST else None

    def _is_plain(self, loop: Op) -> bool:
        lo, _, step = map(self._elements.constant, loop.operands[:3])
        quiet = not loop.attrs["exits"] and not loop.attrs.get("threads") and not self._uses[loop.results[-1]]
        return quiet and lo == 0 and step == 1

    def _found(self, outer: Op, inner: Op) -> _Rows | None:
        """What the nest goes through; None if it uses an index for anything but to say which element."""
        i, j = outer.regions[0].args[0], inner.regions[0].args[0]
        length, inside = self._equal(inner.operands[1]), defined(outer.regions[0])
        arrays: dict[Value, None] = {}
        again: list[Op] = []
        for op in walk(inner.regions[0]):
            if i not in op.operands and j not in op.operands:
                continue
            value = op.operands[: op.name == "store"]
            buffer, *at = op.operands[len(value) :]
            if op.name not in ("load", "store") or not {i, j}.isdisjoint((*value, buffer)) or buffer in inside:
                return None
            if at == [i, j] and self._is_long(buffer, length):
                arrays[buffer] = None
            elif op in inner.regions[0].ops and at[-1] is j and inside.isdisjoint(at[:-1]) and not self._overlap:
                again.append(op)
            else:
                return None
        written = self._aliases.written(outer)
        repeated = [op for op in again if op.name == "load" and self._aliases.roots(op.operands[0]).isdisjoint(written)]
        added = [op for op in again if op not in repeated]
        rows: dict[tuple[Value, ...], list[Op]] = {}
        for op in added:  # a row is loaded before anything is stored there
            rows.setdefault(accessed(op)[:-1], []).append(op)
        return _Rows([*arrays], repeated, rows) if arrays and (not added or self._adds(outer, inner, added)) else None

    def _adds(self, outer: Op, inner: Op, accesses: list[Op]) -> bool:
        """Whether all that the nest does with the memory of these loads and stores is to add to it, in any order."""
        body, sums = inner.regions[0], PartialSums(outer)
        if not all(op.name == "store" or computes(op) for op in body.ops[:-1]):
            return False
        touching = [op for op in body.ops if op.name in ("load", "store")]
        for buffer in dict.fromkeys(accessed(op)[0] for op in accesses):
            own = [op for op in touching if self._aliases.may_alias(accessed(op)[0], buffer)]
            if not sums.memory(own, self._elements.form):
                return False
        for chain in sums.chains:  # equal indices are not enough: a row is known by its operands
            if any(end.operands[1:] != self._made[chain.start].operands for end in chain.ends):
                return False
        added = set().union(*(chain.sums for chain in sums.chains))
        adds = [op for op in body.ops if op.name in ("add", "sub") and op.result in added]
        return all(is_float(op.result.type) and (self._free or op.attrs.get("reassoc")) for op in adds)

    def _is_long(self, buffer: Value, length: Value | int) -> bool:
        """Whether the rows of a contiguous array are so long."""
        contiguous = getattr(buffer.type, "layout", "") == "C"
        return contiguous and any(self._equal(v) == length for v in self._lengths.get(buffer, ()))


def _number(load: Op) -> ScalarType:
    """What kind of number is loaded."""
    assert isinstance(load.result.type, ScalarType)
    return load.result.type


def _attrs(outer: Op, inner: Op) -> dict[str, Any]:
    attrs = {"exits": False, "kind": _kind(outer, inner)}
    return attrs | {key: True for key in ("apart", "seldom") if outer.attrs.get(key) and inner.attrs.get(key)}


def _kind(outer: Op, inner: Op) -> str:
    kinds = {outer.attrs["kind"], inner.attrs["kind"]}
    return kinds.pop() if len(kinds) == 1 else "sequential"
