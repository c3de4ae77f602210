"""Lowering of loops that copy neighbours past the caches: one call of the run-time (`runtime_past.py`).

Such a `for` (attribute `copies`) loads one element and stores it, and from one iteration to the next both go on by one.
"""

from __future__ import annotations

from llad.codegen.lower_control import Run
from llad.codegen.lower_emit import Emitter
from llad.codegen.lower_memory import element_address
from llad.ir.core import Op, Region
from llad.ir.types import BufferType


def lower_copy(e: Emitter, op: Op, run: Run) -> None:
    """Copy from the first element on; whatever the first index is, no address is used if there are no elements."""
    body = op.regions[0]
    (load,), (store,) = ([o for o in body.ops if o.name == name] for name in ("load", "store"))
    lo, hi = (e.scalar(o) for o in op.operands[:2])
    e.values[body.args[0]] = lo
    run(Region((), [o for o in body.ops if o not in (load, store)]))
    source = element_address(e, load.operands[0], load.operands[1:])
    target = element_address(e, store.operands[1], store.operands[2:])
    type = store.operands[1].type
    assert isinstance(type, BufferType) and store.operands[0] is load.result
    e.declare("@llvm.smax.i64", "i64", ["i64", "i64"])
    count = e.new(f"sub i64 {e.new(f'call i64 @llvm.smax.i64(i64 {hi}, i64 {lo})')}, {lo}")
    bytes = e.new(f"mul nuw nsw i64 {count}, {type.dtype.bytes}")
    e.do(f"call void @llad.past(ptr {target}, ptr {source}, i64 {bytes})")
