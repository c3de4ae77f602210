"""Lowering of calls between the functions of one table: recursion.

A callee takes the same context, its arguments as a native function does (a LIFO as the address of its three words)
and a stack slot per result; a code that is not 0 is passed on. How deep calls go is measured in bytes of stack,
because a frame is as large as LLVM makes it (and a tail call stays a call, so that endless recursion ends): the
function called from outside notes where its frame is, and each call of one that was itself called compares.

Invariant: `STACK_LIMIT` bytes are left wherever Python calls native code, also in a thread with a stack of 1 MiB.
"""

from __future__ import annotations

from llad.codegen.lower_emit import Emitter, ErrorSite, Lifo, assemble, components, register_types
from llad.codegen.lower_memory import load_scalar
from llad.codegen.lower_poll import HEAVY, Polling, count
from llad.ir.core import Op
from llad.ir.types import ScalarType

STACK_LIMIT = 1 << 19
_BASE = 40  # of the base's address in the context

_DEEP = "maximum recursion depth exceeded"


def note_stack(e: Emitter) -> None:
    """Note where the stack of this call begins."""
    e.do(f"store ptr {e.new('call ptr @llvm.frameaddress.p0(i32 0)')}, ptr {_base(e)}")


def lower_call(e: Emitter, op: Op) -> None:
    if e.called:
        _check_depth(e, op)
        count(e, Polling(weight=HEAVY))
    arguments = ["ptr %ctx"]
    for operand in op.operands:
        value = e.values[operand]
        if isinstance(value, Lifo):
            arguments.append(f"ptr {value.data}")
        else:
            parts = zip(register_types(operand.type), components(value), strict=True)
            arguments += [f"{type} {part}" for type, part in parts]
    types = [r.type for r in op.results]
    slots = [
        e.slot("i64" if isinstance(t, ScalarType) else f"[{len(register_types(t))} x i64], align 8") for t in types
    ]
    arguments += [f"ptr {slot}" for slot in slots]
    e.pass_on(e.new(f"notail call i32 @{e.callees[op.attrs['callee']]}({', '.join(arguments)})"))
    for result, type, slot in zip(op.results, types, slots, strict=True):
        if isinstance(type, ScalarType):
            e.values[result] = load_scalar(e, slot, type)
            continue
        names = []
        for k, kind in enumerate(register_types(type)):
            place = e.new(f"getelementptr inbounds nuw i8, ptr {slot}, i64 {8 * k}")
            names.append(e.new(f"load {kind}, ptr {place}"))
        e.values[result] = assemble(type, names)


def _base(e: Emitter) -> str:
    return e.new(f"getelementptr inbounds nuw i8, ptr %ctx, i64 {_BASE}")


def _check_depth(e: Emitter, op: Op) -> None:
    base = e.new(f"load ptr, ptr {_base(e)}")
    here = e.new("call ptr @llvm.frameaddress.p0(i32 0)")
    top = e.new(f"ptrtoint ptr {base} to i64")
    used = e.new(f"sub i64 {top}, {e.new(f'ptrtoint ptr {here} to i64')}")
    site = ErrorSite("RecursionError", _DEEP, op.span)
    e.fail_unless(e.new(f"icmp slt i64 {used}, {STACK_LIMIT}"), site, [])
