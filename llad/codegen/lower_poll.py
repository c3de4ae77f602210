"""Where lowered code asks whether Python wants it to stop, so that Ctrl-C ends a loop and other threads get a turn.

Asking costs a call (`runtime_poll.py`), so it is done seldom, in one of two ways that hot loops do not feel:

- a `for` whose iterations are short is cut into *strips* of many iterations, and asks between strips; the loop that
  LLVM vectorises or unrolls is the one inside, as it was;
- every other loop, and every function that calls itself, adds to a counter in the context, and asks when that is full.

A loop whose trips are few and known does neither; nor does a short loop over an extent of an array inside a loop that
counts, which adds that extent: small matrices would feel the strips.

Invariant: between two questions lies a bounded number of operations, about a millisecond's, unless one array is so
large that a single loop over it takes longer.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from llad.codegen.lower_emit import Emitter
from llad.ir.core import Op, Region, Value

COUNTER = 56  # of the counter's address in the context
INTERRUPTED = -1  # the code of a call that ends because Python code raised under way; the exception is set
HEAVY = 1 << 6  # what is added for an iteration, or a call, of unknown length

_FULL = 1 << 16  # the counter
_STRIP = 1 << 20  # operations in a strip
_LONG = 1 << 12  # operations in an iteration for which strips do not pay
_SHORT = 1 << 5  # those in an iteration of a loop that is counted by its extent


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
        if op.name == "for" and length <= _LONG:
            return Polling(strip=_STRIP // length)
        return Polling(weight=min(HEAVY, 1 + length // HEAVY))
    short = [inner for inner in op.regions[-1].ops if _is_short(inner, e.definitions)]
    e.counted.update(short)
    return Polling(weight=HEAVY, extents=tuple(inner.operands[1] for inner in short))


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
    e.pass_on(e.new("call i32 @llad.poll(ptr %ctx)"))


def _is_short(op: Op, definitions: Mapping[Value, Op]) -> bool:
    """Whether the op is a loop over an extent, or a part of one, whose iterations are short and have a known bound."""
    if op.name != "for" or _bound_of(op, definitions) is not None:
        return False
    inside = _bound(op.regions[0], definitions)
    lo, hi, step = (definitions.get(v) for v in op.operands[:3])
    return (
        inside is not None
        and inside <= _SHORT
        and (hi is not None and hi.name == "dim")
        and (lo is not None and lo.name == "const" and lo.attrs["value"] >= 0)
        and (step is not None and step.name == "const" and step.attrs["value"] > 0)
    )


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
            trips, inside = _known_trips(op, definitions), _bound(op.regions[0], definitions)
            if trips is None or inside is None or trips * inside > _FULL:
                return None
            return trips * inside
        case _:
            inner = [_bound(region, definitions) for region in op.regions]
            known = [n for n in inner if n is not None]
            return 1 + sum(known) if len(known) == len(inner) else None


def _known_trips(op: Op, definitions: Mapping[Value, Op]) -> int | None:
    """The trips of a `for`, or the most: those from `lo` to `lo + min(…, most)`."""
    known = [_constant(v, definitions) for v in op.operands[:3]]
    lo, hi, step = known
    if lo is not None and hi is not None and step:
        return len(range(lo, hi, step))
    end = definitions.get(op.operands[1])
    if step != 1 or end is None or end.name != "add" or end.operands[0] is not op.operands[0]:
        return None
    count = definitions.get(end.operands[1])
    if count is None or count.name != "min":
        return None
    most = [n for n in (_constant(v, definitions) for v in count.operands) if n is not None]
    return max(most[0], 0) if most else None


def _constant(value: Value, definitions: Mapping[Value, Op]) -> int | None:
    op = definitions.get(value)
    return int(op.attrs["value"]) if op is not None and op.name == "const" else None
