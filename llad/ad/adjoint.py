"""The reverse sweep, written as if every primal value were at hand.

Regions are mirrored one to one and their ops visited backwards; scalar adjoints are SSA values, and a buffer's
adjoint is its shadow (Griewank & Walther 2008, §3.2; Moses & Churavy 2020). The ops made here mention values
of the primal directly. `tape.py` then finds out which of those the reverse sweep really has to be given.

Invariant: a mirrored region only mentions primal values that were in scope in the region that it mirrors.
"""

from __future__ import annotations

from collections.abc import Sequence

from llad.ad.activity import Activity
from llad.ad.bars import Bars, Table
from llad.ad.calls import Calls, has_shadow, is_active_stack
from llad.ad.loops import Loops
from llad.ad.memory import as_layout, extents
from llad.ad.mirror import Mirror
from llad.ad.rules import feeds_choice, products
from llad.ad.shadows import Shadows
from llad.ad.strategies import Strategies
from llad.ad.structure import Structure
from llad.ir.core import Op, Region, Value, walk
from llad.ir.types import BufferType, ScalarType, is_float
from llad.ops.table import OPS


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
        self.bars = Bars(self.b, activity)
        self.loops = Loops(mirror, structure, strategies, self.bars, self.ops)

    def run(self, seeds: Sequence[tuple[Value, Value]], wrt: Sequence[Value]) -> list[Value]:
        """Mirror the body from (result, cotangent) pairs; the cotangents of the scalar parameters in `wrt`."""
        self.b.span = self.fn.body.terminator.span
        with self.bars.scope():
            for result, bar in seeds:
                if isinstance(result.type, ScalarType):
                    self.bars.contribute(result, bar)
                elif self.activity.active(result):
                    self.accumulate(bar, self.shadows.of(result))
            self.ops(self.fn.body)
            return [self.bars.taken(p) for p in wrt]

    # -- shadows

    def accumulate(self, source: Value, shadow: Value) -> None:
        """Add every element of `source` to that of a shadow."""
        b = self.b

        def add(indices: list[Value]) -> None:
            b.store(self.bars.sum(b.load(shadow, *indices), b.load(source, *indices)), shadow, *indices)

        b.nest(extents(b, source), add)

    # -- ops

    def ops(self, region: Region) -> None:
        for op in reversed(region.ops[:-1]):
            self.b.span = op.span
            match op.name:
                case "if":
                    self.if_(op)
                case "for" | "while":
                    if self.worthwhile(op):
                        self.loops.reverse(op)
                case "load":
                    self.load(op)
                case "store":
                    self.store(op)
                case "push" | "pop":
                    self.push_pop(op)
                case "alloc":
                    self.alloc(op)
                case "cast":
                    self.cast(op)
                case "call":
                    self.call(op)
                case name if name in OPS:
                    self.scalar(op)
                case name:
                    assert name not in ("derivative", "free"), f"{name} before differentiation"

    def scalar(self, op: Op) -> None:
        d = self.bars.found(op.result)
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
                self.bars.contribute(operand, term)

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
            nothing = self.bars.zero(op.result)
            b.yield_(*([d, nothing] if carried == 0 else [nothing, d]))
        return list(b.if_(condition, then, otherwise))

    def cast(self, op: Op) -> None:
        d = self.bars.found(op.result)
        if d is not None and is_float(op.operands[0].type):
            assert isinstance(op.operands[0].type, ScalarType)
            self.bars.contribute(op.operands[0], self.b.cast(d, op.operands[0].type))

    def load(self, op: Op) -> None:
        d = self.bars.found(op.result)
        if d is not None and self.activity.active(op.operands[0]):
            shadow = self.shadows.of(op.operands[0])
            indices = op.operands[1:]
            self.b.store(self.bars.sum(self.b.load(shadow, *indices), d), shadow, *indices)

    def store(self, op: Op) -> None:
        value, buffer, *indices = op.operands
        if not self.activity.active(buffer):
            return
        shadow = self.shadows.of(buffer)
        if self.activity.active(value):
            self.bars.contribute(value, self.b.load(shadow, *indices))
        self.b.store(self.bars.zero(value), shadow, *indices)

    def alloc(self, op: Op) -> None:
        """Zeroed memory is memory that zeros are stored in. Only a shadow that outlives the sweep shows it."""
        if self.leaves_shadow(op):
            shadow, zero = self.shadows.of(op.result), self.bars.zero_of(op.result)
            self.b.nest(extents(self.b, shadow), lambda indices: self.b.store(zero, shadow, *indices))

    def leaves_shadow(self, op: Op) -> bool:
        """Whether `op` makes zeroed memory whose shadow is made in a forward sweep that is reversed more than once."""
        zeroed = self.structure.apart is not None and op.name == "alloc" and op.attrs["zero"]
        return bool(zeroed) and self.activity.active(op.result) and self.shadows.travels(op.result)

    def push_pop(self, op: Op) -> None:
        """A stack's adjoint is a stack of equal length: `pop` pushes a cotangent record, `push` pops it."""
        lifo = op.operands[0]
        if not self.activity.active(lifo):
            return
        shadow, fields = self.shadows.lifo(lifo)
        if not fields:
            return
        if op.name == "pop":
            self.b.push(shadow, *[self.bars.taken(op.results[k]) for k in fields])
            return
        record = self.b.pop(shadow)
        for k, d in zip(fields, record, strict=True):
            self.bars.contribute(op.operands[1 + k], d)

    def call(self, op: Op) -> None:
        """Call the callee's reverse sweep: shadows of its memory and cotangents of its results, to cotangents."""
        if not self.calls.differentiated(op, self.activity):
            return
        b = self.b
        memory = [o for o in op.operands if has_shadow(o)]
        shadows = [as_layout(b, self.shadows.of(o), o.type) for o in memory if isinstance(o.type, BufferType)]
        bars = [self.bars.taken(r) for r in op.results if is_float(r.type)]
        scalars = [o for o in op.operands if is_float(o.type)]
        stacks = [self.shadows.lifo(o) for o in op.operands if is_active_stack(o)]
        given = [*shadows, *[stack for stack, fields in stacks if fields], *bars]
        name = self.calls.reverse(op.attrs["callee"])
        for operand, bar in zip(scalars, b.call(name, given, [o.type for o in scalars]), strict=True):
            self.bars.contribute(operand, bar)

    # -- regions

    def worthwhile(self, op: Op) -> bool:
        """Whether mirroring `op` can do anything: an adjoint of a result, or an effect on a shadow inside."""
        if any(r in self.bars for r in op.results):
            return True
        for region in op.regions:
            for inner in walk(region):
                if inner.name == "store" and self.activity.active(inner.operands[1]):
                    return True
                if inner.name in ("push", "pop") and self.activity.active(inner.operands[0]):
                    return True
                if inner.name == "call" and self.calls.differentiated(inner, self.activity):
                    return True
                if self.leaves_shadow(inner):
                    return True
        return False

    def if_(self, op: Op) -> None:
        if not self.worthwhile(op):
            return
        bars = {r: self.bars.taken(r) for r in op.results if r in self.bars}
        regions: list[Region] = []
        captured: list[Table] = []
        for region in op.regions:
            with self.b.region() as new, self.bars.scope() as table:
                self.mirror.of[region] = new
                for source, result in zip(region.terminator.operands, op.results, strict=True):
                    if result in bars:
                        self.bars.contribute(source, bars[result])
                self.ops(region)
                captured.append(table)
            regions.append(new)
        self.b.span = op.span
        keys = list(dict.fromkeys([*captured[0], *captured[1]]))
        for region, bar in zip(regions, captured, strict=True):
            with self.b.inside(region):
                self.b.yield_(*[bar[k] if k in bar else self.bars.zero(k) for k in keys])
        for key, result in zip(keys, self.b.if_(op.operands[0], *regions), strict=True):
            self.bars.contribute(key, result)
