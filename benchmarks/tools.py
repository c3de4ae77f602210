"""The tools by name, in the order of the tables: what each needs, and how it is started in a process of its own."""

from __future__ import annotations

import functools
import importlib.util
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks import array_means, c_library, compiled_means
from benchmarks.solution import Maker
from benchmarks.timing import Unavailable


@dataclass(frozen=True)
class Tool:
    """`package`: what has to be installed. `start` gives the maker of means, in the process that will use it.

    `threads`: it is timed with all threads, too, since it uses them or others are compared with it.
    """

    start: Callable[[], Maker]
    package: str = "llad"
    threads: bool = False


def start_c(way: str) -> Maker:
    """Raises: Unavailable where the C cannot be compiled, with what the compiler says."""
    try:
        with tempfile.TemporaryDirectory() as folder:
            return functools.partial(compiled_means.by_c, library=c_library.build(Path(folder), way))
    except RuntimeError as error:
        raise Unavailable(f"could not be built: {error}") from None


def start(maker: Maker) -> Callable[[], Maker]:
    return lambda: maker


TOOLS = {
    "llad": Tool(start(functools.partial(compiled_means.by_llad, fastmath=False)), threads=True),
    "llad fastmath": Tool(start(functools.partial(compiled_means.by_llad, fastmath=True)), threads=True),
    **{way: Tool(functools.partial(start_c, way), "gcc", threads=True) for way in c_library.WAYS},
    "Numba": Tool(start(compiled_means.by_numba), "numba"),
    "JAX": Tool(start(array_means.by_jax), "jax", threads=True),
    "PyTorch": Tool(start(array_means.by_torch), "torch", threads=True),
    "autograd": Tool(start(array_means.by_autograd), "autograd"),
    "CasADi": Tool(start(compiled_means.by_casadi), "casadi"),
}
OURS = "llad"  # all others have to agree with it


def missing(tool: str) -> str | None:
    """Why a tool is not here, if it is not."""
    package = TOOLS[tool].package
    there = c_library.compiler() if package == "gcc" else importlib.util.find_spec(package)
    return None if there else f"{package} is not installed"


def chosen(beginnings: list[str], all_threads: bool) -> tuple[list[str], dict[str, str]]:
    """The tools to be timed, whose names begin so; and why others of such a name are not."""
    absent: dict[str, str] = {}
    for tool in TOOLS:
        if not tool.startswith(tuple(beginnings)):
            continue
        if reason := missing(tool):
            absent[tool] = reason
        elif all_threads and not TOOLS[tool].threads:
            absent[tool] = "uses one thread only"
    return [t for t in TOOLS if t.startswith(tuple(beginnings)) and t not in absent], absent
