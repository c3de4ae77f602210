"""Memory that every iteration makes anew is made once, before the loop.

What: an allocation in the straight part of a loop body, whose extents do not change, moves before the loop. If it was
to be zeroed, the body fills it with zeros instead.

When: no handle on it outlives the iteration (it does not escape), and the extents are known not to be negative, so
that making it can do no more harm than lack of memory.

Before:

    func @f(%x: buffer<f64, 1, C>, %n: i64) {
      %zero: i64 = const 0
      %one: i64 = const 1
      %m: i64 = dim %x, 0
      %trips: i64 = for %i in %zero..%n step %one {
        %t: buffer<f64, 1, C> = alloc(%m)
        %s: buffer<f64, 1, C> = alloc(%m) zero
        %u: f64 = load %x[%i]
        store %u, %t[%i]
        store %u, %s[%i]
        yield
      }
      return
    }

After:

    func @f(%x: buffer<f64, 1, C>, %n: i64) {
      %zero: i64 = const 0
      %one: i64 = const 1
      %m: i64 = dim %x, 0
      %t: buffer<f64, 1, C> = alloc(%m)
      %s: buffer<f64, 1, C> = alloc(%m)
      %trips: i64 = for %i in %zero..%n step %one {
        %from: i64 = const 0
        %by: i64 = const 1
        %nothing: f64 = const 0.0
        %filled: i64 = for %k in %from..%m step %by parallel {
          store %nothing, %s[%k]
          yield
        }
        %u: f64 = load %x[%i]
        store %u, %t[%i]
        store %u, %s[%i]
        yield
      }
      return
    }
"""

from __future__ import annotations

from llad.ir.alias import Aliases
from llad.ir.build import Builder
from llad.ir.core import Function, Op, Region, Value, walk
from llad.ir.types import I64, BufferType
from llad.passes.rebuild import Rebuild


def reuse(fn: Function) -> Function:
    """`fn` with the scratch of its loops allocated once."""
    return _Reuse(fn).function(fn)


class _Reuse(Rebuild):
    def __init__(self, fn: Function) -> None:
        super().__init__()
        self._aliases = Aliases(fn)
        self._extents: set[Value] = set()  # new values that are not negative
        self._local: set[Value] = set()  # new allocations that no iteration hands on
        self._constants: dict[Value, object] = {}

    def visit(self, op: Op) -> None:
        operands = self.operands(op)
        regions = tuple([self.region(r) for r in op.regions])
        if op.name in ("for", "while"):
            self._take_out(regions[-1])
        copied = self.copy(op, operands, regions)
        match op.name:
            case "const":
                self._constants[copied.result] = op.attrs["value"]
                if op.result.type == I64 and op.attrs["value"] >= 0:
                    self._extents.add(copied.result)
            case "dim":
                self._extents.add(copied.result)
            case "max" if not self._extents.isdisjoint(operands):
                self._extents.add(copied.result)
            case "alloc":
                self._extents.update(operands)
                if not self._aliases.escapes(op.result):
                    self._local.add(copied.result)

    def _take_out(self, body: Region) -> None:
        """Emit here the allocations of a rebuilt loop body that can stand before the loop."""
        inside = set(body.args) | {r for op in walk(body) for r in op.results}
        stays: list[Op] = []
        for op in body.ops:
            movable = (
                op.name == "alloc"
                and op.result in self._local
                and "storage" not in op.attrs
                and all(o in self._extents and (o not in inside or o in self._constants) for o in op.operands)
            )
            if not movable:
                stays.append(op)
                continue
            extents = tuple([self._outside(o, inside, op) for o in op.operands])
            self.ops.append(Op("alloc", extents, op.results, {**op.attrs, "zero": False}, (), op.span))
            if op.attrs["zero"]:
                stays += _fill(op, extents)
        body.ops[:] = stays

    def _outside(self, extent: Value, inside: set[Value], like: Op) -> Value:
        """The extent as it can be had before the loop."""
        if extent not in inside:
            return extent
        value = self._constants[extent]
        assert isinstance(value, int)
        made = self.const(value, I64, like.span)
        self._constants[made] = value
        self._extents.add(made)
        return made


def _fill(alloc: Op, extents: tuple[Value, ...]) -> list[Op]:
    """Loops that store zeros in every element."""
    type = alloc.result.type
    assert isinstance(type, BufferType)
    b = Builder(alloc.span)
    lo, step, nothing = b.i64(0), b.i64(1), b.const(0.0, type.dtype)

    def level(indices: list[Value]) -> None:
        if len(indices) == len(extents):
            b.store(nothing, alloc.result, *indices)
            return
        with b.region([I64], ["i"]) as region:
            level([*indices, region.args[0]])
            b.yield_()
        b.for_(lo, extents[len(indices)], step, [], region, kind="parallel")

    level([])
    return b.root.ops
