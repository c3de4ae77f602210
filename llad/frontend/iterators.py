"""Names that hold iterators: `zip`, `map`, `enumerate` and their like are gone over once, where they were made.

In Python an iterator is used up when it is read; here it would give its items again. So a name that holds one may be
read once, and a loop may read it only if it also assigns it. A generator may not be assigned to a name at all: it reads
names as late as it is asked for an item, and what names hold is kept only for readers that are known beforehand.

Invariant: a program that is not refused goes over each iterator at most once, before anything else is done with it.
"""

from __future__ import annotations

import ast
from typing import Any

from llad.frontend.core import Tracer
from llad.frontend.iteration import is_iterator, reads_names
from llad.frontend.names import load


def name(t: Tracer, node: ast.Name) -> Any:
    """What a name holds, as an expression."""
    value = load(t, node)
    if is_iterator(value):
        if not t.ledger.may_read(value, t.frame.extent):
            t.refuse("spent", got="that was gone over already, or is in every iteration of a loop")
        t.ledger.spend(value)
    return value


def refuse_generator(t: Tracer, value: Any) -> None:
    """Refuse to give a name to what reads names later."""
    if reads_names(value):
        t.refuse("spent", got="that a generator makes when it is asked, by a name")
