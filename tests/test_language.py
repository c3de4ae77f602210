"""Small functions of the language (`tests/language/`): value, type and derivative are Python's."""

from __future__ import annotations

import math
import operator
from typing import Any

import numpy as np
import pytest
from language import (
    borrowing,
    choosing,
    comparisons,
    constants,
    generators,
    imports,
    iterators,
    lists,
    names,
    objects,
    patterns,
    quantities,
    run_time_sequences,
    structures,
)
from language.case import cases_of

import llad
from llad.testing import assert_close, check_gradient, copy_arguments, flatten

pytestmark = pytest.mark.usefixtures("scalar_code")

MODULES = (
    structures,
    lists,
    names,
    objects,
    comparisons,
    quantities,
    constants,
    choosing,
    generators,
    imports,
    iterators,
    patterns,
    borrowing,
    run_time_sequences,
)
CASES = [case for module in MODULES for case in cases_of(module)]
every_case = pytest.mark.parametrize(("function", "args"), CASES, ids=[f.__name__ for f, _ in CASES])


def plain(value: Any) -> Any:
    """NumPy's scalars as Python's: compiled code returns those."""
    if isinstance(value, tuple):
        return tuple(map(plain, value))
    return value.item() if isinstance(value, np.generic) else value


@every_case
def test_value_is_python_s(function, args):
    expected = plain(function(*copy_arguments(args)))
    got = llad.jit(function)(*copy_arguments(args))
    if function is quantities.mathdyn:  # `math.dist` and `math.hypot` of many are accurate, not correctly rounded
        assert_close(got, expected, rtol=1e-15)
    else:
        assert repr(got) == repr(expected)


@every_case
def test_derivatives_agree(function, args):
    value = plain(function(*copy_arguments(args)))
    if type(value) is float and math.isfinite(value) and flatten(args).size:
        check_gradient(llad.jit_grad(function), *args)


def awkward_floats(rng: np.random.Generator) -> list[float]:
    """Decimals near ties, powers of two, large and small numbers of both signs."""
    decimals = [float(f"{a}.{b}5") for a, b in rng.integers(0, 3000, (150, 2))]
    ties = [k + 0.5 for k in range(8)] + [k / 8 for k in range(40)] + [(2**52 + k) / 2.0 for k in range(-4, 5)]
    spread = list(rng.normal(size=150) * 10.0 ** rng.integers(-12, 25, 150))
    ends = [0.0, 5e-324, 1e300, 1.7976931348623157e308, math.inf, 2.0**53, 2.0**53 - 1, 1e22, 1e23, 123456789.5]
    return [sign * float(x) for x in (*decimals, *ties, *spread, *ends) for sign in (1.0, -1.0)]


@pytest.mark.parametrize("digits", [0, 1, 2, 3, 7, 15, 22, -1, -3, -10, -22])
def test_rounds_to_digits_as_python_does(digits):
    f = llad.jit_grad(lambda x: round(x, digits))
    for x in awkward_floats(np.random.default_rng(7)):
        try:
            expected = round(x, digits)
        except OverflowError:
            with pytest.raises(OverflowError):
                f(x)
            continue
        assert repr(f(x)) == repr(expected), x
        assert f.grad(x) == 0.0


@pytest.mark.parametrize("digits", [0, 2, -1, -2, -18, -19, -20, -30])
def test_rounds_integers_as_python_does(digits):
    f = llad.jit(lambda n: round(n, digits))
    tens = [s * (m * 10**k + d) for k in range(18) for m in (1, 5, 15, 25) for d in (-1, 0, 1) for s in (1, -1)]
    for n in (0, *(n for n in tens if abs(n) < 2**63), 2**63 - 1, -(2**63), 5 * 10**18, -5 * 10**18 - 1):
        expected = round(n, digits)
        if -(2**63) <= expected < 2**63:
            assert f(n) == expected, n
        else:
            with pytest.raises(OverflowError):
                f(n)


@pytest.mark.parametrize("values", [(1.0, 2.0), [1.0, 2.0]])
@pytest.mark.parametrize("n", [2, -3, 2**62])
def test_a_choice_of_an_item_that_is_not_there_raises(values, n):
    with pytest.raises(IndexError, match=f"{type(values).__name__} index out of range"):
        llad.jit(choice(values))(n)


def choice(values):
    return lambda n: values[n]


def test_too_few_items_for_the_names_before_a_rest():
    def f(a):
        x, *rest, y = a
        return x + sum(rest) * y

    for n in (0, 1):
        with pytest.raises(ValueError, match=rf"expected at least 2, got {n}"):
            llad.jit(f)(np.ones(n))
    assert llad.jit(f)(np.ones(2)) == 1.0


COMPARISONS = (operator.lt, operator.le, operator.gt, operator.ge, operator.eq, operator.ne)


def all_comparisons(n, x):
    return (n < x, n <= x, n > x, n >= x, n == x, n != x, x < n, x <= n, x > n, x >= n, x == n, x != n)


def test_ints_and_floats_are_compared_exactly():
    near = [s * (2**k + d) for k in (52, 53, 54, 60, 62, 63) for d in (-3, -2, -1, 0, 1, 2, 3) for s in (1, -1)]
    ints = [n for n in (*near, 0, 1, 2**63 - 513) if -(2**63) <= n < 2**63]
    floats = [*{float(n) for n in near}, 0.5, 1.0, math.inf, -math.inf, math.nan, 2.0**64, -(2.0**64), 1e300]
    f = llad.jit(all_comparisons)
    for n in ints:
        for x in floats:
            assert f(n, x) == all_comparisons(n, x), (n, x)


@pytest.mark.parametrize("n", [3, 2**53 + 1, 2**62 - 1, 2**64 + 1, -(2**65) + 1, 10**400, -(10**400), True])
def test_a_known_int_is_compared_with_a_float_exactly(n):
    f = llad.jit(lambda x: all_comparisons(n, x))
    for x in (3.0, 1.0, 2.0**53, 2.0**53 + 2, 2.0**62, 2.0**64, -(2.0**65), math.inf, -math.inf, math.nan, 1e300):
        assert f(x) == all_comparisons(n, x), x


@pytest.mark.parametrize("x", [3.0, 2.0**53, 2.0**62, 2.0**63, -(2.0**63), 1e300, math.inf, math.nan])
def test_an_int_is_compared_with_a_known_float_exactly(x):
    f = llad.jit(lambda n: all_comparisons(n, x))
    for n in (3, 2**53, 2**53 + 1, 2**53 - 1, 2**62, 2**62 + 1, 2**63 - 1, -(2**63), 1 - 2**63):
        assert f(n) == all_comparisons(n, x), n


RAISING = [
    (lambda n, k: n << k, (1, -1), ValueError, "negative shift count"),
    (lambda n, k: n >> k, (1, -1), ValueError, "negative shift count"),
    (lambda n, k: n << k, (1, 70), OverflowError, "does not fit in 64 bits"),
    (lambda n, k: n << k, (3, 62), OverflowError, "does not fit in 64 bits"),
    (lambda n, k: n**k, (2, -1), ValueError, "negative integer powers"),
    (lambda n, k: n**k, (2, 63), OverflowError, "does not fit in 64 bits"),
    (lambda n, k: divmod(n, k), (2, 0), ZeroDivisionError, "zero"),
    (lambda n, k: n // k, (-(2**63), -1), OverflowError, "does not fit in 64 bits"),
    (lambda n, k: n / k, (1, 0), ZeroDivisionError, "division by zero"),
    (lambda n, k: (n + 0) ** -1 + k, (0, 1), ZeroDivisionError, "negative power"),
    (lambda n, k: range(n)[k], (3, 3), IndexError, "range object index out of range"),
    (lambda n, k: range(n)[k], (3, -4), IndexError, "range object index out of range"),
    (lambda n, k: range(0, n, k), (3, 0), ValueError, "must not be zero"),
]


@pytest.mark.parametrize(("function", "args", "error", "text"), RAISING)
def test_integer_arithmetic_raises_rather_than_being_wrong(function, args, error, text):
    with pytest.raises(error, match=text):
        llad.jit(lambda n, k: (function(n, k), 0)[1])(*args)


@pytest.mark.parametrize("n", [-7, -1, 0, 1, 6, 7, 13])
def test_membership_in_ranges(n):
    def f(n, m):
        return (n in range(7), n in range(-7, 7, 2), n in range(13, -8, -3), n in range(1, m), n in range(1, m, 3))

    assert llad.jit(f)(n, 10) == f(n, 10)


def lengths(lo, hi, step):
    """Whatever asks how long a range is."""
    total = len(range(lo, hi)) + len(range(5, hi)) + len(range(hi, lo, -1)) + len(range(lo, hi, 3))
    total += len(range(lo, hi, step)) + len(range(hi, lo, -step)) + len([i % 2 for i in range(lo, hi)])
    for k, _ in enumerate(range(lo, hi)):
        total += k + 1
    for k, _ in zip(range(3), range(lo, hi), strict=False):
        total += k + 1
    for _ in reversed(range(lo, hi)):
        total += 1
    return total


@pytest.mark.parametrize(
    "lo, hi", [(2**63 - 1, -(2**63)), (2**63 - 1, 30 - 2**63), (2**62, 10 - 2**62), (2, 9), (9, 2)]
)
def test_ranges_are_empty_however_far_their_end_lies_behind(lo, hi):
    assert llad.jit(lengths)(lo, hi, 2) == lengths(lo, hi, 2)


@pytest.mark.parametrize("lo, hi", [(-(2**63), 2**63 - 1), (-(2**62), 2**62), (-1, 2**63 - 1)])
def test_ranges_with_more_items_than_an_int_can_say_raise(lo, hi):
    for f in (
        lambda lo, hi: len(range(lo, hi)),
        lambda lo, hi: len([k for k, _ in enumerate(range(lo, hi))]),
        lambda lo, hi: len([0 for _ in reversed(range(lo, hi))]),
        lambda lo, hi: len(range(hi, lo, -1)),
    ):
        with pytest.raises(OverflowError, match="does not fit in 64 bits"):
            llad.jit(f)(lo, hi)


def test_arange_raises_where_numpy_does():
    for args in [(2**63 - 1, -(2**63)), (-(2**63), 2**63 - 1)]:
        for f in (lambda lo, hi: np.arange(lo, hi).shape[0], lambda lo, hi: np.arange(hi, lo, -1).shape[0]):
            for call in (f, llad.jit(f)):
                with pytest.raises(ValueError, match="Maximum allowed size exceeded"):
                    call(*args)


def test_a_maximum_of_what_is_spread_wants_two_numbers():
    f = llad.jit(lambda a: max(*a))
    for n in (0, 1):
        with pytest.raises(TypeError, match="max expected at least 2 numbers"):
            f(np.ones(n))


def test_a_vectorised_function_of_nothing_wants_its_type():
    f = llad.jit(lambda a: np.vectorize(lambda v: v * v)(a))
    with pytest.raises(ValueError, match="cannot call `vectorize` on size 0 inputs"):
        f(np.ones(0))
