"""Random IR of nests whose branches check what they read, for testing what finds out beforehand whether a check fails.

`program(rng)` gives a function of `(buffer, buffer, buffer, i64, i64)`: the first is read, the second decides, and what
is read is added up in the third, which decides sometimes, too.
"""

from __future__ import annotations

import random
from collections.abc import Callable

from building import V, build, loop, when

from llad.ir.build import Builder
from llad.ir.core import Function, Value
from llad.ir.types import I64


class Writer:
    """Emits random statements. `straight`: some checks stand in no branch."""

    def __init__(self, rng: random.Random, b: Builder, params: tuple[Value, ...], straight: bool) -> None:
        self.rng, self.b, self.straight = rng, b, straight
        self.x, self.asked, self.sums, *self.numbers = params
        self.zero = b.i64(0)
        self.numbers += [b.dim(self.x, 0), b.dim(self.asked, 0), b.i64(2)]

    def loop(self, indices: tuple[Value, ...]) -> None:
        rng = self.rng
        low = rng.choice([self.zero, self.zero, self.b.i64(1), *indices[-1:]])
        high = rng.choice([*self.numbers, *indices])
        bounds, step = ((low, high), 1) if rng.random() < 0.8 else ((high, low), -1)

        def body(i: Value) -> tuple[()]:
            for _ in range(rng.randrange(1, 4)):
                inner = [self.branch, self.branch, self.loop] if len(indices) < 2 else [self.branch]
                rng.choice(inner)((*indices, i))
            if self.straight and rng.random() < 0.4:
                self.access((*indices, i))
            return ()

        loop(self.b, *bounds, [], body, step=step)

    def branch(self, indices: tuple[Value, ...]) -> None:
        rng = self.rng
        asked = [self.differ, self.differ, self.differ, self.loaded if self.straight else self.differ, self.summed]
        condition = rng.choice(asked)(indices)
        some = self.statement(indices)
        pair = (some, self.nothing) if rng.random() < 0.7 else (self.nothing, some)
        when(self.b, condition, *pair)

    def nothing(self) -> tuple[()]:
        return ()

    def statement(self, indices: tuple[Value, ...]) -> Callable[[], tuple[()]]:
        what = self.rng.choice([self.access] * 4 + [self.branch] + [self.loop] * (len(indices) < 3))

        def body() -> tuple[()]:
            what(indices)
            return ()

        return body

    # -- conditions

    def differ(self, indices: tuple[Value, ...]) -> Value:
        one, other = self.rng.choice(indices), self.rng.choice([*indices, *self.numbers, self.zero])
        return self.b.op(self.rng.choice(["ne", "lt", "gt", "eq"]), one, other)

    def loaded(self, indices: tuple[Value, ...]) -> Value:
        index = self.rng.choice(indices)
        self.inside(self.asked, index)
        return self.b.op("gt", self.b.load(self.asked, index), self.b.f64(0.0))

    def summed(self, indices: tuple[Value, ...]) -> Value:
        return self.b.op("lt", self.b.load(self.sums, self.zero), self.b.f64(self.rng.randrange(4)))

    # -- what may fail

    def access(self, indices: tuple[Value, ...]) -> None:
        b, rng = self.b, self.rng
        index = rng.choice(indices)
        if rng.random() < 0.6:
            name, other = rng.choice(["add", "sub"]), rng.choice([*indices, *self.numbers])
            b.check(b.op("not", b.op(f"{name}_overflows", index, other)), "OverflowError", "not in 64 bits")
            index = b.op(name, index, other)
        self.inside(self.x, index)
        total = b.op("add", b.load(self.sums, self.zero), b.load(self.x, index))
        b.store(total, self.sums, self.zero)

    def inside(self, array: Value, index: Value) -> None:
        b = self.b
        extent = b.dim(array, 0)
        fine = b.op("and", b.op("ge", index, self.zero), b.op("lt", index, extent))
        b.check(fine, "IndexError", "index {} of {}", index, extent)


def program(rng: random.Random, straight: bool) -> Function:
    def body(b: Builder, *params: Value) -> list[Value]:
        writer = Writer(rng, b, params, straight)
        writer.loop(())
        return []

    return build([V, V, V, I64, I64], body)
