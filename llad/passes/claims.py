"""Claims about integers, as sums: that one is not negative, or that the sum or product of two does not wrap.

What a check asks for comes apart into such claims (`ranges.py`), which are said for a whole loop and put together to
conditions again (`checks.py`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import field, replace

from llad.dataclass import dataclass
from llad.ir.affine import GREATEST, LEAST, Affine
from llad.ir.core import Op, Value

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
Said = tuple[str, tuple[Affine, ...]]  # an op, and the numbers that it is given

TOO_WIDE = "64 bits"  # of what does not fit


@dataclass(frozen=True, slots=True)
class Claim:
    """A check that may move: where it stands now, and all that must hold there if all `guards` are ≥ 0."""

    placed: Op
    origin: Op  # the check of the input
    items: tuple[Item, ...]
    values: tuple[Affine, ...]
    guards: tuple[Affine, ...] = ()

    def forms(self) -> list[Affine]:
        """Everything that must be known before a loop for the check to be made there."""
        parts = [(i.form,) if isinstance(i, AtLeastZero) else (i.a, i.b) for i in self.items]
        return [form for part in parts for form in part] + [*self.values, *self.guards]


def error_of(check: Op) -> str:
    """The class of a check's error, or `TOO_WIDE`: that is llad's own, where Python's integers have no end."""
    error, message = str(check.attrs["error"]), check.attrs["message"]
    return TOO_WIDE if error == "OverflowError" and TOO_WIDE in message else error


@dataclass(slots=True)
class Frame:
    """What a region holds: claims that may move, those in branches, the errors of checks that stay, and whether it may
    not end."""

    claims: list[Claim] = field(default_factory=list)
    branched: list[Claim] = field(default_factory=list)
    errors: set[str] = field(default_factory=set)
    endless: bool = False

    def classes(self) -> set[str]:
        """The errors that may be raised here. (Indices that do not fit in 64 bits are out of bounds.)"""
        return (self.errors | {error_of(c.origin) for c in (*self.claims, *self.branched)}) - {TOO_WIDE}

    def keep_all(self, inner: Frame) -> None:
        """The checks of a region inside this one stay where they are."""
        self.errors |= inner.errors | {error_of(c.origin) for c in (*inner.claims, *inner.branched)}
        self.endless |= inner.endless

    def keep_branch(self, inner: Frame) -> None:
        """The checks of a branch inside this region may only be made where it is known that they are reached."""
        self.branched += (*inner.claims, *inner.branched)
        self.errors |= inner.errors
        self.endless |= inner.endless


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


def said_of(item: Item, fits: Callable[[Affine], bool]) -> Said | None:
    """The op of two numbers that tells whether the item holds, if both fit in 64 bits. (Partial sums wrap back.)"""
    if isinstance(item, NoOverflow):
        return (item.op, (item.a, item.b)) if fits(item.a) and fits(item.b) else None
    compare, left, right = sides_of(item.form)
    for shift in (0, -1):  # the last index is `hi - 1`, and perhaps only sums with that one are known to fit
        sides = left.shifted(shift), right.shifted(shift)
        if all(map(fits, sides)):
            return compare, sides
    form = item.form.shifted(item.form.const < 0)
    for atom, coefficient in form.terms.items():  # one number, say a counter of any size, against all the others
        alone = Affine(0, {atom: 1})
        rest = alone.plus(form, -coefficient)
        if abs(coefficient) == 1 and fits(rest):
            return compare, (alone, rest) if coefficient == 1 else (rest, alone)
    return None


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


def split_for(
    claim: Claim, index: Value, first: Affine, end: Affine, stride: Affine, guards: tuple[Affine, ...]
) -> list[Claim] | None:
    """The claim for all indices of a loop, of stride 1 or -1: about the first, and about the last, if all `guards` are
    ≥ 0, too. None if it cannot be said."""
    if any(index in guard.terms for guard in claim.guards):
        return None
    step = stride.const
    at_first: list[Item] = []
    at_last: list[Item] = []
    for item in claim.items:
        if isinstance(item, AtLeastZero):
            (at_first if item.form.terms.get(index, 0) * step >= 0 else at_last).append(item)
            continue
        varies = [index in side.terms for side in (item.a, item.b)]
        if all(varies) and item.op == "mul_overflows":
            return None  # a parabola
        at_first.append(item)
        if any(varies):
            at_last.append(item)
    parts = []
    if at_first:
        parts.append(_claim_at(claim, at_first, index, first, first, guards))
    if at_last:
        last = end.shifted(-step)
        failing = first_failure(at_last[0], index) if len(at_last) == 1 else None
        parts.append(_claim_at(claim, at_last, index, last, failing or last, guards))
    return parts


def _claim_at(
    claim: Claim, items: list[Item], index: Value, place: Affine, shown: Affine, guards: tuple[Affine, ...]
) -> Claim:
    """Some of the items of a claim where the index is `place`; the message tells of `shown`."""
    return replace(
        claim,
        items=tuple([at(item, index, place) for item in items]),
        values=tuple([v.with_atom(index, shown) for v in claim.values]),
        guards=(*claim.guards, *guards),
    )
