"""An array of which each iteration of a loop uses one slice only becomes an array of that slice, made in the iteration.

What: where every access to an allocation stands in one `for`, and the index on some axis is the loop's index, the
allocation moves into the loop, without that axis. `fuse.py` leaves such arrays: temporaries of rows between loops that
it joined. What is left of them fits in the cache, and is private to an iteration.

When: no handle on it goes elsewhere, and no two iterations share an element. An iteration sees the slice as the program
made it: poison or zero.

Before:

    func @f(%x: buffer<f64, 2, C>, %y: buffer<f64, 1, C>, %n: i64, %m: i64) {
      %zero: i64 = const 0
      %one: i64 = const 1
      %nothing: f64 = const 0.0
      %t: buffer<f64, 2, C> = alloc(%n, %m)
      %k0: i64 = for %i in %zero..%n step %one {
        %k1: i64 = for %j in %zero..%m step %one parallel {
          %u: f64 = load %x[%i, %j]
          %v: f64 = exp %u
          store %v, %t[%i, %j]
          yield
        }
        %last: i64 = sub %m, %one
        %w: f64 = load %t[%i, %last]
        store %w, %y[%i]
        yield
      }
      return
    }

After:

    func @f(%x: buffer<f64, 2, C>, %y: buffer<f64, 1, C>, %n: i64, %m: i64) {
      %zero: i64 = const 0
      %one: i64 = const 1
      %nothing: f64 = const 0.0
      %k0: i64 = for %i in %zero..%n step %one {
        %t: buffer<f64, 1, C> = alloc(%m)
        %k1: i64 = for %j in %zero..%m step %one parallel {
          %u: f64 = load %x[%i, %j]
          %v: f64 = exp %u
          store %v, %t[%j]
          yield
        }
        %last: i64 = sub %m, %one
        %w: f64 = load %t[%last]
        store %w, %y[%i]
        yield
      }
      return
    }
"""

from __future__ import annotations

from collections.abc import Iterable

from llad.ir.alias import Aliases
from llad.ir.core import Function, Op, Region, Value
from llad.ir.types import BufferType
from llad.passes.rebuild import Rebuild


def contract(fn: Function) -> Function:
    """`fn` with temporary arrays cut down to what an iteration uses of them."""
    found = _Slices(fn)
    return _Contract(found).function(fn) if found.axes else fn


class _Slices:
    """Per allocation that can be cut down: the loops that it moves into, and which axis is the index of each."""

    def __init__(self, fn: Function) -> None:
        self.axes: dict[Value, dict[int, Value]] = {}  # axis → the index that it always has
        self.inside: dict[Region, list[Op]] = {}  # the allocations that move to the head of a region
        self._loops: dict[Value, list[Region]] = {}  # of an access, the bodies around it, the innermost last
        self._accesses: dict[Value, list[tuple[tuple[Value, ...], tuple[Region, ...]]]] = {}
        self._elsewhere: set[Value] = set()
        self._homes: dict[Value, tuple[Op, tuple[Region, ...]]] = {}
        self._read(fn.body, ())
        aliases = Aliases(fn) if self._homes else None
        for root, (op, around) in self._homes.items():
            if aliases and root in self._accesses and root not in self._elsewhere and not aliases.escapes(root):
                self._cut(root, op, around)

    def _read(self, region: Region, around: tuple[Region, ...]) -> None:
        for op in region.ops:
            handles = op.operands
            if op.name == "alloc" and op.operands:
                self._homes[op.result] = op, around
            elif op.name in ("load", "store"):
                first = int(op.name == "store")
                self._accesses.setdefault(op.operands[first], []).append((op.operands[first + 1 :], around))
                handles = op.operands[:first]
            self._elsewhere.update(handles)
            for inner in op.regions:
                self._read(inner, (*around, inner) if op.name == "for" else around)

    def _cut(self, root: Value, op: Op, around: tuple[Region, ...]) -> None:
        """Move the allocation into loops as long as there is one around all accesses that tells them apart."""
        accesses = self._accesses[root]
        depth, axes, home = len(around), {}, None
        while all(len(loops) > depth for _, loops in accesses):
            body = accesses[0][1][depth]
            if any(loops[depth] is not body for _, loops in accesses):
                break
            index = body.args[0]
            axis = next((k for k in range(len(op.operands)) if all(i[k] is index for i, _ in accesses)), None)
            if axis is None:
                break
            axes[axis], home = index, body
            depth += 1
        if home is not None:
            self.axes[root] = axes
            self.inside.setdefault(home, []).append(op)


class _Contract(Rebuild):
    def __init__(self, slices: _Slices) -> None:
        super().__init__()
        self._slices = slices

    def region(self, region: Region, known: dict[Value, Value] | None = None) -> Region:
        moved = self._slices.inside.get(region, [])
        if not moved:
            return super().region(region, known)
        made = super().region(region, (known or {}) | {op.result: self._slice(op) for op in moved})
        fresh = [self._alloc(op, self.get(op.result)) for op in moved]
        return Region(made.args, [*fresh, *made.ops])

    def _slice(self, op: Op) -> Value:
        type = op.result.type
        assert isinstance(type, BufferType)
        return Value(BufferType(type.dtype, type.rank - len(self._slices.axes[op.result])), op.result.name)

    def _alloc(self, op: Op, result: Value) -> Op:
        extents = self._left(op.result, self.operands(op))
        return Op("alloc", extents, (result,), op.attrs, (), op.span)

    def _left(self, root: Value, items: Iterable[Value]) -> tuple[Value, ...]:
        axes = self._slices.axes[root]
        return tuple([item for k, item in enumerate(items) if k not in axes])

    def visit(self, op: Op) -> None:
        first = int(op.name == "store")
        if op.name == "alloc" and op.result in self._slices.axes:
            return
        if op.name in ("load", "store") and op.operands[first] in self._slices.axes:
            operands = self.operands(op)
            left = self._left(op.operands[first], operands[first + 1 :])
            self.copy(op, (*operands[: first + 1], *left))
        else:
            self.keep(op)
