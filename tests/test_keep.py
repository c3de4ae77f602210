"""What the reverse sweep keeps: the cut is a cheapest one, and programs keep the bytes that one would count by hand."""

from __future__ import annotations

import itertools
import math
import random
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from building import run
from reference import Reference

import llad
from llad import compile
from llad.ad import keep
from llad.ad.keep import Keeper
from llad.ad.network import UNCUTTABLE, Network
from llad.ad.reverse import vjp
from llad.ad.strategies import always
from llad.ad.structure import Structure
from llad.ad.tape import whole_lines
from llad.ir.build import Builder
from llad.ir.core import Function, Value, walk
from llad.ir.types import BOOL, F64, I64
from llad.testing import assert_close, check_gradient, finite_differences, flatten

Edge = tuple[int, int, int]
ROOM = re.compile(r"%\w*tape\w*: buffer<f64, 2, C> = alloc\(%\w+, %(\w+)\)")


def cheapest_by_trying(nodes: int, edges: list[Edge]) -> int:
    """The cost of the cheapest of all cuts."""
    sides = itertools.product((True, False), repeat=nodes - 2)
    return min(sum(c for a, b, c in edges if near[a] and not near[b]) for s in sides for near in [(True, False, *s)])


@pytest.mark.parametrize("seed", range(40))
def test_a_cut_is_a_cheapest_one(seed: int):
    rng = random.Random(seed)
    network, nodes = Network(), rng.randint(2, 9)
    for _ in range(nodes - 2):
        network.node()
    ends = [(rng.randrange(nodes), rng.randrange(nodes)) for _ in range(rng.randint(0, 4 * nodes))]
    edges = [(a, b, rng.choice([0, 1, 2, 3, 7, UNCUTTABLE])) for a, b in ends if a != b and (a, b) != (0, 1)]
    for edge in edges:
        network.edge(*edge)
    expected = cheapest_by_trying(nodes, edges)
    cost, near = network.cut()
    assert cost == expected == sum(c for a, b, c in edges if a in near and b not in near)
    assert 0 in near and 1 not in near


def random_body(rng: random.Random) -> tuple[Function, list[Value]]:
    """A loop over two carries, of ops that are cheap, dear or not to be repeated; and the values made in it."""
    b = Builder()
    start = Value(F64, "x")
    lo, hi, step = b.i64(0), b.i64(9), b.i64(1)
    with b.region([lo.type, F64, F64]) as body:
        values = list(body.args[1:])
        for _ in range(6):
            name = rng.choice(["add", "div", "sqrt", "exp", "lt"])
            operands = [rng.choice([v for v in values if v.type == F64]) for _ in range(2)]
            values.append(b.op(name, *operands[: 1 if name in ("sqrt", "exp") else 2]))
        floats = [v for v in values if v.type == F64]
        b.yield_(floats[-1], floats[-2])
    results = b.for_(lo, hi, step, [start, start], body)
    b.return_(results[0])
    return b.function("f", [start]), values


def cost_of(choice: dict[Value, str], structure: Structure, runs: int, lasting: set[Value]) -> int:
    kept = [v for v, how in choice.items() if how == "keep"]
    keeping = sum(
        keep.COSTS["load"] if v in lasting else keep.BYTE * (keep.NARROWEST if v.type == BOOL else 8) for v in kept
    )
    again = sum(keep.COSTS[structure.op_of[v].name] for v, how in choice.items() if how == "recompute")
    return runs * (keeping + again)


def consistent(choice: dict[Value, str], structure: Structure, needed: set[Value]) -> bool:
    """Whether all of `needed` is had, and what is computed again may be, and has its operands."""
    if not needed <= choice.keys():
        return False
    again = [structure.op_of.get(v) for v, how in choice.items() if how == "recompute"]
    return all(op and op.name in keep.COSTS and all(o in choice for o in op.operands) for op in again)


@pytest.mark.parametrize("seed", range(25))
def test_the_choice_of_what_is_kept_is_a_cheapest_one(seed: int):
    rng = random.Random(seed)
    fn, values = random_body(rng)
    structure = Structure(fn)
    needed = set(rng.sample(values, 3))
    body = structure.region_of[values[0]]
    at_hand = lambda v: structure.region_of[v] is not body  # noqa: E731
    lasting = {v for v in values if v.type == F64 and rng.random() < 0.3}
    chosen = Keeper(structure, at_hand, lambda op: True, lasting.__contains__, lambda v: ()).choose(needed)
    assert consistent(chosen, structure, needed)
    every = itertools.product((None, "keep", "recompute"), repeat=len(values))
    choices = ({v: how for v, how in zip(values, hows, strict=True) if how} for hows in every)
    assert cost_of(chosen, structure, 9, lasting) == min(
        cost_of(choice, structure, 9, lasting) for choice in choices if consistent(choice, structure, needed)
    )


# -- programs

Program = Callable[..., Any]
POINT = (np.array([0.3, -0.7, 1.1, 0.4]), np.array([0.9, 0.2, -0.5, 1.35]))


def factors_of_one_number(x, y):
    u = x[0]
    for i in range(len(y)):
        u = 0.1 * (u + 1.0) * (u - 2.0) * (y[i] - u)
    return u


def factors_of_what_is_not_needed_itself(x, y):
    u = x[0]
    for i in range(len(y)):
        t = u + y[i] * 1.5
        u = 0.3 * math.sin(t + 1.0) * math.cos(t - 2.0)
    return u


def differences_of_scratch(x, y):
    t = np.zeros(3)
    total = 1.0
    for i in range(len(x)):
        for j in range(3):
            t[j] = 0.5 * t[j] + x[i] * (j + 1.0)
        total *= (t[0] - t[1]) * (t[0] + t[1]) * (t[1] - 2.0 * t[0])
    return total


def a_side_that_is_taken(x, y):
    u = x[0]
    total = 0.0
    for i in range(len(y)):
        u = 0.7 * u + x[i]
        if u > 0.4:
            total += math.exp(y[i])
    return total * total


def a_number_of_the_outer_loop(x, y):
    u = x[0]
    total = 1.0
    for i in range(len(x)):
        u = math.sin(u + x[i])
        s = 0.0
        for j in range(len(y)):
            s += (u + y[j]) * (u - y[j]) * (2.0 * u * y[j] + 1.0)
        total = total + u * s
    return total * total


def a_transcendental_and_what_follows(x, y):
    product = 1.0
    for i in range(len(x)):
        e = math.exp(x[i])
        product *= (e + 1.0) * (e - 3.0) / (e + y[i])
    return product


def near_to_what_is_kept(x, y):
    u = x[0]
    for i in range(len(x)):
        t = (u * 0.9 + 0.1) * 0.8 + 0.2
        u = 0.3 * t * t * u + y[i]
    return u


def far_from_what_is_kept(x, y):
    u = x[0]
    for i in range(len(x)):
        t = ((((u * 0.9 + 0.1) * 0.8 + 0.2) * 0.7 + 0.3) * 0.6 + 0.4) * 0.5 + 0.5
        t = ((((t * 0.9 + 0.1) * 0.8 + 0.2) * 0.7 + 0.3) * 0.6 + 0.4) * 0.5 + 0.5
        u = 0.3 * t * t * u + y[i]
    return u


def stored_and_read_later(x, y):
    """Among what memory keeps anyway: a value, a carry, the sum of an inner loop, and one in a row of a matrix."""
    n = len(x)
    e, states, sums, rows = np.empty(n), np.empty(n), np.empty(n), np.empty((n, len(y)))
    u = 1.0
    for i in range(n):
        e[i] = math.exp(x[i])
        states[i] = u
        s = 0.0
        for j in range(len(y)):
            rows[i, j] = math.sin(u * y[j])
            s += rows[i, j] * rows[i, j]
        sums[i] = s
        u = 0.5 * e[i] * u * s
    total = u * u
    for i in range(n):
        for j in range(n):
            total += e[i] * states[j] * sums[n - 1 - i] * rows[j, 0]
    return total


def stored_where_it_is_not_to_be_found(x, y):
    """Elements that are stored over: by later iterations, behind the loop, through a view. (`some` are not.)"""
    n = len(x)
    one, behind, some, seen = np.empty(2), np.empty(n), np.empty(n), np.zeros(n)
    window = seen[1:]
    u = 1.0
    for i in range(n):
        one[i % 2] = math.exp(x[i])
        behind[i] = math.exp(y[i])
        if x[i] > 0.0:
            some[i] = math.exp(u)
        seen[i] = math.exp(u * 0.5)
        u = 0.1 * one[i % 2] * behind[i] * u + seen[i]
    for i in range(1, n):
        window[i - 1] = seen[i - 1] * 0.5
    behind[0] = u
    total = 0.0
    for i in range(n):
        total += behind[i] * behind[i] * seen[i]
        if x[i] > 0.0:
            total += some[i] * some[i]
    return total


PROGRAMS: list[tuple[Program, list[int]]] = [  # with what one iteration of each loop keeps, in bytes
    (factors_of_one_number, [8]),
    (factors_of_what_is_not_needed_itself, [8 + 16]),
    (differences_of_scratch, [8 + 16]),
    (a_side_that_is_taken, [1 + 8]),
    (a_number_of_the_outer_loop, [16, 0]),
    (a_transcendental_and_what_follows, [16]),
    (near_to_what_is_kept, [8]),
    (far_from_what_is_kept, [16]),
    (stored_and_read_later, [0] * 4),
    (stored_where_it_is_not_to_be_found, [8 + 3 * 8, 0, 0]),
]


@pytest.mark.parametrize(("function", "kept"), PROGRAMS)
def test_programs_keep_no_more_than_they_must(function: Program, kept: list[int], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(compile, "OVER_TIME", ())  # loops as they stand
    lines = [line for line in llad.jit_grad(function).explain(*POINT).splitlines() if "a temporary" not in line]
    found = [re.search(r"keeps (\d+) bytes", line) for line in lines]
    assert [int(match[1]) if match else 0 for match in found] == kept


@pytest.mark.parametrize("function", [function for function, _ in PROGRAMS])
def test_what_is_kept_gives_the_gradient(function: Program):
    truth = finite_differences(function, POINT, list(np.eye(flatten(POINT).size)), 1e-6)[:, 0]
    for strategy in ("taped", "recomputed", "fused"):
        for optimised in (False, True):
            _, bars = Reference(function, POINT, optimised, prefer=always(strategy)).gradient()
            assert_close(bars, truth, rtol=1e-6, atol=1e-8, what=strategy)


def test_a_transcendental_function_is_evaluated_once():
    gradient = llad.jit_grad(a_transcendental_and_what_follows).dump_ir(*POINT, of="gradient")
    assert gradient.count("= exp ") == 1


def test_a_thousand_values_are_settled_without_recursion():
    b = Builder()
    start = Value(F64, "x")
    bounds = [b.i64(0), b.i64(3), b.i64(1)]
    with b.region([bounds[0].type, F64]) as body:
        t = body.args[1]
        for _ in range(1500):
            t = b.op("mul", t, b.op("add", t, t))
        b.yield_(t)
    b.return_(b.for_(*bounds, [start], body)[0])
    reverse = vjp(b.function("f", [start]), (0,), always("taped"))
    stores = [op for op in walk(reverse.body) if op.name == "store"]
    assert len(stores) == 1  # of the carry


@pytest.mark.parametrize("bytes", [4, 8])
def test_rows_of_tapes_begin_with_lines_of_the_cache_if_that_adds_at_most_a_seventh(bytes: int) -> None:
    for count in (0, 1, 6, 7, 13, 14, 15, 17, 28, 64, 105, 254, 1000):
        (room,) = run([I64], lambda b, n: whole_lines(b, n, bytes), count)
        filled = -(-count * bytes // 64) * 64 // bytes
        assert room == (filled if (filled - count) * 7 <= count else count)
    for count in (2**63 - 1, 2**63 - 7, 2**63 - 8):  # rows with which no allocation succeeds, unless there are none
        (impossible,) = run([I64], lambda b, n: whole_lines(b, n, bytes), count)
        assert impossible > 2**62


def test_a_tape_without_rows_takes_no_memory_however_long_they_are(quick_code: None) -> None:
    @llad.jit_grad(argnums=0)
    def f(x: Any, n: Any) -> Any:
        s = 1.0
        for i in range(len(x)):
            for _ in range(n):
                s = np.sin(s * x[i])
                x[i] = 0.5 * s
        return s

    for n in (2**63 - 1, 2**63 - 4, 2**60):
        value, bar = f.value_and_grad(np.zeros(0), n)
        assert value == 1.0 and bar.shape == (0,)


def test_the_rows_of_a_tape_have_such_extents() -> None:
    @llad.jit_grad
    def f(x: Any, n: Any) -> Any:
        u = x.copy()
        for _ in range(n):
            v = u.copy()
            for i in range(1, len(u) - 1):
                v[i] = u[i] + 0.1 * u[i - 1] * u[i] * u[i + 1]
            u = v
        return u.sum()

    x = np.linspace(0.5, 1.5, 102)
    text = f.dump_ir(x, 20, of="gradient")
    room = {name: re.search(rf"%{name}: i64 = select %\w+, %\w+, %\w+", text) for name in ROOM.findall(text)}
    assert room and all(room.values()), text


@pytest.mark.parametrize("axis", [0, 1])
def test_what_is_stored_over_behind_a_loop_that_is_run_again_is_not_loaded(axis: int):
    """The elements are computed again, row by row, when sums have taken their places in the array."""

    def sums(a):
        return np.sum(np.cumsum(np.tanh(a), axis=axis))

    check_gradient(llad.jit_grad(sums), np.linspace(-1.0, 1.5, 12).reshape(3, 4))


def minmod(u, n):
    u = u.copy()
    out = np.zeros(len(u))
    for _ in range(n):
        for i in range(1, len(u) - 1):
            a, b = u[i] - u[i - 1], u[i + 1] - u[i]
            if a * b <= 0.0:
                s = 0.0
            elif abs(a) < abs(b):
                s = a
            else:
                s = b
            out[i] = u[i] + s * s
        for i in range(1, len(u) - 1):
            u[i] = out[i]
    return np.sum(u * u)


def test_what_an_elif_asks_is_kept_in_every_iteration_and_no_loop_branches():
    args = np.random.default_rng(3).normal(size=20) * 0.1, 3
    f = llad.jit_grad(minmod)
    text = f.dump_ir(*args, of="gradient")
    assert re.search(r"store %\w+, %tape", text) and re.search(r"load %tape", text)
    lines = text.split("\n")
    inside = [line for line in lines if line.startswith(" " * 8)]  # deeper than the loops over cells
    assert not any("tape" in line for line in inside)
    along = [f.jvp(args, (direction, None))[1] for direction in np.eye(20)]
    assert_close(f.grad(*args)[0], np.array(along), rtol=1e-13)
