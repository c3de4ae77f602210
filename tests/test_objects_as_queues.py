"""`while` over what changes: attributes, lists and `collections.deque`."""

from __future__ import annotations

from collections import deque

import numpy as np
import pytest

import llad
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


def as_a_deque(x):
    q = deque([x, 2.0, x * x])
    q.insert(1, 3.0)
    q.insert(-1, x)
    steps = deque([1.0, 2.0, 3.0], maxlen=4)
    steps.remove(2.0)
    del q[0], q[1]
    q += [1.0, 2.0, 1.0]
    both = q + deque([x]) * 2
    same = deque([1.0, 2.0]) == deque([1.0, 2.0]) and deque([1.0]) != deque([2.0]) and deque([1.0]) != [1.0]
    kinds = isinstance(q, deque) + 2 * isinstance(q, list) + 4 * (type(q) is deque) + 8 * callable(q)
    named = hasattr(q, "append") + 2 * hasattr(q, "held")
    counts = x * q.count(1.0) + steps.index(3.0)
    return sum(v * k for k, v in enumerate(both)) * (2.0 if same else 3.0) + kinds * x + named + counts


class Tree:
    def __init__(self, value, left=None, right=None):
        self.value, self.left, self.right = value, left, right


class Leaf(Tree):
    def __init__(self, value):
        self.value, self.depth = value, 1


def a_chain(x):
    node, total = None, 0.0
    for k in range(4):
        node = Tree(x * k, node)
    while node is not None:
        total += node.value**2
        node.value = 7.0
        node = node.left
    return total


def a_tree(x):
    queue, total = deque([Tree(x, Tree(2 * x, Tree(x * x)), Tree(3 * x))]), 0.0
    while queue:
        node = queue.popleft()
        if node is None:
            continue
        total = 0.5 * total + node.value**2
        queue.append(node.left)
        queue.append(node.right)
    return total


def of_several_kinds(x, n):
    total = 0.0
    for k in range(n):
        stack = [Tree(x), Leaf(2 * x)]
        while stack:
            node = stack.pop()
            total += node.value * k
            if k > 4:
                node.value = 7.0
    return total


def halves(x):
    stack, total = [(x, 0)], 0.0
    while stack:
        v, k = stack.pop()
        total += v * k
        if k < 3:
            stack.append((v / 2, k + 1))
            stack.append((v * v, k + 1))
    return total


PROGRAMS = [
    (while_an_attribute_is_small, 0.4, 7), (while_an_attribute_is_small, 0.4, 0), (while_there_are_items, 0.7),
    (filtered, A), (filled, A), (filled, A[:2]), (as_a_queue, 0.7), (as_a_sequence, 1.5),
    (as_a_deque, 1.5), (a_chain, 0.7), (a_tree, 0.7), (of_several_kinds, 0.7, 3), (of_several_kinds, 0.7, 6),
    (halves, 0.7),
]  # fmt: skip


@pytest.mark.parametrize("fastmath", [False, True])
@pytest.mark.parametrize(("program", "args"), [(f, a) for f, *a in PROGRAMS], ids=lambda p: getattr(p, "__name__", ""))
def test_the_numbers_are_python_s(program, args, fastmath):
    check_numbers(program, args, fastmath)


def ever_longer(x):
    queue = [Tree(x), Leaf(x)]
    while queue:
        queue.append(x)
    return x


def known_at_first_only(x):
    stack, k = [Tree(x), Leaf(x)], 0
    while k < 2:
        k += 1 if stack.pop().value > 0 else 2
    return x


@pytest.mark.parametrize("program", [ever_longer, known_at_first_only])
def test_a_loop_that_must_be_written_out_has_a_condition_that_is_known(program):
    with pytest.raises(llad.UnsupportedError, match="a list that grows"):
        llad.jit(program)(0.5)
