"""The run-time of lowered code: LLVM text of every `@llad.…` function, and how a module is put together.

A module gets exactly the functions that it mentions: those of `RESIDENT` as declarations, since they are not inlined
and would take longer to compile than a small function itself. `jit.py` links them once a process.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cache

from llad.codegen import late
from llad.codegen.context import CONTEXT
from llad.codegen.lower import Lowered
from llad.codegen.runtime_lines import LINES
from llad.codegen.runtime_math import MATH
from llad.codegen.runtime_matmul import matmul_text
from llad.codegen.runtime_memory import MEMORY
from llad.codegen.runtime_objects import BEFORE_RESULTS, OBJECTS, OBJECTS_DECLARATIONS
from llad.codegen.runtime_poll import POLL, POLL_DECLARATIONS
from llad.codegen.runtime_pool import POOL, POOL_DECLARATIONS
from llad.codegen.runtime_stack import STACK, STACK_DECLARATIONS
from llad.codegen.runtime_threads import THREADS, THREADS_DECLARATIONS
from llad.codegen.runtime_turn import TURNS
from llad.codegen.runtime_windows import WINDOWS
from llad.codegen.vector_math import vector_text
from llad.codegen.vector_text import INTRINSICS
from llad.codegen.vector_trig import FAR, far_names

DECLARATIONS = {
    **INTRINSICS,
    **OBJECTS_DECLARATIONS,
    **POLL_DECLARATIONS,
    **POOL_DECLARATIONS,
    **STACK_DECLARATIONS,
    **THREADS_DECLARATIONS,
    "malloc": "declare noalias ptr @malloc(i64)",
    "calloc": "declare noalias ptr @calloc(i64, i64)",
    "realloc": "declare ptr @realloc(ptr, i64)",
    "free": "declare void @free(ptr)",
    "madvise": "declare i32 @madvise(ptr, i64, i32)",
    "tan": "declare double @tan(double) memory(none) nounwind willreturn",
    "llvm.memset.p0.i64": "declare void @llvm.memset.p0.i64(ptr, i8, i64, i1)",
    "llvm.ptrmask.p0.i64": "declare ptr @llvm.ptrmask.p0.i64(ptr, i64)",
    "llvm.floor.f64": "declare double @llvm.floor.f64(double)",
    "llvm.prefetch.p0": "declare void @llvm.prefetch.p0(ptr, i32 immarg, i32 immarg, i32 immarg)",
    "llvm.smin.i64": "declare i64 @llvm.smin.i64(i64, i64)",
    "llvm.rint.f64": "declare double @llvm.rint.f64(double)",
    "llvm.log.f64": "declare double @llvm.log.f64(double)",
    "llvm.cos.f64": "declare double @llvm.cos.f64(double)",
    "llvm.sin.f64": "declare double @llvm.sin.f64(double)",
    "llvm.tan.f64": "declare double @llvm.tan.f64(double)",
    "llvm.smul.with.overflow.i64": "declare {i64, i1} @llvm.smul.with.overflow.i64(i64, i64)",
}

# The functions that are compiled once a process, in groups that are linked when one of them is first needed. The first
# are there to call others, so they need not be fast themselves.
SERVING: tuple[tuple[str, ...], ...] = (
    *((name,) for name in BEFORE_RESULTS),  # what entry points need, one nearly always, the others less
    (  # what nearly every function of arrays needs
        *("llad.alloc", "llad.alloc_zero", "llad.free", "llad.release_all", "llad.poll"),
        *("llad.owned", "llad.capsule", "llad.holder", *(OBJECTS.keys() - BEFORE_RESULTS), *WINDOWS),
    ),
    ("llad.grow", "llad.sweep"),
    ("llad.print",),
    ("llad.threads", "llad.turn"),
)
RESIDENT: tuple[tuple[str, ...], ...] = (
    *SERVING,
    ("llad.floor",),
    ("llad.past", "llad.fetch"),
    ("llad.matmul.f64",),
    ("llad.matmul.f32",),
    *map(far_names, FAR),
)

_SYMBOL = re.compile(r"@([\w.$]+)")
_GIVEN = re.compile(r"^(?:@([\w.$]+) *=|(?:define|declare)\b[^@\n]*@([\w.$]+))", re.MULTILINE)
_HEAD = re.compile(r"^define (.*?@([\w.]+)\(.*) \{$", re.MULTILINE)
_NODE = re.compile(r'"[^"]*"|!(\d+)\b')
_NODES = re.compile(r"^!(\d+) = ", re.MULTILINE)
_TABLES = (MEMORY, LINES, POOL, OBJECTS, WINDOWS, MATH, POLL, STACK, THREADS, TURNS)
_APART = frozenset(name for group in RESIDENT for name in group)


def module_text(parts: Iterable[Lowered | str], whole: bool = False) -> str:
    """One module of the parts, with every declaration and run-time function that they mention and do not give.

    `whole`: it has the functions of `RESIDENT`, too.

    A part is a lowered function, or LLVM text of one's own (which may use any `@llad.…` function, and declares what
    else it uses). Metadata is renumbered, so each part counts its nodes from 0.
    """
    declarations: dict[str, str] = {}
    given: list[str] = []
    for part in parts:
        if isinstance(part, Lowered):
            given += filter(None, (part.text, part.beside))
            declarations.update((symbol[1:], line) for symbol, line in part.declarations)
        else:
            given.append(part)
    return _module(given, declarations, whole)


def module_texts(lowered: Lowered, parts: Sequence[str]) -> list[str]:
    """What `module_text` gives, as modules that call each other: one for what the function may have beside it."""
    declarations = {symbol[1:]: line for symbol, line in lowered.declarations}
    if not lowered.beside:
        return [_module([lowered.text, *parts], declarations, False)]
    heads = "".join(f"declare {head}\n" for head, _ in _HEAD.findall(lowered.beside))
    return [_module(texts, declarations, False) for texts in ([lowered.text, *parts, heads], [lowered.beside])]


def _module(parts: Iterable[str], declarations: Mapping[str, str], whole: bool) -> str:
    texts: list[str] = [CONTEXT]
    nodes = 0
    for text in parts:
        count = len(_NODES.findall(text))
        texts.append(_renumbered(text, nodes) if count and nodes else text)
        nodes += count
    given = {a or b for text in texts for a, b in _GIVEN.findall(text)}
    return "".join([*texts, *_support(texts, given, declarations, whole)])


def _renumbered(text: str, by: int) -> str:
    return _NODE.sub(lambda m: f"!{int(m[1]) + by}" if m[1] else m[0], text)


def resident_text(group: Sequence[str]) -> str:
    """The module of a group of `RESIDENT`."""
    return module_text(["".join(f"; @{name}\n" for name in reversed(group))], whole=True)


def _support(texts: Sequence[str], given: set[str], declarations: Mapping[str, str], whole: bool) -> list[str]:
    """The text of what is mentioned but not given, and of what that mentions."""
    support: list[str] = []
    pending = [symbol for text in texts for symbol in _SYMBOL.findall(text)]
    while pending:
        symbol = pending.pop()
        if symbol in given:
            continue
        given.add(symbol)
        text = next((table[symbol] for table in _TABLES if symbol in table), None)
        text = text or vector_text(symbol) or matmul_text(symbol) or late.declarations(symbol)
        if text is not None and not whole and symbol in _APART:
            support.append(_declarations(text))
            given.update(name for _, name in _HEAD.findall(text))
        elif text is None:
            line = declarations.get(symbol) or DECLARATIONS.get(symbol)
            assert line is not None, f"nothing is known about @{symbol}"
            support.append(line + "\n")
        else:
            support.append(text)
            gives, mentions = _names(text)
            given.update(gives)
            pending += mentions
    return support


@cache
def _names(text: str) -> tuple[list[str], list[str]]:
    """What a part of the run-time gives, and what it mentions."""
    return [a or b for a, b in _GIVEN.findall(text)], _SYMBOL.findall(text)


@cache
def _declarations(text: str) -> str:
    """The heads of the definitions in a text, which promise the same to those who call them.

    A table of what only the first one's attributes mention keeps LLVM from dropping it.
    """
    heads, names = zip(*_HEAD.findall(text), strict=True)
    lines = [f"declare {head}" for head in heads]
    if others := [f"ptr @{name}" for name in names[1:]]:
        lines.append(f"@{names[0]}.table = weak_odr hidden constant [{len(others)} x ptr] [{', '.join(others)}]")
    return "\n".join([*lines, ""])
