"""Rows on one side of a diagonal, in whole vectors: random nests keep their meaning; which nests are taken."""

from __future__ import annotations

import random
from collections import Counter
from typing import Any

import numpy as np
import pytest
from random_nests import outcome

import llad
from llad.codegen.target import WIDEST, vectors
from llad.ir.core import Function, walk
from llad.ir.parse import parse
from llad.ir.verify import verify
from llad.passes.whole import whole
from llad.testing import assert_close, check_gradient

HEAD = """
func @f(%l: buffer<f64, 1, C>, %x: buffer<f64, 1, C>, %y: buffer<f64, 1, C>, %w: buffer<f64, 2, C>, %n: i64, %p: i64) {'wide': True} {
  %zero: i64 = const 0
  %one: i64 = const 1
  %minus: i64 = const -1
  %two: i64 = const 2
  %none: f64 = const 0.0
  %e: i64 = sub %n, %p
  %last: i64 = sub %n, %one
"""  # noqa: E501


def nest(rng: random.Random) -> str:
    """A loop in another. Some of what is drawn makes it one that must be left alone."""

    def rarely(what: str, usual: str = "") -> str:
        return what if rng.random() < 0.05 else usual

    outer = rng.choice(("%zero..%n step %one", "%p..%n step %one", "%last..%minus step %minus"))
    begin, end = rng.choice((("%i", "%n"), ("%after", "%n"), ("%more", "%e"), ("%zero", "%i"), ("%p", "%after")))
    begin, end = rarely("%zero", begin), rarely("%after", end)
    sums = rng.choice((0, 0, 1, 2, 3, 4))
    carries = ", ".join(f"%s{k}: f64 = %none" for k in range(sums))
    results = ", ".join([*(f"%t{k}: f64" for k in range(sums)), "%v: i64"])
    reads = rng.choice(("%l[%j]", "%l[%at]", "%w[%i, %j]", rarely("%w[%j, %i]", "%l[%j]")))
    text = f"""
  %u: i64 = for %i in {outer} {{
    %after: i64 = add %i, %one
    %more: i64 = add %i, %p
    %a: f64 = load %x[%i]
    {results} = for %j in {begin}..{end} step {rarely("%two", "%one")}{" carry (" + carries + ")" if sums else ""} \
{rarely("", "{'apart': True} ")}{{
      %at: i64 = add %j, %p
      %b: f64 = load {reads}
      %ab: f64 = mul %a, %b
      %ib: f64 = cast %j
      %c: f64 = sub %ab, %ib"""
    for k in range(sums):
        kind, term = rng.choice(("add", "sub")), rng.choice(("%ab", "%b", "%c"))
        loose = rarely("", " {'reassoc': True}")
        text += f"\n      %n{k}: f64 = {kind} %s{k}, {term}{loose}"
    if not sums or rng.random() < 0.6:
        place = rarely("%y[%n]", rng.choice(("%y[%j]", "%y[%at]")))
        text += f"""
      %old: f64 = load {place}
      %new: f64 = add %old, {rarely(f"%n{sums - 1}" if sums else "%b", "%c")}
      store %new, {place}"""
    text += f"""
      yield{" " if sums else ""}{", ".join(f"%n{k}" for k in range(sums))}
    }}
    %room: i64 = mul %i, %one"""
    for k in range(sums):
        text += f"\n    store %t{k}, %w[%room, {('%zero', '%one', '%two', '%p')[k]}]" if rng.random() < 0.9 else ""
    return f"{HEAD}{text}\n    yield\n  }}\n  return %u\n}}\n"


def arguments(seed: int, n: int, p: int) -> list[Any]:
    """Small integers, so that sums are exact in any order."""
    r = np.random.default_rng(seed)
    numbers = [r.integers(-3, 4, size=n + p + 1).astype(float) for _ in range(3)]
    return [*numbers, r.integers(-3, 4, size=(max(n + p, 4), max(n + p, 4))).astype(float), n, p]


def lanes(fn: Function) -> int:
    return sum("lanes" in op.attrs for op in walk(fn.body))


def test_random_nests_keep_their_meaning() -> None:
    met: Counter[str] = Counter()
    for seed in range(150):
        fn = verify(parse(nest(random.Random(seed))))
        made = verify(whole(fn))
        met["taken" if lanes(made) else "left"] += 1
        if made is fn:
            continue
        for n, p in ((0, 0), (3, 1), (4, 0), (9, 2), (17, 0), (40, 3)):
            args = arguments(seed, n, p)
            want = outcome(fn, args)
            met["raised" if "Error" in want else "ran"] += not want.startswith("unsound")
            assert want.startswith("unsound") or outcome(made, args) == want, f"program {seed}, {n}, {p}"
    assert met["taken"] > 50 and met["left"] > 30 and met["ran"] > 200, met


def of_columns(l: Any, a: Any, x: Any) -> Any:
    """A triangular product, whose reverse sweep adds to the matrix and sums up for the vectors."""
    n = len(x)
    y = a * x
    at = 0
    for i in range(n):
        for j in range(i + 1, n):
            y[j] += l[at] * x[i]
            at += 1
    total = 0.0
    for i in range(n):
        total += y[i] * y[i]
    return total


def factor(a: Any) -> Any:
    """The logarithm of a determinant, by the factors of Cholesky as textbooks have them."""
    n = a.shape[0]
    l = np.zeros((n, n))
    for j in range(n):
        s = a[j, j]
        for k in range(j):
            s -= l[j, k] * l[j, k]
        l[j, j] = np.sqrt(s)
        for i in range(j + 1, n):
            s = a[i, j]
            for k in range(j):
                s -= l[i, k] * l[j, k]
            l[i, j] = s / l[j, j]
    total = 0.0
    for j in range(n):
        total += np.log(l[j, j])
    return 2.0 * total


@pytest.mark.parametrize("fastmath", [False, True])
def test_triangles_in_machine_code(fastmath: bool) -> None:
    """Of few rows, of whole vectors and of parts of one."""
    f, g = (llad.jit_grad(f, argnums=0, fastmath=fastmath) for f in (of_columns, factor))
    for n in (1, 4, 5, 8, 9, 23, 40):
        r = np.random.default_rng(n)
        l, a, x = r.normal(size=n * (n - 1) // 2), r.normal(size=n), r.normal(size=n)
        matrix = np.zeros((n, n))
        matrix.T[np.triu_indices(n, 1)] = l
        y = a * x + matrix @ x
        value, of_l = f.value_and_grad(l, a, x)
        assert_close(value, y @ y, rtol=1e-12)
        assert_close(of_l, np.outer(2.0 * y, x).T[np.triu_indices(n, 1)], rtol=1e-12, atol=1e-12)
        s = r.normal(size=(n, n))
        s = s @ s.T + n * np.eye(n)
        value, of_s = g.value_and_grad(s)
        assert_close(value, np.linalg.slogdet(s)[1], rtol=1e-12)
        inverse = np.linalg.inv(s)  # what is above the diagonal is not looked at
        assert_close(of_s, 2.0 * np.tril(inverse, -1) + np.diag(np.diag(inverse)), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_gradients(dtype: Any) -> None:
    r = np.random.default_rng(3)
    l, a, x = (r.uniform(0.5, 1.0, n).astype(dtype) for n in (78, 13, 13))
    check_gradient(llad.jit_grad(of_columns), l, a, x)


@pytest.mark.skipif(vectors()[0] < WIDEST, reason="vectors of this processor are not the widest")
def test_reverse_sweeps_along_triangles_run_so() -> None:
    f = llad.jit_grad(of_columns, argnums=(0, 2), fastmath=True)
    args = np.ones(190), np.ones(20), np.ones(20)
    f.grad(*args)
    assert "'lanes'" in f.dump_ir(*args, of="gradient", stage="optimised")


def test_what_has_no_axes_is_no_row() -> None:
    fn = verify(parse("""
        func @f(%x: buffer<f64, 1, C>, %y: buffer<f64, 1, C>, %number: buffer<f64, 0, C>, %n: i64) {'wide': True} {
          %zero: i64 = const 0
          %one: i64 = const 1
          %u: i64 = for %i in %zero..%n step %one {
            %v: i64 = for %j in %i..%n step %one {'apart': True} {
              %a: f64 = load %x[%j]
              %b: f64 = load %number[]
              %c: f64 = mul %a, %b
              store %c, %y[%j]
              yield
            }
            yield
          }
          return
        }
    """))
    assert whole(fn) is fn
