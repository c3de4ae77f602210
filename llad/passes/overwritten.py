"""Stores that nobody sees, because the element is stored to again before it is read, are dropped.

What: the first of two stores to one element, in the same straight part of a region, with nothing in between that may
read the element. (The reverse sweep zeroes a shadow and adds to it again; with this, `cse` sees that an element
gets what it had.)

When: buffer and indices of the two are the same values. Between them stands no read of memory that may be the same
element (one whose index differs by a constant is not), nothing that hands memory on, and, unless the memory is the
function's own, nothing that may stop.

Before:

    func @f(%x: buffer<f64, 1, C>, %y: buffer<f64, 1, C>, %i: i64) {
      %z: f64 = const 0.0
      %u: f64 = load %x[%i]
      store %z, %x[%i]
      %v: f64 = load %y[%i]
      store %v, %x[%i]
      return %u
    }

After:

    func @f(%x: buffer<f64, 1, C>, %y: buffer<f64, 1, C>, %i: i64) {
      %z: f64 = const 0.0
      %u: f64 = load %x[%i]
      %v: f64 = load %y[%i]
      store %v, %x[%i]
      return %u
    }
"""

from __future__ import annotations

from llad.ir.alias import Aliases
from llad.ir.core import Function, Op, Region, Value, walk
from llad.ir.distinct import Distinct
from llad.ir.elements import Elements
from llad.ops.table import OPS
from llad.passes.rebuild import Rebuild

_Element = tuple[Value, ...]  # a buffer and indices

# What neither reads memory nor stops; a store stops nothing and is asked about by itself.
_HARMLESS = frozenset({"const", "cast", "dim", "undef", "view", "alloc", "store", *OPS})


def overwritten(fn: Function) -> Function:
    """`fn` without stores to what is stored to again before it is read."""
    dead = _Overwritten(fn).find()
    return _Without(dead).function(fn) if dead else fn


class _Overwritten:
    def __init__(self, fn: Function) -> None:
        self._fn = fn
        self._aliases = Aliases(fn)
        self._distinct = Distinct(fn, self._aliases)
        self._elements = Elements(fn)
        self._own = {op.result for op in walk(fn.body) if op.name == "alloc"}
        self._dead: set[Op] = set()

    def find(self) -> set[Op]:
        """The stores that nobody sees."""
        self._scan(self._fn.body)
        return self._dead

    def _scan(self, region: Region) -> None:
        """Go through a region from its end, with the elements that are stored to further on before they are read."""
        ahead: set[_Element] = set()
        for op in reversed(region.ops):
            if op.name == "store":
                element = op.operands[1:]
                if element in ahead:
                    self._dead.add(op)
                ahead.add(element)
            elif op.name == "load":
                ahead = {e for e in ahead if not self._may_read(op, e)}
            elif op.regions:
                for inner in op.regions:
                    self._scan(inner)
                ahead = self._unseen(ahead, op)
            elif op.name not in _HARMLESS:
                ahead = self._unseen(ahead, op)

    def _may_read(self, load: Op, element: _Element) -> bool:
        buffer, *at = load.operands
        if buffer is element[0]:
            return not self._elements.differ(at, element[1:])
        return not self._distinct(element[0], buffer)

    def _unseen(self, ahead: set[_Element], op: Op) -> set[_Element]:
        """Those of the elements that `op` does not read, and that nobody sees if it stops."""
        read = self._aliases.touched(op)
        read = read.union(*(self._aliases.roots(o) for o in op.operands))
        return {e for e in ahead if (roots := self._aliases.roots(e[0])) <= self._own and roots.isdisjoint(read)}


class _Without(Rebuild):
    def __init__(self, dead: set[Op]) -> None:
        super().__init__()
        self._dead = dead

    def visit(self, op: Op) -> None:
        if op not in self._dead:
            self.keep(op)
