"""What iterations compute from a recurrence gets a loop of its own in each strip of iterations.

What: as before reverse mode (`distribute.py`), but where nothing else will keep what is kept here: so the loop goes
through its range in strips, in each of which the recurrence comes first. What it keeps of a strip stays in a cache.

When: as there, where nothing is left to differentiate.

Before: as in `distribute.py`.

After (and `dce`):

    func @f(%x: buffer<f64, 1, C>, %n: i64, %w: f64) {
      %zero: i64 = const 0
      %none: f64 = const 0.0
      %0: i64 = const 128
      %kept: buffer<f64, 1, C> = alloc(%0)
      %1: i64 = const 1
      %2: i64 = const 128
      %13: f64, %14: f64, %15: i64 = for %from in %zero..%n step %2 carry (%h: f64 = %none, %s: f64 = %none) {
        %3: i64 = sub %n, %from
        %4: i64 = min %3, %2
        %5: i64 = add %from, %4
        %7: f64, %8: i64 = for %i in %from..%5 step %1 carry (%h_1: f64 = %h) {'ahead': True} {
          %6: i64 = sub %i, %from
          %a: f64 = load %x[%i]
          %b: f64 = mul %w, %h_1
          %new: f64 = add %a, %b
          store %new, %kept[%6]
          yield %new
        }
        %11: f64, %12: i64 = for %i_1 in %from..%5 step %1 carry (%s_1: f64 = %s) {
          %9: i64 = sub %i_1, %from
          %10: f64 = load %kept[%9]
          %d: f64 = exp %10
          %r: f64 = add %s_1, %d
          yield %r
        }
        yield %7, %11
      }
      return %14
    }
"""

from __future__ import annotations

from llad.ir.core import Function
from llad.passes.distribute import distribute


def distribute_strips(fn: Function) -> Function:
    """`fn` with what recurrences do not wait for in loops of its own, a strip at a time."""
    return distribute(fn, in_strips=True)
