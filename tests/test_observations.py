"""Random loops over observations: what the passes make of them means what they meant, errors and memory too."""

from __future__ import annotations

import itertools
import random
import re
from collections.abc import Callable

import numpy as np
import pytest
from building import M, V, build, loop, when
from native import DTYPES, Native

from llad.codegen.lower_emit import REGISTER
from llad.codegen.target import vectors
from llad.compile import PASSES, STRICT, WRITTEN_OUT, run_passes
from llad.ir import interp
from llad.ir.build import Builder
from llad.ir.core import Function, Value, walk
from llad.ir.types import F32, F64, I64, BufferType, ScalarType
from llad.ir.verify import verify
from llad.passes import foresee as foresight
from llad.passes import rows as row_blocks
from llad.passes.cse import cse
from llad.passes.dce import dce
from llad.passes.flatten import flatten
from llad.passes.foresee import foresee
from llad.passes.independent import independent
from llad.passes.records import records
from llad.passes.rows import rows

pytestmark = pytest.mark.usefixtures("quick_code")

INDICES = BufferType(I64, 2, "C")
WIDTH = 3
STEPS = (*PASSES, records, *WRITTEN_OUT, independent, foresee, flatten, cse, dce, rows)


class Observation:
    """Writes the iteration of a loop: gathered rows, copies of them, branches, an array of its own, stores."""

    def __init__(self, rng: random.Random, b: Builder) -> None:
        self.rng, self.b = rng, b
        self.known: list[Value] = []
        self.arrays: list[Value] = []

    def pick(self) -> Value:
        return self.rng.choice(self.known[-8:])

    def compute(self, count: int) -> None:
        for _ in range(count):
            name = self.rng.choice(("add", "mul", "sub", "div", "mulz", "sqrt", "log", "neg"))
            operands = [self.pick() for _ in range(1 if name in ("sqrt", "log", "neg") else 2)]
            self.known.append(self.b.op(name, *operands))
            if self.arrays and self.rng.random() < 0.3:
                array, (first, second) = self.rng.choice(self.arrays), self.rng.choices(range(WIDTH), k=2)
                self.b.store(self.pick(), array, self.b.i64(first))
                self.known.append(self.b.load(array, self.b.i64(second)))

    def branch(self, depth: int) -> None:
        """Either computes two numbers; one of them perhaps where the condition does not hold only."""
        condition = self.b.op(self.rng.choice(("eq", "lt", "gt")), self.pick(), self.pick())
        partly = self.rng.random() < 0.5

        def side(whole: bool) -> list[Value]:
            before = list(self.known)
            self.compute(self.rng.randint(0, 3))
            if depth < 2 and self.rng.random() < 0.3:
                self.branch(depth + 1)
            found = [self.pick(), self.pick() if whole else self.b.undef(F64)]
            self.known = before
            return found

        first, second = when(self.b, condition, lambda: side(not partly), lambda: side(True))
        self.known.append(first)
        if not partly:
            self.known.append(second)
            return

        def use() -> list[Value]:
            return [self.b.op("mul", second, self.pick())]

        self.known += when(self.b, condition, lambda: [self.pick()], use)

    def array(self) -> None:
        """An array that one branch makes, or both."""
        b = self.b
        condition = b.op("lt", self.pick(), self.pick())

        def made() -> list[Value]:
            found = b.alloc(F64, [b.i64(WIDTH)], zero=zeroed)
            for k in range(0 if zeroed else WIDTH):
                b.store(self.pick(), found, b.i64(k))
            return [found]

        zeroed, alone = self.rng.random() < 0.3, self.rng.random() < 0.3
        (array,) = when(b, condition, made, (lambda: [b.undef(V)]) if alone else made)
        if not alone:
            self.arrays.append(array)
            return
        self.known += when(b, condition, lambda: [b.load(array, b.i64(1))], lambda: [self.pick()])

    def row(self, table: Value, place: Value, width: Value) -> None:
        """The copy of a row, as arrays are made of them, and its numbers."""
        b = self.b
        copied = b.alloc(F64, [width])

        def copy(j: Value) -> list[Value]:
            b.store(b.load(table, place, j), copied, j)
            return []

        loop(b, 0, width, [], copy, kind="parallel")
        for k in range(WIDTH):
            b.check(b.op("lt", b.i64(k), width), "IndexError", "out of bounds")
            self.known.append(b.load(copied, b.i64(k)))
        self.arrays.append(copied)


def program(rng: random.Random) -> Function:
    """Of tables f64[m, w], f64[m, w], which observation sees what i64[n, 2], weights f64[n], and f64[n, w] to fill."""

    def body(b: Builder, left: Value, right: Value, seen: Value, weights: Value, out: Value) -> list[Value]:
        widths = [b.dim(t, 1) for t in (left, right)]
        number, twice = b.dim(seen, 0), b.dim(seen, 1)
        b.check(b.op("lt", b.i64(1), twice), "IndexError", "out of bounds")
        last = b.dim(out, 1)
        b.check(b.op("lt", b.i64(WIDTH - 1), last), "IndexError", "out of bounds")

        def step(i: Value) -> list[Value]:
            o = Observation(rng, b)
            o.known.append(b.load(weights, i))
            for k, table in enumerate((left, right)):
                at = b.load(seen, i, b.i64(k))
                inside = b.op("and", b.op("ge", at, b.i64(0)), b.op("lt", at, b.dim(table, 0)))
                b.check(inside, "IndexError", "index {} is out of bounds", at)
                o.row(table, at, widths[k])
                o.compute(2)
                o.branch(0)
            o.array()
            o.compute(rng.randint(1, 6))
            o.branch(0)
            for k in range(WIDTH):
                b.store(o.pick(), out, i, b.i64(k))
            return []

        loop(b, 0, number, [], step)
        return []

    return build([M, M, INDICES, V, M], body)


def outcome(call: Callable[..., object], seed: int, width: int, wrong: bool, count: int = 6) -> tuple[np.ndarray, str]:
    """What is written, and the text of the error."""
    random = np.random.default_rng(seed)
    numbers = np.array([0.0, -0.0, 1.0, -1.5, 2.0, np.inf, np.nan])
    tables = [random.choice(numbers, (4, width)) for _ in range(2)]
    seen = random.integers(0, 4, (count, 2))
    if wrong:
        seen[random.integers(0, count), random.integers(0, 2)] = random.choice([-1, 4, 1 << 60])
    out = np.full((count, width), 7.0)
    error = ""
    try:
        with np.errstate(all="ignore"):
            call(*tables, seen, random.choice(numbers, count), out)
    except IndexError as raised:
        error = str(raised)
    return out, error


def interpreted(fn: Function) -> Callable[..., object]:
    return lambda *args: interp.run(fn, args)


@pytest.mark.parametrize("first", range(0, 30, 10))
def test_what_observations_are_made_into_means_the_same(first: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(foresight, "_LEAST", 0)
    for seed in range(first, first + 10):
        fn = verify(program(random.Random(seed)))
        made = fn
        for step in STEPS:
            made = verify(step(made))
        loops = [op for op in walk(made.body) if op.name == "for" and op.attrs.get("apart")]
        bodies = [{op.name for op in walk(each.regions[0])} for each in loops]
        assert any(names.isdisjoint({"check", "if", "for", "alloc"}) and "store" in names for names in bodies)
        for width in (WIDTH, WIDTH - 1, WIDTH + 1):
            for wrong in (False, True):
                (found, error), (out, expected) = (outcome(interpreted(f), seed, width, wrong) for f in (made, fn))
                assert (repr(found.tolist()), error) == (repr(out.tolist()), expected), seed


@pytest.mark.parametrize("seed", range(3))
def test_machine_code_of_observations_is_right_in_blocks_and_beside_them(seed: int) -> None:
    fn = verify(program(random.Random(seed)))
    native = Native(run_passes(run_passes(records(run_passes(fn)), WRITTEN_OUT), STRICT))
    for width, wrong, count in itertools.product((WIDTH, WIDTH + 1), (False, True), (1, 70, 131)):
        found, error = outcome(native, seed, width, wrong, count)
        out, expected = outcome(interpreted(fn), seed, width, wrong, count)
        assert error == expected
        np.testing.assert_allclose(found, out, rtol=1e-12)


@pytest.mark.parametrize("dtype", [F64, F32])
def test_rows_are_written_in_vectors_or_past_the_caches(dtype: ScalarType, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same numbers arrive: in arrays that are large, in others, and where blocks and rows end."""
    columns = 11

    def body(b: Builder, x: Value, y: Value) -> list[Value]:
        def step(i: Value) -> list[Value]:
            value = b.load(x, i)
            for k in range(columns):
                b.store(value, y, i, b.i64(k))
                value = b.op("add", value, b.load(x, i))
            return []

        loop(b, 0, b.dim(x, 0), [], step, kind="parallel")
        return []

    monkeypatch.setattr(row_blocks, "LARGE", 100 * columns * dtype.bytes)
    native = Native(rows(independent(build([BufferType(dtype, 1, "C"), BufferType(dtype, 2, "C")], body))))
    assert "!nontemporal" in native.code.llvm_after
    lanes = min(4, vectors()[0] // dtype.bytes)
    ours = rf"(?m)store <{lanes} x {REGISTER[dtype.name]}> (?!.*nontemporal).*, ptr %\S+, align {dtype.bytes}\b"
    assert re.search(ours, native.code.llvm_after)
    for count in (1, 64, 100, 101, 131):
        x = np.arange(1, count + 1).astype(DTYPES[dtype])
        y = np.zeros((count, columns), x.dtype)
        native(x, y)
        np.testing.assert_array_equal(y, np.outer(x, np.arange(1, columns + 1)))
