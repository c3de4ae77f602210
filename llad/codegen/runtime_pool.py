"""The run-time's pool of large blocks: tapes and scratch that the next call will want again.

A fresh block of several megabytes costs more than to fill it: the system hands out its pages one by one, zeroed, at
the first touch of each. So a large block that a call frees is kept in one of the slots of the process, and given
to the next request that it fits. What is kept is bounded (`MOST` bytes), and its first word says how large it is.
So are large arrays that Python gets: NumPy would free them. Each has a capsule for its base, which owns the block.

Invariant: a slot is emptied and filled by atomic exchange, so a block has one owner whatever threads do. What stands
beside a slot, how long its block is, only tells whether to look. Nothing but these functions knows the slots, so to
their callers they touch inaccessible memory only.
"""

from __future__ import annotations

import ctypes
from functools import cache

from llad.codegen.target import immortal

STORAGE = "llad.pool"  # the bytes that are kept, then the slots, then how long the block of each is, or was
MOST = 1 << 27

SLOTS = 256
_WORDS = 1 + 2 * SLOTS
_BEFORE = 64  # bytes of an owned block that are not data: what aligns the data to a line of the cache
# Bytes from which on blocks are kept. The C library gets and returns pages for each that is not much larger.
LARGE = 1 << 16


@cache
def storage() -> ctypes.Array[ctypes.c_int64]:
    """The pool of this process, empty."""
    return immortal((ctypes.c_int64 * _WORDS)())


POOL_DECLARATIONS = {
    STORAGE: f"@{STORAGE} = external global [{_WORDS} x i64]",
    "PyCapsule_New": "declare ptr @PyCapsule_New(ptr, ptr, ptr)",
    "PyCapsule_SetContext": "declare i32 @PyCapsule_SetContext(ptr, ptr)",
    "PyCapsule_GetPointer": "declare ptr @PyCapsule_GetPointer(ptr, ptr)",
    "PyCapsule_GetContext": "declare ptr @PyCapsule_GetContext(ptr)",
}

POOL = {
    # A kept block of at least `size` bytes, and not of more than twice as many; null if there is none.
    "llad.take": f"""
define ptr @llad.take(i64 %size) noinline nounwind {{
  %small = icmp ult i64 %size, {LARGE}
  br i1 %small, label %none, label %test
test:
  %k = phi i64 [1, %0], [%next, %on]
  %slot = getelementptr inbounds i64, ptr @{STORAGE}, i64 %k
  %beside = getelementptr inbounds i64, ptr %slot, i64 {SLOTS}
  %told = load atomic i64, ptr %beside monotonic, align 8
  %there = load atomic i64, ptr %slot monotonic, align 8
  %taken = icmp eq i64 %there, 0
  %short = icmp ult i64 %told, %size
  %pass = or i1 %taken, %short
  %lower = lshr i64 %told, 1
  %long = icmp ugt i64 %lower, %size
  %skip = or i1 %pass, %long
  br i1 %skip, label %on, label %try
try:
  %word = atomicrmw xchg ptr %slot, i64 0 acq_rel
  %empty = icmp eq i64 %word, 0
  br i1 %empty, label %on, label %look
look:
  %block = inttoptr i64 %word to ptr
  %length = load i64, ptr %block
  %half = lshr i64 %length, 1
  %enough = icmp uge i64 %length, %size
  %close = icmp ule i64 %half, %size
  %fits = and i1 %enough, %close
  br i1 %fits, label %found, label %back
found:
  %before = atomicrmw sub ptr @{STORAGE}, i64 %length acq_rel
  ret ptr %block
back:
  call void @llad.swap(i64 %k, i64 %word)
  br label %on
on:
  %next = add nuw nsw i64 %k, 1
  %more = icmp ule i64 %next, {SLOTS}
  br i1 %more, label %test, label %none
none:
  ret ptr null
}}
""",
    # Keep the block of `size` bytes, or free it if it is small or larger than the pool. Older ones make room.
    "llad.give": f"""
define void @llad.give(ptr %block, i64 %size) noinline nounwind {{
  %large = icmp sge i64 %size, {LARGE}
  %possible = icmp sle i64 %size, {MOST}
  %kept = and i1 %large, %possible
  br i1 %kept, label %keep, label %free
free:
  call void @free(ptr %block)
  ret void
keep:
  store i64 %size, ptr %block
  %word = ptrtoint ptr %block to i64
  %before = atomicrmw add ptr @{STORAGE}, i64 %size acq_rel
  br label %room
room:
  %k = phi i64 [1, %keep], [%next, %emptied]
  %all = load atomic i64, ptr @{STORAGE} acquire, align 8
  %fits = icmp sle i64 %all, {MOST}
  %last = icmp ugt i64 %k, {SLOTS}
  %enough = or i1 %fits, %last
  br i1 %enough, label %look, label %empty
empty:
  call void @llad.swap(i64 %k, i64 0)
  br label %emptied
emptied:
  %next = add nuw nsw i64 %k, 1
  br label %room
look:
  %j = phi i64 [1, %room], [%following, %other]
  %slot = getelementptr inbounds i64, ptr @{STORAGE}, i64 %j
  %there = load atomic i64, ptr %slot monotonic, align 8
  %vacant = icmp eq i64 %there, 0
  br i1 %vacant, label %try, label %other
try:
  %pair = cmpxchg ptr %slot, i64 0, i64 %word acq_rel monotonic
  %done = extractvalue {{i64, i1}} %pair, 1
  br i1 %done, label %tell, label %other
tell:
  %beside = getelementptr inbounds i64, ptr %slot, i64 {SLOTS}
  store atomic i64 %size, ptr %beside monotonic, align 8
  br label %end
other:
  %following = add nuw nsw i64 %j, 1
  %more = icmp ule i64 %following, {SLOTS}
  br i1 %more, label %look, label %replace
replace:
  %bits = lshr i64 %word, 12
  %any = urem i64 %bits, {SLOTS}
  %victim = add nuw nsw i64 %any, 1
  call void @llad.swap(i64 %victim, i64 %word)
  br label %end
end:
  ret void
}}
""",
    # Put `word` in slot `k`, and free what was there.
    "llad.swap": f"""
define internal void @llad.swap(i64 %k, i64 %word) nounwind {{
  %slot = getelementptr inbounds i64, ptr @{STORAGE}, i64 %k
  %cleared = icmp eq i64 %word, 0
  br i1 %cleared, label %exchange, label %tell
tell:
  %put = inttoptr i64 %word to ptr
  %size = load i64, ptr %put
  %beside = getelementptr inbounds i64, ptr %slot, i64 {SLOTS}
  store atomic i64 %size, ptr %beside monotonic, align 8
  br label %exchange
exchange:
  %old = atomicrmw xchg ptr %slot, i64 %word acq_rel
  %none = icmp eq i64 %old, 0
  br i1 %none, label %done, label %some
some:
  %block = inttoptr i64 %old to ptr
  %length = load i64, ptr %block
  %before = atomicrmw sub ptr @{STORAGE}, i64 %length acq_rel
  call void @free(ptr %block)
  br label %done
done:
  ret void
}}
""",
    # What Python calls when it lets go of a large array that a call has returned: its block goes to the pool. The
    # capsule may outlive the code that made it, but not this, which stays as long as the process.
    "llad.reclaim": """
define void @llad.reclaim(ptr %capsule) noinline {
  %block = call ptr @PyCapsule_GetPointer(ptr %capsule, ptr null)
  %word = call ptr @PyCapsule_GetContext(ptr %capsule)
  %length = ptrtoint ptr %word to i64
  call void @llad.give(ptr %block, i64 %length)
  ret void
}
""",
    # A capsule that owns a block of `length` bytes; null if there is no memory.
    "llad.capsule": """
define ptr @llad.capsule(ptr %block, i64 %length) noinline {
  %capsule = call ptr @PyCapsule_New(ptr %block, ptr null, ptr @llad.reclaim)
  %none = icmp eq ptr %capsule, null
  br i1 %none, label %done, label %mark
mark:
  %word = inttoptr i64 %length to ptr
  call i32 @PyCapsule_SetContext(ptr %capsule, ptr %word)
  br label %done
done:
  ret ptr %capsule
}
""",
    # The capsule that owns a block with room for `size` bytes, and where these begin; null if there is no memory.
    "llad.owned": f"""
define {{ptr, ptr}} @llad.owned(i64 %size) noinline {{
  %total = add i64 %size, {_BEFORE}
  %kept = call ptr @llad.take(i64 %total)
  %none = icmp eq ptr %kept, null
  br i1 %none, label %make, label %know
make:
  %made = call ptr @malloc(i64 %total)
  %lacking = icmp eq ptr %made, null
  br i1 %lacking, label %failed, label %have
know:
  %whole = load i64, ptr %kept
  br label %have
have:
  %block = phi ptr [%kept, %know], [%made, %make]
  %length = phi i64 [%whole, %know], [%total, %make]
  %capsule = call ptr @llad.capsule(ptr %block, i64 %length)
  %lost = icmp eq ptr %capsule, null
  br i1 %lost, label %drop, label %done
drop:
  call void @free(ptr %block)
  br label %failed
failed:
  ret {{ptr, ptr}} zeroinitializer
done:
  %beyond = getelementptr i8, ptr %block, i64 {_BEFORE - 1}
  %data = call ptr @llvm.ptrmask.p0.i64(ptr %beyond, i64 -64)
  %first = insertvalue {{ptr, ptr}} poison, ptr %capsule, 0
  %both = insertvalue {{ptr, ptr}} %first, ptr %data, 1
  ret {{ptr, ptr}} %both
}}
""",
}
