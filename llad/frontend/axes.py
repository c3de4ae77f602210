"""Which axes of the arguments, or slices of them, have just one element, so that they broadcast: what a trace may ask.

A trace is for every size. But an axis of one element has to be told from others where shapes are broadcast: to leave
that to the run of the program would give every index a factor of 0 or 1, and hide that loops over operands and results
are equally long. So the first call tells, and each answer that was given out is part of what the trace is for: that an
axis has just one element or not, or, of a slice that leaves out three, just four.

Invariant: only what was asked counts; a function that never broadcasts is traced once.
"""

from __future__ import annotations

from collections.abc import Sequence

from llad.ir.core import Value


class Axes:
    """The axes of the parameters of one trace."""

    def __init__(self) -> None:
        self._known: dict[Value, tuple[Value, tuple[int, ...]]] = {}
        self._asked: dict[tuple[Value, int, int], bool] = {}

    def give(self, parameter: Value, shape: tuple[int, ...] | None) -> None:
        """The arguments of this call have this shape."""
        if shape is not None:
            self._known[parameter] = parameter, shape

    def rename(self, inner: Value, outer: Value) -> None:
        """`inner` is `outer` by another name: the parameter of a function that is traced for one call."""
        if outer in self._known:
            self._known[inner] = self._known[outer]

    def has_just(self, buffer: Value, axis: int, count: int) -> bool | None:
        """Whether the axis has so many elements; `None` if nobody knows. The trace depends on the answer."""
        if buffer not in self._known:
            return None
        parameter, shape = self._known[buffer]
        self._asked[parameter, axis, count] = answer = shape[axis] == count
        return answer

    def answers(self, parameters: Sequence[Value]) -> dict[tuple[int, int, int], bool]:
        """The answers given, by the number of the parameter, the axis and the count."""
        number = {parameter: k for k, parameter in enumerate(parameters)}
        return {(number[parameter], axis, count): so for (parameter, axis, count), so in self._asked.items()}
