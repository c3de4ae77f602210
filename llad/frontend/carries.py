"""What a name holds from one iteration of a loop to the next.

A carry has a shape, which widens until the body gives back what it was given: int to float, weak to strong, C to
strided. The body is then traced again. A name that only earlier iterations may have bound starts as `Unknown` in
the first round, and as a `Maybe` with a carried bound flag in the next.

An extent of a carried array is known if every iteration hands it on as it was before the loop. Of any other extent
this much may be known: that it was not 1 before the loop, and that no iteration makes it 1, so it does not broadcast.

Invariant: widening only ever goes up, so the rounds end.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Any

from llad.dataclass import dataclass
from llad.diagnostics import Span
from llad.frontend.contents import Path
from llad.frontend.core import Tracer
from llad.frontend.extents import is_one
from llad.frontend.fork import split
from llad.frontend.parts import AS_THEY_ARE
from llad.frontend.shapes import (
    Shape,
    escapes,
    extents_within,
    flatten,
    is_there,
    join,
    rebuild,
    shape_of,
    types_of,
)
from llad.frontend.state import Conflict, Flag, Gone, Maybe, State, Unknown
from llad.frontend.values import Array, Dim, Extent, Growing, Marker, NoJoin, Record, Unbound, describe
from llad.ir.core import Value
from llad.ir.types import BOOL, Type

_MANY = Marker("many")  # of an extent: it is not 1

Known = tuple[Extent | Marker | None, ...]


@dataclass(frozen=True, slots=True)
class Carry:
    """`shape` of what the name holds (`None`: never bound); `flagged`: whether it is bound is carried too; `ran`: it
    is bound exactly if the loop has run; `extents`: of each array in it, what is known of each (`None`: nothing)."""

    shape: Shape | None = None
    flagged: bool = False
    ran: bool = False
    conflict: Conflict | None = None
    extents: tuple[Known, ...] = ()

    @property
    def types(self) -> list[Type]:
        if self.shape is None or self.conflict is not None:
            return []
        return [*types_of(self.shape), *([BOOL] if self.flagged else [])]

    def value(self, t: Tracer, leaves: Iterator[Value], first_round: bool = False, on_exit: bool = False) -> Any:
        """What the name holds, from the carried leaves."""
        if self.conflict is not None:
            return self.conflict
        if self.shape is None:
            return Unknown if first_round else Unbound
        known = iter(self.extents)

        def measured(array: Array) -> Array:
            if not self.extents:
                return array
            return replace(array, extents=tuple(_extent(x, array.value, k) for k, x in enumerate(next(known))))

        inner = rebuild(t, self.shape, leaves, given=True, measured=measured)
        return Maybe(inner, next(leaves), on_exit) if self.flagged else inner

    def leaves(self, t: Tracer, value: Any, gone: Flag = False) -> list[Value]:
        """The leaves to carry for what the name holds here, or does not where `gone` is true."""
        if self.shape is None or self.conflict is not None:
            return []
        inner, bound = split(value)
        if isinstance(value, Conflict):
            inner, bound = Gone, False
        flat = flatten(t, inner, self.shape, gone)
        if self.flagged:
            flat.append(bound if isinstance(bound, Value) else t.builder.const(bool(bound), BOOL))
        return flat


def _extent(known: Extent | Marker | None, array: Value, axis: int) -> Extent:
    """What stands for an extent of which so much is known."""
    return Dim(array, axis, many=known is _MANY) if known is None or isinstance(known, Marker) else known


def initial(t: Tracer, value: Any) -> Carry:
    """The carry of a name or place that holds `value` before the loop; an object may stay the one that it is."""
    if isinstance(value, Conflict):
        return Carry(conflict=value)
    inner, bound = split(value)
    if inner is Gone:
        return Carry()
    shape = shape_of(inner, run_time=True, is_same=partial(_may_stay, t))
    return Carry(shape, flagged=bound is not True, extents=tuple(extents_within(inner, shape)))


def _may_stay(t: Tracer, value: Any) -> bool:
    return isinstance(value, (dict, Record)) and is_there(t, value)


@dataclass(frozen=True, slots=True)
class Held:
    """What a name or place holds before a loop, at the start of its body and at its end, and where it was assigned."""

    before: Any
    start: Any
    end: Any
    spans: tuple[Span | None, Span | None] = (None, None)


def widen(t: Tracer, carry: Carry, held: Held, path: Path) -> Carry:
    """The carry that also takes what is held at the end of the body, where objects are as on `path`."""
    value = held.end
    if carry.conflict is not None:
        return carry
    if isinstance(value, Conflict):
        return Carry(conflict=value)
    inner, bound = split(value)
    if carry.shape is not None and not _sure(bound):
        carry = replace(carry, flagged=True)
    if inner is Gone:
        return carry
    if carry.shape is None:
        with path.entered():
            if escapes(t, inner) or isinstance(inner, Growing):  # which this round has made
                shown = describe(inner)
                return Carry(conflict=Conflict("unbound", shown, *held.spans))
            return Carry(shape_of(inner, run_time=True, is_same=partial(_may_stay, t)), flagged=True)
    known, _ = split(held.start)
    try:
        shape = join(t, known, inner, (AS_THEY_ARE, path))
        if len(carry.extents) != sum(1 for _ in extents_within(Gone, shape)):  # it stood for an object
            carry = replace(carry, extents=tuple(extents_within(known, shape)))
        with path.entered():
            return replace(carry, shape=shape, extents=_kept(t, carry, inner, shape))
    except NoJoin:
        shown = describe(known if held.before is Unbound else split(held.before)[0])
        return Carry(conflict=Conflict(shown, describe(inner), *held.spans))


def _kept(t: Tracer, carry: Carry, value: Any, shape: Shape) -> tuple[Known, ...]:
    """What is still known of the extents, if the body hands on `value`."""

    def still(known: Extent | Marker | None, now: Extent | None) -> Extent | Marker | None:
        if known is None or now is None:
            return None
        if isinstance(known, Marker):
            was_many = True
        elif t.alike.name(t.builder, known) == t.alike.name(t.builder, now):
            return known
        else:
            was_many = is_one(t, known) is False
        return _MANY if was_many and is_one(t, now) is False else None

    arrays = tuple(extents_within(value, shape))
    if list(map(len, arrays)) != list(map(len, carry.extents)):  # lists that are known only at run time now
        return ()
    pairs = zip(carry.extents, arrays, strict=True)
    return tuple(tuple(map(still, known, now)) for known, now in pairs)


def late(t: Tracer, name: str, before: State, end: State, path: Path) -> Carry:
    """The carry of a name that every iteration assigns before it reads it, but that is read after the loop."""
    x = before.values.get(name, Unbound)
    y = Gone if end.dead else end.values.get(name, Unbound)
    for value in (x, y):
        if isinstance(value, Conflict):
            return Carry(conflict=value)
    (a, bound_a), (b, bound_b) = split(x), split(y)
    if a is Gone and b is Gone:
        return Carry()
    ran = bound_a is False and _sure(bound_b)
    flagged = not (_sure(bound_a) and _sure(bound_b)) and not ran
    try:
        if a is Gone:
            with path.entered():
                shape = join(t, a, b)
        else:
            shape = join(t, a, b, (AS_THEY_ARE, path))
    except NoJoin:
        spans = before.spans.get(name), end.spans.get(name)
        return Carry(conflict=Conflict(describe(a), describe(b), *spans))
    return Carry(shape, flagged, ran)


def _sure(bound: Flag | None) -> bool:
    return bound is None or bound is True
