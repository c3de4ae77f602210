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


def test_an_error_in_an_outlined_function_names_its_line():
    f = caller(["if x > {k}.0:", "    s += raising(a, x, y)"], 12, raising=raising, a=np.ones(3))
    assert made(f).functions
    with pytest.raises(IndexError, match=r"index 3 is out of bounds"):
        llad.jit(f)(1.5, 0.2)
