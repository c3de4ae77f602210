"""What is outside the language is refused where it stands, with what was met and what to write instead (I5).

`tests/refused/*.py` are ordinary files: a line that ends in `# error: text` must be refused with a message that
begins with that text, at the column of the `^` in the comment below it. Arguments are given by the names of the
parameters.
"""

from __future__ import annotations

import ast
import importlib.util
import linecache
import math
import re
import textwrap
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import llad
from llad.diagnostics import LladError, UnsupportedError
from llad.frontend.refused import TABLE, Refusal
from llad.frontend.signature import spec_of
from llad.frontend.trace import trace

# Globals that the examples mention.
OUTSIDE: dict[str, Any] = {"PARAMETERS": {"rate": 1.0}, "COMPLEX": np.ones(2, complex)}
FILES = sorted((Path(__file__).parent / "refused").glob("*.py"))
ARGUMENTS: dict[str, Any] = {
    "x": 1.0, "y": 2.0, "n": 3, "c": True, "a": np.ones(3), "k": np.array([1, 2]),
}  # fmt: skip


def expectations(path: Path) -> Iterator[tuple[str, int, int, str]]:
    """(function, line, column, text) of every line of a file that is to be refused."""
    lines = path.read_text().splitlines()
    functions = [n for n in ast.parse(path.read_text()).body if isinstance(n, ast.FunctionDef)]
    for number, line in enumerate(lines, 1):
        if match := re.search(r"# error: (.*)$", line):
            (name,) = [f.name for f in functions if f.lineno <= number <= (f.end_lineno or 0)]
            yield name, number, lines[number].index("^") + 1, match[1]


def load(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"refused_{path.stem}", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


MODULES = {path: load(path) for path in FILES}
LINES = [
    pytest.param(path, *expected, id=f"{path.stem}-{expected[0]}") for path in FILES for expected in expectations(path)
]


@pytest.mark.parametrize(("path", "name", "line", "column", "text"), LINES)
def test_is_refused_where_it_stands(path, name, line, column, text):
    function = getattr(MODULES[path], name)
    wanted = function.__code__.co_varnames[: function.__code__.co_argcount]
    with pytest.raises(LladError) as caught:
        trace(function, tuple(spec_of(ARGUMENTS[p]) for p in wanted if p in ARGUMENTS))
    error = caught.value
    assert error.message.startswith(text), error
    assert error.span is not None and (error.span.file, error.span.line) == (str(path), line), error
    assert error.span.column == column, error
    assert error.hint and f"{path}:{line}:{column}: unsupported: " in str(error)


def example(row: Refusal) -> Any:
    """The example of a row as a function of `ARGUMENTS`; what it ends in is returned."""
    lines = row.example.split("\n")
    last = ast.parse(row.example).body[-1]
    if isinstance(last, ast.Expr) and "yield" not in row.example:
        lines[last.lineno - 1] = "return " + lines[last.lineno - 1]
    text = f"def case({', '.join(ARGUMENTS)}):\n" + textwrap.indent("\n".join(lines), "    ") + "\n"
    name = f"<example of {row.code}>"
    linecache.cache[name] = (len(text), None, text.splitlines(True), name)
    namespace: dict[str, Any] = {"np": np, "math": math, "llad": llad, **OUTSIDE}
    exec(compile(text, name, "exec"), namespace)
    return namespace["case"]


@pytest.mark.parametrize("row", [row for row in TABLE.values() if row.example], ids=lambda row: row.code)
def test_the_example_of_a_row_is_refused_by_it(row):
    with pytest.raises(UnsupportedError) as caught:
        trace(example(row), tuple(map(spec_of, ARGUMENTS.values())))
    template = re.sub(r"\\\{\w*\\\}", ".*", re.escape(row.message))
    assert re.fullmatch(template, caught.value.message, re.DOTALL), caught.value
    assert caught.value.hint
