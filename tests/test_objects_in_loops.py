"""Objects that loops and branches change: each name of an object sees the change, as in Python."""

from __future__ import annotations

import functools
import math

import numpy as np
import pytest

import llad
from tests.objects_for_loops import A, Box, Count, Moments, Particle, check_numbers


class Controller:
    def __init__(self, kp, ki):
        self.kp, self.ki = kp, ki
        self.integral = 0.0
        self.previous = 0

    def step(self, e, dt):
        self.integral += e * dt
        change = (e - self.previous) / dt
        self.previous = e
        return self.kp * e + self.ki * self.integral + 0.1 * change


class Cell:
    def __init__(self, n, w):
        self.h, self.c, self.w = np.zeros(n), np.zeros(n), w

    def __call__(self, x):
        self.c = 0.5 * self.c + np.tanh(self.w * self.h + x)
        self.h = np.tanh(self.c)
        return self.h


class Adam:
    def __init__(self, rate, like):
        self.rate, self.t = rate, 0
        self.m, self.s = np.zeros_like(like), np.zeros_like(like)

    def step(self, p, g):
        self.t += 1
        self.m *= 0.9
        self.m += 0.1 * g
        self.s = 0.99 * self.s + 0.01 * g * g
        p -= self.rate * self.m / (1 - 0.9**self.t) / (np.sqrt(self.s / (1 - 0.99**self.t)) + 1e-3)


class Random:
    def __init__(self, seed):
        self.state = seed

    def next(self):
        self.state = (1103515245 * self.state + 12345) % 2147483648
        return self.state / 2147483648


class Window:
    def __init__(self):
        self.last, self.sums, self.pair = [0.0, 0.0], {"n": 0, "s": 0.0}, (0.0, 1.0)

    def push(self, v):
        self.last[0], self.last[1] = v, self.last[0]
        self.sums["n"] += 1
        self.sums["s"] += v
        self.pair = (self.pair[1], v)


def controlled(kp, n):
    controller, y, cost = Controller(kp, 0.5), 0.0, 0.0
    for _ in range(n):
        y += 0.1 * (controller.step(1.0 - y, 0.1) - y)
        cost += (1.0 - y) ** 2
    return cost + controller.integral


def moments(a):
    seen = Moments()
    for v in a:
        seen.push(v)
    return seen.variance + seen.mean * seen.n


def two_names(x, n):
    p = Particle(x, 0.3)
    q, energy = p, 0.0
    for _ in range(n):
        q.kick(-p.x, 0.05)
        energy += p.x**2
    return energy + q.v


def several(x, n):
    swarm = [Particle(x * k, x + k) for k in (1, 2, 3)]
    for _ in range(n):
        centre = sum(p.x for p in swarm) / 3
        for p in swarm:
            p.kick(centre - p.x, 0.05)
    return sum(p.x**2 for p in swarm)


def recurrent(w, a):
    cell, loss = Cell(3, w), 0.0
    for x in a:
        loss += np.sum(cell(x) ** 2)
    return loss + cell.c[0]


def optimised(rate, x, n):
    x = x.copy()
    steps = Adam(rate, x)
    for _ in range(n):
        steps.step(x, 2 * x + np.sin(x))
    return np.sum(x * x) + steps.t


def drawn(x, n):
    source, total, k = Random(42), 0.0, 0
    while k < n:
        u = source.next()
        if u < 0.3:
            k += 2
            continue
        total += math.exp(-x * u)
        k += 1
        if source.state % 17 == 0:
            break
    return total + source.state * 1e-9


def by_many_ways(x, n):
    a, b = Box(x), Box(2 * x)
    a.child = b
    named, listed, paired = {"b": b}, [a, b], (a, (b,))
    bump = b.push

    def grow(box=b):
        box.x = 1.1 * named["b"].x

    for i in range(n):
        a.child.push(0.1)
        grow()
        bump(a.x)
        listed[0].x += paired[1][0].x
        if i % 2:
            named["b"].x -= 0.1 * listed[0].x
    return a.x + 2 * b.x + listed[1].x


def handed_back(x, n):
    def moved(p):
        p.x += 0.1 * p.v
        if p.x > 1.03:
            p.v = -p.v
            return p, 1
        p.v += 0.2
        return p, 2

    p, total = Particle(x, 0.0), 0
    for _ in range(n):
        p, k = moved(p)
        total += k
    return p.x * total + p.v


def in_branches(a):
    p = Particle(0.0, 1.0)
    for v in a:
        if v > 2:
            p.x += v
        elif v < 0:
            p.v *= 2
        else:
            p.x = p.x * p.v
            continue
        p.v += 0.1
    return p.x * p.v


def left_early(a):
    p = Particle(0.0, 1.0)

    def found():
        for v in a:
            p.x += v
            if p.x > 5:
                return p.x * 2
            p.v *= 1.1
        return p.v

    return found() + p.x + p.v


def given_an_attribute(a):
    box = Box(0.0)
    for v in a:
        box.last = v
        box.x += box.last
    return box.x + box.last


def of_the_class(a):
    count = Count()
    for v in a:
        if v > 0:
            count.hit(v)
    return count.total + count.n


def holding_lists(a):
    window = Window()
    for v in a:
        window.push(v)
    return 10 * window.last[1] + window.sums["s"] * window.sums["n"] + window.pair[0]


def best_in_a_dict(a):
    best = {"x": 0.0, "loss": 100.0}
    for v in a:
        loss = (v - 2.2) ** 2
        if loss < best["loss"]:
            best["x"] = v
            best["loss"] = loss
    return best["x"] * 3 + best["loss"]


def in_loops_in_loops(a, n):
    seen, p = Moments(), Particle(0.0, 1.0)
    for _ in range(n):
        for v in a:
            seen.push(v * p.v)
            if seen.squares > 30:
                break
        p.x += seen.mean
        p.v *= 0.9
    return p.x + seen.squares


def in_conditions(x):
    box, k = Box(x), 0
    while box.push(1.0) < 5.0:
        k += 1
    low = box.x < 0 or box.push(1.0) > 5
    y = box.push(2.0) if low else box.push(3.0)
    return y + box.x * k


def in_comprehensions(a):
    box = Box(0.0)
    some = [box.push(v) for v in a] + [box.x for v in a if box.push(v) > 2]
    total = sum(box.push(v) for v in a) + max(a, key=lambda v: box.push(v))
    return some[1] + some[-1] + total + functools.reduce(lambda s, v: s + box.push(v), a) + box.x


def at_each_place(a):
    box = Box(0.0)
    return np.sum(np.vectorize(box.push)(a)) + box.x


def ends_on_one_path(a):
    box = Box(0.0)
    for v in a:
        if v > 100:
            box.push(v)
            raise ValueError("large")
        box.push(2 * v)
    return box.x


def reads_the_choice_first(a):
    p, q, total = Particle(0.0, 1.0), Particle(1.0, 2.0), 0.0
    for v in a:
        best = p if p.x < q.x else q
        total += best.x * best.v
        p.x += v
        q.kick(v, 0.1)
    return total


def in_a_ring(x, n):
    a, b = Box(x), Box(2 * x)
    a.child, b.child = b, a
    for i in range(n):
        a.child.child.push(b.x)
        if i % 2:
            b.push(a.x)
            a.child.x *= 0.9
    return a.x + b.x


PROGRAMS = [
    (controlled, 1.2, 30), (controlled, 1.2, 0), (moments, A), (two_names, 1.0, 20), (several, 1.0, 20),
    (recurrent, 0.7, A), (optimised, 0.05, A, 12), (drawn, 0.7, 40), (by_many_ways, 0.7, 9), (handed_back, 0.71, 19),
    (in_branches, A), (left_early, A), (left_early, A[:2]), (given_an_attribute, A), (of_the_class, A),
    (holding_lists, A), (best_in_a_dict, A), (in_loops_in_loops, A, 4), (in_conditions, 0.4), (in_comprehensions, A),
    (at_each_place, A), (ends_on_one_path, A), (reads_the_choice_first, A), (in_a_ring, 0.4, 7),
]  # fmt: skip


@pytest.mark.parametrize("fastmath", [False, True])
@pytest.mark.parametrize(("program", "args"), [(f, a) for f, *a in PROGRAMS], ids=lambda p: getattr(p, "__name__", ""))
def test_the_numbers_are_python_s(program, args, fastmath):
    check_numbers(program, args, fastmath)


def test_an_attribute_that_no_iteration_has_set_is_missing():
    f = llad.jit(given_an_attribute)
    assert f(A) == given_an_attribute(A)
    with pytest.raises(AttributeError, match="'Box' object has no attribute 'last'"):
        f(A[:0])


def test_a_class_may_learn_an_attribute_that_loops_set():
    class Learner:
        def seen(self, a):
            for v in a:
                self.last = v
            return self.last

    f = llad.jit(lambda a: Learner().seen(a))
    assert f(A) == A[-1]
    Learner.last = 7.0
    assert (f(A), f(A[:0])) == (A[-1], 7.0)
