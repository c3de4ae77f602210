"""Values and gradients by all tools: agreement, then medians and quartiles, with one thread and with all.

    python -m benchmarks [--only NAME …] [--quick] [--tools NAME …] [--threads one|all|both] [--report]

Each problem × size is solved by every tool that is here. A tool whose results are not llad's is not timed. The others
are timed in turn in every round, each in a process of its own. What is timed is the call from Python; the C is called
through ctypes, which takes about a quarter of a microsecond. Figures are written after every problem to
benchmarks/results/*.json, so a run that is stopped keeps what it has, and one of `--only` some problems replaces
theirs; tables (*.md) and plots (*.svg) are made of these at the end, or by `--report` alone. `--readme` puts the
table of one thread into README.md.

`python -m benchmarks.calls` measures what a call, a first gradient and the import cost, `python -m
benchmarks.vector_math` the errors of elementary functions.
"""

from __future__ import annotations

import argparse
import sys
from functools import partial
from pathlib import Path

from benchmarks import results
from benchmarks.comparison import differs
from benchmarks.problems import FAMILIES, Family, named
from benchmarks.report import README, milliseconds, write_readme, write_reports
from benchmarks.results import RESULTS, Row
from benchmarks.solution import Results
from benchmarks.timing import Budget, Unavailable, interleave
from benchmarks.tools import OURS, chosen
from benchmarks.workers import Worker

THREADS = {"one": False, "all": True}


def tell(text: str) -> None:
    """Progress, on a terminal only."""
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)


def measure(where: str, family: Family, size: tuple[int, ...], workers: dict[str, Worker], budget: Budget) -> Row:
    """The times of a value and a gradient by each worker's tool, and why there are none by some."""
    row = Row({}, {})
    expected: Results | None = None
    timers = {}
    for tool, worker in workers.items():  # ours is the first
        tell(f"{where}: {tool}")
        try:
            found = worker.prepare(family.name, size)
            if expected is not None and (difference := differs(found, expected)):
                raise Unavailable(f"disagrees: {difference}")
        except Unavailable as reason:
            if tool == OURS:
                raise
            row.absent[tool] = str(reason)
            continue
        expected = expected or found
        timers |= {(tool, kind): partial(worker.time, kind) for kind in ("value", "gradient")}
    spreads, absent = interleave(timers, budget, lambda done: tell(f"{where}: round {done + 1} of {budget.rounds}"))
    row.absent.update({tool: reason for (tool, _), reason in reversed(absent.items())})
    for (tool, kind), spread in spreads.items():
        if tool not in row.absent:
            row.seconds.setdefault(tool, {})[kind] = spread
    tell("")
    return row


def run(args: argparse.Namespace, problems: list[tuple[Family, tuple[int, ...]]], mode: str, folder: Path) -> bool:
    """Measures the problems with one thread or with all. Returns whether all that there was agreed."""
    tools, absent = chosen(args.tools, THREADS[mode])
    for tool, reason in absent.items():
        print(f"skipped: {tool}, {reason}")
    budget = Budget(args.rounds, args.seconds, args.patience)
    workers = {tool: Worker(tool, THREADS[mode], args.patience) for tool in dict.fromkeys([OURS, *tools])}
    agreed = True
    try:
        for number, (family, size) in enumerate(problems, 1):
            name = named(family, size)
            row = measure(f"[{number}/{len(problems)}] {name}, {mode} thread", family, size, workers, budget)
            print(f"{name}, threads: {mode}")
            for tool in workers:
                found = f"skipped: {row.absent[tool]}" if tool in row.absent else milliseconds(row, tool, "gradient")
                print(f"    {tool:20}{found}", flush=True)
            agreed &= not any("disagrees" in reason for reason in row.absent.values())
            row.absent.update(absent)
            results.add(folder, mode, name, row)
    finally:
        for worker in workers.values():
            worker.stop()
    return agreed


def main(argv: list[str] | None = None) -> int:
    """The exit status: 1 where a tool disagreed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)  # fmt: skip
    parser.add_argument("--only", nargs="+", default=[""], help="the problems whose names hold one of these")
    parser.add_argument("--quick", action="store_true", help="the least size of each problem, three short rounds")
    parser.add_argument("--tools", nargs="+", default=[""], help="beginnings of names: llad, C, JAX; else all")
    parser.add_argument("--threads", choices=["one", "all", "both"], default="both")
    parser.add_argument("--rounds", type=int, default=11)
    parser.add_argument("--seconds", type=float, default=0.05, help="for each call in each round")
    parser.add_argument("--patience", type=float, default=60.0, help="seconds until a tool is given up for a problem")
    parser.add_argument("--results", type=Path, default=RESULTS, help="the folder of what is written")
    parser.add_argument("--report", action="store_true", help="measure nothing: tables and plots of what there is")
    parser.add_argument("--readme", action="store_true", help=f"write the table into {README.name}, too")
    args = parser.parse_args(argv)
    if args.quick:
        args.rounds, args.seconds = min(args.rounds, 3), min(args.seconds, 0.01)

    problems = [(family, size) for family in FAMILIES for size in family.sizes[: 1 if args.quick else None]]
    problems = [(family, size) for family, size in problems if any(part in named(family, size) for part in args.only)]
    agreed = True
    for mode in THREADS if args.threads == "both" else [args.threads]:
        agreed &= args.report or run(args, problems, mode, args.results)
    for file in write_reports(args.results):
        print(f"wrote {file}")
    if args.readme:
        write_readme(args.results)
    return 0 if agreed else 1


if __name__ == "__main__":
    sys.exit(main())
