"""What accumulates into the carries of a loop: the ops that a `reduction` allows to be reassociated."""

from __future__ import annotations

from llad.ir.core import Op, Region, Value
from llad.ir.types import is_float

_ACCUMULATE = ("add", "sub", "mul")


def accumulations(loop: Op) -> list[Op]:
    """The sums and products of floats through which a `for` passes what it carries."""
    body = loop.regions[0]
    found: list[Op] = []
    _spread(body, set(body.args[1:]), found)
    return found


def _spread(region: Region, carried: set[Value], found: list[Op]) -> None:
    """What accumulates into `carried`, which is followed through `if` and inner loops."""
    for op in region.ops:
        if op.name in _ACCUMULATE and is_float(op.result.type) and not carried.isdisjoint(op.operands):
            found.append(op)
            carried.add(op.result)
        elif op.name == "for":
            body = op.regions[0]
            carried.update(a for a, init in zip(body.args[1:], op.operands[3:], strict=True) if init in carried)
            _spread(body, carried, found)
            _through(op, carried, len(body.args) - 1)
        elif op.name == "while":
            for inner in op.regions:
                carried.update(a for a, init in zip(inner.args, op.operands, strict=True) if init in carried)
                _spread(inner, carried, found)
            _through(op, carried, len(op.operands))
        elif op.name == "if":
            for inner in op.regions:
                _spread(inner, carried, found)
            _through(op, carried, len(op.results))


def _through(op: Op, carried: set[Value], count: int) -> None:
    """A result is accumulated if what some region yields for it is."""
    for region in op.regions[1:] if op.name == "while" else op.regions:
        yielded = region.terminator.operands
        for result, value in zip(op.results[:count], yielded[len(yielded) - count :], strict=True):
            if value in carried:
                carried.add(result)
