"""Which operations each iteration of a loop waits for before the next can begin: these keep Python's order.

To reassociate, LLVM sorts the terms of a sum, and where it makes `fma` of a sum of products, it puts what is not yet
known innermost: in `y = b x[i] - a y`, a filter, all terms with `x` would be added after the one that waits for the
iteration before, which makes the recurrence twice as long. Whoever wrote it added what is new to what was there, so
the order in which it is written is rarely a bad one. `contract` stays: one `fma` is shorter than a product and a sum.

A plain sum (or product) is no such recurrence: reassociated it becomes several, side by side.
"""

from __future__ import annotations

from collections.abc import Iterator

from llad.ir.core import Function, Op, Region, Value, walk
from llad.ir.cycles import cycles
from llad.ir.types import is_float

_CHOOSE = frozenset({"select", "if", "load", "store", "neg"})
_SUMS = frozenset({"add", "sub"})


def recurrences(fn: Function) -> frozenset[Op]:
    """The sums of floats on a cycle from one iteration of a loop to the next, in which what is known before meets
    what waits for the iteration before, and the sums that go on from these."""
    found: set[Op] = set()
    for op in walk(fn.body):
        if op.name in ("for", "while"):
            for cycle in cycles(_edges(op)):
                ops = [node for node in cycle if isinstance(node, Op)]
                if not _is_sum(ops):
                    found |= _mixed(ops, {v for node in cycle for v in _values(node)})
    return frozenset(found)


def _mixed(cycle: list[Op], waiting: set[Value]) -> set[Op]:
    sums = {op.result: op for op in cycle if op.name in _SUMS and is_float(op.result.type)}
    found = {v for v, op in sums.items() if not waiting.issuperset(op.operands)}
    pending = list(found)
    while pending:
        value = pending.pop()
        onward = [v for v, op in sums.items() if value in op.operands and v not in found]
        found.update(onward)
        pending += onward
    return {sums[v] for v in found}


def _values(node: Op | Value) -> tuple[Value, ...]:
    return node.results if isinstance(node, Op) else (node,)


def _is_sum(cycle: list[Op]) -> bool:
    """Whether all that a cycle does is to add to a number, or to multiply it."""
    rest = {op.name for op in cycle} - _CHOOSE
    return rest <= _SUMS or rest <= {"mul"}


def _edges(loop: Op) -> dict[Op | Value, set[Op | Value]]:
    """What waits for each op and each carry. An inner loop is one op, and so is a branch beside the ops in it."""
    body = loop.regions[-1]
    after: dict[Op | Value, set[Op | Value]] = {arg: set() for arg in body.args}
    made: dict[Value, Op] = {}
    stores: dict[Value, list[Op]] = {}
    loads: dict[Value, list[Op]] = {}
    for op in _straight(body):
        after[op] = set()
        made.update(dict.fromkeys(op.results, op))
        if op.name in ("load", "store"):
            known = loads if op.name == "load" else stores
            known.setdefault(op.operands[op.name == "store"], []).append(op)
    for op in _straight(body):
        inner = [o for each in (op, *(w for r in op.regions for w in walk(r))) for o in each.operands]
        for operand in inner:
            source = made.get(operand, operand)
            if source in after and source is not op:
                after[source].add(op)
    if not loop.attrs.get("apart"):  # what an iteration stores, a later one may load
        for buffer, found in stores.items():
            for store in found:
                after[store].update(loads.get(buffer, ()))
    yielded = body.terminator.operands
    carried = body.args[len(body.args) - len(loop.results) + 1 :]
    for arg, value in zip(carried, yielded[len(yielded) - len(carried) :], strict=True):
        source = made.get(value, value)
        if source in after:
            after[source].add(arg)
    return after


def _straight(region: Region) -> Iterator[Op]:
    """The ops of a body and of the branches in it, but not of loops."""
    for op in region.ops:
        yield op
        if op.name == "if":
            for inner in op.regions:
                yield from _straight(inner)
