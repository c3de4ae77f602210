"""`scipy.special`: values as SciPy's own, derivatives against central differences, singular points, axes."""

from __future__ import annotations

import numpy as np
import pytest

import llad
from llad import jit_grad

pytestmark = pytest.mark.usefixtures("quick_code")

special = pytest.importorskip("scipy.special")

ONE = {
    "erf": (-2.0, 2.0), "erfc": (-2.0, 3.0), "gamma": (0.3, 4.0), "gammaln": (0.3, 9.0), "digamma": (0.3, 5.0),
    "psi": (0.3, 5.0), "expit": (-40.0, 40.0), "log_expit": (-40.0, 40.0), "logit": (0.01, 0.99), "entr": (0.01, 3.0),
    "ndtr": (-5.0, 5.0), "erfinv": (-0.99, 0.99), "ndtri": (0.01, 0.99), "log_ndtr": (-30.0, 4.0), "i0": (-4.0, 4.0),
    "i1": (-4.0, 4.0), "i0e": (-9.0, 8.9), "i1e": (-9.0, 8.9), "j0": (-9.0, 9.0), "j1": (-9.0, 9.0),
    "exp2": (-3.0, 3.0), "expm1": (-1.0, 1.0), "log1p": (-0.5, 2.0), "cbrt": (0.1, 2.0),
}  # fmt: skip


def element_by_element(name):
    function = getattr(special, name)
    return lambda x: np.sum(np.cos(x) * function(x)), lambda v: function(v) * 2.0


@pytest.mark.parametrize("name", ONE)
def test_functions_of_one_number(name):
    low, high = ONE[name]
    x = np.linspace(low, high, 41)
    summed, scalar = element_by_element(name)
    ours, single = jit_grad(summed), jit_grad(scalar)
    np.testing.assert_allclose(ours(x), summed(x), rtol=1e-12, atol=1e-13)
    step = 1e-6
    function = getattr(special, name)
    slope = (function(x + step) - function(x - step)) / (2 * step)
    scale = np.maximum(1.0, np.abs(slope))
    np.testing.assert_allclose((ours.grad(x) + np.sin(x) * function(x)) / scale, np.cos(x) * slope / scale, atol=3e-8)
    at = float(x[17])
    np.testing.assert_allclose(single(at), scalar(at), rtol=1e-12)
    np.testing.assert_allclose(single.grad(at), 2.0 * slope[17], rtol=1e-6, atol=1e-8)
    if name not in ("digamma", "psi"):  # of which there is no second derivative
        second = (single.grad(at + 1e-5) - single.grad(at - 1e-5)) / 2e-5
        np.testing.assert_allclose(llad.grad(llad.grad(scalar))(at), second, rtol=1e-5, atol=1e-6)
    small = x.astype(np.float32)
    got = llad.jit(lambda x: function(x))(small)
    assert got.dtype == np.float32
    np.testing.assert_allclose(got, function(x), rtol=3e-4, atol=1e-5)


@pytest.mark.parametrize("name", ["xlogy", "xlog1py", "beta", "betaln"])
def test_functions_of_two_numbers(name):
    function = getattr(special, name)
    rng = np.random.default_rng(3)
    x, y = rng.uniform(0.4, 3.0, 9), rng.uniform(0.4, 3.0, 9)
    ours = jit_grad(lambda x, y: np.sum(np.sin(x) * function(x, y)))
    np.testing.assert_allclose(ours(x, y), np.sum(np.sin(x) * function(x, y)), rtol=1e-12)
    step = 1e-6
    expected = np.sin(x) * (function(x, y + step) - function(x, y - step)) / (2 * step)
    np.testing.assert_allclose(ours.grad(x, y)[1], expected, rtol=1e-7, atol=1e-9)


SPECIAL = {
    "expit": [-800.0, 800.0, -0.0, np.inf, -np.inf, np.nan], "log_expit": [-800.0, 800.0, 0.0, -np.inf, np.nan],
    "entr": [0.0, -1.0, np.nan, np.inf], "logit": [0.0, 1.0, 0.5, 1e-300, 2.0], "i1": [0.0], "j1": [0.0], "i1e": [0.0],
    "erfinv": [-1.0, 1.0, 0.0], "log_ndtr": [-1e5, 40.0],
}  # fmt: skip


@pytest.mark.parametrize("name", SPECIAL)
def test_special_numbers(name):
    x, function = np.array(SPECIAL[name]), getattr(special, name)
    with np.errstate(all="ignore"):
        np.testing.assert_allclose(llad.jit(lambda x: function(x))(x), function(x), rtol=1e-14)


def test_products_with_logarithms_at_zero():
    x, y = np.array([0.0, 0.0, 0.0, 0.0, np.nan, 0.0]), np.array([0.0, -2.0, np.inf, np.nan, 1.0, 3.0])
    for function in (special.xlogy, special.xlog1py):
        np.testing.assert_array_equal(llad.jit(lambda x, y, f=function: f(x, y))(x, y), function(x, y))
    assert llad.grad(lambda x: special.xlogy(x, 3.0))(0.0) == np.log(3.0)


def test_slopes_where_formulas_divide():
    for function, slope in ((special.i1, 0.5), (special.j1, 0.5), (special.expit, 0.25), (special.log_expit, 0.5)):
        assert llad.grad(lambda x, f=function: f(x))(0.0) == slope
    assert llad.grad(lambda x: special.expit(x))(-800.0) == 0.0
    assert llad.grad(lambda x: special.log_expit(x))(-800.0) == 1.0


def check(f, *args):
    ours = jit_grad(f)
    value, gradients = ours.value_and_grad(*args)
    np.testing.assert_allclose(value, f(*args), rtol=1e-12)
    gradients = gradients if isinstance(gradients, tuple) else (gradients,)
    for k, gradient in enumerate(gradients):
        d = np.cos(np.arange(args[k].size)).reshape(args[k].shape)
        high, low = ([a + s * d if n == k else a for n, a in enumerate(args)] for s in (1e-6, -1e-6))
        np.testing.assert_allclose(np.sum(gradient * d), (f(*high) - f(*low)) / 2e-6, rtol=1e-6, atol=1e-8)


def test_sums_of_exponentials():
    a, b = np.random.default_rng(0).normal(size=(3, 4)) * 3, np.linspace(0.5, 2.0, 4)
    check(lambda a: special.logsumexp(a), a)
    check(lambda a, b: np.sum(special.logsumexp(a, axis=1, b=b) ** 2), a, b)
    check(lambda a: np.sum(special.softmax(a, axis=0) ** 2) + np.sum(special.softmax(a) * a), a)
    check(lambda a: np.sum(special.log_softmax(a, axis=-1)[:, 0]), a)
    first, whole = llad.jit(lambda a: (special.logsumexp(a, 0, keepdims=True), special.logsumexp(a, keepdims=True)))(a)
    np.testing.assert_allclose(first, special.logsumexp(a, 0, keepdims=True))
    np.testing.assert_allclose(whole, special.logsumexp(a, keepdims=True))
    ends = np.array([-np.inf, -np.inf])
    with np.errstate(all="ignore"):
        assert llad.jit(lambda a: special.logsumexp(a))(ends) == special.logsumexp(ends)
    assert llad.jit(lambda a: special.logsumexp(a))(np.array([np.inf, 1.0])) == np.inf


def test_what_is_not_there_names_what_is():
    with pytest.raises(llad.UnsupportedError, match=r"`scipy.special.erfinv`"):
        llad.jit(lambda x: special.erfcinv(x))(1.0)
    with pytest.raises(llad.UnsupportedError, match="orders 0 and 1"):
        llad.jit(lambda x: special.polygamma(2, x))(1.0)
    assert llad.jit(lambda x: special.polygamma(1, x))(2.0) == pytest.approx(special.polygamma(1, 2.0), rel=1e-14)
