"""The abstract type of a traced value, leaf by leaf: what paths that meet have in common.

Tuples, lists and dicts are trees whose leaves are scalars, arrays, and objects known at trace time. Values of two
paths are joined leaf by leaf (int and float give float, C and strided give strided); where that fails, there is
no common type.

Invariant: `rebuild(shape, flatten(value, shape))` is `value` converted to `shape`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from llad.diagnostics import UnsupportedError
from llad.frontend import numbers
from llad.frontend.core import Tracer
from llad.frontend.signature import ArraySpec, ScalarSpec, spec_of
from llad.frontend.state import Closure, Flag, Frame, Gone
from llad.frontend.transforms import Transform
from llad.frontend.values import Array, NoJoin, Scalar, is_static
from llad.ir.core import Value
from llad.ir.types import Type


@dataclass(frozen=True, slots=True)
class Tree:
    """A tuple, list or dict (`keys`) of shapes."""

    kind: type
    keys: tuple[Any, ...]
    items: tuple[Shape, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Static:
    """An object known at trace time."""

    value: Any

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Static) and same(self.value, other.value)

    __hash__ = None  # type: ignore[assignment]


Shape = ScalarSpec | ArraySpec | Tree | Static


def is_static_number(value: Any) -> bool:
    return isinstance(value, (bool, int, float, np.generic))


def is_number(value: Any) -> bool:
    return isinstance(value, Scalar) or is_static_number(value)


def same(a: Any, b: Any) -> bool:
    """Whether two objects known at trace time are interchangeable (0.0 and -0.0, 1 and True are not)."""
    if a is b:
        return True
    plain = (bool, int, float, complex, str, bytes, range, np.generic)
    return type(a) is type(b) and isinstance(a, plain) and repr(a) == repr(b)


def _parts(value: Any) -> tuple[type, tuple[Any, ...], tuple[Any, ...]] | None:
    """(kind, keys, items) of a tuple, list or dict."""
    if type(value) is tuple or type(value) is list:
        return type(value), (), tuple(value)
    if type(value) is dict:
        return dict, tuple(value), tuple(value.values())
    return None


def shape_of(value: Any, run_time: bool = False) -> Shape:
    """The shape of one value; with `run_time`, numbers known at trace time count as scalars."""
    if isinstance(value, Scalar):
        return ScalarSpec(value.type, value.weak)
    if isinstance(value, Array):
        return ArraySpec(value.dtype, value.rank, value.type.layout)
    if run_time and is_static_number(value):
        return _number_spec(value)
    parts = _parts(value)
    if parts is None or (not run_time and is_static(value) and parts[0] is tuple):
        return Static(value)
    kind, keys, items = parts
    return Tree(kind, keys, tuple(shape_of(item, run_time) for item in items))


def _number_spec(value: Any) -> Shape:
    try:
        spec = spec_of(value)
    except UnsupportedError:
        return Static(value)
    assert isinstance(spec, ScalarSpec)
    return spec


def join(t: Tracer, a: Any, b: Any) -> Shape:
    """The common shape of what two paths give; `Gone` is a path that gives nothing.

    Raises: NoJoin.
    """
    if a is Gone or b is Gone:
        value = b if a is Gone else a
        if escapes(t, value):
            raise NoJoin
        return shape_of(value)
    if isinstance(a, Array) and isinstance(b, Array):
        return _join_leaf(t, a, b)
    if is_number(a) and is_number(b):
        if is_static_number(a) and same(a, b):
            return Static(a)
        return _join_leaf(t, a, b)
    first, second = _parts(a), _parts(b)
    if first is not None and second is not None:
        if first[:2] != second[:2] or len(first[2]) != len(second[2]):
            raise NoJoin
        return Tree(*first[:2], tuple(join(t, x, y) for x, y in zip(first[2], second[2], strict=True)))
    if same(a, b):
        return Static(a)
    raise NoJoin


def escapes(t: Tracer, value: Any) -> bool:
    """Whether an object made at trace time on one path holds run-time values which only that path has."""
    if isinstance(value, (tuple, list)):
        return any(escapes(t, item) for item in value)
    if isinstance(value, Closure):
        frame: Frame | None = t.frame
        while frame is not None and frame is not value.frame:
            frame = frame.parent
        defaults = (*value.defaults, *value.keyword_defaults.values())
        return frame is None or not is_static(defaults)
    if isinstance(value, Transform):
        return escapes(t, value.function)
    return type(value).__module__.startswith("llad.frontend.") and not isinstance(value, (Scalar, Array))


def _join_leaf(t: Tracer, a: Any, b: Any) -> Shape:
    try:
        return numbers.join(t, a, b)
    except UnsupportedError:  # a NumPy number of a type that no traced value has
        raise NoJoin from None


def types_of(shape: Shape) -> Iterator[Type]:
    """The IR types of the run-time leaves."""
    match shape:
        case ScalarSpec() | ArraySpec():
            yield shape.type
        case Tree(items=items):
            for item in items:
                yield from types_of(item)
        case Static():
            pass


def flatten(t: Tracer, value: Any, shape: Shape, gone: Flag = False) -> list[Value]:
    """The run-time leaves of `value`, converted to `shape` where the builder stands.

    `Gone` gives zeros, which any later conversion may take, and undefined arrays. `gone` is true where an array
    in `value` may be such an undefined one, which has no layout to convert.
    """
    match shape:
        case ScalarSpec():
            if value is Gone:
                return [t.builder.const(0, shape.type)]
            return [numbers.convert(t, value, shape).value]
        case ArraySpec():
            if value is Gone:
                return [t.builder.undef(shape.type)]
            if value.type == shape.type or gone is False:
                return [numbers.convert(t, value, shape).value]
            return [_convert_unless(t, gone, value, shape)]
        case Tree(items=items):
            parts = [Gone] * len(items) if value is Gone else _parts(value)[2]  # type: ignore[index]
            return [leaf for part, s in zip(parts, items, strict=True) for leaf in flatten(t, part, s, gone)]
        case Static():
            return []


def _convert_unless(t: Tracer, gone: Flag, array: Array, shape: ArraySpec) -> Value:
    """The converted array, or `undef` where there is none."""
    b = t.builder
    if not isinstance(gone, Value):
        return b.undef(shape.type)
    with b.region() as missing:
        b.yield_(b.undef(shape.type))
    with b.region() as there:
        b.yield_(numbers.convert(t, array, shape).value)
    return b.if_(gone, missing, there)[0]


def rebuild(t: Tracer, shape: Shape, leaves: Iterator[Value]) -> Any:
    """The value whose run-time leaves are taken from `leaves`."""
    match shape:
        case ScalarSpec(weak=weak):
            return Scalar(next(leaves), weak)
        case ArraySpec():
            return Array(next(leaves))
        case Tree(kind=kind, keys=keys, items=items):
            parts: Sequence[Any] = [rebuild(t, s, leaves) for s in items]
            if kind is tuple:
                return tuple(parts)
            return t.make(dict(zip(keys, parts, strict=True)) if kind is dict else parts)
        case Static(value=value):
            return value
