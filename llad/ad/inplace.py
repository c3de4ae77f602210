"""Checkpointed loops keep arrays in place: what they carry is numbers only.

What: an array that the iterations of a loop marked with `CHECKPOINT` hand on (`u = u + h * f(u)`, or two that change
places) becomes one array that stands before the loop and that each iteration overwrites at its end. Then the state of
the loop (`snapshots.py`) is memory with a name, whose extents do not change; that they do not is checked.

When: nobody sees the difference between the array that is handed on and a copy of its elements. That is so if all of
what is handed on is memory that nobody writes but its maker, before it is handed on. If it is written later, in place,
no other name may have it: the carries never meet (`ir.distinct`), and what they start from is not mentioned again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from llad.ad.memory import as_layout, copy_buffer, copy_into
from llad.ad.stretches import stretched
from llad.ir.alias import Aliases
from llad.ir.build import Builder
from llad.ir.core import CHECKPOINT, Function, Op, Region, Value, loop_carries, loop_inits, loop_yields, viewed, walk
from llad.ir.distinct import Distinct
from llad.ir.poison import maybe_poison
from llad.ir.rewrite import copy_function
from llad.ir.types import BufferType
from llad.refusals.table import refusal

Values = dict[Value, Value]

_CHANGED = "an array that a checkpointed loop hands on changes its shape"


def in_place(fn: Function) -> Function:
    """`fn`, with loops that are checkpointed in a form that `snapshots.py` knows.

    Raises: DerivativeError if such a loop hands on arrays that other names may see being written.
    """
    loops = [op for op in walk(fn.body) if _is_rewritten(op)]
    if not loops:
        return fn
    _Judge(fn).refuse_seen(loops)
    copy, _ = copy_function(fn)
    new: Values = {}
    constants = {op.result: op.attrs["value"] for op in walk(copy.body) if op.name == "const"}
    _rewrite(copy.body, new, constants)
    for op in walk(copy.body):
        op.operands = tuple(_last(new, o) for o in op.operands)
    _zero_states(copy)
    return replace(copy, functions=fn.functions)


def _is_rewritten(op: Op) -> bool:
    """Whether `op` is a loop that can be checkpointed: one that may end early is refused later (`strategies.py`)."""
    return CHECKPOINT in op.attrs and not op.attrs["exits"]


def _last(new: Values, value: Value) -> Value:
    while value in new:
        value = new[value]
    return value


def _rewrite(region: Region, new: Values, constants: Mapping[Value, object]) -> None:
    ops: list[Op] = []
    for op in region.ops:
        for inner in op.regions:
            _rewrite(inner, new, constants)
        ops += _in_stretches(op, new, constants) if _is_rewritten(op) else [op]
    region.ops = ops


def _in_stretches(loop: Op, new: Values, constants: Mapping[Value, object]) -> list[Op]:
    b = Builder(loop.span)
    found = stretched(b, loop, constants)
    if found is None:
        return _held(loop, new)
    made, new[loop.results[-1]] = found
    return [*b.root.ops, *_held(made, new)]


def _held(loop: Op, new: Values) -> list[Op]:
    """What stands for a loop; `new` learns what stands for its arrays."""
    b = Builder(loop.span)
    body, carries, yields = loop.regions[0], loop_carries(loop), loop_yields(loop)
    arrays = [k for k, c in enumerate(carries) if isinstance(c.type, BufferType)]
    numbers = [k for k in range(len(carries)) if k not in arrays]
    inits = loop_inits(loop)
    held = {k: copy_buffer(b, inits[k], hint=carries[k].name) for k in arrays}
    for k in arrays:
        for value in (carries[k], loop.results[k]):
            assert isinstance(value.type, BufferType)
            new[value] = as_layout(b, held[k], value.type)
    end = body.ops.pop()
    made = {r: op for op in body.ops for r in op.results}
    b.span = end.span or loop.span
    with b.inside(body):
        moved = [k for k in arrays if yields[k] is not carries[k]]
        for k in moved:
            _check_extents(b, yields[k], held[k])
        fresh = [yields[k] if _is_allocated(yields[k], made) else copy_buffer(b, yields[k]) for k in moved]
        for k, source in zip(moved, fresh, strict=True):
            copy_into(b, source, held[k])
        b.yield_(*[yields[k] for k in numbers])
    body.args = (body.args[0], *[carries[k] for k in numbers])
    attrs = {key: value for key, value in loop.attrs.items() if key != "apart"}
    operands = (*loop.operands[:3], *[inits[k] for k in numbers])
    results = (*[loop.results[k] for k in numbers], loop.results[-1])
    return [*b.root.ops, Op("for", operands, results, attrs, (body,), loop.span)]


def _shown(carry: Value) -> str:
    what = "an array" if isinstance(carry.type, BufferType) else "a number"
    return f"`{carry.name}`" if carry.name else what


def _is_allocated(array: Value, made: dict[Value, Op]) -> bool:
    """Whether `array` is memory of the iteration at whose end it is handed on, or a window on it."""
    op = made.get(viewed(array, made))
    return op is not None and op.name == "alloc"


def _check_extents(b: Builder, array: Value, held: Value) -> None:
    assert isinstance(array.type, BufferType)
    for axis in range(array.type.rank):
        b.check(b.op("eq", b.dim(array, axis), b.dim(held, axis)), "ValueError", _CHANGED)


def _zero_states(fn: Function) -> None:
    """Let memory that checkpointed loops write be zeroed where it is made: a copy of it reads all of it."""
    aliases = Aliases(fn)
    written = {root for op in walk(fn.body) if CHECKPOINT in op.attrs for root in aliases.written(op)}
    for op in walk(fn.body):
        if op.name == "alloc" and op.result in written:
            op.attrs = {**op.attrs, "zero": True}


class _Judge:
    """Whether somebody would see that arrays are copied."""

    def __init__(self, fn: Function) -> None:
        self._aliases = Aliases(fn)
        self._distinct = Distinct(fn, self._aliases)
        self._poison = maybe_poison(fn)
        self._made: dict[Value, Op] = {}
        self._position: dict[Op, int] = {}
        self._around: dict[Op, tuple[Op, ...]] = {}
        self._enter(fn.body, ())

    def _enter(self, region: Region, around: tuple[Op, ...]) -> None:
        for op in region.ops:
            self._position[op] = len(self._position)
            self._around[op] = around
            self._made.update(dict.fromkeys(op.results, op))
            for inner in op.regions:
                self._enter(inner, (*around, op))

    def refuse_seen(self, loops: list[Op]) -> None:
        for loop in loops:
            carries = [c for c in loop_carries(loop) if isinstance(c.type, BufferType)]
            for init, carry in zip(loop_inits(loop), loop_carries(loop), strict=True):
                if init in self._poison and (carry in carries or self._is_read(carry, loop)):
                    why = f"hands on {_shown(carry)}, which is not assigned before it"
                    raise refusal("checkpoint-loop", loop.span, why=why, hint="assign it before the loop")
            if carries and self._written_later(loop, carries) and not self._alone(loop, carries):
                shown = " and ".join(map(_shown, carries))
                why = f"hands on {shown}, which may have other names by which it is written"
                raise refusal("checkpoint-loop", loop.span, why=why, hint="hand on a copy, e.g. `a.copy()`")

    def _is_read(self, carry: Value, loop: Op) -> bool:
        return any(carry in op.operands for op in walk(loop.regions[0]))

    def _roots(self, loop: Op, carries: list[Value]) -> frozenset[Value]:
        results = [r for r in loop.results if isinstance(r.type, BufferType)]
        return frozenset().union(*map(self._aliases.roots, (*carries, *results)))

    def _written_later(self, loop: Op, carries: list[Value]) -> bool:
        """Whether something writes what is handed on, but for its maker before that."""
        roots = self._roots(loop, carries)
        for op in self._position:
            written = self._aliases.written(op) if not op.regions else frozenset()
            if not roots.isdisjoint(written) and not self._is_before(op, loop) and not self._is_making(op, loop):
                return True
        return False

    def _is_making(self, op: Op, loop: Op) -> bool:
        """Whether `op` stores to memory that the iteration around it has made."""
        made = self._made.get(viewed(op.operands[1], self._made)) if op.name == "store" else None
        return made is not None and made.name == "alloc" and loop in self._around[made]

    def _is_before(self, op: Op, loop: Op) -> bool:
        """Whether all that `op` does to some memory comes before the loop."""
        if self._position[op] > self._position[loop]:
            return False
        again = [o for o in self._around[loop] if o.name != "if" and o in self._around[op]]
        return not again or self._is_making(op, again[-1])

    def _alone(self, loop: Op, carries: list[Value]) -> bool:
        """Whether no two carries meet, and nothing else has what they start from, in the loop or behind it."""
        if not all(self._distinct(a, c) for k, c in enumerate(carries) for a in carries[:k]):
            return False
        own = {*loop_carries(loop), *loop.results}
        roots = self._roots(loop, carries)
        outside = frozenset(r for r in roots if r not in self._made or loop not in self._around[self._made[r]])
        outer = [o for o in self._around[loop] if o.name != "if"]
        if any(r not in self._made or not {*outer}.issubset(self._around[self._made[r]]) for r in outside):
            return False
        for op, position in self._position.items():
            if position <= self._position[loop]:
                continue
            for operand in op.operands:
                meets = not outside.isdisjoint(self._aliases.roots(operand))
                if meets and viewed(operand, self._made) not in own and op.name != "yield":
                    return False
        return True
