"""Own elementary functions: accuracy, special values, and that loops with them are vectorised."""

from __future__ import annotations

import math
import platform
import re
import time
from functools import cache, lru_cache, partial
from typing import Any

import llvmlite.binding as llvm
import numpy as np
import pytest
from building import build, loop
from native import Native

import llad
from benchmarks.extended import SLACK, exact, ulps
from benchmarks.vector_math import REGIMES
from llad.codegen import loop_hints, optimise, target, vector_math, vector_text
from llad.ir.build import Builder
from llad.ir.core import Value
from llad.ir.types import F32, F64, BufferType, ScalarType
from llad.ops.table import OPS

POINTS = 100_000


@cache
def regimes(name: str) -> list[list[Any]]:
    rng = np.random.default_rng(7)
    return [[draw(rng, POINTS) for draw in regime] for regime in REGIMES[name]]


NAMES = sorted(vector_math.NAMES)
SPECIAL = [0.0, 1.0, math.inf, 5e-324, 1e-310, 2.0**-1022, 1e-20, 0.5, 3.0, 40.0, 709.9, 746.0, 2.0**53, 1.7e308]
SPECIAL = [*SPECIAL, *(-x for x in SPECIAL), math.nan]
SPECIAL_SINGLE = [0.0, 1.0, math.inf, 2.0**-149, 3e-41, 2.0**-126, 1e-20, 0.5, 3.0, 17.0, 88.5, 105.0, 2.0**24, 3e38]
SPECIAL_SINGLE = [float(np.float32(x)) for x in [*SPECIAL_SINGLE, *(-x for x in SPECIAL_SINGLE), math.nan]]


def mapped(name: str, dtype: ScalarType = F64, fastmath: bool = False) -> Native:
    """y[i] = name(x[i], …) for all i."""
    arity = len(OPS[name].domain)
    row = BufferType(dtype, 1)

    def body(b: Builder, *buffers: Any) -> list[Any]:
        def step(i: Any) -> list[Any]:
            b.store(b.op(name, *(b.load(x, i) for x in buffers[:-1])), buffers[-1], i)
            return []

        loop(b, 0, b.dim(buffers[-1], 0), [], step, kind="parallel")
        return []

    return Native(build([row] * (arity + 1), body), fastmath)


def values(code: Native, *xs: Any, dtype: Any = np.float64) -> Any:
    y = np.empty(len(xs[0]), dtype)
    code(*(np.ascontiguousarray(x, dtype) for x in xs), y)
    return y


@lru_cache(maxsize=1)  # strict code and `fastmath` ask for the same, one after the other
def known(name: str, dtype: Any) -> list[tuple[list[Any], Any]]:
    """Points, and what the function is there."""
    with np.errstate(over="ignore"):
        points = [[x.astype(dtype) for x in xs] for xs in regimes(name)]
    return [(xs, exact(name, *xs)) for xs in points]


def assert_accurate(name: str, code: Native, dtype: Any = np.float64) -> None:
    for xs, true in known(name, dtype):
        error = ulps(values(code, *xs, dtype=dtype), true)
        worst = int(np.argmax(error))
        assert error[worst] <= 2.0 + SLACK, (name, [float(x[worst]) for x in xs], error[worst])


def assert_special(name: str, code: Native, special: list[float] = SPECIAL, dtype: Any = np.float64) -> None:
    grid = np.meshgrid(*[np.array(special)] * len(OPS[name].domain))
    points = [np.concatenate([g.ravel()] * 2) for g in grid]  # the last ones are done by what is left of the loop
    for *x, got in zip(*(p.tolist() for p in points), values(code, *points, dtype=dtype).tolist(), strict=True):
        with np.errstate(all="ignore"):
            want = float(dtype(OPS[name].eval(*x)))
        if math.isnan(want):
            assert math.isnan(got), (name, x, got)
        elif want == 0 or math.isinf(want):
            assert (got, math.copysign(1, got)) == (want, math.copysign(1, want)), (name, x, got, want)
        else:
            assert abs(got - want) <= 3 * float(np.spacing(dtype(abs(want)))), (name, x, got, want)


@pytest.mark.parametrize("fastmath", [False, True])
@pytest.mark.parametrize("name", NAMES)
def test_a_vectorised_loop_is_within_two_units_in_the_last_place(name: str, fastmath: bool) -> None:
    code = mapped(name, fastmath=fastmath)
    subject = re.search(r"define [^@]*@subject\(.*?\n}", code.code.llvm_after, re.DOTALL)
    assert subject and re.search(r"f(mul|add|sub) <\d+ x double>", subject[0])
    assert not re.search(rf"@(llvm\.)?{name}[.(]", subject[0]), "the function of C is called"
    assert_accurate(name, code)
    assert_special(name, code)


@pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="every CPU of this kind fuses")
@pytest.mark.parametrize("name", NAMES)
def test_a_cpu_that_does_not_fuse_gets_the_same_accuracy(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    vector_math.vector_text.cache_clear()
    target.machine()  # registers the host's target
    plain = llvm.Target.from_triple(llvm.get_process_triple()).create_target_machine(
        cpu="x86-64", features="", opt=3, codemodel="jitdefault", jit=True
    )
    monkeypatch.setattr(vector_text, "fuses", lambda: False)
    monkeypatch.setattr(vector_text, "scales", lambda: False)
    monkeypatch.setattr(loop_hints, "masks", lambda stores: False)
    monkeypatch.setattr(optimise, "machine", lambda quick=False, number=0: plain)
    code = mapped(name)
    vector_math.vector_text.cache_clear()
    assert "<2 x double>" in code.code.llvm_after
    assert "fma" not in re.sub(r"llvm\.fmuladd", "", code.code.llvm_after)
    assert "fma" not in code.code.asm
    assert_accurate(name, code)
    assert_special(name, code)


@pytest.mark.parametrize("fastmath", [False, True])
@pytest.mark.parametrize("name", NAMES)
def test_single_precision_is_within_two_units_in_its_last_place(name: str, fastmath: bool) -> None:
    code = mapped(name, F32, fastmath)
    assert re.search(r"f(mul|add|sub) <\d+ x (double|float)>", code.code.llvm_after)
    assert_accurate(name, code, np.float32)
    assert_special(name, code, SPECIAL_SINGLE, np.float32)


def test_a_function_outside_a_loop_is_that_of_c() -> None:
    text = Native(build([F64], lambda b, x: b.op("exp", x))).lowered.text
    assert "@llvm.exp.f64" in text and "@llad.exp" not in text


@pytest.mark.parametrize(("name", "own"), [("log", False), ("erfc", False), ("exp", True)])
def test_a_loop_that_may_end_within_an_iteration_calls_what_c_answers_sooner(name: str, own: bool) -> None:
    def total(b: Builder, x: Any, checked: bool) -> Any:
        def body(i: Value, s: Value) -> list[Value]:
            e = b.load(x, i)
            if checked:
                b.check(b.op("gt", e, b.f64(-9.0)), "ValueError", "low")
            return [b.op("add", s, b.op(name, e))]

        return loop(b, 0, b.dim(x, 0), [b.f64(0.0)], body)[0]

    codes = [Native(build([BufferType(F64, 1)], partial(total, checked=c))) for c in (True, False)]
    assert [f"@llad.{name}" in code.lowered.text for code in codes] == [own, True]
    x = np.linspace(0.25, 3.0, 19)
    assert codes[0](x)[0] == pytest.approx(codes[1](x)[0], rel=1e-14)


def test_a_recurrence_calls_that_of_c_and_a_sum_does_not() -> None:
    def recurrence(b: Builder, x: Any) -> Any:
        return loop(b, 0, 5, [x], lambda i, s: [b.op("exp", b.op("neg", s))])[0]

    def total(b: Builder, x: Any) -> Any:
        return loop(b, 0, b.dim(x, 0), [b.f64(0.0)], lambda i, s: [b.op("add", s, b.op("exp", b.load(x, i)))])[0]

    assert "@llad.exp" not in Native(build([F64], recurrence)).lowered.text
    assert "@llad.exp" in Native(build([BufferType(F64, 1)], total)).lowered.text


def of_many(names: list[str]) -> Native:
    """y[i] = the sum of all the functions at fractions of x[i]."""

    def body(b: Builder, x: Any, y: Any) -> list[Any]:
        def step(i: Any) -> list[Any]:
            total, v = b.f64(0.0), b.load(x, i)
            for k, name in enumerate(names):
                at = b.op("mul", v, b.f64(1 / (k + 2)))
                total = b.op("add", total, b.op(name, *[at] * len(OPS[name].domain)))
            b.store(total, y, i)
            return []

        loop(b, 0, b.dim(y, 0), [], step, kind="parallel")
        return []

    return Native(build([BufferType(F64, 1)] * 2, body))


def test_a_loop_of_two_hundred_functions_takes_no_time_to_compile(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LLAD_CACHE_DIR", "")
    start = time.process_time()
    code = of_many((NAMES * 200)[:200])
    assert time.process_time() - start < 1.5
    assert "@llad.exp" not in code.lowered.text
    got = values(code, np.array([0.3, 0.7]))
    for x, y in zip([0.3, 0.7], got, strict=True):
        terms = [OPS[name].eval(*[x / (k + 2)] * len(OPS[name].domain)) for k, name in enumerate((NAMES * 200)[:200])]
        assert math.isclose(y, sum(terms), rel_tol=1e-12)


def test_a_loop_of_fifty_functions_is_vectorised() -> None:
    code = of_many(["exp", "log", "sin", "tanh", "atan"] * 10)
    assert re.search(r"fmul <\d+ x double>", code.code.llvm_after)
    assert "@llvm.exp" not in code.lowered.text


@pytest.mark.parametrize(("exponent", "fastmath"), [(0.5, False), (3.0, True), (-1.5, True)])
def test_a_power_that_llvm_expands_is_left_to_it(exponent: float, fastmath: bool) -> None:
    def body(b: Builder, x: Any) -> list[Any]:
        def step(i: Any) -> list[Any]:
            b.store(b.op("pow", b.load(x, i), b.f64(exponent)), x, i)
            return []

        loop(b, 0, b.dim(x, 0), [], step, kind="parallel")
        return []

    code = Native(build([BufferType(F64, 1)], body), fastmath)
    assert "@llvm.pow" in code.lowered.text and "pow" not in code.code.llvm_after.partition("!")[0]
    x = np.array([0.25, 1.0, 2.0, 9.0, 10.0])
    want = x**exponent
    code(x)
    np.testing.assert_allclose(x, want, rtol=1e-15)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("exponent", [0.5, 1.5, -0.5])
def test_a_power_that_is_a_root(exponent: float, dtype: Any) -> None:
    """Within 2 ULP, and what C says of zeros, infinities, and what lies outside of the domain; in loops and alone."""
    special = [0.0, -0.0, math.inf, -math.inf, math.nan, -1.0, np.finfo(dtype).smallest_subnormal, np.finfo(dtype).max]
    many = np.exp2(np.random.default_rng(0).uniform(-60, 60, 50_000))
    x = np.array([*special, *many], dtype)
    f, g = llad.jit(lambda x: x ** dtype(exponent)), llad.jit(lambda x: math.pow(x, exponent))
    with np.errstate(all="ignore"):
        want = np.power(x.astype(np.longdouble), exponent)
        unit = np.spacing(np.abs(want.astype(dtype)))
        for found in (f(x), np.array([g(float(v)) for v in x[:100]])):
            exact = want[: len(found)]
            same = (found == exact.astype(found.dtype)) | (np.isnan(found) & np.isnan(exact))
            assert np.all(same | (np.abs(found - exact) <= 2 * unit[: len(found)]))
            assert not np.signbit(found[:2]).any()
    assert "@llvm.sqrt" in f.dump_llvm(x) and "@llad.pow" not in f.dump_llvm(x, stage="before")


def test_every_function_is_measured() -> None:
    assert set(REGIMES) == set(NAMES)
