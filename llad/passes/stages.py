"""Long chains of dear functions run in stages: each for a strip of iterations, before the next one begins.

What: where an iteration is a chain (a logarithm, of that an exponential, …), a processor waits for one function after
the other: it does not look far enough ahead to begin with later iterations meanwhile. So the loop goes through its
range in strips, and functions that need others have a loop of their own, which finds what they need in scratch memory.

When: an outermost loop of straight code that is `apart` and carries nothing but sums whose order is free; there are
four functions or more, and some need others. What touches memory that the loop writes keeps its order. Integers, and
loads of what the loop does not write, are computed again in each stage.

Before:

    func @f(%x: buffer<f64, 1, C>, %y: buffer<f64, 1, C>, %n: i64) {
      %zero: i64 = const 0
      %one: i64 = const 1
      %trips: i64 = for %i in %zero..%n step %one {'apart': True} {
        %u: f64 = load %x[%i]
        %a: f64 = log %u
        %b: f64 = sin %u
        %p: f64 = mul %a, %b
        %c: f64 = exp %p
        %d: f64 = erf %p
        %q: f64 = mul %c, %d
        %r: f64 = add %q, %u
        store %r, %y[%i]
        yield
      }
      return
    }

After:

    func @f(%x: buffer<f64, 1, C>, %y: buffer<f64, 1, C>, %n: i64) {
      %size: i64 = const 128
      %kept: buffer<f64, 1, C> = alloc(%size) {'storage': 'stack'}
      %zero: i64 = const 0
      %one: i64 = const 1
      %none: i64 = const 0
      %unit: i64 = const 1
      %strip: i64 = const 128
      %strips: i64 = for %from in %zero..%n step %strip {
        %left: i64 = sub %n, %from
        %count: i64 = min %left, %strip
        %to: i64 = add %from, %count
        %first: i64 = for %i in %from..%to step %unit {'apart': True} {
          %k: i64 = sub %i, %from
          %u: f64 = load %x[%i]
          %a: f64 = log %u
          %b: f64 = sin %u
          %p: f64 = mul %a, %b
          store %p, %kept[%k]
          yield
        }
        %second: i64 = for %j in %from..%to step %unit {'apart': True} {
          %l: i64 = sub %j, %from
          %p1: f64 = load %kept[%l]
          %u1: f64 = load %x[%j]
          %c: f64 = exp %p1
          %d: f64 = erf %p1
          %q: f64 = mul %c, %d
          %r: f64 = add %q, %u1
          store %r, %y[%j]
          yield
        }
        yield
      }
      return
    }
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from llad.dataclass import dataclass
from llad.ir.alias import Aliases
from llad.ir.core import Function, Op, Region, Value
from llad.ir.types import I64, is_float
from llad.ops.cost import DEAR
from llad.passes.strips import Bounds, Scratch, Strips, Sum

_FUNCTIONS = DEAR | {"gauss"}  # which machine code computes together with `erf` and `erfc`
_FEWEST = 4  # dear functions of a loop for which stages pay
_TOGETHER = 2  # functions that a stage has at least
_MOST = 12  # values that are kept between stages


def stages(fn: Function) -> Function:
    """`fn` with chains of dear functions in stages. Small frames stay as they are."""
    return fn if fn.attrs.get("may_alias") else _Stages(fn).function(fn)


@dataclass(frozen=True, slots=True)
class _Plan:
    """What the stages of a loop compute, what they may compute again, and the values that they keep for later ones."""

    stages: list[list[Op]]
    again: set[Op]
    kept: list[list[Value]]


class _Stages(Strips):
    def __init__(self, fn: Function) -> None:
        super().__init__(fn)
        self._free = bool(fn.attrs.get("fastmath"))
        self._aliases = Aliases(fn)
        self._depth = 0

    def visit(self, op: Op) -> None:
        inside = int(op.name in ("for", "while"))
        plan = self._plan(op) if inside and not self._depth else None
        self._depth += inside
        if plan is None:
            self.keep(op)
        else:
            self.replace(op.results, self._in_stages(op, plan))
        self._depth -= inside

    # -- which loops

    def _plan(self, loop: Op) -> _Plan | None:
        """The stages of a loop, if it is worth having more than one."""
        body = loop.regions[0]
        if sum(op.name in DEAR for op in body.ops) < _FEWEST or not self.is_plain(loop):
            return None
        sums = [self.sum_of(body, k) for k in range(len(body.args) - 1)]
        found = [each for each in sums if each is not None and (self._free or each.ops[0].attrs.get("reassoc"))]
        if len(found) < len(sums):
            return None
        again = self._again(loop)
        place = self._levels(loop, again, found)
        if (count := _joined(place)) < 2:
            return None
        self._sink(body, place, again, {op for each in found for op in each.ops})
        stages = [[op for op in body.ops if place.get(op) == k] for k in range(count)]
        kept = [[r for op in ops for r in op.results if self._latest(r, place) > k] for k, ops in enumerate(stages)]
        return _Plan(stages, again, kept) if sum(map(len, kept)) <= _MOST else None

    def _again(self, loop: Op) -> set[Op]:
        """What each stage may compute for itself: integers and loads that depend on nothing else."""
        body, written = loop.regions[0], self._aliases.written(loop)
        own = {r for op in body.ops for r in op.results} | set(body.args[1:])
        again: set[Op] = set()
        for op in body.ops[:-1]:
            whole = all(not is_float(r.type) for r in op.results) and op.name != "store"
            if op.name == "load":
                whole = self._aliases.roots(op.operands[0]).isdisjoint(written)
            if (whole or op.name == "const") and own.isdisjoint(op.operands):
                again.add(op)
                own.difference_update(op.results)
        return again

    def _levels(self, loop: Op, again: set[Op], sums: Sequence[Sum]) -> dict[Op, int]:
        """The first stage in which each op can be: functions come later than those that they need."""
        memory = 0
        ready: dict[Value, tuple[int, bool]] = {}  # the stage of a value, and whether it needs a function of that stage
        place: dict[Op, int] = {}
        for op in loop.regions[0].ops[:-1]:
            if op in again:
                continue
            stage, waits = max([ready.get(o, (0, False)) for o in op.operands], default=(0, False))
            if op.name in _FUNCTIONS:
                stage, waits = stage + waits, True
            if op.name in ("load", "store"):
                waits = waits and stage >= memory
                stage = memory = max(stage, memory)
            place[op] = stage
            ready.update(dict.fromkeys(op.results, (stage, waits)))
        place.update(dict.fromkeys([op for each in sums for op in each.ops], max(place.values(), default=0)))
        return place

    def _sink(self, body: Region, place: dict[Op, int], again: set[Op], adding: set[Op]) -> None:
        """Compute later what only later stages need, where all that it needs is at hand."""
        made = {r: op for op in body.ops for r in op.results}
        for op in reversed(body.ops[:-1]):
            if op in again or op in adding or op.name in ("load", "store") or op.name in _FUNCTIONS or not op.results:
                continue
            users = [place[use] for r in op.results for use in self._uses.get(r, ()) if use in place]
            first = min(users, default=0)
            if first > place[op]:
                needed = {o for o in op.operands if o in made and made[o] not in again}
                if sum(self._latest(o, place, but=op) < first for o in needed) < len(op.results):
                    place[op] = first

    def _latest(self, value: Value, place: dict[Op, int], but: Op | None = None) -> int:
        """The last stage that needs a value."""
        return max([place[use] for use in self._uses.get(value, ()) if use in place and use is not but], default=-1)

    # -- the loops that stand for it

    def _in_stages(self, loop: Op, plan: _Plan) -> list[Value]:
        def parts(bounds: Bounds, places: Bounds, carries: list[Value]) -> None:
            scratch = self.scratch_for([v for values in plan.kept for v in values])
            for k in range(len(plan.stages)):
                self._stage(loop, plan, k, bounds, carries, scratch)

        with self.afresh():
            return self.in_strips(loop, parts)

    def _stage(
        self, loop: Op, plan: _Plan, k: int, bounds: Bounds, carries: list[Value], scratch: Scratch
    ) -> None:
        """Emit stage `k`; the last one adds to the sums, and `carries` learns them."""
        body, span = loop.regions[0], loop.span
        last = k == len(plan.stages) - 1
        index = Value(I64, body.args[0].name)
        args = [Value(a.type, a.name) for a in body.args[1:]] if last else []
        self.replace(body.args if last else body.args[:1], [index, *args])
        with self.written(index, *args) as region:
            ops = list(_with_needed(body, plan, k))
            earlier = [v for values in plan.kept[:k] for v in values if any(v in op.operands for op in ops)]
            place = self.emit("sub", [index, bounds[0]], [I64], span).result
            loaded = [self.emit("load", [scratch[v], place], [v.type], span).result for v in earlier]
            self.replace(earlier, loaded)
            self.splice(ops)
            for value in plan.kept[k]:
                self.emit("store", [self.get(value), scratch[value], place], [], span)
            self.emit("yield", self.operands(body.terminator) if last else [], [], span)
        inits, types = (carries if last else []), [a.type for a in args]
        made = self.emit("for", [*bounds, *inits], [*types, I64], span, loop.attrs, (region,))
        if last:
            carries[:] = made.results[:-1]


def _joined(place: dict[Op, int]) -> int:
    """How many stages there are, when those of few functions are one with the next, or the last with that before."""
    levels = max(place.values(), default=0) + 1
    functions = [sum(op.name in _FUNCTIONS and at == k for op, at in place.items()) for k in range(levels)]
    new, stage, here = [], 0, 0
    for k in range(levels):
        new.append(stage)
        here += functions[k]
        if here >= _TOGETHER and sum(functions[k + 1 :]) >= _TOGETHER:
            stage, here = stage + 1, 0
    for op, at in place.items():
        place[op] = new[at]
    return stage + 1


def _with_needed(body: Region, plan: _Plan, k: int) -> Iterator[Op]:
    """The ops of a stage, with what it computes again, in their order."""
    needed = {o for op in plan.stages[k] for o in op.operands}
    chosen = set(plan.stages[k])
    for op in reversed(body.ops):
        if op in plan.again and not needed.isdisjoint(op.results):
            chosen.add(op)
            needed.update(op.operands)
    return (op for op in body.ops if op in chosen)
