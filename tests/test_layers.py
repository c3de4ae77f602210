"""Who may import whom, as data; checked on the syntax trees, so nothing has to be imported to be checked.

A file imports from rows above its own and from its own place, never from another place of the same row. So
`frontend`, `passes`, `ad` and `codegen` do not know of each other, and meet only in `compile.py`.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

# (row, the modules and packages that are one place)
LAYERS = (
    (0, ("llad.dataclass", "llad.diagnostics")),
    (0, ("llad.collector",)),
    (0, ("llad.parallel",)),
    (0, ("llad.traced",)),
    (1, ("llad.complex_numbers", "llad.structures")),
    (1, ("llad.refusals",)),
    (1, ("llad.ir.types", "llad.ir.core")),
    (2, ("llad.returned",)),
    (2, ("llad.ops",)),
    (3, ("llad.ir",)),
    (4, ("llad.frontend",)),
    (4, ("llad.passes",)),
    (4, ("llad.ad",)),
    (4, ("llad.codegen",)),
    (5, ("llad.compile", "llad.facts", "llad.later", "llad.loop_passes", "llad.objective", "llad.program",
         "llad.spans")),
    (6, ("llad",)),
)  # fmt: skip

# Packages from outside that only these places may import.
OUTSIDE = {"llvmlite": ("llad.codegen",)}
# What a place must not import.
FORBIDDEN = {"llad.ops": ("llvmlite", "numpy"), "llad.diagnostics": ("llvmlite", "numpy")}


def module_name(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


FILES = {module_name(path): path for path in sorted((ROOT / "llad").rglob("*.py"))}


def within(module: str, place: str) -> bool:
    return module == place or module.startswith(place + ".")


def layer_of(module: str) -> tuple[int, tuple[str, ...]]:
    """The row and place whose longest name holds the module."""
    fits = [(len(name), row, names) for row, names in LAYERS for name in names if within(module, name)]
    _, row, names = max(fits)
    return row, names


def imports(tree: ast.AST, known: frozenset[str]) -> Iterator[tuple[int, str]]:
    """(line, module) of every import; `from p import m` names p.m where that is one of the known modules."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"line {node.lineno}: a relative import"
            for alias in node.names:
                full = f"{node.module}.{alias.name}"
                yield node.lineno, full if full in known else str(node.module)


def late_imports(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Imports of llad inside functions."""
    for function in ast.walk(tree):
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            yield from ((line, name) for line, name in imports(function, frozenset()) if within(name, "llad"))


def violations(module: str, source: str, known: frozenset[str]) -> list[str]:
    """What the file may not do, one line each."""
    tree = ast.parse(source)
    row, place = layer_of(module)
    out = [f"{module}:{line} imports {name} inside a function" for line, name in late_imports(tree)]
    for line, name in imports(tree, known):
        if within(name, "llad"):
            other_row, other_place = layer_of(name)
            if other_row > row:
                out.append(f"{module}:{line} (row {row}) imports {name} (row {other_row})")
            elif other_row == row and other_place != place:
                out.append(f"{module}:{line} imports its sibling {name}")
        top = name.split(".")[0]
        if top in OUTSIDE and not any(within(module, p) for p in OUTSIDE[top]):
            out.append(f"{module}:{line} imports {top}, which only {', '.join(OUTSIDE[top])} may")
        if any(within(module, p) and top in names for p, names in FORBIDDEN.items()):
            out.append(f"{module}:{line} imports {top}")
    return out


KNOWN = frozenset(FILES)


@pytest.mark.parametrize("module", sorted(FILES))
def test_a_file_imports_only_from_rows_above_its_own(module: str) -> None:
    assert violations(module, FILES[module].read_text(), KNOWN) == []


def test_no_circle_of_modules() -> None:
    graph = {
        module: sorted({n for _, n in imports(ast.parse(path.read_text()), KNOWN) if n in KNOWN and n != module})
        for module, path in FILES.items()
    }
    done: set[str] = set()

    def visit(module: str, path: tuple[str, ...]) -> None:
        assert module not in path, " → ".join((*path, module))
        if module not in done:
            for other in graph[module]:
                # a package's own __init__ is imported before its modules and imports nothing but them
                if not within(module, other):
                    visit(other, (*path, module))
            done.add(module)

    for module in graph:
        visit(module, ())


@pytest.mark.parametrize("package", ["ad", "codegen", "frontend", "ir", "passes"])
def test_a_package_says_what_is_in_which_file(package: str) -> None:
    """Its docstring, line by line in reading order, names each file once."""
    folder = ROOT / "llad" / package
    document = ast.get_docstring(ast.parse((folder / "__init__.py").read_text())) or ""
    named = re.findall(r"`(\w+)`", document.partition("\n- ")[2])
    assert sorted(named) == sorted(path.stem for path in folder.glob("*.py") if path.stem != "__init__")


@pytest.mark.parametrize(
    ("module", "source", "expected"),
    [
        ("llad.ir.build", "import llad.frontend.trace", "llad.ir.build:1 (row 3) imports llad.frontend.trace (row 4)"),
        ("llad.ad.reverse", "from llad.passes import cse", "llad.ad.reverse:1 imports its sibling llad.passes"),
        ("llad.ops.arith", "import numpy as np", "llad.ops.arith:1 imports numpy"),
        (
            "llad.compile",
            "from llvmlite import binding",
            "llad.compile:1 imports llvmlite, which only llad.codegen may",
        ),
        (
            "llad.ad.tape",
            "def f():\n    from llad.ir import build",
            "llad.ad.tape:2 imports llad.ir inside a function",
        ),
    ],
)  # fmt: skip
def test_the_checker_sees(module: str, source: str, expected: str) -> None:
    assert violations(module, source, frozenset()) == [expected]


def test_allowed_imports_pass() -> None:
    source = "import numpy\nfrom llad.ir.build import Builder\nfrom llad.frontend import values\n"
    assert violations("llad.frontend.trace", source, KNOWN) == []
