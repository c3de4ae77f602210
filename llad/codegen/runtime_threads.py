"""The run-time of loops on threads: `@llad.threads` runs the chunks of a loop, each exactly once.

The caller's thread and others take the next chunk in turn until none is left. The others are made for the loop and
end with it (some ten microseconds each, which loops that are cut at all are long enough for), so nothing of them is
left that a fork, or the end of the process, could find in an odd state. They block all signals, hold no GIL, touch no
Python object, and have a context of their own. Of the chunks that failed, the error of the lowest is passed on. A
signal handler that raises, on the caller's thread, ends the others at their next poll.

Without POSIX threads, or if the system makes none, the caller runs all chunks.

Invariant: when `@llad.threads` returns, all other threads have ended.
"""

from __future__ import annotations

import ctypes
import os
import sys
from functools import cache

from llad.codegen.lower_poll import INTERRUPTED

COUNT = "llad.threads.count"
ASKED = ["pthread_create", "pthread_join", "pthread_sigmask", "sigfillset", "sched_yield", "usleep"]

MOST_CHUNKS = 64
_WORDS = 5  # of a chunk: its code, and the values of the message of the check that failed
_SET = 2 if sys.platform.startswith("linux") else 3  # SIG_SETMASK
_PATIENT = 200  # how often the caller yields before it sleeps

# Words of what the threads of a loop share, bytes from its beginning.
_NEXT, _STOP, _LIVE, _LIMIT, _RUN, _BLOCK, _FAILED = range(0, 56, 8)
_BYTES = _FAILED + 8 * _WORDS * MOST_CHUNKS


@cache
def thread_count() -> ctypes.c_int64:
    """How many threads run the chunks of a loop: `LLAD_NUM_THREADS`, or as many as there are CPUs for the process."""
    wanted = os.environ.get("LLAD_NUM_THREADS", "")
    if wanted.isdecimal() and int(wanted) > 0:
        return ctypes.c_int64(int(wanted))
    allowed = getattr(os, "sched_getaffinity", None)
    return ctypes.c_int64(len(allowed(0)) if allowed else os.cpu_count() or 1)


def _has_threads() -> bool:
    if sys.platform == "win32":
        return False
    library = ctypes.CDLL(None)
    return all(hasattr(library, name) for name in ASKED)


_AT = "getelementptr inbounds i8, ptr"

# Take chunks until none is left; 0, or INTERRUPTED if this thread's poll said so. A failed chunk notes code and values.
_WORK = f"""
define internal i32 @llad.threads.work(ptr %ctx, ptr %all) nounwind {{
  %run.p = {_AT} %all, i64 {_RUN}
  %run = load ptr, ptr %run.p
  %block.p = {_AT} %all, i64 {_BLOCK}
  %block = load ptr, ptr %block.p
  %limit.p = {_AT} %all, i64 {_LIMIT}
  %limit = load i64, ptr %limit.p
  %stop.p = {_AT} %all, i64 {_STOP}
  br label %take
take:
  %stop = load atomic i64, ptr %stop.p acquire, align 8
  %on = icmp eq i64 %stop, 0
  br i1 %on, label %more, label %end
more:
  %k = atomicrmw add ptr %all, i64 1 acq_rel
  %some = icmp slt i64 %k, %limit
  br i1 %some, label %one, label %end
one:
  %code = call i32 %run(ptr %ctx, ptr %block, i64 %k)
  %fine = icmp eq i32 %code, 0
  br i1 %fine, label %take, label %failed
failed:
  %ended = icmp eq i32 %code, {INTERRUPTED}
  br i1 %ended, label %interrupted, label %note
interrupted:
  store atomic i64 1, ptr %stop.p release, align 8
  ret i32 {INTERRUPTED}
note:
  %offset = mul i64 %k, {8 * _WORDS}
  %codes = {_AT} %all, i64 {_FAILED}
  %place = {_AT} %codes, i64 %offset
  %wide = zext i32 %code to i64
  store i64 %wide, ptr %place
  %values = {_AT} %place, i64 8
  %from = {_AT} %ctx, i64 8
  call void @llvm.memcpy.p0.p0.i64(ptr align 8 %values, ptr align 8 %from, i64 32, i1 false)
  br label %take
end:
  ret i32 0
}}
"""

# What a thread of its own does. Its context's saved state is where its polls ask, plus 1 (`runtime_poll.py`).
_HELP = f"""
define internal ptr @llad.threads.help(ptr %all) nounwind {{
  %ctx = alloca %llad.ctx, align 8
  store %llad.ctx zeroinitializer, ptr %ctx
  %thread = {_AT} %ctx, i64 48
  %stop = {_AT} %all, i64 {_STOP + 1}
  store ptr %stop, ptr %thread
  %code = call i32 @llad.threads.work(ptr %ctx, ptr %all)
  store ptr null, ptr %thread
  call void @llad.release(ptr %ctx)
  %live = {_AT} %all, i64 {_LIVE}
  %before = atomicrmw sub ptr %live, i64 1 acq_rel
  ret ptr null
}}
"""

_PARALLEL = f"""
define i32 @llad.threads(ptr %ctx, ptr %run, ptr %block, i64 %limit) noinline nounwind {{
  %all = alloca [{_BYTES} x i8], align 16
  %made = alloca [{MOST_CHUNKS} x i64], align 8
  %signals = alloca [128 x i8], align 16
  %blocked = alloca [128 x i8], align 16
  call void @llvm.memset.p0.i64(ptr align 16 %all, i8 0, i64 {_BYTES}, i1 false)
  %limit.p = {_AT} %all, i64 {_LIMIT}
  store i64 %limit, ptr %limit.p
  %run.p = {_AT} %all, i64 {_RUN}
  store ptr %run, ptr %run.p
  %block.p = {_AT} %all, i64 {_BLOCK}
  store ptr %block, ptr %block.p
  %live.p = {_AT} %all, i64 {_LIVE}
  %stop.p = {_AT} %all, i64 {_STOP}
  %wanted = load i64, ptr @{COUNT}
  %few = icmp slt i64 %wanted, %limit
  %useful = select i1 %few, i64 %wanted, i64 %limit
  %others = sub i64 %useful, 1
  %any = icmp sgt i64 %others, 0
  br i1 %any, label %block.signals, label %work
block.signals:
  %r0 = call i32 @sigfillset(ptr %blocked)
  %r1 = call i32 @pthread_sigmask(i32 {_SET}, ptr %blocked, ptr %signals)
  br label %make
make:
  %j = phi i64 [0, %block.signals], [%j.next, %counted]
  %before = atomicrmw add ptr %live.p, i64 1 acq_rel
  %slot = getelementptr inbounds i64, ptr %made, i64 %j
  %lacking = call i32 @pthread_create(ptr %slot, ptr null, ptr @llad.threads.help, ptr %all)
  %is.made = icmp eq i32 %lacking, 0
  br i1 %is.made, label %counted, label %short
counted:
  %j.next = add nuw nsw i64 %j, 1
  %j.more = icmp slt i64 %j.next, %others
  br i1 %j.more, label %make, label %have
short:
  %r2 = atomicrmw sub ptr %live.p, i64 1 acq_rel
  br label %have
have:
  %have.count = phi i64 [%j.next, %counted], [%j, %short]
  %r3 = call i32 @pthread_sigmask(i32 {_SET}, ptr %signals, ptr null)
  br label %work
work:
  %helpers = phi i64 [0, %0], [%have.count, %have]
  %code = call i32 @llad.threads.work(ptr %ctx, ptr %all)
  br label %wait
wait:
  %turn = phi i64 [0, %work], [%turn.next, %pause.end]
  %raised = phi i32 [%code, %work], [%raised.next, %pause.end]
  %live = load atomic i64, ptr %live.p acquire, align 8
  %alone = icmp eq i64 %live, 0
  br i1 %alone, label %join, label %pause
pause:
  %turn.next = add nuw nsw i64 %turn, 1
  %patient = icmp slt i64 %turn, {_PATIENT}
  br i1 %patient, label %yield, label %sleep
yield:
  %r4 = call i32 @sched_yield()
  br label %pause.end
sleep:
  %r5 = call i32 @usleep(i32 100)
  %calm = icmp eq i32 %raised, 0
  br i1 %calm, label %ask, label %pause.end
ask:
  %asked = call i32 @llad.poll(ptr %ctx)
  %quiet = icmp eq i32 %asked, 0
  br i1 %quiet, label %pause.end, label %stop
stop:
  store atomic i64 1, ptr %stop.p release, align 8
  br label %pause.end
pause.end:
  %raised.next = phi i32 [%raised, %yield], [%raised, %sleep], [0, %ask], [{INTERRUPTED}, %stop]
  br label %wait
join:
  %i = phi i64 [0, %wait], [%i.next, %joined]
  %i.more = icmp slt i64 %i, %helpers
  br i1 %i.more, label %joined, label %over
joined:
  %thread.p = getelementptr inbounds i64, ptr %made, i64 %i
  %thread = load i64, ptr %thread.p
  %r6 = call i32 @pthread_join(i64 %thread, ptr null)
  %i.next = add nuw nsw i64 %i, 1
  br label %join
over:
  %uninterrupted = icmp eq i32 %raised, 0
  br i1 %uninterrupted, label %look, label %leave
leave:
  ret i32 %raised
look:
  %c = phi i64 [0, %over], [%c.next, %passed]
  %c.more = icmp slt i64 %c, %limit
  br i1 %c.more, label %see, label %done
see:
  %offset = mul i64 %c, {8 * _WORDS}
  %codes = {_AT} %all, i64 {_FAILED}
  %place = {_AT} %codes, i64 %offset
  %wide = load i64, ptr %place
  %fine = icmp eq i64 %wide, 0
  br i1 %fine, label %passed, label %failed
passed:
  %c.next = add nuw nsw i64 %c, 1
  br label %look
failed:
  %values = {_AT} %place, i64 8
  %to = {_AT} %ctx, i64 8
  call void @llvm.memcpy.p0.p0.i64(ptr align 8 %to, ptr align 8 %values, i64 32, i1 false)
  %narrow = trunc i64 %wide to i32
  ret i32 %narrow
done:
  ret i32 0
}}
"""

_SERIAL = """
define i32 @llad.threads(ptr %ctx, ptr %run, ptr %block, i64 %limit) noinline nounwind {
  br label %next
next:
  %k = phi i64 [0, %0], [%following, %passed]
  %more = icmp slt i64 %k, %limit
  br i1 %more, label %one, label %done
one:
  %code = call i32 %run(ptr %ctx, ptr %block, i64 %k)
  %fine = icmp eq i32 %code, 0
  br i1 %fine, label %passed, label %failed
passed:
  %following = add nuw nsw i64 %k, 1
  br label %next
failed:
  ret i32 %code
done:
  ret i32 0
}
"""

PARALLEL = _has_threads()
THREADS = (
    {"llad.threads": _PARALLEL, "llad.threads.work": _WORK, "llad.threads.help": _HELP}
    if PARALLEL
    else {"llad.threads": _SERIAL}
)

THREADS_DECLARATIONS = {
    COUNT: f"@{COUNT} = external global i64",
    "pthread_create": "declare i32 @pthread_create(ptr, ptr, ptr, ptr)",
    "pthread_join": "declare i32 @pthread_join(i64, ptr)",
    "pthread_sigmask": "declare i32 @pthread_sigmask(i32, ptr, ptr)",
    "sigfillset": "declare i32 @sigfillset(ptr)",
    "sched_yield": "declare i32 @sched_yield()",
    "usleep": "declare i32 @usleep(i32)",
    "llvm.memcpy.p0.p0.i64": "declare void @llvm.memcpy.p0.p0.i64(ptr, ptr, i64, i1)",
}
