"""Checkpointed loops go in stretches, each of several iterations that the reverse sweep reruns and reverses together.

Before:

    for %i in %lo..%hi step 1 carry (%u = %start) {'checkpoint': limit} { … }

After, with as many iterations a stretch as `_length` says:

    for %k in 0..%count step 1 carry (%u = %start) {'checkpoint': limit} {
      for %i in %lo + %k * %length .. min(%lo + (%k + 1) * %length, %hi) step 1 carry (%u_1 = %u) { … }
    }

So copies of the state are made and taken once a stretch, and inside a stretch arrays are handed on as the program has
it. The inner loop is like any other. What it keeps, a tape of one stretch, is bounded for any number of iterations.

When: the loop goes up by ones, and about how much an iteration keeps is known before the loop: the loops in it have
bounds that do not change, and it calls nothing. A stretch keeps at most about as much as the copies may take. Where
that is less than one iteration keeps, or where nobody knows, a stretch is one iteration. It is also one iteration where
the loop holds another one that is checkpointed, since that may not stand in a loop that is taped.
"""

from __future__ import annotations

from collections.abc import Mapping

from llad.ir.build import Builder
from llad.ir.core import CHECKPOINT, Limit, Op, Region, Value, defined, loop_carries, loop_inits, makers, walk
from llad.ir.types import F64, I64, BufferType, ScalarType, is_float

LONGEST = 64  # iterations of a stretch
_FEW = 1 << 16  # bytes that a stretch may keep however few are allowed for copies of numbers
_MOST = 1 << 26
_LINEAR = frozenset({"add", "sub", "neg", "select", "max", "min", "load", "const", "undef", "cast"})  # keep nothing
_UNKNOWN = frozenset({"while", "call", "derivative", "matmul", "push", "pop", "lifo"})
_SUMS = frozenset({"add", "sub", "mul", "min", "max"})


def stretched(b: Builder, loop: Op, constants: Mapping[Value, object]) -> tuple[Op, Value] | None:
    """The loop over the stretches of `loop`, and how often `loop` ran; `b` emits what both need before the loop.

    The results are those of `loop`, but for the trips. `loop` itself has lost its region.
    """
    lo, hi, step = loop.operands[:3]
    if LONGEST == 1 or constants.get(step) != 1:
        return None
    sizes = _Sizes(b, loop)
    kept = sizes.kept(loop.regions[0])
    if kept is None:
        return None
    none, one = b.i64(0), b.i64(1)
    most = b.i64(2**63 - 1)
    trips = b.op("select", b.op("sub_overflows", hi, lo), most, b.op("max", b.op("sub", hi, lo), none))
    length = _length(b, kept, _allowed(b, loop.attrs[CHECKPOINT], trips, sizes.state(loop)))
    trips.name, length.name = trips.name or "trips", length.name or "length"  # `explain` speaks of them
    count = b.op("add", b.op("floordiv", b.op("sub", trips, one), length), one)
    carries = loop_carries(loop)
    with b.region([I64, *[c.type for c in carries]], ["stretch", *[c.name for c in carries]]) as body:
        number, *given = body.args
        start = b.op("add", lo, b.op("mul", number, length))
        end = b.op("add", start, b.op("min", length, b.op("sub", hi, start)))
        inner = b.for_(start, end, step, given, loop.regions[0], kind=loop.attrs["kind"])
        b.yield_(*inner[:-1])
    operands = (none, count, one, *loop_inits(loop))
    attrs = {key: value for key, value in loop.attrs.items() if key != "apart"}
    if loop.attrs[CHECKPOINT][0] == "default":
        attrs[CHECKPOINT] = ("stretches", 0)
    return Op("for", operands, (*loop.results[:-1], Value(I64)), attrs, (body,), loop.span), trips


def _length(b: Builder, kept: Value, allowed: Value) -> Value:
    """How many iterations that keep so many bytes each make a stretch."""
    wanted = b.op("div", allowed, b.op("max", kept, b.f64(1.0)))
    return b.cast(b.op("max", b.f64(1.0), b.op("min", b.f64(LONGEST), wanted)), I64)


def _allowed(b: Builder, limit: Limit, trips: Value, state: Value) -> Value:
    """The bytes of all copies that a loop is allowed, as far as a stretch may keep as many, too."""
    kind, number = limit
    if kind == "memory":
        return b.f64(min(number, _MOST))
    copies = b.f64(number) if kind == "slots" else b.op("sqrt", b.op("mul", b.f64(2.0), b.cast(trips, F64)))
    return b.op("min", b.op("max", b.op("mul", copies, state), b.f64(_FEW)), b.f64(_MOST))


class _Sizes:
    """About how many bytes an iteration of `loop` keeps, and a copy of its state has, as numbers known before it."""

    def __init__(self, b: Builder, loop: Op) -> None:
        self._b = b
        body = loop.regions[0]
        self._inside = defined(body)
        self._made = makers(body)
        self._starts = dict(zip(loop_carries(loop), loop_inits(loop), strict=True))

    def state(self, loop: Op) -> Value:
        """The bytes of what the loop hands on and of the arrays that it stores to."""
        stored = {op.operands[1] for op in walk(loop.regions[0]) if op.name == "store"}
        arrays = dict.fromkeys([*self._starts.values(), *(v for v in stored if v not in self._inside)])
        total = self._b.f64(8.0 * len(self._starts))
        for array in arrays:
            if isinstance(array.type, BufferType):
                extents = [self._b.cast(self._b.dim(array, k), F64) for k in range(array.type.rank)]
                size = self._product([self._b.f64(array.type.dtype.bytes), *extents])
                assert size is not None
                total = self._b.op("add", total, size)
        return total

    def kept(self, region: Region) -> Value | None:
        """The bytes of what partials take, and twice those of the memory that is made; None if unknown."""
        b = self._b
        plain = 0
        parts: list[Value | None] = []
        for op in region.ops:
            if op.name in _UNKNOWN or op.attrs.get("exits") or CHECKPOINT in op.attrs:
                return None
            if op.name == "for":
                parts.append(self._product([self._distance(*op.operands[:2]), self.kept(op.regions[0])]))
            elif op.name == "alloc":
                assert isinstance(op.result.type, BufferType)
                extents = [self._float(extent) for extent in op.operands]
                parts.append(self._product([b.f64(2.0 * op.result.type.dtype.bytes), *extents]))
            elif op.regions or op.name not in _LINEAR:
                parts += map(self.kept, op.regions)
                types = [r.type for r in op.results]
                plain += sum(t.bytes for t in types if isinstance(t, ScalarType) and is_float(t))
        total = b.f64(plain)
        for part in parts:
            if part is None:
                return None
            total = b.op("add", total, part)
        return total

    def _product(self, factors: list[Value | None]) -> Value | None:
        total = self._b.f64(1.0)
        for factor in factors:
            if factor is None:
                return None
            total = self._b.op("mul", total, factor)
        return total

    def _distance(self, first: Value, second: Value) -> Value | None:
        lo, hi = self._float(first), self._float(second)
        return None if lo is None or hi is None else self._b.op("abs", self._b.op("sub", hi, lo))

    def _float(self, value: Value) -> Value | None:
        number = self._before(value)
        return None if number is None else self._b.cast(number, F64)

    def _before(self, value: Value) -> Value | None:
        """An integer as it can be had before the loop. (An array that is handed on keeps its extents.)"""
        if value not in self._inside:
            return value
        op = self._made.get(value)
        if op is None:
            return None
        if op.name == "const":
            return self._b.i64(op.attrs["value"])
        if op.name == "dim":
            buffer = self._starts.get(op.operands[0], op.operands[0])
            return None if buffer in self._inside else self._b.dim(buffer, op.attrs["axis"])
        if op.name not in _SUMS:
            return None
        operands = [found for o in op.operands if (found := self._before(o)) is not None]
        return self._b.op(op.name, *operands) if len(operands) == len(op.operands) else None
