"""What is made of elementary functions, in loops and of arrays: vectors of machine code, and accurate."""

from __future__ import annotations

import math
import re
from typing import Any

import numpy as np
import pytest

import llad
from benchmarks.extended import HAS_EXTENDED, ulps
from llad.codegen.vector_math import NAMES

LONG = np.longdouble
X = np.concatenate([np.linspace(-30.0, 30.0, 4001), np.linspace(-350.0, 350.0, 1501), [0.0, -0.0, 1e-300, -1e-20]])

_OF_C = rf"call[^\n]*@(llvm\.)?({'|'.join(NAMES)})f?[.(]"


def sigmoid(x: Any) -> Any:
    return 1.0 / (1.0 + math.exp(-x))


def either_way(x: Any) -> Any:
    if x >= 0.0:
        return 1.0 / (1.0 + math.exp(-x))
    e = math.exp(x)
    return e / (1.0 + e)


def from_tanh(x: Any) -> Any:
    return 0.5 * (1.0 + math.tanh(0.5 * x))


def softplus(x: Any) -> Any:
    return math.log1p(math.exp(x))


def safe_softplus(x: Any) -> Any:
    return max(x, 0.0) + math.log1p(math.exp(-abs(x)))


def with_one(x: Any) -> Any:
    return np.logaddexp(x, 1.0)


def swish(x: Any) -> Any:
    return x / (1.0 + math.exp(-x))


def of_one_minus(x: Any) -> Any:
    return -math.expm1(-math.exp(x))


def exact_sigmoid(x: Any) -> Any:
    return 1 / (1 + np.exp(-x))


def exact_slope(x: Any) -> Any:
    return np.exp(-abs(x)) / (1 + np.exp(-abs(x))) ** 2


def exact_softplus(x: Any) -> Any:
    return np.maximum(x, 0) + np.log1p(np.exp(-abs(x)))


# The value and the derivative exactly, and the units in the last place that they may be off by; without a bound where
# the derivative passes through zero, or grows what a difference was rounded by.
CASES: dict[Any, tuple[Any, Any, float, float]] = {
    sigmoid: (exact_sigmoid, exact_slope, 3.0, 6.0),
    either_way: (exact_sigmoid, exact_slope, 3.0, 6.0),
    softplus: (exact_softplus, exact_sigmoid, 3.0, 4.0),
    safe_softplus: (exact_softplus, exact_sigmoid, 3.0, 4.0),
    with_one: (lambda x: 1 + exact_softplus(x - 1), lambda x: exact_sigmoid(x - 1), 3.0, math.inf),
    swish: (
        lambda x: x * exact_sigmoid(x),
        lambda x: exact_sigmoid(x) + x * exact_slope(x),
        4.0,
        math.inf,
    ),
    of_one_minus: (lambda x: -np.expm1(-np.exp(x)), lambda x: np.exp(x - np.exp(x)), 3.0, math.inf),
}


def summed(f: Any) -> Any:
    def total(x: Any, y: Any) -> Any:
        for i in range(len(x)):
            y[i] = f(x[i])
        return np.sum(y)

    return llad.jit_grad(total, argnums=0)


def assert_vectorised(function: Any, *args: Any) -> None:
    for of in ("primal", "gradient"):
        text = function.dump_llvm(*args, of=of)
        assert re.search(r"f(mul|add|sub) (\w+ )*<\d+ x (double|float)>", text), of
        assert not re.search(_OF_C, text), of


@pytest.mark.skipif(not HAS_EXTENDED, reason="nothing here is more exact")
@pytest.mark.parametrize("f", CASES, ids=lambda f: f.__name__)
def test_compositions_keep_their_accuracy_as_vectors(f: Any) -> None:
    value, slope, most, most_of_slope = CASES[f]
    function, y = summed(f), np.zeros(len(X))
    assert_vectorised(function, X, y)
    gradient = function.grad(X, y)
    function(X, y)
    assert ulps(y, value(X.astype(LONG))).max() <= most
    if most_of_slope < math.inf:
        assert ulps(gradient, slope(X.astype(LONG))).max() <= most_of_slope
    near = abs(X) < 30.0
    np.testing.assert_allclose(gradient[near], slope(X.astype(LONG))[near].astype(float), rtol=1e-14, atol=1e-15)


def test_a_sigmoid_from_tanh_is_as_good_as_its_sum_allows() -> None:
    function, y = summed(from_tanh), np.zeros(len(X))
    assert_vectorised(function, X, y)
    function(X, y)
    np.testing.assert_allclose(y, exact_sigmoid(X), rtol=0, atol=3e-16)


@pytest.mark.parametrize("f", CASES, ids=lambda f: f.__name__)
def test_compositions_of_single_precision_are_vectors(f: Any) -> None:
    x = X[abs(X) < 80.0].astype(np.float32)
    function, y = summed(f), np.zeros(len(x), np.float32)
    assert_vectorised(function, x, y)
    function(x, y)
    want = CASES[f][0](x.astype(float))
    assert ulps(y, want.astype(LONG)).max() <= CASES[f][2]


def summed_up(f: Any) -> Any:
    def total(x: Any) -> Any:
        s = 0.0
        for i in range(len(x)):
            s += f(x[i])
        return s

    return total


@pytest.mark.parametrize("f", [sigmoid, either_way, swish], ids=lambda f: f.__name__)
def test_slopes_with_fastmath_are_made_of_values(f: Any) -> None:
    function = llad.jit_grad(summed_up(f), fastmath=True)
    np.testing.assert_allclose(function.grad(X), CASES[f][1](X.astype(LONG)).astype(float), rtol=1e-12, atol=2e-15)
    far = np.array([-np.inf, -800.0, 800.0, np.inf])
    if f is not swish:
        assert np.array_equal(function.grad(far), np.zeros(4))
        assert np.array_equal(function.jvp((far,), (np.ones(4),))[1], 0.0)
    assert np.array_equal(function.grad(far[1:3]), [0.0, 1.0 if f is swish else 0.0])
    assert np.isnan(function.grad(np.array([np.nan]))).all()
    assert ("mulz" in function.dump_ir(X, of="gradient")) == (f is swish)


@pytest.mark.usefixtures("quick_code")
def test_slopes_of_slopes_are_those_of_the_quotient() -> None:
    def third(x: Any) -> Any:
        return llad.grad(lambda x: llad.grad(llad.grad(sigmoid))(x))(x)

    for x in (-1.5, 0.7):
        assert llad.jit(third, fastmath=True)(x) == pytest.approx(llad.jit(third)(x), rel=1e-12)


@pytest.mark.usefixtures("quick_code")
def test_a_recurrence_keeps_of_a_sigmoid_no_more_than_its_value() -> None:
    def recurrence(x: Any, w: Any) -> Any:
        u = 0.1
        for i in range(len(x)):
            u = u * sigmoid(w * u + x[i])
        return u

    x = np.linspace(-1.0, 1.0, 9)
    fast, strict = (llad.jit_grad(recurrence, argnums=0, fastmath=way) for way in (True, False))
    tapes = re.findall(r"tape\w*: buffer", fast.dump_ir(x, 0.4, of="gradient"))
    assert len(tapes) == 2  # `u` and the sigmoid
    np.testing.assert_allclose(fast.grad(x, 0.4), strict.grad(x, 0.4), rtol=1e-12)


ARRAYS: dict[str, Any] = {
    "sigmoid": lambda x: np.sum(1.0 / (1.0 + np.exp(-x))),
    "softmax": lambda x: np.sum((np.exp(x - np.max(x)) / np.sum(np.exp(x - np.max(x)))) ** 2),
    "softplus": lambda x: np.sum(np.log1p(np.exp(x))),
    "logaddexp": lambda x: np.sum(np.logaddexp(x, 0.5)),
    "where": lambda x: np.sum(np.where(x > 0.0, 1.0 / (1.0 + np.exp(-x)), np.exp(x) / (1.0 + np.exp(x)))),
    "trigonometry": lambda x: np.sum(np.tan(x) + np.sin(x) * np.cos(x)),
    "inverse": lambda x: np.sum(np.arctan2(x, 2.0) + np.arctan(x) + np.arcsin(0.1 * x) + np.arccos(0.1 * x)),
    "hyperbolic": lambda x: np.sum(np.tanh(x) + np.sinh(0.1 * x) * np.cosh(0.1 * x) + np.expm1(x)),
    "roots": lambda x: np.sum(np.cbrt(x) + np.hypot(x, 1.0) + np.sqrt(x * x + 1.0)),
    "powers": lambda x: np.sum((x * x + 1.0) ** 1.7 + np.log2(x * x + 1.0) + np.exp2(x)),
    "matrix": lambda x: np.sum(np.tanh(np.outer(x, x)[:3])),
}


@pytest.mark.parametrize("name", ARRAYS)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_array_expressions_are_vectors(name: str, dtype: Any) -> None:
    x = np.linspace(-4.9, 5.0, 103).astype(dtype)
    function = llad.jit_grad(ARRAYS[name])
    text = "".join(function.dump_llvm(x, of=of) for of in ("primal", "gradient"))
    assert re.search(r"f(mul|add|sub) (\w+ )*<\d+ x (double|float)>", text)
    # beyond their limit sin, cos and tan are C's, out of the way
    inner = "".join(part for part in re.split(r"(?m)^(?=define )", text) if "@llad.far_" not in part.split("(")[0])
    assert not re.search(_OF_C, inner)
    tolerance = 1e-12 if dtype == np.float64 else 2e-4
    assert math.isclose(function(x), ARRAYS[name](x.astype(float)), rel_tol=tolerance)
