"""The run-time of loops on threads: `@llad.threads` runs the chunks of a loop, each exactly once.

The caller's thread and those of the crew (`runtime_workers.py`) take the next chunk in turn until none is left, or one
has failed: as all before that one are taken by then, the error that is passed on is that of the lowest. A signal
handler that raises, on the caller's thread, ends the others at their next poll.

Without POSIX threads, if the system makes none, or if another loop has the crew, the caller runs all chunks.

Invariant: when `@llad.threads` returns, no other thread has to do with the loop.
"""

from __future__ import annotations

import ctypes
import os
import sys
from functools import cache

from llad.codegen.context import LOOP, THREAD, VALUES
from llad.codegen.lower_poll import INTERRUPTED
from llad.codegen.runtime_text import address, loaded, stored
from llad.codegen.runtime_workers import ASKED, PATIENT, WORKERS, WORKERS_DECLARATIONS

COUNT = "llad.threads.count"

MOST_CHUNKS = 64
GIVEN_UP = -2  # the code of a chunk whose turn will not come (`runtime_turn.py`)
_NONE = 1
_WORDS = 5  # of a chunk: its code, and the values of the message of the check that failed

# Words of what the threads of a loop share, bytes from its beginning: the next chunk, whether to stop, the lowest chunk
# that failed, the number of chunks, what runs one, what they share of the program, whose turn it is, and what each that
# failed left.
_TAKEN, STOP, LOWEST, _LIMIT, _RUN, _BLOCK, TURN, _FAILED = range(0, 64, 8)
# And of what each knows: where that is, the last chunk that waits for its turn, and how many do.
_SHARED, NEWEST, WAITING = range(0, 24, 8)
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


# Take a chunk and run it: 0; NONE if none is left or one has failed, which notes code and values; or INTERRUPTED if
# this thread's poll said so.
_NEXT = f"""
define internal i32 @llad.threads.next(ptr %ctx, ptr %all) nounwind {{
  {loaded("run", "ptr", "%all", _RUN)}
  {loaded("block", "ptr", "%all", _BLOCK)}
  {address("stop.p", "%all", STOP)}
  {address("lowest.p", "%all", LOWEST)}
  %stop = load atomic i64, ptr %stop.p acquire, align 8
  %on = icmp eq i64 %stop, 0
  br i1 %on, label %more, label %end
more:
  %k = atomicrmw add ptr %all, i64 1 acq_rel
  %lowest = load atomic i64, ptr %lowest.p acquire, align 8
  %some = icmp slt i64 %k, %lowest
  br i1 %some, label %one, label %end
one:
  %code = call i32 %run(ptr %ctx, ptr %block, i64 %k)
  switch i32 %code, label %note [i32 0, label %fine i32 {INTERRUPTED}, label %interrupted i32 {GIVEN_UP}, label %end]
fine:
  ret i32 0
interrupted:
  store atomic i64 1, ptr %stop.p release, align 8
  ret i32 {INTERRUPTED}
note:
  %offset = mul i64 %k, {8 * _WORDS}
  {address("codes", "%all", _FAILED)}
  %place = getelementptr inbounds i8, ptr %codes, i64 %offset
  %wide = zext i32 %code to i64
  store i64 %wide, ptr %place
  {address("values", "%place", 8)}
  {address("from", "%ctx", VALUES)}
  call void @llvm.memcpy.p0.p0.i64(ptr align 8 %values, ptr align 8 %from, i64 32, i1 false)
  %r0 = atomicrmw min ptr %lowest.p, i64 %k acq_rel
  br label %end
end:
  ret i32 {_NONE}
}}
"""

# Take chunks until none is left; 0 or INTERRUPTED.
_WORK = f"""
define internal i32 @llad.threads.work(ptr %ctx, ptr %all) nounwind {{
  %mine = alloca [3 x i64], align 8
  call void @llvm.memset.p0.i64(ptr align 8 %mine, i8 0, i64 24, i1 false)
  store ptr %all, ptr %mine
  {stored("mine", "ptr", "%ctx", LOOP)}
  br label %take
take:
  %code = call i32 @llad.threads.next(ptr %ctx, ptr %all)
  switch i32 %code, label %interrupted [i32 0, label %take i32 {_NONE}, label %end]
interrupted:
  ret i32 %code
end:
  ret i32 0
}}
"""

# What a thread of the crew does. Its context's saved state is where its polls ask, plus 1 (`runtime_poll.py`).
_HELP = f"""
define internal void @llad.threads.help(ptr %all) nounwind {{
  %ctx = alloca %llad.ctx, align 8
  store %llad.ctx zeroinitializer, ptr %ctx
  {address("thread", "%ctx", THREAD)}
  {address("stop", "%all", STOP + 1)}
  store ptr %stop, ptr %thread
  %code = call i32 @llad.threads.work(ptr %ctx, ptr %all)
  store ptr null, ptr %thread
  call void @llad.release(ptr %ctx)
  ret void
}}
"""

_PARALLEL = f"""
define i32 @llad.threads(ptr %ctx, ptr %run, ptr %block, i64 %limit) noinline nounwind {{
  %all = alloca [{_BYTES} x i8], align 64
  call void @llvm.memset.p0.i64(ptr align 64 %all, i8 0, i64 {_FAILED}, i1 false)
  {stored("limit", "i64", "%all", _LIMIT)}
  {address("lowest.p", "%all", LOWEST)}
  store i64 %limit, ptr %lowest.p
  {stored("run", "ptr", "%all", _RUN)}
  {stored("block", "ptr", "%all", _BLOCK)}
  {address("stop.p", "%all", STOP)}
  %wanted = load i64, ptr @{COUNT}
  %few = icmp slt i64 %wanted, %limit
  %useful = select i1 %few, i64 %wanted, i64 %limit
  %others = sub i64 %useful, 1
  %any = icmp sgt i64 %others, 0
  br i1 %any, label %call, label %work
call:
  %taken = call i64 @llad.crew.take(ptr %all, i64 %others)
  br label %work
work:
  %crew = phi i64 [0, %0], [%taken, %call]
  %code = call i32 @llad.threads.work(ptr %ctx, ptr %all)
  %alone = icmp eq i64 %crew, 0
  br i1 %alone, label %over, label %close
close:
  call void @llad.crew.close()
  br label %wait
wait:
  %n = phi i64 [0, %close], [%n.next, %pause.end]
  %raised = phi i32 [%code, %close], [%raised.next, %pause.end]
  %inside = call i64 @llad.crew.inside()
  %left = icmp eq i64 %inside, 0
  br i1 %left, label %dismiss, label %pause
pause:
  call void @llad.crew.rest(i64 %n)
  %n.next = add nuw nsw i64 %n, 1
  %long = icmp sge i64 %n, {PATIENT}
  %calm = icmp eq i32 %raised, 0
  %asks = and i1 %long, %calm
  br i1 %asks, label %ask, label %pause.end
ask:
  %asked = call i32 @llad.poll(ptr %ctx)
  %quiet = icmp eq i32 %asked, 0
  br i1 %quiet, label %pause.end, label %stop
stop:
  store atomic i64 1, ptr %stop.p release, align 8
  br label %pause.end
pause.end:
  %raised.next = phi i32 [%raised, %pause], [0, %ask], [{INTERRUPTED}, %stop]
  br label %wait
dismiss:
  call void @llad.crew.dismiss(i64 %crew)
  br label %over
over:
  %result = phi i32 [%code, %work], [%raised, %dismiss]
  %uninterrupted = icmp eq i32 %result, 0
  br i1 %uninterrupted, label %look, label %leave
leave:
  ret i32 %result
look:
  %lowest = load atomic i64, ptr %lowest.p acquire, align 8
  %fine = icmp eq i64 %lowest, %limit
  br i1 %fine, label %done, label %failed
failed:
  %offset = mul i64 %lowest, {8 * _WORDS}
  {address("codes", "%all", _FAILED)}
  %place = getelementptr inbounds i8, ptr %codes, i64 %offset
  %wide = load i64, ptr %place
  {address("values", "%place", 8)}
  {address("to", "%ctx", VALUES)}
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
    {
        "llad.threads": _PARALLEL, "llad.threads.next": _NEXT, "llad.threads.work": _WORK, "llad.threads.help": _HELP,
        **WORKERS,
    }
    if PARALLEL
    else {"llad.threads": _SERIAL}
)  # fmt: skip

THREADS_DECLARATIONS = {
    **WORKERS_DECLARATIONS,
    COUNT: f"@{COUNT} = external global i64",
    "llvm.memcpy.p0.p0.i64": "declare void @llvm.memcpy.p0.p0.i64(ptr, ptr, i64, i1)",
}
