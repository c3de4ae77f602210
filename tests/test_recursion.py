"""Recursion: functions that call themselves or each other, as values, as derivatives and as errors."""

from __future__ import annotations

import gc
import math
import threading

import numpy as np
import pytest
from native import Native

import llad
from llad.compile import PASSES, STRICT, run_passes
from llad.diagnostics import UnsupportedError
from llad.frontend.signature import spec_of
from llad.frontend.trace import trace
from llad.ir.alias import Aliases
from llad.ir.core import walk
from llad.ir.interp import run
from llad.ir.parse import parse
from llad.ir.text import show
from llad.ir.verify import verify
from llad.passes.ownership import ownership
from llad.testing import check_gradient

pytestmark = pytest.mark.usefixtures("quick_code")

CASES = {}


def case(*arguments):
    def register(function):
        CASES[function.__name__] = function, arguments
        return function

    return register


def factorial(x):
    return 1 if x < 1 else x * factorial(x - 1)


@case(6.3)
def factorial_of_floats(x):
    return factorial(x)


def fibonacci(n):
    return n if n < 2 else fibonacci(n - 1) + fibonacci(n - 2)


@case(17)
def fibonacci_numbers(n):
    return fibonacci(n)


def power(x, n):
    if n == 0:
        return 1.0
    half = power(x, n // 2)
    return half * half * x if n % 2 else half * half


@case(1.1, 13)
def power_by_squaring(x, n):
    return power(x, n)


def simpson(f, a, b, fa, fm, fb, whole, eps, depth):
    m = 0.5 * (a + b)
    left, right = f(0.5 * (a + m)), f(0.5 * (m + b))
    first = (m - a) / 6 * (fa + 4 * left + fm)
    second = (b - m) / 6 * (fm + 4 * right + fb)
    delta = first + second - whole
    if depth <= 0 or abs(delta) <= 15 * eps:
        return first + second + delta / 15
    return simpson(f, a, m, fa, left, fm, first, eps / 2, depth - 1) + simpson(
        f, m, b, fm, right, fb, second, eps / 2, depth - 1
    )


@case(0.3, 1.7)
def adaptive_simpson(a, b):
    def f(t):
        return math.exp(-t * t * b) * math.sin(3 * t + a)

    fa, fm, fb = f(a), f(0.5 * (a + b)), f(b)
    return simpson(f, a, b, fa, fm, fb, (b - a) / 6 * (fa + 4 * fm + fb), 1e-7, 20)


def minors(m, rows, cols, k):
    n = len(rows)
    if k == n:
        return 1.0
    total, sign = 0.0, 1.0
    for j in range(k, n):
        cols[k], cols[j] = cols[j], cols[k]
        if j > k:
            sign = -1.0
        total += sign * m[rows[k], cols[k]] * minors(m, rows, cols, k + 1)
        cols[k], cols[j] = cols[j], cols[k]
    return total


@case(np.array([[2.0, 0.3, 1.1, 0.2], [0.1, 1.5, 0.7, 0.4], [0.6, 0.2, 1.9, 0.8], [0.3, 0.9, 0.5, 2.2]]))
def determinant(m):
    n = m.shape[0]
    return minors(m, np.arange(n), np.arange(n), 0)


def even(x, n):
    return x if n == 0 else math.sin(x) * odd(x * 0.9, n - 1)


def odd(x, n):
    return 1.0 if n == 0 else math.exp(x) * even(x + 0.1, n - 1)


@case(0.7, 9)
def mutual(x, n):
    return even(x, n) + odd(x, n)


def tree_sum(a):
    n = len(a)
    if n == 1:
        return a[0] * a[0]
    return tree_sum(a[: n // 2]) + math.sin(tree_sum(a[n // 2 :]))


@case(np.linspace(0.1, 0.9, 7))
def sum_over_slices(a):
    return tree_sum(a)


def smoothed(a, n):
    if n == 0:
        return a.copy()
    b = smoothed(a, n - 1)
    return b + 0.1 * np.sin(b)


@case(np.linspace(0.1, 0.9, 5), 3)
def arrays_are_returned(a, n):
    return np.sum(smoothed(a, n) * a)


def scale(a, k):
    if k < len(a):
        a[k] = a[k] * a[k - 1]
        scale(a, k + 1)


@case(np.linspace(0.5, 0.9, 5))
def arrays_are_changed(x):
    a = x.copy()
    scale(a, 1)
    return a[len(a) - 1] + np.sum(a)


def sine_and_cosine(x, n):
    if n == 0:
        return x, 1.0
    s, c = sine_and_cosine(x / 2, n - 1)
    return 2 * s * c, c * c - s * s


@case(0.8, 10)
def tuples_are_returned(x, n):
    s, c = sine_and_cosine(x, n)
    return s + 2 * c


WEIGHTS = np.array([0.5, 0.25, 0.125])


@case(0.4, 5)
def what_a_closure_captures(x, n):
    scaled = x * 1.5

    def series(k):
        if k == 0:
            return scaled
        return scaled * WEIGHTS[k % 3] + series(k - 1) * x

    return series(n) + series(n - 1)


@case(0.4, 3)
def in_loops_and_conditions(x, n):
    total, k = 0.0, 0
    while power(x, k) > 0.01:
        total += power(x + k, n)
        k += 1
    for i in range(n):
        total += power(x, i) if i % 2 else factorial(x + i)
    return total


def grows(x, n):
    if n == 0:
        return 1
    return grows(x, n - 1) * (x if n > 2 else 1)


@case(1.5, 5)
def ints_become_floats(x, n):
    return grows(x, n)


def copied(arguments):
    return [a.copy() if isinstance(a, np.ndarray) else a for a in arguments]


def floats(arguments):
    return [k for k, a in enumerate(arguments) if isinstance(a, float) or getattr(a, "dtype", None) == np.float64]


@pytest.mark.parametrize("name", CASES)
def test_python_interpreter_and_native_code_agree(name):
    function, arguments = CASES[name]
    expected = function(*copied(arguments))
    assert llad.jit(function)(*copied(arguments)) == pytest.approx(expected, rel=1e-13)
    traced = trace(function, tuple(map(spec_of, arguments)))
    verify(traced.function)
    assert traced.function.functions
    assert run(traced.function, [*copied(arguments), *traced.captured])[0] == pytest.approx(expected, rel=1e-13)


@pytest.mark.parametrize("name", [name for name, (_, arguments) in CASES.items() if floats(arguments)])
def test_derivatives_agree_with_central_differences(name):
    function, arguments = CASES[name]
    rng = np.random.default_rng(1)
    wrt = tuple(floats(arguments))
    direction = {k: rng.standard_normal(np.shape(arguments[k])) for k in wrt}

    def along(t):
        return function(*[a + t * direction[k] if k in wrt else a for k, a in enumerate(copied(arguments))])

    h = 1e-6
    expected = (along(h) - along(-h)) / (2 * h)
    gradients = llad.grad(function, wrt)(*copied(arguments))
    assert sum(np.sum(g * direction[k]) for g, k in zip(gradients, wrt, strict=True)) == pytest.approx(expected, 1e-5)
    if len(wrt) == len(arguments):
        _, dot = llad.jvp(function, tuple(arguments), tuple(direction[k][()] for k in wrt))
        assert dot == pytest.approx(expected, 1e-5)


@pytest.mark.parametrize("name", ["factorial_of_floats", "adaptive_simpson", "determinant", "sum_over_slices"])
def test_second_derivatives_agree_with_differences_of_gradients(name):
    function, arguments = CASES[name]
    rng = np.random.default_rng(2)
    wrt = tuple(range(len(arguments)))
    direction = tuple(rng.standard_normal(np.shape(a))[()] for a in arguments)
    gradient, h = llad.grad(function, wrt), 1e-5
    up, down = (gradient(*[a + s * d for a, d in zip(arguments, direction, strict=True)]) for s in (h, -h))
    _, dots = llad.jvp(lambda *args: llad.grad(function, wrt)(*args), arguments, direction)
    for dot, after, before in zip(dots, up, down, strict=True):
        np.testing.assert_allclose(dot, (after - before) / (2 * h), rtol=1e-4, atol=1e-6)


def test_recursion_on_a_static_number_is_inlined():
    traced = trace(lambda x: power(x, 5), (spec_of(1.0),))
    assert not traced.function.functions


def test_a_static_tolerance_stays_static():
    def walk_down(x, eps):
        return x if x < eps else walk_down(x * 0.5, eps)

    (local,) = trace(lambda x: walk_down(x, 0.25), (spec_of(1.0),)).function.functions.values()
    assert len(local.params) == 1


def ackermann(m, n):
    if m == 0:
        return n + 1
    if n == 0:
        return ackermann(m - 1, 1)
    return ackermann(m - 1, ackermann(m, n - 1))


def test_ackermann_is_refused_at_the_depth_limit_and_the_process_stays_healthy():
    f = llad.jit(ackermann)
    assert f(2, 3) == 9
    for _ in range(3):
        with pytest.raises(RecursionError, match=r"maximum recursion depth exceeded .*line"):
            f(2, 10**7)
    assert f(2, 3) == 9


def test_the_depth_limit_holds_in_a_thread():
    f, caught = llad.jit(ackermann), []

    def target():
        try:
            f(2, 10**7)
        except RecursionError as error:
            caught.append(error)

    thread = threading.Thread(target=target)
    thread.start()
    thread.join()
    assert len(caught) == 1


def test_what_python_can_do_fits():
    def depth(n):
        return 0.0 if n == 0 else 1.0 + depth(n - 1)

    assert llad.jit(depth)(950) == 950.0


def test_the_interpreter_is_bounded_too():
    traced = trace(ackermann, (spec_of(1), spec_of(1)))
    with pytest.raises(RecursionError, match="maximum recursion depth exceeded"):
        run(traced.function, [2, 10**7])


def lookup(a, k):
    return a[k] if k > 5 else lookup(a, k + 1)


def test_an_error_in_a_deep_call_names_its_line():
    line = lookup.__code__.co_firstlineno + 1
    with pytest.raises(IndexError, match=rf"index 6 is out of bounds for axis 0 with size 4 \(.*line {line}\)"):
        llad.jit(lookup)(np.ones(4), 0)


def test_an_error_in_the_gradient_of_a_deep_call_names_its_line():
    def product(a, k):
        return a[k] * product(a, k + 1) if k < 10 else 1.0

    with pytest.raises(IndexError, match=r"index 4 is out of bounds for axis 0 with size 4 \(.*line \d+\)"):
        llad.grad(lambda a: product(a, 0))(np.ones(4))


def add_reversed(a, b, k):
    if k < len(a):
        a[k] += b[len(b) - 1 - k]
        add_reversed(a, b, k + 1)


def test_arguments_may_overlap():
    x, y = np.arange(6.0), np.arange(6.0)
    llad.jit(add_reversed)(x[:5], x[1:], 0)
    add_reversed(y[:5], y[1:], 0)
    np.testing.assert_array_equal(x, y)


def test_a_recursive_global_that_is_rebound_is_traced_again(monkeypatch):
    f = llad.jit(lambda x: factorial(x))
    assert f(3.5) == factorial(3.5)
    original = factorial
    monkeypatch.setitem(globals(), "factorial", lambda x: 0.5 * original(x))
    assert f(3.5) == factorial(3.5)


def test_arguments_that_are_only_read_may_be_read_only():
    a = np.linspace(0.1, 0.9, 7)
    a.flags.writeable = False
    assert llad.jit(tree_sum)(a) == pytest.approx(tree_sum(a))


def test_memory_of_calls_does_not_pile_up():
    def busy(n, k):
        scratch = np.zeros(k)
        scratch[0] = n
        return scratch[0] if n == 0 else busy(n - 1, k) + busy(n - 1, k)

    resource = pytest.importorskip("resource")
    f = llad.jit(busy)
    f(2, 100_000)
    gc.collect()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    f(13, 100_000)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200_000


FRAMES = """
local @walk(%n: i64, %tape: lifo<f64, buffer<f64, 1, C>>) {'may_alias': True} {
  %zero: i64 = const 0
  %one: i64 = const 1
  %two: i64 = const 200
  %own: lifo<i64> = lifo
  push %own, %n
  %scratch: buffer<f64, 1, C> = alloc(%two)
  %x: f64 = cast %n
  store %x, %scratch[%zero]
  %kept: buffer<f64, 1, C> = alloc(%one)
  store %x, %kept[%zero]
  push %tape, %x, %kept
  %more: bool = gt %n, %zero
  %below: i64 = if %more {
    %less: i64 = sub %n, %one
    %deep: i64 = call @walk(%less, %tape)
    yield %deep
  } else {
    yield %zero
  }
  %mine: i64 = pop %own
  %sum: i64 = add %below, %mine
  return %sum
}
func @f(%n: i64) {
  %zero: i64 = const 0
  %one: i64 = const 1
  %tape: lifo<f64, buffer<f64, 1, C>> = lifo
  %sum: i64 = call @walk(%n, %tape)
  %start: f64 = cast %sum
  %hi: i64 = add %n, %one
  %total: f64, %trips: i64 = for %i in %zero..%hi step %one carry (%t: f64 = %start) {
    %x: f64, %kept: buffer<f64, 1, C> = pop %tape
    %y: f64 = load %kept[%zero]
    %xy: f64 = mul %x, %y
    %next: f64 = add %t, %xy
    yield %next
  }
  return %total
}
"""


@pytest.mark.parametrize("passes", [(), PASSES, PASSES + STRICT])
def test_stacks_of_callers_and_of_frames(passes):
    fn = run_passes(verify(parse(FRAMES)), passes)
    assert show(parse(show(fn))) == show(fn)
    for n in (0, 1, 7, 300):
        expected = sum(range(n + 1)) + sum(k * k for k in range(n + 1))
        assert run(fn, [n]) == Native(fn)(n) == (expected,)


def test_a_called_function_frees_what_is_its_own():
    fn = run_passes(parse(FRAMES), (ownership,))
    frees = [op.operands[0].name for op in walk(fn.functions["walk"].body) if op.name == "free"]
    assert frees == ["scratch"]


def test_only_what_a_callee_writes_is_written():
    text = """
local @first(%a: buffer<f64, 1, C>, %b: buffer<f64, 1, C>) {'may_alias': True} {
  %zero: i64 = const 0
  %x: f64 = load %a[%zero]
  store %x, %b[%zero]
  call @second(%b, %a)
  return
}
local @second(%a: buffer<f64, 1, C>, %b: buffer<f64, 1, C>) {'may_alias': True} {
  call @first(%b, %a)
  return
}
func @f(%a: buffer<f64, 1, C>, %b: buffer<f64, 1, C>) {
  call @first(%a, %b)
  return
}
"""
    fn = verify(parse(text))
    assert Aliases(fn).written(fn) == {fn.params[1]}
    assert Aliases(fn).read(fn) == set(fn.params)


def test_functions_no_longer_called_leave_the_table():
    text = """
local @g(%x: f64) {'may_alias': True} {
  return %x
}
func @f(%x: f64) {
  %no: bool = const false
  %y: f64 = if %no {
    %z: f64 = call @g(%x)
    yield %z
  } else {
    yield %x
  }
  return %y
}
"""
    assert not run_passes(parse(text), PASSES).functions


def test_recursion_without_an_end_is_refused():
    def endless(x):
        return endless(x + 1.0)

    with pytest.raises(UnsupportedError, match="calls itself on every path"):
        llad.jit(endless)(1.0)


def same(a, n):
    return a if n == 0 else same(a, n - 1)


def shorter(a, n):
    return a if n == 0 else shorter(a[1:], n - 1)


def merged(a):
    if len(a) < 2:
        return a
    left, right = merged(a[: len(a) // 2]), merged(a[len(a) // 2 :])
    out = np.empty(len(a))
    for k in range(len(a)):
        out[k] = left[k // 2 % len(left)] + right[k // 2 % len(right)]
    return out


@pytest.mark.parametrize("a", [np.arange(4.0), np.arange(8.0)[::2], np.arange(8.0)[::-2]])
@pytest.mark.parametrize("function", [same, shorter])
def test_memory_of_an_argument_comes_back_as_in_python(function, a):
    back, expected = llad.jit(function)(a, 2), function(a, 2)
    assert back.__array_interface__ == expected.__array_interface__
    assert llad.jit(same)(a, 3) is a


@pytest.mark.parametrize("n", [1, 2, 7])
def test_what_may_be_an_argument_or_new_comes_back_as_in_python(n):
    a = np.arange(1.0, 1.0 + n)
    back = llad.jit(merged)(a)
    np.testing.assert_array_equal(back, merged(a))
    assert (back is a) == (n == 1)


def test_captured_arrays_come_back():
    def weights(n):
        return WEIGHTS if n == 0 else weights(n - 1)

    assert llad.jit(weights)(3) is WEIGHTS


def test_one_array_comes_back_twice():
    def twins(x, n):
        if n == 0:
            a = np.full(3, x)
            return a, a[1:]
        return twins(x, n - 1)

    a, b = llad.jit(twins)(2.0, 3)
    b[0] = 7.0
    assert a[1] == 7.0


def test_lists_are_read_only_where_a_copy_of_them_is_passed():
    def changed(v, n):
        if n > 0:
            v[0] *= 2.0
            changed(v, n - 1)
        return v[0]

    def changed_by_the_caller(x, n):
        v = [x, x]
        w = last(v, n)
        w[0] = 5.0
        return v[0]

    def told_apart(x, n):
        v = [x, x]
        return 1.0 if last(v, n) is v else 2.0

    def last(v, n):
        return v if n == 0 else last(v, n - 1)

    with pytest.raises(UnsupportedError, match="changing a list"):
        llad.jit(lambda x, n: changed([x], n))(1.0, 3)
    with pytest.raises(UnsupportedError, match="changing a list"):
        llad.jit(changed_by_the_caller)(1.0, 3)
    with pytest.raises(UnsupportedError, match="`is` between"):
        llad.jit(told_apart)(1.0, 3)


def test_a_list_may_grow_from_call_to_call():
    def collected(v, n):
        return sum(v) * v[-1] if n == 0 else collected([*v, np.sin(v[-1]) * n], n - 1)

    def started(x, n):
        return collected([x], n)

    check_gradient(llad.jit_grad(started), 0.7, 3)


def test_the_table_holds_what_is_called():
    traced = trace(mutual, (spec_of(0.5), spec_of(3)))
    named = {op.attrs["callee"] for op in walk(traced.function.body) if op.name == "call"}
    assert named <= set(traced.function.functions)
    text = llad.jit(mutual).dump_ir(0.5, 3)
    assert "local @even(" in text and "call @even(" in text


def slope(x, n):
    return x * x * x if n == 0 else llad.grad(slope)(x, n - 1)


def test_a_recursion_through_derivatives_ends_while_compiling_or_is_refused():
    def at(n):
        return lambda x: slope(x, n)

    assert [llad.jit(at(n))(2.0) for n in range(4)] == [8.0, 12.0, 12.0, 6.0]
    with pytest.raises(UnsupportedError, match="calls itself inside its own derivative"):
        llad.jit(slope)(2.0, 2)


def queens(taken, row):
    n = len(taken)
    if row == n:
        return 1
    count = 0
    for c in range(n):
        free = True
        for above in range(row):
            free = free and taken[above] != c and abs(taken[above] - c) != row - above
        if free:
            taken[row] = c
            count += queens(taken, row + 1)
    return count


def moves(n):
    return 0 if n == 0 else 2 * moves(n - 1) + 1


def test_counts_are_exact_and_have_no_derivative():
    f = llad.jit(lambda n: queens(np.zeros(n, dtype=np.int64), 0))
    assert [f(n) for n in range(1, 8)] == [1, 0, 0, 2, 10, 4, 40]
    assert llad.jit(moves)(62) == 2**62 - 1
    with pytest.raises(OverflowError):
        llad.jit(moves)(64)
    with pytest.raises(llad.LladError, match="has no derivative"):
        llad.grad(moves)(5)
