"""What a call costs beside its work, the first gradient, and the import: against Numba's dispatcher and the bars.

    python -m benchmarks.calls [--rounds N] [--json FILE]

The functions do next to nothing, so the time is that of the call. All means are timed in turn within each round, so
that a drift of the machine's speed meets all of them; medians of the rounds are reported, with the ratio to llad's.
The first gradient (of the five-well potential, compilation included; and the same from kept code) and the imports take
a process of their own each time.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import json
import os
import statistics
import subprocess
import sys
import tempfile
import timeit
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

import llad

RESULTS = Path(__file__).parent / "results" / "calls.json"
CALLS = 20_000

# name → the most that a ratio or a number of seconds may be
KEPT = "the same, kept"
BARS = {"scalar call": 0.3, "array to gradient": 0.3, "first gradient": 0.1, KEPT: 0.01, "import": 1.3}
SECONDS = ("first gradient", KEPT)


def square(x: float) -> float:
    return x * x + 1.0


def squares(x: np.ndarray[Any, Any]) -> float:
    s = 0.0
    for i in range(len(x)):
        s += x[i] * x[i]
    return s


def squares_gradient(x: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """The gradient of `squares` as one would write it for Numba."""
    g = np.empty_like(x)
    for i in range(len(x)):
        g[i] = 2.0 * x[i]
    return g


def alternate(means: dict[str, tuple[Callable[..., Any], Any]], rounds: int) -> dict[str, float]:
    """Median seconds of a call of each of the means with its argument."""
    timers = {name: timeit.Timer("f(x)", globals={"f": f, "x": x}) for name, (f, x) in means.items()}
    times: dict[str, list[float]] = {name: [] for name in means}
    for _ in range(rounds):
        for name, timer in timers.items():
            times[name].append(timer.timeit(CALLS) / CALLS)
    return {name: statistics.median(seconds) for name, seconds in times.items()}


def measure_calls(rounds: int) -> dict[str, dict[str, float]]:
    """Medians per kind of call and means; Numba's only where it is installed."""
    x, out = np.arange(8.0), np.empty(8)
    value, total = llad.jit(square), llad.jit_grad(squares)
    scalar: dict[str, tuple[Callable[..., Any], Any]] = {"llad": (value, 1.5), "python": (square, 1.5)}
    reduce: dict[str, tuple[Callable[..., Any], Any]] = {"llad": (total, x), "python": (squares, x)}
    gradient: dict[str, tuple[Callable[..., Any], Any]] = {
        "llad": (total.grad, x),
        "llad, out=": (lambda x: total.grad(x, out=out), x),
        "numpy, 2 * x": (lambda x: 2.0 * x, x),
    }
    if importlib.util.find_spec("numba") is None:
        print("skipped: numba is not installed")
    else:
        njit = importlib.import_module("numba").njit
        scalar["numba"] = (njit(square), 1.5)
        reduce["numba"] = (njit(squares), x)
        gradient["numba"] = (njit(squares_gradient), x)
    kinds = {"scalar call": scalar, "array to scalar": reduce, "array to gradient": gradient}
    for means in kinds.values():
        for f, argument in means.values():
            f(argument)  # compiles
    return {kind: alternate(means, rounds) for kind, means in kinds.items()}


FIRST = """
import time
from llad.demo import five_wells
begin = time.perf_counter()
five_wells.grad(1.0, 2.0)
print(time.perf_counter() - begin)
"""
IMPORT = "import time; begin = time.perf_counter(); import {}; print(time.perf_counter() - begin)"


def in_new_process(code: str, folder: str = "") -> float:
    """The seconds that the code prints; compiled code is kept in the folder, if any."""
    environment = {**os.environ, "LLAD_CACHE_DIR": folder}
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, env=environment)
    return float(done.stdout)


def measure_processes(rounds: int) -> dict[str, dict[str, float]]:
    """Medians over new processes."""
    codes = {
        "first gradient": {"llad": FIRST},
        KEPT: {"llad": FIRST},
        "import": {
            "llad": IMPORT.format("llad"),
            "llad, first use": IMPORT.format("llad; llad.jit"),
            "what it needs": IMPORT.format("numpy, llvmlite.binding"),
        },
    }
    times: dict[str, dict[str, list[float]]] = {k: {n: [] for n in c} for k, c in codes.items()}
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(rounds + 1):
            for kind, means in codes.items():
                for name, code in means.items():
                    times[kind][name].append(in_new_process(code, folder if kind == KEPT else ""))
    # the first round filled the caches of the file system
    return {k: {n: statistics.median(t[1:]) for n, t in means.items()} for k, means in times.items()}


def verdicts(results: dict[str, dict[str, float]]) -> list[str]:
    """One line per bar: what was measured, and whether it is kept."""
    lines = []
    for name, most in BARS.items():
        times = results[name]
        peer = times.get("numba", times.get("what it needs"))
        if name not in SECONDS and peer is None:
            continue
        found = times["llad"] / (peer or 1.0)
        unit = " s" if name in SECONDS else "×"
        lines.append(f"{name:20}{found:8.3f}{unit:2}  (at most {most}{unit})  {'kept' if found <= most else 'MISSED'}")
    return lines


def write(results: Mapping[str, object], path: Path) -> None:
    """Write what was measured as JSON, in a folder that is made if need be."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(results, indent=1))
    print(f"wrote {path}")


def main(argv: list[str] | None = None) -> dict[str, dict[str, float]]:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=11)
    parser.add_argument("--json", type=Path, default=RESULTS, help="where the medians are written")
    args = parser.parse_args(argv)

    results = measure_calls(args.rounds) | measure_processes(min(args.rounds, 9))
    for kind, times in results.items():
        slow = times["llad"] > 1e-3
        factor, unit = (1e3, "ms") if slow else (1e9, "ns")
        print(kind)
        for name, seconds in times.items():
            print(f"  {name:16}{seconds * factor:10.1f} {unit}{seconds / times['llad']:9.2f}×")
    print("\n".join(verdicts(results)))
    write(results, args.json)
    return results


if __name__ == "__main__":
    main()
