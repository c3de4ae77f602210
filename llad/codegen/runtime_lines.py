"""The run-time's dealings with lines of the cache: copies past the caches, and asking for what is read later.

Lines of the target of a copy are not fetched before they are written. Whole lines are written by vectors, which must
not lie across two; what is before the first and behind the last one, by single numbers. Others see what was written
once the caller has had a fence.
"""

from __future__ import annotations

_LINE = 64  # bytes of a line of the cache
_WORD = 4  # bytes of the smallest numbers that are copied
_VECTOR = f"<{_LINE // 4} x i32>"
_PAST = "!nontemporal !{i32 1}"


def _pieces(name: str, type: str, bytes: int, start: str, end: str, after: str) -> str:
    """A loop that copies one piece after the other, as far as a whole one fits before `end`."""
    return f"""
{name}.begin:
  %{name}.last = sub i64 {end}, {bytes}
  %{name}.any = icmp sle i64 {start}, %{name}.last
  br i1 %{name}.any, label %{name}, label %{after}
{name}:
  %{name}.at = phi i64 [{start}, %{name}.begin], [%{name}.next, %{name}]
  %{name}.from = getelementptr inbounds i8, ptr %from, i64 %{name}.at
  %{name}.to = getelementptr inbounds i8, ptr %to, i64 %{name}.at
  %{name}.piece = load {type}, ptr %{name}.from, align {_WORD}
  store {type} %{name}.piece, ptr %{name}.to, align {bytes}, {_PAST}
  %{name}.next = add nuw nsw i64 %{name}.at, {bytes}
  %{name}.more = icmp sle i64 %{name}.next, %{name}.last
  br i1 %{name}.more, label %{name}, label %{after}
"""


LINES = {
    # Copy so many bytes, a multiple of four; both addresses are such, too.
    "llad.past": f"""
define void @llad.past(ptr noalias writeonly captures(none) %to, ptr noalias readonly captures(none) %from, \
i64 %bytes) noinline nounwind willreturn memory(argmem: readwrite) {{
  %address = ptrtoint ptr %to to i64
  %under = sub i64 0, %address
  %before = and i64 %under, {_LINE - 1}
  %head = call i64 @llvm.smin.i64(i64 %before, i64 %bytes)
  br label %first.begin
{_pieces("first", "i32", _WORD, "0", "%head", "line.begin")}
{_pieces("line", _VECTOR, _LINE, "%head", "%bytes", "rest")}
rest:
  %lines = sub i64 %bytes, %head
  %whole = and i64 %lines, -{_LINE}
  %tail = add i64 %head, %whole
  br label %last.begin
{_pieces("last", "i32", _WORD, "%tail", "%bytes", "done")}
done:
  ret void
}}
""",
    # Ask for so many bytes, wherever they lie, in time for the second cache.
    "llad.fetch": f"""
define void @llad.fetch(ptr captures(none) %from, i64 %bytes) noinline nounwind willreturn \
memory(argmem: read, inaccessiblemem: readwrite) {{
  %any = icmp sgt i64 %bytes, 0
  br i1 %any, label %line, label %done
line:
  %at = phi i64 [0, %0], [%next, %line]
  %address = getelementptr i8, ptr %from, i64 %at
  call void @llvm.prefetch.p0(ptr %address, i32 0, i32 2, i32 1)
  %next = add nuw nsw i64 %at, {_LINE}
  %more = icmp slt i64 %next, %bytes
  br i1 %more, label %line, label %done
done:
  ret void
}}
""",
}
