"""Lowering of calls for each chunk of a loop, and of calls in their turn.

What the chunks share lies in a block on the caller's stack, 8 bytes for each component of an operand; `@llad.threads`
(`runtime_threads.py`) calls `@NAME.run(context, block, k)` for each chunk `k`, on whichever thread, and that calls the
function of the chunk with what it finds there. So does `@llad.turn` (`runtime_turn.py`), on the thread of the chunk.
"""

from __future__ import annotations

from collections.abc import Sequence

from llad.codegen.lower_emit import MEMORY, Emitter, components, register_types
from llad.ir.core import Function, Op, Value
from llad.ir.types import BOOL


def lower_chunks(e: Emitter, op: Op) -> None:
    """Run the chunks, and leave with the code of the lowest that failed."""
    count, *shared = op.operands
    what = _packed(e, op, shared)
    e.pass_on(e.new(f"call i32 @llad.threads(ptr %ctx, {what}, i64 {e.scalar(count)})"))


def lower_turn(e: Emitter, op: Op) -> None:
    """Have the function called when the turn of this chunk has come."""
    number, *given = op.operands
    what = _packed(e, op, given)
    e.pass_on(e.new(f"call i32 @llad.turn(ptr %ctx, i64 {e.scalar(number)}, {what})"))


def _packed(e: Emitter, op: Op, operands: Sequence[Value]) -> str:
    """The function that is called, and the block in which it finds the operands, as arguments."""
    words = [
        (kind, part, operand.type == BOOL)
        for operand in operands
        for kind, part in zip(register_types(operand.type), components(e.values[operand]), strict=True)
    ]
    block = e.slot(f"[{max(len(words), 1)} x i64], align 8")
    for k, (kind, part, narrow) in enumerate(words):
        if narrow:
            kind, part = "i8", e.new(f"zext i1 {part} to i8")
        e.do(f"store {kind} {part}, ptr {e.new(f'getelementptr inbounds nuw i8, ptr {block}, i64 {8 * k}')}")
    return f"ptr @{e.callees[op.attrs['callee']]}.run, ptr {block}"


def runner(fn: Function, name: str) -> list[str]:
    """The lines of `@NAME.run` for the function of a chunk."""
    lines = [f"define internal i32 @{name}.run(ptr %ctx, ptr %block, i64 %k) nounwind {{"]
    arguments, k = ["ptr %ctx", "i64 %k"], 0
    for param in fn.params[1:]:
        for kind in register_types(param.type):
            lines.append(f"  %p{k} = getelementptr inbounds nuw i8, ptr %block, i64 {8 * k}")
            stored = MEMORY["bool"] if param.type == BOOL else kind
            lines.append(f"  %v{k} = load {stored}, ptr %p{k}")
            if param.type == BOOL:
                lines.append(f"  %b{k} = trunc i8 %v{k} to i1")
            arguments.append(f"{kind} %{'b' if param.type == BOOL else 'v'}{k}")
            k += 1
    lines.append(f"  %code = call i32 @{name}({', '.join(arguments)})")
    return [*lines, "  ret i32 %code", "}"]
