"""`out=`: what functions of NumPy store in arrays that are there, in values, memory and derivatives."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import llad
from llad.testing import assert_close

RANDOM = np.random.default_rng(6)
X = RANDOM.uniform(-1.0, 1.0, (3, 4))
V = np.array([0.3, 0.9, 0.0, 0.7])


def stored(x: Any, v: Any) -> Any:
    """Into new arrays, into views, into what is read, where a condition holds, and in a loop."""
    y = np.empty_like(v)
    np.multiply(v, x[0], out=y)
    np.sin(y, out=y)
    z = np.zeros(4)
    np.sum(x, axis=0, out=z)
    x[1:].sum(axis=0, out=z[:])
    np.divide(z, v, out=x[0], where=v != 0.0)
    for k in range(2):
        np.maximum(x, 0.1 * k, out=x)
        np.add(x[:, 1:], x[:, :-1], out=x[:, :-1])
    np.dot(x, v, (w := np.zeros(3)))
    np.subtract(x[0], x[1], x[0])
    x[:, 1:].max(0, z[:3])
    np.add.accumulate(x, 1, None, x)
    return np.sum(x * np.clip(z, -0.5, 0.5, out=z)) + np.sum(w * w) + np.sum(np.exp(1, out=y)) * np.cumsum(v, out=v)[2]


@pytest.mark.usefixtures("quick_code")
def test_results_are_stored_and_differentiated() -> None:
    ours, theirs = (X.copy(), V.copy()), (X.copy(), V.copy())
    assert_close(llad.jit(stored)(*ours), stored(*theirs))
    for one, other in zip(ours, theirs, strict=True):
        assert_close(one, other)
    d = RANDOM.normal(size=X.shape), np.array([0.4, -0.2, 0.0, 0.9])
    h = 1e-6
    high, low = (stored(X + k * h * d[0], V + k * h * d[1]) for k in (1, -1))
    by_x, by_v = llad.grad(stored, argnums=(0, 1))(X, V)
    slope = np.sum(by_x * d[0]) + by_v @ d[1]
    assert_close(slope, (high - low) / (2 * h), rtol=1e-7)
    assert_close(llad.jvp(stored, (X, V), d)[1], slope)


@pytest.mark.parametrize(
    ("function", "error", "text"),
    [
        (lambda x, v: np.add(v, 1.0, out=v[:3])[0], ValueError, "could not be broadcast together"),
        (lambda x, v: np.sum(x, axis=0, out=v[:3])[0], ValueError, "output array has length 3 along axis 0"),
        (lambda x, v: np.sum(x, axis=0, out=x)[0, 0], llad.UnsupportedError, "out is an array of f64 with 2 axes"),
        (lambda x, v: np.add(v, 1.0, out=np.zeros(4, np.int64))[0], llad.UnsupportedError, "Cannot cast ufunc 'add'"),
        (lambda x, v: np.argmax(x, 0, v)[0], llad.UnsupportedError, "Cannot cast array data"),
        (lambda x, v: np.add(v, 1.0, out=3.0), llad.UnsupportedError, "the argument `out`"),
    ],
)
def test_what_does_not_fit_is_an_error(function: Any, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        llad.jit(function)(X.copy(), V.copy())
