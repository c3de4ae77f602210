"""Activity: which values and memory take part in a derivative (Griewank & Walther 2008, §6.2).

A value is *varied* if it depends on a differentiated parameter, *useful* if a differentiated result depends on
it, through values and memory; *active* if both. Memory is judged by class: roots that some value may stand for
at once (`a, b = b, a`) share one class, because their shadows travel together.

Sound: flow-insensitive over memory, so a class is active from its first to its last use.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from llad.ir.alias import Aliases
from llad.ir.core import Function, Op, Value, loop_carries, loop_inits, loop_yields, walk
from llad.ir.types import BufferType, ScalarType, carries_derivative, is_float
from llad.ops.table import OPS


class Activity:
    """`active(value)` for scalars, buffers (any root's class) and lifos."""

    def __init__(self, fn: Function, aliases: Aliases, wrt: Iterable[Value], results: Iterable[Value] | None) -> None:
        self._aliases = aliases
        self._parent: dict[Value, Value] = {}
        self._key: dict[Value, Value | None] = {}
        ops = list(walk(fn.body))
        for op in ops:
            for value in (*op.operands, *op.results, *(a for r in op.regions for a in r.args)):
                if isinstance(value.type, BufferType):
                    roots = sorted(aliases.roots(value), key=lambda v: v.name)
                    for other in roots[1:]:
                        self._union(roots[0], other)
        flows = [
            (a, b)
            for op in ops
            for source, target in _flows(op)
            if (a := self._representative(source)) and (b := self._representative(target)) and a is not b
        ]
        self.varied = self._spread(flows, wrt)
        self.useful = None if results is None else self._spread([(b, a) for a, b in flows], results)

    def active(self, value: Value) -> bool:
        key = self._representative(value)
        return key is not None and key in self.varied and (self.useful is None or key in self.useful)

    # -- memory classes

    def _find(self, root: Value) -> Value:
        while self._parent.get(root, root) is not root:
            root = self._parent[root]
        return root

    def _union(self, a: Value, b: Value) -> None:
        a, b = self._find(a), self._find(b)
        if a is not b:
            self._parent[b] = a

    def _representative(self, value: Value) -> Value | None:
        """The value itself, or for a buffer its class; None if it cannot hold a derivative."""
        if value not in self._key:
            key: Value | None = value
            if not carries_derivative(value.type):
                key = None
            elif isinstance(value.type, BufferType):
                roots = self._aliases.roots(value)
                key = self._find(next(iter(roots))) if roots else None
            self._key[value] = key
        return self._key[value]

    # -- propagation

    def _spread(self, flows: list[tuple[Value, Value]], start: Iterable[Value]) -> set[Value]:
        """What is reached from `start` along `flows`, start included."""
        marked: set[Value] = {k for v in start if (k := self._representative(v)) is not None}
        edges: dict[Value, list[Value]] = {}
        for source, target in flows:
            edges.setdefault(source, []).append(target)
        stack = list(marked)
        while stack:
            for target in edges.get(stack.pop(), ()):
                if target not in marked:
                    marked.add(target)
                    stack.append(target)
        return marked


def _flows(op: Op) -> list[tuple[Value, Value]]:
    """The pairs (from, to) along which an op passes a derivative on."""
    match op.name:
        case "load":
            return [(op.operands[0], op.result)]
        case "store":
            return [(op.operands[0], op.operands[1])]
        case "if":
            return [pair for r in op.regions for pair in zip(r.terminator.operands, op.results, strict=True)]
        case "for" | "while":
            return _loop_flows(op)
        case "push":
            return [(v, op.operands[0]) for v in op.operands[1:]]
        case "pop":
            return [(op.operands[0], r) for r in op.results]
        case "cast":
            return [(op.operands[0], op.result)]
        case "call":  # anything may reach any result, and any memory that it was given
            memory = [o for o in op.operands if not isinstance(o.type, ScalarType)]
            return [(o, target) for o in op.operands for target in (*op.results, *memory)]
        case name if name in OPS:
            if OPS[name].partial is None or not is_float(op.result.type):
                return []
            held = OPS[name].held
            return [(o, op.result) for k, o in enumerate(op.operands) if k not in held]
        case _:
            return []


def _loop_flows(op: Op) -> list[tuple[Value, Value]]:
    carries = loop_carries(op)
    pairs = list(zip(carries, op.regions[0].args, strict=True)) if op.name == "while" else []
    for init, carry, next_, result in zip(loop_inits(op), carries, loop_yields(op), op.results, strict=False):
        # carry → result: a carry that nothing reads still carries the adjoint of the result
        pairs += [(init, carry), (next_, carry), (init, result), (next_, result), (carry, result)]
    return pairs


def said_of(op: Op) -> dict[str, Any]:
    """The attributes of `op` that a loop has, too, which stands for it: that it may run on threads, that it is rare,
    that it is joined with no other."""
    return {key: value for key, value in (("threads", "may"), ("rare", True), ("ahead", True)) if op.attrs.get(key)}
