"""Loops whose iterations never meet in memory are marked `apart`, so that machine code may run several at once.

What: a `for` gets the attribute `apart` if no element that an iteration writes is read or written by another. Its
carries are not spoken of: they keep their order.

When: for each store and each access to memory that may be the same, either the buffers are distinct, or it is one
buffer and some index tells the elements of different iterations apart: it runs with the loop in both (`b[i]`, `b[i]`),
or it stands still and differs (`b[0, i]`, `b[1, i + 1]`).

Before:

    func @f(%a: buffer<f64, 2, C>, %n: i64, %k: i64) {
      %zero: i64 = const 0
      %one: i64 = const 1
      %trips: i64 = for %i in %zero..%n step %one {
        %m: i64 = add %k, %one
        %j: i64 = add %i, %one
        %u: f64 = load %a[%k, %j]
        store %u, %a[%m, %i]
        yield
      }
      return
    }

After:

    func @f(%a: buffer<f64, 2, C>, %n: i64, %k: i64) {
      %zero: i64 = const 0
      %one: i64 = const 1
      %trips: i64 = for %i in %zero..%n step %one {'apart': True} {
        %m: i64 = add %k, %one
        %j: i64 = add %i, %one
        %u: f64 = load %a[%k, %j]
        store %u, %a[%m, %i]
        yield
      }
      return
    }
"""

from __future__ import annotations

from llad.ir.alias import Aliases
from llad.ir.core import Function, Op, Value, walk
from llad.ir.distinct import Distinct
from llad.ir.elements import Elements
from llad.passes.rebuild import Rebuild

_Access = tuple[Value, tuple[Value, ...]]  # a buffer and indices

# What an iteration may do besides loading and storing, and still be marked.
_STRANGERS = frozenset({
    "while", "matmul", "alloc", "free", "lifo", "push", "pop", "call", "derivative", "print", "view",
})  # fmt: skip


def independent(fn: Function) -> Function:
    """`fn` with the loops marked whose iterations are independent in memory."""
    return _Independent(fn).function(fn)


class _Independent(Rebuild):
    def __init__(self, fn: Function) -> None:
        super().__init__()
        self._elements = Elements(fn)
        self._aliases = Aliases(fn)
        self._distinct = Distinct(fn, self._aliases)

    def visit(self, op: Op) -> None:
        found = op.name == "for" and not op.attrs.get("apart") and self._is_apart(op)
        self.keep(op, {"apart": True} if found else None)

    def _is_apart(self, loop: Op) -> bool:
        body = loop.regions[0]
        ops = list(walk(body))
        if any(op.name in _STRANGERS for op in ops):
            return False
        index = body.args[0]
        moving = {*body.args[1:], *[r for op in ops for r in op.results]}
        moving |= {a for op in ops for region in op.regions for a in region.args}
        mentioned = {atom for op in ops for o in op.operands for atom in self._elements.form(o).terms}
        fixed = (mentioned | {o for op in ops for o in op.operands}) - moving
        stores = [(op.operands[1], op.operands[2:]) for op in ops if op.name == "store"]
        accesses = stores + [(op.operands[0], op.operands[1:]) for op in ops if op.name == "load"]
        return all(self._never_meet(s, a, index, fixed) for s in stores for a in accesses)

    def _never_meet(self, store: _Access, access: _Access, index: Value, fixed: set[Value]) -> bool:
        (written, at), (other, where) = store, access
        if not self._aliases.may_alias(written, other):
            return True
        if not fixed.issuperset((written, other)):  # what it is now may be what the other one is next
            return False
        if self._distinct(written, other):
            return True
        return written is other and self._elements.are_apart(at, where, index, fixed)
