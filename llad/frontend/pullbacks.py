"""`llad.vjp` inside traced code: the value, and a pullback that is applied to seeds later on.

A pullback lives while tracing only. What it was made of is copied when it is made, so that whatever is written
afterwards, it is the derivative at the values of then. Each application is a `derivative` op of its own: it may stand
in a loop or a branch, before others and after, and be differentiated itself. `ad/expand.py` finds out which of them can
go on from one forward sweep.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from llad.dataclass import dataclass
from llad.frontend import numbers
from llad.frontend.arrays import copy
from llad.frontend.closures import (
    Callee,
    close_over,
    float_leaves,
    items_like,
    pack,
    same_extents,
    tangent_of,
)
from llad.frontend.core import Tracer
from llad.frontend.shapes import Shape, rebuild
from llad.frontend.signature import ArraySpec, ScalarSpec
from llad.frontend.values import Array, describe
from llad.ir.core import Value
from llad.ir.types import BufferType, carries_derivative, derivative_type
from llad.structures import COMPLEX, Node


@dataclass(frozen=True, slots=True, eq=False)
class Pullback:
    """Takes a seed of the structure of `function(*primals)` to a cotangent per primal.

    `operands`: those of the callee, arrays as copies; `values`: its results, whose extents the seeds must have.
    """

    callee: Callee
    operands: tuple[Value, ...]
    values: tuple[Value, ...]
    shown = "a pullback of `llad.vjp`"


def vjp(t: Tracer, function: Any, primals: Sequence[Any]) -> tuple[Any, Pullback]:
    """`function(*primals)`, and its pullback."""
    callee = close_over(t, function, primals, {}, range(len(primals)))
    operands = tuple(copy(t, Array(v)).value if isinstance(v.type, BufferType) else v for v in callee.operands)
    results = [v.type for v in callee.function.results]
    types = [*results, *[derivative_type(r) for r in results if carries_derivative(r)]]
    made = t.builder.derivative(callee.function, "jvp", (), callee.operands, types)
    value = rebuild(t, callee.result, iter(made[: len(results)]))
    return value, Pullback(callee, operands, made[: len(results)])


def pull(t: Tracer, pullback: Pullback, args: Sequence[Any], kwargs: Mapping[str, Any]) -> tuple[Any, ...]:
    """The call of a pullback: a cotangent per primal, `None` for what has none."""
    if len(args) != 1 or kwargs:
        t.refuse("seed", result=_shown(pullback.callee.result), got=f"{len(args) + len(kwargs)} arguments")
    callee = pullback.callee
    seeds: list[Value] = []
    _seeds(t, callee.result, args[0], iter(pullback.values), seeds)
    groups = [float_leaves(callee, k) for k in range(len(callee.shapes))]
    wrt = tuple(leaf for group in groups for leaf in group)
    types = [v.type for v in callee.function.results] + [derivative_type(callee.operands[leaf].type) for leaf in wrt]
    results = t.builder.derivative(callee.function, "vjp", wrt, [*pullback.operands, *seeds], types)
    bars = dict(zip(wrt, results[len(pullback.values) :], strict=True))
    firsts = zip(callee.shapes, callee.starts, strict=True)
    return tuple(pack(t, shape, iter(range(start, 1 << 30)), bars) for shape, start in firsts)


def _seeds(t: Tracer, shape: Shape, seed: Any, values: Iterator[Value], seeds: list[Value]) -> None:
    """The seeds of the float leaves of a result of this shape."""
    match shape:
        case ScalarSpec() | ArraySpec():
            value = next(values)
            if not carries_derivative(shape.type):
                if seed is not None:
                    t.refuse("seed", result=_shown(shape), got=describe(seed))
                return
            given = tangent_of(t, shape, seed)
            if given is None:
                t.refuse("seed", result=_shown(shape), got=describe(seed))
            if isinstance(shape, ArraySpec):
                same_extents(t, given, value, "a seed", "a result")
            seeds.append(given)
        case Node(form=form, items=items):
            parts = items_like(form, len(items), seed)
            if parts is None:
                t.refuse("seed", result=_shown(shape), got=describe(seed))
            if form == COMPLEX:
                parts = parts[0], numbers.unary(t, "neg", parts[1])
            for item, part in zip(items, parts, strict=True):
                _seeds(t, item, part, values, seeds)


def _shown(shape: Shape) -> str:
    if isinstance(shape, Node):
        return f"a structure of {len(shape.items)}"
    return str(shape) if isinstance(shape, (ScalarSpec, ArraySpec)) else repr(shape.value)
