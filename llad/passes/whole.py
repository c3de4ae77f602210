"""Rows on one side of a diagonal are taken in whole vectors.

What: of an inner loop that begins, or ends, elsewhere each time, groups of rows are taken at once, counted from the end
that stays where it is; and what is left over at the other one is a group of its own, under a mask. So no rows remain to
be taken one by one, and where arrays are aligned at the end that stays, so are the vectors. Sums are taken for each
lane, in memory that stays in registers, and added up behind the groups. A few rows are taken as they were.

When: vectors are `wide`, with masks. The iterations are independent (`apart`) but for sums that may be taken in any
order; their straight code goes along rows that lie side by side in memory, changes something or adds up several sums;
and one bound goes with the index of the loop around it.

Before:

    func @f(%l: buffer<f64, 1, C>, %x: buffer<f64, 1, C>, %n: i64) {'wide': True} {
      %zero: i64 = const 0
      %one: i64 = const 1
      %half: f64 = const 0.5
      %u: i64 = for %i in %zero..%n step %one {
        %v: i64 = for %j in %i..%n step %one {'apart': True} {
          %a: f64 = load %l[%j]
          %b: f64 = load %x[%j]
          %c: f64 = mul %a, %half
          %d: f64 = add %b, %c
          store %d, %x[%j]
          yield
        }
        yield
      }
      return
    }

After (and `dce`):

    func @f(%l: buffer<f64, 1, C>, %x: buffer<f64, 1, C>, %n: i64) {'wide': True} {
      %zero: i64 = const 0
      %one: i64 = const 1
      %half: f64 = const 0.5
      %u: i64 = for %i in %zero..%n step %one {
        %0: bool = lt %i, %n
        %1: i64 = sub %n, %i
        %2: i64 = const 0
        %3: i64 = select %0, %1, %2
        %4: i64 = const 4
        %5: bool = lt %3, %4
        if %5 {
          %v: i64 = for %j in %i..%n step %one {'apart': True, 'rare': True} {
            %a: f64 = load %l[%j]
            %b: f64 = load %x[%j]
            %c: f64 = mul %a, %half
            %d: f64 = add %b, %c
            store %d, %x[%j]
            yield
          }
          yield
        } else {
          %6: i64 = const 8
          %7: i64 = floordiv %3, %6
          %8: i64 = mul %7, %6
          %9: i64 = sub %n, %8
          %10: i64 = sub %9, %6
          %11: i64 = sub %i, %10
          %12: i64 = const 0
          %13: i64 = const 8
          %14: i64 = const 1
          %17: i64 = for %lane in %12..%13 step %14 parallel {'apart': True, 'lanes': 8} {
            %15: i64 = add %10, %lane
            %16: bool = ge %lane, %11
            if %16 {
              %a_1: f64 = load %l[%15]
              %b_1: f64 = load %x[%15]
              %c_1: f64 = mul %a_1, %half
              %d_1: f64 = add %b_1, %c_1
              store %d_1, %x[%15]
              yield
            } else {
              yield
            }
            yield
          }
          %18: i64 = const 8
          %24: i64 = for %first in %9..%n step %18 {'inside': True} {
            %19: i64 = const 0
            %20: i64 = const 8
            %21: i64 = const 1
            %23: i64 = for %lane_1 in %19..%20 step %21 parallel {'apart': True, 'lanes': 8} {
              %22: i64 = add %first, %lane_1
              %a_2: f64 = load %l[%22]
              %b_2: f64 = load %x[%22]
              %c_2: f64 = mul %a_2, %half
              %d_2: f64 = add %b_2, %c_2
              store %d_2, %x[%22]
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

from llad.dataclass import dataclass
from llad.ir.core import Function, Op, Region, Value, accessed, defined
from llad.ir.elements import Elements
from llad.ir.types import BOOL, I64, BufferType, ScalarType, is_float
from llad.ops.cost import DEAR
from llad.passes.effects import TRAPPING, computes
from llad.passes.rebuild import Rebuild
from llad.passes.strips import APART, ORDERED, SPECIAL

_FEW = 4  # rows that are rather taken one by one
_LARGEST = 48  # ops of an inner loop
_FEW_SUMS = 2  # for which the sums of the lanes cost more than is won, if that is all there is
# Rows of a group, by how many sums are under way: additions to one wait for each other.
_ROWS = {1: 32, 2: 16, 3: 16}
_FEWEST = 8
# Kinds of loops that stay as they are.
_OTHERS = (*SPECIAL, "lanes", "narrow", "above")
_SLOW = DEAR | TRAPPING | {"div", "sqrt"}


def whole(fn: Function) -> Function:
    """`fn` with rows along diagonals in whole vectors."""
    return _Whole(fn).function(fn) if fn.attrs.get("wide") and not fn.attrs.get("may_alias") else fn


@dataclass(frozen=True, slots=True)
class _Plan:
    """`sums`: the op that adds to each carry. `ends`: whether it is the end that moves, not the beginning."""

    sums: list[Op]
    ends: bool

    @property
    def rows(self) -> int:
        return _ROWS.get(len(self.sums), _FEWEST)


class _Whole(Rebuild):
    def __init__(self, fn: Function) -> None:
        super().__init__()
        self._elements = Elements(fn)
        self._free = bool(fn.attrs.get("fastmath"))
        self._around: list[Op] = []

    def visit(self, op: Op) -> None:
        if op.name == "for" and self._around and (plan := self._plan(op, self._around[-1])):
            self._write(op, plan)
            return
        loop = op.name in ("for", "while")
        if loop:
            self._around.append(op)
        self.keep(op)
        if loop:
            self._around.pop()

    # -- which loops

    def _plan(self, loop: Op, around: Op) -> _Plan | None:
        attrs, body = loop.attrs, loop.regions[0]
        if not attrs.get("apart") or any(map(attrs.get, _OTHERS)):
            return None
        if around.name != "for" or self._elements.constant(loop.operands[2]) != 1 or len(body.ops) > _LARGEST:
            return None
        inside, index = defined(around.regions[0]), around.regions[0].args[0]
        moves = [bound in inside for bound in loop.operands[:2]]
        if sum(moves) != 1 or abs(self._elements.form(loop.operands[moves[1]]).terms.get(index, 0)) != 1:
            return None
        floats = any(is_float(r.type) for op in body.ops for r in op.results)
        if not floats or not all(self._is_plain(op, body.args[0]) for op in body.ops[:-1]):
            return None
        if len(body.args) - 1 <= _FEW_SUMS and not any(op.name == "store" for op in body.ops):
            return None
        sums = [self._sum(body, number) for number in range(len(body.args) - 1)]
        found = [op for op in sums if op is not None]
        return _Plan(found, moves[1]) if len(found) == len(sums) else None

    def _is_plain(self, op: Op, index: Value) -> bool:
        """Whether an op computes little, or goes along a row."""
        if op.name in ("load", "store"):
            array, *indices = accessed(op)
            if not indices:
                return False
            *others, last = indices
            steps = [self._elements.form(i).terms.get(index, 0) for i in others]
            along = self._elements.form(last).terms.get(index, 0)
            return not any(steps) and along == 1 and getattr(array.type, "layout", "") == "C"
        return computes(op) and not op.regions and op.name not in _SLOW

    def _sum(self, body: Region, number: int) -> Op | None:
        """The op that adds to a carry, if nothing else is done with it and the order is free."""
        carry, yielded = body.args[1 + number], body.terminator.operands[number]
        users = [op for op in body.ops for o in op.operands if o is carry]
        if len(users) != 1 or users[0].name not in ("add", "sub") or not is_float(carry.type):
            return None
        op = users[0]
        used = [o for other in body.ops for o in other.operands if o is op.result]
        free = self._free or op.attrs.get("reassoc")
        first = op.operands[0] is carry or op.name == "add"
        return op if free and first and op.result is yielded and len(used) == 1 else None

    # -- writing

    def _number(self, name: str, *operands: Value) -> Value:
        return self.emit(name, operands, [I64], None).result

    def _i64(self, value: int) -> Value:
        return self.const(value, I64, None)

    def _loop(self, lo: Value, hi: Value, step: int, region: Region, attrs: Mapping[str, object]) -> None:
        self.emit("for", [lo, hi, self._i64(step)], [I64], None, dict(attrs), (region,))

    def _write(self, loop: Op, plan: _Plan) -> None:
        lo, hi, step, *inits = self.operands(loop)
        some = self.emit("lt", [lo, hi], [BOOL], None).result
        trips = self._number("select", some, self._number("sub", hi, lo), self._i64(0))
        few = self.emit("lt", [trips, self._i64(_FEW)], [BOOL], None).result
        with self.written() as alone, self.afresh():
            made = self.copy(loop, (lo, hi, step, *inits), (self.region(loop.regions[0]),), {"rare": True})
            self.emit("yield", made.results[:-1], [], loop.span)
        with self.written() as together, self.afresh():
            sums = [self._zeros(init, plan) for init in inits]
            self._groups(loop, plan, trips, sums)
            self.emit("yield", self._totals(inits, sums, plan) if sums else (), [], loop.span)
        found = self.emit("if", [few], [i.type for i in inits], loop.span, {}, (alone, together))
        self.replace(loop.results, [*found.results, trips])

    def _zeros(self, init: Value, plan: _Plan) -> Value:
        attrs = {"zero": True, "storage": "stack"}
        return self.emit("alloc", [self._i64(plan.rows)], [BufferType(_scalar(init), 1, "C")], None, attrs).result

    def _groups(self, loop: Op, plan: _Plan, trips: Value, sums: Sequence[Value]) -> None:
        lo, hi = self.operands(loop)[:2]
        rows = self._i64(plan.rows)
        whole = self._number("mul", self._number("floordiv", trips, rows), rows)
        if plan.ends:
            start, end = lo, self._number("add", lo, whole)
            rest = end
        else:
            start, end = self._number("sub", hi, whole), hi
            rest = self._number("sub", start, rows)
        self._group(loop, plan, rest, sums, self._number("sub", hi if plan.ends else lo, rest))
        first = Value(I64, "first")
        with self.written(first) as region:
            self._group(loop, plan, first, sums)
            self.emit("yield", [], [], loop.span)
        self._loop(start, end, plan.rows, region, ORDERED if plan.ends else ORDERED | {"inside": True})

    def _group(
        self, loop: Op, plan: _Plan, first: Value, sums: Sequence[Value], bound: Value | None = None
    ) -> None:
        """One group of rows, from `first` on; the loop's begin, or end, at the lane `bound`, if there is one."""
        body, lane = loop.regions[0], Value(I64, "lane")
        with self.written(lane) as region, self.afresh():
            row = self._number("add", first, lane)
            terms = self._terms(body, plan, row) if bound is None else self._masked(loop, plan, row, lane, bound)
            for op, term, array in zip(plan.sums, terms, sums, strict=True):
                before = self.emit("load", [array, lane], [term.type], op.span).result
                after = self.emit(op.name, [before, term], [term.type], op.span, op.attrs).result
                self.emit("store", [after, array, lane], [], op.span)
            self.emit("yield", [], [], loop.span)
        self._loop(self._i64(0), self._i64(plan.rows), 1, region, {**APART, "lanes": plan.rows})

    def _masked(self, loop: Op, plan: _Plan, row: Value, lane: Value, bound: Value) -> Sequence[Value]:
        """What a row adds to each sum, and nothing if it is none of the loop's, which begins, or ends, at a lane."""
        within = self.emit("lt" if plan.ends else "ge", [lane, bound], [BOOL], None).result
        with self.written() as some, self.afresh():
            self.emit("yield", self._terms(loop.regions[0], plan, row), [], loop.span)
        with self.written() as none:
            zeros = [self.const(0.0, _scalar(op.result), None) for op in plan.sums]
            self.emit("yield", zeros, [], loop.span)
        types = [op.result.type for op in plan.sums]
        return self.emit("if", [within], types, loop.span, {}, (some, none)).results

    def _terms(self, body: Region, plan: _Plan, row: Value) -> list[Value]:
        """Write what a row does, but for the sums: what it adds to each."""
        self.replace(body.args[:1], [row])
        self.splice(op for op in body.ops[:-1] if op not in plan.sums)
        carries = body.args[1:]
        added = [next(o for o in op.operands if o is not c) for op, c in zip(plan.sums, carries, strict=True)]
        return [self.get(value) for value in added]

    def _totals(self, inits: Sequence[Value], sums: Sequence[Value], plan: _Plan) -> Sequence[Value]:
        """What the sums begin with, and those over all lanes."""
        lane = Value(I64, "lane")
        types = [op.result.type for op in plan.sums]
        carries = [Value(type, "total") for type in types]
        with self.written(lane, *carries) as region:
            totals = []
            for array, carry in zip(sums, carries, strict=True):
                part = self.emit("load", [array, lane], [carry.type], None).result
                totals.append(self.emit("add", [carry, part], [carry.type], None, {"reassoc": True}).result)
            self.emit("yield", totals, [], None)
        operands = [self._i64(0), self._i64(plan.rows), self._i64(1), *inits]
        attrs = {**ORDERED, "apart": True, "lanes": plan.rows, "totals": True}
        return self.emit("for", operands, [*types, I64], None, attrs, (region,)).results[:-1]


def _scalar(value: Value) -> ScalarType:
    assert isinstance(value.type, ScalarType)
    return value.type
