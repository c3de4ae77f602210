"""Arrays that iterations make anew and hand on take turns in the same memory.

What: an iteration may make an array and hand it on in place of the one that it was given, which nobody needs any more
(`u = u + h * f(u)`). Then it is given a second array, writes to that instead, and hands both on, the old one to be
written next. So neither the program nor its reverse sweep needs an array for each iteration: each has two, which stay
in a cache. If the array is handed on through several names (`old, u = u, …`), there is one more for each.

When: the array that an iteration makes goes to one name of the next one and, from there, to at most one other. In the
loop, it is only loaded, stored and viewed. It has the extents of the array with which the loop begins. That one is made
only to begin with, or is copied. The loop is not checkpointed.

Before:

    func @f(%n: i64, %m: i64, %h: f64) {
      %zero: i64 = const 0
      %one: i64 = const 1
      %x: buffer<f64, 1, C> = alloc(%n) zero
      %y: buffer<f64, 1, C>, %t: i64 = for %k in %zero..%m step %one carry (%u: buffer<f64, 1, C> = %x) {
        %new: buffer<f64, 1, C> = alloc(%n)
        %v: i64 = for %i in %zero..%n step %one {
          %a: f64 = load %u[%i]
          %b: f64 = add %a, %h
          store %b, %new[%i]
          yield
        }
        yield %new
      }
      return %y
    }

After (and `dce`):

    func @f(%n: i64, %m: i64, %h: f64) {
      %zero: i64 = const 0
      %one: i64 = const 1
      %x: buffer<f64, 1, C> = alloc(%n) zero
      %new: buffer<f64, 1, C> = alloc(%n)
      %y: buffer<f64, 1, C>, %0: buffer<f64, 1, C>, %t: i64 = for %k in %zero..%m step %one carry ( \
%u: buffer<f64, 1, C> = %x, %new_1: buffer<f64, 1, C> = %new) {
        %v: i64 = for %i in %zero..%n step %one {
          %a: f64 = load %u[%i]
          %b: f64 = add %a, %h
          store %b, %new_1[%i]
          yield
        }
        yield %new_1, %u
      }
      return %y
    }
"""

from __future__ import annotations

from collections.abc import Sequence

from llad.dataclass import dataclass
from llad.ir.alias import Aliases
from llad.ir.build import Builder
from llad.ir.core import CHECKPOINT, Function, Op, Region, Value, defined, loop_inits, loop_yields, makers, walk
from llad.ir.types import BufferType
from llad.passes.ranges import Ranges
from llad.passes.rebuild import Rebuild

_TOUCHES = frozenset({"load", "store", "dim"})
_MOST = 3  # names through which an array is handed on


def rotate(fn: Function) -> Function:
    """`fn` with the arrays that iterations make anew and hand on in memory that takes turns."""
    return _Rotate(fn).function(fn)


@dataclass(frozen=True, slots=True)
class _Turn:
    """`made`: the array that an iteration makes. `carries`: the numbers of those that hold it, one after the other;
    `copied`: those of them that do not begin with an array of their own."""

    made: Op
    carries: list[int]
    copied: list[int]


class _Rotate(Rebuild):
    def __init__(self, fn: Function) -> None:
        super().__init__()
        self._ranges = Ranges(fn)
        self._aliases = Aliases(fn)
        self._body = fn.body
        self._made = makers(fn.body)
        self._place: dict[Op, int] = {}
        self._users: dict[Value, list[Op]] = {}
        for number, op in enumerate(walk(fn.body)):
            self._place[op] = number
            for operand in op.operands:
                self._users.setdefault(operand, []).append(op)
        self._here = fn.body
        self._spare: dict[Op, Value] = {}  # what an allocation becomes
        self._also: dict[Op, list[Value]] = {}  # what the end of an iteration hands on, too

    # -- what is known where we are

    def visit(self, op: Op) -> None:
        ranges = self._ranges
        if op.name in ("for", "while"):
            self._loop(op)
        elif op.name == "if":
            regions = []
            for region, holds in zip(op.regions, (True, False), strict=True):
                with ranges.scope():
                    ranges.assume(op.operands[0], holds)
                    regions.append(self._inside(region))
            self.copy(op, self.operands(op), tuple(regions))
        elif op in self._spare:
            self.mapping[op.result] = self._spare[op]
            if op.attrs["zero"]:
                self._fill(op)
        elif op in self._also:
            self.copy(op, (*self.operands(op), *map(self.get, self._also[op])))
        else:
            ranges.define(op)
            self.keep(op)
            if op.name == "check":
                ranges.assume(op.operands[0])

    def _inside(self, region: Region) -> Region:
        outer, self._here = self._here, region
        rebuilt = self.region(region)
        self._here = outer
        return rebuilt

    # -- which arrays

    def _turns(self, loop: Op) -> list[_Turn]:
        if CHECKPOINT in loop.attrs or loop.attrs.get("threads"):
            return []
        body = loop.regions[-1]
        yielded = loop_yields(loop)
        candidates = [
            (k, made) for k, value in enumerate(yielded) if (made := self._made.get(value)) and made in body.ops
        ]
        inside = defined(body) if candidates else set()
        turns = [self._turn(loop, k, made, yielded, inside) for k, made in candidates]
        return [turn for turn in turns if turn is not None]

    def _turn(self, loop: Op, k: int, made: Op, yielded: Sequence[Value], inside: set[Value]) -> _Turn | None:
        body, inits = loop.regions[-1], loop_inits(loop)
        if made.name != "alloc" or "storage" in made.attrs or not inside.isdisjoint(made.operands):
            return None
        carries, held = [k], [made.result, *_held(loop, k)]
        while following := [j for j, value in enumerate(yielded) if value is _args(body, loop)[carries[-1]]]:
            carries += following
            held += [value for j in following for value in _held(loop, j)]
            if len(following) > 1 or len(carries) > _MOST:
                return None
        if yielded.count(made.result) > 1 or any(value.type != made.result.type for value in held):
            return None
        if not all(self._is_only_touched(value, body.terminator) for value in held):
            return None
        if not all(self._has_extents(inits[j], made.operands) for j in carries):
            return None
        copied = [j for j in carries if not self._is_own(inits[j], loop)]
        read = all(self._is_only_read(value, body.terminator) for j in copied for value in _held(loop, j))
        read = read and all(self._is_only_read(loop.results[j]) for j in copied)
        read = read and all(self._is_steady(inits[j], loop) for j in copied)
        return _Turn(made, carries, copied) if read else None

    def _is_only_touched(self, array: Value, end: Op | None = None) -> bool:
        """Whether nothing but elements and extents of an array is used, and what is handed on at the end."""
        return all(
            (op.name == "view" and self._is_only_touched(op.result)) or op.name in _TOUCHES or op is end
            for op in self._users.get(array, ())
        )

    def _is_only_read(self, array: Value, end: Op | None = None) -> bool:
        """Whether nothing but loads and extents is asked of an array, be it through a view, and `end` hands it on."""
        return all(
            (op.name == "view" and self._is_only_read(op.result)) or op.name in ("load", "dim") or op is end
            for op in self._users.get(array, ())
        )

    def _is_steady(self, array: Value, loop: Op) -> bool:
        """Whether nothing is stored to an array from the beginning of a loop on, under whatever name."""
        roots = self._aliases.roots(array)
        again = self._here is not self._body and self._made.get(array) not in self._here.ops
        return not any(
            (again or place > self._place[loop]) and not roots.isdisjoint(self._aliases.written(op))
            for op, place in self._place.items()
            if not op.regions
        )

    def _is_own(self, array: Value, loop: Op) -> bool:
        """Whether an array is made here for the loop to begin with, and nothing touches it from then on."""
        made = self._made.get(array)
        if made is None or made.name != "alloc" or "storage" in made.attrs or made not in self._here.ops:
            return False
        others = [op for op in self._users[array] if op is not loop]
        return loop_inits(loop).count(array) == 1 and all(self._is_past(op, loop) for op in others)

    def _is_past(self, use: Op, loop: Op) -> bool:
        """Whether a use of an array, or of a view of it, stands before a loop, and only touches it."""
        if use.name == "view":
            return all(self._is_past(op, loop) for op in self._users.get(use.result, ()))
        return use.name in _TOUCHES and self._place[use] < self._place[loop]

    def _has_extents(self, array: Value, extents: Sequence[Value]) -> bool:
        """Whether an array is known to be as long on each axis."""
        made = self._made.get(array)
        if made is not None and made.name == "alloc":
            return all(map(self._are_equal, made.operands, extents))
        found = {(op.attrs["axis"], op.result) for op in self._users.get(array, ()) if op.name == "dim"}
        return all(
            any(k == axis and self._are_equal(dim, extent) for k, dim in found) for axis, extent in enumerate(extents)
        )

    def _are_equal(self, first: Value, second: Value) -> bool:
        difference = self._ranges.form(first).plus(self._ranges.form(second), -1)
        holds = self._ranges.knowledge.holds
        return holds(difference) and holds(difference.times(-1))

    # -- writing

    def _loop(self, op: Op) -> None:
        turns, ranges = self._turns(op), self._ranges
        operands, spare = self.operands(op), []
        for turn in turns:
            operands = self._begun(op, turn, operands)
            spare.append(self._like(turn.made, op))
        types = [array.type for array in spare]
        with ranges.scope():
            if op.name == "for":
                ranges.enter_for(op)
            else:
                ranges.enter_while(op)
            regions = [self._with(op, region, turns) for region in op.regions]
        if not turns:
            self.copy(op, operands, tuple(regions))
            return
        results = (*op.results[:-1], *[Value(type) for type in types], op.results[-1])
        operands = (*operands, *spare)
        self.ops.append(Op(op.name, operands, results, op.attrs, tuple(regions), op.span))

    def _like(self, made: Op, loop: Op) -> Value:
        """Memory before the loop, as for an array that an iteration makes."""
        extents = [self.get(extent) for extent in made.operands]
        array = self.emit("alloc", extents, [made.result.type], loop.span, {"zero": False}).result
        array.name = made.result.name
        return array

    def _begun(self, loop: Op, turn: _Turn, operands: tuple[Value, ...]) -> tuple[Value, ...]:
        """The operands of a loop with copies of what it must not write."""
        first = len(operands) - len(loop_inits(loop))
        begun = list(operands)
        for j in turn.copied:
            begun[first + j] = self._copied(operands[first + j], turn.made, loop)
        return tuple(begun)

    def _copied(self, source: Value, made: Op, loop: Op) -> Value:
        target, b = self._like(made, loop), Builder(loop.span)
        bounds = [self.get(extent) for extent in made.operands]
        b.nest(bounds, lambda at: b.store(b.load(source, *at), target, *at))
        self.ops += b.root.ops
        return target

    def _with(self, loop: Op, region: Region, turns: Sequence[_Turn]) -> Region:
        """A region of a loop that has memory to spare for each turn."""
        spare = [Value(turn.made.result.type, turn.made.result.name) for turn in turns]
        if turns and region is loop.regions[-1]:
            self._spare.update((turn.made, value) for turn, value in zip(turns, spare, strict=True))
            self._also[region.terminator] = [_args(region, loop)[turn.carries[-1]] for turn in turns]
        rebuilt = self._inside(region)
        return Region((*rebuilt.args, *spare), rebuilt.ops) if turns else rebuilt

    def _fill(self, alloc: Op) -> None:
        """Zeros, where an iteration has what an earlier one left."""
        b, target = Builder(alloc.span), self.get(alloc.result)
        type = alloc.result.type
        assert isinstance(type, BufferType)
        zero = b.const(0, type.dtype)
        b.nest([self.get(extent) for extent in alloc.operands], lambda at: b.store(zero, target, *at))
        self.ops += b.root.ops


def _args(region: Region, loop: Op) -> tuple[Value, ...]:
    return region.args[1:] if loop.name == "for" else region.args


def _held(loop: Op, k: int) -> list[Value]:
    """What a carry is called inside the regions of a loop."""
    return [_args(region, loop)[k] for region in loop.regions]
