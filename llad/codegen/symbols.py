"""Addresses of the C functions that machine code may call, found through ctypes.

Code calls libm by name: directly (`tan`), through intrinsics that become calls (`llvm.pow.f64`), and through calls
that LLVM makes up (`sincos` out of `sin` and `cos`, `ldexp` out of `exp2`, `memset` out of a loop). The JIT looks
nowhere but in the table handed to it, so every name that can arise is resolved here. A name that this platform's C
library lacks is left out: LLVM only makes up calls that its own table of the platform lists, and the op table uses
only what C99 has.
"""

from __future__ import annotations

import ctypes
import importlib
import re
import sys
from contextlib import suppress
from functools import cache

from llad.codegen.runtime_pool import STORAGE, storage
from llad.codegen.runtime_stack import ASKED, KEY, key
from llad.codegen.runtime_threads import COUNT, thread_count
from llad.codegen.runtime_workers import ASKED as THREADED
from llad.codegen.runtime_workers import CREW, crew

# Functions of doubles; each also exists with the suffix `f` for floats.
_TRIGONOMETRIC = "acos acosh asin asinh atan atan2 atanh cos cosh sin sincos sinh tan tanh"
_POWERS = "cbrt exp exp10 exp2 expm1 hypot log log10 log1p log2 pow sqrt"
_ROUNDING = "ceil floor nearbyint rint round roundeven trunc"
_OTHER = "copysign erf erfc fabs fdim fma fmax fmin fmod frexp ldexp lgamma modf remainder scalbn tgamma"
_MATH = " ".join([_TRIGONOMETRIC, _POWERS, _ROUNDING, _OTHER]).split()
_MEMORY = ["malloc", "calloc", "realloc", "free", "memcpy", "memmove", "memset", "madvise"]
# For polls, prints and the capsules of large arrays.
_PYTHON = ["PyErr_CheckSignals", "PyEval_RestoreThread", "PyEval_SaveThread", "PyObject_CallFunction", "Py_DecRef"]
_PYTHON += ["PyCapsule_GetContext", "PyCapsule_GetPointer", "PyCapsule_New", "PyCapsule_SetContext"]
_APPLE = ["__exp10", "__exp10f", "__sincos_stret", "__sincosf_stret", "bzero", "__bzero", "memset_pattern16"]
_WINDOWS = ["__chkstk"]  # for stack frames beyond a page
_CLOCK = ["timespec_get", "_timespec64_get"]  # what Windows calls it, and of the same form there


# What Cython puts before the name of a function that exists for several types.
_FUSED = re.compile(r"^__pyx_fuse_\d+")


def _libraries() -> list[ctypes.CDLL]:
    if sys.platform == "win32":
        return [ctypes.CDLL("ucrtbase"), ctypes.CDLL("vcruntime140"), ctypes.CDLL("ntdll")]
    found = [ctypes.CDLL(None)]
    if sys.platform != "darwin":
        with suppress(OSError):  # musl keeps its libm in libc
            found.insert(0, ctypes.CDLL("libm.so.6"))
    return found


@cache
def scipy_functions() -> dict[str, int]:
    """Address by name, `scipy.i0`, of the functions of doubles that SciPy has for compiled code.

    Raises: ModuleNotFoundError without SciPy.
    """
    table: dict[str, int] = {}
    name_of, pointer_of = ctypes.pythonapi.PyCapsule_GetName, ctypes.pythonapi.PyCapsule_GetPointer
    name_of.restype, name_of.argtypes = ctypes.c_char_p, [ctypes.py_object]
    pointer_of.restype, pointer_of.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
    functions = importlib.import_module("scipy.special.cython_special").__pyx_capi__
    for name, capsule in functions.items():
        signature = name_of(capsule)
        if signature.startswith(b"double (double, "):
            table[f"scipy.{_FUSED.sub('', name)}"] = pointer_of(capsule, signature)
    return table


@cache
def c_library() -> dict[str, int]:
    """Address by name of every function in the lists above that this platform has, and of the key of stacks,
    the pool, the crew, and the number of threads."""
    libraries = _libraries()
    table: dict[str, int] = {}
    for name in [*_MATH, *(n + "f" for n in _MATH), *_MEMORY, *_CLOCK, *ASKED, *THREADED, *_APPLE, *_WINDOWS, *_PYTHON]:
        for library in [ctypes.pythonapi] if name in _PYTHON else libraries:
            if hasattr(library, name):
                address = ctypes.cast(getattr(library, name), ctypes.c_void_p).value
                assert address is not None
                table[name] = address
                break
    table.setdefault(_CLOCK[0], table.get(_CLOCK[1], 0))
    if (slot := key()) is not None:
        table[KEY] = ctypes.addressof(slot)
    table[COUNT] = ctypes.addressof(thread_count())
    table[CREW] = ctypes.addressof(crew())
    table[STORAGE] = ctypes.addressof(storage())
    return table
