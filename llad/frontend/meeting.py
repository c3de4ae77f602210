"""Lists of two paths that meet: of several lengths, or of one that is known only at run time.

    xs = [v * v for v in a]                 what `xs` is afterwards has the items of one list or of the other one,
    if len(xs) > 3:                         in an array that the `if` gives
        xs = xs[1:]

Nobody knows then which of the lists it is that goes on, so nothing may change either of them any more (`hold`).

Invariant: `as_columns` gives what has the shape that `common_list` gave.
"""

from __future__ import annotations

from typing import Any, TypeAlias

from llad.frontend import numbers
from llad.frontend.arrays import allocate
from llad.frontend.core import Tracer
from llad.frontend.kinds import refuse
from llad.frontend.promotion import is_static_number, kind_of, promote
from llad.frontend.rooms import snapshot
from llad.frontend.signature import ArraySpec, ScalarSpec
from llad.frontend.values import Growing, ItemKind, Kind, NoJoin, Room, Rows, Scalar, Structure, Table
from llad.ir.types import F64, Layout, ScalarType
from llad.structures import Form, Node

Columns: TypeAlias = "ArraySpec | Node[Columns]"


def common_list(t: Tracer, a: Any, b: Any) -> Columns | None:
    """The shape of what is one list or the other; `None` if these are none that need an array.

    Raises: NoJoin, if they have nothing in common."""
    if isinstance(a, Growing) and isinstance(b, Growing) and a.room is b.room:
        return None
    listed = isinstance(a, (Rows, Table, Growing)) or isinstance(b, (Rows, Table, Growing))
    if not listed and (type(a) is not list or type(b) is not list or len(a) == len(b)):
        return None
    one, other = _columns_of(t, a, b), _columns_of(t, b, a)
    if one is None or other is None:
        return other if one is None else one
    return _both(one, other)


def _columns_of(t: Tracer, value: Any, beside: Any = None) -> Columns | None:
    """The shape of a list; `None` of one without items, which goes with any other. Numbers of a list of known length
    may become what those beside them are."""
    match value:
        case Table(form=form, columns=columns):
            return Node(Form(Table, (form,)), tuple(c for c in (_columns_of(t, column) for column in columns) if c))
        case Rows(items=items, weak=weak, kinds=kinds):
            leaf = ArraySpec(items.dtype, items.rank, items.type.layout, loose=items.loose, turned=items.turned)
            return Node(Form(Rows, (weak, kinds)), (leaf,))
        case Growing(room=room):
            return _columns_of_kind(room.kind or ItemKind(F64, weak=True))
        case list() if all(isinstance(item, Scalar) or is_static_number(item) for item in value):
            if not value:
                return None
            type, weak = promote([kind_of(t, item) for item in value] + _kinds_in(t, beside), arrays=False)
            return _columns_of_kind(ItemKind(type, weak))
    raise NoJoin


def _kinds_in(t: Tracer, value: Any) -> list[tuple[ScalarType, bool]]:
    """What the numbers in a list are."""
    match value:
        case Rows(items=items, weak=weak):
            return [(items.dtype, weak)]
        case Growing(room=Room(kind=ItemKind(dtype=dtype, weak=weak))):
            return [(dtype, weak)]
        case list():
            return [kind_of(t, item) for item in value if isinstance(item, Scalar) or is_static_number(item)]
    return []


def _columns_of_kind(kind: Kind) -> Columns:
    if isinstance(kind, Structure):
        return Node(Form(Table, (kind.form,)), tuple(map(_columns_of_kind, kind.parts)))
    leaf = ArraySpec(kind.dtype, 1 + len(kind.extents), loose=not kind.of_numbers)
    return Node(Form(Rows, (kind.weak, kind.kinds)), (leaf,))


def _both(one: Columns, other: Columns) -> Columns:
    if isinstance(one, Node) and isinstance(other, Node) and len(one.items) == len(other.items):
        if one.form.cls is other.form.cls is Rows and one.form.keys[1] == other.form.keys[1]:
            weak = one.form.keys[0] and other.form.keys[0]
            return Node(Form(Rows, (weak, one.form.keys[1])), (_both(one.items[0], other.items[0]),))
        if one.form == other.form:
            return Node(one.form, tuple(map(_both, one.items, other.items)))
    if not isinstance(one, ArraySpec) or not isinstance(other, ArraySpec):
        raise NoJoin
    if one.dtype != other.dtype or one.rank != other.rank:
        raise NoJoin
    layout: Layout = "C" if one.layout == other.layout == "C" else "strided"
    loose, turned = one.loose or other.loose, one.turned or other.turned
    return ArraySpec(one.dtype, one.rank, layout, loose=loose, turned=turned)


def as_columns(t: Tracer, value: Any, shape: Node[Any]) -> Rows | Table:
    """A list of one of the paths as one of the common shape, but for the layout of its arrays."""
    hold(t, value)
    if isinstance(value, Growing):
        return snapshot(t, value)
    return _filled(t, value, shape) if type(value) is list else value


def _filled(t: Tracer, items: list[Any], shape: Node[Any]) -> Rows | Table:
    """A list of known items in memory."""
    if shape.form.cls is Table:
        parts = [_filled(t, items, part) for part in shape.items if isinstance(part, Node)]
        return Table(shape.form.keys[0], tuple(parts))
    (leaf,) = shape.items
    assert isinstance(leaf, ArraySpec)
    type: ScalarType = leaf.dtype
    array = allocate(t, type, [len(items), *[0] * (leaf.rank - 1)])
    for k, item in enumerate(items):
        t.builder.store(numbers.convert(t, item, ScalarSpec(type)).value, array.value, t.builder.i64(k))
    return Rows(array, *shape.form.keys)


def hold(t: Tracer, value: Any) -> None:
    """Note that a list goes on where nobody knows which one it is, so that nothing may change it."""
    room = value.room if isinstance(value, Growing) else value.of if isinstance(value, (Rows, Table)) else None
    if room is not None and room.open:
        refuse(t, "is what another name, or a result, may refer to as well")
    if room is not None or type(value) is list:
        t.ledger.keep(value if room is None else room)
