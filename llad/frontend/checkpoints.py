"""`llad.checkpoint`: a loop that says how much its reverse sweep may keep.

To Python it hands on what it is given. In traced code it marks the `for` that runs over it (`ir.core.CHECKPOINT`), and
only such a `for` can have it: a mark that went lost on the way would be memory that nobody expects.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar, TypeVar

from llad.dataclass import dataclass
from llad.frontend.core import Tracer
from llad.frontend.iteration import Walk, walk_of
from llad.frontend.promotion import is_static_number, plain
from llad.frontend.values import describe
from llad.ir.core import Limit

T = TypeVar("T", bound=Iterable[Any])


def checkpoint(items: T, *, slots: int | None = None, memory: int | None = None) -> T:
    """`items`, a range or an array that a `for` runs over, whose gradient shall keep little of the iterations.

    The reverse sweep of the loop keeps at most `slots` copies of its state, or as many as fit in `memory` bytes, and at
    least one; it runs the iterations between them again, in the order that repeats the fewest (Griewank & Walther's
    revolve). The state is what an iteration leaves to later ones: numbers, and arrays that are written or replaced.
    By default there are about `sqrt(2 n)` copies for n iterations, and no iteration runs more than three times
    (four times in a pullback of `vjp`). Values and gradients are those of the plain loop.

    Raises:
        ValueError: both limits are given, or one is less than 1.
        DerivativeError: in the reverse mode of compiled code, where the loop cannot be run again.

    >>> import llad
    >>> def pendulum(angle, n):
    ...     speed = 0.0
    ...     for _ in llad.checkpoint(range(n), slots=5):
    ...         speed -= 0.1 * angle
    ...         angle += 0.1 * speed
    ...     return angle
    >>> round(llad.grad(pendulum)(1.0, 1000), 6)
    0.906213
    """
    _limit(slots, memory)
    return items


def _limit(slots: int | None, memory: int | None) -> Limit:
    """Raises: ValueError, TypeError."""
    if slots is not None and memory is not None:
        raise ValueError("give either slots or memory")
    kind = "slots" if slots is not None else "memory"
    number = slots if slots is not None else memory
    if number is None:
        return "default", 0
    number = number.__index__()
    if number < 1:
        raise ValueError(f"{kind} must be at least 1")
    return kind, number


@dataclass(frozen=True, slots=True, eq=False)
class Checkpointed:
    """What a `for` is to run over under a limit."""

    shown: ClassVar[str] = "what `llad.checkpoint` gives"

    walk: Walk
    limit: Limit


def checkpointed(t: Tracer, items: Any, *, slots: Any = None, memory: Any = None) -> Checkpointed:
    """`checkpoint(…)` in traced code."""
    for name, value in (("slots", slots), ("memory", memory)):
        known = value is None or (is_static_number(value) and isinstance(plain(value), int))
        if not known:
            t.refuse("checkpoint-limit", name=name, got=describe(value))
    walk = walk_of(t, items)
    if walk is None:
        t.refuse("checkpoint-items", got=describe(items))
    try:
        return Checkpointed(walk, _limit(slots, memory))
    except ValueError as error:
        t.end_path("ValueError", str(error))
