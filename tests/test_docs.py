"""The documents say what is so: generated parts are fresh, README's example runs, links lead somewhere."""

from __future__ import annotations

import contextlib
import importlib.util
import io
import re
import shlex
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

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
    assert {path.name for path in generate.documents()} == {"language.md", "errors.md"}
    for path in generate.documents():
        assert path.read_text() == generate.filled(path.read_text()), "run `python -m docs.generate`"


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_to_files(path: Path) -> None:
    for target in re.findall(r"\]\(([^)#:]+)[^)]*\)", path.read_text()):
        assert (path.parent / target).exists(), target


def test_readme_s_example_prints_what_it_says(tmp_path: Path) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    file = tmp_path / "readme.py"
    file.write_text(code)
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(code, str(file), "exec"), {})
    said = [line.partition("# ")[2] for line in code.splitlines() if line.startswith("print(")]
    assert printed.getvalue().splitlines() == said


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


def test_every_word_of_the_glossary_is_defined_once() -> None:
    words = re.findall(r"^\| ([^|]+) \|", (ROOT / "docs" / "glossary.md").read_text(), re.MULTILINE)
    words = [word for word in words if word not in ("word", "---")]
    assert len(words) == len(set(words)) > 40
