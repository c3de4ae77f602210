"""Two loops over all elements of matrices become one, along their memory.

What: a loop that does nothing but run another one, which goes along the rows of contiguous arrays from end to end,
becomes one loop over the elements of all rows. So a short row, as the three coordinates of a point, does not end a
vector, and nothing begins anew with each row. Where each row meets the same one, as the mean of all points, and rows
are short, that is copied over and over into a table first, and the loop goes in strips as long as that.

When: the inner loop uses both indices only to say which element, of arrays whose rows are as long as the loop, by their
allocation or because a check says so; and the carries of the outer loop go through the inner one. What is copied is
nowhere written in the loops. That rows are short, and many, is asked at run time.

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

from collections.abc import Iterable
from typing import Any

from llad.ir.alias import Aliases
from llad.ir.core import LIKE, Function, Op, Value, defined, makers, uses, walk
from llad.ir.elements import Elements
from llad.ir.types import BOOL, I64, BufferType, ScalarType
from llad.passes.equal import Equal
from llad.passes.rebuild import Rebuild
from llad.passes.strips import ORDERED, PARALLEL, STRIP

_LARGEST = 60  # ops of an inner loop: longer ones gain nothing
_SHORT, _MANY = 16, 64  # rows as long as this, and so many, are worth a table


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
        self._tables: dict[Op, tuple[Value, Value]] = {}  # per load the table and the place in it
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
        arrays, repeated = ([], []) if inner is None else self._arrays(op, inner)
        if inner is None or not arrays:
            self.keep(op)
        elif repeated:
            self._choose(op, inner, arrays, repeated)
        else:
            self._join(op, inner, arrays)

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
            self.copy(op, self._tables[op])
        elif array in self._rows:
            self.copy(op, (*value, self._rows[array], self.get(op.operands[-1])))
        else:
            self.keep(op)

    # -- rows that meet the same one

    def _choose(self, outer: Op, inner: Op, arrays: list[Value], repeated: list[Op]) -> None:
        """Strips if rows are short and many, else the loops as they were."""
        span = outer.span
        rows, width = self.get(outer.operands[1]), self.get(inner.operands[1])
        short = self.emit("le", [width, self.const(_SHORT, I64, span)], [BOOL], span).result
        some = self.emit("gt", [width, self.const(0, I64, span)], [BOOL], span).result
        many = self.emit("ge", [rows, self.const(_MANY, I64, span)], [BOOL], span).result
        wanted = self.all_of([short, some, many], span)
        strips = lambda: self._strips(outer, inner, arrays, repeated).results  # noqa: E731
        self.either(outer, wanted, (strips, lambda: self.keep(outer).results))

    def _strips(self, outer: Op, inner: Op, arrays: list[Value], repeated: list[Op]) -> Op:
        span, index = outer.span, inner.regions[0].args[0]
        lo, rows, step, *inits = self.operands(outer)
        width = self.get(inner.operands[1])
        length = self.product([rows, width], span)
        room = self.const(STRIP, I64, span)
        whole = self.emit("floordiv", [room, width], [I64], span).result
        strip = self.product([whole, width], span)
        tables = {op: self._table(op, index, (lo, strip, width, step), room) for op in repeated}
        self._lay_out(arrays, outer)
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
        return self.emit("for", [lo, length, strip, *inits], types, span, ORDERED, (region,))

    def _table(self, load: Op, index: Value, bounds: tuple[Value, Value, Value, Value], room: Value) -> Value:
        """What is loaded for a row, over and over."""
        lo, strip, width, one = bounds
        row, column = Value(I64), Value(I64, index.name)
        assert isinstance(load.result.type, ScalarType)
        table = self.emit("alloc", [room], [BufferType(load.result.type, 1, "C")], load.span, {"zero": False}).result
        with self.written(row) as outer:
            with self.written(column) as inner:
                self.replace([index], [column])
                value = self.emit("load", self.operands(load), [load.result.type], load.span, load.attrs).result
                place = self.emit("add", [row, column], [I64], load.span).result
                self.emit("store", [value, table, place], [], load.span)
                self.emit("yield", [], [], load.span)
            self.emit("for", [lo, width, one], [I64], load.span, PARALLEL, (inner,))
            self.emit("yield", [], [], load.span)
        self.emit("for", [lo, strip, width], [I64], load.span, ORDERED, (outer,))
        return table

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

    def _arrays(self, outer: Op, inner: Op) -> tuple[list[Value], list[Op]]:
        """The arrays whose elements the inner loop goes through, and the loads that are the same for each row; nothing
        if it uses an index for anything else."""
        i, j = outer.regions[0].args[0], inner.regions[0].args[0]
        length, inside = self._equal(inner.operands[1]), defined(outer.regions[0])
        found: dict[Value, None] = {}
        repeated: list[Op] = []
        for op in walk(inner.regions[0]):
            if i not in op.operands and j not in op.operands:
                continue
            value = op.operands[: op.name == "store"]
            buffer, *at = op.operands[len(value) :]
            if op.name not in ("load", "store") or not {i, j}.isdisjoint((*value, buffer)) or buffer in inside:
                return [], []
            if at == [i, j] and self._is_long(buffer, length):
                found[buffer] = None
            elif op in inner.regions[0].ops and self._is_repeated(op, outer, j, inside):
                repeated.append(op)
            else:
                return [], []
        return list(found), repeated

    def _is_long(self, buffer: Value, length: Value | int) -> bool:
        """Whether the rows of a contiguous array are so long."""
        contiguous = getattr(buffer.type, "layout", "") == "C"
        return contiguous and any(self._equal(v) == length for v in self._lengths.get(buffer, ()))

    def _is_repeated(self, op: Op, outer: Op, index: Value, inside: set[Value]) -> bool:
        """Whether it loads from the same row each time, of an array that stays as it is."""
        steady = op.name == "load" and op.operands[-1] is index and inside.isdisjoint(op.operands[1:-1])
        steady &= not self._overlap
        return steady and self._aliases.roots(op.operands[0]).isdisjoint(self._aliases.written(outer))


def _attrs(outer: Op, inner: Op) -> dict[str, Any]:
    attrs = {"exits": False, "kind": _kind(outer, inner)}
    return attrs | {key: True for key in ("apart", "seldom") if outer.attrs.get(key) and inner.attrs.get(key)}


def _kind(outer: Op, inner: Op) -> str:
    kinds = {outer.attrs["kind"], inner.attrs["kind"]}
    return kinds.pop() if len(kinds) == 1 else "sequential"
