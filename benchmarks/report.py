"""Tables of what was measured: how many times as long llad takes as others, all times, and the bars that it is to keep.

Losses stand in them as wins do. A problem that a tool was not timed with has an empty cell, and the reason below.
"""

from __future__ import annotations

import importlib
import importlib.util
import re
import statistics
from pathlib import Path

from benchmarks import bars
from benchmarks.problems import FAMILIES, named
from benchmarks.results import Row, load
from benchmarks.tools import TOOLS

README = Path(__file__).parents[1] / "README.md"
FAST = "llad fastmath"
# ours, and what it is divided by
COLUMNS = {
    "C -ffast-math": (FAST, "C -ffast-math"),
    "Numba, by hand": (FAST, "Numba"),
    "JAX": (FAST, "JAX"),
    "PyTorch": (FAST, "PyTorch"),
    "autograd": (FAST, "autograd"),
    "CasADi": (FAST, "CasADi"),
}


def milliseconds(row: Row, tool: str, kind: str) -> str:
    """The median, and half of what lies between the quartiles as a share of it."""
    if tool not in row.seconds:
        return ""
    spread = row.seconds[tool][kind]
    return f"{spread.median * 1e3:.3g} ±{50.0 * (spread.high - spread.low) / spread.median:.0f}%"


def quotient(row: Row, above: str, below: str) -> str:
    """How many times as long a gradient by one takes as by another, where both were timed."""
    found = bars.ratio(row, above, below)
    return "" if found is None else f"{found:.2g}" if found < 0.1 else f"{found:.2f}"


def of_value(row: Row, tool: str) -> str:
    found = bars.of_value(row, tool)
    return "" if found is None else f"{found:.2f}"


def in_order(rows: dict[str, Row]) -> dict[str, Row]:
    """As the problems are listed."""
    names = [named(family, size) for family in FAMILIES for size in family.sizes]
    return {name: rows[name] for name in names if name in rows}


def table(head: list[str], rows: list[list[str]]) -> str:
    lines = ["| " + " | ".join(head) + " |", "|---" * len(head) + "|"]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows])


def ratios(rows: dict[str, Row]) -> str:
    """llad's time as a multiple of that of the others that were timed."""
    columns = {name: pair for name, pair in COLUMNS.items() if any(quotient(row, *pair) for row in rows.values())}
    head = ["gradient of", f"{FAST}, ms", *(f"of {name}" for name in columns), "of its value"]
    head += ["llad, ms", "of C", "of its value"]
    lines = []
    for name, row in rows.items():
        cells = [name, milliseconds(row, FAST, "gradient"), *(quotient(row, *pair) for pair in columns.values())]
        cells += [of_value(row, FAST), milliseconds(row, "llad", "gradient"), quotient(row, "llad", "C")]
        lines.append([*cells, of_value(row, "llad")])
    return table(head, lines)


def times(rows: dict[str, Row], kind: str) -> str:
    tools = [tool for tool in TOOLS if any(tool in row.seconds for row in rows.values())]
    lines = [[name, *(milliseconds(row, tool, kind) for tool in tools)] for name, row in rows.items()]
    return table([f"{kind} of, ms", *tools], lines)


def reasons(rows: dict[str, Row]) -> str:
    """Why tools were not timed, each reason once."""
    found: dict[tuple[str, str], list[str]] = {}
    for name, row in rows.items():
        for tool, reason in row.absent.items():
            found.setdefault((tool, reason), []).append(name)
    return "\n".join(
        f"- {tool}: {reason} ({'all problems' if len(names) == len(rows) else ', '.join(names)})"
        for (tool, reason), names in found.items()
    )


def verdicts(rows: dict[str, Row]) -> str:
    lines = [bars.verdict(name, row) for name, row in rows.items()]
    head = ["gradient of", "of C -ffast-math", "at most", "of the best other tool", "at most", ""]
    return table(head, [line for line in lines if line])


def growth(rows: dict[str, Row]) -> str:
    """A gradient as a multiple of the value of the same function, over all problems."""
    lines = []
    for tool in ("llad", FAST):
        found = {name: r for name, row in rows.items() if (r := bars.of_value(row, tool)) is not None}
        if found:
            mean, worst = statistics.geometric_mean(found.values()), max(found, key=lambda name: found[name])
            lines.append(f"- {tool}: {mean:.2f} in geometric mean, {found[worst]:.2f} at most, with {worst}")
    return "\n".join(lines)


def report(about: dict[str, str], rows: dict[str, Row], mode: str) -> str:
    where = ", ".join(f"{key} {value}" for key, value in about.items())
    sections = {
        f"# Gradients, threads: {mode}": f"Medians, ± half of what lies between the quartiles. Measured on: {where}.",
        "## llad's time as a multiple of others'": ratios(rows),
        "## Gradients": times(rows, "gradient"),
        "## Values": times(rows, "value"),
        "## A gradient as a multiple of its value": growth(rows),
        "## Not timed": reasons(rows) or "Nothing.",
    }
    if mode == "one":
        sections["## Bars"] = verdicts(rows)
    return "\n\n".join(f"{heading}\n\n{body}" for heading, body in sections.items()) + "\n"


def write_reports(folder: Path) -> list[Path]:
    """A table of each file of results, and plots where matplotlib is installed; says it where it is not."""
    written = []
    for mode in ("one", "all"):
        about, found = load(folder, mode)
        if rows := in_order(found):
            written.append(folder / f"threads-{mode}.md")
            written[-1].write_text(report(about, rows, mode))
            if importlib.util.find_spec("matplotlib") is None:
                print("skipped: plots, matplotlib is not installed")
            else:
                plots = importlib.import_module("benchmarks.plots")
                written += plots.write(rows, folder, mode)
    return written


def write_readme(folder: Path, readme: Path = README) -> None:
    """The table of one thread, between its marks."""
    about, found = load(folder, "one")
    lines = ["<!-- measured -->", ratios(in_order(found)), "", f"On {about['processor']}.", "<!-- until here -->"]
    marks = re.compile(r"<!-- measured -->.*?<!-- until here -->", re.DOTALL)
    readme.write_text(marks.sub(lambda _: "\n".join(lines), readme.read_text()))
