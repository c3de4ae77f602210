"""Random IR of loops that follow each other over few ranges and few arrays, for testing what joins and contracts them.

`program(rng)` gives a function of `(f64, i64, buffer, buffer, buffer<2>)`. Everything is returned or seen in the
arguments. Indices are checked where they may be out of range, so some loops raise half-way.
"""

from __future__ import annotations

import random

from llad.ir.build import Builder
from llad.ir.core import Function, Value
from llad.ir.types import F64, I64, BufferType

UNARY = ("neg", "abs", "exp", "sqrt")
BINARY = ("add", "sub", "mul", "maximum")


class Writer:
    """Emits random statements; `arrays` and `matrices` are of the extents of the parameters, or claim to be."""

    def __init__(self, rng: random.Random) -> None:
        self.rng, self.b = rng, Builder()
        self.x = Value(F64, "x")
        self.m = Value(I64, "m")
        self.a, self.c = Value(BufferType(F64, 1), "a"), Value(BufferType(F64, 1), "c")
        self.u = Value(BufferType(F64, 2), "u")
        b = self.b
        self.zero, self.one = b.i64(0), b.i64(1)
        self.n, self.k = b.dim(self.a, 0), b.dim(self.u, 1)
        self.rows = b.dim(self.u, 0)
        self.bounds = [self.n, b.dim(self.c, 0)]  # equal if the check that is made of them holds
        self.arrays, self.matrices = [self.a, self.c], [self.u]
        self.floats, self.integers = [self.x, b.f64(0.5)], [self.m, self.one]

    def program(self, statements: int) -> Function:
        b, rng = self.b, self.rng
        if rng.random() < 0.5:
            b.check(b.op("eq", *self.bounds), "ValueError", "shapes")
        for _ in range(statements):
            rng.choice([self.loop] * 5 + [self.nest] * 3 + [self.scalar, self.check, self.element, self.fresh])()
        b.return_(*self.floats[-3:], *self.integers[-1:])
        return b.function("f", [self.x, self.m, self.a, self.c, self.u])

    # -- between loops

    def scalar(self) -> None:
        name = self.rng.choice(BINARY)
        self.floats.append(self.b.op(name, self.rng.choice(self.floats), self.rng.choice(self.floats)))

    def check(self) -> None:
        b = self.b
        if self.rng.random() < 0.5:
            b.check(b.op("eq", *self.bounds), "ValueError", "shapes")
        else:
            b.check(b.op("lt", self.m, b.i64(self.rng.randrange(5))), "OverflowError", "large")

    def element(self) -> None:
        array = self.rng.choice(self.arrays)
        self.inside(array, 0, self.zero)
        if self.rng.random() < 0.5:
            self.b.store(self.rng.choice(self.floats), array, self.zero)
        else:
            self.floats.append(self.b.load(array, self.zero))

    def fresh(self) -> None:
        if self.rng.random() < 0.5:
            self.arrays.append(self.b.alloc(F64, [self.n], zero=True))
        else:
            self.matrices.append(self.b.alloc(F64, [self.rows, self.k], zero=True))

    def inside(self, array: Value, axis: int, index: Value) -> None:
        """Check that the index is in range."""
        b = self.b
        fine = b.op("and", b.op("ge", index, self.zero), b.op("lt", index, b.dim(array, axis)))
        b.check(fine, "IndexError", "index {}", index)

    # -- loops

    def read(self, array: Value, index: Value, raising: bool) -> Value:
        """The element at the index, or the one so far from the end, or if that may raise, a neighbour's."""
        b = self.b
        if raising:
            if self.rng.random() < 0.3:
                index = b.op(self.rng.choice(("add", "sub")), index, self.one)
            self.inside(array, 0, index)
        elif self.rng.random() < 0.2:
            index = b.op("sub", b.op("sub", self.n, self.one), index)
        return b.load(array, index)

    def number(self, *values: Value) -> Value:
        b, rng = self.b, self.rng
        value = rng.choice([*values, *self.floats])
        for _ in range(rng.randrange(3)):
            if rng.random() < 0.4:
                value = b.op(rng.choice(UNARY), value)
            else:
                value = b.op(rng.choice(BINARY), value, rng.choice([*values, *self.floats]))
        return value

    def loop(self) -> None:
        """One over a range of an array: it stores, sums, or both."""
        b, rng = self.b, self.rng
        high = rng.choice(self.bounds)
        sums, stores = rng.random() < 0.5, rng.random() < 0.7
        raising = rng.random() < 0.3
        target = rng.choice(self.arrays)
        if not raising:  # only what is as long as the range
            high = self.n
            target = rng.choice([x for x in self.arrays if x is not self.c])
        if stores and rng.random() < 0.5 and not raising:
            target = b.alloc(F64, [self.n])
        reads = rng.sample(self.arrays, min(len(self.arrays), rng.randrange(1, 3)))
        if not raising:
            reads = [x for x in reads if x is not self.c] or [self.a]
        inits = [rng.choice(self.floats)] if sums else []
        with b.region([I64, *[F64] * sums], ["i"]) as body:
            index = body.args[0]
            values = [self.read(array, index, raising) for array in reads]
            if stores:
                if raising:
                    self.inside(target, 0, index)
                b.store(self.number(*values), target, index)
            b.yield_(*[b.op("add", body.args[1], self.number(*values))] if sums else [])
        plain = not raising and not (stores and target in reads)
        kind = ("reduction" if sums else "parallel") if plain else "sequential"
        found = b.for_(self.zero, high, self.one, inits, body, kind=kind)
        self.floats += found[:-1]
        self.integers.append(found[-1])
        if stores and target not in self.arrays:
            self.arrays.append(target)

    def nest(self) -> None:
        """Over rows, with one or two inner loops: elementwise, or a sum of each row."""
        b, rng = self.b, self.rng
        source, new = rng.choice(self.matrices[-2:]), rng.random() < 0.6
        target = b.alloc(F64, [self.rows, self.k]) if new else rng.choice(self.matrices)
        line = b.alloc(F64, [self.rows], zero=True)
        elementwise = rng.random() < 0.6
        with b.region([I64], ["i"]) as outer:
            i = outer.args[0]
            init = [] if elementwise else [self.number()]
            with b.region([I64, *[F64 for _ in init]], ["j"]) as inner:
                j = inner.args[0]
                column = b.op("sub", b.op("sub", self.k, self.one), j) if rng.random() < 0.3 else j
                value = self.number(b.load(source, i, column))
                if elementwise:
                    b.store(value, target, i, j)
                b.yield_(*[b.op("add", s, value) for s in inner.args[1:]])
            kind = "parallel" if elementwise else "reduction"
            kind = "sequential" if source is target else kind
            found = b.for_(self.zero, self.k, self.one, init, inner, kind=kind)
            if not elementwise:
                b.store(found[0], line, i)
            b.yield_()
        b.for_(self.zero, self.rows, self.one, [], outer, kind="parallel")
        if elementwise and new:
            self.matrices.append(target)
        elif not elementwise:
            with b.region([I64, F64], ["i"]) as body:
                b.yield_(b.op("add", body.args[1], b.load(line, body.args[0])))
            self.floats.append(b.for_(self.zero, self.rows, self.one, [self.x], body, kind="reduction")[0])


def program(rng: random.Random) -> Function:
    return Writer(rng).program(rng.randrange(2, 9))
