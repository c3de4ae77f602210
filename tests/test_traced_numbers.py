"""Functions of `math` and methods of numbers that are Python in `llad/traced/`: exact where Python's are."""

from __future__ import annotations

import math
import random

import numpy as np
import pytest

import llad
from llad.testing import assert_close

ROOTS = [random.Random(0).randrange(1, 3037000499) for _ in range(300)]
WHOLE = [0, 1, 2, 3, 2**62, 2**63 - 1, 3037000499**2, *(r * r + d for r in (3, 94906267, *ROOTS) for d in (-1, 0, 1))]


@pytest.fixture(autouse=True)
def _one_vector(scalar_code):
    """The code is short, and compiled quickly without vectors."""


def outcome(function, *args):
    try:
        return repr(function(*args))
    except (ValueError, OverflowError) as error:
        return f"{type(error).__name__}: {error}".partition(" (")[0]


def test_whole_roots():
    root = llad.jit(lambda n: math.isqrt(n))
    for n in [*WHOLE, *(r * r + 2 * r for r in ROOTS), -1]:
        assert outcome(root, n) == outcome(math.isqrt, n), n


def test_bits():
    bits = llad.jit(lambda n: (n.bit_length(), n.bit_count()))
    for n in [*WHOLE, *(-n for n in WHOLE), -(2**62), -(2**62) - 1, -(2**63) + 1, -(2**63)]:
        assert bits(n) == (n.bit_length(), n.bit_count()), n


def test_powers_of_two_round_once():
    scaled, r = llad.jit(lambda x, n: math.ldexp(x, n)), random.Random(1)
    numbers = [
        0.0,
        -0.0,
        5e-324,
        1.7e308,
        -1.0,
        math.inf,
        *(r.random() * 2.0 ** r.randrange(-1074, 1024) for _ in range(90)),
    ]
    powers = [
        -(2**63),
        -2200,
        -1075,
        -1074,
        -1022,
        0,
        1023,
        1024,
        2**63 - 1,
        *(r.randrange(-2200, 2200) for _ in range(30)),
    ]
    for x in numbers:
        for n in powers:
            try:
                expected = math.ldexp(x, n)
            except OverflowError:
                expected = math.copysign(math.inf, x)
            assert repr(scaled(x, n)) == repr(expected), (x, n)
    assert math.isnan(scaled(math.nan, 3))
    assert llad.grad(lambda x, n: math.ldexp(x, n))(1.0, -3) == 0.125


def test_sums_round_once():
    exact, r = llad.jit(lambda x: math.fsum(x)), random.Random(2)
    for k in range(400):
        spread = [r.gauss(0, 1) * 2.0 ** r.randrange(-60, 60) for _ in range(k % 30)]
        terms = [r.choice((v, 1e16, -1e16, 1.0, 2.0**-53, 0.0)) for v in spread]
        terms += [-v for v in terms[: k % 7]]
        assert outcome(exact, np.array(terms)) == outcome(math.fsum, terms), terms
    for terms in ([], [1e308] * 3, [math.inf, 1.0], [math.nan, 2.0], [1e308, 1e308, -1e308], [-0.0]):
        assert outcome(exact, np.array(terms)) == outcome(math.fsum, terms), terms
    assert math.isnan(exact(np.array([math.inf, -math.inf])))


def test_derivatives_of_an_exact_sum():
    x = np.array([1.0, -2.0, 0.5])
    curved = llad.hessian(lambda x: math.fsum(v**3 for v in x) * x[0])(x)
    by_first = np.outer([1.0, 0.0, 0.0], 3.0 * x**2)
    assert_close(curved, by_first + by_first.T + np.diag(6.0 * x * x[0]))


def test_what_is_no_integer():
    with pytest.raises(TypeError, match="integer is wanted"):
        llad.jit(lambda x: math.isqrt(x))(2.0)
    with pytest.raises(TypeError, match="second argument to ldexp"):
        llad.jit(lambda x: math.ldexp(x, x))(2.0)
