"""Complex numbers: values as Python's and NumPy's, gradients of real functions in JAX's convention, arrays in place."""

from __future__ import annotations

import cmath
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import llad

pytestmark = pytest.mark.usefixtures("quick_code")

RANDOM = np.random.default_rng(11)


def numbers(*shape: int) -> np.ndarray:
    return RANDOM.normal(size=shape) + 1j * RANDOM.normal(size=shape)


def slope(f: Callable[..., float], args: tuple[Any, ...], k: int, step: float = 1e-6) -> np.ndarray:
    """∂f/∂x - i ∂f/∂y by argument `k`, by central differences."""

    def difference(at: tuple[int, ...], h: complex) -> float:
        low, high = (np.array(args[k], complex) for _ in range(2))
        low[at] -= h
        high[at] += h
        there = [tuple(x[()] if n == k else a for n, a in enumerate(args)) for x in (low, high)]
        return (f(*there[1]) - f(*there[0])) / (2 * step)

    found = np.zeros(np.shape(args[k]), complex)
    for at in np.ndindex(found.shape):
        found[at] = difference(at, step) - 1j * difference(at, 1j * step)
    return found


def arithmetic(z, w):
    a = (z + w) * (z - 2.0) / w + 1j * z - (3 - z) / (1j + w) + (+z) * (-w)
    return (2.0 / z + a * 2j - 1.5j / a).real


def powers(z, w):
    return abs(z**3 + w**-2 + z**0.5 + 2.0**w + z**w + z**1j + w**0) ** 2


def elementary(z, w):
    a = cmath.exp(z) + cmath.log(w) + cmath.sqrt(z * w) + np.tan(z) + cmath.tanh(w)
    b = np.sin(z) * np.cos(w) + np.sinh(w) * np.cosh(z)
    return abs(a * b.conjugate()) + cmath.phase(w) * np.angle(z) + z.imag * w.real


def iteration(c, n):
    z = 0
    for _ in range(n):
        z = z * z + c
    return abs(z)


def newton(z, steps):
    k = 0
    while abs(z**3 - 1) > 1e-12 and k < steps:
        z -= (z**3 - 1) / (3 * z**2)
        k += 1
    return z.real + z.imag


def branches(z, w):
    if z == w or abs(z) > 1e3:
        return 0.0
    u = z if z.real > w.real else complex(w.real, z.imag)
    return (u * u + w).imag


SCALARS = [
    (arithmetic, (0.3 - 0.8j, 1.1 + 0.4j)), (powers, (0.7 + 0.2j, -0.4 + 0.9j)), (elementary, (0.4 - 0.3j, 1.2 + 0.8j)),
    (branches, (0.5 + 1j, 0.2 - 2j)), (iteration, (0.1 + 0.3j, 5)), (newton, (0.6 + 0.9j, 3)),
]  # fmt: skip


def products(z, w, m):
    outer = np.outer(z, w)
    return abs(np.dot(z, w) + np.vdot(z, w) + (m @ z) @ w + z @ np.conj(w) + np.sum(outer * m.T)) + m[1, 1].imag


def reductions(z, w, m):
    total = np.sum(m, axis=0) * m.sum(axis=1) + np.mean(z) * w.mean()
    return np.sum(np.abs(total) ** 2) + (sum(z) + sum([w[0], 1.0])).real


def views(z, w, m):
    y = np.zeros((3, 3), complex)
    y[0] = z
    y[1:, 1] = w[:2] * 2
    y[2, 0] = 1.5 - 2j
    y += m.T
    y *= 1 + 1j
    row = y[1]
    row[::-1] += z
    y.real[0, 0] *= 3.0
    copied = y.copy()
    copied[0] = 0
    return np.sum(y.real**2 * y.imag) + np.sum(np.abs(np.where(y.real > 0, y, copied)))


def rearranged(z, w, m):
    stacked = np.concatenate([z, w[::-1], np.ones(2)]) + np.append(np.array([1j, z[1], 2.0]), np.zeros(5))
    total = 0j
    for row in m:
        total += row[0] * row[-1]
    return abs(np.sum(stacked**2) + total) + (np.conj(m.T) @ m)[0, 0].real + len(z) * m.shape[0]


def elementwise(z, w, m):
    return np.sum(np.abs(np.exp(z) + np.sqrt(m) * np.log(w) - np.tanh(m / 3) + np.cos(z) / np.square(w)) + np.angle(m))


WEIGHTS = np.array([0.5 - 1j, 2.0, 1j])


def captured(z, w, m):
    return np.sum(np.abs(WEIGHTS * z + m @ WEIGHTS)) + (w * 2j)[0].real


ARRAYS = [products, reductions, views, rearranged, elementwise, captured]


@pytest.mark.parametrize(("f", "args"), SCALARS, ids=lambda x: getattr(x, "__name__", ""))
def test_numbers(f: Any, args: tuple[Any, ...]) -> None:
    ours = llad.jit_grad(f, argnums=0)
    np.testing.assert_allclose(ours(*args), f(*args), rtol=1e-13)
    value, gradient = ours.value_and_grad(*args)
    assert type(value) is float and type(gradient) is complex
    np.testing.assert_allclose(gradient, slope(f, args, 0), rtol=2e-6, atol=1e-8)


@pytest.mark.parametrize("f", ARRAYS, ids=lambda f: f.__name__)
def test_arrays(f: Any) -> None:
    args = numbers(3), numbers(3), numbers(3, 3)
    ours = llad.jit_grad(f)
    strided = args[0], np.repeat(args[1], 2)[::2], np.asfortranarray(args[2])
    for given in (args, strided):
        value, gradients = ours.value_and_grad(*given)
        np.testing.assert_allclose(value, f(*args), rtol=1e-12)
        for k, gradient in enumerate(gradients):
            np.testing.assert_allclose(gradient, slope(f, args, k), rtol=1e-5, atol=1e-7)
    directions = numbers(3), numbers(3), numbers(3, 3)
    value, tangent = ours.jvp(args, directions)
    forward = sum(np.sum(g * d).real for g, d in zip(gradients, directions, strict=True))
    np.testing.assert_allclose(tangent, forward, rtol=1e-9)


def test_the_convention_is_that_of_jax():
    jax = pytest.importorskip("jax")
    jax.config.update("jax_enable_x64", True)
    args = numbers(3), numbers(3), numbers(3, 3)

    def f(z, w, m):
        return np.sum(np.abs(np.exp(z) * w + np.dot(m, z)) ** 2)

    def theirs(z, w, m):
        return jax.numpy.sum(jax.numpy.abs(jax.numpy.exp(z) * w + jax.numpy.dot(m, z)) ** 2)

    for ours, other in zip(llad.grad(f, argnums=(0, 1, 2))(*args), jax.grad(theirs, (0, 1, 2))(*args), strict=True):
        np.testing.assert_allclose(ours, other, rtol=1e-12)
    seed = numbers(3)
    (cotangent,) = llad.vjp(lambda z: np.exp(z) * z, args[0])[1](seed)
    (expected,) = jax.vjp(lambda z: jax.numpy.exp(z) * z, args[0])[1](seed)
    np.testing.assert_allclose(cotangent, expected, rtol=1e-12)


def test_results_are_numbers_and_arrays_of_python():
    def f(z, x):
        z[0] = 2j * x
        return z * 2, z[1], np.zeros(2, dtype=complex), z.conj().dtype, (1j, x + 0j)

    z = numbers(3)
    expected = f(z.copy(), 0.5)
    found = llad.jit(f)(z, 0.5)
    np.testing.assert_array_equal(found[0], expected[0])
    assert found[1] == expected[1] and type(found[1]) is complex and found[3:] == expected[3:]
    assert found[2].dtype == complex and not found[2].any() and z[0] == 1j


def test_single_precision_stays():
    z = numbers(4).astype(np.complex64)
    gradient = llad.grad(lambda z: np.sum(np.abs(z * 2j + 1) ** 2))(z)
    assert gradient.dtype == np.complex64
    np.testing.assert_allclose(gradient, np.conj(2 * (z * 2j + 1)) * 2j, rtol=1e-5)


def test_second_derivatives():
    def f(x, y):
        z = np.exp(complex(x, y)) * complex(y, x)
        return abs(z) ** 2 + z.real

    ours, step = llad.hessian(f, argnums=(0, 1))(0.3, -0.7), 1e-6
    gradient = llad.grad(f, argnums=(0, 1))
    for k, d in enumerate(((step, 0.0), (0.0, step))):
        high, low = gradient(0.3 + d[0], -0.7 + d[1]), gradient(0.3 - d[0], -0.7 - d[1])
        np.testing.assert_allclose([row[k] for row in ours], (np.array(high) - np.array(low)) / (2 * step), rtol=1e-6)


SPECIAL = [0.0, 1.0, -1.0, 1j, -1j, -1 + 1e-300j, 1e200 + 1e200j, 1e-200 - 3e-200j, 700 + 1j, -300 + 2j]


def test_special_numbers():
    def f(z):
        return np.sqrt(z), np.tanh(z), (1 + 2j) / z, np.abs(z), np.angle(z)

    ours = llad.jit(f)
    for z in map(complex, SPECIAL):
        with np.errstate(all="ignore"):
            expected = f(np.complex128(z))
        for one, two in zip(ours(z)[:2], expected, strict=False):
            np.testing.assert_allclose(one, two, rtol=1e-14, atol=1e-300)
        if z:
            np.testing.assert_allclose(ours(z)[2:], expected[2:], rtol=1e-15)


@pytest.mark.parametrize(
    ("f", "match"),
    [
        (lambda z: np.log1p(z).real, "LL117"),
        (lambda z: 1.0 if z < 1j else 0.0, "LL"),
        (lambda z: z % 2, "LL"),
        (lambda z: z.foo, "LL"),
        (lambda z: np.zeros(2).__setitem__(0, z), "LL"),
    ],
)
def test_what_complex_numbers_cannot_do_is_refused(f, match):
    with pytest.raises(llad.LladError, match=match):
        llad.jit(f)(1j)


def test_a_complex_number_does_not_go_into_a_real_array():
    def f(z):
        a = np.zeros(2)
        a[0] = z
        return a[0]

    with pytest.raises(llad.LladError, match="real part"):
        llad.jit(f)(1j)


def close(found: Any, expected: Any) -> None:
    np.testing.assert_allclose(found, expected, rtol=1e-13)


@pytest.mark.parametrize("kind", [llad.jacfwd, llad.jacrev])
def test_jacobians_of_complex_results_by_real_arguments_are_complex(kind):
    x = np.array([0.1, 0.7])
    close(kind(lambda v: v * np.exp(1j * v))(x), np.diag(np.exp(1j * x) * (1 + 1j * x)))
    close(kind(lambda v: 2.0 * np.exp(1j * v))(0.3), 2j * np.exp(0.3j))
    first, second = kind(lambda u, v: (complex(u * v, 1.0), x * (1 + 2j) * v), argnums=(0, 1))(2.0, 3.0)
    assert first == (3.0 + 0j, 2.0 + 0j)
    np.testing.assert_array_equal(second[0], 0.0)
    close(second[1], x * (1 + 2j))
    assert kind(lambda v: complex(2.0, 3.0))(1.0) == 0j


def test_a_hessian_of_a_complex_result():
    x = np.array([0.1, 0.7])
    close(llad.hessian(lambda v: np.sum(np.exp(1j * v)))(x), np.diag(-np.exp(1j * x)))


@pytest.mark.parametrize("kind", [llad.jacfwd, llad.jacrev, llad.hessian])
@pytest.mark.parametrize(("z", "shown"), [(1 + 2j, "a complex number"), (np.array([1j]), "a complex array")])
def test_jacobians_by_complex_arguments_are_refused(kind, z, shown):
    with pytest.raises(llad.LladError, match=f"by an argument that is {shown}"):
        kind(lambda v: v * v)(z)


SINGLE = np.complex64
TYPED = [
    lambda z: np.zeros(3, dtype=SINGLE),
    lambda z: np.ones(3, "complex64") * z[0],
    lambda z: np.full(2, 2.0, SINGLE),
    lambda z: np.full(2, z[0], dtype=SINGLE),
    lambda z: np.full_like(z, z[1], dtype=SINGLE),
    lambda z: np.array([z[0], 2.0], dtype=complex),
    lambda z: np.array([z[0], 2.0], dtype=SINGLE),
    lambda z: np.asarray(z, np.complex128) + z,
    lambda z: z.astype(SINGLE),
    lambda z: z.astype(complex) * 0.1,
    lambda z: z.real.astype(SINGLE),
    lambda z: np.zeros(2, z.dtype) + z,
    lambda z: np.zeros_like(z, dtype=float),
    lambda z: np.ones_like(z, dtype=SINGLE),
    lambda z: np.zeros_like(z.real, dtype=SINGLE),
    lambda z: z * SINGLE(1j),
    lambda z: z * np.complex128(1j),
    lambda z: z * SINGLE(z[0]),
    lambda z: z * np.complex128(z[0]),
]


@pytest.mark.parametrize("f", TYPED)
@pytest.mark.parametrize("type", [np.complex64, np.complex128])
def test_elements_are_as_wide_as_numpy_has_them(f, type):
    z = np.array([0.1 + 0.3j, 1.7 - 0.9j]).astype(type)
    expected, got = f(z), llad.jit(f)(z)
    assert got.dtype == expected.dtype
    np.testing.assert_allclose(got, expected, rtol=1e-6 if got.dtype == np.complex64 else 1e-15)


def test_a_real_type_of_complex_elements_is_refused():
    with pytest.raises(llad.UnsupportedError, match="the element type"):
        llad.jit(lambda z: np.full(2, z, dtype=float))(1j)


def parts_of_some(x):
    if len(x) < 1:
        raise ValueError("few")
    return 2.0 * x + 1j * x


def magnitudes(x):
    return np.sum(np.abs(parts_of_some(x)))


def test_a_complex_array_made_on_the_one_path_that_does_not_raise_is_that_of_the_path():
    x = np.arange(1.0, 5.0)
    assert np.isclose(llad.jit(magnitudes)(x), magnitudes(x))
    np.testing.assert_allclose(llad.jit_grad(magnitudes).grad(x), np.full(4, 5.0**0.5))
    with pytest.raises(ValueError, match="few"):
        llad.jit(magnitudes)(x[:0])
