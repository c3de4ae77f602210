"""Small arrays that a loop hands on become numbers that it carries.

What: a carry of a `for` that is a new array of few numbers in each iteration (`y = y + h * f(y)`) becomes a carry for
each of its elements. What it starts from is loaded before the loop; if the array is used after it, it is made there.
So a state of a few numbers costs no memory in either sweep, however it is written.

When: the iterations read fixed elements of the array that they are given, and store each element of the one that they
hand on; in the loop, nobody writes what it starts from. That may have other extents: elements that are not there are
zeros, which nothing can have read.

Before:

    func @f(%y0: buffer<f64, 1, C>, %h: f64, %n: i64) {
      %zero: i64 = const 0
      %one: i64 = const 1
      %y: buffer<f64, 1, C>, %trips: i64 = for %i in %zero..%n step %one carry (%x: buffer<f64, 1, C> = %y0) {
        %a: f64 = load %x[%zero]
        %b: f64 = mul %a, %h
        %next: buffer<f64, 1, C> = alloc(%one)
        store %b, %next[%zero]
        yield %next
      }
      return %y
    }

After:

    func @f(%y0: buffer<f64, 1, C>, %h: f64, %n: i64) {
      %zero: i64 = const 0
      %one: i64 = const 1
      %d: i64 = dim %y0, 0
      %v1: i64 = const 0
      %there: bool = lt %v1, %d
      %start: f64 = if %there {
        %v5: f64 = load %y0[%v1]
        yield %v5
      } else {
        %v6: f64 = const 0.0
        yield %v6
      }
      %last: f64, %trips: i64 = for %i in %zero..%n step %one carry (%x: f64 = %start) {
        %b: f64 = mul %x, %h
        %v8: f64 = const 0.0
        yield %b
      }
      %v11: i64 = const 0
      %ran: bool = gt %trips, %v11
      %y: buffer<f64, 1, C> = if %ran {
        %v13: i64 = const 1
        %made: buffer<f64, 1, C> = alloc(%v13)
        %v15: i64 = const 0
        store %last, %made[%v15]
        yield %made
      } else {
        yield %y0
      }
      return %y
    }
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import cached_property

from llad.dataclass import dataclass
from llad.ir.alias import Aliases
from llad.ir.core import Function, Op, Region, Value, makers, users, walk
from llad.ir.elements import Elements
from llad.ir.types import BOOL, I64, BufferType
from llad.passes.fold import normal
from llad.passes.rebuild import Rebuild
from llad.passes.scalars import Element, element_at, elements_of


def hands_on_few(fn: Function) -> bool:
    """Whether some loop hands on new arrays of few numbers, which `states` may take out of memory."""
    known = _Known(fn)
    return any(known.made(loop, k) for loop in walk(fn.body) for k in known.buffers(loop))


def states(fn: Function) -> Function:
    """`fn` with loops that carry numbers in place of small arrays."""
    known = _Known(fn)
    found = {
        loop: plans
        for loop in walk(fn.body)
        if (plans := [p for k in known.buffers(loop) if (p := known.plan(loop, k))])
    }
    return _States(fn, found).function(fn) if found else fn


@dataclass(frozen=True)
class _Plan:
    """Of carry number `k`, of which each iteration makes the next one: `given` is what it has, `made` what it makes."""

    k: int
    given: Value
    made: Op
    elements: list[Element]
    dims: list[int]  # the axes of which an iteration asks


class _Known:
    """What the loops of a function hand on."""

    def __init__(self, fn: Function) -> None:
        self._fn = fn
        self._constant = Elements(fn).constant
        self._made = makers(fn.body)
        self._users = users(fn.body)

    @cached_property
    def _aliases(self) -> Aliases:
        """Asked only where a loop hands on such an array, which few do."""
        return Aliases(self._fn)

    def buffers(self, loop: Op) -> Iterable[int]:
        """The carries that are arrays."""
        if loop.name != "for" or loop.attrs["exits"]:
            return []
        return [k for k, r in enumerate(loop.results) if isinstance(r.type, BufferType)]

    def made(self, loop: Op, k: int) -> Op | None:
        """The allocation of few elements that an iteration hands on as carry `k`."""
        op = self._made.get(loop.regions[0].terminator.operands[k])
        if op is None or op.name != "alloc" or op not in loop.regions[0].ops or "storage" in op.attrs:
            return None
        return op if self._elements(op) else None

    def _elements(self, alloc: Op) -> list[Element]:
        extents = [n for o in alloc.operands if (n := self._constant(o)) is not None and n > 0]
        return (elements_of(extents) or []) if len(extents) == len(alloc.operands) else []

    def plan(self, loop: Op, k: int) -> _Plan | None:
        made, given, init = self.made(loop, k), loop.regions[0].args[1 + k], loop.operands[3 + k]
        if made is None or not self._aliases.roots(init).isdisjoint(self._aliases.written(loop)):
            return None
        elements, body = self._elements(made), loop.regions[0]
        asked = self._users.get(given, [])
        if not all(op.name == "dim" or self._loads(op, elements) for op in asked):
            return None
        ends = body.terminator.operands
        for op in self._users[made.result]:
            last = op is body.terminator and ends.count(made.result) == 1
            stores = op.name == "store" and op.operands[0] is not made.result and op in body.ops
            known = stores and element_at(op.operands[2:], self._constant) in elements
            if not (last or known or op.name == "dim" or self._loads(op, elements)):
                return None
        if not self._is_whole(body, made, elements):
            return None
        return _Plan(k, given, made, elements, sorted({op.attrs["axis"] for op in asked if op.name == "dim"}))

    def _loads(self, op: Op, elements: list[Element]) -> bool:
        return op.name == "load" and element_at(op.operands[1:], self._constant) in elements

    def _is_whole(self, body: Region, made: Op, elements: list[Element]) -> bool:
        """Whether every element is stored, and before it is loaded."""
        stored: set[Element | None] = set(elements) if made.attrs["zero"] else set()
        for op in body.ops:
            loads = (o for o in (op, *(o for r in op.regions for o in walk(r))) if o.name == "load")
            read = {element_at(o.operands[1:], self._constant) for o in loads if o.operands[0] is made.result}
            if not read <= stored:
                return False
            if op.name == "store" and op.operands[1] is made.result:
                element = element_at(op.operands[2:], self._constant)
                assert element is not None
                stored.add(element)
        return stored >= set(elements)


class _States(Rebuild):
    """`held`: what the elements of an array are at the moment; `dims`: what its extents are."""

    def __init__(self, fn: Function, plans: Mapping[Op, list[_Plan]]) -> None:
        super().__init__()
        self._plans = plans
        self._constant: Callable[[Value], int | None] = Elements(fn).constant
        self._held: dict[Value, dict[Element, Value]] = {}
        self._dims: dict[Value, dict[int, Value]] = {}

    def visit(self, op: Op) -> None:
        buffer = op.operands[op.name == "store"] if op.name in ("load", "store", "dim") else None
        if op in self._plans:
            self._loop(op, self._plans[op])
        elif op.name == "alloc" and op.result in self._held:
            self._begin(op)
        elif buffer not in self._held:
            self.keep(op)
        elif op.name == "dim":
            self.replace(op.results, [self._dims[buffer][op.attrs["axis"]]])
        elif op.name == "load":
            self.replace(op.results, [self._held[buffer][self._at(op.operands[1:])]])
        else:
            self._held[buffer] = {**self._held[buffer], self._at(op.operands[2:]): self.get(op.operands[0])}

    def _at(self, indices: Iterable[Value]) -> Element:
        element = element_at(tuple(indices), self._constant)
        assert element is not None
        return element

    def _begin(self, alloc: Op) -> None:
        type = alloc.result.type
        assert isinstance(type, BufferType)
        number = normal(0, type.dtype)
        assert number is not None
        zero = self.const(number, type.dtype, alloc.span)
        self._held[alloc.result] = dict.fromkeys(self._held[alloc.result], zero)
        self._dims[alloc.result] = dict(enumerate(map(self.get, alloc.operands)))

    def _loop(self, loop: Op, plans: list[_Plan]) -> None:
        body, gone = loop.regions[0], {plan.k for plan in plans}
        kept = [k for k in range(len(body.args) - 1) if k not in gone]
        starts = [value for plan in plans for value in self._starts(loop, plan)]
        index, *same = self.arguments((body.args[0], *(body.args[1 + k] for k in kept)))
        added = []
        for plan in plans:
            type = plan.given.type
            assert isinstance(type, BufferType)
            self._held[plan.given] = {e: Value(type.dtype, plan.given.name) for e in plan.elements}
            self._dims[plan.given] = {axis: Value(I64) for axis in plan.dims}
            self._held[plan.made.result] = dict.fromkeys(plan.elements, plan.given)  # until it begins
            added += [*self._held[plan.given].values(), *self._dims[plan.given].values()]
        with self.written(index, *same, *added) as region:
            self.splice(body.ops[:-1])
            ends = [self.get(body.terminator.operands[k]) for k in kept]
            for plan in plans:
                ends += [self._held[plan.made.result][e] for e in plan.elements]
                ends += [self._dims[plan.made.result][axis] for axis in plan.dims]
            self.emit("yield", ends, [], body.terminator.span)
        operands = [*map(self.get, loop.operands[:3]), *(self.get(loop.operands[3 + k]) for k in kept), *starts]
        made = self.emit("for", operands, [*(v.type for v in ends), I64], loop.span, loop.attrs, (region,))
        others = [loop.results[k] for k in kept]
        self.replace([*others, loop.results[-1]], [*made.results[: len(kept)], made.results[-1]])
        rest = iter(made.results[len(kept) :])
        for plan in plans:
            last = {e: next(rest) for e in plan.elements}
            for _ in plan.dims:
                next(rest)
            self._after(loop, plan, last, made.results[-1])

    def _starts(self, loop: Op, plan: _Plan) -> list[Value]:
        """The elements before the first iteration, as far as they are there, and the extents."""
        init, span = self.get(loop.operands[3 + plan.k]), loop.span
        type = init.type
        assert isinstance(type, BufferType)
        dims = self.extents(init, span)
        found = []
        for element in plan.elements:
            at = [self.const(n, I64, span) for n in element]
            inside = [self.emit("lt", pair, [BOOL], span).result for pair in zip(at, dims, strict=True)]
            there = self.all_of(inside or [self.const(True, BOOL, span)], span)
            with self.written() as loaded:
                self.emit("yield", [self.emit("load", [init, *at], [type.dtype], span).result], [], span)
            with self.written() as none:
                number = normal(0, type.dtype)
                assert number is not None
                self.emit("yield", [self.const(number, type.dtype, span)], [], span)
            found.append(self.emit("if", [there], [type.dtype], span, None, (loaded, none)).result)
        return [*found, *(dims[axis] for axis in plan.dims)]

    def _after(self, loop: Op, plan: _Plan, last: dict[Element, Value], trips: Value) -> None:
        """The array that the loop has handed on in the end."""
        result, span = loop.results[plan.k], loop.span
        with self.written() as ran:
            extents = [self.const(n, I64, span) for n in self._sizes(plan)]
            array = self.emit("alloc", extents, [result.type], span, {"zero": False}).result
            for element, value in last.items():
                self.emit("store", [value, array, *(self.const(n, I64, span) for n in element)], [], span)
            self.emit("yield", [array], [], span)
        with self.written() as idle:
            self.emit("yield", [self.get(loop.operands[3 + plan.k])], [], span)
        some = self.emit("gt", [trips, self.const(0, I64, span)], [BOOL], span).result
        found = self.emit("if", [some], [result.type], span, None, (ran, idle)).result
        found.name = result.name
        self.replace([result], [found])

    def _sizes(self, plan: _Plan) -> list[int]:
        return [1 + max(axis) for axis in zip(*plan.elements, strict=True)]
