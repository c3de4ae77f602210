"""Random IR of a loop over samples with inner loops: scratch, tapes, accumulators that rest at zero, triangles, sums.

`program(rng)` gives a function of `(f64, i64, x<2>, y, z, w, g, h, m<2>, k)`, where `x` has a row for each element of
`y`, `z` and `k`, the others the extents of a row, and `k` holds indices of a row. What it computes is returned or seen
in the arguments. With `ordered`, no sum may be taken in another order; else numbers are kept small, so that those which
begin as small integers stay exact in any order.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import numpy as np
from random_rows import BINARY, Rows

from llad.ir import interp
from llad.ir.core import Function, Value
from llad.ir.types import F64, I64
from llad.ir.verify import verify
from llad.passes.dce import dce


class Writer(Rows):
    """Emits random statements."""

    def program(self) -> Function:
        b, rng = self.b, self.rng
        for _ in range(rng.randrange(1, 5)):
            self.fresh()
        if rng.random() < 0.15:
            self.choose()
        results = self.epochs() if rng.random() < 0.2 else self.samples()
        for s in self.scratch + self.resting:
            if rng.random() < 0.1:
                body = lambda j, t, left=s: [b.op("add", t, b.load(left, j))]  # noqa: E731
                results += self.along([self.s], body)
        b.return_(*results, self.s)
        free = {} if self.ordered or rng.random() < 0.5 else {"fastmath": True}
        return b.function("nest", self.params, **free)

    def epochs(self) -> list[Value]:
        b = self.b
        with b.region([I64, F64]) as region, self.scope():
            b.yield_(self.clipped(b.op("add", region.args[1], self.samples()[0])))
        return list(b.for_(self.zero, b.i64(2), self.one, [self.s], region)[:-1])

    def samples(self) -> list[Value]:
        b, rng = self.b, self.rng
        inits = [self.s, *[b.f64(-0.0)] * (rng.random() < 0.3)]
        with b.region([I64, *[F64 for _ in inits]]) as region, self.scope():
            self.sample, self.sums, self.ready = region.args[0], list(region.args[1:]), []
            self.floats.append(b.load(self.y, self.sample))
            for _ in range(rng.randrange(2, 7)):
                self.statement(0)
            b.yield_(*self.sums)
            self.sample, self.sums = None, []
        lo = self.zero if rng.random() < 0.8 else self.one
        return list(b.for_(lo, self.n, self.one, inits, region)[:-1])

    # -- statements

    def statement(self, depth: int) -> None:
        often = [self.fill, self.reduce, self.multiply, self.recur, self.gather, self.total, self.element] * 3
        often += [self.wipe, self.tidy, self.tidy, self.tidy, self.tape, self.triangle, self.histogram]
        if depth < 2:
            often += [self.branch, self.branch, self.inner]
        if self.rng.random() < 0.08:
            often = [self.check, self.turns, self.fresh, self.crown]
        what = self.rng.choice(often)
        what(depth) if what in (self.branch, self.inner) else what()

    def fill(self) -> None:
        target, source = self.row(writes=True), self.row()

        def body(j: Value) -> list[Value]:
            value = self.number(self.load(source, j))
            buffer, at = target(j)
            self.b.store(value, buffer, *at)
            return []

        self.along([], body)
        self.mark(target)

    def wipe(self) -> None:
        target = self.row(writes=True)

        def body(j: Value) -> list[Value]:
            buffer, at = target(j)
            self.b.store(self.b.f64(0.0), buffer, *at)
            return []

        self.along([], body)
        self.mark(target)

    def tidy(self) -> None:
        """Something is added to scratch that is zero, used, and taken away again, if nothing goes wrong."""
        if not self.resting:
            return
        b, rng, target, source = self.b, self.rng, self.rng.choice(self.resting), self.row()
        assert self.sample is not None
        alone = rng.random() < 0.3

        def fill(j: Value) -> list[Value]:
            at = b.load(self.k, self.sample) if alone else j  # type: ignore[arg-type]
            b.store(self.clipped(b.op("add", b.load(target, at), self.load(source, j))), target, at)
            return []

        def use(j: Value, t: Value) -> list[Value]:
            value = b.load(target, j)
            if together:
                b.store(b.f64(0.0), target, j)
            return [self.clipped(b.op("add", t, value))]

        together = rng.random() < 0.6
        self.along([], fill)
        self.floats += self.along([self.number()], use)
        if not together and rng.random() < 0.9:
            with b.region([I64]) as region:
                b.store(b.f64(0.0 if rng.random() < 0.9 else -0.0), target, region.args[0])
                b.yield_()
            b.for_(self.zero, self.d, self.one, [], region)

    def tape(self) -> None:
        """Row after row of a square from the one before, and then used from the last one on."""
        if not self.squares:
            return
        b, rng, square, source = self.b, self.rng, self.rng.choice(self.squares), self.row()
        with self.guarded():
            first = lambda j: b.store(self.number(self.load(source, j)), square, self.zero, j)  # noqa: E731
            self.along([], lambda j: [first(j) or j][1:])
        late = rng.random() < 0.1

        def step(a: Value) -> list[Value]:
            def inner(j: Value) -> list[Value]:
                before = b.load(square, a if late else b.op("sub", a, self.one), j)
                b.store(self.number(before, self.load(source, j)), square, a, j)
                return []

            self.along([], inner)
            return []

        with b.region([I64]) as region:
            step(region.args[0])
            b.yield_()
        b.for_(self.one, self.d, self.one, [], region)

        def back(a: Value, t: Value) -> list[Value]:
            use = lambda j, u: [self.clipped(self.add(u, b.load(square, a, j)))]  # noqa: E731
            return self.along([t], use)

        self.floats += self.along([self.number()], back)
        self.ready.append(square)

    def reduce(self) -> None:
        b, rng = self.b, self.rng
        first, second = self.row(), self.row()
        name = rng.choice(("add", "add", "max", "mul"))

        def body(j: Value, t: Value) -> list[Value]:
            value = self.number(self.load(first, j), self.load(second, j))
            return [self.clipped(b.op(name, t, value))]

        self.floats += self.along([self.number()], body)

    def multiply(self) -> None:
        """A matrix times a row, into a row."""
        b = self.b
        target, source = self.row(writes=True), self.row()

        def body(a: Value) -> list[Value]:
            def inner(j: Value, t: Value) -> list[Value]:
                product = b.op("mul", b.load(self.m, a, j), self.load(source, j))
                return [self.clipped(self.add(t, product))]

            (total,) = self.along([b.f64(0.0)], inner)
            buffer, at = target(a)
            b.store(total, buffer, *at)
            return []

        self.along([], body)
        self.mark(target)

    def recur(self) -> None:
        """Each element of scratch from the one before."""
        if not self.scratch:
            return
        b, target, source = self.b, self.rng.choice(self.scratch), self.row()
        with self.guarded():
            b.store(self.number(), target, self.zero)
        with b.region([I64]) as region:
            j = region.args[0]
            before = b.load(target, b.op("sub", j, self.one))
            value = b.op(self.rng.choice(BINARY), before, self.load(source, j))
            b.store(self.clipped(value), target, j)
            b.yield_()
        b.for_(self.one, self.d, self.one, [], region)
        self.ready.append(target)

    def gather(self) -> None:
        """What is added to elements that all samples share."""
        b, target, source = self.b, self.rng.choice(self.added), self.row()

        def body(j: Value) -> list[Value]:
            old = b.load(target, j)
            b.store(self.add(old, self.number(self.load(source, j))), target, j)
            return []

        self.along([], body)

    def histogram(self) -> None:
        """An element that the sample chooses, or an inner index and the sample."""
        b, target = self.b, self.rng.choice(self.added)
        assert self.sample is not None
        at = b.load(self.k, self.sample)
        b.store(self.add(b.load(target, at), self.number()), target, at)

    def total(self) -> None:
        b, rng = self.b, self.rng
        which = rng.randrange(len(self.sums))
        if rng.random() < 0.7:
            self.sums[which] = self.add(self.sums[which], self.number())
        elif rng.random() < 0.8:
            source = self.row()
            body = lambda j, t: [self.add(t, self.number(self.load(source, j)))]  # noqa: E731
            (self.sums[which],) = self.along([self.sums[which]], body)
        else:
            self.sums[which] = b.op("max", self.sums[which], self.number())

    def element(self) -> None:
        """An element that is the sample's own."""
        b = self.b
        assert self.sample is not None
        value = self.number()
        if self.rng.random() < 0.5:
            value = self.add(b.load(self.z, self.sample), value)
        b.store(value, self.z, self.sample)

    def triangle(self) -> None:
        """A loop up to the index of another one."""
        b, source = self.b, self.row()
        target = self.row(writes=True)

        def body(a: Value) -> list[Value]:
            def inner(j: Value) -> list[Value]:
                buffer, at = target(j)
                b.store(self.number(self.load(source, j)), buffer, *at)
                return []

            self.along([], inner, hi=a)
            buffer, at = target(a)
            b.store(self.number(), buffer, *at)
            return []

        self.along([], body)

    def condition(self) -> Value:
        """Whether a branch is taken: mostly the same for all samples, or not."""
        b, rng = self.b, self.rng
        if rng.random() < 0.5 and self.sample is not None:
            return b.op("gt", b.load(self.y, self.sample), b.f64(0.0))
        if rng.random() < 0.8:
            return b.op("gt", self.c, b.i64(rng.randrange(3)))
        return b.op("gt", self.number(), b.f64(0.0))

    def branch(self, depth: int) -> None:
        b, condition, before = self.b, self.condition(), self.sums
        regions, yielded = [], []
        for taken in (True, self.rng.random() < 0.4):
            with b.region() as region, self.scope():
                self.sums = [*before]
                if self.rng.random() < 0.25:
                    self.check()
                for _ in range(self.rng.randrange(1, 3) if taken else 0):
                    self.statement(depth + 1)
                b.yield_(*self.sums, self.floats[-1])
            regions.append(region)
            yielded.append(self.sums)
        *self.sums, value = b.if_(condition, *regions)
        self.floats.append(value)

    def inner(self, depth: int) -> None:
        """A few turns of statements, as often for all samples, or not."""
        b, before = self.b, self.sums
        assert self.sample is not None
        hi = b.i64(2) if self.rng.random() < 0.6 else b.op("min", b.load(self.k, self.sample), b.i64(2))
        with b.region([I64, *[F64 for _ in before]]) as region, self.scope():
            self.sums = list(region.args[1:])
            for _ in range(self.rng.randrange(1, 3)):
                self.statement(depth + 1)
            b.yield_(*self.sums)
        self.sums = list(b.for_(self.zero, hi, self.one, before, region)[:-1])

    def check(self) -> None:
        b, rng = self.b, self.rng
        wrong = rng.choice(("ValueError", "IndexError", "KeyError"))
        holds = rng.choice(self.flags) if rng.random() < 0.7 else b.op("lt", self.number(), b.f64(6.0))
        b.check(holds, wrong, f"number {rng.randrange(100)}")

    def turns(self) -> None:
        """A `while` of a few turns."""
        b = self.b
        with b.region([F64, I64]) as condition:
            b.yield_(b.op("lt", condition.args[1], self.c))
        with b.region([F64, I64]) as body:
            value = self.clipped(b.op("mul", body.args[0], self.number()))
            b.yield_(value, b.op("add", body.args[1], self.one))
        self.floats.append(b.while_([self.number(), b.op("max", b.i64(-1), self.zero)], condition, body)[0])

    def crown(self) -> None:
        """The place of the greatest element."""
        b, source = self.b, self.row()

        def body(j: Value, best: Value, at: Value) -> list[Value]:
            value = self.load(source, j)
            more = b.op("gt", value, best)
            return [b.op("select", more, value, best), b.op("select", more, j, at)]

        best, at = self.along([self.number(), self.zero], body)
        self.floats += [best, b.cast(at, F64)]


def program(rng: random.Random, ordered: bool = False) -> Function:
    return Writer(rng, ordered).program()


def arguments(seed: int, rows: int, columns: int, ordered: bool) -> list[Any]:
    """Numbers of any kind if sums keep their order; else small integers, both zeros, and what is no number."""
    r = np.random.default_rng(seed)

    def numbers(*shape: int) -> np.ndarray[Any, Any]:
        if ordered:
            return r.normal(size=shape)
        made = r.integers(-3, 4, size=shape).astype(float)
        if made.size and r.random() < 0.1:
            made.flat[r.integers(made.size)] = r.choice([np.inf, np.nan, -np.inf])
        return np.where((made == 0) & (r.random(shape) < 0.5), -0.0, made)

    shapes = [(rows, columns), (rows,), (rows,), *[(columns,)] * 3, (columns, columns)]
    whole = r.integers(0, max(columns, 1), size=rows)
    return [float(numbers(1)[0]), int(r.integers(4)), *[numbers(*shape) for shape in shapes], whole]


def outcome(fn: Function, args: list[Any]) -> str:
    """The error or the results, and what is in memory afterwards, to the bit; `unsound` if poison is read."""
    args = [a.copy() if isinstance(a, np.ndarray) else a for a in args]
    try:
        with np.errstate(all="ignore"):
            results: Any = interp.run(fn, args)
    except (ValueError, IndexError, KeyError) as error:
        results = [error]
    except AssertionError as error:
        return f"unsound: {error}"
    return repr([*results, *[a.tolist() for a in args if isinstance(a, np.ndarray)]])


def nests(count: int) -> Iterator[tuple[int, Function, list[list[Any]]]]:
    """Random programs, and for each some arguments."""
    for seed in range(count):
        rng = random.Random(seed)
        ordered = seed % 4 == 0
        fn = dce(verify(program(rng, ordered)))
        sizes = [(n, rng.choice((0, 1, 2, 3, 5))) for n in rng.sample(range(10), 3)]
        yield seed, fn, [arguments(seed * 7 + k, *size, ordered) for k, size in enumerate(sizes)]
