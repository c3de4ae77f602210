"""`with` on objects of a user's class: what they change is seen inside and behind it, or it is refused."""

from __future__ import annotations

import numpy as np
import pytest

import llad
from tests.objects_for_loops import A, Box, check_numbers


class Scaled:
    """A dict's item is another one inside."""

    def __init__(self, held, factor):
        self.held, self.factor = held, factor

    def __enter__(self):
        self.held["k"] *= self.factor
        return self

    def __exit__(self, *error):
        self.held["k"] /= self.factor


class Counted(Scaled):
    n = 0.0

    def __exit__(self, kind, error, trace):
        super().__exit__(kind, error, trace)
        self.held["n"] += 1.0 if kind is None else 100.0
        return False


class Suppressing(Scaled):
    def __exit__(self, *error):
        return True


class Opened:
    def __enter__(self):
        return 1.0


def inside_and_behind(x):
    held = {"k": 1.0}
    with Scaled(held, 3.0) as scaled:
        y = x * held["k"] * scaled.factor
    return y * y + held["k"]


def several_in_a_loop(a):
    held, total = {"k": 1.0, "n": 0.0}, 0.0
    for v in a:
        with Counted(held, 2.0), Scaled(held, v) as inner:
            if v > 2:
                total += held["k"] * inner.factor
            else:
                total -= held["k"]
            for w in a:
                if w < 0:
                    break
                total += w * held["k"]
        total += held["k"]
    return total * held["n"]


def returned_at_its_end(x):
    held = {"k": 1.0, "n": 0.0}

    def product(y):
        with Counted(held, y):
            y = 2 * y
            return y * held["k"]

    return product(x) + held["k"] + held["n"] * x


def an_object_that_was_there(x):
    held = {"k": x}
    scaled = Scaled(held, x)
    with scaled:
        with scaled as again:
            y = held["k"] * again.factor
        y += held["k"]
    return y + held["k"]


def entered_as_something_else(x):
    class_of_its_own = Opened_and_left(Box(x))
    with class_of_its_own as (box, y):
        box.push(y)
        box.x *= y
    return box.x * class_of_its_own.box.x


class Opened_and_left:
    def __init__(self, box):
        self.box = box

    def __enter__(self):
        return self.box, 2.0

    def __exit__(self, *error):
        self.box.x += 1.0


def with_an_error(x):
    held = {"k": 1.0}
    with Scaled(held, x):
        if x > 100.0:
            raise ValueError("large")
        y = held["k"] * x
    return y


def beside_errstate(x):
    held = {"k": 2.0}
    with np.errstate(all="ignore"), Scaled(held, x):
        return x * held["k"]


PROGRAMS = [
    (inside_and_behind, 0.7), (several_in_a_loop, A), (returned_at_its_end, 0.7), (an_object_that_was_there, 0.7),
    (entered_as_something_else, 0.7), (with_an_error, 0.7), (beside_errstate, 0.7),
]  # fmt: skip


@pytest.mark.parametrize("fastmath", [False, True])
@pytest.mark.parametrize(("program", "args"), [(f, a) for f, *a in PROGRAMS], ids=lambda p: getattr(p, "__name__", ""))
def test_the_numbers_are_python_s(program, args, fastmath):
    check_numbers(program, args, fastmath)


def test_errors_go_past_it():
    with pytest.raises(ValueError, match="large"):
        llad.jit(with_an_error)(101.0)


def left_by_a_return(x):
    with Scaled({"k": 1.0}, x):
        if x > 0:
            return x
    return 2 * x


def left_by_a_break(x):
    for _ in range(5):
        with Scaled({"k": 1.0}, x):
            if x > 0:
                break
    return x


def suppressing_errors(x):
    with Suppressing({"k": 1.0}, x):
        x = 2 * x
    return x


def never_left(x):
    with Opened() as y:
        return x * y


def a_number(x):
    with x as y:
        return x * y


REFUSED = [
    (left_by_a_return, "LL120"), (left_by_a_break, "LL120"), (suppressing_errors, "LL120"), (never_left, "LL102"),
    (a_number, "LL102"),
]  # fmt: skip


@pytest.mark.parametrize(("program", "code"), REFUSED, ids=lambda p: getattr(p, "__name__", ""))
def test_what_might_leave_it_otherwise_is_refused(program, code):
    with pytest.raises(llad.UnsupportedError, match="`with`") as refused:
        llad.jit(program)(0.5)
    assert refused.value.code == code
