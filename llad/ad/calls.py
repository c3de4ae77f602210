"""What one differentiation calls: the augmented and the reverse function of each callee that takes part.

A called function cannot hand values to its reverse sweep in scope, so both sweeps are functions, and everything the
reverse one needs travels in records: every region of a callee, its body too, pushes one per run. Calls nest, so the
records of a recursion come back in the right order. The stacks are made once, by the root, and passed to every call.

    callee_augmented(arguments, shadows of buffers, stacks) -> results, shadows of buffer results
    callee_reverse(shadows of buffers, stacks of cotangents, cotangents of float results, stacks)
        -> cotangents of float parameters

A callee that is itself a sweep of an earlier differentiation has stacks among its arguments. What it pushes or pops may
matter to all functions that share the stack, so the stack is active in every callee that takes part. In augmented
functions, each of its records is followed by the shadows of the buffers in it. A second stack goes along, which holds
the cotangents of the floats (`shadows.py`); the reverse functions share that one.
"""

from __future__ import annotations

from collections.abc import Collection
from itertools import chain, count

from llad.ad.activity import Activity
from llad.ir.core import Function, Op, Value, walk
from llad.ir.types import BufferType, LifoType, carries_derivative


def has_shadow(value: Value) -> bool:
    """Whether a value that crosses a call is accompanied by a shadow: a buffer of floats."""
    return isinstance(value.type, BufferType) and carries_derivative(value.type)


def is_active_stack(value: Value) -> bool:
    """Whether a value that crosses a call is a stack whose records hold something that is differentiated."""
    return isinstance(value.type, LifoType) and carries_derivative(value.type)


def seen_by_others(fn: Function, shared: Collection[Value]) -> list[Value]:
    """The buffers that carry derivatives between a called function and others: those that it returns, and those that
    it pushes on or pops from the stacks that it shares. What nothing is stored to here may be stored to there."""
    records = [op for op in walk(fn.body) if op.name in ("push", "pop") and op.operands[0] in shared]
    return [v for v in (*fn.results, *(v for op in records for v in (*op.operands, *op.results))) if has_shadow(v)]


class Calls:
    """The callees met so far, and afterwards the stacks that every function of the derivative shares.

    `apart`: their sweeps, like those of the root, do not follow one another at once (`structure.py`)."""

    def __init__(self, functions: dict[str, Function], apart: Collection[Op] | None = None) -> None:
        self.functions = functions
        self.apart = apart
        self.met: list[str] = []
        self._names: dict[str, tuple[str, str]] = {}

    def differentiated(self, op: Op, activity: Activity) -> bool:
        """Whether a call takes part: something that varies goes in, something useful comes out."""
        outs = [*op.results, *[o for o in op.operands if has_shadow(o) or is_active_stack(o)]]
        return any(map(activity.active, op.operands)) and any(map(activity.active, outs))

    def augmented(self, callee: str) -> str:
        return self._meet(callee)[0]

    def reverse(self, callee: str) -> str:
        return self._meet(callee)[1]

    def _meet(self, callee: str) -> tuple[str, str]:
        """The names of the sweeps of a callee; an earlier differentiation may have taken the plain ones."""
        if callee not in self._names:
            stems = chain([callee], (f"{callee}_{k}" for k in count(1)))
            pairs = ((f"{stem}_augmented", f"{stem}_reverse") for stem in stems)
            taken = {*self.functions, *(name for pair in self._names.values() for name in pair)}
            self._names[callee] = next(pair for pair in pairs if taken.isdisjoint(pair))
            self.met.append(callee)
        return self._names[callee]

    def share(self, fn: Function, stacks: list[Value], mine: dict[Value, Value]) -> None:
        """Pass `stacks`, by what `fn` calls them (`mine`), on to every call in `fn` of a function made here."""
        made = {name for pair in self._names.values() for name in pair}
        for op in walk(fn.body):
            if op.name == "call" and op.attrs["callee"] in made:
                op.operands = (*op.operands, *[mine[s] for s in stacks])
