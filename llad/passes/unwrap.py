"""Loops whose indices may count from the end of an array are written for when they do not, too.

What: Python takes `x[-1]` for the last element. Of `x[t + k]`, it is known only at run time which element that is, so
the loop asks in each iteration, and stops where there is none; it can so be no loop of vectors. Since the index goes up
or down by equal steps, it is in the array all along if it is at both ends of the range. That is asked before the loop,
which then runs without; else it runs as it stood, which is `rare`.

When: an innermost loop that goes by one, whose checks are all of such indices; they are made of its own index, and of
numbers that are known before it, and asked for in every iteration. Where it is known that one of them does count from
the end (`x[i - 1]` from 0 on), the loop stays.

Before:

    func @f(%x: buffer<f64, 1, C>, %y: buffer<f64, 1, C>, %n: i64, %k: i64) {
      %zero: i64 = const 0
      %one: i64 = const 1
      %m: i64 = dim %x, 0
      %u: i64 = for %t in %zero..%n step %one {
        %i: i64 = add %t, %k
        %back: bool = lt %i, %zero
        %l: i64 = add %i, %m
        %j: i64 = select %back, %l, %i
        %a: bool = ge %j, %zero
        %b: bool = lt %j, %m
        %c: bool = and %a, %b
        check %c, IndexError "out of bounds"
        %e: f64 = load %x[%j]
        store %e, %y[%t]
        yield
      }
      return
    }

After (and `dce`):

    func @f(%x: buffer<f64, 1, C>, %y: buffer<f64, 1, C>, %n: i64, %k: i64) {
      %zero: i64 = const 0
      %one: i64 = const 1
      %m: i64 = dim %x, 0
      %0: i64 = const 0
      %1: i64 = sub %n, %one
      %2: i64 = add %k, %zero
      %3: bool = ge %2, %0
      %4: bool = lt %2, %m
      %5: i64 = add %k, %1
      %6: bool = ge %5, %0
      %7: bool = lt %5, %m
      %8: bool = and %3, %4
      %9: bool = and %8, %6
      %10: bool = and %9, %7
      if %10 {
        %u: i64 = for %t in %zero..%n step %one {
          %i: i64 = add %t, %k
          %e: f64 = load %x[%i]
          store %e, %y[%t]
          yield
        }
        yield
      } else {
        %u_1: i64 = for %t_1 in %zero..%n step %one {'rare': True} {
          %i_1: i64 = add %t_1, %k
          %back: bool = lt %i_1, %zero
          %l: i64 = add %i_1, %m
          %j: i64 = select %back, %l, %i_1
          %a: bool = ge %j, %zero
          %b: bool = lt %j, %m
          %c: bool = and %a, %b
          check %c, IndexError "out of bounds"
          %e_1: f64 = load %x[%j]
          store %e_1, %y[%t_1]
          yield
        }
        yield
      }
      return
    }
"""

from __future__ import annotations

from collections.abc import Sequence

from llad.dataclass import dataclass
from llad.ir.affine import Affine
from llad.ir.core import TAPE, Function, Op, Value, defined, makers, walk
from llad.ir.elements import Elements
from llad.ir.types import BOOL, I64, ScalarType
from llad.passes.rebuild import Rebuild
from llad.passes.strips import SPECIAL

_LARGEST = 200  # ops of a loop that is worth having twice
_MOST = 8  # indices
_OTHERS = TAPE | {"call", "alloc", "free", "for", "while", "matmul", "print"}


def unwrap(fn: Function) -> Function:
    """`fn` with loops written for indices that do not count from the end."""
    return _Unwrap(fn).function(fn)


@dataclass(frozen=True, slots=True)
class _Index:
    """What `select` makes of an index, which is of the form `steps` · the loop's index + `rest`, for a length."""

    select: Op
    plain: Value
    length: Value
    steps: int
    rest: Affine


class _Unwrap(Rebuild):
    """`_plain`: in the loop that is being written, what stands for an index. `_passed`: checks that hold there."""

    def __init__(self, fn: Function) -> None:
        super().__init__()
        self._made = makers(fn.body)
        self._elements = Elements(fn)
        self._plain: dict[Value, Value] = {}
        self._passed: set[Op] = set()

    def visit(self, op: Op) -> None:
        if op.name == "select" and op.result in self._plain:
            self.replace(op.results, [self.get(self._plain[op.result])])
        elif op.name == "for" and (found := self._indices(op)):
            self._write(op, found)
        elif op not in self._passed:
            self.keep(op)

    def _write(self, loop: Op, found: Sequence[_Index]) -> None:
        within = self.all_of([c for index in found for c in self._holds(loop, index)], loop.span)
        with self.afresh():
            self._plain = {index.select.result: index.plain for index in found}
            self._passed = self._checks(loop, found)
            usual = self.region(loop.regions[0])
            self._plain, self._passed = {}, set()
        self.usually(loop, within, usual)

    def _holds(self, loop: Op, index: _Index) -> list[Value]:
        """Whether an index is in its array in the first iteration, and in the last one."""
        span, (lo, hi, step) = loop.span, map(self.get, loop.operands[:3])
        rest, length = self.number_of(index.rest, span), self.get(index.length)
        zero, conditions = self.const(0, I64, span), []
        for place in (lo, self.emit("sub", [hi, step], [I64], span).result):
            at = self.emit("add" if index.steps > 0 else "sub", [rest, place], [I64], span).result
            conditions += [self.emit(name, [at, o], [BOOL], span).result for name, o in (("ge", zero), ("lt", length))]
        return conditions

    # -- which

    def _indices(self, loop: Op) -> list[_Index]:
        """The indices of a loop that may count from the end, if nothing else may stop it."""
        inner = list(walk(loop.regions[0]))
        if len(inner) > _LARGEST or any(op.name in _OTHERS for op in inner) or any(map(loop.attrs.get, SPECIAL)):
            return []
        selects = [op for op in loop.regions[0].ops if op.name == "select" and op.result.type == I64]
        if not selects or self._elements.constant(loop.operands[2]) not in (1, -1):
            return []
        if not all(isinstance(r.type, ScalarType) for r in loop.results):
            return []
        inside = defined(loop.regions[0])
        found = [index for op in selects if (index := self._index(op, loop.regions[0].args[0], inside))]
        stopping = {op for op in inner if op.name == "check"} - self._checks(loop, found)
        ends = [end for index in found for end in self._ends(loop, index) if end is not None]
        return [] if stopping or len(found) > _MOST or min(ends, default=0) < 0 else found

    def _ends(self, loop: Op, index: _Index) -> list[int | None]:
        """The first and last number of an index, where they are known."""
        lo, hi, step = map(self._elements.form, loop.operands[:3])
        return [index.rest.plus(place, index.steps).number for place in (lo, hi.plus(step, -1))]

    def _index(self, select: Op, index: Value, inside: set[Value]) -> _Index | None:
        condition, back, plain = select.operands
        asked, added = self._made.get(condition), self._made.get(back)
        if asked is None or asked.name != "lt" or asked.operands[0] is not plain:
            return None
        if added is None or added.name != "add" or plain not in added.operands:
            return None
        (length,) = [o for o in added.operands if o is not plain] or [plain]
        form = self._elements.form(plain)
        steps, rest = form.terms.get(index, 0), {a: c for a, c in form.terms.items() if a is not index}
        if self._elements.constant(asked.operands[1]) != 0 or abs(steps) != 1 or not inside.isdisjoint((length, *rest)):
            return None
        return _Index(select, plain, length, steps, Affine(form.const, rest))

    def _checks(self, loop: Op, found: Sequence[_Index]) -> set[Op]:
        """The checks of a loop that hold where all these indices are in their arrays."""
        lengths = {index.select.result: index.length for index in found}
        true: set[Value] = set()
        passed = set()
        for op in walk(loop.regions[0]):
            if op.name == "check" and op.operands[0] in true:
                passed.add(op)
            elif op.name == "and" and true.issuperset(op.operands):
                true.add(op.result)
            elif op.name in ("ge", "lt") and op.operands[0] in lengths:
                one, other = op.operands
                if other is lengths[one] if op.name == "lt" else self._elements.constant(other) == 0:
                    true.add(op.result)
        return passed
