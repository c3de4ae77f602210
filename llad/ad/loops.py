"""How the reverse sweep goes through loops: backwards, or in one with the forward sweep (`strategies.py`).

The reversed loop carries the adjoints of the primal's carries, and a sum for every value from outside that the body
uses. The adjoint of a carry to which the loop only adds is the same all along and is not carried at all. A fused loop
stands in the forward sweep (`augment.py` fills it); what computes the adjoints that it starts from is moved there too.
"""

from __future__ import annotations

from collections.abc import Callable

from llad.ad import names
from llad.ad.activity import said_of
from llad.ad.bars import Bars, Table
from llad.ad.guards import either, unless_zero
from llad.ad.mirror import Fusion, Mirror
from llad.ad.snapshots import Snapshots, iterations
from llad.ad.strategies import Strategies
from llad.ad.structure import HOISTABLE, Structure
from llad.ad.tape import position
from llad.ir.core import CHECKPOINT, Op, Region, Value, has_neighbours, loop_carries, loop_inits, loop_yields, walk
from llad.ir.types import I64, is_float
from llad.ops.table import OPS

Ahead = tuple[list[Op], list[Op]]  # primal ops and reverse ops to be moved before a fused loop


class Loops:
    """Mirrors loops; `mirror_ops` mirrors the ops of a region."""

    def __init__(
        self,
        mirror: Mirror,
        structure: Structure,
        strategies: Strategies,
        bars: Bars,
        mirror_ops: Callable[[Region], None],
    ) -> None:
        self.mirror = mirror
        self.structure = structure
        self.strategies = strategies
        self.bars = bars
        self.mirror_ops = mirror_ops
        self.b = mirror.builder
        self.late: set[Value] = set()  # what fused loops give: known behind them only

    def reverse(self, op: Op) -> None:
        """Mirror a loop by the strategy that suits it, behind a guard if a choice may leave it without adjoints."""
        if CHECKPOINT in op.attrs:
            self.checkpointed(op)
            return
        sums = self.strategies.sums(op)
        bars = [self.bars[op.results[k]] for k in sums if op.results[k] in self.bars]
        later = self.structure.apart is not None and self.structure.home(op) is self.structure.fn.body
        before = None if later else self.computable_before(op, bars)
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
        self.mirror.free.add(op)
        entering = {r: self.bars.taken(r) for r in op.results if r in self.bars}
        with self.b.region() as then, self.bars.scope(entering) as captured:
            self.reversed(op, self.sum_bars(op))
            self.b.yield_(*captured.values())
        with self.b.region() as otherwise:
            self.b.yield_(*[self.bars.zero(k) for k in captured])
        for key, bar in zip(captured, self.b.if_(condition, then, otherwise), strict=True):
            self.bars.contribute(key, bar)

    def guard(self, op: Op) -> Value | None:
        """The condition without which no adjoint enters a loop that nothing leaves but its results."""
        bars = [self.bars[r] for r in op.results if r in self.bars]
        if not self.strategies.may_be_skipped(op) or self.strategies.multiplies(op):
            return None
        made = {r: made for made in self.b.current.ops for r in made.results}
        conditions = [unless_zero(self.b, bar, made) for bar in bars]
        return None if None in conditions else either(self.b, conditions)

    def sum_bars(self, op: Op) -> Table:
        """The adjoints of the sums of a loop by carry, the same in every iteration and for what they start from."""
        bars = {k: self.bars.taken(op.results[k]) for k in self.strategies.sums(op) if op.results[k] in self.bars}
        for k, bar in bars.items():
            self.bars.contribute(loop_inits(op)[k], bar)
        return {loop_carries(op)[k]: bar for k, bar in bars.items()}

    def iteration(self, op: Op, sum_bars: Table) -> None:
        """Mirror the body of a loop whose sums have these adjoints."""
        for carry, next_ in zip(loop_carries(op), loop_yields(op), strict=True):
            if carry in sum_bars:
                self.bars.contribute(next_, sum_bars[carry])
        self.mirror_ops(op.regions[-1])
        for k in self.strategies.sums(op):
            self.bars.found(loop_carries(op)[k])

    def reversed(self, op: Op, sum_bars: Table) -> None:
        """The reversed loop carries the adjoints of the other carries and a sum for every outer value used inside."""
        b = self.b
        carries = [
            (init, carry, next_, result)
            for k, (init, carry, next_, result) in enumerate(
                zip(loop_inits(op), loop_carries(op), loop_yields(op), op.results, strict=False)
            )
            if is_float(carry.type) and self.bars.activity.active(carry) and k not in self.strategies.sums(op)
        ]
        inits = [self.bars.taken(result) for *_, result in carries]
        body = op.regions[-1]
        types = [I64, *[carry.type for _, carry, _, _ in carries]]
        with b.region(types, ["i", *[names.bar(c) for _, c, _, _ in carries]]) as new:
            self.mirror.of[body] = new
            if op.name == "for":
                self.mirror.index[body.args[0]] = self.primal_index(op, body, new.args[0])
            with self.bars.scope() as captured:
                for (_, _, next_, _), bar in zip(carries, new.args[1:], strict=True):
                    self.bars.contribute(next_, bar)
                self.iteration(op, sum_bars)
                bars = [self.bars.taken(carry) for _, carry, _, _ in carries]
            b.span = op.span
            b.yield_(*bars, *self.carried(new, captured))
        starts = [*inits, *[self.bars.zero(k) for k in captured]]
        passed_on = all(bar is arg for bar, arg in zip(bars, new.args[1:], strict=False))
        taken_back = self.structure.reruns.get(body) == "checkpointed"  # from each iteration to the one before
        bounds = self.reversed_bounds(op, any_order=passed_on and not taken_back)
        results = b.for_(*bounds, starts, new, says=said_of(op))
        for (init, *_), bar in zip(carries, results, strict=False):
            self.bars.contribute(init, bar)
        for key, bar in zip(captured, results[len(carries) : -1], strict=True):
            self.bars.contribute(key, bar)

    def checkpointed(self, op: Op) -> None:
        """The reversed loop, each iteration of which goes back to where its primal began."""
        b, body = self.b, op.regions[0]
        self.structure.reruns[body] = self.strategies.choose(op, adjoints_known=False)
        snapshots = self.snapshots(op)
        self.mirror.snapshots[op] = snapshots
        self.strategies.why[op] = snapshots.described()
        with snapshots.put_back(b):
            self.reversed(op, self.sum_bars(op))
        run = iterations(b, op, snapshots.carries, {}, lambda inner: not self.strategies.repeated(op, inner))
        with b.inside(self.mirror.rerun(body)):
            bounds = list(op.operands[:3])
            number = position(b, op, self.mirror.index[body.args[0]], bounds, self.structure)
            snapshots.go_back(b, number, run)

    def snapshots(self, op: Op) -> Snapshots:
        """What is to be copied of the state of a loop."""
        body, kept_apart = op.regions[0], self.structure.apart is not None
        arrays = sorted(self.strategies.state(op), key=self.structure.position.__getitem__)
        used = {o for inner in walk(body) for o in inner.operands}
        seen = self.strategies.seen_behind(op)
        finals = [r for r in arrays if kept_apart or r in seen]
        return Snapshots(op, arrays, [c for c in loop_carries(op) if c in used], finals)

    def fused(self, op: Op, sum_bars: Table, before: Ahead) -> None:
        """One loop that runs and reverses each iteration, to stand in the forward sweep (`augment.py` fills it)."""
        b, body = self.b, op.regions[0]
        with b.region([a.type for a in body.args], [a.name for a in body.args]) as new:
            self.mirror.of[body] = new
            self.mirror.index[body.args[0]] = new.args[0]
            with self.bars.scope() as captured:
                self.iteration(op, sum_bars)
            b.span = op.span
            b.yield_(*loop_yields(op), *self.carried(new, captured))
        for ops in self.movable(op):
            ops[:] = [o for o in ops if o not in before[1]]
        with b.inside(Region((), before[1])) as ahead:
            operands = (*op.operands, *[self.bars.zero(k) for k in captured])
        added = new.args[len(body.args) :]
        results = tuple(Value(v.type, v.name) for v in (*op.results[:-1], *added, op.results[-1]))
        attrs = {"exits": False, "kind": "sequential"} | said_of(op)
        self.mirror.fused[op] = Fusion(before[0], ahead, Op("for", operands, results, attrs, (new,), op.span))
        self.late.update(results)
        for key, bar in zip(captured, results[len(op.results) - 1 : -1], strict=True):
            self.bars.contribute(key, bar)

    def carried(self, region: Region, captured: Table) -> list[Value]:
        """Give the region of a loop a carry per adjoint of an outer value; the sums that it yields for them."""
        carries = [Value(k.type, names.bar(k)) for k in captured]
        region.args = (*region.args, *carries)
        return [self.bars.sum(c, d) for c, d in zip(carries, captured.values(), strict=True)]

    def computable_before(self, loop: Op, bars: list[Value]) -> Ahead | None:
        """What computes `bars`, if it can be moved before the primal loop; else None."""
        ops = [op for ops in self.movable(loop) for op in ops]
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
        return op.name in HOISTABLE or (op.name in OPS and is_float(op.result.type))

    def movable(self, loop: Op) -> list[list[Op]]:
        """The reverse ops of this region, in order; some may have been moved before a fused loop already. (What was
        moved before a loop further out stays: it is in scope here, and that loop needs it there.)"""
        home = self.structure.home
        fusions = [f for other, f in self.mirror.fused.items() if f.before.ops and home(other) is home(loop)]
        return [*[f.before.ops for f in reversed(fusions)], self.b.current.ops]

    def reversed_bounds(self, op: Op, any_order: bool) -> tuple[Value, Value, Value]:
        """Bounds of the reversed loop: a plain `for` with step 1 runs over its own indices, others count trips down.

        Independent iterations whose adjoints do not pass through each other (`any_order`) run forwards, which
        suits caches and vectors; then no record may be popped, which come in the opposite order.
        """
        b = self.b
        if not self.own_indices(op):
            return b.op("sub", op.results[-1], b.i64(1)), b.i64(-1), b.i64(-1)
        lo, hi, step = op.operands[:3]
        body = op.regions[-1]
        independent = any_order and (op.attrs["kind"] != "sequential" or op.attrs.get("apart", False))
        if independent and self.strategies.pops_nothing(op):
            self.mirror.free.add(op)
            return lo, hi, step
        if has_neighbours(lo, self.structure.op_of) and has_neighbours(hi, self.structure.op_of):
            one = b.i64(1)
            return b.op("sub", hi, one), b.op("sub", lo, one), b.i64(-1)
        self.count_behind(body)
        return hi, lo, b.i64(-1)

    def count_behind(self, body: Region) -> None:
        """Let the reversed loop count one more than its index: `hi` to `lo + 1`, for which `hi - 1` need not exist."""
        new = self.mirror.of[body]
        index, above = new.args[0], Value(I64, new.args[0].name)
        new.args = (above, *new.args[1:])
        with self.b.inside(self.mirror.indices(body)):
            self.b.current.ops.append(Op("sub", (above, self.b.i64(1)), (index,), {}, (), self.b.span))

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
