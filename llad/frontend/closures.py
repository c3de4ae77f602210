"""A function under a derivative: traced into an IR function of its own, closure-converted.

What it uses of the code around it (free values, captured arrays) becomes further parameters, so it mentions nothing
but those. Also what a derivative takes and gives beside its numbers and arrays: their structure.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from llad.dataclass import dataclass
from llad.frontend import extents, numbers
from llad.frontend.arrays import copy
from llad.frontend.core import Tracer
from llad.frontend.loose import refuse_late_reads
from llad.frontend.moments import go_back, now
from llad.frontend.parts import parts_of
from llad.frontend.references import refuse_late_writes
from llad.frontend.results import whole
from llad.frontend.shapes import Shape, flatten, is_static_number, rebuild, shape_of, types_of
from llad.frontend.signature import ArraySpec, ScalarSpec
from llad.frontend.state import PathEnds, Scope
from llad.frontend.table import close, free_values
from llad.frontend.transforms import Argnums
from llad.frontend.values import Array, OrNone, Scalar
from llad.ir.build import Builder
from llad.ir.core import Function, Value
from llad.ir.rewrite import copy_function
from llad.ir.types import BOOL, BufferType, carries_derivative
from llad.structures import COMPLEX, LIST, TUPLE, Form, Node


@dataclass
class Callee:
    """The function under the derivative, what it is called with, and the shape of its result."""

    function: Function
    operands: list[Value]
    shapes: list[Shape]
    starts: list[int]
    result: Shape


def close_over(
    t: Tracer,
    function: Any,
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    floats: Sequence[int],
    number: bool = False,
) -> Callee:
    """Trace `function` as an IR function. Numbers among the arguments `floats` become parameters too. `number`: of an
    array without axes it returns the one element."""
    shapes = [shape_of(a, run_time=k in floats) for k, a in enumerate(args)]
    operands: list[Value] = []
    starts = []
    for arg, shape in zip(args, shapes, strict=True):
        starts.append(len(operands))
        operands += flatten(t, arg, shape)
    params = [Value(v.type, v.name) for v in operands]
    for inner, operand in zip(params, operands, strict=True):
        t.axes.rename(inner, operand)
    leaves = iter(params)
    inner_args = [rebuild(t, shape, leaves, given=True) for shape in shapes]
    outer, scope, home, start = t.builder, t.scope, t.home, now(t)
    t.builder, t.scope, t.home = Builder(outer.span), Scope(scope, "function"), {}
    raises = False
    try:
        value = t.call(function, inner_args, kwargs)
        if number and isinstance(value, Array) and value.rank == 0:
            value = Scalar(t.builder.load(value.value))
        value, result = _owned(t, value)
        t.builder.return_(*flatten(t, value, result))
        functions = close(t.home, t.builder.root, (t.ledger.copied, t.ledger.appended))
        free = free_values(t.builder.root, set(params))
        traced = replace(t.builder.function("closure", [*params, *free]), functions=functions)
        refuse_late_reads(traced, t.ledger.copied)
        refuse_late_writes(traced, t.ledger.appended, t.ledger.copied)
    except PathEnds:
        raises = True
    finally:
        t.builder, t.scope, t.home = outer, scope, home
    if raises:  # always: so does the derivative, and what it raises is found in a call on copies
        go_back(t, start)
        t.call(function, [_owned(t, arg)[0] for arg in args], kwargs)
        raise PathEnds
    return Callee(_renamed(traced, free), [*operands, *free], shapes, starts, result)


def _owned(t: Tracer, value: Any) -> tuple[Any, Shape]:
    """The result with every array an allocation of the callee, and its shape."""
    if isinstance(value, OrNone):
        t.refuse_or_none(value)
    if isinstance(value, Array) and not (value.type.layout == "C" and whole(t.builder.root, value.value)):
        value = copy(t, value)
    if (parts := parts_of(value)) is not None:
        value = t.compose(parts[0], [_owned(t, item)[0] for item in parts[1]])
    return value, shape_of(value, run_time=True)


def _renamed(function: Function, free: Sequence[Value]) -> Function:
    """A copy whose parameters are its own: the free values stay with the caller."""
    return copy_function(function)[0] if free else function


def positions(t: Tracer, argnums: Argnums, count: int) -> tuple[int, ...]:
    """The numbers of the arguments that `argnums` names, of `count`."""
    chosen = tuple(range(count)) if argnums is None else (argnums,) if isinstance(argnums, int) else argnums
    if any(not -count <= k < count for k in chosen):
        t.refuse("argnums", argnums=argnums, count=count)
    return tuple(k % count for k in chosen)


def float_leaves(callee: Callee, k: int) -> list[int]:
    """The numbers of the operands that are the float leaves of argument `k`."""
    count = len(list(types_of(callee.shapes[k])))
    leaves = range(callee.starts[k], callee.starts[k] + count)
    return [leaf for leaf in leaves if carries_derivative(callee.operands[leaf].type)]


def pack(
    t: Tracer, shape: Shape, leaves: Iterator[int], bars: Mapping[int, Value], cotangent: bool = True
) -> Any:
    """Derivatives in the structure of the argument; `None` for what has none."""
    match shape:
        case ScalarSpec(weak=weak):
            bar = bars.get(next(leaves))
            return None if bar is None else Scalar(bar, weak)
        case ArraySpec():
            bar = bars.get(next(leaves))
            return None if bar is None else Array(bar)
        case Node(form=form, items=items):
            parts = [pack(t, item, leaves, bars, cotangent) for item in items]
            if form == COMPLEX and cotangent:
                parts[1] = numbers.unary(t, "neg", parts[1])
            return None if form.partial else t.compose(form, parts)
    return None


def tangent_of(t: Tracer, shape: ScalarSpec | ArraySpec, tangent: Any) -> Value | None:
    """A tangent or seed for a leaf of this shape as its type has it; `None` if it is of another kind."""
    if isinstance(shape, ScalarSpec) and (isinstance(tangent, Scalar) or is_static_number(tangent)):
        if isinstance(tangent, Scalar):
            return t.builder.cast(tangent.value, shape.type)
        return t.builder.const(tangent, shape.type)
    if isinstance(shape, ArraySpec) and isinstance(tangent, Array):
        same_kind = (tangent.rank, tangent.dtype) == (shape.rank, shape.dtype)
        if same_kind:
            return (tangent if tangent.type.layout == "C" else copy(t, tangent)).value
    return None


def items_like(form: Form, count: int, value: Any) -> tuple[Any, ...] | None:
    """The items of a value of this form, a list in place of a tuple too; `None` if it is of another."""
    parts = parts_of(value)
    if parts is not None and form == TUPLE and parts[0] == LIST:
        parts = TUPLE, parts[1]
    return tuple(parts[1]) if parts is not None and parts[0] == form and len(parts[1]) == count else None


def same_extents(t: Tracer, one: Value, other: Value, what: str, whose: str) -> None:
    """Raise at run time unless two buffers have the same extents."""
    assert isinstance(one.type, BufferType)
    shapes = [extents.shape_of(t, Array(v)) for v in (one, other)]
    alike: bool | Value = t.builder.const(True, BOOL)
    for a, b in zip(*shapes, strict=True):
        alike = extents.both(t, alike, extents.compare(t, "eq", a, b))
    first, second = map(extents.shape_text, shapes)
    message = f"{what} of shape {first} for {whose} of shape {second}"
    extents.check(
        t, alike, "ValueError", message, *shapes[0], *shapes[1], brief=f"{what} of another shape than {whose}"
    )
