"""Which floating-point operations may be reassociated though the function as a whole is IEEE.

Three things say so: the loop is a `reduction` (then what is added to or multiplied into its carries may be, as NumPy
itself reassociates sums), the op carries the attribute `reassoc` (the accumulation of adjoints, which has no order in
the source), or `fastmath`. A product that feeds such a sum may be contracted into it; LLVM fuses only where both carry
the flag, so other uses of the product keep their rounding.

Invariant: no op outside these gets a flag, so the rest computes what Python computes, bit for bit.
"""

from __future__ import annotations

from llad.ir.core import Function, Op, Region, Value, walk
from llad.ir.types import is_float

_ACCUMULATE = ("add", "sub", "mul")
_SUMS = ("add", "sub")


def relaxed(fn: Function) -> dict[Op, str]:
    """The LLVM fast-math flags of the ops that have any without `fastmath`."""
    flagged: dict[Op, str] = {}
    products: dict[Value, Op] = {}
    for op in walk(fn.body):
        if op.name == "mul" and is_float(op.result.type):
            products[op.result] = op
        if op.attrs.get("reassoc") and is_float(op.result.type):
            flagged[op] = "reassoc contract "
        elif op.name == "for" and op.attrs["kind"] == "reduction":
            _spread(op.regions[0], set(op.regions[0].args[1:]), flagged)
    for op in [op for op in flagged if op.name in _SUMS]:
        for operand in op.operands:
            if operand in products:
                flagged.setdefault(products[operand], "contract ")
    return flagged


def _spread(region: Region, carried: set[Value], flagged: dict[Op, str]) -> None:
    """Flag what accumulates into `carried`, following the accumulated values through `if` and inner loops."""
    for op in region.ops:
        if op.name in _ACCUMULATE and is_float(op.result.type) and not carried.isdisjoint(op.operands):
            flagged[op] = "reassoc contract "
            carried.add(op.result)
        elif op.name == "for":
            body = op.regions[0]
            carried.update(a for a, init in zip(body.args[1:], op.operands[3:], strict=True) if init in carried)
            _spread(body, carried, flagged)
            _through(op, carried, len(body.args) - 1)
        elif op.name == "while":
            for inner in op.regions:
                carried.update(a for a, init in zip(inner.args, op.operands, strict=True) if init in carried)
                _spread(inner, carried, flagged)
            _through(op, carried, len(op.operands))
        elif op.name == "if":
            for inner in op.regions:
                _spread(inner, carried, flagged)
            _through(op, carried, len(op.results))


def _through(op: Op, carried: set[Value], count: int) -> None:
    """A result is accumulated if what some region yields for it is."""
    for region in op.regions[1:] if op.name == "while" else op.regions:
        yielded = region.terminator.operands
        for result, value in zip(op.results[:count], yielded[len(yielded) - count :], strict=True):
            if value in carried:
                carried.add(result)
