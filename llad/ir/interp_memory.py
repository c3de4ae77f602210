"""What the ops of memory mean: the part of the reference interpreter (`interp.py`) that loads, stores and views."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from llad.ir.core import Op
from llad.ir.interp_values import DTYPES, POISON, Allocation, Buffer, Env, live, read
from llad.ir.types import BufferType


def _element(op: Op, at: int, env: Env) -> tuple[Buffer, tuple[int, ...]]:
    """The buffer that is operand number `at`, and the indices after it."""
    buffer = live(read(op.operands[at], env))
    indices = tuple([env[o] for o in op.operands[at + 1 :]])
    shape = buffer.data.shape
    for index, extent in zip(indices, shape, strict=True):
        assert index is not POISON, f"poison read: an index of {op.name}"
        assert 0 <= index < extent, f"{op.name} at {list(indices)} of an array of shape {shape}"
    return buffer, indices


def load(op: Op, env: Env) -> Any:
    buffer, indices = _element(op, 0, env)
    if buffer.written is not None and not buffer.written[indices]:
        return POISON  # it may be passed on unread, as a tape does with what a zero-trip loop never used
    return buffer.data.item(*indices) if indices else buffer.data.item()


def store(op: Op, env: Env) -> None:
    buffer, indices = _element(op, 1, env)
    value = env[op.operands[0]]
    if value is POISON:  # it may be stored unread: the element becomes poison
        assert buffer.written is not None, "poison stored in the caller's memory"
        buffer.written[indices] = False
        return
    buffer.data[indices] = value
    if buffer.written is not None:
        buffer.written[indices] = True


def alloc(op: Op, env: Env) -> Buffer:
    extents = tuple(read(o, env) for o in op.operands)
    assert all(n >= 0 for n in extents), f"alloc of {list(extents)}"
    type = op.result.type
    assert isinstance(type, BufferType)
    data = np.zeros(extents, DTYPES[type.dtype])
    return Buffer(data, np.full(extents, op.attrs["zero"], np.bool_), Allocation())


def matmul(op: Op, env: Env) -> None:
    a, b, c = (live(read(o, env)) for o in op.operands)
    (m, k), n = a.data.shape, b.data.shape[1]
    assert b.data.shape == (k, n) and c.data.shape == (m, n), f"matmul of {a.data.shape} and {b.data.shape}"
    assert not any(np.may_share_memory(c.data, x.data) for x in (a, b)), "matmul into an operand"
    for used in (a, b) if op.attrs["fresh"] else (a, b, c):
        assert used.written is None or used.written.all(), "matmul reads poison"
    product = a.data @ b.data
    c.data[...] = product if op.attrs["fresh"] else c.data + product
    if c.written is not None:
        c.written[...] = True


def view(op: Op, env: Env) -> Buffer:
    source = live(read(op.operands[0], env))
    operands = iter([read(o, env) for o in op.operands[1:]])
    if "shape" in op.attrs["axes"]:
        shape = tuple(operands)
        assert source.data.size == math.prod(shape), f"{source.data.shape} as {shape}"
        written = None if source.written is None else _as_shape(source.written, shape)
        return Buffer(_as_shape(source.data, shape), written, source.allocation)
    extents = iter(source.data.shape)
    keys: list[Any] = []
    for axis in op.attrs["axes"]:
        if axis == "new":
            keys.append(None)
            continue
        extent = next(extents)
        if axis == "index":
            index = next(operands)
            assert 0 <= index < extent, f"view at {index} of {extent}"
            keys.append(index)
        elif axis == "slice":
            keys.append(_slice(next(operands), next(operands), next(operands), extent))
        elif axis == "run":
            keys.append(_slice(next(operands), next(operands), 1, extent))
        else:
            assert axis == "full", axis
            keys.append(slice(None))
    key = (*keys, ...)  # the ellipsis keeps NumPy from returning a number for rank 0
    data, written = source.data[key], None if source.written is None else source.written[key]
    if order := op.attrs.get("order"):
        data, written = data.transpose(order), None if written is None else written.transpose(order)
    return Buffer(data, written, source.allocation)


def _as_shape(array: Any, shape: tuple[int, ...]) -> Any:
    """The same memory in another shape."""
    made = array.view()
    made.shape = shape
    return made


def _slice(start: int, count: int, step: int, extent: int) -> slice:
    """NumPy's slice for the elements start, start + step, … (`count` of them), all of which must exist."""
    assert step != 0 and count >= 0, f"slice of {count} by {step}"
    if count == 0:
        return slice(0, 0)
    last = start + (count - 1) * step
    assert 0 <= start < extent and 0 <= last < extent, f"slice {start}:{last} by {step} of {extent}"
    stop = last + (1 if step > 0 else -1)
    return slice(start, None if stop < 0 else stop, step)
