"""`while` over what changes: attributes, lists and `collections.deque`."""

from __future__ import annotations

from collections import deque

import numpy as np
import pytest

from tests.objects_for_loops import A, Count, Twice, check_numbers


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
    (while_an_attribute_is_small, 0.4, 7), (while_an_attribute_is_small, 0.4, 0), (while_there_are_items, 0.7),
    (filtered, A), (filled, A), (filled, A[:2]), (as_a_queue, 0.7), (as_a_sequence, 1.5),
]  # fmt: skip


@pytest.mark.parametrize("fastmath", [False, True])
@pytest.mark.parametrize(("program", "args"), [(f, a) for f, *a in PROGRAMS], ids=lambda p: getattr(p, "__name__", ""))
def test_the_numbers_are_python_s(program, args, fastmath):
    check_numbers(program, args, fastmath)
