"""The run-time's crew: threads that are made once, and wait for the loops of the process.

To make a thread and to wait for its end takes longer than a short loop. So they stay: after a loop each looks for the
next one for some ten microseconds, in which the reverse sweep of a gradient, or the next call, finds it awake; then it
sleeps on a condition variable. A loop that comes while another has the crew does without, and so does whoever comes
late to a loop: the caller waits only for those who have begun. They block all signals, hold no GIL, touch no Python
object, and have a context of their own, whose memory goes back to the pool (`runtime_pool.py`) after each loop.

A fork leaves them behind. The word that says who has the crew names the process, too; so a child finds that it has
none, whatever state it was copied in, and makes its own. At the end of the process they sleep, or look at memory that
is never freed.

Invariant: a thread looks at a loop only between entering and leaving it by the gate, and the caller closes the gate and
waits until nobody is inside before the loop ends.
"""

from __future__ import annotations

import ctypes
import sys
from functools import cache

import llvmlite.binding as llvm

from llad.codegen.runtime_text import address
from llad.codegen.target import immortal

CREW = "llad.crew"
ASKED = ["pthread_create", "pthread_detach", "pthread_sigmask", "sigfillset", "sched_yield", "usleep", "getpid"]
ASKED += ["pthread_mutex_init", "pthread_mutex_lock", "pthread_mutex_unlock"]
ASKED += ["pthread_cond_init", "pthread_cond_wait", "pthread_cond_signal"]

_SET = 2 if sys.platform.startswith("linux") else 3  # SIG_SETMASK
_SPINS = 300  # how often one who waits looks again at once
_AWAKE = 600  # how often a thread looks for the next loop before it sleeps
PATIENT = 3000  # how often one who waits lets others run, or spins, before it sleeps between looks

# Bytes from the beginning of the crew. Who has it: twice the number of the process, and 1 while a loop has it; 0 if
# nobody ever had. The gate: in its upper half, how many may still enter, in its lower, how many are inside. What
# changes while they work, and what they look at while they wait, lie in lines of the cache of their own.
_OWNER, _GATE, _LOOPS, _LOOP, _ASLEEP, _COUNT, _MUTEX, _CONDITION = 0, 128, 256, 264, 272, 280, 384, 512
_BYTES = 640
_SEAT = 1 << 32


@cache
def crew() -> ctypes.Array[ctypes.c_int64]:
    """The crew of this process, of nobody."""
    return immortal((ctypes.c_int64 * (_BYTES // 8))())


def _pause() -> str:
    """What tells the processor that it waits."""
    triple: str = llvm.get_process_triple()
    hint = "pause" if triple.startswith(("x86", "i686")) else "isb" if triple.startswith(("aarch64", "arm64")) else ""
    return f'call void asm sideeffect "{hint}", "~{{memory}}"()'


def _place(name: str, offset: int) -> str:
    return address(f"{name}.p", f"@{CREW}", offset)


WORKERS = {
    # Wait a little, for the `n`th time.
    "llad.crew.rest": f"""
define internal void @llad.crew.rest(i64 %n) nounwind {{
  %short = icmp slt i64 %n, {_SPINS}
  br i1 %short, label %spin, label %longer
spin:
  {_pause()}
  ret void
longer:
  %patient = icmp slt i64 %n, {PATIENT}
  br i1 %patient, label %yield, label %sleep
yield:
  %r0 = call i32 @sched_yield()
  ret void
sleep:
  %r1 = call i32 @usleep(i32 100)
  ret void
}}
""",
    # Have at most `others` threads help with the loop; what it takes to dismiss them, or 0 if another loop has them.
    "llad.crew.take": f"""
define internal i64 @llad.crew.take(ptr %loop, i64 %others) nounwind {{
  {_place("gate", _GATE)}
  {_place("loops", _LOOPS)}
  {_place("loop", _LOOP)}
  {_place("asleep", _ASLEEP)}
  {_place("mutex", _MUTEX)}
  {_place("condition", _CONDITION)}
  %process = call i32 @getpid()
  %wide = zext i32 %process to i64
  %free = shl i64 %wide, 1
  %mine = or i64 %free, 1
  %owner = load atomic i64, ptr @{CREW} acquire, align 8
  %busy = icmp eq i64 %owner, %mine
  br i1 %busy, label %none, label %try
try:
  %pair = cmpxchg ptr @{CREW}, i64 %owner, i64 %mine acq_rel monotonic
  %done = extractvalue {{i64, i1}} %pair, 1
  br i1 %done, label %have, label %none
none:
  ret i64 0
have:
  %same = icmp eq i64 %owner, %free
  br i1 %same, label %staff, label %renew
renew:
  call void @llvm.memset.p0.i64(ptr %gate.p, i8 0, i64 {_BYTES - _GATE}, i1 false)
  %r0 = call i32 @pthread_mutex_init(ptr %mutex.p, ptr null)
  %r1 = call i32 @pthread_cond_init(ptr %condition.p, ptr null)
  br label %staff
staff:
  call void @llad.crew.hire(i64 %others)
  store ptr %loop, ptr %loop.p
  %seats = mul i64 %others, {_SEAT}
  store atomic i64 %seats, ptr %gate.p seq_cst, align 8
  %before = atomicrmw add ptr %loops.p, i64 1 seq_cst
  %asleep = load atomic i64, ptr %asleep.p seq_cst, align 8
  %some = icmp sgt i64 %asleep, 0
  br i1 %some, label %calm, label %gone
calm:
  %r2 = call i32 @pthread_mutex_lock(ptr %mutex.p)
  %r3 = call i32 @pthread_mutex_unlock(ptr %mutex.p)
  %all = icmp slt i64 %asleep, %others
  %wanted = select i1 %all, i64 %asleep, i64 %others
  br label %wake
wake:
  %j = phi i64 [0, %calm], [%next, %wake]
  %r4 = call i32 @pthread_cond_signal(ptr %condition.p)
  %next = add nuw nsw i64 %j, 1
  %more = icmp slt i64 %next, %wanted
  br i1 %more, label %wake, label %gone
gone:
  ret i64 %free
}}
""",
    # Make threads until there are `wanted`, if the system gives that many.
    "llad.crew.hire": f"""
define internal void @llad.crew.hire(i64 %wanted) nounwind {{
  {_place("count", _COUNT)}
  %thread = alloca i64, align 8
  %signals = alloca [128 x i8], align 16
  %blocked = alloca [128 x i8], align 16
  %have = load i64, ptr %count.p
  %short = icmp slt i64 %have, %wanted
  br i1 %short, label %make, label %enough
make:
  %r0 = call i32 @sigfillset(ptr %blocked)
  %r1 = call i32 @pthread_sigmask(i32 {_SET}, ptr %blocked, ptr %signals)
  br label %one
one:
  %k = phi i64 [%have, %make], [%next, %made]
  %lacking = call i32 @pthread_create(ptr %thread, ptr null, ptr @llad.crew.work, ptr null)
  %is.made = icmp eq i32 %lacking, 0
  br i1 %is.made, label %made, label %end
made:
  %made.thread = load i64, ptr %thread
  %r2 = call i32 @pthread_detach(i64 %made.thread)
  %next = add nuw nsw i64 %k, 1
  %more = icmp slt i64 %next, %wanted
  br i1 %more, label %one, label %end
end:
  %now = phi i64 [%k, %one], [%next, %made]
  store i64 %now, ptr %count.p
  %r3 = call i32 @pthread_sigmask(i32 {_SET}, ptr %signals, ptr null)
  br label %enough
enough:
  ret void
}}
""",
    # Let nobody enter any more. How many are inside is the gate's word from then on.
    "llad.crew.close": f"""
define internal void @llad.crew.close() nounwind {{
  {_place("gate", _GATE)}
  %before = atomicrmw and ptr %gate.p, i64 {_SEAT - 1} acq_rel
  ret void
}}
""",
    "llad.crew.inside": f"""
define internal i64 @llad.crew.inside() nounwind {{
  {_place("gate", _GATE)}
  %inside = load atomic i64, ptr %gate.p acquire, align 8
  ret i64 %inside
}}
""",
    "llad.crew.dismiss": f"""
define internal void @llad.crew.dismiss(i64 %free) nounwind {{
  store atomic i64 %free, ptr @{CREW} release, align 8
  ret void
}}
""",
    # What each does: help with loop after loop.
    "llad.crew.work": f"""
define internal ptr @llad.crew.work(ptr %nothing) nounwind {{
  {_place("gate", _GATE)}
  {_place("loops", _LOOPS)}
  {_place("loop", _LOOP)}
  {_place("asleep", _ASLEEP)}
  {_place("mutex", _MUTEX)}
  {_place("condition", _CONDITION)}
  br label %wait
wait:
  %seen = phi i64 [0, %0], [%loops, %full], [%loops, %helped]
  br label %look
look:
  %n = phi i64 [0, %wait], [%n.next, %rest]
  %now = load atomic i64, ptr %loops.p acquire, align 8
  %fresh = icmp ne i64 %now, %seen
  br i1 %fresh, label %come, label %tire
tire:
  %n.next = add nuw nsw i64 %n, 1
  %awake = icmp slt i64 %n, {_AWAKE}
  br i1 %awake, label %rest, label %lie
rest:
  call void @llad.crew.rest(i64 %n)
  br label %look
lie:
  %r0 = call i32 @pthread_mutex_lock(ptr %mutex.p)
  %r1 = atomicrmw add ptr %asleep.p, i64 1 seq_cst
  br label %dream
dream:
  %then = load atomic i64, ptr %loops.p seq_cst, align 8
  %quiet = icmp eq i64 %then, %seen
  br i1 %quiet, label %sleep, label %rise
sleep:
  %r2 = call i32 @pthread_cond_wait(ptr %condition.p, ptr %mutex.p)
  br label %dream
rise:
  %r3 = atomicrmw sub ptr %asleep.p, i64 1 seq_cst
  %r4 = call i32 @pthread_mutex_unlock(ptr %mutex.p)
  br label %come
come:
  %loops = phi i64 [%now, %look], [%then, %rise]
  %first = load atomic i64, ptr %gate.p acquire, align 8
  br label %knock
knock:
  %gate = phi i64 [%first, %come], [%other, %enter]
  %open = icmp uge i64 %gate, {_SEAT}
  br i1 %open, label %enter, label %full
enter:
  %in = sub i64 %gate, {_SEAT - 1}
  %pair = cmpxchg ptr %gate.p, i64 %gate, i64 %in acq_rel acquire
  %other = extractvalue {{i64, i1}} %pair, 0
  %entered = extractvalue {{i64, i1}} %pair, 1
  br i1 %entered, label %helped, label %knock
full:
  br label %wait
helped:
  %loop = load ptr, ptr %loop.p
  call void @llad.threads.help(ptr %loop)
  %r5 = atomicrmw sub ptr %gate.p, i64 1 acq_rel
  br label %wait
}}
""",
}

WORKERS_DECLARATIONS = {
    CREW: f"@{CREW} = external global [{_BYTES} x i8], align 8",
    "pthread_create": "declare i32 @pthread_create(ptr, ptr, ptr, ptr)",
    "pthread_detach": "declare i32 @pthread_detach(i64)",
    "pthread_sigmask": "declare i32 @pthread_sigmask(i32, ptr, ptr)",
    "pthread_mutex_init": "declare i32 @pthread_mutex_init(ptr, ptr)",
    "pthread_mutex_lock": "declare i32 @pthread_mutex_lock(ptr)",
    "pthread_mutex_unlock": "declare i32 @pthread_mutex_unlock(ptr)",
    "pthread_cond_init": "declare i32 @pthread_cond_init(ptr, ptr)",
    "pthread_cond_wait": "declare i32 @pthread_cond_wait(ptr, ptr)",
    "pthread_cond_signal": "declare i32 @pthread_cond_signal(ptr)",
    "sigfillset": "declare i32 @sigfillset(ptr)",
    "sched_yield": "declare i32 @sched_yield()",
    "usleep": "declare i32 @usleep(i32)",
    "getpid": "declare i32 @getpid()",
}
