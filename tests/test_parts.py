"""Long functions in parts: the same function, and LLVM's time in proportion to its length."""

from __future__ import annotations

import importlib
import pkgutil
import random
import re
from collections.abc import Callable
from functools import partial
from textwrap import dedent
from typing import Any

import numpy as np
import programs
import pytest
from building import build, loop
from native import Native
from programs.case import Program, programs_of
from random_ir import program
from reference import Reference

import llad
from llad import compile as pipeline
from llad.ir.build import Builder
from llad.ir.core import Function, Value
from llad.ir.interp import run
from llad.ir.parse import parse
from llad.ir.text import show
from llad.ir.types import F64, BufferType
from llad.ir.verify import verify
from llad.passes import parts as pass_
from llad.passes.ownership import ownership
from llad.passes.parts import LONG, LOOPS, parts
from llad.testing import assert_close, copy_arguments

pytestmark = pytest.mark.usefixtures("quick_code")

CORPUS = [
    p
    for module in sorted(m.name for m in pkgutil.iter_modules(programs.__path__))
    for p in programs_of(importlib.import_module(f"programs.{module}"))
    if p.scalar
]


def finely(fn: Function) -> Function:
    """Each innermost loop, with what stands before it, a part."""
    return verify(parts(fn, 1, 1))


def assert_documented(document: str | None, cut: Callable[[Function], Function]) -> Function:
    """A cut does what the docstring of its pass shows; what it began with is returned."""
    blocks = [dedent(b) for b in re.findall(r"^    (?:func @f|local @part0).*?^    }\n", document or "", re.M | re.S)]
    before, after = parse(blocks[0]), parse("\n".join(blocks[1:]))
    untouched = show(before)
    assert show(cut(before)) == show(after)
    assert show(before) == untouched
    return before


def test_the_docstring_shows_what_it_does() -> None:
    before = assert_documented(pass_.__doc__, finely)
    assert parts(before) is before, "it is short"


def outcome(fn: Function) -> Any:
    arrays = [np.arange(1.0, 4.0), np.arange(2.0, 6.0)]
    if fn.attrs.get("may_alias"):
        arrays[1] = arrays[0]
    try:
        with np.errstate(all="ignore"):
            results = run(fn, [0.75, -1.5, 3, 2, *arrays])
    except (IndexError, OverflowError, ZeroDivisionError) as error:
        return type(error)
    return [repr(r.tolist() if isinstance(r, np.ndarray) else r) for r in (*results, *arrays)]


def test_random_programs_keep_their_meaning() -> None:
    cut = 0
    for seed in range(120):
        fn = verify(program(random.Random(seed)))
        try:
            expected = outcome(fn)
        except AssertionError:  # it reads what nobody wrote
            continue
        made = finely(fn)
        cut += bool(made.functions)
        assert outcome(made) == expected, show(made)
    assert cut > 20


def assert_same_gradient(subject: Program, cut: Callable[[Function], Function]) -> None:
    def native(fn: Function, args: Any) -> Any:
        return Native(cut(ownership(fn)))(*args)

    args = copy_arguments(subject.draw())
    value, gradient = Reference(subject.function, args, True, native).gradient()
    expected, truth = Reference(subject.function, args, True).gradient()
    assert_close(value, expected, rtol=1e-12, atol=1e-14)
    assert_close(gradient, truth, rtol=1e-10, atol=1e-12 * max(1.0, float(np.max(np.abs(truth), initial=0.0))))


@pytest.mark.parametrize("subject", CORPUS[::7], ids=lambda p: p.name)
def test_gradients_of_programs_in_parts(subject: Program) -> None:
    assert_same_gradient(subject, finely)


def many_expressions(x, m, k):
    row = np.zeros(3)
    for j in range(3):
        row[j] = row[j - 1] * 0.5 + x[j]
    a = np.tanh(m @ x) + row[2]
    b = np.sin(m @ a) * x + row[1]
    c = np.cos(a[1:]) * b[:-1]
    d = m.T @ b - a
    e = np.exp(-d * d) @ m
    x = 0.5 * x + 0.1 * e / (1.0 + np.sum(e * e))
    total = np.sum(c * c) + np.max(d) + x[k]
    y = np.outer(x, x) + m
    z = y @ x + np.sum(y, axis=0)
    w = np.sqrt(z * z + 1.0) @ y
    y = y * 0.9 + np.outer(w, z) * 0.01
    return total + np.sum(y @ x) + np.sqrt(np.dot(w - z, w - z))


def test_a_function_in_parts_has_its_gradient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipeline, "parts", partial(parts, long=24, loops=8))
    rng = np.random.default_rng(4)
    x, m = rng.normal(size=5), rng.normal(size=(5, 5)) * 0.3
    f = llad.jit_grad(many_expressions, argnums=(0, 1))
    value, (x_bar, m_bar) = f.value_and_grad(x, m, 3)
    assert_close(value, many_expressions(x, m, 3), rtol=1e-12)
    u, v = rng.normal(size=5), rng.normal(size=(5, 5))
    h = 1e-5
    ahead, behind = (many_expressions(x + s * u, m + s * v, 3) for s in (h, -h))
    assert_close(np.sum(x_bar * u) + np.sum(m_bar * v), (ahead - behind) / (2 * h), rtol=1e-7)
    text = f.dump_llvm(x, m, 3, of="gradient", stage="before")
    assert len(re.findall(r"^define (?:internal )?i32 @\S+\.part\d+\(", text, re.M)) > 2
    with pytest.raises(IndexError, match=r"test_parts\.py, line \d+"):
        f.grad(x, m, 5)


@pytest.mark.parametrize("count", [LONG - 1, LONG, 4 * LONG])
def test_only_what_is_long_is_cut(count: int) -> None:
    def body(b: Builder, x: Value) -> Value:
        for _ in range(count):
            (x, _) = loop(b, 0, 3, [x], lambda i, c: [b.op("mul", c, b.f64(0.5))])
        return x

    fn = build([F64], body)
    made = verify(parts(fn))
    assert len(made.functions) == (0 if count < LONG else count // LOOPS)
    assert run(made, [8.0]) == run(fn, [8.0])


def test_memory_is_freed_outside_of_parts() -> None:
    """A part that freed what it was given would free what it does not own."""

    def body(b: Builder, x: Value) -> list[Value]:
        def iteration(i: Value) -> list[Value]:
            scratch = b.alloc(F64, [b.op("add", i, b.i64(1))])
            for _ in range(6):  # the memory is made in the first part, and dies behind the last

                def there(j: Value) -> list[Value]:
                    b.store(b.op("mul", b.load(x, j), b.f64(2.0)), scratch, j)
                    return []

                def back(j: Value) -> list[Value]:
                    b.store(b.op("sin", b.load(scratch, j)), x, j)
                    return []

                loop(b, 0, i, [], there)
                loop(b, 0, i, [], back)
            return []

        loop(b, 0, b.dim(x, 0), [], iteration)
        return []

    fn = ownership(build([BufferType(F64, 1)], body))
    assert "free" in show(fn)
    cut = verify(parts(fn, 1, 8))
    assert len(cut.functions) == 2
    native, interpreted = np.array([0.3, 0.7, 0.1]), np.array([0.3, 0.7, 0.1])
    Native(cut)(native)
    run(fn, [interpreted])
    assert_close(native, interpreted, rtol=1e-12)
