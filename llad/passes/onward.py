"""What an iteration stores and the next one loads is carried to it.

What: in `e[t] = x[t] - a * e[t - 1]` each iteration waits until what the one before stored can be loaded. The loop
carries it instead, beginning with the element that the first iteration would load. It is stored as before.

When: the loop is `sequential`, and its body straight but for branches. The index of the load is that of the store in
the iteration before, which every iteration makes; what else is stored to that memory in between is stored elsewhere.
In front of the loop, the element is loaded if there is an iteration, and there is such an element.

Before:

    func @f(%e: buffer<f64, 1, C>, %a: f64, %n: i64) {
      %one: i64 = const 1
      %trips: i64 = for %t in %one..%n step %one {
        %k: i64 = sub %t, %one
        %u: f64 = load %e[%k]
        %v: f64 = mul %u, %a
        store %v, %e[%t]
        yield
      }
      return
    }

After:

    func @f(%e: buffer<f64, 1, C>, %a: f64, %n: i64) {
      %one: i64 = const 1
      %c0: i64 = const -1
      %at: i64 = add %one, %c0
      %some: bool = lt %one, %n
      %zero: i64 = const 0
      %low: bool = ge %at, %zero
      %m: i64 = dim %e, 0
      %high: bool = lt %at, %m
      %both: bool = and %some, %low
      %there: bool = and %both, %high
      %first: f64 = if %there {
        %w: f64 = load %e[%at]
        yield %w
      } else {
        %nothing: f64 = const 0.0
        yield %nothing
      }
      %last: f64, %trips: i64 = for %t in %one..%n step %one carry (%u: f64 = %first) {
        %k: i64 = sub %t, %one
        %v: f64 = mul %u, %a
        store %v, %e[%t]
        yield %v
      }
      return
    }
"""

from __future__ import annotations

from collections.abc import Iterator

from llad.ir.affine import Affine
from llad.ir.alias import Aliases
from llad.ir.core import Function, Op, Value, accessed, defined, walk
from llad.ir.elements import Elements
from llad.ir.types import BOOL, I64, ScalarType, is_float
from llad.ops.table import OPS
from llad.passes.rebuild import Rebuild

_STRAIGHT = frozenset({*OPS, "const", "cast", "dim", "undef", "load", "store", "view", "check", "if", "yield", "push"})


def onward(fn: Function) -> Function:
    """`fn` with elements carried that one iteration stores and the next one loads."""
    return fn if fn.attrs.get("may_alias") else _Onward(fn).function(fn)


class _Onward(Rebuild):
    def __init__(self, fn: Function) -> None:
        super().__init__()
        self._aliases = Aliases(fn)
        self._elements = Elements(fn)
        self._carried: set[Op] = set()  # the loads that are none any more

    def visit(self, op: Op) -> None:
        if op in self._carried:
            return
        pairs = list(self._pairs(op)) if op.name == "for" else []
        if pairs:
            self._carry(op, pairs)
        else:
            self.keep(op)

    # -- what is handed on

    def _pairs(self, loop: Op) -> Iterator[tuple[Op, Op]]:
        """Loads, and the stores of what they find in the iteration before."""
        body, step = loop.regions[0], self._elements.constant(loop.operands[2])
        if step is None or not step or loop.attrs["kind"] != "sequential" or loop.attrs.get("apart"):
            return
        inner = list(walk(body))
        if not all(op.name in _STRAIGHT for op in inner):
            return
        order = {op: k for k, op in enumerate(inner)}
        stores = [op for op in inner if op.name == "store"]
        inside = defined(body) - {body.args[0]}
        for load in [op for op in body.ops if op.name == "load" and is_float(op.result.type)]:
            array = load.operands[0]
            roots = self._aliases.roots(array)
            others = [s for s in stores if not roots.isdisjoint(self._aliases.roots(s.operands[1]))]
            if array in inside or any(s.operands[1] is not array for s in others):
                continue
            for store in others:
                follows = store in body.ops and self._follows(load, store, body.args[0], step, inside)
                if follows and self._stays(load, store, others, order):
                    yield load, store
                    break

    def _follows(self, load: Op, store: Op, index: Value, step: int, inside: set[Value]) -> bool:
        """Whether an iteration loads what the one before stored."""
        moves = False
        for a, b in zip(accessed(load)[1:], accessed(store)[1:], strict=True):
            at, there = self._elements.form(a), self._elements.form(b)
            along = at.terms.get(index, 0)
            if there.plus(at, -1).number != step * along or not inside.isdisjoint(at.terms):
                return False
            moves |= bool(along)
        return moves

    def _stays(self, load: Op, store: Op, others: list[Op], order: dict[Op, int]) -> bool:
        """Whether nothing else is stored there in between: behind the store, nor before the load."""
        for other in others:
            after, before = order[other] > order[store], order[other] < order[load]
            for between, access in ((after, store), (before, load)):
                if between and not self._elements.differ(accessed(other)[1:], accessed(access)[1:]):
                    return False
        return True

    # -- the loop that carries it

    def _carry(self, loop: Op, pairs: list[tuple[Op, Op]]) -> None:
        body, span = loop.regions[0], loop.span
        firsts = [self._first(loop, load) for load, _ in pairs]
        begun = [self.get(o) for o in loop.operands]
        args = self.arguments(body.args)
        handed = [Value(load.result.type, load.result.name) for load, _ in pairs]
        self._carried.update(load for load, _ in pairs)
        self.replace([load.result for load, _ in pairs], handed)
        with self.written(*args, *handed) as region:
            self.splice(body.ops[:-1])
            ends = [self.get(store.operands[0]) for _, store in pairs]
            self.emit("yield", [*self.operands(body.terminator), *ends], [], span)
        types = [*(r.type for r in loop.results[:-1]), *(v.type for v in handed), I64]
        made = self.emit("for", [*begun, *firsts], types, span, loop.attrs, (region,))
        self.replace(loop.results, [*made.results[: len(loop.results) - 1], made.results[-1]])

    def _first(self, loop: Op, load: Op) -> Value:
        """What the first iteration would load; 0 if there is none, or no such element."""
        span, index = load.span, loop.regions[0].args[0]
        lo, hi, step = loop.operands[:3]
        array = self.get(load.operands[0])
        at = [self._beginning(self._elements.form(i), index, lo, load) for i in load.operands[1:]]
        number = self._elements.constant(step)
        assert number is not None
        holds = [self.emit("lt" if number > 0 else "gt", [self.get(lo), self.get(hi)], [BOOL], span).result]
        for axis, place in enumerate(at):
            holds.append(self.emit("ge", [place, self.const(0, I64, span)], [BOOL], span).result)
            extent = self.emit("dim", [array], [I64], span, {"axis": axis}).result
            holds.append(self.emit("lt", [place, extent], [BOOL], span).result)
        type = load.result.type
        assert isinstance(type, ScalarType)

        def element() -> list[Value]:
            return [self.emit("load", [array, *at], [type], span).result]

        self.either(load, self.all_of(holds, span), (element, lambda: [self.const(0.0, type, span)]))
        return self.get(load.result)

    def _beginning(self, form: Affine, index: Value, lo: Value, load: Op) -> Value:
        """An index of the load in the first iteration."""
        terms = {atom: factor for atom, factor in form.terms.items() if atom is not index}
        if along := form.terms.get(index, 0):
            terms[lo] = terms.get(lo, 0) + along
        return self.number_of(Affine(form.const, terms), load.span)
