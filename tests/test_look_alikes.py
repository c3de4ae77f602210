"""What equals a plain value, or bears a library's name, and is something else."""

from __future__ import annotations

import collections
import enum
import functools

import numpy as np
import pytest
import scipy.linalg

import llad


class Pair(collections.namedtuple("Pair", "a b")):
    k = 2.0

    def area(self):
        return self.a * self.b


class Count(int):
    k = 3.0


class Level(enum.IntEnum):
    LOW = 1

    def weight(self):
        return 4.0


class Other(enum.IntEnum):
    LOW = 1


class Text(str):
    k = 5.0


class Plain:
    k = 8.0


def scaled(x, by):
    return x * by


pair, count, text, plain = Pair(2.0, 3.0), Count(3), Text("a"), Plain()
doubled = functools.partial(scaled, by=2.0)
count.own = 6.0


@llad.jit
def read(x):
    return x * (pair.area() + pair.k) + count.k + count.own + Level.LOW.weight() + text.k + plain.k + doubled(x)


@pytest.mark.parametrize(
    ("owner", "name", "value"),
    [
        (Pair, "area", lambda self: self.a),
        (Pair, "k", 7.0),
        (Count, "k", 7.0),
        (count, "own", 7.0),
        (Level, "weight", lambda self: 7.0),
        (Text, "k", 7.0),
        (plain, "k", 7.0),  # which the class had so far
        (doubled.keywords, "by", 7.0),
    ],
)
def test_what_is_found_in_objects_may_be_bound_anew(owner, name, value, monkeypatch):
    before = read(0.5)
    assert before == read.py_func(0.5)
    change = monkeypatch.setitem if isinstance(owner, dict) else monkeypatch.setattr
    change(owner, name, value)
    assert read(0.5) == read.py_func(0.5) != before


@llad.jit
def chosen(x, how):
    return x if how is Level.LOW else 2.0 * x if how is Other.LOW else 3.0 * x if isinstance(how, Text) else 4.0 * x


@llad.jit
def counted(x, items):
    for item in items:
        x = 2.0 * x if isinstance(item, bool) else 3.0 * x
    return x


def test_arguments_that_equal_each_other_are_not_the_same():
    for how in (Level.LOW, Other.LOW, "a", Text("a"), "a", Level.LOW):
        assert chosen(1.0, how) == chosen.py_func(1.0, how)
    for items in ({1}, {True}, {(1, 2)}, {(True, 2)}):
        assert counted(1.0, frozenset(items)) == counted.py_func(1.0, frozenset(items))


@functools.wraps(np.linalg.det)
def det(a):
    return a[0, 0]


@functools.wraps(scipy.linalg.expm)
def expm(a):
    return 2.0 * a


@llad.jit
def wrapped(a):
    return det(a) + expm(a)[0, 1]


def test_what_wraps_a_function_is_not_that_function():
    assert wrapped(np.array([[2.0, 3.0], [5.0, 7.0]])) == 8.0
