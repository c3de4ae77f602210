"""Calls a lowered function directly through ctypes, without an entry point of its own.

`Native(fn)` compiles; calling it with what the interpreter takes (numbers, NumPy arrays) gives what the interpreter
gives, or raises what a failed check raises. Every heap block is counted, and each call asserts that none is left.
"""

from __future__ import annotations

import builtins
import ctypes
from collections.abc import Sequence
from typing import Any

import numpy as np

from llad.codegen import jit, runtime
from llad.codegen.context import CONTEXT_WORDS
from llad.codegen.lower import lower
from llad.codegen.lower_emit import register_types
from llad.codegen.symbols import c_library
from llad.ir.core import Function
from llad.ir.types import BOOL, F32, F64, I32, I64, BufferType, ScalarType, Type

CTYPES = {F64: ctypes.c_double, F32: ctypes.c_float, I64: ctypes.c_int64, I32: ctypes.c_int32, BOOL: ctypes.c_uint8}
DTYPES = {F64: np.float64, F32: np.float32, I64: np.int64, I32: np.int32, BOOL: np.bool_}


class Heap:
    """malloc and its kin, counted. `peak`: the most blocks at a time.

    `budget`: how many requests succeed before memory runs out.
    """

    def __init__(self) -> None:
        self.live: set[int] = set()
        self.requests = 0
        self.peak = 0
        self.budget = 1 << 60
        table = c_library()
        pointer, size = ctypes.c_void_p, ctypes.c_size_t
        malloc = ctypes.CFUNCTYPE(pointer, size)(table["malloc"])
        calloc = ctypes.CFUNCTYPE(pointer, size, size)(table["calloc"])
        realloc = ctypes.CFUNCTYPE(pointer, pointer, size)(table["realloc"])
        free = ctypes.CFUNCTYPE(None, pointer)(table["free"])

        def made(address: int | None) -> int | None:
            if address is not None:
                self.live.add(address)
                self.peak = max(self.peak, len(self.live))
            return address

        def granted() -> bool:
            self.requests += 1
            return self.requests <= self.budget

        def move(old: int, n: int) -> int | None:
            if not granted():
                return None
            self.live.remove(old)
            return made(realloc(old, n))

        def drop(old: int) -> None:
            self.live.remove(old)
            free(old)

        self.callbacks = {
            "malloc": ctypes.CFUNCTYPE(pointer, size)(lambda n: made(malloc(n)) if granted() else None),
            "calloc": ctypes.CFUNCTYPE(pointer, size, size)(lambda k, n: made(calloc(k, n)) if granted() else None),
            "realloc": ctypes.CFUNCTYPE(pointer, pointer, size)(move),
            "free": ctypes.CFUNCTYPE(None, pointer)(drop),
        }
        self.symbols = {n: ctypes.cast(f, pointer).value for n, f in self.callbacks.items()}


class Native:
    """The machine code of `fn`, callable."""

    def __init__(self, fn: Function, fastmath: bool = False) -> None:
        self.fn = fn
        self.lowered = lower(fn, "subject", fastmath)
        self.heap = Heap()
        text = runtime.module_text([self.lowered, _door(fn)], whole=True)
        symbols = {n: a for n, a in self.heap.symbols.items() if a is not None}
        self.code = jit.link(text, ["door", "leave"], symbols, whole=True)

    def __call__(self, *args: Any) -> tuple[Any, ...]:
        context = (ctypes.c_int64 * CONTEXT_WORDS)()
        slots = [_slot(r.type) for r in self.fn.results]
        passed = [a for p, arg in zip(self.fn.params, args, strict=True) for a in _argument(p.type, arg)]
        pointers = [ctypes.c_void_p(ctypes.addressof(s)) for s in (context, *slots)]
        function = ctypes.PYFUNCTYPE(ctypes.c_int32, *_types(self.fn))(self.code.addresses["door"])
        code = function(pointers[0], *passed, *pointers[1:])
        results = ()
        if code == 0:
            results = tuple(_result(r.type, s) for r, s in zip(self.fn.results, slots, strict=True))
        values = context[1:]
        ctypes.CFUNCTYPE(None, ctypes.c_void_p)(self.code.addresses["leave"])(pointers[0])
        assert not self.heap.live, f"{len(self.heap.live)} blocks leaked"
        assert context[0] == 0
        if code:
            site = self.lowered.errors[code - 1]
            raise getattr(builtins, site.error)(site.message.format(*values))
        return results


def _types(fn: Function) -> list[Any]:
    types: list[Any] = [ctypes.c_void_p]
    for p in fn.params:
        if isinstance(p.type, ScalarType):
            types.append(CTYPES[p.type])
        else:
            types += [ctypes.c_void_p, *[ctypes.c_int64] * (len(register_types(p.type)) - 1)]
    return types + [ctypes.c_void_p] * len(fn.results)


def _door(fn: Function) -> str:
    """A function that passes its arguments on, and one that releases the context. Bools are bytes, as in C."""
    types = ["ptr", *(t for p in fn.params for t in register_types(p.type)), *["ptr"] * len(fn.results)]
    outside = ["i8" if t == "i1" else t for t in types]
    lines = [f"define i32 @door({', '.join(f'{t} %a{k}' for k, t in enumerate(outside))}) {{"]
    names = []
    for k, type in enumerate(types):
        if type == "i1":
            lines.append(f"  %b{k} = trunc i8 %a{k} to i1")
        names.append(f"{type} %{'b' if type == 'i1' else 'a'}{k}")
    lines.append(f"  %code = call i32 @subject({', '.join(names)})")
    lines += ["  call void @llad.regain(ptr %a0)", "  ret i32 %code", "}", ""]
    lines += ["define void @leave(ptr %ctx) {", "  call void @llad.release(ptr %ctx)", "  ret void", "}", ""]
    return "\n".join(lines)


def _argument(type: Type, value: Any) -> Sequence[Any]:
    if isinstance(type, ScalarType):
        return [value]
    assert isinstance(type, BufferType) and value.dtype == DTYPES[type.dtype] and value.ndim == type.rank
    assert type.layout == "strided" or value.flags.c_contiguous
    return [value.ctypes.data, *value.shape, *(value.strides if type.layout == "strided" else ())]


def _slot(type: Type) -> Any:
    return (ctypes.c_int64 * 1)() if isinstance(type, ScalarType) else (ctypes.c_int64 * len(register_types(type)))()


def _result(type: Type, slot: Any) -> Any:
    if isinstance(type, ScalarType):
        value = CTYPES[type].from_buffer(slot).value
        return bool(value) if type == BOOL else value
    assert isinstance(type, BufferType)
    data, shape, strides = slot[0], tuple(slot[1 : 1 + type.rank]), tuple(slot[1 + type.rank :])
    dtype = np.dtype(DTYPES[type.dtype])
    if 0 in shape:
        return np.zeros(shape, dtype)
    if type.layout == "C":
        strides = tuple(int(dtype.itemsize * np.prod(shape[k + 1 :], dtype=np.int64)) for k in range(type.rank))
    low = sum(min(0, (n - 1) * s) for n, s in zip(shape, strides, strict=True))
    high = sum(max(0, (n - 1) * s) for n, s in zip(shape, strides, strict=True)) + dtype.itemsize
    memory = ctypes.string_at(data + low, high - low)
    return np.ndarray(shape, dtype, memory, -low, strides).copy()
