"""The quality of machine code: what is vectorised, removed, reassociated; and compiling, unloading, threads."""

from __future__ import annotations

import gc
import math
import platform
import re
import threading

import numpy as np
import pytest
from building import S, V, build, loop
from native import Native

from llad.codegen import jit, loop_hints, runtime
from llad.codegen.loop_hints import STRAIGHT_LINES
from llad.codegen.lower import lower
from llad.codegen.target import masks
from llad.ir import interp
from llad.ir.build import Builder
from llad.ir.core import Function, Value
from llad.ir.types import F32, F64, I64, BufferType, ScalarType


def sum_of_products(kind: str, dtype: ScalarType = F64) -> Function:
    def body(b: Builder, x: Value, y: Value, n: Value) -> Value:
        def step(i: Value, s: Value) -> list[Value]:
            return [b.op("add", s, b.op("mul", b.load(x, i), b.load(y, i)))]

        return loop(b, 0, n, [b.const(0.0, dtype)], step, kind=kind)[0]

    return build([BufferType(dtype, 1), BufferType(dtype, 1), I64], body)


def body_of(asm: str) -> str:
    return asm[asm.index("subject:") :].split(".Lfunc_end")[0]


def test_a_reduction_is_vectorised_and_a_plain_loop_keeps_its_order() -> None:
    reduction, plain = Native(sum_of_products("reduction")), Native(sum_of_products("sequential"))
    x = np.random.default_rng(0).normal(size=1001)
    assert math.isclose(reduction(x, x, 1001)[0], float(x @ x), rel_tol=1e-14)
    total = 0.0
    for v in x.tolist():
        total += v * v
    assert plain(x, x, 1001) == (total,)
    assert "x double> " in reduction.code.llvm_after
    assert "reassoc" not in plain.code.llvm_after and "contract" not in plain.code.llvm_after
    if platform.machine() in ("x86_64", "AMD64"):
        assert re.search(r"v?(fmadd|addpd|fmadd231pd)\w*\s.*%[xyz]mm", body_of(reduction.code.asm))
    single = Native(sum_of_products("reduction", F32))
    assert single(x.astype("f4"), x.astype("f4"), 1001)[0] == pytest.approx(float(x @ x), rel=1e-5)


def test_a_parallel_loop_is_vectorised_without_run_time_checks() -> None:
    def body(b: Builder, a: Value, x: Value, y: Value) -> list[Value]:
        def step(i: Value) -> list[Value]:
            b.store(b.op("add", b.op("mul", a, b.load(x, i)), b.load(y, i)), y, i)
            return []

        loop(b, 0, b.dim(x, 0), [], step, kind="parallel")
        return []

    fn = build([F64, V, V], body)
    native = Native(fn)
    x, y = np.arange(9.0), np.ones(9)
    native(2.0, x, y)
    np.testing.assert_array_equal(y, 2 * np.arange(9.0) + 1)
    assert "x double>" in native.code.llvm_after
    assert "memcheck" not in native.code.llvm_after
    overlapping = Native(build([F64, V, V], body, may_alias=True))
    shared = np.arange(40.0)
    want = shared.copy()
    for i in range(39):
        want[i + 1] = 2 * want[i] + want[i + 1]
    overlapping(2.0, shared[:-1], shared[1:])
    np.testing.assert_array_equal(shared, want)


@pytest.fixture
def masked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stores under a mask, be they slow."""
    if not masks(stores=False):
        pytest.skip("this host has no masked vectors")
    monkeypatch.setattr(loop_hints, "masks", lambda stores: True)


@pytest.mark.usefixtures("masked")
@pytest.mark.parametrize("axis", [0, 1])
def test_the_end_of_a_loop_of_dear_functions_runs_under_a_mask_along_rows_only(axis: int) -> None:
    def body(b: Builder, x: Value, y: Value) -> list[Value]:
        def step(i: Value) -> list[Value]:
            at = (b.i64(0), i) if axis else (i, b.i64(0))
            b.store(b.op("log1p", b.op("tanh", b.op("exp", b.load(x, *at)))), y, *at)
            return []

        loop(b, 0, b.dim(x, axis), [], step, kind="parallel")
        return []

    code = Native(build([BufferType(F64, 2)] * 2, body))
    assert ("masked.store" in code.code.llvm_after) == (axis == 1)
    for n in range(20):
        x = np.linspace(-1.0, 1.0, 3 * n + 3).reshape((3, n + 1) if axis else (n + 1, 3))
        y = np.zeros_like(x)
        code(x, y)
        expected = np.zeros_like(x)
        at = (0, slice(None)) if axis else (slice(None), 0)
        expected[at] = np.log1p(np.tanh(np.exp(x[at])))
        np.testing.assert_allclose(y, expected, rtol=1e-15, atol=0.0)


@pytest.mark.usefixtures("masked")
@pytest.mark.parametrize(("op", "slow"), [("div", True), ("mul", False)])
def test_the_end_of_a_loop_of_divisions_and_roots_runs_under_a_mask(op: str, slow: bool) -> None:
    def body(b: Builder, x: Value, y: Value) -> list[Value]:
        def step(i: Value) -> list[Value]:
            value = b.load(x, i)
            for _ in range(2):
                value = b.op(op, b.load(x, i), b.op("sqrt" if slow else "neg", value))
            b.store(value, y, i)
            return []

        loop(b, 0, b.dim(x, 0), [], step, kind="parallel")
        return []

    assert ("masked.store" in Native(build([V] * 2, body)).code.llvm_after) == slow


@pytest.mark.usefixtures("masked")
def test_small_loops_between_heavy_ones_over_the_same_range_run_under_a_mask_too() -> None:
    def stores_under_a_mask(small: int) -> int:
        def body(b: Builder, x: Value, y: Value, z: Value) -> list[Value]:
            def step(t: Value) -> list[Value]:
                def add(i: Value) -> list[Value]:
                    b.store(b.op("add", b.load(x, i), b.load(y, i)), y, i)
                    return []

                def heavy(i: Value) -> list[Value]:
                    b.store(b.op("log1p", b.op("tanh", b.op("exp", b.load(y, i)))), z, i)
                    return []

                loop(b, 0, ends[small], [], add, kind="parallel")
                loop(b, 0, ends[0], [], heavy, kind="parallel")
                return []

            ends = [b.dim(y, 0), b.dim(x, 0)]
            loop(b, 0, b.i64(9), [], step)
            return []

        return Native(build([V] * 3, body)).code.llvm_after.count("call void @llvm.masked.store")

    assert stores_under_a_mask(0) > stores_under_a_mask(1) > 0


def test_index_checks_of_a_plain_loop_disappear() -> None:
    def body(b: Builder, x: Value) -> Value:
        n = b.dim(x, 0)

        def step(i: Value, s: Value) -> list[Value]:
            inside = b.op("and", b.op("ge", i, b.i64(0)), b.op("lt", i, n))
            b.check(inside, "IndexError", "index {} is out of range", i)
            return [b.op("add", s, b.load(x, i))]

        return loop(b, 0, n, [b.f64(0.0)], step)[0]

    for type in (V, S):
        native = Native(build([type], body))
        assert native(np.arange(5.0)) == (10.0,)
        subject = re.search(r"define [^@]*@subject\(.*?\n}", native.code.llvm_after, re.DOTALL)
        assert subject and "store i64" not in subject[0], "the failing path is still there"


def test_fastmath_reassociates_but_knows_nan_and_infinity() -> None:
    fn = build([F64], lambda b, x: [b.op("sub", b.op("add", x, b.f64(1e16)), b.f64(1e16)), b.op("isnan", x)])
    exact, fast = Native(fn), Native(fn, fastmath=True)
    assert exact(1.0)[0] == 1.0 + 1e16 - 1e16 != 1.0
    assert fast(1.0)[0] == 1.0
    assert fast(math.nan)[1] is True and fast(math.inf)[1] is False
    assert "nnan" not in fast.lowered.text and "ninf" not in fast.lowered.text


def test_the_reassoc_attribute_is_for_its_op_only() -> None:
    def body(b: Builder, x: Value, y: Value) -> list[Value]:
        marked = b.emit("add", [b.op("mul", x, y), x], [F64], {"reassoc": True}).result
        return [marked, b.op("add", b.op("add", x, y), x)]

    text = lower(build([F64, F64], body), "f").text
    assert len(re.findall(r"fadd reassoc contract double", text)) == 1
    assert len(re.findall(r"fmul contract double", text)) == 1
    assert len(re.findall(r"fadd double", text)) == 2


def test_overflow_checks_tell_llvm_that_the_sum_does_not_wrap() -> None:
    def body(b: Builder, x: Value, y: Value) -> list[Value]:
        b.check(b.op("not", b.op("add_overflows", x, y)), "OverflowError", "too large")
        return [b.op("add", x, y), b.op("add", y, x)]

    text = lower(build([I64, I64], body), "f").text
    assert len(re.findall("add nsw i64", text)) == 1
    native = Native(build([I64, I64], body))
    assert native(2, 3) == (5, 5)
    with pytest.raises(OverflowError):
        native(2**63 - 1, 1)


def test_dead_allocations_cost_nothing() -> None:
    def body(b: Builder, n: Value) -> Value:
        x = b.alloc(F64, [n], zero=True)
        b.store(b.f64(2.0), x, b.i64(0))
        return n

    native = Native(build([I64], body))
    assert native(4) == (4,)
    assert native.heap.requests == 0


@pytest.mark.parametrize("looped", [False, True])
def test_long_bodies_compile_in_time_linear_in_their_length(looped: bool) -> None:
    rng = np.random.default_rng(0)
    picks = rng.integers(1, 20, (1500, 2)).tolist()

    def mixed(b: Builder, x: Value, i: Value) -> Value:
        values = [b.op("add", b.load(x, i), b.f64(float(k))) for k in range(20)]
        for k, (p, q) in enumerate(picks):
            values.append(b.op(("add", "mul", "sub", "div")[k % 4], values[-p], values[-q]))
        return values[-1]

    def body(b: Builder, x: Value) -> Value:
        if not looped:
            return mixed(b, x, b.i64(0))
        add = loop(b, 0, b.dim(x, 0), [b.f64(0.0)], lambda i, s: [b.op("add", s, mixed(b, x, i))], kind="reduction")
        return add[0]

    fn = build([V], body)
    native = Native(fn)
    x = np.array([1.5])
    np.testing.assert_allclose(native(x), interp.run(fn, [x]), rtol=1e-9)
    assert native.code.times["llvm"] < 1.0  # 0.05 s; with every vectoriser on, beyond 1 s


def test_long_straight_bodies_of_independent_iterations_are_vectorised_in_time() -> None:
    rng = np.random.default_rng(0)
    picks = rng.integers(1, 20, (STRAIGHT_LINES * 3 // 4, 2)).tolist()  # `max` is two lines

    def body(b: Builder, x: Value, y: Value) -> list[Value]:
        def step(i: Value) -> list[Value]:
            values = [b.op("add", b.load(x, i), b.f64(float(k))) for k in range(20)]
            for k, (p, q) in enumerate(picks):
                values.append(b.op(("add", "mul", "sub", "max")[k % 4], values[-p], values[-q]))
            b.store(values[-1], y, i)
            return []

        loop(b, 0, b.dim(x, 0), [], step, kind="parallel")
        return []

    native = Native(build([V, V], body))
    assert " x double> " in native.code.llvm_after
    assert native.code.times["llvm"] < 3.0  # 0.3 s


@pytest.mark.parametrize("what", ["elements", "columns", "rows"])
def test_a_distance_of_unknown_length_is_not_taken_for_one(what: str) -> None:
    """A loop over elements or rows that lie as far apart as the caller says is one of vectors all the same."""

    def body(b: Builder, x: Value, y: Value) -> list[Value]:
        def step(i: Value) -> list[Value]:
            if what == "elements":
                found = [b.load(x, i)]
            elif what == "columns":
                found = [b.load(x, i, b.i64(k)) for k in (0, 5)]
            else:
                row = b.view(x, ["index", "full"], i)
                found = [b.load(row, b.i64(k)) for k in (0, 5)]
            b.store(b.op("add", b.op("mul", found[0], found[-1]), b.f64(1.0)), y, i)
            return []

        loop(b, 0, b.dim(y, 0), [], step, kind="parallel")
        return []

    given = BufferType(F64, 1, "strided") if what == "elements" else BufferType(F64, 2)
    native = Native(build([given, V], body))
    table, y = np.arange(21.0 * 7).reshape(21, 7), np.zeros(21)
    native(table[:, 2] if what == "elements" else table, y)
    first, last = (2, 2) if what == "elements" else (0, 5)
    np.testing.assert_array_equal(y, table[:, first] * table[:, last] + 1.0)
    assert re.search(r"fmul <\d+ x double>", native.code.llvm_after)
    assert not re.search(r"icmp (eq|ne) i64 %\S+, 1$", native.code.llvm_after, re.MULTILINE)


def test_the_text_is_deterministic() -> None:
    def text() -> str:
        return runtime.module_text([lower(sum_of_products("reduction"), "f"), lower(sum_of_products("parallel"), "g")])

    assert text() == text()
    assert text().count("declare") == len(set(re.findall(r"declare.*@([\w.]+)", text())))


def test_many_functions_are_compiled_and_dropped() -> None:
    kept = Native(sum_of_products("sequential"))
    for k in range(80):
        text = f"define i64 @f(i64 %x) {{\n  %r = add i64 %x, {k}\n  ret i64 %r\n}}\n"
        linked = jit.link(text, ["f"])
        assert linked.addresses["f"]
    del linked
    gc.collect()
    jit.link("define i64 @f() {\n  ret i64 1\n}\n", ["f"])
    assert kept(np.ones(3), np.ones(3), 3) == (3.0,)


def test_threads_compile_at_the_same_time() -> None:
    failures: list[BaseException] = []

    def work() -> None:
        try:
            for _ in range(3):
                assert Native(sum_of_products("reduction"))(np.ones(9), np.ones(9), 9) == (9.0,)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not failures


def test_invalid_text_raises_instead_of_aborting() -> None:
    with pytest.raises(RuntimeError):
        jit.link("define i64 @f(i64 %x) {\n  ret i32 %x\n}\n", ["f"])
    with pytest.raises(RuntimeError):
        jit.link("declare void @nowhere()\ndefine void @f() {\n  call void @nowhere()\n  ret void\n}\n", ["f"])
