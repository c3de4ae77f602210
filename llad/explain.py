"""How loops are reversed, as a table that names lines of Python."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from llad.ad.report import LoopReport



def describe_loops(loops: Sequence[LoopReport]) -> str:
    """One line a loop: file and line, its source, the strategy, and what is kept."""
    if not loops:
        return "no loops"
    rows = [(_place(loop), "  " * loop.depth + _source(loop), _decision(loop)) for loop in loops]
    widths = [max(len(row[k]) for row in rows) for k in range(2)]
    return "\n".join(f"{place:{widths[0]}}  {text:{widths[1]}}  {what}" for place, text, what in rows)


def _place(loop: LoopReport) -> str:
    return f"{os.path.basename(loop.span.file)}:{loop.span.line}" if loop.span else "?"


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
        kept = f", keeps {loop.bytes} bytes an iteration ({names})"
    why = loop.why if loop.strategy != "taped" or loop.bytes else ""  # a loop that keeps nothing needs no excuse
    return loop.strategy + kept + (f"; {why}" if why else "")
