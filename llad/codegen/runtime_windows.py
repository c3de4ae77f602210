"""The run-time of results that are arrays: windows on memory of the call, and views of the caller's arrays.

A window is an array that does not own its memory: its base does. `handover.py` says when a result becomes one.

Invariant: what is returned is a new reference, or null with an exception set; nothing else is kept.
"""

from __future__ import annotations

from llad.codegen.context import BYTES, EXTRA, OWNER, RAW
from llad.codegen.layout import ALIGNED, C_CONTIGUOUS, LAYOUT, PLAIN, WRITEABLE, Layout
from llad.codegen.runtime_text import loaded

# What is made: of NumPy's type `number`, its extents at `shape`, its steps in bytes at `strides` or null (contiguous).
_ARRAY = "ptr %data, i32 %rank, ptr %shape, i32 %number, ptr %strides"


# A window on a block of the call. A capsule takes the block over, if it has none yet.
_WINDOW = f"""
define ptr @llad.window(ptr %block, {_ARRAY}) noinline nounwind {{
  %window = call ptr @PyArray_New(ptr @PyArray_Type, i32 %rank, ptr %shape, i32 %number, ptr %strides,
    ptr %data, i32 0, i32 {PLAIN}, ptr null)
  %none = icmp eq ptr %window, null
  br i1 %none, label %failed, label %made
made:
  {loaded("before", "ptr", "%block", OWNER)}
  %known = icmp ne ptr %before, null
  br i1 %known, label %again, label %fresh
again:
  call void @Py_IncRef(ptr %before)
  br label %own
fresh:
  {loaded("raw", "ptr", "%block", RAW)}
  {loaded("bytes", "i64", "%block", BYTES)}
  %total = add i64 %bytes, {EXTRA}
  %capsule = call ptr @llad.capsule(ptr %raw, i64 %total)
  %lacking = icmp eq ptr %capsule, null
  br i1 %lacking, label %lost, label %taken
taken:
  store ptr %capsule, ptr %before.p
  store ptr null, ptr %raw.p
  br label %own
own:
  %owner = phi ptr [%before, %again], [%capsule, %taken]
  call i32 @PyArray_SetBaseObject(ptr %window, ptr %owner)
  ret ptr %window
lost:
  call void @Py_DecRef(ptr %window)
  br label %failed
failed:
  ret ptr null
}}
"""


# The last axis first: extents must be those of the array, and steps, too, but where there is only one element.
_COMPARE = """\
compare:
  %j = phi i32 [%rank, %inside], [%j.next, %same]
  %wanted = phi i64 [%size, %inside], [%wanted.next, %same]
  %some = icmp sgt i32 %j, 0
  br i1 %some, label %lengths, label %whole
lengths:
  %j.next = sub i32 %j, 1
  %a.p = getelementptr i64, ptr %shape, i32 %j.next
  %a = load i64, ptr %a.p
  %b.p = getelementptr i64, ptr %extents, i32 %j.next
  %b = load i64, ptr %b.p
  %long = icmp eq i64 %a, %b
  br i1 %long, label %ways, label %part
ways:
  %theirs.p = getelementptr i64, ptr %steps, i32 %j.next
  %theirs = load i64, ptr %theirs.p
  %plain = icmp eq ptr %strides, null
  br i1 %plain, label %same, label %given
given:
  %mine.p = getelementptr i64, ptr %strides, i32 %j.next
  %mine = load i64, ptr %mine.p
  br label %same
same:
  %walked = phi i64 [%wanted, %ways], [%mine, %given]
  %wanted.next = mul i64 %wanted, %a
  %equal = icmp eq i64 %walked, %theirs
  %single = icmp eq i64 %a, 1
  %fine = or i1 %equal, %single
  br i1 %fine, label %compare, label %part
"""


def _view(layout: Layout) -> str:
    """Whether the data lie in `array`, whose elements have `size` bytes; and if so, a view of it.

    It is the array itself if that is all of it.
    """
    return f"""
define {{ptr, i1}} @llad.view(ptr %array, i64 %size, {_ARRAY}) noinline nounwind {{
  {loaded("own", "ptr", "%array", layout.data)}
  {loaded("own.rank", "i32", "%array", layout.rank)}
  {loaded("extents", "ptr", "%array", layout.extents)}
  {loaded("steps", "ptr", "%array", layout.strides)}
  %start = ptrtoint ptr %own to i64
  %at = ptrtoint ptr %data to i64
  br label %axis
axis:
  %k = phi i32 [0, %0], [%k.next, %more]
  %low = phi i64 [%start, %0], [%low.next, %more]
  %high = phi i64 [%start, %0], [%high.next, %more]
  %left = icmp slt i32 %k, %own.rank
  br i1 %left, label %look, label %range
look:
  %extent.p = getelementptr i64, ptr %extents, i32 %k
  %extent = load i64, ptr %extent.p
  %empty = icmp eq i64 %extent, 0
  br i1 %empty, label %outside, label %more
more:
  %step.p = getelementptr i64, ptr %steps, i32 %k
  %step = load i64, ptr %step.p
  %last = sub i64 %extent, 1
  %span = mul i64 %last, %step
  %down = icmp slt i64 %span, 0
  %below = select i1 %down, i64 %span, i64 0
  %above = select i1 %down, i64 0, i64 %span
  %low.next = add i64 %low, %below
  %high.next = add i64 %high, %above
  %k.next = add i32 %k, 1
  br label %axis
range:
  %end = add i64 %high, %size
  %from = icmp uge i64 %at, %low
  %to = icmp ult i64 %at, %end
  %within = and i1 %from, %to
  br i1 %within, label %inside, label %outside
outside:
  ret {{ptr, i1}} zeroinitializer
inside:
  %first = icmp eq ptr %data, %own
  %alike = icmp eq i32 %rank, %own.rank
  %maybe = and i1 %first, %alike
  br i1 %maybe, label %compare, label %part
{_COMPARE}whole:
  call void @Py_IncRef(ptr %array)
  br label %done
part:
  {loaded("flags", "i32", "%array", layout.flags)}
  %writeable = and i32 %flags, {WRITEABLE}
  %how = or i32 %writeable, {C_CONTIGUOUS | ALIGNED}
  %window = call ptr @PyArray_New(ptr @PyArray_Type, i32 %rank, ptr %shape, i32 %number, ptr %strides,
    ptr %data, i32 0, i32 %how, ptr null)
  %none = icmp eq ptr %window, null
  br i1 %none, label %done, label %hold
hold:
  call void @Py_IncRef(ptr %array)
  call i32 @PyArray_SetBaseObject(ptr %window, ptr %array)
  br label %done
done:
  %result = phi ptr [%array, %whole], [null, %part], [%window, %hold]
  %both = insertvalue {{ptr, i1}} {{ptr null, i1 true}}, ptr %result, 0
  ret {{ptr, i1}} %both
}}
"""


def _texts(layout: Layout) -> dict[str, str]:
    return {
        "llad.window": _WINDOW,
        "llad.view": _view(layout),
    }


WINDOWS = {} if LAYOUT is None else _texts(LAYOUT)
