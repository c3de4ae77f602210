"""Nests that turn arrays, in tiles: random nests keep their meaning; which are taken; programs that hold them."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest
from random_nests import outcome

import llad
from llad.ir.core import Function, walk
from llad.ir.parse import parse
from llad.ir.verify import verify
from llad.passes.independent import independent
from llad.passes.tiles import tiles
from llad.testing import assert_close, check_gradient

HEAD = """
func @f(%x: buffer<f64, 2, C>, %y: buffer<f64, 2, C>, %v: buffer<f64, 1, C>, %n: i64, %m: i64, %p: i64) {
  %zero: i64 = const 0
  %one: i64 = const 1
  %two: i64 = const 2
  %low: i64 = const -3
  %none: f64 = const 0.0
  %single: buffer<f64, 0, C> = alloc()
  store %none, %single[]
"""


def nest(rng: random.Random) -> str:
    """A loop in another. Some of what is drawn makes it one that must be left alone."""

    def rarely(what: str, usual: str) -> str:
        return what if rng.random() < 0.08 else usual

    lo, low = rng.choice(("%zero", "%two")), rarely("%low", "%one")
    first, second = rng.choice(("%i, %j", "%j, %i", "%k, %j")), rng.choice(("%j, %i", "%i, %j", "%j, %k"))
    added = rng.random() < 0.4
    return f"""
  %t: i64 = for %i in {lo}..{rarely("%p", "%n")} step {rarely("%two", "%one")} {{
    %k: i64 = add %i, {rarely("%two", "%one")}
    {rarely("store %none, %v[%i]", "")}
    %u: i64 = for %j in {low}..{rarely("%i", "%m")} step %one {{
      %a: f64 = load %x[{first}]
      %b: f64 = load %v[{rng.choice(("%i", "%j"))}]
      {f"%old: f64 = load %y[{second}]" if added else "%old: f64 = cast %k"}
      {rarely("%single_one: f64 = load %single[]", "")}
      %c: f64 = mul %a, %b
      %d: f64 = add %c, %old
      store %d, %y[{second}]
      {rarely("store %d, %x[%j, %i]", "")}
      yield
    }}
    yield
  }}
"""


def program(seed: int) -> Function:
    rng = random.Random(seed)
    return verify(independent(parse(HEAD + "".join(nest(rng) for _ in range(2)) + "  return\n}\n")))


def strips(fn: Function) -> int:
    return sum(bool(op.attrs.get("tile")) for op in walk(fn.body))


def test_random_nests_keep_their_meaning() -> None:
    taken = ran = 0
    for seed in range(150):
        fn = program(seed)
        tiled = verify(tiles(fn))
        if tiled is fn:
            continue
        taken += 1
        rng = np.random.default_rng(seed)
        for n, m in ((0, 0), (1, 9), (8, 8), (17, 3), (3, 17), (16, 25), (26, 11), (-3, 5), (-(2**63), 4)):
            args = rng.normal(size=(30, 30)), rng.normal(size=(30, 30)), rng.normal(size=30), n, m, 5
            want = outcome(fn, args)
            assert want.startswith("unsound") or outcome(tiled, args) == want, f"program {seed}, {n, m}"
            ran += not want.startswith("unsound") and n > 8
    assert taken > 30 and ran > 60, (taken, ran)


TURNED = HEAD + """
  %t: i64 = for %i in %zero..%n step %one {'apart': True} {
    %u: i64 = for %j in %zero..%m step %one {'apart': True} {
      %a: f64 = load %x[%j, %i]
      store %a, %y[%i, %j]
      yield
    }
    yield
  }
  return
}
"""


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("", ""),
        ("%i in %zero..%n step %one {'apart': True}", "%i in %zero..%n step %one"),  # iterations may meet
        ("%j in %zero..%m step %one {'apart': True}", "%j in %zero..%m step %one"),
        ("%j in %zero..%m", "%j in %zero..%i"),  # a triangle
        ("%x[%j, %i]", "%x[%i, %j]"),  # along both arrays
        ("%j in %zero..%m", "%j in %p..%m"),  # whose length may not fit in 64 bits
        ("%x: buffer<f64, 2, C>", "%x: buffer<f64, 2, strided>"),  # nobody knows what lies side by side
        ("yield\n    }\n    yield", "yield\n    }\n    store %none, %v[%i]\n    yield"),
    ],
)
def test_nests_that_turn_an_array_are_taken_and_no_others(old: str, new: str) -> None:
    fn = parse(TURNED.replace(old, new)) if old else parse(TURNED)
    assert old in TURNED
    assert bool(strips(verify(tiles(fn)))) == (not old)


def test_what_is_stored_or_else_loaded_down_the_columns_tells_which_loop_goes_in_strips() -> None:
    down = TURNED.replace("%x[%j, %i]", "%x[%i, %j]").replace("%y[%i, %j]", "%y[%j, %i]")
    for text, first in ((TURNED, "%j"), (down, "%i")):
        fn = verify(tiles(parse(text)))
        strip = next(op for op in walk(fn.body) if op.attrs.get("tile"))
        stored = next(op for op in walk(strip.regions[0]) if op.name == "store")
        assert stored.operands[-1] is strip.regions[0].ops[0].result, first  # along its row


# -- programs


def turned(x: Any) -> Any:
    y = np.empty((x.shape[1], x.shape[0]))
    for i in range(x.shape[1]):
        for j in range(x.shape[0]):
            y[i, j] = x[j, i] * (i + 2.0 * j)
    return y


def symmetric(x: Any) -> Any:
    return np.sin(x + 2.0 * x.T)


def columns_added(x: Any) -> Any:
    y = np.ones((x.shape[1], x.shape[0]))
    y += x.T
    y[1:, 2:] *= x.T[:-1, :-2]
    return y


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("shape", [(0, 0), (1, 1), (3, 20), (20, 3), (8, 16), (29, 37)])
@pytest.mark.parametrize("function", [turned, symmetric, columns_added])
def test_programs_that_turn_arrays(function: Any, shape: tuple[int, int], dtype: Any) -> None:
    shape = (max(shape),) * 2 if function is symmetric else shape
    x = np.random.default_rng(0).normal(size=shape).astype(dtype)
    compiled = llad.jit(function)
    assert_close(compiled(x), function(x), rtol=1e-5 if dtype == np.float32 else 1e-14)
    assert_close(compiled(x[::-1]), function(x[::-1]), rtol=1e-5 if dtype == np.float32 else 1e-14)


def test_gradients_of_programs_that_turn_arrays() -> None:
    rng = np.random.default_rng(1)
    weights = rng.normal(size=(19, 11))
    for function in (turned, columns_added):

        def weighted(x: Any, function: Any = function) -> Any:
            return np.sum(function(x) * weights)

        check_gradient(llad.jit_grad(weighted, argnums=0), rng.normal(size=(11, 19)))


def test_one_array_given_twice_is_turned_onto_itself_as_python_does() -> None:
    @llad.jit
    def onto(x: Any, y: Any) -> Any:
        for i in range(x.shape[0]):
            for j in range(x.shape[1]):
                y[i, j] = x[j, i]

    want = np.arange(400.0).reshape(20, 20)
    got = want.copy()
    onto(got, got)
    onto.py_func(want, want)
    np.testing.assert_array_equal(got, want)
