"""`jacfwd`, `jacrev` and `hessian`: against the Jacobian by hand, each other, and the shapes of the parts."""

import functools
import math

import numpy as np
import pytest
from numpy.testing import assert_allclose

import llad

pytestmark = pytest.mark.usefixtures("scalar_code")

X = np.array([0.5, 1.5, -0.7])


def residuals(x, s):
    r = np.zeros(2)
    r[0] = x[0] * x[1] * s
    r[1] = math.sin(x[2]) * x[0]
    return r


BY_X = [[1.5 * 2, 0.5 * 2, 0.0], [math.sin(-0.7), 0.0, 0.5 * math.cos(-0.7)]]
BY_S = [0.75, 0.0]


@pytest.mark.parametrize("jacobian", [llad.jacfwd, llad.jacrev])
def test_a_jacobian(jacobian):
    assert_allclose(jacobian(residuals)(X, 2.0), BY_X)
    assert_allclose(jacobian(residuals, 1)(X, 2.0), BY_S)
    by_x, by_s = jacobian(residuals, (0, -1))(X, 2.0)
    assert_allclose(by_x, BY_X)
    assert_allclose(by_s, BY_S)
    assert_allclose(llad.jit(lambda x, s: jacobian(residuals)(x, s).sum())(X, 2.0), np.sum(BY_X))


@pytest.mark.parametrize("jacobian", [llad.jacfwd, llad.jacrev])
def test_shapes(jacobian):
    assert jacobian(lambda x: x * x)(3.0) == 6.0
    assert_allclose(jacobian(lambda x: np.sum(x * x))(X), 2 * X)
    assert_allclose(jacobian(lambda x: X * x)(3.0), X)
    a = np.arange(6.0).reshape(2, 3)
    by = jacobian(lambda a: np.sum(a * a, axis=0))(a)
    assert by.shape == (3, 2, 3)
    assert_allclose(by, _by_hand(a))
    assert jacobian(lambda x: x * x)(np.zeros(0)).shape == (0, 0)
    assert jacobian(lambda x: x * x)(np.ones(2, np.float32)).dtype == np.float32
    got = jacobian(lambda x: {"square": x * x, "count": len(x), "pair": (x[0] * x[1], x[:1])})(X)
    assert got["count"] is None
    assert_allclose(got["square"], np.diag(2 * X))
    assert_allclose(got["pair"][0], [X[1], X[0], 0.0])
    assert_allclose(got["pair"][1], [[1.0, 0.0, 0.0]])


def _by_hand(a):
    by = np.zeros((3, 2, 3))
    for j in range(3):
        by[j, :, j] = 2 * a[:, j]
    return by


def test_a_hessian():
    def f(x, s):
        return s * x[0] ** 2 * x[1] + math.exp(x[2] * s)

    x, s = X, 1.2
    e = math.exp(x[2] * s)
    want = [[2 * s * x[1], 2 * s * x[0], 0.0], [2 * s * x[0], 0.0, 0.0], [0.0, 0.0, s * s * e]]
    assert_allclose(llad.hessian(f)(x, s), want)
    (xx, xs), (sx, ss) = llad.hessian(f, (0, 1))(x, s)
    assert_allclose(xx, want)
    assert_allclose(xs, sx)
    assert_allclose(xs, [2 * x[0] * x[1], x[0] ** 2, e * (1 + s * x[2])])
    assert ss == pytest.approx(x[2] ** 2 * e)
    assert_allclose(llad.jacrev(llad.jacrev(f))(x, s), want)
    assert_allclose(llad.jit(lambda x, s: llad.hessian(f)(x, s))(x, s), want)
    assert_allclose(llad.jacfwd(llad.grad(f))(x, s), want)


def test_newton_with_a_hessian_and_its_gradient():
    def f(x, s):
        return (x[0] - s) ** 4 + (x[0] - s) ** 2 + x[1] ** 2 * s

    def newton(s):
        x = np.ones(2)
        for _ in range(12):
            h, g = llad.hessian(f)(x, s), llad.grad(f)(x, s)
            det = h[0, 0] * h[1, 1] - h[0, 1] * h[1, 0]
            x = x - np.array([h[1, 1] * g[0] - h[0, 1] * g[1], h[0, 0] * g[1] - h[1, 0] * g[0]]) / det
        return x[0] * x[0] + x[1]

    assert llad.jit(newton)(1.3) == pytest.approx(1.69)
    assert llad.grad(newton)(1.3) == pytest.approx(2.6)


def test_what_is_refused():
    with pytest.raises(llad.LladError, match="by an argument that is i64"):
        llad.jacfwd(lambda n: n * 1.0)(3)
    with pytest.raises(llad.LladError, match="argnums"):
        llad.jacrev(lambda x: x * 1.0, 1)(3.0)


def first(x):
    return x[0]


@pytest.mark.parametrize("jacobian", [llad.jacfwd, llad.jacrev, llad.hessian])
@pytest.mark.parametrize("function", [first, llad.jit(first), functools.partial(first), llad.grad(first)])
def test_what_is_refused_of_a_call_is_shown_at_the_function(jacobian, function):
    for argnums, args in ((3, (np.ones(2),)), (0, (np.arange(2),))):
        with pytest.raises(llad.UnsupportedError) as caught:
            jacobian(function, argnums)(*args)
        span = caught.value.span
        assert span is not None and (span.file, span.text) == (__file__, "def first(x):")


@pytest.mark.parametrize("kind", [llad.jacfwd, llad.jacrev])
def test_a_wrong_number_of_arguments_is_told_of_the_function_that_was_written(kind):
    def squared(x):
        return x * x

    with pytest.raises(TypeError, match=rf"{kind.__name__}\(squared\)\(\) too many positional arguments"):
        kind(squared)(1.0, 2.0)
