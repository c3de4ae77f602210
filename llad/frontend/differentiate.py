"""`grad`, `value_and_grad` and `jvp` inside traced code: a `derivative` op of a closure-converted function.

The function is traced into an IR function of its own. What it uses of the code around it (free values, captured
arrays) becomes further parameters, so it mentions nothing but those. The op is symbolic: differentiation happens
after tracing, innermost first (I4).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from llad.frontend import transforms
from llad.frontend.arrays import copy
from llad.frontend.core import Tracer
from llad.frontend.recursion import close, free_values
from llad.frontend.results import whole
from llad.frontend.shapes import Shape, flatten, is_static_number, rebuild, shape_of, types_of
from llad.frontend.signature import ArraySpec, ScalarSpec
from llad.frontend.state import Scope
from llad.frontend.transforms import Transform
from llad.frontend.values import Array, NotHandled, Scalar, compose, describe, parts_of
from llad.ir.build import Builder
from llad.ir.core import Function, Value
from llad.ir.rewrite import copy_function
from llad.ir.types import BufferType, Type, carries_derivative
from llad.structures import LIST, TUPLE, Node


def transformation(t: Tracer, function: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    """A call of `llad.grad`, `llad.value_and_grad` or `llad.jvp` itself; else `NotHandled`."""
    if function is transforms.jvp:
        fun, primals, tangents = _three(t, *args, **kwargs)
        return apply(t, Transform("jvp", fun), [primals, tangents], {})
    if function is transforms.grad:
        return _gradient("grad", *args, **kwargs)
    if function is transforms.value_and_grad:
        return _gradient("value_and_grad", *args, **kwargs)
    return NotHandled


def _gradient(kind: Any, fun: Any, argnums: Any = 0) -> Transform:
    return Transform(kind, fun, argnums)


def _three(t: Tracer, fun: Any, primals: Any, tangents: Any) -> tuple[Any, Any, Any]:
    return fun, primals, tangents


def apply(t: Tracer, transform: Transform, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    """The call of a transformed function."""
    if transform.kind == "jvp":
        if len(args) != 2 or not all(isinstance(a, (tuple, list)) for a in args) or len(args[0]) != len(args[1]):
            t.refuse("jvp-arguments")
        return _jvp(t, transform.function, tuple(args[0]), tuple(args[1]))
    return _vjp(t, transform, args, kwargs)


@dataclass
class Callee:
    """The function under the derivative, what it is called with, and the shape of its result."""

    function: Function
    operands: list[Value]
    shapes: list[Shape]
    starts: list[int]
    result: Shape


def _vjp(t: Tracer, transform: Transform, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    if isinstance(transform.argnums, int):
        chosen: tuple[int, ...] = (transform.argnums,)
    else:
        chosen = tuple(range(len(args))) if transform.argnums is None else transform.argnums
    if any(not -len(args) <= k < len(args) for k in chosen):
        t.refuse("argnums", argnums=transform.argnums, count=len(args))
    chosen = tuple(k % len(args) for k in chosen)
    callee = _close(t, transform.function, args, kwargs, chosen)
    if not isinstance(callee.result, ScalarSpec) or not carries_derivative(callee.result.type):
        t.refuse("grad-result", got=callee.result)
    leaves = [_differentiable(callee, k) for k in chosen]
    wrt = tuple(dict.fromkeys(leaf for group in leaves for leaf in group))
    types: list[Type] = [v.type for v in callee.function.results]
    types += [_cotangent_type(callee.operands[leaf].type) for leaf in wrt]
    results = t.builder.derivative(callee.function, "vjp", wrt, callee.operands, types)
    bars = dict(zip(wrt, results[len(callee.function.results) :], strict=True))
    gradients = [_pack(callee.shapes[k], iter(range(callee.starts[k], 1 << 30)), bars) for k in chosen]
    bare = isinstance(transform.argnums, int) or (transform.argnums is None and len(args) == 1)
    gradient = gradients[0] if bare else tuple(gradients)
    if transform.kind == "grad":
        return gradient
    return Scalar(results[0], callee.result.weak), gradient


def _cotangent_type(type: Type) -> Type:
    return BufferType(type.dtype, type.rank, "C") if isinstance(type, BufferType) else type


def _differentiable(callee: Callee, k: int) -> list[int]:
    """The numbers of the operands that are the float leaves of argument `k`."""
    count = len(list(types_of(callee.shapes[k])))
    leaves = range(callee.starts[k], callee.starts[k] + count)
    return [leaf for leaf in leaves if carries_derivative(callee.operands[leaf].type)]


def _pack(shape: Shape, leaves: Iterator[int], bars: Mapping[int, Value]) -> Any:
    """Derivatives in the structure of the argument; `None` for what has none."""
    match shape:
        case ScalarSpec(weak=weak):
            bar = bars.get(next(leaves))
            return None if bar is None else Scalar(bar, weak)
        case ArraySpec():
            bar = bars.get(next(leaves))
            return None if bar is None else Array(bar)
        case Node(form=form, items=items):
            return compose(form, [_pack(item, leaves, bars) for item in items])
    return None


def _jvp(t: Tracer, function: Any, primals: tuple[Any, ...], tangents: tuple[Any, ...]) -> Any:
    callee = _close(t, function, primals, {}, range(len(primals)))
    wrt: list[int] = []
    dots: list[Value] = []
    for k, tangent in enumerate(tangents):
        _tangents(t, callee, callee.shapes[k], tangent, iter(range(callee.starts[k], 1 << 30)), wrt, dots)
    results = callee.function.results
    active = [v.type for v in results if carries_derivative(v.type)]
    types: list[Type] = [v.type for v in results] + [_cotangent_type(x) for x in active]
    made = t.builder.derivative(callee.function, "jvp", wrt, [*callee.operands, *dots], types)
    value = rebuild(t, callee.result, iter(made[: len(results)]))
    numbers = [k for k, v in enumerate(results) if carries_derivative(v.type)]
    derivatives = dict(zip(numbers, made[len(results) :], strict=True))
    return value, _pack(callee.result, iter(range(len(results))), derivatives)


def _tangents(
    t: Tracer, callee: Callee, shape: Shape, tangent: Any, leaves: Iterator[int], wrt: list[int], dots: list[Value]
) -> None:
    """The tangents of the float leaves of one primal, which have its structure."""
    match shape:
        case ScalarSpec() | ArraySpec():
            leaf = next(leaves)
            if not carries_derivative(shape.type) or tangent is None:
                return
            wrt.append(leaf)
            dots.append(_tangent(t, shape, tangent))
        case Node(form=form, items=items):
            parts = parts_of(tangent)
            if parts is not None and form == TUPLE and parts[0] == LIST:
                parts = TUPLE, parts[1]
            if parts is None or parts[0] != form or len(parts[1]) != len(items):
                t.refuse("tangent", primal=shape, got=describe(tangent))
            for item, part in zip(items, parts[1], strict=True):
                _tangents(t, callee, item, part, leaves, wrt, dots)


def _tangent(t: Tracer, shape: ScalarSpec | ArraySpec, tangent: Any) -> Value:
    if isinstance(shape, ScalarSpec) and (isinstance(tangent, Scalar) or is_static_number(tangent)):
        if isinstance(tangent, Scalar):
            return t.builder.cast(tangent.value, shape.type)
        return t.builder.const(tangent, shape.type)
    if isinstance(shape, ArraySpec) and isinstance(tangent, Array):
        same_kind = (tangent.rank, tangent.dtype) == (shape.rank, shape.dtype)
        if same_kind:
            return (tangent if tangent.type.layout == "C" else copy(t, tangent)).value
    return t.refuse("tangent", primal=shape, got=describe(tangent))


# -- closure conversion


def _close(t: Tracer, function: Any, args: Sequence[Any], kwargs: Mapping[str, Any], floats: Sequence[int]) -> Callee:
    """Trace `function` as an IR function. Numbers among the arguments `floats` become parameters too."""
    shapes = [shape_of(a, run_time=k in floats) for k, a in enumerate(args)]
    operands: list[Value] = []
    starts = []
    for arg, shape in zip(args, shapes, strict=True):
        starts.append(len(operands))
        operands += flatten(t, arg, shape)
    params = [Value(v.type, v.name) for v in operands]
    leaves = iter(params)
    inner_args = [rebuild(t, shape, leaves, given=True) for shape in shapes]
    outer, scope, home = t.builder, t.scope, t.home
    t.builder, t.scope, t.home = Builder(outer.span), Scope(scope, "region"), {}
    try:
        value = t.call(function, inner_args, kwargs)
        value, result = _owned(t, value)
        t.builder.return_(*flatten(t, value, result))
        functions = close(t.home, t.builder.root)
        free = free_values(t.builder.root, set(params))
        traced = replace(t.builder.function("closure", [*params, *free]), functions=functions)
    finally:
        t.builder, t.scope, t.home = outer, scope, home
    return Callee(_renamed(traced, free), [*operands, *free], shapes, starts, result)


def _owned(t: Tracer, value: Any) -> tuple[Any, Shape]:
    """The result with every array an allocation of the callee, and its shape."""
    if isinstance(value, Array) and not (value.type.layout == "C" and whole(t.builder.root, value.value)):
        value = copy(t, value)
    if (parts := parts_of(value)) is not None:
        value = compose(parts[0], [_owned(t, item)[0] for item in parts[1]])
    return value, shape_of(value, run_time=True)


def _renamed(function: Function, free: Sequence[Value]) -> Function:
    """A copy whose parameters are its own: the free values stay with the caller."""
    return copy_function(function)[0] if free else function
