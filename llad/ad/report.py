"""What was decided about each loop of a function that is differentiated in reverse, for people to read."""

from __future__ import annotations

from dataclasses import dataclass

from llad.ad.mirror import Mirror
from llad.ad.strategies import Strategies
from llad.ad.structure import LOOPS, Strategy, Structure
from llad.ad.tape import Tape
from llad.diagnostics import Span
from llad.ir.core import Function, Region, Value
from llad.ir.types import ScalarType


@dataclass(frozen=True, slots=True)
class LoopReport:
    """One loop: where it stands, in how many others, how it is reversed and why not better (None: it is not reversed),
    what one iteration of the loop keeps, by name and by bytes, and which other lines became part of the loop."""

    span: Span | None
    depth: int
    strategy: Strategy | None
    why: str
    kept: tuple[str, ...]
    bytes: int
    joined: tuple[int, ...] = ()


def reports(
    fn: Function, mirror: Mirror, structure: Structure, strategies: Strategies, tape: Tape
) -> list[LoopReport]:
    """The loops of `fn`, in program order, after its mirror was written."""
    found: list[LoopReport] = []

    def visit(region: Region, depth: int) -> None:
        for op in region.ops:
            is_loop = op.name in LOOPS
            if is_loop:
                body = op.regions[-1]
                strategy = structure.reruns.get(body, "taped") if body in mirror.of else None
                kept = _kept(region=body, tape=tape)
                names = tuple(v.name or "a value" for v in kept)
                why = strategies.why.get(op, "") if strategy else ""
                size, joined = sum(map(_bytes, kept)), op.attrs.get("joined", ())
                found.append(LoopReport(op.span, depth, strategy, why, names, size, joined))
            for inner in op.regions:
                visit(inner, depth + is_loop)

    visit(fn.body, 0)
    return found


def _kept(region: Region, tape: Tape) -> list[Value]:
    """What one run of a region stores for the reverse sweep, in its branches too."""
    kept = [rectangle.value for rectangle in tape.stored.get(region, ())]
    if region in tape.records:
        kept += tape.records[region].values
    for op in region.ops:
        if op.name not in LOOPS:
            for inner in op.regions:
                kept += _kept(inner, tape)
    return kept


def _bytes(value: Value) -> int:
    """The size of a number, or of a handle."""
    return value.type.bytes if isinstance(value.type, ScalarType) else 8
