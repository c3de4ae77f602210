"""What LLVM is told of a loop in its metadata: that it ends, that its iterations are independent, and what is worth it.

Large bodies are not worth unrolling, nor loops inside others that may be short, nor very large bodies vectorising,
which costs more time than all else. The last few iterations of a heavy loop are worth running at once, under a mask,
and so are those of small loops between heavy ones over the same range: rows that short are mostly ends, and what was
stored under a mask is loaded under none only when it has reached the cache.
"""

from __future__ import annotations

from collections.abc import Container, Iterator

from llad.codegen.lower_emit import Emitter
from llad.codegen.lower_poll import known_trips
from llad.codegen.lower_scalar import written_lines
from llad.codegen.target import masks, narrower, vectors
from llad.ir.core import Op, Region, Value, accessed, walk
from llad.ir.types import I64, ScalarType, is_float

# Lines of LLVM IR in a loop beyond which it is not vectorised or interleaved, and in one of straight code without
# carries, for which that takes little time.
VECTORISED_LINES = 400
STRAIGHT_LINES = 1200
# Lines that elementary functions may take in a loop to be written out: 80 exponentials, a third of a second vectorised.
WRITTEN_LINES = 3000
# Lines beyond which a loop of unknown trip count is not unrolled: its own overhead is then lost in its body.
UNROLLED_LINES = 16
# Lines, as far as the ops tell, beyond which the last few iterations, too, are worth running at once under a mask,
# rather than one by one. A division or a root takes as long as so many.
FOLDED_LINES = 100
_SLOW_LINES = 25
# Registers that hold the intermediate results of two vectors on their way through elementary functions.
_ENOUGH_REGISTERS = 32

_SLOW = frozenset({"div", "sqrt"})
_NOT_PARALLEL = frozenset({"alloc", "matmul", "lifo", "push", "pop", "call", "print"})


def independent(e: Emitter, op: Op) -> bool:
    """Whether loads and stores of different iterations may be interleaved.

    Not if parameters may overlap, for which `kind` does not answer; nor if an iteration makes memory for itself, which
    is the same stack slot, or maybe the same block, every time; nor if LLVM would forget what is stored in an iteration
    (`revisits.py`).
    """
    if not op.attrs.get("apart"):
        if e.may_alias or op.attrs["kind"] == "sequential":
            return False
        if any(inner.name in _NOT_PARALLEL for inner in walk(op.regions[0])):
            return False
    return op not in e.revisits


def ends_under_mask(body: Region, nested: bool = False) -> Iterator[Value]:
    """Where heavy loops within others end whose last few iterations run at once."""
    for op in body.ops:
        if nested and op.name == "for" and _is_heavy(op) and _takes_a_mask(op):
            yield op.operands[1]
        for region in op.regions:
            yield from ends_under_mask(region, nested or op.name in ("for", "while"))


def _goes_along(loop: Op, ends: Container[Value]) -> bool:
    """Whether a small loop has a heavy one's range, and is no mere sum, which of a few numbers is none for vectors."""
    sums = len(loop.results) > 1 and not _function_lines(loop.regions[0])
    return loop.operands[1] in ends and not sums


def _is_heavy(loop: Op) -> bool:
    body = loop.regions[0]
    slow = _SLOW_LINES * sum(op.name in _SLOW and is_float(op.result.type) for op in body.ops)
    return sum(map(_own_lines, body.ops)) + slow + _function_lines(body) > FOLDED_LINES


def _own_lines(op: Op) -> int:
    """About how many lines an op takes: memory has an address to be computed."""
    return len(op.operands) + (op.name == "load") if op.name in ("load", "store") else 1


def _takes_a_mask(loop: Op) -> bool:
    stores = any(op.name == "store" for op in loop.regions[0].ops)
    return masks(stores) and _runs_along_rows(loop.regions[0])


def _runs_along_rows(body: Region) -> bool:
    """Whether a loop without branches meets neighbours of contiguous rows only: others are no vectors under a mask.

    No neighbour is where an iteration looks for its elements, at what it loaded or made of that.
    """
    moving, found = {body.args[0]}, set[Value]()
    for op in body.ops:
        moves = not moving.isdisjoint(op.operands)
        if op.regions:
            return False
        if op.name in ("load", "store"):
            buffer, *indices = accessed(op)
            if not moving.isdisjoint(indices[:-1]) or getattr(buffer.type, "layout", "C") != "C":
                return False
            if not found.isdisjoint(indices):
                return False
            found.update(op.results)
        elif moves and op.name not in ("add", "sub") and any(r.type == I64 for r in op.results):
            return False
        elif not found.isdisjoint(op.operands):
            found.update(op.results)
        elif moves and op.name in ("add", "sub"):
            moving.update(op.results)
    return True


def loop_properties(e: Emitter, op: Op, group: str, lines: int, straight: bool) -> list[str]:
    """The nodes of the metadata of a `for` of so many lines, of one block if it is `straight`."""
    if op.attrs.get("rare"):
        return [_property(e, "vectorize.enable", "i1 false"), _property(e, "unroll.disable")]
    if op.attrs.get("tile") and not _function_lines(op.regions[0]):  # which is no vector without a gather or scatter
        return [_property(e, "vectorize.enable", "i1 false"), _property(e, "unroll.full")]
    properties = []
    if group:
        properties.append(_property(e, "parallel_accesses", group))
    if lanes := op.attrs.get("lanes"):
        return properties + _as_one_vector(e, op, lanes)
    # Python may loop forever, LLVM must be told of it
    if not any(o.name in ("while", "call") for o in walk(op.regions[0])):
        properties.append(_property(e, "mustprogress"))
    if e.depth and known_trips(op, e.definitions) is None:  # nor what is left of it once it is a loop of vectors
        properties.append(_property(e, "unroll.disable"))
    elif lines > UNROLLED_LINES:
        properties.append(_property(e, "unroll.runtime.disable"))
    heavy = _is_heavy(op)
    if (heavy or (e.depth and _goes_along(op, e.masked))) and _takes_a_mask(op):
        properties.append(_property(e, "vectorize.predicate.enable", "i1 true"))
        if heavy and vectors()[1] >= _ENOUGH_REGISTERS:  # functions wait for their own results more than for a unit
            properties.append(_property(e, "interleave.count", "i32 2"))
    if op.attrs.get("narrow") and (size := narrower()) and _runs_along_rows(op.regions[0]):
        properties.append(_property(e, "vectorize.width", f"i32 {size // _widest(op.regions[0])}"))
    largest = STRAIGHT_LINES if straight and group and len(op.results) == 1 else VECTORISED_LINES
    if lines > largest or op.attrs.get("packed"):
        properties.append(_property(e, "vectorize.enable", "i1 false"))
    return properties


def _as_one_vector(e: Emitter, op: Op, lanes: int) -> list[str]:
    """Those of a loop of so many trips, which as vectors is not a loop: what it loads may stay where it is loaded."""
    width = min(vectors()[0] // _widest(op.regions[0]), lanes)
    return [
        _property(e, "vectorize.enable", "i1 true"),
        _property(e, "vectorize.width", f"i32 {width}"),
        _property(e, "interleave.count", f"i32 {lanes // width}"),
        _property(e, "unroll.disable"),
    ]


def _property(e: Emitter, name: str, *values: str) -> str:
    return e.node("!{" + ", ".join([f'!"llvm.loop.{name}"', *values]) + "}")


def _widest(body: Region) -> int:
    """The bytes of the largest floats that a loop makes."""
    results = [r.type for op in walk(body) for r in op.results]
    return max(type.bytes for type in results if isinstance(type, ScalarType) and is_float(type))


def writes_out(body: Region) -> bool:
    """Whether elementary functions in a loop are written out; where there are very many, they are those of C."""
    return _function_lines(body) <= WRITTEN_LINES


def _function_lines(region: Region) -> int:
    """Of the region without its loops, which decide for themselves."""
    inner = (_function_lines(r) for op in region.ops if op.name not in ("for", "while") for r in op.regions)
    return sum(map(written_lines, region.ops)) + sum(inner)
