"""A thousand random Python programs, the same on every run, and the programs that a longer search found once.

`fuzz/` writes and checks them; `python -m tests.fuzz --minutes 10 --seed 7` searches on, and `--program` shows one.
"""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
from fuzz.checks import HARD, INTERPRETED, NATIVE, Check
from fuzz.finished import finished
from fuzz.hunt import guarded, small_of
from fuzz.judge import judge
from fuzz.keep import FOUND, as_test, kept, store
from fuzz.subject import Subject
from fuzz.write import program

from llad.ad.bars import Bars
from llad.ad.filling import Filling

PROGRAMS, AT_ONCE, SIZE = 120, 15, 4
FEW_REFUSED = 0.1


def checks_of(number: int) -> tuple[Check, ...]:
    """The interpreter for most, machine code for some, what takes longest for few."""
    match number % 40:
        case 3 | 23:
            return NATIVE[:2]
        case 8:
            return NATIVE[2:]
        case 13 | 33:
            return (finished,)
        case 18:
            return (HARD[number // 40 % len(HARD)],)
        case _:
            return INTERPRETED


@pytest.mark.usefixtures("quick_code")
@pytest.mark.parametrize("first", range(0, PROGRAMS, AT_ONCE))
def test_programs(first: int) -> None:
    refused = 0
    for number in range(first, first + AT_ONCE):
        subject = program(number, SIZE)
        verdict = judge(subject, checks_of(number)) if subject.sound else None
        if verdict is not None and verdict.refused:
            refused += 1
        elif verdict is not None:
            small, why = small_of(subject, verdict, checks_of(number), seconds=30)
            pytest.fail(f"program {number}: {why.message}\n{as_test(small, why, f'Program {number}')}", pytrace=False)
    assert refused <= FEW_REFUSED * AT_ONCE, "a generator whose programs are refused tests nothing"


@pytest.mark.usefixtures("quick_code")
@pytest.mark.parametrize("path", sorted(FOUND.glob("*.py")), ids=lambda path: path.stem)
def test_found(path: Any) -> None:
    """What was found once stays found."""
    verdict = judge(kept(path), (*INTERPRETED, *NATIVE, *HARD))
    assert verdict is None or (verdict.refused and verdict.check in ("nested", "single")), verdict


# -- the search itself


def broken(source: str) -> Subject:
    """A program with arguments, among much that does not matter."""
    args = (np.array([0.3, 0.7]), np.array([-0.4, 1.1]), np.array([[0.2, 0.9]]), 0.6, -0.3, 2, np.array([1, 0]))
    return Subject(f"import math\nimport numpy as np\nimport llad\n{source}", args)


CLUTTERED = """
def f(x, y, m, a, b, n, k):
    t = math.sin(a)
    for i in range(n):
        if x[i] > 5.0:
            t += y[i]
        else:
            b = b * 0.5 + x[i]
    while t < -3.0:
        t += 1.0
    y[0] = b
    return t * 2.0 + np.sum(y) + m[0, 0]
"""


def test_a_wrong_rule_is_found_and_made_small(monkeypatch: pytest.MonkeyPatch) -> None:
    """A store that forgets to clear the shadow: what remains is a program of one store."""
    monkeypatch.setattr(Bars, "zero", lambda self, value: self.b.const(0.25, value.type))
    subject = broken(CLUTTERED)
    verdict = judge(subject, INTERPRETED)
    assert verdict is not None and not verdict.refused
    small, again = small_of(subject, verdict, INTERPRETED, seconds=60)
    assert again.like(verdict) and len(small.source.splitlines()) < len(subject.source.splitlines()) - 6
    assert "while" not in small.source


def test_a_tape_that_is_read_where_nobody_wrote_it_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Filling, "store", lambda self, rectangle: None)
    source = "def f(x, y, m, a, b, n, k):\n    for i in range(n):\n        a *= x[i] * math.sin(a)\n    return a\n"
    verdict = judge(broken(source), (finished,))
    assert verdict is not None and "poison" in verdict.message


def test_a_crash_and_a_hang_are_verdicts() -> None:
    def crash(_: Any) -> None:
        import ctypes

        ctypes.string_at(0)

    def hang(_: Any) -> None:
        while True:
            pass

    found = [guarded(broken(CLUTTERED), (check,), seconds=1) for check in (crash, hang)]
    assert [v and v.kind for v in found] == ["ends by SIGSEGV", "hangs"]


def test_what_is_stored_fails_again(tmp_path: Any) -> None:
    subject = broken(CLUTTERED)

    def never(trial: Any) -> None:
        raise AssertionError(f"value is {trial.subject.plain.result}")

    verdict = judge(subject, (never,))
    assert verdict is not None
    path = store(tmp_path, subject, verdict, "By hand")
    again = judge(kept(path), (never,))
    assert again is not None and again == verdict


def test_programs_use_the_whole_grammar() -> None:
    text = "\n".join(program(k, 12).source for k in range(1500))
    for form in (
        r"for \w+ in range\(n\):", r"range\(.*, -1\)", r"range\(.*, -2\)", r"reversed\(range", r"while \w+ < \d and ",
        r"while True:", r"\belif ", r"\belse:", r"^ +break$", r"^ +continue$", r"^ {8,}return ", r"\w\[.+\] = ",
        r"\w\[.+\] \*= ", r"^ +(\w+), (\w+) = \2, \1$", r"\[::-1\]", r"\[::2\]", r"np\.zeros\(", r"np\.empty\(",
        r"\w\[k\[\w+\]\] \+= ", r"^ +k\[.+\] = ", r"^ +w\d+ = \w+ if ", r"^ {4,}def c\d", r"def recursive0\(w, u, d\)",
        r"llad\.grad\(", r"llad\.jvp\(", r"llad\.value_and_grad\(", r"enumerate\(", r"zip\(", r"for \w+ in m:", r"//",
        r"<<", r"\^", r"assert ", r"m\[.*, .*\]", r"np\.where\(", r"\[1:\] \+= .*\[:-1\]",
        r"^( +)for .*\n(\1 .*\n)+\1else:", r"^( +)while .*\n(\1 .*\n)+\1else:", r"^class Pair\(NamedTuple\)",
        r"^@dataclass", r"^def g\(.*p0", r'^    return .*\{"', r"return Pair\(", r"return Record\(",
        r"^    return .*, \(?np\.", r"np\.zeros\(0\)", r"llad\.vjp\(", r"llad\.hessian\(", r"llad\.jacfwd\(",
        r"llad\.grad\(lambda t: llad\.grad\(", r"llad\.grad\(derived\d", r"mutual0_\(", r"halving0\(w, middle, high\)",
        r"slicing0\(w\[.*::?-1\]", r"restoring0\(", r"recursive0\(w\[::-1\]", r"^ +v\d+ = v\d+\[.*:-\d\]",
        r"^ +(\w+), (\w+), (\w+) = \2, \3, \1$", r"fits\(.* \* ", r"fits\(.* \*\* ", r"fits\(.* << ", r"// -\d",
        r"% -\d", r"~\(", r">> \(", r"\*\* \(.* % 3\)", r"raise ValueError", r"k\d* ?\[k\d*\[",
        r"\w\[k\d*\[i\d+\]\] \+= ", r"^ +k\d*\[:\] = ", r"dtype=np\.int64",
        r"while True:\n(.*\n){3,9}? +return .*\n.*\n +return ",
    ):  # fmt: skip
        assert re.search(form, text, re.MULTILINE), f"no program has {form}"
