"""Where lowered code asks whether Python wants it to stop, so that Ctrl-C ends a loop and other threads get a turn.

Asking costs a call (`runtime_poll.py`), so it is done seldom, in one of two ways that hot loops do not feel:

- a `for` whose iterations are short is cut into *strips* of many iterations, and asks between strips; the loop that
  LLVM vectorises or unrolls is the one inside, as it was;
- every other loop, and every function that calls itself, adds to a counter in the context, and asks when that is full.

A loop whose trips are few and known does neither; nor does a short loop over an extent of an array, or a part of one,
inside a loop that counts, which adds that extent: small matrices would feel the strips, and each takes LLVM as long
as another loop. (A loop with the attribute `inside` says itself that it begins in the array whose extent it ends with.)

Invariant: between two questions lies a bounded number of operations, about a millisecond's, unless one array is so
large that a single loop over it takes longer.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from llad.codegen.context import COUNTER
from llad.codegen.lower_emit import Emitter
from llad.dataclass import dataclass
from llad.ir.core import Op, Region, Value, constant, walk

INTERRUPTED = -1  # the code of a call that ends because Python code raised under way; the exception is set
HEAVY = 1 << 6  # what is added for an iteration, or a call, of unknown length

_FULL = 1 << 16  # the counter
_STRIP = 1 << 20  # operations in a strip
_LONG = 1 << 12  # operations in an iteration for which strips do not pay
_FEW = 1 << 8  # those in one that has loops of its own
# those in an iteration of a loop that is counted by its extent: longer ones ran a fifth faster in strips (LSTM)
_SHORT = 1 << 5


@dataclass(frozen=True, slots=True)
class Polling:
    """How a loop asks: after every `strip` iterations, or by counting `weight` and the `extents` for an iteration."""

    strip: int = 0
    weight: int = 0
    extents: tuple[Value, ...] = ()


def polling(e: Emitter, op: Op) -> Polling:
    """How the loop that is about to be lowered asks."""
    if op in e.counted or _bound_of(op, e.definitions) is not None:
        return Polling()
    inside = [_bound(region, e.definitions) for region in op.regions]
    length = sum(n for n in inside if n is not None)
    if None not in inside:
        nested = any(inner.name in ("for", "while") for inner in walk(op.regions[-1]))
        if op.name == "for" and length <= (_FEW if nested else _LONG):
            return Polling(strip=_STRIP // length)
        return Polling(weight=min(HEAVY, 1 + length // HEAVY))
    short = dict(_short(e, op, op.regions[-1]))
    e.counted.update(short)
    return Polling(weight=HEAVY, extents=tuple(dict.fromkeys(short.values())))


def count(e: Emitter, how: Polling) -> None:
    """Count an iteration, and ask if the counter is full."""
    if not how.weight:
        return
    place = e.new(f"getelementptr inbounds nuw i8, ptr %ctx, i64 {COUNTER}")
    total = e.new(f"add i64 {e.new(f'load i64, ptr {place}')}, {how.weight}")
    for extent in how.extents:
        total = e.new(f"add i64 {total}, {e.scalar(extent)}")
    e.do(f"store i64 {total}, ptr {place}")
    full, on = e.label(), e.label()
    weights = e.node('!{!"branch_weights", i32 1, i32 1048575}')
    e.branch(e.new(f"icmp sgt i64 {total}, {_FULL}"), full, on, f", !prof {weights}")
    e.open(full)
    ask(e)
    e.jump(on)
    e.open(on)


def ask(e: Emitter) -> None:
    """Leave the function if a signal handler raised."""
    e.pass_on(e.new("call i32 @llad.poll(ptr %ctx)"), only=INTERRUPTED)


def _short(e: Emitter, outer: Op, region: Region) -> Iterator[tuple[Op, Value]]:
    """The short loops in an iteration of `outer`, its branches included, each with the extent that bounds its trips.

    Each goes over an extent of an array or a part of one, and its iterations are short and have a known bound.
    """
    for op in region.ops:
        if op.name == "if":
            inside = (pair for inner in op.regions for pair in _short(e, outer, inner))
            yield from ((loop, extent) for loop, extent in inside if extent in e.values)  # known behind the branch, too
        elif op.name == "for" and _bound_of(op, e.definitions) is None:
            length, extent = _bound(op.regions[0], e.definitions), _extent(op, outer, e.definitions)
            most = _FEW if op.attrs.get("inside") else _SHORT
            if extent is not None and length is not None and length <= most:
                yield op, extent


def _extent(op: Op, outer: Op, definitions: Mapping[Value, Op]) -> Value | None:
    """The extent that bounds the trips of a `for` in an iteration of `outer`, upwards or downwards."""
    lo, hi, step = op.operands[:3]
    by = constant(step, definitions) or 0
    least, most = (lo, hi) if by > 0 else (hi, lo)
    if not by or not (op.attrs.get("inside") or _is_index(least, outer, definitions, by)):
        return None
    last = definitions.get(most)
    if by < 0 and last is not None and last.name == "sub" and (constant(last.operands[1], definitions) or 0) > 0:
        most = last.operands[0]
        last = definitions.get(most)
    return most if last is not None and last.name == "dim" else None


def _is_index(least: Value, outer: Op, definitions: Mapping[Value, Op], by: int) -> bool:
    """Whether no index of a loop is negative, as far as `least` tells: its start, or its end if it goes down.

    That is a constant, or the index of `outer` plus a constant.
    """
    known: int | None = constant(least, definitions)
    if known is not None:
        return known >= min(by, 0)
    made = definitions.get(least)
    if outer.name != "for" or made is None or made.name != "add" or made.operands[0] is not outer.regions[0].args[0]:
        return False
    begin, end, step = (constant(v, definitions) for v in outer.operands[:3])
    first = begin if (step or 0) > 0 else None if end is None else end + 1
    return first is not None and first + (constant(made.operands[1], definitions) or -1) >= 0


def _bound(region: Region, definitions: Mapping[Value, Op]) -> int | None:
    """At most how many operations one run of the region performs, if that is known."""
    total = 1
    for op in region.ops:
        inner = _bound_of(op, definitions)
        if inner is None:
            return None
        total += inner
    return total


def _bound_of(op: Op, definitions: Mapping[Value, Op]) -> int | None:
    match op.name:
        case "while" | "call":
            return None
        case "for":
            trips, inside = known_trips(op, definitions), _bound(op.regions[0], definitions)
            if "lanes" in op.attrs:  # which are taken at once
                return inside
            if trips is None or inside is None or trips * inside > _FULL:
                return None
            return trips * inside
        case _:
            inner = [_bound(region, definitions) for region in op.regions]
            known = [n for n in inner if n is not None]
            return 1 + sum(known) if len(known) == len(inner) else None


def known_trips(op: Op, definitions: Mapping[Value, Op]) -> int | None:
    """How many trips a `for` has, or has at most, if constants tell.

    They do if both ends are constants, or if the loop goes by ones up to `min(…, most)`, or from `lo` to
    `lo + min(…, most)`.
    """
    known = [constant(v, definitions) for v in op.operands[:3]]
    lo, hi, step = known
    if lo is not None and hi is not None and step:
        return len(range(lo, hi, step))
    count = definitions.get(op.operands[1])
    if step == 1 and count is not None and count.name == "add" and count.operands[0] is op.operands[0]:
        lo, count = 0, definitions.get(count.operands[1])
    if step != 1 or lo is None or count is None or count.name != "min":
        return None
    most = [n for n in (constant(v, definitions) for v in count.operands) if n is not None]
    return max(most[0] - lo, 0) if most else None
