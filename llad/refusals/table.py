"""The one table of what llad refuses, by name. Codes are given once: what is gone leaves its number unused."""

from __future__ import annotations

from llad.diagnostics import LladError, Span
from llad.refusals.arguments import ARGUMENTS
from llad.refusals.arrays import ARRAYS
from llad.refusals.calls import CALLS
from llad.refusals.derivatives import DERIVATIVES
from llad.refusals.linear import LINEAR
from llad.refusals.names import NAMES
from llad.refusals.numbers import NUMBERS
from llad.refusals.objects import OBJECTS
from llad.refusals.record import Refusal
from llad.refusals.sequences import SEQUENCES
from llad.refusals.statements import STATEMENTS

# The parts, with what they are about.
PARTS: tuple[tuple[str, tuple[Refusal, ...]], ...] = (
    ("Statements", STATEMENTS),
    ("Names and results", NAMES),
    ("Calls and derivatives", CALLS),
    ("Objects known while tracing", OBJECTS),
    ("Lists that grow, and iterators", SEQUENCES),
    ("Numbers", NUMBERS),
    ("Arrays and the library", ARRAYS),
    ("Products and linear algebra", LINEAR),
    ("Derivatives", DERIVATIVES),
    ("Arguments", ARGUMENTS),
)

TABLE: dict[str, Refusal] = {row.name: row for _, rows in PARTS for row in rows}


def refusal(name: str, span: Span | None = None, /, **details: object) -> LladError:
    """The error of the row `name`, to be raised."""
    row = TABLE[name]
    return row.kind(row.message.format(**details), span, row.hint.format(**details), row.code)
