"""Derivatives inside traced code: `derivative` ops of closure-converted functions.

The op is symbolic: differentiation happens after tracing, innermost first (I4).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from llad.frontend import jacobians, pullbacks, transforms
from llad.frontend.closures import (
    Callee,
    close_over,
    float_leaves,
    items_like,
    pack,
    positions,
    same_extents,
    tangent_of,
)
from llad.frontend.core import Tracer
from llad.frontend.shapes import Shape, rebuild
from llad.frontend.signature import ArraySpec, ScalarSpec
from llad.frontend.transforms import Transform
from llad.frontend.values import NotHandled, Scalar, describe
from llad.ir.core import Value
from llad.ir.types import Type, carries_derivative, derivative_type
from llad.structures import Node


def transformation(t: Tracer, function: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    """A call of `llad.grad` or another function of `transforms.py` itself; else `NotHandled`."""
    if function is transforms.jvp:
        fun, primals, tangents = _three(t, *args, **kwargs)
        return apply(t, Transform("jvp", fun), [primals, tangents], {})
    if function is transforms.grad:
        return _of_function("grad", *args, **kwargs)
    if function is transforms.value_and_grad:
        return _of_function("value_and_grad", *args, **kwargs)
    if function is transforms.vjp:
        return apply(t, Transform("vjp", args[0]), args[1:], kwargs)
    if function in (transforms.jacfwd, transforms.jacrev):
        return _of_function(function.__name__, *args, **kwargs)
    if function is transforms.hessian:
        return _hessian(*args, **kwargs)
    return NotHandled


def _hessian(fun: Any, argnums: Any = 0) -> Transform:
    return Transform("jacfwd", Transform("jacrev", fun, argnums), argnums)


def _of_function(kind: Any, fun: Any, argnums: Any = 0) -> Transform:
    return Transform(kind, fun, argnums)


def _three(t: Tracer, fun: Any, primals: Any, tangents: Any) -> tuple[Any, Any, Any]:
    return fun, primals, tangents


def apply(t: Tracer, transform: Transform, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    """The call of a transformed function."""
    if transform.kind == "jvp":
        if len(args) != 2 or not all(isinstance(a, (tuple, list)) for a in args) or len(args[0]) != len(args[1]):
            t.refuse("jvp-arguments")
        return _jvp(t, transform.function, tuple(args[0]), tuple(args[1]))
    if transform.kind == "vjp":
        if kwargs:
            t.refuse("vjp-arguments", name=next(iter(kwargs)))
        return pullbacks.vjp(t, transform.function, args)
    if transform.kind in ("jacfwd", "jacrev"):
        return jacobians.jacobian(t, transform, args, kwargs)
    return _gradient(t, transform, args, kwargs)


def _gradient(t: Tracer, transform: Transform, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    chosen = positions(t, transform.argnums, len(args))
    callee = close_over(t, transform.function, args, kwargs, chosen, number=True)
    if not isinstance(callee.result, ScalarSpec) or not carries_derivative(callee.result.type):
        t.refuse("grad-result", got=callee.result)
    leaves = [float_leaves(callee, k) for k in chosen]
    wrt = tuple(dict.fromkeys(leaf for group in leaves for leaf in group))
    types: list[Type] = [v.type for v in callee.function.results]
    types += [derivative_type(callee.operands[leaf].type) for leaf in wrt]
    results = t.builder.derivative(callee.function, "grad", wrt, callee.operands, types)
    bars = dict(zip(wrt, results[len(callee.function.results) :], strict=True))
    gradients = [pack(t, callee.shapes[k], iter(range(callee.starts[k], 1 << 30)), bars) for k in chosen]
    bare = isinstance(transform.argnums, int) or (transform.argnums is None and len(args) == 1)
    gradient = gradients[0] if bare else tuple(gradients)
    if transform.kind == "grad":
        return gradient
    return Scalar(results[0], callee.result.weak), gradient


def _jvp(t: Tracer, function: Any, primals: tuple[Any, ...], tangents: tuple[Any, ...]) -> Any:
    callee = close_over(t, function, primals, {}, range(len(primals)))
    wrt: list[int] = []
    dots: list[Value] = []
    for k, tangent in enumerate(tangents):
        _tangents(t, callee, callee.shapes[k], tangent, iter(range(callee.starts[k], 1 << 30)), wrt, dots)
    results = callee.function.results
    active = [v.type for v in results if carries_derivative(v.type)]
    types: list[Type] = [v.type for v in results] + [derivative_type(x) for x in active]
    made = t.builder.derivative(callee.function, "jvp", wrt, [*callee.operands, *dots], types)
    value = rebuild(t, callee.result, iter(made[: len(results)]))
    numbers = [k for k, v in enumerate(results) if carries_derivative(v.type)]
    derivatives = dict(zip(numbers, made[len(results) :], strict=True))
    return value, pack(t, callee.result, iter(range(len(results))), derivatives, cotangent=False)


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
            dot = tangent_of(t, shape, tangent)
            if dot is None:
                t.refuse("tangent", primal=shape, got=describe(tangent))
            if isinstance(shape, ArraySpec):
                same_extents(t, dot, callee.operands[leaf], "a tangent", "an argument")
            dots.append(dot)
        case Node(form=form, items=items):
            parts = items_like(form, len(items), tangent)
            if parts is None:
                t.refuse("tangent", primal=shape, got=describe(tangent))
            for item, part in zip(items, parts, strict=True):
                _tangents(t, callee, item, part, leaves, wrt, dots)
