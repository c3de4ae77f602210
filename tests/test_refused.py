"""What is outside the language is refused where it stands, with what was met and what to write instead (I5).

`tests/refused/*.py` are ordinary files: a line that ends in `# error: text` must be refused with a message that
begins with that text, at the column of the `^` in the comment below it. Arguments are given by the names of the
parameters. The programs of the table itself are run too: the wrong one must be refused at its mark, the right one have
the gradient that differences find.
"""

from __future__ import annotations

import ast
import importlib.util
import linecache
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import llad
from llad.diagnostics import DerivativeError, LladError, UnsupportedError
from llad.frontend.signature import spec_of
from llad.frontend.trace import trace
from llad.refusals.record import Program, Refusal
from llad.refusals.table import TABLE
from llad.testing import assert_close, check_gradient, copy_arguments

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


def decorated(function):
    return function


@decorated
@decorated
def generator_under_decorators(x):
    yield x


def test_a_definition_is_shown_without_its_decorators():
    with pytest.raises(UnsupportedError, match="generator") as caught:
        llad.jit(generator_under_decorators)(1.0)
    assert caught.value.span is not None and caught.value.span.text == "def generator_under_decorators(x):"


# What the programs of the table are called with. `a` has no ties, so that every derivative is one.
VALUES = ARGUMENTS | {"x": 0.7, "y": 1.3, "a": np.array([0.5, 1.5, 2.0])}
SHOWN = [row for row in TABLE.values() if row.wrong]


def executed(program: Program, name: str) -> dict[str, Any]:
    """The names of a program, as if it stood in a file of that name; the last line is left out if it is a call."""
    linecache.cache[name] = (len(program.text), None, program.text.splitlines(True), name)
    tree = ast.parse(program.text)
    if isinstance(tree.body[-1], ast.Expr):
        del tree.body[-1]
    namespace: dict[str, Any] = {}
    exec(compile(tree, name, "exec"), namespace)
    return namespace


def arguments(program: Program) -> tuple[Any, ...]:
    return copy_arguments(tuple(VALUES[p] for p in program.parameters))


def ask(program: Program, row: Refusal, name: str) -> Any:
    """What the program is written for: the call that it ends in, else the value, or the gradient, of `f`."""
    if any(row.asks):
        namespace = executed(program, name)
        last = program.text.rstrip().splitlines()[-1]
        return eval(last, namespace)
    f = llad.jit_grad(executed(program, name)["f"])
    call = f.grad if row.kind is DerivativeError else f
    return call(*arguments(program))


@pytest.mark.parametrize("row", SHOWN, ids=lambda row: row.code)
def test_the_wrong_program_of_a_row_is_refused_by_it(row):
    program = row.failing
    with pytest.raises(row.kind) as caught:
        ask(program, row, f"<before {row.code}>")
    error = caught.value
    assert error.code == row.code, error
    template = re.sub(r"\\\{\w*\\\}", ".*", re.escape(row.message))
    assert re.fullmatch(template, error.message, re.DOTALL), error
    if program.place is not None:
        assert error.span is not None and (error.span.line, error.span.column) == program.place, error
    else:
        assert row.kind is not UnsupportedError
    assert f"[{row.code}]" in str(error).partition("\n")[0] and error.hint


@pytest.mark.usefixtures("scalar_code")
@pytest.mark.parametrize("row", SHOWN, ids=lambda row: row.code)
def test_the_right_program_of_a_row_has_its_gradient(row):
    program = row.fixed
    if any(row.asks):
        assert np.all(np.isfinite(ask(program, row, f"<after {row.code}>")))
        return
    args = arguments(program)
    f = llad.jit_grad(executed(program, f"<after {row.code}>")["f"])
    assert_close(f(*args), f.py_func(*copy_arguments(args)), rtol=1e-12)
    check_gradient(f, *args)


def test_codes_are_unique_and_stand_in_order():
    codes = [row.code for row in TABLE.values()]
    assert codes == sorted(set(codes)) and len(SHOWN) >= 60
    assert all(re.fullmatch(r"LL\d{3}", code) for code in codes)


def test_every_row_is_used_and_every_refusal_has_a_row():
    source = "".join(path.read_text() for path in Path(llad.__file__).parent.rglob("*.py"))
    asked = set(re.findall(r'refus(?:e|al)\(\s*"([a-z-]+)"', source))
    assert asked <= set(TABLE)
    assert not [row.name for row in TABLE.values() if source.count(f'"{row.name}"') < 2]
