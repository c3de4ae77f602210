"""Loops that run upwards where their direction makes no difference."""

from __future__ import annotations

from textwrap import dedent

import numpy as np
import pytest
from optimising import loop_of

from llad.ir.interp import run
from llad.ir.parse import parse
from llad.ir.verify import verify
from llad.passes.ascend import ascend

LEAST, GREATEST = -(2**63), 2**63 - 1


def downwards(body: str, flags: str, apart: str = "{'apart': True}") -> str:
    """A loop that steps down, sums what it loads, and does what `body` says."""
    return f"""
        func @f(%a: buffer<f64, 1, C>, %from: i64, %to: i64, %never: bool) {{
          %minus: i64 = const -1
          %z: f64 = const 0.0
          %s: f64, %trips: i64 = for %i in %from..%to step %minus carry (%t: f64 = %z) {apart} {{
            %e: f64 = load %a[%i]
            {body}
            %u: f64 = add %t, %e {flags}
            yield %u
          }}
          return %s, %trips
        }}
    """


@pytest.mark.parametrize(
    "body, flags, apart, step",
    [
        ("%x: f64 = mul %e, %e", "{'reassoc': True}", "{'apart': True}", 1),
        ("%x: f64 = mul %e, %e", "", "{'apart': True}", -1),
        ("%x: f64 = mul %t, %e", "{'reassoc': True}", "{'apart': True}", -1),
        ('check %never, %i, IndexError "{}"', "{'reassoc': True}", "{'apart': True}", -1),
        ("%x: f64 = mul %e, %e", "{'reassoc': True}", "", -1),
    ],
)
def test_only_loops_whose_order_makes_no_difference_turn(body: str, flags: str, apart: str, step: int):
    fn = ascend(verify(parse(dedent(downwards(body, flags, apart)))))
    made = {op.results[0]: op.attrs["value"] for op in fn.body.ops if op.name == "const"}
    assert made[loop_of(fn).operands[2]] == step


@pytest.mark.parametrize("hi, lo", [(4, 0), (3, -1), (0, 0), (0, 4), (LEAST, GREATEST), (GREATEST, GREATEST)])
def test_loops_that_turn_meet_the_same_elements(hi: int, lo: int):
    fn = verify(parse(dedent(downwards("store %t, %a[%i]", "{'reassoc': True}").replace("store %t", "store %z"))))
    turned = verify(ascend(fn))
    given = [np.arange(1.0, 6.0), np.arange(1.0, 6.0)]
    assert run(fn, [given[0], hi, lo, True]) == run(turned, [given[1], hi, lo, True])
    assert given[0].tolist() == given[1].tolist()
