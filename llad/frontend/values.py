"""What a Python expression is while it is traced.

A run-time number is a `Scalar`, a run-time array an `Array`; tuples, lists and dicts of them are Python's own, and
objects whose attributes they are, `Record`s;
everything that is known at trace time is the Python object itself. So there is no third kind of value, and Python
handles what is static.

Invariant: a `Scalar` holds a value of scalar type and an `Array` one of buffer type; both belong to the function
being traced. An `ndarray` never appears as a static operand: the tracer makes it an `Array` (a hidden parameter)
where it is first met.

The abstract type of a run-time value is a `ScalarSpec` or `ArraySpec` of `signature.py`: what `numbers.join` gives
and `numbers.convert` takes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import field, replace
from itertools import count
from types import BuiltinFunctionType, FunctionType
from typing import Any, ClassVar, Final, NoReturn, Protocol, TypeAlias

import numpy as np

from llad.complex_numbers import Complex
from llad.dataclass import dataclass
from llad.diagnostics import Span
from llad.frontend.alike import Alike
from llad.frontend.axes import Axes
from llad.ir.build import Builder
from llad.ir.core import Region, Value
from llad.ir.types import BufferType, ScalarType
from llad.structures import Form


@dataclass(frozen=True, slots=True)
class Dim:
    """The extent of one axis of a buffer, by name: equal names are equal extents. `many`: it is known not to be 1."""

    buffer: Value
    axis: int
    many: bool = field(default=False, compare=False)


@dataclass(frozen=True, slots=True)
class Less:
    """The extent of `x[1:-1]`: `by` fewer elements than `of`, but not fewer than none."""

    of: Value | Dim | Single
    by: int


@dataclass(frozen=True, slots=True)
class Single:
    """The extent of `x[k : k + 1]`: 1, or 0 where there is no such element."""

    count: Value


# How many elements an axis has: a number, an i64, or what it is by name.
Extent = int | Value | Dim | Less | Single


@dataclass(frozen=True, slots=True)
class Scalar:
    """A run-time number. `weak`: it came from a Python number, so it takes the type of what it meets (NEP 50).

    `extent`: its name, if it was asked for as the length of an axis (`len(x)`).
    """

    value: Value
    weak: bool = False
    extent: Dim | Less | None = field(default=None, compare=False, repr=False)

    @property
    def type(self) -> ScalarType:
        assert isinstance(self.value.type, ScalarType)
        return self.value.type


_births = count()


@dataclass(frozen=True, slots=True)
class Array:
    """A run-time array: a window on mutable memory.

    What is known beyond its type, where it is known: `extents`, and `root`, the allocation that it is a window on.
    After a merge nothing is. `born` counts arrays in the order of the trace: the memory of an array is no younger.
    `loose`: it may be a copy where NumPy has a view, so it is not written. `turned`: NumPy may have it in another order
    in memory, as what is made of a transpose, so it is not known whether its `ravel` is a view there.
    """

    value: Value
    extents: tuple[Extent, ...] | None = field(default=None, compare=False, repr=False)
    root: Value | None = field(default=None, compare=False, repr=False)
    born: int = field(default_factory=_births.__next__, compare=False, repr=False)
    loose: bool = field(default=False, compare=False, repr=False)
    turned: bool = field(default=False, compare=False, repr=False)

    @property
    def type(self) -> BufferType:
        assert isinstance(self.value.type, BufferType)
        return self.value.type

    @property
    def dtype(self) -> ScalarType:
        return self.type.dtype

    @property
    def rank(self) -> int:
        return self.type.rank


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """A list whose length is known only at run time: each item is a row of `items`.

    `weak`: the numbers in it are Python's. `kinds`: what each of the first axes is, a list of lists or of tuples.
    `of`: the list that this is, as it is now, if it may grow. `least`: it has at least so many items."""

    shown: ClassVar[str] = "a list of a length that is known only at run time"

    items: Array
    weak: bool = False
    kinds: tuple[type, ...] = (list,)
    of: Room | None = None
    least: int = 0

    @property
    def first(self) -> Rows:
        """A column as long as all: there is but one."""
        return self

    @property
    def arrays(self) -> tuple[Array, ...]:
        """The items, column by column."""
        return (self.items,)

    def item(self, row: Any) -> Any:
        """A row as an item of the list."""
        if len(self.kinds) > 1:
            return Rows(row, self.weak, self.kinds[1:])
        return Scalar(row.value, weak=True) if self.weak and isinstance(row, Scalar) else row


@dataclass(frozen=True, slots=True)
class ItemKind:
    """What the items of a list have in common: `dtype` and `weak` of the numbers in them, the `extents` of an item
    (`None`: not known where the list is), and what lists or tuples they are, the list itself first."""

    dtype: ScalarType
    weak: bool
    extents: tuple[Extent | None, ...] = ()
    kinds: tuple[type, ...] = (list,)

    @property
    def of_numbers(self) -> bool:
        """Whether items are numbers, or lists and tuples of numbers: nobody else has them."""
        return len(self.extents) == len(self.kinds) - 1


@dataclass(frozen=True, slots=True)
class Structure:
    """What structures have in common that are items of a list: their form, and what each of their parts is."""

    form: Form
    parts: tuple[Kind, ...]


Kind: TypeAlias = "ItemKind | Structure"


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """A list of structures of one form, whose length is known only at run time: each part of theirs has a column, a
    list as long as this one. `of` and `least` as in `Rows`."""

    shown: ClassVar[str] = "a list of structures, of a length that is known only at run time"

    form: Form
    columns: tuple[Rows | Table, ...]
    of: Room | None = None
    least: int = 0

    @property
    def first(self) -> Rows:
        """A column as long as all."""
        return self.columns[0].first

    @property
    def arrays(self) -> tuple[Array, ...]:
        """The items, column by column."""
        return tuple(array for column in self.columns for array in column.arrays)


@dataclass(slots=True, eq=False)
class Room:
    """Where the items of a list that loops append to stand: a list in Python is an object, and so is this.

    `arrays`: one row an item, one array for each column of `kind` (none: the loop is traced to learn that, which may
    change, or the room is `elastic`: a list that has filled its memory moves to twice as much, and has it with it).
    `home` is the region, and `born` the scope, where it was made; `least`: how many items the list has at least;
    `open`: the loop being traced appends. `whole`: a comprehension made it, so it has the arrays themselves that are
    items in Python, which may be written, and no copies. `reused`: rows are written again (`changing.py`); `refilled`:
    also for lists that the loop begins anew. While learning, `guessed`: its kind was asked for before one was known;
    `shown`: the kinds that it was read as; `marks`: what stands for the appends.
    """

    home: Region
    born: object
    kind: Kind | None = None
    arrays: tuple[Array, ...] = ()
    least: int = 0
    open: bool = True
    whole: bool = False
    elastic: bool = False
    reused: bool = False
    refilled: bool = False
    guessed: bool = False
    shown: list[Kind] = field(default_factory=list)
    marks: set[Value] = field(default_factory=set)


@dataclass(frozen=True, slots=True, eq=False)
class Growing:
    """What a name holds if loops append to its list: the first `count` rows of the room, of which there are `least`.

    `memory`: where the items are by now, if the room is elastic. No expression gives it."""

    shown: ClassVar[str] = "a list that grows in a loop"

    room: Room
    count: int | Scalar
    least: int = 0
    memory: tuple[Array, ...] = ()

    @property
    def arrays(self) -> tuple[Array, ...]:
        """One row an item, and perhaps more."""
        return self.memory or self.room.arrays


@dataclass(frozen=True, slots=True, eq=False)
class Lazy:
    """What Python makes item by item, as it is asked: `map(f, xs)`, `zip(xs, ys)`, a generator over what is known.

    `begin` starts over; what it gives is traced when it is asked for. `sources`: what it goes over. `is_generator`: it
    reads names when it is asked."""

    shown: ClassVar[str] = "a lazy sequence"

    begin: Callable[[], Iterable[Any]]
    sources: tuple[object, ...] = ()
    is_generator: bool = False

    def reaches(self, thing: object) -> bool:
        """Whether it goes over an object."""
        return any(s is thing or (isinstance(s, Lazy) and s.reaches(thing)) for s in self.sources)


def argument(value: Value) -> Array:
    """An array from outside: what has gaps or goes backwards may be in any order."""
    array = Array(value)
    return replace(array, turned=array.rank > 1 and array.type.layout != "C")


class Marker:
    """A unique object with a name."""

    __slots__ = ("name",)
    shown = "nothing"

    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return self.name


# What `spellings.attribute` and `spellings.call` return for what they do not know.
NotHandled: Final = Marker("NotHandled")

# What a local variable holds before its first assignment.
Unbound: Final = Marker("Unbound")


class NoJoin(Exception):
    """Two values have no common type."""


class Context(Protocol):
    """What arithmetic, indexing and spellings may ask of the tracer."""

    @property
    def builder(self) -> Builder:
        """Where ops go; its `span` is that of the innermost expression being evaluated."""

    @property
    def axes(self) -> Axes:
        """What is known of the axes of arguments."""

    @property
    def alike(self) -> Alike:
        """Which extents are equal."""

    def refuse(self, name: str, /, **details: object) -> NoReturn:
        """Raise `UnsupportedError` at the current span with the text of row `name` of the table of refusals."""

    def call(self, function: object, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        """Call anything callable as traced code would: a user's function is inlined."""

    def note_copy(self, copy: Value, source: Value) -> None:
        """Note that a copy was made where NumPy may have a view."""

    def lift(self, value: Any) -> Any:
        """The value as traced code sees it: an `ndarray` becomes an `Array`, all else stays."""


@dataclass(slots=True, eq=False)
class Record:
    """An object with attributes in traced code: a dataclass that is an argument, or what a class was called for.

    The class is the user's, and its methods and properties are traced; the fields hold traced values.
    """

    cls: type
    fields: dict[str, Any]
    partial: bool = False  # it is an argument of a plain class: attributes that are not here were not asked for
    stale: Span | None = None  # it is a copy of what was changed there

    @property
    def is_dataclass(self) -> bool:
        return hasattr(self.cls, "__dataclass_fields__")

    @property
    def shown(self) -> str:
        if self.cls is Complex:
            return f"a complex {'array' if isinstance(self.fields['re'], Array) else 'number'}"
        changed = self.stale is not None or any(getattr(part, "outdated", False) for part in self.fields.values())
        return f"a {self.cls.__name__}{' that has changed' if changed else ''}"


def leaves_of(kind: Kind) -> tuple[ItemKind, ...]:
    """What the columns hold in which items of this kind stand."""
    if isinstance(kind, Structure):
        return tuple(leaf for part in kind.parts for leaf in leaves_of(part))
    return (kind,)


@dataclass(frozen=True, slots=True, eq=False)
class OrNone:
    """What is `inner` where the run-time bool `there` is true, and `None` elsewhere (`nones.py`)."""

    there: Scalar
    inner: Any


def is_static(value: Any) -> bool:
    """Whether the value is known at trace time, leaves of tuples and lists included."""
    if isinstance(value, (Scalar, Array, Record, Rows, Table, OrNone)):
        return False
    if isinstance(value, (tuple, list)):
        return all(map(is_static, value))
    return True


def describe(value: Any) -> str:
    """The value's type as an error message names it."""
    if isinstance(value, Scalar):
        return str(value.type)
    if isinstance(value, Array):
        return f"array of {value.dtype} with {value.rank} {'axis' if value.rank == 1 else 'axes'}"
    if isinstance(value, (tuple, list)):
        inner = ", ".join(map(describe, value))
        comma = "," if len(value) == 1 else ""
        return f"({inner}{comma})" if isinstance(value, tuple) else f"[{inner}]"
    if isinstance(value, Record):
        return value.shown
    if isinstance(value, OrNone):
        return f"{describe(value.inner)} or None"
    if type(value) is dict:
        return str(Form(dict, tuple(value))) if value else "an empty dict"
    if value is None or isinstance(value, (bool, int, float, str)):
        return repr(value)
    if isinstance(value, (FunctionType, BuiltinFunctionType, np.ufunc)):
        return f"the function {value.__name__}"
    return getattr(type(value), "shown", type(value).__name__)
