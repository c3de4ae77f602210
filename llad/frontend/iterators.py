"""Names that hold iterators: `zip`, `map`, `enumerate` and their like are gone over once, where they were made.

What an iterator gives is known here when it is made, and could be had again. In Python it is used up. So a name that
holds one may be read once, and in no loop that does not hold its assignment, too; and a generator, which reads names as
late as it is asked, is not given a name by assignment.

Invariant: a program that is not refused goes over each iterator at most once, before anything else is done with it.
"""

from __future__ import annotations

import ast
from typing import Any

from llad.frontend.core import Tracer
from llad.frontend.iteration import Walk
from llad.frontend.names import load


def name(t: Tracer, node: ast.Name) -> Any:
    """What a name holds, as an expression."""
    value = load(t, node)
    if t.ledger.is_iterator(value) or (isinstance(value, Walk) and not value.is_range):
        if not t.ledger.may_read(value, t.frame.extent):
            t.refuse("spent", got="that was gone over already, or is in every iteration of a loop")
        t.ledger.spend(value)
    return value


def refuse_generator(t: Tracer, node: ast.expr | None) -> None:
    """Refuse to give a generator a name."""
    if isinstance(node, ast.GeneratorExp):
        t.refuse("spent", got="that a generator makes when it is asked, by a name")
