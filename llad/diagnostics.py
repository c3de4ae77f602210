"""Where in the user's Python something came from, and how an error about it is shown.

Every IR op carries a `Span`, every error that a user can cause is an `LladError` with a span and a hint, and
`render` is the only function that lays such an error out.

Invariant: columns are counted in characters from 1; `ast` counts UTF-8 bytes from 0, `span_of` converts.
"""

from __future__ import annotations

import ast
import unicodedata
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of one source line: `column` and `end_column` are 1-based characters, the end is exclusive."""

    file: str
    line: int
    column: int
    end_column: int
    text: str = ""

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


def span_of(node: ast.AST, file: str, lines: list[str], first_line: int = 1) -> Span:
    """The span of an AST node; `lines` are the source lines, of which `lines[0]` is line `first_line` of `file`."""
    line: int = getattr(node, "lineno", 1)
    text = lines[line - 1] if 0 < line <= len(lines) else ""
    raw = text.encode()
    start = len(raw[: getattr(node, "col_offset", 0)].decode(errors="ignore"))
    end_offset = getattr(node, "end_col_offset", None)
    if getattr(node, "end_lineno", line) != line or end_offset is None:
        end = len(text.rstrip())
    else:
        end = len(raw[:end_offset].decode(errors="ignore"))
    return Span(file, line + first_line - 1, start + 1, max(end, start + 1) + 1, text)


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
