"""An array that either branch of an `if` makes is made before it.

What: where both branches yield an allocation of their own, of the same extents, there is one allocation before the
`if`, into which both write, and nothing to yield; so, too, where one of them leaves the array undefined. So it is known
where what follows reads and writes, what its extents are, and it can be taken out of memory.

When: the extents are known before the `if` and sure not to be negative there, and both allocations are zeroed or
neither.

Before:

    func @f(%c: bool, %x: buffer<f64, 1, C>) {
      %zero: i64 = const 0
      %n: i64 = dim %x, 0
      %e: f64 = load %x[%zero]
      %r: buffer<f64, 1, C> = if %c {
        %a: buffer<f64, 1, C> = alloc(%n)
        store %e, %a[%zero]
        yield %a
      } else {
        %b: buffer<f64, 1, C> = alloc(%n)
        %d: f64 = mul %e, %e
        store %d, %b[%zero]
        yield %b
      }
      %s: f64 = load %r[%zero]
      return %s
    }

After:

    func @f(%c: bool, %x: buffer<f64, 1, C>) {
      %zero: i64 = const 0
      %n: i64 = dim %x, 0
      %e: f64 = load %x[%zero]
      %a: buffer<f64, 1, C> = alloc(%n)
      if %c {
        store %e, %a[%zero]
        yield
      } else {
        %d: f64 = mul %e, %e
        store %d, %a[%zero]
        yield
      }
      %s: f64 = load %a[%zero]
      return %s
    }
"""

from __future__ import annotations

from collections.abc import Sequence

from llad.ir.core import Function, Op, Region, Value, constant, walk
from llad.ir.types import I64, BufferType
from llad.passes.rebuild import Rebuild

_DEPTH = 8  # of sums and choices that are looked through for a sign


def unite(fn: Function) -> Function:
    """`fn` with the arrays that both branches of an `if` make made before it."""
    return _Unite().function(fn) if any(map(yields_array, walk(fn.body))) else fn


def yields_array(op: Op) -> bool:
    """Whether the op is an `if` whose branches yield arrays."""
    return op.name == "if" and any(isinstance(r.type, BufferType) for r in op.results)


class _Unite(Rebuild):
    again = True  # for it edits its copies

    def __init__(self) -> None:
        super().__init__()
        self._made: dict[Value, Op] = {}

    def visit(self, op: Op) -> None:
        kept = self.keep(op)
        self._made.update(dict.fromkeys(kept.results, kept))
        if yields_array(kept):
            self._unite(op, self.ops.pop())

    def _unite(self, old: Op, new: Op) -> None:
        """Emit `new`, a copy of the `if` `old`, with those of its allocations before it that can stand there."""
        pairs = list(zip(*[r.terminator.operands for r in new.regions], strict=True))
        kept = []
        for number, (result, pair) in enumerate(zip(old.results, pairs, strict=True)):
            allocs = [self._alloc(v, region) for v, region in zip(pair, new.regions, strict=True)]
            made = [op for op in allocs if op is not None]
            united = all(op or self._is_undefined(v) for op, v in zip(allocs, pair, strict=True))
            extents = self._extents(made, new) if united else None
            if extents is None:
                kept.append(number)
                continue
            first = made[0]
            self.ops.append(Op("alloc", tuple(extents), first.results, first.attrs, (), first.span))
            self._made[first.result] = self.ops[-1]
            self.mapping[result] = first.result
            for alloc, region in zip(allocs, new.regions, strict=True):
                if alloc is not None:
                    region.ops.remove(alloc)
                    _substitute(region, alloc.result, first.result)
        for region in new.regions:
            region.terminator.operands = tuple([region.terminator.operands[k] for k in kept])
        new.results = tuple([new.results[k] for k in kept])
        self.ops.append(new)

    def _alloc(self, value: Value, region: Region) -> Op | None:
        made = self._made.get(value)
        return made if made is not None and made.name == "alloc" and made in region.ops else None

    def _is_undefined(self, value: Value) -> bool:
        made = self._made.get(value)
        return made is not None and made.name == "undef"

    def _extents(self, allocs: Sequence[Op], branch: Op) -> Sequence[Value] | None:
        """The extents of all, if they are the same and can be had before the `if`; constants are emitted anew."""
        if not allocs or any((a.result.type, a.attrs) != (allocs[0].result.type, allocs[0].attrs) for a in allocs):
            return None
        inside = {r for region in branch.regions for op in walk(region) for r in op.results}
        for same in zip(*[a.operands for a in allocs], strict=True):
            numbers = {constant(v, self._made) for v in same}
            alike = None not in numbers and len(numbers) == 1
            if not alike and (len(set(same)) > 1 or same[0] in inside):
                return None
            if not self._is_positive(same[0], _DEPTH):
                return None
        span = allocs[0].span
        known = [(v, constant(v, self._made)) for v in allocs[0].operands]
        return [v if n is None else self.const(n, I64, span) for v, n in known]

    def _is_positive(self, value: Value, depth: int) -> bool:
        """Whether the integer is sure not to be negative."""
        made = self._made.get(value)
        if made is None or depth == 0:
            return False
        match made.name:
            case "dim":
                return True
            case "const":
                return bool(made.attrs["value"] >= 0)
            case "min":
                return all(self._is_positive(o, depth - 1) for o in made.operands)
            case "max":
                return any(self._is_positive(o, depth - 1) for o in made.operands)
            case "select":
                return all(self._is_positive(o, depth - 1) for o in made.operands[1:])
            case _:
                return False


def _substitute(region: Region, old: Value, new: Value) -> None:
    """Let the ops of a region that was just made mention `new` in place of `old`."""
    for op in walk(region):
        if old in op.operands:
            op.operands = tuple([new if o is old else o for o in op.operands])
