"""Functions are found in the statement around them, if that can be told, as they are in the whole file."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from types import CodeType

import pytest

from llad.frontend.source import _File

TEXT = '''\
"""A file."""
@first
@second(
    1,
)
def decorated(
    x,
):
    """Text
at the margin
    """
    y = lambda t: t + 1

# a remark
    def inner(z):
        return z * y(x)

    return inner(2.0)
class Holder:
# another remark
    def method(self):
        return [k for k in range(3)]

    @property
    def other(self): return 1
if 1:
    def chosen(x):
        return x
else:
    def chosen(x):
        return -x
try:
    def tried(x): return x
except ValueError:
    def caught(x): return 2 * x
finally:
    def left(x): return 3 * x
calls(
lambda x: x * x, lambda y: y,
)
async def waits(x):
    def within(y):
        return x + y
    return within
for k in range(2): looped = lambda x: k * x
def last(x): return x'''


def functions(code: CodeType) -> Iterator[CodeType]:
    for const in code.co_consts:
        if isinstance(const, CodeType):
            yield const
            yield from functions(const)


CODES = [code for code in functions(compile(TEXT, "file", "exec")) if not code.co_name.startswith(("<l", "<g", "H"))]
CODES += [code for code in functions(compile(TEXT, "file", "exec")) if code.co_name == "<lambda>"]


# The first lines of those whose statement does not look like one: after text at the margin, in a branch, in a call.
WHOLE = {12, 15, 30, 35, 37, 39, 41}


@pytest.mark.parametrize("code", CODES, ids=lambda code: code.co_name)
def test_a_function_is_found_in_its_statement(code: CodeType) -> None:
    file = _File("file", TEXT.splitlines(keepends=True))
    assert file.whole is not None
    known, found = file.whole.source(code), file.source(code)
    assert (known is None) == (found is None) == (code.co_name == "waits")  # which is refused
    if found is not None and known is not None:
        assert ast.dump(found.node, include_attributes=True) == ast.dump(known.node, include_attributes=True)
        assert found.lines == known.lines


@pytest.mark.parametrize("code", CODES, ids=lambda code: code.co_name)
def test_most_are_found_without_the_rest(code: CodeType) -> None:
    file = _File("file", TEXT.splitlines(keepends=True))
    file.source(code)
    assert ((0, len(file.text)) in file.parts) == (code.co_firstlineno in WHOLE)
