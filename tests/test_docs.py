"""The documents say what is so: generated parts are fresh, examples run, links lead somewhere."""

from __future__ import annotations

import builtins
import contextlib
import importlib.util
import io
import re
import shlex
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

import llad

ROOT = Path(__file__).parents[1]
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def generator() -> ModuleType:
    """docs/generate.py as a module."""
    spec = importlib.util.spec_from_file_location("generate", ROOT / "docs" / "generate.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_generated_parts_are_fresh() -> None:
    generate = generator()
    assert {path.name for path in generate.documents()} == {"language.md", "errors.md", "numpy.md", "passes.md"}
    for path in generate.documents():
        assert path.read_text() == generate.filled(path.read_text()), "run `python -m docs.generate`"


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_to_files(path: Path) -> None:
    prose = re.sub(r"```.*?```|`[^`\n]*`", "", path.read_text(), flags=re.DOTALL)  # in code it is a call
    for target in re.findall(r"\]\(([^)#:]+)[^)]*\)", prose):
        assert (path.parent / target).exists(), target


@pytest.mark.parametrize("page", ["README.md", "docs/language.md"])
def test_examples_print_what_they_say(page: str, tmp_path: Path) -> None:
    """Each alone, as a reader pastes it into a file."""
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / page).read_text(), re.DOTALL)
    assert blocks
    for k, code in enumerate(blocks):
        file = tmp_path / f"example{k}.py"
        file.write_text(code)
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile(code, str(file), "exec", dont_inherit=True), {"__name__": "example"})
        said = [line.partition("# ")[2] for line in code.splitlines() if line.startswith("print(")]
        assert printed.getvalue().splitlines() == said
        assert said


def test_readme_s_two_commands() -> None:
    lines = [line for line in (ROOT / "README.md").read_text().splitlines() if line.startswith("python -m pip")]
    assert lines == [
        "python -m pip install . && python -m llad demo",
        "python -m pip install '.[test]' && python -m pytest",
    ]


def test_readme_s_look_at_a_stage_works() -> None:
    (line,) = re.findall(r"^python -m llad show .*$", (ROOT / "README.md").read_text(), re.MULTILINE)
    command = [sys.executable, *shlex.split(line)[1:]]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.startswith("func @rosenbrock")


def indexed(a, i):
    return a[i]


def divided(i, j):
    return i // j


def rounded(x):
    return int(x)


def added(a, b):
    return a + b


def asserted(x):
    assert x > 0.0, "x must be positive"
    return x


def filled(n):
    a = np.ones(n)
    for i in range(1, n):
        a[i] = a[i - 1] + a[i // 2]
    return a[n - 1]


def descended(n):
    return 0 if n == 0 else 1 + descended(n - 1)


# The exceptions of docs/errors.md: a function, arguments, the end of the message
RAISED = {
    "IndexError": (indexed, (np.zeros(3), 3), "index 3 is out of bounds for axis 0 with size 3"),
    "ZeroDivisionError": (divided, (1, 0), "integer division or modulo by zero"),
    "OverflowError": (added, (2**62, 2**62), "does not fit in 64 bits"),
    "ValueError": (added, (np.zeros(2), np.zeros(3)), "operands could not be broadcast together"),
    "AssertionError": (asserted, (-1.0,), "x must be positive"),
    "RecursionError": (descended, (10**7,), "maximum recursion depth exceeded"),
    "MemoryError": (filled, (2**58,), ""),
}


def test_errors_while_running_are_those_of_the_table() -> None:
    text = (ROOT / "docs" / "errors.md").read_text()
    assert re.findall(r"^\| `(\w+)` \| [^`]", text.partition("While running")[2], re.MULTILINE) == list(RAISED)
    for name, (function, args, said) in RAISED.items():
        with pytest.raises(getattr(builtins, name)) as raised:
            llad.jit(function)(*args)
        assert said in str(raised.value)
        assert f"test_docs.py, line {function.__code__.co_firstlineno + 1}" in str(raised.value)
    with pytest.raises(ValueError, match="NaN"):
        llad.jit(rounded)(float("nan"))


def test_every_word_of_the_glossary_is_defined_once() -> None:
    words = re.findall(r"^\| ([^|]+) \|", (ROOT / "docs" / "glossary.md").read_text(), re.MULTILINE)
    words = [word for word in words if word not in ("word", "---")]
    assert len(words) == len(set(words)) > 40
