"""Times of several calls that are made in turn, so that a drift of the machine's speed meets all of them."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, TypeVar

Call = Callable[[], Any]
Name = TypeVar("Name")


class Unavailable(Exception):
    """A means is not here, or cannot do what is asked of it; says why."""


@dataclass(frozen=True)
class Spread:
    """Seconds of one call: the median of the rounds, and the quartiles."""

    median: float
    low: float
    high: float
    rounds: int

    @staticmethod
    def of(times: list[float]) -> Spread:
        low, median, high = statistics.quantiles(times, n=4, method="inclusive") if len(times) > 1 else times * 3
        return Spread(median, low, high, len(times))

    def record(self) -> dict[str, float]:
        return asdict(self)


@dataclass(frozen=True)
class Budget:
    """How long is measured: `rounds` of about `seconds` for each call, and none is given more than `patience`."""

    rounds: int
    seconds: float
    patience: float

    def repeats(self, once: float) -> int:
        """In each round, of a call that takes `once`."""
        return max(1, int(self.seconds / max(once, 1e-7)))

    def affords(self, done: int, spent: float) -> bool:
        """Whether a call of which so many rounds were `done` in `spent` seconds is called again."""
        return done < self.rounds and (done == 0 or spent * (done + 1) / done <= self.patience)


def seconds_of(call: Call, repeats: int) -> float:
    """Of one call, when it is made so many times.

    Where it is made more than once, it is made once more before: others ran since, and the caches hold their data.
    """
    if repeats > 1:
        call()
    begin = time.perf_counter()
    for _ in range(repeats):
        call()
    return (time.perf_counter() - begin) / repeats


def interleave(
    timers: Mapping[Name, Callable[[int], float]], budget: Budget, tell: Callable[[int], None] = lambda done: None
) -> tuple[dict[Name, Spread], dict[Name, str]]:
    """What each timer finds when asked for so many repeats, one after the other in every round; why some found nothing.

    `tell` hears how many rounds are done. A timer that raises `Unavailable` is asked no more, and has no times.
    """
    times: dict[Name, list[float]] = {name: [] for name in timers}
    spent = dict.fromkeys(timers, 0.0)
    repeats: dict[Name, int] = {}
    absent: dict[Name, str] = {}

    def ask(name: Name, count: int) -> float:
        try:
            return timers[name](count)
        except Unavailable as reason:
            absent[name] = str(reason)
            return 0.0

    for name in timers:
        repeats[name] = budget.repeats(ask(name, 1))
    for done in range(budget.rounds):
        tell(done)
        for name in timers:
            if name in absent or not budget.affords(len(times[name]), spent[name]):
                continue
            times[name].append(ask(name, repeats[name]))
            spent[name] += times[name][-1] * repeats[name]
    return {name: Spread.of(found) for name, found in times.items() if name not in absent}, absent


def bind_to_one_core() -> None:
    """This process and the threads that it will start share one core, where the system can do that."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
