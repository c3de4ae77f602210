"""Loads under a condition that a store of the same loop may overtake.

LLVM 22 makes vectors of a loop's branches under masks. Where one loads a number, and hands it on, it makes one thing of
the masked load and of the choice of what was loaded, at the place of the choice: behind the stores between the two
(issue 215453 of the LLVM project). It does not if the number is frozen, which costs nothing.
"""

from __future__ import annotations

from llad.ir.alias import Aliases, Roots
from llad.ir.core import Function, Op, Region, walk


def overtaken(fn: Function) -> frozenset[Op]:
    """The loads in an `if` in a loop that also stores to the memory which they load from."""
    if not any(op.name == "if" for op in walk(fn.body)):
        return frozenset()
    aliases = Aliases(fn)
    found: set[Op] = set()

    def visit(region: Region, changed: Roots, conditional: bool, looping: bool) -> None:
        """`changed`: what the outermost loop around stores to. `conditional`: in an `if` of that loop."""
        for op in region.ops:
            if conditional and op.name == "load" and not changed.isdisjoint(aliases.read(op)):
                found.add(op)
            if not op.regions:
                continue
            outermost = op.name in ("for", "while") and not looping
            stored = aliases.written(op) if outermost else changed
            for inner in op.regions:
                visit(inner, stored, conditional or (op.name == "if" and looping), looping or outermost)

    visit(fn.body, frozenset(), False, False)
    return frozenset(found)
