"""What an `elif` asks is asked before the branch, if it costs little and traps nowhere."""

from __future__ import annotations

import numpy as np
import pytest

from llad.ir.interp import run
from llad.ir.parse import parse
from llad.passes.decide import decide

DECIDED = """\
func @f(%b: buffer<f64, 1, C>, %n: i64, %x: f64) {{
  %zero: i64 = const 0
  %one: i64 = const 1
  %trips: i64 = for %i in %zero..%n step %one {{
    %u: f64 = load %b[%i]
    %c: bool = lt %u, %x
    %s: f64 = if %c {{
      yield %x
    }} else {{
      {}
      %t: f64 = if %d {{
        yield %u
      }} else {{
        yield %x
      }}
      yield %t
    }}
    store %s, %b[%i]
    yield
  }}
  return
}}
"""


@pytest.mark.parametrize("asked, early", [
    ("%d: bool = gt %u, %x", True),
    ("%v: f64 = abs %u\n%w: f64 = sub %v, %x\n%d: bool = lt %w, %v", True),
    ("%v: f64 = mul %u, %x\n%d: bool = lt %v, %x", False),
    ("%v: f64 = div %u, %x\n%d: bool = lt %v, %x", False),
    ("%v: f64 = load %b[%zero]\n%d: bool = lt %v, %x", False),
    ("%v: f64 = add %u, %x\n%w: f64 = add %v, %u\n%y: f64 = add %w, %u\n%z: f64 = add %y, %u\n"
     "%d: bool = lt %z, %x", False),
])  # fmt: skip
def test_only_what_costs_little_and_traps_nowhere_is_asked_early(asked: str, early: bool) -> None:
    fn = parse(DECIDED.format(asked))
    found = decide(fn)
    assert (found is not fn) == early
    body = next(op for op in found.body.ops if op.name == "for").regions[0]
    outer = next(op for op in body.ops if op.name == "if")
    inner = next(op for op in outer.regions[1].ops if op.name == "if")
    assert (inner.operands[0] in {r for op in body.ops for r in op.results}) == early
    b = np.array([-1.0, 0.5, 2.0, 7.0])
    expected = b.copy()
    run(fn, [expected, 4, 1.0])
    run(found, [b, 4, 1.0])
    assert np.array_equal(b, expected)
