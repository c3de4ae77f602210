"""Additions to one array that may meet are made in loops of their own.

What: an iteration that adds to `g[t]` and to `g[t + k]` adds where another one did, so no two iterations can go side by
side. The order of such sums is free, though: first all are made to `g[t]`, and then, in a second loop, those to
`g[t + k]`, for which it computes its terms again.

When: the loop is an innermost one of straight code; how far the elements are apart is known only at run time (else
neighbours hand on their terms, see `onward.py`); nothing else in the loop touches the array; and the terms are made,
without dear functions, from what the loop does not write and does not carry.

Before:

    func @f(%x: buffer<f64, 1, C>, %y: buffer<f64, 1, C>, %n: i64, %k: i64) {
      %zero: i64 = const 0
      %one: i64 = const 1
      %u: i64 = for %t in %zero..%n step %one {
        %i: i64 = add %t, %k
        %a: f64 = load %x[%t]
        %b: f64 = load %x[%i]
        %c: f64 = load %y[%t]
        %d: f64 = add %c, %b {'reassoc': True}
        store %d, %y[%t]
        %e: f64 = load %y[%i]
        %g: f64 = add %e, %a {'reassoc': True}
        store %g, %y[%i]
        yield
      }
      return
    }

After:

    func @f(%x: buffer<f64, 1, C>, %y: buffer<f64, 1, C>, %n: i64, %k: i64) {
      %zero: i64 = const 0
      %one: i64 = const 1
      %u: i64 = for %t in %zero..%n step %one {
        %i: i64 = add %t, %k
        %a: f64 = load %x[%t]
        %b: f64 = load %x[%i]
        %c: f64 = load %y[%t]
        %d: f64 = add %c, %b {'reassoc': True}
        store %d, %y[%t]
        yield
      }
      %0: i64 = for %t_1 in %zero..%n step %one {
        %i_1: i64 = add %t_1, %k
        %a_1: f64 = load %x[%t_1]
        %e: f64 = load %y[%i_1]
        %g: f64 = add %e, %a_1 {'reassoc': True}
        store %g, %y[%i_1]
        yield
      }
      return
    }
"""

from __future__ import annotations

from collections.abc import Sequence

from llad.ir.affine import Affine
from llad.ir.alias import Aliases, Roots
from llad.ir.core import Function, Op, Value, accessed, defined
from llad.ir.elements import Elements
from llad.ir.rewrite import Mapping, copy_op
from llad.ops.cost import DEAR, additions
from llad.passes.additions import Addition, Additions
from llad.passes.effects import computes
from llad.passes.rebuild import Rebuild
from llad.passes.strips import ORDERED, SPECIAL

_LARGEST = 60  # ops of a loop
_DEAREST = 24  # of what is computed again, in additions


def singly(fn: Function) -> Function:
    """`fn` with additions to one array in loops of their own where they may meet."""
    return fn if fn.attrs.get("may_alias") else _Singly(fn).function(fn)


class _Singly(Rebuild):
    def __init__(self, fn: Function) -> None:
        super().__init__()
        self._additions, self._aliases, self._elements = Additions(fn), Aliases(fn), Elements(fn)
        self._left_out: set[Op] = set()

    def visit(self, op: Op) -> None:
        moved = self._moved_from(op) if op.name == "for" else []
        self._left_out.update(o for addition, _ in moved for o in (addition.load, addition.add, addition.store))
        if op not in self._left_out:
            self.keep(op)
        for addition, needed in moved:
            self._alone(op, addition, needed)

    def _alone(self, loop: Op, addition: Addition, needed: Sequence[Op]) -> None:
        """A loop over the same range that only makes an addition."""
        index = Value(loop.regions[0].args[0].type, loop.regions[0].args[0].name)
        mapping: Mapping = {**self.mapping, loop.regions[0].args[0]: index}
        with self.written(index) as body:
            self.ops += [copy_op(op, mapping) for op in (*needed, addition.load, addition.add, addition.store)]
            self.emit("yield", [], [], loop.span)
        bounds = self.operands(loop)[:3]
        self.emit("for", bounds, [loop.results[-1].type], loop.span, ORDERED, (body,))

    # -- which

    def _moved_from(self, loop: Op) -> list[tuple[Addition, list[Op]]]:
        """The additions of a loop that get loops of their own, each with what has to be computed for it."""
        body = loop.regions[0]
        stores = [op for op in body.ops if op.name == "store"]
        if len(stores) < 2 or len(body.ops) > _LARGEST or any(map(loop.attrs.get, SPECIAL)):
            return []
        if not all(computes(op) or op in stores for op in body.ops[:-1]):
            return []
        found = {store: self._additions.of(store, body) for store in stores}
        sums = [addition for addition in found.values() if addition is not None and self._goes_along(addition, loop)]
        adding = {op for addition in sums for op in (addition.load, addition.store)}
        rest = frozenset().union(*(self._aliases.touched(op) for op in body.ops if op not in adding))
        stay: list[Addition] = []
        moved: list[tuple[Addition, list[Op]]] = []
        for addition in sums:
            if not self._array(addition).isdisjoint(rest):
                continue
            if not any(self._may_meet(addition, other) for other in stay):
                stay.append(addition)
            elif (needed := self._needed(addition, loop)) is not None:
                moved.append((addition, needed))
            else:
                return []
        return moved

    def _array(self, addition: Addition) -> Roots:
        return self._aliases.roots(addition.store.operands[1])

    def _goes_along(self, addition: Addition, loop: Op) -> bool:
        """Whether the loop leads from an element to its neighbour in a row."""
        index, inside = loop.regions[0].args[0], defined(loop.regions[0])
        *rows, last = [self._elements.form(i) for i in addition.store.operands[2:]] or [Affine(0)]
        moving = {atom for form in (*rows, last) for atom in form.terms if atom in inside}
        return (
            moving == {index} and abs(last.terms.get(index, 0)) == 1 and not any(index in form.terms for form in rows)
        )

    def _may_meet(self, one: Addition, other: Addition) -> bool:
        """Whether iterations that are no certain number apart may add to the same element."""
        if self._array(one).isdisjoint(self._array(other)):
            return False
        (a, at), (b, there) = (
            self._elements.place(op[0], op[1:]) for op in (accessed(one.store), accessed(other.store))
        )
        if a is not b:
            return True
        apart = [i.plus(j, -1).number if i and j else None for i, j in zip(at, there, strict=True)]
        return None in apart and not any(apart)

    def _needed(self, addition: Addition, loop: Op) -> list[Op] | None:
        """What has to be computed again for an addition, in order, if that is cheap and possible."""
        written, carried = self._aliases.written(loop), loop.regions[0].args[1:]
        found: list[Op] = []
        wanted = {*addition.add.operands, *addition.store.operands} - {addition.load.result, addition.add.result}
        for op in reversed(loop.regions[0].ops[:-1]):
            if not wanted.isdisjoint(op.results):
                found.append(op)
                wanted.update(op.operands)
        read = frozenset().union(*map(self._aliases.read, found))
        dear = sum(additions(op.name) for op in found) > _DEAREST or any(op.name in DEAR for op in found)
        return None if dear or not read.isdisjoint(written) or not wanted.isdisjoint(carried) else found[::-1]
