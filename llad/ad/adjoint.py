"""The reverse sweep, written as if every primal value were at hand.

Regions are mirrored one to one and their ops visited backwards; scalar adjoints are SSA values, and a buffer's
adjoint is its shadow (Griewank & Walther 2008, §3.2; Moses & Churavy 2020). The ops made here mention values
of the primal directly. `tape.py` then finds out which of those the reverse sweep really has to be given.

Invariant: a mirrored region only mentions primal values that were in scope in the region that it mirrors.
"""

from __future__ import annotations

from collections.abc import Sequence

from llad.ad import names
from llad.ad.activity import Activity, loop_carries, loop_inits, loop_yields
from llad.ad.calls import Calls, has_shadow, is_active_stack
from llad.ad.guards import either, unless_zero
from llad.ad.memory import as_layout, extents, loop_nest
from llad.ad.mirror import Fusion, Mirror
from llad.ad.rules import feeds_choice, products
from llad.ad.shadows import Shadows
from llad.ad.strategies import Strategies
from llad.ad.structure import Structure
from llad.ir.core import TAPE, Op, Region, Value, walk
from llad.ir.types import I64, BufferType, ScalarType, is_float
from llad.ops.table import OPS

Bars = dict[Value, Value]  # the adjoints known while one region is mirrored, by primal value
Ahead = tuple[list[Op], list[Op]]  # primal ops and reverse ops to be moved before a fused loop


class Adjoint:
    """Mirrors a function into `mirror`, accumulating into `shadows`."""

    def __init__(
        self,
        mirror: Mirror,
        structure: Structure,
        activity: Activity,
        shadows: Shadows,
        calls: Calls,
        strategies: Strategies,
    ) -> None:
        self.fn = structure.fn
        self.mirror = mirror
        self.structure = structure
        self.activity = activity
        self.shadows = shadows
        self.calls = calls
        self.strategies = strategies
        self.strong = feeds_choice(self.fn)
        self.b = mirror.builder
        self.late: set[Value] = set()  # what fused loops give: known behind them only
        self._scopes: list[Bars] = []

    def run(self, seeds: Sequence[tuple[Value, Value]], wrt: Sequence[Value]) -> list[Value]:
        """Mirror the body from (result, cotangent) pairs; the cotangents of the scalar parameters in `wrt`."""
        self._scopes.append({})
        self.b.span = self.fn.body.terminator.span
        for result, bar in seeds:
            if isinstance(result.type, ScalarType):
                self.contribute(result, bar)
            elif self.activity.active(result):
                self.accumulate(bar, self.shadows.of(result))
        self.ops(self.fn.body)
        return [self.taken(p) for p in wrt]

    # -- adjoints

    def contribute(self, value: Value, term: Value) -> None:
        """Add `term` to the adjoint of `value` in the innermost scope."""
        if not self.activity.active(value):
            return
        bar = self._scopes[-1]
        bar[value] = self.sum(bar[value], term) if value in bar else term

    def sum(self, a: Value, b: Value) -> Value:
        """An accumulation of adjoints: it has no source order, so it may be reassociated."""
        op = self.b.emit("add", [a, b], [a.type], {"reassoc": True})
        return op.result

    def taken(self, value: Value) -> Value:
        """The adjoint of `value`, which is complete now; zero if nothing contributed."""
        bar = self._scopes[-1].pop(value, None)
        return self.zero(value) if bar is None else bar

    def accumulate(self, source: Value, shadow: Value) -> None:
        """Add every element of `source` to that of a shadow."""
        b = self.b

        def add(indices: list[Value]) -> None:
            b.store(self.sum(b.load(shadow, *indices), b.load(source, *indices)), shadow, *indices)

        loop_nest(b, extents(b, source), add)

    def zero(self, value: Value) -> Value:
        """An adjoint of `value` to which nothing contributed."""
        assert isinstance(value.type, ScalarType)
        return self.b.const(0.0, value.type)

    # -- ops

    def ops(self, region: Region) -> None:
        for op in reversed(region.ops[:-1]):
            self.b.span = op.span
            match op.name:
                case "if":
                    self.if_(op)
                case "for" | "while":
                    self.loop(op)
                case "load":
                    self.load(op)
                case "store":
                    self.store(op)
                case "push" | "pop":
                    self.push_pop(op)
                case "cast":
                    self.cast(op)
                case "call":
                    self.call(op)
                case name if name in OPS:
                    self.scalar(op)
                case name:
                    assert name not in ("derivative", "free"), f"{name} before differentiation"

    def scalar(self, op: Op) -> None:
        d = self._scopes[-1].pop(op.result, None)
        if d is None:
            return
        wanted = [d if self.activity.active(o) else None for o in op.operands]
        position = self.strategies.carried_choice(op)
        if position is not None and None not in wanted:
            terms = self.behind_a_branch(op, d, position)
        else:
            terms = products(self.b, op, wanted, op.operands, op.result, op in self.strong)
        for operand, term in zip(op.operands, terms, strict=True):
            if term is not None:
                self.contribute(operand, term)

    def behind_a_branch(self, op: Op, d: Value, carried: int) -> list[Value | None]:
        """The terms of a `min` or `max` of a carry and something new: only a new one that is taken costs anything."""
        b, (first, second) = self.b, op.operands
        less = "lt" if op.name == "min" else "gt"
        if carried == 0:  # the second operand is taken if it is less, and shares if it is equal
            condition = b.op("le" if op.name == "min" else "ge", second, first)
        else:
            condition = b.op("not", b.op(less, second, first))
        with b.region() as then:
            terms = products(b, op, [d, d], op.operands, op.result, op in self.strong)
            assert None not in terms
            b.yield_(*[t for t in terms if t is not None])
        with b.region() as otherwise:
            nothing = self.zero(op.result)
            b.yield_(*([d, nothing] if carried == 0 else [nothing, d]))
        return list(b.if_(condition, then, otherwise))

    def cast(self, op: Op) -> None:
        d = self._scopes[-1].pop(op.result, None)
        if d is not None and is_float(op.operands[0].type):
            assert isinstance(op.operands[0].type, ScalarType)
            self.contribute(op.operands[0], self.b.cast(d, op.operands[0].type))

    def load(self, op: Op) -> None:
        d = self._scopes[-1].pop(op.result, None)
        if d is not None and self.activity.active(op.operands[0]):
            shadow = self.shadows.of(op.operands[0])
            indices = op.operands[1:]
            self.b.store(self.sum(self.b.load(shadow, *indices), d), shadow, *indices)

    def store(self, op: Op) -> None:
        value, buffer, *indices = op.operands
        if not self.activity.active(buffer):
            return
        shadow = self.shadows.of(buffer)
        if self.activity.active(value):
            self.contribute(value, self.b.load(shadow, *indices))
        self.b.store(self.zero(value), shadow, *indices)

    def push_pop(self, op: Op) -> None:
        """A stack's adjoint is a stack of equal length: `pop` pushes a cotangent record, `push` pops it."""
        lifo = op.operands[0]
        if not self.activity.active(lifo):
            return
        shadow, fields = self.shadows.lifo(lifo)
        if not fields:
            return
        if op.name == "pop":
            self.b.push(shadow, *[self.taken(op.results[k]) for k in fields])
            return
        record = self.b.pop(shadow)
        for k, d in zip(fields, record, strict=True):
            self.contribute(op.operands[1 + k], d)

    def call(self, op: Op) -> None:
        """Call the callee's reverse sweep: shadows of its memory and cotangents of its results, to cotangents."""
        if not self.calls.differentiated(op, self.activity):
            return
        b = self.b
        memory = [o for o in op.operands if has_shadow(o)]
        shadows = [as_layout(b, self.shadows.of(o), o.type) for o in memory if isinstance(o.type, BufferType)]
        bars = [self.taken(r) for r in op.results if is_float(r.type)]
        scalars = [o for o in op.operands if is_float(o.type)]
        stacks = [self.shadows.lifo(o) for o in op.operands if is_active_stack(o)]
        given = [*shadows, *[stack for stack, fields in stacks if fields], *bars]
        name = self.calls.reverse(op.attrs["callee"])
        for operand, bar in zip(scalars, b.call(name, given, [o.type for o in scalars]), strict=True):
            self.contribute(operand, bar)

    # -- regions

    def worthwhile(self, op: Op) -> bool:
        """Whether mirroring `op` can do anything: an adjoint of a result, or an effect on a shadow inside."""
        if any(r in self._scopes[-1] for r in op.results):
            return True
        for region in op.regions:
            for inner in walk(region):
                if inner.name == "store" and self.activity.active(inner.operands[1]):
                    return True
                if inner.name in ("push", "pop") and self.activity.active(inner.operands[0]):
                    return True
                if inner.name == "call" and self.calls.differentiated(inner, self.activity):
                    return True
        return False

    def if_(self, op: Op) -> None:
        if not self.worthwhile(op):
            return
        outer = self._scopes[-1]
        bars = {r: outer.pop(r) for r in op.results if r in outer}
        regions: list[Region] = []
        captured: list[Bars] = []
        for region in op.regions:
            with self.b.region() as new:
                self.mirror.of[region] = new
                self._scopes.append({})
                for source, result in zip(region.terminator.operands, op.results, strict=True):
                    if result in bars:
                        self.contribute(source, bars[result])
                self.ops(region)
                captured.append(self._scopes.pop())
            regions.append(new)
        self.b.span = op.span
        keys = list(dict.fromkeys([*captured[0], *captured[1]]))
        for region, bar in zip(regions, captured, strict=True):
            with self.b.inside(region):
                self.b.yield_(*[bar[k] if k in bar else self.zero(k) for k in keys])
        for key, result in zip(keys, self.b.if_(op.operands[0], *regions), strict=True):
            self.contribute(key, result)

    def loop(self, op: Op) -> None:
        """Mirror a loop by the strategy that suits it, behind a guard if a choice may leave it without adjoints."""
        if not self.worthwhile(op):
            return
        sums = self.strategies.sums(op)
        bars = [self._scopes[-1][op.results[k]] for k in sums if op.results[k] in self._scopes[-1]]
        before = self.computable_before(op, bars)
        strategy = self.strategies.choose(op, adjoints_known=before is not None)
        if strategy != "taped":
            self.structure.reruns[op.regions[0]] = strategy
        if strategy == "fused":
            assert before is not None
            self.fused(op, self.sum_bars(op), before)
            return
        condition = self.guard(op)
        if condition is None:
            self.reversed(op, self.sum_bars(op))
            return
        outer = self._scopes[-1]
        self._scopes.append({r: outer.pop(r) for r in op.results if r in outer})
        with self.b.region() as then:
            self.reversed(op, self.sum_bars(op))
            captured = self._scopes.pop()
            self.b.yield_(*captured.values())
        with self.b.region() as otherwise:
            self.b.yield_(*[self.zero(k) for k in captured])
        for key, bar in zip(captured, self.b.if_(condition, then, otherwise), strict=True):
            self.contribute(key, bar)

    def guard(self, op: Op) -> Value | None:
        """The condition without which no adjoint enters a loop that nothing leaves but its results."""
        bars = [self._scopes[-1][r] for r in op.results if r in self._scopes[-1]]
        if not self.strategies.may_be_skipped(op):
            return None
        made = {r: made for made in self.b.current.ops for r in made.results}
        conditions = [unless_zero(self.b, bar, made) for bar in bars]
        return None if None in conditions else either(self.b, conditions)

    def sum_bars(self, op: Op) -> Bars:
        """The adjoints of the sums of a loop by carry, the same in every iteration and for what they start from."""
        bars = {k: self.taken(op.results[k]) for k in self.strategies.sums(op) if op.results[k] in self._scopes[-1]}
        for k, bar in bars.items():
            self.contribute(loop_inits(op)[k], bar)
        return {loop_carries(op)[k]: bar for k, bar in bars.items()}

    def iteration(self, op: Op, sum_bars: Bars) -> None:
        """Mirror the body of a loop whose sums have these adjoints."""
        for carry, next_ in zip(loop_carries(op), loop_yields(op), strict=True):
            if carry in sum_bars:
                self.contribute(next_, sum_bars[carry])
        self.ops(op.regions[-1])
        for k in self.strategies.sums(op):
            self._scopes[-1].pop(loop_carries(op)[k], None)

    def reversed(self, op: Op, sum_bars: Bars) -> None:
        """The reversed loop carries the adjoints of the other carries and a sum for every outer value used inside."""
        b = self.b
        carries = [
            (init, carry, next_, result)
            for k, (init, carry, next_, result) in enumerate(
                zip(loop_inits(op), loop_carries(op), loop_yields(op), op.results, strict=False)
            )
            if is_float(carry.type) and self.activity.active(carry) and k not in self.strategies.sums(op)
        ]
        inits = [self.taken(result) for *_, result in carries]
        body = op.regions[-1]
        types = [I64, *[carry.type for _, carry, _, _ in carries]]
        with b.region(types, ["i", *[names.bar(c) for _, c, _, _ in carries]]) as new:
            self.mirror.of[body] = new
            if op.name == "for":
                self.mirror.index[body.args[0]] = self.primal_index(op, body, new.args[0])
            self._scopes.append({})
            for (_, _, next_, _), bar in zip(carries, new.args[1:], strict=True):
                self.contribute(next_, bar)
            self.iteration(op, sum_bars)
            bars = [self.taken(carry) for _, carry, _, _ in carries]
            captured = self._scopes.pop()
            b.span = op.span
            added = [Value(k.type, names.bar(k)) for k in captured]
            new.args = (*new.args, *added)
            b.yield_(*bars, *[self.sum(s, d) for s, d in zip(added, captured.values(), strict=True)])
        starts = [*inits, *[self.zero(k) for k in captured]]
        passed_on = all(bar is arg for bar, arg in zip(bars, new.args[1:], strict=False))
        bounds = self.reversed_bounds(op, any_order=passed_on)
        results = b.for_(*bounds, starts, new)
        for (init, *_), bar in zip(carries, results, strict=False):
            self.contribute(init, bar)
        for key, bar in zip(captured, results[len(carries) : -1], strict=True):
            self.contribute(key, bar)

    def fused(self, op: Op, sum_bars: Bars, before: Ahead) -> None:
        """One loop that runs and reverses each iteration, to stand in the forward sweep (`augment.py` fills it)."""
        b, body = self.b, op.regions[0]
        with b.region([a.type for a in body.args], [a.name for a in body.args]) as new:
            self.mirror.of[body] = new
            self.mirror.index[body.args[0]] = new.args[0]
            self._scopes.append({})
            self.iteration(op, sum_bars)
            captured = self._scopes.pop()
            b.span = op.span
            added = [Value(k.type, names.bar(k)) for k in captured]
            new.args = (*new.args, *added)
            b.yield_(*loop_yields(op), *[self.sum(s, d) for s, d in zip(added, captured.values(), strict=True)])
        for ops in self.movable():
            ops[:] = [o for o in ops if o not in before[1]]
        with b.inside(Region((), before[1])) as ahead:
            operands = (*op.operands, *[self.zero(k) for k in captured])
        results = tuple(Value(v.type, v.name) for v in (*op.results[:-1], *added, op.results[-1]))
        self.mirror.fused[op] = Fusion(
            before[0], ahead, Op("for", operands, results, {"exits": False, "kind": "sequential"}, (new,), op.span)
        )
        self.late.update(results)
        for key, bar in zip(captured, results[len(op.results) - 1 : -1], strict=True):
            self.contribute(key, bar)

    def computable_before(self, loop: Op, bars: list[Value]) -> Ahead | None:
        """What computes `bars`, if it can be moved before the primal loop; else None."""
        ops = [op for ops in self.movable() for op in ops]
        made = {r: op for op in ops for r in op.results}
        limit = self.structure.position[loop.results[0]]
        found: set[Op] = set()
        primal: set[Op] = set()
        pending = list(bars)
        while pending:
            value = pending.pop()
            op = made.get(value)
            if op is None and self.structure.position.get(value, -1) >= limit:
                op = self.structure.op_of.get(value)
                if op is None or self.structure.region_of[value] is not self.structure.home(loop):
                    return None
                primal.add(op)
            if value in self.late or (op is not None and not self.is_movable(op)):
                return None
            if op is not None and op not in found:
                found.add(op)
                pending += op.operands
        return [op for op in self.structure.home(loop).ops if op in primal], [op for op in ops if op in found]

    def is_movable(self, op: Op) -> bool:
        """Whether `op` only computes, and cannot trap."""
        return op.name in ("const", "cast") or (op.name in OPS and is_float(op.result.type))

    def movable(self) -> list[list[Op]]:
        """The reverse ops of this region, in order; some may have been moved before a fused loop already."""
        fusions = [f for f in self.mirror.fused.values() if f.before.ops]
        return [*[f.before.ops for f in reversed(fusions)], self.b.current.ops]

    def reversed_bounds(self, op: Op, any_order: bool) -> tuple[Value, Value, Value]:
        """Bounds of the reversed loop: a plain `for` with step 1 runs over its own indices, others count trips down.

        Independent iterations whose adjoints do not pass through each other (`any_order`) run forwards, which
        suits caches and vectors; then no record may be popped, so their tapes must be rectangular.
        """
        b = self.b
        if not self.own_indices(op):
            return b.op("sub", op.results[-1], b.i64(1)), b.i64(-1), b.i64(-1)
        lo, hi, step = op.operands[:3]
        body = op.regions[-1]
        independent = any_order and op.attrs["kind"] != "sequential"
        root = self.structure.root(self.structure.home(op))
        if independent and self.structure.rectangular(body, root) and not any(i.name in TAPE for i in walk(body)):
            return lo, hi, step
        one = b.i64(1)
        return b.op("sub", hi, one), b.op("sub", lo, one), b.i64(-1)

    def own_indices(self, op: Op) -> bool:
        """Whether the reversed loop runs over the primal's indices: a `for` without exits, of constant step 1."""
        return op.name == "for" and not op.attrs["exits"] and self.structure.constant(op.operands[2]) == 1

    def primal_index(self, op: Op, body: Region, index: Value) -> Value:
        """The primal's loop index in terms of the reversed loop's, computed first thing in the mirrored body."""
        if self.own_indices(op):
            return index
        lo, _, step = op.operands[:3]
        with self.b.inside(self.mirror.indices(body)):
            return self.b.op("add", lo, self.b.op("mul", index, step))
