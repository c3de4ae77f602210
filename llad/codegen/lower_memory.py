"""Lowering of buffers and of the LIFO.

A buffer's address arithmetic states what the IR guarantees: indices are in range (a `check` stands before), extents
are not negative, and the element offsets of one array fit a signed 64-bit number. An `alloc` is a heap block that
belongs to the call (`@llad.alloc`), or a stack slot of the function if a pass marked it `storage="stack"`, which
requires constant extents and a lifetime within one execution of the `alloc`.

Invariant: `free` is never given a stack slot, and blocks that are not freed belong to the caller of the function, who
calls `@llad.release`; so an error path frees nothing here. A function that other functions call frees its LIFOs.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import zip_longest

from llad.codegen.lower_emit import (
    MEMORY,
    REGISTER,
    Buffer,
    Emitter,
    ErrorSite,
    Lifo,
    assemble,
    components,
    literal,
    register_types,
)
from llad.ir.core import AXIS_OPERANDS, Op, Value
from llad.ir.types import BOOL, BufferType, LifoType, ScalarType, Type

_RECORDS = 64  # room of a LIFO after its first growth
_FURTHEST = 1 << 62  # further apart than anything in memory


def to_memory(e: Emitter, value: str, type: ScalarType) -> str:
    """A scalar as it is stored: bools are bytes."""
    return e.new(f"zext i1 {value} to i8") if type == BOOL else value


def load_scalar(e: Emitter, pointer: str, type: ScalarType, suffix: str = "") -> str:
    value = e.new(f"load {MEMORY[type.name]}, ptr {pointer}{suffix}")
    return e.new(f"icmp ne i8 {value}, 0") if type == BOOL else value


# -- elements


def _buffer_type(op: Op, operand: int = 0) -> BufferType:
    type = op.operands[operand].type
    assert isinstance(type, BufferType), op
    return type


def _times(e: Emitter, a: str, b: str, wrap: str = "nuw nsw") -> str:
    if a == "1" or b == "0":
        return b
    if b == "1" or a == "0":
        return a
    return e.new(f"mul {wrap} i64 {a}, {b}")


def _plus(e: Emitter, a: str, b: str, wrap: str = "nuw nsw") -> str:
    if a == "0":
        return b
    if b == "0":
        return a
    return e.new(f"add {wrap} i64 {a}, {b}")


def _flat(e: Emitter, indices: list[str], extents: tuple[str, ...]) -> str:
    """The row-major number of an element or row."""
    offset = "0"
    for index, extent in zip(indices, extents, strict=False):
        offset = _plus(e, _steps(e, offset, extent), index)
    return offset


def _steps(e: Emitter, index: str, step: str, wrap: str = "nuw nsw") -> str:
    """The way to a row or an element that is `index` times `step` away.

    Of a step that is just a name LLVM would suppose that it is 1, and leave a loop without vectors where it is not. Of
    a minimum it supposes nothing.
    """
    if index != "0" and literal(step) is None:
        step = e.new(f"call i64 @llvm.smin.i64(i64 {step}, i64 {_FURTHEST})")
    return _times(e, index, step, wrap)


def _address(e: Emitter, buffer: Buffer, type: BufferType, indices: list[str]) -> str:
    if type.rank == 0:
        return buffer.pointer
    if type.layout == "C":
        offset = _flat(e, indices, buffer.extents)
        return e.new(f"getelementptr inbounds nuw {MEMORY[type.dtype.name]}, ptr {buffer.pointer}, i64 {offset}")
    offset = "0"
    for index, stride in zip(indices, buffer.strides, strict=True):
        offset = _plus(e, offset, _steps(e, index, stride, "nsw"), "nsw")
    return e.new(f"getelementptr inbounds i8, ptr {buffer.pointer}, i64 {offset}")


def element_address(e: Emitter, buffer: Value, indices: Sequence[Value]) -> str:
    """Where an element is, or would be."""
    type = buffer.type
    assert isinstance(type, BufferType)
    return _address(e, e.buffer(buffer), type, [e.scalar(i) for i in indices])


def lower_load(e: Emitter, op: Op) -> None:
    type = _buffer_type(op)
    address = element_address(e, op.operands[0], op.operands[1:])
    loaded = load_scalar(e, address, type.dtype, e.access())
    e.values[op.result] = e.new(f"freeze {REGISTER[type.dtype.name]} {loaded}") if op in e.overtaken else loaded


def lower_store(e: Emitter, op: Op) -> None:
    type = _buffer_type(op, 1)
    address = element_address(e, op.operands[1], op.operands[2:])
    value, kind = to_memory(e, e.scalar(op.operands[0]), type.dtype), MEMORY[type.dtype.name]
    past = ""
    if op.attrs.get("streams"):  # past the caches, which LLVM knows how to do with integers
        value, kind = e.new(f"bitcast {kind} {value} to i{8 * type.dtype.bytes}"), f"i{8 * type.dtype.bytes}"
        past = f", !nontemporal {e.node('!{i32 1}')}"
    e.do(f"store {kind} {value}, ptr {address}{e.access()}{past}")


def lower_dim(e: Emitter, op: Op) -> None:
    extent = e.buffer(op.operands[0]).extents[op.attrs["axis"]]
    if extent not in e.nonnegative and literal(extent) is None:
        known = e.new(f"icmp sge i64 {extent}, 0")
        e.declare("@llvm.assume", "void", ["i1"])
        e.do(f"call void @llvm.assume(i1 {known})")
    e.values[op.result] = extent


# -- whole buffers


def lower_alloc(e: Emitter, op: Op) -> None:
    type = op.result.type
    assert isinstance(type, BufferType)
    extents = tuple(e.scalar(o) for o in op.operands)
    known = [literal(x) for x in extents]
    size = math.prod(k for k in known if k is not None) * type.dtype.bytes if None not in known else None
    if op.attrs.get("storage") == "stack":
        assert size is not None, "a stack allocation needs constant extents"
        pointer = e.slot(f"[{max(size, 1)} x i8], align 64")
        if op.attrs["zero"] and size:
            e.declare("@llvm.memset.p0.i64", "void", ["ptr", "i8", "i64", "i1"])
            e.do(f"call void @llvm.memset.p0.i64(ptr align 64 {pointer}, i8 0, i64 {size}, i1 false)")
        e.values[op.result] = Buffer(pointer, extents)
        return
    shown = extents if len(extents) <= 4 else ()
    shape = ", ".join(["{}"] * len(shown)) + ("," if len(shown) == 1 else "")
    message = f"unable to allocate an array of shape ({shape})" if shown else "unable to allocate an array"
    site = ErrorSite("MemoryError", message, op.span)
    bytes = _bytes(e, extents, type.dtype.bytes, site, shown) if size is None else str(size)
    e.nonnegative.update(extents)
    function = "@llad.alloc_zero" if op.attrs["zero"] else "@llad.alloc"
    pointer = e.new(f"call noalias align 64 ptr {function}(ptr %ctx, i64 {bytes})")
    e.fail_unless(e.new(f"icmp ne ptr {pointer}, null"), site, shown)
    e.values[op.result] = Buffer(pointer, extents)


def _bytes(e: Emitter, extents: tuple[str, ...], item: int, site: ErrorSite, shown: tuple[str, ...]) -> str:
    """The product of extents and item size, or as many bytes as there never are; that of a negative extent is such.

    One number says it all, so that what allocates has one way to fail.
    """
    signed = [x for x in extents if literal(x) is None and x not in e.nonnegative] if len(extents) > 1 else []
    if signed:  # 0 * -1 is 0
        joined = signed[0]
        for extent in signed[1:]:
            joined = e.new(f"or i64 {joined}, {extent}")
        e.fail_unless(e.new(f"icmp sge i64 {joined}, 0"), site, shown)
    total = extents[0]
    for extent in extents[1:]:
        e.declare("@llvm.umul.fix.sat.i64", "i64", ["i64", "i64", "i32"])
        total = e.new(f"call i64 @llvm.umul.fix.sat.i64(i64 {total}, i64 {extent}, i32 0)")
    e.declare("@llvm.ushl.sat.i64", "i64", ["i64", "i64"])
    return e.new(f"call i64 @llvm.ushl.sat.i64(i64 {total}, i64 {item.bit_length() - 1})")


def lower_free(e: Emitter, op: Op) -> None:
    e.do(f"call void @llad.free(ptr %ctx, ptr {e.buffer(op.operands[0]).pointer})")


def byte_strides(e: Emitter, buffer: Buffer, type: BufferType) -> tuple[str, ...]:
    """The strides of a buffer of either layout."""
    if type.layout == "strided":
        return buffer.strides
    return _spread(e, buffer.extents, str(type.dtype.bytes), "nuw nsw")


def _spread(e: Emitter, extents: Sequence[str], stride: str, wrap: str = "") -> tuple[str, ...]:
    """The strides of elements in C order, of which each is `stride` from the next."""
    strides = [stride] * len(extents)
    for axis in range(len(extents) - 2, -1, -1):
        stride = _times(e, extents[axis + 1], stride, wrap)
        strides[axis] = stride
    return tuple(strides)


def lower_view(e: Emitter, op: Op) -> None:
    """A window. The address of an empty one may lie anywhere, so the arithmetic of slices may wrap."""
    type, result = _buffer_type(op), op.result.type
    assert isinstance(result, BufferType)
    source = e.buffer(op.operands[0])
    operands = [e.scalar(o) for o in op.operands[1:]]
    axes: tuple[str, ...] = op.attrs["axes"]
    if "shape" in axes:
        spread = _spread(e, operands, source.strides[0]) if result.layout == "strided" else ()
        e.values[op.result] = Buffer(source.pointer, tuple(operands), spread)
        return
    if result.layout == "C":
        e.values[op.result] = _rows(e, source, type, axes, operands)
        return
    all_strides = byte_strides(e, source, type)
    offset, extents, strides, axis = "0", [], [], 0
    for what in axes:
        if what == "new":
            extents.append("1")
            strides.append("0")
            continue
        extent, stride = source.extents[axis], all_strides[axis]
        axis += 1
        if what == "index":
            offset = _plus(e, offset, _steps(e, operands.pop(0), stride, "nsw"), "")
        elif what == "full":
            extents.append(extent)
            strides.append(stride)
        else:
            start, count, *steps = operands[: AXIS_OPERANDS[what]]
            del operands[: AXIS_OPERANDS[what]]
            offset = _plus(e, offset, _times(e, start, stride, ""), "")
            extents.append(count)
            strides.append(_times(e, stride, steps[0], "") if steps else stride)
    if order := op.attrs.get("order"):
        extents, strides = [extents[k] for k in order], [strides[k] for k in order]
    pointer = source.pointer if offset == "0" else e.new(f"getelementptr i8, ptr {source.pointer}, i64 {offset}")
    e.values[op.result] = Buffer(pointer, tuple(extents), tuple(strides))


def lower_matmul(e: Emitter, op: Op) -> None:
    """A call of the run-time's product, with the strides of each matrix in bytes."""
    a, b, c = (e.buffer(o) for o in op.operands)
    parts = [f"i64 {x}" for x in (a.extents[0], b.extents[1], a.extents[1])]
    for k, buffer in enumerate((a, b, c)):
        type = _buffer_type(op, k)
        parts += [f"ptr {buffer.pointer}", *(f"i64 {s}" for s in byte_strides(e, buffer, type))]
    parts.append(f"i1 {'true' if op.attrs['fresh'] else 'false'}")
    e.do(f"call void @llad.matmul.{_buffer_type(op).dtype.name}({', '.join(parts)})")


def _rows(e: Emitter, source: Buffer, type: BufferType, axes: tuple[str, ...], operands: list[str]) -> Buffer:
    """A contiguous window: leading indices, perhaps a run of what follows, then every axis that is left."""
    left = list(source.extents[axes.count("index") :])
    wrap = "nuw nsw"
    if "run" in axes:
        left[0], wrap = operands.pop(), ""
    offset = "0"
    for index, extent in zip_longest(operands, source.extents, fillvalue="0"):
        offset = _plus(e, _steps(e, offset, extent, wrap), index, wrap)
    remaining = iter(left)
    extents = tuple("1" if what == "new" else next(remaining) for what in axes if what != "index")
    if offset == "0":
        return Buffer(source.pointer, extents)
    inside = " inbounds nuw" if wrap else ""
    item = MEMORY[type.dtype.name]
    return Buffer(e.new(f"getelementptr{inside} {item}, ptr {source.pointer}, i64 {offset}"), extents)


# -- the LIFO


def record_of(fields: tuple[Type, ...]) -> tuple[tuple[tuple[int, ...], ...], int]:
    """Offsets of the components of each field, and the size of a record: a multiple of 8."""
    offset, offsets = 0, []
    for field in fields:
        sizes = [field.bytes] if isinstance(field, ScalarType) else [8] * len(register_types(field))
        places = []
        for size in sizes:
            offset = -(-offset // size) * size
            places.append(offset)
            offset += size
        offsets.append(tuple(places))
    return tuple(offsets), max(8, -(-offset // 8) * 8)


def lower_lifo(e: Emitter, op: Op) -> None:
    """Empty; memory that it had at an earlier execution is used again."""
    type = op.result.type
    assert isinstance(type, LifoType)
    fields, record = record_of(type.fields)
    data = e.slot("{ptr, i64, i64}", "{ptr, i64, i64} zeroinitializer")
    lifo = described(data, e.slots, fields, record)
    e.do(f"store i64 0, ptr {lifo.used}")
    e.lifos.append(lifo)
    e.values[op.result] = lifo


def described(data: str, lines: list[str], fields: tuple[tuple[int, ...], ...], record: int) -> Lifo:
    """The LIFO whose three words stand at `data`; `lines` get the addresses of the other two."""
    lines.append(f"  {data}.used = getelementptr inbounds nuw i8, ptr {data}, i64 8")
    lines.append(f"  {data}.capacity = getelementptr inbounds nuw i8, ptr {data}, i64 16")
    return Lifo(data, f"{data}.used", f"{data}.capacity", fields, record)


def lifo_parameter(e: Emitter, name: str, type: LifoType) -> Lifo:
    """A LIFO of a caller."""
    return described(name, e.slots, *record_of(type.fields))


def _lifo(e: Emitter, op: Op) -> tuple[Lifo, tuple[Type, ...]]:
    lifo, type = e.values[op.operands[0]], op.operands[0].type
    assert isinstance(lifo, Lifo) and isinstance(type, LifoType)
    return lifo, type.fields


def lower_push(e: Emitter, op: Op) -> None:
    lifo, fields = _lifo(e, op)
    used = e.new(f"load i64, ptr {lifo.used}")
    capacity = e.new(f"load i64, ptr {lifo.capacity}")
    full = e.new(f"icmp eq i64 {used}, {capacity}")
    grow, ready = e.label(), e.label()
    weights = e.node('!{!"branch_weights", i32 1, i32 1048575}')
    e.branch(full, grow, ready, f", !prof {weights}")
    e.open(grow)
    first = e.new(f"icmp eq i64 {capacity}, 0")
    double = e.new(f"shl nuw nsw i64 {capacity}, 1")
    wanted = e.new(f"select i1 {first}, i64 {_RECORDS * lifo.record}, i64 {double}")
    old = e.new(f"load ptr, ptr {lifo.data}")
    grown = e.new(f"call noalias align 16 ptr @llad.grow(ptr %ctx, ptr {old}, i64 {wanted})")
    site = ErrorSite("MemoryError", "unable to keep what the reverse sweep needs: {} bytes", op.span)
    e.fail_unless(e.new(f"icmp ne ptr {grown}, null"), site, [wanted])
    e.do(f"store ptr {grown}, ptr {lifo.data}")
    e.do(f"store i64 {wanted}, ptr {lifo.capacity}")
    e.jump(ready)
    e.open(ready)
    data = e.new(f"load ptr, ptr {lifo.data}")
    top = e.new(f"getelementptr inbounds nuw i8, ptr {data}, i64 {used}")
    for field, value, places in zip(fields, op.operands[1:], lifo.fields, strict=True):
        parts = components(e.values[value])
        if isinstance(field, ScalarType):
            parts = [to_memory(e, parts[0], field)]
        types = [MEMORY[field.name]] if isinstance(field, ScalarType) else register_types(field)
        for type, part, place in zip(types, parts, places, strict=True):
            e.do(f"store {type} {part}, ptr {_offset(e, top, place)}")
    e.do(f"store i64 {e.new(f'add nuw nsw i64 {used}, {lifo.record}')}, ptr {lifo.used}")


def _offset(e: Emitter, pointer: str, bytes: int) -> str:
    return e.new(f"getelementptr inbounds nuw i8, ptr {pointer}, i64 {bytes}") if bytes else pointer


def lower_pop(e: Emitter, op: Op) -> None:
    lifo, fields = _lifo(e, op)
    used = e.new(f"load i64, ptr {lifo.used}")
    left = e.new(f"sub nuw nsw i64 {used}, {lifo.record}")
    e.do(f"store i64 {left}, ptr {lifo.used}")
    data = e.new(f"load ptr, ptr {lifo.data}")
    top = e.new(f"getelementptr inbounds nuw i8, ptr {data}, i64 {left}")
    for field, result, places in zip(fields, op.results, lifo.fields, strict=True):
        if result not in e.used:
            continue
        if isinstance(field, ScalarType):
            e.values[result] = load_scalar(e, _offset(e, top, places[0]), field)
            continue
        names = [
            e.new(f"load {type}, ptr {_offset(e, top, place)}")
            for type, place in zip(register_types(field), places, strict=True)
        ]
        e.values[result] = assemble(field, names)


def store_result(e: Emitter, slot: str, operand: Buffer | str, type: Type) -> None:
    """Leave one result where the caller wants it: a scalar (bools as bytes), or a buffer's components in order."""
    if isinstance(operand, str):
        assert isinstance(type, ScalarType)
        e.do(f"store {MEMORY[type.name]} {to_memory(e, operand, type)}, ptr {slot}")
        return
    for k, (kind, part) in enumerate(zip(register_types(type), components(operand), strict=True)):
        e.do(f"store {kind} {part}, ptr {_offset(e, slot, 8 * k)}")
