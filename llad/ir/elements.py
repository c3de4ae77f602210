"""Which elements of a buffer indices name, as sums that can be compared.

Forms here are sums modulo 2⁶⁴ of whatever values an index is added up from. That is enough to tell whether two
indices are the same number: in range, equal forms name the same element and forms that differ by a constant
different ones. Extents, which have far fewer than 64 bits, also differ by their multiples.
"""

from __future__ import annotations

from collections.abc import Container, Sequence

from llad.ir.affine import Affine
from llad.ir.core import AXIS_OPERANDS, Function, Op, Value, constant, makers, walk
from llad.ir.types import I64, BufferType

Place = tuple[Affine | None, ...]  # per axis the index as a sum, where it is one

_SMALL = 2**15  # multiples of extents up to so many do not wrap


class Elements:
    """The indices of one function."""

    def __init__(self, fn: Function) -> None:
        self._body = fn.body
        self._made = makers(fn.body)
        self._loops: dict[Value, Op] = {}
        self._forms: dict[Value, Affine] = {}
        self._names: dict[Value, Value] = {}

    def constant(self, value: Value) -> int | None:
        """The integer that `value` is known to be."""
        number = constant(value, self._made)
        return None if number is None else int(number)

    def rename(self, index: Value, other: Value | None) -> None:
        """From now on the index of a loop is another one's, or (`None`) its own again."""
        self._forms.clear()
        if other is None:
            del self._names[index]
        else:
            self._names[index] = self.name(other)

    def name(self, index: Value) -> Value:
        """The index under whose name forms have `index`."""
        return self._names.get(index, index)

    def form(self, value: Value) -> Affine:
        """The index as a sum."""
        if value not in self._forms:
            self._forms[value] = self._form(value)
        return self._forms[value]

    def _form(self, value: Value) -> Affine:
        op = self._made.get(value)
        if op is None or value.type != I64 or op.name not in ("const", "add", "sub", "mul"):
            return Affine(0, {self.name(value): 1})
        if op.name == "const":
            return Affine(int(op.attrs["value"]))
        first, second = map(self.form, op.operands)
        if op.name == "mul":
            return self._multiple(first, second) or self._multiple(second, first) or Affine(0, {value: 1})
        total = first.plus(second, 1 if op.name == "add" else -1)
        return Affine(_wrapped(total.const), {a: w for a, c in total.terms.items() if (w := _wrapped(c))})

    def _multiple(self, form: Affine, factor: Affine) -> Affine | None:
        """The product, if it is a small multiple of an extent."""
        if factor.terms or form.const or abs(factor.const) > _SMALL or not self._extent(form):
            return None
        return form.times(factor.const)

    def _extent(self, form: Affine) -> Value | None:
        """The extent of which a form is a small multiple, but for a constant."""
        if len(form.terms) != 1:
            return None
        ((atom, factor),) = form.terms.items()
        made = self._made.get(atom)
        return atom if made is not None and made.name == "dim" and abs(factor) <= _SMALL else None

    def place(
        self, handle: Value, indices: Sequence[Value], views: Container[Value] | None = None
    ) -> tuple[Value, Place]:
        """An element of `handle`, as one of the array that it is a view of: through `views` only, if given."""
        at: list[Affine | None] = [self.form(i) for i in indices]
        while (made := self._made.get(handle)) is not None and made.name == "view":
            if views is not None and handle not in views:
                break
            at = self._through(made, at)
            handle = made.operands[0]
        return handle, tuple(at)

    def _through(self, view: Op, at: Sequence[Affine | None]) -> list[Affine | None]:
        if "shape" in view.attrs["axes"]:
            source = view.operands[0].type
            assert isinstance(source, BufferType)
            return [None] * source.rank
        if order := view.attrs.get("order"):
            return [at[order.index(axis)] for axis in range(len(order))]
        rest, operands = iter(at), iter(view.operands[1:])
        found: list[Affine | None] = []
        for axis in view.attrs["axes"]:
            match axis:
                case "index":
                    found.append(self.form(next(operands)))
                case "full":
                    found.append(next(rest))
                case "new":
                    next(rest)
                case kind:
                    start, _, *steps = (next(operands) for _ in range(AXIS_OPERANDS[kind]))
                    inner, factor = next(rest), self.constant(steps[0]) if steps else 1
                    known = inner is not None and factor is not None
                    found.append(self.form(start).plus(inner, factor) if known else None)  # type: ignore[arg-type]
        return found

    def differ(self, first: Sequence[Value], second: Sequence[Value], index: Value | None = None) -> bool:
        """Whether two lists of indices, as they are at one time, name different elements: in an iteration of the loop
        of `index`, if there is one."""
        for a, b in zip(first, second, strict=True):
            difference = self.form(a).plus(self.form(b), -1)
            if difference.number:
                return True
            if index is not None and self._spans(difference, index, 1):
                return True
        return False

    def are_apart(self, first: Sequence[Value], second: Sequence[Value], index: Value, fixed: set[Value]) -> bool:
        """Whether the elements at two lists of indices differ whenever `index` differs between them.

        `fixed`: the values that change with nothing but `index`.
        """
        for a, b in zip(first, second, strict=True):
            one, other = self.form(a), self.form(b)
            difference = one.plus(other, -1)
            if index in difference.terms or not fixed.issuperset([*one.terms, *other.terms]):
                continue
            along = one.terms.get(index, 0)
            equal = difference.number == 0
            if abs(along) == 1 and (equal or self._spans(difference, index, 2)):
                return True
            if not along and not difference.terms and not equal:
                return True
        return False

    def _spans(self, difference: Affine, index: Value, iterations: int) -> bool:
        """Whether a difference is no less than the length of the range of `index`, an extent or a constant, if there
        are so many iterations."""
        if not self._loops:
            self._loops = {op.regions[0].args[0]: op for op in walk(self._body) if op.name == "for"}
        if index not in self._loops:
            return False
        lo, hi, step = map(self.form, self._loops[index].operands[:3])
        if lo.terms or step.terms or step.const <= 0:
            return False
        extent, longest = self._extent(hi), hi.const - lo.const  # on top of the extent
        if extent is None:
            return not hi.terms and not difference.terms and abs(difference.const) >= max(longest, iterations)
        if self._extent(difference) is not extent or hi.terms[extent] != 1:
            return False
        factor = difference.terms[extent]
        beyond = difference.const if factor > 0 else -difference.const
        fewest = max(0, iterations - longest)  # the least that the extent can be
        return max(map(abs, (beyond, longest))) <= _SMALL and (abs(factor) - 1) * fewest + beyond >= longest


def _wrapped(number: int) -> int:
    """The i64 that a sum of i64 comes to."""
    return (number + 2**63) % 2**64 - 2**63
