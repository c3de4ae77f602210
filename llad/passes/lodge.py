"""A tape lives in the array that its last reader fills.

What: a loop reads a tape and stores, at the same index, to a parameter that nothing has touched yet: to the derivative
with respect to an array, as a rule. The tape lives there from the start, so loops go through less memory. Where the
lengths differ, which is asked at run time, the tape has memory of its own.

When: callers give nothing in the parameter (the function's attribute `blank`). Nothing touches it before the loop,
unless the lengths differ; the tape has one axis and is loaded from and stored to only, and the loop is the last to do
so. In an iteration, the loads of the tape come first, the stores to the parameter then, all at the loop's own index. So
no element is overwritten that is still to be read.

Before:

    func @f(%x: buffer<f64, 1, C>, %y: buffer<f64, 1, C>) {'blank': (1,)} {
      %zero: i64 = const 0
      %one: i64 = const 1
      %nothing: f64 = const 0.0
      %n: i64 = dim %x, 0
      %size: i64 = max %n, %zero
      %tape: buffer<f64, 1, C> = alloc(%size)
      %sum: f64, %filled: i64 = for %i in %zero..%n step %one carry (%s: f64 = %nothing) {
        %u: f64 = load %x[%i]
        %e: f64 = exp %u
        store %e, %tape[%i]
        %t: f64 = add %s, %e
        yield %t
      }
      %extent: i64 = dim %y, 0
      %all: bool = eq %n, %extent
      if %all {
        yield
      } else {
        %zeroed: i64 = for %k in %zero..%extent step %one {
          store %nothing, %y[%k]
          yield
        }
        yield
      }
      %trips: i64 = for %i in %zero..%n step %one {
        %e: f64 = load %tape[%i]
        %q: f64 = div %e, %sum
        store %q, %y[%i]
        yield
      }
      return
    }

After:

    func @f(%x: buffer<f64, 1, C>, %y: buffer<f64, 1, C>) {'blank': (1,)} {
      %zero: i64 = const 0
      %one: i64 = const 1
      %nothing: f64 = const 0.0
      %n: i64 = dim %x, 0
      %size: i64 = max %n, %zero
      %length: i64 = dim %y, 0
      %fits: bool = eq %n, %length
      %tape: buffer<f64, 1, C> = if %fits {
        yield %y
      } else {
        %own: buffer<f64, 1, C> = alloc(%size)
        yield %own
      }
      %sum: f64, %filled: i64 = for %i in %zero..%n step %one carry (%s: f64 = %nothing) {
        %u: f64 = load %x[%i]
        %e: f64 = exp %u
        store %e, %tape[%i]
        %t: f64 = add %s, %e
        yield %t
      }
      %extent: i64 = dim %y, 0
      %all: bool = eq %n, %extent
      if %all {
        yield
      } else {
        %zeroed: i64 = for %k in %zero..%extent step %one {
          store %nothing, %y[%k]
          yield
        }
        yield
      }
      %trips: i64 = for %i in %zero..%n step %one {
        %e: f64 = load %tape[%i]
        %q: f64 = div %e, %sum
        store %q, %y[%i]
        yield
      }
      return
    }
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from llad.ir.alias import Aliases
from llad.ir.core import BLANK, Function, Op, Region, Value, constant, makers, walk
from llad.ir.types import BOOL, I64, BufferType
from llad.passes.rebuild import Rebuild


def lodge(fn: Function) -> Function:
    """`fn` with tapes in the parameters that replace them."""
    if not fn.attrs.get(BLANK) or fn.attrs.get("may_alias"):
        return fn
    lodgings = dict(_Search(fn).lodgings())
    return _Lodge(lodgings).function(fn) if lodgings else fn


_Lodging = tuple[Value, Value]  # a parameter, and the number that its extent has to be


class _Search:
    def __init__(self, fn: Function) -> None:
        self._ops = fn.body.ops
        self._aliases = Aliases(fn)
        self._made = makers(fn.body)
        self._free = [fn.params[k] for k in fn.attrs[BLANK]]

    def lodgings(self) -> Iterator[tuple[Op, _Lodging]]:
        """Allocations at the top of the function, and what each may have in its place; none gets two."""
        taken: set[Value] = set()
        for op in self._ops:
            if op.name != "alloc" or not _is_plain_row(op) or self._aliases.escapes(op.result):
                continue
            for param in self._free:
                if param not in taken and param.type == op.result.type:
                    length = self._length(op, param)
                    if length is not None:
                        taken.add(param)
                        yield op, (param, length)
                        break

    def _touching(self, root: Value) -> list[Op]:
        touches = self._aliases
        return [op for op in self._ops if root in touches.read(op) or root in touches.written(op)]

    def _length(self, alloc: Op, param: Value) -> Value | None:
        """The length that `param` must have, known where the tape is made; `None`: the tape cannot live there."""
        tape = self._touching(alloc.result)
        other = self._touching(param)
        if not tape or tape[-1] not in other or not self._replaces(tape[-1], alloc.result, param):
            return None
        before = other[: other.index(tape[-1])]
        lengths = {self._unless(op, param) for op in before}
        length = lengths.pop() if len(lengths) == 1 else None
        return length if length is not None and self._is_extent(alloc.operands[0], length) else None

    def _replaces(self, loop: Op, tape: Value, param: Value) -> bool:
        """Whether the iterations of a loop load from the tape, and after that store to `param`, at its index only."""
        if loop.name != "for":
            return False
        body = loop.regions[0]
        stored = False
        for op in walk(body):
            touched = self._aliases.touched(op)
            if op.regions or touched.isdisjoint({tape, param}):
                continue
            if op not in body.ops or op.name not in ("load", "store"):
                return False
            handle, index = op.operands[-2:]
            if handle not in (tape, param) or index is not body.args[0]:
                return False
            if (handle is tape) == (op.name == "store") or (handle is tape and stored):
                return False
            stored = True if op.name == "store" else stored
        return stored

    def _unless(self, op: Op, param: Value) -> Value | None:
        """The number that the extent of `param` must not be for `op` to touch it."""
        condition = self._made.get(op.operands[0]) if op.name == "if" else None
        if condition is None or condition.name != "eq" or param in self._aliases.written(op.regions[0]):
            return None
        length, extent = condition.operands
        made = self._made.get(extent)
        is_extent = made is not None and made.name == "dim" and made.operands[0] is param
        return length if is_extent and param not in self._aliases.read(op) else None

    def _is_extent(self, extent: Value, length: Value) -> bool:
        """Whether `extent` is `length` if that is not negative."""
        made = self._made.get(extent)
        if extent is length or made is None or made.name != "max" or length not in made.operands:
            return extent is length
        least = constant(made.operands[made.operands[0] is length], self._made)
        return least is not None and least <= 0


def _is_plain_row(alloc: Op) -> bool:
    type = alloc.result.type
    assert isinstance(type, BufferType)
    return type.rank == 1 and not alloc.attrs["zero"] and alloc.attrs.get("storage") != "stack"


class _Lodge(Rebuild):
    def __init__(self, lodgings: Mapping[Op, _Lodging]) -> None:
        super().__init__()
        self._lodgings = lodgings

    def visit(self, op: Op) -> None:
        if op not in self._lodgings:
            self.keep(op)
            return
        param, length = map(self.get, self._lodgings[op])
        extent = self.emit("dim", [param], [I64], op.span, {"axis": 0}).result
        fits = self.emit("eq", [length, extent], [BOOL], op.span).result
        own = self._region([Op(op.name, self.operands(op), (Value(op.result.type),), op.attrs, (), op.span)])
        there = Region((), [Op("yield", (param,), span=op.span)])
        chosen = self.emit("if", [fits], [op.result.type], op.span, {}, (there, own)).result
        chosen.name = op.result.name
        self.replace(op.results, [chosen])

    def _region(self, ops: Sequence[Op]) -> Region:
        """Of ops of which the last one's result is yielded."""
        return Region((), [*ops, Op("yield", ops[-1].results, span=ops[-1].span)])
