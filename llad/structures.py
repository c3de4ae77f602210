"""Structures: tuples, lists, dicts, named tuples and dataclasses, as what they are made of.

Arguments, their types, results and the values inside a trace are all trees: a `Node` has a form, which says what
Python sees, and items. This is the one place that takes structures apart and puts them together.

Invariant: putting together runs no code of the user's class: items are set as they are, without `__init__`,
`__post_init__` or `__new__`. So a gradient may hold `None` where a class would insist on a number.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

T = TypeVar("T", covariant=True)

# Deeper than this an argument is refused, and so is one that contains itself.
DEEPEST = 64


@dataclass(frozen=True, slots=True)
class Form:
    """What a structure is but its items: its class, and the keys of a dict or the names of fields."""

    cls: type
    keys: tuple[Any, ...] = ()

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
        made = object.__new__(cls)
        for name, item in zip(self.keys, items, strict=True):
            object.__setattr__(made, name, item)
        return made

    def parts(self, value: object) -> Sequence[Any] | None:
        """The items of `value`, or `None` if it has another form (how many items a tuple or list has, the caller
        asks)."""
        if type(value) is not self.cls:
            return None
        if isinstance(value, tuple | list):
            return value
        if isinstance(value, dict):
            return tuple(value.values()) if tuple(value) == self.keys else None
        try:
            return [getattr(value, name) for name in self.keys]
        except AttributeError:
            return None

    def __str__(self) -> str:
        if self.cls is dict:
            return f"a dict with the keys {', '.join(map(repr, self.keys))}"
        return f"a {self.cls.__name__}"


TUPLE, LIST = Form(tuple), Form(list)


@dataclass(frozen=True, slots=True)
class Node(Generic[T]):
    """A structure in a tree."""

    form: Form
    items: tuple[T, ...]

    def map(self, change: Callable[[Any], Any]) -> Node[Any]:
        """The structure of the changed items."""
        return Node(self.form, tuple(map(change, self.items)))

    def __str__(self) -> str:
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


def form_of(value: object) -> Form | None:
    """The form of a structure; `None` for anything else."""
    kind = type(value)
    if kind is tuple or kind is list:
        return TUPLE if kind is tuple else LIST
    if isinstance(value, dict):
        return Form(dict, tuple(value)) if kind is dict else None
    if is_named_tuple(kind):
        return Form(kind)
    if dataclasses.is_dataclass(kind):
        return Form(kind, tuple(field.name for field in dataclasses.fields(kind)))
    return None


def is_named_tuple(cls: type) -> bool:
    """Whether a class is a named tuple's: a tuple whose items have names."""
    return issubclass(cls, tuple) and isinstance(getattr(cls, "_fields", None), tuple)


def opened(value: object) -> tuple[Form, Sequence[Any]] | None:
    """The form and the items of a structure.

    A dataclass some of whose fields are not set is none.
    """
    form = form_of(value)
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
