"""Which loads are within their array, and find a number there, whenever the loops around them run.

Those at the indices of loops that go by ones from 0, or from later on, to the array's own extents, be it an argument or
an array that was made of zeros. Where such an index is visible, the load does no harm, even where the program would not
load.
"""

from __future__ import annotations

from llad.ir.core import Function, Op, Value, constant, makers, walk


class Within:
    """The loads of one function."""

    def __init__(self, fn: Function) -> None:
        self._made = makers(fn.body)
        self._params = frozenset(fn.params)
        self._ends = {op.regions[0].args[0]: op.operands[1] for op in walk(fn.body) if self._goes_up(op)}

    def _goes_up(self, op: Op) -> bool:
        if op.name != "for":
            return False
        first, step = (constant(op.operands[k], self._made) for k in (0, 2))
        return step == 1 and first is not None and first >= 0

    def holds(self, load: Op) -> bool:
        """Whether the load is one of these."""
        array, *indices = load.operands
        made = self._made.get(array)
        filled = array in self._params if made is None else made.name == "alloc" and bool(made.attrs.get("zero"))
        return filled and all(self._is_extent(self._ends.get(i), array, axis) for axis, i in enumerate(indices))

    def _is_extent(self, end: Value | None, array: Value, axis: int) -> bool:
        """Whether a number is the array's extent along an axis."""
        if end is None:
            return False
        made, asked = self._made.get(array), self._made.get(end)
        if made is not None and made.operands[axis] is end:
            return True
        return asked is not None and asked.name == "dim" and asked.operands[0] is array and asked.attrs["axis"] == axis
