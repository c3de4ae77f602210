"""Functions with `yield`, where somebody would see that all items are computed at once."""
# ruff: noqa

import numpy as np


def squares(a):
    for v in a:
        yield v * v


def few(a):
    yield a[0]
    yield a[1]


def in_place(u, n):
    for _ in range(n):
        u[:] = u + 0.1
        yield u


def halves(x):
    while x > 0.1:
        yield x
        x = 0.5 * x


def told(a):
    for v in a:
        print(v)
        yield v


def filled(a, out):
    for i in range(len(a)):
        out[i] = a[i]
        yield i


class Counter:
    def __init__(self, x):
        self.x, self.n = x, 0

    def multiples(self):
        yield self.x
        yield 2.0 * self.x


def counted(counter):
    for k in (1, 2):
        counter.n += 1
        yield counter.x * k


def written_by_the_loop(a):
    total = 0.0
    for v in squares(a):  # error: an iterator that is asked for its items (line 58) after what it reads is written (line 60)
        #    ^
        a[0] = total
        total += v
    return total


def written_by_a_loop_over_few(a):
    total = 0.0
    for v in few(a):  # error: an iterator that is asked for its items (line 67) after what it reads is written (line 70)
        #    ^
        total += v
        a[1] = 7.0
    return total


def left_early(x):
    for v in halves(x):  # error: a generator with a `while` loop that may be left before its end
#   ^
        if v < 1.0:
            break
    return v


def prints(a):
    for v in told(a):  # error: a generator that does something else, too
#   ^
        a[0] += v
    return a[0]


def writes(a):
    out, total = np.zeros(len(a)), 0.0
    for i in filled(a, out):  # error: a generator that does something else, too
#   ^
        total += np.sum(out)
    return total


def changed_by_the_loop(x):
    counter, total = Counter(x), 0.0
    for v in counter.multiples():
        counter.x = 3.0  # error: a generator whose loop, or which itself, changes what is seen elsewhere
#       ^
        total += v
    return total


def reads_what_changes(a):
    k = 1.0

    def scaled():
        for v in a:
            yield k * v

    total = 0.0
    for v in scaled():  # error: a generator that reads the outer `k`, which changes
        #    ^
        k = 2.0 * k
        total += v
    return total


def by_a_name(a):
    items = squares(a)  # error: an iterator that a generator makes when it is asked, by a name
#   ^
    return sum(items) + sum(items)


def sent(a):
    def echo():
        got = yield a[0]  # error: a generator that is sent something, or returns something
        #     ^
        yield got

    return sum(echo())


def of_a_list_that_changes(a):
    values, total = [], 0.0
    for v in a:
        values.append(v)
    for v in squares(values):  # error: a generator that reads a list which may grow, or change
#   ^
        values[2] = total
        total += v
    return total
