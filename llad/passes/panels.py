"""Rows that many columns add to are kept in registers, a few at a time, while the columns go by.

What: of a loop over columns, in each of which an inner loop changes the same elements of rows, eight rows at a time
(sixteen where vectors are `wide`) become a panel, and a second loop goes through the columns for each panel. So the
elements of its rows are loaded and stored once, not once for each column. What the first loop makes of a column, and
rows use, is kept in tables, unless the loop itself finds or keeps it in an array. Each element is changed in the same
order as before.

Below a diagonal, each column begins with another row. What a panel has above it is loaded under a mask, and left as it
was. (Without panels, a vector would be loaded of parts of two that were just stored, for which processors wait.)

When (`panels_plan.py`): two to four elements are changed for each row, by little work, and nothing else touches them;
and, at run time, there are eight columns or more, but no more than the tables have room for, and sixteen rows.

Before:

    func @f(%l: buffer<f64, 2, C>, %x: buffer<f64, 1, C>, %s: buffer<f64, 1, C>, %t: buffer<f64, 1, C>, %d: i64) {
      %zero: i64 = const 0
      %one: i64 = const 1
      %u: i64 = for %column in %zero..%d step %one {
        %w: f64 = load %x[%column]
        %a: f64 = neg %w
        %v: i64 = for %row in %zero..%d step %one {
          %b: f64 = load %l[%column, %row]
          %c: f64 = mul %a, %b
          %e: f64 = load %s[%row]
          %g: f64 = add %e, %c
          store %g, %s[%row]
          %h: f64 = load %t[%row]
          %k: f64 = sub %h, %c
          store %k, %t[%row]
          yield
        }
        yield
      }
      return
    }

After (and `dce`):

    func @f(%l: buffer<f64, 2, C>, %x: buffer<f64, 1, C>, %s: buffer<f64, 1, C>, %t: buffer<f64, 1, C>, %d: i64) {
      %zero: i64 = const 0
      %one: i64 = const 1
      %0: i64 = const 0
      %1: bool = gt %d, %zero
      %2: i64 = sub %d, %zero
      %3: i64 = const 0
      %4: i64 = select %1, %2, %3
      %5: i64 = const 8
      %6: bool = gt %d, %0
      %7: i64 = sub %d, %0
      %8: i64 = const 0
      %9: i64 = select %6, %7, %8
      %10: i64 = floordiv %9, %5
      %11: i64 = const 8
      %12: bool = ge %4, %11
      %13: i64 = const 128
      %14: bool = le %4, %13
      %15: i64 = const 16
      %16: bool = ge %9, %15
      %17: bool = sub_overflows %d, %0
      %18: bool = and %12, %14
      %19: bool = and %18, %16
      %20: i64 = const 0
      %21: i64 = select %19, %10, %20
      %22: i64 = const 0
      %23: i64 = select %17, %22, %21
      %24: i64 = const 8
      %25: i64 = mul %23, %24
      %26: i64 = sub %d, %25
      %27: i64 = const 128
      %28: buffer<f64, 1, C> = alloc(%27)
      %29: i64 = const 0
      %30: bool = gt %23, %29
      %31: bool = le %26, %0
      if %31 {
        %u: i64 = for %column in %zero..%d step %one {
          %w: f64 = load %x[%column]
          %a: f64 = neg %w
          %32: i64 = sub %column, %zero
          %33: i64 = const 0
          %34: i64 = select %30, %32, %33
          store %a, %28[%34]
          yield
        }
        yield
      } else {
        %u_1: i64 = for %column_1 in %zero..%d step %one {
          %w_1: f64 = load %x[%column_1]
          %a_1: f64 = neg %w_1
          %35: i64 = sub %column_1, %zero
          %36: i64 = const 0
          %37: i64 = select %30, %35, %36
          store %a_1, %28[%37]
          %v: i64 = for %row in %zero..%26 step %one {'above': True} {
            %b: f64 = load %l[%column_1, %row]
            %c: f64 = mul %a_1, %b
            %e: f64 = load %s[%row]
            %g: f64 = add %e, %c
            store %g, %s[%row]
            %h: f64 = load %t[%row]
            %k: f64 = sub %h, %c
            store %k, %t[%row]
            yield
          }
          yield
        }
        yield
      }
      %38: i64 = const 8
      %51: i64 = for %panel in %26..%d step %38 {
        %39: i64 = const 0
        %40: i64 = const 128
        %41: i64 = min %4, %40
        %42: i64 = const 1
        %50: i64 = for %place in %39..%41 step %42 {
          %43: i64 = add %zero, %place
          %44: f64 = load %28[%place]
          %45: i64 = const 0
          %46: i64 = const 8
          %47: i64 = const 1
          %49: i64 = for %lane in %45..%46 step %47 parallel {'apart': True, 'lanes': 8} {
            %48: i64 = add %panel, %lane
            %b_1: f64 = load %l[%43, %48]
            %c_1: f64 = mul %44, %b_1
            %e_1: f64 = load %s[%48]
            %g_1: f64 = add %e_1, %c_1
            store %g_1, %s[%48]
            %h_1: f64 = load %t[%48]
            %k_1: f64 = sub %h_1, %c_1
            store %k_1, %t[%48]
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

from llad.ir.affine import Affine
from llad.ir.core import Function, Op, Region, Value
from llad.ir.types import BOOL, I64, BufferType, ScalarType
from llad.passes.panels_plan import Plan, Plans
from llad.passes.rebuild import Rebuild
from llad.passes.strips import APART, ORDERED

_ROWS, _WIDE_ROWS = 8, 16  # of a panel: two vectors of each of at most four elements stay in registers
_COLUMNS = 128  # that the tables have room for: they stay in the nearest cache
FEWEST_COLUMNS, FEWEST_ROWS = 8, 16  # that are worth it


def panels(fn: Function) -> Function:
    """`fn` with rows in registers where columns go by."""
    found = Plans(fn).found
    rows = _WIDE_ROWS if fn.attrs.get("wide") else _ROWS
    return _Panels(found, rows).function(fn) if found else fn


class _Panels(Rebuild):
    def __init__(self, found: dict[Op, Plan], rows: int) -> None:
        super().__init__()
        self._found, self._rows = found, rows

    def visit(self, op: Op) -> None:
        if op in self._found:
            _Nest(self, op, self._found[op], self._rows).write()
        else:
            self.keep(op)


class _Nest:
    """Writes one loop over columns."""

    def __init__(self, to: Rebuild, columns: Op, plan: Plan, size: int) -> None:
        self.to, self.columns, self.plan, self.size = to, columns, plan, size
        self.span = columns.span
        self.lo, self.hi = map(to.get, columns.operands[:2])
        self.rows_end = to.get(plan.rows.operands[1])

    # -- emitting

    def number(self, value: int) -> Value:
        return self.to.const(value, I64, self.span)

    def op(self, name: str, *operands: Value) -> Value:
        return self.to.emit(name, operands, [I64], self.span).result

    def is_so(self, name: str, *operands: Value) -> Value:
        return self.to.emit(name, operands, [BOOL], self.span).result

    def loop(self, index: Value, lo: Value, hi: Value, step: int, region: Region, attrs: Mapping[str, object]) -> None:
        self.to.emit("for", [lo, hi, self.number(step)], [I64], self.span, dict(attrs), (region,))

    def trips(self, lo: Value, hi: Value) -> Value:
        """How often a loop runs, by ones. (As a choice: of the difference to the greater end LLVM knows no bound, and
        k-means took half as long again.)"""
        return self.op("select", self.is_so("gt", hi, lo), self.op("sub", hi, lo), self.number(0))

    # -- the parts of the nest

    def write(self) -> None:
        plan, index = self.plan, self.columns.regions[0].args[0]
        first = self.to.number_of(plan.first.with_atom(index, Affine(0)), self.span)
        self.first = self.op("add", self.lo, first) if plan.slants else first
        self.count = self.trips(self.lo, self.hi)
        panels = self._panels()
        self.begin = self.op("sub", self.rows_end, self.op("mul", panels, self.number(self.size)))
        room = self.number(_COLUMNS)
        self.tables = {
            v: self.to.emit("alloc", [room], [BufferType(_scalar(v), 1, "C")], self.span, {"zero": False}).result
            for v in plan.handed
            if v not in plan.stored
        }
        kept, none = self.is_so("gt", panels, self.number(0)), self.is_so("le", self.begin, self.first)
        self.to.either(self.columns, none, [lambda: self._above(kept, False), lambda: self._above(kept, True)])
        start = Value(I64, "panel")
        with self.to.written(start) as region:
            self._panel(start)
            self.to.emit("yield", [], [], self.span)
        self.loop(start, self.begin, self.rows_end, self.size, region, ORDERED)

    def _panels(self) -> Value:
        """How many panels there are, from the last row up; none, if that is not worth it."""
        size, rows = self.number(self.size), self.trips(self.first, self.rows_end)
        panels = self.op("floordiv", rows, size)
        if self.plan.slants and self.plan.private:  # rows above the first are left as they are, if they are there
            more = self.op("floordiv", self.op("add", rows, self.number(self.size - 1)), size)
            top = self.op("sub", self.rows_end, self.op("mul", more, size))
            places = [self.to.number_of(form, self.span, top) for form in self.plan.places]
            reach = self.to.all_of([self.is_so("ge", place, self.number(0)) for place in places], self.span)
            panels = self.op("select", reach, more, panels)
        worth = [
            self.is_so("ge", self.count, self.number(FEWEST_COLUMNS)),
            self.is_so("le", self.count, self.number(_COLUMNS)),
            self.is_so("ge", rows, self.number(FEWEST_ROWS)),
        ]
        far = self.is_so("sub_overflows", self.rows_end, self.first)
        panels = self.op("select", self.to.all_of(worth, self.span), panels, self.number(0))
        return self.op("select", far, self.number(0), panels)

    def _above(self, kept: Value, some: bool) -> Sequence[Value]:
        """The loop as it was, but for the rows of panels, and for `some` others; its results. What is handed to panels
        is kept in tables."""
        body = self.columns.regions[0]
        with self.to.afresh():
            args = self.to.arguments(body.args)
            with self.to.written(*args) as region:
                for op in body.ops:
                    if op is self.plan.rows:
                        self._handed(args[0], kept)
                        self._rows_above(some)
                    else:
                        self.to.visit(op)
            attrs = {key: value for key, value in self.columns.attrs.items() if key != "apart"} | ORDERED
            return self.to.copy(self.columns, self.to.operands(self.columns), (region,), attrs).results

    def _handed(self, column: Value, kept: Value) -> None:
        place = self.op("select", kept, self.op("sub", column, self.lo), self.number(0))
        for value, table in self.tables.items():
            self.to.emit("store", [self.to.get(value), table, place], [], self.span)

    def _rows_above(self, some: bool) -> None:
        rows = self.plan.rows
        first, _, step = self.to.operands(rows)
        if some:
            self.to.copy(rows, (first, self.begin, step), (self.to.region(rows.regions[0]),), {"above": True})
        far = self.is_so("sub_overflows", self.rows_end, first)
        most = self.number(2**63 - 1)
        trips = self.op("max", self.op("select", far, most, self.op("sub", self.rows_end, first)), self.number(0))
        self.to.replace(rows.results, [trips])

    def _panel(self, start: Value) -> None:
        """All columns that reach into a panel: first those of which it has all rows, then the others."""
        whole = self._columns_by(start, 1) if self.plan.slants else self.count
        self._through(start, self.number(0), self.op("min", whole, self.number(_COLUMNS)), masked=False)
        if self.plan.slants:
            some = self.op("min", self.op("sub", self._columns_by(start, self.size), whole), self.number(self.size))
            self._through(start, whole, self.op("add", whole, some), masked=True)

    def _columns_by(self, start: Value, rows: int) -> Value:
        """How many columns begin before the row that comes so many after the start of a panel."""
        reached = self.op("sub", self.op("add", start, self.number(rows)), self.first)
        return self.op("min", self.op("max", reached, self.number(0)), self.count)

    def _through(self, start: Value, lo: Value, hi: Value, masked: bool) -> None:
        """The rows of a panel for some columns, which are counted from the first."""
        place, plan = Value(I64, "place"), self.plan
        with self.to.written(place) as region, self.to.afresh():
            column = self.op("add", self.lo, place)
            self.to.replace([self.columns.regions[0].args[0]], [column])
            for value in plan.handed:
                loaded = self.to.emit("load", self._handed_on(value, place), [value.type], self.span)
                self.to.replace([value], [loaded.result])
            for value, form in plan.forms.items():
                self.to.replace([value], [self.to.number_of(form, self.span)])
            first = self.to.number_of(plan.first, self.span) if masked else None
            lane = Value(I64, "lane")
            with self.to.written(lane) as lanes:
                self._rows(self.op("add", start, lane), first)
                self.to.emit("yield", [], [], self.span)
            self.loop(lane, self.number(0), self.number(self.size), 1, lanes, {**APART, "lanes": self.size})
            self.to.emit("yield", [], [], self.span)
        self.loop(place, lo, hi, 1, region, ORDERED)

    def _handed_on(self, value: Value, place: Value) -> tuple[Value, ...]:
        """Where the column at hand has left a value."""
        if value not in self.plan.stored:
            return self.tables[value], place
        array, indices = self.plan.stored[value]
        return self.to.get(array), *[self.to.number_of(form, self.span) for form in indices]

    def _rows(self, row: Value, first: Value | None) -> None:
        """One row; it is left as it was before `first`."""
        body = self.plan.rows.regions[0]
        self.to.replace(body.args, [row])
        within = None if first is None else self.is_so("ge", row, first)
        before = {store: load for load, store in self.plan.updates.items()}
        for op in body.ops[:-1]:
            if within is not None and op.name == "load" and op not in self.plan.updates:
                self._load_if(within, op)
            elif within is not None and op.name == "store":
                value, *place = self.to.operands(op)
                old = self.to.get(before[op].result)
                kept = self.to.emit("select", [within, value, old], [value.type], op.span).result
                self.to.emit("store", [kept, *place], [], op.span, op.attrs)
            else:
                self.to.visit(op)

    def _load_if(self, within: Value, load: Op) -> None:
        type = load.result.type
        assert isinstance(type, ScalarType)
        with self.to.written() as there:
            found = self.to.emit("load", self.to.operands(load), [type], load.span, load.attrs).result
            self.to.emit("yield", [found], [], load.span)
        with self.to.written() as nothing:
            zero = self.to.const(0.0 if type != I64 else 0, type, load.span)
            self.to.emit("yield", [zero], [], load.span)
        made = self.to.emit("if", [within], [type], load.span, {}, (there, nothing))
        self.to.replace(load.results, made.results)


def _scalar(value: Value) -> ScalarType:
    assert isinstance(value.type, ScalarType)
    return value.type
