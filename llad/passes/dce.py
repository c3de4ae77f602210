"""Dead code: values nobody needs, memory nobody reads, carries that only feed themselves.

What: marks backwards from what must happen (returned values, checks, writes to memory that someone sees, `while`
loops and `call`s, which may never end, and `derivative`s), then copies only what is marked. Unmarked results of an
`if` and carries of a loop go, with what they alone needed; a `for` without effects whose results are unused goes as a
whole; so do stores to an allocation that is never read or returned, and pushes whose pops nobody uses (single
fields of a record too).

When: always sound. A carry is needed if its result is, or if its block argument is needed by something other than
its own next value, which is why marking starts from uses and not from definitions.

Before:

    func @f(%n: i64, %x: f64) {
      %zero: i64 = const 0
      %one: i64 = const 1
      %t: buffer<f64, 1, C> = alloc(%n)
      %s: f64, %d: f64, %trips: i64 = for %i in %zero..%n step %one carry (%a: f64 = %x, %b: f64 = %x) {
        %e: f64 = mul %b, %x
        %g: f64 = add %a, %x
        store %e, %t[%i]
        yield %g, %e
      }
      return %s
    }

After:

    func @f(%n: i64, %x: f64) {
      %zero: i64 = const 0
      %one: i64 = const 1
      %s: f64, %trips: i64 = for %i in %zero..%n step %one carry (%a: f64 = %x) {
        %g: f64 = add %a, %x
        yield %g
      }
      return %s
    }
"""

from __future__ import annotations

from llad.ir.alias import Aliases
from llad.ir.core import Function, Op, Region, Value, loop_inits, loop_yields
from llad.ir.types import LifoType, ScalarType
from llad.passes.rebuild import Rebuild


def dce(fn: Function) -> Function:
    """`fn` without what has no effect on results, memory that is seen, or errors."""
    return _Sweep(_Marks(fn)).function(fn)


class _Marks:
    """The ops, values, memory and lifo fields that are needed. `values` holds results and block arguments."""

    def __init__(self, fn: Function) -> None:
        self.ops: set[Op] = set()
        self.values: set[Value] = set()
        self.aliases = Aliases(fn)
        self._memory: set[Value] = {p for p in fn.params if not isinstance(p.type, ScalarType)}
        self._maker: dict[Value, Op] = {}  # the op of a result, or the op whose region has the argument
        self._parent: dict[Op, Op] = {}
        self._touching: dict[Value, list[Op]] = {}  # per root: stores, frees, pushes, pops
        self._simple: set[Value] = set()  # lifos that are only pushed to and popped from, by their own name
        self._handles: list[Value] = []  # other uses and other names of lifos
        self._fields: set[tuple[Value, int]] = set()  # of simple lifos
        self._pending: list[Op | Value] = []
        self._read(fn.body, None)
        self._simple.difference_update(*[self.aliases.roots(v) for v in self._handles])
        for root in self._memory:
            self._pending += self._touching.get(root, ())
        self._propagate()

    # -- one walk: who makes what, and what must happen

    def _read(self, region: Region, parent: Op | None) -> None:
        for op in region.ops:
            if parent is not None:
                self._parent[op] = parent
            for result in op.results:
                self._maker[result] = op
            match op.name:
                case "store" | "free" | "push" | "pop" | "matmul":
                    buffer = op.operands[{"store": 1, "matmul": 2}.get(op.name, 0)]
                    for root in self.aliases.roots(buffer):
                        self._touching.setdefault(root, []).append(op)
                    if isinstance(buffer.type, LifoType) and buffer not in self.aliases.roots(buffer):
                        self._handles.append(buffer)
                case "lifo":
                    self._simple.add(op.result)
                case "return" | "check" | "print" | "while" | "derivative" | "call":
                    self._pending.append(op)
            if op.name not in ("push", "pop"):
                self._handles += [o for o in op.operands if isinstance(o.type, LifoType)]
            elif op.name == "push":
                self._handles += [o for o in op.operands[1:] if isinstance(o.type, LifoType)]
            for inner in op.regions:
                for arg in inner.args:
                    self._maker[arg] = op
                self._read(inner, op)

    # -- marking

    def _propagate(self) -> None:
        pending = self._pending
        while pending:
            item = pending.pop()
            if isinstance(item, Op):
                if item not in self.ops:
                    self.ops.add(item)
                    self._mark_op(item)
            elif item not in self.values:
                self.values.add(item)
                if (maker := self._maker.get(item)) is not None:
                    pending.append(maker)
                    self._mark_flow(maker, item)

    def _mark_op(self, op: Op) -> None:
        """What `op` needs to happen at all. Values that only flow through it are marked one by one."""
        pending = self._pending
        if (parent := self._parent.get(op)) is not None:
            pending.append(parent)
        match op.name:
            case "if":
                pending.append(op.operands[0])
            case "for" | "while":
                pending += op.operands[:3] if op.name == "for" else op.regions[0].terminator.operands
                if op.attrs["exits"]:
                    pending.append(op.regions[-1].terminator.operands[0])
            case "yield":
                pass
            case "push":
                if op.operands[0] in self._simple:
                    pending.append(op.operands[0])
                    pending += [v for k, v in enumerate(op.operands[1:]) if self.field_needed(op, k)]
                else:
                    pending += op.operands
                    for operand in op.operands[1:]:  # who pops it may be in another function
                        self._need_memory(operand)
            case "load":
                pending += op.operands
                self._need_memory(op.operands[0])
            case "matmul":
                pending += op.operands
                for operand in op.operands[:2]:
                    self._need_memory(operand)
            case "return" | "print" | "derivative" | "call":
                pending += op.operands
                for operand in op.operands:
                    self._need_memory(operand)
            case "pop":
                pending += op.operands
                self._need_memory(op.operands[0])
                if op.operands[0] not in self._simple:
                    for result in op.results:
                        pending.append(result)
                        self._need_memory(result)
            case _:
                pending += op.operands

    def _mark_flow(self, op: Op, value: Value) -> None:
        """`value`, a result or block argument of `op`, is needed: so is what flows into it."""
        match op.name:
            case "if":
                position = op.results.index(value)
                self._pending += [r.terminator.operands[position] for r in op.regions]
            case "for" | "while":
                if (k := carry_of(op, value)) is not None:
                    self._pending += [loop_inits(op)[k], loop_yields(op)[k], op.results[k]]
            case "pop" if op.operands[0] in self._simple:
                self._need_field(op.operands[0], op.results.index(value))

    def _need_field(self, lifo: Value, k: int) -> None:
        """Field `k` of the records of a simple lifo is used: every push must have it."""
        if (lifo, k) not in self._fields:
            self._fields.add((lifo, k))
            pushes = [o for o in self._touching[lifo] if o.name == "push"]
            self._pending += [push.operands[1 + k] for push in pushes]

    def _need_memory(self, buffer: Value) -> None:
        """The elements of `buffer` are seen: whoever writes them must."""
        for root in self.aliases.roots(buffer):
            if root not in self._memory:
                self._memory.add(root)
                self._pending += self._touching.get(root, ())

    # -- answers for the sweep

    def field_needed(self, op: Op, k: int) -> bool:
        """Whether field `k` of the records of the lifo that `op` makes, pushes to or pops from is ever used."""
        lifo = op.result if op.name == "lifo" else op.operands[0]
        return lifo not in self._simple or (lifo, k) in self._fields

    def carry_needed(self, op: Op, k: int) -> bool:
        """Whether carry `k` of a loop is used: marking any of its names marks its result."""
        return op.results[k] in self.values


def carry_of(op: Op, value: Value) -> int | None:
    """Which carry of the loop a result or block argument of it is; None for the index and the trip count."""
    if value in op.results:
        k = op.results.index(value)
        return k if k < len(op.results) - 1 else None
    for region in op.regions:
        if value in region.args:
            k = region.args.index(value) - (op.name == "for")
            return k if k >= 0 else None
    raise AssertionError((op, value))


class _Sweep(Rebuild):
    """Copies what is marked."""

    def __init__(self, marks: _Marks) -> None:
        super().__init__()
        self._marks = marks
        self._kept: list[list[int]] = []  # per open region: which operands its terminator keeps

    def visit(self, op: Op) -> None:
        marks = self._marks
        if op.name == "yield":
            operands = self.operands(op)
            self.copy(op, tuple([operands[k] for k in self._kept[-1]]))
        elif op not in marks.ops:
            return
        elif op.name in ("if", "for", "while"):
            self._control(op)
        elif op.name in ("lifo", "push", "pop"):
            self._tape(op)
        else:
            self.copy(op, self.operands(op))

    def _control(self, op: Op) -> None:
        operands = self.operands(op)
        if op.name == "if":
            kept = [k for k, r in enumerate(op.results) if r in self._marks.values]
            regions = tuple([self._shrunk(r, r.args, kept) for r in op.regions])
            self._emit_shrunk(op, operands, kept, regions)
            return
        first, exits = 3 if op.name == "for" else 0, int(op.attrs["exits"])
        kept = [k for k in range(len(op.results) - 1) if self._marks.carry_needed(op, k)]
        body = op.regions[-1]
        shift = int(op.name == "for")
        regions = (
            self._shrunk(
                body,
                (*body.args[:shift], *[body.args[shift + k] for k in kept]),
                [*range(exits), *[exits + k for k in kept]],
            ),
        )
        if op.name == "while":
            condition = op.regions[0]
            regions = (self._shrunk(condition, tuple([condition.args[k] for k in kept]), [0]), *regions)
        operands = (*operands[:first], *[operands[first + k] for k in kept])
        self._emit_shrunk(op, operands, [*kept, len(op.results) - 1], regions)

    def _shrunk(self, region: Region, args: tuple[Value, ...], kept: list[int]) -> Region:
        self._kept.append(kept)
        rebuilt = self.region(region if len(args) == len(region.args) else Region(args, region.ops))
        self._kept.pop()
        return rebuilt

    def _emit_shrunk(
        self, op: Op, operands: tuple[Value, ...], kept: list[int], regions: tuple[Region, ...] = ()
    ) -> None:
        if len(kept) < len(op.results):
            op = Op(op.name, (), tuple([op.results[k] for k in kept]), op.attrs, (), op.span)
        self.copy(op, operands, regions)

    def _tape(self, op: Op) -> None:
        lifo = op.result if op.name == "lifo" else op.operands[0]
        assert isinstance(lifo.type, LifoType)
        kept = [k for k in range(len(lifo.type.fields)) if self._marks.field_needed(op, k)]
        operands = self.operands(op)
        match op.name:
            case _ if len(kept) == len(lifo.type.fields):
                self.copy(op, operands)
            case "lifo":
                type = LifoType(tuple([lifo.type.fields[k] for k in kept]))
                self.replace(op.results, self.emit(op.name, (), [type], op.span, op.attrs).results)
            case "push":
                self.copy(op, (operands[0], *[operands[1 + k] for k in kept]))
            case _:
                self._emit_shrunk(op, operands, kept)
