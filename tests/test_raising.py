"""`raise` and `assert` of compiled code: the exception is Python's, and its text names file and line."""

from __future__ import annotations

import pytest

import llad


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


ERRORS = [
    (raises_a_value_error, ValueError, "negative", 2),
    (raises_a_class, ZeroDivisionError, "", 2),
    (raises_in_a_loop, IndexError, "at last", 4),
    (raises_braces, KeyError, "{x} and {} and %d", 2),
    (raises_a_kept_exception, RuntimeError, "kept", 3),
    (asserts_braces, AssertionError, "{} of {x}", 1),
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


def test_paths_that_do_not_raise_go_on():
    for function, *_ in ERRORS:
        assert llad.grad(function)(6.0) == 1.0
