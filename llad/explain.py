"""How loops are reversed and what memory they take, as a table that names lines of Python."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from llad.ad.report import LoopReport, Report, Temporary


def describe(report: Report) -> str:
    """One line a loop: file and line, its source, the strategy, and what is kept. Then one line an array."""
    rows = [(_place(loop), "  " * loop.depth + _source(loop), _decision(loop)) for loop in report.loops]
    rows += [(_place(array), _named(array), _memory(array)) for array in report.temporaries]
    if not rows:
        return "no loops"
    widths = [max(len(row[k]) for row in rows) for k in range(2)]
    return "\n".join(f"{place:{widths[0]}}  {text:{widths[1]}}  {what}" for place, text, what in rows)


def _place(what: LoopReport | Temporary) -> str:
    return f"{os.path.basename(what.span.file)}:{what.span.line}" if what.span else "?"


def _named(array: Temporary) -> str:
    return f"`{array.name}`" if array.name else "an array"


def _memory(array: Temporary) -> str:
    return f"a temporary of {array.size} bytes" + (", each iteration anew" if array.inner else "")


def _source(loop: LoopReport) -> str:
    text = loop.span.text.strip() if loop.span else ""
    if not loop.joined:
        return text
    return f"{text} (with line{'s' if len(loop.joined) > 1 else ''} {', '.join(map(str, loop.joined))})"


def _decision(loop: LoopReport) -> str:
    if loop.strategy is None:
        return "not reversed: no derivative passes through it"
    kept = ""
    if loop.bytes:
        names = ", ".join(f"`{name}`" if name != "a value" else name for name in dict.fromkeys(loop.kept))
        kept = f", keeps {loop.bytes} bytes an iteration ({names}), {loop.total} in all"
    why = loop.why if loop.strategy != "taped" or loop.bytes else ""  # a loop that keeps nothing needs no excuse
    return loop.strategy + kept + (f"; {why}" if why else "")
