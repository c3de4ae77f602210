"""Checks of indices that were loaded are made for all iterations beforehand.

What: a loop whose iterations are independent, but for checks of what they load (`camera[seen[i]]`), gets a version
without them, which machine code can run several iterations of at once. Loops before it find out whether all checks
hold; if not, the loop runs as it stood, and stops where it would have. That is `rare`: no time is spent on making it
fast.

When: the iterations may run in any order (`apart`, no carries), compute so much that asking twice costs little, and
what is asked depends on memory that the loop does not write. Each check is asked for all iterations before the next
one, so nothing is loaded from where a check has not been.

Before:

    func @f(%x: buffer<f64, 1, C>, %k: buffer<i64, 1, C>, %y: buffer<f64, 1, C>, %n: i64, %m: i64) {
      %zero: i64 = const 0
      %one: i64 = const 1
      %trips: i64 = for %i in %zero..%n step %one {'apart': True} {
        %j: i64 = load %k[%i]
        %ok: bool = lt %j, %m
        check %ok, IndexError "out of bounds"
        %e: f64 = load %x[%j]
        %f: f64 = exp %e
        %g: f64 = sin %f
        %h: f64 = log %g
        %p: f64 = tan %h
        store %p, %y[%i]
        yield
      }
      return
    }

After:

    func @f(%x: buffer<f64, 1, C>, %k: buffer<i64, 1, C>, %y: buffer<f64, 1, C>, %n: i64, %m: i64) {
      %zero: i64 = const 0
      %one: i64 = const 1
      %yes: bool = const true
      %fine: bool, %asked: i64 = for %i in %zero..%n step %one carry (%so_far: bool = %yes) {
        %j: i64 = load %k[%i]
        %ok: bool = lt %j, %m
        %still: bool = and %so_far, %ok
        yield %still
      }
      %trips: i64 = if %fine {
        %t1: i64 = for %i in %zero..%n step %one {'apart': True} {
          %j: i64 = load %k[%i]
          %ok: bool = lt %j, %m
          %e: f64 = load %x[%j]
          %f: f64 = exp %e
          %g: f64 = sin %f
          %h: f64 = log %g
          %p: f64 = tan %h
          store %p, %y[%i]
          yield
        }
        yield %t1
      } else {
        %t2: i64 = for %i in %zero..%n step %one {'apart': True, 'rare': True} {
          %j: i64 = load %k[%i]
          %ok: bool = lt %j, %m
          check %ok, IndexError "out of bounds"
          %e: f64 = load %x[%j]
          %f: f64 = exp %e
          %g: f64 = sin %f
          %h: f64 = log %g
          %p: f64 = tan %h
          store %p, %y[%i]
          yield
        }
        yield %t2
      }
      return
    }
"""

from __future__ import annotations

from llad.ir.alias import Aliases
from llad.ir.core import PURE_STRUCTURED, Function, Op, Region, Value, walk
from llad.ir.rewrite import Mapping, copy_op, copy_region
from llad.ir.types import BOOL, I64, is_float
from llad.ops.table import OPS
from llad.passes.rebuild import Rebuild

_LEAST = 32  # units of work in an iteration
_FUNCTION = 8  # of an elementary function; arithmetic is 1
_MOST = 4  # checks


def foresee(fn: Function) -> Function:
    """`fn` with the checks of loaded indices made before the loops that may then do several iterations at once."""
    return _Foresee(fn).function(fn)


class _Foresee(Rebuild):
    def __init__(self, fn: Function) -> None:
        super().__init__()
        self._aliases = Aliases(fn)

    def visit(self, op: Op) -> None:
        checks = self._checks(op) if op.name == "for" and op.attrs.get("apart") else []
        slices = [self._slice(op, check) for check in checks]
        known = [s for s in slices if s is not None]
        if not checks or len(known) < len(slices):
            self.keep(op)
            return
        fine = self.const(True, BOOL, op.span)
        for number, (check, inner) in enumerate(zip(checks, known, strict=True)):
            if number == 0:
                fine = self._asked(op, check, inner, fine)
                continue
            with_it, without = Region(), Region((), [Op("yield", (fine,))])
            outer, self.ops = self.ops, with_it.ops
            found = self._asked(op, check, inner, fine)
            self.emit("yield", [found], [], op.span)
            self.ops = outer
            fine = self.emit("if", [fine], [BOOL], op.span, {}, (with_it, without)).result
        body = op.regions[0]
        versions = []
        rarely = {**op.attrs, "rare": True}
        for ops, attrs in (([o for o in body.ops if o.name != "check"], op.attrs), (body.ops, rarely)):
            results = tuple([Value(r.type, r.name) for r in op.results])
            copied = copy_region(Region(body.args, ops), dict(self.mapping))
            loop = Op("for", self.operands(op), results, attrs, (copied,), op.span)
            versions.append(Region((), [loop, Op("yield", results, span=op.span)]))
        self.decide(op, fine, versions)

    def _checks(self, loop: Op) -> list[Op]:
        """The checks of a loop that is worth it."""
        ops = loop.regions[0].ops
        checks = [op for op in ops if op.name == "check"]
        if not 0 < len(checks) <= _MOST or len(loop.operands) > 3 or loop.attrs["exits"]:
            return []
        if any(inner.name == "check" for op in ops for region in op.regions for inner in walk(region)):
            return []
        work = sum(_work(op) for op in walk(loop.regions[0]))
        return checks if work >= _LEAST else []

    def _slice(self, loop: Op, check: Op) -> list[Op] | None:
        """What of an iteration the condition depends on, in order; None if it is not only numbers and read memory."""
        written = self._aliases.written(loop)
        needed, found = {check.operands[0]}, []
        for op in reversed(loop.regions[0].ops):
            if needed.isdisjoint(op.results):
                continue
            if op.name == "load":
                if not written.isdisjoint(self._aliases.roots(op.operands[0])):
                    return None
            elif op.name not in OPS and op.name not in PURE_STRUCTURED:
                return None
            found.append(op)
            needed.update(op.operands)
        return found[::-1]

    def _asked(self, loop: Op, check: Op, inner: list[Op], fine: Value) -> Value:
        """Whether the check holds in all iterations: the result of a loop that is emitted here."""
        mapping: Mapping = dict(self.mapping)
        index, so_far = Value(I64, loop.regions[0].args[0].name), Value(BOOL)
        mapping[loop.regions[0].args[0]] = index
        ops = [copy_op(op, mapping) for op in inner]
        holds = mapping.get(check.operands[0], check.operands[0])
        still = Op("and", (so_far, holds), (Value(BOOL),), {}, (), loop.span)
        body = Region((index, so_far), [*ops, still, Op("yield", still.results, span=loop.span)])
        attrs = {"exits": False, "kind": "sequential"}
        return self.emit("for", [*self.operands(loop)[:3], fine], [BOOL, I64], loop.span, attrs, (body,)).results[0]


def _work(op: Op) -> int:
    if op.name not in OPS or not is_float(op.results[0].type):
        return 0
    codes = OPS[op.name].lower.get("f", "")
    return _FUNCTION if codes.startswith("@") and not codes.startswith("@llad.mul") else 1
