"""Copies of what the iterations of a checkpointed loop hand on, and the way from one of them to any iteration.

The state of such a loop is its carries, all numbers (`inplace.py`), and the arrays that an iteration writes and reads.
The forward sweep makes copies as `binomial.py` says. The reversed loop goes back: for each iteration it takes the last
copy before it, runs forward from there, makes copies on the way in slots that have become free, and then reruns and
reverses the iteration like that of any loop that is rerun (`augment.py`).

Slots are buffers with one more axis; which iteration a slot belongs to is in `places`, which slot was filled last in
`top`. Slot 0, the state before the loop, is never filled again, so a pullback that starts there can be run repeatedly.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import field

from llad.ad.binomial import slots, stride
from llad.ad.memory import copy_buffer, copy_into, extents
from llad.dataclass import dataclass
from llad.ir.build import Builder
from llad.ir.core import CHECKPOINT, Op, Region, Value, loop_carries
from llad.ir.rewrite import Mapping, copy_op
from llad.ir.types import I64, BufferType, ScalarType

Names = Callable[[Value], Value]  # what a primal value, or a slot, is called in the sweep that is being written
Run = Callable[[Value, list[Value]], list[Value]]  # emits iteration number k with carries, and gives the next carries


@dataclass(slots=True, eq=False)
class Snapshots:
    """The state of `loop`, and stand-ins for the memory that the forward sweep makes for copies of it.

    `arrays` and `carries` are the state; `finals`: arrays that shall be after the reverse sweep what they were before
    it. `given`: what the carries are in the iteration to be reversed.
    """

    loop: Op
    arrays: list[Value]
    carries: list[Value]
    finals: list[Value]
    array_slots: list[Value] = field(init=False)
    carry_slots: list[Value] = field(init=False)
    count: Value = field(default_factory=lambda: Value(I64, "slots"))
    places: Value = field(default_factory=lambda: Value(BufferType(I64, 1), "places"))
    top: Value = field(default_factory=lambda: Value(BufferType(I64, 1), "top"))
    given: dict[Value, Value] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.array_slots = [_slots_of(v) for v in self.arrays]
        self.carry_slots = [_slots_of(v) for v in self.carries]

    def described(self) -> str:
        """What is kept, in words."""
        kind, number = self.loop.attrs[CHECKPOINT]
        copies = {"slots": f"at most {number} copies", "memory": f"copies in at most {number} bytes"}
        parts = [f"`{a.name or 'an array'}` ({_bytes(a)} bytes an element)" for a in self.arrays]
        parts += [f"`{c.name or 'a number'}` ({_bytes(c)} bytes)" for c in self.carries]
        return f"keeps {copies.get(kind, 'about sqrt(2 n) copies')} of {', '.join(parts) or 'nothing'}"

    # -- the forward sweep

    def begin(self, b: Builder, new: Mapping, trips: Value) -> None:
        """Make the slots, and the first copy; `new` learns what the stand-ins stand for."""
        new[self.count] = count = slots(b, self.loop.attrs[CHECKPOINT], trips, self._size(b, new))
        for array, stack in zip(self.arrays, self.array_slots, strict=True):
            assert isinstance(array.type, BufferType)
            new[stack] = b.alloc(array.type.dtype, [count, *extents(b, new[array])], hint=stack.name)
        for carry, stack in zip(self.carries, self.carry_slots, strict=True):
            assert isinstance(carry.type, ScalarType)
            new[stack] = b.alloc(carry.type, [count], hint=stack.name)
        new[self.places] = b.alloc(I64, [count], hint=self.places.name)
        new[self.top] = b.alloc(I64, [b.i64(1)], hint=self.top.name)

    def _size(self, b: Builder, new: Mapping) -> Value:
        """The bytes of a copy."""
        size = b.i64(sum(c.type.bytes for c in self.carries if isinstance(c.type, ScalarType)))
        for array in self.arrays:
            assert isinstance(array.type, BufferType)
            bytes = b.i64(array.type.dtype.bytes)
            for extent in extents(b, new[array]):
                bytes = b.op("mul", bytes, extent)
            size = b.op("add", size, bytes)
        return size

    # -- both sweeps

    def save(self, b: Builder, at: Names, slot: Value, place: Value, carries: dict[Value, Value]) -> None:
        """Copy the state before iteration `place` to `slot`."""
        b.store(place, at(self.places), slot)
        for array, stack in zip(self.arrays, self.array_slots, strict=True):
            copy_into(b, at(array), _row(b, at(stack), slot))
        for carry, stack in zip(self.carries, self.carry_slots, strict=True):
            b.store(carries[carry], at(stack), slot)

    def advance(self, b: Builder, at: Names, run: Run, start: _State, last: Value, end: Value) -> _State:
        """Run from one iteration to before another (`end`), with copies on the way for the reversal up to `last`."""
        which = list(start.carries)
        one = b.i64(1)
        types = [I64, I64, *[c.type for c in which]]
        hints = ["place", "slot", *[c.name for c in which]]
        with b.region(types, hints) as condition:
            b.yield_(b.op("lt", condition.args[0], end))
        with b.region(types, hints) as body:
            place, slot, *values = body.args
            copies = b.op("sub", at(self.count), slot)
            left = b.op("add", b.op("sub", last, place), one)
            several = b.op("and", b.op("gt", copies, one), b.op("gt", left, one))
            with b.region() as then:
                b.yield_(stride(b, left, copies))
            with b.region() as otherwise:
                b.yield_(b.op("sub", end, place))
            (steps,) = b.if_(several, then, otherwise)
            target = b.op("add", place, steps)
            values = straight(b, run, place, target, values, which)
            with b.region() as then:
                next_ = b.op("add", slot, one)
                self.save(b, at, next_, target, dict(zip(which, values, strict=True)))
                b.yield_(next_)
            with b.region() as otherwise:
                b.yield_(slot)
            (slot,) = b.if_(b.op("and", several, b.op("lt", target, end)), then, otherwise)
            b.yield_(target, slot, *values)
        place, slot, *values = b.while_([start.place, start.slot, *start.carries.values()], condition, body)[:-1]
        return _State(place, slot, dict(zip(which, values, strict=True)))

    # -- the reverse sweep, which mentions primal values

    def go_back(self, b: Builder, number: Value, run: Run) -> None:
        """Make the state what it was before iteration `number`, the one before that for which this was done last."""
        zero, one = b.i64(0), b.i64(1)
        top = b.load(self.top, zero)
        behind = b.op("gt", b.load(self.places, top), number)
        slot = b.op("select", behind, b.op("sub", top, one), top)
        for array, stack in zip(self.arrays, self.array_slots, strict=True):
            copy_into(b, _row(b, stack, slot), array)
        carries = {c: b.load(stack, slot) for c, stack in zip(self.carries, self.carry_slots, strict=True)}
        start = _State(b.load(self.places, slot), slot, carries)
        state = self.advance(b, lambda value: value, run, start, number, number)
        b.store(state.slot, self.top, zero)
        self.given.update(state.carries)

    @contextmanager
    def put_back(self, b: Builder) -> Iterator[None]:
        """Leave the arrays as they were before what the `with` body emits: as the forward sweep left them at its end.

        (That is not how the loop left them, if something behind it writes to them.)
        """
        kept = [copy_buffer(b, array, hint=array.name) for array in self.finals]
        yield
        for array, copy in zip(self.finals, kept, strict=True):
            copy_into(b, copy, array)


@dataclass(slots=True)
class _State:
    """Where a run stands: before which iteration, the slot that was filled last, and its carries."""

    place: Value
    slot: Value
    carries: dict[Value, Value]


def from_the_start(b: Builder, carries: dict[Value, Value]) -> _State:
    """The state before the first iteration, of which slot 0 has a copy."""
    zero = b.i64(0)
    return _State(zero, zero, carries)


def straight(
    b: Builder, run: Run, start: Value, end: Value, carries: Sequence[Value], which: Sequence[Value]
) -> list[Value]:
    """The carries after the iterations `start` to `end` - 1."""
    with b.region([I64, *[c.type for c in which]], ["k", *[c.name for c in which]]) as body:
        b.yield_(*run(body.args[0], list(body.args[1:])))
    return list(b.for_(start, end, b.i64(1), carries, body)[:-1])


def iterations(b: Builder, loop: Op, which: Sequence[Value], known: Mapping, skip: Callable[[Op], bool]) -> Run:
    """How an iteration of `loop` is run without being reversed, but for the ops to `skip`; `known`: what its bounds and
    the values from outside are called, where not what they are in the primal."""
    body = loop.regions[0]
    numbers = [k for k, carry in enumerate(loop_carries(loop)) if carry in which]

    def run(number: Value, carries: list[Value]) -> list[Value]:
        lo, _, step = (known.get(o, o) for o in loop.operands[:3])
        mapping = dict(known)
        mapping[body.args[0]] = b.op("add", lo, b.op("mul", number, step))
        mapping.update(zip(which, carries, strict=True))
        b.current.ops += [copy_op(op, mapping) for op in _without(body, skip).ops[:-1]]
        yielded = body.terminator.operands
        return [mapping.get(yielded[k], yielded[k]) for k in numbers]

    return run


def _without(region: Region, skip: Callable[[Op], bool]) -> Region:
    """A region less the ops to `skip`, in the regions inside too."""
    ops = []
    for op in region.ops:
        if not skip(op):
            regions = tuple(_without(inner, skip) for inner in op.regions)
            ops.append(Op(op.name, op.operands, op.results, op.attrs, regions, op.span) if regions else op)
    return Region(region.args, ops)


def _bytes(value: Value) -> int:
    type = value.type.dtype if isinstance(value.type, BufferType) else value.type
    assert isinstance(type, ScalarType)
    return type.bytes


def _slots_of(value: Value) -> Value:
    if isinstance(value.type, BufferType):
        type = BufferType(value.type.dtype, value.type.rank + 1)
    else:
        assert isinstance(value.type, ScalarType)
        type = BufferType(value.type, 1)
    return Value(type, f"{value.name}_slots" if value.name else "slots")


def _row(b: Builder, stack: Value, slot: Value) -> Value:
    """One slot of an array."""
    assert isinstance(stack.type, BufferType)
    return b.view(stack, ["index", *["full"] * (stack.type.rank - 1)], slot)
