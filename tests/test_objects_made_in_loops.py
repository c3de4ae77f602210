"""Objects that loops and branches make, copy and sort, and attributes that come and go."""

from __future__ import annotations

import copy

import numpy as np
import pytest

import llad
from tests.objects_for_loops import A, Box, Moments, Particle, Twice, check_numbers


def made_anew(x, n):
    p = Particle(x, 0.0)
    for _ in range(n):
        p = Particle(p.x + 0.1 * p.v, p.v - 0.1 * p.x)
        p.x = 1.01 * p.x
    return p.x + p.v


def begun_anew(a):
    p, total = Particle(0.0, 1.0), 0.0
    for v in a:
        p.kick(v, 0.5)
        total += p.x
        if v < 0:
            p = Particle(0.1 * v, total)
    return total + p.v


class Reset:
    def __init__(self):
        self.inner = Moments()

    def push(self, v):
        self.inner.push(v)
        if self.inner.n > 2:
            self.inner = Moments()


def begun_anew_inside(a):
    outer = Reset()
    for v in a:
        outer.push(v)
    return outer.inner.squares + outer.inner.n


def made_in_branches(x, n):
    if n > 2:
        p = Particle(x, 1.0)
    else:
        p = Particle(2 * x, 3.0)
    for _ in range(n):
        p.kick(-p.x, 0.1)
    return p.x


def computed_once(a):
    t, total = Twice(a[0]), 0.0
    for v in a:
        t.x = v
        if v > 2:
            total += t.double
    return total + 10 * t.double


def computed_once_in_a_derivative(x):
    t = Twice(x)
    return llad.grad(lambda v: v * v * t.double)(x)


def asked_for_attributes(a):
    box, total = Box(0.0), 0.0
    for v in a:
        total += box.late if hasattr(box, "late") else 0.5
        if v > 2:
            setattr(box, "late", v)  # noqa: B010
        total += getattr(box, "late", 0.1 * v)
    del box.x
    return total if hasattr(box, "x") else 2 * total


def copied_with_what_some_paths_have_set(a):
    box, total = Box(0.0), 0.0
    for v in a:
        copies = copy.copy(box), copy.deepcopy(box)
        total += getattr(copies[0], "late", 0.5) * getattr(copies[1], "late", 2.0)
        if v > 2:
            box.late = v
            box.pair = [v, np.array([v, total])]
    other = copy.deepcopy(box)
    box.pair[1][0] = 7.0
    return total + other.late * other.pair[1][0] + copy.copy(box).pair[1][0]


def best_as_a_copy(a):
    best, p = Particle(0.0, 0.0), Particle(0.0, 1.0)
    for v in a:
        p.kick(v, 0.5)
        if p.x > best.x:
            best = copy.copy(p)
    return best.x * p.x + best.v


def copied_deeply(x):
    box = Box([x, np.array([x, 2.0])])
    box.child = box
    other, third = copy.deepcopy(box), copy.copy(box)
    box.x[0] = 5.0
    box.x[1][0] = 7.0
    other.child.x[0] += 1.0
    return other.x[0] * other.x[1][0] + third.x[0] * third.x[1][0] * x


def copies_in_a_list(x, n):
    p, path = Particle(x, 1.0), []
    for _ in range(n):
        path.append(copy.copy(p))
        p.kick(-p.x, 0.1)
    return sum([q.x for q in path])


def sorted_in_place(x, y):
    boxes = [Twice(x), Twice(y), Twice(x * y)]
    boxes.sort(key=lambda box: -box.x)
    return boxes[0].x + 2 * boxes[1].x + 3 * boxes[2].x


PROGRAMS = [
    (made_anew, 0.7, 9), (begun_anew, A), (begun_anew_inside, A), (begun_anew_inside, A[:5]),
    (made_in_branches, 0.4, 5), (made_in_branches, 0.4, 1), (computed_once, A), (computed_once_in_a_derivative, 0.4),
    (asked_for_attributes, A), (best_as_a_copy, A), (copied_with_what_some_paths_have_set, A), (copied_deeply, 0.4),
    (copies_in_a_list, 0.4, 7), (sorted_in_place, 1.5, 0.7),
]  # fmt: skip


@pytest.mark.parametrize("fastmath", [False, True])
@pytest.mark.parametrize(("program", "args"), [(f, a) for f, *a in PROGRAMS], ids=lambda p: getattr(p, "__name__", ""))
def test_the_numbers_are_python_s(program, args, fastmath):
    check_numbers(program, args, fastmath)
