"""Random IR of loops that add up what they find at places they compute, with checks before all that might do harm.

`program(rng)` gives a function of `(f64[n], i64[n], f64[m], f64[k, l], i64)`: numbers and integers to go by, arrays to
look into, and how far to go. The interpreter asserts that nothing is loaded, divided or made an integer of where it
cannot be.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
from building import M, V, build, loop, when

from llad.ir.build import Builder
from llad.ir.core import Function, Value
from llad.ir.types import F64, I64, BufferType

WHOLE = BufferType(I64, 1)
MARKS = {"wide": True, "fastmath": True}


class Writer:
    """Writes an iteration. `floats` and `whole`: numbers at hand; `sums`: what the loop adds up."""

    def __init__(self, rng: random.Random, b: Builder, params: tuple[Value, ...]) -> None:
        self.rng, self.b = rng, b
        self.x, self.k, self.y, self.z, self.far = params
        self.zero, self.one = b.i64(0), b.i64(1)
        self.floats, self.whole = [b.f64(1.5), b.f64(-2.0)], [self.zero, self.one, self.far, b.i64(-1)]
        self.small = b.op("lt", self.far, b.i64(5))
        self.array = self.holes() if rng.random() < 0.2 else None
        self.odd = rng.random() < 0.25

    @contextmanager
    def inner(self) -> Iterator[None]:
        before = list(self.floats), list(self.whole)
        yield
        self.floats, self.whole = before

    def iteration(self, i: Value, *sums: Value) -> list[Value]:
        with self.inner():
            self.whole.append(i)
            self.i, self.sums, self.begun = i, list(sums), list(sums)
            if self.rng.random() < 0.7:
                self.first()
            self.some(self.rng.randrange(2, 7), 0)
            self.add()
            if self.odd and self.rng.random() < 0.3:
                self.otherwise()
        return self.sums

    def first(self) -> None:
        """Numbers of an iteration's own."""
        b = self.b
        for array in (self.x, self.k):
            self.inside(array, 0, self.i)
        self.floats.append(b.load(self.x, self.i))
        self.whole.append(b.load(self.k, self.i))
        if self.rng.random() < 0.2:
            self.whole.append(b.op("add", self.i, self.i))

    def some(self, count: int, depth: int) -> None:
        for _ in range(count):
            what = [self.add, self.look, self.look, self.row, self.convert, self.convert, self.divide, self.compute]
            what += [self.sum, self.stand, *[self.partly] * (self.array is not None), *[self.otherwise] * self.odd]
            self.rng.choice(what + [lambda: self.branch(depth)] * 2 * (depth < 2))()

    def holes(self) -> Value:
        """An array of which only the element at 1 is a number."""
        b, zero = self.b, self.rng.random() < 0.5
        made = b.alloc(F64, [b.i64(2)], zero=zero)
        b.store(b.f64(3.0), made, self.one)
        if zero:
            b.store(b.undef(F64), made, self.zero)
        return made

    # -- statements

    def add(self) -> None:
        k = self.rng.randrange(len(self.sums))
        if self.rng.random() < 0.7:
            operands = [self.sums[k], self.rng.choice(self.floats)]
            if (name := self.rng.choice(["add", "add", "sub"])) == "add":
                self.rng.shuffle(operands)
            self.sums[k] = self.b.op(name, *operands)

    def otherwise(self) -> None:
        """Do with a sum what makes it no mere sum, or another one."""
        b, rng = self.b, self.rng
        k, j = rng.randrange(len(self.sums)), rng.randrange(len(self.sums))
        match rng.randrange(6):
            case 0:
                self.sums[k] = b.op(rng.choice(["add", "sub"]), *rng.sample([self.sums[k], self.sums[j]], 2))
            case 1:
                self.sums[k] = b.op("add", self.begun[j], rng.choice([*self.floats, self.sums[k]]))
            case 2:
                self.sums[k], self.sums[j] = self.sums[j], self.sums[k]
            case 3:
                self.sums[k] = b.op("sub", rng.choice(self.floats), self.sums[k])
            case 4:
                self.sums = [b.op("add", self.sums[0], self.sums[-1])] * len(self.sums)
            case _:
                self.floats.append(self.sums[k])

    def compute(self) -> None:
        name = self.rng.choice(["add", "mul", "sub", "div", "sqrt", "min"])
        operands = [self.rng.choice(self.floats) for _ in range(1 if name == "sqrt" else 2)]
        self.floats.append(self.b.op(name, *operands))

    def sum(self) -> None:
        b, rng = self.b, self.rng
        one, other, name = rng.choice(self.whole), rng.choice(self.whole), rng.choice(["add", "sub"])
        b.check(b.op("not", b.op(f"{name}_overflows", one, other)), "OverflowError", "{} {}", one, other)
        self.whole.append(b.op(name, one, other))

    def stand(self) -> None:
        self.b.check(self.small, "ValueError", "{} is large", self.far)

    def look(self) -> None:
        index = self.inside(self.y, 0, self.rng.choice(self.whole))
        self.floats.append(self.b.load(self.y, index))

    def partly(self) -> None:
        assert self.array is not None
        index = self.rng.choice(self.whole)
        self.b.check(self.b.op("eq", index, self.one), "IndexError", "{} is not there", index)
        self.floats.append(self.b.load(self.array, index))

    def row(self) -> None:
        indices = [self.inside(self.z, axis, self.rng.choice(self.whole)) for axis in range(2)]
        self.floats.append(self.b.load(self.z, *indices))

    def inside(self, array: Value, axis: int, index: Value) -> Value:
        """An index, perhaps from the end, that is checked."""
        b, extent = self.b, self.b.dim(array, axis)
        if self.rng.random() < 0.3:
            index = b.op("select", b.op("lt", index, self.zero), b.op("add", index, extent), index)
        fine = b.op("and", b.op("ge", index, self.zero), b.op("lt", index, extent))
        b.check(fine, "IndexError", "{} of {}", index, extent)
        return index

    def convert(self) -> None:
        b, number = self.b, self.rng.choice(self.floats)
        b.check(b.op("eq", number, number), "ValueError", "not a number")
        fine = b.op("and", b.op("gt", number, b.f64(-9e18)), b.op("lt", number, b.f64(9e18)))
        b.check(fine, "OverflowError", "too large")
        self.whole.append(b.cast(number, I64))

    def divide(self) -> None:
        b, rng = self.b, self.rng
        number, divisor = rng.choice(self.whole), rng.choice(self.whole)
        b.check(b.op("gt", divisor, self.zero), "ZeroDivisionError", "by {}", divisor)
        self.whole.append(b.op(rng.choice(["floordiv", "mod"]), number, divisor))

    def branch(self, depth: int) -> None:
        b, rng = self.b, self.rng
        kind = rng.choice([self.floats, self.whole])
        condition = b.op(rng.choice(["lt", "gt", "eq", "ge"]), rng.choice(kind), rng.choice(kind))
        before, partly = list(self.sums), rng.random() < 0.2

        def side(first: bool) -> Callable[[], list[Value]]:
            def body() -> list[Value]:
                self.sums = list(before)
                with self.inner():
                    self.some(rng.randrange(0, 4), depth + 1)
                    found = b.undef(F64) if partly and first else rng.choice(self.floats)
                    return [*self.sums, found, rng.choice(self.whole)]

            return body

        *self.sums, number, whole = when(b, condition, side(True), side(False))
        self.whole.append(whole)
        if not partly:
            self.floats.append(number)
        else:
            self.floats += when(b, condition, lambda: [b.f64(0.5)], lambda: [b.op("mul", number, number)])


def program(rng: random.Random) -> Function:
    def body(b: Builder, *params: Value) -> list[Value]:
        writer = Writer(rng, b, params)
        low = rng.choice([0, 0, 1])
        inits = [b.f64(0.25), b.f64(-0.0)][: rng.randrange(1, 3)]
        if rng.random() < 0.5:
            return list(loop(b, low, params[-1], inits, writer.iteration, says={"apart": True}))

        def rows(i: Value, *sums: Value) -> list[Value]:
            writer.whole.append(i)
            return list(loop(b, low, rng.choice([params[-1], i]), sums, writer.iteration, says={"apart": True})[:-1])

        return list(loop(b, 0, b.i64(3), inits, rows))

    return build([V, WHOLE, V, M, I64], body, **MARKS)


def arguments(random: np.random.Generator, kind: str) -> list[object]:
    """Those of a call: `fine`, where most checks hold; `wrong`, where some will not; or with something `empty`."""
    count = int(random.integers(1, 6))
    x, k = random.integers(0, 4, count) + random.choice([0.0, 0.5], count), random.integers(0, 3, count)
    if kind == "wrong":
        x[random.integers(0, count)] = random.choice([np.nan, np.inf, -3.0, 1e19, 40.0])
        k[random.integers(0, count)] = random.choice([-1, 7, 2**62, -(2**63), 2**63 - 1])
    extents = [0 if kind == "empty" and random.random() < 0.5 else int(random.integers(3, 9)) for _ in range(3)]
    y, z = random.integers(-3, 4, extents[0]).astype(float), random.integers(-3, 4, extents[1:]).astype(float)
    return [x, k, y, z, count + int(kind == "wrong" and random.random() < 0.2)]
