"""The benchmarks compare like with like: what others are given is the same objective, the same gradient."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from llad.testing import assert_close

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))  # benchmarks and examples are run from the checkout, not installed

from benchmarks.gradients import flat, main  # noqa: E402
from benchmarks.objectives import cases  # noqa: E402
from benchmarks.peers import Case  # noqa: E402


@pytest.mark.parametrize("case", cases(), ids=lambda case: case.name)
def test_array_style_is_the_same_objective(case: Case) -> None:
    assert_close(case.arrays(np, *case.args), case.function(*case.args), rtol=1e-12)


@pytest.mark.parametrize("case", [case for case in cases() if case.by_hand], ids=lambda case: case.name)
def test_gradients_by_hand_are_right(case: Case) -> None:
    assert case.by_hand is not None
    assert_close(flat(case.by_hand(*case.args)), flat(case.function.grad(*case.args)), rtol=1e-11, atol=1e-12)


def test_benchmark_runs_with_what_is_installed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "gradients.json"
    results = main(["--rounds", "1", "--seconds", "0.0001", "--only", "goldstein", "--json", str(file)])
    assert json.loads(file.read_text()) == results
    assert results["goldstein price"]["llad gradient"] > 0.0
    assert "goldstein price" in capsys.readouterr().out


def test_benchmarks_are_listed() -> None:
    run = [sys.executable, "-m", "benchmarks"]
    listed = subprocess.run(run, capture_output=True, text=True, check=True, cwd=ROOT).stdout
    assert "python -m benchmarks.gradients" in listed
