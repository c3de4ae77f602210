"""Memory that nobody sees before a call ends: a pass may leave in it what Python would not, if a check may fail.

Who called sees what is stored to the arrays that were passed, also when an error ends the call, and other threads of
the caller's see it at once. They do not look into memory that is made in the call, nor into what they hand over for a
derivative. What the chunks of a loop over `prange` store is promised at their ends only.
"""

from __future__ import annotations

from llad.ir.core import BLANK, ZEROED, Function, Value, walk


def hidden(fn: Function) -> frozenset[Value]:
    """The roots of such memory: what else buffers come from may be seen."""
    made = (op.result for op in walk(fn.body) if op.name == "alloc")
    handed = {place for attr in (ZEROED, BLANK) for place in fn.attrs.get(attr, ())}
    given = fn.params if "chunk" in fn.attrs else [fn.params[place] for place in handed]
    return frozenset((*made, *given))
