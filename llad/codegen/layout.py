"""Where CPython and NumPy keep what a native entry point reads: a float's value, an array's extents.

Reading a field costs a nanosecond, asking the C API for it twenty. None of the offsets is part of a stable
ABI, so each is found and then checked against an object whose contents are known; if one check fails there is
no `LAYOUT`, and calls go through `foreign.py`, which needs none of this.

Invariant: `LAYOUT is None`, or every offset in it was seen to hold in this process.
"""

from __future__ import annotations

import ctypes
import struct
import sys
from types import CellType, FunctionType
from typing import Any

import numpy as np

from llad.dataclass import dataclass

# Array flags, and the slots of NumPy's C API table (fixed by NumPy's ABI policy).
C_CONTIGUOUS, ALIGNED, WRITEABLE = 0x1, 0x100, 0x400
PLAIN = C_CONTIGUOUS | ALIGNED | WRITEABLE
_SLOT_TYPE, _SLOT_COPY, _SLOT_NEW, _SLOT_SET_BASE = 2, 85, 93, 282

_POINTER = ctypes.sizeof(ctypes.c_void_p)


@dataclass(frozen=True, slots=True)
class Layout:
    """Byte offsets from an object's address."""

    type: int  # the pointer to its type
    payload: int  # the first byte after the header: a float's value, a NumPy scalar's, a tuple's size
    items: int  # a tuple's first item
    data: int  # of an array: the pointer to its elements
    rank: int
    extents: int
    strides: int
    dtype: int
    flags: int
    contents: int  # of a cell
    list_items: int | None  # of a list: the pointer to its items
    version: int | None  # of a dict: a counter of its changes, where there is one
    function_fields: tuple[tuple[str, int], ...]  # of a function: the pointers behind these attributes


def pointer_at(address: int) -> int:
    """The pointer stored at `address`."""
    return ctypes.c_void_p.from_address(address).value or 0


def c_symbol(name: str) -> int:
    """The address of a function or variable of the interpreter."""
    return ctypes.cast(getattr(ctypes.pythonapi, name), ctypes.c_void_p).value or 0


def _numpy_table() -> int:
    get = ctypes.pythonapi.PyCapsule_GetPointer
    get.restype, get.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
    multiarray: Any = np._core._multiarray_umath  # type: ignore[attr-defined]
    return int(get(multiarray._ARRAY_API, None))


def _scalars_hold(payload: int, kind: int) -> bool:
    def raw(x: object, form: str) -> Any:
        return struct.unpack(form, ctypes.string_at(id(x) + payload, struct.calcsize(form)))[0]

    floats = [1.5, np.float64(-2.25)]
    return (
        all(pointer_at(id(x) + kind) == id(type(x)) for x in (*floats, 1, (), np.float32(1)))
        and all(raw(x, "d") == float(x) for x in floats)
        and raw(np.float32(0.75), "f") == 0.75
        and raw(np.int64(-(2**40)), "q") == -(2**40)
        and raw(np.int32(-7), "i") == -7
        and raw(np.True_, "B") == 1
        and raw(np.False_, "B") == 0
    )


def _containers_hold(payload: int, items: int) -> bool:
    inside = (object(), object(), object())
    cell = CellType(inside)
    return (
        ctypes.c_ssize_t.from_address(id(inside) + payload).value == 3
        and all(pointer_at(id(inside) + items + k * _POINTER) == id(x) for k, x in enumerate(inside))
        and pointer_at(id(cell) + payload) == id(inside)
    )


def _list_items(payload: int) -> int | None:
    """Where a list has the pointer to its items, behind their number."""
    things = [object(), object(), object()]
    things.pop()
    offset = payload + _POINTER
    if ctypes.c_ssize_t.from_address(id(things) + payload).value != 2 or not (items := pointer_at(id(things) + offset)):
        return None
    return offset if [pointer_at(items), pointer_at(items + _POINTER)] == list(map(id, things)) else None


def _arrays_hold(payload: int) -> bool:
    base = np.arange(6.0).reshape(2, 3)
    for a in (base, base[:, ::-2], base.T):
        start = id(a) + payload
        extents, strides = pointer_at(start + 2 * _POINTER), pointer_at(start + 3 * _POINTER)
        if not (
            pointer_at(start) == a.ctypes.data
            and ctypes.c_int.from_address(start + _POINTER).value == 2
            and (ctypes.c_ssize_t * 2).from_address(extents)[:] == list(a.shape)
            and (ctypes.c_ssize_t * 2).from_address(strides)[:] == list(a.strides)
            and pointer_at(start + 5 * _POINTER) == id(a.dtype)
            and ctypes.c_int.from_address(start + 6 * _POINTER).value == a.flags.num
        ):
            return False
    return base.flags.num & (C_CONTIGUOUS | ALIGNED | WRITEABLE) == C_CONTIGUOUS | ALIGNED | WRITEABLE


def _dict_version(payload: int) -> int | None:
    """CPython 3.11 stamps a dict at each change from one global counter; later versions share the field."""
    if sys.version_info[:2] != (3, 11):
        return None
    probe: dict[str, object] = {"a": 1, "b": 2}
    offset = payload + _POINTER
    stamp = ctypes.c_uint64.from_address(id(probe) + offset)
    seen = [stamp.value]
    probe["a"] = 3
    seen.append(stamp.value)
    del probe["b"]
    seen.append(stamp.value)
    probe["c"] = 4
    seen.append(stamp.value)
    probe["a"]  # reading is no change
    return offset if len(set(seen)) == 4 and seen[-1] == stamp.value else None


def _function_fields(payload: int) -> tuple[tuple[str, int], ...]:
    """Where a function keeps what can be exchanged under it; a field that is not found is not in the table."""

    def probe(a: int = 1, *, b: int = 2) -> None:
        """Is looked into, never called."""

    words = (FunctionType.__basicsize__ - payload) // _POINTER
    where = {pointer_at(id(probe) + payload + k * _POINTER): payload + k * _POINTER for k in range(words)}
    names = ("__code__", "__defaults__", "__kwdefaults__")
    values = ((name, id(getattr(probe, name))) for name in names)
    return tuple((name, where[value]) for name, value in values if value in where)


def discover() -> Layout | None:
    """The layout of this interpreter, or `None` where it is not as expected, as in free-threaded builds."""
    payload: int = object.__basicsize__
    kind, items = payload - _POINTER, tuple.__basicsize__
    if payload != 2 * _POINTER or _POINTER != 8 or sys.implementation.name != "cpython":
        return None
    if not (_scalars_hold(payload, kind) and _containers_hold(payload, items) and _arrays_hold(payload)):
        return None
    if pointer_at(_numpy_table() + _SLOT_TYPE * _POINTER) != id(np.ndarray):
        return None
    words = [payload + k * _POINTER for k in range(7)]
    return Layout(
        type=kind, payload=payload, items=items, contents=payload, version=_dict_version(payload),
        function_fields=_function_fields(payload), list_items=_list_items(payload),
        data=words[0], rank=words[1], extents=words[2], strides=words[3], dtype=words[5], flags=words[6],
    )  # fmt: skip


LAYOUT = discover()

# What entry points call or compare with. Data symbols are the addresses of the objects themselves.
_FUNCTIONS = (
    "PyErr_NoMemory",
    "PyErr_SetObject",
    "PyDict_GetItem",
    "PyFloat_FromDouble",
    "PyLong_AsLongLongAndOverflow",
    "PyLong_FromLongLong",
    "PyObject_Vectorcall",
    "PySequence_List",
    "PyTuple_New",
    "Py_IncRef",
)


def symbols() -> dict[str, int]:
    """The address behind each external name that an entry point mentions."""
    table = {name: c_symbol(name) for name in _FUNCTIONS}
    slots = _numpy_table()
    table["PyArray_New"] = pointer_at(slots + _SLOT_NEW * _POINTER)
    table["PyArray_NewCopy"] = pointer_at(slots + _SLOT_COPY * _POINTER)
    table["PyArray_SetBaseObject"] = pointer_at(slots + _SLOT_SET_BASE * _POINTER)
    table["_Py_TrueStruct"], table["_Py_FalseStruct"] = id(True), id(False)
    table["PyArray_Type"] = id(np.ndarray)
    return table
