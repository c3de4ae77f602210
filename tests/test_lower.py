"""Lowering: machine code means what the interpreter means, frees what it allocates, and is as good as it should be."""

from __future__ import annotations

import gc
import math
import platform
import re
import threading
from collections.abc import Callable, Sequence
from itertools import product
from typing import Any

import numpy as np
import pytest
from native import Native

from llad.codegen import jit, runtime
from llad.codegen.lower import lower
from llad.diagnostics import Span
from llad.ir import interp
from llad.ir.build import Builder
from llad.ir.core import Function, Value
from llad.ir.types import BOOL, F32, F64, I32, I64, BufferType, LifoType, ScalarType, Type
from llad.ops.table import OPS

Body = Callable[..., Any]


def build(types: Sequence[Type], body: Body, **attrs: Any) -> Function:
    """The function whose parameters are handed to `body(b, *params)`, which returns the result or results."""
    b = Builder()
    params = [Value(t, f"a{k}") for k, t in enumerate(types)]
    results = body(b, *params)
    b.return_(*(results if isinstance(results, (list, tuple)) else [results]))
    return b.function("subject", params, **attrs)


def run(types: Sequence[Type], body: Body, *args: Any) -> tuple[Any, ...]:
    """The native results, asserted to equal the interpreter's, also in what was written to arguments."""
    fn = build(types, body)
    mine, reference = (tuple(a.copy() if isinstance(a, np.ndarray) else a for a in args) for _ in range(2))
    got, want = Native(fn)(*mine), interp.run(fn, reference)
    for a, b in zip((*got, *mine), (*want, *reference), strict=True):
        np.testing.assert_array_equal(a, b)
        assert type(a) is type(b)
    return got


def loop(
    b: Builder, lo: Any, hi: Any, inits: Sequence[Value], body: Body, step: Any = 1, **how: Any
) -> tuple[Value, ...]:
    """A `for`; bounds may be ints; `body(i, *carries)` returns the next carries (the exit flag first)."""
    bounds = [b.i64(x) if isinstance(x, int) else x for x in (lo, hi, step)]
    with b.region([I64, *(v.type for v in inits)]) as region:
        b.yield_(*body(*region.args))
    return b.for_(*bounds, inits, region, **how)


def when(b: Builder, condition: Value, then: Body, otherwise: Body) -> tuple[Value, ...]:
    regions = []
    for body in (then, otherwise):
        with b.region() as region:
            b.yield_(*body())
        regions.append(region)
    return b.if_(condition, *regions)


V = BufferType(F64, 1)
M = BufferType(F64, 2)
S = BufferType(F64, 1, "strided")
S2 = BufferType(F64, 2, "strided")


# -- scalars

SPECIAL = (0.0, -0.0, 1.0, -1.0, 0.5, 2.5, -7.25, 3.0, 1e300, -1e300, 5e-324, math.inf, -math.inf, math.nan)
INTEGERS = (0, 1, -1, 2, -2, 3, 7, -7, 13, 62, 63, 64, 2**31 - 1, -(2**31), 3037000500, 2**62, 2**63 - 1, -(2**63))
LIBM = {"gamma", "lgamma", "digamma", "trigamma", "pow", "cbrt", "exp", "exp2", "log2", "log10", "erf", "erfc"}


def _same(name: str, got: Any, want: Any, args: Any, places: float) -> None:
    if isinstance(want, float):
        if math.isnan(want) or math.isinf(want) or want == 0:
            assert np.array_equal(got, want, equal_nan=True), (name, args, got, want)
            assert math.isnan(want) or math.copysign(1, got) == math.copysign(1, want), (name, args, got, want)
        else:
            assert math.isclose(got, want, rel_tol=places, abs_tol=places), (name, args, got, want)
    else:
        assert got == want and type(got) is type(want), (name, args, got, want)


@pytest.mark.parametrize("type", [F64, F32], ids=str)
@pytest.mark.parametrize("arity", [1, 2, 3])
def test_float_ops_mean_what_their_records_evaluate_to(type: ScalarType, arity: int) -> None:
    records = [r for r in OPS.values() if "f" in r.lower and r.name != "select" and len(r.domain) == arity]
    fn = build([type] * arity, lambda b, *a: [b.op(r.name, *a) for r in records])
    native = Native(fn)
    rng = np.random.default_rng(0)
    values = SPECIAL if arity < 3 else (0.0, 1.5, -2.0, math.inf, math.nan)
    points = [*product(values, repeat=arity), *(tuple(map(float, rng.normal(0, 3, arity))) for _ in range(50))]
    places = 4e-15 if type == F64 else 1e-6
    for point in points:
        args = [interp.normal(x, type) for x in point]
        for record, got in zip(records, native(*args), strict=True):
            want = interp.normal(record.eval(*args), interp_type(record.typing((type,) * arity)))
            if type == F32 and isinstance(want, float) and abs(want) < 1e-37:
                assert abs(got) < 1e-36
            else:
                _same(record.name, got, want, args, places)


def interp_type(type: Type) -> ScalarType:
    assert isinstance(type, ScalarType)
    return type


@pytest.mark.parametrize("type", [I64, I32, BOOL], ids=str)
def test_integer_ops_mean_what_their_records_evaluate_to(type: ScalarType) -> None:
    key = "b" if type == BOOL else "i"
    for arity in (1, 2):
        records = []
        for record in OPS.values():
            if key in record.lower and record.name != "select" and len(record.domain) == arity:
                try:
                    record.typing((type,) * arity)
                except TypeError:
                    continue
                records.append(record)
        native = Native(build([type] * arity, lambda b, *a, records=records: [b.op(r.name, *a) for r in records]))
        values = {interp.normal(x, type) for x in INTEGERS} if type != BOOL else (False, True)
        for args in product(sorted(values), repeat=arity):
            for record, got in zip(records, native(*args), strict=True):
                if record.name in ("floordiv", "mod") and args[1] == 0:
                    continue
                if record.name in ("shl", "shr") and not 0 <= args[1] < type.bytes * 8:
                    continue
                if record.name == "ipow" and args[1] < 0:
                    continue
                want = interp.normal(record.eval(*args), interp_type(record.typing((type,) * arity)))
                _same(record.name, got, want, args, 0.0)


def test_digamma_and_trigamma_are_accurate_away_from_their_roots() -> None:
    native = Native(build([F64], lambda b, x: [b.op("digamma", x), b.op("trigamma", x)]))
    euler, catalan, pi = 0.57721566490153286, 0.91596559417721902, math.pi
    quarter = -euler - pi / 2 - 3 * math.log(2)
    exact = {
        1.0: (-euler, pi**2 / 6),
        0.5: (-euler - 2 * math.log(2), pi**2 / 2),
        0.25: (quarter, pi**2 + 8 * catalan),
        30.0: (
            math.fsum([-euler, *(1 / k for k in range(1, 30))]),
            math.fsum([pi**2 / 6, *(-1 / k**2 for k in range(1, 30))]),
        ),
        -0.5: (-euler - 2 * math.log(2) + 2, pi**2 / 2 + 4),
        -2.75: (quarter + 4 / 3 + 4 / 7 + 4 / 11, pi**2 + 8 * catalan + 16 / 9 + 16 / 49 + 16 / 121),
    }
    for x, want in exact.items():
        for got, value in zip(native(x), want, strict=True):
            assert math.isclose(got, value, rel_tol=1e-14, abs_tol=2e-15), (x, got, value)


def test_python_division_agrees_with_python() -> None:
    native = Native(build([F64, F64], lambda b, x, y: [b.op("floordiv", x, y), b.op("mod", x, y)]))
    rng = np.random.default_rng(1)
    numbers = [
        0.0,
        -0.0,
        0.1,
        -0.3,
        1.0,
        5.5,
        -7.0,
        1e16,
        -1e-300,
        math.inf,
        -math.inf,
        *map(float, rng.normal(0, 9, 9)),
    ]
    for x, y in product(numbers, numbers):
        if y == 0:
            continue
        for got, want in zip(native(x, y), (x // y, x % y), strict=True):
            assert np.array_equal(got, want, equal_nan=True) and (
                math.isnan(want) or math.copysign(1, got) == math.copysign(1, want)
            ), (x, y, got, want)


def test_constants_are_exact() -> None:
    numbers = [0.1, -0.0, 5e-324, math.inf, -math.inf, 1e308]
    got = run([], lambda b: [b.f64(x) for x in numbers] + [b.const(x, F32) for x in numbers[:5]])
    assert math.copysign(1.0, got[1]) == -1.0
    run([], lambda b: [b.i64(-(2**63)), b.const(7, I32), b.const(True, BOOL), b.const(False, BOOL)])
    assert math.isnan(Native(build([], lambda b: b.f64(math.nan)))()[0])


def test_casts_between_all_scalar_types() -> None:
    types = (F64, F32, I64, I32, BOOL)
    for source in types:
        for value in (0, 1, -3, 5.75, 2**24 + 1):
            x = interp.normal(int(value) if source in (I64, I32) else value, source)
            run([source], lambda b, a: [b.cast(a, t) for t in types], x)
    run([F64, F32], lambda b, x, y: [b.cast(x, BOOL), b.cast(y, BOOL)], math.nan, -0.0)


def test_select_and_undef_side() -> None:
    for c in (True, False):
        run([BOOL, F64, I32], lambda b, c, x, i: [b.op("select", c, x, b.f64(2.0)), b.op("select", c, i, i)], c, 1.0, 5)
    assert run([F64], lambda b, x: b.op("select", b.const(True, BOOL), x, b.undef(F64)), 4.0) == (4.0,)


# -- memory


def test_elements_of_every_dtype() -> None:
    for dtype, name in ((F64, "f8"), (F32, "f4"), (I64, "i8"), (I32, "i4"), (BOOL, "?")):
        for layout in ("C", "strided"):
            buffer = BufferType(dtype, 2, layout)  # type: ignore[arg-type]

            def body(b: Builder, x: Value, i: Value, j: Value) -> list[Value]:
                old = b.load(x, i, j)
                b.store(b.load(x, j, i), x, i, j)
                return [old, b.dim(x, 0), b.dim(x, 1)]

            array = np.arange(12).reshape(3, 4).astype(name)
            if layout == "strided":
                array = np.array(np.arange(48).reshape(6, 8) % 3, name)[::-2, ::2]
                mine = Native(build([buffer, I64, I64], body))
                got = mine(array, 2, 1)
                assert (
                    got == (np.arange(48).reshape(6, 8).astype(name)[::-2, ::2][2, 1].item() % 3, 3, 4) or name == "?"
                )
            else:
                run([buffer, I64, I64], body, array, 2, 1)


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
        b.store(b.f64(1.0), x, b.i64(0), b.i64(0))
        return b.op("add", b.op("add", b.load(x, b.i64(0), b.i64(0)), b.load(y, b.i64(0), b.i64(0))), b.pop(tape)[0])

    native = Native(build([I64, I64], body))
    assert native(3, 300) == (301.0,)
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


# -- the quality of the code


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
        assert "store i64" not in native.code.llvm_after, "the failing path is still there"


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


def test_the_text_is_deterministic() -> None:
    def text() -> str:
        return runtime.module_text([lower(sum_of_products("reduction"), "f"), lower(sum_of_products("parallel"), "g")])

    assert text() == text()
    assert text().count("declare") == len(set(re.findall(r"declare.*@([\w.]+)", text())))


def test_many_functions_are_compiled_and_dropped() -> None:
    kept = Native(sum_of_products("sequential"))
    for k in range(200):
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
