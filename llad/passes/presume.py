"""Checks in loops that only add up are presumed to hold; where one did not, the loop runs again.

What: a loop that writes nothing goes on past a check that fails, and finds out by the way whether all hold, which
machine code may do for several iterations at once. If not, nothing has been changed yet: the loop runs again as it
stood, from where it began, and stops where it would have. That is `rare`: no time is spent on making it fast. The
iteration becomes straight code, branches as well: of what the program would not compute, because of a branch or of a
check that failed, an index is 0, a divisor 1, a float that is to become an integer 0, and what is added to a sum is
nothing, -0 or what is taken from it +0, which leaves it to the last bit.

When: the loop holds no loop, and does nothing but compute, load, check, and add to its carries, in any order: then
vectors are worth it, of which machine code has the widest. What is loaded where the program may not be lies in arrays
that have an element at 0, and hold numbers all over; that they have is asked beforehand. An index that goes along with
the loop, or stands still, is no other where the program would not load, since it would be no neighbour then: it is
asked beforehand whether it is in range all along. So is what does not change in the loop, and whether a loop inside
another one is long; if it is not, what runs as it stood is not rare. A range that no array bounds is not to be so long
that one would wait for its end, which the program may never come to. Where the answer is no, the loop runs as it stood.
Whatever may be poison is computed with only where it is known not to be.

Before:

    func @f(%x: buffer<f64, 1, C>, %y: buffer<f64, 1, C>, %n: i64, %m: i64) {'wide': True, 'fastmath': True} {
      %lo: i64 = const 0
      %one: i64 = const 1
      %z: f64 = const 0.0
      %s: f64, %trips: i64 = for %i in %lo..%n step %one carry (%a: f64 = %z) {'apart': True} {
        %u: f64 = load %x[%i]
        %fits: bool = le %u, %u
        check %fits, ValueError "not a number"
        %k: i64 = cast %u
        %ok: bool = lt %k, %m
        check %ok, IndexError "out of bounds"
        %e: f64 = load %y[%k]
        %b: f64 = add %a, %e
        yield %b
      }
      return %s
    }

After:

    func @f(%x: buffer<f64, 1, C>, %y: buffer<f64, 1, C>, %n: i64, %m: i64) {'wide': True, 'fastmath': True} {
      %lo: i64 = const 0
      %one: i64 = const 1
      %z: f64 = const 0.0
      %least: i64 = const 0
      %extent: i64 = dim %y, 0
      %some: bool = lt %least, %extent
      %yes: bool = const true
      %s0: f64, %fine: bool, %t0: i64 = if %some {
        %q: f64, %g: bool, %h: i64 = for %i in %lo..%n step %one carry (%a: f64 = %z, %d: bool = %yes) {'apart': True} {
          %u: f64 = load %x[%i]
          %fits: bool = le %u, %u
          %nought: f64 = const 0.0
          %v: f64 = select %fits, %u, %nought
          %k: i64 = cast %v
          %ok: bool = lt %k, %m
          %both: bool = and %fits, %ok
          %first: i64 = const 0
          %at: i64 = select %both, %k, %first
          %e: f64 = load %y[%at]
          %nothing: f64 = const -0.0
          %t: f64 = select %both, %e, %nothing
          %b: f64 = add %a, %t
          %all: bool = and %both, %d
          yield %b, %all
        }
        yield %q, %g, %h
      } else {
        %no: bool = const false
        %none: i64 = const 0
        yield %z, %no, %none
      }
      %s: f64, %trips: i64 = if %fine {
        yield %s0, %t0
      } else {
        %s2: f64, %t2: i64 = for %i in %lo..%n step %one carry (%a: f64 = %z) {'apart': True, 'rare': True} {
          %u: f64 = load %x[%i]
          %fits: bool = le %u, %u
          check %fits, ValueError "not a number"
          %k: i64 = cast %u
          %ok: bool = lt %k, %m
          check %ok, IndexError "out of bounds"
          %e: f64 = load %y[%k]
          %b: f64 = add %a, %e
          yield %b
        }
        yield %s2, %t2
      }
      return %s
    }
"""

from __future__ import annotations

from dataclasses import field

from llad.dataclass import dataclass
from llad.ir.affine import Affine
from llad.ir.core import Function, Op, Region, Value
from llad.ir.elements import Elements
from llad.ir.rewrite import copy_region
from llad.ir.types import BOOL, I64, ScalarType, is_float
from llad.passes.presume_plan import Plan, Plans
from llad.passes.rebuild import Rebuild

_SHORTEST = 32  # trips of an inner loop that are worth vectors
_LONGEST = 1 << 22  # trips of a loop that goes along no array

# How the second number compares with 0 where the first gets less.
_SIGNS = {"add_overflows": "lt", "sub_overflows": "gt"}


def presume(fn: Function) -> Function:
    """`fn` with loops that go on past a check which fails, where they only add up."""
    return _Presume(fn).function(fn) if fn.attrs.get("wide") else fn


@dataclass(eq=False, repr=False)
class _Attempt:
    """An iteration being written. `mask`: whether the program would be here, where that is not sure: in no branch, that
    is whether all checks hold so far; `sums`: what they come to here, by carry. For the loop to be run like this,
    the axes of arrays that are `some` are to have an element, indices at `ends` are to be in range all along, and what
    is `true` is to hold. `bounded`: whether the program loads at each of the indices, or would."""

    loop: Op
    plan: Plan
    sums: dict[Value, Value]
    mask: Value | None = None
    ends: dict[tuple[Value, int, Value], None] = field(default_factory=dict)
    some: dict[tuple[Value, int], None] = field(default_factory=dict)
    true: dict[Value, None] = field(default_factory=dict)
    bounded: bool = False


class _Presume(Rebuild):
    def __init__(self, fn: Function) -> None:
        super().__init__()
        self._plans = Plans(fn)
        self._elements = Elements(fn)
        self._around: list[Op] = []

    def visit(self, op: Op) -> None:
        plan = self._plans.plan(op, self._around) if op.name == "for" and op.attrs.get("apart") else None
        if plan is not None:
            self._try(op, plan)
            return
        self._around.append(op)
        self.keep(op)
        self._around.pop()

    def _try(self, loop: Op, plan: Plan) -> None:
        span, body, operands = loop.span, loop.regions[0], self.operands(loop)
        with self.afresh():
            args, so_far = self.arguments(body.args), Value(BOOL)
            at = _Attempt(loop, plan, dict(zip(body.args[1:], args[1:], strict=True)))
            with self.written(*args, so_far) as tried:
                self._straight(body, at)
                held = so_far if at.mask is None else self._both(at.mask, so_far, loop)
                self.emit("yield", [*at.sums.values(), held], [], span)
        types = [*[r.type for r in loop.results[:-1]], BOOL, I64]
        conditions, yes = self._beforehand(at), self.const(True, BOOL, span)
        with self.written() as run:
            made = self.emit("for", [*operands, yes], types, span, loop.attrs, (tried,))
            self.emit("yield", made.results, [], span)
        if conditions:
            with self.written() as none:
                nothing = [self.const(False, BOOL, span), self.const(0, I64, span)]
                self.emit("yield", [*operands[3:], *nothing], [], span)
            made = self.emit("if", [self.all_of(conditions, span)], types, span, {}, (run, none))
        else:
            self.ops.append(made)
        *sums, held, trips = made.results
        how = {} if self._is_inner() else {"rare": True}
        as_it_was = copy_region(body, dict(self.mapping))
        versions = (Region((), [Op("yield", (*sums, trips))]), self.alone(loop, as_it_was, how))
        self.decide(loop, held, versions)

    def _is_inner(self) -> bool:
        return any(op.name in ("for", "while") for op in self._around)

    # -- an iteration

    def _straight(self, region: Region, at: _Attempt) -> None:
        for op in region.ops[:-1]:
            if op.name == "check":
                self._check(op, at)
            elif op.name == "if":
                self._branch(op, at)
            elif op in at.plan.sums:
                self._add(op, at)
            elif op.name in _SIGNS:
                self.mapping[op.result] = self._overflows(op)
            else:
                self.copy(op, self._spared(op, at))

    def _check(self, op: Op, at: _Attempt) -> None:
        condition = op.operands[0]
        if self._stands(condition, at):
            at.true[condition] = None
        else:
            at.mask = self._both(at.mask, self.get(condition), op)

    def _branch(self, op: Op, at: _Attempt) -> None:
        condition, before, given = self.get(op.operands[0]), at.mask, []
        after = before
        other = self.emit("not", [condition], [BOOL], op.span).result
        for region, holds in zip(op.regions, (condition, other), strict=True):
            here = at.mask = self._both(before, holds, op)
            self._straight(region, at)
            if at.mask is not here:  # behind the branch the program is only where its checks hold
                elsewhere = self.emit("not", [here], [BOOL], op.span).result
                fine = self.emit("or", [elsewhere, at.mask], [BOOL], op.span).result
                after = self._both(after, fine, op)
            given.append(region.terminator.operands)
        at.mask = after
        for result, *pair in zip(op.results, *given, strict=True):
            if result in at.plan.merged:
                continue
            chosen = self.emit("select", [condition, *map(self.get, pair)], [result.type], op.span).result
            chosen.name = result.name
            self.mapping[result] = chosen

    def _add(self, op: Op, at: _Attempt) -> None:
        """Add a term to the sum that a carry is here; where the program would not, nothing, of either sign."""
        carry, term = at.plan.sums[op]
        assert isinstance(carry.type, ScalarType)
        given = self.get(term)
        if at.mask is not None:
            nothing = self.const(-0.0 if op.name == "add" else 0.0, carry.type, op.span)
            given = self.emit("select", [at.mask, given, nothing], [carry.type], op.span).result
        at.sums[carry] = self.emit(op.name, [at.sums[carry], given], [carry.type], op.span, op.attrs).result

    def _overflows(self, op: Op) -> Value:
        """Whether a sum wraps: it does if it has moved the other way. Of vectors, machine code can ask just that."""
        first, second = self.operands(op)
        span = op.span
        assert isinstance(second.type, ScalarType)
        moved = self.emit(op.name.removesuffix("_overflows"), [first, second], [first.type], span).result
        less = self.emit("lt", [moved, first], [BOOL], span).result
        down = self.emit(_SIGNS[op.name], [second, self.const(0, second.type, span)], [BOOL], span).result
        return self.emit("xor", [less, down], [BOOL], span).result

    def _spared(self, op: Op, at: _Attempt) -> tuple[Value, ...]:
        """The operands with which the op does no harm where the program would not compute it."""
        operands = self.operands(op)
        if at.mask is None:
            at.bounded |= op.name == "load" and any(self._goes_on(index, at) for index in op.operands[1:])
            return operands
        if op.name == "load":
            return (operands[0], *(self._place(op, axis, at) for axis in range(len(operands) - 1)))
        if op.name in ("floordiv", "mod") and not is_float(op.result.type):
            return (operands[0], self._here(operands[1], 1, at, op))
        if op.name == "cast" and is_float(operands[0].type) and not is_float(op.result.type):
            return (self._here(operands[0], 0.0, at, op),)
        return operands

    def _place(self, load: Op, axis: int, at: _Attempt) -> Value:
        """An index that is in range wherever the loop is run like this."""
        index, array = load.operands[1 + axis], load.operands[0]
        if self._moves_along(index, at):
            at.ends[array, axis, index] = None
            at.bounded |= self._goes_on(index, at)
            return self.get(index)
        at.some[array, axis] = None
        return self._here(self.get(index), 0, at, load)

    def _here(self, value: Value, otherwise: float, at: _Attempt, op: Op) -> Value:
        """A number where the program would compute with it, else another."""
        assert at.mask is not None and isinstance(value.type, ScalarType)
        other = self.const(otherwise, value.type, op.span)
        return self.emit("select", [at.mask, value, other], [value.type], op.span).result

    def _both(self, first: Value | None, second: Value, op: Op) -> Value:
        return second if first is None else self.emit("and", [first, second], [BOOL], op.span).result

    # -- before the loop

    def _stands(self, value: Value, at: _Attempt) -> bool:
        """Whether there is this number before the loop."""
        return value not in at.plan.inside and value not in self._plans.poison

    def _moves_along(self, index: Value, at: _Attempt) -> bool:
        """Whether an index is that of the loop, or its negative, and something that stands; or only that."""
        form, own = self._elements.form(index), at.loop.regions[0].args[0]
        first = self._elements.constant(at.loop.operands[0])
        if abs(form.terms.get(own, 0)) > 1 or first is None or first < 0:
            return False
        return all(atom is own or self._stands(atom, at) for atom in form.terms)

    def _goes_on(self, index: Value, at: _Attempt) -> bool:
        return bool(self._elements.form(index).terms.get(at.loop.regions[0].args[0], 0))

    def _beforehand(self, at: _Attempt) -> list[Value]:
        """Emit what is to hold for the loop to be run like this."""
        span = at.loop.span
        found = list(map(self.get, at.true))
        lengths = [("ge", _SHORTEST)] * self._is_inner() + [("le", _LONGEST)] * (not at.bounded)
        if lengths:
            first, end = (self.get(o) for o in at.loop.operands[:2])
            trips = self.emit("sub", [end, first], [I64], span).result
            found += [self.emit(how, [trips, self.const(k, I64, span)], [BOOL], span).result for how, k in lengths]
        none = self.const(0, I64, span)
        for array, axis in at.some:
            extent = self.emit("dim", [self.get(array)], [I64], span, {"axis": axis}).result
            found.append(self.emit("lt", [none, extent], [BOOL], span).result)
        for array, axis, index in at.ends:
            extent = self.emit("dim", [self.get(array)], [I64], span, {"axis": axis}).result
            for end in self._ends(self._elements.form(index), at.loop):
                found.append(self.emit("le", [none, end], [BOOL], span).result)
                found.append(self.emit("lt", [end, extent], [BOOL], span).result)
        return found

    def _ends(self, form: Affine, loop: Op) -> list[Value]:
        """An index in the first and in the last iteration. Both in range, all between are: they go by ones."""
        own, span = loop.regions[0].args[0], loop.span
        factor = form.terms.get(own, 0)
        rest = self.number_of(form.plus(Affine(0, {own: 1}), -factor), span)
        if not factor:
            return [rest]
        first, end = (self.get(o) for o in loop.operands[:2])
        last = self.emit("sub", [end, self.const(1, I64, span)], [I64], span).result
        how = "add" if factor > 0 else "sub"
        return [self.emit(how, [rest, number], [I64], span).result for number in (first, last)]
