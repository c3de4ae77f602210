"""Dear functions of inner indices that get a table, and others that must not."""

from __future__ import annotations

from textwrap import dedent

import numpy as np
import pytest
from optimising import names

from llad.ir.core import walk
from llad.ir.interp import run
from llad.ir.parse import parse
from llad.ir.verify import verify
from llad.passes.tabulate import tabulate


def tables(inner: str, before: str = "", bound: str = "%m") -> int:
    """How many tables a nest `for i: (before) for j: (inner, which makes %e)` gets; its meaning is kept."""
    text = f"""
        func @f(%x: buffer<f64, 1, C>, %q: buffer<f64, 1, C>, %n: i64, %m: i64) {{
          %zero: i64 = const 0
          %one: i64 = const 1
          %z: f64 = const 0.5
          %many: i64 = dim %q, 0
          %s: f64, %trips: i64 = for %i in %zero..%n step %one carry (%a: f64 = %z) {{
            {before}
            %t: f64, %inner: i64 = for %j in %zero..{bound} step %one carry (%b: f64 = %a) {{
              {inner}
              %c: f64 = add %b, %e
              yield %c
            }}
            yield %t
          }}
          return %s
        }}
    """
    fn = verify(parse(dedent(text)))
    after = verify(tabulate(fn))
    for n, m in ((0, 3), (1, 0), (2, 3), (3, 1)):
        x, q = np.arange(1.0, 5.0), np.arange(2.0, 6.0) / 4
        memory = [[x.copy(), q.copy()], [x.copy(), q.copy()]]
        assert run(fn, [*memory[0], n, m]) == run(after, [*memory[1], n, m])
        assert np.array_equal(memory[0], memory[1])
    return sum(op.name == "alloc" for op in walk(after.body))


TABULATED = "%v: f64 = load %q[%j]\n%e: f64 = exp %v"


def test_a_dear_function_of_the_inner_index_gets_a_table():
    assert tables(TABULATED) == 1
    assert tables("%u: f64 = load %q[%j]\n%d: f64 = sin %u\n%v: f64 = add %d, %u\n%e: f64 = log %v") == 2


@pytest.mark.parametrize(
    "inner, before, bound",
    [
        ("%v: f64 = load %q[%i]\n%e: f64 = exp %v", "", "%m"),
        ("%u: f64 = load %q[%j]\n%w: f64 = load %x[%i]\n%v: f64 = mul %u, %w\n%e: f64 = exp %v", "", "%m"),
        ("%v: f64 = sin %b\n%e: f64 = exp %v", "", "%m"),
        (TABULATED + "\nstore %e, %q[%j]", "", "%m"),
        (TABULATED, "%w: f64 = load %x[%i]\nstore %w, %q[%zero]", "%m"),
        (TABULATED, '%ok: bool = ge %many, %m\ncheck %ok, IndexError "too far"', "%m"),
        (TABULATED, "", "%i"),
        ("%v: f64 = cast %j\n%e: f64 = exp %v", "", "%m"),
    ],
)
def test_what_must_not_get_a_table(inner: str, before: str, bound: str):
    assert tables(inner, before, bound) == 0


@pytest.mark.parametrize("outer, inner", [("%k", "%many"), ("%many", "%k")])
def test_a_table_is_filled_only_if_all_loops_around_its_function_run(outer: str, inner: str):
    text = f"""
        func @f(%q: buffer<f64, 1, C>, %r: buffer<f64, 1, C>, %n: i64, %k: i64, %many: i64) {{
          %zero: i64 = const 0
          %one: i64 = const 1
          %trips: i64 = for %i in %zero..%n step %one {{
            %some: i64 = for %j in %zero..{outer} step %one {{
              %more: i64 = for %l in %zero..{inner} step %one {{
                %v: f64 = load %q[{"%l" if inner == "%many" else "%j"}]
                %e: f64 = exp %v
                store %e, %r[%zero]
                yield
              }}
              yield
            }}
            yield
          }}
          return
        }}
    """
    after = verify(tabulate(verify(parse(dedent(text)))))
    assert "alloc" in names(after.body)
    for n, k, many in ((1, 0, 50), (0, 1, 2**60), (0, 0, -(2**63)), (1, 1, -(2**63))):
        run(after, [np.ones(3), np.ones(1), n, k, many])


def test_a_dear_function_in_a_branch_gets_no_table():
    branch = """%yes: bool = lt %j, %one
              %e: f64 = if %yes {
                %v: f64 = load %q[%j]
                %w: f64 = exp %v
                yield %w
              } else {
                yield %z
              }"""
    assert tables(branch) == 0
