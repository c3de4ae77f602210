"""Loops over matrices from end to end as one: what is taken and what not, what comes out."""

from __future__ import annotations

import math
import random
from collections import Counter
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import llad
from llad.ir import interp
from llad.ir.build import Builder
from llad.ir.core import Function, Value, walk
from llad.ir.parse import parse
from llad.ir.types import F64, I64, BufferType
from llad.ir.verify import verify
from llad.passes import flat as flat_pass
from llad.passes.flat import flat
from llad.program import Program
from llad.testing import check_gradient

pytestmark = pytest.mark.usefixtures("quick_code")


def weighted(x, y):
    return np.sum(np.exp(x) * y)


def by_hand(x, y):
    """What each element becomes stays, and counts."""
    total, most = 0.0, -math.inf
    z = np.zeros(x.shape)
    for i in range(x.shape[0]):
        for j in range(x.shape[1]):
            z[i, j] = math.sin(x[i, j]) * y[i, j]
            if z[i, j] > 0.0:
                total += z[i, j] * z[i, j]
            most = max(most, z[i, j])
    return total + most


def centred(x, y):
    """Each row meets the same one."""
    return np.sum(np.tanh(x - y[0]) * np.mean(y, axis=0))


def stretched(x, y):
    """Each row adds to the gradients by the same ones."""
    return np.sum(np.sin(x * y[0]) * y[-1])


def penalised(x, y):
    return np.sum((x - y[0]) ** 2 * np.abs(y[-1]))


@pytest.mark.parametrize("function", [weighted, by_hand, centred, stretched, penalised])
def test_values_and_gradients_of_rows_of_any_length(function: Any) -> None:
    f, r = llad.jit_grad(function), np.random.default_rng(0)
    for shape in ((7, 3), (1, 1), (5, 8), (300, 2), (64, 3), (65, 15), (65, 16), (70, 17), (513, 3)):
        x, y = r.normal(size=shape), r.normal(size=shape)
        np.testing.assert_allclose(f(x, y), function(x, y), rtol=1e-11)
        if x.size < 50 or shape == (64, 3):
            check_gradient(f, x, y)
        out = np.full(shape, np.nan), np.full(shape, np.nan)
        f.grad(x, y, out=out)
        for mine, other in zip(out, f.grad(x, y), strict=True):
            np.testing.assert_array_equal(mine, other)
    for empty in ((0, 3), (4, 0)) if function in (weighted, by_hand) else ():
        assert f(np.zeros(empty), np.zeros(empty)) == function(np.zeros(empty), np.zeros(empty))


def test_gradients_go_through_memory_without_rows() -> None:
    """Those of a gradient are as long as those of the argument."""
    x = np.ones((4, 3))
    fn = Program(weighted).stage((x, x)).function("gradient", (0, 1))
    loops = [op for op in walk(fn.body) if op.name == "for"]
    assert loops and not any(op.name == "for" for loop in loops[-1:] for op in walk(loop.regions[0]))
    assert any(op.name == "exp" for op in walk(loops[-1].regions[0]))


NEST = """
    func @f(%x: buffer<f64, 2, LAYOUT>, %y: buffer<f64, 2, C>, %z: buffer<f64, 1, C>, %k: i64) {
      %zero: i64 = const 0
      %one: i64 = const 1
      %none: f64 = const 0.5
      %n: i64 = dim %x, 0
      %d: i64 = dim %x, 1
      %m: i64 = dim %y, 1
      %same: bool = eq %d, %m
      CHECK
      %s: f64, %t: i64 = for %i in LO..%n step %one carry (%a: f64 = %none) {
        ABOVE
        %r: f64, %u: i64 = for %j in %zero..LENGTH step %one carry (%b: f64 = %a) {
          %c: f64 = load %x[%i, %j]
          %e: f64 = load %y[AT]
          %g: f64 = mul %c, %e
          %h: f64 = add %b, %g
          store %h, %y[%i, %j]
          yield %h
        }
        yield %r
      }
      return %s
    }
"""
PLAIN = {
    "LAYOUT": "C",
    "CHECK": 'check %same, ValueError "no"',
    "LO": "%zero",
    "ABOVE": "",
    "LENGTH": "%d",
    "AT": "%i, %j",
}


def nest(**changes: str) -> str:
    text = NEST
    for name, part in (PLAIN | changes).items():
        text = text.replace(name, part)
    return text


@pytest.mark.parametrize("length", ["%d", "%m"])
def test_one_loop_is_left(length: str) -> None:
    fn = verify(parse(nest(LENGTH=length)))
    made, r = verify(flat(fn)), np.random.default_rng(1)
    assert sum(op.name == "for" for op in walk(made.body)) == 1
    for shape in ((4, 3), (0, 3), (3, 0), (1, 5)):
        args = [r.normal(size=shape), r.normal(size=shape), np.zeros(3), 2]
        others = [a.copy() if isinstance(a, np.ndarray) else a for a in args]
        assert interp.run(made, args) == interp.run(fn, others)
        np.testing.assert_array_equal(args[1], others[1])


@pytest.mark.parametrize("width", [1, 3, 5, 16, 17])
def test_rows_that_meet_the_same_one_go_in_strips(width: int) -> None:
    text = nest(AT="%zero, %j").replace("store %h, %y[%i, %j]", "store %h, %x[%i, %j]")
    fn = verify(parse(text))
    made, r = verify(flat(fn)), np.random.default_rng(1)
    assert sum(op.name == "if" for op in walk(made.body)) == 1
    for rows in (0, 1, 64, 100):
        args = [r.normal(size=(rows, width)), r.normal(size=(2, width)), np.zeros(3), 2]
        others = [a.copy() if isinstance(a, np.ndarray) else a for a in args]
        assert interp.run(made, args) == interp.run(fn, others)
        np.testing.assert_array_equal(args[0], others[0])


@pytest.mark.parametrize(
    "change",
    [
        {"LAYOUT": "strided"},  # rows may lie apart
        {"CHECK": ""},  # rows of y may be longer than the loop
        {"LENGTH": "%k"},
        {"LO": "%one"},
        {"AT": "%j, %i"},
        {"AT": "%zero, %j"},  # the same row each time
        {"ABOVE": "store %a, %z[%zero]"},  # something is done between rows
    ],
)
def test_left_as_they_are(change: dict[str, str]) -> None:
    fn = verify(parse(nest(**change)))
    assert flat(fn) is fn


ADDING = """
    func @f(%x: buffer<f64, 2, C>, %g: buffer<f64, 2, C>, %h: buffer<f64, 1, C>, %k: i64) {
      %zero: i64 = const 0
      %one: i64 = const 1
      %none: f64 = const 0.0
      %n: i64 = dim %x, 0
      %d: i64 = dim %x, 1
      %s: f64, %t: i64 = for %i in %zero..%n step %one carry (%a: f64 = %none) {
        %r: f64, %u: i64 = for %j in %zero..%d step %one carry (%b: f64 = %a) {
          %c: f64 = load %x[%i, %j]
          %e: f64 = load %g[%k, %j]
          BETWEEN
          %p: f64 = KIND %e, %c {'reassoc': True}
          store %p, %g[WHERE, %j]
          %q: f64 = add %b, %c
          yield CARRY
        }
        yield %r
      }
      return %s
    }
"""
ADDS = {"BETWEEN": "", "KIND": "add", "WHERE": "%k", "CARRY": "%q"}


def adding(**changes: str) -> str:
    text = ADDING
    for name, part in (ADDS | changes).items():
        text = text.replace(name, part)
    return text


@pytest.mark.parametrize("kind", ["add", "sub"])
@pytest.mark.parametrize("width", [1, 3, 15, 16])
def test_rows_that_add_to_the_same_one_add_to_a_table(kind: str, width: int) -> None:
    """Numbers are whole, so that their sums are the same in any order."""
    fn = verify(parse(adding(KIND=kind)))
    made, r = verify(flat(fn)), np.random.default_rng(1)
    assert sum(op.name == "if" for op in walk(made.body)) == 1
    for rows in (0, 1, 511, 512, 700):
        args = [r.integers(-9, 9, size=shape).astype(float) for shape in ((rows, width), (2, width), width)]
        others = [a.copy() for a in args]
        assert interp.run(made, [*args, 1]) == interp.run(fn, [*others, 1])
        np.testing.assert_array_equal(args[1], others[1])


@pytest.mark.parametrize(
    "change",
    [
        {"KIND": "mul"},
        {"{'reassoc': True}": ""},  # the order of the sum is that of the program
        {"CARRY": "%p"},  # what it has come to is used
        {"BETWEEN": "%v: f64 = load %g[%zero, %j]", "CARRY": "%v"},
        {"BETWEEN": "%v: f64 = load %g[%zero, %zero]", "CARRY": "%v"},
        {"BETWEEN": "store %c, %g[%i, %j]"},
        {"WHERE": "%one"},  # one row is added to another
        {"WHERE": "%l", "%n: i64": "%l: i64 = add %k, %zero\n%n: i64"},  # the same one, but not by name
        {"BETWEEN": 'check %y, ValueError "no"', "%n: i64": "%y: bool = lt %k, %one\n%n: i64"},  # it may end half-way
    ],
)
def test_rows_that_do_more_than_add_are_left(change: dict[str, str]) -> None:
    fn = verify(parse(adding(**change)))
    assert flat(fn) is fn


def test_memory_that_may_be_the_same_is_not_added_to_apart() -> None:
    fn = verify(parse(adding()))
    assert flat(fn) is not fn
    together = replace(fn, attrs={**fn.attrs, "may_alias": True})
    assert flat(together) is together


def test_random_rows_keep_their_meaning(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is loaded, stored and added in strips of a few rows; numbers are whole, so that no sum is rounded."""
    for name, value in (("STRIP", 12), ("_MANY", 2), ("_LARGE", 2), ("_PARTS", 2), ("_ADDED", 5), ("_SHORT", 5)):
        monkeypatch.setattr(flat_pass, name, value)
    met: Counter[str] = Counter()
    for seed in range(300):
        fn = verify(program(random.Random(seed)))
        changed, r = verify(flat(fn)), np.random.default_rng(seed)
        met["left" if changed is fn else "taken"] += 1
        met["strips"] += any(op.name == "if" for op in walk(changed.body))
        for n, d in ((7, 3), (int(r.integers(9)), int(r.integers(1, 8)))):
            shapes = (n, d), (n, d), (2, d), (2, d), d
            args = [r.integers(-3, 4, size=shape).astype(float) for shape in shapes]
            others = [a.copy() for a in args]
            assert interp.run(changed, args) == interp.run(fn, others), f"program {seed}, {n, d}"
            for mine, other in zip(args, others, strict=True):
                np.testing.assert_array_equal(mine, other, f"program {seed}, {n, d}")
    assert min(met[kind] for kind in ("left", "taken", "strips")) >= 25, met


def program(rng: random.Random) -> Function:
    """A function of `(x<2>, y<2>, g<2>, h<2>, w)`: two matrices, rows that are mostly added to, and one that is not."""
    matrix = BufferType(F64, 2)
    params = [Value(matrix, name) for name in "xygh"] + [Value(BufferType(F64, 1), "w")]
    x, y, g, h, w = params
    b = Builder()
    zero, one, n, d = b.i64(0), b.i64(1), b.dim(x, 0), b.dim(x, 1)
    b.check(b.op("eq", d, b.dim(y, 1)), "ValueError", "shapes differ")
    with b.region([I64, F64]) as outer:
        i, carried = outer.args
        with b.region([I64, F64]) as inner:
            j, total = inner.args
            floats = [b.load(x, i, j)]

            def add() -> None:
                row, at = rng.choice([g, h]), rng.choice([zero, one])
                attrs = {} if rng.random() < 0.05 else {"reassoc": True}
                known = b.load(row, at, j)
                for kind in rng.choice([["add"], ["sub"], ["sub", "add"]]):
                    known = b.emit(kind, [known, rng.choice(floats)], [F64], attrs).result
                b.store(known, row, at, j)
                if rng.random() < 0.05:
                    floats.append(known)

            def read() -> None:
                seen = rng.random() < 0.1
                place = (rng.choice([g, h]), zero, j) if seen else rng.choice([(w, j), (x, i, j), (y, i, j)])
                floats.append(b.load(*place))

            def compute() -> None:
                floats.append(b.op(rng.choice(["add", "sub", "min", "max"]), rng.choice(floats), rng.choice(floats)))

            def write() -> None:
                b.store(rng.choice(floats), y, i, j)

            for _ in range(rng.randrange(2, 8)):
                rng.choice([add, add, read, compute, write])()
            b.yield_(b.op("add", total, rng.choice(floats)))
        result, _ = b.for_(zero, d, one, [carried], inner)
        b.yield_(result)
    b.return_(b.for_(zero, n, one, [b.f64(0.5)], outer)[0])
    return b.function("rows", params)
