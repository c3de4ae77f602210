"""The tape of a pullback in memory: what one function leaves behind for another to start from.

A function with the attribute `keeps` has so many last results that are no results for Python: they are stored in a
block of the call, and the address of that block takes their place. Its first word is free, for the list of the blocks
of the call, which whoever calls puts there (`entry.py`): so the tape is one address that owns all the memory behind it,
and `@NAME.drop` frees it. A function with the attribute `takes` has that address in place of its last parameters.

Invariant: nobody writes the block. A stack is read from a copy of its three words, so popping leaves the tape as it
was.
"""

from __future__ import annotations

from collections.abc import Sequence

from llad.codegen.lower_emit import MEMORY, Emitter, ErrorSite, Lifo, assemble, components, register_types
from llad.codegen.lower_memory import described, load_scalar, record_of, to_memory
from llad.diagnostics import Span
from llad.ir.core import Value
from llad.ir.types import BufferType, LifoType, ScalarType, Type

_WORD = 8


def _words(type: Type) -> int:
    return 3 if isinstance(type, LifoType) else len(register_types(type))


def lower_keep(e: Emitter, tape: Sequence[Value], slot: str, span: Span | None) -> None:
    """Leave the tape in a block of the call, and its address in `slot`."""
    size = _WORD * (1 + sum(_words(v.type) for v in tape))
    block = e.new(f"call ptr @llad.alloc(ptr %ctx, i64 {size})")
    site = ErrorSite("MemoryError", "unable to keep what the reverse sweep needs: {} bytes", span)
    e.fail_unless(e.new(f"icmp ne ptr {block}, null"), site, [str(size)])
    place = _WORD
    for value in tape:
        for type, part in _parts(e, value):
            e.do(f"store {type} {part}, ptr {_at(e, block, place)}")
            place += _WORD
    e.do(f"store i64 {e.new(f'ptrtoint ptr {block} to i64')}, ptr {slot}")


def _parts(e: Emitter, value: Value) -> list[tuple[str, str]]:
    """The words of a value, with their types."""
    operand = e.values[value]
    if isinstance(operand, Lifo):
        words = zip(("ptr", "i64", "i64"), (operand.data, operand.used, operand.capacity), strict=True)
        return [(type, e.new(f"load {type}, ptr {address}")) for type, address in words]
    if isinstance(value.type, ScalarType):
        return [(MEMORY[value.type.name], to_memory(e, components(operand)[0], value.type))]
    return list(zip(register_types(value.type), components(operand), strict=True))


def lower_take(e: Emitter, tape: Sequence[Value]) -> None:
    """Let `tape` be what the block at the address `%tape` holds."""
    block = e.new("inttoptr i64 %tape to ptr")
    place = _WORD
    for value in tape:
        places = [_at(e, block, place + _WORD * k) for k in range(_words(value.type))]
        place += _WORD * len(places)
        match value.type:
            case ScalarType():
                e.values[value] = load_scalar(e, places[0], value.type)
            case BufferType(rank=rank):
                types = register_types(value.type)
                names = [e.new(f"load {type}, ptr {at}") for type, at in zip(types, places, strict=True)]
                e.values[value] = assemble(value.type, names)
                e.nonnegative.update(names[1 : 1 + rank])
            case LifoType():
                data = e.slot("{ptr, i64, i64}")
                lifo = described(data, e.slots, *record_of(value.type.fields))
                for type, source, target in zip(
                    ("ptr", "i64", "i64"), places, (lifo.data, lifo.used, lifo.capacity), strict=True
                ):
                    e.do(f"store {type} {e.new(f'load {type}, ptr {source}')}, ptr {target}")
                e.values[value] = lifo


def _at(e: Emitter, block: str, place: int) -> str:
    return e.new(f"getelementptr inbounds nuw i8, ptr {block}, i64 {place}")


def emit_drop(name: str) -> str:
    """LLVM text of `void @NAME.drop(i64 %tape)`, which frees the tape at an address."""
    return f"""\
define void @{name}.drop(i64 %tape) {{
  %list = alloca ptr
  %block = inttoptr i64 %tape to ptr
  %first = load ptr, ptr %block
  store ptr %first, ptr %list
  call void @llad.release(ptr %list)
  ret void
}}
"""
