"""Lowering of loops that add up some vectors over all of their lanes: all of them at once.

Halves of two vectors are added, so that one vector holds parts of both sums, and so on: for four sums of eight numbers
this takes half of the additions, and of the shuffles between them, that one sum after the other would take.
"""

from __future__ import annotations

from collections.abc import Sequence

from llad.codegen.lower_control import Run
from llad.codegen.lower_emit import REGISTER, Emitter
from llad.codegen.lower_loops import lower_for
from llad.codegen.target import vectors
from llad.dataclass import dataclass
from llad.ir.core import Op, Value
from llad.ir.types import BufferType, ScalarType

_LANE = 16  # bytes within which numbers change places at the least cost


@dataclass(frozen=True, slots=True)
class _Parts:
    """A vector, and of which sum each of its numbers is a part."""

    vector: str
    owners: tuple[int, ...]


def lower_totals(e: Emitter, op: Op, run: Run) -> None:
    """A loop of which each carry adds up the elements of an array. Another one is lowered as any loop."""
    arrays = [array for number in range(len(op.results) - 1) if (array := _added(op, number)) is not None]
    types = {array.type.dtype for array in arrays if isinstance(array.type, BufferType)}
    if len(arrays) < len(op.results) - 1 or len(types) != 1:
        lower_for(e, op, run)
        return
    (type,) = types
    kind, lanes = REGISTER[type.name], op.attrs["lanes"]
    found = [_loaded(e, type, lanes, k, array) for k, array in enumerate(arrays)]
    count = len(found[0].owners)
    while len(found) & (len(found) - 1):
        found.append(_Parts("poison", (len(found),) * count))
    while len(found) > 1 and len(set(found[0].owners)) < count:
        found = [_joined(e, kind, _LANE // type.bytes, *pair) for pair in zip(found[::2], found[1::2], strict=True)]
    for parts in found:
        while len(set(parts.owners)) < len(parts.owners):
            parts = _folded(e, kind, parts)
        for place, k in enumerate(parts.owners):
            if k < len(arrays):
                part = e.new(f"extractelement <{len(parts.owners)} x {kind}> {parts.vector}, i64 {place}")
                e.values[op.results[k]] = e.new(f"fadd {kind} {e.scalar(op.operands[3 + k])}, {part}")
    e.values[op.results[-1]] = str(lanes)


def _loaded(e: Emitter, type: ScalarType, lanes: int, number: int, array: Value) -> _Parts:
    """What one sum is of, in one vector of the processor."""
    kind, room = REGISTER[type.name], vectors()[0] // type.bytes
    vector = e.new(f"load <{lanes} x {kind}>, ptr {e.buffer(array).pointer}, align {type.bytes}")
    parts = _Parts(vector, (number,) * lanes)
    while len(parts.owners) > room:
        parts = _folded(e, kind, parts)
    return parts


def _added(loop: Op, number: int) -> Value | None:
    """The array of which a carry adds up the elements."""
    body = loop.regions[0]
    index, carry = body.args[0], body.args[1 + number]
    for add in body.ops:
        if add.name == "add" and add.operands[0] is carry and add.result is body.terminator.operands[number]:
            for load in body.ops:
                if load.name == "load" and load.result is add.operands[1] and load.operands[1:] == (index,):
                    return load.operands[0]
    return None


def _joined(e: Emitter, kind: str, room: int, first: _Parts, second: _Parts) -> _Parts:
    """One vector of the parts of two: the same numbers of both are added."""
    count = len(first.owners)
    both = first.owners + second.owners
    near = len(set(first.owners[:room]))  # parts of so many sums are there in each lane
    lanes = [range(k, k + room) for k in range(0, count, room)]
    if near < room:  # halves of lanes
        low = [i for lane in lanes for k in range(0, room // 2, near) for of in (0, count)
               for i in range(of + lane[k], of + lane[k] + near)]  # fmt: skip
        high = [i + room // 2 for i in low]
    else:
        low = [of + i for of in (0, count) for lane in lanes[::2] for i in lane]
        high = [of + i for of in (0, count) for lane in lanes[1::2] for i in lane]
    vectors = f"<{count} x {kind}> {first.vector}, <{count} x {kind}> {second.vector}"
    return _sum(e, kind, vectors, both, low, high)


def _folded(e: Emitter, kind: str, parts: _Parts) -> _Parts:
    """A vector half as long: parts of the same sum are added."""
    owners, half = parts.owners, len(parts.owners) // 2
    low, high = list(range(half)), list(range(half, 2 * half))
    if owners[:half] != owners[half:]:
        odd = [owners[:k].count(owner) % 2 for k, owner in enumerate(owners)]
        low, high = ([k for k, later in enumerate(odd) if later == which] for which in (0, 1))
    type = f"<{len(owners)} x {kind}>"
    return _sum(e, kind, f"{type} {parts.vector}, {type} poison", owners, low, high)


def _sum(e: Emitter, kind: str, vectors: str, owners: Sequence[int], low: list[int], high: list[int]) -> _Parts:
    """Some numbers of the vectors and, added to each, another one of the same sum."""
    assert [owners[k] for k in low] == [owners[k] for k in high]
    masks = [", ".join(f"i32 {k}" for k in places) for places in (low, high)]
    one, other = (e.new(f"shufflevector {vectors}, <{len(low)} x i32> <{mask}>") for mask in masks)
    return _Parts(e.new(f"fadd <{len(low)} x {kind}> {one}, {other}"), tuple([owners[k] for k in low]))
