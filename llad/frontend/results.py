"""What the traced function returns: leaves for the IR, and a tree from which Python's result is built.

An argument that is returned is the same object in Python. Any other array may be memory of the call, a window on it
or on an argument, or the same as another result: the entry point finds out when it hands the results over.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from llad.frontend.core import Tracer
from llad.frontend.iteration import items_of, known_length
from llad.frontend.parts import parts_of
from llad.frontend.shapes import is_static_number, shape_of
from llad.frontend.signature import ScalarSpec
from llad.frontend.values import Array, OrNone, Record, Rows, Scalar, Table
from llad.ir.core import Region, Value, loop_carries, loop_inits, loop_yields, walk
from llad.ir.types import BufferType
from llad.returned import Constant, Output, Passed, Result
from llad.structures import Node


class Results:
    """The results of one function: `tree` of a value, and its `leaves` in order."""

    def __init__(self, t: Tracer, params: Sequence[Value]) -> None:
        self.t = t
        self.leaves: list[Value] = []
        self.params = {p: k for k, p in enumerate(params)}
        self.captured = {value: array for array, value in t.captured.values()}

    def tree(self, value: Any) -> Result:
        """The tree of a value."""
        if isinstance(value, OrNone):
            self.t.refuse_or_none(value)
        if not isinstance(value, (Rows, Table)) and (parts := parts_of(value)) is not None:
            form, items = parts
            if isinstance(value, Record) and not value.is_dataclass:
                self.t.refuse("return-list", type=form.cls.__name__)
            return Node(form, tuple(map(self.tree, items)))
        if isinstance(value, Array):
            return self._array(value)
        if isinstance(value, Scalar) or is_static_number(value):
            return self._number(value)
        if isinstance(value, Rows) and known_length(value) is not None:
            return self.tree(value.kinds[0](items_of(self.t, value)))
        if isinstance(value, (tuple, list, dict, set, frozenset, bytearray)):
            self.t.refuse("return-list", type=type(value).__name__)
        if type(value).__module__.startswith("llad.frontend."):  # it lives during the trace only
            shown = str(getattr(value, "shown", "a trace-time object"))
            self.t.refuse("return-list", type=shown.removeprefix("a "))
        return Constant(value)

    def _number(self, value: Any) -> Result:
        spec = shape_of(value, run_time=True)
        if not isinstance(spec, ScalarSpec):
            return Constant(value)
        leaf = value.value if isinstance(value, Scalar) else self.t.builder.const(value, spec.type)
        return Output(self._index(leaf), spec.weak)

    def _array(self, array: Array) -> Result:
        if array.value in self.params:
            return Passed(self.params[array.value])
        if array.value in self.captured:
            return Constant(self.captured[array.value])
        return Output(self._index(array.value))

    def _index(self, leaf: Value) -> int:
        """The number of the result; one array returned twice is one result."""
        if leaf in self.leaves and isinstance(leaf.type, BufferType):
            return self.leaves.index(leaf)
        self.leaves.append(leaf)
        return len(self.leaves) - 1


def whole(region: Region, value: Value) -> bool:
    """Whether a value is always an allocation made in the region, never a window on one, nor what a call gave."""
    sources = _sources(region)
    seen: set[Value] = set()
    pending = [value]
    while pending:
        current = pending.pop()
        if current not in seen:
            seen.add(current)
            if current not in sources:
                return False
            pending += sources[current]
    return True


def _sources(region: Region) -> dict[Value, list[Value]]:
    """Per buffer value that is an allocation or one of several other values: those others."""
    sources: dict[Value, list[Value]] = {}
    for op in walk(region):
        match op.name:
            case "alloc" | "derivative" | "undef":
                sources.update({r: [] for r in op.results})
            case "if":
                yields = [r.terminator.operands for r in op.regions]
                sources.update({v: list(ys) for v, *ys in zip(op.results, *yields, strict=True)})
            case "for" | "while":
                pairs = [list(p) for p in zip(loop_inits(op), loop_yields(op), strict=True)]
                sources.update(zip(op.results[:-1], pairs, strict=True))
                for inner in op.regions:
                    sources.update(zip(loop_carries(op, inner), pairs, strict=True))
    return sources
