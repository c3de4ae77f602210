"""The run-time of recursion: `@llad.floor`, the lowest address that the frames of this thread's calls may reach.

A thread's stack is what its creator gave it, and the main thread's what the limit of the process says, so the system
is asked, once per thread; the answer is kept in a slot of the thread (a key, since code made at run time has no
thread-local variables). A quarter of the stack, at most a quarter of a megabyte, is left for what calls end in: the C
library, and Python's signal handlers. Where nobody can be asked, half a megabyte below the caller is taken to be there.

Invariant: no more than `_MOST` bytes are used, however unlimited the stack, so endless recursion ends soon.
"""

from __future__ import annotations

import ctypes
from functools import cache

KEY = "llad.stack.key"

_MOST = 1 << 30
_RESERVE = 1 << 18
_GUESS = 1 << 19

ASKED = ["pthread_self", "pthread_getattr_np", "pthread_attr_getstack", "pthread_attr_getguardsize"]
ASKED += ["pthread_attr_destroy", "pthread_getspecific", "pthread_setspecific"]


@cache
def key() -> ctypes.c_uint | None:
    """The key of the slot in which each thread keeps its floor; None if this platform cannot be asked for stacks."""
    try:
        library, made = ctypes.CDLL(None), ctypes.c_uint()
        if not all(hasattr(library, name) for name in ASKED):
            return None
        return made if library.pthread_key_create(ctypes.byref(made), None) == 0 else None
    except (OSError, TypeError, AttributeError):
        return None


_MEASURED = f"""
define ptr @llad.floor() noinline nounwind {{
  %attributes = alloca [16 x i64], align 16
  %address.p = alloca i64
  %size.p = alloca i64
  %guard.p = alloca i64
  %key = load i32, ptr @{KEY}
  %known = call ptr @pthread_getspecific(i32 %key)
  %asked = icmp ne ptr %known, null
  br i1 %asked, label %kept, label %ask
kept:
  ret ptr %known
ask:
  %self = call i64 @pthread_self()
  %failed = call i32 @pthread_getattr_np(i64 %self, ptr %attributes)
  %unknown = icmp ne i32 %failed, 0
  br i1 %unknown, label %guess, label %found
found:
  %r0 = call i32 @pthread_attr_getstack(ptr %attributes, ptr %address.p, ptr %size.p)
  %r1 = call i32 @pthread_attr_getguardsize(ptr %attributes, ptr %guard.p)
  %r2 = call i32 @pthread_attr_destroy(ptr %attributes)
  %address = load i64, ptr %address.p
  %all = load i64, ptr %size.p
  %guard = load i64, ptr %guard.p
  %top = add i64 %address, %all
  %rest = call i64 @llvm.usub.sat.i64(i64 %all, i64 %guard)
  %size = call i64 @llvm.umin.i64(i64 %rest, i64 {_MOST})
  %quarter = lshr i64 %size, 2
  %reserve = call i64 @llvm.umin.i64(i64 %quarter, i64 {_RESERVE})
  %usable = sub i64 %size, %reserve
  %low = sub i64 %top, %usable
  %floor = inttoptr i64 %low to ptr
  %r3 = call i32 @pthread_setspecific(i32 %key, ptr %floor)
  ret ptr %floor
guess:
  %here = call ptr @llvm.frameaddress.p0(i32 0)
  %below = getelementptr i8, ptr %here, i64 -{_GUESS}
  ret ptr %below
}}
"""

_GUESSED = f"""
define ptr @llad.floor() noinline nounwind {{
  %here = call ptr @llvm.frameaddress.p0(i32 0)
  %below = getelementptr i8, ptr %here, i64 -{_GUESS}
  ret ptr %below
}}
"""

STACK = {"llad.floor": _MEASURED if key() is not None else _GUESSED}

STACK_DECLARATIONS = {
    KEY: f"@{KEY} = external global i32",
    "llvm.frameaddress.p0": "declare ptr @llvm.frameaddress.p0(i32)",
    "llvm.usub.sat.i64": "declare i64 @llvm.usub.sat.i64(i64, i64)",
    "llvm.umin.i64": "declare i64 @llvm.umin.i64(i64, i64)",
    "pthread_self": "declare i64 @pthread_self()",
    "pthread_getattr_np": "declare i32 @pthread_getattr_np(i64, ptr)",
    "pthread_attr_getstack": "declare i32 @pthread_attr_getstack(ptr, ptr, ptr)",
    "pthread_attr_getguardsize": "declare i32 @pthread_attr_getguardsize(ptr, ptr)",
    "pthread_attr_destroy": "declare i32 @pthread_attr_destroy(ptr)",
    "pthread_getspecific": "declare ptr @pthread_getspecific(i32)",
    "pthread_setspecific": "declare i32 @pthread_setspecific(i32, ptr)",
}
