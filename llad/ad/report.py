"""What was decided about each loop of a function that is differentiated in reverse, and its memory, for people."""

from __future__ import annotations

from llad.ad.mirror import Mirror
from llad.ad.strategies import Strategies
from llad.ad.structure import LOOPS, Strategy, Structure
from llad.ad.tape import Tape
from llad.dataclass import dataclass
from llad.diagnostics import Span
from llad.ir.core import Function, Region, Value
from llad.ir.sizes import Sizes, product
from llad.ir.types import BufferType, ScalarType


@dataclass(frozen=True, slots=True)
class LoopReport:
    """One loop: where it stands, in how many others, how it is reversed and why not better (None: it is not reversed),
    what one iteration of the loop keeps, by name and by bytes, and which other lines became part of the loop.

    `total`: the bytes that all iterations keep, a formula in extents, integers and indices.
    """

    span: Span | None
    depth: int
    strategy: Strategy | None
    why: str
    kept: tuple[str, ...]
    bytes: int
    total: str
    joined: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Temporary:
    """An array that the function makes: where, its name, and its bytes, as a formula. `inner`: each iteration anew."""

    span: Span | None
    name: str
    size: str
    inner: bool


@dataclass(frozen=True, slots=True)
class Report:
    loops: list[LoopReport]
    temporaries: list[Temporary]


def report(fn: Function, mirror: Mirror, structure: Structure, strategies: Strategies, tape: Tape) -> Report:
    """The loops of `fn` and the arrays that it makes, in program order, after its mirror was written."""
    found: list[LoopReport] = []
    arrays: list[Temporary] = []
    sizes = Sizes(fn)

    def visit(region: Region, counts: tuple[str, ...]) -> None:
        for op in region.ops:
            inside = counts
            if op.name == "alloc":
                dtype = op.result.type
                assert isinstance(dtype, BufferType)
                memory = product(str(dtype.dtype.bytes), *map(sizes.extent, op.operands))
                arrays.append(Temporary(op.span, op.result.name, memory, bool(counts)))
            for sheet in tape.sheets.get(op, ()):
                item = str(sheet.load.result.type.bytes)  # type: ignore[union-attr]
                memory = product(item, *map(sizes.iterations, [*sheet.around, *sheet.along]))
                anew = bool(counts) and not sheet.around
                arrays.append(Temporary(sheet.load.span, sheet.handle.name, memory, anew))
            if op.name in LOOPS:
                inside = (*counts, sizes.iterations(op))
                body = op.regions[-1]
                strategy = structure.reruns.get(body, "taped") if body in mirror.of else None
                kept = _kept(region=body, tape=tape)
                names = tuple(v.name or "a value" for v in kept)
                why = strategies.why.get(op, "") if strategy else ""
                size, joined = sum(map(_bytes, kept)), op.attrs.get("joined", ())
                total = product(str(size), *inside)
                found.append(LoopReport(op.span, len(counts), strategy, why, names, size, total, joined))
            for inner in op.regions:
                visit(inner, inside)

    visit(fn.body, ())
    return Report(found, arrays)


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
