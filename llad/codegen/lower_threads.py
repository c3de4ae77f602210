"""Lowering of calls for each chunk of a loop.

What the chunks share lies in a block on the caller's stack, 8 bytes for each component of an operand; `@llad.threads`
(`runtime_threads.py`) calls `@NAME.run(context, block, k)` for each chunk `k`, on whichever thread, and that calls the
function of the chunk with what it finds there.
"""

from __future__ import annotations

from llad.codegen.lower_call import lower_call
from llad.codegen.lower_emit import MEMORY, Emitter, components, register_types
from llad.ir.core import Function, Op
from llad.ir.types import BOOL, BufferType


def lower_chunks(e: Emitter, op: Op) -> None:
    """Run the chunks, and leave with the code of the lowest that failed."""
    count, *shared = op.operands
    words = [
        (kind, part, operand.type == BOOL)
        for operand in shared
        for kind, part in zip(register_types(operand.type), components(e.values[operand]), strict=True)
    ]
    block = e.slot(f"[{max(len(words), 1)} x i64], align 8")
    for k, (kind, part, narrow) in enumerate(words):
        if narrow:
            kind, part = "i8", e.new(f"zext i1 {part} to i8")
        e.do(f"store {kind} {part}, ptr {e.new(f'getelementptr inbounds nuw i8, ptr {block}, i64 {8 * k}')}")
    run = f"@{e.callees[op.attrs['callee']]}.run"
    e.pass_on(e.new(f"call i32 @llad.threads(ptr %ctx, ptr {run}, ptr {block}, i64 {e.scalar(count)})"))


def lower_turn(e: Emitter, op: Op) -> None:
    """Wait for the turn of this chunk, and then call.

    LLVM takes it that nobody else writes to an array that a function has as its own. So each goes through an
    instruction that might have: no load of an element comes before the turn.
    """
    e.pass_on(e.new(f"call i32 @llad.turn(ptr %ctx, i64 {e.scalar(op.operands[0])})"))
    for operand in op.operands:
        if isinstance(operand.type, BufferType):
            e.do(f'call void asm sideeffect "", "r,~{{memory}}"(ptr {components(e.values[operand])[0]})')
    lower_call(e, op)


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
