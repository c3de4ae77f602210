"""Checks that cannot fail go; checks of every iteration become one before the loop.

What: a check proved by what is known at its place (`ranges.py`: loop bounds, extents, earlier checks, the
branch we are in) is dropped; a `select` or `if` whose condition is known there is resolved; a `mod` of what is at most
one period away is a choice. A check left in
the straight part of a `for` whose condition is affine in the loop index is made before the loop instead: at the
first iteration if its margin grows, at the last if it shrinks. The message then tells the first iteration that
would have failed.

If that leaves only checks in branches of a `for`, they are asked for all its iterations, whether their branch is taken
or not. Where all of them hold, none can fail; where not, a scout (`scouts.py`) goes ahead and finds out. The loop is
then without checks.

When: the loop has no exit and a step of 1 or -1, everything else in the condition is from outside, a check that moves
stands in no `if`, and the moved check is skipped if the loop runs no iteration. Making a check earlier must not
change the class of the error, so no check of another class may stay or move (that a sum of indices does not fit
in 64 bits counts as the same, an `OverflowError` of Python's does not), and the loop must be sure to end: no `while`,
`call` or `derivative` in it. What the loop stored before the failing iteration is then not stored.

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

from dataclasses import replace

from llad.ir.affine import Affine
from llad.ir.alias import Aliases
from llad.ir.core import Function, Op, Region, Value, walk
from llad.ir.poison import maybe_poison
from llad.ir.rewrite import Mapping, copy_op
from llad.ir.types import BOOL, I64
from llad.passes.claims import Claim, Frame, Item, Said, consequences, error_of, said_of, sides_of, split_for
from llad.passes.ranges import Ranges
from llad.passes.rebuild import Rebuild
from llad.passes.scouts import scout, without

_NOWHERE = 1 << 30  # deeper than any region


def checks(fn: Function) -> Function:
    """`fn` with the checks that cannot fail removed and those of affine indices moved before their loops."""
    return _Checks(fn).function(fn)


class _Checks(Rebuild):
    def __init__(self, fn: Function) -> None:
        super().__init__()
        self._fn = fn
        self._ranges = Ranges(fn)
        self._poison = maybe_poison(fn)
        self._frames = [Frame()]
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
            case "mod" if op.result.type == I64 and (where := ranges.period(op)):
                ranges.define(op)
                self._rest(op, where)
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

    def _rest(self, op: Op, where: str) -> None:
        """A remainder without a division: the first operand, or that and one time the second."""
        a, b = self.operands(op)
        if where == "in":
            self.mapping[op.result] = a
            return
        limit, other = (self.const(0, I64, op.span), "add") if where == "below" else (b, "sub")
        low = self.emit("lt", [a, limit], [BOOL], op.span).result
        moved = self.emit(other, [a, b], [I64], op.span).result
        pair = [moved, a] if where == "below" else [a, moved]
        self.mapping[op.result] = self.emit("select", [low, *pair], [I64], op.span).result

    # -- checks

    def _check(self, op: Op) -> None:
        ranges, frame = self._ranges, self._frames[-1]
        items = ranges.items(op.operands[0])
        if items is None or items:
            placed = self.keep(op)
            if items is None:
                frame.errors.add(error_of(op))
            else:
                values = tuple([ranges.form(v) for v in op.operands[1:]])
                frame.claims.append(Claim(placed, op, tuple(items), values))
        ranges.assume(op.operands[0])

    # -- control

    def _inside(self, region: Region) -> tuple[Region, Frame]:
        """The region rebuilt, and what it holds. The caller opens the scope."""
        self._frames.append(Frame())
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
            self._frames[-1].keep_branch(frame)
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
        body = without(body, moved)
        frame.claims = [claim for claim in frame.claims if claim.placed not in moved]
        self.copy(op, operands, (without(body, self._look_ahead(op, frame)),))

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

    def _hoist(self, loop: Op, frame: Frame) -> set[Op]:
        """Make the claims of the loop's frame before it, where that is possible; the checks that so become idle."""
        if not frame.claims or not self._may_overtake(loop, frame):
            return set()
        runs = self._runs(loop)
        guards = () if self._ranges.knowledge.holds(runs) else (runs,)
        moved: set[Op] = set()
        with self._ranges.knowledge.scope():
            self._ranges.knowledge.learn(runs)
            for claim in frame.claims:
                split = self._split(claim, loop, guards)
                if split is not None and self._place(split):
                    moved.add(claim.placed)
        return moved

    def _may_overtake(self, loop: Op, frame: Frame) -> bool:
        """Whether a check in the loop may come before it."""
        whole = not (loop.attrs["exits"] or frame.endless) and len(frame.classes()) <= 1
        return whole and self._ranges.constant(loop.operands[2]) in (1, -1)

    def _runs(self, loop: Op) -> Affine:
        """What is not negative if the loop, which goes up or down by ones, has an iteration."""
        lo, hi = self._ranges.form(loop.operands[0]), self._ranges.form(loop.operands[1])
        return (hi.plus(lo, -1) if self._ranges.constant(loop.operands[2]) == 1 else lo.plus(hi, -1)).shifted(-1)

    def _split(self, claim: Claim, loop: Op, guards: tuple[Affine, ...]) -> list[Claim] | None:
        """The claim for a whole loop: about its first iteration, and about its last. None if it cannot be said."""
        first, end, stride = map(self._ranges.form, loop.operands[:3])
        parts = split_for(claim, loop.regions[0].args[0], first, end, stride, guards)
        if parts is None:
            return None
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

    def _place(self, parts: list[Claim]) -> bool:
        """Emit the checks here and let them move on outwards; False, and nothing emitted, if they may wrap."""
        knowledge = self._ranges.knowledge
        guards = [guard for part in parts for guard in part.guards]
        if not all(knowledge.fits(side) for guard in guards for side in sides_of(guard)[1:]):
            return False
        with knowledge.scope():
            for guard in guards:
                knowledge.learn(guard)
            said = {item: said_of(item, knowledge.fits) for part in parts for item in part.items}
        if None in said.values():
            return False
        for part in parts:
            items = tuple([i for i in part.items if not self._ranges.proven(i)])
            if items:
                placed = self._emit_check(replace(part, items=items), [said[i] or ("", ()) for i in items])
                self._frames[-1].claims.append(replace(part, items=items, placed=placed))
            if all(map(knowledge.holds, part.guards)):  # what stands in the loop, which runs, may rely on it
                for item in part.items:
                    self._learn(item)
        return True

    # -- looking ahead

    def _look_ahead(self, loop: Op, frame: Frame) -> set[Op]:
        """If branches keep checks in a loop, find out before it whether any fails; what so becomes idle in it."""
        outer, claims = self._frames[-1], [*frame.branched, *frame.claims]
        asked = self._asked(loop, claims) if self._may_look_ahead(loop, frame) else None
        if asked is None:
            outer.keep_all(frame)
            return set()
        outer.endless |= frame.endless
        if loop.attrs.get("rare"):  # as scouts are
            outer.branched += [replace(c, items=tuple(asked[c.origin])) for c in claims if asked[c.origin]]
            return set()
        failing = {check: items for check, items in asked.items() if items}
        if failing:
            scouted = scout(loop, failing.keys(), Aliases(self._fn))
            if scouted is None:
                outer.keep_all(frame)
                return set()
            placed = self._emit_scout(scouted, [said for items in failing.values() for said in items.values()])
            outer.branched += [Claim(placed, check, tuple(items), ()) for check, items in failing.items()]
        return {c.placed for c in claims}

    def _may_look_ahead(self, loop: Op, frame: Frame) -> bool:
        return bool(frame.branched) and not frame.errors and self._may_overtake(loop, frame)

    def _asked(self, loop: Op, claims: list[Claim]) -> dict[Op, dict[Item, Said]] | None:
        """Per check, what holds before the loop if it fails in no iteration, less what is known to; None if that cannot
        be said for all."""
        asked: dict[Op, dict[Item, Said]] = {c.origin: {} for c in claims}
        with self._ranges.knowledge.scope():
            self._ranges.knowledge.learn(self._runs(loop))
            for claim in claims:
                parts = self._split(replace(claim, values=(), guards=()), loop, ())
                if parts is None:
                    return None
                for item in [i for part in parts for i in part.items]:
                    said = said_of(item, self._ranges.knowledge.fits)
                    if said is None:
                        return None
                    if not self._ranges.proven(item):
                        asked[claim.origin][item] = said
        return asked

    def _emit_scout(self, scouted: Op, said: list[Said]) -> Op:
        """Emit what runs a scout unless nothing can fail."""
        fine = self._emit_all(list(dict.fromkeys(said)), scouted)
        nothing = Region((), [Op("yield", span=scouted.span)])
        asks = Region((), [copy_op(scouted, dict(self.mapping)), Op("yield", span=scouted.span)])
        return self.emit("if", [fine], [], scouted.span, {}, (nothing, asks))

    def _learn(self, item: Item) -> None:
        for form in consequences(item):
            self._ranges.knowledge.learn(form)

    def _emit_check(self, claim: Claim, said: list[Said]) -> Op:
        span = claim.placed.span
        holds = self._emit_all(said, claim.placed)
        for guard in claim.guards:
            runs, left, right = sides_of(guard)
            sides = [self._number(left, claim.placed), self._number(right, claim.placed)]
            idle = self.emit("le" if runs == "gt" else "lt", sides, [BOOL], span).result
            holds = self.emit("or", [idle, holds], [BOOL], span).result
        values = [self._number(v, claim.placed) for v in claim.values]
        return self.emit("check", [holds, *values], [], span, claim.placed.attrs)

    def _emit_all(self, said: list[Said], like: Op) -> Value:
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
