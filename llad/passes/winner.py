"""A greatest or least element is found first and then read: only the winner takes part in the derivative.

What: a loop that carries `c = max(c, t[i])` is followed by one that adds up the indices of all elements that are equal
to the result, each with 2³² for its count. If there is one such element, and the loop did not start from its value,
the result is that element, evaluated once more; else (ties, or nothing beats the start) the loop runs as it stood. So
differentiation sees one element instead of a chain of choices, and keeps nothing of it.

When: before differentiation; the carry is used for nothing else, and an element is evaluated from what the loop does
not change. Either that is cheap and the loop stands at the top of the function; or, in any loop, it takes loops of its
own, as the distance to the nearest of many points does: then the first pass writes a table for the second. The
extremum that is compared with may have either sign if it is zero, so it is found by `fmax`, which machine code can
spread over vectors; a NaN that the loop starts from stays. (Loops in loops are not spread, so there `max` stays.)
`max(t[i], c)` is `c` only where that is greater: an element that is NaN then takes the place of all before it, so it
counts as one that is equal, and a NaN that the loop starts from does not stay.

Before:

    func @f(%x: buffer<f64, 1, C>, %n: i64, %s: f64) {
      %zero: i64 = const 0
      %one: i64 = const 1
      %m: f64, %trips: i64 = for %i in %zero..%n step %one carry (%c: f64 = %s) {
        %t: f64 = load %x[%i]
        %d: f64 = max %c, %t
        yield %d
      }
      return %m
    }

After (and `dce`):

    func @f(%x: buffer<f64, 1, C>, %n: i64, %s: f64) {
      %zero: i64 = const 0
      %one: i64 = const 1
      %1: f64, %2: i64 = for %i in %zero..%n step %one carry (%c: f64 = %s) {
        %t: f64 = load %x[%i]
        %0: f64 = fmax %c, %t
        yield %0
      }
      %3: bool = isnan %s
      %4: f64 = select %3, %s, %1
      %5: i64 = const 0
      %6: i64 = const 4294967296
      %12: i64, %13: i64 = for %i_1 in %zero..%n step %one carry (%found: i64 = %5) {
        %7: i64 = sub %i_1, %zero
        %t_1: f64 = load %x[%i_1]
        %8: bool = eq %t_1, %4
        %9: i64 = add %7, %6
        %10: i64 = select %8, %9, %5
        %11: i64 = add %found, %10
        yield %11
      }
      %14: bool = ge %12, %6
      %15: i64 = const 8589934592
      %16: bool = lt %12, %15
      %17: i64 = const 2147483648
      %18: bool = lt %13, %17
      %19: bool = and %14, %16
      %20: bool = and %19, %18
      %21: i64 = sub %12, %6
      %22: i64 = add %zero, %21
      %23: bool = ne %s, %4
      %24: bool = and %20, %23
      %28: f64 = if %24 {
        %t_2: f64 = load %x[%22]
        yield %t_2
      } else {
        %26: f64, %27: i64 = for %i_2 in %zero..%n step %one carry (%c_1: f64 = %s) {'rare': True} {
          %t_3: f64 = load %x[%i_2]
          %25: f64 = max %c_1, %t_3
          yield %25
        }
        yield %26
      }
      return %28
    }
"""

from __future__ import annotations

from llad.dataclass import dataclass
from llad.ir.alias import Aliases
from llad.ir.build import Builder
from llad.ir.core import Function, Op, Region, Value, constant, makers, mentioned, uses, walk
from llad.ir.rewrite import Mapping, copy_op
from llad.ir.types import BOOL, I64, ScalarType, is_float
from llad.ops.cost import DEAR
from llad.passes.effects import computes
from llad.passes.rebuild import Rebuild, marked

_MOST = 8  # ops of an element
_MOST_INSIDE = 40  # ops of a loop that it takes
_EACH = 1 << 32  # what an element counts beside its index: for up to half as many, a sum tells how many there are


def winner(fn: Function) -> Function:
    """`fn` with extrema read where they stand."""
    return _Winner(fn).function(fn)


@dataclass(slots=True)
class _Search:
    """Carry `number` of a loop becomes the extremum (`op`) of `element`, which `ops` evaluate."""

    number: int
    op: Op
    element: Value
    ops: list[Op]

    @property
    def is_dear(self) -> bool:
        """Whether elements had better be evaluated once."""
        return any(op.regions for op in self.ops)

    @property
    def takes_nan(self) -> bool:
        """Whether an element that is NaN becomes the extremum, as that is the second operand."""
        return self.op.operands[0] is self.element


def _is_simple(op: Op) -> bool:
    """Whether it gives the same whenever it is run, as long as memory is the same."""
    return computes(op) and isinstance(op.result.type, ScalarType)


class _Winner(Rebuild):
    def __init__(self, fn: Function) -> None:
        super().__init__()
        self._aliases = Aliases(fn)
        self._outermost = set(fn.body.ops)
        self._made = makers(fn.body)
        self._uses = uses(fn.body)

    def visit(self, op: Op) -> None:
        self.keep(op)
        if op.name == "for" and not op.attrs["exits"] and constant(op.operands[2], self._made) == 1:
            for search in self._searches(op):
                if search.is_dear or op in self._outermost:
                    self.mapping[op.results[search.number]] = self._read(op, search)

    def _searches(self, loop: Op) -> list[_Search]:
        body = loop.regions[0]
        found = []
        for k, value in enumerate(body.terminator.operands):
            op, carry = self._made.get(value), body.args[1 + k]
            if op is None or op.name not in ("max", "min") or not is_float(carry.type) or op not in body.ops:
                continue
            if op.operands.count(carry) != 1 or self._uses[carry] != 1 or self._uses[value] != 1:
                continue
            element = op.operands[op.operands[0] is carry]
            ops = self._evaluation(element, loop)
            if ops is not None:
                found.append(_Search(k, op, element, ops))
        return found

    def _evaluation(self, element: Value, loop: Op) -> list[Op] | None:
        """The ops of the body that an element takes, if they are few and give the same at any time."""
        body = loop.regions[0]
        inside = set(body.args) | {r for op in body.ops for r in op.results}
        written = self._aliases.written(loop)
        order: list[Op] = []

        def visit(value: Value) -> bool:
            op = self._made.get(value)
            if value is body.args[0] or value not in inside or (op is not None and op in order):
                return True
            if op is None or not self._repeatable(op) or not written.isdisjoint(self._aliases.read(op)):
                return False
            if not all(map(visit, mentioned(op))) or len(order) >= _MOST:
                return False
            order.append(op)
            return True

        return order if visit(element) else None

    def _repeatable(self, op: Op) -> bool:
        if op.name == "for" and not op.attrs["exits"]:
            inner = list(walk(op.regions[0]))
            return len(inner) <= _MOST_INSIDE and all(_is_simple(o) or o.name in ("for", "yield") for o in inner)
        return op.name not in DEAR and _is_simple(op)

    # -- writing

    def _read(self, loop: Op, search: _Search) -> Value:
        """The extremum: its only element if it has one, else what the loop makes of it."""
        span, start = loop.span, self.get(loop.operands[3 + search.number])
        table = self._table(loop, search) if search.is_dear else None
        name = search.op.name if search.is_dear else f"f{search.op.name}"
        extremum = self._loop(loop, search, name, table).results[0]
        top = extremum
        if not search.takes_nan:
            odd = self.emit("isnan", [start], [BOOL], span).result
            top = self.emit("select", [odd, start, extremum], [extremum.type], span).result
        at, alone = self._find(loop, search, top, table)
        started = self.emit("ne", [start, top], [BOOL], span).result
        single = self.emit("and", [alone, started], [BOOL], span).result
        with self.written() as then:
            self.emit("yield", [self._evaluate(loop, search, at)], [], span)
        with self.written() as otherwise:
            again = self._loop(loop, search, search.op.name, rare=True)
            self.emit("yield", [again.results[0]], [], span)
        return self.emit("if", [single], [extremum.type], span, {}, (then, otherwise)).result

    def _evaluate(self, loop: Op, search: _Search, index: Value, rare: bool = False) -> Value:
        """The element at an index; if its loops are `rare`, they say so."""
        mapping: Mapping = {**self.mapping, loop.regions[0].args[0]: index}
        copies = [copy_op(op, mapping) for op in search.ops]
        self.ops += marked(Region((), copies), "rare").ops if rare else copies
        return mapping.get(search.element, search.element)

    def _table(self, loop: Op, search: _Search) -> Value:
        """Memory for an element of each iteration."""
        b = Builder(loop.span)
        lo, hi = (self.get(o) for o in loop.operands[:2])
        assert isinstance(search.element.type, ScalarType)
        table = b.alloc(search.element.type, [b.by_ones(lo, hi)], hint="elements")
        self.ops += b.root.ops
        return table

    def _place(self, loop: Op, index: Value) -> Value:
        """Where a table has the element of an iteration."""
        return self.emit("sub", [index, self.get(loop.operands[0])], [I64], loop.span).result

    def _loop(self, loop: Op, search: _Search, name: str, table: Value | None = None, rare: bool = False) -> Op:
        """The loop with this carry only, which becomes the `name` of itself and the element, and fills the table."""
        op, span = search.op, loop.span
        carry = Value(op.result.type, loop.regions[0].args[1 + search.number].name)
        index = Value(I64, loop.regions[0].args[0].name)
        with self.written(index, carry) as body:
            element = self._evaluate(loop, search, index, rare)
            if table is not None:
                self.emit("store", [element, table, self._place(loop, index)], [], span)
            operands = [element if o is search.element else carry for o in op.operands]
            self.emit("yield", [self.emit(name, operands, [carry.type], op.span).result], [], span)
        inputs = [*[self.get(o) for o in loop.operands[:3]], self.get(loop.operands[3 + search.number])]
        attrs = {"exits": False, "kind": "sequential"} | ({"rare": True} if rare else {})
        return self.emit("for", inputs, [carry.type, I64], span, attrs, (body,))

    def _find(self, loop: Op, search: _Search, top: Value, table: Value | None) -> tuple[Value, Value]:
        """The index of the only element equal to `top`, and whether there is just one."""
        b, span = Builder(loop.span), loop.span
        lo, hi, step = (self.get(o) for o in loop.operands[:3])
        none, each = b.i64(0), b.i64(_EACH)
        index, found = Value(I64, loop.regions[0].args[0].name), Value(I64, "found")
        self.ops += b.root.ops
        with self.written(index, found) as body:
            place = self._place(loop, index)
            if table is None:
                element = self._evaluate(loop, search, index)
            else:
                element = self.emit("load", [table, place], [top.type], span).result
            equal = self.emit("eq", [element, top], [BOOL], span).result
            if search.takes_nan and table is None:
                odd = self.emit("isnan", [element], [BOOL], span).result
                equal = self.emit("or", [equal, odd], [BOOL], span).result
            tagged = self.emit("add", [place, each], [I64], span).result
            here = self.emit("select", [equal, tagged, none], [I64], span).result
            self.emit("yield", [self.emit("add", [found, here], [I64], span).result], [], span)
        attrs = {"exits": False, "kind": "sequential"}
        total, trips = self.emit("for", [lo, hi, step, none], [I64, I64], span, attrs, (body,)).results
        b = Builder(loop.span)
        bounds = b.op("ge", total, each), b.op("lt", total, b.i64(2 * _EACH)), b.op("lt", trips, b.i64(_EACH // 2))
        alone = b.op("and", b.op("and", bounds[0], bounds[1]), bounds[2])
        at = b.op("add", lo, b.op("sub", total, each))
        self.ops += b.root.ops
        return at, alone
