"""Lowering of loops into basic blocks and phis.

Loops are written rotated (a guard, then a body that ends in its own test), the form in which LLVM recognises an
induction variable at once. A `for` of unit step counts with its index itself, so `i < hi` is what LLVM knows of `i`
inside; other steps count trips. What a carry is known to be all along (`yield` of the body argument itself) gets no
phi. A long `for` runs in strips (`lower_poll.py`): the loop around them has phis for the same values.
"""

from __future__ import annotations

from collections.abc import Sequence

from llad.codegen.loop_hints import independent, loop_properties, writes_out
from llad.codegen.lower_control import Run, merge
from llad.codegen.lower_emit import Emitter, Operand, assemble, components, literal, register_types
from llad.codegen.lower_poll import ask, count, polling
from llad.codegen.lower_sweep import sweep, sweep_mark
from llad.dataclass import dataclass
from llad.ir.core import Op, Value, loop_carries, loop_inits, loop_yields, walk

_EXTREMA = frozenset({"min", "max", "minimum", "maximum", "fmin", "fmax"})


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


def _open_carries(
    e: Emitter, phis: _Phis, args: Sequence[Value], inits: Sequence[Operand], out: Sequence[Value]
) -> list[Operand]:
    """What the carries are called in the loop whose head is open."""
    for arg, init, following in zip(args, inits, out, strict=True):
        if following is arg:
            e.values[arg] = init
        else:
            phis.carry(arg, init)
    return [e.values[arg] for arg in args]


def _following(e: Emitter, args: Sequence[Value], out: Sequence[Value]) -> list[str]:
    return [c for arg, v in zip(args, out, strict=True) if v is not arg for c in components(e.values[v])]


# -- for


@dataclass(frozen=True, slots=True)
class _Range:
    """What a `for` counts over. Where it stands is its index, and unless the step is ±1 the trips so far."""

    lo: str
    hi: str
    step: str
    trips: str = ""

    @property
    def start(self) -> list[str]:
        return [self.lo, "0"] if self.trips else [self.lo]

    @property
    def end(self) -> str:
        return self.trips or self.hi

    def more(self, e: Emitter, place: Sequence[str], end: str) -> str:
        """Whether there is an iteration at `place`, before `end`."""
        order = "ult" if self.trips else "slt" if self.step == "1" else "sgt"
        return e.new(f"icmp {order} i64 {place[-1]}, {end}")

    @property
    def rises_from_zero(self) -> bool:
        """Whether no index is negative, as far as literals say."""
        return (literal(self.step) or 0) > 0 and (start := literal(self.lo)) is not None and start >= 0

    def advance(self, e: Emitter, place: Sequence[str]) -> list[str]:
        index = e.new(f"add {'nuw ' if self.rises_from_zero else ''}nsw i64 {place[0]}, {self.step}")
        return [index, e.new(f"add nuw i64 {place[1]}, 1")] if self.trips else [index]

    def reached(self, place: Sequence[str], end: str) -> list[str]:
        """The place where iterations have gone on to `end`, said without the last index: of a vector, that is dear."""
        return list(place) if self.trips else [end]

    def strip_end(self, e: Emitter, place: Sequence[str], length: int) -> str:
        """Where the strip that begins at `place` ends: not beyond the end of all, which LLVM sees."""
        down = self.step == "-1" and not self.trips
        sum = "llvm.uadd.sat" if self.trips else "llvm.ssub.sat" if down else "llvm.sadd.sat"
        nearer = "llvm.umin" if self.trips else "llvm.smax" if down else "llvm.smin"
        for name in (sum, nearer):
            e.declare(f"@{name}.i64", "i64", ["i64", "i64"])
        full = e.new(f"call i64 @{sum}.i64(i64 {place[-1]}, i64 {length})")
        return e.new(f"call i64 @{nearer}.i64(i64 {self.end}, i64 {full})")

    def executed(self, e: Emitter, place: Sequence[str]) -> str:
        """The trips of a loop that ran, and goes on at `place`."""
        return place[1] if self.trips else _unit_trips(e, self.lo, place[0], self.step, "true")


class _Strips:
    """The loop around the strips of a `for`: its phis hold where a strip begins."""

    def __init__(self, e: Emitter, range: _Range, length: int, done: str) -> None:
        self.e, self.range, self.length, self.done = e, range, length, done
        self.label, self.ended = e.label(), e.label()

    def begin(
        self, before: str, carries: Sequence[Value], inits: Sequence[Operand], out: Sequence[Value]
    ) -> tuple[list[str], list[Operand], str]:
        """Where the strip begins, with which carries, and where it ends."""
        self.e.open(self.label)
        self.phis = _Phis(self.e, before)
        place = [self.phis.value("i64", p) for p in self.range.start]
        firsts = _open_carries(self.e, self.phis, carries, inits, out)
        if self.range.rises_from_zero:  # which LLVM cannot know of a phi that is not an induction variable
            place[0] = self.e.new(f"and i64 {place[0]}, {2**63 - 1}")
        return place, firsts, self.range.strip_end(self.e, place, self.length)

    def end(self, place: Sequence[str], following: Sequence[str]) -> None:
        """Ask whether to stop, and go on with the next strip if there is one."""
        e = self.e
        e.open(self.ended)
        asking = e.label()
        e.branch(self.range.more(e, place, self.range.end), asking, self.done)
        e.open(asking)
        ask(e)
        e.jump(self.label)
        self.phis.close(e.block, following)


def lower_for(e: Emitter, op: Op, run: Run) -> None:
    lo, hi, step = (e.scalar(o) for o in op.operands[:3])
    if _chooses(op) and None in (literal(lo), literal(hi)):
        hi = _of_any_size(e, hi)
    range = _Range(lo, hi, step, "" if literal(step) in (1, -1) else _trip_count(e, lo, hi, step))
    (body,) = op.regions
    exits: bool = op.attrs["exits"]
    out = loop_yields(op)
    carries, trips = body.args[1:], op.results[-1]
    firsts = inits = [e.values[v] for v in op.operands[3:]]
    enter = range.more(e, range.start, range.end)
    if not exits and trips in e.used:
        e.values[trips] = range.trips or _unit_trips(e, lo, hi, step, enter)
    mark = sweep_mark(e, op)
    before, head, done = e.block, e.label(), e.label()
    how = polling(e, op)
    strips = _Strips(e, range, how.strip, done) if how.strip else None
    e.branch(enter, strips.label if strips else head, done)
    place, limit = range.start, range.end
    if strips:
        place, firsts, limit = strips.begin(before, carries, inits, out)
        e.jump(head)
    phis = _Phis(e, e.block)
    e.open(head)
    place = [phis.value("i64", p) for p in place]
    e.values[body.args[0]] = place[0]
    _open_carries(e, phis, carries, firsts, out)
    if strips and any(inner.name == "check" for inner in walk(body)):  # LLVM removes checks, but does not look so far
        e.declare("@llvm.assume", "void", ["i1"])
        e.do(f"call void @llvm.assume(i1 {range.more(e, place, range.end)})")
    metadata = _lower_body(e, op, run)
    sweep(e, mark, out)
    place = range.advance(e, place)
    executed = range.executed(e, place) if exits and trips in e.used else ""
    leaving = [e.block] if exits else []
    if exits:
        again = e.label()
        e.branch(e.scalar(body.terminator.operands[0]), done, again)
        e.open(again)
    count(e, how)
    following = [*place, *_following(e, carries, out)]
    e.branch(range.more(e, place, limit), head, strips.ended if strips else done, metadata)
    phis.close(e.block, following)
    leaving.append(strips.ended if strips else e.block)
    if strips:
        place = range.reached(place, limit)
        strips.end(place, [*place, *following[len(place) :]])
    e.open(done)
    _merge_results(e, op, before, leaving)
    if executed:
        e.values[trips] = merge(e, trips, [(before, "0"), *((block, executed) for block in leaving)])
    if op.attrs.get("streams"):  # what went past the caches is there for other threads
        e.do("fence seq_cst")


def _merge_results(e: Emitter, op: Op, before: str, leaving: Sequence[str]) -> None:
    """What the carries of a `for` have come to: it did not run, or left by one of the blocks `leaving`."""
    for arg, result, init, value in zip(loop_carries(op), op.results, loop_inits(op), loop_yields(op), strict=False):
        start = e.values[init]
        if result in e.used and value is not arg:
            e.values[result] = merge(e, result, [(before, start), *((block, e.values[value]) for block in leaving)])
        else:
            e.values[result] = start


def _chooses(op: Op) -> bool:
    """Whether a loop carries something, and looks for the least or greatest of some numbers."""
    return len(op.results) > 1 and any(o.name in _EXTREMA for o in walk(op.regions[0]))


def _of_any_size(e: Emitter, number: str) -> str:
    """A number of which LLVM knows nothing.

    Where it knows that there are fewer iterations than a vector has numbers, but not how many, its two cost models
    disagree on loops that look for an extremum, and an assertion of theirs ends the process.
    """
    return e.new(f'call i64 asm "", "=r,0"(i64 {number})')


def _lower_body(e: Emitter, op: Op, run: Run) -> str:
    """The body of a `for`; the metadata of its loop."""
    group = e.distinct() if independent(e, op) else ""
    first = len(e.lines)
    if group:
        e.groups.append(group)
    outer = e.writes_out, e.stops, e.chained
    stops = op.attrs["exits"] or any(inner.name == "check" for inner in walk(op.regions[0]))
    e.writes_out, e.stops, e.chained = writes_out(op.regions[0]), stops, _chained(op)
    e.depth += 1
    run(op.regions[0])
    e.depth -= 1
    e.writes_out, e.stops, e.chained = outer
    if group:
        e.groups.pop()
    straight = not any(line.endswith(":") for line in e.lines[first:])
    properties = loop_properties(e, op, group, len(e.lines) - first, straight)
    return f", !llvm.loop {e.distinct(*properties)}" if properties else ""


def _chained(op: Op) -> set[Value]:
    """The values of a `for` that wait for the iteration before."""
    found = set(op.regions[0].args[1:])
    for inner in walk(op.regions[0]) if found else ():
        if any(o in found for each in (inner, *(w for r in inner.regions for w in walk(r))) for o in each.operands):
            found.update(inner.results)
    return found


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


# -- while


def lower_while(e: Emitter, op: Op, run: Run) -> None:
    condition, body = op.regions
    exits: bool = op.attrs["exits"]
    out = loop_yields(op)
    trips = op.results[-1]
    counting = trips in e.used
    how = polling(e, op)
    # The carries are known by two names: the arguments of either region.
    kept = [value is arg for value, arg in zip(out, body.args, strict=True)]
    mark = sweep_mark(e, op)
    before, head, inside, done = e.block, e.label(), e.label(), e.label()
    e.jump(head)
    e.open(head)
    phis = _Phis(e, before)
    counter = phis.value("i64", "0") if counting else ""
    _open_carries(e, phis, body.args, [e.values[v] for v in op.operands], out)
    for mine, other in zip(condition.args, body.args, strict=True):
        e.values[mine] = e.values[other]
    outer, e.writes_out = e.writes_out, False
    e.depth += 1
    run(condition)
    tested = e.block
    e.branch(e.scalar(condition.terminator.operands[0]), inside, done)
    e.open(inside)
    run(body)
    e.depth -= 1
    e.writes_out = outer
    sweep(e, mark, out)
    counted = e.new(f"add nuw nsw i64 {counter}, 1") if counting else ""
    count(e, how)
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
            e.values[result] = merge(e, result, [(tested, carried), (ended, e.values[out[k]])])
        else:
            e.values[result] = carried
    if counting:
        arms = [(tested, counter), (ended, counted)] if exits else [(tested, counter)]
        e.values[trips] = merge(e, trips, arms)
