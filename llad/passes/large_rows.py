"""Rows of arrays that fit in no cache, which innermost loops fill or read from one column to the next.

`stream.py` has them written past the caches, `fetch.py` has them asked for ahead.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from llad.diagnostics import Span
from llad.ir.affine import Affine
from llad.ir.alias import Aliases
from llad.ir.core import Function, Op, Region, Value, accessed, defined, walk
from llad.ir.elements import Elements
from llad.ir.types import BOOL, F32, F64, I32, I64, BufferType
from llad.passes.rebuild import Rebuild

LARGE = 24 << 20  # bytes of an array that fits in no cache
ROW = 2048  # the most elements of a row: it stays in the nearest cache
LEAST = 64  # and the fewest, for which it pays
_TYPES = (F64, F32, I64, I32)


class LargeRows(Rebuild):
    """Finds rows in outermost loops, and asks before these whether their arrays are large."""

    def __init__(self, fn: Function) -> None:
        super().__init__()
        self._aliases = Aliases(fn)
        self._elements = Elements(fn)
        self._made = {op.result for op in walk(fn.body) if op.name == "alloc"}
        self._outermost = True

    def visit(self, op: Op) -> None:
        if op.name in ("for", "while") and self._outermost:
            self._outermost = False
            self.outer(op)
            self._outermost = True
        else:
            self.within(op)

    def outer(self, loop: Op) -> None:
        """Emit a loop that stands in no other."""
        raise NotImplementedError

    def within(self, op: Op) -> None:
        """Emit any other op."""
        raise NotImplementedError

    def users(self, loop: Op) -> dict[Value, list[Op]]:
        """The ops of a loop that use each of the arrays made before it."""
        ops = [loop, *(op for region in loop.regions for op in walk(region))]
        made = {r for op in ops for r in op.results}
        found: dict[Value, list[Op]] = {}
        for op in ops:
            for root in {r for o in op.operands for r in self._aliases.roots(o)} - made:
                found.setdefault(root, []).append(op)
        return found

    def is_plain(self, loop: Op) -> bool:
        """Whether a loop goes up by ones, from its beginning to its end, and has nothing but straight code in it."""
        if loop.name != "for" or loop.attrs["exits"] or loop.attrs.get("tile"):
            return False
        return self._elements.constant(loop.operands[2]) == 1 and not any(op.regions for op in loop.regions[0].ops)

    def is_along_row(self, op: Op, loop: Op) -> bool:
        """Whether a load or store goes from one column of an array to the next with the index of the loop."""
        array, *indices = accessed(op)
        if array not in self._made:
            return False
        type = array.type
        assert isinstance(type, BufferType)
        if type.rank < 2:
            return False
        *row, column = indices
        moving, form = defined(loop.regions[0]), self._elements.form(column)
        along = form.terms.get(loop.regions[0].args[0], 0) == 1
        others = set(form.terms) - {loop.regions[0].args[0]}
        return along and moving.isdisjoint({*row, *others}) and type.dtype in _TYPES

    def is_large(self, array: Value, span: Span | None) -> Value:
        """Emit whether an array is large, with rows that are neither very short nor very long."""
        type = array.type
        assert isinstance(type, BufferType)
        extents: Sequence[Value] = self.extents(array, span)
        size = self.product(extents, span)
        bounds = ("gt", size, LARGE // type.dtype.bytes), ("ge", extents[-1], LEAST), ("le", extents[-1], ROW)
        asked = [self.emit(name, [n, self.const(m, I64, span)], [BOOL], span).result for name, n, m in bounds]
        return self.all_of(asked, span)

    def along(
        self, loop: Op, access: Op, large: Value, attrs: Mapping[str, Any], element: Callable[[Value], None]
    ) -> None:
        """Emit, where the array is large, a loop over the columns to which a load or store in `loop` goes.

        `element` emits what is done at a column.
        """
        span, index = access.span, loop.regions[0].args[0]
        offset = self._elements.form(access.operands[-1]).plus(Affine(0, {index: 1}), -1)
        new = Value(I64, index.name)
        with self.written(new) as body:
            element(self.number_of(offset, span, new))
            self.emit("yield", [], [], span)
        with self.written() as then:
            bounds = [self.get(o) for o in loop.operands[:3]]
            self.emit("for", bounds, [I64], span, {"exits": False, "kind": "sequential", **attrs}, (body,))
            self.emit("yield", [], [], span)
        otherwise = Region((), [Op("yield", span=span)])
        self.emit("if", [large], [], span, None, (then, otherwise))
