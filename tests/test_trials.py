"""What is traced to learn something and then forgotten leaves nothing behind: names, lists, sets, what was read.

A loop that appends to a list is traced twice, one over a short range is tried written out, a condition is traced before
the loop that it is of, and both sides of an `if` start from what was there before it.
"""

from __future__ import annotations

import numpy as np
import pytest

import llad
from llad.diagnostics import UnsupportedError
from llad.testing import assert_close, check_gradient, copy_arguments

pytestmark = pytest.mark.usefixtures("scalar_code")

A, B = np.array([0.33, -0.8, 1.1, 0.27]), np.array([1.0, 2.5, 3.0, -4.0])


def read_in_a_branch_that_appends(a, b, c):
    out = []
    pairs = zip(a, b, strict=True)
    if c > 0.0:
        for u, v in pairs:
            out.append(u * v)
    return sum(out) + c


def read_by_a_loop_that_appends(a, b, c):
    out = [c]
    pairs = enumerate(zip(a, b, strict=True))
    for k, (u, v) in pairs:
        if u > 0.0:
            out.append(k * u * v + out[-1])
    return sum(out)


def read_on_both_sides(a, b, c):
    pairs = zip(a, b, strict=True)
    if c > 0.0:
        total = sum(u * v for u, v in pairs)
    else:
        total = c * sum(u - v for u, v in pairs)
    return total


def read_before_a_return(a, b, c):
    pairs = zip(a, b, strict=True)
    if c > 0.0:
        return sum(u * v for u, v in pairs)
    return c * sum(u - v for u, v in pairs)


def read_where_something_raises(a, b, c):
    pairs = zip(a, b, strict=True)
    if c > 5.0:
        raise ValueError(f"too large: {c}")
    return c * sum(u - v for u, v in pairs)


def keys_that_a_trial_has_met(a, b, c):
    met, out = set(), []
    for k in range(6):
        key = k % 3
        if key in met:
            continue
        met.add(key)
        out.append(c * a[key])
    return sum(out) * len(met)


def values_that_a_trial_has_stored(a, b, c):
    table, out = {}, []
    for k in range(6):
        if k % 3 in table:
            continue
        table[k % 3] = a[k % 3] * c
        out.append(table[k % 3])
    return sum(out) * len(table)


def items_that_a_trial_has_counted(a, b, c):
    seen, out = [], []
    for k in range(5):
        seen.append(k)
        if len(seen) > 3:
            continue
        out.append(a[k] * c)
    return sum(out) + len(seen)


PROGRAMS = [
    read_in_a_branch_that_appends,
    read_by_a_loop_that_appends,
    read_on_both_sides,
    read_before_a_return,
    read_where_something_raises,
    keys_that_a_trial_has_met,
    values_that_a_trial_has_stored,
    items_that_a_trial_has_counted,
]


@pytest.mark.parametrize("c", [0.7, -0.4])
@pytest.mark.parametrize("function", PROGRAMS)
def test_what_was_tried_is_forgotten(function, c):
    ours = llad.jit_grad(function)
    args = (A, B, c)
    assert_close(ours(*args), function(*copy_arguments(args)), rtol=1e-13, what=function.__name__)
    check_gradient(ours, *args)


def spent_on_one_side(a, b, c):
    pairs = zip(a, b, strict=True)
    total = c
    if c > 0.0:
        total = sum(u * v for u, v in pairs)
    return total + sum(u for u, v in pairs)


def spent_on_the_other_side(a, b, c):
    doubled = map(abs, (a[0], c))
    flag = c > 0.0 and any(v > 0.1 for v in doubled)
    return c if flag else c * sum(doubled)


def spent_by_a_condition(a, b, c):
    values = map(abs, (a[0], c))
    n = 0
    while any(v > n for v in values):
        n += 1
    return c * n


def spent_in_a_function(a, b, c):
    pairs = zip(a, b, strict=True)

    def total():
        if c > 0.0:
            return sum(u * v for u, v in pairs)
        return 0.0

    return total() + total()


@pytest.mark.parametrize(
    "function", [spent_on_one_side, spent_on_the_other_side, spent_by_a_condition, spent_in_a_function]
)
def test_what_was_read_on_some_path_is_spent(function):
    with pytest.raises(UnsupportedError, match="an iterator that was gone over already"):
        llad.jit(function)(A, B, 0.5)
