"""Factors of a matrix serve all that ask for them while it stays as it is, and nobody when it has been written."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import llad
from llad.testing import assert_close, check_gradient

pytestmark = pytest.mark.usefixtures("scalar_code")

Y = np.array([0.4, -1.1, 0.7])


def covariance(u: float) -> Any:
    k = np.eye(3) * (2.0 + u)
    k[0, 1] = k[1, 0] = u
    return k


def both(k: Any, y: Any) -> Any:
    return y @ np.linalg.solve(k, y) + np.linalg.slogdet(k)[1]


def density(u, y):
    k = covariance(u)
    return both(k, y) + np.sum(np.linalg.inv(k)) + np.linalg.det(k)


def density_of_each(u, y):
    s = 0.0
    for v in y:
        k = covariance(u + v * v)
        s += both(k, y)
    return s


def element(u, y):
    k = covariance(u)
    s = np.sum(np.linalg.solve(k, y))
    k[2, 2] += u
    return s + np.linalg.slogdet(k)[1]


def view(u, y):
    k = covariance(u)
    row = k[1]
    s = np.sum(np.linalg.solve(k, y))
    row *= 1.5
    return s + np.linalg.slogdet(k)[1]


def turned(u, y):
    k = covariance(u)
    t = k.T
    s = np.sum(np.linalg.solve(t, y))
    k[0, 2] = u
    return s + np.sum(np.linalg.solve(t, y))


def swapped(u, y):
    a, b = covariance(u), covariance(u + 1.0)
    s = 0.0
    for _ in range(len(y)):
        s += np.sum(np.linalg.solve(a, y))
        b[0, 0] += u
        s += np.sum(np.linalg.solve(a, y))
        a, b = b, a
    return s


def around(u, y):
    k = covariance(u)
    s = 0.0
    for _ in range(len(y)):
        s += np.sum(np.linalg.solve(k, y))
        k[1, 1] += u
    return s + np.linalg.slogdet(k)[1]


def sometimes(u, y):
    k = covariance(u)
    s = np.sum(np.linalg.solve(k, y))
    if y[0] > 0.0:
        k[1, 1] += u
    return s + np.linalg.slogdet(k)[1]


def other_name(u, y):
    k, other = covariance(u), covariance(u + 1.0)
    m = k if y[0] > 0.0 else other
    s = np.sum(np.linalg.solve(k, y))
    m[1, 1] += u
    return s + np.linalg.slogdet(k)[1] + np.linalg.slogdet(other)[1]


def halve(k: Any, n: int) -> float:
    if n == 0:
        return 0.0
    k[n - 1, n - 1] *= 0.5
    return halve(k, n - 1) + k[n - 1, n - 1]


def elsewhere(u, y):
    k = covariance(u)
    s = np.sum(np.linalg.solve(k, y)) + halve(k, len(y))
    return s + np.linalg.slogdet(k)[1]


def argument(u, y, k):
    s = both(k, y)
    k[0, 0] += u
    return s + both(k, y)


def factorisations(f: Callable[..., Any], *args: Any) -> int:
    """How often the pivots are looked for."""
    return len(re.findall(r"carry \(%largest\w*:", llad.jit(f).dump_ir(*args, stage="traced")))


def test_one_factorisation_serves_all() -> None:
    assert factorisations(density, 0.3, Y) == factorisations(density_of_each, 0.3, Y) == 1


@pytest.mark.parametrize("f", [density, element, view, turned, swapped, around, sometimes, other_name, elsewhere])
def test_what_was_written_is_factorised_anew(f: Callable[..., Any]) -> None:
    g = llad.jit_grad(f)
    assert_close(g(0.3, Y), f(0.3, Y), rtol=1e-12, what=f.__name__)
    check_gradient(g, 0.3, Y)


def test_matrices_from_outside_are_as_they_were_until_one_is_written() -> None:
    k = covariance(0.2)
    check_gradient(llad.jit_grad(argument), 0.3, Y, k)
    assert factorisations(both, k, Y) == 1
    assert factorisations(argument, 0.3, Y, k) == 2
