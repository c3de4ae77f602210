"""A greatest or least element is found first and then read: only the winner takes part in the derivative.

What: a loop at the top of a function that carries `c = max(c, t[i])` is followed by one that counts which elements
are equal to the result, and finds the first. If there is one such element, and the loop did not start from its value,
the result is that element, evaluated once more; else (ties, or nothing beats the start) the loop runs as it stood. So
differentiation sees one element instead of a chain of choices, and keeps nothing of it.

When: before differentiation; the carry is used for nothing else, and an element is cheap to evaluate from what the
loop does not change. The extremum that is compared with may have either sign if it is zero, so it is found by `fmax`,
which machine code can spread over vectors; a NaN that the loop starts from stays.

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
      %m: f64, %t0: i64 = for %i in %zero..%n step %one carry (%c: f64 = %s) {
        %t: f64 = load %x[%i]
        %d: f64 = fmax %c, %t
        yield %d
      }
      %odd: bool = isnan %s
      %top: f64 = select %odd, %s, %m
      %none: i64 = const 0
      %first: i64 = const 1
      %count: i64, %at: i64, %t1: i64 = for %i in %zero..%n step %one carry (%k: i64 = %none, %l: i64 = %n) {
        %t: f64 = load %x[%i]
        %e: bool = eq %t, %top
        %more: i64 = add %k, %first
        %k1: i64 = select %e, %more, %k
        %here: i64 = select %e, %i, %n
        %l1: i64 = min %l, %here
        yield %k1, %l1
      }
      %alone: bool = eq %count, %first
      %start: bool = ne %s, %top
      %single: bool = and %alone, %start
      %r: f64 = if %single {
        %t: f64 = load %x[%at]
        yield %t
      } else {
        %q: f64, %t2: i64 = for %i in %zero..%n step %one carry (%c: f64 = %s) {
          %t: f64 = load %x[%i]
          %d: f64 = max %c, %t
          yield %d
        }
        yield %q
      }
      return %r
    }
"""

from __future__ import annotations

from dataclasses import dataclass

from llad.ir.alias import Aliases
from llad.ir.core import PURE_STRUCTURED, Function, Op, Region, Value, walk
from llad.ir.rewrite import Mapping, copy_op
from llad.ir.types import BOOL, I64, ScalarType, is_float
from llad.ops.cost import DEAR
from llad.ops.table import OPS
from llad.passes.rebuild import Rebuild

_MOST = 8  # ops of an element


def winner(fn: Function) -> Function:
    """`fn` with the extrema of its outermost loops read where they stand."""
    return _Winner(fn).function(fn)


@dataclass(slots=True)
class _Search:
    """Carry `number` of a loop becomes the extremum (`op`) of `element`, which `ops` evaluate."""

    number: int
    op: Op
    element: Value
    ops: list[Op]


class _Winner(Rebuild):
    def __init__(self, fn: Function) -> None:
        super().__init__()
        self._aliases = Aliases(fn)
        self._outermost = set(fn.body.ops)
        self._made = {r: op for op in walk(fn.body) for r in op.results}
        self._uses: dict[Value, int] = {}
        for op in walk(fn.body):
            for operand in op.operands:
                self._uses[operand] = self._uses.get(operand, 0) + 1

    def visit(self, op: Op) -> None:
        self.keep(op)
        if op not in self._outermost or op.name != "for" or op.attrs["exits"]:
            return
        step = self._made.get(op.operands[2])
        if step is not None and step.name == "const" and step.attrs["value"] == 1:
            for search in self._searches(op):
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
        """The ops of the body that an element takes, if they are few and cheap and give the same at any time."""
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
            if not all(map(visit, op.operands)) or len(order) >= _MOST:
                return False
            order.append(op)
            return True

        return order if visit(element) else None

    def _repeatable(self, op: Op) -> bool:
        if op.regions or op.name in DEAR or len(op.results) != 1 or not isinstance(op.result.type, ScalarType):
            return False
        return op.name in OPS or op.name in PURE_STRUCTURED or op.name == "load"

    # -- writing

    def _read(self, loop: Op, search: _Search) -> Value:
        """The extremum: its only element if it has one, else what the loop makes of it."""
        span, start = loop.span, self.get(loop.operands[3 + search.number])
        extremum = self._loop(loop, search, "f" + search.op.name).results[0]
        odd = self.emit("isnan", [start], [BOOL], span).result
        top = self.emit("select", [odd, start, extremum], [extremum.type], span).result
        at, alone = self._find(loop, search, top)
        started = self.emit("ne", [start, top], [BOOL], span).result
        single = self.emit("and", [alone, started], [BOOL], span).result
        outside, self.ops = self.ops, []
        element = self._evaluate(loop, search, at)
        self.emit("yield", [element], [], span)
        then, self.ops = Region((), self.ops), []
        again = self._loop(loop, search, search.op.name)
        self.emit("yield", [again.results[0]], [], span)
        otherwise, self.ops = Region((), self.ops), outside
        return self.emit("if", [single], [extremum.type], span, {}, (then, otherwise)).result

    def _evaluate(self, loop: Op, search: _Search, index: Value) -> Value:
        mapping: Mapping = {**self.mapping, loop.regions[0].args[0]: index}
        self.ops += [copy_op(op, mapping) for op in search.ops]
        return mapping.get(search.element, search.element)

    def _loop(self, loop: Op, search: _Search, name: str) -> Op:
        """The loop with this carry only, which becomes the `name` of itself and the element."""
        op, span = search.op, loop.span
        carry = Value(op.result.type, loop.regions[0].args[1 + search.number].name)
        index = Value(I64, loop.regions[0].args[0].name)
        outside, self.ops = self.ops, []
        element = self._evaluate(loop, search, index)
        operands = [element if o is search.element else carry for o in op.operands]
        self.emit("yield", [self.emit(name, operands, [carry.type], op.span).result], [], span)
        body, self.ops = Region((index, carry), self.ops), outside
        inputs = [*[self.get(o) for o in loop.operands[:3]], self.get(loop.operands[3 + search.number])]
        attrs = {"exits": False, "kind": "sequential"}
        return self.emit("for", inputs, [carry.type, I64], span, attrs, (body,))

    def _find(self, loop: Op, search: _Search, top: Value) -> tuple[Value, Value]:
        """The index of the first element equal to `top`, and whether there is just one."""
        span = loop.span
        lo, hi, step = (self.get(o) for o in loop.operands[:3])
        none, one = self.const(0, I64, span), self.const(1, I64, span)
        index, count, first = Value(I64, loop.regions[0].args[0].name), Value(I64, "count"), Value(I64, "first")
        outside, self.ops = self.ops, []
        equal = self.emit("eq", [self._evaluate(loop, search, index), top], [BOOL], span).result
        more = self.emit("add", [count, one], [I64], span).result
        counted = self.emit("select", [equal, more, count], [I64], span).result
        here = self.emit("select", [equal, index, hi], [I64], span).result
        nearest = self.emit("min", [first, here], [I64], span).result
        self.emit("yield", [counted, nearest], [], span)
        body, self.ops = Region((index, count, first), self.ops), outside
        attrs = {"exits": False, "kind": "sequential"}
        made = self.emit("for", [lo, hi, step, none, hi], [I64, I64, I64], span, attrs, (body,))
        alone = self.emit("eq", [made.results[0], one], [BOOL], span).result
        return made.results[1], alone
