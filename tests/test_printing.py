"""`print` writes at run time what Python writes, once a call, in the order of the program, in every mode."""

from __future__ import annotations

import numpy as np
import pytest

import llad
from llad.frontend.signature import spec_of
from llad.frontend.trace import trace
from llad.ir.interp import run
from llad.ir.parse import parse
from llad.ir.text import show
from llad.testing import copy_arguments


def numbers(x, n, c, a):
    print(x, n, c, a[0], a[0] > 1.0)
    print("half", x / 2, 1e300 * x, -0.0 * x, x // 7, float("nan") * x, n / 3, sep="|", end=";\n")
    print((x, n, c), [x, (n,)], (a[0],), {"a": x, "n": n}, (a[0] > 1.0,))
    print()
    print("known", 3, None, (1, "b"), {"k": 2.0}, "{} {x}")
    return x * a[1]


def arrays(a, m):
    print(a, a[::-2], m, m[:, 1], m[0:0])
    print(a > 1.0, np.zeros(3), np.arange(4), flush=True)
    a[0] = 7.0
    print(a)
    return np.sum(a)


def formatted(x, n, a):
    print(f"{x:.3f} {x:>12.4e}|{n:05d}|{n} {x!r} {a} {{}} {'w':>3} {3.0:.1f}", f"{x}{n}")
    print(*(x, n), f"{x:g}", sep=", ")
    return x * n


def loops(a, n):
    s = 0.0
    for i in range(n):
        if i == 4:
            break
        while s < i:
            s += a[i] + 0.5
            print("s", s)
        for v in a:
            s = s * v
        print(i, s)
    else:
        print("never")
    return s


def counted(a, n):
    def down(k):
        print("down", k)
        return a[0] if k == 0 else down(k - 1) * a[k]

    return down(n) * a[1]


def summed(a):
    s = 0.0
    for i in range(len(a)):
        t = np.sin(a[i])
        print(i, t)
        s += t * t
    return np.sqrt(s)


def raised(x, a):
    for i in range(9):
        print("at", i)
        x = x + a[i]
    return x


def shown(v):
    print("v", v)
    return True


def repeated(x):
    while shown(x) and x < 3.0:
        x = x * 1.5
    return x


A = np.array([0.5, 1.5, 2.0, 0.25, 1.0])
M = np.arange(6.0).reshape(2, 3)
CASES = [
    (numbers, (1.5, 2, True, A)),
    (arrays, (A, M)),
    (formatted, (1.5, 2, A)),
    (loops, (A, 5)),
    (counted, (A, 3)),
    (summed, (A,)),
    (repeated, (0.7,)),
]
every_case = pytest.mark.parametrize(("function", "args"), CASES, ids=[f.__name__ for f, _ in CASES])


def written(capsys, call) -> str:
    capsys.readouterr()
    call()
    return capsys.readouterr().out


@every_case
def test_prints_what_python_prints(function, args, capsys):
    expected = written(capsys, lambda: function(*copy_arguments(args)))
    f = llad.jit_grad(function)
    tangents = tuple(np.ones_like(a) if isinstance(a, np.ndarray) else 1.0 if type(a) is float else None for a in args)
    for call in (
        lambda: f(*copy_arguments(args)),
        lambda: f(*copy_arguments(args)),
        lambda: f.grad(*copy_arguments(args)),
        lambda: f.value_and_grad(*copy_arguments(args)),
        lambda: f.jvp(copy_arguments(args), tangents),
    ):
        assert written(capsys, call) == expected


@every_case
def test_the_interpreter_prints_the_same_and_the_text_round_trips(function, args, capsys):
    expected = written(capsys, lambda: function(*copy_arguments(args)))
    traced = trace(function, tuple(map(spec_of, args)))
    again = parse(show(traced.function))
    assert show(again) == show(traced.function)
    assert written(capsys, lambda: run(again, copy_arguments(args))) == expected


def test_prints_once_in_a_second_derivative(capsys):
    expected = written(capsys, lambda: summed(A))
    gradient = llad.grad(summed)
    assert written(capsys, lambda: llad.jvp(gradient, (A,), (np.ones(5),))) == expected


def test_prints_once_for_a_gradient_inside_traced_code(capsys):
    def outer(a):
        print("before")
        g = llad.grad(summed)(a)
        print("after", g[0] > 0.0)
        return g[0]

    expected = "before\n" + written(capsys, lambda: summed(A)) + "after True\n"
    assert written(capsys, lambda: llad.jit(outer)(A)) == expected


def test_what_stands_before_an_error_is_printed(capsys):
    def call():
        with pytest.raises(IndexError):
            llad.jit(raised)(1.0, A)

    assert written(capsys, call) == "".join(f"at {i}\n" for i in range(6))


def test_single_precision_prints_its_own_digits(capsys):
    def f(x, b):
        print(x, b, (x,), f"{x:.3f}")
        return x

    args = (np.float32(0.1), np.array([0.1, 0.7], np.float32))
    assert written(capsys, lambda: llad.jit(f)(*args)) == written(capsys, lambda: f(*args))
