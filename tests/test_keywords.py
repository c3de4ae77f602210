"""How arguments may be passed: by keyword, by default, any number of them, any names."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import llad
from llad.testing import assert_close


def scaled(x, *, scale=2.0, power=1):
    return scale * x**power


def required(x, y=1.0, *, scale):
    return scale * x * y


def total(*values):
    result = 0.0
    for k, value in enumerate(values):
        result += (k + 1) * value
    return result


def weighted(first, *rest, weight=0.5, **others):
    result = first * weight
    for value in rest:
        result += value * value
    for name, value in others.items():
        result = result * 2.0 + value * len(name)
    return result


def positional(x, /, y=3.0):
    return x * y


def named(**values):
    return values["a"] * values["b"]


CALLS: list[tuple[Any, tuple[Any, ...], dict[str, Any]]] = [
    (scaled, (3.0,), {}),
    (scaled, (3.0,), {"scale": 4.0}),
    (scaled, (3.0,), {"power": 2}),
    (scaled, (3.0,), {"power": 2, "scale": 4.0}),
    (scaled, (), {"x": 3.0, "power": 2, "scale": 4.0}),
    (required, (3.0,), {"scale": 2.0}),
    (required, (3.0, 5.0), {"scale": 2.0}),
    (required, (), {"scale": 2.0, "y": 4.0, "x": 1.5}),
    (total, (1.0, 2.0, 3.0), {}),
    (total, (1.0, 2, True), {}),
    (weighted, (1.0,), {}),
    (weighted, (1.0, 2.0, 3.0), {}),
    (weighted, (1.0, 2.0), {"weight": 3.0, "ab": 1.0, "c": 2.0}),
    (weighted, (1.0, 2.0), {"c": 2.0, "ab": 1.0}),
    (weighted, (1.0,), {"first_": 2.0}),
    (positional, (2.0,), {}),
    (positional, (2.0,), {"y": 5.0}),
]


def test_calls_are_those_of_python():
    compiled = {f: llad.jit_grad(f) for f, _, _ in CALLS}
    for _ in range(2):  # by way of the slow path, then of the native entry
        for f, args, kwargs in CALLS:
            want = f(*args, **kwargs)
            got = compiled[f](*args, **kwargs)
            assert got == want and type(got) is type(want), (f, args, kwargs)


def test_gradients_are_by_what_is_passed_by_position():
    f = llad.jit_grad(scaled)
    assert f.grad(3.0) == 2.0 and f.grad(3.0, scale=4.0) == 4.0 and f.grad(3.0, scale=4.0, power=2) == 24.0
    assert f.value_and_grad(3.0, power=2) == (18.0, 12.0)
    assert llad.jit_grad(required).grad(3.0, 5.0, scale=2.0) == (10.0, 6.0)
    assert llad.jit_grad(total).grad(1.0, 2.0, 3) == (1.0, 2.0, None)
    assert llad.jit_grad(total).grad(1.0) == (1.0,)
    assert llad.jit_grad(weighted).grad(1.0, 2.0, weight=3.0) == (3.0, 4.0)
    assert llad.grad(weighted, (0, 1))(1.0, 2.0, ab=1.0) == (1.0, 8.0)
    assert llad.grad(scaled)(3.0, power=2) == 12.0
    assert llad.jvp(scaled, (3.0,), (1.0,)) == (6.0, 2.0)
    assert llad.jvp(total, (1.0, 2.0), (0.5, 1.0)) == (5.0, 2.5)


def test_out_beside_keywords():
    f = llad.jit_grad(lambda x, *, by=1.0: by * np.sum(x * x))
    x, out = np.arange(3.0), np.zeros(3)
    for _ in range(2):
        assert f.grad(x, by=2.0, out=out) is out
        assert_close(out, 4.0 * x)
        assert f.value_and_grad(x, out=out)[0] == 5.0
        assert_close(out, 2.0 * x)


def test_the_order_of_other_keywords_is_kept():
    f = llad.jit(lambda **values: list(values))
    assert f(b=1.0, a=2.0) == ["b", "a"] and f(a=2.0, b=1.0) == ["a", "b"]


def test_wrong_calls_raise_as_in_python():
    for f, args, kwargs in (
        (scaled, (1.0, 2.0), {}),
        (scaled, (1.0,), {"other": 2.0}),
        (required, (1.0,), {}),
        (positional, (), {"x": 2.0}),
        (weighted, (), {"weight": 1.0}),
    ):
        compiled = llad.jit_grad(f)
        for call in (compiled, compiled.grad):
            with pytest.raises(TypeError):
                call(*args, **kwargs)
    assert llad.jit_grad(named).grad(a=1.0, b=2.0) == ()
    with pytest.raises(llad.ArgumentError, match="argnums names argument 1"):
        llad.jit_grad(scaled, argnums=1).grad(1.0, scale=2.0)


def test_exchanged_defaults_are_seen():
    def f(x, y=1.0, *, z=2.0):
        return x + y * z

    g = llad.jit(f)
    assert g(1.0) == 3.0 and g(1.0) == 3.0
    f.__kwdefaults__ = {"z": 5.0}
    assert g(1.0) == 6.0
    f.__defaults__ = (2.0,)
    assert g(1.0) == 11.0
    f.__kwdefaults__["z"] = 7.0
    assert g(1.0) == 15.0


def test_structures_by_keyword():
    f = llad.jit_grad(lambda x, *, p: p["a"] * x + p["b"][0])
    for _ in range(2):
        assert f(2.0, p={"a": 3.0, "b": [1.0]}) == 7.0
        assert f.grad(2.0, p={"a": 3.0, "b": [1.0]}) == 3.0


def test_gradients_are_by_all_that_can_be_passed_by_position():
    def f(x, k=2.0, *rest, z=3.0, **others):
        return x * k * z * sum(rest, 1.0) * others.get("w", 1.0)

    g = llad.jit_grad(f)
    assert g.grad(1.5) == g.grad(x=1.5) == g.grad(1.5, k=2.0) == (6.0, 4.5)
    assert g.grad(1.5, 2.0, 4.0) == (30.0, 22.5, 9.0)
    assert g.grad(1.5, z=4.0, w=2.0) == (16.0, 12.0)
    assert g.jvp((1.5,), (1.0,)) == (9.0, 6.0)
    assert g.vjp(1.5)[1](1.0) == (6.0,)
