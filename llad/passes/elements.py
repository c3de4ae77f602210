"""Which elements of a buffer indices name, as sums that can be compared.

Forms here are sums modulo 2⁶⁴ of whatever values an index is added up from. That is enough to tell whether two
indices are the same number: in range, equal forms name the same element and forms that differ by a constant
different ones.
"""

from __future__ import annotations

from collections.abc import Sequence

from llad.ir.core import Function, Value, walk
from llad.passes.affine import Affine


class Elements:
    """The indices of one function."""

    def __init__(self, fn: Function) -> None:
        self._made = {r: op for op in walk(fn.body) for r in op.results}

    def constant(self, value: Value) -> int | None:
        """The integer that `value` is known to be."""
        made = self._made.get(value)
        return int(made.attrs["value"]) if made is not None and made.name == "const" else None

    def form(self, value: Value) -> Affine:
        """The index as a sum."""
        op = self._made.get(value)
        match op.name if op is not None else "":
            case "const":
                assert op is not None
                return Affine(int(op.attrs["value"]))
            case "add" | "sub":
                assert op is not None
                first, second = map(self.form, op.operands)
                return first.plus(second, 1 if op.name == "add" else -1)
        return Affine(0, {value: 1})

    def are_apart(self, first: Sequence[Value], second: Sequence[Value], index: Value, fixed: set[Value]) -> bool:
        """Whether the elements at two lists of indices differ whenever `index` differs between them.

        `fixed`: the values that change with nothing but `index`.
        """
        for a, b in zip(first, second, strict=True):
            one, other = self.form(a), self.form(b)
            difference = one.plus(other, -1)
            if difference.terms or not fixed.issuperset([*one.terms, *other.terms]):
                continue
            along = one.terms.get(index, 0)
            if (abs(along) == 1 and not difference.const) or (not along and difference.const):
                return True
        return False
