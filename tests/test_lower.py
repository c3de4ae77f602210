"""Lowered control flow and memory mean what the interpreter means, and free what they allocate."""

from __future__ import annotations

import random
import re
from itertools import product
from typing import Any

import numpy as np
import pytest
import random_ir
from building import S2, Body, M, S, V, build, loop, run, when
from native import DTYPES, Native

from llad.codegen.lower import lower
from llad.diagnostics import Span
from llad.ir import interp
from llad.ir.build import Builder
from llad.ir.core import Value
from llad.ir.types import BOOL, F64, I32, I64, BufferType, LifoType, ScalarType

# -- memory


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_elements_of_every_dtype(dtype: ScalarType) -> None:
    def body(b: Builder, x: Value, i: Value, j: Value) -> list[Value]:
        old = b.load(x, i, j)
        b.store(b.load(x, j, i), x, i, j)
        return [old, b.dim(x, 0), b.dim(x, 1)]

    plain = (np.arange(12) % 5).reshape(3, 4).astype(DTYPES[dtype])
    run([BufferType(dtype, 2), I64, I64], body, plain, 2, 1)
    strided = (np.arange(48) % 3).reshape(6, 8).astype(DTYPES[dtype])[::-2, ::2]
    before = strided.copy()
    got = Native(build([BufferType(dtype, 2, "strided"), I64, I64], body))(strided, 2, 1)
    assert got == (before[2, 1].item(), 3, 4)
    assert strided[2, 1] == before[1, 2]
    strided[2, 1] = before[2, 1]
    np.testing.assert_array_equal(strided, before)


def test_rank_zero_buffers() -> None:
    def body(b: Builder, x: Value) -> list[Value]:
        y = b.alloc(F64, [], zero=True)
        b.store(b.op("add", b.load(x), b.load(y)), y)
        return [b.load(y), y]

    run([BufferType(F64, 0)], body, np.array(2.5))


def test_alloc_zero_and_return_a_buffer() -> None:
    def body(b: Builder, n: Value, m: Value) -> Value:
        x = b.alloc(F64, [n, m], zero=True)
        loop(b, 0, n, [], lambda i: b.store(b.cast(i, F64), x, i, b.i64(0)) or [])
        return x

    for shape in ((3, 2), (1000, 7)):
        (got,) = run([I64, I64], body, *shape)
        assert got.shape == shape and got[-1, 0] == shape[0] - 1 and not got[:, 1:].any()
    assert run([I64], lambda b, n: b.alloc(F64, [n, b.i64(4)], zero=True), 0)[0].shape == (0, 4)


def test_stack_allocation_is_fresh_every_time() -> None:
    def body(b: Builder, n: Value) -> Value:
        def step(i: Value, s: Value) -> list[Value]:
            x = b.alloc(F64, [b.i64(2), b.i64(3)], zero=True)
            b.current.ops[-1].attrs["storage"] = "stack"
            one = b.i64(1)
            b.store(b.op("add", b.load(x, one, one), b.f64(1.0)), x, one, one)
            return [b.op("add", s, b.load(x, one, one))]

        return loop(b, 0, n, [b.f64(0.0)], step, kind="parallel")[0]

    fn = build([I64], body)
    native = Native(fn)
    assert native(10) == interp.run(fn, [10]) == (10.0,)
    assert native.heap.requests == 0


def test_freed_memory_is_returned_at_once() -> None:
    def body(b: Builder, n: Value) -> Value:
        first = b.alloc(F64, [n], zero=True)

        def step(i: Value, x: Value) -> list[Value]:
            y = b.alloc(F64, [n])
            loop(b, 0, n, [], lambda k: b.store(b.op("add", b.load(x, k), b.f64(1.0)), y, k) or [])
            b.free(x)
            return [y]

        x, _ = loop(b, 0, 5, [first], step)
        return b.load(x, b.i64(0))

    native = Native(build([I64], body))
    live: list[int] = []
    inner = native.heap.live
    native.heap.live = type("Watched", (set,), {"add": lambda s, a: (set.add(s, a), live.append(len(s)))})(inner)
    assert native(4) == (5.0,)
    assert max(live) == 2


def test_views_of_every_kind() -> None:
    a = np.arange(60.0).reshape(3, 4, 5)
    cases: list[tuple[tuple[str, ...], list[int], Any]] = [
        (("index", "full", "full"), [1], a[1]),
        (("index", "index", "full"), [2, 3], a[2, 3]),
        (("full", "index", "full"), [2], a[:, 2]),
        (("slice", "full", "index"), [2, 3, -1, 4], a[::-1, :, 4]),
        (("full", "slice", "slice"), [3, 2, -2, 1, 2, 3], a[:, 3:0:-2, 1::3]),
        (("new", "index", "new", "full", "full"), [0], a[0][None, None]),
        (("full", "new", "full", "full"), [], a[:, None]),
        (("slice", "new", "full", "full"), [1, 2, 1], a[1:3, None]),
        (("full", "slice", "full"), [4, 0, 1], a[:, 4:4]),
    ]
    for axes, operands, want in cases:
        count = len(operands)

        def body(b: Builder, x: Value, *o: Value, axes: tuple[str, ...] = axes) -> list[Value]:
            view = b.view(x, axes, *o)
            rank = view.type.rank if isinstance(view.type, BufferType) else 0
            return [view, *(b.dim(view, k) for k in range(rank))]

        got = run([BufferType(F64, 3), *[I64] * count], body, a, *operands)
        np.testing.assert_array_equal(got[0], want)


def test_views_of_strided_arguments_with_negative_strides() -> None:
    base = np.arange(80.0).reshape(8, 10)
    for x in (base[::-1, ::-3], base.T, base[::2], np.broadcast_to(base[:1], (8, 10))):

        def body(b: Builder, x: Value) -> list[Value]:
            row = b.view(x, ("index", "slice"), b.i64(1), b.i64(3), b.i64(2), b.i64(-2))
            return [b.load(row, b.i64(0)), b.load(row, b.i64(1)), b.dim(x, 0)]

        fn = build([S2], body)
        assert Native(fn)(x) == interp.run(fn, [x]) == (x[1, 3], x[1, 1], x.shape[0])


def test_writes_through_views_reach_the_array() -> None:
    def body(b: Builder, x: Value) -> Value:
        v = b.view(x, ("slice", "index"), b.i64(2), b.i64(2), b.i64(-1), b.i64(1))
        b.store(b.f64(9.0), v, b.i64(1))
        return b.load(x, b.i64(1), b.i64(1))

    assert run([M], body, np.zeros((3, 2))) == (9.0,)


# -- control


def test_if_merges_scalars_and_buffers() -> None:
    def body(b: Builder, c: Value, x: Value, y: Value) -> list[Value]:
        chosen, n = when(b, c, lambda: [x, b.dim(x, 0)], lambda: [b.view(y, ("full",)), b.i64(-1)])
        strided, z = when(
            b,
            c,
            lambda: [b.view(x, ("slice",), b.i64(2), b.i64(3), b.i64(-1)), b.load(x, b.i64(0))],
            lambda: [b.view(y, ("slice",), b.i64(0), b.i64(2), b.i64(2)), b.f64(0.5)],
        )
        return [b.load(chosen, b.i64(1)), b.dim(chosen, 0), n, strided, z]

    for c in (True, False):
        run([BOOL, V, V], body, c, np.arange(4.0), np.arange(10.0, 17.0))


def test_if_without_results_and_with_checks_inside() -> None:
    def body(b: Builder, c: Value, x: Value) -> Value:
        def then() -> list[Value]:
            b.check(b.op("gt", b.dim(x, 0), b.i64(1)), "IndexError", "too short: {}", b.dim(x, 0))
            b.store(b.f64(7.0), x, b.i64(1))
            return []

        when(b, c, then, lambda: [])
        return b.load(x, b.i64(0))

    run([BOOL, V], body, True, np.zeros(2))
    run([BOOL, V], body, False, np.zeros(1))
    with pytest.raises(IndexError, match="too short: 1"):
        Native(build([BOOL, V], body))(True, np.zeros(1))


RANGES = [(0, 5, 1), (5, 0, 1), (0, 0, 1), (-3, 4, 2), (7, -8, -3), (0, 9, -1), (9, 0, -1), (2, 3, 50), (3, 2, -50)]
EDGES = [(2**63 - 3, 2**63 - 1, 1), (2**63 - 9, 2**63 - 1, 5), (-(2**63) + 9, -(2**63), -5), (2**63 - 1, -2, 1)]


def _collect(exits: bool) -> Body:
    def body(b: Builder, lo: Value, hi: Value, step: Value, stop: Value) -> list[Value]:
        def each(i: Value, total: Value, last: Value, same: Value) -> list[Value]:
            done = [b.op("eq", i, stop)] if exits else []
            return [*done, b.op("add", total, b.op("mul", i, i)), i, same]

        return list(loop(b, lo, hi, [b.i64(0), b.i64(-7), stop], each, step, exits=exits))

    return body


@pytest.mark.parametrize("exits", [False, True])
def test_for_over_every_kind_of_range(exits: bool) -> None:
    fn = build([I64] * 4, _collect(exits))
    native = Native(fn)
    for (lo, hi, step), stop in product(RANGES + EDGES, (3, -3, 1, 100)):
        args = (lo, hi, step, stop)
        assert native(*args) == interp.run(fn, args), args
    for (lo, hi, step), constant_bounds in product(RANGES + EDGES, (False, True)):

        def known(b: Builder, lo: Value, hi: Value, stop: Value) -> list[Value]:
            bounds = (b.i64(r[0]), b.i64(r[1])) if constant_bounds else (lo, hi)  # noqa: B023
            return _collect(exits)(b, *bounds, b.i64(r[2]), stop)  # noqa: B023

        r = (lo, hi, step)
        run([I64] * 3, known, lo, hi, 3)


def test_loop_carries_swap_and_survive_zero_trips() -> None:
    def body(b: Builder, n: Value, x: Value, y: Value) -> list[Value]:
        def step(i: Value, p: Value, q: Value, s: Value, t: Value) -> list[Value]:
            b.store(b.op("add", b.load(p, b.i64(0)), b.f64(1.0)), q, b.i64(0))
            return [q, p, t, b.op("add", s, t)]

        p, q, s, t, trips = loop(b, 0, n, [x, y, b.f64(0.0), b.f64(1.0)], step)
        return [b.load(p, b.i64(0)), b.dim(p, 0), b.dim(q, 0), s, t, trips]

    for n in (0, 1, 2, 9):
        run([I64, V, V], body, n, np.zeros(2), np.zeros(3))


def test_nested_loops_with_two_exits() -> None:
    def body(b: Builder, x: Value, limit: Value) -> list[Value]:
        def outer(i: Value, s: Value, gone: Value) -> list[Value]:
            def inner(j: Value, s: Value) -> list[Value]:
                s = b.op("add", s, b.load(x, i, j))
                return [b.op("gt", s, limit), s]

            s, _ = loop(b, 0, b.dim(x, 1), [s], inner, exits=True)
            gone = b.op("gt", s, limit)
            return [gone, s, gone]

        return list(loop(b, 0, b.dim(x, 0), [b.f64(0.0), b.const(False, BOOL)], outer, exits=True))

    for limit in (-1.0, 20.0, 1e9):
        run([M, F64], body, np.arange(12.0).reshape(3, 4), limit)
    run([M, F64], body, np.zeros((0, 4)), 1.0)
    run([M, F64], body, np.zeros((4, 0)), 1.0)


@pytest.mark.parametrize("exits", [False, True])
def test_while_with_carries_and_trips(exits: bool) -> None:
    def body(b: Builder, n: Value, stop: Value) -> list[Value]:
        types = [I64, I64, F64]
        with b.region(types) as condition:
            b.yield_(b.op("gt", condition.args[0], b.i64(1)))
        with b.region(types) as step:
            k, total, kept = step.args
            odd = b.op("eq", b.op("mod", k, b.i64(2)), b.i64(1))
            (after,) = when(
                b,
                odd,
                lambda: [b.op("add", b.op("mul", k, b.i64(3)), b.i64(1))],
                lambda: [b.op("floordiv", k, b.i64(2))],
            )
            flag = [b.op("eq", after, stop)] if exits else []
            b.yield_(*flag, after, b.op("add", total, k), kept)
        return list(b.while_([n, b.i64(0), b.f64(0.5)], condition, step, exits=exits))

    fn = build([I64, I64], body)
    native = Native(fn)
    for n, stop in product((0, 1, 2, 7, 27), (1, 4, 16, 99)):
        assert native(n, stop) == interp.run(fn, [n, stop])


def test_buffers_carried_by_a_while() -> None:
    def body(b: Builder, x: Value, n: Value) -> list[Value]:
        first = b.view(x, ("slice",), b.i64(0), b.dim(x, 0), b.i64(1))
        with b.region([S, I64]) as condition:
            b.yield_(b.op("gt", condition.args[1], b.i64(0)))
        with b.region([S, I64]) as step:
            v, k = step.args
            half = b.op("floordiv", b.dim(v, 0), b.i64(2))
            b.yield_(b.view(v, ("slice",), b.i64(0), half, b.i64(2)), b.op("sub", k, b.i64(1)))
        v, _, trips = b.while_([first, n], condition, step)
        return [v, trips]

    for n in (0, 1, 2):
        run([V, I64], body, np.arange(9.0), n)


# -- the LIFO


def test_lifo_of_a_million_records() -> None:
    def body(b: Builder, n: Value) -> list[Value]:
        tape = b.lifo([F64, BOOL, I32])

        def forward(i: Value, x: Value) -> list[Value]:
            b.push(tape, x, b.op("lt", i, b.i64(5)), b.cast(i, I32))
            return [b.op("add", x, b.f64(0.5))]

        def backward(i: Value, s: Value, k: Value, m: Value) -> list[Value]:
            x, small, index = b.pop(tape)
            return [b.op("add", s, x), b.op("add", k, b.cast(small, I64)), b.op("add", m, b.cast(index, I64))]

        loop(b, 0, n, [b.f64(0.0)], forward)
        return list(loop(b, 0, n, [b.f64(0.0), b.i64(0), b.i64(0)], backward))

    native = Native(build([I64], body))
    n = 10**6
    assert native(n) == (0.5 * n * (n - 1) / 2, 5, n * (n - 1) // 2, n)
    assert native(0) == (0.0, 0, 0, 0)
    run([I64], body, 300)


def test_lifo_reuses_its_memory_when_made_again() -> None:
    def body(b: Builder, n: Value) -> Value:
        def outer(i: Value, s: Value) -> list[Value]:
            tape = b.lifo([F64])
            loop(b, 0, n, [], lambda k: b.push(tape, b.cast(k, F64)) or [])
            return [b.op("add", s, b.pop(tape)[0])]

        return loop(b, 0, 50, [b.f64(0.0)], outer)[0]

    fn = build([I64], body)
    native = Native(fn)
    assert native(100) == interp.run(fn, [100]) == (99.0 * 50,)
    assert native.heap.requests == 2  # 64 records, then 128


def test_lifo_keeps_buffer_handles() -> None:
    def body(b: Builder, x: Value) -> list[Value]:
        tape = b.lifo([V, S, I32])
        y = b.alloc(F64, [b.i64(3)], zero=True)
        b.push(tape, y, b.view(x, ("slice",), b.i64(3), b.i64(2), b.i64(-1)), b.const(4, I32))
        b.push(tape, x, b.view(y, ("slice",), b.i64(0), b.i64(3), b.i64(1)), b.const(5, I32))
        p, q, i = b.pop(tape)
        r, s, j = b.pop(tape)
        b.store(b.f64(2.0), r, b.i64(1))
        return [p, q, i, s, j, b.dim(s, 0)]

    run([V], body, np.arange(4.0))


def test_a_lifo_made_in_a_branch_is_popped_in_another() -> None:
    def body(b: Builder, c: Value, x: Value) -> Value:
        def then() -> list[Value]:
            tape = b.lifo([F64])
            b.push(tape, x)
            return [tape]

        (tape,) = when(b, c, then, lambda: [b.undef(LifoType((F64,)))])
        return when(b, c, lambda: list(b.pop(tape)), lambda: [b.f64(0.0)])[0]

    assert run([BOOL, F64], body, True, 3.0) == (3.0,)
    assert run([BOOL, F64], body, False, 3.0) == (0.0,)


# -- errors


def test_checks_report_their_values_and_site() -> None:
    span = Span("f.py", 3, 1, 5)

    def body(b: Builder, x: Value, i: Value) -> Value:
        b.span = span
        ok = b.op("lt", i, b.dim(x, 0))
        b.check(ok, "IndexError", "index {} of {}", i, b.dim(x, 0))
        b.check(b.op("ne", i, b.i64(1)), "ZeroDivisionError", "division by zero")
        return b.load(x, i)

    native = Native(build([V, I64], body))
    assert native(np.arange(3.0), 2) == (2.0,)
    with pytest.raises(IndexError, match="index 7 of 3"):
        native(np.arange(3.0), 7)
    with pytest.raises(ZeroDivisionError, match="division by zero"):
        native(np.arange(3.0), 1)
    assert [(e.error, e.span) for e in native.lowered.errors] == [("IndexError", span), ("ZeroDivisionError", span)]


def test_no_block_is_left_when_a_check_fails() -> None:
    def body(b: Builder, n: Value) -> Value:
        tape = b.lifo([F64])

        def step(i: Value, x: Value) -> list[Value]:
            y = b.alloc(F64, [n])
            loop(b, 0, n, [], lambda k: b.store(b.op("add", b.load(x, k), b.f64(1.0)), y, k) or [])
            b.push(tape, b.load(x, i))
            b.check(b.op("lt", i, b.i64(6)), "ValueError", "at {}", i)
            return [y]

        x, _ = loop(b, 0, n, [b.alloc(F64, [n], zero=True)], step)
        return x

    native = Native(build([I64], body))
    assert native(5)[0].tolist() == [5.0] * 5
    with pytest.raises(ValueError, match="at 6"):
        native(9)  # `Native` asserts that nothing is left
    assert native.heap.requests > 8


def test_exhausted_memory_is_a_memory_error_that_leaks_nothing() -> None:
    def body(b: Builder, n: Value, m: Value) -> Value:
        tape = b.lifo([F64])
        loop(b, 0, m, [], lambda i: b.push(tape, b.cast(i, F64)) or [])
        x = b.alloc(F64, [n, m], zero=True)
        y = b.alloc(F64, [n, b.i64(2)])
        b.store(b.f64(1.0), y, b.i64(0), b.i64(0))
        one = b.i64(1)
        last = b.op("sub", n, one), b.op("sub", m, one)
        b.store(b.f64(1.0), x, *last)  # where LLVM cannot know whether it is the element that is read
        return b.op("add", b.op("add", b.load(x, b.i64(0), b.i64(0)), b.load(y, b.i64(0), b.i64(0))), b.pop(tape)[0])

    native = Native(build([I64, I64], body))
    assert native(3, 300) == (300.0,)
    needed = native.heap.requests
    for budget in range(needed):
        native.heap.requests, native.heap.budget = 0, budget
        with pytest.raises(MemoryError):
            native(3, 300)
    native.heap.budget = 1 << 60
    for shape in ((2**61, 300), (-1, 300), (-(2**62), 4), (2**40, 2**22)):
        with pytest.raises(MemoryError, match=re.escape(f"unable to allocate an array of shape ({shape[0]}, ")):
            native(shape[0], min(shape[1], 300)) if shape[1] <= 300 else native.__class__(
                build([I64, I64], lambda b, n, m: b.alloc(F64, [n, m]))
            )(*shape)


@pytest.mark.parametrize(("trips", "kept"), [(None, False), (12, True)])
def test_loops_inside_others_are_unrolled_only_if_their_trips_are_known(trips: int | None, kept: bool) -> None:
    def body(b: Builder, n: Value, x: Value) -> Value:
        inner = n if trips is None else b.i64(trips)
        outside = loop(b, 0, n, [x], lambda i, s: [b.op("mul", s, x)])[0]
        return loop(b, 0, n, [outside], lambda i, s: [loop(b, 0, inner, [s], lambda j, t: [b.op("add", t, x)])[0]])[0]

    text = lower(build([I64, F64], body), "f").text
    (node, *_) = re.findall(r'^(!\d+) = !{!"llvm.loop.unroll.disable"}', text, re.MULTILINE) or [""]
    assert bool(node) is not kept
    if node:
        assert len(re.findall(rf"^!\d+ = distinct !.*{node}\b", text, re.MULTILINE)) == 1


# -- everything together


def _outcome(call: Body, numbers: list[Any], sizes: tuple[int, int]) -> Any:
    """Results and memory afterwards, or the error and its message."""
    arrays = [np.arange(1.0, n + 1.0) / 2 for n in sizes]
    try:
        with np.errstate(all="ignore"):
            results = call(*numbers, *arrays)
    except (IndexError, OverflowError, ZeroDivisionError) as error:
        return type(error), str(error)
    return [np.asarray(r).tolist() for r in (*results, *arrays)]


@pytest.mark.parametrize("seed", range(40))
def test_random_programs_do_what_the_interpreter_does(seed: int) -> None:
    rng = random.Random(seed)
    fn = random_ir.program(rng)
    native = Native(fn)
    for _ in range(4):
        numbers = [rng.choice([0.0, 0.75, -2.5]), rng.gauss(0, 2), rng.randint(-3, 6), rng.randint(-2, 8)]
        sizes = rng.randint(0, 5), rng.randint(0, 5)
        want = _outcome(lambda *args: interp.run(fn, args), numbers, sizes)
        np.testing.assert_equal(_outcome(native, numbers, sizes), want)
