"""Products of matrices in nests of loops become one op each.

What: a nest that adds up products (`c[i, j] += a[i, k] * b[k, j]`, however it is written, and whatever else its loops
do) is written a second time, in parts: for a strip of iterations of the outermost loop each product is one `matmul`,
and what stands before, between and after has loops of its own. What one part computes for another is kept in memory
for a strip. A run-time test of the extents chooses between the nest and its parts.

When (`products_nest.py`): all iterations of the loops around a product may do one thing before the first does the next;
and the order of the sums is free.

Before:

    func @f(%x: buffer<f64, 2, C>, %w: buffer<f64, 2, C>, %y: buffer<f64, 2, C>, %n: i64, %m: i64, %l: i64) {
      %zero: i64 = const 0
      %one: i64 = const 1
      %z: f64 = const 0.0
      %t: i64 = for %i in %zero..%n step %one {
        %u: i64 = for %j in %zero..%m step %one {
          %s: f64, %v: i64 = for %k in %zero..%l step %one carry (%c: f64 = %z) {
            %a: f64 = load %x[%i, %k]
            %b: f64 = load %w[%j, %k]
            %p: f64 = mul %a, %b
            %d: f64 = add %c, %p {'reassoc': True}
            yield %d
          }
          %h: f64 = tanh %s
          store %h, %y[%i, %j]
          yield
        }
        yield
      }
      return
    }

After (and `fold`, `cse`, `dce`):

    func @f(%x: buffer<f64, 2, C>, %w: buffer<f64, 2, C>, %y: buffer<f64, 2, C>, %n: i64, %m: i64, %l: i64) {
      %zero: i64 = const 0
      %one: i64 = const 1
      %z: f64 = const 0.0
      %0: i64 = const 1048576
      %1: bool = sub_overflows %n, %zero
      %2: i64 = max %n, %zero
      %3: i64 = min %2, %0
      %4: i64 = select %1, %zero, %3
      %5: i64 = const 8
      %6: bool = ge %4, %5
      %7: bool = sub_overflows %m, %zero
      %8: i64 = max %m, %zero
      %9: i64 = min %8, %0
      %10: i64 = select %7, %zero, %9
      %11: bool = sub_overflows %l, %zero
      %12: i64 = max %l, %zero
      %13: i64 = min %12, %0
      %14: i64 = select %11, %zero, %13
      %15: i64 = min %0, %10
      %16: i64 = min %15, %14
      %17: i64 = select %6, %16, %zero
      %18: i64 = max %zero, %17
      %19: i64 = min %4, %10
      %20: i64 = min %19, %14
      %21: i64 = const 12
      %22: bool = ge %18, %21
      %23: bool = ge %20, %one
      %24: bool = and %22, %23
      if %24 {
        %25: i64 = max %n, %one
        %26: i64 = const 16777216
        %27: i64 = min %8, %26
        %28: i64 = min %27, %26
        %29: i64 = add %one, %28
        %30: i64 = const 262144
        %31: i64 = const 32
        %32: i64 = const 256
        %33: i64 = floordiv %30, %29
        %34: i64 = max %33, %31
        %35: i64 = min %34, %32
        %36: i64 = min %35, %25
        %37: buffer<f64, 2, C> = alloc(%36, %8)
        %49: i64 = for %from in %zero..%n step %36 {
          %38: i64 = sub %n, %from
          %39: i64 = min %38, %36
          %40: i64 = add %from, %39
          %41: buffer<f64, 2, strided> = view %x[slice(%from, %39, %one), slice(%zero, %l, %one)]
          %42: buffer<f64, 2, strided> = view %w[slice(%zero, %m, %one), slice(%zero, %l, %one)]
          %43: buffer<f64, 2, strided> = view %42[full, full] {'order': (1, 0)}
          %44: buffer<f64, 2, strided> = view %37[slice(%zero, %39, %one), slice(%zero, %m, %one)]
          matmul %41, %43, %44 fresh
          %48: i64 = for %i in %from..%40 step %one {'part': True} {
            %47: i64 = for %j in %zero..%m step %one {
              %45: i64 = sub %i, %from
              %46: f64 = load %37[%45, %j]
              %h: f64 = tanh %46
              store %h, %y[%i, %j]
              yield
            }
            yield
          }
          yield
        }
        yield
      } else {
        %t: i64 = for %i_1 in %zero..%n step %one {
          %u: i64 = for %j_1 in %zero..%m step %one {
            %s: f64, %v: i64 = for %k in %zero..%l step %one carry (%c: f64 = %z) {
              %a: f64 = load %x[%i_1, %k]
              %b: f64 = load %w[%j_1, %k]
              %p: f64 = mul %a, %b
              %d: f64 = add %c, %p {'reassoc': True}
              yield %d
            }
            %h_1: f64 = tanh %s
            store %h_1, %y[%i_1, %j_1]
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

from llad.ir.core import Function, Op, Region, Value, walk
from llad.ir.types import BOOL, I64
from llad.passes.products_nest import is_promising, plan
from llad.passes.products_parts import InParts
from llad.passes.products_plan import Plan
from llad.passes.products_terms import Known
from llad.passes.rebuild import Rebuild

_ROWS = 8  # iterations of the outermost loop from which on parts pay, if it is over the rows of a product
_WIDTH = 12  # and of each other loop of some product
_MANY = 1 << 20  # a count is taken for no more than this


def products(fn: Function) -> Function:
    """`fn` with the products of matrices in large nests of loops as ops."""
    free = bool(fn.attrs.get("fastmath"))
    if fn.attrs.get("may_alias") or not any(is_promising(op, free) for op in walk(fn.body)):
        return fn
    return _Products(fn, free).function(fn)


class _Products(Rebuild):
    def __init__(self, fn: Function, free: bool) -> None:
        super().__init__()
        self._free = free
        self._known = Known(fn)
        self._plans = dict(self._found(fn.body))
        self._sunk = {op for each in self._plans.values() for op in each.sunk}

    def _found(self, region: Region) -> Iterator[tuple[Op, Plan]]:
        """The plans of the outermost nests that have one."""
        for op in region.ops:
            found = plan(self._known, op) if is_promising(op, self._free) else None
            if found is not None:
                yield op, found
            else:
                for inner in op.regions:
                    yield from self._found(inner)

    def visit(self, op: Op) -> None:
        if op in self._sunk:
            return
        chosen = self._plans.get(op)
        if chosen is None:
            self.keep(op)
            return
        large = self._is_large(op, chosen)
        apart = InParts(self._known, chosen, op, self.mapping).result
        with self.written() as alone:
            for needed in chosen.sunk:
                self.keep(needed)
            self.emit("yield", self.keep(op).results, [], op.span)
        self.decide(op, large, (apart, alone))

    def _is_large(self, loop: Op, plan: Plan) -> Value:
        """Whether one of the products is wide enough, and has rows enough if the loop is over its rows."""
        sizes: dict[tuple[Value, Value], Value] = {}
        rows = self._count(loop, sizes)
        most, none = self.const(0, I64, loop.span), self.const(0, I64, loop.span)
        enough = self._at_least(rows, _ROWS)
        for part in plan.products:
            counts = [self._count(inner, sizes) for inner in part.path]
            width = self.const(_MANY, I64, loop.span)
            loops = part.product.loops if part.product is not None else ()
            for number in loops:
                width = self._number("min", width, counts[number]) if number else width
            if 0 in loops:
                width = self.emit("select", [enough, width, none], [I64], loop.span).result
            most = self._number("max", most, width)
        least = rows
        for count in sizes.values():
            least = self._number("min", least, count)
        both = [self._at_least(most, _WIDTH), self._at_least(least, 1)]
        return self.emit("and", both, [BOOL], loop.span).result

    def _at_least(self, number: Value, least: int) -> Value:
        return self.emit("ge", [number, self.const(least, I64, None)], [BOOL], None).result

    def _count(self, loop: Op, known: dict[tuple[Value, Value], Value]) -> Value:
        """How many iterations a loop has, or that they are many."""
        lo, hi = loop.operands[:2]
        if self._known.descends(loop):
            lo, hi = hi, lo
        if (lo, hi) not in known:
            first, last = (self._bound(b, loop) for b in (lo, hi))
            none, many = self.const(0, I64, loop.span), self.const(_MANY, I64, loop.span)
            far = self.emit("sub_overflows", [last, first], [BOOL], loop.span).result
            count = self._number("min", self._number("max", self._number("sub", last, first), none), many)
            known[lo, hi] = self.emit("select", [far, none, count], [I64], loop.span).result
        return known[lo, hi]

    def _bound(self, bound: Value, loop: Op) -> Value:
        number = self._known.constant(bound)
        return self.get(bound) if number is None else self.const(number, I64, loop.span)

    def _number(self, name: str, a: Value, b: Value) -> Value:
        return self.emit(name, [a, b], [I64], None).result
