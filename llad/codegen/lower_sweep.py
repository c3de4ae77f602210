"""Lowering of what frees memory as a loop runs (`ownership.py` says where, `@llad.sweep` is the run-time of it).

At the end of an iteration, or of a function, all is freed that was made since the loop or the function began, unless it
is handed on. A handle that was pushed on a stack must have been popped by then. Where the text does not tell whether it
was, the heights of the stacks do: no handle is left as long as each stack was as high at the end of every iteration as
before the loop. From the first iteration on in which one was not, nothing more is freed.
"""

from __future__ import annotations

from collections.abc import Sequence

from llad.codegen.context import MADE
from llad.codegen.lower_emit import Buffer, Emitter, Lifo, Mark
from llad.ir.core import Op, Value, pushes_handles, walk


def sweep_mark(e: Emitter, op: Op) -> Mark | None:
    """Before a loop, or a function that ends in `op`."""
    if not op.attrs.get("sweep"):
        return None
    blocks = e.new(f"load i64, ptr {e.new(f'getelementptr inbounds i8, ptr %ctx, i64 {MADE}')}")
    if op.attrs["sweep"] != "level":
        return Mark(blocks, (), "")
    pushed = dict.fromkeys(inner.operands[0] for inner in walk(op.regions[-1]) if pushes_handles(inner))
    stacks = [lifo for value in pushed if isinstance(lifo := e.values[value], Lifo)]
    level = e.slot("i1")
    e.do(f"store i1 true, ptr {level}")
    return Mark(blocks, tuple((lifo, _height(e, lifo)) for lifo in stacks), level)


def sweep(e: Emitter, mark: Mark | None, out: Sequence[Value]) -> None:
    """At the end of an iteration or function: free what was made since `mark` and does not go `out`."""
    if mark is None:
        return
    behind = ""
    if mark.level:
        level = e.new(f"load i1, ptr {mark.level}")
        for lifo, height in mark.heights:
            same = e.new(f"icmp eq i64 {_height(e, lifo)}, {height}")
            level = e.new(f"and i1 {level}, {same}")
        e.do(f"store i1 {level}, ptr {mark.level}")
        left, behind = e.label(), e.label()
        e.branch(level, left, behind)
        e.open(left)
    kept = list(dict.fromkeys(x.pointer for v in out if isinstance(x := e.values[v], Buffer)))
    room = e.slot(f"[{max(len(kept), 1)} x ptr], align 8")
    for k, pointer in enumerate(kept):  # what nobody reads may be poison
        place = e.new(f"getelementptr inbounds nuw i8, ptr {room}, i64 {8 * k}")
        e.do(f"store ptr {e.new(f'freeze ptr {pointer}')}, ptr {place}")
    e.do(f"call void @llad.sweep(ptr %ctx, i64 {mark.blocks}, ptr {room}, i64 {len(kept)})")
    if behind:
        e.jump(behind)
        e.open(behind)


def _height(e: Emitter, lifo: Lifo) -> str:
    return e.new(f"load i64, ptr {lifo.used}")
