"""What one differentiation calls: the augmented and the reverse function of each callee that takes part.

A called function cannot hand values to its reverse sweep in scope, so both sweeps are functions, and everything the
reverse one needs travels in records: every region of a callee, its body too, pushes one per run. Calls nest, so the
records of a recursion come back in the right order. The stacks are made once, by the root, and passed to every call.

    callee_augmented(arguments, shadows of buffers, stacks) -> results, shadows of buffer results
    callee_reverse(shadows of buffers, cotangents of float results, stacks) -> cotangents of float parameters
"""

from __future__ import annotations

from llad.ad.activity import Activity
from llad.ir.core import Function, Op, Value, walk
from llad.ir.types import BufferType, LifoType, carries_derivative
from llad.refusals.table import refusal


def has_shadow(value: Value) -> bool:
    """Whether a value that crosses a call is accompanied by a shadow: a buffer of floats."""
    return isinstance(value.type, BufferType) and carries_derivative(value.type)


class Calls:
    """The callees met so far, and afterwards the stacks that every function of the derivative shares."""

    def __init__(self, functions: dict[str, Function]) -> None:
        self.functions = functions
        self.met: list[str] = []
        self._names: set[str] = set()

    def differentiated(self, op: Op, activity: Activity) -> bool:
        """Whether a call takes part: something that varies goes in, something useful comes out."""
        outs = [*op.results, *[o for o in op.operands if has_shadow(o)]]
        return any(map(activity.active, op.operands)) and any(map(activity.active, outs))

    def augmented(self, callee: str) -> str:
        return f"{self._meet(callee)}_augmented"

    def reverse(self, callee: str) -> str:
        return f"{self._meet(callee)}_reverse"

    def _meet(self, callee: str) -> str:
        if callee not in self.met:
            fn = self.functions[callee]
            if any(isinstance(p.type, LifoType) for p in fn.params):
                span = fn.body.terminator.span
                raise refusal("reverse-of-reverse", span)
            self.met.append(callee)
            self._names |= {f"{callee}_augmented", f"{callee}_reverse"}
        return callee

    def share(self, fn: Function, stacks: list[Value], mine: dict[Value, Value]) -> None:
        """Pass `stacks`, by what `fn` calls them (`mine`), on to every call in `fn` of a function made here."""
        for op in walk(fn.body):
            if op.name == "call" and op.attrs["callee"] in self._names:
                op.operands = (*op.operands, *[mine[s] for s in stacks])
