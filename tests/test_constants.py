"""Lists, dicts and sets that a function finds outside are constants; a call after a change sees what is there then."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np
import pytest

import llad
from llad.testing import assert_close

pytestmark = pytest.mark.usefixtures("quick_code")


def made() -> tuple[Callable[[float], float], Any]:
    """A function of containers in its closure, and what it finds there."""
    row, array, names = [0.5, 2.0], np.array([1.0, 2.0]), {"a", "b"}
    held: Any = {"rate": 3.0, "rows": [row, [1.0]], "array": array, "names": names, "pair": (row, {"k": 1})}

    def f(x: float) -> float:
        total = held["rate"] * x * x
        for k, part in enumerate(held["rows"]):
            total += sum(part) * x ** (k + 1)
        for name in ("a", "b", "c"):
            total += x if name in held["names"] else 0.0
        for key in held:
            total = total * x + len(key)
        return float(total + x * held["array"][0] + held["pair"][1]["k"] * x * len(held["pair"][0]))

    return f, held


CHANGES: dict[str, Callable[[Any], object]] = {
    "item of a dict": lambda held: held.update(rate=4.0),
    "type of an item": lambda held: held.update(rate=4),
    "new key": lambda held: held.update(longer=1),
    "order of keys": lambda held: held.update(rate=held.pop("rate")),
    "item of a list": lambda held: held["rows"][0].__setitem__(0, 0.25),
    "longer list": lambda held: held["rows"][0].append(1.0),
    "shorter list": lambda held: held["rows"].pop(),
    "no list": lambda held: held["rows"].clear(),
    "another list": lambda held: held["rows"].__setitem__(1, [7.0, 8.0]),
    "set": lambda held: held["names"].add("c"),
    "dict in a tuple": lambda held: held["pair"][1].update(k=5),
    "element of an array": lambda held: held["array"].__setitem__(0, 9.0),
    "another array": lambda held: held.update(array=np.arange(6.0)[3::2]),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_is_seen_by_the_next_call(name: str) -> None:
    f, held = made()
    compiled = llad.jit_grad(f)
    for change in (lambda held: None, CHANGES[name]):
        change(held)
        for _ in range(2):
            assert_close(compiled(0.7), f(0.7))
            step = (f(0.7 + 1e-6) - f(0.7 - 1e-6)) / 2e-6
            assert_close(compiled.grad(0.7), step, rtol=1e-7)


def test_a_change_back_finds_the_code_that_was_there() -> None:
    f, held = made()
    compiled = llad.jit(f)
    want = compiled(0.7)
    row = held["rows"][0]
    old = row[0]
    row[0] = 100.0
    assert compiled(0.7) != want
    row[0] = old
    assert compiled(0.7) == want


def test_what_is_returned_is_the_caller_s_own() -> None:
    f, held = made()
    del f

    def g(x: float) -> Any:
        return held["rows"], x

    got, _ = llad.jit(g)(1.0)
    assert got == held["rows"] and got is not held["rows"]
    got[0][0] = 5.0
    assert held["rows"][0][0] == 0.5 and llad.jit(g)(1.0)[0] == held["rows"]


def test_attributes_of_classes_and_objects() -> None:
    class Model:
        powers: ClassVar = [1, 2]

        def __init__(self) -> None:
            self.rates = {"a": [0.5]}

        def __call__(self, x: float) -> float:
            return float(sum(x**p for p in self.powers) * self.rates["a"][0])

    model = Model()

    def f(x: float) -> float:
        return model(x)

    compiled = llad.jit(f)
    assert_close(compiled(3.0), 6.0)
    Model.powers.append(3)
    assert_close(compiled(3.0), 19.5)
    model.rates["a"][0] = 2.0
    assert_close(compiled(3.0), 78.0)
    assert_close(llad.jit(model)(3.0), 78.0)


REFUSED: dict[str, Callable[[Any, Any], object]] = {
    "append": lambda held, x: held["rows"].append(x),
    "extend": lambda held, x: held["rows"][0].extend([x]),
    "pop": lambda held, x: held["rows"].pop(),
    "update": lambda held, x: held.update(rate=x),
    "set": lambda held, x: held["names"].add("c"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_it_is_not_changed_by_traced_code(name: str) -> None:
    _, held = made()
    change = REFUSED[name]

    def f(x: float) -> float:
        change(held, x)
        return x

    with pytest.raises(llad.LladError, match="from outside the function"):
        llad.jit(f)(1.0)


def test_one_that_another_name_has_does_not_grow() -> None:
    _, held = made()

    def f(a: Any) -> float:
        mine = held["rows"][0]
        for v in a:
            mine.append(v)
        return float(sum(mine))

    with pytest.raises(llad.LladError):
        llad.jit(f)(np.ones(3))
    assert held["rows"][0] == [0.5, 2.0]


def test_others_than_plain_and_small_ones_are_refused() -> None:
    loop: list[Any] = [1.0]
    loop.append(loop)
    for thing in (OrderedDict(a=1.0), [0.0] * 1001, loop, bytearray(b"a"), {"a": [loop]}):
        with pytest.raises(llad.LladError, match="from outside the function"):
            llad.jit(reading(thing))(1.0)


def reading(thing: Any) -> Callable[[float], float]:
    return lambda x: x * len(thing)


def test_an_object_of_a_series_is_called() -> None:
    cubic = np.polynomial.Polynomial([1.0, -2.0, 0.5, 0.25])
    chebyshev = np.polynomial.Chebyshev([1.0, 2.0, 3.0], domain=[0.0, 2.0])

    def f(x: Any) -> Any:
        return cubic(x) + chebyshev(x)

    x = np.array([1.3, 1.9])
    assert_close(llad.jit(f)(x), f(x), rtol=1e-14)
    assert_close(llad.grad(f)(0.3), cubic.deriv()(0.3) + chebyshev.deriv()(0.3), rtol=1e-14)


def test_nodes_and_weights_are_constants_that_no_call_changes() -> None:
    def f(x: float) -> float:
        nodes, weights = np.polynomial.legendre.leggauss(5)
        nodes *= x
        return float(np.sum(weights * np.exp(nodes)) * x)

    for _ in range(2):
        assert_close(llad.jit(f)(0.7), f(0.7), rtol=1e-14)
        assert_close(llad.grad(f)(0.7), 2.0 * np.cosh(0.7), rtol=1e-9)
