"""Sums of inner loops made for many iterations at once: random nests, what is taken and what not, what comes out."""

from __future__ import annotations

import math
import random
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from random_nests import outcome
from random_sums import program

import llad
from llad.compile import PASSES, run_passes
from llad.ir.core import walk
from llad.ir.verify import verify
from llad.passes import interchange as interchange_pass
from llad.passes import interchange_plan, strips
from llad.passes.interchange import interchange
from llad.passes.interchange_plan import Plans
from llad.passes.jam_plan import plans
from llad.passes.relax import relax
from llad.program import Program


def test_random_nests_keep_their_meaning(monkeypatch: pytest.MonkeyPatch) -> None:
    """To the bit: no sum changes its order. Also where it does not pay, in short strips and vectors."""
    for module, name, value in (
        (interchange_plan, "ENOUGH", 2), (interchange_pass, "ENOUGH", 2), (interchange_pass, "_OFTEN", 1),
        (strips, "STRIP", 4),
        (interchange_pass, "STRIP", 4), (interchange_pass, "_LANES", 2),
    ):  # fmt: skip
        monkeypatch.setattr(module, name, value)
    monkeypatch.setattr(Plans, "_is_product", lambda self, found: False)
    met: Counter[str] = Counter()
    for seed in range(600):
        fn = verify(program(random.Random(seed)))
        found = Plans(fn)
        met["left"] += not found.sums
        met["taken"] += len([s for sums in found.sums.values() for s in sums])
        met["turned"] += bool(found.turned)
        met["again"] += any(s.again for sums in found.sums.values() for s in sums)
        met["begun"] += any(any(s.starts) for sums in found.sums.values() for s in sums)
        if not found.sums:
            continue
        changed, r = verify(interchange(fn)), np.random.default_rng(seed)
        for n, k, d in ((2, 5, 3), (1, int(r.integers(10)), int(r.integers(1, 10)))):
            args = [r.normal(size=shape) for shape in ((n, d), (k, d), (d, k), (k,), (k,))]
            assert outcome(changed, args) == outcome(fn, args), f"program {seed}, {n, k, d}"
    assert min(met.values()) >= 50, met


def total(points, centres, bias):
    """Sums in sums, with what each begins with, what follows, and an array that is turned."""
    result = 0.0
    for i in range(points.shape[0]):
        for k in range(centres.shape[0]):
            square = bias[k]
            for j in range(points.shape[1]):
                apart = points[i, j] - centres[k, j]
                square += apart * apart
            result += math.sqrt(square) * (k + 1)
    return result


def across(points, weights):
    """Columns that lie side by side as they are, summed from their second row on."""
    result = 0.0
    for k in range(2, points.shape[1]):
        s = 0.0
        d = 1.0
        for j in range(1, points.shape[0]):
            s += points[j, k] * weights[j]
            d -= points[j, k] * points[j, k]
        result += s * d
    return result


@pytest.mark.parametrize("n", [0, 1, 9])
@pytest.mark.parametrize(("k", "d"), [(0, 2), (3, 5), (16, 1), (150, 6), (131, 0)])
def test_values_are_those_of_python(n: int, k: int, d: int) -> None:
    r = np.random.default_rng(0)
    points, centres, bias = r.normal(size=(n, d)), r.normal(size=(k, d)), r.uniform(1.0, 2.0, size=k)
    assert compiled(points, centres, bias) == total(points, centres, bias)
    assert summed(centres.T.copy(), points[0] if n else np.ones(d)) == across(centres.T, points[0] if n else np.ones(d))


compiled, summed = llad.jit(total), llad.jit(across)


def taken(function: object, *args: object) -> Plans:
    stage = Program(function).stage(args)
    return Plans(relax(run_passes(stage.traced.function, PASSES)))


def test_what_is_taken() -> None:
    points = np.ones((4, 3))
    plans = taken(total, points, points, np.ones(4))
    ((sums,), (turned,)) = plans.sums.values(), plans.turned.values()
    assert len(sums) == 1 and [t.array.name for t in turned] == ["centres"]
    assert sums[0].starts[0] is not None and not sums[0].has_room
    assert [len(found) for found in taken(across, points, np.ones(4)).sums.values()] == [1]


def forward(chances, start, steps):
    """Each step is made of the one before, in the memory of the one before that."""
    state = start.copy()
    other = np.zeros(len(start))
    for _ in range(steps):
        for k in range(chances.shape[1]):
            s = 0.0
            for j in range(chances.shape[0]):
                s += state[j] * chances[j, k]
            other[k] = s / 3.0
        state, other = other, state
    return state[0] - state[-1]


def in_place(chances, start, steps):
    """Sums of what earlier ones have changed."""
    state = start.copy()
    for _ in range(steps):
        for k in range(chances.shape[1]):
            s = 0.0
            for j in range(chances.shape[0]):
                s += state[j] * chances[j, k]
            state[k] = s / 3.0
    return state[0] - state[-1]


@pytest.mark.parametrize("n", [1, 5, 16, 131])
def test_arrays_that_take_turns_are_never_the_same(n: int) -> None:
    r = np.random.default_rng(n)
    args = r.uniform(size=(n, n)), r.uniform(size=n), 3
    assert len(taken(forward, *args).sums) == 1 and not taken(in_place, *args).sums
    assert llad.jit(forward)(*args) == forward(*args) and llad.jit(in_place)(*args) == in_place(*args)


def filtered(h, x):
    result = 0.0
    for t in range(len(h), len(x)):
        s = 0.0
        for k in range(len(h)):
            s += h[k] * x[t - k]
        result += s * s
    return result


def test_the_few_iterations_that_are_left_do_not_go_side_by_side() -> None:
    fn = run_passes(Program(filtered).stage((np.ones(5), np.ones(40))).traced.function, PASSES)
    found = interchange(replace(fn, attrs={"fastmath": True}))
    assert any(op.attrs.get("seldom") for op in walk(found.body))
    assert not any(op.attrs.get("seldom") for op in plans(found))


def test_products_are_taken_that_go_down_columns() -> None:
    """Their order is free, so along rows they are left to vectors of one sum; down columns there are none."""
    m, v = np.ones((30, 20)), np.ones(30)
    assert taken(lambda m, v: np.sum(np.exp(m.T @ v)), m, v).sums
    assert not taken(lambda m, v: np.sum(np.exp(m @ v)), m, np.ones(20)).sums


def written_meanwhile(points, centres):
    for i in range(points.shape[0]):
        for k in range(centres.shape[0]):
            s = 0.0
            for j in range(points.shape[1]):
                s += abs(points[i, j] - centres[k, j])
            centres[k, 0] = s


def one_after_another(points):
    """Each sum begins with the last."""
    s = 0.0
    for k in range(points.shape[1]):
        for j in range(points.shape[0]):
            s += abs(points[j, k])
    return s


def triangle(points):
    result = 0.0
    for k in range(points.shape[1]):
        s = 0.0
        for j in range(k, points.shape[0]):
            s += abs(points[j, k])
        result += s
    return result


def once(centres):
    """Rows that are gone along only once are not worth turning."""
    result = 0.0
    for k in range(centres.shape[0]):
        s = 0.0
        for j in range(centres.shape[1]):
            s += abs(centres[k, j])
        result += s
    return result


def guarded(points, count):
    """An iteration may raise before the next one reads."""
    result = 0.0
    for k in range(count):
        s = 0.0
        for j in range(points.shape[0]):
            s += abs(points[j, k])
        result += s
    return result


@pytest.mark.parametrize(
    ("function", "args"),
    [
        (written_meanwhile, (np.ones((4, 3)), np.ones((4, 3)))),
        (one_after_another, (np.ones((4, 3)),)),
        (triangle, (np.ones((4, 3)),)),
        (once, (np.ones((4, 3)),)),
    ],
)
def test_what_is_not(function: object, args: tuple[object, ...]) -> None:
    assert not taken(function, *args).sums


def test_a_check_stays_before_what_it_guards() -> None:
    f = llad.jit(guarded)
    assert f(np.ones((20, 30)), 30) == 600.0
    with pytest.raises(IndexError):
        f(np.ones((20, 30)), 31)


def test_the_loop_of_a_distance_is_vectors_of_many_centres() -> None:
    points = np.ones((40, 16))
    text = compiled.dump_llvm(points, points, np.ones(40), of="primal", stage="after")
    assert "fmul <" in text and "reassoc" not in text


def from_the_sixth(points, centres):
    result = 0.0
    for i in range(points.shape[0]):
        for k in range(5, centres.shape[0]):
            s = 0.0
            for j in range(points.shape[1]):
                s += abs(points[i, j] - centres[k, j])
            result += s
    return result


def test_the_last_vector_of_what_is_turned_stays_inside() -> None:
    """The interpreter raises where an element is read that is none; sums of rows that are not there are."""
    args = [np.random.default_rng(0).normal(size=shape) for shape in ((9, 2), (24, 2))]
    fn = relax(run_passes(Program(from_the_sixth).stage(tuple(args)).traced.function, PASSES))
    assert Plans(fn).turned
    assert outcome(interchange(fn), args) == outcome(fn, args)


def behind_a_condition(points, centre, rows, columns, rounds, wanted):
    result = 0.0
    for i in range(rounds):
        if wanted:
            for k in range(rows):
                square = 1.0 * i
                for j in range(columns):
                    square += abs(points[k, j] - centre[j])
                result += square
    return result


@pytest.mark.parametrize("there", [0, 1, 15])
def test_an_array_that_has_fewer_rows_than_a_loop_that_does_not_run_is_left_alone(there: int) -> None:
    """It was turned before the loop all the same, and of no rows the last was read."""
    args = [np.ones((20, 5)), np.ones(5), 20, 5, 20, True]
    fn = relax(run_passes(Program(behind_a_condition).stage(tuple(args)).traced.function, PASSES))
    assert Plans(fn).turned
    assert outcome(interchange(fn), args) == outcome(fn, args)
    args = [np.ones((there, 5)), np.ones(5), 20, 5, 20, False]
    assert outcome(interchange(fn), args) == outcome(fn, args)
