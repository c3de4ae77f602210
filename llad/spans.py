"""Spans as rows of numbers: files and lines are those that the reader has before it, so files may stand elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, overload

from llad.diagnostics import Span

Row = list[Any]  # number of the file, line, column, end, number of the function's name, row of the caller or -1
File = tuple[str, list[str]]  # name and lines


class SpanWriter:
    """Writes spans as `rows`; `names` are those of their functions."""

    def __init__(self, files: Sequence[File]) -> None:
        self.rows: list[Row] = []
        self.names: list[str] = []
        self._files = {name: (k, lines) for k, (name, lines) in enumerate(files)}
        self._known: dict[Any, int] = {}

    def row(self, span: Span) -> int | None:
        """The number of the span's row; `None` if it is of no known file, or quotes another text."""
        caller = -1 if span.caller is None else self.row(span.caller)
        if caller is None or span.file not in self._files:
            return None
        file, lines = self._files[span.file]
        if _line(lines, span.line) != span.text:
            return None
        if span.function not in self.names:
            self.names.append(span.function)
        row = (file, span.line, span.column, span.end_column, self.names.index(span.function), caller)
        if row not in self._known:
            self._known[row] = len(self.rows)
            self.rows.append(list(row))
        return self._known[row]


class Spans(Sequence[Span]):
    """The spans of rows, each made when it is asked for."""

    def __init__(self, chosen: Sequence[int], rows: Sequence[Row], names: Sequence[str], files: Sequence[File]) -> None:
        self._chosen = chosen
        self._rows = rows
        self._names = names
        self._files = files

    @overload
    def __getitem__(self, index: int) -> Span: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Span]: ...
    def __getitem__(self, index: int | slice) -> Span | Sequence[Span]:
        if isinstance(index, slice):
            return [self._span(row) for row in self._chosen[index]]
        return self._span(self._chosen[index])

    def __len__(self) -> int:
        return len(self._chosen)

    def _span(self, number: int) -> Span:
        file, line, column, end, name, caller = self._rows[number]
        where, lines = self._files[file]
        outer = None if caller < 0 else self._span(caller)
        return Span(where, line, column, end, _line(lines, line), self._names[name], outer)


def _line(lines: Sequence[str], number: int) -> str:
    """The text of a line, as spans quote it."""
    return lines[number - 1].rstrip("\r\n") if 0 < number <= len(lines) else ""
