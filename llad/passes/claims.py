"""Claims about integers, as sums: that one is not negative, or that the sum or product of two does not wrap.

What a check asks for comes apart into such claims (`ranges.py`), which are said for a whole loop and put together to
conditions again (`checks.py`).
"""

from __future__ import annotations

from llad.dataclass import dataclass
from llad.ir.affine import GREATEST, LEAST, Affine
from llad.ir.core import Value

OPPOSITE = {"eq": "ne", "ne": "eq", "lt": "ge", "ge": "lt", "gt": "le", "le": "gt"}
_SUMS = {"add_overflows": 1, "sub_overflows": -1}
OVERFLOWS = frozenset({*_SUMS, "mul_overflows"})


@dataclass(frozen=True, slots=True)
class AtLeastZero:
    """The condition `form` ≥ 0."""

    form: Affine


@dataclass(frozen=True, slots=True)
class NoOverflow:
    """The condition that `op` (`add_overflows`…) is false of two numbers."""

    op: str
    a: Affine
    b: Affine


Item = AtLeastZero | NoOverflow


def compared(name: str, difference: Affine, truth: bool) -> list[AtLeastZero] | None:
    """What holds exactly if a comparison is `truth`, of two numbers of which the second is so much larger."""
    match name if truth else OPPOSITE[name]:
        case "le":
            return [AtLeastZero(difference)]
        case "lt":
            return [AtLeastZero(difference.shifted(-1))]
        case "ge":
            return [AtLeastZero(difference.times(-1))]
        case "gt":
            return [AtLeastZero(difference.times(-1).shifted(-1))]
        case "eq":
            return [AtLeastZero(difference), AtLeastZero(difference.times(-1))]
    return None


def total_of(item: NoOverflow) -> Affine | None:
    """The exact sum or product that must fit in 64 bits, if it is affine."""
    if item.op in _SUMS:
        return item.a.plus(item.b, _SUMS[item.op])
    return item.a.by(item.b)


def consequences(item: Item) -> list[Affine]:
    """The sums that are not negative, if the item holds."""
    if isinstance(item, AtLeastZero):
        return [item.form]
    total = total_of(item)
    return [] if total is None else [Affine(GREATEST).plus(total, -1), total.shifted(-LEAST)]


def sides_of(form: Affine) -> tuple[str, Affine, Affine]:
    """A comparison of `left` and `right` without negative coefficients, which says that `form` ≥ 0."""
    strict = form.const < 0  # `x - 1 ≥ 0` is `x > 0`: the less arithmetic, the less can wrap
    form = form.shifted(strict)
    left = Affine(max(form.const, 0), {a: c for a, c in form.terms.items() if c > 0})
    right = Affine(max(-form.const, 0), {a: -c for a, c in form.terms.items() if c < 0})
    return "gt" if strict else "ge", left, right


def at(item: Item, index: Value, place: Affine) -> Item:
    """The item in the iteration whose index is `place`."""
    if isinstance(item, AtLeastZero):
        return AtLeastZero(item.form.with_atom(index, place))
    return NoOverflow(item.op, item.a.with_atom(index, place), item.b.with_atom(index, place))


def first_failure(item: Item, index: Value) -> Affine | None:
    """The index at which the item, which holds in the first iteration, first fails: `r - i ≥ 0` fails at `r + 1`."""
    if not isinstance(item, AtLeastZero):
        return None
    coefficient = item.form.terms[index]
    rest = item.form.plus(Affine(0, {index: coefficient}), -1)
    if coefficient == -1:
        return rest.shifted(1)
    if coefficient == 1:
        return rest.times(-1).shifted(-1)
    return None
