"""Random IR of loops whose iterations add to memory in nests of loops: where they add, what, and what forbids a change.

`program(rng)` gives a function of `(x<1>, s<1>, m<2>, g<2>, k<2>, q<2>, p<1> of i64)`: `x`, `s`, the rows of `m` and
`g` and `p` have the same length, `k` and `q` extents a little more than those of a window. What it computes is returned
or seen in the arguments. Numbers are small integers and stay so: sums are the same in any order.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import numpy as np

from llad.ir.build import Builder
from llad.ir.core import Function, Value
from llad.ir.types import F64, I64, BufferType

V, M = BufferType(F64, 1), BufferType(F64, 2)
TYPES = {"x": V, "s": V, "m": M, "g": M, "k": M, "q": M, "p": BufferType(I64, 1)}
ROWS = 4  # of `m` and `g`
MARGIN, BESIDE = 6, 2  # how far a window reaches beyond an index, and arrays beyond a window


class Writer:
    def __init__(self, rng: random.Random) -> None:
        self.rng, self.b = rng, Builder()
        self.params = [Value(type, name) for name, type in TYPES.items()]
        self.x, self.s, self.m, self.g, self.k, self.q, self.p = self.params
        b = self.b
        self.zero, self.one = b.i64(0), b.i64(1)
        self.end = b.op("sub", b.dim(self.x, 0), b.i64(MARGIN))
        self.window = [b.op("sub", b.dim(self.k, axis), b.i64(BESIDE)) for axis in (0, 1)]

    def program(self) -> Function:
        b = self.b
        with b.region([I64, F64]) as region:
            i, total = region.args
            for _ in range(self.rng.randrange(1, 3)):
                total = self.row(i, total)
            b.yield_(total)
        total, _ = b.for_(self.zero, b.i64(2), self.one, [b.f64(1.0)], region)
        b.return_(total)
        return b.function("updates", self.params)

    def row(self, i: Value, total: Value) -> Value:
        """The loop along a row."""
        b, rng = self.b, self.rng
        with b.region([I64, F64]) as region:
            j, carry = region.args
            self.i, self.j = i, j
            self.pool = [b.load(self.x, j), b.load(self.m, i, j), carry]
            self.hoisted = [b.op("add", j, self.one), b.op("add", i, self.one), b.load(self.p, j)]
            for _ in range(rng.randrange(1, 5)):
                self.statement()
            b.yield_(self.clipped(b.op("add", carry, rng.choice(self.pool))))
        return b.for_(self.one if rng.random() < 0.3 else self.zero, self.end, self.one, [total], region)[0]

    def clipped(self, value: Value) -> Value:
        return self.b.op("min", self.b.op("max", value, self.b.f64(-3.0)), self.b.f64(3.0))

    def statement(self) -> None:
        b, rng, roll = self.b, self.rng, self.rng.random()
        if roll < 0.45:
            self.update()
        elif roll < 0.5:
            self.addition([self.zero, self.one])
        elif roll < 0.52:
            self.addition([self.zero, self.one], self.update)
        elif roll < 0.7:
            self.pool.append(self.clipped(self.sum()))
        elif roll < 0.9:
            self.pool.append(self.clipped(b.op(rng.choice(("add", "sub", "mul")), *rng.choices(self.pool, k=2))))
        elif roll < 0.94:
            b.store(rng.choice(self.pool), self.s, self.j)
        elif roll < 0.97:
            b.store(rng.choice(self.pool), rng.choice((self.m, self.g)), self.i, self.j)
        else:
            self.pool.append(self.clipped(b.load(self.g, self.i, self.j)))

    def sum(self) -> Value:
        b = self.b
        with b.region([I64, F64]) as region:
            a, carry = region.args
            b.yield_(b.op("add", carry, self.term([self.zero, a])))
        return b.for_(self.zero, self.window[1], self.one, [b.f64(0.0)], region)[0]

    def update(self) -> None:
        """A nest of one loop or two, the outer one perhaps with a step of its own or bounds by the index."""
        b, rng = self.b, self.rng

        def level(indices: list[Value], left: int) -> None:
            lo, hi, step = self.zero, self.window[len(indices)], b.i64(1)
            if rng.random() < 0.05:
                hi = b.op("min", hi, self.j)
            elif rng.random() < 0.2:
                lo, hi, step = b.op("sub", hi, self.one), b.i64(-1), b.i64(-1)
            with b.region([I64]) as region:
                inner = [*indices, region.args[0]]
                if left:
                    level(inner, left - 1)
                else:
                    for _ in range(rng.choice((1, 2))):
                        self.addition(inner if len(inner) == 2 else [self.zero, *inner])
                b.yield_()
            b.for_(lo, hi, step, [], region)

        level([], rng.randrange(2))

    def addition(self, window: list[Value], between: Callable[[], None] | None = None) -> None:
        """`between`: what else happens before the sum is stored."""
        b, rng = self.b, self.rng
        array, place = self.place(window)
        old, term = b.load(array, *place), self.term(window)
        if between is not None:
            between()
        elif rng.random() < 0.1:
            self.addition(window)
        operands = [old, term] if rng.random() < 0.7 else [term, old]
        name = "sub" if rng.random() < 0.2 else "add"
        attrs = {"reassoc": True} if rng.random() < 0.95 else {}
        b.store(b.emit(name, operands, [F64], attrs).result, array, *place)

    def place(self, window: list[Value]) -> tuple[Value, list[Value]]:
        """Of elements along the row, one for each place of the window, or others."""
        b, roll, (down, along) = self.b, self.rng.random(), window
        if roll < 0.4:
            return self.g, [b.op("add", self.i, down), b.op("add", self.j, along)]
        if roll < 0.5:
            return self.g, [self.i, b.op("add", self.hoisted[0], along)]
        if roll < 0.6:
            return self.s, [b.op("sub", b.op("add", self.j, b.i64(MARGIN - 1)), along)]
        if roll < 0.75:
            return self.q, [down, along]
        if roll < 0.9:
            return self.g, [self.i, along]
        if roll < 0.95:
            return self.g, [down, self.hoisted[2]]
        return self.g, [b.op("min", self.j, self.one), along]

    def term(self, window: list[Value]) -> Value:
        b, rng, (down, along) = self.b, self.rng, window
        found = rng.choice(self.pool)
        for _ in range(rng.randrange(3)):
            roll = rng.random()
            if roll < 0.4:
                other = b.load(self.m, b.op("add", self.i, down), b.op("add", self.j, along))
            elif roll < 0.7:
                other = b.load(self.k, down, along)
            elif roll < 0.8:
                other = b.load(self.x, b.op("sub", b.op("add", self.j, b.i64(MARGIN - 1)), along))
            elif roll < 0.85:
                other = b.load(self.m, b.op("min", self.j, self.one), along)
            elif roll < 0.88:
                other = b.load(rng.choice((self.g, self.m)), self.hoisted[1], self.hoisted[0])
            elif roll < 0.92:
                other = b.cast(b.op("sub", self.j, along), F64)
            else:
                other = rng.choice(self.pool)
            found = b.op(rng.choice(("add", "mul", "mul")), found, other)
        return found


def program(rng: random.Random) -> Function:
    return Writer(rng).program()


def arguments(seed: int, n: int, window: tuple[int, int]) -> list[Any]:
    """Rows that `n` indices go along, and a window of these extents."""
    r = np.random.default_rng(seed)

    def integers(*shape: int) -> np.ndarray[Any, Any]:
        return r.integers(-2, 3, shape).astype(float)

    long = n + MARGIN
    rows = [integers(long), integers(long), integers(ROWS, long), integers(ROWS, long)]
    places = [extent + BESIDE for extent in window]
    return [*rows, integers(*places), integers(*places), r.integers(0, long, long)]
