"""`llad.vjp`, outside of compiled code and inside: against forward mode, and what a pullback promises."""

import copy
import gc
import math
import pickle
import threading
import weakref
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import llad

pytestmark = pytest.mark.usefixtures("scalar_code")

CAPTURED = np.array([1.0, 2.0, 3.0])
EVERY_SECOND = np.arange(6.0)[::2]


def elementwise(x, s):
    return np.sin(x) * s + x * x


def several(x, s):
    y = np.zeros(len(x))
    total = 0.0
    for i in range(len(x)):
        total += x[i] * s
        y[i] = total * total
    return y, total, len(x), y * CAPTURED


def swaps(x, s):
    a, b = x.copy(), np.zeros(len(x))
    for _ in range(3):
        for i in range(len(a)):
            b[i] = a[i] * a[i - 1] + s
        a, b = b, a
    return a


def waits(x, s):
    y = x.copy()
    k = 0
    while np.sum(y) < 30.0:
        y = y * s + 0.1 * y * y
        k += 1
        if k > 20:
            break
    return y, np.sum(y)


def writes(x, s):
    x *= s
    x[1] = x[0] * x[2]
    return x


def nothing(x, s):
    return 3


def a_number(x, s):
    return math.sin(s) * x[0] * x[1]


def twice(x, s):
    y = x * s
    return y, y


def views(x, s):
    y = x * x
    return y[::-1], y[1:] * EVERY_SECOND[1:], x[:2]


def descends(x, s):
    def loss(w):
        return np.sum((w * w - x) ** 2) * s

    w = np.ones(len(x))
    for _ in range(3):
        w -= 0.01 * llad.grad(loss)(w)
    return w


PROGRAMS = [elementwise, several, swaps, waits, writes, nothing, a_number, twice, descends]
X, S = np.array([0.5, 1.5, -0.7]), 1.3


def seed_like(value, random):
    if isinstance(value, tuple):
        return tuple(seed_like(v, random) for v in value)
    if isinstance(value, np.ndarray):
        return random.normal(size=value.shape)
    return random.normal() if isinstance(value, float) else None


def product(a, b):
    """The inner product of two values, whatever has no derivative left out."""
    if isinstance(a, tuple):
        return sum(map(product, a, b))
    return 0.0 if a is None or b is None else float(np.sum(np.asarray(a) * np.asarray(b)))


def assert_alike(got, want):
    if isinstance(want, tuple):
        assert len(got) == len(want)
        for a, b in zip(got, want, strict=True):
            assert_alike(a, b)
    else:
        assert_allclose(got, want, rtol=1e-13)


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda f: f.__name__)
def test_it_is_the_transpose_of_forward_mode(program):
    random = np.random.default_rng(1)
    x = X.copy()
    value, pullback = llad.vjp(program, x, S)
    assert_array_equal(x, X)  # nothing that the program writes is seen
    assert_alike(value, program(X.copy(), S))
    for _ in range(2):
        seed = seed_like(value, random)
        x_bar, s_bar = pullback(seed)
        tangents = random.normal(size=3), random.normal()
        _, dot = llad.jvp(program, (X.copy(), S), tangents)
        assert product((x_bar, s_bar), tangents) == pytest.approx(product(seed, dot), rel=1e-12, abs=1e-13)


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda f: f.__name__)
def test_it_is_the_same_inside(program):
    random = np.random.default_rng(2)
    value, pullback = llad.vjp(program, X.copy(), S)
    seed = seed_like(value, random)

    @llad.jit
    def inside(x, s, seed):
        value, pull = llad.vjp(program, x, s)
        x_bar, s_bar = pull(seed)
        return value, x_bar, s_bar

    assert_alike(inside(X.copy(), S, seed), (value, *pullback(seed)))


def test_windows_as_results():
    def total(x, s):
        a, b, c = views(x, s)
        return np.sum(a * a) + np.sum(b) + c[0] * c[1]

    value, pullback = llad.vjp(lambda x, s: tuple(v.copy() for v in views(x, s)), X, S)
    x_bar, _ = pullback((2 * value[0], np.ones(2), value[2][::-1]))
    assert_allclose(x_bar, llad.grad(total)(X, S), rtol=1e-14)


def test_a_pullback_is_that_of_the_values_of_then():
    captured = np.array([1.0, 2.0, 3.0])
    strided = np.arange(6.0)[::2]
    x = X.copy()
    value, pullback = llad.vjp(lambda x: x * x * captured + strided * x, x)
    want = pullback(np.ones(3))
    value[:], x[:], captured[:], strided[:] = 7.0, 8.0, 9.0, 10.0
    assert_array_equal(pullback(np.ones(3))[0], want[0])
    assert_allclose(want[0], 2 * X * [1, 2, 3] + [0, 2, 4])
    want[0][:] = 0.0  # the caller's own
    assert pullback(np.ones(3))[0].any()


SCALE = 2.0


def square(x):
    return x * x


JITTED = llad.jit_grad(square)


def test_a_pullback_outlives_a_change_of_globals(monkeypatch):
    def f(x):
        return SCALE * x * x

    _, before = llad.vjp(f, 3.0)
    monkeypatch.setitem(globals(), "SCALE", 5.0)
    _, after = llad.vjp(f, 3.0)
    assert before(1.0) == (12.0,) and after(1.0) == (30.0,)


def test_pullbacks_inside_see_the_values_of_then():
    @llad.jit
    def f(x, flag):
        y, pull = llad.vjp(lambda a: a * a * a, x)
        x[:] = 0.0
        y[:] = 0.0
        total = np.zeros(3)
        for k in range(2):  # applied in a loop, in a branch, before and after
            e = np.zeros(3)
            e[k] = 1.0
            total += pull(e)[0]
        if flag:
            total += pull(np.ones(3))[0]
        return total

    assert_allclose(f(X.copy(), True), 3 * X * X * [2, 2, 1])
    assert_allclose(f(X.copy(), False), 3 * X * X * [1, 1, 0])


def test_it_is_differentiated_in_turn():
    def f(z):
        y, pull = llad.vjp(lambda a: a * a * z, 1.5)
        return pull(z)[0] * y  # 2 a^3 z^3

    want = 6 * 1.5**3 * 4.0
    assert llad.grad(f)(2.0) == pytest.approx(want)
    assert llad.jvp(f, (2.0,), (1.0,))[1] == pytest.approx(want)
    assert llad.vjp(f, 2.0)[1](1.0)[0] == pytest.approx(want)
    _, pullback = llad.vjp(llad.grad(lambda x: x**4), 2.0)
    assert pullback(1.0) == (48.0,)
    hessian_times = llad.jit(lambda x, v: llad.vjp(llad.grad(lambda y: np.sum(y**3)), x)[1](v)[0])
    assert_allclose(hessian_times(X, np.ones(3)), 6 * X)


def test_a_jacobian_row_by_row():
    def residuals(x):
        r = np.zeros(2)
        r[0] = x[0] * x[1]
        r[1] = math.sin(x[2]) * x[0]
        return r

    @llad.jit
    def jacobian(x):
        r, pull = llad.vjp(residuals, x)
        rows = np.zeros((len(r), len(x)))
        for i in range(len(r)):
            seed = np.zeros(len(r))
            seed[i] = 1.0
            rows[i] = pull(seed)[0]
        return rows

    x = np.array([1.0, 2.0, 3.0])
    assert_allclose(jacobian(x), [[2.0, 1.0, 0.0], [math.sin(3.0), 0.0, math.cos(3.0)]])


def test_applications_inside_share_a_forward_sweep(capfd):
    def f(x):
        print("once")
        return np.sin(x) * x[0]

    def rows(x):
        y, pull = llad.vjp(f, x)
        total = np.zeros((len(y), len(x)))
        for i in range(len(y)):
            seed = np.zeros(len(y))
            seed[i] = 1.0
            total[i] = pull(seed)[0]
        return total

    want = np.diag(np.cos(X) * X[0])
    want[:, 0] += np.sin(X)
    for made in (llad.jit(rows), llad.jit(lambda x: llad.jacrev(f)(x)), llad.jacrev(f)):
        assert_allclose(made(X), want, rtol=1e-14)
        assert capfd.readouterr().out == "once\n"


def test_what_is_shared_is_differentiated_in_turn():
    def g(a):
        b = a * a
        for i in range(1, len(a)):
            b[i] += b[i - 1] * a[i]
        return b

    def f(x):
        y, pull = llad.vjp(g, x)
        total = 0.0
        for i in range(3):
            seed = np.zeros(3)
            seed[i] = y[i]
            x_bar = pull(seed)[0]
            total += np.sum(x_bar * x_bar)
        return total

    h = 1e-5
    want = [(llad.jit(f)(X + h * e) - llad.jit(f)(X - h * e)) / (2 * h) for e in np.eye(3)]
    assert_allclose(llad.grad(f)(X), want, rtol=1e-7)
    assert_allclose([llad.jvp(f, (X,), (e,))[1] for e in np.eye(3)], llad.grad(f)(X), rtol=1e-12)


def test_pullbacks_that_are_made_in_a_loop():
    @llad.jit
    def f(x):
        total = np.zeros(3)
        for k in range(3):
            y, pull = llad.vjp(lambda a: a * a, x * (k + 1.0))
            for _ in range(2):
                total += pull(y)[0]
        return total

    want = np.zeros(3)
    for k in range(3):
        a = X * (k + 1)
        want += 2 * (2 * a) * (a * a)
    assert_allclose(f(X), want, rtol=1e-14)


def raises_always(x):
    raise ValueError("never")


def test_what_always_raises_raises():
    with pytest.raises(ValueError, match="never"):
        llad.vjp(raises_always, X)


def test_recursion():
    def power(x, n):
        return x if n <= 1 else x * power(x, n - 1)

    value, pullback = llad.vjp(power, 2.0, 5)
    assert value == 32.0 and pullback(1.0) == (80.0, None)


def test_seeds_are_checked():
    value, pullback = llad.jit_grad(several).vjp(X, S)
    good = seed_like(value, np.random.default_rng(3))
    pullback(good)
    pullback(list(good))
    y, total, n, z = good
    for bad in (
        1.0,
        good[:3],
        (y[:2], total, n, z),
        (y.astype(np.float32), total, n, z),
        (y[:, None], total, n, z),
        (list(y), total, n, z),
        (None, total, n, z),
        (y, None, n, z),
        (y, "1", n, z),
        (y, True, n, z),
        (y, 1j, n, z),
        (y, total, 1, z),
    ):
        with pytest.raises(llad.ArgumentError, match="seed"):
            pullback(bad)
    with pytest.raises(TypeError):
        pullback()
    assert (
        pullback((y[::-1], 1, None, z[::-1]))[1] == pullback((y[::-1].copy(), np.array(1.0), None, z[::-1].copy()))[1]
    )


def test_seeds_and_tangents_inside_are_checked():
    pull = llad.jit(lambda x, seed: llad.vjp(lambda a: a * a, x)[1](seed)[0])
    assert_allclose(pull(X, np.ones(6)[::2]), 2 * X)
    with pytest.raises(ValueError, match=r"a seed of shape \(2,\) for a result of shape \(3,\)"):
        pull(X, np.ones(2))
    with pytest.raises(llad.UnsupportedError, match="as the seed of array"):
        pull(X, 1.0)
    push = llad.jit(lambda x, tangent: llad.jvp(lambda a: a * a, (x,), (tangent,))[1])
    with pytest.raises(ValueError, match=r"a tangent of shape \(2,\) for an argument of shape \(3,\)"):
        push(X, np.ones(2))
    with pytest.raises(llad.UnsupportedError, match="a pullback"):
        llad.jit(lambda x: llad.vjp(math.sin, x))(1.0)


def test_kinds_of_arguments():
    assert llad.vjp(lambda n: n, 3)[1](None) == (None,)
    assert llad.vjp(lambda x, mode: x * x if mode == "square" else x, 3.0, "square")[1](1.0) == (6.0, None)
    value, pullback = llad.vjp(lambda p, q: (p[0] * q, p[1]), (2.0, 3), 5.0)
    assert value == (10.0, 3) and pullback((1.0, None)) == ((5.0, None), 2.0)
    value, pullback = llad.vjp(lambda x: x * 2, np.float32(3.0))
    assert type(pullback(1.0)[0]) is type(value)
    x = np.arange(3, dtype=np.float32)
    assert llad.vjp(lambda x: x * x, x)[1](np.ones(3, np.float32))[0].dtype == np.float32
    assert llad.vjp(lambda x: x * x, np.zeros((0, 2)))[1](np.ones((0, 2)))[0].shape == (0, 2)
    a = np.arange(6.0).reshape(2, 3)
    assert_allclose(llad.vjp(lambda a: a * a, a.T)[1](a.T)[0], 2 * a.T * a.T)
    assert llad.jit_grad(math.sin).vjp(0.5)[1](1.0) == (math.cos(0.5),)


class Point(NamedTuple):
    x: float
    y: float


@dataclass
class Model:
    weights: np.ndarray
    bias: float


def test_structures():
    def f(model, point):
        y = model.weights * point.x + model.bias
        return {"y": y, "p": Point(point.y * model.bias, point.x)}

    model, point = Model(np.arange(3.0), 2.0), Point(3.0, 5.0)
    value, pullback = llad.vjp(f, model, point)
    seed = {"y": np.ones(3), "p": Point(10.0, 100.0)}
    bar, (x_bar, y_bar) = pullback(seed)
    assert_allclose(bar.weights, np.full(3, 3.0))
    assert (bar.bias, x_bar, y_bar) == (3.0 + 50.0, 3.0 + 100.0, 20.0)
    assert type(bar) is Model and list(value) == ["y", "p"]
    for bad in ({"p": seed["p"], "y": seed["y"]}, {"y": np.ones(3)}, {"y": np.ones(3), "p": (1.0, 2.0)}):
        with pytest.raises(llad.ArgumentError, match="seed"):
            pullback(bad)
    model.weights[:] = 7.0
    assert_allclose(pullback(seed)[1].x, 103.0)
    inside = llad.jit(lambda model, point, seed: llad.vjp(f, model, point)[1](seed))
    got = inside(Model(np.arange(3.0), 2.0), point, seed)
    assert_allclose(got[0].weights, bar.weights)
    assert (got[0].bias, *got[1]) == (53.0, 103.0, 20.0)


def test_it_is_pickled_as_an_attribute():
    restored = pickle.loads(pickle.dumps(JITTED.vjp))
    assert restored(2.0)[1](1.0) == (4.0,)


def test_a_pullback_is_copied_but_not_pickled():
    _, pullback = llad.vjp(swaps, X, S)
    assert copy.copy(pullback) is pullback and copy.deepcopy([pullback])[0] is pullback
    with pytest.raises(TypeError, match="memory of this process"):
        pickle.dumps(pullback)


def test_threads_may_apply_one_pullback():
    _, pullback = llad.vjp(swaps, X, S)
    seeds = [np.eye(3)[k] for k in range(3)]
    want = [pullback(seed) for seed in seeds]
    wrong = []

    def work(k):
        for _ in range(200):
            x_bar, s_bar = pullback(seeds[k])
            if s_bar != want[k][1] or (x_bar != want[k][0]).any():
                wrong.append(k)

    threads = [threading.Thread(target=work, args=(k % 3,)) for k in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_a_pullback_is_freed():
    x = np.ones(100_000)
    _, pullback = llad.vjp(lambda x: x * x, x)
    held = weakref.ref(pullback._primals[0])
    pullback(x)
    del pullback
    gc.collect()
    assert held() is None


def test_what_is_wrong_with_the_arguments_is_told_where_the_function_is_defined():
    def squared(x):
        return x * x

    with pytest.raises(llad.LladError, match=r"test_vjp\.py.*the arguments of `squared`: too many"):
        llad.vjp(squared, 1.0, 2.0)
