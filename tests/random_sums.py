"""Random IR of sums in inner loops: what they load and begin with, what stands around them, what forbids a change.

`program(rng)` gives a function of `(x<2>, c<2>, t<2>, y, z)`: n × d, k × d, d × k and twice k numbers. What it
computes is returned or seen in the arguments.
"""

from __future__ import annotations

import random

from llad.ir.build import Builder
from llad.ir.core import Function, Value
from llad.ir.types import F64, I64, BufferType

TYPES = {"x": BufferType(F64, 2), "c": BufferType(F64, 2), "t": BufferType(F64, 2)} | dict.fromkeys(
    "yz", BufferType(F64, 1)
)


class Writer:
    def __init__(self, rng: random.Random) -> None:
        self.rng, self.b = rng, Builder()
        self.params = [Value(type, name) for name, type in TYPES.items()]
        self.x, self.c, self.t, self.y, self.z = self.params
        b = self.b
        self.zero, self.one = b.i64(0), b.i64(1)
        self.n, self.d, self.k = b.dim(self.x, 0), b.dim(self.x, 1), b.dim(self.c, 0)

    def program(self) -> Function:
        b, rng = self.b, self.rng
        with b.region([I64, F64]) as region:
            i, total = region.args
            for _ in range(rng.randrange(1, 3)):
                total = self.rows(i, total)
            if rng.random() < 0.1:
                b.store(total, self.c, i, self.zero)
            b.yield_(total)
        total, _ = b.for_(self.zero, b.op("min", self.n, self.k), self.one, [b.f64(0.5)], region)
        b.return_(total)
        return b.function("sums", self.params)

    def rows(self, i: Value, total: Value) -> Value:
        """A loop around sums, which carries the total."""
        b, rng = self.b, self.rng
        with b.region([I64, F64]) as region:
            k, carry = region.args
            self.next = b.op("add", k, self.one)
            found = [carry, b.load(self.x, i, self.zero)]
            if rng.random() < 0.1:
                b.store(carry, rng.choice([self.y, self.z]), k)
            for _ in range(rng.randrange(1, 3)):
                found += self.sums(i, k, found)
            result = found[-1]
            for value in found[1:-1]:
                result = b.op(rng.choice(("add", "sub", "max")), result, value)
            if rng.random() < 0.4:
                b.store(result, self.y, k)
            if rng.random() < 0.1:
                b.store(result, rng.choice([self.z, self.y]), self.zero)
            if rng.random() < 0.1:
                b.store(result, rng.choice([self.c, self.t]), self.zero, self.zero)
            b.yield_(b.op("add", carry, result) if rng.random() < 0.8 else b.op("min", result, carry))
        lo = self.zero if rng.random() < 0.7 else self.one
        return b.for_(lo, self.k, self.one, [total], region)[0]

    def sums(self, i: Value, k: Value, found: list[Value]) -> list[Value]:
        b, rng = self.b, self.rng
        starts = [self.start(k, found) for _ in range(rng.randrange(1, 3))]
        with b.region([I64, *[F64] * len(starts)]) as region:
            j, *carries = region.args
            pool = [self.loaded(i, k, j, found) for _ in range(rng.randrange(1, 4))]
            yielded = []
            for carry in carries:
                term = rng.choice(pool)
                for _ in range(rng.randrange(3)):
                    term = b.op(rng.choice(("add", "sub", "mul", "max")), term, rng.choice(pool))
                if rng.random() < 0.05:
                    term = b.op("mul", term, carry)
                yielded.append(
                    b.op("add", *rng.sample([carry, term], 2)) if rng.random() < 0.6 else b.op("sub", carry, term)
                )
            b.yield_(*yielded)
        lo = k if rng.random() < 0.05 else rng.choice([self.zero, self.zero, self.one])
        return list(b.for_(lo, self.d, self.one, starts, region)[:-1])

    def start(self, k: Value, found: list[Value]) -> Value:
        roll = self.rng.random()
        if roll < 0.5:
            return self.b.f64(roll)
        if roll < 0.8:
            return self.b.load(self.rng.choice([self.y, self.z]), k)
        return self.rng.choice(found[:2])

    def loaded(self, i: Value, k: Value, j: Value, found: list[Value]) -> Value:
        """Of the arrays, by rows or by columns, or of what is known."""
        b, roll = self.b, self.rng.random()
        if roll < 0.3:
            return b.load(self.c, k, j)
        if roll < 0.48:
            return b.load(self.t, j, b.op("sub", self.next, self.one))
        if roll < 0.6:
            return b.load(self.t, j, k)
        if roll < 0.8:
            return b.load(self.x, i, j)
        if roll < 0.87:
            return b.load(self.z, k)
        if roll < 0.9:
            return b.load(self.z, b.op("floordiv", k, b.i64(2)))
        if roll < 0.93:
            return b.load(self.z, b.op("sub", b.op("sub", self.k, self.one), k))
        return self.rng.choice(found[1:2]) if roll < 0.98 else b.cast(k, F64)


def program(rng: random.Random) -> Function:
    return Writer(rng).program()
