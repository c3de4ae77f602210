"""About half of a function becomes a function beside it: LLVM compiles both at the same time.

What: of the ops of the body that are called once, a run moves into a function of the table, marked `beside`, so that
what is left and what moves are about as long. What is called once is the body of the function, and an arm of an `if`
that is most of it. In a function that is in parts already, or has chunks of loops, some of these are marked.

When: always sound (`cutting.py`); where enough is in either half to be worth a thread.

Before, if the loops were longer:

    func @f(%a: buffer<f64, 1, C>, %b: buffer<f64, 1, C>, %n: i64) {
      %zero: i64 = const 0
      %one: i64 = const 1
      %x: f64 = const 2.0
      %t: i64 = for %i in %zero..%n step %one {
        store %x, %a[%i]
        yield
      }
      %u: i64 = for %j in %zero..%t step %one {
        store %x, %b[%j]
        yield
      }
      return
    }

After:

    local @part0(%n: i64, %a: buffer<f64, 1, C>) {'part': (), 'beside': True} {
      %zero: i64 = const 0
      %one: i64 = const 1
      %x: f64 = const 2.0
      %t: i64 = for %i in %zero..%n step %one {
        store %x, %a[%i]
        yield
      }
      return %t
    }

    func @f(%a: buffer<f64, 1, C>, %b: buffer<f64, 1, C>, %n: i64) {
      %zero: i64 = const 0
      %one: i64 = const 1
      %x: f64 = const 2.0
      %0: i64 = call @part0(%n, %a) {'part': True}
      %u: i64 = for %j in %zero..%0 step %one {
        store %x, %b[%j]
        yield
      }
      return
    }
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import accumulate

from llad.ir.core import Function, Op, Value, walk
from llad.ir.types import BOOL, I64
from llad.ops.table import OPS
from llad.passes.cutting import AT_HOME, Cutting, with_inner
from llad.passes.effects import TRAPPING

LEAST = 60  # ops of a half
_APART = frozenset({"part", "chunk", "chunks"})  # marks of calls of what may be beside the function
ENTRY = 50  # ops which take as long to compile as the entry point, which is beside what stays


def halves(fn: Function, least: int = LEAST, entry: int = ENTRY) -> Function:
    """`fn`, with about half of it beside it if either half has at least `least` ops."""
    if fn.functions:
        return _shared_out(fn, least, entry)
    if _weight(fn.body.ops) < 2 * least:
        return fn
    made = _Halves(fn, least, entry)
    return made.function(fn) if made.run else fn


def _weight(ops: Sequence[Op]) -> int:
    return sum(1 + sum(1 for r in op.regions for _ in walk(r)) for op in ops)


def _shared_out(fn: Function, least: int, entry: int) -> Function:
    """`fn` with some of its parts and of the chunks of its loops beside it, the longest first."""
    calls = [op for op in walk(fn.body) if op.name == "call" and not _APART.isdisjoint(op.attrs)]
    called = {op.attrs["callee"] for op in calls}
    outside = [name for name in called if all(op.name != "call" for op in walk(fn.functions[name].body))]
    stay, beside, functions = entry + _weight(fn.body.ops), 0, dict(fn.functions)
    for weight, name in sorted(((_weight(functions[name].body.ops), name) for name in outside), reverse=True):
        if beside <= stay:
            beside += weight
            functions[name] = _beside(functions[name])
        else:
            stay += weight
    return replace(fn, functions=functions) if beside >= least else fn


def _beside(fn: Function) -> Function:
    return replace(fn, attrs={**fn.attrs, "beside": True})


class _Halves(Cutting):
    """`run` is what moves: so many ops of `ops`, those of a region that is run once."""

    def __init__(self, fn: Function, least: int, rest: int) -> None:
        super().__init__(fn)
        self._once: Sequence[Op] = fn.body.ops
        self._known: list[tuple[Value, bool]] = []
        while (found := _most(self._once)) is not None:
            choice, arm = found
            self._note(self._once[: self._once.index(choice)])
            self._hold(choice.operands[0], arm == 0)
            rest += _weight(self._once) - _weight(choice.regions[arm].ops)
            self._once = choice.regions[arm].ops
        self.run = self._run(rest, least)
        self._note(self._once[: self.run.start])

    def _note(self, before: Sequence[Op]) -> None:
        """What was checked holds from then on."""
        for op in before:
            if op.name == "check":
                self._hold(op.operands[0], True)

    def _hold(self, condition: Value, holds: bool) -> None:
        made = self._made.get(condition)
        if made is not None and made.name != "const" and self.repeats(made):
            self._known.append((condition, holds))

    def _run(self, rest: int, least: int) -> range:
        """The run that is about as heavy as the other ops and `rest`; none if either has not the `least`."""
        ops = self._once
        until = list(accumulate([0 if self.repeats(op) else _weight([op]) for op in ops], initial=0))
        total = until[-1] + rest
        fences = list(accumulate([self.stays(op) for op in ops], initial=0))
        ends = [k for k, op in enumerate(ops) if op.regions and not self.stays(op)]
        runs = [range(i, j + 1) for i in ends for j in ends if i <= j and fences[i] == fences[j]]
        weights = {run: until[run.stop] - until[run.start] for run in runs}
        best = min(runs, key=lambda run: abs(total - 2 * weights[run]), default=range(0))
        return best if best and least <= weights[best] <= total - least else range(0)

    def splice(self, ops: Iterable[Op]) -> None:
        if ops is not self._once:
            super().splice(ops)
            return
        left, moved = self._divided()
        super().splice(left)
        self.cut(moved, self._known, beside=True)
        super().splice(self._once[self.run.stop :])

    def stays(self, op: Op) -> bool:
        """Stacks of records that are made before the run may be handed over: it is called once."""
        return op.name in AT_HOME

    def repeats(self, op: Op) -> bool:
        """What costs next to nothing, so that as much is known of it as if nothing had been cut."""
        whole = op.name in OPS and all(v.type in (I64, BOOL) for v in (*op.operands, *op.results))
        return whole or op.name in ("const", "undef", "dim", "view")

    def _divided(self) -> tuple[list[Op], list[Op]]:
        """What is left before the run, and what moves. What may trap stays behind the checks in the run that guard it.

        Memory is made where all that use it are, so that it is known to be nobody else's. They may use it by another
        name: were a view of a stack slot returned, the slot would be gone.
        """
        before, run = self._once[: self.run.start], self._once[self.run.start : self.run.stop]
        within = Counter(o for op in run for inner in with_inner(op) for o in inner.operands)
        seen = [v for op in (*before, *run) for v in op.results if within[v] < self._uses[v]]
        shared = {root for v in seen for root in self._aliases.roots(v)}
        inner = [op for op in (*before, *run) if op.name == "alloc" and op.result not in shared]
        left = [op for op in before if op not in inner]
        moved = [op for op in before if op in inner]
        late = {op.result for op in moved}
        for op in run:
            hoisted = op.name in ("alloc", "lifo") or (self.repeats(op) and op.name not in TRAPPING)
            early = hoisted and op not in inner and late.isdisjoint(op.operands)
            (left if early else moved).append(op)
            if not early:
                late.update(op.results)
        return left, moved


def _most(ops: Sequence[Op]) -> tuple[Op, int] | None:
    """An `if` that is most of all, and its longer arm."""
    inner = max(ops, key=lambda op: _weight([op]), default=None)
    if inner is None or inner.name != "if" or 4 * _weight([inner]) < 3 * _weight(ops):
        return None
    return inner, max(range(2), key=lambda arm: _weight(inner.regions[arm].ops))
