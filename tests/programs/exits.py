"""Several exits: break, continue, return from anywhere."""

import math

import numpy as np

from programs.case import program


@program(lambda r: (r.uniform(0.2, 0.9, 8), 2.0), second=True)
def break_at_budget(x, budget):
    s = 0.0
    for i in range(len(x)):
        s += x[i] * x[i]
        if s > budget:
            break
        s *= 1.1
    return s * s


@program(lambda r: (r.normal(size=7),))
def continue_on_negative(x):
    s = 0.0
    p = 1.0
    for i in range(len(x)):
        if x[i] < 0.0:
            p *= 1.0 + 0.1 * x[i]
            continue
        s += x[i] * p
    return s


@program(lambda r: (np.array([0.5, -0.7, 0.9, 1.1, 0.8, 1.2, 0.3, -2.0]), 0.5), second=True)
def return_from_loop(x, a):
    s = 1.0
    for i in range(len(x)):
        s = s * 0.5 + x[i] * x[i]
        if s > 1.9:
            return s * a
        if x[i] < -1.0:
            return a - s
    return s * s


@program(lambda r: (r.normal(size=(4, 5)), 1.1))
def return_from_nested_loops(a, bound):
    s = 0.0
    for i in range(a.shape[0]):
        for j in range(a.shape[1]):
            s += a[i, j] * a[i, j]
            if s > 3.0 * bound:
                return s * bound + a[i, j]
        s += math.sin(s)
    return -s


@program(lambda r: (r.normal(size=(4, 4)),))
def break_inner_continue_outer(a):
    s = 0.0
    for i in range(len(a)):
        if a[i, 0] > 1.0:
            continue
        for j in range(len(a)):
            if a[i, j] < -0.8:
                break
            s += a[i, j] * a[i, j]
            if j == i:
                continue
            s += 0.5 * a[j, i]
    return s


@program(lambda r: (r.normal(size=6), 0.3))
def early_returns(x, a):
    if len(x) == 0:
        return a
    if x[0] > 10.0:
        return x[0] * a
    if np.sum(x) < -100.0:
        return -a
    for i in range(len(x)):
        if x[i] > 50.0:
            return x[i]
    return np.dot(x, x) * a


@program(lambda r: (0.5, 1.5))
def loop_forever_with_break(x, a):
    k = 0
    while True:
        x = x + a * math.exp(-x)
        k += 1
        if x > 4.0:
            break
        if k >= 30:
            return x
    return x * k


@program(lambda r: (r.normal(size=9),))
def first_and_last(x):
    first = 0.0
    for i in range(len(x)):
        if x[i] > 0.0:
            first = x[i]
            break
    last = 0.0
    for i in range(len(x) - 1, -1, -1):
        if x[i] < 0.0:
            last = x[i]
            break
    return first * last * last


@program(lambda r: (r.uniform(0.1, 1.0, 6), 1.7))
def while_with_continue(x, a):
    i = 0
    s = a
    while i < len(x):
        i += 1
        if i % 3 == 0:
            continue
        s = s * x[i - 1] + 1.0
        if s > 3.0:
            break
    return s * i


@program(lambda r: (r.normal(size=5), 2))
def writes_before_exit(x, k):
    for i in range(len(x)):
        x[i] = x[i] * x[0]
        if i == k:
            x[0] = x[i] + x[i + 1]
            return np.sum(x * x)
    return x[0]


@program(lambda r: (0.4, 1.1))
def exit_inside_exit(x, a):
    for i in range(10):
        while x < 3.0:
            x = x * 1.3 + a
            if x > 2.0 and i > 0:
                return x * x
        x = x * 0.2
        if x < 0.01:
            break
    return x


@program(lambda r: (r.normal(size=3), 3))
def swapped_after_a_return(x, n):
    y = x * x
    if n > 0:
        if n % 2 == 0:
            return x[0]
        if n == 3:
            x, y = y, x
        else:
            for _ in range(n):
                x, y = y, x
        y[0] = x[0] * 2.0
    return np.sum(x) * y[0] + x[1]


@program(lambda r: (r.normal(size=3), 2))
def buffer_made_in_the_loop_before(x, n):
    for i in range(n):
        y = x * x
        y[0] = 3.0 * x[0] * y[1] * (i + 1)
    if n > 0:
        return np.sum(y)
    return x[0]
