"""Loops over a `prange` are refused unless chunks of their iterations may run at once.

What: of a loop marked `threads: asked` it is proved that its iterations share nothing but sums (`sharing.py`); the
mark becomes `may`, which is also that of the loops that stand for it in derivatives. Those are asked again when they
are cut in chunks (`chunks.py`), and left whole where nothing is proved. Where arguments may overlap, loops stay whole.

Before:

    func @f(%a: buffer<f64, 1, C>, %n: i64) {
      %zero: i64 = const 0
      %one: i64 = const 1
      %trips: i64 = for %i in %zero..%n step %one {'threads': 'asked'} {
        %u: f64 = load %a[%i]
        %v: f64 = mul %u, %u
        store %v, %a[%i]
        yield
      }
      return
    }

After:

    func @f(%a: buffer<f64, 1, C>, %n: i64) {
      %zero: i64 = const 0
      %one: i64 = const 1
      %trips: i64 = for %i in %zero..%n step %one {'threads': 'may'} {
        %u: f64 = load %a[%i]
        %v: f64 = mul %u, %u
        store %v, %a[%i]
        yield
      }
      return
    }
"""

from __future__ import annotations

from llad.ir.core import Function, Op, walk
from llad.passes.rebuild import Rebuild
from llad.passes.sharing import sharing_of
from llad.refusals.table import refusal


def permit(fn: Function) -> Function:
    """`fn`, in which no loop asks for threads that cannot have them.

    Raises: UnsupportedError where one cannot.
    """
    if not any(op.attrs.get("threads") == "asked" for op in walk(fn.body)):
        return fn
    return _Permit(fn).function(fn)


class _Permit(Rebuild):
    def __init__(self, fn: Function) -> None:
        super().__init__()
        self._sharing = None if fn.attrs.get("may_alias") else sharing_of(fn)

    def visit(self, op: Op) -> None:
        asks = op.attrs.get("threads") == "asked"
        self.keep(op, {"threads": "may"} if asks else None)
        if asks and self._sharing is not None and (why := self._sharing(op).why):
            raise refusal("prange", op.span, got=why)
