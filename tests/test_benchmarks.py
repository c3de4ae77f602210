"""The benchmarks compare like with like: what others are given is the same objective, the same gradient."""

from __future__ import annotations

import ctypes
import dataclasses
import functools
import importlib.util
import json
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

from benchmarks import against_c, arrays, c_library  # noqa: E402
from benchmarks.gradients import flat  # noqa: E402
from benchmarks.means import Means, available, by_c, by_llad, parts  # noqa: E402
from benchmarks.objectives import cases  # noqa: E402
from benchmarks.peers import Case  # noqa: E402
from benchmarks.problems import FAMILIES, Family, Problem  # noqa: E402
from benchmarks.styles import numpy_style  # noqa: E402
from benchmarks.timing import Spread, interleave, one_core  # noqa: E402


@pytest.mark.parametrize("case", cases(), ids=lambda case: case.name)
def test_array_style_is_the_same_objective(case: Case) -> None:
    assert_close(case.arrays(np, *case.args), case.function(*case.args), rtol=1e-12)


@pytest.mark.parametrize("case", [case for case in cases() if case.by_hand], ids=lambda case: case.name)
def test_gradients_by_hand_are_right(case: Case) -> None:
    assert case.by_hand is not None
    assert_close(flat(case.by_hand(*case.args)), flat(case.function.grad(*case.args)), rtol=1e-11, atol=1e-12)


def apart(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run by a Python of its own: once imported, JAX loses signals that come while it collects garbage."""
    return subprocess.run([sys.executable, *arguments], capture_output=True, text=True, check=False, cwd=ROOT)


def test_benchmark_runs_with_what_is_installed(tmp_path: Path) -> None:
    file = tmp_path / "gradients.json"
    options = ["--rounds", "1", "--seconds", "0.0001", "--only", "goldstein", "--json", str(file)]
    done = apart("-m", "benchmarks.gradients", *options)
    assert done.returncode == 0, done.stderr
    assert json.loads(file.read_text())["goldstein price"]["llad gradient"] > 0.0
    assert "goldstein price" in done.stdout


def test_benchmarks_are_listed() -> None:
    listed = apart("-m", "benchmarks").stdout
    assert "python -m benchmarks.gradients" in listed
    assert "python -m benchmarks.against_c" in listed


@pytest.mark.parametrize("name", arrays.PROBLEMS)
def test_array_problems_are_the_same_for_all(name: str) -> None:
    arrays.calls(name, 150, others=["autograd"])


# -- against C


@pytest.fixture(scope="module")
def libraries(tmp_path_factory: pytest.TempPathFactory) -> dict[str, ctypes.CDLL]:
    if c_library.compiler() is None:
        pytest.skip("gcc is not installed")
    return c_library.build(tmp_path_factory.mktemp("reference"))


@functools.cache
def solved(family: Family) -> tuple[Problem, tuple[list[Any], list[Any]]]:
    """The tiny problem of a family, and llad's value and derivative of it."""
    problem = family.make(*family.tiny)
    return problem, by_llad(problem, fastmath=False).results()


each_family = pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)


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


@pytest.mark.parametrize("way", c_library.WAYS)
@each_family
def test_c_computes_the_same(family: Family, way: str, libraries: dict[str, ctypes.CDLL]) -> None:
    problem, (value, derivative) = solved(family)
    found = by_c(problem, libraries[way]).results()
    assert_close(found[0], value, rtol=1e-11, atol=1e-13)
    for part, expected in zip(found[1], derivative, strict=True):
        assert_close(part, expected, rtol=1e-10, atol=1e-13 * float(np.abs(expected).max()))


AGREES = """
from benchmarks import against_c, means, problems
makers = {name: maker for name, maker in means.available(("llad", "JAX")).items() if name in ("llad", "JAX")}
assert set(makers) == {"llad", "JAX"}
for family in problems.FAMILIES:
    if family.name in ("bundle adjustment", "newton sqrt", "lstm"):
        against_c.prepare(family.make(*family.tiny), makers)
        print("agreed:", family.name)
"""


def test_jax_computes_the_same() -> None:
    if importlib.util.find_spec("jax") is None:
        pytest.skip("jax is not installed")
    done = apart("-c", AGREES)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("agreed:") == 3


def test_what_disagrees_is_not_timed() -> None:
    def by_mistake(problem: Problem) -> Means:
        right = by_llad(problem, fastmath=False)
        value, derivative = right.results()
        return dataclasses.replace(right, results=lambda: (value, [1.001 * part for part in derivative]))

    family = next(family for family in FAMILIES if family.name == "rosenbrock")
    with pytest.raises(AssertionError, match="mistaken"):
        makers = {"llad": functools.partial(by_llad, fastmath=False), "mistaken": by_mistake}
        against_c.prepare(family.make(5), makers)


def test_c_is_skipped_by_name(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(c_library, "compiler", lambda: None)
    assert {"llad", "llad fastmath"} <= set(available())
    assert "skipped: C, as gcc is not installed" in capsys.readouterr().out


def test_a_failed_build_says_why(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    if c_library.compiler() is None:
        pytest.skip("gcc is not installed")
    monkeypatch.setattr(c_library, "FLAGS", ("-fno-such-flag",))
    assert "C" not in available()
    assert "no-such-flag" in capsys.readouterr().out


def test_against_c_writes_figures_and_a_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file, table = tmp_path / "figures.json", tmp_path / "table.md"
    options = ["--rounds", "2", "--seconds", "0.0001", "--means", "llad", "--only", "rosenbrock 100"]
    rows = against_c.main([*options, "--json", str(file), "--markdown", str(table)])
    assert list(rows) == ["rosenbrock 100", "rosenbrock 10000"]
    written = json.loads(file.read_text())
    assert written["machine"]["numpy"] == np.__version__
    found = written["seconds"]["rosenbrock 100"]
    assert set(found) == {f"{means} {kind}" for means in ("llad", "llad fastmath") for kind in ("value", "gradient")}
    assert all(0.0 < call["low"] <= call["median"] <= call["high"] for call in found.values())
    lines = table.read_text().splitlines()
    assert len(lines) == 4 and len({line.count("|") for line in lines}) == 1
    assert "rosenbrock 10000" in capsys.readouterr().out


def test_calls_are_timed_in_turn() -> None:
    made: list[str] = []
    spreads = interleave({"a": lambda: made.append("a"), "b": lambda: made.append("b")}, rounds=3, seconds=0.0)
    assert made == ["a", "a", "b", "b"] + ["a", "b"] * 3
    assert set(spreads) == {"a", "b"}
    assert Spread.of([4.0, 1.0, 2.0, 3.0, 5.0]) == Spread(3.0, 2.0, 4.0)
    assert Spread.of([2.0]) == Spread(2.0, 2.0, 2.0)


def test_one_core_is_given_back() -> None:
    if not hasattr(os, "sched_setaffinity"):
        pytest.skip("the system cannot bind processes to cores")
    before = os.sched_getaffinity(0)
    with one_core():
        assert len(os.sched_getaffinity(0)) == 1
    assert os.sched_getaffinity(0) == before
