"""Times of several calls that are made in turn, so that a drift of the machine's speed meets all of them."""

from __future__ import annotations

import contextlib
import os
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

Call = Callable[[], Any]


@dataclass(frozen=True)
class Spread:
    """Seconds of one call: the median of the rounds, and the quartiles."""

    median: float
    low: float
    high: float

    @staticmethod
    def of(times: list[float]) -> Spread:
        low, median, high = statistics.quantiles(times, n=4, method="inclusive") if len(times) > 1 else times * 3
        return Spread(median, low, high)

    def record(self) -> dict[str, float]:
        return asdict(self)


def interleave(
    calls: dict[str, Call], rounds: int, seconds: float, tell: Callable[[int], None] = lambda done: None
) -> dict[str, Spread]:
    """Each round gives each call about `seconds`, and at least one run. `tell` hears how many rounds are done."""
    repeats = {}
    for name, call in calls.items():
        call()  # what is only slow for once
        begin = time.perf_counter()
        call()
        repeats[name] = max(1, int(seconds / max(time.perf_counter() - begin, 1e-7)))
    times: dict[str, list[float]] = {name: [] for name in calls}
    for done in range(rounds):
        tell(done)
        for name, call in calls.items():
            repeat = range(repeats[name])
            begin = time.perf_counter()
            for _ in repeat:
                call()
            times[name].append((time.perf_counter() - begin) / len(repeat))
    return {name: Spread.of(t) for name, t in times.items()}


@contextlib.contextmanager
def one_core() -> Iterator[None]:
    """What runs inside, and threads that it starts, share one core, where the system can do that."""
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(before)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)
