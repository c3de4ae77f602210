"""Refusing what lies outside the language, in the words of the one table (`llad/refusals/`)."""

from __future__ import annotations

from typing import NoReturn

from llad.diagnostics import Span, UnsupportedError
from llad.refusals.table import refusal

# Refusals that unrolling a loop over a known range may avoid.
NEED_STATIC = frozenset({"static-index", "static-key", "format", "axis", "mutation", "met-mutation", "growing"})


class NeedsStatic(UnsupportedError):
    """A number that is known only at run time stands where one must be known: a loop may be unrolled for it."""


def refuse(name: str, span: Span | None, /, **details: object) -> NoReturn:
    """Raise the refusal `name` at `span`.

    Raises: UnsupportedError, always.
    """
    error = refusal(name, span, **details)
    raise NeedsStatic(error.message, span, error.hint, error.code) if name in NEED_STATIC else error
