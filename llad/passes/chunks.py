"""Loops that may run on threads are cut in chunks: a function of the table, which one op calls for each chunk.

What: the body of a loop marked `threads` moves into a function that runs one chunk of the iterations. What an
iteration adds to a number, it adds to a part of its chunk, which begins as -0.0, the zero that changes nothing; behind
the call, the parts are added up in order. What it adds to an array, it adds to such zeros in memory that the chunk
makes, so no other thread has to do with the lines of the cache that it lies in; a function adds them to the array when
the chunk's turn has come. (If one chunk does all, it adds to the array itself.) How many chunks there are follows from
the trips and from what an iteration does (`chunks_plan.py`), so the result does not depend on who runs them.

When: `sharing.py` proves that the chunks have nothing in common but such sums; and the loop is in no other one that was
cut, and not in a function that is called.

Before:

    func @f(%a: buffer<f64, 1, C>, %n: i64) -> f64 {
      …
      %s: f64, %trips: i64 = for %i in %zero..%n step %one carry (%c: f64 = %none) {'threads': 'may'} {
        %u: f64 = load %a[%i]
        %d: f64 = add %c, %u
        yield %d
      }
      return %s
    }

After, with `%count` chunks, which begin at `%bounds`:

    func @chunk0(%k: i64, %step: i64, %a: …, %bounds: buffer<i64, 1, C>, %parts: buffer<f64, 1, C>) {
      %first: i64 = load %bounds[%k]
      %last: i64 = load %bounds[%following]
      …
      %p: f64, %trips: i64 = for %i in %first..%last step %one carry (%c: f64 = %nothing) { … }
      store %p, %parts[%k]
      return
    }
    func @f(%a: buffer<f64, 1, C>, %n: i64) -> f64 {
      …
      %parts: buffer<f64, 1, C> = alloc(%most)
      call @chunk0(%count, %one, %a, %bounds, %parts) {'chunks': True}
      %s: f64, %all: i64 = for %k in %zero..%count step %one carry (%c: f64 = %none) { … }
      return %s
    }
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from llad.dataclass import dataclass
from llad.ir.alias import Aliases
from llad.ir.build import Builder
from llad.ir.core import Function, Op, Value, constant, defined, makers, walk
from llad.ir.distinct import Distinct
from llad.ir.rewrite import Mapping as Renamed
from llad.ir.rewrite import copy_op, copy_region
from llad.ir.types import I64, BufferType, ScalarType, is_float
from llad.passes.chunks_plan import MOST, Division, Iterations, Work
from llad.passes.rebuild import Rebuild
from llad.passes.sharing import Shares, sharing_of

_AGAIN = frozenset({"const", "undef"})  # what a chunk makes for itself


def chunks(fn: Function) -> Function:
    """`fn` with the loops cut that may run on threads."""
    if not any(op.attrs.get("threads") for op in walk(fn.body)):
        return fn
    return _Chunks(fn).function(fn)


@dataclass
class _Cut:
    """A loop, how many chunks it is cut in, where they begin, and where each leaves its part of the sums."""

    loop: Op
    shares: Shares
    count: Value
    bounds: Value
    step: Value
    parts: list[Value]


class _Chunks(Rebuild):
    def __init__(self, fn: Function) -> None:
        super().__init__()
        self._sharing = sharing_of(fn)
        self._aliases = Aliases(fn)
        self._distinct = Distinct(fn, self._aliases)
        self._overlap = bool(fn.attrs.get("may_alias"))
        self._made = makers(fn.body)
        self._used = {o for op in walk(fn.body) for o in op.operands}
        self._functions = dict(fn.functions)

    def function(self, fn: Function) -> Function:
        made = super().function(fn)
        return made if made is fn else replace(made, functions=self._functions)

    def visit(self, op: Op) -> None:
        if op.attrs.get("threads"):
            step = constant(op.operands[2], self._made)
            counted = op.results[-1] not in self._used or step in (1, -1)
            if counted and not self._overlap and not (shares := self._sharing(op)).why:
                self._cut(op, shares)
                return
        self.keep(op)

    # -- the place of the loop

    def _cut(self, loop: Op, shares: Shares) -> None:
        b = Builder(loop.span)
        lo, hi, step = (self.get(v) for v in loop.operands[:3])
        trips = self._trips(b, loop, lo, hi, step)
        added = [self.get(v) for v in shares.added]
        work = Work(b, loop, self.get, self._made)
        division = Division(b, Iterations(lo, hi, step, trips), work, [_size(b, v) for v in added])
        count = division.count
        parts = [b.alloc(_scalar(c), [b.i64(MOST)], hint="parts") for c in loop.regions[0].args[1:]]
        cut = _Cut(loop, shares, count, division.bounds, step, parts)
        captured, again = self._captured(loop, shares)
        self._call(b, self._chunk(cut, captured, again), cut, [*map(self.get, captured)], added)
        inits = [self.get(v) for v in loop.operands[3:]]
        sums = [_added_up(b, init, part, count) for init, part in zip(inits, parts, strict=True)]
        self.ops += b.root.ops
        self.replace(loop.results, [*sums, trips])

    def _call(self, b: Builder, chunk: Function, cut: _Cut, captured: Sequence[Value], added: Sequence[Value]) -> None:
        """Call the function for each chunk, which has what it adds to for itself if there are several."""
        operands = [cut.step, *captured, cut.bounds, *cut.parts]
        if not added:
            b.chunks(chunk.name, cut.count, operands)
            return
        apart = self._apart_chunk(cut.loop, chunk, [1 + operands.index(v) for v in added])
        with b.region() as alone:
            b.chunk(chunk.name, [b.i64(0), *operands])
            b.yield_()
        with b.region() as several:
            b.chunks(apart.name, cut.count, operands)
            b.yield_()
        b.if_(b.op("eq", cut.count, b.i64(1)), alone, several)

    def _apart_chunk(self, loop: Op, chunk: Function, places: Sequence[int]) -> Function:
        """The function of a chunk that adds to memory of its own, and that to the arrays when its turn has come."""
        b = Builder(loop.span)
        params = _like(chunk.params)
        added = [params[k] for k in places]
        own = [_nothings(b, v) for v in added]
        given = dict(zip(added, own, strict=True))
        b.chunk(chunk.name, [_formed(b, given[p], p) if p in given else p for p in params])
        commit = self._add(_commit(loop, self._unused("commit"), own, added, chunk.attrs))
        b.in_turn(commit.name, params[0], [*own, *added])
        b.return_()
        return self._add(b.function(self._unused("apart"), params, **chunk.attrs))

    def _add(self, fn: Function) -> Function:
        self._functions[fn.name] = fn
        return fn

    def _unused(self, stem: str) -> str:
        return next(n for k in range(len(self._functions) + 1) if (n := f"{stem}{k}") not in self._functions)

    def _trips(self, b: Builder, loop: Op, lo: Value, hi: Value, step: Value) -> Value:
        """The trips; 0 if they do not fit, so that one chunk does all."""
        zero = b.i64(0)
        if constant(loop.operands[2], self._made) == 1:
            far, trips = b.op("sub_overflows", hi, lo), b.op("sub", hi, lo)
        else:
            far = b.op("sub_overflows", lo, hi)
            trips = b.op("neg", b.op("floordiv", b.op("sub", lo, hi), step))
        return b.op("select", far, zero, b.op("max", trips, zero))

    # -- the function of a chunk

    def _captured(self, loop: Op, shares: Shares) -> tuple[list[Value], list[Op]]:
        """What the loop uses from outside, but for what each chunk has of its own; and the ops that each does again.

        These are constants, extents of arrays that it has, and sums of them: so it is known there, too, that an index
        is in range, or that a loop goes through a whole array.
        """
        body = loop.regions[0]
        inside = defined(body)
        wanted = [o for op in walk(body) for o in op.operands if o not in inside]
        wanted = [o for v in wanted for o in (self._made[v].operands if v in shares.scratch else (v,))]
        wanted += shares.added  # for their extents
        given = {v for v in wanted if isinstance(v.type, BufferType)}
        captured: dict[Value, None] = {}
        again: dict[Op, None] = {}

        def take(value: Value) -> None:
            made = self._made.get(value)
            whole = made is not None and value.type == I64 and made.name in ("add", "sub")
            extent = made is not None and made.name == "dim" and made.operands[0] in given
            if made is None or not (made.name in _AGAIN or whole or extent):
                captured[value] = None
            elif made not in again:
                for operand in made.operands:
                    take(operand)
                again[made] = None

        for value in wanted:
            take(value)
        return list(captured), list(again)

    def _chunk(self, cut: _Cut, captured: list[Value], again: list[Op]) -> Function:
        loop, body = cut.loop, cut.loop.regions[0]
        b = Builder(loop.span)
        number, step = leading = [Value(I64, n) for n in ("k", "step")]
        given, (bounds,), parts = _like(captured), _like([cut.bounds]), _like(cut.parts)
        mapping: Renamed = dict(zip(captured, given, strict=True))
        for op in (*again, *(self._made[v] for v in cut.shares.scratch)):
            b.current.ops.append(copy_op(op, mapping))
        one = constant(loop.operands[2], self._made)
        if one is not None:
            step = b.i64(one)
        first, last = b.load(bounds, number), b.load(bounds, b.op("add", number, b.i64(1)))
        zeros = [_nothing(b, _scalar(c)) for c in body.args[1:]]
        inner = copy_region(body, mapping)
        sums = b.for_(first, last, step, zeros, inner, kind=loop.attrs["kind"])
        b.current.ops[-1].attrs |= {k: v for k, v in loop.attrs.items() if k not in ("threads", "exits", "kind")}
        for part, total in zip(parts, sums, strict=False):
            b.store(total, part, number)
        b.return_()
        attrs = {"chunk": True} if self._apart(captured, loop) else {"may_alias": True}
        return self._add(b.function(self._unused("chunk"), [*leading, *given, bounds, *parts], **attrs))

    def _apart(self, captured: Sequence[Value], loop: Op) -> bool:
        """Whether no memory that is passed and written is passed twice."""
        buffers = [v for v in captured if isinstance(v.type, BufferType)]
        written = self._aliases.written(loop)
        changed = [v for v in buffers if not self._aliases.roots(v).isdisjoint(written)]
        return all(a is b or self._distinct(a, b) for a in changed for b in buffers)


def _scalar(value: Value) -> ScalarType:
    assert isinstance(value.type, ScalarType)
    return value.type


def _buffer(value: Value) -> BufferType:
    assert isinstance(value.type, BufferType)
    return value.type


def _extents(b: Builder, buffer: Value) -> list[Value]:
    return [b.dim(buffer, axis) for axis in range(_buffer(buffer).rank)]


def _size(b: Builder, buffer: Value) -> Value:
    size = b.i64(1)
    for extent in _extents(b, buffer):
        size = b.op("mul", size, extent)
    return size


def _nothing(b: Builder, type: ScalarType) -> Value:
    """What changes no number that it is added to."""
    return b.const(-0.0 if is_float(type) else 0, type)


def _nothings(b: Builder, like: Value) -> Value:
    """An array of the extents of another that changes none to which it is added."""
    type, extents = _buffer(like).dtype, _extents(b, like)
    if not is_float(type):
        return b.alloc(type, extents, zero=True, hint="own")
    own, nothing = b.alloc(type, extents, hint="own"), _nothing(b, type)
    flat = _flat(b, own)
    b.nest(_extents(b, flat), lambda at: b.store(nothing, flat, *at))
    return own


def _flat(b: Builder, buffer: Value) -> Value:
    """The elements in one row, so that one loop goes through them, however short the last axis is."""
    return b.reshaped(buffer, [_size(b, buffer)]) if _buffer(buffer).rank > 1 else buffer


def _added_up(b: Builder, init: Value, parts: Value, count: Value) -> Value:
    type = _scalar(init)
    with b.region([I64, type], ["k", init.name]) as body:
        number, total = body.args
        part = b.load(parts, number)
        if type == I64:
            fits = b.op("not", b.op("add_overflows", total, part))
            b.check(fits, "OverflowError", "an integer result does not fit in 64 bits")
        b.yield_(b.op("add", total, part))
    return b.for_(b.i64(0), count, b.i64(1), [init], body)[0]


def _formed(b: Builder, memory: Value, like: Value) -> Value:
    """The memory as an array of the same type as another."""
    return memory if _buffer(like).layout == "C" else b.strided(memory)


def _commit(loop: Op, name: str, own: Sequence[Value], added: Sequence[Value], attrs: Mapping[str, Any]) -> Function:
    """The function that adds what a chunk has of its own."""
    b = Builder(loop.span)
    number, mine, shared = Value(I64, "k"), _like(own), _like(added)
    for memory, buffer in zip(mine, shared, strict=True):
        if _buffer(buffer).layout == "C":
            memory, buffer = _flat(b, memory), _flat(b, buffer)
        _add(b, buffer, memory)
    b.return_()
    return b.function(name, [number, *mine, *shared], **attrs)


def _like(values: Sequence[Value]) -> list[Value]:
    return [Value(v.type, v.name) for v in values]


def _add(b: Builder, buffer: Value, memory: Value) -> None:
    b.nest(_extents(b, memory), lambda at: b.store(b.op("add", b.load(buffer, *at), b.load(memory, *at)), buffer, *at))
