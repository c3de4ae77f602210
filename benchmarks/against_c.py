"""Values and gradients against expert C, strict and fast, and JAX: agreement, medians and quartiles, one thread.

    python -m benchmarks.against_c [--only NAME] [--quick] [--means …] [--rounds N] [--seconds S] [--markdown [FILE]]

The C is in benchmarks/reference and is built for this machine each time. All means agree on the gradient before any
is timed; then they are timed in turn, on one core. What is timed is the call from Python: C is called through
ctypes, which takes about a quarter of a microsecond.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import platform
import subprocess
import sys
from pathlib import Path

import numpy as np

from benchmarks.means import Maker, Means, available
from benchmarks.problems import FAMILIES, Problem, named
from benchmarks.timing import Call, Spread, interleave, one_core

RESULTS = Path(__file__).parent / "results" / "against_c.json"
PACKAGES = ("llad", "llvmlite", "numpy", "jax")

Row = dict[str, Spread]  # "MEANS value" or "MEANS gradient" → seconds


def prepare(problem: Problem, makers: dict[str, Maker]) -> dict[str, Means]:
    """The means, compiled. Raises: AssertionError where one disagrees with the first."""
    means = {name: make(problem) for name, make in makers.items()}
    expected: tuple[list[np.ndarray], list[np.ndarray]] | None = None
    for name, one in means.items():
        found = one.results()
        if expected is None:
            expected = found
        for a, b in zip(found, expected, strict=True):
            assert len(a) == len(b), name
            for found_part, part in zip(a, b, strict=True):
                assert np.all(np.isfinite(part)), name
                scale = float(np.abs(part).max())
                np.testing.assert_allclose(found_part, part, rtol=1e-7, atol=1e-10 * scale, err_msg=name)
    return means


def calls(means: dict[str, Means]) -> dict[str, Call]:
    return {f"{name} {kind}": getattr(one, kind) for name, one in means.items() for kind in ("value", "gradient")}


def ratio(row: Row, above: str, below: str) -> str:
    """How many times as long one takes as another, where both were timed."""
    return f"{row[above].median / row[below].median:.2f}" if above in row and below in row else ""


def milliseconds(row: Row, name: str) -> str:
    """The median, and the half of what lies between the quartiles as a share of it."""
    if name not in row:
        return ""
    spread = row[name]
    return f"{spread.median * 1e3:.4g} ±{50.0 * (spread.high - spread.low) / spread.median:.0f}%"


# heading → cell
COLUMNS = {
    "llad fastmath, ms": lambda row: milliseconds(row, "llad fastmath gradient"),
    "of C -ffast-math": lambda row: ratio(row, "llad fastmath gradient", "C -ffast-math gradient"),
    "of JAX": lambda row: ratio(row, "llad fastmath gradient", "JAX gradient"),
    "of its value": lambda row: ratio(row, "llad fastmath gradient", "llad fastmath value"),
    "llad, ms": lambda row: milliseconds(row, "llad gradient"),
    "of C": lambda row: ratio(row, "llad gradient", "C gradient"),
    "of its value ": lambda row: ratio(row, "llad gradient", "llad value"),
    "C -ffast-math, ms": lambda row: milliseconds(row, "C -ffast-math gradient"),
    "C, ms": lambda row: milliseconds(row, "C gradient"),
    "JAX, ms": lambda row: milliseconds(row, "JAX gradient"),
}


def markdown(rows: dict[str, Row]) -> str:
    """The table of gradients; "of X" is llad's time as a multiple of X's."""
    lines = ["| gradient of | " + " | ".join(heading.strip() for heading in COLUMNS) + " |"]
    lines.append("|---" * (len(COLUMNS) + 1) + "|")
    for name, row in rows.items():
        lines.append(f"| {name} | " + " | ".join(cell(row) for cell in COLUMNS.values()) + " |")
    return "\n".join(lines)


def machine() -> dict[str, str]:
    """What the figures depend on."""
    about = {"processor": platform.processor() or platform.machine(), "python": platform.python_version()}
    information = Path("/proc/cpuinfo")
    if information.exists():
        names = [line.split(":")[1].strip() for line in information.read_text().splitlines() if "model name" in line]
        about["processor"] = names[0] if names else about["processor"]
    for package in PACKAGES:
        try:
            about[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    try:
        said = subprocess.run(["gcc", "-dumpfullversion"], capture_output=True, text=True, check=True).stdout
        about["gcc"] = said.strip()
    except (OSError, subprocess.CalledProcessError):
        pass
    return about


def tell(text: str) -> None:
    """Progress, on a terminal only."""
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)


def run(only: str, quick: bool, rounds: int, seconds: float, makers: dict[str, Maker]) -> dict[str, Row]:
    """The rows of all problems whose name holds `only`; `quick`: the least size of each. Prints them as they come."""
    chosen = [(family, size) for family in FAMILIES for size in family.sizes[: 1 if quick else None]]
    chosen = [(family, size) for family, size in chosen if only in named(family, size)]
    print(f"{'gradient of':32}" + "".join(f"{heading.strip():>20}" for heading in COLUMNS))
    rows: dict[str, Row] = {}
    for number, (family, size) in enumerate(chosen, 1):
        name = named(family, size)
        where = f"[{number}/{len(chosen)}] {name}"

        def begin_round(done: int, where: str = where) -> None:
            tell(f"{where}: round {done + 1} of {rounds}")

        tell(f"{where}: compiling")
        rows[name] = interleave(calls(prepare(family.make(*size), makers)), rounds, seconds, begin_round)
        tell("")
        print(f"{name:32}" + "".join(f"{cell(rows[name]):>20}" for cell in COLUMNS.values()), flush=True)
    return rows


def main(argv: list[str] | None = None) -> dict[str, Row]:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--only", default="", help="the problems whose name holds this")
    parser.add_argument("--quick", action="store_true", help="the least size of each problem, three short rounds")
    parser.add_argument("--means", nargs="+", default=[""], help="beginnings of names: llad, C, JAX; all if not given")
    parser.add_argument("--rounds", type=int, default=11)
    parser.add_argument("--seconds", type=float, default=0.05, help="for each call in each round")
    parser.add_argument("--json", type=Path, default=RESULTS, help="where all figures are written, in seconds")
    parser.add_argument("--markdown", type=Path, nargs="?", const=Path("-"), help="write a table, too (-: print it)")
    args = parser.parse_args(argv)
    if args.quick:
        args.rounds, args.seconds = min(args.rounds, 3), min(args.seconds, 0.01)

    with one_core():
        rows = run(args.only, args.quick, args.rounds, args.seconds, available(tuple(args.means)))
    figures = {name: {call: spread.record() for call, spread in row.items()} for name, row in rows.items()}
    args.json.parent.mkdir(parents=True, exist_ok=True)
    args.json.write_text(json.dumps({"machine": machine(), "seconds": figures}, indent=1))
    print(f"wrote {args.json}")
    if args.markdown == Path("-"):
        print(markdown(rows))
    elif args.markdown:
        args.markdown.write_text(markdown(rows) + "\n")
        print(f"wrote {args.markdown}")
    return rows


if __name__ == "__main__":
    main()
