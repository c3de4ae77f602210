"""Differentiation on IR, without frontend or native code: reverse = forward = central differences, by hazard.

Programs are built with `Builder`, run by the reference interpreter. `PROGRAMS` maps a name to a function that
builds the IR and arguments to run it on.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np
import pytest

from llad.ad.expand import expand
from llad.ad.forward import tangent
from llad.ad.reverse import gradient
from llad.ir.build import Builder
from llad.ir.core import Function, Value, walk
from llad.ir.interp import run
from llad.ir.types import BOOL, F32, F64, I64, BufferType
from llad.ir.verify import verify

VECTOR = BufferType(F64, 1)
Program = tuple[Function, list]
PROGRAMS: dict[str, Callable[[], Program]] = {}


def program(build: Callable[[], Program]) -> Callable[[], Program]:
    PROGRAMS[build.__name__] = build
    return build


def vector(n: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(0.5, 1.5, n)


def for_range(b: Builder, lo, hi, inits, body, step=1, exits=False, kind="sequential"):
    """`body(i, *carries) -> next carries` (exit flag first if `exits`)."""
    with b.region([I64, *[v.type for v in inits]], ["i"]) as region:
        b.yield_(*body(*region.args))
    lo, hi, step = (b.i64(v) if isinstance(v, int) else v for v in (lo, hi, step))
    return b.for_(lo, hi, step, inits, region, exits, kind)


@program
def scalars_used_twice() -> Program:
    b, x, y = Builder(), Value(F64, "x"), Value(F64, "y")
    p = b.op("mul", x, y)
    b.return_(b.op("add", b.op("mul", p, p), b.op("div", b.op("sin", x), y)))
    return b.function("f", [x, y]), [0.7, 1.3]


@program
def sum_of_squares() -> Program:
    b, x = Builder(), Value(VECTOR, "x")

    def body(i, s):
        v = b.load(x, i)
        return [b.op("add", s, b.op("mul", v, v))]

    s, _ = for_range(b, 0, b.dim(x, 0), [b.f64(0.0)], body, kind="reduction")
    b.return_(b.op("log", s))
    return b.function("f", [x]), [vector(5)]


@program
def product_recurrence_with_step_three() -> Program:
    b, x, n = Builder(), Value(VECTOR, "x"), Value(I64, "n")
    p, _ = for_range(b, 1, n, [b.f64(1.0)], lambda i, p: [b.op("mul", b.op("sin", p), b.load(x, i))], step=3)
    b.return_(p)
    return b.function("f", [x, n]), [vector(11), 11]


@program
def negative_step() -> Program:
    b, x = Builder(), Value(VECTOR, "x")
    p, _ = for_range(b, 9, -1, [b.f64(1.0)], lambda i, p: [b.op("exp", b.op("mul", b.op("neg", p), b.load(x, i)))], -2)
    b.return_(p)
    return b.function("f", [x]), [vector(10)]


@program
def zero_trips() -> Program:
    b, x, n = Builder(), Value(F64, "x"), Value(I64, "n")
    p, _ = for_range(b, 5, n, [x], lambda i, p: [b.op("sin", p)])
    b.return_(b.op("mul", p, x))
    return b.function("f", [x, n]), [0.7, 2]


@program
def outer_value_used_in_loop() -> Program:
    b, x, y = Builder(), Value(F64, "x"), Value(F64, "y")
    s, t, _ = for_range(b, 0, 4, [x, y], lambda i, s, t: [t, b.op("mul", b.op("add", s, x), b.op("cos", y))])
    b.return_(b.op("mul", s, t))
    return b.function("f", [x, y]), [0.7, 1.3]


@program
def loop_with_exit() -> Program:
    b, x = Builder(), Value(VECTOR, "x")

    def body(i, p):
        p = b.op("mul", p, b.op("exp", b.load(x, i)))
        return [b.op("gt", p, b.f64(20.0)), p]

    p, trips = for_range(b, 0, b.dim(x, 0), [b.f64(1.0)], body, exits=True)
    b.return_(b.op("mul", p, b.cast(trips, F64)))
    return b.function("f", [x]), [vector(9)]


@program
def while_newton() -> Program:
    b, a = Builder(), Value(F64, "a")
    with b.region([F64]) as condition:
        (y,) = condition.args
        b.yield_(b.op("gt", b.op("abs", b.op("sub", b.op("mul", y, y), a)), b.f64(1e-14)))
    with b.region([F64]) as body:
        (y,) = body.args
        b.yield_(b.op("mul", b.f64(0.5), b.op("add", y, b.op("div", a, y))))
    y, _ = b.while_([a], condition, body)
    b.return_(y)
    return b.function("f", [a]), [3.7]


@program
def triangular_nest_in_while() -> Program:
    b, x = Builder(), Value(VECTOR, "x")
    one = b.i64(1)
    with b.region([I64, F64]) as condition:
        b.yield_(b.op("lt", condition.args[0], b.dim(x, 0)))
    with b.region([I64, F64]) as body:
        k, s = body.args

        def inner(j, t):
            return [b.op("mul", b.op("tanh", b.op("add", t, b.load(x, j))), b.load(x, k))]

        t, _ = for_range(b, 0, k, [s], inner)
        b.yield_(b.op("add", k, one), t)
    _, s, _ = b.while_([b.i64(0), b.f64(1.0)], condition, body)
    b.return_(s)
    return b.function("f", [x]), [vector(4)]


@program
def branch_in_loop() -> Program:
    b, x = Builder(), Value(VECTOR, "x")

    def body(i, s):
        v = b.op("sub", b.load(x, i), b.f64(1.0))
        with b.region() as then:
            b.yield_(b.op("mul", b.op("exp", v), s))
        with b.region() as otherwise:
            b.yield_(b.op("add", s, b.op("mul", v, v)))
        return b.if_(b.op("gt", v, b.f64(0.0)), then, otherwise)

    s, _ = for_range(b, 0, b.dim(x, 0), [b.f64(1.0)], body)
    b.return_(s)
    return b.function("f", [x]), [vector(8)]


@program
def loops_under_a_branch() -> Program:
    b, x, y = Builder(), Value(VECTOR, "x"), Value(F64, "y")
    with b.region() as then:
        e = b.op("exp", y)
        t, _ = for_range(b, 0, b.dim(x, 0), [e], lambda i, t: [b.op("sin", b.op("mul", t, b.load(x, i)))])
        b.yield_(b.op("mul", t, e))
    with b.region() as otherwise:
        b.yield_(b.op("log", y))
    (r,) = b.if_(b.op("gt", y, b.f64(0.0)), then, otherwise)
    b.return_(b.op("mul", r, r))
    return b.function("f", [x, y]), [vector(5), 0.3]


@program
def scratch_overwritten_every_iteration() -> Program:
    b, x = Builder(), Value(VECTOR, "x")
    n, zero, one = b.dim(x, 0), b.i64(0), b.i64(1)
    scratch = b.alloc(F64, [b.i64(2)])

    def body(i, s):
        v = b.load(x, i)
        b.store(b.op("mul", v, v), scratch, zero)
        b.store(b.op("sin", b.load(scratch, zero)), scratch, one)
        b.store(b.op("mul", b.load(scratch, one), b.load(scratch, zero)), scratch, zero)
        return [b.op("add", s, b.load(scratch, zero))]

    s, _ = for_range(b, 0, n, [b.f64(0.0)], body)
    b.return_(b.op("add", s, b.load(scratch, one)))
    return b.function("f", [x]), [vector(6)]


@program
def parameter_written_in_place() -> Program:
    b, x = Builder(), Value(VECTOR, "x")
    n = b.dim(x, 0)

    def body(i):
        v = b.load(x, b.op("sub", i, b.i64(1)))
        b.store(b.op("mul", b.load(x, i), v), x, i)
        return []

    for_range(b, 1, n, [], body)
    b.return_(b.load(x, b.op("sub", n, b.i64(1))))
    return b.function("f", [x]), [vector(5)]


@program
def ping_pong() -> Program:
    """`a, b = b, a` every iteration, with a stencil from one to the other."""
    b, x, steps = Builder(), Value(VECTOR, "x"), Value(I64, "steps")
    n, one = b.dim(x, 0), b.i64(1)
    first, second = b.alloc(F64, [n]), b.alloc(F64, [n], zero=True)
    for_range(b, 0, n, [], lambda i: b.store(b.load(x, i), first, i) or [], kind="parallel")

    def step(_, source, target):
        def cell(i):
            left = b.load(source, b.op("sub", i, one))
            b.store(b.op("mul", left, b.op("sin", b.load(source, i))), target, i)
            return []

        for_range(b, 1, n, [], cell)
        return [target, source]

    last, _, _ = for_range(b, 0, steps, [first, second], step)
    s, _ = for_range(b, 0, n, [b.f64(0.0)], lambda i, s: [b.op("add", s, b.load(last, i))])
    b.return_(s)
    return b.function("f", [x, steps]), [vector(6), 5]


@program
def buffer_chosen_by_branch() -> Program:
    b, x, y, c = Builder(), Value(VECTOR, "x"), Value(BufferType(F64, 1, "strided"), "y"), Value(BOOL, "c")
    with b.region() as then:
        b.yield_(b.view(x, ["slice"], b.i64(1), b.i64(2), b.i64(2)))
    with b.region() as otherwise:
        b.yield_(y)
    (z,) = b.if_(c, then, otherwise)
    b.return_(b.op("mul", b.op("exp", b.load(z, b.i64(1))), b.load(x, b.i64(0))))
    return b.function("f", [x, y, c]), [vector(4), vector(6, 1)[::2], True]


@program
def allocation_in_a_loop_carried_out() -> Program:
    b, x = Builder(), Value(VECTOR, "x")
    n = b.dim(x, 0)

    def body(k, y):
        z = b.alloc(F64, [n])

        def cell(i):
            b.store(b.op("mul", b.load(y, i), b.op("sin", b.load(x, i))), z, i)
            return []

        for_range(b, 0, n, [], cell, kind="parallel")
        return [z]

    y, _ = for_range(b, 0, 3, [x], body)
    s, _ = for_range(b, 0, n, [b.f64(0.0)], lambda i, s: [b.op("add", s, b.load(y, i))])
    b.return_(s)
    return b.function("f", [x]), [vector(4)]


@program
def local_allocation_in_a_loop() -> Program:
    b, x = Builder(), Value(VECTOR, "x")
    n = b.dim(x, 0)

    def body(k, s):
        z = b.alloc(F64, [n])
        for_range(b, 0, n, [], lambda i: b.store(b.op("mul", s, b.load(x, i)), z, i) or [])
        window = b.view(z, ["slice"], b.op("sub", n, b.i64(1)), b.i64(2), b.i64(-1))
        return [b.op("mul", b.load(window, b.i64(0)), b.op("cos", b.load(window, b.i64(1))))]

    s, _ = for_range(b, 0, 3, [b.f64(1.0)], body)
    b.return_(s)
    return b.function("f", [x]), [vector(4)]


@program
def gather_and_scatter_through_memory() -> Program:
    b, x, k = Builder(), Value(VECTOR, "x"), Value(BufferType(I64, 1), "k")
    m = b.dim(k, 0)
    y = b.alloc(F64, [b.dim(x, 0)], zero=True)

    def body(i):
        j = b.load(k, i)
        b.store(b.op("add", b.load(y, j), b.op("exp", b.load(x, j))), y, j)
        b.store(b.op("mul", b.load(y, b.i64(0)), b.load(x, i)), y, b.i64(0))
        return []

    for_range(b, 0, m, [], body)
    s, _ = for_range(b, 0, b.dim(x, 0), [b.f64(0.0)], lambda i, s: [b.op("add", s, b.load(y, i))])
    b.return_(s)
    return b.function("f", [x, k]), [vector(4), np.array([0, 2, 2, 1])]


@program
def matrix_rows() -> Program:
    b, x = Builder(), Value(BufferType(F64, 2), "x")
    rows, columns = b.dim(x, 0), b.dim(x, 1)

    def row(i, s):
        r = b.view(x, ["index", "full"], i)

        def column(j, t):
            return [b.op("mul", b.op("add", t, b.load(r, j)), b.load(x, i, b.i64(0)))]

        t, _ = for_range(b, 0, columns, [b.f64(0.5)], column)
        return [b.op("add", s, b.op("exp", t))]

    s, _ = for_range(b, 0, rows, [b.f64(0.0)], row)
    b.return_(s)
    return b.function("f", [x]), [vector(6).reshape(2, 3) / 2]


@program
def rows_without_elements() -> Program:
    fn, _ = matrix_rows()
    return fn, [np.zeros((2, 0))]


@program
def single_precision_through_casts() -> Program:
    b, x = Builder(), Value(BufferType(F32, 1), "x")

    def body(i, s):
        return [b.op("add", s, b.op("sin", b.cast(b.load(x, i), F64)))]

    s, _ = for_range(b, 0, b.dim(x, 0), [b.f64(0.0)], body)
    b.return_(b.op("mul", s, s))
    return b.function("f", [x]), [vector(4).astype(np.float32)]


@program
def gradient_inside() -> Program:
    """x ↦ Σ (d/dx Newton's square root by `while`)²: reverse over reverse through LIFOs."""
    inner, _ = while_newton()
    b, x = Builder(), Value(VECTOR, "x")

    def body(i, s):
        _, g = b.derivative(inner, "grad", [0], [b.load(x, i)], [F64, F64])
        return [b.op("add", s, b.op("mul", g, g))]

    s, _ = for_range(b, 0, b.dim(x, 0), [b.f64(0.0)], body)
    b.return_(s)
    return b.function("f", [x]), [vector(3)]


@program
def gradient_of_arrays_inside() -> Program:
    """The squared norm of the gradient of a function with an overwritten buffer."""
    inner, _ = scratch_overwritten_every_iteration()
    b, x = Builder(), Value(VECTOR, "x")
    _, g = b.derivative(inner, "grad", [0], [x], [F64, VECTOR])
    b.return_(
        for_range(
            b, 0, b.dim(x, 0), [b.f64(0.0)], lambda i, s: [b.op("add", s, b.op("mul", b.load(g, i), b.load(g, i)))]
        )[0]
    )
    return b.function("f", [x]), [vector(4)]


@program
def gradient_of_carried_buffers_inside() -> Program:
    """Reverse over reverse where the inner reverse sweep keeps buffer handles: a `while` that carries allocations."""
    b, x = Builder(), Value(VECTOR, "x")
    n = b.dim(x, 0)
    with b.region([I64, VECTOR]) as condition:
        b.yield_(b.op("lt", condition.args[0], b.i64(3)))
    with b.region([I64, VECTOR]) as body:
        k, y = body.args
        z = b.alloc(F64, [n])
        for_range(b, 0, n, [], lambda i: b.store(b.op("mul", b.load(y, i), b.op("sin", b.load(x, i))), z, i) or [])
        b.yield_(b.op("add", k, b.i64(1)), z)
    _, y, _ = b.while_([b.i64(0), x], condition, body)
    b.return_(for_range(b, 0, n, [b.f64(0.0)], lambda i, s: [b.op("add", s, b.load(y, i))])[0])
    inner = b.function("inner", [x])

    b, x = Builder(), Value(VECTOR, "x")
    _, g = b.derivative(inner, "grad", [0], [x], [F64, VECTOR])
    first, last = b.load(g, b.i64(0)), b.load(g, b.i64(1))
    b.return_(b.op("mul", first, last))
    return b.function("f", [x]), [vector(2)]


@program
def tangent_inside() -> Program:
    inner, _ = loops_under_a_branch()
    b, x, y = Builder(), Value(VECTOR, "x"), Value(F64, "y")
    value, dot = b.derivative(inner, "jvp", [0, 1], [x, y, x, b.op("mul", y, y)], [F64, F64])
    b.return_(b.op("mul", value, dot))
    return b.function("f", [x, y]), [vector(4), 0.4]


# -- the checks


def differentiable(fn: Function) -> tuple[int, ...]:
    return tuple(
        k for k, p in enumerate(fn.params)
        if p.type in (F64, F32) or (isinstance(p.type, BufferType) and p.type.dtype in (F64, F32))
    )  # fmt: skip


def copied(args: list) -> list:
    return [a.copy() if isinstance(a, np.ndarray) and a.flags.c_contiguous else a for a in args]


def value_at(fn: Function, args: list, directions: dict, t: float) -> float:
    moved = [a + t * directions[k] if k in directions else a for k, a in enumerate(args)]
    return run(fn, [np.array(m) if isinstance(m, np.ndarray) else m for m in moved])[0]


def central(fn: Function, args: list, directions: dict) -> float:
    """Two Richardson steps of central differences."""
    h = 1e-3 if not any(isinstance(a, np.ndarray) and a.dtype == np.float32 for a in args) else 2e-2
    table = [
        (value_at(fn, args, directions, s) - value_at(fn, args, directions, -s)) / (2 * s) for s in (h, h / 2, h / 4)
    ]
    first = [(4 * b - a) / 3 for a, b in itertools.pairwise(table)]
    return (16 * first[1] - first[0]) / 15


def expanded(build: Callable[[], Program]) -> Program:
    fn, args = build()
    verify(fn)
    fn = expand(fn, lambda f: f)
    verify(fn)
    return fn, args


def reverse_dot(fn: Function, args: list, directions: dict) -> float:
    wrt = differentiable(fn)
    g = gradient(fn, wrt)
    verify(g)
    bars = [np.zeros(np.shape(args[k]), np.asarray(args[k]).dtype) for k in wrt if isinstance(args[k], np.ndarray)]
    results = run(g, [*copied(args), *bars])
    scalars, arrays = iter(results[len(fn.results) :]), iter(bars)
    return sum(
        float(np.sum(next(arrays) * directions[k]))
        if isinstance(args[k], np.ndarray)
        else next(scalars) * directions[k]
        for k in wrt
    )


@pytest.mark.parametrize("name", PROGRAMS)
def test_reverse_and_forward_agree_with_central_differences(name: str) -> None:
    fn, args = expanded(PROGRAMS[name])
    rng = np.random.default_rng(7)
    directions = {
        k: rng.normal(size=np.shape(args[k])).astype(np.asarray(args[k]).dtype)
        if isinstance(args[k], np.ndarray)
        else float(rng.normal())
        for k in differentiable(fn)
    }
    single = any(isinstance(a, np.ndarray) and a.dtype == np.float32 for a in args)
    expected = central(fn, copied(args), directions)
    before = copied(args)
    reverse = reverse_dot(fn, args, directions)
    for old, new in zip(before, args, strict=True):
        np.testing.assert_array_equal(old, new)

    t = tangent(fn, differentiable(fn))
    verify(t)
    forward = run(t, [*copied(args), *directions.values()])[-1]
    tolerance = 1e-3 if single else 1e-8
    assert reverse == pytest.approx(expected, rel=tolerance, abs=tolerance)
    assert forward == pytest.approx(reverse, rel=1e-5 if single else 1e-11, abs=1e-12)


def test_reverse_of_a_box_uses_no_lifo() -> None:
    fn, _ = matrix_rows()
    assert not any(op.name == "lifo" for op in walk(gradient(fn, (0,)).body))


def test_read_only_memory_is_read_again_and_not_kept() -> None:
    fn, _ = sum_of_squares()
    assert not any(op.name in ("alloc", "lifo") for op in walk(gradient(fn, (0,)).body))


def test_a_gradient_that_is_inactive_is_zero() -> None:
    b, x, n = Builder(), Value(F64, "x"), Value(I64, "n")
    b.return_(b.cast(n, F64))
    assert run(gradient(b.function("f", [x, n]), (0,)), [1.0, 3]) == (3.0, 0.0)
