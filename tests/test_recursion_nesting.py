"""Derivatives of derivatives of recursive functions, in every order of the modes, to depth three."""

from __future__ import annotations

import numpy as np
import pytest
import test_recursion as first_order

import llad
from llad.frontend.signature import spec_of
from llad.frontend.trace import trace

pytestmark = pytest.mark.usefixtures("scalar_code")

DEPTH = np.array([5])


def by_first_array(name):
    """The case as a function of one array of all its floats; its ints stay run-time numbers."""
    function, arguments = first_order.CASES[name]
    floats = first_order.floats(arguments)
    assert floats
    if len(floats) == 1 and isinstance(arguments[floats[0]], np.ndarray) and len(arguments) == 1:
        return function, arguments[0]
    ints = np.array([a for k, a in enumerate(arguments) if k not in floats], dtype=np.int64)
    arrays = [k for k in floats if isinstance(arguments[k], np.ndarray)]
    if arrays:
        return (lambda a: function(a, int(ints[0]))), arguments[0]
    if len(arguments) == 1:
        return (lambda a: function(a[0])), np.array(arguments)
    if not ints.size:
        return (lambda a: function(a[0], a[1])), np.array(arguments)
    return (lambda a: function(a[0], int(ints[0]))), np.array([arguments[0]])


def read_then_overwritten(a):
    """What a callee has read changes before the reverse sweep."""
    b = a.copy()
    r = reads(b, int(DEPTH[0]))
    b[0] = 5.0 * a[1]
    return r * b[0] * a[1]


def reads(a, k):
    return 1.0 if k == 0 else a[0] * reads(a, k - 1)


NAMES = [n for n, (_, args) in first_order.CASES.items() if first_order.floats(args)]
PROGRAMS = {name: by_first_array(name) for name in NAMES}
PROGRAMS["read_then_overwritten"] = read_then_overwritten, np.linspace(0.3, 0.9, 3)


def along(f, v, mode):
    """The derivative of the scalar function `f` along `v`, as a traced function, by one of the modes."""
    if mode == "reverse":
        return lambda y: np.sum(llad.grad(f)(y) * v)
    return lambda y: llad.jvp(f, (y,), (v,))[1]


def difference(f, x, v):
    return (f(x + 1e-5 * v) - f(x - 1e-5 * v)) / 2e-5


@pytest.mark.parametrize("inner", ["reverse", "forward"])
@pytest.mark.parametrize("name", PROGRAMS)
def test_gradients_of_directional_derivatives(name, inner):
    function, x = PROGRAMS[name]
    v = np.random.default_rng(3).standard_normal(x.shape)
    gradient = llad.grad(lambda a: function(a))
    np.testing.assert_allclose(
        llad.grad(along(function, v, inner))(x), difference(gradient, x, v), rtol=1e-4, atol=1e-6
    )


@pytest.mark.parametrize("name", ["determinant", "arrays_are_changed", "tuples_are_returned", "read_then_overwritten"])
def test_third_derivatives_in_every_order_of_modes(name):
    function, x = PROGRAMS[name]
    rng = np.random.default_rng(4)
    u, v, w = (rng.standard_normal(x.shape) for _ in range(3))
    found = {}
    for modes in ["reverse reverse reverse", "forward reverse reverse", "reverse forward reverse"]:
        f = function
        for mode, direction in zip(modes.split(), (u, v, w), strict=True):
            f = along(f, direction, mode)
        found[modes] = llad.jit(f)(x)
    expected = np.sum(difference(llad.grad(along(function, u, "forward")), x, v) * w)
    for modes, value in found.items():
        assert value == pytest.approx(expected, rel=1e-4, abs=1e-6), modes


def test_sweeps_of_two_differentiations_have_names_of_their_own():
    def both(x):
        f = first_order.factorial
        return f(x) * llad.grad(lambda y: f(y))(x)

    h = 1e-6
    assert llad.grad(both)(4.3) == pytest.approx((both_by_hand(4.3 + h) - both_by_hand(4.3 - h)) / (2 * h), 1e-6)
    assert trace(both, (spec_of(4.3),)).function.functions


def both_by_hand(x):
    return first_order.factorial(x) * llad.grad(lambda y: first_order.factorial(y))(x)
