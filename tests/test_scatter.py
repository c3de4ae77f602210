"""Stores and sums at index arrays and masks: as NumPy does them, differentiated, with NumPy's errors at the line."""

from __future__ import annotations

import numpy as np
import pytest

import llad

pytestmark = pytest.mark.usefixtures("scalar_code")

N = np.array([3, 0, 4, 1, 3])
M = np.array([True, False, True, True, False])


def stored(x, v, n, m):
    y = np.zeros(6)
    y[n] = v * 2.0
    y[[0, 5]] = v[:2]
    x[:, n[:2]] = v[:3, None]
    x[[0, 2], [1, 3]] = 7.0 * v[0]
    return np.sum(np.sin(x)) + np.sum(y * y)


def added(x, v, n, m):
    y = v.copy()
    y[n] += v
    y[n] *= 1.5
    x[n[1:3] % 3] -= x[0] * v[1]
    return np.sum(np.cos(x)) + np.sum(y**3)


def accumulated(x, v, n, m):
    y = np.zeros(5)
    np.add.at(y, n, v)
    np.add.at(y, n, 1.0)
    np.add.at(x, (n[:3] % 3, n[1:4] % 4), v[2:])
    return np.sum(np.exp(y)) + np.sum(x * x)


def masked(x, v, n, m):
    v = v.copy()
    v[m] *= v[m] + 1.0
    v[~m] = 0.5
    x[x > 0.3] = x[0, 0] * 2.0
    x[x < -0.2] += 1.0
    x[x[:, 0] > 0.0, 1:] = v[0]
    return np.sum(np.tanh(x)) + np.sum(v * v)


def folded(x, v, n, m):
    y = v[::-1] * 0.5
    y.sort()
    np.maximum.at(y, n, v)
    np.subtract.at(y, [0, 0], v[1])
    np.multiply.at(x, (n[:3] % 3,), x[0] + 2.0)
    return np.sum(np.exp(y)) + np.sum(x * x)


@pytest.mark.parametrize("f", [stored, added, accumulated, masked, folded], ids=lambda f: f.__name__)
def test_as_numpy_does_it(f):
    rng = np.random.default_rng(1)
    x, v = rng.uniform(-1.0, 1.0, (3, 4)), rng.uniform(-1.0, 1.0, 5)
    ours = llad.jit_grad(f, argnums=(0, 1))
    mine, theirs = x.copy(), x.copy()
    np.testing.assert_allclose(ours(mine, v, N, M), f(theirs, v, N, M), rtol=1e-13)
    np.testing.assert_allclose(mine, theirs, rtol=1e-14)
    gradients, h = ours.grad(x, v, N, M), 1e-6
    d = np.cos(np.arange(12.0)).reshape(3, 4), np.sin(np.arange(5.0) + 1.0)
    high, low = (f(x + s * d[0], v + s * d[1], N, M) for s in (h, -h))
    slope = sum(np.sum(g * b) for g, b in zip(gradients, d, strict=True))
    np.testing.assert_allclose(slope, (high - low) / (2 * h), rtol=1e-6)
    np.testing.assert_allclose(ours.jvp((x, v, N, M), (*d, None, None))[1], slope, rtol=1e-11)


def beyond(v, n):
    return v[n + 3].sum()


def wrong_mask(v, m):
    return v[m].sum()


def wrong_shape(v, n):
    y = np.zeros(9)
    y[n] = v
    return y


@pytest.mark.parametrize(
    ("f", "args", "error", "text"),
    [
        (beyond, (np.ones(5), N), IndexError, "index 6 is out of bounds for axis 0 with size 5"),
        (wrong_mask, (np.ones(4), M), IndexError, "boolean index did not match indexed array along axis 0"),
        (wrong_shape, (np.ones(4), N), ValueError, "could not be broadcast|could not broadcast|broadcast"),
    ],
    ids=["beyond", "mask", "shape"],
)
def test_errors_are_numpys_at_the_line_of_the_caller(f, args, error, text):
    with pytest.raises(error, match=text):
        f(*args)
    with pytest.raises(error, match=text) as caught:
        llad.jit(f)(*args)
    assert "(test_scatter.py, line " in str(caught.value)
