"""Whether a program passes its checks, and if not, how the failure is recognised when it comes again."""

from __future__ import annotations

import re
import traceback
from collections.abc import Sequence
from dataclasses import dataclass

import llad

from .checks import Check
from .subject import Subject
from .trial import Trial


@dataclass(frozen=True)
class Verdict:
    """`check` failed with `kind`; failures of one kind have one cause, as far as can be told from outside. A
    `refused` program lies outside of the language, which is no failure."""

    check: str
    kind: str
    message: str
    refused: bool = False

    def like(self, other: Verdict | None) -> bool:
        return other is not None and (self.check, self.kind) == (other.check, other.kind)


def judge(subject: Subject, checks: Sequence[Check]) -> Verdict | None:
    """The first check that fails, or refuses; None if none does."""
    trial = Trial(subject)
    for check in checks:
        try:
            check(trial)
        except llad.LladError as error:
            return Verdict(check.__name__, refusal(error), str(error), refused=True)
        except Exception as error:
            return Verdict(check.__name__, kind_of(error), "".join(traceback.format_exception(error)[-1:]))
    return None


def refusal(error: Exception) -> str:
    """What is refused, without the names that the program gave."""
    first, *rest = str(error).splitlines()
    return (
        re.sub(r"\d+", "#", re.sub(r"`[^`]*`", "`…`", first.partition(": ")[2]))
        + f" [{rest[-1].strip() if rest else ''}]"
    )


def kind_of(error: Exception) -> str:
    """What fails: the words before the first number of a comparison, else the exception and where it comes from."""
    text = str(error).splitlines()[0] if str(error) else ""
    frames = traceback.extract_tb(error.__traceback__)
    inside = [f for f in frames if "/llad/" in f.filename and not f.filename.endswith(("testing.py", "interp.py"))]
    if isinstance(error, AssertionError) and frames[-1].filename.endswith(("testing.py", "checks.py")):
        return re.split(r"\[| is | raises \(", text)[0]
    place = f"{inside[-1].filename.rpartition('/llad/')[2]}:{inside[-1].name}" if inside else frames[-1].name
    return f"{type(error).__name__} in {place}: {re.sub(r'[0-9]+', '#', text)[:60]}"
