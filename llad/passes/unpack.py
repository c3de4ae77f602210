"""A matrix that is a window on a vector gets memory of its own, for its derivative to be added up in.

What: a parameter vector is unpacked, `w = theta[:n].reshape(p, q)`: what only reads such a matrix reads a copy. In a
gradient the matrix then has a shadow of its own, which is added to that of the vector once. As a window on that one it
would share memory with the shadows of all that was unpacked, and no product of matrices could be told from the others.

When: nobody writes the vector, the matrix is made once, is only loaded from, and that again and again: in more loops
than it has axes. Before reverse mode only: elsewhere a window costs nothing.

Before:

    func @f(%theta: buffer<f64, 1, C>, %y: buffer<f64, 1, C>, %p: i64, %q: i64) {
      %zero: i64 = const 0
      %one: i64 = const 1
      %w: buffer<f64, 2, C> = view %theta[shape(%p), shape(%q)]
      %k: i64 = for %s in %zero..%q step %one {
        %l: i64 = for %i in %zero..%p step %one {
          %m: i64 = for %j in %zero..%q step %one {
            %u: f64 = load %w[%i, %j]
            store %u, %y[%j]
            yield
          }
          yield
        }
        yield
      }
      return
    }

After:

    func @f(%theta: buffer<f64, 1, C>, %y: buffer<f64, 1, C>, %p: i64, %q: i64) {
      %zero: i64 = const 0
      %one: i64 = const 1
      %n: i64 = dim %theta, 0
      %c: buffer<f64, 1, C> = alloc(%n)
      %first: i64 = const 0
      %step: i64 = const 1
      %t: i64 = for %a in %first..%n step %step parallel {
        %x: f64 = load %theta[%a]
        store %x, %c[%a]
        yield
      }
      %w: buffer<f64, 2, C> = view %c[shape(%p), shape(%q)]
      %k: i64 = for %s in %zero..%q step %one {
        %l: i64 = for %i in %zero..%p step %one {
          %m: i64 = for %j in %zero..%q step %one {
            %u: f64 = load %w[%i, %j]
            store %u, %y[%j]
            yield
          }
          yield
        }
        yield
      }
      return
    }
"""

from __future__ import annotations

from collections.abc import Iterator

from llad.ir.alias import Aliases
from llad.ir.core import Function, Op, Region, Value, users
from llad.ir.types import I64, BufferType
from llad.passes.rebuild import Rebuild
from llad.passes.strips import PARALLEL


def unpack(fn: Function) -> Function:
    """`fn` with its unpacked matrices in memory of their own."""
    views = [op for op in fn.body.ops if op.name == "view" and "shape" in op.attrs["axes"]]
    if not views:
        return fn
    aliases, uses = Aliases(fn), users(fn.body)
    again = {load.operands[0] for load, depth in _loads(fn.body) if depth > len(load.operands) - 1}
    found = {
        op
        for op in views
        if op.result in again
        and len(op.operands) > 2
        and op.operands[0].type == BufferType(op.result.type.dtype, 1)  # type: ignore[union-attr]
        and aliases.is_read_only(op.operands[0])
        and all(use.name in ("load", "dim") for use in uses[op.result])
    }
    return _Unpack(found).function(fn) if found else fn


def _loads(region: Region, depth: int = 0) -> Iterator[tuple[Op, int]]:
    """The loads there, and in how many loops each one is."""
    for op in region.ops:
        if op.name == "load":
            yield op, depth
        for inner in op.regions:
            yield from _loads(inner, depth + (op.name in ("for", "while")))


class _Unpack(Rebuild):
    def __init__(self, found: set[Op]) -> None:
        super().__init__()
        self._found = found

    def visit(self, op: Op) -> None:
        if op not in self._found:
            self.keep(op)
            return
        vector, *extents = self.operands(op)
        self.copy(op, (self._copied(vector, op), *extents))

    def _copied(self, vector: Value, op: Op) -> Value:
        type, span = vector.type, op.span
        assert isinstance(type, BufferType)
        count = self.emit("dim", [vector], [I64], span, {"axis": 0}).result
        copy = self.emit("alloc", [count], [type], span, {"zero": False}).result
        zero, one = self.const(0, I64, span), self.const(1, I64, span)
        index, element = Value(I64, "i"), Value(type.dtype)
        body = Region(
            (index,),
            [
                Op("load", (vector, index), (element,), {}, (), span),
                Op("store", (element, copy, index), (), {}, (), span),
                Op("yield", (), (), {}, (), span),
            ],
        )
        self.emit("for", [zero, count, one], [I64], span, PARALLEL, (body,))
        return copy
