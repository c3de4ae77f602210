"""Where a function's source stands: its syntax tree within its file, so that every span is right.

What is parsed is a statement at the margin of the file, or else the whole file, never a dedented piece, so lines and
columns are those of the file. `linecache` gives the text, which covers notebooks, doctests and the interactive prompts
that register their input. A lambda is told from its neighbours on the line by the columns of its bytecode.

Text can change under running code: a notebook's cell is run again, a file is edited. So what is parsed is compiled once
more, and the function's bytecode has to be in what comes out. Code whose source was once found keeps it.

Invariant: the tree found is that of the running code (of code that pytest has rewritten, as far as names and lines can
tell); else it is refused.
"""

from __future__ import annotations
import __future__

import ast
import inspect
import linecache
import weakref
from collections.abc import Iterator
from dataclasses import field, replace
from functools import cached_property
from itertools import chain, islice
from types import CodeType, FunctionType
from typing import Any

from llad.dataclass import dataclass
from llad.diagnostics import Span, span_of
from llad.frontend.desugar import Imported, write_out
from llad.frontend.effects import FunctionNode, borrowed, local_names, parameters, rebound
from llad.frontend.liveness import Liveness, liveness
from llad.frontend.refused import refuse
from llad.frontend.tree import children, walk


@dataclass(eq=False)
class Source:
    """The tree of one function, and the file that it stands in."""

    node: FunctionNode
    file: str
    lines: list[str] = field(repr=False)
    targets: frozenset[str] | None = None  # of a comprehension: its only names

    @property
    def name(self) -> str:
        return self.node.name if isinstance(self.node, ast.FunctionDef) else "<lambda>"

    def span(self, node: ast.AST, caller: Span | None = None) -> Span:
        """Where the node stands; of a compound statement, its header. `caller`: where the function was called."""
        span = span_of(node, self.file, self.lines, self.name, caller)
        head = _head(node)
        if head is None or head.end_lineno != span.line:
            return span
        return replace(span, end_column=max(span.column + 1, span_of(head, self.file, self.lines).end_column))

    @cached_property
    def locals(self) -> frozenset[str]:
        return local_names(self.node) if self.targets is None else self.targets

    @cached_property
    def borrowed(self) -> frozenset[str]:
        return borrowed(self.node) if self.targets is None else frozenset()

    @cached_property
    def rebound(self) -> frozenset[str]:
        return rebound(self.node) if self.targets is None else frozenset()

    @cached_property
    def live(self) -> Liveness:
        return liveness(self.node)

    def nested(self, node: FunctionNode) -> Source:
        """The source of a function defined inside this one."""
        return Source(node, self.file, self.lines)

    def comprehension(self, targets: frozenset[str]) -> Source:
        """The scope of a comprehension in this function that binds `targets`."""
        return Source(self.node, self.file, self.lines, targets)


@dataclass
class _Part:
    """Parsed text, behind so many empty lines as stand before it in its file, whose `lines` are all there.

    `codes`: per set of `__future__` flags, the code of all functions in it, by first line and name.
    """

    name: str
    text: str
    lines: list[str]
    tree: ast.Module
    found: dict[FunctionNode, Source] = field(default_factory=dict)
    codes: dict[int, dict[tuple[int, str], list[CodeType]]] = field(default_factory=dict)

    def holds(self, code: CodeType) -> bool:
        """Whether the text compiles to this code."""
        flags = code.co_flags & _FUTURE
        if flags not in self.codes:
            self.codes[flags] = _compiled(self.text, flags)
        return code in self.codes[flags].get((code.co_firstlineno, code.co_name), ())

    def source(self, code: CodeType) -> Source | None:
        """Where the code stands, if it is that of one function of this text."""
        if not (_is_rewritten(code) or self.holds(code)):
            return None
        candidates = [n for n in _functions_at(self.tree, code.co_firstlineno) if _matches(n, code)]
        if len(candidates) > 1:
            candidates = [min(candidates, key=_extent)] if code.co_name != "<lambda>" else _innermost(candidates)
        if len(candidates) != 1:
            return None
        (node,) = candidates
        return self.found.setdefault(node, Source(node, self.name, self.lines))


@dataclass
class _File:
    """One text of a file, and the parts of it that were parsed, by their first line and the one behind them."""

    name: str
    text: list[str]
    parts: dict[tuple[int, int], _Part | None] = field(default_factory=dict)

    @cached_property
    def lines(self) -> list[str]:
        return [line.rstrip("\r\n") for line in self.text]

    @property
    def whole(self) -> _Part | None:
        """All of it, if that is Python."""
        return self._part(0, len(self.text))

    def source(self, code: CodeType) -> Source | None:
        """Where the code stands, if it is that of one function of this text."""
        part = self._around(code.co_firstlineno - 1)
        found = None if part is None else part.source(code)
        return found or (None if self.whole is None else self.whole.source(code))

    def _around(self, line: int) -> _Part | None:
        """The statement at the margin that has this line, as far as that is told by looks."""
        start = min(line, len(self.text) - 1)
        while start > 0 and self.text[start][:1] in _INSIDE:
            start -= 1
        ends = (k for k in range(line + 1, len(self.text)) if self.text[k][:1] not in _INSIDE)
        parts = (self._part(start, end) for end in islice(chain(ends, [len(self.text)]), _TRIES))
        return next((part for part in parts if part is not None), None)

    def _part(self, start: int, end: int) -> _Part | None:
        if (start, end) not in self.parts:
            text = "\n" * start + "".join(self.text[start:end])
            try:
                tree = ast.parse(text)
            except SyntaxError:
                self.parts[start, end] = None
            else:
                tree.body = write_out(tree.body)
                self.parts[start, end] = _Part(self.name, text, self.lines, tree)
        return self.parts[start, end]


# What a line at the margin begins with, or one that is empty, though a statement goes on.
_INSIDE = frozenset(("", *" \t\f\r\n#)]}"))
_TRIES = 8  # how many lines may look as if they were the next statement: decorators, texts, `else`

_files: dict[str, _File] = {}
_learned: dict[tuple[str, str], _File] = {}
_remembered: dict[str, list[str]] = {}
# By file, since code of two files can be equal.
_known: weakref.WeakKeyDictionary[CodeType, dict[str, Source]] = weakref.WeakKeyDictionary()

_FUTURE = 0
for _name in __future__.all_feature_names:
    if _name != "nested_scopes":  # whose flag means something else by now
        _FUTURE |= getattr(__future__, _name).compiler_flag


def source_of(function: FunctionType, span: Span | None = None) -> Source:
    """The source of a Python function or lambda.

    Raises: UnsupportedError when there is no source, or it is not that of the running code.
    """
    code = function.__code__
    if code.co_flags & (inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR):
        refuse("async", span or definition_of(function))
    if code.co_flags & inspect.CO_GENERATOR and span is None:
        refuse("yield", definition_of(function), what="by itself")
    known = _known.setdefault(code, {})
    if code.co_filename not in known:
        known[code.co_filename] = _find(function, span)
    return known[code.co_filename]


def _find(function: FunctionType, span: Span | None) -> Source:
    code = function.__code__
    file = _read(code.co_filename, function)
    remembered = _File(code.co_filename, _remembered.get(code.co_filename, []))
    for text in (file, *_learned.values(), remembered):
        if text.text and (source := text.source(code)) is not None:
            return source
    known = "stale-source" if file.text and file.whole else "no-source"
    return refuse(known, span, name=function.__qualname__, file=code.co_filename)


def learn_source(name: str, text: str) -> None:
    """Look into this text, of a file of another process, for functions that came from there."""
    if (name, text) not in _learned:
        file = _learned[name, text] = _File(name, text.splitlines(keepends=True))
        if not linecache.getlines(name):  # which tracebacks ask
            linecache.cache[name] = (len(text), None, file.text, name)


def remember_text(name: str, lines: list[str]) -> None:
    """Code of this text is not traced for now, as it is known what would come of it; the file may change meanwhile."""
    _remembered[name] = lines


def definition_of(function: FunctionType) -> Span:
    """Where the function stands, as far as its code can tell."""
    code = function.__code__
    lines = linecache.getlines(code.co_filename, function.__globals__)[code.co_firstlineno - 1 :]
    heads = (k for k, line in enumerate(lines[:20]) if line.lstrip().startswith(("def ", "async def ")))
    skip = next(heads, 0) if lines and lines[0].lstrip().startswith("@") else 0  # decorators come first
    text = lines[skip].rstrip() if lines else ""
    column = len(text) - len(text.lstrip()) + 1
    return Span(code.co_filename, code.co_firstlineno + skip, column, max(column, len(text)) + 1, text)


def text_of(function: FunctionType) -> list[str]:
    """The lines of the file that the function stands in, as they are now."""
    name = function.__code__.co_filename
    linecache.checkcache(name)
    return linecache.getlines(name, function.__globals__)


def _read(name: str, function: FunctionType) -> _File:
    lines = text_of(function)
    known = _files.get(name)
    if known is None or (known.text is not lines and known.text != lines):
        known = _files[name] = _File(name, lines)
    return known


def _compiled(text: str, flags: int) -> dict[tuple[int, str], list[CodeType]]:
    found: dict[tuple[int, str], list[CodeType]] = {}
    try:
        pending = [compile(text, "", "exec", flags | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)]
    except (SyntaxError, ValueError):
        return found
    while pending:
        code = pending.pop()
        found.setdefault((code.co_firstlineno, code.co_name), []).append(code)
        pending += [const for const in code.co_consts if isinstance(const, CodeType)]
    return found


def _is_rewritten(code: CodeType) -> bool:
    """Whether pytest has put its own code in place of `assert`."""
    inner = (const for const in code.co_consts if isinstance(const, CodeType))
    return any(name.startswith("@py") for name in code.co_names) or any(map(_is_rewritten, inner))


def _functions_at(tree: ast.AST, line: int) -> Iterator[FunctionNode]:
    """The functions that begin in a line."""
    for node in children(tree):
        end = getattr(node, "end_lineno", None)
        if end is None or _first_line(node) <= line <= end:  # some nodes have no place of their own
            if isinstance(node, (ast.FunctionDef, ast.Lambda)) and _first_line(node) == line:
                yield node
            yield from _functions_at(node, line)


def _first_line(node: Any) -> int:
    """The line that the compiler records as `co_firstlineno`: that of the first decorator."""
    lines: list[int] = [node.lineno, *(d.lineno for d in getattr(node, "decorator_list", ()))]
    return min(lines)


def _head(node: ast.AST) -> ast.expr | None:
    """The last expression of a compound statement's header."""
    match node:
        case ast.For():
            return node.iter
        case ast.While() | ast.If():
            return node.test
        case ast.With():
            return node.items[-1].optional_vars or node.items[-1].context_expr
    return None


def _extent(node: FunctionNode) -> tuple[int, int]:
    return (node.end_lineno or 0) - node.lineno, (node.end_col_offset or 0) - node.col_offset


def _innermost(nodes: list[FunctionNode]) -> list[FunctionNode]:
    """Of lambdas that all contain the bytecode's positions, the one that no other lies within."""
    inner = [n for n in nodes if not any(m is not n and m in walk(n) for m in nodes)]
    return inner if len(inner) == 1 else nodes


def _matches(node: FunctionNode, code: CodeType) -> bool:
    name = node.name if isinstance(node, ast.FunctionDef) else "<lambda>"
    count = code.co_argcount + code.co_kwonlyargcount
    wanted = code.co_varnames[: count + bool(code.co_flags & 4) + bool(code.co_flags & 8)]
    if name != code.co_name or parameters(node) != wanted:
        return False
    body: ast.stmt | ast.expr = node.body[0] if isinstance(node, ast.FunctionDef) else node.body
    start = (_first_line(body), 0) if isinstance(body, ast.FunctionDef) else (body.lineno, body.col_offset)
    end = (node.end_lineno or 0, node.end_col_offset or 0)
    if not all(_within(p, start, end) for p in code.co_positions()):
        return False
    below = walk(node)
    if any(isinstance(n, _REWRITTEN) for n in below):
        return True
    written = {n.id for n in below if isinstance(n, ast.Name)}
    written |= {n.attr for n in below if isinstance(n, ast.Attribute)}
    return all(n in written or "__" in n for n in code.co_names)


# Statements whose bytecode has names that the source has not (pytest rewrites `assert`).
_REWRITTEN = (Imported, ast.Assert)


def _within(
    position: tuple[int | None, int | None, int | None, int | None], start: tuple[int, int], end: tuple[int, int]
) -> bool:
    line, end_line, column, end_column = position
    if line is None or end_line is None or column is None or end_column is None or column == end_column:
        return True  # an instruction of the function itself, not of an expression
    return start <= (line, column) and (end_line, end_column) <= end
