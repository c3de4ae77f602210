"""What a recurrence hands on is added last.

What: an iteration waits for the one before it through the numbers that go from one to the next (`y1`, `y2` in
`y = b * x + c * y1 + d * y2`). The sums and products on that way are written so that what is there early comes first,
and what the last iteration handed on, last: it then passes through one operation rather than through all. And they
keep that order, in which machine code would otherwise see no meaning, and mostly begins with what is handed on. Nor is
what several are divided by on that way turned into its reciprocal first, which would then be multiplied.

When: sums and products may be reassociated: all with `fastmath`, those of adjoints always. What is only added up, in a
carry, is no recurrence: it stays free, so that vectors may add it up.

Before:

    func @f(%x: buffer<f64, 1, C>, %c: f64, %d: f64, %n: i64) {'fastmath': True} {
      %zero: i64 = const 0
      %one: i64 = const 1
      %z: f64 = const 0.0
      %y: f64, %before: f64, %trips: i64 = for %i in %zero..%n step %one carry (%y1: f64 = %z, %y2: f64 = %z) {
        %p: f64 = mul %c, %y1
        %q: f64 = mul %d, %y2
        %s: f64 = add %p, %q
        %u: f64 = load %x[%i]
        %v: f64 = add %s, %u
        yield %v, %y1
      }
      return %y
    }

After:

    func @f(%x: buffer<f64, 1, C>, %c: f64, %d: f64, %n: i64) {'fastmath': True} {
      %zero: i64 = const 0
      %one: i64 = const 1
      %z: f64 = const 0.0
      %y: f64, %before: f64, %trips: i64 = for %i in %zero..%n step %one carry (%y1: f64 = %z, %y2: f64 = %z) {
        %p: f64 = mul %c, %y1 {'reassoc': False}
        %q: f64 = mul %d, %y2 {'reassoc': False}
        %u: f64 = load %x[%i]
        %s: f64 = add %u, %q {'reassoc': False, 'moved': True}
        %v: f64 = add %s, %p {'reassoc': False, 'moved': True}
        yield %v, %y1
      }
      return %y
    }
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from llad.dataclass import dataclass
from llad.ir.core import Function, Op, Value, uses
from llad.ir.types import is_float
from llad.passes.latest_plan import LONG_AGO, STEP, Recurrence, recurrences
from llad.passes.rebuild import Rebuild

_SUMS = frozenset({"add", "sub"})
_ORDERED: dict[str, Any] = {"reassoc": False}
_MOVED: dict[str, Any] = {**_ORDERED, "moved": True}


def latest(fn: Function) -> Function:
    """`fn` with recurrences through as few operations as their sums allow."""
    return _Latest(fn).function(fn)


@dataclass(frozen=True, slots=True)
class _Term:
    """What is added or multiplied: a value, whether it is taken away, and when it is there.

    `early`: when all is there that it takes to add it, for a product is multiplied as it is added.
    """

    value: Value
    minus: bool
    time: float
    early: float


class _Latest(Rebuild):
    def __init__(self, fn: Function) -> None:
        super().__init__()
        self._fast = bool(fn.attrs.get("fastmath"))
        self._used = uses(fn.body)
        self._terms: dict[Op, list[_Term]] = {}  # of the sums and products on the way of a recurrence
        self._within: set[Op] = set()  # those that others of them take in
        self._divided: set[Op] = set()  # quotients there, by what is on it

    def visit(self, op: Op) -> None:
        if op in self._within:
            return
        if op.name in ("for", "while"):
            for found in recurrences(op):
                self._learn(found)
        terms = self._terms.get(op, ())
        if op in self._divided:
            self.copy(op, self.operands(op), (), _ORDERED)
        elif not terms:
            self.keep(op)
        elif len(terms) == 2:
            self.copy(op, self.operands(op), (), _ORDERED)
        else:
            self._in_order(op, list(terms))

    # -- what is added or multiplied

    def _learn(self, found: Recurrence) -> None:
        """Note the terms of each sum and product on the way, but of those that others take in."""
        if self._fast:
            self._divided.update(op for op in found.way if op.name == "div" and op.operands[1] in found.waits)
        free = {op.results[0]: op for op in found.way if self._is_free(op)}
        for op in reversed(free.values()):
            if op not in self._within:
                self._terms[op] = list(self._parts(op, free, found))

    def _is_free(self, op: Op) -> bool:
        named = (op.name in _SUMS or op.name == "mul") and is_float(op.result.type)
        return named and (self._fast or bool(op.attrs.get("reassoc")))

    def _parts(self, op: Op, free: dict[Value, Op], found: Recurrence, minus: bool = False) -> Iterator[_Term]:
        for k, operand in enumerate(op.operands):
            taken = minus != (op.name == "sub" and k == 1)
            inner = free.get(operand)
            alone = self._used[operand] == 1
            if inner is not None and _alike(inner, op) and (alone or _is_sooner(op, inner, found)):
                self._within.update([inner] if alone else [])
                yield from self._parts(inner, free, found, taken)
            else:
                yield self._term(operand, inner, taken, found)

    def _term(self, value: Value, made: Op | None, minus: bool, found: Recurrence) -> _Term:
        time = early = _time(value, found)
        if made is not None and made.name == "mul" and self._used[value] == 1:
            early = max(_time(o, found) for o in made.operands)
        return _Term(value, minus, time, early)

    # -- in their order

    def _in_order(self, op: Op, terms: list[_Term]) -> None:
        """Emit the sum or product: those two first that are there first."""
        terms = [replace(t, value=self.get(t.value)) for t in terms]
        while len(terms) > 1:
            terms.sort(key=lambda t: t.early)  # which keeps the order of equals
            terms[:2] = [self._joined(op, *terms[:2])]
        self.replace(op.results, [terms[0].value])

    def _joined(self, op: Op, first: _Term, second: _Term) -> _Term:
        attrs = op.attrs if second.time == LONG_AGO else {**op.attrs, **_MOVED}
        if op.name == "mul":
            name, a, b = "mul", first.value, second.value
        elif first.minus == second.minus:
            name, a, b = "add", first.value, second.value
        else:
            name, a, b = ("sub", second.value, first.value) if first.minus else ("sub", first.value, second.value)
        value = self.emit(name, [a, b], [op.result.type], op.span, attrs).result
        minus = first.minus and second.minus and op.name != "mul"
        if second.time == LONG_AGO:
            return _Term(value, minus, LONG_AGO, LONG_AGO)
        time = min(max(first.time, second.early), max(first.early, second.time)) + STEP
        return _Term(value, minus, time, time)


def _is_sooner(op: Op, inner: Op, found: Recurrence) -> bool:
    """Whether a product is there sooner if it is not made from another one, which others use, but from its factors."""
    if op.name != "mul":
        return False
    a, b = sorted(_time(v, found) for v in inner.operands)
    other = min(_time(v, found) for v in op.operands)  # of two, the one that is no product of what waits
    _, second, third = sorted([a, b, other])
    return max(second + STEP, third) < max(b + STEP, other)


def _time(value: Value, found: Recurrence) -> float:
    return found.time.get(value, 0.0) if value in found.waits else LONG_AGO


def _alike(inner: Op, outer: Op) -> bool:
    """Whether the terms of one are terms of the other."""
    return inner.name == "mul" if outer.name == "mul" else inner.name in _SUMS
