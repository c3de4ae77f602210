"""Random IR of a loop over columns with inner loops down them: what they carry, load, store, and what forbids a change.

`program(rng)` gives a function of `(x<2>, y<2>, v, w, out, k)`: matrices of d × n numbers, rows of n, d, and n, and n
integers. What it computes is returned or seen in the arguments.
"""

from __future__ import annotations

import random

from llad.ir.build import Builder
from llad.ir.core import Function, Value
from llad.ir.types import F64, I64, BufferType

ROW, MATRIX = BufferType(F64, 1), BufferType(F64, 2)
TYPES = {"x": MATRIX, "y": MATRIX, "v": ROW, "w": ROW, "out": ROW, "k": BufferType(I64, 1)}
BINARY = ("add", "sub", "mul", "min", "max")


class Writer:
    def __init__(self, rng: random.Random) -> None:
        self.rng, self.b = rng, Builder()
        self.params = [Value(type, name) for name, type in TYPES.items()]
        self.x, self.y, self.v, self.w, self.out, self.k = self.params
        b = self.b
        self.zero, self.one = b.i64(0), b.i64(1)
        self.d, self.n = b.dim(self.x, 0), b.dim(self.x, 1)
        self.last, self.back = b.op("sub", self.d, self.one), b.i64(-1)

    def program(self) -> Function:
        b, rng = self.b, self.rng
        inits = [b.f64(0.5)] * rng.randrange(3)
        with b.region([I64, *[F64] * len(inits)]) as region:
            self.column, self.sums = region.args[0], list(region.args[1:])
            self.floats, self.flags = [b.cast(self.column, F64), b.f64(1.5)], []
            for _ in range(rng.randrange(2, 7)):
                rng.choice([self.number, self.number, self.down, self.down, self.search, self.keep, self.total])()
            if rng.random() < 0.06:
                b.store(self.float(), rng.choice([self.w, self.v]), self.zero)
            b.yield_(*self.sums)
        lo = rng.choice([self.zero, self.zero, self.one])
        results = b.for_(lo, self.n, self.one, inits, region)
        b.return_(*results)
        return b.function("columns", self.params)

    def float(self) -> Value:
        return self.rng.choice(self.floats)

    def number(self) -> None:
        b, rng = self.b, self.rng
        made = b.op(rng.choice(BINARY), self.float(), b.load(rng.choice([self.v, self.out]), self.at()))
        self.floats.append(made)
        self.flags.append(b.op("lt", made, self.float()))

    def at(self) -> Value:
        """The column, or seldom another one."""
        roll = self.rng.random()
        if roll < 0.03:
            return self.b.op("sub", self.b.op("sub", self.n, self.one), self.column)
        return self.b.op("sub", self.b.op("add", self.column, self.one), self.one) if roll < 0.2 else self.column

    def keep(self) -> None:
        self.b.store(self.float(), self.out, self.at())

    def total(self) -> None:
        if self.sums:
            number = self.rng.randrange(len(self.sums))
            term = self.float() if self.rng.random() < 0.95 else self.b.op("mul", self.sums[number], self.float())
            self.sums[number] = self.b.op("add", self.sums[number], term)

    def search(self) -> None:
        """Of the last row that is less than a number: an integer is carried, and used as an index."""
        b = self.b
        bound = self.float()
        with b.region([I64, I64]) as region:
            j, found = region.args
            less = b.op("lt", b.load(self.x, j, self.column), bound)
            b.yield_(b.op("select", less, j, found))
        row = b.for_(self.zero, self.d, self.one, [self.zero], region)[0]
        with b.region() as there:
            b.store(self.float(), self.y, row, self.column)
            b.yield_()
        with b.region() as not_there:
            b.yield_()
        b.if_(b.op("lt", row, self.d), there, not_there)

    def down(self) -> None:
        """An inner loop, sometimes under a condition, or from the last row up."""
        b, rng = self.b, self.rng
        guard = rng.choice(self.flags) if self.flags and rng.random() < 0.5 else None
        inits = [] if guard is not None else [self.float() for _ in range(rng.randrange(3))]
        up, back = (self.zero, self.d, self.one), (self.last, self.back, self.back)
        bounds = rng.choice([up, back, (self.one, self.d, self.one)])
        with b.region() as then:
            with b.region([I64, *[F64] * len(inits)]) as region:
                j, *carries = region.args
                pool = [self.loaded(j) for _ in range(rng.randrange(1, 4))] + carries
                values = [b.op(rng.choice(BINARY), rng.choice(pool), c) for c in carries]
                if not carries or rng.random() < 0.6:
                    made = b.op(rng.choice(BINARY), rng.choice(pool + values), rng.choice(pool))
                    b.store(made, self.y, j, self.at())
                b.yield_(*values)
            results = b.for_(*bounds, inits, region)[:-1]
            if guard is not None:
                b.yield_()
        if guard is None:
            b.current.ops += then.ops
            self.floats += results
            return
        with b.region() as otherwise:
            b.yield_()
        b.if_(guard, then, otherwise)

    def loaded(self, j: Value) -> Value:
        b, roll = self.b, self.rng.random()
        if roll < 0.35:
            return b.load(self.x, j, self.at())
        if roll < 0.65:
            return b.load(self.y, j, self.column)
        if roll < 0.75:
            return b.load(self.y, self.zero, self.column)
        if roll < 0.85:
            return b.load(self.w, j)
        if roll < 0.87:
            return b.load(self.w, b.load(self.k, self.column))
        return self.float() if roll < 0.97 else b.cast(j, F64)


def program(rng: random.Random) -> Function:
    return Writer(rng).program()
