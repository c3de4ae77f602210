"""Derivatives of derivatives: every mix of modes to depth three, and programs that need them.

The reference of a depth is the central difference of the depth before, and the other mixes of the same depth.
"""

import itertools
import math
import time

import numpy as np
import pytest

import llad

pytestmark = pytest.mark.usefixtures("scalar_code")


def along(f):
    """The derivative of a function of one number, by forward mode."""
    return lambda x: llad.jvp(f, (x,), (1.0,))[1]


MODES = {"R": llad.grad, "F": along}


def nested(f, mix):
    """`f` differentiated once for each letter of `mix`, the last letter first."""
    for letter in reversed(mix):
        f = MODES[letter](f)
    return lambda x: f(x)


# -- what is differentiated: control flow, memory, calls


def ends_early(x):
    s = 0.0
    v = x
    for _ in range(8):
        if v > 3.0:
            break
        v = v * 1.1 + math.sin(v) * 0.1
        s += v * v
        if s > 5.0:
            return s + v
    return s


def waits(x):
    v = x
    k = 0
    while v < 10.0:
        v = v * v * 0.3 + 1.0 + 0.5 * v
        k += 1
        if k > 20:
            break
    return math.log(v) * x


def writes_in_place(x):
    a = np.zeros(5)
    a[0] = x
    for i in range(1, 5):
        a[i] = a[i - 1] * a[i - 1] * 0.5 + x
    b = a[::2]
    b *= x
    return np.sum(a)


def reuses_scratch(x):
    t = np.zeros(3)
    s = 0.0
    for i in range(4):
        for j in range(3):
            t[j] = x * (i + j) + math.sin(x)
        t[1] = t[0] * t[2]
        s += t[1] * x
    return s


def swaps(x):
    a = np.ones(3) * x
    b = np.zeros(3)
    for _ in range(5):
        for j in range(3):
            b[j] = a[j] * a[(j + 1) % 3] * 0.3 + x
        a, b = b, a
    return np.sum(a)


def triangle(x):
    s = 0.0
    for i in range(5):
        for j in range(i):
            s = s * 0.5 + math.sin(x * (j + 1)) * x
    return s


def tuples(x):
    a, b = x, x * x
    for _ in range(4):
        a, b = a * b * 0.3, b + a
    return a * b


def rebinds(x):
    y = np.array([x, 2.0 * x])
    i = 0
    while i < 4:
        y = y + 0.1 * y * y
        i += 1
    return y[0] * y[1]


def counts_on(x):
    """The number that each iteration starts from is kept; a rerun needs it before it has computed where."""
    z = np.ones(6) * x
    t = np.zeros(2)
    k = 0
    for i in range(1, 4 + int(x)):
        left = 1.0
        for _ in range(i):
            t[0] = math.sin(z[k]) * left
            left -= t[0] ** 2
            k += 1
        t[1] = math.sqrt(left)
    return np.sum(t * t)


def differentiates(x):
    def inner(y):
        s = 0.0
        for i in range(3):
            s += math.sin(x * y + i)
        return s

    return llad.grad(inner)(x * 0.5) * x


def a_bit_of_everything(x):
    a = np.zeros(6)
    b = np.ones(6) * x
    s = 0.0
    for i in range(6):
        a[i] = math.sin(x * i) + b[i]
        if a[i] > 0.5:
            a[i] *= x
        else:
            a[i] += math.exp(-x)
    k = 0
    while s < 3.0:
        s += a[k % 6] ** 2 + 0.1
        for j in range(1, 6):
            b[j] = b[j - 1] * a[j] + s
            if b[j] > 10.0:
                break
        a, b = b * 0.5, a
        k += 1
        if k > 9:
            return s * x
    return s + np.sum(a * b)


PROGRAMS = [
    ends_early,
    waits,
    writes_in_place,
    reuses_scratch,
    swaps,
    triangle,
    tuples,
    rebinds,
    counts_on,
    differentiates,
    a_bit_of_everything,
]


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda f: f.__name__)
def test_every_mix_of_modes_to_depth_three(program):
    x, h = 0.7, 1e-5
    below = llad.jit(program)
    for depth in (1, 2, 3):
        difference = (below(x + h) - below(x - h)) / (2 * h)
        start = time.process_time()
        made = {mix: llad.jit(nested(program, mix)) for mix in map("".join, itertools.product("RF", repeat=depth))}
        values = {mix: f(x) for mix, f in made.items()}
        assert time.process_time() - start < 5.0 * len(made)
        first = values["R" * depth]
        assert first == pytest.approx(difference, rel=1e-5, abs=1e-5), depth
        for mix, value in values.items():
            assert value == pytest.approx(first, rel=1e-9), mix
        below = made["R" * depth]


# -- perturbations are told apart (Siskind & Pearlmutter 2005; Manzyuk et al. 2019)


@pytest.mark.parametrize("outer", MODES.values(), ids=MODES)
@pytest.mark.parametrize("inner", MODES.values(), ids=MODES)
def test_perturbations_are_told_apart(outer, inner):
    assert llad.jit(lambda x: outer(lambda x_: x_ * inner(lambda y: x_ + y)(1.0))(x))(2.0) == 1.0
    assert llad.jit(lambda x: outer(lambda a: a * inner(lambda y: a * y)(2.0))(x))(3.0) == 6.0
    assert llad.jit(lambda x: outer(lambda a: inner(lambda b: inner(lambda c: a * b * c)(b))(a) * a)(x))(3.0) == 6.0

    def shift(u):
        return lambda f: lambda x: f(x + u)

    def shifted(f):  # the derivative of the shift operator is a function, which is shifted again
        return lambda y: outer(lambda u: shift(u)(f)(y))(0.0)

    def of_both(y):
        return outer(lambda u: shift(u)(lambda x: inner(lambda v: shift(v)(math.exp)(x))(0.0))(y))(0.0)

    assert llad.jit(lambda y: shifted(math.exp)(y))(1.0) == pytest.approx(math.e)
    assert llad.jit(of_both)(1.0) == pytest.approx(math.e)


def test_a_free_value_in_an_array_is_told_apart():
    def outer(x):
        a = np.array([x, x * x])

        def inner(y):
            b = a.copy()
            b[0] = b[0] * y
            return b[0] * b[1]

        return llad.grad(inner)(3.0) * x  # x^4

    for mode in MODES.values():
        assert llad.jit(lambda x, mode=mode: mode(outer)(x))(2.0) == pytest.approx(4 * 2.0**3)


# -- programs that need nests


def test_the_hypergradient_of_gradient_descent():
    def inner_loss(w, x):  # least at w = sin(x)
        return (w - math.sin(x)) ** 2 + 0.1 * (w - math.sin(x)) ** 4

    def descended(x, rate, steps):
        w = 0.0
        for _ in range(steps):
            w -= rate * llad.grad(inner_loss)(w, x)
        return w

    def outer_loss(x):
        return (descended(x, 0.1, 20) - 0.3) ** 2 + 0.01 * x * x

    @llad.jit
    def descend_twice(x):
        for _ in range(60):
            x -= 0.5 * llad.grad(outer_loss)(x)
        return x

    h = 1e-6
    for x in (0.9, -0.4):
        value = llad.jit(outer_loss)
        want = (value(x + h) - value(x - h)) / (2 * h)
        assert llad.grad(outer_loss)(x) == pytest.approx(want, rel=1e-6)
        assert along(outer_loss)(x) == pytest.approx(want, rel=1e-6)
    assert abs(llad.grad(outer_loss)(descend_twice(0.9))) < 1e-4
    rate = llad.grad(lambda r: descended(0.5, r, 20))
    value = llad.jit(lambda r: descended(0.5, r, 20))
    assert rate(0.05) == pytest.approx((value(0.05 + h) - value(0.05 - h)) / (2 * h), rel=1e-6)


def test_the_hypergradient_of_descent_on_arrays():
    data = np.array([0.3, -0.7, 1.1])

    def loss(w, scale):
        s = 0.0
        for i in range(len(w)):
            r = w[i] * w[i] - scale * data[i]
            s += r * r
        return s

    def trained(scale, steps):
        w = np.ones(3)
        for _ in range(steps):
            w -= 0.02 * llad.grad(loss)(w, scale)
        return np.sum(w * w)

    value = llad.jit(lambda s: trained(s, 10))
    want = (value(0.8 + 1e-6) - value(0.8 - 1e-6)) / 2e-6
    for mode in MODES.values():
        assert mode(lambda s: trained(s, 10))(0.8) == pytest.approx(want, rel=1e-6)


def test_newton_with_second_derivatives_in_a_while():
    def f(x, a):
        return x**4 - 2.0 * a * x * x + x

    def newton(a):
        x = 2.0
        while abs(llad.grad(f)(x, a)) > 1e-12:
            x -= llad.grad(f)(x, a) / llad.grad(llad.grad(f))(x, a)
        return x

    a = 1.3
    x = llad.jit(newton)(a)
    assert 4 * x**3 - 4 * a * x + 1 == pytest.approx(0.0, abs=1e-10)
    implicit = 4 * x / (12 * x * x - 4 * a)  # dx/da where f_x(x, a) = 0
    for mode in MODES.values():
        assert mode(newton)(a) == pytest.approx(implicit, rel=1e-6)
