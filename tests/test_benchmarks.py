"""The benchmarks compare like with like: what others are given is the same objective, the same gradient."""

from __future__ import annotations

import ctypes
import functools
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from llad.testing import assert_close

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))  # benchmarks and examples are run from the checkout, not installed

from benchmarks import __main__ as benchmarks  # noqa: E402
from benchmarks import arrays, c_library, first, report, tools  # noqa: E402
from benchmarks.bars import verdict  # noqa: E402
from benchmarks.comparison import differs  # noqa: E402
from benchmarks.compiled_means import by_c, by_llad  # noqa: E402
from benchmarks.problems import FAMILIES, Family, Problem  # noqa: E402
from benchmarks.results import Row, add, load  # noqa: E402
from benchmarks.solution import parts  # noqa: E402
from benchmarks.styles import numpy_style  # noqa: E402
from benchmarks.timing import Budget, Spread, Unavailable, interleave  # noqa: E402
from benchmarks.workers import Worker  # noqa: E402


def apart(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run by a Python of its own: once imported, JAX loses signals that come while it collects garbage."""
    return subprocess.run([sys.executable, *arguments], capture_output=True, text=True, check=False, cwd=ROOT)


@pytest.mark.usefixtures("quick_code")
@pytest.mark.parametrize("name", arrays.PROBLEMS)
def test_array_problems_are_the_same_for_all(name: str) -> None:
    arrays.calls(name, 150, others=["autograd"])


@pytest.fixture(scope="module")
def libraries(tmp_path_factory: pytest.TempPathFactory) -> dict[str, ctypes.CDLL]:
    if c_library.compiler() is None:
        pytest.skip("gcc is not installed")
    return {way: c_library.build(tmp_path_factory.mktemp("reference"), way) for way in c_library.WAYS}


@functools.cache
def solved(family: Family) -> tuple[Problem, tuple[list[Any], list[Any]]]:
    """The tiny problem of a family, and llad's value and derivative of it."""
    problem = family.make(*family.tiny)
    return problem, by_llad(problem, fastmath=False).results()


each_family = pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)


@pytest.mark.usefixtures("quick_code")
@each_family
def test_loops_and_arrays_are_the_same_objective(family: Family) -> None:
    problem, (value, _) = solved(family)
    assert_close(parts(problem.loops(*problem.args)), value, rtol=1e-12)  # as plain Python
    assert_close(parts(problem.arrays(numpy_style(), *problem.args)), value, rtol=1e-10)


# the blocks of bundle adjustment are compared with differences in test_examples.py
@pytest.mark.parametrize(
    "family", [f for f in FAMILIES if f.name != "bundle adjustment"], ids=lambda family: family.name
)
def test_gradients_against_differences_of_arrays(family: Family) -> None:
    problem, (_, found) = solved(family)
    random = np.random.default_rng(1)
    directions = [random.normal(size=np.shape(problem.args[k])) for k in problem.argnums]
    ends = []
    for h in (1e-6, -1e-6):
        args = list(problem.args)
        for k, direction in zip(problem.argnums, directions, strict=True):
            args[k] = args[k] + h * direction
        ends.append(float(problem.arrays(numpy_style(), *args)))
    slope = sum(float(np.sum(a * b)) for a, b in zip(found, directions, strict=True))
    assert_close(slope, (ends[0] - ends[1]) / 2e-6, rtol=1e-5, atol=1e-8 * abs(ends[0]))


@pytest.mark.parametrize(
    "family", [family for family in FAMILIES if family.make(*family.tiny).by_hand], ids=lambda family: family.name
)
def test_gradients_by_hand_are_right(family: Family) -> None:
    problem, expected = solved(family)
    assert problem.by_hand is not None
    value, *derivatives = problem.by_hand(*problem.args)
    assert differs((parts(value), parts(derivatives)), expected) is None


@pytest.mark.parametrize("way", c_library.WAYS)
@each_family
def test_c_computes_the_same(family: Family, way: str, libraries: dict[str, ctypes.CDLL]) -> None:
    problem, (value, derivative) = solved(family)
    if problem.reference is None:
        with pytest.raises(Unavailable, match="no reference"):
            by_c(problem, libraries[way])
        return
    found = by_c(problem, libraries[way]).results()
    assert_close(found[0], value, rtol=1e-11, atol=1e-13)
    for part, expected in zip(found[1], derivative, strict=True):
        assert_close(part, expected, rtol=1e-10, atol=1e-13 * float(np.abs(expected).max()))


AGREES = """
import sys
from benchmarks.comparison import differs
from benchmarks.problems import FAMILIES
from benchmarks.timing import Unavailable
from benchmarks.tools import OURS, TOOLS
ours, theirs = TOOLS[OURS].start(), TOOLS[sys.argv[1]].start()
for family in FAMILIES:
    if family.name in sys.argv[2:]:
        problem = family.make(*family.tiny)
        assert (found := differs(theirs(problem).results(), ours(problem).results())) is None, (family.name, found)
        print("agreed:", family.name)
"""


@pytest.mark.parametrize("tool", ["JAX", "PyTorch", "autograd", "CasADi"])
def test_others_compute_the_same(tool: str) -> None:
    """Of the problems whose programs in array style are least like loops."""
    if reason := tools.missing(tool):
        pytest.skip(reason)
    names = ["bundle adjustment"] + (["brusselator"] if tool == "CasADi" else ["newton sqrt", "lstm"])
    done = apart("-c", AGREES, tool, *names)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("agreed:") == len(names)


def test_what_disagrees_is_seen() -> None:
    ours = [np.array(2.0)], [np.array([1.0, 0.0, -3.0])]
    assert differs(ours, ours) is None
    assert "at 2" in str(differs(([np.array(2.0)], [np.array([1.0, 0.0, -3.001])]), ours))
    assert "nan" in str(differs(([np.array(np.nan)], ours[1]), ours))
    assert "parts of [2]" in str(differs(([np.array(2.0)], [np.ones(2)]), ours))


def test_missing_tools_are_skipped_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(c_library, "compiler", lambda: None)
    monkeypatch.setitem(tools.TOOLS, "JAX", tools.Tool(tools.TOOLS["JAX"].start, "no_such_package"))
    found, absent = tools.chosen(["llad", "C", "JAX"], all_threads=False)
    assert found[:2] == ["llad", "llad fastmath"] and not {"C", "JAX"} & set(found)
    assert absent["C"] == "gcc is not installed" and absent["JAX"] == "no_such_package is not installed"
    assert tools.chosen(["Numba"], all_threads=True)[0] == []


def test_a_failed_build_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    if c_library.compiler() is None:
        pytest.skip("gcc is not installed")
    monkeypatch.setattr(c_library, "FLAGS", ("-fno-such-flag",))
    with pytest.raises(Unavailable, match="no-such-flag"):
        tools.TOOLS["C"].start()


def test_a_worker_that_is_late_is_given_up_and_started_anew() -> None:
    worker = Worker("llad", all_threads=False, patience=60.0)
    try:
        with pytest.raises(Unavailable, match="given up"):
            worker.time("value", 1)
        worker.prepare("rosenbrock", (2,))
        assert worker.time("gradient", 2) > 0.0
        worker.patience = 0.0
        with pytest.raises(Unavailable, match="longer than 0 s"):
            worker.prepare("mixture", (2, 5, 1000))
        worker.patience = 60.0
        assert len(worker.prepare("rosenbrock", (2,))[1]) == 1
    finally:
        worker.stop()


def test_figures_tables_and_plots_are_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--rounds", "2", "--seconds", "0.0001", "--threads", "one", "--tools", "llad", "--only"]
    assert benchmarks.main([*options, "rosenbrock 100", "--results", str(tmp_path)]) == 0
    assert "rosenbrock 10000, threads: one" in capsys.readouterr().out
    about, rows = load(tmp_path, "one")
    assert about["numpy"] == np.__version__
    assert list(rows) == ["rosenbrock 100", "rosenbrock 1000", "rosenbrock 10000"]
    for spread in (rows["rosenbrock 100"].seconds["llad fastmath"][kind] for kind in ("value", "gradient")):
        assert 0.0 < spread.low <= spread.median <= spread.high and spread.rounds == 2
    assert "| rosenbrock 1000 |" in (tmp_path / "threads-one.md").read_text()


def spread(seconds: float) -> Spread:
    return Spread(seconds, seconds, seconds, 1)


ROW = Row({"llad fastmath": {"value": spread(1.0), "gradient": spread(3.0)},
           "C -ffast-math": {"value": spread(1.0), "gradient": spread(2.0)},
           "JAX": {"value": spread(1.0), "gradient": spread(6.0)}}, {"CasADi": "took longer"})  # fmt: skip


def test_losses_and_reasons_stand_in_the_report(tmp_path: Path) -> None:
    assert verdict("k-means 1", ROW) == ["k-means 1", "1.5", "1.3", "0.5 (JAX)", "0.8", "MISSED"]
    assert verdict("heat 1", ROW)[-1] == "MISSED" and verdict("no such", ROW) == []
    add(tmp_path, "one", "newton sqrt", ROW)
    about, rows = load(tmp_path, "one")
    assert rows == {"newton sqrt": ROW}
    text = report.report(about, rows, "one")
    assert "- CasADi: took longer" in text and "| 1.50 |" in text and "3.00 at most" in text
    page = tmp_path / "page.md"
    page.write_text("before <!-- measured -->old<!-- until here --> after")
    report.write_readme(tmp_path, page)
    assert "| newton sqrt |" in page.read_text() and "old" not in page.read_text()


def test_calls_are_timed_in_turn() -> None:
    made: list[str] = []

    def timer(name: str, repeats: int) -> float:
        made.append(name)
        if name == "c":
            raise Unavailable("is gone")
        return 1.0

    timers = {name: functools.partial(timer, name) for name in "abc"}
    spreads, absent = interleave(timers, Budget(rounds=3, seconds=0.0, patience=60.0))
    assert made == ["a", "b", "c"] + ["a", "b"] * 3
    assert set(spreads) == {"a", "b"} and absent == {"c": "is gone"}
    assert interleave(timers, Budget(3, 0.0, patience=2.5))[0]["a"].rounds == 2
    assert Spread.of([4.0, 1.0, 2.0, 3.0, 5.0]) == Spread(3.0, 2.0, 4.0, 5)
    assert Spread.of([2.0]) == Spread(2.0, 2.0, 2.0, 1)


BINDS = "from benchmarks.timing import *; bind_to_one_core(); print(len(os.sched_getaffinity(0)))"


def test_one_thread_has_one_core() -> None:
    if not hasattr(os, "sched_setaffinity"):
        pytest.skip("the system cannot bind processes to cores")
    assert apart("-c", BINDS).stdout == "1\n"


def test_the_first_gradient_takes_longer_than_the_same_from_kept_code(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    warm, kept = first.measure("lstm", (2, 64), fastmath=False, rounds=1)
    assert 0.0 < kept < warm
