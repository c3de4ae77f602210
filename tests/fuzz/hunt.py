"""The long search: programs by the thousand, each failure made small, printed as a test, and stored.

Each kind of failure is made small twice at most; later ones are only counted. Programs run in child processes, a batch
in each, so crashes and hangs are finds like others, and memory that machine code takes is given back.
"""

from __future__ import annotations

import faulthandler
import random
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .checks import HARD, INTERPRETED, NATIVE, Check
from .children import Died, limit, stream
from .judge import Verdict, judge
from .keep import as_test, store
from .shrink import shrink
from .structured import structured
from .subject import Subject
from .write import program

BATCH = 40
SECONDS = 60  # that one program may compute
SIZES = (4, 8, 8, 14, 24)


def subject_of(seed: int) -> Subject:
    """Program number `seed` of the long search: of all sizes."""
    return program(seed, random.Random(seed).choice(SIZES))


def checks_of(seed: int) -> list[Check]:
    """The interpreter for all, machine code for some, and what takes longest for few."""
    rng = random.Random(f"checks {seed}")
    checks = [*INTERPRETED]
    if rng.random() < 0.4:
        checks += NATIVE
    return checks + [check for check in HARD if rng.random() < (0.4 if check is structured else 0.1)]


def guarded(subject: Subject, checks: Sequence[Check], seconds: int = SECONDS) -> Verdict | None:
    """The verdict of a child process; a crash of it is a verdict too."""

    def work(send: Callable[[Any], None]) -> None:
        faulthandler.disable()
        limit(seconds)
        send(judge(subject, checks))

    for found in stream(work):
        if isinstance(found, Died):
            return Verdict("process", str(found), f"the process {found}")
        return found
    return None


@dataclass
class Hunt:
    """`directory`: where finds are stored. Counts what was run."""

    directory: Path
    say: Callable[[str], None] = print
    programs: int = 0
    unsound: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    failed: Counter[tuple[str, str]] = field(default_factory=Counter)
    examples: dict[str, int] = field(default_factory=dict)

    def run(self, minutes: float, seed: int) -> bool:
        """Search for so long, from program `seed` on; whether all went well."""
        end = time.monotonic() + 60 * minutes
        while time.monotonic() < end:
            seed = self.batch(seed, end)
        self.say(self.summary(minutes, seed))
        return not self.failed

    def batch(self, first: int, end: float) -> int:
        """A batch of programs; the next one to be run."""

        def work(send: Callable[[Any], None]) -> None:
            for seed in range(first, first + BATCH):
                if time.monotonic() > end:
                    return
                send(seed)
                limit(SECONDS)
                subject = subject_of(seed)
                send("unsound" if not subject.sound else judge(subject, checks_of(seed)))

        seed = first
        for found in stream(work):
            if isinstance(found, int):
                seed = found
                self.programs += 1
            elif found == "unsound":
                self.unsound += 1
            elif isinstance(found, Died):
                self.find(seed, Verdict("process", str(found), f"the process {found}"))
                return seed + 1
            elif found is not None:
                self.find(seed, found)
        return first + BATCH

    def find(self, seed: int, verdict: Verdict) -> None:
        if verdict.refused:
            self.refused[f"{verdict.check}: {verdict.kind}"] += 1
            self.examples.setdefault(f"{verdict.check}: {verdict.kind}", seed)
            return
        key = (verdict.check, verdict.kind)
        self.failed[key] += 1
        self.say(f"program {seed} fails: {verdict.check}: {verdict.message.strip().splitlines()[0]}")
        if self.failed[key] <= 2:
            small, why = small_of(subject_of(seed), verdict, checks_of(seed))
            origin = f"Program {seed}, made smaller"
            path = store(self.directory, small, why, origin)
            self.say(f"{as_test(small, why, origin)}\nstored as {path}\n")

    def summary(self, minutes: float, seed: int) -> str:
        lines = [f"{self.programs} programs in {minutes:g} minutes, the last {seed - 1}; {self.unsound} made no sense"]
        lines += [
            f"refused {count} times: {what} (program {self.examples[what]})"
            for what, count in self.refused.most_common()
        ]
        lines += [f"FAILED {count} times: {': '.join(key)}" for key, count in self.failed.most_common()]
        return "\n".join(lines if self.failed else [*lines, "no failure"])


def small_of(
    subject: Subject, verdict: Verdict, checks: Sequence[Check], seconds: float = 180
) -> tuple[Subject, Verdict]:
    """A small program that fails in the same way, and how."""
    one = [check for check in checks if check.__name__ == verdict.check] or [*checks]
    small = shrink(subject, lambda s: verdict.like(guarded(s, one, 20)), seconds)
    again = guarded(small, one)
    return (small, again) if verdict.like(again) and again is not None else (subject, verdict)
