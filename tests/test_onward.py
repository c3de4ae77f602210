"""Elements that one iteration stores and the next one loads are carried: memory is the same afterwards, bit for bit."""

from __future__ import annotations

import random

import numpy as np
import pytest

import llad
from llad.ir import interp
from llad.ir.core import Function, walk
from llad.ir.parse import parse
from llad.ir.verify import verify
from llad.passes.onward import onward
from llad.testing import assert_close


def loop(body: str, step: int = 1) -> Function:
    lo, hi = ("%low", "%high") if step > 0 else ("%high", "%low")
    return verify(parse(f"""
        func @f(%x: buffer<f64, 1, C>, %y: buffer<f64, 2, C>, %a: f64, %low: i64, %high: i64) {{
          %zero: i64 = const 0
          %c1: i64 = const 1
          %c2: i64 = const 2
          %by: i64 = const {step}
          %trips: i64 = for %i in {lo}..{hi} step %by {{
            %m2: i64 = sub %i, %c2
            %m1: i64 = sub %i, %c1
            %p1: i64 = add %i, %c1
            %p2: i64 = add %i, %c2
            {body}
            yield
          }}
          return
        }}
    """))


def memory(fn: Function, low: int, high: int) -> tuple[bytes, bytes]:
    x, y = np.cos(np.arange(16.0)), np.sin(np.arange(48.0)).reshape(3, 16)
    interp.run(fn, [x, y, 0.75, low, high])
    return x.tobytes(), y.tobytes()


def carries(fn: Function) -> int:
    return max(len(op.results) - 1 for op in walk(fn.body) if op.name == "for")


def test_random_loops_leave_the_same_memory() -> None:
    rng = random.Random(3)
    changed = 0
    for _ in range(300):
        lines, known = [], ["%a"]

        def place() -> str:
            at = rng.choice(["%m2", "%m1", "%i", "%p1", "%p2", "%c2"])
            return rng.choice([f"%x[{at}]", f"%x[{at}]", f"%y[{rng.choice(['%zero', '%c1', '%c2'])}, {at}]"])

        for k in range(rng.randint(3, 9)):
            if rng.random() < 0.4:
                lines.append(f"store {rng.choice(known)}, {place()}")
            elif rng.random() < 0.15:
                lines.append(f"%q{k}: bool = gt {rng.choice(known)}, %a\nif %q{k} {{")
                lines.append(f"store {rng.choice(known)}, {place()}\nyield\n}} else {{\nyield\n}}")
            else:
                lines.append(f"%l{k}: f64 = load {place()}\n%v{k}: f64 = sub %l{k}, {rng.choice(known)}")
                known.append(f"%v{k}")
        fn = loop("\n".join(lines), rng.choice([1, 1, -1, -1, 2, -2]))
        made = verify(onward(fn))
        for low, high in ((2, 13), (3, 12), (5, 6), (6, 5), (13, 2)):
            assert memory(made, low, high) == memory(fn, low, high)
        changed += made is not fn
    assert changed > 40


@pytest.mark.parametrize("body", [
    "%u: f64 = load %x[%i]\n store %a, %x[%m1]",  # stored behind, never loaded again
    "%u: f64 = load %x[%c2]\n store %u, %x[%c2]",  # always the same element
    "%u: f64 = load %x[%m1]\n store %u, %x[%i]\n %k: i64 = cast %u\n store %a, %x[%k]",  # who knows where
    "%u: f64 = load %x[%m1]\n %q: bool = gt %u, %a\n if %q {\n store %a, %x[%i]\n yield\n } else {\n yield\n }",
    "%u: f64 = load %x[%m2]\n store %u, %x[%i]",  # two iterations later
])  # fmt: skip
def test_what_may_not_be_carried_is_loaded(body: str) -> None:
    fn = loop(body)
    assert onward(fn) is fn


def test_other_elements_may_be_stored_in_between() -> None:
    fn = loop("%u: f64 = load %x[%m1]\n store %u, %x[%i]\n store %a, %x[%p1]\n store %a, %y[%c1, %i]")
    assert carries(onward(fn)) == 1
    assert memory(onward(fn), 2, 13) == memory(fn, 2, 13)


def test_an_element_that_is_not_there_is_not_loaded() -> None:
    fn = onward(loop("%u: f64 = load %x[%m1]\n store %u, %x[%i]"))
    assert carries(fn) == 1
    assert memory(fn, 0, 0) == memory(fn, 40, 40) == memory(fn, -5, -9)  # no iteration: neither is anything loaded


def test_a_grid_that_is_swept_in_place_has_its_gradient() -> None:
    def sweep(u, f, times):
        for _ in range(times):
            for i in range(1, u.shape[0] - 1):
                for j in range(1, u.shape[1] - 1):
                    u[i, j] = 0.25 * (u[i - 1, j] + u[i + 1, j] + u[i, j - 1] + u[i, j + 1] - f[i, j])
        return np.sum(u * u)

    rng = np.random.default_rng(0)
    u, f = rng.normal(size=(6, 7)), rng.normal(size=(6, 7))
    for fastmath in (False, True):
        by_u, by_f = llad.jit_grad(lambda u, f: sweep(u.copy(), f, 3), fastmath=fastmath).grad(u, f)
        for found, k in ((by_u, 0), (by_f, 1)):
            way = rng.normal(size=u.shape)
            args = [u, f]
            ends = []
            for h in (1e-6, -1e-6):
                moved = [a.copy() for a in args]
                moved[k] += h * way
                ends.append(sweep(*moved, 3))
            assert_close((ends[0] - ends[1]) / 2e-6, np.sum(found * way), rtol=1e-7)
