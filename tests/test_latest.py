"""Recurrences: what is handed on is added last, whatever the sums look like, and they come to the same."""

from __future__ import annotations

import random
import re

import numpy as np
import pytest

import llad
from llad.codegen.lower_flags import MOVED, flags_of
from llad.ir import interp
from llad.ir.core import Function, walk
from llad.ir.parse import parse
from llad.ir.verify import verify
from llad.passes.latest import latest

HEAD = "func @f(%x: buffer<f64, 1, C>, %a: f64, %b: f64, %n: i64) {"
BEGINNING = """
  %zero: i64 = const 0
  %one: i64 = const 1
  %z: f64 = const 0.25
"""


def loop(carries: str, body: str, fast: bool = True) -> Function:
    """A loop over `x` with these carries, and this body, whose result is the first of them."""
    names = re.findall(r"%\w+", carries)
    head = HEAD.replace("{", "{'fastmath': True} {") if fast else HEAD
    carry = ", ".join(f"{name}: f64 = %z" for name in names)
    results = ", ".join(f"%r{k}: f64" for k in range(len(names)))
    text = f"{head}{BEGINNING}  {results}, %t: i64 = for %i in %one..%n step %one carry ({carry}) {{\n{body}\n  }}\n"
    return verify(parse(text + "  return %r0\n}"))


def ordered(fn: Function) -> list[str]:
    """The names of what was put in order."""
    return [op.result.name for op in walk(fn.body) if op.attrs.get("reassoc") is False]


def value(fn: Function) -> float:
    x = np.cos(np.arange(9.0))
    (result,) = interp.run(fn, [x, 0.3, -0.4, 9])
    return float(result)


def test_random_sums_and_products_come_to_the_same() -> None:
    rng = random.Random(1)
    changed = 0
    for _ in range(200):
        lines, known = ["%u: f64 = load %x[%i]"], ["%a", "%b", "%u", "%p", "%q"]
        for k in range(rng.randint(4, 14)):
            name = rng.choice(["add", "sub", "mul"])
            first, second = rng.choices(known[-6:], k=2)
            lines.append(f"%v{k}: f64 = {name} {first}, {second}")
            known.append(f"%v{k}")
        fn = loop("%p, %q", "\n".join([*lines, f"yield {known[-1]}, {rng.choice(known[3:])}"]))
        with np.errstate(all="ignore"):
            expected = value(fn)
            if not abs(expected) < 1e6:
                continue
            made = verify(latest(fn))
            assert value(made) == pytest.approx(expected, rel=1e-9, abs=1e-12)
        changed += made is not fn
    assert changed > 50


@pytest.mark.parametrize("body", [
    "%u: f64 = load %x[%i]\n %w: f64 = mul %u, %a\n %v: f64 = add %p, %w\n yield %v",
    "%u: f64 = load %x[%i]\n %v: f64 = mul %p, %u\n yield %v",
    "%u: f64 = load %x[%i]\n %c: bool = gt %u, %z\n %v: f64 = add %p, %u\n %w: f64 = select %c, %v, %p\n yield %w",
])  # fmt: skip
def test_what_is_only_added_up_or_multiplied_stays_free(body: str) -> None:
    fn = loop("%p", body)
    assert latest(fn) is fn


def test_a_sum_whose_order_is_the_programs_keeps_it() -> None:
    body = "%u: f64 = load %x[%i]\n %s: f64 = mul %p, %a\n %v: f64 = add %s, %u\n %w: f64 = add %v, %b\n yield %w"
    fn = loop("%p", body, fast=False)
    assert latest(fn) is fn
    free = body.replace("add %s, %u", "add %s, %u {'reassoc': True}").replace("%v, %b", "%v, %b {'reassoc': True}")
    made = latest(loop("%p", free, fast=False))
    sums = [op for op in walk(made.body) if op.name == "add"]
    assert [op.attrs["reassoc"] for op in sums] == [True, False]
    assert sums[1].operands[1].name == "s"


def test_a_product_that_others_use_is_made_from_its_factors_where_that_is_sooner() -> None:
    body = """
      %s: f64 = sub %a, %p
      %u: f64 = mul %s, %q
      %m: f64 = mul %b, %u
      %v: f64 = add %p, %m
      %w: f64 = add %q, %u
      yield %v, %w
    """
    fn = loop("%p, %q", body)
    made = latest(fn)
    products = [op for op in walk(made.body) if op.name == "mul"]
    assert [[v.name for v in op.operands] for op in products][1] == ["b", "q"]
    assert value(made) == pytest.approx(value(fn), rel=1e-12)


def test_branches_are_on_the_way() -> None:
    body = """
      %u: f64 = load %x[%i]
      %c: bool = gt %u, %z
      %v: f64 = if %c {
        %s: f64 = mul %a, %p
        %w: f64 = add %s, %u
        %y: f64 = add %w, %b
        yield %y
      } else {
        %d: f64 = mul %b, %p
        yield %d
      }
      yield %v
    """
    fn = loop("%p", body)
    made = verify(latest(fn))
    assert {"s", "d"} <= set(ordered(made))
    assert value(made) == pytest.approx(value(fn), rel=1e-12)


def test_a_loop_that_has_enough_else_to_do_stays() -> None:
    others = "\n".join(f"%o{k}: f64 = sqrt %u\n store %o{k}, %x[%i]" for k in range(60))
    body = f"%u: f64 = load %x[%i]\n %s: f64 = mul %p, %a\n %v: f64 = add %s, %u\n {others}\n yield %v"
    fn = loop("%p", body)
    assert latest(fn) is fn


def test_a_filter_waits_for_one_operation_a_sample() -> None:
    """What LLVM leaves: an output is a difference from a product with the one before, and nothing in between."""

    def filtered(c: np.ndarray, x: np.ndarray) -> float:
        y1 = y2 = total = 0.0
        for i in range(len(x)):
            y = c[0] * x[i] - c[1] * y1 - c[2] * y2
            y2, y1 = y1, y
            total += y * y
        return total

    c, x = np.array([0.3, -0.5, 0.2]), np.cos(np.arange(64.0))
    fast, strict = llad.jit(filtered, fastmath=True), llad.jit(filtered)
    assert fast(c, x) == pytest.approx(strict(c, x), rel=1e-12)
    text = str(fast.dump_llvm(c, x, stage="after"))
    products = dict(re.findall(r"(%\S+) = fmul nsz .*double (.*)", text))
    last = re.findall(r"(%\S+) = f(?:add|sub) nsz .*double %\S+, (%\S+)", text)
    phis = dict(re.findall(r"(%\S+) = phi double (.*)", text))
    assert any(
        f"[ {y}," in arms and name in products.get(product, "").split(", ")
        for y, product in last
        for name, arms in phis.items()
    )


def test_quotients_by_what_waits_are_not_products_with_its_reciprocal() -> None:
    """Which would come one operation later. And as nothing was put in another order, pairs are still made vectors."""
    body = """
      %u: f64 = load %x[%i]
      %s: f64 = mul %p, %u
      %v: f64 = mul %q, %u
      %z1: f64 = add %s, %v
      %y: f64 = div %s, %z1
      %w: f64 = div %v, %z1
      %k: f64 = div %w, %a
      yield %y, %k
    """
    made = verify(latest(loop("%p, %q", body)))
    quotients = {op.result.name: flags for op, flags in flags_of(made, True).items() if op.name == "div"}
    assert quotients.keys() == {"y", "w"} and not any("arcp" in flags for flags in quotients.values())
    assert MOVED not in flags_of(made, True).values()


def test_sums_in_another_order_are_told_from_others() -> None:
    body = "%u: f64 = load %x[%i]\n %s: f64 = mul %p, %a\n %d: f64 = add %s, %b\n %v: f64 = add %d, %u\n yield %v"
    made = latest(loop("%p", body))
    assert {op.name for op, flags in flags_of(made, True).items() if flags == MOVED} == {"add"}
