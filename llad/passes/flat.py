"""Two loops over all elements of matrices become one, along their memory.

What: a loop that does nothing but run another one, which goes along the rows of contiguous arrays from end to end,
becomes one loop over the elements of all rows. So a short row, as the three coordinates of a point, does not end a
vector, and nothing begins anew with each row.

When: the inner loop uses both indices only to say which element, of arrays whose rows are as long as the loop, by their
allocation or because a check says so; and the carries of the outer loop go through the inner one.

Before:

    func @f(%x: buffer<f64, 2, C>) {
      %zero: i64 = const 0
      %one: i64 = const 1
      %none: f64 = const 0.0
      %n: i64 = dim %x, 0
      %d: i64 = dim %x, 1
      %s: f64, %t: i64 = for %i in %zero..%n step %one carry (%a: f64 = %none) {
        %r: f64, %u: i64 = for %j in %zero..%d step %one carry (%b: f64 = %a) {
          %c: f64 = load %x[%i, %j]
          %e: f64 = exp %c
          %g: f64 = add %b, %e
          yield %g
        }
        yield %r
      }
      return %s
    }

After:

    func @f(%x: buffer<f64, 2, C>) {
      %zero: i64 = const 0
      %one: i64 = const 1
      %none: f64 = const 0.0
      %n: i64 = dim %x, 0
      %d: i64 = dim %x, 1
      %0: i64 = dim %x, 0
      %1: i64 = dim %x, 1
      %2: i64 = mul %0, %1
      %3: buffer<f64, 1, C> = view %x[shape(%2)]
      %4: i64 = mul %n, %d
      %s: f64, %t: i64 = for %j in %zero..%4 step %one carry (%b: f64 = %none) {
        %c: f64 = load %3[%j]
        %e: f64 = exp %c
        %g: f64 = add %b, %e
        yield %g
      }
      return %s
    }
"""

from __future__ import annotations

from collections.abc import Iterable

from llad.ir.core import LIKE, Function, Op, Value, defined, makers, uses, walk
from llad.ir.elements import Elements
from llad.ir.types import BufferType
from llad.passes.equal import Equal
from llad.passes.rebuild import Rebuild

_LARGEST = 60  # ops of an inner loop: longer ones gain nothing


def flat(fn: Function) -> Function:
    """`fn` with loops over matrices from end to end as one."""
    return _Flat(fn).function(fn)


class _Flat(Rebuild):
    """`_rows`: while a loop is written, per buffer what stands for it: all its rows in one."""

    def __init__(self, fn: Function) -> None:
        super().__init__()
        self._elements = Elements(fn)
        self._made = makers(fn.body)
        self._uses = uses(fn.body)
        self._equal = Equal(self._made, self._elements)
        self._rows: dict[Value, Value] = {}
        self._lengths: dict[Value, list[Value]] = {}  # per array what its rows are as long as
        for op in walk(fn.body):
            if op.name == "alloc" and len(op.operands) == 2:
                self._lengths.setdefault(op.result, []).append(op.operands[1])
            elif op.name == "dim" and op.attrs["axis"] == 1:
                self._lengths.setdefault(op.operands[0], []).append(op.result)
        for array, like in fn.attrs.get(LIKE, ()):
            self._lengths.setdefault(fn.params[array], []).extend(self._lengths.get(fn.params[like], ()))

    def splice(self, ops: Iterable[Op]) -> None:
        known, self._equal = self._equal, self._equal.copy()
        for op in ops:
            self.visit(op)
            if op.name == "check":
                self._equal.learn(op.operands[0])
        self._equal = known

    def visit(self, op: Op) -> None:
        if self._rows:
            self._inside(op)
            return
        inner = self._inner(op) if op.name == "for" else None
        arrays = [] if inner is None else self._arrays(op, inner)
        if inner is not None and arrays:
            self._join(op, inner, arrays)
        else:
            self.keep(op)

    def _join(self, outer: Op, inner: Op, arrays: list[Value]) -> None:
        for array in arrays:
            assert isinstance(array.type, BufferType)
            row = BufferType(array.type.dtype, 1, "C")
            length = self.product(self.extents(self.get(array), outer.span), outer.span)
            view = self.emit("view", [self.get(array), length], [row], outer.span, {"axes": ("shape",)})
            self._rows[array] = view.result
        lo, rows, step, *inits = self.operands(outer)
        length = self.product([rows, self.get(inner.operands[1])], outer.span)
        body = self.region(inner.regions[0])
        self._rows = {}
        attrs = {"exits": False, "kind": _kind(outer, inner)}
        attrs |= {key: True for key in ("apart", "seldom") if outer.attrs.get(key) and inner.attrs.get(key)}
        self.ops.append(Op("for", (lo, length, step, *inits), outer.results, attrs, (body,), outer.span))

    def _inside(self, op: Op) -> None:
        """An op of the inner loop: an element has one index, which is that of this loop now."""
        value = [self.get(op.operands[0])] if op.name == "store" else []
        array = op.operands[len(value)] if op.name in ("load", "store") else None
        if array in self._rows:
            self.copy(op, (*value, self._rows[array], op.operands[-1]))
        else:
            self.keep(op)

    # -- what may be one loop

    def _inner(self, outer: Op) -> Op | None:
        """The loop that is all an outer one does."""
        body = outer.regions[0]
        if len(body.ops) != 2 or body.ops[0].name != "for":
            return None
        inner, end = body.ops
        plain = all(self._is_plain(loop) for loop in (outer, inner))
        through = inner.operands[3:] == body.args[1:] and end.operands == inner.results[:-1]
        return inner if plain and through and len(inner.regions[0].ops) <= _LARGEST else None

    def _is_plain(self, loop: Op) -> bool:
        lo, _, step = map(self._elements.constant, loop.operands[:3])
        quiet = not loop.attrs["exits"] and not loop.attrs.get("threads") and not self._uses[loop.results[-1]]
        return quiet and lo == 0 and step == 1

    def _arrays(self, outer: Op, inner: Op) -> list[Value]:
        """The arrays whose elements the inner loop goes through; none if it uses an index for anything else."""
        i, j = outer.regions[0].args[0], inner.regions[0].args[0]
        length = self._equal(inner.operands[1])
        found: dict[Value, None] = {}
        for op in walk(inner.regions[0]):
            if i not in op.operands and j not in op.operands:
                continue
            value = op.operands[: op.name == "store"]
            buffer, *at = op.operands[len(value) :]
            if op.name not in ("load", "store") or at != [i, j] or not {i, j}.isdisjoint((*value, buffer)):
                return []
            lengths = self._lengths.get(buffer, ())
            if getattr(buffer.type, "layout", "") != "C" or all(self._equal(v) != length for v in lengths):
                return []
            found[buffer] = None
        return list(found) if defined(outer.regions[0]).isdisjoint(found) else []


def _kind(outer: Op, inner: Op) -> str:
    kinds = {outer.attrs["kind"], inner.attrs["kind"]}
    return kinds.pop() if len(kinds) == 1 else "sequential"
