"""Whether a region pops all that it pushes: then no handle that it pushed is left on a stack at its end.

That is so where the reverse sweep reruns an iteration and reverses it at once. The text shows it where pushes and pops
follow each other like brackets: after a push comes a pop, after a loop that pushes one that pops as often, over the
same range or the reversed one. Where the text leaves first some pushes and then some pops, and not how many, only the
run can tell: all is popped if the stack is as high at the end of the region as it was at the beginning.
"""

from __future__ import annotations

from collections.abc import Mapping

from llad.ir.core import Op, Region, Value, walk

# "push" or "pop": once; as often as a loop of these bounds runs, what its body pushes; or as often as this op does.
_Push = tuple[object, ...]


def pops_all(region: Region, lifo: Value, constants: Mapping[Value, int]) -> bool:
    """Whether nothing that the region pushes on a lifo from outside stays there. `constants`: of loop steps."""
    return _left(region, lifo, constants) == ()


def pops_at_the_end(region: Region, lifo: Value, constants: Mapping[Value, int]) -> bool:
    """Whether equal heights of the lifo before and behind the region show that nothing it pushed is left there.

    They do if all its pops come after all its pushes: then the lifo was never lower in between than it is at the end.
    """
    left = _left(region, lifo, constants)
    if not left:
        return left is not None
    kinds = [kind for kind, *_ in left]
    pushes = kinds.count("push")
    return pushes < len(kinds) and kinds == ["push"] * pushes + ["pop"] * (len(kinds) - pushes)


def _left(region: Region, lifo: Value, constants: Mapping[Value, int]) -> tuple[_Push, ...] | None:
    """What the region leaves on the lifo or takes off it, in order; None if that is not clear."""
    stack: list[_Push] = []
    for op in region.ops:
        if not _mentions(op, lifo):
            continue
        found = _effect(op, lifo, constants)
        if found is None:
            return None
        stack += found
        if len(stack) > 1 and _cancel(stack[-2], stack[-1]):
            del stack[-2:]
    return tuple(stack)


def _effect(op: Op, lifo: Value, constants: Mapping[Value, int]) -> tuple[_Push, ...] | None:
    """What one op pushes or pops."""
    inner = [_left(region, lifo, constants) for region in op.regions]
    if op.name == "for" and not op.attrs["exits"] and lifo not in op.operands and inner[0] is not None:
        kinds = {kind for kind, *_ in inner[0]}
        step = constants.get(op.operands[2], op.operands[2])
        if len(kinds) < 2:
            return tuple((kind, *op.operands[:2], step, inner[0]) for kind in kinds)
    if op.name == "if" and not any(left != () for left in inner):
        return ()
    does = {o.name if _is_plain(o, lifo) else "" for o in walk(Region((), [op])) if lifo in o.operands}
    if len(does) != 1 or "" in does:
        return None
    return ((*does, op),) if op.regions else ((*does,),)


def _is_plain(op: Op, lifo: Value) -> bool:
    """Whether it pushes on the lifo, but not the lifo itself, or pops from it."""
    return op.name == "pop" or (op.name == "push" and op.operands[0] is lifo and lifo not in op.operands[1:])


def _mentions(op: Op, lifo: Value) -> bool:
    return lifo in op.operands or any(lifo in inner.operands for region in op.regions for inner in walk(region))


def _cancel(first: _Push, second: _Push) -> bool:
    """Whether the second takes off just what the first has pushed."""
    if (first[0], second[0]) != ("push", "pop") or len(first) != len(second):
        return False
    if len(first) < 5:
        return len(first) == 1
    _, lo, hi, step, pushed = first
    _, other_lo, other_hi, other_step, popped = second
    assert isinstance(pushed, tuple) and isinstance(popped, tuple)
    same = (lo, hi, step) == (other_lo, other_hi, other_step)
    turned = (lo, hi, step, -1) == (other_hi, other_lo, 1, other_step)
    if len(pushed) != len(popped) or not (same or turned):
        return False
    return all(_cancel(a, b) for a, b in zip(pushed, reversed(popped), strict=True))
