"""Which floating-point operations may be reassociated: with `fastmath`, and though the function as a whole is IEEE.

With `fastmath` all may, but for those that were put in an order (`passes/latest.py`). Without, two
things say so: the loop is a `reduction` (then what is added to or multiplied into its carries may be, as NumPy itself
reassociates sums), or the op carries the attribute `reassoc` (the accumulation of adjoints, which has no order in the
source). A product that feeds such a sum may be contracted into it; LLVM fuses only where both carry the flag, so other
uses of the product keep their rounding.

Invariant: without `fastmath` no op outside these gets a flag, so the rest computes what Python computes, bit for bit.
"""

from __future__ import annotations

from llad.ir.core import Function, Op, Value, walk
from llad.ir.sums import accumulations
from llad.ir.types import is_float

FASTMATH = "reassoc contract arcp nsz afn "
IN_ORDER = "contract nsz afn "
MOVED = "contract arcp nsz afn "  # of sums and products, of which arcp says nothing: it tells them from the others
_SUMS = ("add", "sub")


def flags_of(fn: Function, fastmath: bool) -> dict[Op, str]:
    """The LLVM fast-math flags of the ops that have any; with `fastmath`, of those that do not have all."""
    if not fastmath:
        return relaxed(fn)
    ordered = (op for op in walk(fn.body) if not op.attrs.get("reassoc", True))
    return {op: MOVED if op.attrs.get("moved") else IN_ORDER for op in ordered}


def relaxed(fn: Function) -> dict[Op, str]:
    """The LLVM fast-math flags of the ops that have any without `fastmath`."""
    flagged: dict[Op, str] = {}
    products: dict[Value, Op] = {}
    for op in walk(fn.body):
        if op.name == "mul" and is_float(op.result.type):
            products[op.result] = op
        if "reassoc" in op.attrs and is_float(op.result.type):
            flagged[op] = "reassoc contract " if op.attrs["reassoc"] else "contract "
        elif op.name == "for" and op.attrs["kind"] == "reduction":
            flagged.update(dict.fromkeys(accumulations(op), "reassoc contract "))
    for op in [op for op in flagged if op.name in _SUMS]:
        for operand in op.operands:
            if operand in products:
                flagged.setdefault(products[operand], "contract ")
    return flagged
