"""`raise` and `assert` of compiled code: the exception is Python's, and its text names file and line."""

from __future__ import annotations

import contextlib
import gc
import math
import traceback
import types
import weakref

import numpy as np
import pytest

import llad

pytestmark = pytest.mark.usefixtures("quick_code")


def raises_a_value_error(x):
    if x < 0.0:
        raise ValueError("negative")
    return x


def raises_a_class(x):
    if x < 0.0:
        raise ZeroDivisionError
    return x


def raises_in_a_loop(x):
    for i in range(5):
        while True:
            if x < i - 1.0:
                raise IndexError(f"at {'last'}") from None
            break
    return x


def raises_braces(x):
    if x < 0.0:
        raise KeyError("{x} and {} and %d")
    return x


def raises_a_kept_exception(x):
    error = RuntimeError("kept")
    if x < 0.0:
        raise error
    return x


def raises_always(x):
    raise NotImplementedError("later")


def raises_through_a_call(x):
    return raises_a_value_error(x) + 1.0


def asserts_braces(x):
    assert x > 0.0, "{} of {x}"
    return x


def raises_numbers(x):
    for k in range(3):
        if x < k / 2 - 0.75:
            raise ValueError(f"x={x!r} {x:>9.2e} is less than {k:d}: {x < k}, {{}}" + " at " + "all")
    return x


def raises_numbers_in_a_form(x):
    a = np.arange(4)
    if x < a[1]:
        raise RuntimeError("{1:+.2f} and {0}, {2}, {0:2d}".format(len(a), x, "{}"))
    return x


def raises_numbers_by_percent(x):
    if x < 0.0:
        n = int(2 * x)
        raise ArithmeticError("%d%% of %s {} %-5s|%+08.3f %5.1e" % (n, x, "a", x, n))  # noqa: UP031
    return x


def asserts_what_is_there(x):
    a = np.array([x, 2.0])
    k = int(x) + 1  # which is an index only where the assertion fails
    assert k > 1, f"{a[k]} and {1 // (k - 7)}"
    return x


ERRORS = [
    (raises_a_value_error, ValueError, "negative", 2),
    (raises_a_class, ZeroDivisionError, "", 2),
    (raises_in_a_loop, IndexError, "at last", 4),
    (raises_braces, KeyError, "{x} and {} and %d", 2),
    (raises_a_kept_exception, RuntimeError, "kept", 3),
    (asserts_braces, AssertionError, "{} of {x}", 1),
    (raises_numbers, ValueError, "x=-1.0 -1.00e+00 is less than 0: True, {} at all", 3),
    (raises_numbers_in_a_form, RuntimeError, "-1.00 and 4, {},  4", 3),
    (raises_numbers_by_percent, ArithmeticError, "-2% of -1.0 {} a    |-001.000 -2.0e+00", 3),
    (asserts_what_is_there, AssertionError, "-1.0 and -1", 3),
]


@pytest.mark.parametrize("mode", ["value", "value_and_grad", "jvp"])
@pytest.mark.parametrize(("function", "error", "text", "line"), ERRORS)
def test_what_python_raises_is_raised(function, error, text, line, mode):
    f = llad.jit_grad(function)
    call = {"value": f, "value_and_grad": f.value_and_grad, "jvp": lambda x: f.jvp((x,), (1.0,))}[mode]
    with pytest.raises(error) as expected:
        function(-1.0)
    with pytest.raises(error) as raised:
        call(-1.0)
    assert type(raised.value) is type(expected.value) is error
    place = f"(test_raising.py, line {function.__code__.co_firstlineno + line})"
    assert raised.value.args == (f"{text} {place}",)


def test_the_line_is_that_of_the_callee():
    with pytest.raises(ValueError, match=rf"line {raises_a_value_error.__code__.co_firstlineno + 2}"):
        llad.jit(raises_through_a_call)(-1.0)


def test_a_function_that_always_raises_has_a_value_to_raise():
    with pytest.raises(NotImplementedError, match="later"):
        llad.jit(raises_always)(1.0)


def test_what_is_known_is_not_zipped_with_a_shorter_array():
    f = llad.jit(lambda a: sum(v * w for v, w in zip(a, (1.0, 2.0))))  # noqa: B905
    assert f(np.ones(3)) == f(np.ones(2)) == 3.0
    with pytest.raises(ValueError, match="2 items that are known when the function is traced, and of 1 that are not"):
        f(np.ones(1))


def test_an_array_gives_as_many_arguments_as_are_wanted():
    f = llad.jit(lambda a: np.hypot(*a))
    assert f(np.array([3.0, 4.0])) == 5.0
    for count in (1, 3):
        with pytest.raises(TypeError, match=f"want 2 positional arguments, of which an array gives {count}"):
            f(np.ones(count))


def test_paths_that_do_not_raise_go_on():
    for function, *_ in ERRORS:
        assert llad.grad(function)(6.0) == 1.0


# -- floats that are no index


def gathered(a, x):
    s = 0.0
    for i in range(len(x)):
        s += a[int(x[i])]
    return s


def guarded(a, x):
    s = 0.0
    for i in range(len(x)):
        if 0.0 <= x[i] < len(a):
            s += a[math.floor(x[i])]
    return s


def cast(a, x):
    k = x.astype(np.int64)
    return a[k[len(x) - 1]]


WRONG = [
    (math.nan, ValueError, "cannot convert float NaN to integer"),
    (math.inf, OverflowError, "cannot convert float infinity to integer"),
    (-math.inf, OverflowError, "cannot convert float infinity to integer"),
    (2.0**63, OverflowError, "too large"),
    (-(2.0**63) - 2048, OverflowError, "too large"),
    (np.nextafter(2.0**63, 0), IndexError, "out of bounds"),
    (-(2.0**63), IndexError, "out of bounds"),
    (8.0, IndexError, "out of bounds"),
]


@pytest.mark.parametrize("wrong, kind, message", WRONG)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_nan_and_infinity_do_not_become_an_index(wrong, kind, message, dtype):
    if dtype is np.float32 and wrong in (WRONG[4][0], WRONG[5][0]):
        return  # rounds to another of these
    a, x = np.arange(8.0), np.array([1.0, 7.9, -1.0, wrong], dtype)
    for function in (gathered, cast):
        f = llad.jit_grad(function)
        for call in (f, f.grad, f.value_and_grad, lambda a, x, f=f: f.jvp((a, x), (a, None))):
            with pytest.raises(kind, match=message):
                call(a, x)
    f = llad.jit_grad(guarded)
    assert f(a, x) == 8.0
    np.testing.assert_array_equal(f.grad(a, x)[0], [0, 1, 0, 0, 0, 0, 0, 1])


# -- tracebacks


def second(a, i):
    return 2.0 * a[i]


def first(a, i):
    return second(a, i) + 1.0


def divided(a, i):
    return a[0] * (7 // i)


def too_large(a, i):
    return a[0] * (i * i)


def not_whole(a, i):
    return a[0] * int(a[1] * i)


def mismatched(a, i):
    return np.sum(a + np.zeros(i))


def too_much(a, i):
    b = np.zeros(i)
    for k in range(1, i):
        b[k] = b[k - 1] + b[k // 2] + a[0]
    return b[i - 1]


def bottomless(a, i):
    return a[0] if i < 0 else bottomless(a, i + 1)


VALUES = np.array([1.0, math.nan, math.inf])
ALL = [
    (second, 3, IndexError, ["second"]),
    (first, -4, IndexError, ["first", "second"]),
    (divided, 0, ZeroDivisionError, ["divided"]),
    (too_large, 2**40, OverflowError, ["too_large"]),
    (not_whole, 1, ValueError, ["not_whole"]),
    (mismatched, 2, ValueError, ["mismatched"]),
    (too_much, 2**58, MemoryError, ["too_much"]),
    (bottomless, 2**20, RecursionError, ["bottomless"]),
]


def frames_of(error):
    """The frames of the functions above in the traceback: name, and line after the `def`."""
    found = []
    for frame in traceback.extract_tb(error.__traceback__):
        if (function := globals().get(frame.name)) is not None and isinstance(function, types.FunctionType):
            if frame.name.startswith("test_"):
                continue
            assert frame.filename == __file__
            found.append((frame.name, frame.lineno - function.__code__.co_firstlineno))
    return found


@pytest.mark.parametrize("function, i, kind, names", ALL, ids=lambda x: getattr(x, "__name__", None))
def test_tracebacks_end_in_the_line_of_the_function_that_failed(function, i, kind, names):
    f = llad.jit_grad(function)
    calls = [
        lambda: f(VALUES, i),
        lambda: f.grad(VALUES, i),
        lambda: f.value_and_grad(VALUES, i),
        lambda: f.jvp((VALUES, i), (VALUES, None)),
        lambda: llad.jit(lambda a, i: llad.grad(f)(a, i)[0])(VALUES, i),
    ]
    if function is not bottomless:  # a derivative of a derivative of a recursion is refused
        calls.append(lambda: llad.jit_grad(lambda a, i: llad.grad(f)(a, i)[0]).grad(VALUES, i))
    for call in calls:
        with pytest.raises(kind) as raised:
            call()
        found = frames_of(raised.value)[-len(names) :]
        if function is not too_much:  # whose gradient needs memory for a shadow too, at another line
            assert found == [(name, 1) for name in names]
        line = globals()[names[-1]].__code__.co_firstlineno + found[-1][1]
        assert str(raised.value).endswith(f"(test_raising.py, line {line})")


def test_a_traceback_names_the_columns():
    with pytest.raises(IndexError) as raised:
        llad.jit(first)(VALUES, 5)
    printed = "".join(traceback.format_exception(raised.value))
    assert "    return second(a, i) + 1.0\n           ^^^^^^^^^^^^\n" in printed
    assert "    return 2.0 * a[i]\n                 ~^^^\n" in printed


def test_a_raised_exception_is_in_no_cycle():
    f = llad.jit(first)
    gc.collect()
    gc.disable()
    try:
        with contextlib.suppress(IndexError):
            f(VALUES, 5)
        try:
            f(VALUES, 5)
        except IndexError as error:
            error.mark = marked = np.zeros(1)
        gone = weakref.ref(marked)
        del marked
        assert gone() is None
    finally:
        gc.enable()


DERIVATIVES_OF_A_RAISE = [
    lambda f: llad.jit_grad(f).grad(1.0),
    lambda f: llad.jit_grad(f).value_and_grad(1.0),
    lambda f: llad.jit_grad(f).jvp((1.0,), (1.0,)),
    lambda f: llad.vjp(f, 1.0)[1](1.0),
    lambda f: llad.jacfwd(f)(1.0),
    lambda f: llad.hessian(f)(1.0),
    lambda f: llad.jit(lambda x: llad.grad(f)(x))(1.0),
    lambda f: llad.jit(lambda x: llad.jvp(f, (x,), (1.0,)))(1.0),
    lambda f: llad.jit(lambda x: llad.vjp(f, x)[1](1.0))(1.0),
    lambda f: llad.grad(llad.grad(f))(1.0),
]


@pytest.mark.parametrize("call", DERIVATIVES_OF_A_RAISE)
def test_derivatives_of_a_function_that_always_raises_raise(call):
    with pytest.raises(NotImplementedError, match=rf"line {raises_always.__code__.co_firstlineno + 1}"):
        call(raises_always)


def test_a_derivative_that_raises_on_one_path_leaves_the_other():
    f = llad.jit(lambda x: llad.grad(raises_always)(x) if x < 0.0 else llad.grad(lambda v: v * v)(x))
    assert f(3.0) == 6.0
    with pytest.raises(NotImplementedError, match="later"):
        f(-1.0)


def test_a_derivative_that_raises_leaves_its_arguments_alone():
    def written(p, a):
        p["list"][0][0] = 7.0
        a[0] = p["list"][0][0]
        raise ValueError("too late")

    p, a = {"list": [np.ones(2)]}, np.ones(2)
    for f in (llad.jit(lambda p, a: llad.grad(written)(p, a)), llad.jit_grad(written).grad):
        with pytest.raises(ValueError, match="too late"):
            f(p, a)
        assert p["list"][0][0] == a[0] == 1.0


def test_next_of_nothing_raises():
    first = llad.jit(lambda a: next(v for v in a if v > 1.0) + next(iter(a[:1])))
    assert first(np.array([0.5, 2.0])) == 2.5
    with pytest.raises(StopIteration):
        first(np.array([0.5, 1.0]))
    with pytest.raises(StopIteration):
        llad.jit(lambda a: next(iter(a[:0])))(np.ones(2))


def far_along(x, n):
    for i in range(n):
        s = x[i]
        if n > 5:
            raise OverflowError("far")
    return s


def as_an_integer(x, n):
    s = 0
    for i in range(n):
        s += int(x[i])
    return s


@pytest.mark.parametrize("function", [far_along, as_an_integer])
@pytest.mark.parametrize("fastmath", [False, True])
def test_an_index_that_fails_later_is_not_told_before_an_overflow(function, fastmath):
    with pytest.raises(OverflowError):
        llad.jit(function, fastmath=fastmath)(np.array([1.0, math.inf, 2.0]), 7)
