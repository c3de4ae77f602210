"""The run-time of calls into Python: `@llad.poll` gives it a turn in long calls, `@llad.print` has it print.

A call may begin with the GIL or without it; the context's word `thread` is the thread's saved state, null while the GIL
is held. A poll reads the clock, and every tenth of a second takes the GIL, runs the handlers of signals that have
arrived (Python does this in the main thread only), and lets go of the GIL again. So the first poll of a call that
turned out to be long lets other threads run, whatever had been estimated. `regain` leaves the GIL with the caller.

Of a thread that runs chunks of a loop the word is the address of a flag, plus 1: it asks that (`runtime_threads.py`).

Invariant: between entry and `regain` no Python object is touched, except in a poll or a print.
"""

from __future__ import annotations

from llad.codegen.context import COUNTER, POLLED, THREAD
from llad.codegen.lower_poll import INTERRUPTED
from llad.codegen.runtime_text import address

_OWN = "memory(argmem: readwrite, inaccessiblemem: readwrite)"

# The tenths of a second since 1970, from `timespec_get`: it is in ISO C, and costs some 20 ns.
_POLL = f"""
define i32 @llad.poll(ptr captures(none) %ctx) noinline cold nounwind {_OWN} {{
  %now = alloca [2 x i64], align 8
  {address("counter", "%ctx", COUNTER)}
  {address("seen", "%ctx", POLLED)}
  store i64 0, ptr %counter
  %got = call i32 @timespec_get(ptr %now, i32 1)
  {address("part", "%now", 8)}
  %seconds = load i64, ptr %now
  %nanoseconds = load i32, ptr %part
  %tenths = udiv i32 %nanoseconds, 100000000
  %whole = mul i64 %seconds, 10
  %rest = zext i32 %tenths to i64
  %time = add i64 %whole, %rest
  %last = load i64, ptr %seen
  %early = icmp eq i64 %time, %last
  br i1 %early, label %on, label %turn
on:
  ret i32 0
turn:
  store i64 %time, ptr %seen
  {address("thread", "%ctx", THREAD)}
  %word = load i64, ptr %thread
  %bit = and i64 %word, 1
  %python = icmp eq i64 %bit, 0
  br i1 %python, label %handle, label %other
other:
  %place = sub i64 %word, 1
  %flag.p = inttoptr i64 %place to ptr
  %flag = load atomic i64, ptr %flag.p acquire, align 8
  %ends = icmp ne i64 %flag, 0
  %code = select i1 %ends, i32 {INTERRUPTED}, i32 0
  ret i32 %code
handle:
  call void @llad.regain(ptr %ctx)
  %raised = call i32 @PyErr_CheckSignals()
  %state = call ptr @PyEval_SaveThread()
  store ptr %state, ptr %thread
  ret i32 %raised
}}
"""

_REGAIN = f"""
define internal void @llad.regain(ptr %ctx) nounwind {{
  {address("thread", "%ctx", THREAD)}
  %state = load ptr, ptr %thread
  %held = icmp eq ptr %state, null
  br i1 %held, label %done, label %take
take:
  store ptr null, ptr %thread
  call void @PyEval_RestoreThread(ptr %state)
  br label %done
done:
  ret void
}}
"""

# The printer is a Python object; its address is handed to the linker (`printing.py`).
_PRINT = f"""
@llad.printer = external global i8
@llad.print.form = private constant [3 x i8] c"yK\\00"
define i32 @llad.print(ptr captures(none) %ctx, ptr %text, ptr %words) noinline cold nounwind {{
  call void @llad.regain(ptr %ctx)
  %at = ptrtoint ptr %words to i64
  %done = call ptr (ptr, ptr, ...) @PyObject_CallFunction(ptr @llad.printer, ptr @llad.print.form, ptr %text, i64 %at)
  %raised = icmp eq ptr %done, null
  br i1 %raised, label %failed, label %written
failed:
  ret i32 {INTERRUPTED}
written:
  call void @Py_DecRef(ptr %done)
  ret i32 0
}}
"""
POLL = {"llad.poll": _POLL, "llad.regain": _REGAIN, "llad.print": _PRINT}

POLL_DECLARATIONS = {
    "timespec_get": "declare i32 @timespec_get(ptr, i32)",
    "PyObject_CallFunction": "declare ptr @PyObject_CallFunction(ptr, ptr, ...)",
    "Py_DecRef": "declare void @Py_DecRef(ptr)",
    "PyErr_CheckSignals": "declare i32 @PyErr_CheckSignals()",
    "PyEval_RestoreThread": "declare void @PyEval_RestoreThread(ptr)",
    "PyEval_SaveThread": "declare ptr @PyEval_SaveThread()",
}
