"""Halves that are compiled at the same time: the same function, and the same code however many threads there are."""

from __future__ import annotations

import random
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from building import build, loop
from native import Native
from programs.case import Program
from random_ir import program
from test_parts import CORPUS, assert_documented, assert_same_gradient, many_expressions, outcome

import llad
from llad import compile as pipeline
from llad.codegen import optimise
from llad.ir.build import Builder
from llad.ir.core import Function, Value
from llad.ir.interp import run
from llad.ir.parse import parse
from llad.ir.text import show
from llad.ir.types import F64, I64
from llad.ir.verify import verify
from llad.passes import halves as pass_
from llad.passes.halves import halves
from llad.passes.ownership import ownership
from llad.passes.parts import parts
from llad.testing import assert_close


def soon(fn: Function) -> Function:
    """Halves, however short the function is."""
    return verify(halves(fn, 1, 0))


def test_the_docstring_shows_what_it_does() -> None:
    before = assert_documented(pass_.__doc__, soon)
    assert halves(before) is before, "it is short"


def test_random_programs_keep_their_meaning() -> None:
    cut = 0
    for seed in range(160):
        fn = verify(program(random.Random(seed)))
        try:
            expected = outcome(fn)
        except AssertionError:  # it reads what nobody wrote
            continue
        made = soon(fn)
        cut += bool(made.functions)
        assert outcome(made) == expected, show(made)
    assert cut > 20


@pytest.mark.usefixtures("quick_code")
@pytest.mark.parametrize("subject", CORPUS[3::7], ids=lambda p: p.name)
def test_gradients_of_programs_in_halves(subject: Program) -> None:
    assert_same_gradient(subject, soon)


def there_and_back(x, n):
    total = 0.0
    y = x.copy()
    for i in range(1, len(x)):
        y[i] = np.tanh(y[i - 1] * x[i]) + np.sin(x[i])
    if n < 100:  # an arm that is most of the function
        for i in range(n):
            total += np.log1p(y[i] * y[i]) * np.exp(-x[i])
        for i in range(n - 1):
            total += np.cos(y[i] - x[i + 1]) / (1.0 + y[i + 1] ** 2)
    return total


@pytest.mark.usefixtures("quick_code")
@pytest.mark.parametrize(("threads", "limits"), [(2, (24, 8)), (1, (10_000, 10_000))])
def test_two_objects_are_one_function(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, threads: int, limits: tuple[int, int]
) -> None:
    monkeypatch.setattr(pipeline, "parts", partial(parts, long=limits[0], loops=limits[1]))
    monkeypatch.setattr(optimise, "thread_count", lambda: optimise.ctypes.c_int64(threads))
    rng = np.random.default_rng(4)
    x, m = rng.normal(size=5), rng.normal(size=(5, 5)) * 0.3
    f = llad.jit_grad(many_expressions, argnums=(0, 1))
    value, (x_bar, m_bar) = f.value_and_grad(x, m, 3)
    assert_close(value, many_expressions(x, m, 3), rtol=1e-12)
    u, v = rng.normal(size=5), rng.normal(size=(5, 5))
    h = 1e-5
    ahead, behind = (many_expressions(x + s * u, m + s * v, 3) for s in (h, -h))
    assert_close(np.sum(x_bar * u) + np.sum(m_bar * v), (ahead - behind) / (2 * h), rtol=1e-7)
    assert max(len(s.linked.objects) for s in f.specialisations) == 2
    with pytest.raises(IndexError, match=r"test_parts\.py, line \d+"):
        f.value_and_grad(x, m, 5)


def test_halves_of_an_arm(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipeline, "halves", soon)
    x = np.random.default_rng(1).normal(size=9)
    f = llad.jit_grad(argnums=0)(there_and_back)
    h = 1e-6
    for n in (4, 8):
        ahead = [(there_and_back(x + s, n) - there_and_back(x - s, n)) / (2 * h) for s in h * np.eye(9)]
        assert_close(f(x, n), there_and_back(x, n), rtol=1e-12)
        assert_close(f.grad(x, n), np.array(ahead), rtol=1e-6, atol=1e-8)
    assert all(len(s.linked.objects) == 2 for s in f.specialisations)
    with pytest.raises(IndexError, match=r"test_halves\.py, line \d+"):
        f.grad(x, 11)


def test_threads_make_the_objects_that_one_makes(monkeypatch: pytest.MonkeyPatch) -> None:
    body = "{{\n  %y = fmul double %x, {}.5\n  ret double %y\n}}\n"
    texts = [f"define double @f{k}(double %x) " + body.format(k) for k in range(5)]
    made = []
    for count in (1, 2, 8):
        monkeypatch.setattr(optimise, "thread_count", lambda count=count: optimise.ctypes.c_int64(count))
        made.append(optimise.objects(texts))
    assert made[0] == made[1] == made[2] and len(set(made[0])) == 5


def few_columns(x):
    """The loops of the usual case, rows of three, know that in what moves, too."""
    total = 0.0
    for i in range(len(x)):
        for j in range(i):
            a, b, c = x[i, 0] - x[j, 0], x[i, 1] - x[j, 1], x[i, 2] - x[j, 2]
            total += 1.0 / np.sqrt(a * a + b * b + c * c + 0.01)
    return total


def test_what_is_known_before_the_cut_is_known_behind_it() -> None:
    x = np.random.default_rng(2).normal(size=(20, 3))
    f = llad.jit_grad(few_columns, fastmath=True)
    fn = pipeline.separated(parse(f.dump_ir(x, of="gradient")))
    (beside,) = fn.functions.values()
    first = next(op for op in beside.body.ops if op.regions)
    assert first.name == "if", "the condition of the arm is asked again"


def test_any_number_of_checks_may_stand_before_the_cut() -> None:
    def body(b: Builder, x: Value, n: Value) -> Value:
        for k in range(600):
            b.check(b.op("ne", n, b.i64(1000 + k)), "IndexError", "no")
        for _ in range(2):
            (x, _) = loop(b, 0, n, [x], lambda i, c: [b.op("mul", c, b.f64(0.5))])
        return x

    made = soon(build([F64, I64], body))
    assert len(made.functions) == 1
    assert run(made, [8.0, 2]) == (0.5,)
    assert Native(made)(8.0, 2) == (0.5,)


def test_memory_on_the_stack_stays_with_all_that_see_it() -> None:
    fn = parse(
        """
        func @f(%a: buffer<f64, 1, C>, %n: i64) {
          %zero: i64 = const 0
          %one: i64 = const 1
          %four: i64 = const 4
          %x: f64 = const 2.0
          %p: buffer<f64, 1, C> = alloc(%four)
          %t: i64 = for %i in %zero..%four step %one {
            %e: f64 = load %a[%i]
            store %e, %p[%i]
            yield
          }
          %v: buffer<f64, 1, strided> = view %p[slice(%one, %one, %one)]
          %u: i64 = for %j in %zero..%four step %one {
            %g: f64 = load %p[%j]
            %h: f64 = mul %g, %g
            store %h, %p[%j]
            yield
          }
          %s: f64, %w: i64 = for %k in %zero..%n step %one carry (%c: f64 = %x) {
            %y: f64 = load %v[%zero]
            %z: f64 = load %a[%k]
            %q: f64 = mul %y, %z
            %r: f64 = mul %q, %z
            %l: f64 = mul %r, %z
            %d: f64 = add %c, %l
            yield %d
          }
          return %s
        }
        """
    )
    made = soon(ownership(fn))
    (beside,) = made.functions.values()
    assert any(op.name == "for" for op in beside.body.ops) and all(op.name != "alloc" for op in beside.body.ops)
    assert Native(made)(np.array([1.0, 2.0, 3.0, 4.0]), 4) == (402.0,)


def test_a_division_stays_behind_the_check_that_guards_it() -> None:
    def body(b: Builder, x: Value, n: Value) -> Value:
        (x, _) = loop(b, 0, 3, [x], lambda i, c: [b.op("mul", c, b.f64(0.5))])
        b.check(b.op("ne", n, b.i64(0)), "ZeroDivisionError", "no")
        trips = b.op("floordiv", b.i64(4), n)
        for _ in range(3):
            (x, _) = loop(b, 0, trips, [x], lambda i, c: [b.op("mul", c, b.f64(0.5))])
        return x

    made = soon(build([F64, I64], body))
    assert len(made.functions) == 1
    assert run(made, [4096.0, 2]) == (8.0,)
    for fn in (made, *made.functions.values()):
        names = [op.name for op in fn.body.ops]
        assert "floordiv" not in names or "check" in names[: names.index("floordiv")]
