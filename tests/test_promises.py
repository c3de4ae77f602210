"""What is promised of derivatives, through the public interface, in double and single precision.

`test_conventions.py` reads its rows from `docs/conventions.md`; these are written out, so that a promise cannot be
dropped by editing the document. Then the rules, and what has gone wrong in other systems.
"""

from __future__ import annotations

import gc
import math
import threading

import numpy as np
import pytest

import llad
from llad.testing import assert_close, check_gradient

inf, nan = math.inf, math.nan

# (function, arguments, gradient)
VALUES = [
    (lambda x: abs(x), (0.0,), 0.0),
    (lambda x, y: max(x, y), (2.0, 2.0), (0.5, 0.5)),
    (lambda x, y: min(x, y), (2.0, 2.0), (0.5, 0.5)),
    (lambda x, y: np.maximum(x, y), (2.0, 2.0), (0.5, 0.5)),
    (lambda x, y: np.minimum(x, y), (2.0, 2.0), (0.5, 0.5)),
    (lambda x, y: max(x, y), (2.0, 3.0), (0.0, 1.0)),
    (lambda x, y: min(x, y), (2.0, 3.0), (1.0, 0.0)),
    (lambda a: np.max(a), (np.array([1.0, 3.0, 3.0, 2.0, 3.0]),), np.array([0, 1 / 3, 1 / 3, 0, 1 / 3])),
    (lambda a: np.max(a), (np.array([1.0, 3.0]),), np.array([0.0, 1.0])),
    (lambda x: x if x > 0.0 else 0.0, (0.0,), 0.0),
    (lambda x: math.sqrt(x), (0.0,), inf),
    (lambda x: 0.0 * math.sqrt(x), (0.0,), 0.0),
    (lambda x: math.asin(x), (1.0,), inf),
    (lambda x: math.log(x), (0.0,), inf),
    (lambda x: math.cbrt(x), (0.0,), inf),
    (lambda y, x: math.atan2(y, x), (0.0, 0.0), (0.0, 0.0)),
    (lambda x, y: math.hypot(x, y), (0.0, 0.0), (0.0, 0.0)),
    (lambda x, y: x % y, (5.5, 2.0), (1.0, -2.0)),
    (lambda x, y: x // y, (5.5, 2.0), (0.0, 0.0)),
    (lambda x, y: math.copysign(x, y), (3.0, -1.0), (-1.0, 0.0)),
    (lambda x, y: x**y, (0.0, 2.0), (0.0, 0.0)),
    (lambda x, y: x**y, (0.0, 1.0), (1.0, 0.0)),
    (lambda x, y: x**y, (0.0, 0.0), (0.0, 0.0)),
    (lambda x, y: math.pow(x, y), (-2.0, 3.0), (12.0, nan)),
    (lambda x: x**0, (0.0,), 0.0),
    (lambda x: x**0, (2.0,), 0.0),
    (lambda x: x**3, (0.0,), 0.0),
    (lambda x: x**1, (0.0,), 1.0),
    (lambda x: x**2, (-3.0,), -6.0),
    (lambda x: math.tanh(x), (1000.0,), 0.0),
    (lambda x: math.tanh(x), (-1000.0,), 0.0),
    (lambda x: math.floor(x) * x, (2.5,), 2.0),
    (lambda x: round(x) * x, (2.5,), 2.0),
    (lambda x: int(x) * x, (-2.5,), -2.0),
    (lambda x: np.sign(x) * x, (-2.5,), -1.0),
    (lambda x: np.where(x > 0.0, np.log(x), 0.0), (0.0,), 0.0),
    (lambda x: math.sqrt(x) if x > 0.0 else 0.0, (0.0,), 0.0),
    (lambda x: math.exp(x), (-1000.0,), 0.0),
    (lambda x: math.erf(x), (50.0,), 0.0),
    (lambda x: 1.0 / (1.0 + math.exp(-x)), (-1000.0,), 0.0),
    (lambda a: np.prod(a), (np.array([0.0, 2.0, 3.0]),), np.array([6.0, 0.0, 0.0])),
]


@pytest.mark.parametrize("narrow", [False, True], ids=["f64", "f32"])
@pytest.mark.parametrize("k", range(len(VALUES)))
def test_value(k: int, narrow: bool) -> None:
    function, args, expected = VALUES[k]
    if narrow:
        args = tuple(a.astype(np.float32) if isinstance(a, np.ndarray) else np.float32(a) for a in args)
    gradient = llad.jit_grad(function).grad(*args)
    assert_close(gradient, expected, rtol=1e-6 if narrow else 1e-15, equal_nan=True)


# -- rule 1: the executed branch


def test_comparisons_and_indices_are_inactive():
    @llad.jit_grad
    def f(x, a):
        k = int(x * 2.0)
        return a[k] * (x > 1.0) + a[k + 1] * (x // 0.5)

    a = np.arange(1.0, 7.0)
    gradient = f.grad(1.3, a)
    assert_close(gradient, (0.0, np.array([0, 0, 1.0, 2.0, 0, 0])))


def test_equality_of_active_floats_takes_the_branch():
    @llad.jit_grad
    def f(x, y):
        if x == y:
            return x * y
        return x + y

    assert_close(f.grad(3.0, 3.0), (3.0, 3.0))
    assert_close(f.grad(3.0, 4.0), (1.0, 1.0))


# -- rule 2: strong zero, in first and higher derivatives


def test_zero_times_a_singular_partial():
    @llad.jit_grad
    def f(x, y):
        r = math.sqrt(x * x + y * y)
        return 0.0 if r == 0.0 else r * 2.0

    assert_close(f.grad(0.0, 0.0), (0.0, 0.0))


def test_an_untaken_singular_branch_in_arrays():
    @llad.jit_grad
    def f(x):
        return np.sum(np.where(x > 0.0, np.sqrt(x), x))

    assert_close(f.grad(np.array([0.0, 4.0, -1.0])), np.array([1.0, 0.25, 1.0]))
    _, dot = f.jvp((np.array([0.0, 4.0, -1.0]),), (np.ones(3),))
    assert_close(dot, 2.25)


def test_second_derivatives_beside_strong_zeros():
    second = llad.grad(llad.grad(lambda x: math.log(x) ** 2))
    assert_close(second(1.0), 2.0)
    assert_close(llad.grad(llad.grad(lambda x: x**2))(0.0), 2.0)
    assert_close(llad.grad(llad.grad(lambda x: math.sqrt(1.0 + x * x)))(0.0), 1.0)
    assert_close(llad.jvp(llad.grad(lambda x: math.log(x) ** 2), (1.0,), (1.0,)), (0.0, 2.0))
    assert_close(llad.grad(lambda x: llad.jvp(lambda t: math.log(t) ** 2, (x,), (1.0,))[1])(1.0), 2.0)


def test_third_derivatives():
    f = lambda x: math.sin(x) * math.exp(x)  # noqa: E731
    third = llad.grad(llad.grad(llad.grad(f)))
    x = 0.7
    assert_close(third(x), 2.0 * math.exp(x) * (math.cos(x) - math.sin(x)), rtol=1e-13)


# -- rule 3: guards


@pytest.mark.parametrize("zero", [0.0, -0.0])
def test_nothing_singular_leaves_its_guard(zero):
    def f(a, n, x):
        s = 0.0
        for i in range(n):
            if a != 0.0:
                s += x[i] / a + math.log(abs(a)) + (i // int(a * 1e9))
        return s + a

    x = np.arange(3.0)
    assert_close(llad.jit_grad(f).grad(zero, 3, x), (1.0, None, np.zeros(3)))


def test_an_integer_division_guarded():
    def f(x, n, m):
        s = 0.0
        for i in range(n):
            if m != 0:
                s += x * (i // m) + i % m
            else:
                s += x
        return s

    assert_close(llad.jit_grad(f).grad(2.0, 3, 0), (3.0, None, None))
    with pytest.raises(ZeroDivisionError):
        llad.jit_grad(lambda x, n: x * (5 // n)).grad(1.0, 0)


# -- rule 4: order of operations


def test_scalar_sums_keep_pythons_order():
    def f(x):
        s = 0.0
        for i in range(len(x)):
            s += x[i]
        return s

    x = np.random.default_rng(0).normal(size=1001) * 10.0 ** np.arange(1001).clip(0, 15)
    assert llad.jit(f)(x) == f(x)
    y = np.array([1e16, 1.0, -1e16, 1.0])
    assert llad.jit(f)(y) == f(y)


def test_no_contraction_without_fastmath():
    f = lambda x, y: x * x - y  # noqa: E731
    x = 1.0 + 2.0**-30
    assert llad.jit(f)(x, x * x) == 0.0


@pytest.mark.parametrize("fastmath", [False, True])
def test_infinities_and_nans_survive(fastmath):
    f = llad.jit(lambda x, y: x - y, fastmath=fastmath)
    assert math.isnan(f(inf, inf))
    g = llad.jit(lambda x: 1.0 if x != x else 2.0, fastmath=fastmath)
    assert (g(nan), g(1.0)) == (1.0, 2.0)


# -- rule 5: what does not matter, what cannot be differentiated


def test_none_and_zero():
    @llad.jit_grad
    def f(x, unused, n, flag, name, index, pair):
        return x * pair[0] if flag and name == "a" else x

    gradient = f.grad(2.0, 5.0, 3, True, "a", np.array([1]), (4.0, 7))
    assert_close(gradient, (4.0, 0.0, None, None, None, None, (2.0, None)))


def test_an_unused_array_has_gradient_zero():
    x, unused = np.ones(2), np.ones((2, 3))
    gradient = llad.jit_grad(lambda x, unused: np.sum(x)).grad(x, unused)
    assert_close(gradient, (np.ones(2), np.zeros((2, 3))))


# -- rules 6 and 7: whose memory is whose


def test_written_arguments_in_both_orders_of_calls():
    @llad.jit_grad
    def f(x):
        for i in range(len(x)):
            x[i] = x[i] * x[i]
        return np.sum(x)

    x = np.array([1.0, 2.0, 3.0])
    assert_close(f.grad(x), 2.0 * np.array([1.0, 2.0, 3.0]))
    assert_close(f(x), 14.0)
    assert_close(x, np.array([1.0, 4.0, 9.0]))
    assert_close(f.value_and_grad(x), (98.0, 2.0 * x))
    assert_close(f.jvp((x,), (np.ones(3),)), (98.0, 28.0))
    assert_close(x, np.array([1.0, 4.0, 9.0]))


def test_the_same_array_twice_has_two_gradients():
    f = llad.jit_grad(lambda a, b: np.dot(a, b))
    x = np.array([1.0, 2.0])
    assert_close(f.grad(x, x), (x, x))
    y = np.arange(4.0)
    assert_close(f.grad(y[:3], y[1:]), (y[1:], y[:3]))


def test_a_written_argument_that_overlaps_another():
    @llad.jit_grad
    def f(a, b):
        for i in range(len(a)):
            a[i] = 2.0 * b[i]
        return np.sum(b)

    x = np.arange(5.0)
    plain = x.copy()
    assert_close(f(x[1:], x[:-1]), f.py_func(plain[1:], plain[:-1]))
    assert_close(x, plain)
    before = x.copy()
    with pytest.raises(Exception, match="overlap"):
        f.grad(x[1:], x[:-1])
    assert_close(x, before)


def test_results_are_fresh_each_time():
    f = llad.jit_grad(lambda x: np.sum(x * x))
    x = np.ones(4)
    first = f.grad(x)
    first[:] = 99.0
    assert_close(f.grad(x), 2.0 * x)


def test_sizes_vary_between_calls():
    f = llad.jit_grad(lambda x: np.sum(x * x * x))
    for n in (0, 1, 2, 17, 1000, 1, 0):
        x = np.linspace(0, 1, n)
        assert_close(f.grad(x), 3.0 * x * x, rtol=1e-14)
    assert len(f.grad.specialisations) <= 2


def test_a_captured_array_is_read_when_called_and_not_differentiated():
    w = np.array([1.0, 2.0])

    def f(x):
        return np.dot(w, x)

    g = llad.jit_grad(f)
    assert_close(g.grad(np.ones(2)), np.array([1.0, 2.0]))
    w[0] = 5.0
    assert_close(g.grad(np.ones(2)), np.array([5.0, 2.0]))
    w = np.array([7.0, 8.0, 9.0])
    assert_close(g.grad(np.ones(3)), np.array([7.0, 8.0, 9.0]))


def test_an_argument_that_is_also_captured():
    w = np.array([1.0, 2.0])
    f = llad.jit_grad(lambda x: np.dot(w, x))
    assert_close(f.grad(w), w)  # the captured use is a constant


# -- rule 8: no silent zero


def test_what_has_no_derivative_says_so():
    with pytest.raises(llad.LladError):
        llad.jit_grad(lambda x: x * 1j).grad(1.0)
    with pytest.raises(llad.LladError):
        llad.jit_grad(lambda x: (x, x)).grad(1.0)
    with pytest.raises(llad.LladError):
        llad.jit_grad(lambda n: n * 2).grad(3)


# -- hazards


def test_errors_half_way_leak_nothing():
    @llad.jit_grad
    def f(x, k):
        scratch = np.zeros(1000)
        s = 1.0
        while s < 1e9:
            s = s * 1.0001 + x[0]
            scratch[k] = s
        return s

    x = np.ones(3)
    f.grad(x, 5)
    with pytest.raises(IndexError):
        f.grad(x, 1000)
    gc.collect()
    before = resident()
    for _ in range(50):
        with pytest.raises(IndexError):
            f.grad(x, 1000)
        f.grad(x, 5)
    assert resident() - before < 20e6
    assert_close(f.grad(x, 5), f.grad(x, 6))


def resident() -> float:
    """Bytes of memory in use."""
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * 4096.0


def test_threads_do_not_share_tapes():
    @llad.jit_grad
    def f(x, n):
        s = 1.0
        for i in range(n):
            while s > 0.5:
                s = s * 0.9
            s = s + math.sin(x[i % len(x)])
        return s

    x = np.linspace(0.5, 1.0, 7)
    expected = [f.value_and_grad(x, 1000 + k) for k in range(4)]
    wrong = []

    def work(k):
        for _ in range(20):
            value, gradient = f.value_and_grad(x, 1000 + k)
            if value != expected[k][0] or not np.array_equal(gradient[0], expected[k][1][0]):
                wrong.append(k)

    threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not wrong


def test_a_million_trips():
    @llad.jit_grad
    def f(x):
        k = 0
        while k < 1_000_000:
            x = x + 1e-6 * math.sin(x)
            k += 1
        return x

    x = 1.0
    exact = 2.0 * math.atan(math.tan(0.5) * math.e)
    value, gradient = f.value_and_grad(x)
    assert_close(value, exact, rtol=1e-5)
    assert_close(gradient, math.sin(exact) / math.sin(x), rtol=1e-5)


def test_out_of_range_indices_raise_and_negative_ones_wrap():
    f = llad.jit_grad(lambda x, k: x[k] * 2.0)
    x = np.arange(4.0)
    assert_close(f.grad(x, -4)[0], np.array([2.0, 0, 0, 0]))
    for k in (4, -5, 2**62, -(2**63)):
        with pytest.raises(IndexError):
            f(x, k)
        with pytest.raises(IndexError):
            f.grad(x, k)


def test_integer_overflow_raises():
    f = llad.jit(lambda n, m: n * m)
    assert f(3, -4) == -12
    with pytest.raises(OverflowError):
        f(2**40, 2**40)
    with pytest.raises(OverflowError):
        llad.jit(lambda n: n + 1)(2**63 - 1)
    with pytest.raises(OverflowError):
        llad.jit(lambda n: -n)(-(2**63))
    with pytest.raises(OverflowError):
        llad.jit(lambda n: abs(n))(-(2**63))
    with pytest.raises(OverflowError):
        llad.jit(lambda n, m: n // m)(-(2**63), -1)
    with pytest.raises(OverflowError):
        llad.jit(lambda n, k: n**k)(10, 19)
    for value in (1e300, -1e19, inf):
        with pytest.raises(OverflowError):
            llad.jit(lambda x: int(x))(value)
    with pytest.raises(ValueError):
        llad.jit(lambda x: int(x))(nan)


def test_float_division_and_domains_are_ieee():
    with np.errstate(all="ignore"):
        assert llad.jit(lambda x, y: x / y)(1.0, 0.0) == inf
        assert math.isnan(llad.jit(lambda x, y: x / y)(0.0, 0.0))
        assert math.isnan(llad.jit(lambda x: math.sqrt(x))(-1.0))
        assert llad.jit(lambda x: math.log(x))(0.0) == -inf
        assert llad.jit(lambda x: math.exp(x))(1000.0) == inf


# -- orders and modes mixed


def hilbert(x):
    s = 0.0
    for i in range(len(x)):
        for j in range(len(x)):
            s += math.sin(x[i]) * x[j] / (i + j + 1.0)
    return s * s


def test_every_mix_of_two_modes_gives_the_same_hessian_product():
    x, v = np.array([0.3, -0.8, 1.1]), np.array([1.0, 0.5, -2.0])
    forward_reverse = llad.jvp(llad.grad(hilbert), (x,), (v,))[1]
    reverse_forward = llad.grad(lambda x: llad.jvp(hilbert, (x,), (v,))[1])(x)
    reverse_reverse = llad.grad(lambda x: np.dot(llad.grad(hilbert)(x), v))(x)
    assert_close(reverse_forward, forward_reverse, rtol=1e-12)
    assert_close(reverse_reverse, forward_reverse, rtol=1e-12)
    nested = lambda x: llad.jvp(lambda y: llad.jvp(hilbert, (y,), (v,))[1], (x,), (v,))[1]  # noqa: E731
    assert_close(llad.jit(nested)(x), v @ forward_reverse, rtol=1e-12)


def test_newton_on_a_gradient_inside_native_code():
    def f(x):
        return x**4 - 2.0 * x**2

    @llad.jit_grad
    def stationary(x):
        slope = llad.grad(f)
        for _ in range(30):
            x = x - slope(x) / llad.grad(slope)(x)
        return x

    assert_close(stationary(0.8), 1.0, rtol=1e-14)
    assert_close(stationary.grad(0.8), 0.0, atol=1e-12)


def test_a_derivative_that_captures_a_differentiated_value():
    @llad.jit_grad
    def f(x, a):
        return llad.grad(lambda t: a * t * t * x)(x)

    check_gradient(f, 1.3, 0.7)


def test_a_derivative_in_a_loop_over_arrays():
    def energy(q, k):
        s = 0.0
        for i in range(1, len(q)):
            s += 0.5 * k * (q[i] - q[i - 1]) ** 2 + 0.1 * q[i] ** 4
        return s

    @llad.jit_grad
    def simulate(q, k, steps):
        p = np.zeros(len(q))
        for _ in range(steps):
            p = p - 0.1 * llad.grad(energy)(q, k)
            q = q + 0.1 * p
        return np.dot(q, q)

    simulate.py_func(np.array([0.1, 0.5, -0.3]), 2.0, 3)
    check_gradient(simulate, np.array([0.1, 0.5, -0.3]), 2.0, 3)


def test_one_array_as_primal_and_tangent():
    x = np.array([1.0, 2.0])
    cubes = lambda u: np.sum(u * u * u)  # noqa: E731
    assert_close(llad.jvp(llad.grad(cubes), (x,), (x,)), (3.0 * x * x, 6.0 * x * x))


def test_inside_a_derivative_arguments_may_be_written():
    def spoil(u, v):
        u[0] = u[1] * v[0]
        return np.dot(u, v)

    @llad.jit_grad
    def f(x):
        by_u, by_v = llad.grad(spoil, (0, 1))(x, x * 2.0)
        return np.dot(by_u, by_v) + x[0]

    x = np.array([0.5, -1.5, 2.0])
    check_gradient(f, x)
    f(x)
    assert_close(x, np.array([0.5, -1.5, 2.0]))


def test_bitwise_operators_are_not_logical():
    f = lambda n, m: ((n & 6) | (n >> 1) ^ (m << 2), ~n & m, n | m)  # noqa: E731
    assert llad.jit(f)(13, -7) == f(13, -7)
