"""Lowering of loops that deal with whole lines of the cache: each is one call of the run-time (`runtime_lines.py`).

Such a `for` loads one element, and from one iteration to the next goes on by one. With the attribute `copies` it stores
it, past the caches; with `fetches` it does nothing else: what is asked for is as much memory as it loads, some way
behind (1) or before (-1) that.
"""

from __future__ import annotations

from llad.codegen.lower_control import Run
from llad.codegen.lower_emit import Emitter
from llad.codegen.lower_memory import element_address
from llad.ir.core import Op, Region
from llad.ir.types import BufferType

AHEAD = 1 << 14  # bytes: with half as many, or twice, a stencil's reverse sweep took a twentieth longer


def lower_copy(e: Emitter, op: Op, run: Run) -> None:
    """Copy from the first element on; whatever the first index is, no address is used if there are no elements."""
    load, store = _op(op, "load"), _op(op, "store")
    bytes = _open(e, op, run)
    source = element_address(e, load.operands[0], load.operands[1:])
    target = element_address(e, store.operands[1], store.operands[2:])
    assert store.operands[0] is load.result
    e.do(f"call void @llad.past(ptr {target}, ptr {source}, i64 {bytes})")


def lower_fetch(e: Emitter, op: Op, run: Run) -> None:
    """Ask for what may lie beyond the array, too, of which nothing is read."""
    load = _op(op, "load")
    bytes = _open(e, op, run)
    here = element_address(e, load.operands[0], load.operands[1:])
    there = e.new(f"getelementptr i8, ptr {here}, i64 {op.attrs['fetches'] * AHEAD}")
    e.do(f"call void @llad.fetch(ptr {there}, i64 {bytes})")


def _op(loop: Op, name: str) -> Op:
    (op,) = (o for o in loop.regions[0].ops if o.name == name)
    return op


def _open(e: Emitter, loop: Op, run: Run) -> str:
    """Lower what the loop computes for its first element; how many bytes it goes over."""
    body, type = loop.regions[0], _op(loop, "load").operands[0].type
    assert isinstance(type, BufferType)
    lo, hi = (e.scalar(o) for o in loop.operands[:2])
    e.values[body.args[0]] = lo
    run(Region((), [o for o in body.ops if o.name not in ("load", "store")]))
    e.declare("@llvm.smax.i64", "i64", ["i64", "i64"])
    count = e.new(f"sub i64 {e.new(f'call i64 @llvm.smax.i64(i64 {hi}, i64 {lo})')}, {lo}")
    return e.new(f"mul nuw nsw i64 {count}, {type.dtype.bytes}")
