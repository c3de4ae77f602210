"""Memory that every iteration makes anew is made once, before the loop.

What: an allocation in the straight part of a loop body, whose extents do not change, moves before the loop. If it was
to be zeroed, the body fills it with zeros instead.

When: no handle on it outlives the iteration (it does not escape). An extent means something only where the body runs:
if a `for` makes no trip, or if a check in its body fails first, it may be negative or undefined. So before the loop,
unless it is that of something that exists anyway, an extent is made 0 if the loop makes no trip, and never negative. A
`while` does not say beforehand whether it runs, so there such allocations stay where they are.

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
        self._params = frozenset(fn.params)
        self._extents: set[Value] = set()  # new values that are defined everywhere, and not negative
        self._local: set[Value] = set()  # new allocations that no iteration hands on
        self._constants: dict[Value, object] = {}
        self._guarded: dict[Value, tuple[Value, ...]] = {}  # an extent that stands before a loop: bounds, extent inside

    def visit(self, op: Op) -> None:
        operands = self.operands(op)
        regions = tuple([self.region(r) for r in op.regions])
        attrs = None
        if op.name in ("for", "while"):
            *others, body = regions
            left = self._take_out(body, operands[:3] if op.name == "for" else None)
            regions = (*others, left)
            if left is not body and op.name == "for":  # iterations that share scratch are not independent
                attrs = {"kind": "sequential"}
        copied = self.copy(op, operands, regions, attrs)
        match op.name:
            case "const":
                self._constants[copied.result] = op.attrs["value"]
                if op.result.type == I64 and op.attrs["value"] >= 0:
                    self._extents.add(copied.result)
            case "dim" if op.operands[0] in self._params:
                self._extents.add(copied.result)
            case "alloc" if not self._aliases.escapes(op.result):
                self._local.add(copied.result)

    def _take_out(self, body: Region, bounds: tuple[Value, ...] | None) -> Region:
        """Emit here the allocations of a rebuilt loop body that can stand before the loop; the body without them."""
        inside = set(body.args) | {r for op in walk(body) for r in op.results}
        stays: list[Op] = []
        for op in body.ops:
            movable = (
                op.name == "alloc"
                and op.result in self._local
                and "storage" not in op.attrs
                and all(self._computable(o, inside) and (bounds or o in self._extents) for o in op.operands)
            )
            if not movable:
                stays.append(op)
                continue
            extents = tuple([self._before(self._outside(o, inside, bounds, op), bounds, op) for o in op.operands])
            self.ops.append(Op("alloc", extents, op.results, {**op.attrs, "zero": False}, (), op.span))
            if op.attrs["zero"]:
                stays += _fill(op, extents)
        return body if stays == body.ops else Region(body.args, stays)

    def _computable(self, value: Value, inside: set[Value]) -> bool:
        """Whether a value can be had before the loop that makes what is `inside`."""
        if value not in inside or value in self._constants:
            return True
        return value in self._guarded and all(self._computable(v, inside) for v in self._guarded[value])

    def _outside(self, value: Value, inside: set[Value], bounds: tuple[Value, ...] | None, like: Op) -> Value:
        """The value as it can be had before the loop."""
        if value not in inside:
            return value
        if value in self._guarded:
            parts = [self._outside(v, inside, bounds, like) for v in self._guarded[value]]
            *inner, extent = [self._defined(v, bounds, like) for v in parts]
            return self._before(extent, tuple(inner), like)
        number = self._constants[value]
        assert isinstance(number, int)
        made = self.const(number, I64, like.span)
        self._constants[made] = number
        if number >= 0:
            self._extents.add(made)
        return made

    def _before(self, extent: Value, bounds: tuple[Value, ...] | None, like: Op) -> Value:
        """The extent before a `for` with these bounds: 0 if it makes no trip, and not negative."""
        if extent in self._extents:
            return extent
        assert bounds is not None
        defined = self._defined(extent, bounds, like)
        b = Builder(like.span)
        made = b.op("max", defined, b.i64(0))
        self.ops += b.root.ops
        self._guarded[made] = (*bounds, extent)
        return made

    def _defined(self, value: Value, bounds: tuple[Value, ...] | None, like: Op) -> Value:
        """The value before a `for` with these bounds: 0 if it makes no trip."""
        if value in self._extents or value in self._constants:
            return value
        assert bounds is not None
        lo, hi, step = bounds
        b = Builder(like.span)
        none = b.i64(0)
        up, down = b.op("lt", lo, hi), b.op("gt", lo, hi)
        runs = b.op("select", b.op("gt", step, none), up, down)
        made = b.op("select", runs, value, none)
        self.ops += b.root.ops
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
