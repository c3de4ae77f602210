"""What was measured, as JSON: a file for one thread and one for all, each with the machine that it holds for."""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
import subprocess
from dataclasses import dataclass
from pathlib import Path

from benchmarks.timing import Spread

RESULTS = Path(__file__).parent / "results"
PACKAGES = ("llad", "llvmlite", "numpy", "numba", "jax", "torch", "autograd", "casadi")


@dataclass(frozen=True)
class Row:
    """Of one problem: tool → "value" or "gradient" → seconds; and tool → why there are none."""

    seconds: dict[str, dict[str, Spread]]
    absent: dict[str, str]


def file_of(folder: Path, mode: str) -> Path:
    return folder / f"threads-{mode}.json"


def add(folder: Path, mode: str, name: str, row: Row) -> None:
    """Puts the row into the file, in place of an earlier one; what was measured on another machine is thrown away."""
    about, rows = load(folder, mode)
    here = machine()
    rows = {**(rows if about == here else {}), name: row}
    figures = {
        name: {
            "seconds": {t: {kind: s.record() for kind, s in kinds.items()} for t, kinds in row.seconds.items()},
            "absent": row.absent,
        }
        for name, row in rows.items()
    }
    folder.mkdir(parents=True, exist_ok=True)
    file_of(folder, mode).write_text(json.dumps({"machine": here, "problems": figures}, indent=1, ensure_ascii=False))


def load(folder: Path, mode: str) -> tuple[dict[str, str], dict[str, Row]]:
    """The machine, and problem → row, of what the folder holds: nothing, where there is no file."""
    file = file_of(folder, mode)
    if not file.exists():
        return {}, {}
    written = json.loads(file.read_text())
    rows = {}
    for name, figures in written["problems"].items():
        seconds = {t: {k: Spread(**s) for k, s in kinds.items()} for t, kinds in figures["seconds"].items()}
        rows[name] = Row(seconds, figures["absent"])
    return written["machine"], rows


def machine() -> dict[str, str]:
    """What the figures depend on."""
    about = {"processor": platform.processor() or platform.machine(), "cores": str(os.cpu_count())}
    information = Path("/proc/cpuinfo")
    if information.exists():
        names = [line.split(":")[1].strip() for line in information.read_text().splitlines() if "model name" in line]
        about["processor"] = names[0] if names else about["processor"]
    about["python"] = platform.python_version()
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
