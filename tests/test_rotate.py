"""Arrays that loops make anew and hand on: which take turns in the same memory, and that nothing else changes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from test_ownership import final, gradients_peak

import llad
from llad import jit, jit_grad
from llad.ir.core import Function, walk
from llad.program import Program
from llad.testing import assert_close, check_gradient

pytestmark = pytest.mark.usefixtures("quick_code")


def steps(x, p, n):
    u = x * 1.0
    for _ in range(n):
        u = u + 0.1 * np.sin(u * p)
    return u


def from_an_argument(x, p, n):
    u = x
    for _ in range(n):
        u = u - 0.1 * u * p
    return np.sum(u * p)


def leapfrog(x, p, n):
    old, u = x * 0.9, x * 1.0
    for _ in range(n):
        new = 2.0 * u - old
        new[1:-1] += 0.1 * p[1:-1] * (u[2:] - 2.0 * u[1:-1] + u[:-2])
        old, u = u, new
    return u - old


def from_one_array(x, p, n):
    old = u = x + 1.0
    for _ in range(n):
        old, u = u, u * p + 0.5 * old
    return np.sum(u * old)


def with_zeros(x, p, n):
    """What an iteration does not write is zero, whatever the memory held."""
    u = x * 1.0
    for k in range(n):
        v = np.zeros(len(x))
        v[k % len(x) :] = u[k % len(x) :] * p[k % len(x) :]
        u = v + 0.3 * u
    return u


def planes(x, p, n):
    u = np.outer(x, p)
    for _ in range(n):
        u = u * 0.5 + np.sin(u[::-1, :])
    return np.sum(u, axis=0)


def until(x, p, n):
    u, size = x * 1.0, 0.0
    while size < n:
        u = u * p + 0.5
        size += np.abs(u[0]) + 0.5
    return u


def with_an_end(x, p, n):
    u = x * 1.0
    for _ in range(n):
        u = np.tanh(u + p)
        if u[0] > 0.9:
            break
    return u


def nests(x, p, n):
    total = 0.0
    for k in range(n):
        u = x * (k + 1.0)
        for _ in range(k):
            u = u * p + 0.1
        total += np.sum(u * u)
    return total


def two_states(x, p, n):
    u, v = x * 1.0, np.zeros_like(x)
    for _ in range(n):
        v = 0.9 * v - 0.1 * u * p
        u = u + v
    return u + v


def factors(x, p, n):
    u = np.outer(x, p)
    for _ in range(n):
        u = (u @ u) * 0.1
    return u[0]


TURNS = [
    steps, from_an_argument, leapfrog, from_one_array, with_zeros, planes, until, with_an_end, nests, two_states,
    factors,
]  # fmt: skip


def not_looked_at(x, p, n):
    """What it begins with is seen without iterations only, so it may be made behind them."""
    u, w = x * 1.0, x + p
    for _ in range(n):
        w = np.zeros(len(x)) + p[0]
    return np.sum(np.sin(u)) - np.sum(w * u)


def written_meanwhile(x, p, n):
    """The argument, under another name: the first iteration looks at it when it has been written."""
    y = x * 1.0
    u = y[:]
    total = 0.0
    for _ in range(n):
        y[0] += 1.0
        u = u * p
        total += u[0]
    return total + y[0] + np.sum(u)


def given_back(x, p, n):
    """Without iterations it is the argument itself."""
    u = x
    for _ in range(n):
        u = u + p
    return u


def written_behind(x, p, n):
    """The argument, without iterations."""
    u = x
    for _ in range(n):
        u = u + p
    u[0] = 5.0
    return np.sum(u)


def written_inside(x, p, n):
    """The first iteration writes what it is given."""
    u = x * 1.0
    start = u
    for _ in range(n):
        u[0] = 2.0
        u = u + p
    return u + start


def kept_as_windows(x, p, n):
    u, w = x * 1.0, x[1:]
    for _ in range(n):
        u = u + p
        w = u[1:]
    return u[1:] * w


def kept_all(x, p, n):
    u = x * 1.0
    a = b = c = d = u
    for _ in range(n):
        a, b, c, d, u = b, c, d, u, u * p
    return a + b + c + d + u


def seen_twice(x, p, n):
    u = v = x * 1.0
    for _ in range(n):
        u = v = u * p
    return u + v


def sometimes(x, p, n):
    u = x * 1.0
    for k in range(n):
        if k % 2:
            u = u + p
    return u


def growing(x, p, n):
    u = x * 1.0
    for k in range(n):
        longer = np.zeros(len(x) + k)
        longer[: len(x)] = u[: len(x)] * p
        u = longer
    return u[: len(x)]


def of_another_length(x, p, n):
    u = np.ones(1)
    for _ in range(n):
        u = u + p
    return np.sum(u)


OTHERS = [
    not_looked_at, written_meanwhile, given_back, written_behind, written_inside, kept_as_windows, kept_all, seen_twice,
    sometimes, growing, of_another_length,
]  # fmt: skip


def arguments(n: int, size: int = 4) -> tuple[Any, ...]:
    return np.linspace(0.3, 1.1, size), np.linspace(0.9, 0.4, size), n


def makes_arrays(fn: Function) -> bool:
    """Whether iterations of a loop make arrays that they hand on."""
    return any(
        op.name in ("for", "while") and made.name == "alloc" and made.result in op.regions[-1].terminator.operands
        for op in walk(fn.body)
        for made in (op.regions[-1].ops if op.regions else ())
    )


def made(f: Callable[..., Any]) -> Function:
    return Program(f).stage(arguments(2)).function("primal", (), last=True)


@pytest.mark.parametrize("f", [*TURNS, *OTHERS], ids=lambda f: f.__name__)
@pytest.mark.parametrize("n", [0, 1, 2, 3, 6])
def test_values_and_arguments_are_those_of_python(f: Callable[..., Any], n: int) -> None:
    args, others = arguments(n), arguments(n)
    found, wanted = jit(f)(*args), f(*others)
    assert_close(found, wanted, rtol=1e-13)
    assert (found is args[0]) == (wanted is others[0])
    for mine, other in zip(args, others, strict=True):
        assert np.array_equal(mine, other)


@pytest.mark.parametrize("f", TURNS, ids=lambda f: f.__name__)
def test_they_take_turns(f: Callable[..., Any]) -> None:
    assert not makes_arrays(made(f))


@pytest.mark.parametrize("f", OTHERS, ids=lambda f: f.__name__)
def test_they_do_not_where_somebody_could_see_it(f: Callable[..., Any]) -> None:
    assert makes_arrays(made(f)) or f is sometimes


@pytest.mark.parametrize("f", [*TURNS, *OTHERS], ids=lambda f: f.__name__)
@pytest.mark.parametrize("n", [0, 1, 5])
def test_gradients(f: Callable[..., Any], n: int, request: pytest.FixtureRequest) -> None:
    """By all of LLVM's passes in one sweep; forward mode and the sweeps apart, which consist of the like, without."""

    def loss(x, p):
        return np.sum(np.sin(f(x, p, n)) * 0.7)

    x, p, _ = arguments(n)
    compiled = jit_grad(loss)
    compiled.value_and_grad(x, p)
    request.getfixturevalue("scalar_code")
    check_gradient(compiled, x, p)
    value, pullback = llad.vjp(lambda x, p: f(x * 1.0, p, n), x, p)
    for one, two in zip(pullback(value), pullback(value), strict=True):
        assert np.array_equal(one, two)


def test_a_gradient_has_two_arrays_for_all_iterations() -> None:
    def function(x, n):
        u = x
        for _ in range(n):
            u = u + 0.1 * np.sin(u)
        return np.sum(u * u)

    assert gradients_peak(function, 30) == gradients_peak(function, 5)


def test_second_derivatives() -> None:
    def loss(x):
        u = x
        for _ in range(4):
            u = u + 0.2 * np.sin(u * u)
        return np.sum(u * u)

    x = np.array([0.3, -0.4, 0.8])
    check_gradient(jit_grad(lambda x: np.sum(llad.grad(loss)(x) * np.array([1.0, -2.0, 0.5]))), x)


def test_there_is_no_array_without_iterations() -> None:
    """Memory of an extent that cannot be is asked for by iterations only."""

    def f(x, size, n):
        u = np.zeros(len(x))
        for _ in range(n):
            u = np.zeros(size) + u[0]
        return np.sum(u)

    assert jit(f)(np.ones(3), -1, 0) == 0.0
    assert final(f, (np.ones(3), 2, 1)) is not None
