"""An object that has another name, of which it is known only at run time: what would not be seen by it is refused."""

from __future__ import annotations

import inspect

import numpy as np
import pytest

import llad
from tests.objects_for_loops import Box, Count, Particle, Twice


def chosen_before(x):
    a, b = Box(x), Box(2 * x)
    chosen = a if x > 0 else b
    a.x = 100.0
    return chosen.x


def chosen_by_an_index(x):
    boxes = [Box(x), Box(2 * x)]
    k = int(x)
    chosen = boxes[k]
    boxes[0].x = 100.0
    return chosen.x


def chosen_in_a_loop(x):
    p = Box(x)
    best = Box(2 * x)
    for _ in range(int(x) + 4):
        p.x += 1.0
        if best.x < p.x:
            best = p
    return best.x


def chosen_and_read_too_late(x):
    p, total = Box(x), 0.0
    best = p if x > 0 else Box(x)
    for _ in range(int(x) + 4):
        total += best.x
        p.x += 1.0
    return total


def handed_through_a_recursion(x):
    def through(box, n):
        return box if n <= 0 else through(box, n - 1)

    box = Box(x)
    other = through(box, int(x) + 2)
    box.x = 7.0
    return other.x


def kept_by_a_function_of_the_table(x):
    box = Box(x)

    def through(n):
        return box if n <= 0 else through(n - 1)

    other = through(int(x) + 2)
    box.x = 7.0
    return other.x


def dicts_chosen(x):
    a, b = {"x": x}, {"x": 2 * x}
    chosen = a if x > 0 else b
    a["x"] = 100.0
    return chosen["x"]


def lists_chosen_in_a_loop(x):
    a, b, total = [x], [2 * x], 0.0
    chosen = b
    for _ in range(int(x) + 4):
        a[0] += 1.0
        total += chosen[0]
        if total > x:
            chosen = a
    return total


def appended(x):
    p, path = Particle(x, 1.0), []
    for _ in range(int(x) + 4):
        p.x += 1.0
        path.append(p)
    return path[0].x


def changed_in_a_derivative(x):
    box = Box(x)
    return llad.grad(lambda v: box.push(v) * v)(x) + box.x


def changed_in_a_recursion(x):
    box = Box(x)

    def deeper(n):
        box.x += 1.0
        return 0.0 if n <= 0 else deeper(n - 1)

    return deeper(int(x) + 2) + box.x


def of_two_kinds(x):
    box = Box(x)
    if x > 0:
        box.x = np.ones(3)
    return np.sum(box.x)


def longer_in_a_loop(x):
    box = Box([x])
    for _ in range(int(x) + 4):
        box.x.append(1.0)
    return sum(box.x)


def of_a_ring(x):
    a, b = Box(x), Box(2 * x)
    a.child, b.child = b, a
    chosen = a if x > 0 else b
    return chosen.x


def a_ring_returned(x):
    a = Box(x)
    a.child = a
    return a


def begun_anew_with_another_name(x):
    p = Box(x)
    q = p
    for k in range(int(x) + 4):
        p.push(1.0)
        if k == 2:
            p = Box(0.5)
    return p.x + q.x


def changed_by_the_choice(x):
    p, q = Box(x), Box(2 * x)
    best = p if x > 0 else q
    best.x = 1.0
    return p.x


def changed_beside_the_choice(x):
    p, q = Box(x), Box(2 * x)
    best = p if x > 0 else q
    worst = q if x > 0 else p
    best.x += 1.0
    return worst.x


def swapped_and_changed(x):
    p, q = Box(x), Box(2 * x)
    for _ in range(int(x) + 4):
        p, q = q, p
        p.x += 1.0
    return q.x


def made_once_held_twice(x):
    p = Box(x)
    p.child = Box(x)
    q = Box(x)
    for k in range(int(x) + 4):
        q.x += 1.0
        total = p.child.x
        if k == 1:
            q = Box(x)
            p.child = q
    return total


def chosen_with_what_it_was_given(x):
    p, q, other = Box(x), Box(2 * x), Box(3 * x)
    p.child, q.child = p, q
    q = Box(4 * x)
    q.child = Box(5 * x)
    p.child = Box(6 * x)
    if x > 0:
        p.child = other
        chosen = p
    else:
        chosen = q
    other.x = 7.0
    return chosen.child.x


def of_an_argument(x, other):
    mine = Particle(x, 1.0)
    best = mine if x > 0 else other
    best.x = 2.0
    return best.x


def chosen_and_appended(x):
    p, q, path = Twice(x), Twice(2 * x), []
    for k in range(int(x) + 4):
        p.x += 1.0
        path.append(p if k > 1 else q)
    return path[3].x


def sorted_before(x):
    p, q = Twice(x), Twice(2 * x)
    boxes = sorted([p, q], key=lambda box: -box.x)
    p.x = 7.0
    return boxes[0].x


def listed_before(x):
    boxes = [Twice(x), Twice(2 * x)]
    some = [boxes[k] for k in range(int(x) + 1)]
    boxes[0].x = 7.0
    return some[0].x


def changed_by_an_index(x):
    boxes = [Box(x), Box(2 * x)]
    boxes[int(x)].x = 7.0
    return boxes[0].x


def computed_once_in_a_derivative_then_changed(x):
    t = Twice(x)
    slope = llad.grad(lambda v: v * v * t.double)(x)
    t.x = 7.0
    return slope + t.double


def counted_by_the_choice(x):
    p, q = Count(), Count()
    best = p if x > 0 else q
    best.n += 1
    return x * p.n


def given_by_the_choice(x):
    p, q = Twice(x), Twice(2 * x)
    best = p if x > 0 else q
    best.late = 1.0
    return x if hasattr(p, "late") else 2 * x


def counted_beside_an_item(x):
    p, path = Count(), [Count()]
    for _ in range(int(x) + 4):
        path.append(p)
    p.n += 1
    return x * path[2].n


REFUSED = [
    (chosen_before, "may be one which has changed"), (chosen_by_an_index, "may be one which has changed"),
    (chosen_in_a_loop, "may be one which has changed"), (chosen_and_read_too_late, "may be one which has changed"),
    (handed_through_a_recursion, "may be one which has changed"),
    (kept_by_a_function_of_the_table, "may be one which has changed"), (dicts_chosen, "has been copied"),
    (lists_chosen_in_a_loop, "another name"),
    (appended, "has been copied"), (changed_in_a_derivative, "changing a Box"),
    (changed_in_a_recursion, "changing a Box"), (of_two_kinds, r"`\.x` of a Box that is array .* or f64"),
    (longer_in_a_loop, "changing a list"),
    (of_a_ring, "a Box or a Box"), (a_ring_returned, "Box"),
    (begun_anew_with_another_name, "may be one which has changed"),
    (changed_by_the_choice, "may be one which has changed"),
    (changed_beside_the_choice, "may be one which has changed"),
    (swapped_and_changed, "a Box that has changed"), (made_once_held_twice, "may be one which has changed"),
    (chosen_with_what_it_was_given, "may be one which has changed"),
    (chosen_and_appended, "has been copied"), (sorted_before, "has been copied"), (listed_before, "has been copied"),
    (changed_by_an_index, "may be one which has changed"),
    (computed_once_in_a_derivative_then_changed, "has been copied"),
    (counted_by_the_choice, "may be one which has changed"), (given_by_the_choice, "may be one which has changed"),
    (counted_beside_an_item, "list that grows"),
]  # fmt: skip


@pytest.mark.parametrize(("program", "text"), REFUSED, ids=lambda p: getattr(p, "__name__", ""))
def test_what_would_not_be_seen_is_refused(program, text):
    with pytest.raises(llad.UnsupportedError, match=text) as refused:
        llad.jit(program)(0.5)
    assert refused.value.span is not None and refused.value.span.file in (__file__, inspect.getfile(Box))


def test_an_argument_is_not_changed_by_another_name():
    with pytest.raises(llad.UnsupportedError, match="changing a Particle"):
        llad.jit(of_an_argument)(0.5, Particle(1.0, 2.0))
