"""Operators and comparisons of objects and structures: whom Python asks, in which order, and what it compares."""
# ruff: noqa

import dataclasses
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from language.case import case

A = np.array([0.5, 1.5, 2.0])


@dataclass
class Inner:
    a: float


@dataclass
class Outer:
    inner: Inner
    b: float


@dataclass(order=True)
class Ranked:
    rank: float
    label: float = dataclasses.field(default=0.0, compare=False)


class Reversed(NamedTuple):
    x: float
    y: float

    def __lt__(self, other):
        return self.y > other.y

    def __eq__(self, other):
        return self.x == other.x


class Pair(NamedTuple):
    first: object
    second: float


class Number:
    def __init__(self, x):
        self.x = x

    def __eq__(self, other):
        return self.x == other

    def __le__(self, other):
        return self.x <= other

    def __ge__(self, other):
        return self.x >= other + 1.0

    def __add__(self, other):
        return self.x * 10.0 + other.x

    def __radd__(self, other):
        return self.x * 100.0 + other.x

    def __lt__(self, other):
        return self.x < other.x

    def __gt__(self, other):
        return self.x > other.x + 1.0


class Derived(Number):
    def __radd__(self, other):
        return self.x * 1000.0 + other.x

    def __gt__(self, other):
        return self.x > other.x + 5.0


class Plain(Number):
    pass


class Sum:
    def __init__(self, x):
        self.x = x

    def __iadd__(self, other):
        self.x = self.x + 2.0 * other
        return self

    def __isub__(self, other):
        return Sum(self.x - 3.0 * other)

    def __imul__(self, other):
        return self.x * other

    def __itruediv__(self, other):
        return NotImplemented

    def __truediv__(self, other):
        return Sum(self.x / other)

    def __add__(self, other):
        return Sum(self.x + 1000.0)


class Moved(NamedTuple):
    x: float

    def __iadd__(self, other):
        return Moved(self.x + 2.0 * other)

    def __add__(self, other):
        return Moved(self.x + other)


class Rows:
    def __init__(self, rows):
        self.rows, self.stored = rows, 0.0

    def __getitem__(self, k):
        return self.rows[k]

    def __setitem__(self, k, row):
        self.rows[k] = row
        self.stored += 1.0

    @property
    def all(self):
        return self.rows

    @all.setter
    def all(self, rows):
        self.rows = rows
        self.stored += 10.0


INNER = Inner(1.5)
NUMBER = Number(2.0)


@case(1.5)
def fields_of_fields(x):
    same = Outer(Inner(x), 1.0) == Outer(Inner(x + 0.0), 1.0)
    other = Outer(Inner(x), 1.0) != Outer(Inner(x), 2.0)
    return x * same + 10.0 * x * other


@case(1.5)
def fields_that_do_not_count(x):
    return x * (Ranked(x, 1.0) == Ranked(x, 2.0)) + 3.0 * x * (Ranked(x, 1.0) < Ranked(x + 1.0))


@case(1.5)
def dicts_by_their_items(x):
    same = {"a": x, "b": [x, {"c": Inner(x)}]} == {"b": [x, {"c": Inner(x)}], "a": x + 0.0}
    other = {"a": x} != {"a": x + 1.0}
    return x * same + 10.0 * x * other + ({"a": x} == {"b": x}) + ({"a": 1.0} == {"a": 1.0, "b": x})


@case(1.5)
def objects_in_structures(x):
    found = [Inner(x), Inner(2.0)].index(Inner(2.0))
    return x * ([Inner(x)] == [Inner(x + 0.0)]) + 10.0 * x * (Inner(x) in (Inner(0.5), Inner(x + 0.0))) + found


@case(0.5)
def what_was_found_with_what_is_made(x):
    made = Inner(x - x + 1.5)
    return x * (INNER == made) + 10.0 * x * (made == INNER) + 100.0 * (Inner(x) == INNER) + (INNER == x)


@case(1.5)
def tuples_whatever_their_class(x):
    return x * (Pair(x, 1.0) == (x, 1.0)) + 10.0 * x * ((x, 1.0) < Pair(x, 2.0)) + (Pair(Inner(x), 1.0) == Pair(Inner(x), 1.0))


@case(1.5)
def named_tuples_by_their_methods(x):
    least = min([Reversed(x, 1.0), Reversed(x, 2.0)])
    return x * (Reversed(x, 1.0) == Reversed(x, 2.0)) + least.y + 10.0 * ((Reversed(x, 1.0),) == (Reversed(x, 2.0),))


@case(1.5)
def numbers_ask_the_object(x):
    return x * (x == Number(x)) + 10.0 * (x != Number(x)) + 100.0 * (2.0 >= Number(x)) + 1000.0 * (2.0 <= Number(x))


@case(1.5, 2.25)
def who_is_asked_first(x, y):
    sums = (Number(x) + Derived(y)) + 3.0 * (Derived(x) + Number(y)) + 5.0 * (Number(x) + Plain(y))
    return sums + (Number(x) < Derived(y)) + 2.0 * (Number(x) < Plain(y))


@case(1.5)
def operators_of_what_was_found(x):
    return x * (NUMBER <= 2.0) + (NUMBER + Number(x)) + 10.0 * (x == NUMBER)


@case(1.5, 0.5)
def changed_in_place(x, y):
    total, moved = Sum(x), Moved(x)
    same = total
    total += y
    moved += y
    return total.x + 10.0 * same.x + 100.0 * moved.x


@case(1.5, 0.5)
def replaced_in_place(x, y):
    total = Sum(x)
    same = total
    total -= y
    total /= 2.0
    product = Sum(y)
    product *= x
    return total.x + 10.0 * same.x + 100.0 * product


@case(1.5, 0.5)
def items_changed_in_place(x, y):
    sums = [Sum(x), Sum(y)]
    first = sums[0]
    sums[0] += y
    sums[1] -= x
    return first.x + 10.0 * sums[0].x + 100.0 * sums[1].x


@case(A)
def stored_after_a_change_in_place(a):
    rows = Rows(np.outer(a, a))
    rows[0] += 1.0
    rows.all *= 2.0
    return rows.stored * rows.rows[0, 1]
