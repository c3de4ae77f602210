"""Large functions called from many places: compiled once, right in every mode, and inlined where that is needed."""

from __future__ import annotations

import linecache
import math

import numpy as np
import pytest

import llad
from llad.frontend import outline
from llad.frontend.signature import spec_of
from llad.frontend.trace import trace
from llad.ir.core import walk

pytestmark = pytest.mark.usefixtures("scalar_code")


def written(name, source, **names):
    """The function `name` of a source text, findable like one in a file."""
    file = f"<{name} of test_outline {len(linecache.cache)}>"
    linecache.cache[file] = len(source), None, source.splitlines(True), file
    exec(compile(source, file, "exec"), names)
    return names[name]


STEPS = "".join(
    f"    x = x * {1 + k / 100} + math.sin(y + {k / 7}) * x\n    y = y * 0.5 + x / (2.0 + x * x)\n" for k in range(15)
)
large = written("large", f"def large(x, y):\n{STEPS}    return x\n", math=math)
pair = written("pair", f"def pair(x, y):\n{STEPS}    return x, y * 2.0\n", math=math)
writes = written("writes", f"def writes(a, x, y):\n{STEPS}    a[0] += x\n    a[1] *= y\n", math=math)
arrays = written("arrays", f"def arrays(x, y):\n{STEPS}    return np.array([x, y])\n", math=math, np=np)
static = written("static", f"def static(x, y):\n{STEPS}    return 2\n", math=math)
raising = written("raising", f"def raising(a, x, y):\n{STEPS}    return a[int(x * 0.0) + len(a)]\n", math=math)


def caller(lines, count, result="s", **names):
    body = "".join("    " + line.format(k=k) + "\n" for k in range(count) for line in lines)
    return written("many", f"def many(x, y):\n    s = 0.0\n{body}    return {result}\n", **names)


def calls_of(count):
    return caller(["s += large(x + {k}.5, s * y)"], count, large=large)


def made(function):
    return trace(function, (spec_of(0.3), spec_of(0.2))).function


def ops(function):
    return sum(1 for body in (function, *function.functions.values()) for _ in walk(body.body))


def test_a_large_function_is_compiled_once():
    few, many = made(calls_of(20)), made(calls_of(120))
    assert list(few.functions) == list(many.functions) == ["large"]
    assert ops(many) - ops(few) <= 100 * 12
    assert ops(few) < 2 * outline.LONG


def test_a_large_function_called_seldom_is_inlined():
    assert not made(calls_of(2)).functions


def test_a_small_function_is_inlined_however_often():
    def small(x, y):
        return math.sin(x) * y + x

    assert not made(caller(["s += small(x + {k}.5, y)"], 200, small=small)).functions


PROGRAMS = {
    "numbers": calls_of(12),
    "tuples": caller(["s, t = pair(s + x + {k}.5, y)", "s += t"], 12, pair=pair),
    "loops": caller(["for i in range(3):", "    if i != 1:", "        s += large(x * i + {k}.5, y)"], 12, large=large),
    "arrays": caller(["s += np.sum(arrays(x + {k}.5, y))"], 10, arrays=arrays, np=np),
    "what is known": caller(["s += x ** static(x + {k}.5, y)", "s = [s, y][static(x, y) - 2]"], 6, static=static),
}
PROGRAMS["written arguments"] = written(
    "many",
    "def many(x, y):\n    s = 0.0\n    a = np.ones(2)\n"
    + "".join(f"    writes(a, x + {k}.5, y + s)\n    s = a[0] * a[1]\n" for k in range(12))
    + "    return s + a[0]\n",
    writes=writes,
    np=np,
)
OUTLINED = {"numbers", "tuples", "written arguments", "loops"}


def everything(f, x, y):
    """The value, the gradient, and a directional derivative."""
    return llad.jit(f)(x, y), *llad.grad(f, (0, 1))(x, y), llad.jvp(f, (x, y), (0.6, -0.8))[1]


@pytest.mark.parametrize("name", PROGRAMS)
def test_values_and_derivatives_are_those_of_inlined_code(name, monkeypatch):
    f, x, y = PROGRAMS[name], 0.3, 0.2
    assert bool(made(f).functions) == (name in OUTLINED)
    value, dx, dy, dot = everything(f, x, y)
    assert value == pytest.approx(f(x, y), rel=1e-12)
    assert dot == pytest.approx(0.6 * dx - 0.8 * dy, rel=1e-9)
    if name == "numbers":  # the others would take long to compile
        monkeypatch.setattr(outline, "LONG", 10**9)
        inlined = everything(lambda x, y: f(x, y), x, y)
        assert (value, dx, dy, dot) == pytest.approx(inlined, rel=1e-9)


def smoothed(a, out, n):
    """Its arrays have shadows that nothing is stored to where they are made, and to which the reverse sweep adds."""
    a = 1.5 * a
    while n > 0:
        b = np.zeros_like(a)
        for i in range(len(a)):
            b[i] += 0.5 * a[i] + 0.3 * a[i - 1]
        a, n = b, n - 1
    out[:] = a


def smoothed_twice(x, n):
    out = np.zeros_like(x)
    smoothed(x, out, n)
    smoothed(x * out, out, n)
    return np.sum(out**3)


def test_second_derivatives_through_arrays_that_loops_hand_on(monkeypatch):
    monkeypatch.setattr(outline, "LONG", 0)
    monkeypatch.setattr(outline, "SHORT", 0)
    x, v, n = np.array([0.3, 0.7, -0.2]), np.array([0.6, -0.8, 0.5]), 3
    assert trace(smoothed_twice, (spec_of(x), spec_of(n))).function.functions
    gradient = llad.grad(smoothed_twice)
    expected = (gradient(x + 1e-5 * v, n) - gradient(x - 1e-5 * v, n)) / 2e-5
    for product in (
        lambda x, n: llad.jvp(lambda y: llad.grad(smoothed_twice)(y, n), (x,), (v,))[1],
        lambda x, n: llad.grad(lambda y: np.sum(llad.grad(smoothed_twice)(y, n) * v))(x),
        lambda x, n: llad.grad(lambda y: llad.jvp(lambda z: smoothed_twice(z, n), (y,), (v,))[1])(x),
    ):
        np.testing.assert_allclose(llad.jit(product)(x, n), expected, rtol=1e-6)


def test_an_error_in_an_outlined_function_names_its_line():
    f = caller(["if x > {k}.0:", "    s += raising(a, x, y)"], 12, raising=raising, a=np.ones(3))
    assert made(f).functions
    with pytest.raises(IndexError, match=r"index 3 is out of bounds"):
        llad.jit(f)(1.5, 0.2)


# -- recursive functions


def power(x, n):
    if n == 0:
        return 1.0
    half = power(x, n // 2)
    return half * half * x if n % 2 else half * half


def ping(x, n):
    return x if n == 0 else math.sin(x) * pong(x * 0.9, n - 1)


def pong(x, n):
    return 1.0 if n == 0 else math.exp(-x) * ping(x + 0.1, n - 1)


def integral(f, a, b, tol):
    m = 0.5 * (a + b)
    coarse, fine = (b - a) * f(m), 0.5 * (b - a) * (f(0.5 * (a + m)) + f(0.5 * (m + b)))
    return fine if abs(fine - coarse) < tol else integral(f, a, m, tol / 2) + integral(f, m, b, tol / 2)


def scaled_rows(a, k):
    if k < len(a):
        a[k] *= 1.5
        scaled_rows(a, k + 1)


def squares(a, n):
    return a * 1.0 if n == 0 else squares(a, n - 1) * a


def powers(x, n):
    return power(x, n) + power(x * 2.0, n + 1) * power(x, 5)


def table_tennis(x, n):
    return ping(x, n) + pong(x, n) + ping(x + 1.0, n)


def integrals(x, n):
    def f(t):
        return math.exp(-t * x) * math.sin(n * t)

    return integral(f, 0.0, 1.0, 1e-4) + integral(f, 1.0, x + 1.0, 1e-4) * integral(f, 0.0, x, 1e-5)


def nested(x, n):
    def series(k):
        return x if k == 0 else x * series(k - 1) + k

    first = series(n)
    x = first * 0.1
    return first * series(n - 1)


def written_twice(x, n):
    a = np.array([x, x * 2.0, 1.0])
    scaled_rows(a, n - 1)
    scaled_rows(a, n - 2)
    return np.sum(a * a)


def arrays_twice(x, n):
    a = np.array([x, x * 2.0, 1.0])
    return np.sum(squares(a, n) * squares(a + x, n - 1))


RECURSIVE = {
    f.__name__: (f, names)
    for f, names in [
        (powers, ["power"]),
        (table_tennis, ["ping", "pong"]),
        (integrals, ["integral"]),
        (nested, ["series"]),
        (written_twice, ["scaled_rows"]),
        (arrays_twice, ["squares"]),
    ]
}


@pytest.mark.parametrize("name", RECURSIVE)
def test_a_recursive_function_is_compiled_once(name):
    function, names = RECURSIVE[name]
    traced = trace(function, (spec_of(0.3), spec_of(4))).function
    assert sorted(traced.functions) == names
    assert llad.jit(function)(0.8, 4) == pytest.approx(function(0.8, 4), rel=1e-13)
    h = 1e-6
    expected = (function(0.8 + h, 4) - function(0.8 - h, 4)) / (2 * h)
    assert llad.grad(function)(0.8, 4) == pytest.approx(expected, 1e-6, 1e-8)
    assert llad.jvp(lambda x: function(x, 4), (0.8,), (1.0,))[1] == pytest.approx(llad.grad(function)(0.8, 4), 1e-12)


def test_further_calls_of_a_recursive_function_add_a_call_each():
    def many(count):
        lines = ["s += power(x + {k}.5, y)"]
        return trace(caller(lines, count, power=power), (spec_of(0.3), spec_of(5))).function

    assert ops(many(60)) - ops(many(20)) <= 40 * 5


def test_functions_that_differ_stay_apart():
    def both(x, n):
        def first(k):
            return x if k == 0 else x * first(k - 1)

        def second(k):
            return x if k == 0 else x * second(k - 1)

        def third(k):
            return -x if k == 0 else x * third(k - 1)

        return first(n) + second(n) + third(n)

    assert len(trace(both, (spec_of(0.3), spec_of(3))).function.functions) == 3  # lines of their own, for errors


def test_an_error_names_the_line_of_the_function_called_again():
    def at(a, k):
        return a[k] if k > 2 else at(a, k + 1)

    def twice(x, n):
        return at(np.array([x] * 4), n) + at(np.array([x] * 2), n)

    with pytest.raises(IndexError, match=rf"size 2 \(.*line {at.__code__.co_firstlineno + 1}\)"):
        llad.jit(twice)(1.0, 0)


def test_what_a_recursive_function_is_known_to_return_stays_known():
    def two(a, n):
        if n > 0:
            a[0] += 1.0
            two(a, n - 1)
        return 2

    def function(x, n):
        a = np.array([x, 0.0])
        return [x, x * x, a[0]][two(a, n)] + [x, x * x, a[0]][two(a, n)]

    assert llad.jit(function)(1.5, 3) == function(1.5, 3)
