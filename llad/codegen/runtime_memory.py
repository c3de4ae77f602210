"""The run-time of memory: LLVM text of the functions that allocate, free, grow and find the blocks of a call.

The memory of a call is a doubly linked list of heap blocks, the newest first, that starts in the call's context
(`context.py`). Blocks of arrays are aligned to a cache line; that of a LIFO is not, so that `realloc` can move it
without copying pages. The block of a result may get another owner (`handover.py`).

Invariant: while the call runs, headers are touched by nothing but these functions. Hence to their callers they touch
only the memory of their arguments and memory that is otherwise inaccessible, which the attributes say: an allocation in
a loop does not make LLVM reload arrays.
"""

from __future__ import annotations

import sys

from llad.codegen.context import BYTES, EXTRA, HEADER, MADE, NEXT, OWNER, RAW, SERIAL
from llad.codegen.runtime_text import address, loaded, stored

_OWN = "memory(argmem: readwrite, inaccessiblemem: readwrite) nounwind willreturn"
_CTX = "ptr captures(none) %ctx"
_LARGEST = 1 << 62  # bytes; no allocation of this size succeeds, and no arithmetic below it overflows
_FAMILY = '"alloc-family"="llad.alloc"'
# Bytes from which on Linux is asked for large pages, as NumPy does: hundreds of times fewer faults at the first touch,
# and fewer misses of what translates addresses. Elsewhere nobody is asked.
_MANY = 1 << 22
_PAGE = 4096
_LARGE_PAGES = 14  # MADV_HUGEPAGE
_ASKING = f"""
  %many = icmp uge i64 %size, {_MANY}
  br i1 %many, label %ask, label %done
ask:
  {address("beyond", "%block", _PAGE - 1)}
  %begin = call ptr @llvm.ptrmask.p0.i64(ptr %beyond, i64 -{_PAGE})
  %length = sub i64 %size, {_PAGE}
  %answer = call i32 @madvise(ptr %begin, i64 %length, i32 {_LARGE_PAGES})
  br label %done
done:
  ret void
"""
_ADVICE = _ASKING if sys.platform.startswith("linux") else "\n  ret void\n"


def _allocator(name: str, kind: str, request: str, reused: str = "") -> str:
    """`bytes` of memory aligned to 64, linked into the context's list; null if there is none.

    It is a block of the pool (`runtime_pool.py`), which is then made ready by `reused`, or a new one.
    """
    return f"""
define noalias ptr @{name}({_CTX}, i64 %bytes) noinline allocsize(1) allockind("alloc,{kind}") {_FAMILY} {_OWN} {{
  %possible = icmp ult i64 %bytes, {_LARGEST}
  br i1 %possible, label %find, label %failed
find:
  %size = add nuw nsw i64 %bytes, {EXTRA}
  %kept = call ptr @llad.take(i64 %size)
  %fresh = icmp eq ptr %kept, null
  br i1 %fresh, label %make, label %reuse
make:
  %new = {request}
  %none = icmp eq ptr %new, null
  br i1 %none, label %failed, label %found
found:
  call void @llad.advise(ptr %new, i64 %size)
  br label %made
reuse:
  %whole = load i64, ptr %kept
  %held = sub i64 %whole, {EXTRA}
{reused}  br label %made
made:
  %raw = phi ptr [%new, %found], [%kept, %reuse]
  %room = phi i64 [%bytes, %found], [%held, %reuse]
  {address("beyond", "%raw", EXTRA - 1)}
  %data = call ptr @llvm.ptrmask.p0.i64(ptr %beyond, i64 -64)
  call void @llad.enlist(ptr %ctx, ptr %data, ptr %raw, i64 %room)
  ret ptr %data
failed:
  ret ptr null
}}
"""


MEMORY = {
    "llad.alloc": _allocator("llad.alloc", "uninitialized", "call ptr @malloc(i64 %size)"),
    "llad.alloc_zero": _allocator(
        "llad.alloc_zero",
        "zeroed",
        "call ptr @calloc(i64 1, i64 %size)",
        "  call void @llvm.memset.p0.i64(ptr %kept, i8 0, i64 %size, i1 false)\n",
    ),
    # Ask for large pages for a new block, from its first whole page on, before anybody touches it.
    "llad.advise": f"define internal void @llad.advise(ptr %block, i64 %size) nounwind {{{_ADVICE}}}\n",
    "llad.enlist": f"""
define internal void @llad.enlist(ptr %ctx, ptr %data, ptr %raw, i64 %bytes) nounwind {{
  {address("block", "%data", -HEADER)}
  %first = load ptr, ptr %ctx
  {address("next.p", "%block", NEXT)}
  {address("owner.p", "%block", OWNER)}
  {loaded("made", "i64", "%ctx", MADE)}
  %serial = add nuw nsw i64 %made, 1
  store i64 %serial, ptr %made.p
  store ptr null, ptr %block
  store ptr %first, ptr %next.p
  {stored("raw", "ptr", "%block", RAW)}
  {stored("bytes", "i64", "%block", BYTES)}
  {stored("serial", "i64", "%block", SERIAL)}
  store ptr null, ptr %owner.p
  store ptr %block, ptr %ctx
  %alone = icmp eq ptr %first, null
  br i1 %alone, label %done, label %back
back:
  store ptr %block, ptr %first
  br label %done
done:
  ret void
}}
""",
    # Whoever pointed at a block now points elsewhere: the one before it, or the context, at `as.next`, the one behind
    # it at `as.previous`.
    "llad.relink": f"""
define internal void @llad.relink(ptr %ctx, ptr %previous, ptr %next, ptr %as.next, ptr %as.previous) nounwind {{
  %first = icmp eq ptr %previous, null
  {address("previous.next", "%previous", NEXT)}
  %from = select i1 %first, ptr %ctx, ptr %previous.next
  store ptr %as.next, ptr %from
  %last = icmp eq ptr %next, null
  br i1 %last, label %done, label %back
back:
  store ptr %as.previous, ptr %next
  br label %done
done:
  ret void
}}
""",
    "llad.free": f"""
define void @llad.free({_CTX}, ptr allocptr captures(none) %data) noinline allockind("free") {_FAMILY} {_OWN} {{
  {address("block", "%data", -HEADER)}
  %previous = load ptr, ptr %block
  {loaded("next", "ptr", "%block", NEXT)}
  {loaded("raw", "ptr", "%block", RAW)}
  {loaded("bytes", "i64", "%block", BYTES)}
  %size = add i64 %bytes, {EXTRA}
  call void @llad.relink(ptr %ctx, ptr %previous, ptr %next, ptr %next, ptr %previous)
  call void @llad.give(ptr %raw, i64 %size)
  ret void
}}
""",
    # The block of a LIFO, made larger (or made, if `data` is null). Null leaves the old one as it was.
    "llad.grow": f"""
define noalias ptr @llad.grow({_CTX}, ptr captures(address_is_null) %data, i64 %bytes) noinline cold {_OWN} {{
  %size = add nuw nsw i64 %bytes, {HEADER}
  %fresh = icmp eq ptr %data, null
  br i1 %fresh, label %make, label %move
make:
  %raw = call ptr @malloc(i64 %size)
  %none = icmp eq ptr %raw, null
  br i1 %none, label %failed, label %made
made:
  call void @llad.advise(ptr %raw, i64 %size)
  {address("new", "%raw", HEADER)}
  call void @llad.enlist(ptr %ctx, ptr %new, ptr %raw, i64 -1)
  ret ptr %new
move:
  {address("old", "%data", -HEADER)}
  %previous = load ptr, ptr %old
  {loaded("next", "ptr", "%old", NEXT)}
  %block = call ptr @realloc(ptr %old, i64 %size)
  %gone = icmp eq ptr %block, null
  br i1 %gone, label %failed, label %moved
moved:
  call void @llad.advise(ptr %block, i64 %size)
  {address("raw.p", "%block", RAW)}
  store ptr %block, ptr %raw.p
  call void @llad.relink(ptr %ctx, ptr %previous, ptr %next, ptr %block, ptr %block)
  {address("larger", "%block", HEADER)}
  ret ptr %larger
failed:
  ret ptr null
}}
""",
    # The block of a LIFO whose function returns, if it has one.
    "llad.drop": """
define internal void @llad.drop(ptr %ctx, ptr %data) nounwind {
  %none = icmp eq ptr %data, null
  br i1 %none, label %done, label %some
some:
  call void @llad.free(ptr %ctx, ptr %data)
  br label %done
done:
  ret void
}
""",
    # Most calls own nothing in the end, which is found out without a call.
    "llad.release": """
define internal void @llad.release(ptr captures(none) %ctx) nounwind {
  %first = load ptr, ptr %ctx
  %empty = icmp eq ptr %first, null
  br i1 %empty, label %done, label %some
some:
  call void @llad.release_all(ptr %ctx)
  br label %done
done:
  ret void
}
""",
    "llad.release_all": f"""
define void @llad.release_all(ptr captures(none) %ctx) noinline nounwind {{
  %first = load ptr, ptr %ctx
  br label %next
next:
  %block = phi ptr [%first, %0], [%after, %next]
  {loaded("after", "ptr", "%block", NEXT)}
  {loaded("raw", "ptr", "%block", RAW)}
  {loaded("bytes", "i64", "%block", BYTES)}
  %owned = icmp eq ptr %raw, null
  %size.raw = add i64 %bytes, {EXTRA}
  %size = select i1 %owned, i64 0, i64 %size.raw
  call void @llad.give(ptr %raw, i64 %size)
  %last = icmp eq ptr %after, null
  br i1 %last, label %end, label %next
end:
  store ptr null, ptr %ctx
  ret void
}}
""",
    # The block that holds the memory at `data`, or null.
    "llad.holder": f"""
define ptr @llad.holder(ptr captures(none) %ctx, ptr %data) noinline nounwind memory(read) {{
  %first = load ptr, ptr %ctx
  br label %test
test:
  %block = phi ptr [%first, %0], [%next, %on]
  %none = icmp eq ptr %block, null
  br i1 %none, label %done, label %look
look:
  {loaded("next", "ptr", "%block", NEXT)}
  {loaded("bytes", "i64", "%block", BYTES)}
  {address("start", "%block", HEADER)}
  %from = ptrtoint ptr %start to i64
  %at = ptrtoint ptr %data to i64
  %offset = sub i64 %at, %from
  %before = icmp slt i64 %offset, 0
  %behind = icmp sgt i64 %offset, %bytes
  %outside = or i1 %before, %behind
  br i1 %outside, label %on, label %done
on:
  br label %test
done:
  %found = phi ptr [null, %test], [%block, %look]
  ret ptr %found
}}
""",
    # Free the arrays made since the call had made `mark` blocks that hold none of the `count` addresses at `kept`.
    # It may free what is in no argument, so it has no attributes that deny it.
    "llad.sweep": f"define void @llad.sweep({_CTX}, i64 %mark, ptr readonly captures(none) %kept, i64 %count) "
    + f"""noinline nounwind {{
  %first = load ptr, ptr %ctx
  br label %test
test:
  %block = phi ptr [%first, %0], [%next, %on]
  %none = icmp eq ptr %block, null
  br i1 %none, label %done, label %look
look:
  {address("start", "%block", HEADER)}
  {loaded("next", "ptr", "%block", NEXT)}
  {loaded("bytes", "i64", "%block", BYTES)}
  {loaded("serial", "i64", "%block", SERIAL)}
  %older = icmp sle i64 %serial, %mark
  br i1 %older, label %done, label %young
young:
  %stack = icmp slt i64 %bytes, 0
  br i1 %stack, label %on, label %compare
compare:
  %k = phi i64 [0, %young], [%following, %other]
  %all = icmp eq i64 %k, %count
  br i1 %all, label %free, label %one
one:
  %kept.p = getelementptr inbounds ptr, ptr %kept, i64 %k
  %address = load ptr, ptr %kept.p
  %from = ptrtoint ptr %start to i64
  %at = ptrtoint ptr %address to i64
  %offset = sub i64 %at, %from
  %inside = icmp ule i64 %offset, %bytes
  br i1 %inside, label %on, label %other
other:
  %following = add nuw nsw i64 %k, 1
  br label %compare
free:
  call void @llad.free(ptr %ctx, ptr %start)
  br label %on
on:
  br label %test
done:
  ret void
}}
""",
}
