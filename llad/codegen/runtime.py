"""The run-time of lowered code: LLVM text of every `@llad.…` function, and how a module is put together.

A module gets exactly the functions that it mentions. Memory of a call is a doubly linked list of heap blocks that
starts in the call's context: a 32-byte header `{previous, next, address from malloc}` stands before the data. Blocks
of arrays are aligned to a cache line; that of a LIFO is not, so that `realloc` can move it without copying pages.

Invariant: headers are touched by nothing but these functions. Hence to their callers they touch only the memory of
their arguments and memory that is otherwise inaccessible, which the attributes say: an allocation in a loop does
not make LLVM reload arrays.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from llad.codegen.lower import Lowered
from llad.codegen.runtime_math import MATH
from llad.codegen.runtime_poll import POLL, POLL_DECLARATIONS
from llad.codegen.runtime_stack import STACK, STACK_DECLARATIONS

_OWN = "memory(argmem: readwrite, inaccessiblemem: readwrite) nounwind willreturn"
_FAMILY = '"alloc-family"="llad.alloc"'


def _allocator(name: str, kind: str, request: str) -> str:
    """`bytes` of memory aligned to 64, linked into the context's list; null if there is none."""
    return f"""
define noalias ptr @{name}(ptr %ctx, i64 %bytes) noinline allocsize(1) allockind("alloc,{kind}") {_FAMILY} {_OWN} {{
  %size = add nuw nsw i64 %bytes, 96
  %raw = {request}
  %none = icmp eq ptr %raw, null
  br i1 %none, label %failed, label %made
made:
  %beyond = getelementptr inbounds i8, ptr %raw, i64 95
  %data = call ptr @llvm.ptrmask.p0.i64(ptr %beyond, i64 -64)
  call void @llad.enlist(ptr %ctx, ptr %data, ptr %raw)
  ret ptr %data
failed:
  ret ptr null
}}
"""


MEMORY = {
    "llad.alloc": _allocator("llad.alloc", "uninitialized", "call ptr @malloc(i64 %size)"),
    "llad.alloc_zero": _allocator("llad.alloc_zero", "zeroed", "call ptr @calloc(i64 1, i64 %size)"),
    "llad.enlist": """
define internal void @llad.enlist(ptr %ctx, ptr %data, ptr %raw) nounwind {
  %block = getelementptr inbounds i8, ptr %data, i64 -32
  %first = load ptr, ptr %ctx
  %next.p = getelementptr inbounds i8, ptr %block, i64 8
  %raw.p = getelementptr inbounds i8, ptr %block, i64 16
  store ptr null, ptr %block
  store ptr %first, ptr %next.p
  store ptr %raw, ptr %raw.p
  store ptr %block, ptr %ctx
  %alone = icmp eq ptr %first, null
  br i1 %alone, label %done, label %back
back:
  store ptr %block, ptr %first
  br label %done
done:
  ret void
}
""",
    # Whoever pointed at a block (its neighbours or the context) now points at `to.previous` and `to.next`.
    "llad.relink": """
define internal void @llad.relink(ptr %ctx, ptr %previous, ptr %next, ptr %as.next, ptr %as.previous) nounwind {
  %first = icmp eq ptr %previous, null
  %previous.next = getelementptr i8, ptr %previous, i64 8
  %from = select i1 %first, ptr %ctx, ptr %previous.next
  store ptr %as.next, ptr %from
  %last = icmp eq ptr %next, null
  br i1 %last, label %done, label %back
back:
  store ptr %as.previous, ptr %next
  br label %done
done:
  ret void
}
""",
    "llad.free": f"""
define void @llad.free(ptr %ctx, ptr allocptr %data) noinline allockind("free") {_FAMILY} {_OWN} {{
  %block = getelementptr inbounds i8, ptr %data, i64 -32
  %next.p = getelementptr inbounds i8, ptr %block, i64 8
  %raw.p = getelementptr inbounds i8, ptr %block, i64 16
  %previous = load ptr, ptr %block
  %next = load ptr, ptr %next.p
  %raw = load ptr, ptr %raw.p
  call void @llad.relink(ptr %ctx, ptr %previous, ptr %next, ptr %next, ptr %previous)
  call void @free(ptr %raw)
  ret void
}}
""",
    # The block of a LIFO, made larger (or made, if `data` is null). Null leaves the old one as it was.
    "llad.grow": f"""
define noalias ptr @llad.grow(ptr %ctx, ptr %data, i64 %bytes) noinline cold {_OWN} {{
  %size = add nuw nsw i64 %bytes, 32
  %fresh = icmp eq ptr %data, null
  br i1 %fresh, label %make, label %move
make:
  %raw = call ptr @malloc(i64 %size)
  %none = icmp eq ptr %raw, null
  br i1 %none, label %failed, label %made
made:
  %new = getelementptr inbounds i8, ptr %raw, i64 32
  call void @llad.enlist(ptr %ctx, ptr %new, ptr %raw)
  ret ptr %new
move:
  %old = getelementptr inbounds i8, ptr %data, i64 -32
  %next.p = getelementptr inbounds i8, ptr %old, i64 8
  %previous = load ptr, ptr %old
  %next = load ptr, ptr %next.p
  %block = call ptr @realloc(ptr %old, i64 %size)
  %gone = icmp eq ptr %block, null
  br i1 %gone, label %failed, label %moved
moved:
  %raw.p = getelementptr inbounds i8, ptr %block, i64 16
  store ptr %block, ptr %raw.p
  call void @llad.relink(ptr %ctx, ptr %previous, ptr %next, ptr %block, ptr %block)
  %larger = getelementptr inbounds i8, ptr %block, i64 32
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
    "llad.release": """
define void @llad.release(ptr %ctx) nounwind {
  %first = load ptr, ptr %ctx
  %empty = icmp eq ptr %first, null
  br i1 %empty, label %done, label %next
next:
  %block = phi ptr [%first, %0], [%after, %next]
  %next.p = getelementptr inbounds i8, ptr %block, i64 8
  %raw.p = getelementptr inbounds i8, ptr %block, i64 16
  %after = load ptr, ptr %next.p
  %raw = load ptr, ptr %raw.p
  call void @free(ptr %raw)
  %last = icmp eq ptr %after, null
  br i1 %last, label %end, label %next
end:
  store ptr null, ptr %ctx
  br label %done
done:
  ret void
}
""",
}

DECLARATIONS = {
    **POLL_DECLARATIONS,
    **STACK_DECLARATIONS,
    "malloc": "declare noalias ptr @malloc(i64)",
    "calloc": "declare noalias ptr @calloc(i64, i64)",
    "realloc": "declare ptr @realloc(ptr, i64)",
    "free": "declare void @free(ptr)",
    "tan": "declare double @tan(double) memory(none) nounwind willreturn",
    "llvm.ptrmask.p0.i64": "declare ptr @llvm.ptrmask.p0.i64(ptr, i64)",
    "llvm.floor.f64": "declare double @llvm.floor.f64(double)",
    "llvm.rint.f64": "declare double @llvm.rint.f64(double)",
    "llvm.log.f64": "declare double @llvm.log.f64(double)",
    "llvm.sin.f64": "declare double @llvm.sin.f64(double)",
    "llvm.copysign.f64": "declare double @llvm.copysign.f64(double, double)",
    "llvm.smul.with.overflow.i64": "declare {i64, i1} @llvm.smul.with.overflow.i64(i64, i64)",
}

# Live heap blocks; the values of a failed check's message; the lowest stack address that recursion may reach; and of
# polls the saved thread, the counter, and the time of the last.
CONTEXT = "%llad.ctx = type { ptr, [4 x i64], ptr, ptr, i64, i64 }\n"
CONTEXT_WORDS = 9

_SYMBOL = re.compile(r"@([\w.$]+)")
_GIVEN = re.compile(r"^(?:@([\w.$]+) *=|(?:define|declare)\b[^@\n]*@([\w.$]+))", re.MULTILINE)
_NODE = re.compile(r'"[^"]*"|!(\d+)\b')
_NODES = re.compile(r"^!(\d+) = ", re.MULTILINE)


def module_text(parts: Iterable[Lowered | str]) -> str:
    """One module of the parts, with every declaration and run-time function that they mention and do not give.

    A part is a lowered function, or LLVM text of one's own (which may use any `@llad.…` function, and declares what
    else it uses). Metadata is renumbered, so each part counts its nodes from 0.
    """
    texts: list[str] = [CONTEXT]
    declarations: dict[str, str] = {}
    nodes = 0
    for part in parts:
        text = part.text if isinstance(part, Lowered) else part
        if isinstance(part, Lowered):
            declarations.update((symbol[1:], line) for symbol, line in part.declarations)
        count = len(_NODES.findall(text))
        texts.append(_renumbered(text, nodes) if count and nodes else text)
        nodes += count
    given = {a or b for text in texts for a, b in _GIVEN.findall(text)}
    return "".join([*texts, *_support(texts, given, declarations)])


def _renumbered(text: str, by: int) -> str:
    return _NODE.sub(lambda m: f"!{int(m[1]) + by}" if m[1] else m[0], text)


def _support(texts: Sequence[str], given: set[str], declarations: dict[str, str]) -> list[str]:
    """The text of what is mentioned but not given, and of what that mentions."""
    support: list[str] = []
    pending = [symbol for text in texts for symbol in _SYMBOL.findall(text)]
    while pending:
        symbol = pending.pop()
        if symbol in given:
            continue
        given.add(symbol)
        text = MEMORY.get(symbol) or MATH.get(symbol) or POLL.get(symbol) or STACK.get(symbol)
        if text is None:
            line = declarations.get(symbol) or DECLARATIONS.get(symbol)
            assert line is not None, f"nothing is known about @{symbol}"
            support.append(line + "\n")
        else:
            support.append(text)
            given.update(a or b for a, b in _GIVEN.findall(text))
            pending += _SYMBOL.findall(text)
    return support
