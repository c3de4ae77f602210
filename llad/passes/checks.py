"""Checks that cannot fail go; checks of every iteration become one before the loop.

What: a check proved by what is known at its place (`ranges.py`: loop bounds, extents, earlier checks, the
branch we are in) is dropped; a `select` or `if` whose condition is known there is resolved. A check left in
the straight part of a `for` whose condition is affine in the loop index is made before the loop instead: at the
first iteration if its margin grows, at the last if it shrinks. The message then tells the first iteration that
would have failed.

When: the loop has no exit and a step of 1 or -1, everything else in the condition is from outside, the check
stands in no `if`, and the moved check is skipped if the loop runs no iteration. Making a check earlier must not
change the class of the error, so no check of another class may stay or move (that a sum of indices does not fit
in 64 bits counts as the same), and the loop must be sure to end: no `while`, `call` or `derivative` in it. What the
loop stored before the failing iteration is then not stored.

Before:

    func @f(%x: buffer<f64, 1, C>, %m: i64) {
      %zero: i64 = const 0
      %one: i64 = const 1
      %n: i64 = dim %x, 0
      %z: f64 = const 0.0
      %s: f64, %trips: i64 = for %i in %zero..%m step %one carry (%a: f64 = %z) {
        %low: bool = ge %i, %zero
        %high: bool = lt %i, %n
        %ok: bool = and %low, %high
        check %ok, %i, %n, IndexError "index {} is out of bounds for axis 0 with size {}"
        %e: f64 = load %x[%i]
        %g: f64 = add %a, %e
        yield %g
      }
      return %s
    }

After (and `cse`, `dce`):

    func @f(%x: buffer<f64, 1, C>, %m: i64) {
      %zero: i64 = const 0
      %one: i64 = const 1
      %n: i64 = dim %x, 0
      %z: f64 = const 0.0
      %ok: bool = ge %n, %m
      %none: bool = le %m, %zero
      %fine: bool = or %none, %ok
      check %fine, %n, %n, IndexError "index {} is out of bounds for axis 0 with size {}"
      %s: f64, %trips: i64 = for %i in %zero..%m step %one carry (%a: f64 = %z) {
        %e: f64 = load %x[%i]
        %g: f64 = add %a, %e
        yield %g
      }
      return %s
    }
"""

from __future__ import annotations

from dataclasses import field, replace

from llad.dataclass import dataclass
from llad.ir.affine import Affine
from llad.ir.core import Function, Op, Region, Value, walk
from llad.ir.poison import maybe_poison
from llad.ir.rewrite import Mapping
from llad.ir.types import BOOL, I64
from llad.passes.claims import AtLeastZero, Item, NoOverflow, at, consequences, first_failure, sides_of
from llad.passes.ranges import Ranges
from llad.passes.rebuild import Rebuild

_OVERFLOW = "OverflowError"
_Said = tuple[str, tuple[Affine, ...]]  # an op, and the numbers that it is given
_NOWHERE = 1 << 30  # deeper than any region


def checks(fn: Function) -> Function:
    """`fn` with the checks that cannot fail removed and those of affine indices moved before their loops."""
    return _Checks(fn).function(fn)


@dataclass(frozen=True, slots=True)
class _Claim:
    """A check that may move: where it stands now, and all that must hold there if all `guards` are ≥ 0."""

    placed: Op
    items: tuple[Item, ...]
    values: tuple[Affine, ...]
    guards: tuple[Affine, ...] = ()

    def forms(self) -> list[Affine]:
        """Everything that must be known before a loop for the check to be made there."""
        parts = [(i.form,) if isinstance(i, AtLeastZero) else (i.a, i.b) for i in self.items]
        return [form for part in parts for form in part] + [*self.values, *self.guards]


@dataclass(slots=True)
class _Frame:
    """What a region holds: claims that may move, the errors of checks that stay, and whether it may not end."""

    claims: list[_Claim] = field(default_factory=list)
    errors: set[str] = field(default_factory=set)
    endless: bool = False

    def keep_all(self, inner: _Frame) -> None:
        """The checks of a region inside this one stay where they are."""
        self.errors |= inner.errors | {c.placed.attrs["error"] for c in inner.claims}
        self.endless |= inner.endless


class _Checks(Rebuild):
    def __init__(self, fn: Function) -> None:
        super().__init__()
        self._ranges = Ranges(fn)
        self._poison = maybe_poison(fn)
        self._frames = [_Frame()]
        self._level: dict[Value, int] = {}  # how many regions are around a value of the input
        self._extrema: dict[Value, Op] = {}  # those met so far
        self._dims: dict[Value, Op] = {}  # extents: they can be asked for wherever their buffer is visible

    def visit(self, op: Op) -> None:
        ranges, level = self._ranges, len(self._frames)
        for result in op.results:
            self._level[result] = level
        match op.name:
            case "check":
                self._check(op)
            case "select" if (truth := ranges.truth(op.operands[0])) is not None:
                chosen = op.operands[1 if truth else 2]
                ranges.define(op)
                if chosen in self._poison:
                    self.keep(op)
                else:
                    self.mapping[op.result] = self.get(chosen)
            case "and" if op.result.type == BOOL and any(ranges.truth(o) for o in op.operands):
                first, second = op.operands
                self.mapping[op.result] = self.get(second if ranges.truth(first) else first)
            case "if":
                self._if(op)
            case "for":
                self._for(op)
            case "while":
                self._while(op)
            case _:
                self._frames[-1].endless |= op.name in ("derivative", "call", "print")
                if op.name == "dim":
                    self._dims[op.result] = op
                elif op.name in ("min", "max") and op.result.type == I64:
                    self._extrema[op.result] = op
                ranges.define(op)
                self.keep(op)

    # -- checks

    def _check(self, op: Op) -> None:
        ranges, frame = self._ranges, self._frames[-1]
        items = ranges.items(op.operands[0])
        if items is None or items:
            placed = self.keep(op)
            if items is None:
                frame.errors.add(op.attrs["error"])
            else:
                values = tuple([ranges.form(v) for v in op.operands[1:]])
                frame.claims.append(_Claim(placed, tuple(items), values))
        ranges.assume(op.operands[0])

    # -- control

    def _inside(self, region: Region) -> tuple[Region, _Frame]:
        """The region rebuilt, and what it holds. The caller opens the scope."""
        self._frames.append(_Frame())
        for arg in region.args:
            self._level[arg] = len(self._frames)
        rebuilt = self.region(region)
        return rebuilt, self._frames.pop()

    def _if(self, op: Op) -> None:
        condition, ranges = op.operands[0], self._ranges
        truth = ranges.truth(condition)
        if truth is not None and not any(r in self._poison for r in op.results):
            taken = op.regions[0 if truth else 1].ops
            self.splice(taken[:-1])  # nothing leaves the branch but its results, so it may stand here
            self.replace(op.results, [self.get(v) for v in taken[-1].operands])
            ranges.identify(op.results, taken[-1].operands)
            return
        regions = []
        for region, holds in zip(op.regions, (True, False), strict=True):
            with ranges.scope():
                ranges.assume(condition, holds)
                rebuilt, frame = self._inside(region)
            self._frames[-1].keep_all(frame)
            regions.append(rebuilt)
        self.copy(op, self.operands(op), tuple(regions))

    def _while(self, op: Op) -> None:
        ranges, operands = self._ranges, self.operands(op)
        ranges.enter_while(op)
        self._level.update(dict.fromkeys(op.regions[1].args, _NOWHERE))  # the condition speaks of them, too early
        with ranges.scope():
            condition, first = self._inside(op.regions[0])
            ranges.assume(op.regions[0].terminator.operands[0])
            body, second = self._inside(op.regions[1])
        for frame in (first, second):
            self._frames[-1].keep_all(frame)
        self._frames[-1].endless = True
        self.copy(op, operands, (condition, body))

    def _for(self, op: Op) -> None:
        ranges, operands = self._ranges, self.operands(op)
        with ranges.scope():
            ranges.enter_for(op)
            outside = self._settle(op.regions[0])
            body, frame = self._inside(op.regions[0])
            self.mapping.update(outside)
        moved = self._hoist(op, frame)
        if moved:
            body = Region(body.args, [inner for inner in body.ops if inner not in moved])
        frame.claims = [claim for claim in frame.claims if claim.placed not in moved]
        self._frames[-1].keep_all(frame)
        self.copy(op, operands, (body,))

    def _settle(self, region: Region) -> Mapping:
        """Let what is used in a region as the less or greater of two be the one that it is there.

        Gives back what stands for these outside.
        """
        used = dict.fromkeys(o for op in walk(region) for o in op.operands if o in self._extrema)
        known = {v: chosen for v in used if (chosen := self._ranges.chosen(self._extrema[v])) is not None}
        outside = {v: self.get(v) for v in known}
        self.mapping.update({v: self.get(chosen) for v, chosen in known.items()})
        return outside

    # -- hoisting

    def _hoist(self, loop: Op, frame: _Frame) -> set[Op]:
        """Make the claims of the loop's frame before it, where that is possible; the checks that so become idle."""
        step = self._ranges.constant(loop.operands[2])
        errors = frame.errors | {c.placed.attrs["error"] for c in frame.claims}
        if not frame.claims or step not in (1, -1) or loop.attrs["exits"] or frame.endless:
            return set()
        if len(errors - {_OVERFLOW}) > 1:
            return set()
        lo, hi = self._ranges.form(loop.operands[0]), self._ranges.form(loop.operands[1])
        runs = (hi.plus(lo, -1) if step == 1 else lo.plus(hi, -1)).shifted(-1)
        guards = () if self._ranges.knowledge.holds(runs) else (runs,)
        moved: set[Op] = set()
        with self._ranges.knowledge.scope():
            self._ranges.knowledge.learn(runs)
            for claim in frame.claims:
                split = self._split(claim, loop.regions[0].args[0], lo, hi.shifted(-step), step, guards)
                if split is not None and self._place(split):
                    moved.add(claim.placed)
        return moved

    def _split(
        self, claim: _Claim, index: Value, first: Affine, last: Affine, step: int, guards: tuple[Affine, ...]
    ) -> list[_Claim] | None:
        """The claim for a whole loop: about its first iteration, and about its last. None if it cannot be said."""
        if any(index in guard.terms for guard in claim.guards):
            return None
        at_first: list[Item] = []
        at_last: list[Item] = []
        for item in claim.items:
            if isinstance(item, AtLeastZero):
                (at_first if item.form.terms.get(index, 0) * step >= 0 else at_last).append(item)
                continue
            varies = [index in side.terms for side in (item.a, item.b)]
            if all(varies) and item.op == "mul_overflows":
                return None  # a parabola
            at_first.append(item)
            if any(varies):
                at_last.append(item)
        parts = []
        for items, place in ((at_first, first), (at_last, last)):
            if items:
                failing = first_failure(items[0], index) if place is last and len(items) == 1 else None
                parts.append(
                    _Claim(
                        claim.placed,
                        tuple([at(item, index, place) for item in items]),
                        tuple([v.with_atom(index, failing or place) for v in claim.values]),
                        (*claim.guards, *guards),
                    )
                )
        level = len(self._frames)
        for form in [f for part in parts for f in part.forms()]:
            if any(self._reach(a) > level or a in self._poison for a in form.terms):
                return None
        return parts

    def _reach(self, atom: Value) -> int:
        """The level at which the atom's number can be had."""
        if (dim := self._dims.get(atom)) is None:
            return self._level.get(atom, 0)
        buffer = dim.operands[0]
        return _NOWHERE if buffer in self._poison else self._level.get(buffer, 0)

    def _place(self, parts: list[_Claim]) -> bool:
        """Emit the checks here and let them move on outwards; False, and nothing emitted, if they may wrap."""
        knowledge = self._ranges.knowledge
        guards = [guard for part in parts for guard in part.guards]
        if not all(knowledge.fits(side) for guard in guards for side in sides_of(guard)[1:]):
            return False
        with knowledge.scope():
            for guard in guards:
                knowledge.learn(guard)
            said = {item: self._say(item) for part in parts for item in part.items}
        if None in said.values():
            return False
        for part in parts:
            items = tuple([i for i in part.items if not self._ranges.proven(i)])
            if items:
                placed = self._emit_check(replace(part, items=items), [said[i] or ("", ()) for i in items])
                self._frames[-1].claims.append(replace(part, items=items, placed=placed))
            for item in part.items:  # what stands in the loop may rely on it, as long as the loop runs
                self._learn(item)
        return True

    def _learn(self, item: Item) -> None:
        for form in consequences(item):
            self._ranges.knowledge.learn(form)

    def _say(self, item: Item) -> _Said | None:
        """The op of two numbers that tells whether the item holds, if both fit in 64 bits. (Partial sums wrap back.)"""
        fits = self._ranges.knowledge.fits
        if isinstance(item, NoOverflow):
            return (item.op, (item.a, item.b)) if fits(item.a) and fits(item.b) else None
        compare, left, right = sides_of(item.form)
        for shift in (0, -1):  # the last index is `hi - 1`, and perhaps only sums with that one are known to fit
            sides = left.shifted(shift), right.shifted(shift)
            if all(map(fits, sides)):
                return compare, sides
        form = item.form.shifted(item.form.const < 0)
        for atom, coefficient in form.terms.items():  # one number, say a counter of any size, against all the others
            alone = Affine(0, {atom: 1})
            rest = alone.plus(form, -coefficient)
            if abs(coefficient) == 1 and fits(rest):
                return compare, (alone, rest) if coefficient == 1 else (rest, alone)
        return None

    def _emit_check(self, claim: _Claim, said: list[_Said]) -> Op:
        span = claim.placed.span
        holds = self._emit_all(said, claim.placed)
        for guard in claim.guards:
            runs, left, right = sides_of(guard)
            sides = [self._number(left, claim.placed), self._number(right, claim.placed)]
            idle = self.emit("le" if runs == "gt" else "lt", sides, [BOOL], span).result
            holds = self.emit("or", [idle, holds], [BOOL], span).result
        values = [self._number(v, claim.placed) for v in claim.values]
        return self.emit("check", [holds, *values], [], span, claim.placed.attrs)

    def _emit_all(self, said: list[_Said], like: Op) -> Value:
        holds: Value | None = None
        for name, numbers in said:
            one = self.emit(name, [self._number(n, like) for n in numbers], [BOOL], like.span).result
            if name.endswith("_overflows"):
                one = self.emit("not", [one], [BOOL], like.span).result
            holds = one if holds is None else self.emit("and", [holds, one], [BOOL], like.span).result
        assert holds is not None
        return holds

    def _number(self, form: Affine, like: Op) -> Value:
        """Emit the number that a form stands for."""
        total: Value | None = None
        for atom, coefficient in form.terms.items():
            value = self.get(atom)
            if self._level.get(atom, 0) > len(self._frames):
                dim = self._dims[atom]
                value = self.emit("dim", [self.get(dim.operands[0])], [I64], like.span, dim.attrs).result
            if coefficient != 1:
                value = self.emit("mul", [value, self.const(coefficient, I64, like.span)], [I64], like.span).result
            total = value if total is None else self.emit("add", [total, value], [I64], like.span).result
        if total is None:
            return self.const(form.const, I64, like.span)
        if form.const:
            return self.emit("add", [total, self.const(form.const, I64, like.span)], [I64], like.span).result
        return total
