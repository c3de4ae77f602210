"""Loops over the same range that pass elements to each other, or read the same ones, become one loop.

What: of two `for`s of a region with equal bounds, the later one joins the earlier one: each iteration does what the
first loop does there, then what the second does. What stands between them goes before both, or behind. The bodies
become one region, in which loops are joined likewise. A temporary array then holds an element only until the same
iteration reads it, and goes (`cse`, `dce`; `contract.py` if part of it is left).

When: the memory that one iteration writes is met by no other iteration of the other loop: the elements are told apart
by an index that runs with the loop in both (`ir/elements.py`). The order of effects and errors stays (`effects.py`),
and sums keep theirs, for each carry goes on by itself. Bounds are equal by value, or because a check before says so.
Only loops that are marked, or that carry nothing, are joined: what a recurrence is joined with would run at its pace. A
loop of dear functions, which runs on vectors, does not join a nest of loops, where it would not; outermost loops do,
for that makes temporaries of a row out of larger ones.

Before:

    func @f(%x: buffer<f64, 1, C>, %y: buffer<f64, 1, C>) {
      %n: i64 = dim %x, 0
      %zero: i64 = const 0
      %one: i64 = const 1
      %nothing: f64 = const 0.0
      %t: buffer<f64, 1, C> = alloc(%n)
      %k0: i64 = for %i in %zero..%n step %one parallel {
        %u: f64 = load %x[%i]
        %v: f64 = exp %u
        store %v, %t[%i]
        yield
      }
      %m: i64 = dim %y, 0
      %same: bool = eq %n, %m
      check %same, ValueError "shapes differ"
      %s: f64, %k1: i64 = for %j in %zero..%m step %one carry (%a: f64 = %nothing) reduction {
        %w: f64 = load %t[%j]
        %z: f64 = load %y[%j]
        %p: f64 = mul %w, %z
        %b: f64 = add %a, %p
        yield %b
      }
      return %s
    }

After (and `cse`, `dce`):

    func @f(%x: buffer<f64, 1, C>, %y: buffer<f64, 1, C>) {
      %n: i64 = dim %x, 0
      %zero: i64 = const 0
      %one: i64 = const 1
      %nothing: f64 = const 0.0
      %m: i64 = dim %y, 0
      %same: bool = eq %n, %m
      check %same, ValueError "shapes differ"
      %s: f64, %k: i64 = for %i in %zero..%n step %one carry (%a: f64 = %nothing) reduction {
        %u: f64 = load %x[%i]
        %v: f64 = exp %u
        %z: f64 = load %y[%i]
        %p: f64 = mul %v, %z
        %b: f64 = add %a, %p
        yield %b
      }
      return %s
    }
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import combinations_with_replacement

from llad.dataclass import dataclass
from llad.ir.alias import Aliases
from llad.ir.core import CHECKPOINT, Function, Op, Value, makers, walk
from llad.ir.distinct import Distinct
from llad.ir.elements import Elements
from llad.ir.types import I64, ScalarType
from llad.ops.cost import DEAR
from llad.passes.effects import Effect, Effects
from llad.passes.equal import Equal
from llad.passes.rebuild import Rebuild

LARGEST = 60  # ops that compute in a loop made of several
_PASSING = frozenset({"const", "load", "store", "yield", "dim"})  # what is mostly gone when loops are joined
_FARTHEST = 60  # ops and loops between two loops that may join


def fuse(fn: Function) -> Function:
    """`fn` with loops joined that run over the same range and share elements."""
    return _Fuse(fn).function(fn) if _has_neighbours(fn) else fn


def _has_neighbours(fn: Function) -> bool:
    """Whether some region holds two loops."""
    regions = [fn.body, *[r for op in walk(fn.body) for r in op.regions]]
    return any(sum(op.name == "for" for op in region.ops) > 1 for region in regions)


@dataclass(slots=True)
class _Group:
    """Loops that become one, in their order."""

    loops: list[Op]
    effect: Effect

    @property
    def size(self) -> int:
        return sum(op.name not in _PASSING for loop in self.loops for op in walk(loop.regions[0]))


_Item = Op | _Group


class _Fuse(Rebuild):
    def __init__(self, fn: Function) -> None:
        super().__init__()
        self._aliases = Aliases(fn)
        self._effects = Effects(fn, self._aliases)
        self._distinct = Distinct(fn, self._aliases)
        self._elements = Elements(fn)
        self._made = makers(fn.body)
        self._equal = Equal(self._made, self._elements)
        self._free: dict[Op, bool] = {}
        self._depth = 0  # loops around what is being written

    # -- writing

    def splice(self, ops: Iterable[Op]) -> None:
        known = self._equal.copy()
        items = self._plan(list(ops))
        self._equal = known.copy()
        for item in items:
            if isinstance(item, _Group) and len(item.loops) > 1:
                self._join(item.loops)
                continue
            op = item if isinstance(item, Op) else item.loops[0]
            self.visit(op)
            if op.name == "check":
                self._equal.learn(op.operands[0])
        self._equal = known

    def visit(self, op: Op) -> None:
        inside = int(op.name in ("for", "while"))
        self._depth += inside
        self.keep(op)
        self._depth -= inside

    def _join(self, loops: list[Op]) -> None:
        """Emit the loops as one."""
        first, last = loops[0], loops[-1]
        inits = [self.get(o) for loop in loops for o in loop.operands[3:]]
        bodies = [loop.regions[0] for loop in loops]
        index = Value(I64, bodies[0].args[0].name)
        args = [index]
        for body in bodies:
            self.mapping[body.args[0]] = index
            fresh = [Value(a.type, a.name) for a in body.args[1:]]
            self.replace(body.args[1:], fresh)
            args += fresh
        with self.written(*args) as region:
            self._depth += 1
            self.splice([op for body in bodies for op in body.ops[:-1]])
            self._depth -= 1
            yielded = [self.get(o) for body in bodies for o in body.terminator.operands]
            self.emit("yield", yielded, [], last.span)
        types = [*[a.type for a in args[1:]], I64]
        bounds = [self.get(o) for o in first.operands[:3]]
        attrs = {**first.attrs, "kind": self._kind(loops)}
        attrs.pop("apart", None)
        if lines := _other_lines(loops):
            attrs["joined"] = lines
        made = self.emit("for", [*bounds, *inits], types, last.span, attrs, (region,))
        results = iter(made.results)
        for loop in loops:
            for result in loop.results[:-1]:
                self.mapping[result] = next(results)
            self.mapping[loop.results[-1]] = made.results[-1]

    def _kind(self, loops: list[Op]) -> str:
        if any(loop.attrs["kind"] == "reduction" for loop in loops):
            return "reduction"
        return "parallel" if all(loop.attrs["kind"] == "parallel" for loop in loops) else "sequential"

    # -- which loops

    def _plan(self, ops: list[Op]) -> list[_Item]:
        """The ops of a region in an order in which loops that can be joined are groups."""
        items: list[_Item] = []
        for op in ops:
            if op.name == "check":
                self._equal.learn(op.operands[0])
            if op.name != "for" or not self._may_join(op):
                items.append(op)
            else:
                self._place(items, _Group([op], self._effects.of(op)))
        return items

    def _may_join(self, loop: Op) -> bool:
        """Whether it is a loop over numbers without exits and strange effects, and no recurrence."""
        carries = loop.regions[0].args[1:]
        return (
            not loop.attrs["exits"]
            and not loop.attrs.get("ahead")  # it was taken apart
            and CHECKPOINT not in loop.attrs
            and not loop.attrs.get("threads")  # its iterations run on threads, or are refused, for its own sake
            and not self._effects.of(loop).fixed
            and all(isinstance(c.type, ScalarType) for c in carries)
            and (loop.attrs["kind"] == "reduction" or not carries)
        )

    def _place(self, items: list[_Item], group: _Group) -> None:
        """Let the group, which comes behind `items`, join an earlier one if it can, and both a still earlier one."""
        for k in range(len(items) - 1, max(len(items) - _FARTHEST, 0) - 1, -1):
            item = items[k]
            if not isinstance(item, _Group):
                if self._effects.of(item).fixed:
                    break
                continue
            between = self._part(item, items[k + 1 :], group.effect) if self._is_worth_it(item, group) else None
            if between and self._never_meet(item, group):
                before, behind = between
                loops = [*item.loops, *group.loops]
                items[k:] = before
                self._place(items, _Group(loops, self._effects.together(loops)))
                items += behind
                return
        items.append(group)

    def _is_worth_it(self, first: _Group, second: _Group) -> bool:
        """Whether the loops run alike, share elements, and are not too large together."""
        one, other = first.loops[0], second.loops[0]
        if [*map(self._equal, one.operands[:3])] != [*map(self._equal, other.operands[:3])]:
            return False
        loops = [*first.loops, *second.loops]
        if not first.effect.may_mingle(second.effect) or (self._depth and _is_dear_beside_nest(loops)):
            return False
        if any(each.attrs["kind"] == "reduction" for each in loops) and not all(map(self._is_independent, loops)):
            return False
        if first.size + second.size > LARGEST:
            return False
        passed = first.effect.writes & (second.effect.reads | second.effect.writes)
        return bool(passed) or bool(first.effect.reads & second.effect.reads and self._only_adds(*loops))

    def _only_adds(self, *loops: Op) -> bool:
        """Whether what the loops carry are sums: then none holds up the other."""
        for loop in loops:
            body = loop.regions[0]
            for value in body.terminator.operands:
                made = self._made.get(value)
                if made is None or made.name not in ("add", "for") or not isinstance(value.type, ScalarType):
                    return False
        return True

    def _part(self, group: _Group, between: Sequence[_Item], effect: Effect) -> tuple[list[_Item], list[_Item]] | None:
        """What stands between a group and a loop that is to join it: what goes before both, and behind; or None."""
        before: list[_Item] = []
        behind: list[_Item] = []
        stays = [group.effect]
        for item in between:
            own = item.effect if isinstance(item, _Group) else self._effects.of(item)
            if all(earlier.may_follow(own) for earlier in stays):
                before.append(item)
            elif own.may_follow(effect):
                behind.append(item)
                stays.append(own)
            else:
                return None
        return before, behind

    # -- legality in memory

    def _never_meet(self, first: _Group, second: _Group) -> bool:
        """Whether no iteration of one touches what another one of the other writes. If so, they share an index."""
        index, own = first.loops[0].regions[0].args[0], second.loops[0].regions[0].args[0]
        moving = _moving([*first.loops, *second.loops])
        theirs = [access for each in first.loops for access in _accesses(each)]
        ours = [access for each in second.loops for access in _accesses(each)]
        self._rename(second.loops, index)
        if all(self._are_apart(a, b, index, moving) for a in theirs for b in ours):
            return True
        self._elements.rename(own, None)
        self._rename(second.loops[1:], own)
        return False

    def _rename(self, loops: Sequence[Op], index: Value) -> None:
        for loop in loops:
            self._elements.rename(loop.regions[0].args[0], index)

    def _is_independent(self, loop: Op) -> bool:
        """Whether no iteration of the loop touches what another one writes."""
        if loop.attrs["kind"] != "sequential":
            return True
        if loop not in self._free:
            index = self._elements.name(loop.regions[0].args[0])
            moving, accesses = _moving([loop]) - {index}, _accesses(loop)
            pairs = combinations_with_replacement(accesses, 2)
            self._free[loop] = all(self._are_apart(a, b, index, moving) for a, b in pairs)
        return self._free[loop]

    def _are_apart(self, a: _Access, b: _Access, index: Value, moving: set[Value]) -> bool:
        if not (a.writes or b.writes) or self._distinct(a.buffer, b.buffer):
            return True
        if a.buffer is not b.buffer or a.buffer in moving:
            return False
        atoms = {atom for i in (*a.indices, *b.indices) for atom in self._elements.form(i).terms}
        return self._elements.are_apart(a.indices, b.indices, index, atoms - moving)


@dataclass(frozen=True, slots=True)
class _Access:
    buffer: Value
    indices: tuple[Value, ...]
    writes: bool


def _other_lines(loops: Sequence[Op]) -> tuple[int, ...]:
    """The lines of Python that the loops come from, but for that of the last, whose place the whole has."""
    lines = {loop.span.line for loop in loops if loop.span}
    lines.update(line for loop in loops for line in loop.attrs.get("joined", ()))
    span = loops[-1].span
    return tuple(sorted(lines - {span.line if span else 0}))


def _is_dear_beside_nest(loops: Sequence[Op]) -> bool:
    """Whether some of the loops hold loops, and some have dear functions and do not."""
    inner = [[op.name for op in walk(loop.regions[0])] for loop in loops]
    return any("for" in names for names in inner) and any("for" not in n and not DEAR.isdisjoint(n) for n in inner)


def _accesses(loop: Op) -> list[_Access]:
    """The loads and stores of a loop."""
    loads = [_Access(op.operands[0], op.operands[1:], False) for op in walk(loop.regions[0]) if op.name == "load"]
    stores = [_Access(op.operands[1], op.operands[2:], True) for op in walk(loop.regions[0]) if op.name == "store"]
    return loads + stores


def _moving(loops: Sequence[Op]) -> set[Value]:
    """What may change within one iteration of the loops, or between iterations, but for their indices."""
    every = [op for loop in loops for op in (loop, *walk(loop.regions[0]))]
    made = {r for op in every for r in op.results}
    arguments = {a for op in every for region in op.regions for a in region.args}
    return (made | arguments) - {loop.regions[0].args[0] for loop in loops}
