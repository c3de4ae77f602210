"""Tracing: control flow, names, calls and results mean in IR what they mean in Python.

Every program below is called as it is and traced and interpreted; results, writes and errors must agree, but that a
number which is an int on one path and a float on another may come back as a float.
"""

from __future__ import annotations

import doctest
import functools
import linecache
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from test_arrays import fresh, traced

import llad.frontend.trace
from llad.diagnostics import UnsupportedError
from llad.frontend import transforms
from llad.frontend.signature import Missing, spec_of
from llad.frontend.source import source_of
from llad.frontend.trace import trace
from llad.ir.core import Function, walk
from llad.ir.verify import verify
from llad.returned import Constant, Passed
from llad.structures import TUPLE, Node

X = np.array([0.0, 1.0, 2.0, 3.0, 4.0])
CASES: list[Any] = []


def case(*argument_sets: tuple[Any, ...]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Compare this function's trace with the function on each tuple of arguments."""

    def mark(function: Callable[..., Any]) -> Callable[..., Any]:
        for k, args in enumerate(argument_sets):
            CASES.append(pytest.param(function, args, id=f"{function.__name__}-{k}"))
        return function

    return mark


def agree(got: Any, want: Any) -> None:
    if isinstance(want, tuple):
        assert isinstance(got, tuple) and len(got) == len(want), (got, want)
        for g, w in zip(got, want, strict=True):
            agree(g, w)
    elif isinstance(want, (bool, int, float, np.generic, np.ndarray)):
        assert isinstance(got, np.ndarray) == isinstance(want, np.ndarray), (got, want)
        np.testing.assert_allclose(got, want, rtol=1e-14)
    else:
        assert got is want or got == want, (got, want)


def same(f: Callable[..., Any], *args: Any) -> None:
    """`f` traced and interpreted does what `f` does: result, writes, or error."""
    mine, theirs = fresh(args), fresh(args)
    try:
        want = f(*theirs)
    except Exception as error:
        with pytest.raises(type(error)) as caught:
            traced(f, *mine)
        if not isinstance(error, AssertionError):  # to whose text pytest adds
            assert str(error) in str(caught.value) or "zip()" in str(caught.value)
        return
    agree(traced(f, *mine), want)
    agree(mine, theirs)


def function_of(f: Callable[..., Any], *args: Any) -> Function:
    """The verified IR of `f` for such arguments."""
    fn = trace(f, tuple(map(spec_of, args))).function
    verify(fn)
    return fn


def ops_of(fn: Function) -> list[str]:
    return [op.name for op in walk(fn.body)]


# -- branches and jumps


@case((2.0,), (-1.0,))
def both_sides_assign(x):
    if x > 0:
        y = x * 2
    else:
        y = -1
    return y


@case((2.0,), (-1.0,), (25.0,))
def early_returns_widen(x):
    if x < 0:
        return 0
    y = math.sqrt(x)
    if y > 2:
        return y * 2
    return y


@case((0.5,), (1.5,), (2.5,), (3.5,), (-2.0,))
def returns_at_several_depths(x):
    if x > 1:
        if x > 2:
            if x > 3:
                return 3
            y = 1
        else:
            return 1.5
    elif x < -1:
        y = 2
    else:
        return 9
    return y + x


@case((X, 2), (X, 5), (X + 3, 5), (X * 10, 5))
def break_continue_return_in_nested_loops(x, n):
    s = 0.0
    for i in range(n):
        if i == 3:
            continue
        if i > 7:
            break
        for j in range(i):
            if x[j] * i > 20:
                return s * 100
            if x[j] > 5:
                break
            s += x[j]
        s += 1
    return s


@case((3,), (9,), (0,))
def return_from_a_run_time_loop_in_an_unrolled_one(n):
    y = 0
    for v in range(3):
        for w in range(n):
            y += v * w
            if y > 20:
                return y
    return -y


@case((1.0, 2.0), (3.0, 2.0), (0.5, 5.0), (9.0, 9.0))
def break_in_an_unrolled_loop(x, y):
    s = 0.0
    for c in (1.0, 2.0, 3.0):
        if c > y:
            break
        if c == x:
            continue
        s += c * x
    return s, c


@case((3,), (0,))
def a_branch_may_be_empty(n):
    if n > 2:
        pass
    else:
        n = 7
    return n


@case((5.0,), (1e7,), (3e6,))
def endless_loop_left_by_return_or_break(x):
    s = 0.0
    while True:
        x = x / 2
        if x < 1:
            return s
        if x > 1e6:
            break
        s += x
    return -s


@case((X + 1, 3), (X - 2, 5), (1 - X, 5), (X, 0))
def short_circuit_guards_an_index(x, n):
    i = 0
    while i < n and x[i] > 0:
        i += 1
    return i


@case((1.0, 0.0, 2.0), (3.0, 0.0, 2.0), (-1.0, 0.0, 2.0), (0.0, 0.0, 0.0))
def chains_and_connectives(x, lo, hi):
    return lo < x < hi, lo <= x <= hi != 5, not (x < lo or x > hi), lo <= x and x <= hi


@case((1.0, 0), (0.0, 3), (0.0, 0))
def connectives_give_operands(x, n):
    return x or 5.0, x and 3.0, n or 7, (x or n) or 2.5


@case((1.0, True), (1.0, False))
def conditional_expressions_choose(x, flag):
    return x if flag else -x, (x if x > 2 else 1) if flag else 0


@case((2, 1), (-1, 1), (2, 0))
def an_assert_raises(n, d):
    assert n > 0, "n must be positive"
    assert d
    return n / d


@case((4,), (-4,))
def a_path_that_always_raises(n):
    if n > 0:
        y = 2 * n
    else:
        assert False, "unreachable"  # noqa: B011
    return y


@case((2.5,), (-2.5,))
def assignment_expressions(x):
    if (y := x * 2) > 1 and (z := y + 1) > 2:
        return y + z
    return y


@case((1,), (2,), (7,))
def membership_of_a_tuple(n):
    return n in (1, 2, 3), n not in (2, 5)


# -- loops


@case((2.0, 5), (1.0, 0), (-1.5, 1))
def an_int_becomes_a_float(x, n):
    s = 0
    for i in range(n):
        s += x * i
    return s * 1.0


@case((48, 18), (7, 0))
def a_while_swaps(a, b):
    while b != 0:
        a, b = b, a % b
    return a


@case((2,), (11,), (20,))
def a_range_steps_down(n):
    total, i = 0, -1
    for i in range(10, n, -2):
        if i % 3 == 0:
            continue
        total += i
    return total, i


@case((3, 0, 2), (0, 5, 2), (5, 0, -1), (0, 5, 0))
def a_range_with_a_run_time_step(lo, hi, step):
    s = 0
    for i in range(lo, hi, step):
        s = 10 * s + i
    return s


@case((X - 2,), (X[::2],), (X.reshape(1, 5) * 2,))
def elements_or_rows_are_walked(x):
    s = 0.0
    for v in x:
        s += np.sum(v * v)
    return s


@case((np.arange(6.0).reshape(2, 3), np.array([10.0, 20.0, 30.0])))
def enumerate_and_zip(a, b):
    s = 0.0
    for i, row in enumerate(a, 1):
        for x, y in zip(row, b, strict=True):
            s += i * x * y
    for k, (u, v) in enumerate(zip(range(7), b, strict=False)):
        s += k * u * v
    for v in reversed(b):
        s = s / 2 + v
    return s


@case((X, 3), (X, 0))
def buffers_are_swapped(x, n):
    a = x.copy()
    b = np.zeros_like(x)
    for k in range(n):
        for i in range(len(a)):
            b[i] = a[i] * 2 + k
        a, b = b, a
    return a


@case((X, 3), (X, 0))
def an_array_is_rebound(x, n):
    y = x.copy()
    for _ in range(n):
        y = y + 0.5 * x
    return y


@case((np.arange(12.0).reshape(3, 4),))
def a_window_slides_over_rows(a):
    row = a[:, 0]
    s = 0.0
    for k in range(1, 3):
        s += row[k] * row[0]
        row = a[k]
    return s + row[1]


@case((2.0, 3), (2.0, 0))
def a_tuple_is_carried(x, n):
    t = (x, 0)
    for i in range(n):
        t = (t[0] * 2, t[1] + i)
    return t


@case((X,))
def a_condition_that_writes_memory(x):
    r = x.copy()
    k = 0
    while np.sum(r * r) > 1.0:
        r = r * 0.5
        k += 1
    return r, k


@case((2.0,))
def the_index_of_a_tuple_is_static(x):
    t = (x, 2.0, x * x, 4, 5, 6.5)
    s = 0.0
    for k in range(6):
        s += t[k] * k
    return s


@case((5, 1), (0, 1))
def names_are_only_read_after(n, m):
    last, other = -1, 0.5
    for i in range(n):
        other = i * m
        last = i
    return last, other


@case((3,), (0,))
def a_loop_variable_keeps_its_value(n):
    i = 5
    for i in range(n):  # noqa: B007
        pass
    return i


# -- names that may be unbound


@case((4,), (0,))
def a_loop_may_not_run(n):
    for i in range(n):
        y = i
    return y


@case((X, 3), (X, 1), (X, 0))
def an_earlier_iteration_bound_it(x, n):
    for i in range(n):
        if i > 0:
            s = prev + x[i]  # noqa: F821
        else:
            s = 0
        prev = x[i]  # noqa: F841
    return s


@case((2.0,), (-2.0,))
def one_branch_bound_it(x):
    if x > 0:
        y = x
    return y


@case((X, 5), (-X, 5), (X, 1))
def a_record_of_the_best(x, n):
    best = x[0]
    for i in range(1, n):
        if x[i] > best:
            best = x[i]
            arg = i
    return best, arg


@case((8,), (0,), (200,))
def every_exit_bound_it(n):
    while True:
        n -= 1
        if n < 3:
            y = n
            break
        if n > 100:
            y = n * 2
            break
    return y


@case((8,), (2,))
def a_condition_needs_a_bound_name(n):
    if n > 5:
        y = 1
    while y < n:
        y += 1
    return y


def test_no_check_where_every_exit_bound_the_name():
    assert "check" not in [
        op.name for op in walk(function_of(every_exit_bound_it, 8).body) if "UnboundLocal" in str(op.attrs)
    ]


def test_a_name_that_no_path_bound_is_refused():
    def f(x):
        y = z + x  # noqa: F821
        z = y
        return z

    with pytest.raises(UnsupportedError, match="`z` before it is assigned"):
        traced(f, 1.0)


# -- calls


def scaled(x, k=2, *, shift=0.0):
    return x * k + shift


@case((1.5,))
def arguments_bind(x):
    return scaled(x), scaled(x, 3), scaled(k=4, x=x), scaled(x, shift=x), scaled(*(x, 5), **{"shift": 1.0})


@case((2.0, 3.0))
def closures_and_lambdas(x, y):
    f = lambda a, b=x: a * b + y  # noqa: E731

    def outer(v):
        def inner(w):
            return w + v * y

        return inner

    return f(2.0) + outer(x)(1.0), (lambda t: t * t)(x)


@case((2.0,))
def a_closure_sees_later_assignments(x):
    def f():
        return k * x

    k = 2
    first = f()
    k = x
    return first, f()


def clipped(v, lo, hi):
    if v < lo:
        return lo
    if v > hi:
        return hi
    return v


@case((0.5,), (-3.0,), (9.0,))
def callees_return_early(x):
    return clipped(x, 0.0, 1) + clipped(x * 2, -1, 5)


def power(x, n):
    return 1.0 if n == 0 else x * power(x, n - 1)


@case((1.1,))
def recursion_on_a_static_number(x):
    return power(x, 12)


def bisect(f, lo, hi):
    for _ in range(60):
        mid = (lo + hi) / 2
        if f(mid) > 0:
            hi = mid
        else:
            lo = mid
    return (lo + hi) / 2


@case((2.0,), (9.0,))
def functions_are_values(a):
    return bisect(lambda r: r * r - a, 0.0, 10.0)


@case((3.0,))
def partial_and_methods(x):
    return functools.partial(scaled, k=3)(x), MODEL.energy(x), MODEL(x)


class Model:
    rate = 2.0

    def __init__(self, weights):
        self.weights = weights

    @property
    def half(self):
        return self.rate / 2

    def energy(self, x):
        s = 0.0
        for w in self.weights:
            s += w * x**2
        return s * self.half

    def __call__(self, x):
        return self.energy(x) + 1


MODEL = Model(np.array([1.0, 2.0, 3.0]))


@case((2.0,))
def side_effects_of_none(x):
    def note(a):
        a[0] += x

    out = np.zeros(2)
    r = note(out)
    return out, r is None, r


@case((2.0, True), (2.0, False))
def a_function_defined_in_a_branch(x, c):
    if c:

        def g(v):
            return v * x

    return g(x) if c else x


def weighted(x, w=np.array([1.0, 2.0]), unused=[]):  # noqa: B006, B008
    return x * w[1]


@case((2.0,))
def array_defaults_are_captured(x):
    return weighted(x, unused=0)


def make_scaler(k):
    return lambda v: v * k


@case((2.0, 3))
def functions_returned_from_functions(x, n):
    g = make_scaler(x)
    s = 0.0
    for i in range(n):
        s += make_scaler(g(i))(x)
    return s


# -- what is known at trace time

NAMES = ("rate", "scale")
RATE = 2.5
W = np.array([[1.0, 2.0], [3.0, 4.0]])


@case((3.0,))
def strings_dicts_and_lists(x):
    squares = [v * v for v in (x, 2 * x, 3 * x)]
    table = {"rate": x, "scale": 2, **{name: k for k, name in enumerate(("a", "b"))}}
    table["rate"] += 1
    label = f"{NAMES[0]}"
    squares.append(x)
    squares += [1.0]
    head, *rest = squares
    return sum(squares) + table[label] * table["scale"], head, rest[-1], table["b"], len(squares)


@case((2.0,))
def dicts_are_iterated_over(x):
    rates = {"a": x, "b": 2.0}
    s = sum(rates.values())
    for name, rate in rates.items():
        s += rate * len(name)
    return s, len(rates), "a" in rates, list(rates)[1]


@case((2.0,))
def comprehension_scopes(x):
    k = 10
    values = [(last := k * x) for k in (1, 2, 3) if k != 2]
    pairs = tuple(a * b for a in (x, 1) for b in (a, 2))
    return sum(values) + k + last, pairs, {n: n * x for n in (1, 2)}[2]


@case((X, X), (X, X[:3]))
def strict_zip(x, y):
    s = 0.0
    for a, b in zip(x, y, strict=True):
        s += a * b
    return s


@case((X[:3],), (X[:2],))
def strict_zip_with_what_is_known(x):
    s = 0.0
    for i, (a, b, c) in enumerate(zip(x, (1.0, 2.0, 3.0), range(3), strict=True)):
        s += a * b * c + i
    return s


@case((X[:3], 3), (X, 5))
def zip_ends_with_what_is_known(x, n):
    seen = []
    for a, b, k in zip(x, ("one", "two"), range(n)):  # noqa: B905
        seen.append(a * len(b) + k)
    return seen[0] * seen[1] + sum(a * b for a, b in zip(x, (1.0, 2.0, 3.0))) + len(seen)  # noqa: B905


@case((X[:3],))
def arguments_from_an_array(x):
    def product(a, b):
        return a * b

    square = lambda a: a * a  # noqa: E731
    return np.hypot(*x[:2]) + product(*x[1:]) * product(2.0, *x[:1]) + square(*x[:1]) + dict.fromkeys((1, 2), x[0])[2]


@case((2.0,))
def lists_grow_at_trace_time(x):
    out = []
    for k in range(6):
        out.append(x * k)
    return out[5] + sum(out) + out[-2]


@case((2.0,), (-2.0,))
def a_list_grows_after_an_early_return(x):
    out = [x]
    if x < 0:
        return 0.0
    out.append(x * 2)
    return out[0] + out[1]


@case((2.0,))
def globals_are_captured(x):
    s = 0.0
    for row in W:
        s += row[0] * x + row[1] * RATE
    return s


@case((X[:2],))
def unpacking(x):
    a, b = x
    (c, d), *e = (a, b), 1, 2
    return a * b + c - d + e[1]


@case((X,))
def unpacking_too_many(x):
    a, b = x
    return a + b


@case((2.0,), (True,), (X,), (3,))
def types_are_known(x):
    if isinstance(x, float):
        return x + 1
    if isinstance(x, (bool, np.ndarray)):
        return x
    return any((x > 0, False)), all([x > 0, x > 1]), x is None


# -- results


@case((X,))
def an_argument_is_returned(x):
    x[0] = 5.0
    x[1] += 3
    return x


@case((X, 1.0))
def a_local_window_is_returned(x, y):
    a = np.zeros(6)
    a[1:6] = x * y
    return a[::2], a, a


@case((X, True), (X, False))
def either_of_two_local_arrays(x, c):
    if c:
        y = x[1:] * 2
    else:
        y = np.zeros(2)
    return y


@case((2.0, True), (2.0, False))
def results_that_may_be_one_array(x, c):
    a = np.zeros(3) + x
    b = np.ones(3)
    y = a if c else b
    return y, a, b, a


@case((1.0,))
def constants_are_returned(x):
    return 1, 2.5, True, None, ("a", np.float32(2))


@case((1.0,))
def nothing_is_returned(x):
    x + 1


@pytest.mark.parametrize(("function", "args"), CASES)
def test_traces_like_python(function, args):
    same(function, *args)


def test_the_argument_object_is_recognised():
    x = spec_of(X)
    assert trace(lambda a, b: (b, a), (x, x)).result == Node(TUPLE, (Passed(1), Passed(0)))
    assert trace(lambda a: W, (x,)).result == Constant(W)
    assert trace(lambda a, s: (s, a), (x, spec_of("s"))).result.items[0] == Constant("s")


# -- the size of what is traced


def test_early_returns_do_not_multiply_the_code():
    def f(x, y):
        s = 0.0
        if x > 1:
            s += y
        if x > 2:
            return s
        if y > 1:
            s += x
        if y > 2:
            return s
        if y > 3:
            s -= x
        if x > 4:
            return s * 2
        if y > 5:
            return s * 3
        return s / 2

    assert ops_of(function_of(f, 1.0, 2.0)).count("div") == 1
    for args in [(3.0, 0.0), (0.0, 0.0), (0.0, 3.0), (1.5, 1.5)]:
        same(f, *args)


def test_a_temporary_is_no_carry():
    def f(x, n):
        s = 0.0
        for i in range(n):
            t = x * i
            u = t + 1
            s += u
        return s

    (loop,) = [op for op in walk(function_of(f, 1.0, 3).body) if op.name == "for"]
    assert [str(r.type) for r in loop.results] == ["f64", "i64"]


def test_small_ranges_are_unrolled_and_others_are_not():
    def f(x):
        s = 0.0
        for _ in range(3):
            s += x
        return s

    def g(x):
        s = 0.0
        for _ in range(300):
            s += x
        return s

    assert "for" not in ops_of(function_of(f, 1.0))
    assert ops_of(function_of(g, 1.0)).count("for") == 1


def test_deep_calls_and_expressions():
    text = "def f(x):\n    return " + " + ".join(["x"] * 2000) + "\n"
    linecache.cache["<cell 3>"] = (len(text), None, text.splitlines(True), "<cell 3>")
    namespace: dict[str, Any] = {}
    exec(compile(text, "<cell 3>", "exec"), namespace)
    assert traced(namespace["f"], 0.5) == 1000.0
    same(lambda x: power(x, 50), 1.01)


def test_deep_nests_trace_quickly():
    def f(n):
        s = 0
        for i in range(n):
            for j in range(i):
                for k in range(j):
                    for l in range(k):
                        for m in range(l):
                            s = s + m * 0.5
        return s * 1.0

    same(f, 7)


# -- spans, source


def test_every_op_has_the_span_of_its_expression():
    fn = function_of(break_continue_return_in_nested_loops, X, 3)
    lines = {op.span.line for op in walk(fn.body) if op.span}
    first = break_continue_return_in_nested_loops.__code__.co_firstlineno
    assert all(op.span is not None for op in walk(fn.body)) and min(lines) >= first
    (mul,) = [op for op in walk(fn.body) if op.name == "mul" and op.span and "* i" in op.span.text]
    assert mul.span.text[mul.span.column - 1 : mul.span.end_column - 1] == "x[j] * i"


def test_lambdas_on_one_line_are_told_apart():
    fs = [lambda x: x + 1, lambda x: x + 2, lambda x: (lambda y: y * x)(3)]
    assert [traced(f, 1.0) for f in fs] == [2.0, 3.0, 3.0]


def decorate(function):
    return function


@decorate
@functools.wraps(math.sin)
def decorated(x):
    return x + 1


def test_a_decorated_function_is_found():
    def plain(f):
        return f

    @plain
    @plain
    def g(x):
        return x * 3

    assert traced(g, 2.0) == 6.0


def test_a_notebook_cell_is_found():
    text = "def f(x):\n    # ünïcode\n    return x * x\n"
    linecache.cache["<cell 1>"] = (len(text), None, text.splitlines(True), "<cell 1>")
    namespace: dict[str, Any] = {}
    exec(compile(text, "<cell 1>", "exec"), namespace)
    assert traced(namespace["f"], 3.0) == 9.0


def test_without_source_it_is_refused():
    namespace: dict[str, Any] = {}
    exec("def f(x):\n    return x\n", namespace)
    with pytest.raises(UnsupportedError, match="source cannot be found"):
        traced(namespace["f"], 1.0)


def test_a_changed_source_is_refused(tmp_path):
    path = tmp_path / "changing.py"
    path.write_text("def f(x):\n    return x + rate\n")
    namespace: dict[str, Any] = {"rate": 1.0}
    exec(compile(path.read_text(), str(path), "exec"), namespace)
    path.write_text("def f(x):\n    return x * x * x + 2\n")
    with pytest.raises(UnsupportedError, match="has changed"):
        source_of(namespace["f"])


def test_docstring_examples_run():
    assert doctest.testmod(llad.frontend.trace).failed == 0


# -- guards and captures


def test_guards_name_what_was_read():
    traced_ = trace(globals_are_captured, (spec_of(1.0),))
    found = {g.name: g.value for g in traced_.guards}
    assert found["W"] is W and found["RATE"] is RATE
    assert all(g.holds() for g in traced_.guards)
    assert len(traced_.captured) == 1 and traced_.captured[0] is W


def test_guards_are_transitive():
    k = 2.0
    g = lambda x: x * k  # noqa: E731
    f = lambda x: g(x) + scaled(x)  # noqa: E731
    guards = trace(f, (spec_of(1.0),)).guards
    assert {"g", "k", "scaled", "__code__", "__defaults__"} <= {g.name for g in guards}
    assert all(g.holds() for g in guards)
    k = 3.0
    assert [g.name for g in guards if not g.holds()] == ["k"]


def test_a_shadowed_builtin_is_noticed():
    namespace: dict[str, Any] = {}
    text = "def f(x):\n    return abs(x)\n"
    linecache.cache["<cell 2>"] = (len(text), None, text.splitlines(True), "<cell 2>")
    exec(compile(text, "<cell 2>", "exec"), namespace)
    (guard,) = [g for g in trace(namespace["f"], (spec_of(1.0),)).guards if g.name == "abs"]
    assert guard.value is Missing and guard.holds()
    namespace["abs"] = math.sqrt
    assert not guard.holds()


def test_a_later_instance_attribute_is_noticed():
    model = Model(np.ones(3))
    guards = trace(lambda m, x: m.energy(x), (spec_of(model), spec_of(1.0))).guards
    assert all(g.holds() for g in guards)
    model.rate = 3.0
    assert [g.name for g in guards if not g.holds()] == ["rate"]


def test_attributes_of_objects_are_guarded():
    guards = trace(MODEL.__call__.__func__, (spec_of(MODEL), spec_of(1.0))).guards
    assert {"weights", "rate"} <= {g.name for g in guards}


# -- derivatives in traced code


def derivatives(fn: Function) -> list[Any]:
    return [op for op in walk(fn.body) if op.name == "derivative"]


def test_a_gradient_closes_over_free_values():
    def f(x, y):
        scale = y * 2
        return transforms.grad(lambda a: a * a * scale)(x)

    (op,) = derivatives(function_of(f, 2.0, 3.0))
    assert op.attrs["mode"] == "grad" and op.attrs["wrt"] == (0,)
    assert len(op.attrs["callee"].params) == 2 == len(op.operands)
    verify(op.attrs["callee"])


def test_gradients_nest():
    fn = function_of(lambda x: transforms.grad(transforms.grad(lambda a: a**3))(x), 2.0)
    (outer,) = derivatives(fn)
    assert len(derivatives(outer.attrs["callee"])) == 1


def test_value_and_grad_of_arrays_and_captures():
    def f(x):
        def loss(w, z):
            s = 0.0
            for i in range(2):
                s += w[i] * z * W[i, 0]
            return s

        value, (dw, dz) = transforms.value_and_grad(loss, (0, 1))(x, 2.0)
        return value + dz, dw

    fn = function_of(f, X)
    (op,) = derivatives(fn)
    assert op.attrs["wrt"] == (0, 1) and [str(r.type) for r in op.results] == ["f64", "buffer<f64, 1, C>", "f64"]
    assert op.operands[2] is fn.params[1]


def test_a_jvp_keeps_the_structure():
    def f(x, y):
        (p, n), (dp, dn) = transforms.jvp(lambda a, b: (a * b, 3), (x, y), (1.0, 2))
        return p, n, dp, dn is None

    fn = function_of(f, 2.0, 3.0)
    (op,) = derivatives(fn)
    assert op.attrs["mode"] == "jvp" and op.attrs["wrt"] == (0, 1)
