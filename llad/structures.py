"""Structures: tuples, lists, dicts, named tuples, dataclasses and complex numbers, as what they are made of.

Arguments, their types, results and the values inside a trace are all trees: a `Node` has a form, which says what
Python sees, and items. This is the one place that takes structures apart and puts them together.

Invariant: putting together runs no code of the user's class: items are set as they are, without `__init__`,
`__post_init__` or `__new__`. So a gradient may hold `None` where a class would insist on a number.
"""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from enum import Enum
from functools import lru_cache, partial
from operator import attrgetter
from types import FunctionType, MemberDescriptorType
from typing import Any, Generic, TypeVar

import numpy as np

from llad import complex_numbers
from llad.complex_numbers import Complex, is_complex
from llad.dataclass import dataclass

T = TypeVar("T", covariant=True)

# Deeper than this an argument is refused, and so is one that contains itself.
DEEPEST = 64

_HEAP_TYPE = 1 << 9
_TWO = ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "matmul", "and", "or", "xor", "lshift", "rshift")
_ONE = ("neg", "pos", "invert", "abs", "bool", "int", "float", "index", "round", "lt", "le", "gt", "ge", "eq", "ne")
_OPERATORS = [f"__{name}__" for name in (*_TWO, *(f"r{name}" for name in _TWO), *_ONE)]
_LIBRARIES = frozenset({*sys.stdlib_module_names, "llad", "numpy", "scipy"}) - {"__main__"}


class _Absent:
    def __repr__(self) -> str:
        return "ABSENT"


# What stands for an attribute that an object does not have.
ABSENT = _Absent()


def of_class(cls: type, name: str, default: Any = None) -> Any:
    """What objects of a class have by that name from it, as it stands there; nothing that only the class itself has."""
    return next((vars(base)[name] for base in cls.__mro__ if name in vars(base)), default)


# The names of the attributes that count, of objects of each class.
Attributes = Mapping[type, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Form:
    """What a structure is but its items: its class, and the keys of a dict or the names of fields.

    `partial`: an object of a plain class, which may have further attributes. `conjugate`: of a cotangent of a complex
    number, the imaginary part of which has the other sign.
    """

    cls: type
    keys: tuple[Any, ...] = ()
    partial: bool = False
    conjugate: bool = False

    @property
    def cotangent(self) -> Form:
        """The form of a cotangent."""
        return replace(self, conjugate=True) if self.cls is Complex else self

    @property
    def is_record(self) -> bool:
        """Whether its items are attributes."""
        return not issubclass(self.cls, tuple) and self.cls not in (list, dict)

    def build(self, items: Sequence[Any]) -> Any:
        """The structure with these items."""
        cls = self.cls
        if issubclass(cls, tuple):
            return tuple(items) if cls is tuple else tuple.__new__(cls, items)
        if cls is list:
            return list(items)
        if cls is dict:
            return dict(zip(self.keys, items, strict=True))
        if cls is Complex:
            return complex_numbers.joined(items[0], items[1], self.conjugate)
        made = object.__new__(cls)
        for name, item in zip(self.keys, items, strict=True):
            object.__setattr__(made, name, item)
        return made

    @property
    def builder(self) -> Callable[[Sequence[Any]], Any]:
        """`build`, for many structures; of a class of tuples, no signal handler runs in it."""
        return partial(tuple.__new__, self.cls) if issubclass(self.cls, tuple) else self.build

    def parts(self, value: object) -> Sequence[Any] | None:
        """The items of `value`, or `None` if it has another form (how many items a tuple or list has, the caller
        asks)."""
        return self.opener()(value)

    def opener(self) -> Callable[[Any], Sequence[Any] | None]:
        """`parts`, for many values."""
        cls, keys = self.cls, self.keys
        if issubclass(cls, tuple) or cls is list:
            return lambda value: value if type(value) is cls else None
        if cls is dict:
            return lambda value: tuple(value.values()) if type(value) is dict and tuple(value) == keys else None
        if cls is Complex:
            return partial(complex_numbers.parts, conjugate=self.conjugate)
        return self._object_opener() if self.partial else self._record_opener()

    def _record_opener(self) -> Callable[[Any], Sequence[Any] | None]:
        cls, keys = self.cls, self.keys
        get = attrgetter(*keys) if len(keys) > 1 else lambda value: [getattr(value, name) for name in keys]

        def parts(value: Any) -> Any:
            if type(value) is not cls:
                return None
            try:
                return get(value)
            except AttributeError:
                return None

        return parts

    def _object_opener(self) -> Callable[[Any], Sequence[Any] | None]:
        cls, keys = self.cls, self.keys
        slots = _slots(cls)

        def parts(value: Any) -> Any:
            if type(value) is not cls:
                return None
            own: Mapping[str, Any] = getattr(value, "__dict__", {})
            items = [own.get(name, ABSENT) for name in keys]
            if slots:
                pairs = zip(keys, items, strict=True)
                return [getattr(value, name, ABSENT) if name in slots else item for name, item in pairs]
            return items

        return parts

    def __str__(self) -> str:
        if self.cls is dict:
            return f"a dict with the keys {', '.join(map(repr, self.keys))}"
        if self.cls is Complex:
            return "a complex number"
        return f"a {self.cls.__name__}"


TUPLE, LIST, COMPLEX = Form(tuple), Form(list), Form(Complex, ("re", "im"))


@dataclass(frozen=True, slots=True)
class Node(Generic[T]):
    """A structure in a tree."""

    form: Form
    items: tuple[T, ...]

    def map(self, change: Callable[[Any], Any]) -> Node[Any]:
        """The structure of the changed items."""
        return Node(self.form, tuple(map(change, self.items)))

    def __str__(self) -> str:
        if self.form.cls is Complex:
            return "a complex number" if not any("array" in str(item) for item in self.items) else "a complex array"
        shown = [str(item) for item in self.items]
        if self.form.cls is tuple:
            return f"({', '.join(shown)})"
        if self.form.cls is list:
            return f"[{', '.join(shown)}]"
        if self.form.cls is dict:
            return "{" + ", ".join(f"{k!r}: {item}" for k, item in zip(self.form.keys, shown, strict=True)) + "}"
        names = self.form.keys or getattr(self.form.cls, "_fields", ())
        inside = ", ".join(f"{name}: {item}" for name, item in zip(names, shown, strict=True))
        return f"{self.form.cls.__name__}({inside})"


@lru_cache(maxsize=256)
def _slots(kind: Any) -> frozenset[str]:
    """The attributes for which objects of a class have a place, declared by `__slots__`."""
    return frozenset(n for base in kind.__mro__ for n, v in vars(base).items() if isinstance(v, MemberDescriptorType))


def of_library(module: str | None) -> bool:
    """Whether a module of this name belongs to Python, NumPy, SciPy or llad."""
    return module is not None and module.partition(".")[0] in _LIBRARIES


def library_of(function: Any) -> str:
    """The module that a function of a library names as its own; "" for what only bears its name: `functools.wraps`
    gives it to any function."""
    wrapped = function if isinstance(function, FunctionType) else getattr(function, "__wrapped__", None)
    written = wrapped.__globals__.get("__name__") if isinstance(wrapped, FunctionType) else type(function).__module__
    compiled = of_library(written) or str(written).startswith("_cython")
    return getattr(function, "__module__", None) or "" if compiled else ""


def has_operators(value: object) -> bool:
    """Whether a value is a number whose class computes otherwise than Python or NumPy."""
    if not isinstance(value, (int, float, complex, np.generic)) or not type(value).__flags__ & _HEAP_TYPE:
        return False
    own = [vars(kind).get(name) for kind in type(value).__mro__ for name in _OPERATORS]
    return any(isinstance(f, FunctionType) and not of_library(f.__globals__.get("__name__")) for f in own)


def is_plain_object(value: object) -> bool:
    """Whether a value is an object of a class that somebody wrote in Python, of no kind that the language knows."""
    kind = type(value)
    if not kind.__flags__ & _HEAP_TYPE or of_library(kind.__module__):
        return False
    if isinstance(value, type | Enum | BaseException) or hasattr(value, "py_func") or hasattr(value, "__wrapped__"):
        return False
    calls = (vars(base)["__call__"] for base in kind.__mro__ if "__call__" in vars(base))
    call = next(calls, None)
    return call is None or isinstance(call, FunctionType) or hasattr(call, "py_func")


def form_of(value: object, attributes: Attributes | None = None) -> Form | None:
    """The form of a structure; `None` for anything else. With `attributes`, plain objects are structures too."""
    kind = type(value)
    if kind is tuple or kind is list:
        return TUPLE if kind is tuple else LIST
    if isinstance(value, dict):
        return Form(dict, tuple(value)) if kind is dict else None
    if is_complex(value):
        return COMPLEX
    if is_named_tuple(kind):
        return Form(kind)
    if dataclasses.is_dataclass(kind):
        return Form(kind, tuple(field.name for field in dataclasses.fields(kind)))
    if attributes is not None and is_plain_object(value):
        return Form(kind, attributes.get(kind, ()), partial=True)
    return None


def is_named_tuple(cls: type) -> bool:
    """Whether a class is a named tuple's: a tuple whose items have names."""
    return issubclass(cls, tuple) and isinstance(getattr(cls, "_fields", None), tuple)


def opened(value: object, attributes: Attributes | None = None) -> tuple[Form, Sequence[Any]] | None:
    """The form and the items of a structure.

    A dataclass some of whose fields are not set is none.
    """
    form = form_of(value, attributes)
    if form is None:
        return None
    items = form.parts(value)
    return None if items is None else (form, items)


def leaves(tree: Any) -> Iterator[Any]:
    """What is not a node, left to right."""
    if isinstance(tree, Node):
        for item in tree.items:
            yield from leaves(item)
    else:
        yield tree
