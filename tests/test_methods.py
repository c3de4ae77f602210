"""Methods, callable objects, partials: what is bound, what gradients are by, and that nothing goes stale."""

from __future__ import annotations

import functools
import gc
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from leaks import left_behind

import llad
from llad.testing import assert_close

pytestmark = pytest.mark.usefixtures("quick_code")


class Spring:
    gravity = 9.5

    def __init__(self, k, w):
        self.k = k
        self.w = w
        self.history: list[Any] = []
        self.unknown = {1.0, object()}
        self.mode = "linear"

    @llad.jit_grad
    def energy(self, x):
        """The energy."""
        bias = self.gravity if self.mode == "linear" else 0.0
        return 0.5 * self.k * x * x + np.sum(self.w) * x + bias

    @llad.jit
    def nested(self, x):
        return self.energy(x) + self.force(x) + self.energy.grad(x) + self.stiffness

    @llad.jit_grad(argnums=(0, 1))
    def by_self_too(self, x):
        return self.k * x

    def force(self, x):
        return self.k * x

    @property
    def stiffness(self):
        return self.k * self.k

    def __call__(self, x, power=2):
        return self.k * x**power

    @staticmethod
    @llad.jit_grad
    def square(x):
        return x * x

    @llad.jit_grad
    @staticmethod
    def cube(x):
        return x * x * x

    @classmethod
    @llad.jit_grad
    def weight(cls, x):
        return cls.gravity * x

    @llad.jit
    def push(self, x):
        self.k = x
        return x


@dataclass
class Model:
    w: Any
    b: float

    @llad.jit_grad
    def loss(self, x):
        return np.sum(self.w * x) ** 2 + self.b

    @llad.jit
    def step(self, x, rate):
        g = llad.grad(Model.loss)(self, x)
        return Model(self.w - rate * g.w, self.b - rate * g.b)


class Slots:
    __slots__ = ("x", "y")

    def __init__(self, x):
        self.x = x

    @llad.jit
    def value(self, z):
        return self.x * z + (self.y if hasattr(self, "y") else 0.0)


def scaled(a, b, c=1.0):
    return a * b * c


def test_methods_bind():
    s = Spring(2.0, np.array([1.0, 2.0]))
    assert s.energy(3.0) == 27.5 and Spring.energy(s, 3.0) == 27.5
    assert s.energy.grad(3.0) == 9.0 and s.energy.value_and_grad(3.0) == (27.5, 9.0)
    assert s.energy.jvp((3.0,), (2.0,)) == (27.5, 18.0)
    assert s.nested(3.0) == 27.5 + 6.0 + 9.0 + 4.0
    assert s.energy.py_func is Spring.energy.py_func and s.energy.__name__ == "energy"
    kept = s.energy
    assert kept(x=3.0) == 27.5


def test_attributes_of_plain_objects_are_read_in_each_call():
    s = Spring(2.0, np.array([1.0, 2.0]))
    assert s.energy(3.0) == 27.5
    made = len(Spring.energy.specialisations)
    s.k, s.w[0] = 4.0, 5.0
    s.history.append("a text")
    assert s.energy(3.0) == 48.5
    s.w = np.array([1.0, 1.0, 1.0])
    assert s.energy(3.0) == 36.5 and Spring(4.0, s.w).energy(3.0) == 36.5
    assert len(Spring.energy.specialisations) == made
    s.mode = "other"
    assert s.energy(3.0) == 27.0
    s.mode = "linear"
    s.gravity = 1.5  # hides that of the class
    assert s.energy(3.0) == 28.5
    del s.gravity
    assert s.energy(3.0) == 36.5
    s.k = 4
    assert s.energy(3.0) == 36.5
    s.k = np.array([1.0, 2.0])
    with pytest.raises(llad.LladError):
        s.energy.grad(3.0)
    del s.k
    with pytest.raises(llad.UnsupportedError, match="no attribute 'k'"):
        s.energy(3.0)


def test_class_attributes_and_methods_are_seen_when_they_change():
    class Plain:
        rate = 2.0

        @llad.jit
        def f(self, x):
            return self.rate * x + self.g(x)

        def g(self, x):
            return x

    p = Plain()
    assert p.f(3.0) == 9.0
    Plain.rate = 3.0
    assert p.f(3.0) == 12.0
    Plain.g = lambda self, x: 2.0 * x
    assert p.f(3.0) == 15.0


def test_gradients_by_dataclasses_as_self():
    m, x = Model(np.array([1.0, 2.0]), 3.0), np.array([0.5, 1.0])
    assert_close(m.loss.grad(x), 5.0 * m.w)
    assert_close(Model.loss.grad(m, x), (Model(5.0 * x, 1.0), 5.0 * m.w))
    stepped = m.step(x, 0.1)
    assert_close(stepped, Model(m.w - 0.5 * x, 2.9), rtol=1e-12)
    m.b = 5.0
    assert m.loss(x) == 11.25


def test_gradients_by_plain_objects_are_none():
    s = Spring(2.0, np.array([1.0, 2.0]))
    assert Spring.energy.grad(s, 3.0) == (None, 9.0)
    with pytest.raises(llad.ArgumentError, match="has no derivative"):
        s.by_self_too.grad(3.0)
    with pytest.raises(llad.ArgumentError, match="another kind than float"):
        Spring.energy.jvp((s, 3.0), (s, 1.0))


def test_static_and_class_methods():
    s = Spring(2.0, np.zeros(1))
    for owner in (s, Spring):
        assert owner.square.grad(3.0) == 6.0 and owner.cube.grad(2.0) == 12.0
        assert owner.weight(2.0) == 19.0 and owner.weight.grad(2.0) == 9.5


def test_callable_objects_bound_methods_and_partials():
    s = Spring(2.0, np.zeros(1))
    f = llad.jit_grad(s)
    assert f(3.0) == 18.0 and f.grad(3.0) == (12.0, None) and f(3.0, power=3) == 54.0
    s.k = 4.0
    assert f(3.0) == 36.0 and llad.grad(s)(3.0) == 24.0 and llad.value_and_grad(s)(3.0) == (36.0, 24.0)
    assert llad.grad(s.force)(3.0) == 4.0 and llad.jvp(s.force, (3.0,), (2.0,)) == (12.0, 8.0)
    assert llad.jit(s.force)(2.0) == 8.0 and llad.jit_grad(s.force, argnums=0).grad(1.0) == 4.0
    assert llad.grad(s.energy)(3.0) == 12.0 and llad.jit(s.energy)(0.0) == 9.5
    part = functools.partial(scaled, 2.0, c=3.0)
    p = llad.jit_grad(part)
    assert p(5.0) == 30.0 and p.grad(5.0) == 6.0 and p.jvp((5.0,), (1.0,)) == (30.0, 6.0)
    assert llad.grad(part)(5.0) == 6.0 and llad.jvp(part, (5.0,), (1.0,)) == (30.0, 6.0)
    assert llad.grad(functools.partial(scaled, b=2.0, c=3.0))(5.0) == 6.0
    assert llad.jit_grad(functools.partial(scaled, 2.0)).grad(5.0, 3.0) == (6.0, 10.0)
    assert llad.jit(lambda x: part(x) + s.force(x))(1.0) == 10.0


def test_pullbacks():
    s = Spring(2.0, np.array([1.0, 2.0]))
    value, pullback = s.energy.vjp(3.0)
    s.k, s.w[0] = 5.0, 7.0  # too late
    assert value == 27.5 and pullback(2.0) == (18.0,)
    assert Spring.energy.vjp(s, 1.0)[1](1.0) == (None, 14.0)
    assert llad.vjp(s.force, 3.0)[1](1.0) == (5.0,) and llad.vjp(s, 3.0)[1](1.0) == (30.0,)
    assert llad.vjp(functools.partial(scaled, 2.0, c=3.0), 5.0)[1](1.0) == (6.0,)
    m, x = Model(np.array([1.0, 2.0]), 3.0), np.array([0.5, 1.0])
    assert_close(Model.loss.vjp(m, x)[1](2.0), (Model(10.0 * x, 2.0), 10.0 * m.w))


def test_objects_as_arguments():
    def f(spring, x):
        total = 0.0
        for _ in range(3):
            total += spring.force(x) + spring(x)
        return total + llad.grad(lambda y: spring.energy(y) * y)(x)

    s = Spring(2.0, np.array([1.0]))
    g = llad.jit_grad(f)
    for k in (2.0, 3.0):
        s.k = k
        expected = 3 * (k * 0.5 + k * 0.25) + 1.5 * k * 0.25 + 2 * 0.5 + 9.5
        assert_close(g(s, 0.5), expected, rtol=1e-12)
    assert g.grad(s, 0.5)[0] is None
    assert llad.jit(lambda pair: pair[0].k * pair[1])((s, 2.0)) == 6.0


def test_methods_of_objects_that_are_not_passed():
    s = Spring(2.0, np.array([1.0]))
    kept = s.energy

    def f(x):
        return s.energy.grad(x) + llad.grad(s.energy)(x) + kept.grad(x) + s.energy.vjp(x)[1](1.0)[0] + s(x)

    g = llad.jit(f)
    for k in (2.0, 3.0):
        s.k = k
        assert g(0.5) == 4 * (k * 0.5 + 1.0) + k * 0.25


def test_attributes_may_hold_structures():
    class Holder:
        def __init__(self):
            self.layers = [Model(np.ones(2), 1.0)]
            self.table = {"rate": 0.5}

        @llad.jit
        def f(self, x):
            return self.layers[0].w[0] * x + self.layers[0].b + self.table["rate"] + len(self.layers)

    h = Holder()
    assert h.f(2.0) == 4.5
    h.layers[0].b = 2.0
    h.table["rate"] = 1.5
    assert h.f(2.0) == 6.5
    h.layers.append(Model(np.ones(2), 1.0))
    assert h.f(2.0) == 7.5


def test_slots():
    s = Slots(2.0)
    assert s.value(3.0) == 6.0
    s.x, s.y = 4.0, 1.0
    assert s.value(3.0) == 13.0
    captured = llad.jit(lambda z: s.x * z)
    assert captured(2.0) == 8.0
    s.x = 5.0
    assert captured(2.0) == 10.0


def test_objects_are_not_changed_in_traced_code():
    with pytest.raises(llad.UnsupportedError, match="changing a"):
        Spring(1.0, np.zeros(1)).push(2.0)


def test_methods_keep_nothing_alive():
    class Big:
        def __init__(self):
            self.k = 1.0

        @llad.jit_grad
        def f(self, x):
            return self.k * x

    deleted = []
    b = Big()
    Big.__del__ = lambda self: deleted.append(1)
    assert b.f(2.0) == 2.0 and b.f.grad(2.0) == 1.0
    del b
    gc.collect()
    assert deleted == [1]
    s = Spring(2.0, np.zeros(2))
    kept = s.energy

    def work():
        for _ in range(40):
            s.energy(1.0), s.energy.grad(1.0), kept(2.0)

    gained, grown = left_behind(work, [s, s.w, kept, Spring])
    assert max(gained) <= 1 and grown < 2000
