"""Loops that are joined: meaning kept on random loops, what stays apart, and that array expressions cost one loop."""

from __future__ import annotations

import random

import numpy as np
import pytest
from random_loops import program

from llad import compile, jit_grad
from llad.compile import PASSES
from llad.ir.core import Function, walk
from llad.ir.interp import run
from llad.ir.parse import parse
from llad.ir.text import show
from llad.ir.verify import verify
from llad.passes.contract import contract
from llad.passes.fuse import fuse
from llad.program import Program

pytestmark = pytest.mark.usefixtures("quick_code")

# -- random loops


def outcome(
    fn: Function, m: int, sizes: tuple[int, int, int, int], overlap: bool
) -> tuple[type[Exception] | None, str]:
    """The class of the error if there is one; results or its text, and memory afterwards."""
    n, c, rows, k = sizes
    a = np.linspace(-1.0, 2.0, n)
    arrays = [a, a[:c] if overlap else np.linspace(0.0, 1.0, c), np.linspace(-1.0, 1.0, rows * k).reshape(rows, k)]
    results: tuple[object, ...] = ()
    raised = None
    try:
        with np.errstate(all="ignore"):
            results = run(fn, [0.75, m, *arrays])
    except (ValueError, IndexError, OverflowError) as error:
        raised, results = type(error), (str(error),)
    return raised, repr([*results, *[x.tolist() for x in arrays]])


SIZES = [(4, 4, 3, 2), (0, 0, 0, 2), (3, 3, 2, 0), (3, 2, 1, 3), (1, 1, 1, 1), (2, 5, 2, 2)]


def count(fn: Function, name: str) -> int:
    return sum(op.name == name for op in walk(fn.body))


def test_random_loops_keep_their_meaning():
    joined = cut = 0
    for seed in range(400):
        rng = random.Random(seed)
        fn = verify(program(rng))
        overlap = rng.random() < 0.3
        if overlap:
            fn.attrs["may_alias"] = True
        fused = verify(fuse(fn))
        cleaned = fused
        for step in PASSES[: PASSES.index(compile.fuse)]:
            cleaned = verify(step(cleaned))
        contracted = verify(contract(cleaned))
        both = contracted
        for step in PASSES:
            both = verify(step(both))
        joined += count(fused, "for") < count(fn, "for")
        cut += contracted is not cleaned
        for m, sizes in zip((1, 3, 0, 4, 2, 1), SIZES, strict=True):
            expected = outcome(fn, m, sizes, overlap)
            for made in (fused, contracted, both):
                got = outcome(made, m, sizes, overlap)
                if made is not fused and expected[0]:  # what was stored before a check that moved is not stored
                    got = (got[0], expected[1])
                assert got == expected, f"seed {seed}\n{show(fn)}\n{show(made)}"
    assert joined > 150 and cut > 10  # else this tests little


# -- what stays apart

HEAD = """
func @f(%a: buffer<f64, 1, C>, %c: buffer<f64, 1, C>, %q: buffer<i64, 1, C>, %n: i64, %m: i64) {
  %zero: i64 = const 0
  %one: i64 = const 1
  %nothing: f64 = const 0.0
  %same: bool = eq %n, %m
  %t: buffer<f64, 1, C> = alloc(%n)
"""
FILL = "%k1: i64 = for %i in %zero..%n step %one parallel {; %u: f64 = load %a[%i]; store %u, %t[%i]; yield; }"
SEEN = FILL.replace("%t[", "%c[")
SUM = (
    "%s: f64, %k2: i64 = for %j in %zero..%n step %one carry (%p: f64 = %nothing) reduction "
    "{; %w: f64 = load %t[%j]; %r: f64 = add %p, %w; yield %r; }"
)
BACK = SUM.replace("{;", "{; %e: i64 = sub %n, %one; %b: i64 = sub %e, %j;").replace("%t[%j]", "%t[%b]")
GATHER = (
    "%k1: i64 = for %i in %zero..%n step %one {; %d: i64 = load %q[%i]; %ok: bool = lt %d, %n; "
    'check %ok, IndexError "index"; %u: f64 = load %a[%d]; store %u, %t[%i]; yield; }'
)
RUNNING = (
    "%k1: i64 = for %i in %one..%n step %one "
    "{; %h: i64 = sub %i, %one; %u: f64 = load %t[%h]; store %u, %t[%i]; yield; }"
)
FOLLOW = (
    "%z: f64, %k3: i64 = for %l in %zero..%n step %one carry (%v: f64 = %s) reduction "
    "{; %w3: f64 = load %t[%l]; %r3: f64 = add %v, %w3; yield %r3; }"
)
CHECK = 'check %same, ValueError "differ"'


def loops(*lines: str, overlap: bool = False) -> int:
    """How many loops are left of those of these lines, in which `;` ends a line."""
    fn = verify(parse(HEAD + "; ".join(lines).replace(";", "\n") + "\n return\n}"))
    fn.attrs.update({"may_alias": True} if overlap else {})
    return sum(op.name == "for" for op in verify(fuse(fn)).body.ops)


def test_neighbours_join():
    assert loops(FILL, SUM) == 1
    assert loops(GATHER, SUM) == 1
    assert loops(SEEN, SUM.replace("%t[", "%c[")) == 1


def test_bounds_are_equal_by_value_or_by_a_check():
    other = SUM.replace("%zero..%n", "%zero..%m")
    assert loops(FILL, other) == 2
    assert loops(FILL, CHECK, other) == 1
    assert loops(CHECK, FILL, other) == 1
    assert loops(FILL, other, CHECK) == 2


def test_what_other_iterations_write_is_waited_for():
    assert loops(FILL, BACK) == 2
    assert loops(SEEN, SUM) == 2  # they share nothing
    assert loops(SEEN, SUM.replace("%t[", "%a[")) == 1
    assert loops(SEEN, SUM.replace("%t[", "%a["), overlap=True) == 2


def test_a_loop_does_not_pass_what_it_waits_for_or_what_may_raise():
    assert loops(FILL, "store %nothing, %t[%zero]", SUM) == 2
    assert loops(FILL, "store %nothing, %c[%zero]", SUM) == 1
    assert loops(FILL, "%x: f64 = load %t[%zero]; store %x, %c[%zero]", SUM) == 1
    assert loops(SEEN, CHECK, SUM.replace("%t[", "%c[")) == 2
    assert loops(GATHER, CHECK, SUM) == 2
    assert loops(FILL, 'print "here"()', SUM) == 2


def test_a_loop_that_needs_the_sum_of_another_runs_after_it():
    assert loops(FILL, SUM, FOLLOW) == 2
    assert loops(FILL, SUM, FOLLOW.replace("= %s)", "= %nothing)")) == 1


def test_loops_that_raise_and_loops_that_are_seen_stay_apart():
    writes = "%k5: i64 = for %o in %zero..%n step %one parallel {; %y: f64 = load %t[%o]; store %y, %c[%o]; yield; }"
    assert loops(GATHER, writes) == 2
    assert loops(FILL, writes) == 1
    raises = GATHER.replace("%k1", "%k6").replace("%a[%d]", "%c[%i]")
    assert loops(SEEN, raises) == 2


def test_recurrences_keep_their_pace():
    assert loops(RUNNING, SUM.replace("%zero..", "%one..")) == 2
    assert loops(FILL, SUM.replace("reduction", "")) == 2


# -- array expressions


def sum_of_products(a, b, c):
    return np.sum(np.exp(a) * b + c)


def entropy(p, q):
    return (p * np.log(q)).mean()


def used_twice(a, b, c):
    y = np.tanh(a - b)
    return np.sum(y * y + c * y)


def broadcast(u, v, w):
    return np.sum((u[:, None] - v[None, :]) ** 2 * w)


def distances(x, y):
    d = x[:, None, :] - y[None, :, :]
    return np.sqrt(np.sum(d * d, axis=2) + 1.0).sum()


def normal(x):
    return 1.0 / (1.0 + np.exp(-1.5976 * x - 0.070565992 * x**3))


def two_chains(spot, strike, time, sigma, rate):
    """Its first loops run over `time`, then over `spot`; which are as long, a check says where the two meet."""
    spread = sigma * np.sqrt(time)
    up = (np.log(spot / strike) + (rate + 0.5 * sigma**2) * time) / spread
    return np.sum(spot * normal(up) - strike * np.exp(-rate * time) * normal(up - spread))


def stencil(u, k):
    after = u[1:-1, 1:-1] + k * (u[2:, 1:-1] + u[:-2, 1:-1] + u[1:-1, 2:] + u[1:-1, :-2] - 4.0 * u[1:-1, 1:-1])
    return np.sum(after**2)


def rows(x):
    z = x - x.mean(axis=1)[:, None]
    return np.mean(np.log(np.sum(np.exp(z), axis=1)))


def vectors(*sizes):
    rng = np.random.default_rng(0)
    return tuple(rng.uniform(0.5, 1.5, size) for size in sizes)


EXPRESSIONS = [  # arguments, depth of the one nest of loops
    (sum_of_products, vectors(5, 5, 5), 1),
    (entropy, vectors(5, 5), 1),
    (used_twice, vectors(5, 5, 5), 1),
    (two_chains, (*vectors(5, 5, 5, 5), 0.1), 1),
    (broadcast, vectors(3, 4, (3, 4)), 2),
    (stencil, (*vectors((5, 6)), 0.1), 2),
    (distances, vectors((3, 2), (4, 2)), 2),
    (rows, vectors((3, 4)), 1),
]


def outermost(fn: Function) -> int:
    return sum(op.name == "for" for op in fn.body.ops)


@pytest.mark.parametrize("function, args, depth", EXPRESSIONS, ids=[e[0].__name__ for e in EXPRESSIONS])
def test_an_expression_is_one_loop_with_no_temporary(function, args, depth, monkeypatch):
    apart = (compile.interchange, compile.jam, compile.stages)
    monkeypatch.setattr(compile, "STRICT", tuple(p for p in compile.STRICT if p not in apart))
    stage = Program(function).stage(args)
    for what in ("primal", "gradient"):
        fn = stage.function(what, stage.differentiable if what == "gradient" else ())
        assert outermost(fn) == 1, show(fn)
        ranks = [len(op.operands) for op in walk(fn.body) if op.name == "alloc"]
        assert all(rank <= 1 for rank in ranks) and (function is rows or not ranks), show(fn)
        (loop,) = [op for op in fn.body.ops if op.name == "for"]
        if depth == 2:  # the inner loops are one, too
            assert outermost(Function("inner", (), loop.regions[0])) == 1, show(fn)
    ours = jit_grad(function)
    np.testing.assert_allclose(ours(*args), function(*args), rtol=1e-12)


@pytest.mark.filterwarnings("ignore:Mean of empty slice")
@pytest.mark.parametrize("function, args, depth", EXPRESSIONS, ids=[e[0].__name__ for e in EXPRESSIONS])
def test_expressions_take_any_arrays(function, args, depth):
    """Of no elements, strided, the same one several times, and in f32."""
    ours = jit_grad(function)
    arrays = [a for a in args if isinstance(a, np.ndarray)]
    others = [a for a in args if not isinstance(a, np.ndarray)]
    strided = [np.repeat(a, 2, axis=-1)[..., ::-2] for a in arrays]
    cases = [strided, [a.astype(np.float32) for a in arrays], [np.zeros([0] * a.ndim) for a in arrays]]
    if len({a.shape for a in arrays}) == 1:
        cases.append([arrays[0]] * len(arrays))
    for case in cases:
        with np.errstate(all="ignore"):
            want = function(*case, *others)
        narrow = case[0].dtype == np.float32
        np.testing.assert_allclose(ours(*case, *others), want, rtol=1e-5 if narrow else 1e-12)
        gradient = ours.grad(*case, *others)
        first = gradient[0] if isinstance(gradient, tuple) else gradient
        if case[0].size and not narrow:
            step = 1e-6 * np.cos(np.arange(case[0].size)).reshape(case[0].shape)
            same = [x is case[0] for x in case]
            if sum(same) == 1:
                ahead, behind = (function(case[0] + sign * step, *case[1:], *others) for sign in (1, -1))
                np.testing.assert_allclose(np.sum(first * step), (ahead - behind) / 2, rtol=1e-5, atol=1e-12)
