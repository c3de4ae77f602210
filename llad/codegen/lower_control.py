"""Lowering of structured control flow into basic blocks and phis.

Loops are written rotated (a guard, then a body that ends in its own test), the form in which LLVM recognises an
induction variable at once. A `for` of unit step counts with its index itself, so `i < hi` is what LLVM knows of `i`
inside; other steps count trips. What a carry is known to be all along (`yield` of the body argument itself) gets no
phi. Loop metadata says what the IR knows: that a `for` ends, that its iterations are independent (`kind`), and that
large bodies are not worth unrolling nor very large ones vectorising, which costs more time than all else.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from llad.codegen.lower_emit import Emitter, ErrorSite, Lifo, Operand, assemble, components, literal, register_types
from llad.ir.core import Op, Region, Value, walk
from llad.ir.types import LifoType

# Lines of LLVM IR in a loop beyond which it is not vectorised or interleaved.
VECTORISED_LINES = 400
# Lines beyond which a loop of unknown trip count is not unrolled: its own overhead is then lost in its body.
UNROLLED_LINES = 16

_NOT_PARALLEL = frozenset({"alloc", "lifo", "push", "pop", "call"})

Run = Callable[[Region], None]


def lower_check(e: Emitter, op: Op) -> None:
    condition = e.scalar(op.operands[0])
    if condition != "true":
        site = ErrorSite(op.attrs["error"], op.attrs["message"], op.span)
        e.fail_unless(condition, site, [e.scalar(v) for v in op.operands[1:]])
        _learn(e, op.operands[0])


def _learn(e: Emitter, holds: Value) -> None:
    """After `check not add_overflows(x, y)`, `add(x, y)` does not overflow, which LLVM would not find out."""
    negation = e.definitions.get(holds)
    if negation is None or negation.name != "not":
        return
    overflow = e.definitions.get(negation.operands[0])
    if overflow is not None and overflow.name in ("add_overflows", "sub_overflows", "mul_overflows"):
        e.exact.add((overflow.name[:3], *overflow.operands))


def lower_if(e: Emitter, op: Op, run: Run) -> None:
    join = e.label()
    names = [e.label() if len(region.ops) > 1 else join for region in op.regions]
    if names[0] == names[1]:
        _choose(e, op)
        return
    start = e.block
    e.branch(e.scalar(op.operands[0]), *names)
    arms: list[tuple[str, Sequence[Value]]] = []
    for region, name in zip(op.regions, names, strict=True):
        if name == join:
            arms.append((start, region.terminator.operands))
            continue
        e.open(name)
        run(region)
        arms.append((e.block, region.terminator.operands))
        e.jump(join)
    e.open(join)
    for k, result in enumerate(op.results):
        if result in e.used:
            e.values[result] = _merge(e, result, [(block, e.values[values[k]]) for block, values in arms])


def _choose(e: Emitter, op: Op) -> None:
    """An `if` both of whose regions only yield."""
    condition = e.scalar(op.operands[0])
    yes, no = (region.terminator.operands for region in op.regions)
    for result, y, n in zip(op.results, yes, no, strict=True):
        if isinstance(result.type, LifoType):
            e.values[result] = _the_lifo([e.values[y], e.values[n]])
            continue
        names = [
            a if a == b else e.new(f"select i1 {condition}, {type} {a}, {type} {b}")
            for type, a, b in zip(
                register_types(result.type), components(e.values[y]), components(e.values[n]), strict=True
            )
        ]
        e.values[result] = assemble(result.type, names)


def _merge(e: Emitter, result: Value, arms: Sequence[tuple[str, Operand]]) -> Operand:
    """Phis of a value's components; a component that is the same on every edge needs none."""
    if isinstance(result.type, LifoType):
        return _the_lifo([operand for _, operand in arms])
    names = []
    parts = [components(operand) for _, operand in arms]
    for k, type in enumerate(register_types(result.type)):
        texts = [p[k] for p in parts]
        if len(set(texts)) == 1:
            names.append(texts[0])
        else:
            edges = ", ".join(f"[{t}, %{block}]" for t, (block, _) in zip(texts, arms, strict=True))
            names.append(e.new(f"phi {type} {edges}"))
    return assemble(result.type, names)


def _the_lifo(operands: Sequence[Operand]) -> Operand:
    """The one LIFO that can be meant: the other sides of the merge are `undef`."""
    known = {operand for operand in operands if isinstance(operand, Lifo) and operand.data}
    assert len(known) == 1, "two lifos cannot be merged"
    return known.pop()


class _Phis:
    """The phis at the head of a loop: opened with the initial values, closed when the next ones are known."""

    def __init__(self, e: Emitter, before: str) -> None:
        self.e, self.before = e, before
        self.open: list[tuple[int, str, str, str]] = []

    def value(self, type: str, initial: str) -> str:
        name = self.e.name()
        self.open.append((self.e.reserve(), name, type, initial))
        return name

    def carry(self, arg: Value, init: Operand) -> None:
        types = register_types(arg.type)
        self.e.values[arg] = assemble(
            arg.type, [self.value(t, i) for t, i in zip(types, components(init), strict=True)]
        )

    def close(self, latch: str, following: Sequence[str]) -> None:
        for (line, name, type, initial), text in zip(self.open, following, strict=True):
            edges = f"[{initial}, %{self.before}], [{text}, %{latch}]"
            self.e.lines[line] = f"  {name} = phi {type} {edges}"


def _start_carries(
    e: Emitter, phis: _Phis, args: Sequence[Value], inits: Sequence[Value], out: Sequence[Value]
) -> None:
    for arg, init, following in zip(args, inits, out, strict=True):
        if following is arg:
            e.values[arg] = e.values[init]
        else:
            phis.carry(arg, e.values[init])


def _following(e: Emitter, args: Sequence[Value], out: Sequence[Value]) -> list[str]:
    return [c for arg, v in zip(args, out, strict=True) if v is not arg for c in components(e.values[v])]


# -- for


def lower_for(e: Emitter, op: Op, run: Run) -> None:
    lo, hi, step = (e.scalar(o) for o in op.operands[:3])
    (body,) = op.regions
    exits: bool = op.attrs["exits"]
    out = body.terminator.operands[1:] if exits else body.terminator.operands
    carries, trips = body.args[1:], op.results[-1]
    unit = literal(step) in (1, -1)
    count = "" if unit else _trip_count(e, lo, hi, step)
    order = "slt" if step == "1" else "sgt"
    enter = e.new(f"icmp {order} i64 {lo}, {hi}" if unit else f"icmp ne i64 {count}, 0")
    if not exits and trips in e.used:
        e.values[trips] = count or _unit_trips(e, lo, hi, step, enter)
    before, head, done = e.block, e.label(), e.label()
    first = len(e.lines)
    e.branch(enter, head, done)
    e.open(head)
    phis = _Phis(e, before)
    index = phis.value("i64", lo)
    counter = "" if unit else phis.value("i64", "0")
    _start_carries(e, phis, carries, op.operands[3:], out)
    e.values[body.args[0]] = index
    group = e.distinct() if _independent(e, op) else ""
    if group:
        e.groups.append(group)
    run(body)
    if group:
        e.groups.pop()
    properties = _loop_properties(e, op, group, len(e.lines) - first)
    rising = (literal(step) or 0) > 0 and (start := literal(lo)) is not None and start >= 0
    advanced = e.new(f"add {'nuw ' if rising else ''}nsw i64 {index}, {step}")
    counted = advanced if unit else e.new(f"add nuw i64 {counter}, 1")
    executed = ""
    if exits and trips in e.used:
        executed = counted if not unit else _unit_trips(e, lo, advanced, step, "true")
    leaving = [e.block]
    if exits:
        again = e.label()
        e.branch(e.scalar(body.terminator.operands[0]), done, again)
        e.open(again)
        leaving.append(again)
    more = e.new(f"icmp {order} i64 {advanced}, {hi}" if unit else f"icmp ult i64 {counted}, {count}")
    e.branch(more, head, done, f", !llvm.loop {e.distinct(*properties)}" if properties else "")
    phis.close(e.block, [advanced, *([] if unit else [counted]), *_following(e, carries, out)])
    e.open(done)
    for arg, result, init, value in zip(carries, op.results, op.operands[3:], out, strict=False):
        if result in e.used and value is not arg:
            arms = [(before, e.values[init]), *((block, e.values[value]) for block in leaving)]
            e.values[result] = _merge(e, result, arms)
        else:
            e.values[result] = e.values[init]
    if executed:
        e.values[trips] = _merge(e, trips, [(before, "0"), *((block, executed) for block in leaving)])


def _unit_trips(e: Emitter, lo: str, hi: str, step: str, enter: str) -> str:
    """Trips of a loop of step ±1, known to run if `enter`."""
    first, second = (hi, lo) if step == "1" else (lo, hi)
    distance = first if second == "0" else e.new(f"sub i64 {first}, {second}")
    return distance if enter == "true" else e.new(f"select i1 {enter}, i64 {distance}, i64 0")


def _trip_count(e: Emitter, lo: str, hi: str, step: str) -> str:
    """`len(range(lo, hi, step))`; the distance is unsigned, so that it cannot overflow."""
    known = literal(step)
    if known is not None:
        assert known != 0, "range() with step 0"
        up, stride = known > 0, str(abs(known))
        first, last = (lo, hi) if up else (hi, lo)
    else:
        positive = e.new(f"icmp sgt i64 {step}, 0")
        first = e.new(f"select i1 {positive}, i64 {lo}, i64 {hi}")
        last = e.new(f"select i1 {positive}, i64 {hi}, i64 {lo}")
        stride = e.new(f"select i1 {positive}, i64 {step}, i64 {e.new(f'sub i64 0, {step}')}")
    distance = e.new(f"sub i64 {last}, {first}")
    steps = e.new(f"udiv i64 {e.new(f'sub i64 {distance}, 1')}, {stride}")
    some = e.new(f"icmp slt i64 {first}, {last}")
    return e.new(f"select i1 {some}, i64 {e.new(f'add i64 {steps}, 1')}, i64 0")


def _independent(e: Emitter, op: Op) -> bool:
    """Whether loads and stores of different iterations may be interleaved.

    Not if parameters may overlap, for which `kind` does not answer; nor if an iteration makes memory for itself, which
    is the same stack slot, or maybe the same block, every time.
    """
    if e.may_alias or op.attrs["kind"] == "sequential":
        return False
    return not any(inner.name in _NOT_PARALLEL for inner in walk(op.regions[0]))


def _loop_properties(e: Emitter, op: Op, group: str, lines: int) -> list[str]:
    properties = []
    # Python may loop forever, LLVM must be told of it
    if not any(o.name in ("while", "call") for o in walk(op.regions[0])):
        properties.append(e.node('!{!"llvm.loop.mustprogress"}'))
    if group:
        properties.append(e.node(f'!{{!"llvm.loop.parallel_accesses", {group}}}'))
    if lines > UNROLLED_LINES:
        properties.append(e.node('!{!"llvm.loop.unroll.runtime.disable"}'))
    if lines > VECTORISED_LINES:
        properties.append(e.node('!{!"llvm.loop.vectorize.enable", i1 false}'))
    return properties


# -- while


def lower_while(e: Emitter, op: Op, run: Run) -> None:
    condition, body = op.regions
    exits: bool = op.attrs["exits"]
    out = body.terminator.operands[1:] if exits else body.terminator.operands
    trips = op.results[-1]
    counting = trips in e.used
    # The carries are known by two names: the arguments of either region.
    kept = [value is arg for value, arg in zip(out, body.args, strict=True)]
    before, head, inside, done = e.block, e.label(), e.label(), e.label()
    e.jump(head)
    e.open(head)
    phis = _Phis(e, before)
    counter = phis.value("i64", "0") if counting else ""
    _start_carries(e, phis, body.args, op.operands, out)
    for mine, other in zip(condition.args, body.args, strict=True):
        e.values[mine] = e.values[other]
    run(condition)
    tested = e.block
    e.branch(e.scalar(condition.terminator.operands[0]), inside, done)
    e.open(inside)
    run(body)
    counted = e.new(f"add nuw nsw i64 {counter}, 1") if counting else ""
    ended = e.block
    if exits:
        e.branch(e.scalar(body.terminator.operands[0]), done, head)
    else:
        e.jump(head)
    phis.close(ended, [*([counted] if counting else []), *_following(e, body.args, out)])
    e.open(done)
    for k, result in enumerate(op.results[:-1]):
        carried = e.values[body.args[k]]
        if exits and not kept[k] and result in e.used:
            e.values[result] = _merge(e, result, [(tested, carried), (ended, e.values[out[k]])])
        else:
            e.values[result] = carried
    if counting:
        arms = [(tested, counter), (ended, counted)] if exits else [(tested, counter)]
        e.values[trips] = _merge(e, trips, arms)
