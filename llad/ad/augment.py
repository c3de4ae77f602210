"""The forward sweep: the primal, plus what `tape.py` asks it to keep and the shadows that travel with buffers.

Primal ops are copied as they stand. Added are: tapes before the loops that fill them, a store or push at the end
of each region that keeps something, values yielded out of branches, and shadow buffers beside carried ones. A rerun
loop is copied as it stands, and its iteration once more, with tapes, in the reverse sweep; a fused one only there.
"""

from __future__ import annotations

from llad.ad import names
from llad.ad.activity import Activity, said_of
from llad.ad.calls import Calls, has_shadow
from llad.ad.filling import Filling
from llad.ad.memory import as_layout, zeros_like
from llad.ad.shadows import Shadows, handle_fields, with_shadows
from llad.ad.snapshots import from_the_start, iterations, straight
from llad.ad.strategies import Strategies
from llad.ad.structure import Structure
from llad.ad.tape import Tape, capacity
from llad.ir.build import Builder
from llad.ir.core import Op, Region, Value, loop_carries, loop_inits, loop_yields
from llad.ir.rewrite import copy_op
from llad.ir.types import BufferType, LifoType

Outs = list[tuple[Value, Value]]  # (what the reverse sweep calls it, the new value)


class Augment:
    """Writes the forward sweep with `b`. `new` maps primal values, stacks, handles and names to new values."""

    def __init__(
        self,
        b: Builder,
        structure: Structure,
        activity: Activity,
        shadows: Shadows,
        tape: Tape,
        calls: Calls,
        strategies: Strategies,
        new: dict[Value, Value],
    ) -> None:
        self.b = b
        self.mirror = tape.mirror
        self.strategies = strategies
        self.structure = structure
        self.activity = activity
        self.shadows = shadows
        self.tape = tape
        self.calls = calls
        self.new = new
        self.early: set[Op] = set()  # ops that stand before a fused loop already
        self.early_shadows: set[Value] = set()  # likewise
        self.repeated: Op | None = None  # the loop of which an iteration is being rerun
        self.shadow: dict[Value, Value] = {old: new[s] for old, s in shadows.given.items()}

    @property
    def filling(self) -> Filling:
        """What fills tapes here."""
        return Filling(self.b, self.structure, self.new)

    def run(self) -> None:
        """Emit the body without its `return`. Afterwards `new` also holds what the reverse sweep was promised."""
        fn, b = self.structure.fn, self.b
        b.span = fn.body.ops[0].span
        for param in fn.params:
            if isinstance(param.type, BufferType) and param not in self.shadow and self.activity.active(param):
                self.shadow[param] = zeros_like(b, self.new[param], names.bar(param))
        self.sweep(fn.body)

    def sweep(self, root: Region) -> None:
        """Emit the forward sweep of a root here, and into the reverse sweep what it reruns."""
        self.new.update(self.region(root))
        if self.structure.in_scope(root, root):
            self.name_shadows(root)
        for op in root.ops:
            if op.regions and self.structure.reruns.get(op.regions[0]) in ("recomputed", "checkpointed"):
                self.rerun(op)

    def name_shadows(self, root: Region) -> None:
        """What the reverse sweep calls the shadows that were made here, as far as their buffers exist."""
        for token, buffer in self.shadows.tokens.items():
            if self.structure.region_of[buffer] is root and buffer in self.new and token not in self.new:
                self.new[token] = self.shadow_of(buffer)

    # -- rerun and fused loops

    def rerun(self, loop: Op) -> None:
        """The forward sweep of one iteration, in the iteration of the reversed loop. What was checked is not again."""
        body = loop.regions[0]
        self.new[body.args[0]] = self.mirror.index[body.args[0]]
        if loop in self.mirror.snapshots:
            self.new.update(self.mirror.snapshots[loop].given)
        else:
            self.new.update({carry: self.tape.name[carry] for carry in body.args[1:] if carry in self.tape.name})
        outer, self.repeated = self.repeated, loop
        with self.b.inside(self.mirror.rerun(body)):
            self.sweep(body)
        self.repeated = outer

    def fused(self, loop: Op) -> None:
        """The loop that does both sweeps, after the shadows and adjoints that it uses."""
        fusion, body = self.mirror.fused[loop], loop.regions[0]
        self.b.current.ops += self.shadows_at_hand(self.structure.home(loop))
        self.b.current.ops += [copy_op(op, self.new) for op in fusion.early if op not in self.early]
        self.early.update(fusion.early)
        self.b.current.ops += fusion.before.ops
        self.new.update(zip(body.args, fusion.loop.regions[0].args, strict=False))
        with self.b.inside(self.mirror.rerun(body)):
            self.sweep(body)
        self.b.current.ops.append(fusion.loop)
        self.new.update(zip(loop.results[:-1], fusion.loop.results, strict=False))
        self.new[loop.results[-1]] = fusion.loop.results[-1]

    def shadows_at_hand(self, root: Region) -> list[Op]:
        """Of the shadows of a root, those whose buffers exist already: they are made now.

        They wait for what is still to come of the root: what is not of the primal is from outside."""
        self.name_shadows(root)
        made = self.mirror.shadows(root).ops
        ready: list[Op] = []
        known = {*self.new, *self.new.values(), *self.early_shadows}
        own = {r for op in made for r in op.results}
        for op in made:
            if not any(o not in known and (o in own or self.tape.is_primal(o)) for o in op.operands):
                ready.append(op)
                known.update(op.results)
                self.early_shadows.update(op.results)
        made[:] = [op for op in made if op not in ready]
        return ready

    def plain(self, loop: Op) -> None:
        """A loop that is rerun, as it stands but for what each iteration starts from."""
        inner = self.new.copy()
        self.new, outer = inner, self.new
        copied = copy_op(loop, inner)
        with self.b.inside(copied.regions[0]):
            last = copied.regions[0].ops.pop()
            self.keep(loop.regions[0])
            copied.regions[0].ops.append(last)
        self.new = outer
        self.b.current.ops.append(copied)
        self.new.update(zip(loop.results, copied.results, strict=True))

    def checkpointed(self, loop: Op) -> None:
        """The loop, with copies of its state on the way, if the reverse sweep follows at once."""
        b, new, snapshots = self.b, self.new, self.mirror.snapshots[loop]
        trips = capacity(b, loop, self.filling.bounds(loop), self.structure)
        snapshots.begin(b, new, trips)
        which = loop_carries(loop)
        carries = {c: new[init] for c, init in zip(which, loop_inits(loop), strict=True)}
        start = from_the_start(b, carries)
        snapshots.save(b, new.__getitem__, start.slot, start.place, carries)
        run = iterations(b, loop, which, new, lambda op: False)
        if self.structure.apart is None:
            last = b.op("sub", trips, b.i64(1))
            start = snapshots.advance(b, new.__getitem__, run, start, last, trips)
            results = list(start.carries.values())
        else:
            results = straight(b, run, start.place, trips, list(carries.values()), which)
        b.store(start.slot, new[snapshots.top], b.i64(0))
        new.update(zip(loop.results, [*results, trips], strict=True))

    # -- regions

    def region(self, region: Region) -> Outs:
        """Emit the ops of a primal region but its terminator, then what is kept of it; what is to be yielded out."""
        outs: Outs = []
        for op in region.ops[:-1]:
            self.b.span = op.span
            for rectangle in self.tape.rectangles.get(op, ()):
                self.filling.allocate(rectangle)
            for sheet in self.tape.sheets.get(op, ()):
                self.filling.sheet(sheet)
            match op.name:
                case "if":
                    outs += self.if_(op)
                case "for" | "while":
                    match self.structure.reruns.get(op.regions[0], "taped"):
                        case "fused":
                            self.fused(op)
                        case "recomputed":
                            self.plain(op)
                        case "checkpointed":
                            self.checkpointed(op)
                        case _:
                            self.loop(op)
                case "check" | "store" | "print" if self.repeated and not self.strategies.repeated(self.repeated, op):
                    pass
                case "call" if self.calls.differentiated(op, self.activity):
                    self.call(op)
                case "lifo" | "push" | "pop" if self.handles(op):
                    self.record_of_handles(op)
                case _ if op not in self.early:
                    self.b.current.ops.append(copy_op(op, self.new))
                    if op.name == "alloc" and self.activity.active(op.result) and self.shadows.travels(op.result):
                        self.shadow[op.result] = zeros_like(self.b, self.new[op.result], names.bar(op.result))
        self.b.span = region.terminator.span
        if region not in self.structure.reruns:
            self.keep(region)
        outs += [(name, self.kept(value)) for value, name in self.tape.outs.get(region, ())]
        return outs

    def keep(self, region: Region) -> None:
        """What one run of a region stores in tapes and pushes."""
        for rectangle in self.tape.stored.get(region, ()):
            self.filling.store(rectangle)
        if region in self.tape.records:
            record = self.tape.records[region]
            self.b.push(self.new[record.lifo], *map(self.kept, record.values))

    def kept(self, value: Value) -> Value:
        """The new value of a primal value, a tape's handle, or the shadow that a token names."""
        buffer = self.shadows.tokens.get(value)
        if buffer is None:
            return self.new[value]
        shadow = self.shadow_of(buffer)
        return as_layout(self.b, shadow, value.type) if isinstance(value.type, BufferType) else shadow

    def shadow_of(self, buffer: Value) -> Value:
        """The shadow of a primal buffer in the forward sweep; views are made where they are asked for."""
        if buffer in self.shadow:
            return self.shadow[buffer]
        op = self.structure.op_of[buffer]
        if op.name == "undef":
            return self.b.undef(buffer.type)
        assert op.name == "view", f"no travelling shadow for {op.name}"
        return self.b.view_like(op, self.shadow_of(op.operands[0]), *[self.new[o] for o in op.operands[1:]])

    def pairs(self, sources: tuple[Value, ...], targets: tuple[Value, ...]) -> list[Value]:
        """For each target that is an active buffer, the shadow of its source in the target's layout."""
        return [
            as_layout(self.b, self.traveller(source), target.type)
            for source, target in zip(sources, targets, strict=True)
            if isinstance(target.type, BufferType) and self.activity.active(target)
        ]

    def bind(self, olds: tuple[Value, ...], news: tuple[Value, ...]) -> None:
        """Old values ↦ new ones: the primals, then the shadows of the active buffers among them."""
        self.new.update(zip(olds, news, strict=False))
        buffers = [v for v in olds if isinstance(v.type, BufferType) and self.activity.active(v)]
        self.shadow.update(zip(buffers, news[len(olds) :], strict=False))

    def call(self, op: Op) -> None:
        """Call the augmented function; the stacks are passed when all are known."""
        memory = [self.traveller(o) for o in op.operands if has_shadow(o)]
        fresh = [r for r in op.results if has_shadow(r)]
        arguments = [*[self.new[o] for o in op.operands], *memory]
        types = [r.type for r in (*op.results, *fresh)]
        results = self.b.call(self.calls.augmented(op.attrs["callee"]), arguments, types)
        self.new.update(zip(op.results, results, strict=False))
        self.shadow.update(zip(fresh, results[len(op.results) :], strict=True))

    def if_(self, op: Op) -> Outs:
        regions: list[Region] = []
        outs: list[Outs] = []
        yields: list[list[Value]] = []
        for region in op.regions:
            with self.b.region() as new:
                outs.append(self.region(region))
                operands = region.terminator.operands
                yields.append([*[self.new[v] for v in operands], *self.pairs(operands, op.results)])
            regions.append(new)
        for k, region in enumerate(regions):
            with self.b.inside(region):
                mine = [value for _, value in outs[k]]
                blank = [self.b.undef(value.type) for _, value in outs[1 - k]]
                self.b.yield_(*yields[k], *(mine + blank if k == 0 else blank + mine))
        self.b.span = op.span
        results = self.b.if_(self.new[op.operands[0]], *regions)
        self.bind(op.results, results)
        promised = [name for branch in outs for name, _ in branch]
        return list(zip(promised, results[len(yields[0]) :], strict=True))

    def loop(self, op: Op) -> None:
        b = self.b
        carries, inits = loop_carries(op), loop_inits(op)
        start = [*[self.new[v] for v in inits], *self.pairs(inits, carries)]
        travelling = [v for v in carries if isinstance(v.type, BufferType) and self.activity.active(v)]
        types = [v.type for v in (*carries, *travelling)]
        hints = [*[v.name for v in carries], *[names.bar(v) for v in travelling]]
        body = op.regions[-1]
        if op.name == "while":
            with b.region(types, hints) as condition:
                self.new.update(zip(op.regions[0].args, condition.args, strict=False))
                for inner in op.regions[0].ops:
                    b.current.ops.append(copy_op(inner, self.new))
        leading = body.args[: op.name == "for"]
        with b.region([*[v.type for v in leading], *types], [*[v.name for v in leading], *hints]) as new:
            self.new.update(zip(leading, new.args, strict=False))
            self.bind(carries, new.args[len(leading) :])
            assert not self.region(body), "nothing is yielded out of a loop"
            exit_flag = [self.new[body.terminator.operands[0]]] if op.attrs["exits"] else []
            yielded = loop_yields(op)
            b.yield_(*exit_flag, *[self.new[v] for v in yielded], *self.pairs(yielded, carries))
        b.span = op.span
        if op.name == "for":
            lo, hi, step = (self.new[o] for o in op.operands[:3])
            results = b.for_(lo, hi, step, start, new, op.attrs["exits"], op.attrs["kind"], says=said_of(op))
        else:
            results = b.while_(start, condition, new, op.attrs["exits"])
        self.new[op.results[-1]] = results[-1]
        self.bind(op.results[:-1], results[:-1])

    # -- stacks whose records hold active buffers: the shadows stand behind the other fields

    def handles(self, op: Op) -> list[int]:
        """The fields of an op's lifo that are active buffers."""
        lifo = op.result if op.name == "lifo" else op.operands[0]
        assert isinstance(lifo.type, LifoType)
        if not self.activity.active(lifo):
            return []
        return handle_fields(lifo.type)

    def record_of_handles(self, op: Op) -> None:
        fields = self.handles(op)
        if op.name == "lifo":
            assert isinstance(op.result.type, LifoType)
            type = with_shadows(op.result.type)
            assert isinstance(type, LifoType)
            self.new[op.result] = self.b.lifo(type.fields)
        elif op.name == "push":
            values = op.operands[1:]
            shadows = [self.traveller(values[k]) for k in fields]
            self.b.push(self.new[op.operands[0]], *[self.new[v] for v in values], *shadows)
        else:
            record = self.b.pop(self.new[op.operands[0]])
            self.new.update(zip(op.results, record, strict=False))
            self.shadow.update(zip([op.results[k] for k in fields], record[len(op.results) :], strict=True))

    def traveller(self, buffer: Value) -> Value:
        """The shadow of a buffer to be kept beside it; zeros nobody asks for if it is not active."""
        assert isinstance(buffer.type, BufferType)
        made = self.structure.op_of.get(buffer)
        if made is not None and made.name == "undef":
            return self.b.undef(buffer.type)
        if not self.activity.active(buffer):
            return zeros_like(self.b, self.new[buffer])
        return as_layout(self.b, self.shadow_of(buffer), buffer.type)
