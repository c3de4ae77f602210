"""`print`: machine code leaves text and values in memory and calls back into Python, which writes them (`printing.py`).

The values stand in 8-byte words: a number in one, an array as its address, extents and strides. The text is JSON,
`[template, [[element type, number of axes or null], …]]`, so that one function serves every `print`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

from llad.codegen.lower_emit import Buffer, Emitter, register_types
from llad.codegen.lower_memory import byte_strides
from llad.ir.core import Op, Value
from llad.ir.types import BufferType, ScalarType


def lower_print(e: Emitter, op: Op) -> None:
    text = json.dumps([op.attrs["text"], [_described(o) for o in op.operands]]).encode() + b"\0"
    words = [word for o in op.operands for word in _words(e, o)]
    place, bytes_ = e.slot(f"[{max(1, len(words))} x i64], align 8"), e.slot(f"[{len(text)} x i8]")
    for k, (type, name) in enumerate(words):
        at = e.new(f"getelementptr inbounds i8, ptr {place}, i64 {8 * k}")
        e.do(f"store {type} {name}, ptr {at}")
    quoted = "".join(f"\\{byte:02x}" for byte in text)
    e.do(f'store [{len(text)} x i8] c"{quoted}", ptr {bytes_}')
    e.pass_on(e.new(f"call i32 @llad.print(ptr %ctx, ptr {bytes_}, ptr {place})"))


def _described(value: Value) -> tuple[str, int | None]:
    type = value.type
    assert isinstance(type, ScalarType | BufferType)
    return (type.name, None) if isinstance(type, ScalarType) else (type.dtype.name, type.rank)


def _words(e: Emitter, value: Value) -> Iterator[tuple[str, str]]:
    """The type and name of what is stored in each word."""
    type = value.type
    if isinstance(type, BufferType):
        buffer = e.values[value]
        assert isinstance(buffer, Buffer)
        yield "ptr", buffer.pointer
        yield from (("i64", n) for n in (*buffer.extents, *byte_strides(e, buffer, type)))
        return
    (register,) = register_types(type)
    name = e.scalar(value)
    if register == "i1":
        register, name = "i8", e.new(f"zext i1 {name} to i8")
    yield register, name
