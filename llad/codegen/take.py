"""Taking structured arguments apart, in Python, for an entry point that wants their leaves.

Machine code reads numbers, arrays and tuples by itself. For anything else it calls a `Take`, made for one kind of
structure, and reads the tuple that comes back. A `Node` with such a form is taken too: the slow path passes one where
it had to convert leaves.

Invariant: what is given back is the leaves of a structure of just this form with just these static parts, or `None`.
The tuple holds references, so no leaf dies during the call whatever happens to the structure.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from llad.codegen.plan import Argument, StaticArgument
from llad.structures import Node

Collect = Callable[[Any, list[Any]], bool]


class Take:
    """Called with an argument: the tuple of its leaves, or `None` if it is another structure."""

    def __init__(self, argument: Argument) -> None:
        self._collect = _collector(argument)

    def __call__(self, value: Any) -> tuple[Any, ...] | None:
        found: list[Any] = []
        return tuple(found) if self._collect(value, found) else None


def _collector(argument: Argument) -> Collect:
    """A function that adds the leaves of a value to a list, and says whether the value is as it should be."""
    match argument:
        case Node():
            return _node_collector(argument)
        case StaticArgument():
            return lambda value, found: argument.takes(value)
        case _:
            return _leaf


def _leaf(value: Any, found: list[Any]) -> bool:
    found.append(value)
    return True


def _node_collector(node: Node[Argument]) -> Collect:
    form, parts, count = node.form, node.form.opener(), len(node.items)
    collectors = [_collector(item) for item in node.items]
    only_leaves = all(collect is _leaf for collect in collectors)

    def collect(value: Any, found: list[Any]) -> bool:
        items: Sequence[Any] | None
        if type(value) is Node:
            items = value.items if value.form == form else None
        else:
            items = parts(value)
        if items is None or len(items) != count:
            return False
        if only_leaves:
            found += items
            return True
        return all(part(item, found) for part, item in zip(collectors, items, strict=True))

    return collect
