"""What a trace is keyed by and what it gives: argument types, the traced function, its results and its guards.

An `ArgSpec` is the type of an argument as the compiler sees it. Extents are not part of it: one trace serves every
size (I1), except that a trace may ask whether an axis has just one element, which broadcasts. Scalars and arrays double
as the abstract types of values inside a trace (`numbers.join`).

Invariant: specs are hashable and compare by value; arguments of equal specs share a trace as long as every guard
of that trace holds.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import field
from itertools import accumulate, chain, pairwise
from operator import is_
from types import CellType
from typing import Any, TypeAlias

import numpy as np

from llad import structures
from llad.complex_numbers import is_complex
from llad.dataclass import dataclass
from llad.ir.core import Function
from llad.ir.types import BOOL, F32, F64, I32, I64, BufferType, Layout, ScalarType
from llad.refusals.table import refusal
from llad.returned import Result
from llad.structures import DEEPEST, Form, Node, opened


@dataclass(frozen=True, slots=True)
class ScalarSpec:
    """A run-time number. `weak`: a Python number, which takes the type of what it meets (NEP 50)."""

    type: ScalarType
    weak: bool = False

    def __str__(self) -> str:
        return str(self.type)


@dataclass(frozen=True, slots=True)
class ArraySpec:
    """A run-time array. `shape`: its extents, where they are known; they do not tell specs apart.

    `loose`, `turned`: as of an `Array` (`values.py`).
    """

    dtype: ScalarType
    rank: int
    layout: Layout = "C"
    shape: tuple[int, ...] | None = field(default=None, compare=False, repr=False)
    loose: bool = False
    turned: bool = False

    @property
    def type(self) -> BufferType:
        return BufferType(self.dtype, self.rank, self.layout)

    def __str__(self) -> str:
        return f"array of {self.dtype} with {self.rank} {'axis' if self.rank == 1 else 'axes'}"


@dataclass(frozen=True, slots=True, eq=False)
class StaticSpec:
    """What is constant for a trace: `None`, a string, a function… compared by class and value (1 is not `True`, nor a
    member of an enumeration)."""

    value: Any

    def __eq__(self, other: object) -> bool:
        return isinstance(other, StaticSpec) and (self.value is other.value or _told(self.value) == _told(other.value))

    def __hash__(self) -> int:
        return hash(self.value)

    def __str__(self) -> str:
        return repr(self.value)


def _told(value: Any) -> object:
    """What tells a hashable object from those that merely equal it."""
    if isinstance(value, (tuple, frozenset)):
        return type(value), type(value)(map(_told, value)) if type(value) in (tuple, frozenset) else value
    own = id(value) if getattr(value, "__dict__", None) and isinstance(value, (int, float, str)) else None
    return type(value), value, own, float.__repr__(value) if isinstance(value, float) else None


ArgSpec: TypeAlias = "ScalarSpec | ArraySpec | StaticSpec | Node[ArgSpec]"

DTYPES: dict[np.dtype[Any], ScalarType] = {
    np.dtype(np.float64): F64,
    np.dtype(np.float32): F32,
    np.dtype(np.int64): I64,
    np.dtype(np.int32): I32,
    np.dtype(np.bool_): BOOL,
}

_WEAK = {float: ScalarSpec(F64, True), int: ScalarSpec(I64, True), bool: ScalarSpec(BOOL, True)}


def spec_of(value: object, depth: int = 0) -> ArgSpec:
    """The spec of an argument, or of a `Node` whose leaves are as they are passed; `depth`: how deep it stands.

    Raises: ArgumentError when nothing can be compiled for such an argument.
    """
    if (weak := _WEAK.get(type(value))) is not None:
        return weak
    if isinstance(value, np.ndarray) and not is_complex(value):
        return _array_spec(value)
    if isinstance(value, np.generic) and not is_complex(value):
        if value.dtype not in DTYPES:
            raise refusal("argument-dtype", what="a NumPy scalar", dtype=value.dtype)
        return ScalarSpec(DTYPES[value.dtype])
    structure = (value.form, value.items) if isinstance(value, Node) else opened(value)
    if structure is not None:
        form, items = structure
        check_form(form, depth)
        return Node(form, tuple(spec_of(item, depth + 1) for item in items))
    if isinstance(value, (dict, set, tuple, list, bytearray)):
        raise refusal("argument-type", type=type(value).__name__)
    try:
        hash(value)
    except TypeError:
        raise refusal("argument-type", type=type(value).__name__) from None
    return StaticSpec(value)


def check_form(form: Form, depth: int) -> None:
    """Refuse the form of an argument `depth` levels deep that no trace can have.

    Raises: ArgumentError.
    """
    if depth > DEEPEST:
        raise refusal("argument-depth", depth=DEEPEST)
    if form.cls is dict:
        for key in form.keys:
            if type(key) is not str and type(key) is not int:
                raise refusal("argument-key", key=repr(key))


def is_plain_array(value: object) -> bool:
    """Whether it is an array of no class that may compute otherwise than NumPy's own."""
    return type(value) is np.ndarray or type(value) is np.memmap


def _array_spec(array: np.ndarray[Any, Any]) -> ArraySpec:
    if array.dtype not in DTYPES or not array.dtype.isnative:
        raise refusal("argument-dtype", what="an array", dtype=array.dtype)
    if not is_plain_array(array):
        raise refusal("array-class", type=type(array).__name__)
    layout: Layout = "C" if array.flags.c_contiguous else "strided"
    return ArraySpec(DTYPES[array.dtype], array.ndim, layout, array.shape)


def leaves(spec: ArgSpec) -> Iterator[ScalarSpec | ArraySpec]:
    """The run-time leaves of a spec, left to right: the parameters of the traced function."""
    return (leaf for leaf in structures.leaves(spec) if not isinstance(leaf, StaticSpec))


def leaf_ranges(specs: Sequence[ArgSpec]) -> list[range]:
    """Per argument, which of the run-time leaves of all are its own."""
    ends = list(accumulate((len(list(leaves(spec))) for spec in specs), initial=0))
    return [range(start, end) for start, end in pairwise(ends)]


def attached(spec: ArgSpec, able: bool = True) -> Iterator[tuple[ScalarSpec | ArraySpec, bool]]:
    """The run-time leaves, each with whether a gradient has a place for it: of plain objects, there is none."""
    if isinstance(spec, Node):
        for item in spec.items:
            yield from attached(item, able and not spec.form.partial)
    elif not isinstance(spec, StaticSpec):
        yield spec, able


# In place of a name: all that is in a list, dict or set.
ALL = ""


def contents(container: list[Any] | dict[Any, Any] | set[Any]) -> tuple[Any, ...]:
    """All that is in it, in its order: of a dict each key and what it stands for."""
    if isinstance(container, dict):
        return tuple(chain.from_iterable(container.items()))
    return tuple(container)


@dataclass(frozen=True, slots=True, eq=False)
class Guard:
    """The trace stands only while `name` of `holder` is this very object.

    `holder` is a cell (its contents count), a namespace (`globals()`, a module's or an object's `__dict__`), or,
    for `__code__`, `__defaults__` and `__kwdefaults__`, a function. `Missing` as `value`: the name is not there.
    Without a name (`ALL`), `holder` is a list, dict or set, and `value` all that is in it.
    `lasting`: nobody rebinds it in a process, so calls do not look at it; in the next process it may be another.
    """

    holder: CellType | Mapping[str, Any] | Any
    name: str
    value: object
    lasting: bool = False

    def holds(self) -> bool:
        """Whether what was found at trace time is still there."""
        holder = self.holder
        if self.name == ALL:
            known: Any = self.value
            now = contents(holder)  # type: ignore[arg-type]
            return len(now) == len(known) and all(map(is_, now, known))
        if isinstance(holder, CellType):
            try:
                return holder.cell_contents is self.value
            except ValueError:
                return False
        if isinstance(holder, Mapping):
            return holder.get(self.name, Missing) is self.value
        return getattr(holder, self.name, Missing) is self.value


class _Missing:
    def __repr__(self) -> str:
        return "Missing"


Missing = _Missing()


# Per (parameter, axis, count): whether that axis has just so many elements.
Lengths = Mapping[tuple[int, int, int], bool]


@dataclass(frozen=True, slots=True, eq=False)
class Traced:
    """A Python function as IR: parameters are the run-time leaves of the arguments, then the captured arrays.

    `lengths`: the answers that the trace depends on.
    `reads`: all that was read outside of the arguments, in this order; `None` if some of it is not known.
    """

    function: Function
    result: Result
    captured: tuple[np.ndarray[Any, Any], ...]
    reads: tuple[Guard, ...] | None
    guards: tuple[Guard, ...]
    lengths: Lengths = field(default_factory=dict)


def fits(specs: Sequence[ArgSpec], captured: Sequence[np.ndarray[Any, Any]], lengths: Lengths) -> bool:
    """Whether arguments of these specs, and the captured arrays as they are now, have the axes of those answers."""
    known = [leaf.shape if isinstance(leaf, ArraySpec) else None for spec in specs for leaf in leaves(spec)]
    known += [array.shape for array in captured]
    asked = [(known[parameter], axis, count, so) for (parameter, axis, count), so in lengths.items()]
    return all(shape is not None and (shape[axis] == count) == so for shape, axis, count, so in asked)
