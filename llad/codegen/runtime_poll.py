"""The run-time of long calls: `@llad.poll`, which gives Python a turn, and `@llad.regain`, which ends such turns.

A call may begin with the GIL or without it; the context's word `thread` is the thread's saved state, null while the GIL
is held. A poll reads the clock, and every tenth of a second takes the GIL, runs the handlers of signals that have
arrived (Python does this in the main thread only), and lets go of the GIL again. So the first poll of a call that
turned out to be long lets other threads run, whatever had been estimated. `regain` leaves the GIL with the caller.

Invariant: between entry and `regain` no Python object is touched, except in a poll.
"""

from __future__ import annotations

THREAD = 48  # of the saved state's address in the context

# The tenths of a second since 1970, from `timespec_get`: it is in ISO C, and costs some 20 ns.
_POLL = f"""
define i32 @llad.poll(ptr %ctx) noinline cold nounwind memory(argmem: readwrite, inaccessiblemem: readwrite) {{
  %now = alloca [2 x i64], align 8
  %counter = getelementptr inbounds i8, ptr %ctx, i64 {THREAD + 8}
  %seen = getelementptr inbounds i8, ptr %ctx, i64 {THREAD + 16}
  store i64 0, ptr %counter
  %got = call i32 @timespec_get(ptr %now, i32 1)
  %part = getelementptr inbounds i8, ptr %now, i64 8
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
  call void @llad.regain(ptr %ctx)
  %raised = call i32 @PyErr_CheckSignals()
  %thread = getelementptr inbounds i8, ptr %ctx, i64 {THREAD}
  %state = call ptr @PyEval_SaveThread()
  store ptr %state, ptr %thread
  ret i32 %raised
}}
"""

_REGAIN = f"""
define internal void @llad.regain(ptr %ctx) nounwind {{
  %thread = getelementptr inbounds i8, ptr %ctx, i64 {THREAD}
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

POLL = {"llad.poll": _POLL, "llad.regain": _REGAIN}

POLL_DECLARATIONS = {
    "timespec_get": "declare i32 @timespec_get(ptr, i32)",
    "PyErr_CheckSignals": "declare i32 @PyErr_CheckSignals()",
    "PyEval_RestoreThread": "declare void @PyEval_RestoreThread(ptr)",
    "PyEval_SaveThread": "declare ptr @PyEval_SaveThread()",
}
