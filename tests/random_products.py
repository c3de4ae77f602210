"""Random IR of a loop over samples that holds products of matrices, and what a person might write around them.

`program(rng)` gives a function of `(x<2>, w<2>, v<2>, g<2>, b, c<2>, y, k, o<2>)`: `x` has a row for each element of
`y` and `k`, `w` a column for each of those, `v` is like `w` turned; `b` is as long as `w` has rows, `c` is like `w`,
`g` and `o` have a row for each element of `y` that is as long as `b`. `k` holds numbers of rows of `x`.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import numpy as np

from llad.ir.build import Builder
from llad.ir.core import Function, Value
from llad.ir.types import F64, I64, BufferType

MATRIX, VECTOR = BufferType(F64, 2), BufferType(F64, 1)
TYPES = [MATRIX, MATRIX, MATRIX, MATRIX, VECTOR, MATRIX, VECTOR, BufferType(I64, 1), MATRIX]

Row = Callable[[Value], Value]  # the element of a row at an index


def arguments(seed: int, n: int, d: int, e: int) -> list[Any]:
    r = np.random.default_rng(seed)
    shapes = [(n, d), (e, d), (d, e), (n, e), (e,), (e, d), (n,)]
    return [*(r.normal(size=s) for s in shapes), r.integers(max(n, 1), size=n), r.normal(size=(n, e))]


def program(rng: random.Random) -> Function:
    return _Writer(rng).program()


class _Writer:
    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.b = Builder()
        self.params = [Value(t, name) for t, name in zip(TYPES, "xwvgbcyko", strict=True)]

    def program(self) -> Function:
        b, rng = self.b, self.rng
        self.x, self.w, self.v, self.g, self.bias, self.c, self.y, self.k, self.o = self.params
        self.zero, self.one, self.nothing = b.i64(0), b.i64(1), b.f64(0.0)
        self.n, self.d, self.e = b.dim(self.x, 0), b.dim(self.x, 1), b.dim(self.w, 0)
        self.outside = [b.alloc(F64, [extent], zero=True) for extent in (self.d, self.e) if rng.random() < 0.3]
        total = self.along(self.n, self.sample, [self.nothing])
        b.return_(*total)
        return b.function("nest", self.params)

    def along(self, extent: Value, body: Callable[..., Any], inits: Any = (), kind: str = "sequential") -> Any:
        with self.b.region([I64, *[F64] * len(inits)]) as region:
            self.b.yield_(*(body(*region.args) or ()))
        bounds = [self.zero, extent, self.one]
        if self.rng.random() < 0.2:
            bounds = [self.b.op("sub", extent, self.one), self.b.i64(-1), self.b.i64(-1)]
        return self.b.for_(*bounds, list(inits), region, kind=kind)[:-1]

    def add(self, a: Value, b: Value) -> Value:
        made = self.b.op("sub" if self.rng.random() < 0.2 else "add", a, b)
        self.b.current.ops[-1].attrs = {"reassoc": True}
        return made

    def sample(self, i: Value, total: Value) -> list[Value]:
        b, rng = self.b, self.rng
        self.i, self.total = i, total
        at = b.load(self.k, i)
        window = b.view(self.x, ["index", "full"], i)
        of_d: list[Row] = [lambda j: b.load(self.x, i, j), lambda j: b.load(self.x, at, j), lambda j: b.load(window, j)]
        of_e: list[Row] = [lambda j: b.load(self.g, i, j)]
        self.rows = {self.d: of_d, self.e: of_e}
        self.scalars = [b.load(self.y, i)]
        self.added = False
        for _ in range(rng.randrange(2, 6)):
            rng.choice([self.layer, self.layer, self.back, self.map, self.sum, self.gradient])()
        return [self.total if self.added else self.add(self.total, self.scalars[-1])]

    def fresh(self, extent: Value, zero: bool = False) -> Value:
        """A row of the sample's own."""
        outside = [s for s in self.outside if self.b.root.ops and _extent_of(self.b, s) is extent]
        if outside and not zero and self.rng.random() < 0.7:
            self.outside.remove(outside[0])
            return outside[0]
        return self.b.alloc(F64, [extent], zero=zero)

    def take(self, extent: Value) -> Row:
        row = self.rng.choice(self.rows[extent])
        return (lambda j: self.number(row(j))) if self.rng.random() < 0.2 else row

    def number(self, value: Value) -> Value:
        b, rng = self.b, self.rng
        return rng.choice([
            lambda: b.op("mul", value, rng.choice(self.scalars)),
            lambda: b.op("tanh", value),
            lambda: b.op("add", value, b.f64(0.5)),
            lambda: value,
        ])()  # fmt: skip

    def weight(self, k: Value, j: Value) -> Value:
        """Of `w`, at a column and a row."""
        b = self.b
        return self.rng.choice([lambda: b.load(self.w, j, k), lambda: b.load(self.v, k, j)])()

    def layer(self) -> None:
        """A row times the weights; and maybe what becomes of it, and its derivative, in the same loop."""
        b, rng, row = self.b, self.rng, self.take(self.d)
        out, grown = self.fresh(self.e), self.fresh(self.d, zero=True)
        choice = [rng.random() < 0.4 for _ in range(4)]
        choice[3] &= not self.added or rng.random() < 0.1

        def cell(j: Value, *carried: Value) -> list[Value]:
            start = self.nothing if rng.random() < 0.7 else b.load(self.bias, j)
            (s,) = self.along(
                self.d, lambda k, c: [self.add(c, b.op("mul", row(k), self.weight(k, j)))], [start], "reduction"
            )
            s = self.number(s)
            b.store(s, out, j)
            if choice[0]:
                b.store(s, self.o, self.i, j)
            if choice[1]:
                self.along(self.d, lambda k: self.increase(self.c, [j, k], b.op("mul", s, row(k))))
            if choice[2]:
                self.along(self.d, lambda k: self.increase(grown, [k], b.op("mul", self.weight(k, j), s)))
            return [self.add(carried[0], s)] if choice[3] else []

        carries = self.along(self.e, cell, [self.total] if choice[3] else [])
        if choice[3]:
            (self.total,), self.added = carries, True
        self.rows[self.e].append(lambda j: b.load(out, j))
        self.rows[self.d].append(lambda k: b.load(grown, k))

    def increase(self, array: Value, at: list[Value], term: Value) -> None:
        self.b.store(self.add(self.b.load(array, *at), term), array, *at)

    def back(self) -> None:
        """The other way, as a sum of rows."""
        b, row, out = self.b, self.take(self.e), self.fresh(self.d, zero=True)

        def add(j: Value) -> None:
            s = row(j)
            self.along(self.d, lambda k: self.increase(out, [k], b.op("mul", s, self.weight(k, j))))

        self.along(self.e, add)
        self.rows[self.d].append(lambda k: b.load(out, k))

    def map(self) -> None:
        extent = self.rng.choice([self.d, self.e])
        row, out = self.take(extent), self.fresh(extent)
        self.along(extent, lambda j: self.b.store(self.number(row(j)), out, j))
        self.rows[extent].append(lambda j: self.b.load(out, j))

    def sum(self) -> None:
        extent = self.rng.choice([self.d, self.e])
        row = self.take(extent)
        (s,) = self.along(extent, lambda j, c: [self.add(c, row(j))], [self.nothing])
        self.scalars.append(self.b.op("tanh", s))
        if not self.added and self.rng.random() < 0.5:
            self.total, self.added = self.add(self.total, s), True

    def gradient(self) -> None:
        """What the sample adds to all weights."""
        one, other = self.take(self.e), self.take(self.d)

        def add(j: Value) -> None:
            s = one(j)
            self.along(self.d, lambda k: self.increase(self.c, [j, k], self.b.op("mul", s, other(k))))

        self.along(self.e, add)


def _extent_of(b: Builder, array: Value) -> Value:
    return next(op.operands[0] for op in b.root.ops if array in op.results)
