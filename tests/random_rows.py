"""What random nests of loops are written with: arrays, numbers, and loops along rows."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from llad.ir.build import Builder
from llad.ir.core import Value
from llad.ir.types import BOOL, F64, I64, BufferType

VECTOR, MATRIX, WHOLE = BufferType(F64, 1), BufferType(F64, 2), BufferType(I64, 1)
BINARY = ("add", "sub", "mul", "min", "max")
Row = Callable[[Value], tuple[Value, tuple[Value, ...]]]  # of an index: a buffer, and where in it that element is


class Rows:
    """The parameters, scratch and numbers of a nest. With `ordered`, no sum may be taken in another order."""

    def __init__(self, rng: random.Random, ordered: bool) -> None:
        self.rng, self.b, self.ordered = rng, Builder(), ordered
        types = {"s": F64, "c": I64, "x": MATRIX, "y": VECTOR, "z": VECTOR, "w": VECTOR, "g": VECTOR, "h": VECTOR}
        self.params = [Value(t, name) for name, t in {**types, "m": MATRIX, "k": WHOLE}.items()]
        self.s, self.c, self.x, self.y, self.z, self.w, self.g, self.h, self.m, self.k = self.params
        b = self.b
        self.zero, self.one = b.i64(0), b.i64(1)
        self.n, self.d = b.dim(self.x, 0), b.dim(self.x, 1)
        self.floats = [self.s, b.f64(0.5 if ordered else 2.0)]
        self.small = [b.f64(-8.0), b.f64(8.0)]
        self.flags = [b.op("lt", self.c, b.i64(3)), b.const(False, BOOL)]
        self.sample: Value | None = None
        self.sums: list[Value] = []
        self.added = [self.g, self.h]
        self.scratch: list[Value] = []
        self.squares: list[Value] = []
        self.resting: list[Value] = []  # scratch that is zero between samples, mostly
        self.ready: list[Value] = []  # scratch that this sample has filled, mostly

    # -- memory

    def fresh(self) -> None:
        roll = self.rng.random()
        if roll < 0.25:
            self.squares.append(self.b.alloc(F64, [self.d, self.d], zero=True, hint="square"))
        elif roll < 0.5:
            self.resting.append(self.b.alloc(F64, [self.d], zero=True, hint="resting"))
        else:
            self.scratch.append(self.b.alloc(F64, [self.d], zero=roll < 0.7, hint="scratch"))

    def choose(self) -> None:
        """A handle that is one buffer or another."""
        b = self.b
        ways = [self.g, self.h] if self.rng.random() < 0.7 or not self.scratch else [self.scratch[0], self.g]
        regions = []
        for way in ways:
            with b.region() as region:
                b.yield_(way)
            regions.append(region)
        (chosen,) = b.if_(b.op("gt", self.c, self.zero), *regions)
        self.added = [chosen] if self.rng.random() < 0.7 else [chosen, *self.added]

    def row(self, writes: bool = False) -> Row:
        """One of what has as many elements as a row."""
        b, rng = self.b, self.rng
        careless = rng.random() < 0.03
        own = self.scratch + self.squares
        own = own if writes or careless else [v for v in own if v in self.ready]
        kinds = [own] * 4 if own else []
        kinds += [self.resting] if self.resting and careless else []
        kinds += [[self.x]] if writes else [[self.x], [self.w], [self.m], [self.w]]
        kind = rng.choice(kinds)
        buffer = rng.choice(kind)
        if kind == [self.x] and self.sample is not None and rng.random() < 0.3:
            buffer = b.view(self.x, ["index", "full"], self.sample)
        elif buffer.type == MATRIX and kind == [self.m] and rng.random() < 0.3:
            buffer = b.transposed(self.m, (1, 0))
        if buffer.type.rank == 1:
            return lambda j: (buffer, (j,))
        if buffer is self.x:
            first = self.sample if self.sample is not None else self.zero
            return lambda j: (buffer, (first, j))
        ways = [lambda j: (self.zero, j), lambda j: (j, self.zero), lambda j: (j, j), lambda j: (self.last(j), j)]
        at = rng.choice(ways)
        return lambda j: (buffer, at(j))

    def last(self, j: Value) -> Value:
        """The index as far from the end as another one from the beginning."""
        return self.b.op("sub", self.b.op("sub", self.d, self.one), j)

    # -- numbers

    def number(self, *near: Value) -> Value:
        b, rng = self.b, self.rng
        value = rng.choice([*near, *self.floats[-4:]])
        for _ in range(rng.randrange(3)):
            value = b.op(rng.choice(BINARY), value, rng.choice([*near, *near, *self.floats]))
        return value if self.ordered else self.clipped(value)

    def clipped(self, value: Value) -> Value:
        low, high = self.small
        return self.b.op("min", self.b.op("max", value, low), high)

    def mark(self, row: Row) -> None:
        """What was written to is ready."""
        self.ready.append(row(self.zero)[0])

    def load(self, row: Row, index: Value) -> Value:
        buffer, at = row(index)
        return self.b.load(buffer, *at)

    def add(self, total: Value, value: Value) -> Value:
        b, rng = self.b, self.rng
        attrs = {"reassoc": True} if not self.ordered and rng.random() < 0.8 else {}
        if rng.random() < 0.2:
            return b.emit("sub", [total, value], [F64], attrs).result
        operands = [total, value] if rng.random() < 0.7 else [value, total]
        return b.emit("add", operands, [F64], attrs).result

    # -- loops

    def along(self, inits: list[Value], body: Callable[..., list[Value]], hi: Value | None = None) -> list[Value]:
        """A loop over a row, or up to `hi`: mostly all of it, up or down."""
        b, rng = self.b, self.rng
        lo, hi, step = self.zero, self.d if hi is None else hi, self.one
        roll = rng.random()
        if roll < 0.3:
            lo, hi, step = b.op("sub", hi, self.one), b.i64(-1), b.i64(-1)
        elif roll < 0.34:
            lo = self.one
        elif roll < 0.38:
            hi = b.op("sub", hi, self.one)
        exits = rng.random() < 0.02
        before = len(self.floats)
        with b.region([I64, *[v.type for v in inits]]) as region:
            yielded = body(*region.args)
            leave = [b.op("eq", region.args[0], self.c)] if exits else []
            b.yield_(*leave, *yielded)
        del self.floats[before:]
        return list(b.for_(lo, hi, step, inits, region, exits=exits)[:-1])

    @contextmanager
    def scope(self) -> Iterator[None]:
        kept = [[*values] for values in (self.floats, self.scratch, self.squares, self.resting, self.added, self.ready)]
        yield
        self.floats, self.scratch, self.squares, self.resting, self.added, self.ready = kept

    @contextmanager
    def guarded(self) -> Iterator[None]:
        """Where a row has an element at all."""
        b = self.b
        with b.region() as then:
            yield
            b.yield_()
        with b.region() as otherwise:
            b.yield_()
        b.if_(b.op("gt", self.d, self.zero), then, otherwise)
