"""The one table of what lies outside the language: what is said about it, and what to write instead.

Each row has a code (named by the code that refuses), a message (what was met; `{}` fields are filled from the
details), a hint (what to write instead) and a small example that meets it. `docs/language.md` is generated from
this table, and `tests/test_refused.py` checks that every row is used.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NoReturn

from llad.diagnostics import Span, UnsupportedError


@dataclass(frozen=True, slots=True)
class Refusal:
    """One thing that is refused. `message` and `hint` are `str.format` templates over the details."""

    code: str
    message: str
    hint: str
    example: str


STATEMENTS = (
    Refusal("try", "`try`", "test the condition with `if` before the operation that may fail", "try:\n    y = 1 / x\nexcept ZeroDivisionError:\n    y = 0.0"),
    Refusal("with", "`with`", "do it outside the compiled function", "with open('f') as f: ..."),
    Refusal("raise", "`raise`", "use `assert condition, 'message'`, or return a value that the caller tests", "raise ValueError('x')"),
    Refusal("class", "`class` inside a compiled function", "define the class outside", "class A: ..."),
    Refusal("del", "`del`", "leave the name bound; unused memory is freed by itself", "del x"),
    Refusal("global", "`global`", "pass the value as an argument and return the new one", "global counter"),
    Refusal("nonlocal", "`nonlocal`", "return the new value from the inner function", "nonlocal total"),
    Refusal("import", "`import` inside a compiled function", "import at the top of the file", "import math"),
    Refusal("match", "`match`", "write `if` and `elif`", "match x: ..."),
    Refusal("async", "asynchronous code", "write an ordinary function", "await g()"),
    Refusal("yield", "a generator", "fill an array and return it", "yield x"),
)  # fmt: skip

# Arithmetic on numbers.
NUMBERS: tuple[Refusal, ...] = ()

# Arrays: indexing, creation, reductions, attributes.
ARRAYS: tuple[Refusal, ...] = ()

TABLE: dict[str, Refusal] = {row.code: row for row in (*STATEMENTS, *NUMBERS, *ARRAYS)}


def refuse(code: str, span: Span | None, **details: object) -> NoReturn:
    """Raise the refusal `code` at `span`.

    Raises: UnsupportedError, always.
    """
    row = TABLE[code]
    raise UnsupportedError(row.message.format(**details), span, row.hint.format(**details))
