"""`jacfwd` and `jacrev` inside traced code: a loop over unit tangents, or over unit seeds.

Each iteration is a `derivative` op of the function, which was traced once; those of `jacrev` share a forward sweep
where `ad/expand.py` finds that they can. An entry of the Jacobian of an array by an array has the indices of the
result, then those of the argument. That of a complex result by a real argument is complex; by a complex argument there
is none, since one complex number does not tell how a function that is not analytic varies.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from llad.frontend import numbers
from llad.frontend.arrays import allocate, nest
from llad.frontend.closures import Callee, close_over, positions
from llad.frontend.core import Tracer
from llad.frontend.shapes import Shape
from llad.frontend.signature import ArraySpec, ScalarSpec
from llad.frontend.transforms import Transform
from llad.frontend.values import Array, Scalar
from llad.ir.core import Value
from llad.ir.types import BufferType, ScalarType, Type, carries_derivative, derivative_type
from llad.structures import COMPLEX, Node


def jacobian(t: Tracer, transform: Transform, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    """Per number or array of the result, its Jacobian by the chosen argument, or a tuple of those by each."""
    chosen = positions(t, transform.argnums, len(args))
    callee = close_over(t, transform.function, args, kwargs, chosen)
    for k in chosen:
        shape = callee.shapes[k]
        if not isinstance(shape, (ScalarSpec, ArraySpec)) or not carries_derivative(shape.type):
            t.refuse("jacobian-argument", kind=transform.kind, got=shape)
    results = [v.type for v in callee.function.results]
    active = [n for n, r in enumerate(results) if carries_derivative(r)]
    types = [*results, *[derivative_type(results[n]) for n in active]]
    values = t.builder.derivative(callee.function, "jvp", (), callee.operands, types)[: len(results)]
    starts = [callee.starts[k] for k in chosen]
    if transform.kind == "jacfwd":
        made = [_columns(t, callee, leaf, values, active) for leaf in starts]
    else:
        made = _rows(t, callee, starts, values, active)
    return _packed(t, callee.result, iter(range(len(results))), made, isinstance(transform.argnums, int))


def _columns(t: Tracer, callee: Callee, leaf: int, values: Sequence[Value], active: Sequence[int]) -> dict[int, Value]:
    """Per result in `active`, its Jacobian by an operand: forward mode along each direction of the operand."""
    x = callee.operands[leaf]
    outs = {n: _blank(t, values[n].type, values[n], x) for n in active}
    types: list[Type] = [*[v.type for v in values], *[derivative_type(values[n].type) for n in active]]

    def column(indices: list[Value], _: list[Value]) -> list[Value]:
        operands = [*callee.operands, _unit(t, x, indices)]
        dots = t.builder.derivative(callee.function, "jvp", (leaf,), operands, types)[len(values) :]
        for n, dot in zip(active, dots, strict=True):
            _fill(t, outs[n], dot, lambda at: [*at, *indices])
        return []

    nest(t, _extents(t, x), [], column, "sequential")
    return {n: _number(t, out, values[n], x) for n, out in outs.items()}


def _rows(
    t: Tracer, callee: Callee, leaves: Sequence[int], values: Sequence[Value], active: Sequence[int]
) -> list[dict[int, Value]]:
    """Per operand in `leaves`, the same by reverse mode: one sweep from each element of the results."""
    wrt = tuple(dict.fromkeys(leaves))
    xs = [callee.operands[leaf] for leaf in wrt]
    types: list[Type] = [*[v.type for v in values], *[derivative_type(x.type) for x in xs]]
    made: dict[int, dict[int, Value]] = {leaf: {} for leaf in wrt}
    for n in active:
        outs = [_blank(t, x.type, values[n], x) for x in xs]

        def row(indices: list[Value], _: list[Value], n: int = n, outs: Sequence[Value] = outs) -> list[Value]:
            seeds = [_unit(t, values[m], indices) if m == n else _zero(t, values[m]) for m in active]
            found = t.builder.derivative(callee.function, "vjp", wrt, [*callee.operands, *seeds], types)
            for out, bar in zip(outs, found[len(values) :], strict=True):
                _fill(t, out, bar, lambda at: [*indices, *at])
            return []

        nest(t, _extents(t, values[n]), [], row, "sequential")
        for leaf, x, out in zip(wrt, xs, outs, strict=True):
            made[leaf][n] = _number(t, out, values[n], x)
    return [made[leaf] for leaf in leaves]


def _extents(t: Tracer, value: Value) -> list[Value]:
    """The extents of a buffer; none for a number."""
    rank = value.type.rank if isinstance(value.type, BufferType) else 0
    return [t.builder.dim(value, axis) for axis in range(rank)]


def _element(type: Type) -> ScalarType:
    assert isinstance(type, (BufferType, ScalarType))
    return type.dtype if isinstance(type, BufferType) else type


def _blank(t: Tracer, like: Type, y: Value, x: Value) -> Value:
    """Memory for the Jacobian of `y` by `x`."""
    return allocate(t, _element(like), [*_extents(t, y), *_extents(t, x)]).value


def _zero(t: Tracer, like: Value) -> Value:
    if isinstance(like.type, BufferType):
        return allocate(t, like.type.dtype, _extents(t, like), zero=True).value
    return t.builder.const(0.0, _element(like.type))


def _unit(t: Tracer, like: Value, indices: list[Value]) -> Value:
    """Zeros of the extents of `like` with a one at the indices."""
    one = t.builder.const(1.0, _element(like.type))
    if not isinstance(like.type, BufferType):
        return one
    made = _zero(t, like)
    t.builder.store(one, made, *indices)
    return made


def _fill(t: Tracer, out: Value, part: Value, place: Any) -> None:
    """Store every element of `part`, whose indices `place` takes to those in `out`."""

    def store(at: list[Value], _: list[Value]) -> list[Value]:
        element = t.builder.load(part, *at) if isinstance(part.type, BufferType) else part
        t.builder.store(element, out, *place(at))
        return []

    nest(t, _extents(t, part), [], store, "parallel")


def _number(t: Tracer, out: Value, y: Value, x: Value) -> Value:
    """The Jacobian, as a number if both are numbers."""
    both = isinstance(y.type, ScalarType) and isinstance(x.type, ScalarType)
    return t.builder.load(out) if both else out


def _packed(t: Tracer, shape: Shape, leaves: Iterator[int], made: Sequence[dict[int, Value]], bare: bool) -> Any:
    match shape:
        case ScalarSpec() | ArraySpec():
            n = next(leaves)
            by = [_value(jacobians.get(n), shape) for jacobians in made]
            return by[0] if bare else tuple(by)
        case Node(form=form, items=items):
            if form == COMPLEX:
                parts = [_packed(t, item, leaves, made, False) for item in items]
                by = [_complex(t, re, im) for re, im in zip(*parts, strict=True)]
                return by[0] if bare else tuple(by)
            return t.compose(form, [_packed(t, item, leaves, made, bare) for item in items])
    return None


def _complex(t: Tracer, re: Any, im: Any) -> Any:
    """The Jacobian of a complex result by a real argument, of those of its parts, which may be constant."""
    if re is None and im is None:
        return None
    found = [numbers.binary(t, "mul", 0.0, im if part is re else re) if part is None else part for part in (re, im)]
    return t.give(t.compose(COMPLEX, found))


def _value(jacobian: Value | None, shape: ScalarSpec | ArraySpec) -> Any:
    if jacobian is None:
        return None
    if isinstance(jacobian.type, BufferType):
        return Array(jacobian)
    return Scalar(jacobian, isinstance(shape, ScalarSpec) and shape.weak)
