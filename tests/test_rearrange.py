"""Transposes, flips and joins: values and memory as NumPy's, and derivatives, on every kind of array."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest

import llad
from llad.testing import assert_close, directions_for, finite_differences, flatten

RANDOM = np.random.default_rng(5)
A = RANDOM.normal(size=(3, 4))
B = RANDOM.normal(size=(2, 4))
C = RANDOM.normal(size=(2, 3, 4))
V = RANDOM.normal(size=4)

MATRIX = [
    lambda a: a.T,
    lambda a: a.T.T,
    lambda a: a.T[1:, ::-1],
    lambda a: a[::2, 1:].T,
    lambda a: np.transpose(a),
    lambda a: np.transpose(a, (1, 0)),
    lambda a: a.transpose(),
    lambda a: a.transpose(1, 0),
    lambda a: a.transpose((0, 1)),
    lambda a: np.swapaxes(a, 0, -1),
    lambda a: a.swapaxes(0, 1),
    lambda a: np.moveaxis(a, 0, 1),
    lambda a: np.flip(a),
    lambda a: np.flip(a, 0),
    lambda a: np.flip(a, axis=-1),
    lambda a: np.expand_dims(a, 1),
    lambda a: np.expand_dims(a, -1),
    lambda a: np.concatenate([a, a * 2.0]),
    lambda a: np.concatenate((a, a[:, :1]), axis=1),
    lambda a: np.concatenate([a[:0], a, a[1:]], axis=-2),
    lambda a: np.concatenate([a, np.ones((2, a.shape[1]), dtype=np.float32)]),
    lambda a: np.stack([a, a * a]),
    lambda a: np.stack([a, a * a], axis=-1),
    lambda a: np.stack([a[0], a[1]], axis=1),
    lambda a: np.vstack([a, a[0]]),
    lambda a: np.vstack((a[0], a[1])),
    lambda a: np.hstack([a, a]),
    lambda a: np.hstack((a[0], a[:, 0])),
    lambda a: np.column_stack([a[:, 0], a, a[:, 1] * 3.0]),
    lambda a: np.append(a[0], 2.5),
    lambda a: np.append(a[0], a[1]),
    lambda a: np.append(a, a, axis=0),
    lambda a: a.T @ a,
    lambda a: a @ a.T,
    lambda a: (a.T * a.T).sum(axis=0),
]
CUBE = [
    lambda c: c.T,
    lambda c: np.transpose(c, (2, 0, 1)),
    lambda c: np.transpose(c, (1, 2, 0))[1:, ::2, 1],
    lambda c: np.transpose(np.transpose(c, (1, 2, 0)), (1, 2, 0)),
    lambda c: np.moveaxis(c, -1, 0),
    lambda c: c.swapaxes(0, 2),
    lambda c: np.flip(c, 1).T,
    lambda c: np.concatenate([c, c], axis=2),
    lambda c: np.stack([c, c], axis=2),
]
LAYOUTS = [
    lambda x: x.copy(),
    lambda x: np.asfortranarray(x),
    lambda x: np.repeat(x, 2, axis=-1)[..., ::2],
    lambda x: x[::-1],
    lambda x: x[:0],
]


@cache
def for_any_layout(program: int) -> Any:
    """Layouts of one kind share machine code."""
    return llad.jit([*MATRIX, *CUBE][program])


@pytest.mark.parametrize("layout", range(len(LAYOUTS)))
@pytest.mark.parametrize("program", range(len(MATRIX) + len(CUBE)))
def test_values_are_numpys(program: int, layout: int) -> None:
    f, x = ([*MATRIX, *CUBE][program], A if program < len(MATRIX) else C)
    x = LAYOUTS[layout](x)
    try:
        expected = f(x)
    except (IndexError, ValueError) as error:
        with pytest.raises(type(error)):
            for_any_layout(program)(x)
        return
    got = for_any_layout(program)(x)
    assert got.dtype == expected.dtype
    np.testing.assert_allclose(got, expected, rtol=1e-15)


@pytest.mark.usefixtures("scalar_code")
@pytest.mark.parametrize("program", range(len(MATRIX) + len(CUBE)))
def test_derivatives(program: int) -> None:
    f, x = ([*MATRIX, *CUBE][program], A if program < len(MATRIX) else C)
    weights = np.cos(np.arange(f(x).size)).reshape(f(x).shape)

    def loss(x: Any) -> Any:
        return np.sum(np.sin(f(x)) * weights)

    compiled = llad.jit_grad(loss)
    directions = directions_for(x.size)
    gradient = compiled.grad(x)
    got = np.array([[d @ flatten(gradient)] for d in directions])
    assert_close(got, finite_differences(loss, (x,), directions), rtol=1e-6, atol=1e-7)
    tangents = [compiled.jvp((x,), (d.reshape(x.shape),))[1] for d in directions]
    assert_close(np.array(tangents)[:, None], got, rtol=1e-12, atol=1e-13)
    seed = RANDOM.normal(size=x.shape)
    twice = llad.jit_grad(lambda x: np.sum(llad.grad(loss)(x) * seed)).grad(x)
    across = llad.jit(lambda x: llad.jvp(llad.grad(loss), (x,), (seed,))[1])(x)
    assert_close(twice, across, rtol=1e-10, atol=1e-12)


def test_transposes_and_flips_are_views() -> None:
    def through(x: Any) -> Any:
        x.T[0, 1] = 5.0
        np.flip(x)[0] *= 2.0
        np.moveaxis(x, 0, 1)[2:] += 1.0
        joined = np.concatenate([x, x])
        joined[0, 0] = 100.0
        return x.T

    mine, numpys = A.copy(), A.copy()
    result, expected = llad.jit(through)(mine), through(numpys)
    np.testing.assert_array_equal(result, expected)
    np.testing.assert_array_equal(mine, numpys)
    assert np.shares_memory(result, mine)


def test_transposes_that_loops_carry() -> None:
    def f(x: Any, n: int) -> Any:
        y = x * 1.0
        for _ in range(n):
            y = (y.T * 1.5).copy()
        return np.sum(y[0] * np.arange(3.0))

    x = RANDOM.normal(size=(3, 3))
    for n in range(4):
        assert llad.jit(f)(x, n) == pytest.approx(f(x, n), rel=1e-14)
        gradient = llad.jit_grad(f, argnums=0).grad(x, n)
        expected = np.zeros((3, 3))
        if n % 2:
            expected[:, 0] = 1.5**n * np.arange(3.0)
        else:
            expected[0] = 1.5**n * np.arange(3.0)
        np.testing.assert_allclose(gradient, expected, rtol=1e-14)


@pytest.mark.parametrize(("axis", "other"), [(0, (2, 5)), (1, (4, 4))])
def test_shapes_that_do_not_fit_raise_numpys_error(axis: int, other: tuple[int, int]) -> None:
    def f(a: Any, b: Any) -> Any:
        return np.concatenate([a, b], axis=axis)

    b = np.ones(other)
    with pytest.raises(ValueError, match="must match exactly") as expected:
        f(A, b)
    with pytest.raises(ValueError) as got:
        llad.jit(f)(A, b)
    assert str(got.value).startswith(str(expected.value))


def test_squeeze_asks_for_axes_that_have_one_element_only_now() -> None:
    def f(n: int) -> Any:
        return np.squeeze(np.ones((n, 3)))

    compiled = llad.jit(f)
    assert compiled(2).shape == (2, 3)
    with pytest.raises(ValueError, match="squeeze of axis 0, which has one element only now"):
        compiled(1)


def _unpacked(theta: Any, s: float) -> Any:
    """Writes through views of parts of a vector, however it lies in memory, and reads in between."""
    w = theta[:6].reshape(2, 3)
    v = theta[6:].reshape(2, -1)[1]
    w[0, 1] = w[1, 0] * s
    theta[2] = theta[3] * theta[7]
    v *= w[0, 2] + theta[1]
    return np.sum(w @ np.outer(w[1], v)) + theta[1] * theta[9]


@pytest.mark.usefixtures("quick_code")
@pytest.mark.parametrize("step", [1, 2, -1])
def test_a_vector_is_unpacked_as_views(step: int) -> None:
    def vector() -> Any:
        return np.linspace(-1.0, 1.5, 10 * abs(step))[::step]

    seen, written = vector(), vector().copy()
    assert_close(llad.jit(_unpacked)(seen, 0.7), _unpacked(written, 0.7))
    assert_close(seen, written)
    gradient = llad.grad(_unpacked)
    d = np.cos(np.arange(10.0))
    slope = float(np.dot(gradient(vector(), 0.7), d))
    h = 1e-5
    high, low = (vector() + k * h * d for k in (1, -1))
    assert_close(slope, (_unpacked(high.copy(), 0.7) - _unpacked(low.copy(), 0.7)) / (2 * h), rtol=1e-8)
    assert_close(llad.jvp(_unpacked, (vector(), 0.7), (d, 0.0))[1], slope)
    curvature = llad.jvp(lambda t: gradient(t, 0.7), (vector(),), (d,))[1]
    assert_close(curvature, (gradient(high, 0.7) - gradient(low, 0.7)) / (2 * h), rtol=1e-7, atol=1e-8)


def _layers(theta: Any, x: Any) -> Any:
    p = x.shape[1]
    w, b = theta[: 4 * p].reshape(p, 4), theta[4 * p : 4 * p + 4]
    return np.sum(np.tanh(x @ w + b) @ theta[-12:].reshape(4, 3) + b[:3])


@pytest.mark.usefixtures("quick_code")
def test_unpacked_layers_have_the_derivatives_of_copies() -> None:
    """In reverse mode they are read from memory of their own."""
    theta, x = RANDOM.normal(size=24), RANDOM.normal(size=(5, 2))
    d = RANDOM.normal(size=24)
    h = 1e-5
    slope = (_layers(theta + h * d, x) - _layers(theta - h * d, x)) / (2 * h)
    gradient = llad.grad(_layers)
    assert_close(float(gradient(theta, x) @ d), slope, rtol=1e-7)
    assert_close(llad.jvp(_layers, (theta, x), (d, 0.0 * x))[1], slope, rtol=1e-7)


def _either(a: Any, k: int) -> Any:
    y = a[:, :2].reshape(-1)
    if k > 0:
        y = a[:, 1:].reshape(-1)
    y[0] = 7.0
    return np.sum(a)


def test_what_may_be_a_copy_is_not_written_after_a_branch() -> None:
    with pytest.raises(llad.UnsupportedError, match="may be a copy"):
        llad.jit(_either)(A, 1)


def _late(x: Any) -> Any:
    y = x.T.ravel()
    x[0, 0] = 7.0
    return y * 1.0


def _late_in_a_loop(x: Any) -> Any:
    y, s = x[:, :2].reshape(-1), 0.0
    for k in range(3):
        s += y[k]
        x *= 0.5
    return s


def _late_in_what_is_called(x: Any, n: int) -> Any:
    return x.T.ravel() if n <= 0 else _late_in_what_is_called(x, n - 1)


def _late_after_a_call(x: Any) -> Any:
    y = _late_in_what_is_called(x, len(x))
    x[0, 0] = 7.0
    return y


def _in_time(x: Any) -> Any:
    """The copies that NumPy makes, too, or read before there is a difference."""
    s = 0.0
    kept = x.T.ravel().copy()
    for k in range(3):
        y = x.T.reshape(-1)
        s += y[k]
        x *= 0.5
    return s * kept + np.sum(x[:, 1:].ravel())


@pytest.mark.parametrize("f", [_late, _late_in_a_loop, _late_after_a_call])
def test_what_may_be_a_copy_is_not_read_after_its_source_is_written(f: Any) -> None:
    with pytest.raises(llad.UnsupportedError, match="may be a copy, read"):
        llad.jit(f)(A.copy())


def test_what_may_be_a_copy_is_read_before_its_source_is_written() -> None:
    assert_close(llad.jit(_in_time)(A.copy()), _in_time(A.copy()))


def test_pullbacks_take_arrays_as_they_lie() -> None:
    """Whether a reshape is a view is asked of the array, not of the copy that the pullback keeps."""
    with pytest.raises(llad.UnsupportedError, match="may be a copy, read"):
        llad.vjp(_late, np.asfortranarray(A))
