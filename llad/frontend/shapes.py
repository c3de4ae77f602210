"""The abstract type of a traced value, leaf by leaf: what paths that meet have in common.

Structures are trees whose leaves are scalars, arrays, and objects known at trace time. Values of two
paths are joined leaf by leaf (int and float give float, C and strided give strided); where that fails, there is
no common type.

Invariant: `rebuild(shape, flatten(value, shape))` is `value` converted to `shape`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from functools import partial
from typing import Any, TypeAlias

import numpy as np

from llad.complex_numbers import Complex
from llad.dataclass import dataclass
from llad.diagnostics import UnsupportedError
from llad.frontend import numbers
from llad.frontend.core import Tracer
from llad.frontend.extents import extents_of
from llad.frontend.meeting import as_columns, common_list
from llad.frontend.parts import AS_THEY_ARE, AsTheyAre, compose, parts_of
from llad.frontend.signature import ArraySpec, ScalarSpec, spec_of
from llad.frontend.state import Closure, Flag, Frame, Gone
from llad.frontend.transforms import Transform
from llad.frontend.values import Array, Extent, Growing, NoJoin, OrNone, Record, Rows, Scalar, Table, is_static
from llad.ir.core import Value
from llad.ir.types import BOOL, BufferType, Type
from llad.structures import COMPLEX, Form, Node


@dataclass(frozen=True, slots=True, eq=False)
class Static:
    """An object known at trace time."""

    value: Any

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Static) and same(self.value, other.value)

    __hash__ = None  # type: ignore[assignment]


_DEEPEST = 3  # values that may be `None` in one another: a chain of objects may become longer in each iteration

Parts = tuple[Form, tuple[Any, ...]]
Shape: TypeAlias = "ScalarSpec | ArraySpec | Static | Node[Shape]"


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


def shape_of(value: Any, run_time: bool = False, is_same: Callable[[Any], bool] = lambda _: False) -> Shape:
    """The shape of one value; with `run_time`, numbers known at trace time count as scalars. `is_same`: of objects that
    are what they are, rather than what they are made of."""
    if isinstance(value, Scalar):
        return ScalarSpec(value.type, value.weak)
    if isinstance(value, Array):
        return ArraySpec(value.dtype, value.rank, value.type.layout, loose=value.loose, turned=value.turned)
    if run_time and is_static_number(value):
        return _number_spec(value)
    parts = parts_of(value)
    if parts is None or (not run_time and is_static(value) and type(value) is tuple):
        return Static(value)
    form, items = parts
    if is_same(value):
        return Static(value)
    return Node(form, tuple(shape_of(item, run_time, is_same) for item in items))


def _number_spec(value: Any) -> Shape:
    try:
        spec = spec_of(value)
    except UnsupportedError:
        return Static(value)
    assert isinstance(spec, ScalarSpec)
    return spec


def join(t: Tracer, a: Any, b: Any, there: Sequence[AsTheyAre] = (AS_THEY_ARE, AS_THEY_ARE)) -> Shape:
    """The common shape of what two paths give; `Gone` is a path that gives nothing. `there`: how objects are on each.

    Raises: NoJoin.
    """
    if a is Gone or b is Gone:
        value = b if a is Gone else a
        if escapes(t, value):
            raise NoJoin
        return shape_of(value, is_same=partial(is_there, t))
    if isinstance(a, OrNone) or isinstance(b, OrNone) or (a is None) is not (b is None):
        return _join_or_none(t, a, b, there)
    if a is b and is_there(t, a):
        return Static(a)
    if isinstance(a, Array) and isinstance(b, Array):
        return _join_leaf(t, a, b)
    if is_number(a) and is_number(b):
        if is_static_number(a) and same(a, b):
            return Static(a)
        return _join_leaf(t, a, b)
    if (lists := common_list(t, there[0].items(a), there[1].items(b))) is not None:
        return lists
    first, second = _numbers_alike(there[0].parts(a), a, b), _numbers_alike(there[1].parts(b), b, a)
    if first is not None and second is not None:
        if first[0] != second[0] or len(first[1]) != len(second[1]):
            raise NoJoin
        pairs = zip(first[1], second[1], strict=True)
        return Node(first[0], tuple(_join_part(t, first[0], x, y, there) for x, y in pairs))
    if same(a, b):
        return Static(a)
    raise NoJoin


def _join_part(t: Tracer, form: Form, a: Any, b: Any, there: Sequence[AsTheyAre]) -> Shape:
    """The common shape of two parts: only attributes may be `None` on one path, for what takes tuples takes them
    whole."""
    if not form.is_record and (a is None) is not (b is None):
        raise NoJoin
    return join(t, a, b, there)


def _join_or_none(t: Tracer, a: Any, b: Any, there: Sequence[AsTheyAre]) -> Shape:
    """The common shape of values of which one may be `None`; there is no end of such that hold others."""
    x, y = (Gone if v is None else v.inner if isinstance(v, OrNone) else v for v in (a, b))
    if isinstance(x, Growing) or isinstance(y, Growing):
        raise NoJoin
    with there[0 if y is Gone else 1].entered() if x is Gone or y is Gone else nullcontext():
        inner = join(t, x, y, there)
    if _depth(inner) >= _DEEPEST:
        raise NoJoin
    return Node(Form(OrNone), (ScalarSpec(BOOL, True), inner))


def _depth(shape: Shape) -> int:
    """How many values that may be `None` stand in one another."""
    if not isinstance(shape, Node):
        return 0
    return max(map(_depth, shape.items), default=0) + (shape.form.cls is OrNone)


def as_or_none(value: Any) -> tuple[Any, Any]:
    """Whether a value is there, and what it is if it is not `None`."""
    if isinstance(value, OrNone):
        return value.there, value.inner
    return (Gone, Gone) if value is Gone else (value is not None, Gone if value is None else value)


def is_there(t: Tracer, value: Any) -> bool:
    """Whether this is a list, dict or object that is there on every path which comes by here. (Complex numbers are
    none: what they are is what they are made of, wherever that is.)"""
    if isinstance(value, Record) and value.cls is Complex:
        return False
    birth = t.ledger.birth(value) if isinstance(value, (list, dict, Record)) else None
    return birth is not None and (birth.kind == "given" or t.scope.sees(birth))


def _numbers_alike(parts: Parts | None, value: Any, other: Any) -> Parts | None:
    """The parts of a value; beside a complex number, those of a real one."""
    met = parts_of(other) if parts is None and is_number(value) else None
    return (COMPLEX, (value, 0.0)) if met is not None and met[0] == COMPLEX else parts


def escapes(t: Tracer, value: Any) -> bool:
    """Whether an object made at trace time on one path holds run-time values which only that path has."""
    if isinstance(value, Growing):
        return value.room.home not in t.builder.around
    if (parts := parts_of(value)) is not None:
        return any(escapes(t, item) for item in parts[1])
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
        case Node(items=items):
            for item in items:
                yield from types_of(item)
        case Static():
            pass


def extents_within(value: Any, shape: Shape) -> Iterator[tuple[Extent | None, ...]]:
    """Those of each array among the run-time leaves, `None` where nothing is known of one that `value` has there.

    The columns of a list that is known only at run time are as long as the list is then: nothing is known of them.
    """
    match shape:
        case ArraySpec(rank=rank):
            yield extents_of(value) if isinstance(value, Array) else (None,) * rank
        case Node(form=Form(cls=cls), items=(_, inner)) if cls is OrNone:
            yield from extents_within(as_or_none(value)[1], inner)
        case Node(form=form, items=items):
            found = None if form.cls in (Growing, Rows, Table) else parts_of(value)
            parts = (Gone,) * len(items) if found is None else found[1]
            for part, s in zip(parts, items, strict=True):
                yield from extents_within(part, s)
        case _:
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
        case Node(form=Form(cls=cls), items=(flag, inner)) if cls is OrNone:
            is_there, part = as_or_none(value)
            gone = _missing(t, gone, is_there, inner)
            return [*flatten(t, is_there, flag), *flatten(t, part, inner, gone)]
        case Node(items=items):
            if is_number(value):  # where others are complex
                value = Record(Complex, {"re": value, "im": 0.0})
            if shape.form.cls in (Rows, Table) and value is not Gone:
                value = as_columns(t, value, shape)
            parts = [Gone] * len(items) if value is Gone else parts_of(value)[1]  # type: ignore[index]
            return [leaf for part, s in zip(parts, items, strict=True) for leaf in flatten(t, part, s, gone)]
        case Static():
            return []


def _missing(t: Tracer, gone: Flag, is_there: Any, inner: Shape) -> Flag:
    """Whether there may be no array to convert, where what may be `None` is `gone`, or `None`."""
    if not isinstance(is_there, Scalar) or gone is True or not any(isinstance(x, BufferType) for x in types_of(inner)):
        return gone
    without = t.builder.op("not", is_there.value)
    return t.builder.op("or", gone, without) if isinstance(gone, Value) else without


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


def rebuild(
    t: Tracer,
    shape: Shape,
    leaves: Iterator[Value],
    given: bool = False,
    measured: Callable[[Array], Array] = lambda array: array,
) -> Any:
    """The value whose run-time leaves are taken from `leaves`. `given`: others may hold it, so nobody may change it.
    `measured` adds what is known of the extents of each array, in their order."""
    match shape:
        case ScalarSpec(weak=weak):
            return Scalar(next(leaves), weak)
        case ArraySpec(loose=loose, turned=turned):
            return measured(Array(next(leaves), loose=loose, turned=turned))
        case Node(form=form, items=items):
            made = compose(form, [rebuild(t, s, leaves, given, measured) for s in items])
            if isinstance(made, (tuple, Growing, Rows, Table)):
                return made
            return t.give(made, "met") if given else t.make(made)
        case Static(value=value):
            return value
