"""Whether a region pops all that it pushes: then no handle that it pushed is left on a stack at its end.

That is so where the reverse sweep reruns an iteration and reverses it at once. It is recognised by the text: pushes and
pops follow each other like brackets, and a loop that pushes is followed by one that pops as often, over the same range
or over the reversed one.
"""

from __future__ import annotations

from collections.abc import Mapping

from llad.ir.core import Op, Region, Value, walk

_Push = tuple[object, ...]  # once, or as often as a loop of these bounds runs, what its body pushes


def pops_all(region: Region, lifo: Value, constants: Mapping[Value, int]) -> bool:
    """Whether nothing that the region pushes on a lifo from outside stays there. `constants`: of loop steps."""
    return _left(region, lifo, constants) == ()


def _left(region: Region, lifo: Value, constants: Mapping[Value, int]) -> tuple[_Push, ...] | None:
    """What the region leaves on the lifo or takes off it, in order; None if that is not clear."""
    stack: list[_Push] = []
    for op in region.ops:
        if not _mentions(op, lifo):
            continue
        if op.name == "push" and op.operands[0] is lifo and lifo not in op.operands[1:]:
            stack.append(("push",))
        elif op.name == "pop":
            stack.append(("pop",))
        elif op.name == "for" and not op.attrs["exits"]:
            inner = _left(op.regions[0], lifo, constants)
            if inner is None:
                return None
            if inner:
                kinds = {kind for kind, *_ in inner}
                if len(kinds) > 1:
                    return None
                step = constants.get(op.operands[2], op.operands[2])
                stack.append((*kinds, *op.operands[:2], step, inner))
        elif op.name != "if" or any(_left(inner, lifo, constants) != () for inner in op.regions):
            return None
        if len(stack) > 1 and _cancel(stack[-2], stack[-1]):
            del stack[-2:]
    return tuple(stack)


def _mentions(op: Op, lifo: Value) -> bool:
    return lifo in op.operands or any(lifo in inner.operands for region in op.regions for inner in walk(region))


def _cancel(first: _Push, second: _Push) -> bool:
    """Whether the second takes off just what the first has pushed."""
    if (first[0], second[0]) != ("push", "pop") or len(first) != len(second):
        return False
    if len(first) == 1:
        return True
    _, lo, hi, step, pushed = first
    _, other_lo, other_hi, other_step, popped = second
    assert isinstance(pushed, tuple) and isinstance(popped, tuple)
    same = (lo, hi, step) == (other_lo, other_hi, other_step)
    turned = (lo, hi, step, -1) == (other_hi, other_lo, 1, other_step)
    if len(pushed) != len(popped) or not (same or turned):
        return False
    return all(_cancel(a, b) for a, b in zip(pushed, reversed(popped), strict=True))
