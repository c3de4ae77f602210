"""How many chunks a loop is cut in, and where (`chunks.py`): arithmetic that stands before the loop.

The iterations do so much that the whole is worth several threads; a chunk does so much that to begin it costs nothing
against that, nor to make and add up the elements that each chunk has of its own. Within that there are many, so that
threads which are not equally fast end together; an even number, as most machines have of cores. What an iteration does
is the ops in it times the trips of the loops around them, whose bounds are known outside or follow from an enclosing
index: the trips of `range(d)` are `d`, and those of `range(i)` half of what they are for the last `i`. Where that
changes from the first iteration to the last, chunks are cut so that each does as much.

Invariant: nothing here depends on threads.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from llad.dataclass import dataclass
from llad.ir.build import Builder
from llad.ir.core import Op, Region, Value, defined
from llad.ir.types import F64, I64
from llad.ops.cost import additions

MOST = 64  # chunks of a loop
LEAST = 1 << 17  # additions of a loop that is cut at all
_CHUNK = 1 << 16  # additions of a chunk
_UNKNOWN = 8.0  # trips of an inner loop that does not say how many
# Iterations that may go side by side, so chunks have all of them, if there are so many such groups.
_TOGETHER = (4, 16), (8, 32)
# Additions of a chunk for each element of which it has its own. To make it, and to add it to the others, which come
# from the cache of another processor, takes about as long as 40 of them, if these are vectors.
_PRIVATE = 1536.0
_FREE = frozenset({"const", "undef", "dim", "yield"})
_FAR = float(1 << 62)
_SUMS = frozenset({"add", "sub", "mul", "min", "max"})


@dataclass(frozen=True, slots=True)
class Iterations:
    """Of a loop: from where to where, by how much, and how many."""

    lo: Value
    hi: Value
    step: Value
    trips: Value


class Division:
    """`count`: how many chunks; `bounds: i64[MOST + 1]`: where each begins, and where the last ends."""

    def __init__(self, b: Builder, iterations: Iterations, work: Work, sizes: Sequence[Value]) -> None:
        self._b = b
        self._iterations = iterations
        self._first, self._last = work.ends(iterations)
        self._unit, self._groups = self._in_groups()
        self.count = self._count(sizes)
        self.bounds = b.alloc(I64, [b.i64(MOST + 1)], hint="bounds")
        self._fill(work.varies)

    def _count(self, sizes: Sequence[Value]) -> Value:
        b, trips = self._b, self._iterations.trips
        mean = b.op("mul", b.op("add", self._first, self._last), b.f64(0.5))
        total = b.op("mul", b.cast(trips, F64), mean)
        most = b.op("min", b.op("mul", total, b.f64(1.0 / _CHUNK)), b.f64(MOST))
        for size in sizes:
            private = b.op("mul", b.cast(b.op("max", size, b.i64(1)), F64), b.f64(_PRIVATE))
            most = b.op("min", most, b.op("div", total, private))
        whole = b.op("min", b.cast(most, I64), self._groups)
        even = self._multiple(whole, 2)
        wanted = b.op("select", b.op("lt", whole, b.i64(4)), even, self._multiple(whole, 4))
        short = b.op("lt", total, b.f64(LEAST))
        return b.op("max", b.op("select", short, b.i64(1), wanted), b.i64(1))

    def _multiple(self, number: Value, of: int) -> Value:
        b = self._b
        return b.op("mul", b.op("floordiv", number, b.i64(of)), b.i64(of))

    def _in_groups(self) -> tuple[Value, Value]:
        """How many iterations are never parted, if there are many, and how many such groups there are."""
        b, trips = self._b, self._iterations.trips
        unit = b.i64(1)
        for together, least in _TOGETHER:
            unit = b.op("select", b.op("ge", trips, b.i64(together * least)), b.i64(together), unit)
        rest = b.op("ne", b.op("mod", trips, unit), b.i64(0))
        return unit, b.op("add", b.op("floordiv", trips, unit), b.op("select", rest, b.i64(1), b.i64(0)))

    def _fill(self, varies: bool) -> None:
        """Chunk `k` begins with the group where `k / count` of the work is done."""
        b, its, count, unit, groups = self._b, self._iterations, self.count, self._unit, self._groups
        zero, one = b.i64(0), b.i64(1)
        with b.region([I64], ["k"]) as body:
            (k,) = body.args
            share = b.op("div", b.cast(k, F64), b.cast(count, F64))
            share = self._where(share) if varies else share
            group = b.cast(b.op("min", b.op("mul", b.cast(groups, F64), share), b.f64(_FAR)), I64)
            done = b.op("eq", k, count)
            done = b.op("or", done, b.op("ge", group, groups))
            begin = b.op("add", its.lo, b.op("mul", b.op("mul", group, unit), its.step))
            place = b.op("select", b.op("eq", k, zero), its.lo, b.op("select", done, its.hi, begin))
            b.store(place, self.bounds, k)
            b.yield_()
        b.for_(zero, b.op("add", count, one), one, [], body)

    def _where(self, share: Value) -> Value:
        """The part of the iterations that does a share of the work, which changes evenly from `a` to `c`.

        They do a·x + (c - a)·x²/2 of (a + c)/2. So x = share·(a + c) / (a + √(a² + share·(c² - a²))).
        """
        b, a, c = self._b, self._first, self._last
        begun = b.op("mul", b.op("mul", a, a), b.op("sub", b.f64(1.0), share))
        root = b.op("sqrt", b.op("add", begun, b.op("mul", b.op("mul", c, c), share)))
        return b.op("div", b.op("mul", share, b.op("add", a, c)), b.op("add", a, root))


class Work:
    """What the iterations of a loop do, in additions. `varies`: whether that follows from the loop's index."""

    def __init__(
        self, b: Builder, loop: Op, outside: Callable[[Value], Value], made: Mapping[Value, Op]
    ) -> None:
        self._b = b
        self._body = loop.regions[0]
        self._inside = defined(self._body)
        self._outside = outside
        self._made = made
        self._index: dict[Value, Value] = {}
        self.varies = False

    def ends(self, iterations: Iterations) -> tuple[Value, Value]:
        """What the first iteration does, and the last."""
        b = self._b
        last = b.op("sub", iterations.trips, b.i64(1))
        end = b.op("add", b.cast(iterations.lo, F64), b.op("mul", b.cast(last, F64), b.cast(iterations.step, F64)))
        return self._at(b.cast(iterations.lo, F64)), self._at(end)

    def _at(self, index: Value) -> Value:
        self._index = {self._body.args[0]: index}
        return self._b.op("max", self._region(self._body), self._b.f64(1.0))

    def _region(self, region: Region) -> Value:
        b = self._b
        total = b.f64(sum(0 if op.name in _FREE else max(additions(op.name), 1) for op in region.ops))
        for op in region.ops:
            if op.name == "for":
                trips = self._trips(op)
                total = b.op("add", total, b.op("mul", trips, self._region(op.regions[0])))
            else:
                for inner in op.regions:
                    times = b.f64(_UNKNOWN if op.name == "while" else 1.0)
                    total = b.op("add", total, b.op("mul", times, self._region(inner)))
        return total

    def _trips(self, loop: Op) -> Value:
        """How many trips an inner loop has, whose index is in the middle from then on."""
        b = self._b
        lo, hi, step = (self._number(v) for v in loop.operands[:3])
        if lo is None or hi is None or step is None:
            return b.f64(_UNKNOWN)
        self._index[loop.regions[0].args[0]] = b.op("mul", b.op("add", lo, hi), b.f64(0.5))
        return b.op("max", b.op("div", b.op("sub", hi, lo), step), b.f64(0.0))

    def _number(self, value: Value) -> Value | None:
        """An integer of an iteration, if it follows from what is known before the loop, and from indices."""
        b, made = self._b, self._made.get(value)
        if value in self._index:
            self.varies |= value is self._body.args[0]
            return self._index[value]
        if value not in self._inside:
            return b.cast(self._outside(value), F64)
        if made is None:
            return None
        if made.name == "const":
            return b.f64(float(made.attrs["value"]))
        if made.name == "dim" and made.operands[0] not in self._inside:
            return b.cast(b.dim(self._outside(made.operands[0]), made.attrs["axis"]), F64)
        if made.name not in _SUMS:
            return None
        one, other = map(self._number, made.operands)
        return None if one is None or other is None else b.op(made.name, one, other)
