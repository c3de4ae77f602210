"""Lowering of calls between the functions of one table: recursion, and the parts of long functions.

A callee takes the same context, its arguments as a native function does (a LIFO as the address of its three words)
and a stack slot per result; a code that is not 0 is passed on. How deep calls go is measured in bytes of stack,
because a frame is as large as LLVM makes it (and a tail call stays a call, so that endless recursion ends): the
function called from outside asks for the floor of its thread's stack (`runtime_stack.py`), and each call compares.

Invariant: no call is made unless the frames of caller and callee, at their largest, end above the floor.
"""

from __future__ import annotations

from llad.codegen.context import FLOOR
from llad.codegen.lower_emit import Emitter, ErrorSite, Lifo, assemble, components, register_types
from llad.codegen.lower_memory import load_scalar
from llad.codegen.lower_poll import HEAVY, Polling, count
from llad.ir.core import Function, Op, walk
from llad.ir.types import ScalarType

_SPILLED = 32  # bytes of a frame for an op: LLVM keeps few values, but those may be vectors

_LEAVES = frozenset({"part", "chunk"})  # marks of calls of functions that call nobody, or only such
_DEEP = "maximum recursion depth exceeded"


def note_stack(e: Emitter) -> None:
    """Note how low the frames of this call may reach."""
    e.do(f"store ptr {e.new('call ptr @llad.floor()')}, ptr {_floor(e)}")


def largest_frames(fn: Function) -> int:
    """Bytes that the frames of a caller and a callee of the table take at most."""
    return 2 * _SPILLED * max(sum(1 for _ in walk(f.body)) for f in (fn, *fn.functions.values()))


def lower_call(e: Emitter, op: Op) -> None:
    if _LEAVES.isdisjoint(op.attrs):
        _check_depth(e, op)
    if e.called:
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


def _floor(e: Emitter) -> str:
    return e.new(f"getelementptr inbounds nuw i8, ptr %ctx, i64 {FLOOR}")


def _check_depth(e: Emitter, op: Op) -> None:
    floor = e.new(f"load ptr, ptr {_floor(e)}")
    here = e.new("call ptr @llvm.frameaddress.p0(i32 0)")
    room = e.new(f"getelementptr i8, ptr {here}, i64 -{e.frames}")
    e.fail_unless(e.new(f"icmp ugt ptr {room}, {floor}"), ErrorSite("RecursionError", _DEEP, op.span), [])
