"""Objects that loops and branches change: each name of an object sees the change, as in Python; or it is refused."""

from __future__ import annotations

import copy
import functools
import math
from collections import deque
from dataclasses import dataclass

import numpy as np
import pytest

import llad
from llad.testing import assert_close, check_gradient

A = np.array([1.0, 2.1, 3.5, -1.0, 2.5, 0.3])


class Box:
    def __init__(self, x):
        self.x = x
        self.child = None

    def push(self, v):
        self.x = 0.9 * self.x + v
        return self.x


@dataclass
class Particle:
    x: float
    v: float

    def kick(self, force, dt):
        self.v += force * dt
        self.x += self.v * dt


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


class Moments:
    def __init__(self):
        self.n, self.mean, self.squares = 0, 0.0, 0.0

    def push(self, x):
        self.n += 1
        d = x - self.mean
        self.mean += d / self.n
        self.squares += d * (x - self.mean)

    @property
    def variance(self):
        return self.squares / (self.n - 1)


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


class Count:
    n = 0
    total = 0.0

    def hit(self, v):
        self.n += 1
        self.total += v * self.n


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


def made_anew(x, n):
    p = Particle(x, 0.0)
    for _ in range(n):
        p = Particle(p.x + 0.1 * p.v, p.v - 0.1 * p.x)
        p.x = 1.01 * p.x
    return p.x + p.v


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


class Twice:
    def __init__(self, x):
        self.x = x

    @functools.cached_property
    def double(self):
        return 2 * self.x


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


def while_an_attribute_is_small(x, n):
    count, d, total = Count(), {"k": 0}, 0.0
    while count.n < 5:
        count.hit(x)
    while d["k"] < n:
        d["k"] += 1
    while d["k"] > 2:
        d["k"] -= 1
        total += x * d["k"]
    else:
        total += 1.0
    return count.total + total


def while_there_are_items(x):
    box, xs, total = Twice([x]), [x], 0.0
    while len(box.x) > 0:
        v = box.x[0]
        box.x = box.x[1:]
        total += v
        if v < 5:
            box.x = [*box.x, v * 2]
    while len(xs) > 0:
        v = xs[0]
        xs = xs[1:]
        total += v * v
        if v < 5:
            xs = [*xs, v * 2]
    return total


def filtered(a):
    window = deque([0.0] * 3, maxlen=3)
    total = 0.0
    for v in a:
        window.append(v)
        total += sum(c * b for c, b in zip((0.5, 0.3, 0.2), window, strict=True)) ** 2 + max(window)
    return total + np.mean(window) + np.array(window)[1]


def filled(a):
    window, total = deque(maxlen=3), 0.0
    for v in a:
        window.append(v)
        if len(window) == 3:
            total += window[0] * window[-1]
    return total


def as_a_queue(x):
    queue, total = deque([x]), 0.0
    while len(queue) > 0:
        v = queue.popleft()
        total += v
        if v < 5:
            queue.append(v * 2)
    return total


def as_a_sequence(x):
    q = deque([x, x * x])
    copied = list(q)
    copied.append(7.0)
    q[0] = 3.0
    q[-1] *= 2
    q.rotate(1)
    q.extend([x, 1.0])
    q.appendleft(x)
    q.reverse()
    y = q.pop() * q.popleft()
    return sum(v * k for k, v in enumerate(q)) + y + (1.0 if 3.0 in q else 0.0) + [*q][1] + len(q) + len(copied)


PROGRAMS = [
    (controlled, 1.2, 30), (controlled, 1.2, 0), (moments, A), (two_names, 1.0, 20), (several, 1.0, 20),
    (recurrent, 0.7, A), (optimised, 0.05, A, 12), (drawn, 0.7, 40), (by_many_ways, 0.7, 9), (made_anew, 0.7, 9),
    (handed_back, 0.71, 19), (in_branches, A), (left_early, A), (left_early, A[:2]), (given_an_attribute, A),
    (of_the_class, A), (holding_lists, A), (best_in_a_dict, A), (in_loops_in_loops, A, 4), (in_conditions, 0.4),
    (in_comprehensions, A), (at_each_place, A), (ends_on_one_path, A), (reads_the_choice_first, A), (in_a_ring, 0.4, 7),
    (begun_anew, A), (begun_anew_inside, A), (begun_anew_inside, A[:5]), (made_in_branches, 0.4, 5),
    (made_in_branches, 0.4, 1), (computed_once, A), (computed_once_in_a_derivative, 0.4), (asked_for_attributes, A),
    (best_as_a_copy, A), (copied_deeply, 0.4), (copies_in_a_list, 0.4, 7), (sorted_in_place, 1.5, 0.7),
    (while_an_attribute_is_small, 0.4, 7), (while_an_attribute_is_small, 0.4, 0), (while_there_are_items, 0.7),
    (filtered, A), (filled, A), (filled, A[:2]), (as_a_queue, 0.7), (as_a_sequence, 1.5),
]  # fmt: skip


@pytest.mark.parametrize("fastmath", [False, True])
@pytest.mark.parametrize(("program", "args"), [(f, a) for f, *a in PROGRAMS], ids=lambda p: getattr(p, "__name__", ""))
def test_the_numbers_are_python_s(program, args, fastmath):
    f = llad.jit_grad(program, fastmath=fastmath)
    assert_close(f(*args), program(*args), rtol=1e-12, atol=1e-12)
    check_gradient(f, *args)


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


# -- an object that has another name, of which it is known only at run time


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


def none_at_first(x):
    box, total = Box(x), 0.0
    for k in range(int(x) + 4):
        if box.child is not None:
            total += box.child
        box.child = x * k
    return total


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
    (none_at_first, "`.child` of a Box that is None or f64"), (longer_in_a_loop, "changing a list"),
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
    assert refused.value.span is not None and refused.value.span.file == __file__


def test_an_argument_is_not_changed_by_another_name():
    with pytest.raises(llad.UnsupportedError, match="changing a Particle"):
        llad.jit(of_an_argument)(0.5, Particle(1.0, 2.0))
