"""Nests over operands that may have just one element along an axis are written for the usual case, too.

What: where it is known only at run time whether an operand has one element or as many as the result, the indices of its
elements have a factor of 0 or 1. A nest of loops with such factors, which are settled before it, runs without them if
all are 1; else it runs as it stood. So the usual nest goes along rows, as vectors.

When: the nest is short, hands on numbers only, and makes no memory.

Before:

    func @f(%x: buffer<f64, 1, C>, %y: buffer<f64, 1, C>, %n: i64, %m: i64) {
      %zero: i64 = const 0
      %one: i64 = const 1
      %many: bool = ne %m, %one
      %factor: i64 = cast %many
      %t: i64 = for %i in %zero..%n step %one {
        %k: i64 = mul %i, %factor
        %e: f64 = load %x[%k]
        store %e, %y[%i]
        yield
      }
      return
    }

After:

    func @f(%x: buffer<f64, 1, C>, %y: buffer<f64, 1, C>, %n: i64, %m: i64) {
      %zero: i64 = const 0
      %one: i64 = const 1
      %many: bool = ne %m, %one
      %factor: i64 = cast %many
      %0: i64 = if %many {
        %t: i64 = for %i in %zero..%n step %one {
          %e: f64 = load %x[%i]
          store %e, %y[%i]
          yield
        }
        yield %t
      } else {
        %t_1: i64 = for %i_1 in %zero..%n step %one {'rare': True} {
          %k: i64 = mul %i_1, %factor
          %e_1: f64 = load %x[%k]
          store %e_1, %y[%i_1]
          yield
        }
        yield %t_1
      }
      return
    }
"""

from __future__ import annotations

from llad.ir.core import TAPE, Function, Op, Value, defined, makers, walk
from llad.ir.types import BOOL, I64, ScalarType
from llad.passes.rebuild import Rebuild

_LARGEST = 200  # ops of a nest that is worth having twice
_OTHERS = TAPE | {"call", "alloc", "free", "while", "matmul"}


def singles(fn: Function) -> Function:
    """`fn` with nests over operands that may have single elements written for when they have more, too."""
    return _Singles(fn).function(fn)


class _Singles(Rebuild):
    def __init__(self, fn: Function) -> None:
        super().__init__()
        self._made = makers(fn.body)
        self._plain: dict[Value, Value] = {}  # what stands for a product with a factor that is 1

    def visit(self, op: Op) -> None:
        if op.name == "mul" and op.result in self._plain:
            self.replace(op.results, [self.get(self._plain[op.result])])
            return
        factors = self._factors(op) if op.name == "for" and not self._plain else {}
        if not factors:
            self.keep(op)
            return
        conditions = dict.fromkeys(condition for condition, _ in factors.values())
        many = self.all_of([self.get(condition) for condition in conditions], op.span)
        with self.afresh():
            self._plain = {product: index for product, (_, index) in factors.items()}
            usual = self.region(op.regions[0])
            self._plain = {}
        self.usually(op, many, usual)

    def _factors(self, loop: Op) -> dict[Value, tuple[Value, Value]]:
        """Per product with a factor that is known before the loop: when that is 1, and what else is multiplied."""
        inner = list(walk(loop.regions[0]))
        if len(inner) > _LARGEST or not all(isinstance(r.type, ScalarType) for r in loop.results):
            return {}
        if loop.attrs.get("rare") or any(op.name in _OTHERS for op in inner):
            return {}
        inside = defined(loop.regions[0])
        found = {}
        for op in inner:
            for factor, index in (op.operands, op.operands[::-1]) if op.name == "mul" else ():
                cast = self._made.get(factor)
                if cast is None or cast.name != "cast" or factor.type != I64 or factor in inside:
                    continue
                if cast.operands[0].type == BOOL:
                    found[op.result] = cast.operands[0], index
        return found
