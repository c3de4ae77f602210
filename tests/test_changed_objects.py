"""Lists, dicts and objects that traced code changes: what Python makes of it, or refused; never another value.

They exist while tracing only, so a change that some paths make must not be seen by those that jumped before it.
"""

from __future__ import annotations

import operator
import types
from dataclasses import dataclass

import pytest

import llad

POINTS = (-1.0, 0.5, 1.0, 3.0)


class Box:
    def __init__(self, held):
        self.held = held


def pair(x):
    return [x, x * x]


def after_continue(x):
    for _ in range(1):
        made = [x]
        if x > 0:
            continue
        made[0] = 7.0
    return made[0]


def after_break(x):
    while True:
        made = {"a": x}
        if x > 0:
            break
        made["a"] = 3.0
        break
    return made["a"]


def after_return(x):
    def inner():
        made = Box(x)
        if x > 0:
            return made
        made.held = 9.0
        return made

    return inner().held


def after_break_of_a_short_loop(x):
    rows = []
    for i in range(3):
        rows.append([x * i])
        if x > i:
            break
    return len(rows) + rows[0][0]


def held_from_outside(x):
    keep = []

    def inner():
        made = [x]
        keep.append(made)
        if x > 0:
            return 1.0
        made[0] = 9.0
        return 2.0

    return inner() + keep[0][0]


def in_a_run_time_loop(x):
    i, total = 0.0, 0.0
    made = [x]
    while i < 3.0:
        made = [x, made[0]]
        i += 1.0
        if x > i + 0.25:
            continue
        made[1] = total
        total += made[0]
    return made[0] + total


def inside_another(x):
    for _ in range(1):
        made = (1.0, {"a": [x]})
        if x > 0:
            continue
        made[1]["a"].append(2.0)
    return float(len(made[1]["a"]))


CHANGED_ON_SOME_PATHS = [inside_another]


@pytest.mark.parametrize("program", CHANGED_ON_SOME_PATHS, ids=lambda f: f.__name__)
def test_a_list_gets_no_longer_where_another_path_still_sees_it(program):
    with pytest.raises(llad.UnsupportedError, match="changing a") as refused:
        llad.jit(program)(1.0)
    assert refused.value.span is not None and refused.value.span.file == __file__


def made_by_a_call(x):
    made = pair(x)
    made.append(3.0 * x)
    made[0] = made[2]
    return made[0] * made[1]


def made_by_a_chain_of_calls(x):
    def grown(n):
        if n == 0:
            return pair(x)
        made = grown(n - 1)
        made.append(made[-1] + n)
        return made

    return sum(grown(3))


def made_by_a_call_in_a_run_time_loop(x):
    total = 0.0
    while total < 5.0:
        made = pair(x)
        box = Box(made)
        box.held.append(total)
        made[0] = made[2] + 1.0
        total += made[0] + box.held[1]
    return total


def made_in_an_iteration(x):
    rows = []
    for i in range(3):
        row = [x * i]
        rows.append(row)
    rows[0][0] = 5.0 * x
    rows[1].append(x)
    return rows[0][0] * rows[1][1] + rows[2][0]


def same_on_both_returns(x):
    def inner():
        made = pair(x)
        if x > 0:
            return made
        return made

    made = inner()
    made[0] = made[0] * 2.0
    return made[0] + made[1]


def after_a_guard(x):
    made, total = [x], 0.0
    if x < 0:
        return -1.0
    made.append(2.0 * x)
    for v in made:
        total += v
    return total


def not_read_where_the_jump_leads(x):
    total = 0.0
    for i in range(3):
        made = [x, 2.0]
        if x > i:
            continue
        made[0] *= 3.0
        total += made[0] * made[1]
    return total


def holds_itself(x):
    made = [x]
    made.append(made)
    if x < 0:
        return x
    made[0] = 2.0 * x
    return made[1][0]


CHANGED = [
    after_continue,
    after_break,
    after_return,
    held_from_outside,
    after_break_of_a_short_loop,  # whose list grows
    in_a_run_time_loop,
    made_by_a_call,
    made_by_a_chain_of_calls,
    made_by_a_call_in_a_run_time_loop,
    made_in_an_iteration,
    same_on_both_returns,
    after_a_guard,
    not_read_where_the_jump_leads,
    holds_itself,
]


@pytest.mark.parametrize("program", CHANGED, ids=lambda f: f.__name__)
def test_what_is_changed_is_seen_by_who_comes_by(program):
    f, h = llad.jit_grad(program), 1e-6
    for x in POINTS:
        assert f(x) == pytest.approx(program(x))
        if x not in (-1.0, 1.0):  # no jump near
            assert f.grad(x) == pytest.approx((program(x + h) - program(x - h)) / (2 * h), rel=1e-6)


def test_a_class_may_learn_when_its_objects_are_true():
    class Flag:
        def __init__(self, x):
            self.x = x

    f = llad.jit_grad(lambda x: x if Flag(x) else 2.0 * x)
    assert (f(0.5), f.grad(0.5)) == (0.5, 1.0)
    Flag.__len__ = lambda self: 0
    assert (f(0.5), f.grad(0.5)) == (1.0, 2.0)
    Flag.__bool__ = lambda self: self.x < 1.0
    assert (f(0.5), f(1.5), f.grad(0.5)) == (0.5, 3.0, 1.0)
    Flag.__bool__ = len
    with pytest.raises(llad.UnsupportedError, match=r"Flag\.__bool__"):
        f(0.5)


class Level:
    def __init__(self, x):
        self.x = x

    def __add__(self, other):
        return self.x + other

    def __lt__(self, other):
        return self.x < other

    def __eq__(self, other):
        return self.x == other

    def __neg__(self):
        return -self.x


@dataclass(order=True)
class Grade:
    x: float


LEVEL, GRADE, OTHER = Level(2.0), Grade(2.0), Grade(3.0)
ASKED = {
    "added": lambda x: (LEVEL + 1.0) * x,
    "less": lambda x: x if LEVEL < 3.0 else 2.0 * x,
    "equal": lambda x: x if LEVEL == 2.0 else 2.0 * x,
    "on the right": lambda x: x if LEVEL == 2.0 else 2.0 * x,
    "negated": lambda x: -LEVEL * x,
    "among others": lambda x: x if LEVEL in (2.0, 3.0) else 2.0 * x,
    "items": lambda x: x if (LEVEL, 1.0) == (2.0, 1.0) else 2.0 * x,
    "fields": lambda x: x if Grade(2.0) == GRADE else 2.0 * x,
    "items with fields": lambda x: x if [Grade(2.0)] == [GRADE] else 2.0 * x,
    "greatest": lambda x: max(GRADE, OTHER).x * x,
    "by its name": lambda x: getattr(GRADE, "x") * x,  # noqa: B009
}


@pytest.mark.parametrize("program", ASKED.values(), ids=ASKED)
def test_operators_of_an_object_that_was_found_see_that_it_has_changed(program):
    f = llad.jit_grad(program)
    for x in (2.0, 5.0, 2.0):
        LEVEL.x = GRADE.x = x
        assert f(0.5) == program(0.5)
        assert f.grad(0.5) == pytest.approx(program(1.5) - program(0.5))


@pytest.mark.parametrize("order", ["sorted(LEVELS)", "sorted(MADE)"])
def test_objects_are_not_sorted(order):
    def program(x):
        made = [Grade(x), Grade(1.5)]
        return sorted(made if order == "sorted(MADE)" else [GRADE, OTHER])[0].x

    with pytest.raises(llad.UnsupportedError, match="sorting by"):
        llad.jit(program)(0.5)


def test_a_class_may_learn_when_its_objects_are_equal():
    class Mark:
        def __init__(self, x):
            self.x = x

    f = llad.jit_grad(lambda x: x if Mark(x) == 0.5 else 2.0 * x)
    assert (f(0.5), f.grad(0.5)) == (1.0, 2.0)
    Mark.__eq__ = lambda self, other: self.x == other
    assert (f(0.5), f.grad(0.5)) == (0.5, 1.0)
    Mark.__eq__ = operator.eq
    with pytest.raises(llad.UnsupportedError, match=r"Mark\.__eq__"):
        f(0.5)


def test_whether_two_made_objects_are_one_is_refused():
    class Mark:
        def __init__(self, x):
            self.x = x

    with pytest.raises(llad.UnsupportedError, match="`is` between"):
        llad.jit(lambda x: 1.0 if Mark(x) == Mark(x) else 2.0)(0.5)
    assert llad.jit(lambda x: 1.0 if Mark(x) == Level else 2.0)(0.5) == 2.0


def test_what_only_the_class_has_is_no_attribute_of_its_objects():
    def program(x):
        made = Box(x)
        found = [callable(made), *(hasattr(made, n) for n in ("__name__", "mro", "__call__", "__class__", "held"))]
        return sum(2.0**k for k, there in enumerate(found) if there) + getattr(made, "mro", x)

    assert llad.jit(program)(0.5) == program(0.5)


class Slotted:
    __slots__ = ("k",)


class Bare:
    def method(self):
        return 1.0


@pytest.mark.parametrize("owner", [Bare(), Slotted(), Bare, types.ModuleType("found")], ids=lambda o: type(o).__name__)
def test_attributes_that_come_and_go_are_seen(owner):
    """Whether there is one is asked by `hasattr`, and by `getattr` with a default."""
    asked = llad.jit(lambda x: x * 3.0 if hasattr(owner, "k") else x)
    read = llad.jit(lambda x: x * getattr(owner, "k", 2.0))
    for _ in range(2):
        assert (asked(1.0), read(1.0)) == (1.0, 2.0)
        owner.k = 5.0
        assert (asked(1.0), read(1.0)) == (3.0, 5.0)
        del owner.k


def test_methods_that_go_are_seen():
    found = Bare()
    asked = llad.jit(lambda x: x * 3.0 if hasattr(found, "method") else x)
    assert [asked(1.0), asked(2.0)] == [3.0, 6.0]
    method = Bare.method
    try:
        del Bare.method
        assert asked(1.0) == 1.0
    finally:
        Bare.method = method
    assert asked(1.0) == 3.0
