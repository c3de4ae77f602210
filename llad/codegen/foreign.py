"""Calling a native function through ctypes: slow, and independent of how the interpreter lays out its objects.

It carries out the same plan as an entry point, for arguments that are known to fit it (`strict` calls), so it serves
interpreters whose layout is unknown, and tests as a second opinion.
"""

from __future__ import annotations

import ctypes
import struct
from collections.abc import Iterator, Sequence
from typing import Any, assert_never

import numpy as np
from numpy.lib.array_utils import byte_bounds

from llad.codegen.context import BLOCKS, BYTES, CONTEXT_WORDS, HEADER, NEXT, VALUES
from llad.codegen.deferred import undisturbed
from llad.codegen.plan import (
    NUMPY_TYPES,
    Argument,
    ArrayArgument,
    Leaf,
    Memory,
    NumberArgument,
    Plan,
    StaticArgument,
)
from llad.codegen.unpack import llvm_type
from llad.dataclass import dataclass
from llad.ir.types import BufferType, ScalarType
from llad.returned import Constant, Fresh, Output, Passed, Result
from llad.structures import Node

FORMATS = {"f64": "<d", "f32": "<f", "i64": "<q", "i32": "<i", "bool": "<?"}


def emit_foreign(plan: Plan) -> str:
    """LLVM text of `i32 @NAME.foreign(ptr %words)`, which takes each parameter from a word, and of `@NAME.release`."""
    types = ["ptr"]  # the context
    arguments = plan.leaves()
    for operand in plan.operands:
        argument = arguments[plan.fresh[operand.index] if isinstance(operand, Fresh) else operand.index]
        if isinstance(argument, NumberArgument):
            types.append(llvm_type(argument.type))
        else:
            strided = argument.layout == "strided" and not isinstance(operand, Fresh)
            types += ["ptr", *["i64"] * (argument.rank * (2 if strided else 1))]
    types += ["ptr"] * len(plan.outputs)
    loads = [
        f"  %p{k} = getelementptr i64, ptr %words, i64 {k}\n  %v{k} = load {type}, ptr %p{k}"
        for k, type in enumerate(types)
    ]
    listed = ", ".join(f"{type} %v{k}" for k, type in enumerate(types))
    return f"""\
define i32 @{plan.target}.foreign(ptr %words) {{
{chr(10).join(loads)}
  %failed = call i32 @{plan.target}({listed})
  call void @llad.regain(ptr %v0)
  ret i32 %failed
}}
define void @{plan.target}.release(ptr %ctx) {{
  call void @llad.release(ptr %ctx)
  ret void
}}
"""


def call_foreign(plan: Plan, function: int, release: int, values: Sequence[Any]) -> Any:
    """Carry out the plan with the function at an address.

    Raises: what the native function raises.
    """
    found = [leaf for a, v in zip(plan.arguments, values, strict=True) for leaf in _flat(a, v)]
    found += [array for _, array in plan.captured]
    for k, value in enumerate(found):
        if plan.is_cleared(Leaf(k)):
            value[...] = 0
    fresh = [_fresh(found[like], plan.is_cleared(Fresh(k))) for k, like in enumerate(plan.fresh)]
    context = (ctypes.c_uint64 * CONTEXT_WORDS)()
    words = [ctypes.addressof(context)]
    for operand in plan.operands:
        if isinstance(operand, Fresh):
            words += [fresh[operand.index].ctypes.data, *fresh[operand.index].shape]
        else:
            words += _words(plan.leaves()[operand.index], found[operand.index])
    outputs = [(ctypes.c_uint64 * _length(type))() for type in plan.outputs]
    words += [ctypes.addressof(output) for output in outputs]
    table = (ctypes.c_uint64 * len(words))(*(word % 2**64 for word in words))
    try:
        # with the GIL, which a poll lets go of; that form also raises what a signal handler raised
        code = ctypes.PYFUNCTYPE(ctypes.c_int, ctypes.c_void_p)(function)(ctypes.addressof(table))
        if code:
            raise plan.raised(code, *(ctypes.c_int64(value).value for value in context[VALUES // 8 :]))
        results = _Results(plan, found, fresh, outputs, _blocks(context))
        return undisturbed(_kept, results, context) if plan.keeps else results.build(plan.result)
    finally:
        ctypes.CFUNCTYPE(None, ctypes.c_void_p)(release)(ctypes.addressof(context))


def _kept(results: _Results, context: Any) -> Any:
    """The result, of which a tape owns the memory of the call."""
    result = results.build(results.plan.result)
    ctypes.c_uint64.from_address(results.outputs[-1][0]).value, context[0] = context[0], 0
    return result


def _fresh(like: Any, cleared: bool) -> Any:
    return np.zeros_like(like, order="C") if cleared else np.empty_like(like, order="C")


def _flat(argument: Argument, value: Any) -> Iterator[Any]:
    match argument:
        case NumberArgument() | ArrayArgument():
            yield value
        case Node(items=items):
            for item, part in zip(items, value.items if isinstance(value, Node) else value, strict=True):
                yield from _flat(item, part)
        case StaticArgument():
            pass
        case _:
            assert_never(argument)


def _words(argument: NumberArgument | ArrayArgument, value: Any) -> list[int]:
    if isinstance(argument, NumberArgument):
        raw = struct.pack(FORMATS[argument.type.name], value)
        return [int.from_bytes(raw, "little")]
    strides = value.strides if argument.layout == "strided" else ()
    return [value.ctypes.data, *value.shape, *strides]


def _length(type: object) -> int:
    return 1 + type.rank * (2 if type.layout == "strided" else 1) if isinstance(type, BufferType) else 1


@dataclass(slots=True)
class _Results:
    """Makes the result of a call. Blocks of its memory are copied once each, and results are windows on the copies."""

    plan: Plan
    found: list[Any]
    fresh: list[Any]
    outputs: list[Any]
    blocks: dict[int, tuple[int, Any]]  # per block: the address behind it, and its copy or `None`

    def build(self, result: Result) -> Any:
        match result:
            case Output(index=index):
                type = self.plan.outputs[index]
                if isinstance(type, ScalarType):
                    return _number(self.outputs[index], type)
                assert isinstance(type, BufferType)
                return self._array(list(self.outputs[index]), type, self.plan.memory_of(index))
            case Passed(leaf=leaf):
                return self.found[leaf]
            case Constant(value=value):
                return value
            case Fresh(index=index):
                return self.fresh[index]
            case Node(form=form, items=items):
                return form.build(list(map(self.build, items)))
            case _:
                assert_never(result)

    def _array(self, words: list[int], type: BufferType, memory: Memory) -> Any:
        signed = [ctypes.c_int64(word).value for word in words[1:]]
        shape, strides = tuple(signed[: type.rank]), tuple(signed[type.rank :])
        dtype = NUMPY_TYPES[type.dtype]
        steps = strides or tuple(type.dtype.bytes * int(np.prod(shape[k + 1 :])) for k in range(type.rank))
        place = words[0]
        if memory == "shared" and 0 not in shape:
            for start, (end, copy) in self.blocks.items():
                if start <= place < end:
                    if copy is None:
                        copy = np.frombuffer(ctypes.string_at(start, end - start), np.uint8).copy()
                        self.blocks[start] = end, copy
                    return np.ndarray(shape, dtype, copy, place - start, steps)
            for array in self.found:
                if isinstance(array, np.ndarray) and array.dtype == dtype and _holds(array, place):
                    return _window(array, place, shape, steps)
        return array_at(place, shape, steps, type.dtype)


def _holds(array: Any, place: int) -> bool:
    low, high = byte_bounds(array)
    return array.size > 0 and low <= place < high


def _window(array: Any, place: int, shape: tuple[int, ...], steps: tuple[int, ...]) -> Any:
    """The array, or a view of it that begins at an address."""
    if (array.ctypes.data, array.shape, array.strides) == (place, shape, steps):
        return array
    low, high = byte_bounds(array)
    raw: Any = (ctypes.c_char * (high - low)).from_address(low)
    raw.array = array  # kept as long as the view
    view = np.ndarray(shape, array.dtype, raw, place - low, steps)
    view.flags.writeable = array.flags.writeable
    return view


def _blocks(context: Any) -> dict[int, tuple[int, Any]]:
    """The arrays of a call, from its list of blocks (`context.py`)."""
    found: dict[int, tuple[int, Any]] = {}
    block = context[BLOCKS // 8]
    while block:
        header = (ctypes.c_int64 * (HEADER // 8)).from_address(block)
        size = header[BYTES // 8]
        if size > 0:
            found[block + HEADER] = block + HEADER + size, None
        block = header[NEXT // 8]
    return found


def _number(output: Any, type: ScalarType) -> Any:
    form = FORMATS[type.name]
    return struct.unpack(form, bytes(output)[: struct.calcsize(form)])[0]


def array_at(address: int, shape: tuple[int, ...], strides: tuple[int, ...], type: ScalarType) -> Any:
    """A copy of the array of these extents and strides, in bytes."""
    dtype = NUMPY_TYPES[type]
    if 0 in shape:
        return np.empty(shape, dtype)
    low = sum(min(0, s * (n - 1)) for s, n in zip(strides, shape, strict=True))
    high = sum(max(0, s * (n - 1)) for s, n in zip(strides, shape, strict=True)) + type.bytes
    memory: Any = (ctypes.c_char * (high - low)).from_address(address + low)
    return np.ndarray(shape, dtype, memory, -low, strides).copy("C")
