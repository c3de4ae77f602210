"""What recurrences do not wait for: which loops are taken apart, and that every program means what it meant."""

from __future__ import annotations

import math
import random
from typing import Any

import numpy as np
import pytest
from building import V, loop, when

from llad import compile, jit, jit_grad
from llad.ad.reverse import gradient
from llad.compile import PASSES, REVERSED, TAKEN_APART, run_passes
from llad.ir.build import Builder
from llad.ir.core import Function, Op, Region, Value, walk
from llad.ir.interp import run
from llad.ir.types import F64, I64
from llad.ir.verify import verify
from llad.passes.distribute import distribute
from llad.passes.distribute_strips import distribute_strips
from llad.program import Program
from llad.testing import assert_close

pytestmark = pytest.mark.usefixtures("quick_code")

# -- random programs

KINDS = ("number", "number", "element", "entry", "row", "fill", "sum", "made", "output", "branch", "check")


class Steps:
    """Writes a loop over time: numbers and arrays that it hands on, arrays of an iteration, and what it makes of them.

    Anything may read and write anything, in any order, so that all kinds of dependences occur.
    """

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.b = Builder()
        self.params = [Value(V, "x"), Value(V, "y"), Value(I64, "n"), Value(F64, "p")]
        self.x, self.y, self.n, self.p = self.params
        self.arrays: list[Value] = []

    def function(self) -> Function:
        b, rng = self.b, self.rng
        width = b.i64(3)
        self.arrays = [b.alloc(F64, [width], zero=rng.random() < 0.7) for _ in range(rng.randint(1, 3))]
        for array in self.arrays[: rng.randint(0, 2)]:
            self.fill(array, self.p)
        inits = [self.p, *(b.f64(0.25 * k) for k in range(rng.randint(0, 2)))]
        lo = b.i64(rng.choice([0, 0, -1, 2]))
        *results, _ = loop(b, lo, b.op("add", lo, self.n), inits, self.body)
        if rng.random() < 0.5:
            results.append(b.load(self.arrays[0], b.i64(1)))
        b.return_(*results)
        return b.function("f", self.params)

    def body(self, i: Value, *carries: Value) -> list[Value]:
        b, rng = self.b, self.rng
        known = [*carries, self.p]
        arrays = list(self.arrays)
        for array in arrays:
            if rng.random() < 0.4:
                self.fill(array, rng.choice(known), rng.choice([2, 3, 3, 3]))
        for _ in range(rng.randint(3, 9)):
            kind = rng.choice(KINDS)
            if kind == "number":
                known.append(self.number(known))
            elif kind == "element":
                known.append(b.load(rng.choice(arrays), b.i64(rng.randrange(3))))
            elif kind == "entry":
                b.store(rng.choice(known), rng.choice(arrays), b.i64(rng.randrange(3)))
            elif kind == "row":
                self.change(rng.choice(arrays), rng.choice(arrays), rng.choice(known))
            elif kind == "fill":
                self.fill(rng.choice(arrays), rng.choice(known))
            elif kind == "sum":
                known.append(self.total(rng.choice(arrays), rng.choice([*carries, self.p])))
            elif kind == "made":
                arrays.append(b.alloc(F64, [b.i64(3)], zero=rng.random() < 0.6))
                self.fill(arrays[-1], rng.choice(known), rng.choice([1, 3]))
            elif kind == "output":
                b.store(rng.choice(known), self.y, b.i64(rng.randrange(3)))
            elif kind == "branch":
                which = b.op("gt", rng.choice(known), b.f64(0.5))
                others = rng.choice(known), rng.choice(known)
                known += when(
                    b, which, lambda others=others: [b.op("sin", others[0])], lambda others=others: others[1:]
                )
            elif rng.random() < 0.3:
                b.check(b.op("lt", i, b.i64(4)), "IndexError", "{}", i)
        handed = [rng.choice(known) for _ in carries]
        if rng.random() < 0.8:
            added = b.op(rng.choice(["exp", "sin"]), b.op("sin", rng.choice(known)))
            handed[-1] = b.op(rng.choice(["add", "sub"]), carries[-1], added)
        return handed

    def number(self, known: list[Value]) -> Value:
        b, rng = self.b, self.rng
        if rng.random() < 0.5:
            return b.op(rng.choice(["sin", "tanh", "exp"]), b.op("sin", rng.choice(known)))
        return b.op(rng.choice(["add", "mul", "sub"]), rng.choice(known), rng.choice(known))

    def fill(self, array: Value, value: Value, count: int = 3) -> None:
        b = self.b

        def step(i: Value) -> list[Value]:
            b.store(b.op("mul", value, b.cast(b.op("add", i, b.i64(1)), F64)), array, i)
            return []

        loop(b, 0, b.dim(array, 0) if count == 3 else count, [], step)

    def change(self, array: Value, other: Value, value: Value) -> None:
        b = self.b

        def step(i: Value) -> list[Value]:
            b.store(b.op("tanh", b.op("add", b.load(other, i), value)), array, i)
            return []

        loop(b, 0, self.rng.choice([2, 3]), [], step)

    def total(self, array: Value, start: Value) -> Value:
        b = self.b
        return loop(
            b, 0, self.rng.choice([2, 3]), [start], lambda i, s: [b.op("add", s, b.op("sin", b.load(array, i)))]
        )[0]


def outcome(fn: Function, n: int) -> Any:
    arrays = [np.linspace(0.1, 1.0, 3), np.zeros(3)]
    try:
        results = run(fn, [*arrays, n, 0.3])
    except IndexError as error:
        return type(error)
    return [repr(r) for r in (*results, *(a.tolist() for a in arrays))]


def tried(call: Any) -> Any:
    """What `call` gives, or the class of its error: an index is out of bounds, or nobody has written what is read."""
    try:
        return call()
    except (AssertionError, IndexError) as error:
        return type(error)


def ahead(fn: Function) -> list[Op]:
    return [op for op in walk(fn.body) if op.attrs.get("ahead")]


@pytest.mark.parametrize("step", [distribute, distribute_strips])
def test_random_loops_over_time_keep_their_meaning(step: Any, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("llad.passes.strips.STRIP", 3)
    monkeypatch.setattr("llad.passes.distribute.STRIP", 3)
    apart = 0
    for seed in range(250):
        fn = verify(Steps(random.Random(seed)).function())
        made = verify(step(fn))
        if made is fn:
            continue
        forms, counts = ([made, run_passes(made, TAKEN_APART)], (0, 1, 4)) if seed % 6 == 0 else ([made], (4,))
        for n in counts:
            try:
                expected = outcome(fn, n)
            except AssertionError:  # it reads what nobody has written
                continue
            apart += n > 0
            assert [outcome(form, n) for form in forms] == [expected] * len(forms), (seed, n)
    assert apart > 80


def bars(fn: Function) -> list[float]:
    """The value of the first result and its derivative by `p`."""
    results = fn.body.terminator.operands
    first = Region(fn.body.args, [*fn.body.ops[:-1], Op("return", results[:1])])
    of_one = run_passes(Function("f", fn.params, first), (*PASSES, *REVERSED))
    arrays = [np.linspace(0.1, 1.0, 3), np.zeros(3)]
    return [float(r) for r in run(verify(gradient(of_one, (3,))), [*arrays, 4, 0.3]) if np.isscalar(r)]


def test_random_loops_over_time_keep_their_gradients():
    compared = 0
    for seed in range(1000, 1160):
        fn = Steps(random.Random(seed)).function()
        if (made := distribute(fn)) is fn or isinstance(found := tried(lambda fn=fn: bars(fn)), type):
            continue
        assert_close(bars(made), found, what=str(seed))
        compared += any(found[1:])
    assert compared > 40


# -- programs


def gru(w, x, y):
    """With the probabilities of what comes next, as an RNN of letters has them."""
    h, total = np.zeros(x.shape[1]), 0.0
    for t in range(len(x)):
        z = 1.0 / (1.0 + np.exp(-(w[0] * x[t] + w[1] * h)))
        r = 1.0 / (1.0 + np.exp(-(w[2] * x[t] + w[3] * h)))
        h = (1.0 - z) * h + z * np.tanh(w[4] * x[t] + w[5] * (r * h))
        scores = w[6] * h + w[7]
        total += np.sum(y[t] * (scores - np.log(np.sum(np.exp(scores)))))
    return total


def dense_rnn(w, x, y):
    h, total = np.zeros(x.shape[1]), 0.0
    for t in range(len(x)):
        h = np.tanh(w[:3] @ h + x[t])
        scores = w[3:6] @ h
        total += np.log(np.sum(np.exp(scores))) - y[t] @ scores
    return total


def kalman(w, x, y):
    """The likelihood of a hidden walk's observations."""
    mean, spread, total = w[0, 0], 1.0, 0.0
    for t in range(len(x)):
        spread = spread * w[0, 1] * w[0, 1] + 0.5
        wide, off = spread + w[1, 0] * w[1, 0] + 0.1, y[t, 0] - mean
        total += math.log(wide) + off * off / wide
        gain = spread / wide
        mean = mean * w[0, 1] + gain * off
        spread = (1.0 - gain) * spread
    return total


def pendulum(w, x, y):
    """Steps of an ordinary differential equation, whose outputs are done while the next step waits: they stay."""
    state, total = np.array([w[0, 0], w[0, 1]]), 0.0
    out = np.zeros(len(x))
    for t in range(len(x)):
        bent = math.sin(state[0])
        state[1] -= 0.1 * w[0, 2] * bent
        state[0] += 0.1 * state[1]
        out[t] = math.exp(-w[1, 0] * state[0] ** 2)
        total += (out[t] - y[t, 0]) ** 2
    return total + out[0]


def in_place(w, x, y):
    """What is made of the state reuses the array it was handed, and ones of its own."""
    h, total = np.zeros(x.shape[1]), 0.0
    scores, weights = np.zeros(x.shape[1]), np.zeros(x.shape[1])
    for t in range(len(x)):
        for k in range(x.shape[1]):
            scores[k] = w[0, k] * x[t, k]
        for k in range(x.shape[1]):
            h[k] = math.tanh(h[k] * w[1, k] + scores[k])
            scores[k] = h[k]
        for k in range(x.shape[1]):
            scores[k] = scores[k] * w[2, k] + w[3, k]
            weights[k] = math.exp(scores[k])
        norm = np.sum(weights)
        for k in range(x.shape[1]):
            total += y[t, k] * (scores[k] - math.log(norm))
    return total


def of_the_state_before(w, x, y):
    """What is late must see the state as it was before the step."""
    h, total = np.ones(x.shape[1]), 0.0
    for t in range(len(x)):
        total += np.sum(np.exp(h * y[t]))
        for k in range(x.shape[1]):
            h[k] = math.sin(h[k] * w[0, k] + x[t, k])
        total += np.sum(np.exp(h * w[1]))
    return total


def guarded(w, x, y):
    """A check of an index, which is loaded, goes with the recurrence that it guards."""
    h, total = w[0, 0], 0.0
    for t in range(len(x)):
        h = 0.5 * h + w[int(abs(y[t, 0])), 1]
        total += math.exp(h * y[t, 0]) * math.cos(h)
    return total


def partly_zero(w, x, y):
    """Of an array of its own, the recurrence writes a part; the rest is zero in every iteration."""
    h, total = w[0, 0], 0.0
    for t in range(len(x)):
        v, g = np.zeros(x.shape[1]), x[t, 0]
        for k in range(x.shape[1] - 1):
            v[k] = w[1, k] * h
            g += math.sin(v[k])
        h = math.tanh(g)
        total += np.sum(np.exp(v))
    return total


def within_a_loop(w, x, y):
    """Several sequences, one after the other."""
    total = 0.0
    for s in range(2):
        h = w[s, 0]
        for t in range(len(x)):
            h = h * w[s, 1] + x[t, s]
            total += math.exp(h * y[t, s]) * math.cos(h)
    return total


def by_another_name(w, x, y):
    """The state is handed on by a second name, too, by which it is written after the loop: that wants no copy."""
    h, last, total = w[0] * 1.0, w[1] * 1.0, 0.0
    for t in range(len(x)):
        for k in range(x.shape[1]):
            h[k] = math.tanh(h[k] * w[2, k] + x[t, k])
        waves = np.sin(h)
        total += np.sum(np.exp(waves * y[t]))
        last = h
    last[0] *= 2.0
    return total + np.sum(h * w[3]) + np.sum(last * last)


def of_the_last_iteration(w, x, y):
    """An array that each iteration makes for itself, and the recurrence uses, outlives the loop."""
    h, last, total = w[0, 0], w[1] * 1.0, 0.0
    for t in range(len(x)):
        v = np.zeros(x.shape[1])
        for k in range(x.shape[1]):
            v[k] = w[2, k] * h + x[t, k]
        h = math.tanh(np.sum(v))
        total += np.sum(np.exp(v)) + np.sum(last * np.sin(v))
        last = v
    return total + np.sum(last * w[3])


PROGRAMS = [gru, dense_rnn, kalman, pendulum, in_place, of_the_state_before, guarded, partly_zero, within_a_loop]
PROGRAMS += [by_another_name, of_the_last_iteration]
APART = {"guarded", "gru", "dense_rnn", "kalman", "in_place", "within_a_loop"}
RANDOM = np.random.default_rng(5)
ARGUMENTS = (RANDOM.normal(size=(8, 3)), RANDOM.normal(size=(6, 3)), RANDOM.normal(size=(6, 3)))


@pytest.mark.parametrize("function", PROGRAMS, ids=lambda f: f.__name__)
def test_gradients_of_loops_that_are_taken_apart(function: Any, monkeypatch: pytest.MonkeyPatch):
    stage = Program(function).stage(ARGUMENTS)
    wanted = stage.differentiable
    assert bool(ahead(stage.function("gradient", wanted))) == (function.__name__ in APART)
    found = jit_grad(function, argnums=wanted).value_and_grad(*ARGUMENTS)
    assert_close(found[0], function(*ARGUMENTS))
    assert_close(jit(function)(*ARGUMENTS), found[0])
    monkeypatch.setattr(compile, "OVER_TIME", ())
    assert_close(found, jit_grad(function, argnums=wanted).value_and_grad(*ARGUMENTS))


def test_an_index_out_of_bounds_is_found_in_a_loop_that_is_taken_apart():
    far = ARGUMENTS[2].copy()
    far[4, 0] = 99.0
    with pytest.raises(IndexError):
        jit_grad(guarded).value_and_grad(*ARGUMENTS[:2], far)


def test_what_is_seen_when_the_recurrence_raises_is_not_left_for_later():
    b = Builder()
    y, n, p = Value(V, "y"), Value(I64, "n"), Value(F64, "p")

    def body(i: Value, h: Value) -> list[Value]:
        b.check(b.op("lt", i, b.i64(3)), "IndexError", "{}", i)
        new = b.op("mul", h, h)
        b.store(b.op("cos", b.op("exp", new)), y, i)
        return [new]

    b.return_(loop(b, 0, n, [p], body)[0])
    fn = b.function("f", [y, n, p])
    assert distribute(fn) is fn
    seen = np.zeros(6)
    with pytest.raises(IndexError):
        run(fn, [seen, 6, 0.5])
    assert np.count_nonzero(seen) == 3
