"""Which numbers may be `undef`: a pass that computes with them earlier than the program does would read poison.

An `undef` travels unread through yields, carries, `select`s and records. What is not in the set may be read wherever it
is visible.
"""

from __future__ import annotations

from llad.ir.core import Function, Value, loop_carries, loop_inits, loop_yields, walk


def maybe_poison(fn: Function) -> frozenset[Value]:
    """The values of `fn` that may be poison. Empty, at the cost of one look at each op, if `fn` has no `undef`."""
    found: list[Value] = [op.result for op in walk(fn.body) if op.name == "undef"]
    if not found:
        return frozenset()
    flow: dict[Value, list[Value]] = {}
    for op in walk(fn.body):
        match op.name:
            case "select":
                ways = [(op.operands[1:2], op.results), (op.operands[2:3], op.results)]
            case "if":
                ways = [(r.terminator.operands, op.results) for r in op.regions]
            case "for" | "while":
                names = [op.results, *[loop_carries(op, region) for region in op.regions]]
                ways = [(source, target) for source in (loop_inits(op), loop_yields(op)) for target in names]
            case "pop":  # what was pushed may have been poison
                found += op.results
                continue
            case _:
                continue
        for source, target in ways:
            for a, b in zip(source, target, strict=False):
                flow.setdefault(a, []).append(b)
    poison: set[Value] = set()
    while found:
        value = found.pop()
        if value not in poison:
            poison.add(value)
            found += flow.get(value, ())
    return frozenset(poison)
