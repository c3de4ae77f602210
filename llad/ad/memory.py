"""Buffers made for a derivative: copies, zeroed twins, and a layout change where shadows of two layouts merge."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from llad.ir.alias import Aliases
from llad.ir.build import Builder
from llad.ir.core import Function, Value
from llad.ir.rewrite import inline
from llad.ir.types import BufferType


def extents(b: Builder, buffer: Value) -> list[Value]:
    """The extents of a buffer, one i64 an axis."""
    assert isinstance(buffer.type, BufferType)
    return [b.dim(buffer, axis) for axis in range(buffer.type.rank)]


def zeros_like(b: Builder, buffer: Value, hint: str = "") -> Value:
    """Zeroed C-contiguous memory with the extents and dtype of `buffer`."""
    assert isinstance(buffer.type, BufferType)
    return b.alloc(buffer.type.dtype, extents(b, buffer), zero=True, hint=hint)


def copy_buffer(b: Builder, source: Value, hint: str = "") -> Value:
    """A fresh C-contiguous copy."""
    assert isinstance(source.type, BufferType)
    bounds = extents(b, source)
    target = b.alloc(source.type.dtype, bounds, hint=hint)
    _copy(b, source, target, bounds)
    return target


def copy_into(b: Builder, source: Value, target: Value) -> None:
    """Store what is in `source` to `target`, which has its extents and other memory."""
    _copy(b, source, target, extents(b, source))


def _copy(b: Builder, source: Value, target: Value, bounds: Sequence[Value]) -> None:
    b.nest(bounds, lambda indices: b.store(b.load(source, *indices), target, *indices))


def as_layout(b: Builder, buffer: Value, type: BufferType) -> Value:
    """The same memory as `type`, which may only be more general (`C` seen as `strided`)."""
    assert isinstance(buffer.type, BufferType) and buffer.type.rank == type.rank
    if buffer.type == type:
        return buffer
    assert type.layout == "strided", (buffer, type)
    return b.strided(buffer)


def privatise_written(fn: Function, handed_on: Collection[int] = ()) -> Function:
    """`fn` on copies of the parameters that it writes, so that the caller's arrays stay as they are.

    And of those among the parameters `handed_on` that it carries, yields or passes on, not only reads and writes."""
    aliases = Aliases(fn)
    written = {p for p in fn.params if p in aliases.written(fn)}
    written |= {fn.params[k] for k in handed_on if aliases.escapes(fn.params[k])}
    if not written:
        return fn
    b = Builder(fn.body.ops[0].span)
    params = [Value(p.type, p.name) for p in fn.params]
    arguments = list(params)
    for k, (old, new) in enumerate(zip(fn.params, params, strict=True)):
        if old in written:
            assert isinstance(old.type, BufferType)
            # of the parameter's own type: the body may join it with other buffers
            arguments[k] = as_layout(b, copy_buffer(b, new, hint=old.name), old.type)
    results = inline(b, fn, arguments)
    b.span = fn.body.terminator.span
    b.return_(*results)
    return replace(b.function(fn.name, params, **fn.attrs), functions=fn.functions)
