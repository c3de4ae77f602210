"""Log-log plots of gradients against the value of the same problem by llad, with lines at 1, 3 and 5 times it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from benchmarks.problems import FAMILIES, named
from benchmarks.results import Row
from benchmarks.tools import TOOLS

VALUE = "llad fastmath"
LINES = {1: "-", 3: "--", 5: ":"}
LOOKS = {tool: (f"C{number}", mark) for number, (tool, mark) in enumerate(zip(TOOLS, "osD^vP*Xp", strict=True))}


def write(rows: dict[str, Row], folder: Path, mode: str) -> list[Path]:
    """The files: all problems in one plot, by how long the value takes, and each family by its size."""
    timed = {name: row for name, row in rows.items() if VALUE in row.seconds}
    files = []
    for kind, draw in (("all", draw_problems), ("sizes", draw_families)):
        if figure := draw(timed):
            files.append(folder / f"threads-{mode}-{kind}.svg")
            figure.savefig(files[-1], bbox_inches="tight")
    return files


def draw_problems(rows: dict[str, Row]) -> Figure | None:
    if not rows:
        return None
    figure = Figure(figsize=(8, 7))
    axes = figure.subplots()
    values = [value_of(row) for row in rows.values()]
    for tool in TOOLS:
        found = [(value_of(row), gradient_of(row, tool)) for row in rows.values() if tool in row.seconds]
        if found:
            colour, mark = LOOKS[tool]
            axes.plot(*zip(*found, strict=True), mark, color=colour, label=tool, markersize=5, alpha=0.8)
    ends = [min(values) / 1.5, max(values) * 1.5]
    add_lines(axes, ends, ends)
    axes.set(xscale="log", yscale="log", xlabel=f"value by {VALUE}, s", ylabel="gradient, s")
    axes.legend(fontsize=8)
    return figure


def draw_families(rows: dict[str, Row]) -> Figure | None:
    """Families of which more than one size was timed; sizes are the products of their numbers."""
    families = []
    for family in FAMILIES:
        found = {size: rows[named(family, size)] for size in family.sizes if named(family, size) in rows}
        if len(found) > 1:
            families.append((family, dict(sorted(found.items(), key=lambda pair: extent(pair[0])))))
    if not families:
        return None
    figure = Figure(figsize=(5 * len(families), 4.5))
    for axes, (family, found) in zip(figure.subplots(1, len(families), squeeze=False)[0], families, strict=True):
        for tool in TOOLS:
            points = [(extent(size), gradient_of(row, tool)) for size, row in found.items() if tool in row.seconds]
            if points:
                colour, mark = LOOKS[tool]
                axes.plot(*zip(*points, strict=True), f"{mark}-", color=colour, label=tool, markersize=5)
        add_lines(axes, [extent(size) for size in found], [value_of(row) for row in found.values()])
        axes.set(xscale="log", yscale="log", title=family.name, xlabel="size", ylabel="gradient, s")
    figure.axes[0].legend(fontsize=7)
    return figure


def add_lines(axes: Any, at: list[float], values: list[float]) -> None:
    for times, style in LINES.items():
        axes.plot(at, [times * v for v in values], style, color="grey", linewidth=1, label=f"{times}× the value")


def extent(size: tuple[int, ...]) -> float:
    product = 1.0
    for number in size:
        product *= number
    return product


def value_of(row: Row) -> float:
    return row.seconds[VALUE]["value"].median


def gradient_of(row: Row, tool: str) -> float:
    return row.seconds[tool]["gradient"].median
