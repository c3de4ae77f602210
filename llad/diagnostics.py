"""Where in the user's Python something came from, and how an error about it is shown.

Every IR op carries a `Span`, every error that a user can cause while compiling is an `LladError` with a span and a
hint, and `render` is the only function that lays such an error out. Errors of compiled code are Python's own; `traced`
gives them the traceback that the span deserves.

Invariant: columns are counted in characters from 1; `ast` counts UTF-8 bytes from 0, `span_of` converts.
"""

from __future__ import annotations

import ast
import unicodedata
from dataclasses import field
from functools import lru_cache
from types import CodeType, TracebackType
from typing import Any

from llad.dataclass import dataclass


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of one source line: `column` and `end_column` are 1-based characters, the end is exclusive.

    `function`: the name of the function that it lies in, where that is known. `caller`: where that was called, if it
    was compiled into another function.
    """

    file: str
    line: int
    column: int
    end_column: int
    text: str = ""
    function: str = field(default="", compare=False)
    caller: Span | None = field(default=None, repr=False)

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


def span_of(node: ast.AST, file: str, lines: list[str], function: str = "", caller: Span | None = None) -> Span:
    """The span of an AST node; `lines` are the lines of the file."""
    line: int = getattr(node, "lineno", 1)
    text = lines[line - 1] if 0 < line <= len(lines) else ""
    raw = text.encode()
    start = len(raw[: getattr(node, "col_offset", 0)].decode(errors="ignore"))
    end_offset = getattr(node, "end_col_offset", None)
    if getattr(node, "end_lineno", line) != line or end_offset is None:
        end = len(text.rstrip())
    else:
        end = len(raw[:end_offset].decode(errors="ignore"))
    return Span(file, line, start + 1, max(end, start + 1) + 1, text, function, caller)


class LladError(Exception):
    """Something the user's program asks for that llad cannot do rightly. Shows file, line, caret and a hint.

    `code` (`LL101`) names the section of `docs/errors.md` that has a program before and after.
    """

    kind = "error"

    def __init__(self, message: str, span: Span | None = None, hint: str = "", code: str = "") -> None:
        self.message = message
        self.span = span
        self.hint = hint
        self.code = code
        super().__init__(render(self.kind, f"{message} [{code}]" if code else message, span, hint))


class UnsupportedError(LladError):
    """The program lies outside the language (`docs/language.md`)."""

    kind = "unsupported"


class DerivativeError(LladError):
    """The program compiles, but it, or this op of it, has no derivative here."""

    kind = "no derivative"


class ArgumentError(LladError, TypeError):
    """An argument's type, dtype or layout cannot be compiled for."""

    kind = "argument"


def _width(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def render(kind: str, message: str, span: Span | None, hint: str) -> str:
    """`file:line:column: kind: message`, the source line, a caret, and the hint."""
    if span is None:
        head = f"{kind}: {message}"
        return f"{head}\n  {hint}" if hint else head
    out = [f"{span}: {kind}: {message}"]
    if span.text:
        text = span.text.expandtabs(1)
        number = f"{span.line:5d} | "
        pad = _width(text[: span.column - 1])
        carets = max(1, _width(text[span.column - 1 : span.end_column - 1]))
        out += [number + text, " " * (len(number) - 2) + "| " + " " * pad + "^" * carets]
    if hint:
        out.append("  " + hint)
    return "\n".join(out)


def traced(error: BaseException, span: Span) -> BaseException:
    """`error` with the traceback of its span and the calls around it, as if Python had raised it there."""
    made: TracebackType | None = None
    place: Span | None = span
    try:
        while place is not None:
            raised = _raised(error, place)
            made = TracebackType(made, raised.tb_frame, raised.tb_lasti, raised.tb_lineno)
            place = place.caller
        return error.with_traceback(made)
    finally:  # the frames made live on and with them this one, which would be in a cycle with the error
        del error, made, raised


def _raised(error: BaseException, span: Span) -> TracebackType:
    """The traceback of one frame, in which the error was raised at the span."""
    namespace: dict[str, Any] = {"error": error}
    try:
        exec(_raising(span, span.function), namespace)
    except BaseException as raised:
        assert raised.__traceback__ is not None and raised.__traceback__.tb_next is not None
        return raised.__traceback__.tb_next
    finally:  # as above
        namespace.clear()
        del error
    raise AssertionError("code that raises did not")


@lru_cache(maxsize=256)
def _raising(span: Span, function: str) -> CodeType:
    """Code that raises `error` where the span is: file, line, columns, and the name of the function."""
    column, end = (len(span.text[: k - 1].encode()) for k in (span.column, span.end_column))
    place: dict[str, Any] = {
        "lineno": span.line, "col_offset": column, "end_lineno": span.line, "end_col_offset": end
    }  # fmt: skip
    statement = ast.Raise(ast.Name("error", ast.Load(), **place), None, **place)
    code = compile(ast.Module([statement], []), span.file, "exec")
    name = function or "<compiled>"
    return code.replace(co_name=name, co_qualname=name)
