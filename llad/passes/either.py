"""An access to one of two arrays, as a branch chose, becomes an access to the one or the other.

What: where an `if` yields one of two arrays that exist before it, and that is only loaded from and stored to, each
access becomes an `if` on the same condition with an access to either array. So no array has two names, and small ones
can be taken out of memory.

When: always sound; worth it where the arrays then become numbers.

Before:

    func @f(%c: bool, %x: f64) {
      %zero: i64 = const 0
      %one: i64 = const 1
      %a: buffer<f64, 1, C> = alloc(%one) zero
      %b: buffer<f64, 1, C> = alloc(%one) zero
      %r: buffer<f64, 1, C> = if %c {
        yield %a
      } else {
        yield %b
      }
      store %x, %r[%zero]
      %s: f64 = load %r[%zero]
      return %s
    }

After (and `dce`):

    func @f(%c: bool, %x: f64) {
      %zero: i64 = const 0
      %one: i64 = const 1
      %a: buffer<f64, 1, C> = alloc(%one) zero
      %b: buffer<f64, 1, C> = alloc(%one) zero
      if %c {
        store %x, %a[%zero]
        yield
      } else {
        store %x, %b[%zero]
        yield
      }
      %s: f64 = if %c {
        %u: f64 = load %a[%zero]
        yield %u
      } else {
        %v: f64 = load %b[%zero]
        yield %v
      }
      return %s
    }
"""

from __future__ import annotations

from llad.ir.core import Function, Op, Value, accessed, walk
from llad.ir.types import BufferType
from llad.passes.rebuild import Rebuild
from llad.passes.unite import yields_array


def either(fn: Function) -> Function:
    """`fn` with accesses to chosen arrays made accesses to either array."""
    return _Either(fn).function(fn) if any(map(yields_array, walk(fn.body))) else fn


class _Either(Rebuild):
    again = True  # an access becomes two

    def __init__(self, fn: Function) -> None:
        super().__init__()
        self._kept: set[Value] = set()  # buffers that are more than loaded from and stored to
        for op in walk(fn.body):
            buffer = accessed(op)[0] if op.name in ("load", "store") else None
            self._kept.update(o for o in op.operands if o is not buffer)
        self._chosen: dict[Value, tuple[Value, Value, Value]] = {}  # condition and arrays, all new

    def visit(self, op: Op) -> None:
        match op.name:
            case "if":
                copied = self.keep(op)
                inside = {r for region in copied.regions for inner in walk(region) for r in inner.results}
                pairs = zip(*[r.terminator.operands for r in copied.regions], strict=True)
                for result, (first, second) in zip(op.results, pairs, strict=True):
                    apart = first not in inside and second not in inside
                    if isinstance(result.type, BufferType) and result not in self._kept and apart:
                        self._chosen[self.get(result)] = (copied.operands[0], first, second)
            case "load" | "store":
                self._access(op, self.operands(op))
            case _:
                self.keep(op)

    def _access(self, op: Op, operands: tuple[Value, ...]) -> None:
        place = int(op.name == "store")
        if operands[place] not in self._chosen:
            self.copy(op, operands)
            return
        condition, *arrays = self._chosen[operands[place]]
        regions = []
        for array in arrays:
            with self.written() as region:
                self._access(op, (*operands[:place], array, *operands[place + 1 :]))
                found = [self.get(r) for r in op.results]
                self.emit("yield", found, [], op.span)
            regions.append(region)
        self.decide(op, condition, regions)
